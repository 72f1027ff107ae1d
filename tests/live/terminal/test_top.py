"""The live table: its order, what keys do, that it fits 80 columns; and the command in a real terminal."""

import asyncio
import contextlib
import json
import os
import pty
import re
import subprocess
import sys
from typing import Any

import pytest

from stream_kpis.kpis.schema import WINDOWS
from stream_kpis.live.api import Views, clock
from stream_kpis.live.terminal.top import BACKSPACE, ENTER, ESCAPE, SORTS, Histories, View, pressed, screen, selected
from stream_kpis.live.web.feed import Feed
from stream_kpis.live.web.server import serving
from tests.live import fakes

VIEWS = Views(fakes.KPIS)
SNAPSHOT = fakes.snapshot()
WINDOW = "24h"
VIEW = View(tuple(window for window in WINDOWS if window != "now"), WINDOW)


def document(**more: Any) -> dict[str, Any]:
    """An answer of the API, of totals."""
    values = [VIEWS.value(value) for value in SNAPSHOT.values if not value.by]
    results = [VIEWS.result(result) for result in SNAPSHOT.results if not result.by]
    found: dict[str, Any] = json.loads(
        json.dumps({**clock(SNAPSHOT), "values": values, "operators": results}, default=str)
    )
    return found | more


DOCUMENT = document()


def lines(
    view: View = VIEW, size: tuple[int, int] = (80, 24), histories: Histories | None = None, **more: Any
) -> list[str]:
    return [line.plain for line in screen(view, DOCUMENT | more, histories or Histories(), size)]


def after(keys: str, view: View = VIEW) -> View:
    for key in keys:
        view = pressed(view, key, 10)
    return view


@pytest.mark.parametrize("columns", [80, 120])
def test_it_fills_the_terminal_and_no_more(columns: int) -> None:
    shown = lines(size=(columns, 30))
    assert len(shown) == 30
    assert max(map(len, shown)) <= columns
    assert shown[2][:20].strip()


def test_rows_are_of_the_window_and_of_now() -> None:
    windows = {row["window"] for row in selected(VIEW, DOCUMENT["values"], {})}
    assert windows == {WINDOW, "now"}


def test_w_goes_through_the_windows_and_back() -> None:
    assert after("w").window == VIEW.windows[VIEW.windows.index(WINDOW) + 1]
    assert after("wW") == VIEW
    assert after("w" * len(VIEW.windows)) == VIEW


def test_a_filter_is_typed_kept_and_ended() -> None:
    typed = after("/churnx" + BACKSPACE)
    assert (typed.wanted, typed.typing) == ("churn", True)
    assert lines(typed)[-1].startswith("/churn_")
    kept = pressed(typed, ENTER, 10)
    assert after("q", typed).wanted == "churnq", "keys are letters while one types"
    names = [row["kpi"] for row in selected(kept, DOCUMENT["values"], {})]
    assert names
    assert all("churn" in name for name in names)
    assert "filter 'churn'" in lines(kept)[-1]
    assert pressed(typed, ESCAPE, 10) == VIEW
    assert after("q", kept).ended


def test_orders() -> None:
    rows = DOCUMENT["values"]
    by_samples = [row["samples"] for row in selected(after("ss"), rows, {})]
    assert by_samples == sorted(by_samples, reverse=True)
    names = [row["title"].lower() for row in selected(after("s"), rows, {})]
    assert names == sorted(names)
    some = [{**row, "state": "stale"} if row["kpi"] == "orders" else row for row in rows]
    assert selected(after("sss"), some, {})[0]["kpi"] == "orders"
    assert after("s" * len(SORTS)) == VIEW


def test_the_least_attained_target_first_and_marked() -> None:
    target = {
        **VIEWS.result(SNAPSHOT.results[0]),
        "operator": "target_attainment",
        "kpi": "orders",
        "window": WINDOW,
        "by": {},
    }
    told = lines(after("ssss"), operators=[target | {"value": 0.4}])
    assert re.search(r"^Orders .* 40 % ", told[2])


def test_it_scrolls_no_further_than_there_is() -> None:
    room = 20
    end = after(" " * 50)
    rows = len(selected(VIEW, DOCUMENT["values"], {}))
    assert f"{rows - room + 1}-{rows} of {rows}" in lines(end)[-1]
    assert after("k").top == 0
    assert lines(after("j"))[2] == lines()[3]


def test_a_line_shows_the_course() -> None:
    histories = Histories()
    row = next(row for row in DOCUMENT["values"] if row["kpi"] == "orders" and row["window"] == WINDOW)
    for value in (1, 2, 9):
        histories.take([row | {"value": value}])
    assert histories.spark(row) == "▁▂█"
    assert "▁▂█" in lines(VIEW._replace(wanted="orders"), (100, 24), histories)[2]
    assert "▁▂█" not in lines(VIEW._replace(wanted="orders"), (80, 24), histories)[2], "the names need the room"


def test_it_says_since_when_values_are_stale() -> None:
    assert "stale since 11:59:58" in lines(stale_since="2026-09-01T11:59:58Z")[0]


async def test_in_a_terminal(tmp_path: Any) -> None:
    """Drawn, filtered by keys, ended by q; the terminal is left as it was."""
    feed = Feed()
    feed.publish(SNAPSHOT)
    async with serving(feed, fakes.KPIS) as url:
        told = await asyncio.to_thread(_in_terminal, url, [("kpi-now", b"/churn r\r"), ("filter 'churn r'", b"q")])
    assert "\x1b[?1049h" in told, "the alternate screen"
    assert told.rstrip().endswith("\x1b[?25h") or "\x1b[?1049l" in told


def _in_terminal(url: str, talk: list[tuple[str, bytes]]) -> str:
    """Runs the command in a terminal of 80 columns; answers each text that comes with keys. Gives all it wrote."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": "80", "LINES": "24", "TERM": "xterm"}
    command = [sys.executable, "-m", "stream_kpis", "top", "--url", url, "--every", "0.2"]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as child:
        os.close(theirs)
        told, seen = "", 0
        for text, keys in talk:
            while text not in told[seen:]:
                told += os.read(ours, 65_536).decode("utf-8", "replace")
            seen = len(told)
            os.write(ours, keys)
        with contextlib.suppress(OSError):  # as soon as nobody has the other end
            while more := os.read(ours, 65_536):
                told += more.decode("utf-8", "replace")
    os.close(ours)
    assert child.returncode == 0, told[-2000:]
    return told
