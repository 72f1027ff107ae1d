"""Group offsets follow the shards for whoever watches the group, and nobody goes on from them."""

import asyncio
import signal
from collections.abc import Mapping

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from stream_kpis.settings import Settings
from stream_kpis.stream.topics import Names, declare
from tests.system.chaos import Load, Workers, assert_exact, settled, until

Offsets = dict[TopicPartition, int]


async def committed(settings: Settings) -> Offsets:
    """As `kafka-consumer-groups.sh --describe` shows them."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.bootstrap)
    await admin.start()
    found = await admin.list_consumer_group_offsets(Names.of(settings).group)
    await admin.close()
    return {tp: offset.offset for tp, offset in found.items()}


async def commit(settings: Settings, offsets: Mapping[TopicPartition, int]) -> None:
    """As `kafka-consumer-groups.sh --reset-offsets` does, while the group has no members."""
    kafka = AIOKafkaConsumer(
        bootstrap_servers=settings.bootstrap, group_id=Names.of(settings).group, enable_auto_commit=False
    )
    await kafka.start()
    kafka.assign(list(offsets))
    await kafka.commit(dict(offsets))
    await kafka.stop()


def durable(settings: Settings, nexts: Mapping[int, Mapping[str, int]]) -> Offsets:
    """The shards' positions as offsets of the group."""
    return {
        TopicPartition(settings.prefix + topic, partition): position
        for partition, positions in nexts.items()
        for topic, position in positions.items()
    }


async def test_the_offsets_of_the_group_follow_the_shards(settings: Settings, workers: Workers) -> None:
    """Over a rebalance, too."""
    await declare(settings)
    produced = Load(settings)
    first = workers.start()
    await until(lambda: first.ready, "the worker is ready")
    producing = asyncio.create_task(produced.run(rate=500, seconds=8))
    second = workers.start()
    await until(lambda: second.ready, "the second is ready")
    await producing
    found = await settled(settings, produced)
    assert_exact(produced, found)
    expected = durable(settings, {partition: header.next for partition, header in found.headers.items()})
    for _ in range(40):
        if await committed(settings) == expected:
            break
        await asyncio.sleep(0.5)
    assert await committed(settings) == expected
    for worker in (first, second):
        worker.send(signal.SIGTERM)
        assert await worker.ended() == 0


@pytest.mark.parametrize("wrong", [7, 1_000_000])
async def test_a_wrong_offset_of_the_group_is_ignored(settings: Settings, workers: Workers, wrong: int) -> None:
    """One behind, and one that is not in the log at all."""
    names = await declare(settings)
    produced = Load(settings)
    worker = workers.start()
    await produced.run(rate=1_000, seconds=2)
    await settled(settings, produced)
    worker.send(signal.SIGTERM)
    assert await worker.ended() == 0
    await produced.run(rate=1_000, seconds=1)
    partitions = range(settings.partitions)
    await commit(settings, {TopicPartition(topic, p): wrong for topic in names.sources for p in partitions})
    workers.start()
    await produced.run(rate=1_000, seconds=2)
    assert_exact(produced, await settled(settings, produced))
