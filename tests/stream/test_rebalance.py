"""To own, to recover, to hand over: what happens when, told by fakes."""

import asyncio
from typing import Any

import pytest
from faust.types import TP

from stream_kpis.engine.batch import Batch
from stream_kpis.settings import load
from stream_kpis.stream import rebalance
from stream_kpis.stream.failure import StreamError
from stream_kpis.stream.rebalance import Shards
from stream_kpis.stream.topics import Names
from tests.stream.stub import StubShard
from tests.stream.test_flush import FakeProducer, batch

SETTINGS = load(environment={})
NAMES = Names.of(SETTINGS)


class FakeConsumer:
    """Faust's consumer: who owns what, and how far the sources reach."""

    def __init__(self) -> None:
        self.assigned: set[int] = set()
        self.start, self.end = 0, 9
        self.sought: list[dict[TP, int]] = []
        self.read: dict[TP, tuple[int, int]] = {}
        self.reported: list[dict[TP, int]] = []

    def assignment(self) -> set[TP]:
        return {TP(topic, partition) for partition in self.assigned for topic in NAMES.sources}

    async def earliest_offsets(self, *tps: TP) -> dict[TP, int]:
        return dict.fromkeys(tps, self.start)

    async def highwaters(self, *tps: TP) -> dict[TP, int]:
        return dict.fromkeys(tps, self.end)

    async def seek_wait(self, positions: dict[TP, int]) -> None:
        self.sought.append(positions)

    def report(self, positions: dict[TP, int]) -> None:
        self.reported.append(positions)

    def reading(self, tp: TP) -> tuple[int, int] | None:
        return self.read.get(tp)


class FakeReader:
    """The changelogs: where they end, and how long reading takes."""

    def __init__(self, events: list[str]) -> None:
        self.cells_ends: dict[int, int] = {}
        self.reading = asyncio.Event()
        self.hold: asyncio.Event | None = None
        self._events = events

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    async def ends(self, partitions: list[int]) -> dict[int, int]:
        return {partition: self.cells_ends.get(partition, 0) for partition in partitions}

    async def restore(self, shards: dict[int, Any], stale: Any) -> int | None:
        self._events.append(f"read {sorted(shards)}")
        self.reading.set()
        if self.hold:
            await self.hold.wait()
        return None if stale() else 0


class World:
    """One worker, in which everything happens when the test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events: list[str] = []
        self.consumer, self.reader = FakeConsumer(), FakeReader(self.events)
        self.consumer_generation_id, self.rebalancing = 1, False
        monkeypatch.setattr(rebalance, "new_producer", self._new_producer)
        monkeypatch.setattr(rebalance, "ChangelogReader", lambda *_: self.reader)
        self.shards = Shards(self, SETTINGS, NAMES, StubShard)

    def _new_producer(self, _: Any, __: Any, partition: int) -> FakeProducer:
        producer = FakeProducer()

        async def start() -> None:
            self.events.append(f"start {partition}")

        async def stop() -> None:
            self.events.append(f"stop {partition}")

        producer.start, producer.stop = start, stop
        return producer

    async def assign(self, *partitions: int) -> None:
        """The partitions are known: a round of the group is over."""
        self.consumer.assigned = set(partitions)
        self.consumer_generation_id += 1
        await self.shards.rebalanced()
        await asyncio.sleep(0)

    async def rebalance(self, *partitions: int) -> None:
        """A whole rebalance in which nobody else writes to the changelogs of our shards."""
        await self.shards.revoked()
        self.reader.cells_ends = {partition: hosted.end for partition, hosted in self.shards.hosted.items()}
        await self.assign(*partitions)

    @property
    def active(self) -> set[int]:
        return {partition for partition, hosted in self.shards.hosted.items() if hosted.active}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


async def test_producers_start_before_the_changelogs_are_read(world: World) -> None:
    """Or what a killed owner left open would hide the end, and a zombie could write after it was read."""
    await world.rebalance(1, 2)
    assert world.events == ["start 1", "start 2", "read [1, 2]"]
    assert world.active == {1, 2}


async def test_kept_shards_keep_producer_and_state_and_lost_ones_go(world: World) -> None:
    await world.rebalance(1, 2)
    world.shards.hosted[1].apply(batch(0, [b"a"]))
    kept, producer = world.shards.hosted[1].shard, world.shards.hosted[1].producer
    world.events.clear()
    await world.rebalance(1, 3)
    assert sorted(world.events) == ["read [3]", "start 3", "stop 2"]
    assert world.shards.hosted[1].shard is kept
    assert len(producer.transactions) == 1  # the last flush before the rebalance
    assert world.active == {1, 3}


async def test_a_kept_shard_whose_changelog_has_moved_is_read_again_with_a_new_producer(world: World) -> None:
    """We were a zombie: with the old producer the first flush would end the process."""
    await world.rebalance(1)
    old = world.shards.hosted[1]
    world.events.clear()
    await world.shards.revoked()
    world.reader.cells_ends = {1: old.end + 2}
    await world.assign(1)
    assert sorted(world.events) == ["read [1]", "start 1", "stop 1"]
    assert world.shards.hosted[1] is not old


async def test_no_flush_between_the_revoke_and_the_end_of_the_rebalance(world: World) -> None:
    """Not even a header: the next owner's producer ends ours."""
    await world.rebalance(1)
    await world.shards.flush()
    producer = world.shards.hosted[1].producer
    await world.shards.revoked()
    assert await world.shards.apply(Batch("crm.leads", 1, 0, 5, [])) is None
    await world.shards.flush()
    assert len(producer.transactions) == 1
    assert world.shards.positions() == {}


