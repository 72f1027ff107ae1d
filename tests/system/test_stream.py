"""The worker on a real broker, with shards that count."""

import asyncio
import re
import signal
import sys
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from stream_kpis.settings import Settings, SettingsError, load
from stream_kpis.stream.changelog import CellsReader
from stream_kpis.stream.sources import SourceEnds, SourceProducer
from stream_kpis.stream.topics import declare
from tests.system.chaos import STUB, Load, Worker, Workers, assert_exact, reader, settled, until


async def test_every_event_is_counted_once_while_workers_come_and_go_in_order(
    settings: Settings, workers: Workers
) -> None:
    """Two workers, a third joins, one leaves by SIGTERM with exit code 0."""
    await declare(settings)
    produced = Load(settings)
    producing = asyncio.create_task(produced.run(rate=1_000, seconds=16))
    first, second = workers.start(), workers.start()
    await until(lambda: first.ready and second.ready, "two workers are ready")
    third = workers.start()
    await until(lambda: third.ready, "the third is ready")
    first.send(signal.SIGTERM)
    assert await first.ended() == 0
    await producing
    assert_exact(produced, await settled(settings, produced))
    for worker in (second, third):
        worker.send(signal.SIGTERM)
    assert [await second.ended(), await third.ended()] == [0, 0]


async def test_a_transactional_source_is_read_to_its_end_and_without_what_was_aborted(
    settings: Settings, workers: Workers
) -> None:
    """Committed and aborted transactions, an aborted one last: positions pass control records too."""
    await declare(settings)
    produced = Load(settings)
    source = AIOKafkaProducer(bootstrap_servers=settings.bootstrap, transactional_id="source")
    await source.start()
    worker = workers.start()
    await until(lambda: worker.ready, "the worker is ready")
    for number in range(13):
        await source.begin_transaction()
        counted = Load(settings, seed=number)
        for _ in range(60):
            topic, key, value = counted.next()
            await source.send(settings.prefix + topic, value, key)
        if number % 3 == 0:
            await source.abort_transaction()
        else:
            await source.commit_transaction()
            produced.parties += counted.parties
            produced.cells += counted.cells
            produced.dead += counted.dead
    await source.stop()
    found = await settled(settings, produced)
    assert_exact(produced, found)


async def test_a_dead_letter_carries_its_bytes_and_origin(settings: Settings, workers: Workers) -> None:
    """Even a record that fills a message of its own, and one without key and value."""
    names = await declare(settings)
    large = b"poison" + b"x" * 1_000_000
    async with SourceProducer(settings) as producer:
        await producer.send("crm.leads", b"party", b"poison 1")
        await producer.send("crm.leads", b"party", large)
    worker = workers.start()
    await until(lambda: worker.ready, "the worker is ready")
    await settled(settings)
    letters = await _all_of(settings, names.dead_letters)
    assert [b"poison 1", large] == [letter.value for letter in letters]
    assert [letter.key for letter in letters] == [b"party"] * 2
    headers = dict(letters[1].headers)
    assert (headers["reason"], headers["detail"]) == (b"not_json", b"poison")
    assert (headers["topic"], headers["partition"]) == (b"crm.leads", b"%d" % letters[1].partition)
    assert headers["offset"] == b"1"


async def _all_of(settings: Settings, topic: str) -> list[ConsumerRecord]:
    async with reader(settings) as kafka:
        every = [TopicPartition(topic, partition) for partition in range(settings.partitions)]
        kafka.assign(every)
        await kafka.seek_to_beginning(*every)
        ends, found = await kafka.end_offsets(every), []
        while any([await kafka.position(tp) < ends[tp] for tp in every]):
            for records in (await kafka.getmany(timeout_ms=200)).values():
                found += records
        return found


async def test_a_position_that_left_the_log_ends_the_worker_with_one_line(settings: Settings, workers: Workers) -> None:
    """Going on at what is left would lose events without a word."""
    names = await declare(settings)
    worker = workers.start()
    async with SourceProducer(settings) as producer:
        for _ in range(10):
            await producer.send("crm.leads", b"party", b"cell", partition=0)
        await producer.flush()
        await settled(settings)
        worker.send(signal.SIGTERM)
        assert await worker.ended() == 0
        for _ in range(10):
            await producer.send("crm.leads", b"party", b"cell", partition=0)
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.bootstrap)
    await admin.start()
    await admin.delete_records({TopicPartition(names.sources[0], 0): RecordsToDelete(before_offset=15)})
    await admin.close()
    again = workers.start()
    assert await again.ended() == 75
    last = again.said.splitlines()[-1]
    assert f"{names.sources[0]}-0: position 10 has left the log (15 to 20)" in last


