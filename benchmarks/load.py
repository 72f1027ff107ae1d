"""Puts the events into Kafka, once for all systems: lz4, four partitions, keyed by party."""

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from benchmarks.events import Reference, Sample, Totals, encoded
from stream_kpis.events.types import KIND_OF_NAME
from stream_kpis.settings import Settings
from stream_kpis.stream.connection import connection
from stream_kpis.stream.sources import SourceProducer
from stream_kpis.stream.topics import declare

_YIELD_EVERY = 1_000
_POLL_S = 0.1


class Source(NamedTuple):
    """What a system reads: a topic, how many events are in it, and what they add up to."""

    topic: str
    events: int
    totals: Totals


class Loaded(NamedTuple):
    """The same events three times: ``every`` in one topic, ``few`` of them in another, all in the families' topics."""

    every: Source
    few: Source


async def load(settings: Settings, happened: Iterable[Sample], few: int) -> Loaded:
    """Makes the topics and sends the events; each record's timestamp is its event's time, as in live operation.

    Args:
        settings: of the broker; the families' topics get its prefix.
        happened: the events, in order of time.
        few: how many of the first also go to the topic of slow systems.
    """
    names = "benchmark.events", "benchmark.events-few"
    await declare(settings)
    await make_topics([settings.prefix + name for name in names], settings)
    reference, totals, count = Reference(), Reference().totals(), 0
    async with SourceProducer(settings) as producer:
        for count, sample in enumerate(happened, 1):
            reference.add(sample)
            targets = [KIND_OF_NAME[sample.kind].topic, *(names if count <= few else names[:1])]
            key, value = sample.party.encode(), encoded(count, sample)
            for topic in targets:
                await producer.send(topic, key, value, sample.at_ms)
            if count == few:
                totals = reference.totals()
            if count % _YIELD_EVERY == 0:
                await asyncio.sleep(0)
    every = Source(settings.prefix + names[0], count, reference.totals())
    return Loaded(every, Source(settings.prefix + names[1], min(few, count), totals))


async def make_topics(topics: list[str], settings: Settings) -> None:
    """Makes topics with the settings' partitions, and returns when clients can see them."""
    admin = AIOKafkaAdminClient(**connection(settings))
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, settings.partitions, 1) for topic in topics])
        while any(topic["error_code"] for topic in await admin.describe_topics(topics)):  # noqa: ASYNC110 - only asking tells
            await asyncio.sleep(_POLL_S)
    finally:
        await admin.close()
