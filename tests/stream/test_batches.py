"""The transport: a batch says what it covers, whatever happens around it."""

import asyncio
import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.errors import CommitFailedError, NodeNotReadyError, NoOffsetForPartitionError, OffsetOutOfRangeError

from stream_kpis.engine.batch import Batch
from stream_kpis.settings import load
from stream_kpis.stream.batches import Drain, TrackedFetchResult, _ConsumerThread, drains
from stream_kpis.stream.flush import HostedShard
from stream_kpis.stream.topics import Names
from tests.stream.stub import StubShard

TP = TopicPartition("crm.leads", 0)


class Records:
    """As aiokafka's decoder of a fetched partition: positions [start, end), of which some are control records."""

    def __init__(self, start: int, end: int, control: frozenset[int]) -> None:
        self.next_fetch_offset = start
        self._end, self._control = end, control

    def __iter__(self) -> Iterator[Any]:
        while self.next_fetch_offset < self._end:
            offset = self.next_fetch_offset
            self.next_fetch_offset += 1
            if offset not in self._control:
                yield SimpleNamespace(offset=offset, timestamp=offset, key=b"k", value=b"cell", headers=())


class Reading:
    """Aiokafka's own fetcher and positions, without the network: what is fetched is put in by hand."""

    def __init__(self, control: frozenset[int] = frozenset()) -> None:
        self._control = control
        self._subscriptions = SubscriptionState()
        self._subscriptions.assign_from_user({TP})
        self.assignment = self._subscriptions.subscription.assignment
        self.fetcher = SimpleNamespace(
            _records={}, _subscriptions=self._subscriptions, _closed=False, _notify=lambda future: None,
            _wait_consume_future=None, _create_fetch_waiter=self._waiter,
        )  # fmt: skip
        self.fetcher.fetched_records = lambda *a, **k: fetcher.Fetcher.fetched_records(self.fetcher, *a, **k)
        self.consumer = SimpleNamespace(_closed=False, _fetcher=self.fetcher)
        self.thread = _ConsumerThread.__new__(_ConsumerThread)
        self.thread.consumer = SimpleNamespace(flow_active=True)
        self._waiters: list[asyncio.Future[None]] = []

    def _waiter(self) -> "asyncio.Future[None]":
        self._waiters.append(asyncio.get_running_loop().create_future())
        return self._waiters[-1]

    def seek(self, position: int) -> None:
        """The consumer's position is set; what was fetched before is of no use."""
        fetcher.Fetcher.seek_to(self.fetcher, TP, position)

    def arrived(self, start: int, end: int) -> None:
        """A fetch of [start, end) has arrived."""
        self.fetcher._records[TP] = TrackedFetchResult(
            TP, assignment=self.assignment, partition_records=Records(start, end, self._control), backoff=0
        )
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def poll(self, seconds: float = 0.0, records_max: int | None = None) -> list[Drain]:
        """What the thread hands to Faust."""
        fetched = await self.thread._fetch_records(self.consumer, None, timeout=seconds, max_records=records_max)
        return fetched.get(TP, [])


@pytest.fixture(autouse=True)
def noted() -> Iterator[None]:
    """This thread's drains are ours to note."""
    drains.noted = []
    yield
    drains.noted = None


async def test_a_batch_covers_control_records_before_within_and_after() -> None:
    reading = Reading(control=frozenset({100, 104, 109}))
    reading.seek(100)
    reading.arrived(100, 110)
    (drain,) = await reading.poll()
    assert (drain.start, drain.end) == (100, 110)
    assert [record.offset for record in drain.records] == [101, 102, 103, 105, 106, 107, 108]


async def test_a_drain_without_records_moves_the_position_on() -> None:
    """Aborted transactions at the end of a log: otherwise a shard never reaches the end."""
    reading = Reading(control=frozenset(range(100, 110)))
    reading.seek(100)
    reading.arrived(100, 110)
    assert await reading.poll() == [Drain(TP, 100, 110, [])]


