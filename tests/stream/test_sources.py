"""The producer of events delivers each of them, whoever was just sending it."""

import asyncio
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError, TopicAuthorizationFailedError
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


class LostKafka:
    """A consumer of a broker that goes away and comes back."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.asking = asyncio.Event()

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    async def end_offsets(self, wanted: list[Any]) -> dict[Any, int]:
        self.asking.set()
        if self.error:
            raise self.error
        return dict.fromkeys(wanted, 7)

    async def again(self) -> None:
        """Waits until it was asked once more, and the answer taken."""
        for _ in range(2):
            self.asking = asyncio.Event()
            await self.asking.wait()


@pytest.fixture
def lost(monkeypatch: pytest.MonkeyPatch) -> LostKafka:
    lost = LostKafka()
    monkeypatch.setattr(sources, "AIOKafkaConsumer", lambda **_: lost)
    monkeypatch.setattr(sources, "_POLL_S", 0.0)
    return lost


async def test_while_kafka_is_away_the_ends_are_not_known(lost: LostKafka) -> None:
    """Nor just after it is back: those of before are not those of three seconds ago."""
    now = [100.0]
    async with sources.SourceEnds(Settings(), ["crm.leads"], clock=lambda: now[0]) as ends:
        now[0] += 3
        assert ends.settled
        lost.error = KafkaTimeoutError()
        await lost.again()
        assert ends.settled is None
        lost.error = None
        now[0] += 60
        await lost.again()
        assert ends.settled is None
        now[0] += 3
        assert set(ends.settled.values()) == {7}


async def test_a_kafka_that_refuses_is_an_error(lost: LostKafka) -> None:
    async with sources.SourceEnds(Settings(), ["crm.leads"]) as ends:
        lost.error = TopicAuthorizationFailedError("crm.leads")
        await asyncio.wait({ends._polling})
        with pytest.raises(TopicAuthorizationFailedError):
            assert ends.settled
        ends._polling = None
