"""Sums of cells over sliding windows, kept up to date: a change costs what changed, not the window."""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import NamedTuple

import msgspec

from stream_kpis.engine.measures import COUNT, Cell, add, waiting_since
from stream_kpis.engine.tiles import DAY, FINE_MS, Edges, round_up, tile_code, tile_start_ms
from stream_kpis.kpis.formula import SAME, Over

Groups = dict[str, Cell]
"""Cells of one grouping by group."""
LOOSE_MAX = 20_000
"""Groupings of days that may lie open, by tile; the others are bytes, a tenth as large."""

_packed = msgspec.msgpack.Encoder().encode
_unpacked = msgspec.msgpack.Decoder(Groups).decode


class Span(NamedTuple):
    """Which tiles are summed: ``part`` of a window, or of one made of it; ``horizon_days`` for cohorts.

    The part ``young`` is what came since the cohorts' windows ended.
    """

    part: str
    window: str
    horizon_days: int = 0
    over: Over = SAME


class Tiles:
    """All cells of all shards, added up: tile → grouping → group → cell. Those of days are bytes, once they rest."""

    def __init__(self, kinds: list[str], loose_max: int = LOOSE_MAX) -> None:
        self._kinds, self._loose_max = kinds, loose_max
        self._tiles: dict[int, dict[int, Groups | bytes]] = {}
        self._codes: tuple[list[int], ...] = ([], [], [])
        """The tiles that there are, by level, in order of time."""
        self._loose: set[tuple[int, int]] = set()
        """Which (tile, grouping) of days changed since they were last packed."""
        self._tiles_of_group: list[dict[str, int]] = [{} for _ in kinds]

    def add(self, tile: int, index: int, group: str, change: Cell) -> None:
        """Adds a change to the cell of a group."""
        cells = self._tiles.get(tile)
        if cells is None:
            cells = self._tiles[tile] = {}
            insort(self._codes[tile & 3], tile)
        groups = cells.get(index)
        if groups is None or isinstance(groups, bytes):
            cells[index] = groups = _open(groups)
            if tile & 3 == DAY:
                self._loose.add((tile, index))
        cell = groups.get(group)
        if cell is None:
            cell = groups[group] = {}
            known = self._tiles_of_group[index]
            known[group] = known.get(group, 0) + 1
        add(cell, change)
        if not cell:
            del groups[group]
            self._forget(tile, index, group)

    def _forget(self, tile: int, index: int, group: str) -> None:
        """Lets go of what only an empty cell kept: its group, grouping and tile."""
        cells, known = self._tiles[tile], self._tiles_of_group[index]
        known[group] -= 1
        if not known[group]:
            del known[group]
        if not cells[index]:
            del cells[index]
        if not cells:
            del self._tiles[tile]
            codes = self._codes[tile & 3]
            del codes[bisect_left(codes, tile)]

    def pack(self) -> None:
        """Makes the groupings of days bytes, if too many lie open."""
        if len(self._loose) <= self._loose_max:
            return
        for tile, index in self._loose:
            groups = self._tiles.get(tile, {}).get(index)
            if groups is not None:
                with suppress(OverflowError):  # integers beyond 64 bits stay as they are
                    self._tiles[tile][index] = _packed(groups)
        self._loose = set()

    def groups_of(self, index: int) -> Mapping[str, int]:
        """The groups of a grouping that have any cell, with how many."""
        return self._tiles_of_group[index]

    def any_from(self, indexes: frozenset[int], from_ms: int) -> bool:
        """Whether one of some groupings has a cell that starts at an instant or later."""
        known = [index for index in indexes if self._tiles_of_group[index]]
        return bool(known) and any(
            not indexes.isdisjoint(cells) and from_ms <= tile_start_ms(tile) for tile, cells in self._tiles.items()
        )

    def first_of(self, indexes: frozenset[int], before_ms: int) -> int | None:
        """When the first tile begins in which one of some groupings has a cell; None if none does so before then."""
        known, first_ms = [index for index in indexes if self._tiles_of_group[index]], before_ms
        for codes in reversed(self._codes) if known else ():  # days first, which are the oldest
            for tile in codes:
                if tile_start_ms(tile) >= first_ms:
                    break
                if not indexes.isdisjoint(self._tiles[tile]):
                    first_ms = tile_start_ms(tile)
        return first_ms if first_ms < before_ms else None

    def between(self, from_ms: int, to_ms: int, indexes: AbstractSet[int]) -> Iterator[tuple[int, int, Groups]]:
        """What some groupings have in the tiles that start in [from, to): (tile, grouping, cells by group)."""
        for tile, cells in self._between(from_ms, to_ms):
            for index in indexes & cells.keys():
                yield tile, index, _open(cells[index])

    def _between(self, from_ms: int, to_ms: int) -> Iterator[tuple[int, dict[int, Groups | bytes]]]:
        for level, codes in enumerate(self._codes):
            first, end = (bisect_left(codes, tile_code(level, round_up(at_ms))) for at_ms in (from_ms, to_ms))
            for code in codes[first:end]:
                yield code, self._tiles[code]