async def test_a_fetch_handed_over_in_pieces_is_covered_without_holes() -> None:
    reading = Reading(control=frozenset({104, 105}))
    reading.seek(100)
    reading.arrived(100, 110)
    pieces = [await reading.poll(records_max=4) for _ in range(2)]
    assert [(drain.start, drain.end) for piece in pieces for drain in piece] == [(100, 104), (104, 110)]


async def test_a_fetch_that_drains_between_seek_and_resume_loses_nothing() -> None:
    """A poll in flight over a rebalance takes records after the seek, and Faust drops them, as the flow is off.

    A start that is kept beside the position would not know: the next batch would cover what was dropped.
    """
    shard = StubShard(0)
    shard.next = {"crm.leads": 100}
    hosted = HostedShard(shard, 0, Names.of(load(environment={})), producer=None)
    reading = Reading()
    in_flight = asyncio.create_task(reading.poll(seconds=5))
    await asyncio.sleep(0)
    reading.seek(100)  # the shards are recovered
    reading.arrived(100, 200)
    assert [(drain.start, drain.end) for drain in await in_flight] == [(100, 200)]  # and dropped
    hosted.start()  # the flow resumes
    reading.arrived(200, 300)
    sought = []
    while shard.next["crm.leads"] < 300:
        for drain in await reading.poll():
            position = hosted.apply(Batch("crm.leads", 0, drain.start, drain.end, drain.records))
            if position is not None:
                sought.append(position)
                reading.seek(position)
        if reading.assignment.state_value(TP).position < 300:
            position = reading.assignment.state_value(TP).position
            reading.arrived(position, position + 100)
    assert sought == [100]
    assert shard.cells == {b"cell": 200}


async def test_a_poll_before_the_first_seek_is_no_error() -> None:
    """Without group offsets there is no position yet, and aiokafka raises."""
    reading = Reading()

    async def fetched_records(*_: Any, **__: Any) -> None:
        raise NoOffsetForPartitionError(TP)

    reading.fetcher.fetched_records = fetched_records
    assert await reading.poll() == []


@pytest.mark.parametrize(("positions", "ends"), [({}, False), ({TP: 9}, False), ({TP: 7}, True)])
async def test_a_group_offset_that_left_the_log_is_no_error_but_a_shard_s_own_position_is(
    positions: dict[TopicPartition, int], ends: bool
) -> None:
    """A poll in flight over a rebalance may go on from the group's offset, before our seek."""
    reading = Reading()
    reading.thread.app = SimpleNamespace(shards=SimpleNamespace(positions=lambda: positions))

    async def fetched_records(*_: Any, **__: Any) -> None:
        raise OffsetOutOfRangeError({TP: 7})

    reading.fetcher.fetched_records = fetched_records
    if ends:
        with pytest.raises(OffsetOutOfRangeError):
            await reading.poll()
    else:
        assert await reading.poll() == []


async def test_group_offsets_are_committed_for_what_is_assigned_and_a_failure_is_said_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A partition that went to another worker meanwhile is left out. That Kafka is away is said elsewhere, once."""
    committed = []
    failures = [None, CommitFailedError, TimeoutError, NodeNotReadyError]

    async def commit(offsets: dict[TopicPartition, int]) -> None:
        committed.append(offsets)
        if failure := failures[len(committed) - 1]:
            raise failure

    thread = _ConsumerThread.__new__(_ConsumerThread)
    thread._consumer = SimpleNamespace(assignment=lambda: {TP}, commit=commit)
    with caplog.at_level("INFO", "stream_kpis"):
        for _ in failures:
            thread.report({TP: 3, TopicPartition("crm.leads", 1): 4})
            await thread._reporting
    assert committed == [{TP: 3}] * 4
    assert caplog.messages == ["group offsets lag behind, which harms nothing: CommitFailedError"]


async def test_another_consumers_drains_are_not_noted() -> None:
    """The exporter in the same process reads too, in another thread."""
    reading = Reading()
    reading.seek(0)
    reading.arrived(0, 3)
    drains.noted = None
    with contextlib.suppress(AttributeError):
        assert len(await asyncio.to_thread(reading.fetcher._records[TP].getall)) == 3
    assert drains.noted is None
