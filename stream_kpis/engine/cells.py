"""The cells of a shard: per (grouping, tile) one sparse vector over all groups, rolled up as it ages."""

from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from sys import intern
from typing import NamedTuple

import msgspec

from stream_kpis.engine.compiler import Action, Looked, Plan
from stream_kpis.engine.measures import Cell, Parts, add, parts_for
from stream_kpis.engine.tiles import DAY, FINE_MS, Levels, tile_start_ms
from stream_kpis.journeys.facts import UNKNOWN, Fact

GROUP_BITS = 46
SLOT_MASK = (1 << GROUP_BITS) - 1
_TILE_BITS = 40
_TILE_MASK = (1 << _TILE_BITS) - 1
GROUPS_MAX = 100_000
"""Distinct values of all dimensions in a shard; further ones count as ``other``."""
_KNOWN_MAX = 1_000
OTHER = "other"
_OPEN_MAX, _TAKES = 5_000, 10
"""If more cells lie open, those that did not change in so many takes become bytes, a fifth as large."""

_encode = msgspec.msgpack.Encoder().encode
_unpacked = msgspec.msgpack.Decoder(dict[int, int]).decode
_decode = msgspec.msgpack.Decoder(list[list[str | int]]).decode
_INT_MAX = (1 << 63) - 1


def encode_cell(cell: Cell, names: Sequence[str]) -> bytes:
    """A record of the cells changelog: ``[[group, slot, n, slot, n, …], …]``."""
    groups: dict[int, list[str | int]] = {}
    for packed, amount in cell.items():
        row = groups.get(packed >> GROUP_BITS)
        if row is None:
            row = groups[packed >> GROUP_BITS] = [names[packed >> GROUP_BITS]]
        row.append(packed & SLOT_MASK)
        row.append(amount if -_INT_MAX <= amount <= _INT_MAX else str(amount))
    return _encode(list(groups.values()))


def decode_cell(value: bytes) -> Iterable[tuple[str, int, int]]:
    """The (group, slot, n) of a record."""
    for row in _decode(value):
        group = str(row[0])
        for at in range(1, len(row), 2):
            yield group, int(row[at]), int(row[at + 1])


class _Step(NamedTuple):
    """An action made ready: each target is (the grouping's index in place, which of the fact's groups)."""

    parts: Parts
    pinned: bool
    targets: tuple[tuple[int, int], ...]
    where: tuple[tuple[int, frozenset[str]], ...]


class _Recipe(NamedTuple):
    """What one kind of fact does: the groups that it belongs to, each named once, and the steps."""

    groups: tuple[tuple[int, ...], ...]
    steps: tuple[_Step, ...]
    looked: tuple[tuple[Parts, Action], ...]
    """What has groups that depend on the time as well."""
    known: dict[tuple[str | None, ...], tuple[tuple[int, ...], tuple[_Step, ...]]]
    """Dimensions met, with the numbers of their groups and the steps that count them; bounded, a mere memory."""


def _recipe(actions: Sequence[Action], day_start: Callable[[int], int]) -> _Recipe:
    groups = tuple(dict.fromkeys(positions for action in actions for _, positions in action.targets))
    steps = tuple(
        _Step(
            parts_for(action.parts, day_start),
            action.pinned,
            tuple((index << _TILE_BITS, groups.index(positions)) for index, positions in action.targets),
            action.where,
        )
        for action in actions
    )
    looked = tuple((parts_for(action.parts, day_start), action) for action in actions if action.looked)
    return _Recipe(groups, steps, looked, {})


def _without_common(old: Sequence[Fact], new: Sequence[Fact]) -> tuple[Sequence[Fact], Sequence[Fact]]:
    """Both without what they begin and end with in common."""
    first, old_end, new_end = 0, len(old), len(new)
    shorter = min(old_end, new_end)
    while first < shorter and old[first] == new[first]:
        first += 1
    while first < old_end and first < new_end and old[old_end - 1] == new[new_end - 1]:
        old_end -= 1
        new_end -= 1
    return old[first:old_end], new[first:new_end]


