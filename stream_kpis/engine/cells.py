"""The cells of a shard: per (grouping, tile) one sparse vector over all groups, rolled up as it ages."""

from collections.abc import Iterable, Sequence

import msgspec

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.measures import Cell, add
from stream_kpis.engine.tiles import FINE, Levels
from stream_kpis.journeys.facts import Fact

GROUP_BITS = 48
SLOT_MASK = (1 << GROUP_BITS) - 1
_TILE_BITS = 40
_TILE_MASK = (1 << _TILE_BITS) - 1
GROUPS_MAX = 100_000
"""Distinct values of all dimensions in a shard; further ones count as ``other``."""
UNKNOWN, OTHER = "unknown", "other"

_encode = msgspec.msgpack.Encoder().encode
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


class Cells:
    """All cells of a shard."""

    def __init__(self, plan: Plan, levels: Levels) -> None:
        self._plan = plan
        self._levels = levels
        self._cells: dict[int, Cell] = {}
        self._changed: set[int] = set()
        self._names: list[str] = [""]
        self._numbers: dict[str, int] = {"": 0}
        self._index = {grouping.key: index for index, grouping in enumerate(plan.groupings)}
        self._pinned = frozenset(i for i, grouping in enumerate(plan.groupings) if grouping.kind == "open_set")
        self.groups_folded = 0

    def __len__(self) -> int:
        return len(self._cells)

    def count(self, fact: Fact, sign: int, only: frozenset[str] | None = None) -> None:
        """Adds a fact (sign 1) or takes it back (sign −1); to the measures in ``only``, if given."""
        actions = self._plan.actions.get(fact.name)
        if actions is None:
            return
        dims, cells, changed = fact.dims, self._cells, self._changed
        for action in actions:
            for at_ms, slot, amount in action.parts(fact.at_ms, fact.value):
                tile = at_ms // 10_000 << 2 if action.pinned else self._levels.tile_of(at_ms)
                for index, positions in action.targets:
                    if only is not None and self._plan.groupings[index].measure not in only:
                        continue
                    packed = slot | self._group(dims, positions) << GROUP_BITS if positions else slot
                    code = index << _TILE_BITS | tile
                    cell = cells.get(code)
                    if cell is None:
                        cell = cells[code] = {}
                    total = cell.get(packed, 0) + sign * amount
                    if total:
                        cell[packed] = total
                    else:
                        del cell[packed]
                    changed.add(code)

    def _group(self, dims: Sequence[str | None], positions: tuple[int, ...]) -> int:
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
            number = self._numbers[name] = len(self._names)
            self._names.append(name)
        return number

    def roll_up(self) -> None:
        """Moves every cell to the tile that its age asks for."""
        for code in list(self._cells):
            if code >> _TILE_BITS in self._pinned or code & 3 == 2:
                continue
            tile = code & _TILE_MASK
            coarser = self._levels.coarser(tile)
            if coarser != tile:
                target = code - tile + coarser
                add(self._cells.setdefault(target, {}), self._cells.pop(code))
                self._changed |= {code, target}

    def take(self) -> list[tuple[bytes, bytes | None]]:
        """The changelog records of all cells that changed since the last take; an empty cell is a tombstone."""
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
        self._changed = set()
        return records

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Takes a record of the cells changelog, in the log's order; one of another definition is left out."""
        prefix, _, tile = key.rpartition(b"\x1f")
        index = self._index.get(prefix + b"\x1f")
        if index is None:
            return
        code = index << _TILE_BITS | int(tile)
        if value is None:
            self._cells.pop(code, None)
        else:
            self._cells[code] = {self._number(g) << GROUP_BITS | slot: n for g, slot, n in decode_cell(value)}

    @property
    def fine(self) -> int:
        """How many cells are in fine tiles."""
        return sum(1 for code in self._cells if code & 3 == FINE)
