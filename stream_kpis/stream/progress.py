"""How far a command is: a bar on a terminal, else a line every five seconds; on standard error."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

_LINE_EVERY_S = 5.0

Report = Callable[[int, str, str], None]
"""Told how many are done, what stands behind the bar, and the line where there is none."""


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201 - the command's progress


@contextlib.contextmanager
def reporting(
    title: str,
    total: Callable[[], int],
    say: Callable[[str], object] = _to_stderr,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Report]:
    """Reports while the block runs.

    Args:
        title: before the bar.
        total: how many there are; asked only where there is a bar.
        say: takes the lines where there is none.
        clock: seconds.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _every_so_often(say, clock)
        return
    behind = TextColumn("{task.fields[behind]}")
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), behind, TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(title, total=total(), behind="")
        yield lambda done, behind, _: progress.update(task, completed=done, behind=behind)


def _every_so_often(say: Callable[[str], object], clock: Callable[[], float]) -> Report:
    said = clock()

    def report(_done: int, _behind: str, line: str) -> None:
        nonlocal said
        if (now := clock()) - said >= _LINE_EVERY_S:
            said = now
            say(line)

    return report
