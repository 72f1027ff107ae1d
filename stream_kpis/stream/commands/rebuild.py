"""What the workers will build anew when they start with this catalogue, and how far back parties and topics reach."""

import asyncio
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.rebuild import Source, journeys_of, outlook
from stream_kpis.engine.scopes import Scope, decoded
from stream_kpis.events.types import KINDS
from stream_kpis.journeys import JOURNEYS
from stream_kpis.settings import Settings
from stream_kpis.stream.changelog import committed, newest_headers, read_to_ends
from stream_kpis.stream.control import plan_in_force
from stream_kpis.stream.failure import kafka_line
from stream_kpis.stream.logs import set_up_logging
from stream_kpis.stream.topics import Names, every, survey

_NOTHING_LEFT_MS = 4_102_444_800_000
"""Where all records of a topic are gone: 2100, later than any record."""
_decode_key = msgspec.msgpack.Decoder(list[Any]).decode


class Known(NamedTuple):
    """What Kafka holds of a deployment."""

    definitions: tuple[Mapping[str, str], ...]
    """Of each shard that has flushed; those that are the same once."""
    sealed: AbstractSet[str]
    """The journeys of which something is sealed."""
    parties: int
    first_fact_ms: int | None
    """The oldest fact of all parties."""
    topics: Mapping[str, int | None]
    """By source topic, without prefix: since when a partition of it has lost records, None if none has."""


def print_outlook(settings: Settings) -> int:
    """The command: a line per measure. Returns 0, or 1 if a measure needs the topics.

    Raises:
        RuntimeError: Kafka does not answer.
        SettingsError: the catalogue is wrong.
    """
    set_up_logging(settings.verbose)
    lines, refused = asyncio.run(_outlook(settings))
    for line in lines:
        print(line)  # noqa: T201 - the command's output
    return int(refused)


async def _outlook(settings: Settings) -> tuple[list[str], bool]:
    plan = await plan_in_force(settings)
    try:
        return told(plan, settings, await look(settings))
    except KafkaError as error:
        raise RuntimeError(kafka_line(settings.bootstrap, error)) from error


def told(plan: Plan, settings: Settings, known: Known) -> tuple[list[str], bool]:
    """The lines, and whether a measure needs the topics.

    Args:
        plan: the catalogue to come.
        settings: of the deployment.
        known: what Kafka holds.
    """
    if not known.definitions:
        return ["no shard has written anything yet: all measures are built from the topics"], False
    settled = {"zone": settings.zone, "currency": settings.currency}
    worst: dict[str, tuple[Source, str]] = {}
    order = list(Source)
    for before in known.definitions:
        for measure, source, why in outlook(plan, settled, before, known.sealed):
            then = worst.get(measure, (source, why))
            worst[measure] = max(then, (source, why), key=lambda found: order.index(found[0]))
    width = max(map(len, worst))
    lines = [
        f"{measure:{width}}  {source}{f': {why}; {_reach(plan, measure, known)}' if why else ''}"
        for measure, (source, why) in worst.items()
    ]
    counts = {source: sum(found is source for found, _ in worst.values()) for source in Source}
    gone = {name for before in known.definitions for name in before if _is_measure(name)} - plan.definitions.keys()
    lines += [f"{name:{width}}  dropped" for name in sorted(gone)]
    since = "nothing" if known.first_fact_ms is None else _day(known.first_fact_ms)
    lines.append(", ".join(f"{count} {source}" for source, count in counts.items() if count))
    lines.append(f"the parties ({known.parties:,} scopes) reach back to their first fact: {since}")
    refused = counts[Source.TOPICS] > 0
    if refused:
        lines.append(
            "a worker refuses to start with this catalogue; give it a new app id, and it reads the topics again"
        )
    elif counts[Source.PARTIES]:
        lines.append("restart the workers: exporters show what was until every shard has what is new, and then that")
    return lines, refused


def _is_measure(name: str) -> bool:
    return not name.startswith("journey:") and name not in ("zone", "currency", "format")


def _reach(plan: Plan, measure: str, known: Known) -> str:
    """How far back the topics of a measure's journeys reach."""
    taken = {data for journey in journeys_of(plan, measure) for data in JOURNEYS[journey].takes}
    topics = sorted({kind.topic for kind in KINDS if kind.data in taken} & known.topics.keys())
    lost = {topic: since for topic in topics if (since := known.topics[topic]) is not None}
    if not lost:
        return "its topics hold all that was sent"
    return ", ".join(f"{topic} is whole only since {_day(since)}" for topic, since in lost.items())


def _day(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


async def look(settings: Settings) -> Known:
    """Reads headers, parties and the topics' beginnings; writes nothing, and makes no topic.

    Raises:
        SettingsError: a topic has another number of partitions.
        KafkaError: Kafka does not answer.
    """
    names, missing = Names.of(settings), (await survey(settings)).missing
    if names.cells in missing:
        return Known((), frozenset(), 0, None, {})
    parties: dict[bytes, bytes] = {}
    topics: dict[str, int | None] = {}
    async with committed(settings) as kafka:
        headers = await newest_headers(kafka, settings)
        if names.parties not in missing:
            async for records in read_to_ends(kafka, every(names.parties, settings)):
                for record in records:
                    if record.value is None:
                        parties.pop(record.key, None)
                    else:
                        parties[record.key] = record.value
        for topic in set(names.sources) - set(missing):
            topics[names.plain(topic)] = await _lost(kafka, every(topic, settings))
    definitions: list[Mapping[str, str]] = []
    for header in headers.values():
        if header.definitions not in definitions:
            definitions.append(header.definitions)
    return Known(tuple(definitions), *_of_parties(parties), topics)


async def _lost(kafka: Any, every: list[TopicPartition]) -> int | None:
    """Since when a topic is whole, if records of it are gone: the latest first timestamp of such partitions."""
    starts = await kafka.beginning_offsets(every)
    cut = [tp for tp in every if starts[tp] > 0]
    if not cut:
        return None
    first = await kafka.offsets_for_times(dict.fromkeys(cut, 0))
    return max((found.timestamp for found in first.values() if found is not None), default=_NOTHING_LEFT_MS)


def _of_parties(stored: Mapping[bytes, bytes]) -> tuple[frozenset[str], int, int | None]:
    """Of the parties' records: the journeys with seals, the number of scopes, and the time of the oldest fact."""
    sealed, count, first_ms = set(), 0, _NOTHING_LEFT_MS
    for key, value in stored.items():
        name, party = _decode_key(key)[:2]
        if name not in JOURNEYS:  # an archive, or voids, or of a journey that is gone
            continue
        count += 1
        if decoded(value).seal is not None:
            sealed.add(name)
        facts = Scope.of(JOURNEYS[name], party, key, value).facts
        first_ms = min((first_ms, *(fact.at_ms for fact in facts)))
    return frozenset(sealed), count, first_ms if first_ms < _NOTHING_LEFT_MS else None
