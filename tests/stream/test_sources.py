"""The producer of events delivers each of them, whoever was just sending it."""

import asyncio
from typing import Any

import pytest
from aiokafka.producer.message_accumulator import BatchBuilder

from stream_kpis.settings import Settings
from stream_kpis.stream import sources


class SlowKafka:
    """Takes batches only once its gate is open, and forgets those whose sender gives up."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.asked = asyncio.Event()
        self.delivered = 0

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        self.gate.clear()

    def create_batch(self) -> BatchBuilder:
        return BatchBuilder(1 << 16, 0, is_transactional=False)

    async def send_batch(self, batch: BatchBuilder, topic: str, *, partition: int) -> "asyncio.Future[None]":
        self.asked.set()
        await self.gate.wait()
        self.delivered += batch.record_count()
        future = asyncio.get_running_loop().create_future()
        future.set_result(None)
        return future


@pytest.fixture
async def kafka(monkeypatch: pytest.MonkeyPatch) -> SlowKafka:
    kafka = SlowKafka()
    monkeypatch.setattr(sources, "AIOKafkaProducer", lambda **_: kafka)
    return kafka


@pytest.fixture
async def producer(kafka: SlowKafka) -> sources.SourceProducer:
    return sources.SourceProducer(Settings())


async def test_a_flush_waits_for_what_is_just_being_sent(kafka: SlowKafka, producer: sources.SourceProducer) -> None:
    async with producer:
        await producer.send("crm.leads", b"p", b"{}")
        await kafka.asked.wait()  # sent because it lingered
        flushing = asyncio.create_task(producer.flush())
        assert (await asyncio.wait({flushing}, timeout=0.05))[1] == {flushing}
        kafka.gate.set()
        await flushing
        assert kafka.delivered == 1


async def test_leaving_delivers_what_is_just_being_sent(kafka: SlowKafka, producer: sources.SourceProducer) -> None:
    async with producer:
        await producer.send("crm.leads", b"p", b"{}")
        await kafka.asked.wait()
        asyncio.get_running_loop().call_soon(kafka.gate.set)
    assert kafka.delivered == 1


async def test_what_cannot_be_delivered_is_an_error(kafka: SlowKafka, producer: sources.SourceProducer) -> None:
    async def refuse(*_: Any, **__: Any) -> None:
        raise OSError("refused")

    kafka.send_batch = refuse
    with pytest.raises(OSError, match="refused"):
        async with producer:
            await producer.send("crm.leads", b"p", b"{}")
