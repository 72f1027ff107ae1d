"""How far a command is, on a terminal and without one."""

import sys

from stream_kpis.stream.progress import reporting
from tests.terminals import on_terminal

_BAR = """
from stream_kpis.stream.progress import reporting
with reporting("recovery", lambda: 9) as report:
    report(3, "records", "not on a terminal")
"""


def test_without_a_terminal_there_is_a_line_now_and_then() -> None:
    clock = iter([0.0, 4.9, 5.0, 9.9, 10.1])
    said: list[str] = []
    with reporting("recovery", lambda: 9, said.append, clock.__next__) as report:
        for line in ("at 4.9", "at 5.0", "at 9.9", "at 10.1"):
            report(1, "records", line)
    assert said == ["at 5.0", "at 10.1"]


def test_on_a_terminal_there_is_a_bar() -> None:
    code, shown = on_terminal([sys.executable, "-c", _BAR], "stderr")
    assert code == 0
    assert "recovery" in shown
    assert "3/9" in shown
    assert "not on a terminal" not in shown