class Cells:
    """All cells of a shard."""

    def __init__(self, plan: Plan, levels: Levels) -> None:
        self._plan = plan
        self._levels = levels
        self._recipes = {fact: _recipe(actions, levels.day_start) for fact, actions in plan.actions.items()}
        self._cells: dict[int, Cell] = {}
        """The open ones."""
        self._packed: dict[int, bytes] = {}
        """The others."""
        self._touched: set[int] = set()
        """What changed in the takes since cells were last packed."""
        self._takes = 0
        self._changed: set[int] = set()
        self._names: list[str] = [""]
        self._numbers: dict[str, int] = {"": 0}
        """The numbers of groups, in place."""
        self._index = {grouping.key: index for index, grouping in enumerate(plan.groupings)}
        self._pinned = frozenset(i for i, grouping in enumerate(plan.groupings) if grouping.kind == "open_set")
        self._young: dict[int, set[int]] = {}
        """Cells that will roll up, by tile."""
        self._next_tiles: tuple[list[int], ...] = ([], [])
        """Heaps of those tiles, by level."""
        self._orphans: set[bytes] = set()
        """Keys in the changelog of definitions that are gone."""
        self.groups_folded = 0

    def __len__(self) -> int:
        return len(self._cells) + len(self._packed)

    def count_difference(self, old: Sequence[Fact], new: Sequence[Fact]) -> None:
        """Takes back the facts that are gone and adds the new ones; what both begin or end with stays as it is."""
        recipes = self._recipes
        if old:
            old, new = _without_common(old, new)
            for fact in old:
                if fact.name in recipes:
                    self._count(recipes[fact.name], fact, -1)
        for fact in new:
            if fact.name in recipes:
                self._count(recipes[fact.name], fact, 1)

    def rebuild(self, measures: frozenset[str], facts: Iterable[Fact]) -> None:
        """Counts facts for some measures alone, which begin at nothing."""
        self.forget(measures)
        for fact in facts:
            self._count_only(fact, measures)

    def _count_only(self, fact: Fact, measures: frozenset[str]) -> None:
        actions = [
            action
            for action in self._plan.actions.get(fact.name, ())
            if self._plan.groupings[action.targets[0][0]].measure in measures  # the total's
        ]
        self._count(_recipe(actions, self._levels.day_start), fact, 1)

    def _count(self, recipe: _Recipe, fact: Fact, sign: int) -> None:
        known = recipe.known.get(fact.dims)
        if known is None:
            known = self._known(recipe, fact.dims)
        groups, steps = known
        cells, changed = self._cells, self._changed
        fact_at_ms, value = fact.at_ms, fact.value
        seen_ms = tile = -1
        for parts, pinned, targets, _ in steps:
            at_ms, pairs = parts(fact_at_ms, value)
            if pinned:
                here = at_ms // FINE_MS << 2
            else:
                if at_ms != seen_ms:
                    seen_ms, tile = at_ms, self._levels.tile_of(at_ms)
                here = tile
            for index, group in targets:
                code = index | here
                cell = cells.get(code)
                if cell is None:
                    cell = self._open(code, here, pinned)
                packed = groups[group]
                for slot, amount in pairs:
                    total = cell.get(packed | slot, 0) + sign * amount
                    if total:
                        cell[packed | slot] = total
                    else:
                        del cell[packed | slot]
                changed.add(code)
        for parts, action in recipe.looked:
            self._count_looked(parts, action, fact, sign)

    def _count_looked(self, parts: Parts, action: Action, fact: Fact, sign: int) -> None:
        """Counts a fact in the groupings whose dimensions are looked up."""
        if not all((fact.dims[at] or UNKNOWN) in words for at, words in action.where):
            return
        at_ms, pairs = parts(fact.at_ms, fact.value)
        tile = at_ms // FINE_MS << 2 if action.pinned else self._levels.tile_of(at_ms)
        for index, positions in action.looked:
            words = [
                at.lookup(fact.dims[at.position], at_ms) if isinstance(at, Looked) else fact.dims[at]
                for at in positions
            ]
            packed, code = self._group(words, range(len(words))), index << _TILE_BITS | tile
            cell = self._cells.get(code)
            if cell is None:
                cell = self._open(code, tile, action.pinned)
            add(cell, {packed | slot: amount for slot, amount in pairs}, sign)
            self._changed.add(code)

    def _known(self, recipe: _Recipe, dims: Sequence[str | None]) -> tuple[tuple[int, ...], tuple[_Step, ...]]:
        """The numbers of the groups, in place, of a fact with these dimensions, and the steps that count it."""
        if len(recipe.known) >= _KNOWN_MAX:
            recipe.known.clear()
        groups = tuple(self._group(dims, positions) for positions in recipe.groups)
        steps = tuple(
            step
            for step in recipe.steps
            if not step.where or all((dims[at] or UNKNOWN) in words for at, words in step.where)
        )
        shared = tuple(dim and intern(dim) for dim in dims)
        found = recipe.known[shared] = (groups, steps if len(steps) < len(recipe.steps) else recipe.steps)
        return found

    def _open(self, code: int, tile: int, pinned: bool) -> Cell:
        """A cell that does not lie open, to be changed: unpacked, or a new one."""
        packed = self._packed.pop(code, None)
        if packed is None:
            self._await(code, tile, pinned)
        cell = self._cells[code] = {} if packed is None else _unpacked(packed)
        return cell

    def _await(self, code: int, tile: int, pinned: bool) -> None:
        """Notes that a new cell will roll up, if it will."""
        if not pinned and tile & 3 != DAY:
            codes = self._young.get(tile)
            if codes is None:
                codes = self._young[tile] = set()
                heappush(self._next_tiles[tile & 3], tile)
            codes.add(code)

    def _pack(self) -> None:
        """Makes the open cells bytes that did not change in the last takes."""
        cells, self._cells = self._cells, {}
        for code, cell in cells.items():
            if code in self._touched:
                self._cells[code] = cell
            else:
                self._close(code, cell)

    def _close(self, code: int, cell: Cell) -> None:
        """Keeps a cell as bytes; one with integers beyond 64 bits stays open."""
        try:
            self._packed[code] = _encode(cell)
        except OverflowError:
            self._cells[code] = cell

    def _let_go(self, code: int) -> Cell | None:
        """A cell that is no longer kept."""
        packed = self._packed.pop(code, None)
        return self._cells.pop(code, None) if packed is None else _unpacked(packed)

    def _group(self, dims: Sequence[str | None], positions: Sequence[int]) -> int:
        if not positions:
            return 0
        if len(positions) == 1:
            name = dims[positions[0]] or UNKNOWN
        else:
            name = ",".join((dims[position] or UNKNOWN).replace(",", ";") for position in positions)
        return self._number(name)

    def _number(self, name: str) -> int:
        number = self._numbers.get(name)
        if number is None:
            if len(self._names) >= GROUPS_MAX and name != OTHER:
                self.groups_folded += 1
                return self._number(OTHER)
            number = self._numbers[name] = len(self._names) << GROUP_BITS
            self._names.append(name)
        return number

    def roll_up(self) -> None:
        """Moves every cell to the tile that its age asks for."""
        due = self._due()
        for tile in due:
            coarser = self._levels.coarser(tile)
            for code in self._young.pop(tile):
                cell = self._let_go(code)
                self._changed.add(code)
                if cell:
                    target = code - tile + coarser
                    into = self._cells.get(target)
                    add(self._open(target, coarser, False) if into is None else into, cell)
                    self._changed.add(target)

    def _due(self) -> list[int]:
        """The tiles that are too fine for their age, taken off the heap; those of a level are in order of time."""
        due: list[int] = []
        for heap, from_ms in zip(self._next_tiles, (self._levels.fine_from_ms, self._levels.mid_from_ms), strict=True):
            while heap and tile_start_ms(heap[0]) < from_ms:
                tile = heappop(heap)
                if tile in self._young:
                    due.append(tile)
        return due

    def take(self, *, keeping: bool = False) -> list[tuple[bytes, bytes | None]]:
        """The changelog records of all cells that changed since the last take; an empty cell is a tombstone.

        Args:
            keeping: whether cells of other definitions stay in the changelog.
        """
        records: list[tuple[bytes, bytes | None]] = []
        groupings = self._plan.groupings
        for code in self._changed:
            key = groupings[code >> _TILE_BITS].key + b"%d" % (code & _TILE_MASK)
            cell = self._cells.get(code)
            if cell:
                records.append((key, encode_cell(cell, self._names)))
            else:
                self._cells.pop(code, None)
                records.append((key, None))
        if not keeping:
            records += [(key, None) for key in self._orphans]
            self._orphans = set()
        self._touched |= self._changed
        self._changed = set()
        self._takes += 1
        if self._takes % _TAKES == 0:
            if len(self._cells) > _OPEN_MAX:
                self._pack()
            self._touched = set()
        return records

    def forget(self, measures: frozenset[str]) -> None:
        """Drops all cells of some measures, from the changelog too: they are to be built anew."""
        for code in [*self._cells, *self._packed]:
            if self._plan.groupings[code >> _TILE_BITS].measure in measures:
                self._let_go(code)
                self._changed.add(code)

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Takes a record of the cells changelog, in the log's order; of another definition its key alone is kept."""
        prefix, _, tile = key.rpartition(b"\x1f")
        index = self._index.get(prefix + b"\x1f")
        if index is None:
            (self._orphans.discard if value is None else self._orphans.add)(key)
            return
        code = index << _TILE_BITS | int(tile)
        known = self._let_go(code) is not None
        if value is not None:
            if not known:
                self._await(code, int(tile), index in self._pinned)
            cell: Cell = {}
            for group, slot, n in decode_cell(value):
                packed = self._number(group) | slot
                cell[packed] = cell.get(packed, 0) + n
            self._close(code, cell)
