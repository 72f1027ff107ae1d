"""Sums over sliding windows against sums from scratch, whatever changes and however now moves."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_kpis.engine.measures import Cell, add, waiting_since
from stream_kpis.engine.tiles import (
    DAY_MS,
    FINE_MS,
    HOUR_MS,
    MID_MS,
    Calendar,
    Edges,
    Levels,
    cohort_edges,
    tile_code,
    tile_start_ms,
    window_edges,
)
from stream_kpis.live.model.sums import Groups, RunningSum, Tiles

law = settings(max_examples=15, derandomize=True, deadline=None, database=None)
KINDS = ["flow", "joined", "open_set", "level"]
BERLIN = Calendar("Europe/Berlin")
START_MS = 1_774_700_000_000
"""2026-03-28: the clocks change within the next day."""

_WINDOWS = ("5m", "1h", "24h", "7d", "30d", "today", "mtd", "all")
SPANS: dict[str, Callable[[int], Edges]] = {
    **{window: lambda to_ms, window=window: window_edges(window, to_ms, BERLIN) for window in _WINDOWS},  # type: ignore[misc]
    "before 7d": lambda to_ms: Edges(0, window_edges("7d", to_ms, BERLIN).from_ms),
    "cohort 7d": lambda to_ms: cohort_edges("7d", to_ms, 30, BERLIN),
}  # fmt: skip


AGES_MS = (-HOUR_MS, 0, FINE_MS, MID_MS, 3 * HOUR_MS, DAY_MS, 6 * DAY_MS, 40 * DAY_MS)
STEPS_MS = (FINE_MS, FINE_MS, 3 * FINE_MS, MID_MS, HOUR_MS, DAY_MS, 40 * DAY_MS, -FINE_MS, -DAY_MS)


class World:
    """Cells that change at random, kept by tiles and sums, and apart as a plain list."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.now_ms = START_MS
        self.levels = Levels(BERLIN, START_MS)
        self.tiles = Tiles(KINDS, loose_max=0)
        self.sums = {name: RunningSum(self.tiles, KINDS, range(len(KINDS)), edges) for name, edges in SPANS.items()}
        self.cells: dict[tuple[int, int, str], Cell] = {}

    def change(self) -> None:
        """One cell changes, or goes back to nothing."""
        dice = self.dice
        if self.cells and dice.random() < 0.3:
            (tile, index, group), cell = dice.choice(list(self.cells.items()))
            self._add(tile, index, group, {slot: -n for slot, n in cell.items()})
            return
        at_ms = max(
            self.now_ms - dice.choice([-HOUR_MS, 0, FINE_MS, MID_MS, 3 * HOUR_MS, DAY_MS, 6 * DAY_MS, 40 * DAY_MS]), 0
        )
        at_ms += dice.randrange(2 * HOUR_MS)
        index = dice.randrange(len(KINDS))
        if KINDS[index] == "open_set":
            tile, change = tile_code(0, at_ms), {at_ms % FINE_MS: 1}
        elif KINDS[index] == "joined":
            end_ms = at_ms + dice.choice([0, FINE_MS, HOUR_MS, 3 * DAY_MS])
            tile, change = self.levels.tile_of(at_ms), {end_ms // FINE_MS + 1: 1}
        else:
            tile, change = self.levels.tile_of(at_ms), {dice.randrange(3): dice.choice([1, -1, 10**19])}
        self._add(tile, index, dice.choice(["", "a", "b"]), change)

    def _add(self, tile: int, index: int, group: str, change: Cell) -> None:
        cell = self.cells.setdefault((tile, index, group), {})
        add(cell, change)
        if not cell:
            del self.cells[tile, index, group]
        self.tiles.add(tile, index, group, change)
        for total in self.sums.values():
            total.change(tile, index, group, change)

    def move(self) -> None:
        """Now moves: mostly on, sometimes back."""
        step = self.dice.choice(
            [FINE_MS, FINE_MS, 3 * FINE_MS, MID_MS, HOUR_MS, DAY_MS, 40 * DAY_MS, -FINE_MS, -DAY_MS]
        )
        self.now_ms = (self.now_ms + step) // FINE_MS * FINE_MS
        if self.dice.random() < 0.5:
            self.tiles.pack()
        for total in self.sums.values():
            total.move(self.now_ms)

    def expected(self, name: str) -> dict[int, Groups]:
        """The sum over one span, from scratch."""
        edges = SPANS[name](self.now_ms)
        found: dict[int, Groups] = {index: {} for index in range(len(KINDS))}
        for (tile, index, group), cell in self.cells.items():
            start_ms = tile_start_ms(tile)
            if not edges.from_ms <= start_ms < edges.to_ms:
                continue
            if KINDS[index] == "open_set":
                shown = {waiting_since(start_ms, slot): n for slot, n in cell.items()}
            elif KINDS[index] == "joined":
                shown = {0: sum(n for slot, n in cell.items() if slot * FINE_MS <= edges.to_ms)}
            else:
                shown = cell
            add(found[index].setdefault(group, {}), {slot: n for slot, n in shown.items() if n})
        return {index: {group: cell for group, cell in groups.items() if cell} for index, groups in found.items()}


@law
@given(st.integers(0, 1 << 30))
def test_a_running_sum_is_the_sum_from_scratch(seed: int) -> None:
    """After every change of a cell and every move of now, over every kind of span."""
    world = World(random.Random(seed))
    world.move()
    for _step in range(60):
        if world.dice.random() < 0.7:
            world.change()
        else:
            world.move()
        if world.dice.random() < 0.3:
            for name, total in world.sums.items():
                assert world.expected(name) == total.sums, name


def test_an_end_announced_for_the_future_counts_when_it_comes() -> None:
    """And no sooner, though its tile is long in the window."""
    tiles = Tiles(["joined"])
    total = RunningSum(tiles, ["joined"], [0], lambda to_ms: Edges(0, to_ms))
    total.move(HOUR_MS)
    tiles.add(tile_code(0, FINE_MS), 0, "", {3 * HOUR_MS // FINE_MS: 1})
    total.change(tile_code(0, FINE_MS), 0, "", {3 * HOUR_MS // FINE_MS: 1})
    assert total.sums == {0: {}}
    total.move(3 * HOUR_MS - FINE_MS)
    assert total.sums == {0: {}}
    total.move(3 * HOUR_MS)
    assert total.sums == {0: {"": {0: 1}}}
    total.move(2 * HOUR_MS)
    assert total.sums == {0: {}}


def test_only_what_changed_is_dirty() -> None:
    """So that the rest need not be read again."""
    tiles = Tiles(["flow", "flow"])
    total = RunningSum(tiles, ["flow", "flow"], [0, 1], lambda to_ms: Edges(0, to_ms))
    total.move(HOUR_MS)
    total.dirty.clear()
    total.change(tile_code(0, FINE_MS), 1, "", {0: 1})
    total.change(tile_code(0, 2 * HOUR_MS), 0, "", {0: 1})
    assert {1} == total.dirty


def test_tiles_forget_what_is_empty() -> None:
    """Cells, groups and tiles: a live page runs for years."""
    tiles = Tiles(["flow"])
    tiles.add(tile_code(0, FINE_MS), 0, "a", {0: 1})
    tiles.add(tile_code(0, FINE_MS), 0, "b", {0: 1})
    tiles.add(tile_code(0, FINE_MS), 0, "a", {0: -1})
    assert tiles.groups_of(0) == {"b": 1}
    tiles.add(tile_code(0, FINE_MS), 0, "b", {0: -1})
    assert tiles.groups_of(0) == {}
    assert list(tiles.between(0, 30 * DAY_MS, {0})) == []


def test_tiles_know_when_a_first_began() -> None:
    """Of whatever level; a tile that begins at the instant is not before it."""
    tiles, levels = Tiles(["flow", "flow"]), Levels(BERLIN, START_MS)
    codes = [levels.tile_of(START_MS - age) for age in (HOUR_MS, 5 * DAY_MS, 12 * DAY_MS)]
    starts = [tile_start_ms(code) for code in codes]
    firsts = []
    for code in codes:
        tiles.add(code, 0, "a", {0: 1})
        firsts.append(tiles.first_of(frozenset({0, 1}), START_MS))
    assert firsts == starts
    assert tiles.first_of(frozenset({1}), START_MS) is None
    assert [tiles.first_of(frozenset({0}), starts[2] + more) for more in (0, 1)] == [None, starts[2]]


@pytest.mark.parametrize("span_ms", [HOUR_MS, 3 * DAY_MS, 5 * DAY_MS])
def test_tiles_between_are_those_that_begin_there(span_ms: int) -> None:
    """Of all levels, however long the span is."""
    tiles, levels = Tiles(["flow"]), Levels(BERLIN, START_MS)
    starts = [START_MS - age for age in range(0, 12 * DAY_MS, 7 * MID_MS)]
    for at_ms in starts:
        tiles.add(levels.tile_of(at_ms), 0, "", {0: 1})
    for from_ms in range(START_MS - 11 * DAY_MS, START_MS, 13 * HOUR_MS):
        from_ms -= from_ms % FINE_MS  # noqa: PLW2901 - tiles begin there
        expected = {code for at in starts if from_ms <= tile_start_ms(code := levels.tile_of(at)) < from_ms + span_ms}
        assert expected == {tile for tile, _, _ in tiles.between(from_ms, from_ms + span_ms, {0})}
