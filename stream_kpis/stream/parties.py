"""Reads the parties changelog and the topics for whoever looks into single parties: to their ends, in no group."""

import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.holdings import Holdings
from stream_kpis.engine.partition import partition_of
from stream_kpis.settings import Settings, SettingsError
from stream_kpis.stream.changelog import committed, read_to_ends
from stream_kpis.stream.failure import kafka_line
from stream_kpis.stream.topics import Names, every


async def holdings(settings: Settings, plan: Plan, journeys: Collection[str] | None = None) -> Holdings:
    """What all parties hold in some journeys, as committed now.

    Raises:
        RuntimeError: Kafka does not answer; one line.
        SettingsError: there is no such deployment.
    """
    found = Holdings(plan, journeys)
    await _read(settings, every(Names.of(settings).parties, settings), _into(found))
    return found


async def holdings_of(settings: Settings, plan: Plan, party: str) -> Holdings:
    """What one party holds, with its archives: its partition alone is read.

    Raises:
        RuntimeError: Kafka does not answer; one line.
        SettingsError: there is no such deployment.
    """
    found = Holdings(plan, party=party)
    home = partition_of(party.encode(), settings.partitions)
    await _read(settings, [TopicPartition(Names.of(settings).parties, home)], _into(found))
    return found


def _into(holdings: Holdings) -> Callable[[Iterable[Any]], None]:
    def take(records: Iterable[Any]) -> None:
        for record in records:
            holdings.take(record.key, record.value)

    return take


async def records_of(settings: Settings, party: str, topics: Collection[str]) -> list[Any]:
    """The records that a party's partition has under its key, in some topics (plain names).

    Raises:
        RuntimeError: Kafka does not answer; one line.
        SettingsError: there is no such deployment.
    """
    names, key = Names.of(settings), party.encode()
    home = partition_of(key, settings.partitions)
    found: list[Any] = []

    def take(records: Iterable[Any]) -> None:
        found.extend(record for record in records if record.key == key)

    await _read(settings, [TopicPartition(names.prefix + topic, home) for topic in topics], take)
    return found


async def _read(settings: Settings, wanted: list[TopicPartition], take: Callable[[Iterable[Any]], None]) -> None:
    """Reads partitions to the ends that they have now."""
    async with reader(settings, {tp.topic for tp in wanted}) as kafka:
        async for records in read_to_ends(kafka, wanted):
            take(records)


@contextlib.asynccontextmanager
async def reader(settings: Settings, topics: Collection[str]) -> AsyncIterator[Any]:
    """A consumer of what is committed in some topics, for :func:`~stream_kpis.stream.changelog.read_to_ends`.

    A client would wait 40 s for a topic that is not there, and then say that Kafka does not answer.

    Raises:
        RuntimeError: Kafka does not answer, also while the block runs; one line.
        SettingsError: there is no such deployment.
    """
    kafka = committed(settings, fetch_max_wait_ms=50)
    try:
        await kafka.start()
        if missing := set(topics) - await kafka.topics():
            raise SettingsError(f"there is no topic {min(missing)}; are app and prefix those of the deployment?")
        yield kafka
    except KafkaError as error:
        raise RuntimeError(kafka_line(settings.bootstrap, error)) from error
    finally:
        await kafka.stop()
