"""Reads the changelogs: whole shards for recovery, and the cells for ever for whoever shows them.

Both read what is committed and belong to no consumer group. "Read to the end" means that the position has reached the
end offset: the last record seen says nothing, as control records and aborted ones take offsets too.
"""

import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from stream_kpis.engine.batch import CATALOGUE_KEY, HEADER_KEY, Header, header_decoder
from stream_kpis.settings import Settings
from stream_kpis.stream.connection import connection
from stream_kpis.stream.flush import HostedShard
from stream_kpis.stream.progress import Report, reporting
from stream_kpis.stream.topics import Names, every

_POLL_MS = 200
_RECORDS_MAX = 20_000
"""Records decoded between two looks at the event loop."""
_TAIL, _TAIL_GROWS = 1_000, 16
"""How many of the last offsets are searched for a header first, and how many times more if there is none."""

logger = logging.getLogger(__name__)


def committed(settings: Settings, **more: Any) -> Any:
    """A consumer of what is committed, in no group; not started. Whoever uses it assigns and seeks by himself."""
    return AIOKafkaConsumer(
        **connection(settings),
        group_id=None,
        isolation_level="read_committed",
        enable_auto_commit=False,
        # The readers seek by themselves: a position that left the log is an error.
        auto_offset_reset="none",
        max_partition_fetch_bytes=4 << 20,
        **more,
    )


async def read_to_ends(
    kafka: Any, wanted: Collection[TopicPartition], tail: int | None = None
) -> AsyncIterator[list[Any]]:
    """All committed records of some partitions, to the ends that they have now; some of one partition at a time.

    Args:
        kafka: of :func:`committed`, started; afterwards it stands at the ends.
        wanted: what it is then assigned.
        tail: how many offsets before each end to begin, instead of at the beginning.
    """
    kafka.assign(wanted)
    starts, ends = await kafka.beginning_offsets(wanted), await kafka.end_offsets(wanted)
    for tp in wanted:
        kafka.seek(tp, starts[tp] if tail is None else max(starts[tp], ends[tp] - tail))
    left = {tp for tp in wanted if ends[tp] > starts[tp]}
    while left:
        for records in (await kafka.getmany(*left, timeout_ms=_POLL_MS, max_records=_RECORDS_MAX)).values():
            yield records
        left = {tp for tp in left if await kafka.position(tp) < ends[tp]}


async def newest_headers(kafka: Any, settings: Settings) -> dict[int, Header]:
    """The newest header of each shard that has written one, by partition.

    It ends the last flush, so it stands near the end of the cells changelog, if that flush was not followed by records
    of one that was given up; the search goes back until it is found.

    Args:
        kafka: of :func:`committed`, started.
        settings: of the deployment.
    """
    found: dict[int, bytes] = {}
    left, tail = every(Names.of(settings).cells, settings), _TAIL
    while left:
        async for records in read_to_ends(kafka, left, tail=tail):
            for record in records:
                if record.key == HEADER_KEY and record.value is not None:
                    found[record.partition] = record.value
        starts, ends = await kafka.beginning_offsets(left), await kafka.end_offsets(left)
        left = [tp for tp in left if tp.partition not in found and ends[tp] - tail > starts[tp]]
        tail *= _TAIL_GROWS
    return {partition: header_decoder.decode(value) for partition, value in sorted(found.items())}


class ChangelogReader:
    """Brings shards back. One consumer, kept: a topic that is new to a client costs 100 ms of waiting for metadata."""

    def __init__(self, settings: Settings, names: Names) -> None:
        self._settings = settings
        self._names = names
        self._kafka: Any = None

    async def start(self) -> None:
        """Connects; does nothing the second time."""
        if self._kafka is None:
            kafka = committed(self._settings, fetch_max_wait_ms=50)
            await kafka.start()
            kafka.assign([TopicPartition(topic, 0) for topic in (self._names.parties, self._names.cells)])
            kafka.pause(*kafka.assignment())
            self._kafka = kafka

    async def stop(self) -> None:
        """Disconnects."""
        if self._kafka is not None:
            await self._kafka.stop()

    async def ends(self, partitions: Iterable[int]) -> dict[int, int]:
        """The ends of these partitions' cells changelogs."""
        wanted = [TopicPartition(self._names.cells, partition) for partition in partitions]
        found = await self._kafka.end_offsets(wanted) if wanted else {}
        return {tp.partition: end for tp, end in found.items()}

    async def restore(self, shards: Mapping[int, HostedShard], stale: Callable[[], bool]) -> int | None:
        """Reads new shards, whose producers are started: nobody else writes to their changelogs any more.

        Args:
            shards: by partition; they have applied nothing.
            stale: asked now and then whether to give up.

        Returns:
            How many records were read; None if it was given up. Then the shards are good for nothing.
        """
        names, kafka, count = self._names, self._kafka, 0
        wanted = [TopicPartition(topic, partition) for partition in shards for topic in (names.parties, names.cells)]
        if not wanted:
            return 0
        ends = await kafka.end_offsets(wanted)
        starts = await kafka.beginning_offsets(wanted)
        kafka.assign(wanted)
        for tp in wanted:
            kafka.seek(tp, starts[tp])
        headers: dict[int, bytes] = {}
        total = sum(ends[tp] - starts[tp] for tp in wanted)
        with reporting("recovery", lambda: total, logger.info) as report:
            at, left = dict(starts), {tp for tp in wanted if ends[tp] > starts[tp]}
            while left:
                if stale():
                    return None
                for tp, records in (await kafka.getmany(*left, timeout_ms=_POLL_MS, max_records=_RECORDS_MAX)).items():
                    count += len(records)
                    shard = shards[tp.partition].shard
                    if tp.topic == names.parties:
                        _replay(records, shard.restore_party)
                    elif header := _replay(records, shard.restore_cell, shard.catalogues.restore):
                        headers[tp.partition] = header
                at |= {tp: await kafka.position(tp) for tp in left}
                left = {tp for tp in left if at[tp] < ends[tp]}
                _tell(report, sum(at[tp] - starts[tp] for tp in wanted), total)
            for partition, hosted in shards.items():
                _complete(hosted, headers.get(partition), ends[TopicPartition(names.cells, partition)])
        return count


