"""`stream-kpis top`: asks an exporter again and again, and draws what it says in a terminal."""

import contextlib
import os
import select
import shutil
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Console, Group
from rich.live import Live

from stream_kpis.kpis.schema import WINDOWS
from stream_kpis.live.terminal.client import ExporterError, ask
from stream_kpis.live.terminal.top import SORTS, Histories, View, pressed, screen

_ARROWS = {b"[A": "up", b"[B": "down", b"[5~": "page up", b"[6~": "page down"}
_LINES_ONCE = 10_000
_ROWS_LEAST = 2


def run_top(url: str, *, window: str, by: str, sort: str, wanted: str, every_s: float, once: bool) -> int:
    """The command: draws until q or Ctrl-C, or once. Returns the exit code.

    Raises:
        ValueError: the exporter does not understand the question.
        ExporterError: at the start it does not answer; later on that is a line of the screen.
    """
    query = [("by", by)]

    def asked() -> dict[str, Any]:
        return ask(url, "/api/kpis", query)

    document, histories = asked(), Histories()
    there_are = {row["window"] for row in document["values"]}
    windows = tuple(name for name in WINDOWS if name in there_are and name != "now") or ("now",)
    if window and window not in windows:
        raise ValueError(f"no window {window!r}; there are {', '.join(windows)}")
    view = View(windows, window or ("24h" if "24h" in windows else windows[0]), sort or SORTS[0], wanted)
    histories.take(document["values"])
    if once or not sys.stdout.isatty():
        columns, _ = shutil.get_terminal_size((80, 24))
        console = Console(width=columns, highlight=False)
        for line in screen(view, document, histories, (columns, _LINES_ONCE))[:-2]:
            if line.plain:
                console.print(line)
        return 0
    _follow(view, document, histories, asked, every_s)
    return 0


def _follow(
    view: View, document: dict[str, Any], histories: Histories, asked: Callable[[], dict[str, Any]], every_s: float
) -> None:
    console = Console(highlight=False)
    with _keys() as key_within, Live(console=console, screen=True, auto_refresh=False) as live:
        trouble, due = "", time.monotonic() + every_s
        while not view.ended:
            size = shutil.get_terminal_size((80, 24))
            lines = screen(view, document, histories, size)
            if trouble:
                lines[0].append(f"   {trouble}", style="bold red")
                lines[0].truncate(size[0])
            live.update(Group(*lines), refresh=True)
            key = key_within(max(0.0, due - time.monotonic()))
            if key:
                view = pressed(view, key, max(_ROWS_LEAST, size[1] - 4))
            if time.monotonic() >= due:
                due = time.monotonic() + every_s
                try:
                    document, trouble = asked(), ""
                    histories.take(document["values"])
                except ExporterError as error:
                    trouble = str(error).partition(";")[0]


def next_key(raw: bytes) -> tuple[str, int]:
    r"""The first key of what a terminal sent, and how many bytes it took; no key if there is none, or an unknown one.

    >>> next_key(b"q"), next_key(b"\x1b[Aq"), next_key(b"\x1b"), next_key(b"")
    (('q', 1), ('up', 3), ('\x1b', 1), ('', 0))
    """
    for arrow, name in _ARROWS.items():
        if raw.startswith(b"\x1b" + arrow):
            return name, len(arrow) + 1
    if raw.startswith(b"\x1b["):
        return "", len(raw)
    size = next((end for end in range(1, min(4, len(raw)) + 1) if _is_text(raw[:end])), min(1, len(raw)))
    return raw[:size].decode("utf-8", "replace"), size


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _no_keys(seconds: float) -> str:
    time.sleep(seconds)
    return ""


@contextlib.contextmanager
def _keys() -> Iterator[Callable[[float], str]]:
    """Waits for one key for so many seconds; empty if none came. The terminal is as it was afterwards."""
    if not sys.stdin.isatty():
        yield _no_keys
        return
    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)

    waiting = bytearray()

    def within(seconds: float) -> str:
        if not waiting and select.select([number], [], [], seconds)[0]:
            waiting.extend(os.read(number, 1024))
        key, size = next_key(bytes(waiting))
        del waiting[:size]
        return key

    try:
        tty.setcbreak(number)
        yield within
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)
