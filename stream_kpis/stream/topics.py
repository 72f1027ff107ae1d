"""Every name in Kafka, from one place; declares the topics and refuses those that cannot work."""

import contextlib
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from stream_kpis.events.types import TOPICS
from stream_kpis.settings import Settings, SettingsError
from stream_kpis.stream.connection import connection
from stream_kpis.stream.topic_configs import CHANGELOG, CONTROL, LOOKED_AT, RECORDS, Topic, refusal, warnings

REKEYED = "crm.rekeyed"
RATES = "crm.rates"
DEAD_LETTERS = "crm.dead-letters"
CALENDARS = "crm.calendars"
TARGETS = "crm.targets"

_ALREADY_THERE, _NO_SUCH_TOPIC, _NOT_ALLOWED = 36, 3, 29

logger = logging.getLogger(__name__)


class Names(NamedTuple):
    """The names of one deployment, its prefix included."""

    group: str
    sources: tuple[str, ...]
    """Topics that a worker reads: one per family of events, and what was sent on to its party's partition."""
    rekeyed: str
    parties: str
    cells: str
    dead_letters: str
    calendars: str
    """Read whole at the start: versions of business calendars."""
    targets: str
    """What values should be, by any key: the exporter reads it."""
    rates: str
    """One partition: of several rates of a currency and date the first counts."""
    prefix: str

    @classmethod
    def of(cls, settings: Settings) -> "Names":
        """The names in a deployment with these settings."""
        prefix, group = settings.prefix, settings.prefix + settings.app
        return cls(
            group=group,
            sources=tuple(prefix + topic for topic in (*TOPICS, REKEYED)),
            rekeyed=prefix + REKEYED,
            parties=f"{group}-parties",
            cells=f"{group}-cells",
            dead_letters=prefix + DEAD_LETTERS,
            calendars=prefix + CALENDARS,
            targets=prefix + TARGETS,
            rates=prefix + RATES,
            prefix=prefix,
        )

    def plain(self, topic: str) -> str:
        """A topic without the prefix, as the engine knows it."""
        return topic.removeprefix(self.prefix)

    def transactional_id(self, partition: int) -> str:
        """Whoever writes for a shard writes under this id: a new one ends the one before."""
        return f"{self.group}-{partition}"

    def configs(self) -> dict[str, Mapping[str, str]]:
        """Every topic with what distinguishes it from the broker's defaults."""
        return {
            **{source: {} for source in self.sources},
            self.rekeyed: RECORDS,
            self.parties: CHANGELOG,
            self.cells: CHANGELOG,
            self.dead_letters: RECORDS,
            self.rates: CONTROL,
            self.calendars: CONTROL,
            self.targets: CHANGELOG,
        }

    def partitions_of(self, topic: str, partitions: int) -> int:
        """How many partitions a topic needs, in a deployment with so many."""
        return 1 if topic == self.rates else partitions

    def with_partitions(self, topics: Iterable[str], partitions: int) -> str:
        """The topics and how many partitions they need, for people."""
        equal = [topic for topic in topics if topic != self.rates]
        told = [f"{', '.join(equal)} with {partitions} partitions each"] if equal else []
        return ", ".join([*told, f"{self.rates} with one"] if self.rates in topics else told)


class Survey(NamedTuple):
    """The topics of a deployment as they are; those that are there have the right number of partitions."""

    missing: list[str]
    refusals: list[str]
    """What cannot work, a line per topic that says what mends it."""
    warnings: list[str]
    """What works but is weak, or could not be looked at."""


async def declare(settings: Settings) -> Names:
    """Makes the topics that are missing and checks those that are there.

    Raises:
        SettingsError: a topic has another number of partitions or a configuration that loses data, or is missing and
            may not be made.
        KafkaError: no broker answers, or it refuses.
    """
    names = Names.of(settings)
    async with _admin(settings) as admin:
        found = await _survey(admin, settings)
        if found.refusals:
            more = f" ({len(found.refusals) - 1} more: see stream-kpis check)" if len(found.refusals) > 1 else ""
            raise SettingsError(found.refusals[0] + more)
        for line in found.warnings:
            logger.warning("%s", line)
        if found.missing and not settings.declare_topics:
            raise SettingsError(f"topics are missing: make {names.with_partitions(found.missing, settings.partitions)}")
        if found.missing:
            await _make(admin, {topic: names.configs()[topic] for topic in found.missing}, settings)
            await _wait_for_leaders(found.missing, settings)
    return names


