"""Calendars of the control topic on a real broker: known from the start, taken anew by a restart."""

import json
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

from stream_kpis.engine.partition import partition_of
from stream_kpis.events.envelope import encode_event
from stream_kpis.settings import Settings
from stream_kpis.stream.control import plan_in_force, read_control
from stream_kpis.stream.sources import SourceProducer
from stream_kpis.stream.topics import Names, declare, survey
from tests.system.deployment import Deployment

KPIS = ("first_response_time", "first_response_time_business")


async def announce(settings: Settings, *values: dict[str, Any] | None) -> None:
    """Sends versions of calendars, keyed as the docs say."""
    names = await declare(settings)
    kafka = AIOKafkaProducer(bootstrap_servers=settings.bootstrap)
    await kafka.start()
    for value in values:
        key = f"{value['calendar']}@{value.get('valid_from', '1970-01-01')}".encode() if value else b"gone"
        partition = partition_of(key, settings.partitions)
        await kafka.send_and_wait(names.calendars, json.dumps(value).encode() if value else None, key, partition)
    await kafka.stop()


def version(hours: str, **more: str) -> dict[str, Any]:
    """A version of the calendar `desk`, open on Mondays."""
    return {"calendar": "desk", "zone": "UTC", "week": {"mon": hours}, **more}


async def waits_s(deployment: Deployment) -> list[tuple[float | None, int]]:
    """The first responses on the wall and in business time: the median, and how many."""
    await deployment.caught_up(2)
    rows = (await deployment.get("/api/kpis", ("window", "all")))["values"]
    found = {row["kpi"]: (row["value"], row["samples"]) for row in rows if not row["by"] and row["kpi"] in KPIS}
    return [found[kpi] for kpi in KPIS if kpi in found]


async def test_a_version_that_comes_later_counts_after_a_restart_for_all_the_past(
    settings: Settings, tmp_path: Path
) -> None:
    """The first record of a version stands; a tombstone and a repetition change nothing."""
    await announce(settings, version("09:00-17:00"), None, version("00:00-24:00"))
    async with SourceProducer(settings) as producer:
        for number, (kind, time, data) in enumerate([
            ("ticket.created", "2026-04-13T08:00:00Z", {"calendar": "desk"}),
            ("ticket.message", "2026-04-13T10:00:00Z", {"author": "agent"}),
        ]):  # fmt: skip
            value = encode_event(
                kind, id=f"{number}", source="s", time=time, subject="p", data={"ticket_id": "t", **data}
            )
            await producer.send("crm.tickets", b"p", value)
    before, after = Deployment(settings, tmp_path), Deployment(settings, tmp_path / "after")
    (tmp_path / "after").mkdir()
    try:
        before.start()
        wall, business = await waits_s(before)
        assert (wall[1], business[1]) == (1, 1)
        assert abs(wall[0] - 7200) < 72
        assert abs(business[0] - 3600) < 36
        topic = f"topic {settings.prefix}crm.calendars"
        assert f"{topic}: records that change nothing: 1 repeated, 1 tombstone;" in before.run("check")
        asked = ("--window", "all", "--url", before.url)
        proved = before.run("explain", "first_response_time_business", *asked, "--prove", "--entities", 1)
        assert "equal: the oracle says the same" in proved
        assert "1 entity of 1 party is behind it" in proved
        assert "first_response_time_business" in before.run("party", "p")
        assert "built from" not in before.run("rebuild", "--dry-run")
        await announce(settings, version("09:30-17:00", valid_from="2026-04-01"))
        assert (await waits_s(before))[1] == business
        before.end()
        after.start()
        wall_then, business_then = await waits_s(after)
        assert wall_then == wall
        assert abs(business_then[0] - 1800) < 18
    finally:
        before.end()
        after.end()


async def test_who_only_looks_knows_the_calendars_of_the_topic_and_makes_none(settings: Settings) -> None:
    """Where there are no topics yet, there are no calendars."""
    assert not (await plan_in_force(settings)).calendars.versions
    assert Names.of(settings).calendars in (await survey(settings)).missing
    await announce(settings, version("09:00-17:00"))
    plan = await plan_in_force(settings)
    assert set(plan.calendars.versions) == {"desk"}
    assert "first_response_time_business" in plan.catalogue.kpis


async def test_a_control_topic_is_read_to_its_end(settings: Settings) -> None:
    """In the order of each partition, however many there are."""
    names = await declare(settings)
    assert await read_control(settings, names.calendars) == []
    await announce(settings, *(version("09:00-17:00", valid_from=f"20{year}-01-01") for year in range(10, 90)))
    values = [json.loads(value or b"") for value in await read_control(settings, names.calendars)]
    assert sorted(value["valid_from"] for value in values) == [f"20{year}-01-01" for year in range(10, 90)]
