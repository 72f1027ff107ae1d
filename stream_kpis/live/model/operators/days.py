"""Sums over whole business days, which are integers here: the ordinal of their date."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import accumulate

from stream_kpis.engine.measures import COUNT, Cell, add
from stream_kpis.engine.tiles import FINE_MS, Calendar, tile_start_ms

_KNOWN_MAX = 10_000
_EMPTY: Cell = {}


class Days:
    """The cells of some groupings by business day; knows of which groups a closed day changed.

    Args:
        kinds: of all groupings.
        indexes: the groupings that are kept.
        calendar: the business days.
    """

    def __init__(self, kinds: Sequence[str], indexes: Iterable[int], calendar: Calendar) -> None:
        self._kinds, self._calendar = kinds, calendar
        self._cells: dict[int, dict[str, dict[int, Cell]]] = {index: {} for index in indexes}
        self._starts: dict[int, int] = {}
        self._tiles: dict[int, int] = {}
        """Days of tiles; like the starts of days, a mere memory."""
        self.today = 0
        """The open day."""
        self.dirty: set[tuple[int, str]] = set()
        """Of which (grouping, group) a day before it changed."""

    def change(self, tile: int, index: int, group: str, change: Cell) -> None:
        """Follows a change of a stored cell."""
        groups = self._cells.get(index)
        if groups is None:
            return
        day = self._tiles.get(tile)
        if day is None:
            if len(self._tiles) > _KNOWN_MAX:
                self._tiles.clear()
            day = self._tiles[tile] = self.day_of(tile_start_ms(tile))
        days = groups.setdefault(group, {})
        cell = days.setdefault(day, {})
        add(cell, change)
        if not cell:
            del days[day]
        if day < self.today:
            self.dirty.add((index, group))

    def day_of(self, time_ms: int) -> int:
        """The business day of an instant."""
        return self._calendar.day_of(time_ms).toordinal()

    def start_ms(self, day: int) -> int:
        """When a day begins."""
        found = self._starts.get(day)
        if found is None:
            if len(self._starts) > _KNOWN_MAX:
                self._starts.clear()
            found = self._starts[day] = max(self._calendar.start_of(date.fromordinal(max(day, 1))), 0)
        return found

    def of(self, index: int, group: str) -> Mapping[int, Cell]:
        """The cells of a group by day."""
        return self._cells[index].get(group, {})

    def first(self, indexes: Iterable[int]) -> int | None:
        """The earliest day of anything in some groupings; None if there is none."""
        return min((day for index in indexes for days in self._cells[index].values() for day in days), default=None)

    def course(self, index: int, group: str) -> "Course":
        """The sums of a group over any days."""
        return Course(self.of(index, group), self._kinds[index], self)


class Course:
    """One group's cells by day, to be summed over any days. Cheap for vectors that stay short."""

    def __init__(self, cells: Mapping[int, Cell], kind: str, days: Days) -> None:
        self._kind, self._of, self._cells = kind, days, cells
        self._days = sorted(cells)
        self._sums: list[Cell] | None = None
        if kind not in ("joined", "distribution", "gap"):  # whose vectors grow with what they count
            self._sums = list(accumulate((cells[day] for day in self._days), _added, initial=_EMPTY))

    def between(self, first: int, end: int) -> Cell:
        """The sum over the days from ``first`` to the one before ``end``, as known before ``end``."""
        low, high = bisect_left(self._days, first), bisect_left(self._days, end)
        total: Cell = {}
        if self._sums is not None:
            total = dict(self._sums[high])
            add(total, self._sums[low], -1)
            return total
        for day in self._days[low:high]:
            add(total, self._cells[day])
        if self._kind == "joined":
            end_ms = self._of.start_ms(end)
            total = {COUNT: sum(n for slot, n in total.items() if slot * FINE_MS <= end_ms)}
        return total


def _added(one: Cell, other: Cell) -> Cell:
    total = dict(one)
    add(total, other)
    return total


class Daily:
    """What one KPI is made of, day by day: numerators and denominators as integers.

    >>> daily = Daily({10: (3, 1), 12: (4, 1)}, 10, (0, 1))
    >>> daily.num(11), daily.total(10, 13), list(daily.pairs(11, 13))
    (0, 7, [(0, 1), (4, 1)])
    """

    def __init__(self, pairs: Mapping[int, tuple[int, int]], begin: int | None, none: tuple[int, int] = (0, 1)) -> None:
        self._pairs, self._none = pairs, none
        self.begin = begin
        """The first day of history; None if there is none."""
        self._days = sorted(pairs)
        self._sums = list(accumulate((pairs[day][0] for day in self._days), initial=0))

    def num(self, day: int) -> int:
        """The numerator of a day."""
        return self._pairs.get(day, self._none)[0]

    def pairs(self, first: int, end: int) -> Iterator[tuple[int, int]]:
        """Numerator and denominator of each day from ``first`` to the one before ``end``."""
        return (self._pairs.get(day, self._none) for day in range(first, end))

    def total(self, first: int, end: int) -> int:
        """The numerators from ``first`` to the day before ``end``, summed up."""
        return self._sums[bisect_left(self._days, end)] - self._sums[bisect_left(self._days, first)]

    def reaches(self, day: int) -> bool:
        """Whether history goes back as far as a day."""
        return self.begin is not None and self.begin <= day
