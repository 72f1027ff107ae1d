"""The shards of one worker: to own, to recover, to hand over."""

import asyncio
import contextlib
import gc
import logging
import time
from collections.abc import Callable, Iterable

from aiokafka.errors import KafkaError
from faust.types import TP

from stream_kpis.engine.batch import Batch
from stream_kpis.settings import Settings
from stream_kpis.stream.batches import BatchApp
from stream_kpis.stream.changelog import ChangelogReader, committed, newest_headers
from stream_kpis.stream.failure import StreamError, kafka_line, within
from stream_kpis.stream.flush import TRANSACTION_MS_MAX, HostedShard, Shard, new_producer
from stream_kpis.stream.topics import Names

MakeShard = Callable[[int], Shard]
"""Makes the empty shard of a partition."""

logger = logging.getLogger(__name__)

_FLUSH_MS_PER_SHARD = 8
_STOP_S_MAX = 5.0
_REPORT_S = 5.0


class Shards:
    """Hosts the shards of the partitions that Faust assigns to this worker.

    A rebalance is the span from :meth:`revoked` to the end of :meth:`rebalanced`. In it no shard is active: it takes no
    batch and writes nothing, not even a header, as the next owner's producer ends ours as soon as it starts.
    """

    def __init__(self, app: BatchApp, settings: Settings, names: Names, make_shard: MakeShard) -> None:
        self.hosted: dict[int, HostedShard] = {}
        self._app = app
        self._settings = settings
        self._names = names
        self._make_shard = make_shard
        self._reader = ChangelogReader(settings, names)
        self._reported_s = 0.0
        self._era = 0  # +1 at every revoke: what began before it must not finish
        self._stopping: set[asyncio.Task[None]] = set()
        self._ends: dict[TP, int] = {}
        self._stalled: dict[TP, int] = {}

    @property
    def interval_s(self) -> float:
        """From one flush to the next; a transaction costs 1.5 to 3 ms of CPU."""
        return max(self._settings.flush_interval_ms, _FLUSH_MS_PER_SHARD * len(self.hosted)) / 1000

    def positions(self) -> dict[TP, int]:
        """The position of each partition of the active shards; any thread may ask."""
        return {
            TP(topic, partition): hosted.shard.next[self._names.plain(topic)]
            for partition, hosted in tuple(self.hosted.items())
            if hosted.active
            for topic in self._names.sources
        }

    async def apply(self, batch: Batch) -> None:
        """Every batch of one partition moves that partition's shard; after a gap it is fetched again."""
        hosted = self.hosted.get(batch.partition)
        position = hosted.apply(batch) if hosted else None
        if position is not None:
            logger.warning("gap: %s-%d starts at %d, going back to %d", *batch[:3], position)
            await self._app.consumer.seek_wait({TP(self._names.prefix + batch.topic, batch.partition): position})

    def stir(self) -> None:
        """The next flush takes every active shard: there is something else than batches that moves it."""
        for hosted in self.hosted.values():
            hosted.stir()

    async def flush(self) -> None:
        """Makes durable what changed in the active shards, and now and then shows how far that is."""
        await self._flush([hosted for hosted in self.hosted.values() if hosted.active])
        if time.monotonic() - self._reported_s < _REPORT_S or self._app.rebalancing:
            return
        if durable := self._durable():
            self._reported_s = time.monotonic()
            self._app.consumer.report(durable)

    def _durable(self) -> dict[TP, int]:
        """What the active shards have committed; for monitors, who see it as the group's offsets."""
        return {
            TP(topic, partition): position
            for partition, hosted in self.hosted.items()
            if hosted.active
            for topic in self._names.sources
            if (position := hosted.durable.get(self._names.plain(topic))) is not None
        }

    async def _flush(self, shards: Iterable[HostedShard], last: bool = False) -> None:
        wall_ms = time.time_ns() // 1_000_000
        # Then the broker has aborted what is not committed, but aiokafka may go on trying for ever.
        with within(TRANSACTION_MS_MAX / 1000, self._unwritten()):
            await asyncio.gather(*(hosted.flush(self._ends_of(hosted), wall_ms, last) for hosted in shards))

    def _unwritten(self) -> str:
        return (
            f"flush: not written within {TRANSACTION_MS_MAX // 1000} s, Kafka {self._settings.bootstrap} does not"
            " answer: nothing is lost, a worker started again goes on from the last flush"
        )

    async def revoked(self) -> None:
        """A rebalance begins: a last flush while the partitions are still ours. Shards and producers are kept."""
        self._era += 1
        await self._pause()

    async def _pause(self) -> None:
        active = [hosted for hosted in self.hosted.values() if hosted.active]
        for hosted in active:
            hosted.active = False
        await self._flush(active, last=True)

    async def rebalanced(self) -> None:
        """The partitions are known: recover the new shards, let go of the lost ones.

        Faust's own check misses "revoked, not yet assigned", so the count of revokes is looked at after each await.
        """
        began, era, generation = time.monotonic(), self._era, self._app.consumer_generation_id

        def stale() -> bool:
            return self._era != era or self._app.consumer_generation_id != generation

        own = self._own()
        await self._reader.start()
        new, gone = await self._sort(own)
        if stale():
            return
        self._let_go(self.hosted.pop(partition) for partition in gone)
        fresh = {partition: self._host(partition) for partition in sorted(new)}
        # First the producers: they end zombies, and abort what a killed owner left open, which would hide the end.
        await asyncio.gather(*(hosted.producer.start() for hosted in fresh.values()))
        records = None if stale() else await self._reader.restore(fresh, stale)
        if records is None:
            self._let_go(fresh.values())
            return
        self.hosted |= fresh
        await self._begin(own)
        if stale():
            return
        gc.freeze()  # state lives long; the collector need not look at it
        for hosted in self.hosted.values():
            hosted.start()
        ms = (time.monotonic() - began) * 1000
        logger.info(
            "ready: %d shards, %d new, %d lost; %d records in %d ms", len(own), len(new), len(gone), records, ms
        )

    def _own(self) -> set[int]:
        assigned = self._app.consumer.assignment()
        own = {tp.partition for tp in assigned}
        if len(assigned) != len(own) * len(self._names.sources):
            raise StreamError(f"the consumer group {self._names.group} splits shards: end members that are not workers")
        return own

    async def _sort(self, own: set[int]) -> tuple[set[int], set[int]]:
        """The partitions to recover, and those whose shards are to go."""
        kept = sorted(own & self.hosted.keys())
        ends = await self._reader.ends(kept)
        # Another owner was here while we were away (a zombie's wake-up): our producer is ended, our state old.
        moved = {partition for partition in kept if self.hosted[partition].end != ends[partition]}
        if moved:
            logger.warning("shards %s had another owner meanwhile: reading them again", sorted(moved))
        return own - self.hosted.keys() | moved, self.hosted.keys() - own | moved

    def _host(self, partition: int) -> HostedShard:
        producer = new_producer(self._settings, self._names, partition)
        return HostedShard(self._make_shard(partition), partition, self._names, producer)

    async def _begin(self, own: Iterable[int]) -> None:
        """Sets the positions of topics never read, and checks that the log still has all the others."""
        names, consumer = self._names, self._app.consumer
        sources = [TP(topic, partition) for partition in own for topic in names.sources]
        if not sources:
            return
        starts, ends = await consumer.earliest_offsets(*sources), await consumer.highwaters(*sources)
        for tp in sources:
            position = self.hosted[tp.partition].shard.next.setdefault(names.plain(tp.topic), starts[tp])
            if not starts[tp] <= position <= ends[tp]:
                log = f"{starts[tp]} to {ends[tp]}"
                raise StreamError(
                    f"{tp.topic}-{tp.partition}: position {position} has left the log ({log}), events are lost:"
                    " keep source topics longer, and count again under another app name"
                )
        self._ends = dict(ends)

    def _ends_of(self, hosted: HostedShard) -> dict[str, int]:
        """By plain topic, the last stable offset as of the last fetch, or as of the rebalance."""
        ends = {}
        for topic in self._names.sources:
            tp = TP(topic, hosted.partition)
            reading = self._app.consumer.reading(tp)
            ends[self._names.plain(topic)] = max(self._ends.get(tp, 0), reading[1] if reading else 0)
        return ends

    async def retire(self) -> None:
        """Lets go of what shards counted under catalogues before, once every shard there is counts under this one."""
        keeping = [hosted for hosted in self.hosted.values() if hosted.active and hosted.shard.catalogues.before]
        if not keeping:
            return
        try:
            async with committed(self._settings, fetch_max_wait_ms=50) as kafka:
                headers = await newest_headers(kafka, self._settings)
        except KafkaError as error:
            logger.warning("old catalogues stay for now: %s", kafka_line(self._settings.bootstrap, error))
            return  # the next round asks again
        counted = {header.catalogue for header in headers.values()}
        for hosted in keeping:
            # A shard whose header is not found may count under any.
            known = len(headers) == self._settings.partitions and counted == {hosted.shard.catalogues.own.name}
            if known and hosted.active:
                hosted.shard.catalogues.retire()
                hosted.stir()

    async def watch(self) -> None:
        """Seeks where the consumer's position and the shard's differ, twice in a row and without progress.

        A batch dropped on its way is noticed by the next one of its partition; if none comes, only here.
        """
        before, self._stalled = self._stalled, {}
        if self._app.rebalancing:
            return
        back = {}
        for tp, position in self.positions().items():
            reading = self._app.consumer.reading(tp)
            if reading and reading[0] != position:
                self._stalled[tp] = position
                if before.get(tp) == position:
                    back[tp] = position
        if back:
            logger.warning("stalled, going back: %s", ", ".join(f"{tp.topic}-{tp.partition}" for tp in back))
            await self._app.consumer.seek_wait(back)

    async def stop(self) -> None:
        """The worker ends in order: a last flush, while the group still counts us in."""
        await self._pause()
        await self._stop(list(self.hosted.values()))
        await self._reader.stop()

    def _let_go(self, shards: Iterable[HostedShard]) -> None:
        """Stops producers, without anyone waiting for it."""
        task = asyncio.create_task(self._stop(list(shards)))
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)

    @staticmethod
    async def _stop(shards: Iterable[HostedShard]) -> None:
        for hosted in shards:
            # It may have been ended by its successor, and there is nothing left to lose.
            with contextlib.suppress(Exception):
                await asyncio.wait_for(hosted.producer.stop(), _STOP_S_MAX)
