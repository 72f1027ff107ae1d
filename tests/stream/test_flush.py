"""One hosted shard: what goes into a transaction, in which order, and when."""

from types import SimpleNamespace
from typing import Any

import pytest

from stream_kpis.engine.batch import HEADER_KEY, Batch, DeadLetter, header_decoder
from stream_kpis.events.envelope import Reason
from stream_kpis.settings import load
from stream_kpis.stream import flush as flush_module
from stream_kpis.stream.failure import StreamError
from stream_kpis.stream.flush import HostedShard
from stream_kpis.stream.topics import Names
from tests.stream.stub import StubShard

NAMES = Names.of(load(environment={}, prefix="p."))
WALL = 1_000_000


class FakeBatch:
    def __init__(self, records_max: int) -> None:
        self.records: list[dict[str, Any]] = []
        self._records_max = records_max

    def append(self, **record: Any) -> object | None:
        if len(self.records) == self._records_max:
            return None
        self.records.append(record)
        return record

    def record_count(self) -> int:
        return len(self.records)

    def close(self) -> None:
        pass


class FakeProducer:
    """A log per partition, seen by others only up to the last commit; a commit takes an offset."""

    def __init__(self, records_max: int = 1000) -> None:
        self.transactions: list[list[tuple[str, int, FakeBatch]]] = []
        self.ends: dict[tuple[str, int], int] = {}
        self._records_max = records_max
        self._open: list[tuple[str, int, FakeBatch]] | None = None

    async def begin_transaction(self) -> None:
        assert self._open is None
        self._open = []

    def create_batch(self) -> FakeBatch:
        return FakeBatch(self._records_max)

    async def send_batch(self, batch: FakeBatch, topic: str, *, partition: int) -> Any:
        self._open.append((topic, partition, batch))
        offset = self.ends.get((topic, partition), 0)
        self.ends[topic, partition] = offset + batch.record_count()

        async def delivered() -> Any:
            return SimpleNamespace(offset=offset)

        return delivered()

    async def commit_transaction(self) -> None:
        for place in {(topic, partition) for topic, partition, _ in self._open}:
            self.ends[place] += 1
        self.transactions.append(self._open)
        self._open = None

    def records(self, transaction: int = -1) -> list[tuple[str, int, dict[str, Any]]]:
        return [
            (topic, partition, record)
            for topic, partition, batch in self.transactions[transaction]
            for record in batch.records
        ]


def hosted(producer: FakeProducer | None = None) -> HostedShard:
    shard = HostedShard(StubShard(3), 3, NAMES, producer or FakeProducer())
    shard.shard.next = {"crm.leads": 0}
    shard.start()
    return shard


def batch(start: int, values: list[bytes], timestamp: int = 500) -> Batch:
    records = [
        SimpleNamespace(offset=start + at, timestamp=timestamp, key=b"party", value=value, headers=(("h", b"1"),))
        for at, value in enumerate(values)
    ]
    return Batch("crm.leads", 3, start, start + len(values), records)


async def test_a_flush_is_one_transaction_with_the_header_last() -> None:
    shard = hosted()
    shard.apply(batch(0, [b"a", b"poison", b"send 1 b", b"a"]))
    await shard.flush({}, WALL)
    assert len(shard.producer.transactions) == 1
    records = shard.producer.records()
    assert [(topic, partition) for topic, partition, _ in records] == [
        ("p.stream-kpis-parties", 3),
        ("p.crm.dead-letters", 3),
        ("p.crm.rekeyed", 1),
        ("p.stream-kpis-cells", 3),
        ("p.stream-kpis-cells", 3),
    ]
    _, dead, rekeyed, cell, header = (record for *_, record in records)
    assert (dead["value"], dead["timestamp"]) == (b"poison", 500)
    assert dict(dead["headers"]) == {
        "h": b"1", "reason": b"not_json", "detail": b"poison", "topic": b"crm.leads", "partition": b"3", "offset": b"1",
    }  # fmt: skip
    assert (rekeyed["key"], rekeyed["value"], rekeyed["headers"]) == (b"party", b"b", [("h", b"1")])
    assert (cell["key"], cell["value"]) == (b"ca", b"2")
    assert header["key"] == HEADER_KEY
    assert header_decoder.decode(header["value"]).next == {"crm.leads": 4}


async def test_the_end_of_the_changelog_is_known_without_asking() -> None:
    """After the header comes the commit's control record."""
    shard = hosted()
    for start in range(3):
        shard.apply(batch(start, [b"a"]))
        await shard.flush({}, WALL)
        assert shard.end == shard.producer.ends["p.stream-kpis-cells", 3]


