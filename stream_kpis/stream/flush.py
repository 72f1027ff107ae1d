"""One hosted shard, and how it becomes durable: one Kafka transaction per flush."""

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer

from stream_kpis.engine.batch import HEADER_KEY, Batch, DeadLetter, Flush, Gap, header_encoder
from stream_kpis.engine.catalogues import Kept
from stream_kpis.settings import Settings
from stream_kpis.stream.connection import connection
from stream_kpis.stream.failure import StreamError
from stream_kpis.stream.topic_configs import RECORD_BYTES_MAX
from stream_kpis.stream.topics import Names

HEARTBEAT_S = 5.0
"""How often a shard with nothing to write sends its header: silence of the shard and of the world are told apart."""
TRANSACTION_MS_MAX = 15_000
"""What a flush may take: then the broker aborts it."""

_BATCH_BYTES_MAX = 900_000
_REQUEST_MS_MAX = 8_000
_GAPS_MAX = 3
_DEAD_VALUE_BYTES_MAX = RECORD_BYTES_MAX // 2


class Shard(Protocol):
    """What is asked of `engine.shard.Shard`."""

    next: dict[str, int]
    """By plain topic, the position after the last applied batch; topics never begun are missing."""
    catalogues: Kept
    """What it counts under, and what it counted under before."""

    def apply(self, batch: Batch) -> None:
        """Moves by one batch; raises `Gap` if it begins after ``next``, and never for bad data."""

    def advance(self, now_ms: int) -> None:
        """Moves the shard's time on, which decides how fine the tiles of what comes are."""

    def take(self, now_ms: int, made_ms: int) -> Flush:
        """What changed since the last take, at one instant."""

    def restore_party(self, key: bytes, value: bytes | None) -> None:
        """One record of the parties changelog, in order."""

    def restore_cell(self, key: bytes, value: bytes | None) -> None:
        """One record of the cells changelog, in order, headers and catalogues left out."""

    def restore_header(self, value: bytes) -> None:
        """The last header, after all records."""

    def restored(self) -> None:
        """Recovery is over."""


Headers = list[tuple[str, bytes]]
Output = tuple[int, bytes | None, bytes | None, Headers]
"""One record on its way out: timestamp in ms, key, value, headers."""


