"""Control topics: what a deployment is told beside the events, read whole at the start."""

import asyncio
import logging
from collections import Counter
from collections.abc import Collection

from aiokafka.errors import KafkaError

from stream_kpis.engine.compiler import Plan
from stream_kpis.plan import compile_plan, find_calendars
from stream_kpis.settings import Settings
from stream_kpis.stream.changelog import committed, read_to_ends
from stream_kpis.stream.failure import kafka_line
from stream_kpis.stream.topics import Names, declare, every, survey

logger = logging.getLogger(__name__)


async def read_control(settings: Settings, topic: str) -> list[bytes | None]:
    """The values of all committed records of a topic, by partition and offset.

    Args:
        settings: of the deployment.
        topic: with the deployment's prefix; it is there.

    Raises:
        KafkaError: no broker answers, or it refuses.
    """
    wanted = every(topic, settings)
    found: dict[int, list[bytes | None]] = {tp.partition: [] for tp in wanted}
    async with committed(settings) as kafka:
        async for records in read_to_ends(kafka, wanted):
            found[records[0].partition] += [record.value for record in records]
    return [value for values in found.values() for value in values]


async def deployed_plan(settings: Settings) -> Plan:
    """The plan with what the control topics say now; missing topics are made.

    Raises:
        SettingsError: catalogue, calendars or topics are wrong.
        KafkaError: no broker answers, or it refuses.
    """
    plan = compile_plan(settings)  # what is wrong with the files is said without Kafka
    names = await declare(settings)
    records = await read_control(settings, names.calendars)
    if not records:
        return plan
    ignored = find_calendars(settings, records).ignored
    if ignored:
        logger.warning("%s", ignored_line(names.calendars, ignored))
    return compile_plan(settings, records)


async def plan_in_force(settings: Settings) -> Plan:
    """The plan with what the control topics say now, for whoever only looks: no topic is made.

    Raises:
        SettingsError: catalogue, calendars or topics are wrong.
        RuntimeError: Kafka does not answer; one line.
    """
    try:
        return await plan_without((await survey(settings)).missing, settings)
    except KafkaError as error:
        raise RuntimeError(kafka_line(settings.bootstrap, error)) from error


async def plan_without(missing: Collection[str], settings: Settings) -> Plan:
    """The same, for who knows already which topics are missing.

    Raises:
        SettingsError: catalogue, calendars or topics are wrong.
        KafkaError: no broker answers, or it refuses.
    """
    calendars = Names.of(settings).calendars
    return compile_plan(settings, await read_control(settings, calendars) if calendars not in missing else [])


def deployed_plan_now(settings: Settings) -> Plan:
    """As :func:`deployed_plan`, for who has no event loop yet; leaves the thread's as it is."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(deployed_plan(settings))
    finally:
        loop.close()


def ignored_line(topic: str, ignored: Counter[str]) -> str:
    """What of a control topic changed nothing, for people."""
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(ignored.items()))
    return f"topic {topic}: records that change nothing: {reasons}; see docs/calendars.md"
