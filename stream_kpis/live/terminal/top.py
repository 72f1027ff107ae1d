"""The live table in a terminal: which rows it shows, in which order, and what keys do to it. Pure.

A row is one of ``/api/kpis``. What came before of it is remembered for its spark line, as many as fit.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from rich.text import Text

from stream_kpis.events.history.document import printable
from stream_kpis.live.terminal.tables import WIDTH, people

Row = dict[str, Any]
Key = tuple[str, str, str]
SORTS = ("catalogue", "name", "samples", "state", "target")
ESCAPE, ENTER, BACKSPACE = "\x1b", "\n", "\x7f"
_SPARK = "▁▂▃▄▅▆▇█"
_SPARK_WIDTH = 10
_COURSE_FROM = 100
"""Columns from which on there is room for the course of values beside their names."""
_HISTORIES_MAX = 5_000
_BAD_FIRST = {"stale": 0, "no_data": 1, "immature": 2, "low_sample": 3, "ok": 4}
_STYLES = {"stale": "red", "ok": ""}


class View(NamedTuple):
    """What somebody looks at."""

    windows: tuple[str, ...]
    """All there are."""
    window: str
    sort: str = SORTS[0]
    wanted: str = ""
    """Text that names must have."""
    typing: bool = False
    """Whether keys go into that text."""
    top: int = 0
    """The first row shown."""
    ended: bool = False


def pressed(view: View, key: str, rows: int) -> View:
    """What one sees after a key: q quit, w or W window, s sort, / filter, j k arrows pages scroll.

    Args:
        view: before.
        key: a character, or an arrow as ``up``, ``down``, ``page up``, ``page down``.
        rows: how many rows are shown at once.
    """
    if view.typing:
        return _typed(view, key)
    steps = {"j": 1, "down": 1, "k": -1, "up": -1, "page down": rows, " ": rows, "page up": -rows}
    match key:
        case "q" | "\x03":
            return view._replace(ended=True)
        case "w" | "W":
            at = view.windows.index(view.window) if view.window in view.windows else 0
            return view._replace(window=view.windows[(at + (1 if key == "w" else -1)) % len(view.windows)], top=0)
        case "s":
            return view._replace(sort=SORTS[(SORTS.index(view.sort) + 1) % len(SORTS)], top=0)
        case "/":
            return view._replace(typing=True, wanted="", top=0)
        case _:
            return view._replace(top=max(0, view.top + steps.get(key, 0)))


def _typed(view: View, key: str) -> View:
    if key == ESCAPE:
        return view._replace(typing=False, wanted="")
    if key == ENTER:
        return view._replace(typing=False)
    if key == BACKSPACE:
        return view._replace(wanted=view.wanted[:-1])
    return view._replace(wanted=(view.wanted + key)[:WIDTH]) if key.isprintable() and len(key) == 1 else view


class Histories:
    """The last values of each row, for spark lines."""

    def __init__(self) -> None:
        self._values: dict[Key, deque[float]] = {}

    def take(self, rows: Iterable[Row]) -> None:
        """Remembers the values of these rows."""
        for row in rows:
            if row["value"] is not None:
                if len(self._values) >= _HISTORIES_MAX and key_of(row) not in self._values:
                    self._values.clear()
                self._values.setdefault(key_of(row), deque(maxlen=_SPARK_WIDTH)).append(row["value"])

    def spark(self, row: Row) -> str:
        """The course of a row's value, between its least and its largest."""
        return spark(self._values.get(key_of(row), ()))


def spark(values: Iterable[float]) -> str:
    """A line of bars; a flat one for values that do not move.

    >>> spark([1, 2, 3]), spark([5, 5])
    ('▁▅█', '▄▄')
    """
    found = list(values)
    low, high = min(found, default=0.0), max(found, default=0.0)
    if low == high:
        return _SPARK[3] * len(found)
    return "".join(_SPARK[round((value - low) / (high - low) * (len(_SPARK) - 1))] for value in found)


def key_of(row: Row) -> Key:
    """Which value a row is."""
    return row["kpi"], row["window"], ",".join(row["by"].values())