async def test_a_flush_under_way_ends_before_the_revoke_returns(world: World) -> None:
    await world.rebalance(1)
    hosted = world.shards.hosted[1]
    commit, may_commit = hosted.producer.commit_transaction, asyncio.Event()

    async def slow_commit() -> None:
        await may_commit.wait()
        await commit()

    hosted.producer.commit_transaction = slow_commit
    flushing = asyncio.create_task(world.shards.flush())
    await asyncio.sleep(0)
    revoking = asyncio.create_task(world.shards.revoked())
    for _ in range(10):
        await asyncio.sleep(0)
    assert not revoking.done()
    may_commit.set()
    await asyncio.gather(flushing, revoking)
    assert len(hosted.producer.transactions) == 1


async def test_a_revoke_during_recovery_makes_it_stale(world: World) -> None:
    """Faust's own check misses a revoke whose assignment has not come yet."""
    world.reader.hold = asyncio.Event()
    await world.shards.revoked()
    recovering = asyncio.create_task(world.assign(1))
    await world.reader.reading.wait()
    await world.shards.revoked()
    world.reader.hold.set()
    await recovering
    assert world.events == ["start 1", "read [1]", "stop 1"]
    assert world.active == set()
    await world.assign(1)
    assert world.active == {1}


async def test_split_shards_are_refused(world: World) -> None:
    world.consumer.assignment = lambda: {TP(NAMES.sources[0], 0)}
    with pytest.raises(StreamError, match="splits shards"):
        await world.assign(0)


async def test_topics_never_begun_start_at_the_earliest_offset(world: World) -> None:
    world.consumer.start = 7
    await world.rebalance(1)
    assert world.shards.positions() == {TP(topic, 1): 7 for topic in NAMES.sources}


@pytest.mark.parametrize("position", [6, 11])
async def test_a_position_outside_the_log_is_an_error(world: World, position: int) -> None:
    """Too old: it was deleted. Too new: the topic was made anew."""
    await world.rebalance(1)
    world.shards.hosted[1].shard.next["crm.leads"] = position
    world.consumer.start, world.consumer.end = 7, 10
    with pytest.raises(StreamError, match=rf"crm.leads-1: position {position} has left the log \(7 to 10\)"):
        await world.rebalance(1)


async def test_a_gap_is_fetched_again(world: World) -> None:
    await world.rebalance(3)
    await world.shards.apply(batch(5, [b"a"]))
    assert world.consumer.sought == [{TP("crm.leads", 3): 0}]


async def test_a_stalled_partition_is_sought_again(world: World) -> None:
    """A dropped batch without another one after it is found by nobody else."""
    await world.rebalance(3)
    leads, deals = TP("crm.leads", 3), TP("crm.deals", 3)
    world.consumer.read = {leads: (9, 9), deals: (0, 0)}
    await world.shards.watch()
    assert world.consumer.sought == []  # it may be on its way
    await world.shards.watch()
    assert world.consumer.sought == [{leads: 0}]


async def test_a_partition_that_moves_is_not_stalled(world: World) -> None:
    await world.rebalance(3)
    world.consumer.read = {TP("crm.leads", 3): (9, 9)}
    await world.shards.watch()
    await world.shards.apply(batch(0, [b"a"]))
    await world.shards.watch()
    assert world.consumer.sought == []


async def test_a_shard_knows_the_present_once_it_has_read_to_the_end(world: World) -> None:
    """The end is that of the last fetch, or of the rebalance before there was one."""
    world.consumer.end = 1
    await world.rebalance(3)
    await world.shards.flush()
    shard = world.shards.hosted[3].shard
    assert shard.taken_ms == [0]
    for topic in NAMES.sources:
        await world.shards.apply(batch(0, [b"a"])._replace(topic=topic))
    await world.shards.flush()
    assert shard.taken_ms[1] > 500


async def test_the_end_flushes_and_lets_go(world: World) -> None:
    await world.rebalance(3)
    await world.shards.apply(batch(0, [b"a"]))
    producer = world.shards.hosted[3].producer
    await world.shards.stop()
    assert len(producer.transactions) == 1
    assert world.events[-1] == "stop 3"


async def test_many_shards_flush_less_often(world: World) -> None:
    await world.rebalance(*range(12))
    assert world.shards.interval_s == 0.2
    await world.rebalance(*range(50))
    assert world.shards.interval_s == 0.4


async def test_what_is_durable_is_shown_to_monitors_now_and_then(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never what is not committed, nor what a rebalance may give to others."""
    leads = TP("crm.leads", 3)
    await world.rebalance(3)
    await world.shards.flush()
    await world.shards.apply(batch(0, [b"a"]))
    await world.shards.flush()
    assert [positions[leads] for positions in world.consumer.reported] == [0]  # 5 s have not passed
    monkeypatch.setattr(rebalance, "_REPORT_S", 0.0)
    await world.shards.apply(batch(1, [b"b"]))
    durable = world.shards.hosted[3].durable
    assert durable["crm.leads"] == 1
    await world.shards.flush()
    assert world.consumer.reported[-1][leads] == 2
    await world.shards.revoked()
    count = len(world.consumer.reported)
    world.rebalancing = True
    await world.shards.flush()
    assert len(world.consumer.reported) == count
