"""A missing tool skips its tests, and in CI fails them; either way the install line is shown."""

import pytest

from tests.tools import tool

LINE = r"no-such-tool is missing; install it with: make system-deps \(Debian: apt-get install no-such-tool\)"


def test_a_tool_that_is_there_is_found() -> None:
    assert tool("sh").endswith("/sh")


def test_a_missing_tool_skips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STREAM_KPIS_NOTHING_SKIPPED", raising=False)
    with pytest.raises(pytest.skip.Exception, match=LINE):
        tool("no-such-tool")


def test_a_missing_tool_fails_where_nothing_may_be_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAM_KPIS_NOTHING_SKIPPED", "1")
    with pytest.raises(pytest.fail.Exception, match=LINE):
        tool("no-such-tool")
