"""Measures under a business clock: cells are a function of events and calendars, whatever was known before."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_kpis.engine.compiler import Plan, compile_catalogue
from stream_kpis.events.envelope import Record, encode_event
from stream_kpis.kpis.business_time import WEEKDAYS, Calendars, Version
from tests.engine.shards import Log, applied, batch, catalogue_of, in_batches, measures_of, plan_of, records_of
from tests.engine.worlds import NOW_MS, happenings, iso

NIGHT = Version(zone="America/New_York", week=dict.fromkeys(WEEKDAYS, "20:00-24:00"))


def under(calendars: Calendars) -> Plan:
    """All that tickets count, under other calendars than the usual ones."""
    return compile_catalogue(catalogue_of(**measures_of("tickets")), calendars)


def created(offset: int, calendar: str) -> Record:
    """A ticket."""
    value = encode_event(
        "ticket.created", id=f"{offset}", source="s", time=iso(NOW_MS - 5000), subject="p",
        data={"ticket_id": f"{offset}", "calendar": calendar},
    )  # fmt: skip
    return Record("crm.tickets", 0, offset, NOW_MS, b"p", value)


@pytest.mark.parametrize(
    "calendars",
    [
        Calendars(),
        Calendars({"1": [NIGHT]}),
        Calendars({"1": [NIGHT], "2": [NIGHT]}, "2"),
    ],
    ids=["none", "another one", "one more and another default"],
)
@settings(max_examples=15, derandomize=True, deadline=None, database=None)
@given(st.data(), st.booleans())
def test_changed_calendars_count_as_if_they_had_always_been(calendars: Calendars, data: Any, sealed: bool) -> None:
    """From the parties, sealed or not; and what the wall clock measures is not written again."""
    events = sorted(data.draw(happenings("tickets")), key=lambda event: event.time_ms)
    records = [r._replace(timestamp=e.time_ms) for e, r in zip(events, records_of(events), strict=True)]
    days = 1 if sealed else 100_000
    log, always = Log(), Log()
    for plan, into in ((plan_of("tickets"), log), (under(calendars), always)):
        shard = Log().recovered(plan, disorder_days=days)
        for record in records:
            shard.apply(batch([record]))
            into.append(shard.take(record.timestamp))
        into.append(shard.take(NOW_MS))
    flush = log.settle(log.recovered(under(calendars), disorder_days=days), NOW_MS)
    assert log.contents == always.contents
    assert all(b"_business" in key for key, _ in flush.cells)


def test_the_definitions_of_clocked_measures_alone_rest_on_the_calendars() -> None:
    """So nothing else is built anew."""
    before, after = plan_of("tickets").definitions, under(Calendars({"1": [NIGHT]})).definitions
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {name for name in before if name.endswith("_business")}
    assert changed


def test_what_waits_is_told_apart_by_its_calendar() -> None:
    """In one cell: the slots of the second calendar lie above those of the first."""
    measures = {"waiting": measures_of("tickets")["ticket_unanswered_business"]}
    plan = compile_catalogue(catalogue_of(**measures), Calendars({"a": [NIGHT], "b": [NIGHT]}))
    contents = applied(plan, [created(0, "a"), created(1, "b"), created(2, "always"), created(3, "b")]).contents
    ungrouped = next(cell for key, cell in contents.items() if "\x1f\x1f" in key)
    start = (NOW_MS - 5000) % 10_000
    assert ungrouped == {("", start): 1, ("", 10_000 + start): 1, ("", 20_000 + start): 2}


def test_tickets_that_name_no_calendar_that_is_there_are_counted() -> None:
    """Once for each that is taken in; an empty name is none."""
    records = [created(0, "1"), created(1, "2"), created(2, ""), created(3, "always"), created(4, "nowhere")]
    twice = in_batches(plan_of("tickets"), [records, [r._replace(offset=5 + n) for n, r in enumerate(records)]])
    assert twice.header is not None
    assert twice.header.counters["calendars_unknown"] == 2
