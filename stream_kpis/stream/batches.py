"""Transport: an agent gets one message per fetched partition, a :class:`~stream_kpis.engine.batch.Batch`.

Faust hands over single records (9,000 a second); here it hands over what one drain of one partition brought. Everything
else of its consumer stays. What is overridden is pinned by `tests/stream/test_pinned.py`.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, Protocol

import aiokafka
import faust
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.errors import NoOffsetForPartitionError, OffsetOutOfRangeError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from stream_kpis.engine.batch import Batch
from stream_kpis.stream import lenient
from stream_kpis.stream.topics import Names

logger = logging.getLogger("stream_kpis.positions")  # not quiet, as this module's services of Faust are

_POLL_S_MAX = 0.25
"""How long a poll waits. Faust's second is late for partitions that become free of back-pressure meanwhile."""

_REPORT_S_MAX = 4.0
_FETCH_WAIT_MS = 100
_FETCH_BYTES_MIN = 64 << 10
"""Faust asks for one byte: then aiokafka fetches hundreds of times a second, for 2.7 times the CPU."""


class Positions(Protocol):
    """Who knows how far the shards are."""

    def positions(self) -> Mapping[TP, int]:
        """The position to go on from, of each partition of each shard that takes batches now."""


class Drain(NamedTuple):
    """What one drain of one partition took, and the source positions [start, end) that it covers."""

    tp: TopicPartition
    start: int
    end: int
    records: list[Any]


class _Drains(threading.local):
    """Where the drains of a thread's consumer are noted; None in threads whose drains are nobody's business."""

    noted: list[Drain] | None = None


drains = _Drains()


class TrackedFetchResult(fetcher.FetchResult):  # type: ignore[misc]
    """Aiokafka's buffer of one fetched partition, which notes what each drain covers.

    The start cannot be the first record's offset (control records, compaction), nor be kept beside the position: a poll
    in flight over a rebalance drains between a seek and its bookkeeping, and records vanish without a gap. Drains
    without records count too: they pass control records and aborted transactions.
    """

    def getall(self, max_records: int | None = None) -> list[Any]:
        """As the original."""
        noted = drains.noted
        if noted is None:
            return super().getall(max_records)  # type: ignore[no-any-return]
        tp = self._topic_partition
        if not self.check_assignment(tp) or not self.has_more():
            return []
        state = self._assignment.state_value(tp)
        start = state.position
        records: list[Any] = super().getall(max_records)
        if state.position > start:
            noted.append(Drain(tp, start, state.position, records))
        return records


class PlainPartitionRecords(lenient.LenientPartitionRecords):
    """Aiokafka's records of one fetched partition, which our consumer takes as they were decoded."""

    def _consumer_record(self, tp: TopicPartition, record: Any) -> Any:
        """As the original, but for our consumer without the copy, which costs more than decoding: topic and all."""
        return record if drains.noted is not None else super()._consumer_record(tp, record)


