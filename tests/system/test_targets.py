"""Targets told through their topic, on a real broker."""

import asyncio

from aiokafka import AIOKafkaProducer

from stream_kpis.kpis.goals import Target
from stream_kpis.kpis.load import built_in
from stream_kpis.settings import Settings
from stream_kpis.stream.targets import TargetsReader
from stream_kpis.stream.topics import Names, declare

GOOD = b'{"kpi": "orders", "window": "mtd", "value": 9, "from": "2026-05-01"}'


async def test_what_is_told_arrives_and_what_is_none_is_counted(settings: Settings) -> None:
    """From the start of the topic, and while it is followed; a record without a value takes a target back."""
    await declare(settings)
    told: dict[bytes, Target | None] = {}
    arrived = asyncio.Event()

    def tell(key: bytes, target: Target | None, at: tuple[int, int, int]) -> None:
        told[key] = target
        if key == b"last":
            arrived.set()

    topic = Names.of(settings).targets
    async with AIOKafkaProducer(bootstrap_servers=settings.bootstrap) as producer:
        await producer.send_and_wait(topic, GOOD, key=b"one", partition=0)
        async with TargetsReader(settings, built_in().kpis, tell) as reader:
            following = asyncio.create_task(reader.follow())
            await producer.send_and_wait(topic, GOOD, key=b"two", partition=1)
            await producer.send_and_wait(topic, b"none", key=b"three", partition=1)
            await producer.send_and_wait(topic, None, key=b"two", partition=1)
            await producer.send_and_wait(topic, GOOD, key=b"last", partition=1)
            async with asyncio.timeout(60):
                await arrived.wait()
                while b"one" not in told:  # noqa: ASYNC110 - another partition, in no order
                    await asyncio.sleep(0.02)
            following.cancel()
    assert {key: target and target.target for key, target in told.items()} == {
        b"one": 9,
        b"two": None,
        b"three": None,
        b"last": 9,
    }
    assert reader.rejected == 1