def selected(view: View, rows: Sequence[Row], targets: Mapping[Key, Row]) -> list[Row]:
    """The rows that a view has, in its order: of its window, and what stands now; those without data last."""
    wanted = view.wanted.lower()
    found = [
        row
        for row in rows
        if row["window"] in (view.window, "now") and wanted in f"{row['kpi']} {name_of(row)}".lower()
    ]
    match view.sort:
        case "name":
            found.sort(key=lambda row: name_of(row).lower())
        case "samples":
            found.sort(key=lambda row: -row["samples"])
        case "state":
            found.sort(key=lambda row: _BAD_FIRST[row["state"]])
        case "target":
            found.sort(key=lambda row: _attained(targets, row))
        case _:
            found.sort(key=lambda row: row["value"] is None)
    return found


def _attained(targets: Mapping[Key, Row], row: Row) -> float:
    """The least attained first; those without a target last."""
    of = targets.get(key_of(row))
    return float("inf") if of is None or of["value"] is None else of["value"]


def name_of(row: Row) -> str:
    """A row's name for people: the KPI's title, behind its group if it is of one."""
    group = ", ".join(row["by"].values())
    title: str = row["title"]
    return f"{group}: {title}" if group else title


def screen(view: View, document: Mapping[str, Any], histories: Histories, size: tuple[int, int]) -> list[Text]:
    """The lines of the screen.

    Args:
        view: what is looked at.
        document: an answer of ``/api/kpis`` with the operators.
        histories: of the rows.
        size: columns and lines.
    """
    width, height = max(size[0], 40), max(size[1], 6)
    targets = {key_of(row): row for row in document["operators"] if row["operator"] == "target_attainment"}
    rows = selected(view, document["values"], targets)
    room = height - 4
    first = min(view.top, max(0, len(rows) - room))
    shown = rows[first : first + room]
    stale = document["stale_since"]
    head = Text(f"kpi-now {document['kpi_now'][11:19]} UTC   window {view.window}   sort {view.sort}")
    if stale:
        head.append(f"   stale since {stale[11:19]}", style="bold red")
    course = width >= _COURSE_FROM
    name_width = max(20, width - (56 if course else 45))
    title = f"{'KPI':{name_width}} {'Value':>14} {'Course     ' if course else ''}{'Attained':>8} {'Samples':>9} State"
    lines = [_cut(head, width), _cut(Text(title, style="bold"), width)]
    lines += [_cut(_line(row, targets, histories if course else None, name_width), width) for row in shown]
    lines += [Text()] * (room - len(shown))
    where = f"{first + 1}-{first + len(shown)} of {len(rows)}" if rows else "none"
    keys = f"/{view.wanted}_" if view.typing else "q quit  w window  s sort  / filter  j k scroll"
    wanted = f"  filter {view.wanted!r}" if view.wanted and not view.typing else ""
    return [*lines, Text(), _cut(Text(f"{keys}   {where}{wanted}", style="reverse"), width)]


def _line(row: Row, targets: Mapping[Key, Row], histories: Histories | None, name_width: int) -> Text:
    of = targets.get(key_of(row))
    attained = "" if of is None or of["value"] is None else f"{of['value'] * 100:.0f} %"
    missed = bool(attained) and of is not None and of["value"] < 1
    value = "-" if row["state"] == "no_data" else people(row["value"], row["unit"])
    name = _clipped(printable(name_of(row)), name_width)
    line = Text(f"{name:{name_width}} {_clipped(value, 14):>14} ")
    if histories is not None:
        line.append(f"{histories.spark(row):10} ", style="cyan")
    line.append(f"{attained:>8} ", style="bold red" if missed else "green")
    line.append(f"{row['samples']:>9,} ")
    state = row["state"]
    return line.append("" if state == "ok" else state.replace("_", " "), style=_STYLES.get(state, "yellow"))


def _clipped(text: str, width: int) -> str:
    """Without its middle if it is too long: many titles differ in their last words."""
    if len(text) <= width:
        return text
    end = (width - 1) // 2
    return f"{text[: width - 1 - end]}…{text[len(text) - end :]}"


def _cut(text: Text, width: int) -> Text:
    text.truncate(width, overflow="crop")
    return text