async def test_a_large_flush_is_cut_into_batches_of_one_transaction() -> None:
    producer = FakeProducer(records_max=4)
    shard = hosted(producer)
    shard.apply(batch(0, [b"%d" % number for number in range(10)]))
    await shard.flush({}, WALL)
    cells = [len(sent.records) for topic, _, sent in producer.transactions[0] if topic.endswith("cells")]
    assert cells == [4, 4, 3]
    assert producer.records()[-1][2]["key"] == HEADER_KEY
    assert shard.end == producer.ends["p.stream-kpis-cells", 3]


async def test_a_dead_letter_too_large_for_kafka_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or it would end the worker again and again."""
    monkeypatch.setattr(flush_module, "_DEAD_VALUE_BYTES_MAX", 10)
    letter = DeadLetter(Reason.TOO_LARGE, "", "crm.leads", 0, 0, 0, None, b"x" * 11, ())
    *_, value, headers = flush_module._dead_letter(letter)
    assert (value, dict(headers)["cut_from_bytes"]) == (b"x" * 10, b"11")


async def test_nothing_is_written_when_nothing_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    """But for a header now and then, which tells silence from death."""
    now = [100.0]
    monkeypatch.setattr(flush_module.time, "monotonic", lambda: now[0])
    shard = hosted()
    await shard.flush({}, WALL)
    await shard.flush({}, WALL)
    assert len(shard.producer.transactions) == 1  # the first says: here I am
    now[0] += flush_module.HEARTBEAT_S
    await shard.flush({}, WALL, last=True)
    assert len(shard.producer.transactions) == 1
    await shard.flush({}, WALL)
    assert len(shard.producer.transactions) == 2


async def test_who_is_stirred_writes_without_a_batch() -> None:
    """Once: a rate came, say, and events that waited count now."""
    shard = hosted()
    await shard.flush({}, WALL)
    for _ in range(2):
        shard.stir()
        await shard.flush({}, WALL)
        await shard.flush({}, WALL)
    assert len(shard.producer.transactions) == 3


async def test_positions_that_moved_are_something_to_write() -> None:
    """Duplicates only, or control records only."""
    shard = hosted()
    await shard.flush({}, WALL)
    shard.apply(Batch("crm.leads", 3, 0, 7, []))
    await shard.flush({}, WALL)
    (_, _, header) = shard.producer.records()[0]
    assert header_decoder.decode(header["value"]).next == {"crm.leads": 7}


async def test_an_inactive_shard_takes_nothing_and_writes_nothing() -> None:
    shard = hosted()
    shard.active = False
    assert shard.apply(batch(0, [b"a"])) is None
    assert shard.shard.next == {"crm.leads": 0}
    await shard.flush({}, WALL)
    assert shard.producer.transactions == []


async def test_the_last_flush_before_a_rebalance_takes_what_is_there() -> None:
    shard = hosted()
    shard.apply(batch(0, [b"a"]))
    shard.active = False
    await shard.flush({}, WALL, last=True)
    assert len(shard.producer.transactions) == 1


def test_a_gap_is_sought_and_the_third_in_a_row_ends_it() -> None:
    shard = hosted()
    assert shard.apply(batch(5, [b"a"])) == 0
    assert shard.apply(batch(5, [b"a"])) == 0
    assert shard.apply(batch(0, [b"a"])) is None
    assert shard.apply(batch(5, [b"a"])) == 1
    assert shard.apply(batch(5, [b"a"])) == 1
    with pytest.raises(StreamError, match=r"3 gaps in a row: crm\.leads: .* at 5, .* at 1, partition 3"):
        shard.apply(batch(5, [b"a"]))


@pytest.mark.parametrize(
    ("ends", "expected_ms"),
    [
        ({"crm.leads": 1}, WALL),  # read to its end
        ({"crm.leads": 2}, 500),  # one to go: not later than what was read
        ({"crm.leads": 1, "crm.deals": 1}, 0),  # a topic of which nothing was read yet
        ({"crm.leads": 1, "crm.deals": 0}, WALL),  # an empty topic
    ],
)
def test_the_shards_time_is_that_of_its_slowest_topic(ends: dict[str, int], expected_ms: int) -> None:
    shard = hosted()
    shard.apply(batch(0, [b"a"]))
    assert shard.now_ms(ends, WALL) == expected_ms


def test_the_shards_time_never_goes_back_nor_past_the_clock() -> None:
    shard = hosted()
    shard.apply(batch(0, [b"a"], timestamp=WALL + 5))
    assert shard.now_ms({"crm.leads": 2}, WALL) == WALL
    shard.reached["crm.leads"] = 7
    assert shard.now_ms({"crm.leads": 2}, WALL) == WALL
