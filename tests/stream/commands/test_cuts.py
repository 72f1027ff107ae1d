"""A cut is one flush in both changelogs, whichever of them shows the flush after it first."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from aiokafka import TopicPartition

from stream_kpis.engine.batch import HEADER_KEY, Header, header_encoder
from stream_kpis.settings import Settings, SettingsError
from stream_kpis.stream.commands.cuts import Cut, Logs
from stream_kpis.stream.failure import StreamError
from stream_kpis.stream.topics import Names

NAMES = Names.of(Settings())
PARTIES, CELLS = TopicPartition(NAMES.parties, 0), TopicPartition(NAMES.cells, 0)


class Stored(NamedTuple):
    """A record as a consumer gives it."""

    offset: int
    timestamp: int
    key: bytes
    value: bytes | None


class Kafka:
    """Two logs, of which more and more is committed: an end for each time that it is asked."""

    def __init__(self, logs: dict[TopicPartition, list[Stored]], ends: dict[TopicPartition, Sequence[int]]) -> None:
        self._logs = logs
        self._ends = {tp: list(found) for tp, found in ends.items()}
        self._end: dict[TopicPartition, int] = {}
        self._positions: dict[TopicPartition, int] = {}

    def assign(self, wanted: Sequence[TopicPartition]) -> None:
        self._positions = dict.fromkeys(wanted, 0)

    def seek(self, tp: TopicPartition, start: int) -> None:
        self._positions[tp] = start

    async def beginning_offsets(self, wanted: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(wanted, 0)

    async def end_offsets(self, wanted: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        (tp,) = wanted
        self._end[tp] = self._ends[tp].pop(0) if len(self._ends[tp]) > 1 else self._ends[tp][0]
        return {tp: self._end[tp]}

    async def position(self, tp: TopicPartition) -> int:
        return self._positions[tp]

    async def getmany(self, tp: TopicPartition, **_: Any) -> dict[TopicPartition, list[Stored]]:
        start, end = self._positions[tp], self._end[tp]
        self._positions[tp] = max(start, end)
        return {tp: self._logs[tp][start:end]}


def flush(cells: list[Stored], parties: list[Stored], at_ms: int, value: bytes | None, stamped_ms: int = 0) -> None:
    """Appends what a flush writes: the party and the cell take the value."""
    header = Header(len(cells), {}, {}, at_ms, {}, {})
    parties.append(Stored(len(parties), stamped_ms or at_ms, b"party", value))
    cells.append(Stored(len(cells), stamped_ms or at_ms, b"cell", value))
    cells.append(Stored(len(cells), stamped_ms or at_ms, HEADER_KEY, header_encoder.encode(header)))


async def cut(
    times_ms: Sequence[int],
    parties_ends: Sequence[int],
    cells_ends: Sequence[int],
    highs: tuple[Sequence[int], Sequence[int]],
    *,
    last: bytes | None = b"2",
    stamped_ms: int = 0,
) -> Cut | None:
    """The cut of a shard with a flush at each of these times; what its n-th wrote is n.

    Args:
        times_ms: of its flushes.
        parties_ends: what is committed of its parties: offsets, one each time that it is asked.
        cells_ends: the same of its cells, of which each flush writes two.
        highs: what is written of both, committed or not.
        last: what the last flush wrote.
        stamped_ms: the time of all records, where the broker sets it.
    """
    cells: list[Stored] = []
    parties: list[Stored] = []
    for number, at_ms in enumerate(times_ms, 1):
        flush(cells, parties, at_ms, last if number == len(times_ms) else b"%d" % number, stamped_ms)
    logs = {PARTIES: parties, CELLS: cells}
    committed = Kafka(logs, {PARTIES: parties_ends, CELLS: cells_ends})
    return await Logs(committed, Kafka(logs, {PARTIES: highs[0], CELLS: highs[1]})).cut(NAMES, 0)


def values(found: Cut | None) -> tuple[list[bytes], list[bytes], int]:
    assert found is not None
    return [r.value for r in found.parties], [r.value for r in found.cells], found.header.made_ms


async def test_a_shard_at_rest_is_as_it_is() -> None:
    assert values(await cut([10, 20], [2], [4], ([2], [4]))) == ([b"2"], [b"2"], 20)


async def test_what_the_parties_show_of_the_next_flush_is_left_out() -> None:
    """It was committed after the cells were read."""
    assert values(await cut([10, 20], [1, 2], [2, 2, 4], ([2], [2, 4]))) == ([b"1"], [b"1"], 10)


async def test_a_flush_that_the_cells_show_last_is_waited_for() -> None:
    """Its parties were read already, over what they were."""
    assert values(await cut([10, 20], [2], [2, 4], ([2], [4]))) == ([b"2"], [b"2"], 20)


async def test_a_flush_that_the_parties_show_last_is_waited_for() -> None:
    assert values(await cut([10, 20], [1, 1, 2], [4], ([2], [4]))) == ([b"2"], [b"2"], 20)


async def test_what_is_gone_is_not_in_it() -> None:
    assert values(await cut([10, 20], [2], [4], ([2], [4]), last=None)) == ([], [], 20)


async def test_a_shard_that_has_not_flushed_has_none() -> None:
    assert await cut([], [0], [0], ([0], [0])) is None


async def test_a_clock_that_went_back_is_refused() -> None:
    """What belongs to which flush cannot be told."""
    with pytest.raises(StreamError, match="the clock of a worker went back just now: export again"):
        await cut([20, 20], [1, 2], [2, 2, 4], ([2], [2, 4]))


async def test_a_topic_that_overwrites_times_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"message\.timestamp\.type must be CreateTime"):
        await cut([10], [1], [2], ([1], [2]), stamped_ms=99)