async def survey(settings: Settings) -> Survey:
    """Looks at the topics, and makes none.

    Raises:
        SettingsError: a topic has another number of partitions.
        KafkaError: no broker answers, or it refuses.
    """
    async with _admin(settings) as admin:
        return await _survey(admin, settings)


async def members(settings: Settings, group: str) -> int:
    """How many members a consumer group has now; 0 if there is no such group.

    Raises:
        KafkaError: no broker answers, or it refuses.
    """
    async with _admin(settings) as admin:
        answers = await admin.describe_consumer_groups([group])
    count = 0
    for answer in answers:
        for code, _, _, _, _, found, *_ in answer.groups:
            if code:
                raise for_code(code)(group)
            count += len(found)
    return count


@contextlib.asynccontextmanager
async def _admin(settings: Settings) -> AsyncIterator[Any]:
    admin = AIOKafkaAdminClient(**connection(settings), request_timeout_ms=10_000)
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


async def _survey(admin: Any, settings: Settings) -> Survey:
    names = Names.of(settings)
    configs = names.configs()
    described = {topic["topic"]: topic for topic in await admin.describe_topics(list(configs))}
    missing = _missing([described[name] for name in configs], names, settings.partitions)
    found = Survey(missing, [], [])
    there = [name for name, wanted in configs.items() if wanted and name not in missing]
    if not there:
        return found
    asked = [ConfigResource(ConfigResourceType.TOPIC, name, dict.fromkeys(LOOKED_AT)) for name in there]
    for answer in await admin.describe_configs(asked):
        for code, _, _, name, entries in answer.resources:
            if code == _NOT_ALLOWED:
                found.warnings.append(f"topic {name}: its configuration may not be read: grant DescribeConfigs on it")
            elif code and code != _NO_SUCH_TOPIC:  # made a moment ago by another worker: not known everywhere yet
                raise for_code(code)(name)
            replicas = min(len(partition["replicas"]) for partition in described[name]["partitions"])
            topic = Topic(name, replicas, {entry[0]: entry[1] for entry in entries if entry[1] is not None})
            if line := refusal(topic, configs[name], settings.bootstrap):
                found.refusals.append(line)
            found.warnings.extend(warnings(topic, configs[name], settings.bootstrap))
    return found


def _missing(described: list[dict[str, Any]], names: Names, settled: int) -> list[str]:
    missing = []
    for topic in described:
        name, found = topic["topic"], len(topic["partitions"])
        partitions = names.partitions_of(name, settled)
        if topic["error_code"] == _NO_SUCH_TOPIC:
            missing.append(name)
        elif topic["error_code"]:
            raise for_code(topic["error_code"])(name)
        elif found != partitions:
            # State lives by partition: a topic split otherwise would bring a party's events to several shards.
            mended = "" if name == names.rates else f"set partitions to {found} or "
            raise SettingsError(f"topic {name} has {found} partitions, not {partitions}: {mended}make it anew")
    return missing


async def _make(admin: Any, topics: Mapping[str, Mapping[str, str]], settings: Settings) -> None:
    partitions_of = Names.of(settings).partitions_of
    wanted = [
        NewTopic(name, partitions_of(name, settings.partitions), 1, topic_configs=dict(config))
        for name, config in topics.items()
    ]
    for topic in wanted:
        # -1 is the broker's default, which the constructor of aiokafka refuses.
        topic.replication_factor = settings.replication
    answer = (await admin.create_topics(wanted)).to_object()
    for made in answer["topic_errors"]:
        # Another worker that starts at the same time may be first.
        if made["error_code"] not in (0, _ALREADY_THERE):
            error = for_code(made["error_code"])
            raise KafkaError(f"cannot make topic {made['topic']}: {error.__name__} {made.get('error_message') or ''}")


def every(topic: str, settings: Settings) -> list[TopicPartition]:
    """The partitions of a topic, with the deployment's prefix."""
    return [TopicPartition(topic, at) for at in range(Names.of(settings).partitions_of(topic, settings.partitions))]


async def _wait_for_leaders(topics: Iterable[str], settings: Settings) -> None:
    """Returns when every partition can be written to.

    A broker tells of its topics a moment before it leads them, and refuses until then. Asked for ends, it refuses too.
    """
    async with AIOKafkaConsumer(**connection(settings), group_id=None, enable_auto_commit=False) as kafka:
        await kafka.end_offsets([tp for topic in topics for tp in every(topic, settings)])
