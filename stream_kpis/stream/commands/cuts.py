"""What a shard knew after one of its flushes, read from changelogs that go on being written.

A flush is one transaction, but its end shows in one topic before the other. So the parties are read first, then the
cells, to a header; then the parties again, up to that header's flush and no further: each record of a flush has the
time of its header. In this order a compaction meanwhile could take only what the next second overwrote.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from stream_kpis.engine.batch import HEADER_KEY, Header, header_decoder
from stream_kpis.settings import Settings, SettingsError
from stream_kpis.stream.connection import connection
from stream_kpis.stream.failure import StreamError
from stream_kpis.stream.topics import Names

_POLL_MS = 200
_RECORDS_MAX = 20_000
_PAUSE_S = 0.05
_SETTLE_S_MAX = 60.0
"""A flush's transaction is over after 15 s, one way or the other."""


def all_written(settings: Settings) -> Any:
    """A consumer of all that is written, in no group; not started. It is asked for ends alone."""
    return AIOKafkaConsumer(**connection(settings), group_id=None, enable_auto_commit=False)


class Cut(NamedTuple):
    """A shard after a flush: the newest record of each key, without tombstones."""

    parties: list[Any]
    cells: list[Any]
    header: Header


class Logs:
    """Reads single partitions as far as wanted.

    Args:
        kafka: a consumer of what is committed, started.
        written: of :func:`all_written`, started.
    """

    def __init__(self, kafka: Any, written: Any) -> None:
        self._kafka = kafka
        self._written = written

    async def cut(self, names: Names, partition: int) -> Cut | None:
        """A shard as of its newest flush, or one of a moment ago; None if it has not flushed yet.

        Raises:
            SettingsError: the topic overwrites the times of its records.
            StreamError: a worker's clock went back, or a transaction does not end.
        """
        parties, cells = TopicPartition(names.parties, partition), TopicPartition(names.cells, partition)
        await self._begin(parties, cells)
        known: dict[bytes, Any] = {}
        async for record in self._until(parties, (await self._kafka.end_offsets([parties]))[parties]):
            known[record.key] = record
        counted: dict[bytes, Any] = {}
        pending: dict[bytes, Any] = {}
        last: Any = None
        async for record in self._until(cells, await self._settled(cells)):
            if record.key == HEADER_KEY:
                counted |= pending
                pending.clear()
                last = record
            else:
                pending[record.key] = record
        if last is None:
            return None
        header = header_decoder.decode(last.value)
        if header.made_ms != last.timestamp:
            raise SettingsError(f"topic {names.cells}: message.timestamp.type must be CreateTime, as it is by default")
        async for record in self._until(parties, await self._settled(parties)):
            if record.timestamp <= last.timestamp:
                known[record.key] = record
        async for record in self._until(cells, await self._settled(cells)):
            if record.key == HEADER_KEY and record.timestamp <= last.timestamp:
                raise StreamError(f"shard {partition}: the clock of a worker went back just now: export again")
        return Cut(_living(known), _living(counted), header)

    async def whole(self, topic: str, partition: int, start: int = 0) -> list[Any]:
        """The records of a partition, from an offset to its end."""
        tp = TopicPartition(topic, partition)
        await self._begin(tp)
        return [record async for record in self._until(tp, await self._settled(tp)) if record.offset >= start]

    async def _begin(self, *wanted: TopicPartition) -> None:
        self._kafka.assign(wanted)
        for tp, start in (await self._kafka.beginning_offsets(wanted)).items():
            self._kafka.seek(tp, start)

    async def _until(self, tp: TopicPartition, end: int) -> AsyncIterator[Any]:
        """The committed records from where the partition stands to an end, and those that came with them."""
        while await self._kafka.position(tp) < end:
            fetched = await self._kafka.getmany(tp, timeout_ms=_POLL_MS, max_records=_RECORDS_MAX)
            for record in fetched.get(tp, ()):
                yield record

    async def _settled(self, tp: TopicPartition) -> int:
        """The end of a partition, once all transactions that have written to it by now are over."""
        high: int = (await self._written.end_offsets([tp]))[tp]
        deadline = time.monotonic() + _SETTLE_S_MAX
        while (await self._kafka.end_offsets([tp]))[tp] < high:
            if time.monotonic() > deadline:
                raise StreamError(f"{tp.topic}-{tp.partition}: a transaction does not end: is every broker up?")
            await asyncio.sleep(_PAUSE_S)
        return high


def _living(records: dict[bytes, Any]) -> list[Any]:
    return [record for record in records.values() if record.value is not None]
