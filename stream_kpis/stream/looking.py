"""The commands that look into parties: `party`."""

import asyncio
import time

from stream_kpis.engine.tiles import Calendar
from stream_kpis.events.envelope import Reader, Reject
from stream_kpis.events.types import KIND_OF_DATA
from stream_kpis.live.listing import print_listing
from stream_kpis.live.party import COLUMNS, Dossier, Place, dossier, render, rows_of
from stream_kpis.plan import compile_plan
from stream_kpis.settings import Settings
from stream_kpis.stream.parties import holdings_of, records_of


def print_party(settings: Settings, *, party: str, offsets: bool, as_json: bool, as_csv: bool) -> int:
    """Prints one party's dossier; returns the exit code.

    Raises:
        ValueError: nothing is known of the party; one line.
        RuntimeError: Kafka does not answer; one line.
    """
    plan = compile_plan(settings)
    now_ms = time.time_ns() // 1_000_000

    async def look() -> tuple[Dossier, dict[tuple[str, str], Place]]:
        held = await holdings_of(settings, plan, party)
        found = dossier(party, held, plan, Calendar(settings.zone), now_ms, settings.currency)
        return found, await _places(settings, found) if offsets else {}

    found, places = asyncio.run(look())
    rows = rows_of(found, plan, settings.currency, places)
    document = {"party": party, "voided": found.voided, "rows": rows}
    print_listing(
        COLUMNS, rows, document, lambda: render(found, plan, settings.currency, places), as_json=as_json, as_csv=as_csv
    )
    return 0


async def _places(settings: Settings, found: Dossier) -> dict[tuple[str, str], Place]:
    """Where the events lie, as far as the topics still have them: the first copy of each."""
    reader = Reader(settings.currency)
    places: dict[tuple[str, str], Place] = {}
    topics = {KIND_OF_DATA[type(event.data)].topic for event, _ in found.events}
    for record in await records_of(settings, found.party, sorted(topics)):
        incoming = reader.read(record.value, record.key, record.timestamp, record.headers)
        if not isinstance(incoming, Reject):
            event = incoming.event
            places.setdefault((event.source, event.id), (record.partition, record.offset))
    return places
