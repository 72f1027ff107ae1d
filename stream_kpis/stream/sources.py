"""The source topics from outside: producing to them, and how far they reach."""

import asyncio
import contextlib
import logging
import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection
from functools import lru_cache
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

from stream_kpis.engine.partition import partition_of
from stream_kpis.settings import Settings
from stream_kpis.stream.changelog import end_offsets
from stream_kpis.stream.connection import connection
from stream_kpis.stream.failure import is_away
from stream_kpis.stream.topics import Names

_BATCH_BYTES_MAX = 256 << 10
_LINGER_S = 0.02
_SENT_MAX = 64
_POLL_S = 1.0
_SETTLED_S = 3.0
_HANGS_S = 6.0
_ANSWER_MS_MAX = 8_000
partition_of_key = lru_cache(1 << 17)(partition_of)
"""The partition of a key, which is asked for again and again."""

logger = logging.getLogger(__name__)


class SourceProducer:
    """Produces events in batches, each exactly once, in order within a partition: for import, simulation and demo.

    At most 64 batches of 256 KiB are on their way; then :meth:`send` waits.

        async with SourceProducer(settings) as producer:
            await producer.send("crm.leads", b"party", value)
    """

    def __init__(self, settings: Settings) -> None:
        self._prefix = Names.of(settings).prefix
        self._partitions = settings.partitions
        self._kafka = AIOKafkaProducer(
            **connection(settings),
            enable_idempotence=True,
            compression_type="zstd",  # a seventh of the time of aiokafka's lz4, which is at its highest level
            max_batch_size=_BATCH_BYTES_MAX,
            max_request_size=4 << 20,
            linger_ms=0,
        )
        self._open: dict[tuple[str, int], Any] = {}
        self._turns: defaultdict[tuple[str, int], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._sent: set[asyncio.Future[Any]] = set()
        self._error: BaseException | None = None
        self._lingering: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._kafka.start()
        self._lingering = asyncio.create_task(self._linger())
        return self

    async def __aexit__(self, kind: object, *_: object) -> None:
        if self._lingering:
            self._lingering.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._lingering
        try:
            if kind is None:
                await self.flush()
        finally:
            await self._kafka.stop()

    async def send(
        self, topic: str, key: bytes, value: bytes, timestamp_ms: int | None = None, partition: int | None = None
    ) -> None:
        """Takes an event; it is on its way within 20 ms.

        Args:
            topic: a source topic, or that of the rates, without the deployment's prefix.
            key: the party.
            value: the event.
            timestamp_ms: of the record; now, if None.
            partition: another than the key's.

        Raises:
            KafkaError: this or an earlier event could not be delivered.
        """
        place = topic, partition_of_key(key, self._partitions) if partition is None else partition
        while (batch := self._open.get(place)) is None or batch.append(
            timestamp=timestamp_ms, key=key, value=value
        ) is None:
            if batch is not None:
                await self._dispatch(place)
            if place not in self._open:
                self._open[place] = self._kafka.create_batch()

    async def flush(self) -> None:
        """Returns when everything is delivered.

        Raises:
            KafkaError: something could not be.
        """
        while self._open or self._sent:
            for place in list(self._open):
                await self._dispatch(place)
            if self._sent:
                await asyncio.wait(self._sent)
        self._check()

    async def _dispatch(self, place: tuple[str, int]) -> None:
        batch = self._open.pop(place, None)
        if batch is None:
            return
        self._check()
        batch.close()
        # A task of its own: it counts as sent at once, and who is cancelled meanwhile takes no batch with it.
        sending = asyncio.create_task(self._send(batch, place))
        self._sent.add(sending)
        sending.add_done_callback(self._delivered)
        while len(self._sent) >= _SENT_MAX:
            await asyncio.wait(self._sent, return_when=asyncio.FIRST_COMPLETED)

    async def _send(self, batch: Any, place: tuple[str, int]) -> None:
        async with self._turns[place]:  # first come, first sent: the order within a partition
            future = await self._kafka.send_batch(batch, self._prefix + place[0], partition=place[1])
        await future

    def _delivered(self, future: "asyncio.Future[Any]") -> None:
        self._sent.discard(future)
        if not future.cancelled() and (error := future.exception()):
            self._error = error

    def _check(self) -> None:
        if self._error:
            raise self._error

    async def _linger(self) -> None:
        """Sends batches that do not fill."""
        while True:
            waiting = list(self._open)
            await asyncio.sleep(_LINGER_S)
            for place in waiting:
                try:
                    await self._dispatch(place)
                except Exception as error:  # noqa: BLE001 - raised by the next send or flush
                    self._error = error
                    return


class SourceEnds:
    """How far the source topics reached at least 3 seconds ago: what a shard must have read to be called caught up.

        async with SourceEnds(settings) as ends:
            ends.settled

    Args:
        settings: of the deployment.
        topics: without the prefix; all that a worker reads, if None.
        clock: seconds, monotonic.
    """

    def __init__(
        self, settings: Settings, topics: Collection[str] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._where = settings.bootstrap
        self._names = names = Names.of(settings)
        self._topics = [names.prefix + topic for topic in topics] if topics else list(names.sources)
        self._clock = clock
        self._polls: deque[tuple[float, dict[tuple[str, int], int]]] = deque()
        self._kafka: Any = None
        self._polling: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._kafka = AIOKafkaConsumer(
            **connection(self._settings),
            group_id=None,
            isolation_level="read_committed",
            enable_auto_commit=False,
            request_timeout_ms=_ANSWER_MS_MAX,
        )
        await self._kafka.start()
        await self.poll()
        self._polling = asyncio.create_task(self._poll())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._polling:
            self._polling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._polling
        await self._kafka.stop()

    @property
    def settled(self) -> dict[tuple[str, int], int] | None:
        """By plain topic and partition, the last stable offset of 3 to 4 s ago; None if not known: also while away.

        Raises:
            KafkaError: the broker refuses.
        """
        if self._polling and self._polling.done():
            self._polling.result()
        horizon = self._clock() - _SETTLED_S
        while len(self._polls) > 1 and self._polls[1][0] <= horizon:
            self._polls.popleft()
        if not self._polls:
            return None
        asked, ends = self._polls[0]
        # A poll that hangs must not make a worker that lags look as if it had read all.
        hangs = self._clock() - self._polls[-1][0] > _HANGS_S
        return ends if asked <= horizon and not hangs else None

    async def poll(self) -> None:
        """Asks the broker once."""
        asked = self._clock()
        ends = await end_offsets(self._kafka, self._topics, self._settings.partitions)
        plain = self._names.plain
        self._polls.append((asked, {(plain(topic), partition): end for (topic, partition), end in ends.items()}))

    async def _poll(self) -> None:
        away = False
        while True:
            await asyncio.sleep(_POLL_S)
            try:
                await self.poll()
            except KafkaError as error:
                if not is_away(error):
                    raise
                # What was produced meanwhile is not known: ends of before must not pass for those of 3 s ago.
                self._polls.clear()
                if not away:
                    logger.warning("Kafka %s no longer answers: values are stale until it does", self._where)
                away = True
            else:
                if away:
                    logger.warning("Kafka %s answers again", self._where)
                away = False