async def test_a_topic_with_another_number_of_partitions_is_refused(settings: Settings, workers: Workers) -> None:
    """State lives by partition, so this cannot be repaired later."""
    await declare(settings)
    other = Workers(msgspec.structs.replace(settings, partitions=5), workers._folder)
    worker = other.start()
    assert await worker.ended() == 2
    assert re.fullmatch(r"stream-kpis: topic t\d+\.crm\.\w+ has 6 partitions, not 5: .*\n", worker.said)


async def test_missing_topics_are_named_where_they_may_not_be_made(settings: Settings) -> None:
    with pytest.raises(SettingsError, match=r"topics are missing: make t\d+\.crm\.leads.* with 6 partitions each"):
        await declare(msgspec.structs.replace(settings, declare_topics=False))


async def test_cells_are_handed_out_with_their_header_only(settings: Settings, workers: Workers) -> None:
    """A reader from the start sees every shard's last state; one that follows sees whole flushes."""
    await declare(settings)
    produced = Load(settings)
    worker = workers.start()
    await until(lambda: worker.ready, "the worker is ready")
    await produced.run(rate=500, seconds=3)
    found = await settled(settings, produced)
    cells: Counter[tuple[int, bytes]] = Counter()
    nexts: dict[int, dict[str, int]] = {}
    async with CellsReader(settings) as cells_reader:
        flushes = aiter(cells_reader)
        durable = {partition: header.next for partition, header in found.headers.items()}
        while nexts != durable or not cells_reader.caught_up:
            partition, changed, header, _ = await anext(flushes)
            nexts[partition] = header.next
            cells.update({(partition, key): int(value) - cells[partition, key] for key, value in changed})
    assert produced.cells.total() == cells.total()


async def test_ends_of_the_sources_are_those_of_three_seconds_ago(settings: Settings) -> None:
    await declare(settings)
    clock = [100.0]
    async with SourceEnds(settings, clock=lambda: clock[0]) as ends:
        assert ends.settled is None
        clock[0] += 3
        assert ends.settled is not None
        assert set(ends.settled.values()) == {0}
        async with SourceProducer(settings) as producer:
            await producer.send("crm.leads", b"party", b"cell", partition=2)
        await ends.poll()
        assert ends.settled["crm.leads", 2] == 0
        clock[0] += 3
        assert ends.settled["crm.leads", 2] == 1


async def test_the_producer_keeps_the_order_of_a_partition(settings: Settings) -> None:
    """And puts a key where Kafka's own producers put it."""
    names = await declare(settings)
    async with SourceProducer(settings) as producer:
        for number in range(20_000):
            await producer.send("crm.leads", b"foobar", b"%d" % number, timestamp_ms=1_000 + number)
    records = await _all_of(settings, names.sources[0])
    assert [b"%d" % number for number in range(20_000)] == [record.value for record in records]
    assert {record.partition for record in records} == {(3504634814 & 0x7FFFFFFF) % settings.partitions}
    assert records[-1].timestamp == 20_999


def test_without_a_broker_the_worker_ends_with_one_line(tmp_path: Path) -> None:
    settings = load(environment={}, bootstrap="127.0.0.1:9")
    worker = Worker(STUB, settings, tmp_path / "worker.log")
    assert asyncio.run(worker.ended()) == 75
    assert worker.said.splitlines()[-1].startswith("stream-kpis: start: Kafka 127.0.0.1:9 does not answer: ")


async def test_it_is_a_faust_app_like_any_other(settings: Settings, tmp_path: Path) -> None:
    """`faust -A stream_kpis.stream.app worker` works, with the engine's shards."""
    await declare(settings)
    async with SourceProducer(settings) as producer:
        await producer.send("crm.leads", b"party", b"no event")
    program = (sys.executable, "-m", "faust", "-A", "stream_kpis.stream.app", "worker", "-l", "info")
    workers = Workers(settings, tmp_path, program)
    try:
        worker = workers.start()
        await until(lambda: worker.ready, "the worker is ready")
        assert (await settled(settings)).dead == 1
        worker.send(signal.SIGTERM)
        assert await worker.ended() == 0
    finally:
        workers.end()
