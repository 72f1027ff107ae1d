"""The pictures of the documentation can be drawn anew, and are small."""

from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.live.pictures import FOLDER, PICTURES, TERMINAL, draw

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_pictures_are_drawn(browser: Browser, tmp_path: Path) -> None:
    """Each as it is committed: by name and size, for fonts differ between machines."""
    await draw(browser, tmp_path)
    for folder in (tmp_path, FOLDER):
        assert {path.stem for path in folder.iterdir()} == {*PICTURES, TERMINAL}
        assert all(20_000 < path.stat().st_size < 300_000 for path in folder.iterdir())
