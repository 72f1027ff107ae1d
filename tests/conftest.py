"""What all tests share: the broker."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stream_kpis.local.kafka import LocalKafka

ORACLE = Path(__file__).with_name("proof") / "oracle"
"""Its tests take half a second each: DuckDB plans a thousand lines of SQL for every world."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever asks for the broker is a system test, marked or not; whoever asks for a browser or the oracle is slow."""
    for item in items:
        asked = getattr(item, "fixturenames", ())
        if "broker" in asked:
            item.add_marker(pytest.mark.system)
        if "browser" in asked or ORACLE in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafka]:
    """One real broker for the whole run; use topics and groups with names of your own."""
    with LocalKafka(tmp_path_factory.mktemp("kafka"), progress=print) as kafka:
        yield kafka