class HostedShard:
    """A shard with its place in Kafka.

    Args:
        shard: the state.
        partition: its partition in every topic.
        names: the names of the deployment.
        producer: its transactional producer, started by the one who hosts it.
    """

    def __init__(self, shard: Shard, partition: int, names: Names, producer: Any) -> None:
        self.shard = shard
        self.partition = partition
        self.producer = producer
        self.active = False
        """Whether it takes batches and flushes; not during a rebalance."""
        self.end = 0
        """End of its cells changelog as of its own last commit; another end means that another owner was here."""
        self.durable: Mapping[str, int] = {}
        """By plain topic, the positions in its own last commit."""
        self.reached: dict[str, int] = {}
        """By plain topic, the largest record timestamp applied."""
        self._names = names
        self._moved = False
        self._flushed_s = 0.0
        self._gaps = 0
        self._lock = asyncio.Lock()
        self._now_ms = 0

    def start(self) -> None:
        """From now on it takes batches and flushes."""
        self.active = True
        self._flushed_s = 0.0

    def apply(self, batch: Batch) -> int | None:
        """Applies a batch; an inactive shard drops it, as the seek that makes it active brings it back.

        Returns:
            The position to seek to, if the batch begins after the position that the shard has reached.

        Raises:
            StreamError: a third gap in a row; going on would be going round in circles.
        """
        if not self.active:
            return None
        if batch.records:  # a producer's clock that runs ahead must not make us forget the present
            self.shard.advance(min(batch.records[-1].timestamp, time.time_ns() // 1_000_000))
        try:
            self.shard.apply(batch)
        except Gap as gap:
            self._gaps += 1
            if self._gaps >= _GAPS_MAX:
                raise StreamError(f"{self._gaps} gaps in a row: {gap}, partition {self.partition}") from gap
            return gap.next_position
        self._gaps = 0
        self._moved = True
        if batch.records:
            stamp = batch.records[-1].timestamp
            self.reached[batch.topic] = max(stamp, self.reached.get(batch.topic, 0))
        return None

    def stir(self) -> None:
        """The next flush has something to take, without a batch."""
        self._moved = True

    async def flush(self, ends: Mapping[str, int], wall_ms: int, last: bool = False) -> None:
        """Writes what changed since the last flush in one transaction, the header last.

        Args:
            ends: by plain topic, the last stable offset known; a topic that is not there counts as read to its end.
            wall_ms: the time, milliseconds since 1970.
            last: whether this is the last flush before the shard pauses: no header just for its own sake.
        """
        async with self._lock:
            due = time.monotonic() - self._flushed_s >= HEARTBEAT_S
            if not (self._moved or (due and not last)) or not (self.active or last):
                return
            self._moved = False
            self._flushed_s = time.monotonic()
            flush = self.shard.take(self.now_ms(ends, wall_ms), wall_ms)
            await self._write(flush, wall_ms)

    def now_ms(self, ends: Mapping[str, int], wall_ms: int) -> int:
        """The shard's time: the wall clock if all is read, else the smallest that a lagging topic has reached."""
        position = self.shard.next
        lagging = [topic for topic, end in ends.items() if position.get(topic, 0) < end]
        now_ms = min((self.reached.get(topic, 0) for topic in lagging), default=wall_ms)
        self._now_ms = max(self._now_ms, min(now_ms, wall_ms))
        return self._now_ms

    async def _write(self, flush: Flush, wall_ms: int) -> None:
        names, partition, producer = self._names, self.partition, self.producer
        header: Output = (wall_ms, HEADER_KEY, header_encoder.encode(flush.header), [])
        await producer.begin_transaction()
        sent = [await send_records(producer, names.parties, partition, _outputs(wall_ms, flush.parties))]
        if flush.dead_letters:
            letters = (_dead_letter(letter) for letter in flush.dead_letters)
            sent.append(await send_records(producer, names.dead_letters, partition, letters))
        rekeyed: dict[int, list[Output]] = {}
        for record in flush.rekeyed:
            rekeyed.setdefault(record.partition, []).append(
                (record.timestamp, record.key, record.value, list(record.headers))
            )
        for target, records in rekeyed.items():
            sent.append(await send_records(producer, names.rekeyed, target, records))
        cells = _outputs(wall_ms, [*flush.catalogues, *flush.cells])
        tail = await send_records(producer, names.cells, partition, chain(cells, [header]))
        for future, _ in [batch for batches in sent for batch in batches]:
            await future
        for future, count in tail:
            end = (await future).offset + count
        await producer.commit_transaction()
        self.end = end + 1  # the commit's control record follows the header
        self.durable = flush.header.next


async def send_records(producer: Any, topic: str, partition: int, records: Iterable[Output]) -> list[tuple[Any, int]]:
    """Sends records in as many batches as they need; one future and number of records for each."""
    sent: list[tuple[Any, int]] = []
    batch = None
    for timestamp_ms, key, value, headers in records:
        if batch is None:
            batch = producer.create_batch()
            append = batch.append
        if append(timestamp=timestamp_ms, key=key, value=value, headers=headers) is None:
            sent.append(await _send_batch(producer, batch, topic, partition))
            batch = producer.create_batch()
            append = batch.append
            append(timestamp=timestamp_ms, key=key, value=value, headers=headers)
    if batch is not None:
        sent.append(await _send_batch(producer, batch, topic, partition))
    return sent


async def _send_batch(producer: Any, batch: Any, topic: str, partition: int) -> tuple[Any, int]:
    count = batch.record_count()
    batch.close()
    return await producer.send_batch(batch, topic, partition=partition), count


def new_producer(settings: Settings, names: Names, partition: int) -> Any:
    """The producer of a shard; starting it ends every other of that shard, and aborts what that one left open."""
    return transactional(settings, names.transactional_id(partition), TRANSACTION_MS_MAX)


def transactional(settings: Settings, transactional_id: str, transaction_ms_max: int) -> Any:
    """A producer of one transaction after the other, under an id; not started."""
    return AIOKafkaProducer(
        **connection(settings),
        transactional_id=transactional_id,
        transaction_timeout_ms=transaction_ms_max,
        request_timeout_ms=_REQUEST_MS_MAX,
        max_batch_size=_BATCH_BYTES_MAX,
        max_request_size=RECORD_BYTES_MAX,
        compression_type="zstd",  # a fifth of the bytes for 4 µs per event; lz4 takes four times as long
        linger_ms=0,
    )


def _dead_letter(letter: DeadLetter) -> Output:
    """A dead letter as a record: the bytes as they came, the origin in the headers."""
    value = letter.value
    origin = [
        ("reason", letter.reason.encode()),
        ("detail", letter.detail.encode()),
        ("topic", letter.topic.encode()),
        ("partition", b"%d" % letter.partition),
        ("offset", b"%d" % letter.offset),
    ]
    if value is not None and len(value) > _DEAD_VALUE_BYTES_MAX:
        origin.append(("cut_from_bytes", b"%d" % len(value)))
        value = value[:_DEAD_VALUE_BYTES_MAX]
    return letter.timestamp, letter.key, value, [*letter.headers, *origin]


def _outputs(timestamp_ms: int, records: Iterable[tuple[bytes, bytes | None]]) -> Iterator[Output]:
    none: Headers = []
    return ((timestamp_ms, key, value, none) for key, value in records)