def _open(groups: Groups | bytes | None) -> Groups:
    """The cells of a grouping by group, to be read, or to be put in place of the bytes."""
    if groups is None:
        return {}
    return _unpacked(groups) if isinstance(groups, bytes) else groups


class RunningSum:
    """The sum over one span, for the groupings that need it."""

    def __init__(self, tiles: Tiles, kinds: list[str], indexes: Iterable[int], edges: Callable[[int], Edges]) -> None:
        self._tiles = tiles
        self._kinds = kinds
        self._indexes = frozenset(indexes)
        self._edges_at = edges
        self.edges = Edges(0, 0)
        self.sums: dict[int, Groups] = {index: {} for index in self._indexes}
        self.dirty: set[int] = set(self._indexes)
        self._coming: dict[int, dict[tuple[int, str], int]] = {}
        """Ends that lie in the future, by the boundary from which on they count: (grouping, group) and how many."""

    def change(self, tile: int, index: int, group: str, change: Cell) -> None:
        """Follows a change of a stored cell."""
        if index in self._indexes and self.edges.from_ms <= tile_start_ms(tile) < self.edges.to_ms:
            self._follow(tile, index, group, change, 1, self.edges.to_ms)

    def _follow(self, tile: int, index: int, group: str, cell: Cell, sign: int, end_ms: int) -> None:
        """Adds what a stored cell says in a sum up to ``end_ms``: open sets by the exact start, ends once over."""
        match self._kinds[index]:
            case "open_set":
                start_ms = tile_start_ms(tile)
                self._add(index, group, {waiting_since(start_ms, slot): n for slot, n in cell.items()}, sign)
            case "joined":
                over = sum(n for slot, n in cell.items() if slot * FINE_MS <= end_ms)
                self._add(index, group, {COUNT: over} if over else {}, sign)
                for slot, n in cell.items():
                    if slot * FINE_MS > end_ms:
                        self._expect(slot, (index, group), sign * n)
            case _:
                self._add(index, group, cell, sign)

    def _expect(self, slot: int, whose: tuple[int, str], n: int) -> None:
        coming = self._coming.setdefault(slot, {})
        coming[whose] = coming.get(whose, 0) + n
        if not coming[whose]:
            del coming[whose]

    def _add(self, index: int, group: str, cell: Cell, sign: int) -> None:
        if not cell:
            return
        groups = self.sums[index]
        total = groups.get(group)
        if total is None:
            total = groups[group] = {}
        add(total, cell, sign)
        if not total:
            del groups[group]
        self.dirty.add(index)

    def move(self, to_ms: int) -> None:
        """Slides the window to end at ``to_ms``; backwards means summing anew."""
        old, new = self.edges, self._edges_at(to_ms)
        if new == old:
            return
        self.dirty |= self._indexes
        if new.from_ms < old.from_ms or new.to_ms < old.to_ms or new.from_ms >= old.to_ms:
            self.sums, self._coming = {index: {} for index in self._indexes}, {}
            self._slide(new.from_ms, new.to_ms, 1, new.to_ms)
        else:
            self._ripen(new.to_ms)
            self._slide(old.from_ms, new.from_ms, -1, new.to_ms)
            self._slide(old.to_ms, new.to_ms, 1, new.to_ms)
        self.edges = new

    def _slide(self, from_ms: int, to_ms: int, sign: int, end_ms: int) -> None:
        for tile, index, groups in self._tiles.between(from_ms, to_ms, self._indexes):
            for group, cell in groups.items():
                self._follow(tile, index, group, cell, sign, end_ms)

    def _ripen(self, end_ms: int) -> None:
        """Ends that lay in the future of the old end, and no longer do."""
        for slot in [slot for slot in self._coming if slot * FINE_MS <= end_ms]:
            for (index, group), n in self._coming.pop(slot).items():
                self._add(index, group, {COUNT: n}, 1)
