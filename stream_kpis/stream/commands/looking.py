"""The commands that look into parties: `party`, `attention` and `report`."""

import asyncio
import time
from datetime import date, timedelta

from aiokafka.errors import KafkaError

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.tiles import Calendar
from stream_kpis.events.envelope import Reader, Reject
from stream_kpis.events.types import KIND_OF_DATA
from stream_kpis.live.asks import asks_of
from stream_kpis.live.model.operators.targets import Targets
from stream_kpis.live.model.pseudonyms import Pseudonyms
from stream_kpis.live.receipts.party import COLUMNS, Dossier, Place, dossier, render, rows_of
from stream_kpis.live.terminal import attention, handover
from stream_kpis.live.terminal.client import ask, url_of
from stream_kpis.live.terminal.listing import print_listing
from stream_kpis.plan import goals_of
from stream_kpis.settings import Settings
from stream_kpis.stream.control import plan_in_force
from stream_kpis.stream.failure import kafka_line
from stream_kpis.stream.logs import set_up_logging
from stream_kpis.stream.parties import holdings_of, records_of
from stream_kpis.stream.targets import TargetsReader
from stream_kpis.stream.topics import Names, survey
from stream_kpis.stream.waiting import read_waiting


def print_party(settings: Settings, *, party: str, offsets: bool, as_json: bool, as_csv: bool) -> int:
    """Prints one party's dossier; returns the exit code.

    Raises:
        ValueError: nothing is known of the party; one line.
        RuntimeError: Kafka does not answer; one line.
    """
    set_up_logging(settings.verbose)
    now_ms = time.time_ns() // 1_000_000

    async def look() -> tuple[Plan, Dossier, dict[tuple[str, str], Place]]:
        plan = await plan_in_force(settings)
        held = await holdings_of(settings, plan, party)
        found = dossier(party, held, plan, Calendar(settings.zone), now_ms, settings.currency)
        return plan, found, await _places(settings, found) if offsets else {}

    plan, found, places = asyncio.run(look())
    rows = rows_of(found, plan, settings.currency, places, Pseudonyms.of(settings))
    document = {"party": party, "voided": found.voided, "rows": rows}
    print_listing(
        COLUMNS, rows, document, lambda: render(found, plan, settings.currency, places), as_json=as_json, as_csv=as_csv
    )
    return 0


def print_attention(settings: Settings, *, by: str | None, as_json: bool, as_csv: bool) -> int:
    """Prints what waits, or how much of it by owner or team; returns the exit code.

    Raises:
        RuntimeError: Kafka does not answer; one line.
    """
    _, cases = asyncio.run(_cases(settings))
    if by is None:
        rows = attention.rows_of(cases)
        print_listing(
            attention.COLUMNS, rows, {"waiting": rows}, lambda: attention.render(cases), as_json=as_json, as_csv=as_csv
        )
    else:
        some = attention.summary(cases, by)
        print_listing(
            attention.SUMMARY_COLUMNS, some, {"by": by, "waiting": some}, lambda: attention.render_summary(some, by),
            as_json=as_json, as_csv=as_csv,
        )  # fmt: skip
    return 0


async def _cases(settings: Settings) -> tuple[Plan, list[attention.Waiting]]:
    """What waits, and the plan that says since when that is too long."""
    set_up_logging(settings.verbose)
    plan = await plan_in_force(settings)
    cases: list[attention.Waiting] = []
    await read_waiting(settings, plan, time.time_ns() // 1_000_000, cases.extend)
    return plan, sorted(cases, key=attention.oldest_first)


def print_report(settings: Settings, *, since: str, until: str, url: str | None, as_json: bool, as_csv: bool) -> int:
    """Prints the handover of some business days; returns the exit code.

    Raises:
        ValueError: a day is none, or there is none between them; one line.
        RuntimeError: the exporter or Kafka does not answer; one line.
    """
    (asked,) = asks_of(Calendar(settings.zone), since=since, until=until)
    url = url or url_of(settings)
    first, after = date.fromisoformat(since), date.fromisoformat(until)
    before = ("from", (first - (after - first)).isoformat()), ("to", since)
    now = ask(url, "/api/kpis", [("by", ""), ("from", since), ("to", until)])["values"]
    was = ask(url, "/api/kpis", [("by", ""), *before])["values"]
    plan, cases = asyncio.run(_cases(settings))
    targets = asyncio.run(_targets(settings, plan)).of_days(after - timedelta(days=1))
    missed, moved = handover.breaches(now, plan.catalogue.kpis, targets), handover.changes(now, was)
    waiting = handover.open_queue(attention.rows_of(cases))
    document = {"from": since, "to": until, "breaches": missed, "changes": moved, "open": waiting}
    print_listing(
        handover.COLUMNS, [*missed, *moved, *waiting], document,
        lambda: handover.render(f"Handover of {asked.name}", missed, moved, waiting), as_json=as_json, as_csv=as_csv,
    )  # fmt: skip
    return 0


async def _targets(settings: Settings, plan: Plan) -> Targets:
    """What values should be, from the catalogue, the file of goals and the topic of targets, if that is there."""
    targets = Targets(plan, Calendar(settings.zone), goals_of(settings, plan))
    try:
        if Names.of(settings).targets not in (await survey(settings)).missing:
            async with TargetsReader(settings, plan.catalogue.kpis, targets.tell):
                pass
    except KafkaError as error:
        raise RuntimeError(kafka_line(settings.bootstrap, error)) from error
    return targets


async def _places(settings: Settings, found: Dossier) -> dict[tuple[str, str], Place]:
    """Where the events lie, as far as the topics still have them: the first copy of each.

    Each counts by whatever topic it came; all topics are read if some are not in those of their families.
    """
    names, reader = Names.of(settings), Reader(settings.currency)
    places: dict[tuple[str, str], Place] = {}
    events = {(event.source, event.id) for event, _ in found.events}
    usual = {KIND_OF_DATA[type(event.data)].topic for event, _ in found.events}
    others = {names.plain(topic) for topic in names.sources} - usual
    for topics in (usual, others):
        if events <= places.keys():
            break
        for record in await records_of(settings, found.party, sorted(topics)):
            incoming = reader.read(record.value, record.key, record.timestamp, record.headers)
            if not isinstance(incoming, Reject):
                event = incoming.event
                place = Place(names.plain(record.topic), record.partition, record.offset)
                places.setdefault((event.source, event.id), place)
    return places