class _ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """Faust's consumer thread, over a consumer of ours that polls drains."""

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        conf = self.app.conf
        self._assignor = self.app.assignor
        drains.noted = []
        return aiokafka.AIOKafkaConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            bootstrap_servers=driver.server_list(transport.url, transport.default_port),
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            # A position that left the log is an error, never a silent jump.
            auto_offset_reset="none",
            max_poll_records=conf.broker_max_poll_records,
            max_poll_interval_ms=int(conf.broker_max_poll_interval * 1000),
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            fetch_min_bytes=_FETCH_BYTES_MIN,
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            check_crcs=conf.broker_check_crcs,
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            isolation_level="read_committed",
            metadata_max_age_ms=conf.consumer_metadata_max_age_ms,
            connections_max_idle_ms=conf.consumer_connections_max_idle_ms,
            **driver.credentials_to_aiokafka_auth(conf.broker_credentials, conf.ssl_context),
        )

    async def _fetch_records(
        self,
        consumer: Any,
        active_partitions: Any,
        timeout: float | None = None,  # noqa: ASYNC109 - Faust's signature
        max_records: int | None = None,
    ) -> dict[TopicPartition, list[Drain]]:
        # The errors come from a poll that waited through a rebalance, before our seek: the group has no offset, or one
        # that left the log. A shard's own position that left the log is the end.
        try:
            with contextlib.suppress(NoOffsetForPartitionError):
                await super()._fetch_records(consumer, active_partitions, timeout=timeout, max_records=max_records)
        except OffsetOutOfRangeError as error:
            positions = self.app.shards.positions()
            if any(positions.get(TP(*tp)) == position for tp, position in error.args[0].items()):
                raise
        noted = drains.noted or []
        drains.noted = []
        fetched: dict[TopicPartition, list[Drain]] = {}
        for drain in noted:
            fetched.setdefault(drain.tp, []).append(drain)
        return fetched

    def report(self, positions: Mapping[TP, int]) -> None:
        """Begins to commit group offsets, of what is assigned at this moment; does not wait, and never fails."""
        self._reporting = asyncio.ensure_future(self._report(positions))

    async def _report(self, positions: Mapping[TP, int]) -> None:
        assigned = self._consumer.assignment()
        offsets = {TopicPartition(*tp): position for tp, position in positions.items() if tp in assigned}
        try:
            async with asyncio.timeout(_REPORT_S_MAX):
                await self._consumer.commit(offsets)
        except Exception as error:  # noqa: BLE001 - whatever it is, it harms nothing
            if isinstance(error, TimeoutError) or getattr(error, "retriable", False):
                return  # whether Kafka answers at all is for the pulse to say, and the next flush reports again
            logger.info("group offsets lag behind, which harms nothing: %s", type(error).__name__)

    def reading(self, tp: TP) -> tuple[int, int] | None:
        """Position and last stable offset of a partition, as of its last fetch; None if not known."""
        consumer = self._consumer
        subscription = consumer and consumer._subscription.subscription  # noqa: SLF001 - aiokafka has no synchronous way
        assignment = subscription and subscription.assignment
        if not assignment or tp not in assignment.tps:
            return None
        state = assignment.state_value(tp)
        return (state._position, state.lso) if state.has_valid_position and state.lso is not None else None  # noqa: SLF001


class Consumer(driver.Consumer):  # type: ignore[misc]
    """Faust's consumer, whose messages are batches and whose positions are the shards'."""

    def _new_consumer_thread(self) -> _ConsumerThread:
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def _getmany(self, active_partitions: Any, timeout: float) -> Any:  # noqa: ASYNC109 - Faust's signature
        return await super()._getmany(active_partitions, min(timeout, _POLL_S_MAX))

    def _to_message(self, tp: TP, record: Drain) -> ConsumerMessage:
        batch = Batch(self.app.names.plain(tp.topic), tp.partition, record.start, record.end, record.records)
        seconds = record.records[-1].timestamp / 1000 if record.records else 0.0
        return ConsumerMessage(
            tp.topic, tp.partition, record.end - 1, seconds, 0, [], None, batch, None, 0, 0, tp,
            generation_id=self.app.consumer_generation_id,
        )  # fmt: skip

    async def perform_seek(self) -> None:
        """Goes to where the shards are; group offsets mean nothing."""
        assigned = self.assignment()
        positions = {tp: position for tp, position in self.app.shards.positions().items() if tp in assigned}
        if positions:
            await self.seek_wait(positions)

    def report(self, positions: Mapping[TP, int]) -> None:
        """Shows positions to who watches the group; not waited for, and nobody goes on from them."""
        # Not Faust's `cast_thread`, which is not safe between threads.
        self._thread.thread_loop.call_soon_threadsafe(self._thread.report, positions)

    def reading(self, tp: TP) -> tuple[int, int] | None:
        """Position and last stable offset of a partition, as of its last fetch; None if not known."""
        thread: _ConsumerThread = self._thread
        return thread.reading(tp)


class Transport(driver.Transport):  # type: ignore[misc]
    """Kafka, read in batches."""

    Consumer = Consumer


class BatchApp(faust.App):  # type: ignore[misc]
    """A Faust app whose agents get batches. Set ``names``, ``shards`` and ``prepare`` before it starts."""

    names: Names
    shards: Positions
    prepare: Callable[[], Awaitable[object]]
    """What is done before Faust connects."""

    async def on_first_start(self) -> None:
        """Prepares; Faust would make folders for its tables, and there are none."""
        await self.prepare()

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self)


def install() -> None:
    """Makes aiokafka note what a drain covers, in the thread of our consumer only."""
    # The fetcher looks the name up, also in `type(result) is FetchResult`.
    fetcher.FetchResult = TrackedFetchResult
    lenient.install()
    fetcher.PartitionRecords = PlainPartitionRecords


install()
