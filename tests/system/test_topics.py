"""Output topics that were made by hand, on a real broker."""

import asyncio
import re

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from stream_kpis.settings import Settings
from stream_kpis.stream.commands.check import Outcome, findings
from stream_kpis.stream.topics import Names, declare
from tests.system.chaos import Workers

RIGHT = {"cleanup.policy": "compact", "max.message.bytes": "8388608"}


async def make(settings: Settings, topic: str, config: dict[str, str]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, settings.partitions, 1, topic_configs=config)])
    while any(found["error_code"] for found in await admin.describe_topics([topic])):  # noqa: ASYNC110 - only asking tells
        await asyncio.sleep(0.02)
    await admin.close()


@pytest.mark.parametrize(
    ("role", "config", "found"),
    [
        ("cells", {"max.message.bytes": "8388608"}, "cleanup.policy is delete, not compact"),
        ("parties", {"cleanup.policy": "compact"}, "max.message.bytes is 1048588, below 8388608"),
        ("rekeyed", RIGHT, "cleanup.policy is compact, not delete"),
        ("dead_letters", {}, "max.message.bytes is 1048588, below 8388608"),
    ],
)
async def test_a_topic_made_by_hand_that_would_lose_data_ends_the_worker_with_one_line(
    settings: Settings, workers: Workers, role: str, config: dict[str, str], found: str
) -> None:
    topic = getattr(Names.of(settings), role)
    await make(settings, topic, config)
    worker = workers.start()
    assert await worker.ended() == 2
    assert re.fullmatch(rf"stream-kpis: topic {topic}: {found}: run kafka-configs\.sh .*\n", worker.said)


async def test_topics_made_by_hand_as_they_should_be_are_taken(settings: Settings) -> None:
    """And the others beside them are made."""
    await make(settings, Names.of(settings).cells, RIGHT)
    await declare(settings)
    await declare(settings)


def topics_of(settings: Settings) -> list[tuple[Outcome, str]]:
    return [(outcome, found) for outcome, what, found in findings(settings) if what == "topics"]


def test_check_says_what_the_worker_would_say_of_every_topic(settings: Settings) -> None:
    names = Names.of(settings)
    asyncio.run(make(settings, names.cells, {"max.message.bytes": "8388608", "delete.retention.ms": "1000"}))
    asyncio.run(make(settings, names.dead_letters, {}))
    (first, cells), (second, dead), (third, weak), (fourth, missing) = topics_of(settings)
    assert (first, second, third, fourth) == (Outcome.WRONG, Outcome.WRONG, Outcome.WARN, Outcome.OK)
    assert cells.startswith(f"topic {names.cells}: cleanup.policy is delete, not compact: run kafka-configs.sh ")
    assert dead.startswith(f"topic {names.dead_letters}: max.message.bytes is 1048588, below 8388608: run ")
    assert weak.startswith(f"topic {names.cells}: delete.retention.ms is 1000, ")
    assert missing.endswith("are missing; the worker makes them when it starts")