def _tell(report: Report, done: int, total: int) -> None:
    report(done, "records", f"recovery: {done:,} of {total:,} records are read")


_Restore = Callable[[bytes, bytes | None], None]


def _replay(records: Iterable[Any], restore: _Restore, restore_catalogue: _Restore | None = None) -> bytes | None:
    """Replays records; the last header is returned, and is not replayed."""
    header = None
    for record in records:
        if record.key == HEADER_KEY:
            header = record.value
        elif restore_catalogue and record.key.startswith(CATALOGUE_KEY):
            restore_catalogue(record.key, record.value)
        else:
            restore(record.key, record.value)
    return header


def _complete(hosted: HostedShard, header: bytes | None, end: int) -> None:
    if header is not None:
        hosted.shard.restore_header(header)
        hosted.reached = dict(header_decoder.decode(header).reached)
    hosted.shard.restored()
    hosted.end = end


class FlushedCells(NamedTuple):
    """What one or several flushes changed, up to and with the header of the last; all under one catalogue."""

    partition: int
    cells: list[tuple[bytes, bytes | None]]
    header: Header
    catalogues: list[tuple[bytes, bytes | None]]


class CellsReader:
    """Follows the cells changelog of every shard from its start, for ever; what it yields is whole flushes only.

    async with CellsReader(settings) as reader:
        async for partition, cells, header, catalogues in reader:
            ...
    """

    def __init__(self, settings: Settings) -> None:
        self._cells = Names.of(settings).cells
        self._partitions = settings.partitions
        self._settings = settings
        self._kafka: Any = None
        self._pending: dict[int, dict[bytes, bytes | None]] = {}
        """By partition, records of flushes whose header has not come."""
        self._left: dict[TopicPartition, int] = {}

    @property
    def caught_up(self) -> bool:
        """Whether what stood in the changelog at the start was read."""
        return not self._left

    async def __aenter__(self) -> Self:
        self._kafka = committed(self._settings, fetch_max_wait_ms=100)
        await self._kafka.start()
        wanted = every(self._cells, self._settings)
        self._kafka.assign(wanted)
        starts = await self._kafka.beginning_offsets(wanted)
        ends = await self._kafka.end_offsets(wanted)
        for tp in wanted:
            self._kafka.seek(tp, starts[tp])
        self._left = {tp: ends[tp] for tp in wanted if ends[tp] > starts[tp]}
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._kafka.stop()

    async def __aiter__(self) -> AsyncIterator[FlushedCells]:
        while True:
            fetched = await self._kafka.getmany(timeout_ms=_POLL_MS, max_records=_RECORDS_MAX)
            for tp, records in fetched.items():
                for flushed in self.gather(tp.partition, records):
                    yield flushed
            if self._left:
                self._left = {tp: end for tp, end in self._left.items() if await self._kafka.position(tp) < end}

    def gather(self, partition: int, records: Iterable[Any]) -> Iterator[FlushedCells]:
        """Keeps records until their header is there; flushes under one catalogue that came together are one."""
        pending = self._pending.setdefault(partition, {})
        whole: dict[bytes, bytes | None] = {}
        header: Header | None = None
        for record in records:
            if record.key != HEADER_KEY:
                pending[record.key] = record.value
                continue
            newer = header_decoder.decode(record.value)
            if header is not None and (newer.catalogue, newer.kept) != (header.catalogue, header.kept):
                yield _flushed(partition, whole, header)
                whole = {}
            header = newer
            whole |= pending
            pending.clear()
        if header is not None:
            yield _flushed(partition, whole, header)

    async def end_offsets_of(self, topics: Collection[str]) -> dict[tuple[str, int], int]:
        """The last stable offset of every partition of these topics, as (topic, partition)."""
        return await end_offsets(self._kafka, topics, self._partitions)


def _flushed(partition: int, records: Mapping[bytes, bytes | None], header: Header) -> FlushedCells:
    cells = [(key, value) for key, value in records.items() if not key.startswith(CATALOGUE_KEY)]
    catalogues = [(key, value) for key, value in records.items() if key.startswith(CATALOGUE_KEY)]
    return FlushedCells(partition, cells, header, catalogues)


async def end_offsets(kafka: Any, topics: Collection[str], partitions: int) -> dict[tuple[str, int], int]:
    """The last stable offset of every partition of these topics, for a consumer that reads what is committed."""
    wanted = [TopicPartition(topic, partition) for topic in topics for partition in range(partitions)]
    return {(tp.topic, tp.partition): end for tp, end in (await kafka.end_offsets(wanted)).items()}
