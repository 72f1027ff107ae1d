"""Groupings by dimensions that are looked up: as of the time that decides the tile, whatever comes later."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_kpis.engine.compiler import compile_catalogue
from stream_kpis.engine.tiles import Calendar
from stream_kpis.events.envelope import Record, encode_event
from stream_kpis.kpis.business_time import Calendars
from stream_kpis.kpis.lines import CatalogueError
from stream_kpis.kpis.lookups import Lookup, Lookups, Word
from stream_kpis.kpis.schema import Measure
from tests.engine.shards import Contents, applied, catalogue_of, records_of
from tests.engine.worlds import NOW_MS, happenings, iso

DAY_MS = 86_400_000
CHANGE = datetime.fromtimestamp(NOW_MS / 1000, UTC).date().toordinal() - 30
REPS = {"1": (Word("north"), Word("south", date.fromordinal(CHANGE))), "2": "north"}
TABLES = {"team": Lookup("owner", REPS), "region": Lookup("team", {"north": "emea"})}
LOOKUPS = Lookups(TABLES, Calendar().start_of)
MEASURES = {
    "leads": Measure(flow="lead_created", by=("owner", "team", "region", "channel,team")),
    "answers": Measure(distribution="lead_answered", by=("team",)),
    "won": Measure(cohort="lead_converted", base="lead_created", within="30d", by=("team",)),
    "waiting": Measure(open_set="lead_uncontacted", by=("team",)),
}
PLAN = compile_catalogue(catalogue_of(**MEASURES), lookups=LOOKUPS)


def grouped(contents: Contents, measure: str, by: str) -> dict[str, dict[tuple[str, int], int]]:
    """The cells of a grouping by tile."""
    keys = {key: key.split("\x1f") for key in contents}
    return {parts[3]: contents[key] for key, parts in keys.items() if (parts[0], parts[2]) == (measure, by)}


@settings(max_examples=40, derandomize=True, deadline=None, database=None)
@given(st.data())
def test_groups_are_those_of_the_looked_up_words(data: Any) -> None:
    """Every tile of a team holds what its owners' cells hold there; tiles are days, and teams change with a day."""
    contents = applied(PLAN, records_of(data.draw(happenings("leads")))).contents
    by_owner, by_team = grouped(contents, "leads", "owner"), grouped(contents, "leads", "team")
    assert by_owner.keys() == by_team.keys()
    for tile, cell in by_owner.items():
        at_ms = (int(tile) >> 2) * 10_000
        expected: dict[tuple[str, int], int] = {}
        for (owner, slot), n in cell.items():
            group = LOOKUPS.value("team", owner, at_ms), slot
            expected[group] = expected.get(group, 0) + n
        assert by_team[tile] == expected


@settings(max_examples=20, derandomize=True, deadline=None, database=None)
@given(st.data())
def test_every_kind_counts_as_much_by_a_lookup_as_in_all(data: Any) -> None:
    """What follows a base event falls where the base event lies, and what waits where it began."""
    contents = applied(PLAN, records_of(data.draw(happenings("leads")))).contents
    for measure, by in (("leads", "region"), ("leads", "channel,team"), ("answers", "team"), ("won", "team"),
                        ("waiting", "team")):  # fmt: skip
        totals, groups = grouped(contents, measure, ""), grouped(contents, measure, by)
        assert totals.keys() == groups.keys()
        for tile, cell in groups.items():
            summed: dict[tuple[str, int], int] = {}
            for (_, slot), n in cell.items():
                summed["", slot] = summed.get(("", slot), 0) + n
            assert {slot: n for slot, n in summed.items() if n} == totals[tile]


def test_what_follows_belongs_to_the_team_of_the_beginning() -> None:
    """Its owner has changed teams since."""
    told = (("created", 35, {"owner_id": "1"}), ("contacted", 20, {"owner_id": "1"}), ("converted", 10, {}))
    values = [
        encode_event(f"lead.{kind}", id=kind, source="s", time=iso(NOW_MS - age * DAY_MS), subject="p",
                     data={"lead_id": "l", **data})
        for kind, age, data in told
    ]  # fmt: skip
    records = [Record("crm.leads", 0, offset, NOW_MS, b"p", value) for offset, value in enumerate(values)]
    contents = applied(PLAN, records).contents
    (won,) = grouped(contents, "won", "team").values()
    assert won == {("north", 0): 1, ("north", 1): 1}
    (answers,) = grouped(contents, "answers", "team").values()
    assert {group for group, _ in answers} == {"south"}


@settings(max_examples=15, derandomize=True, deadline=None, database=None)
@given(st.data())
def test_a_changed_lookup_counts_as_if_it_had_always_been(data: Any) -> None:
    """Built anew from the parties; what it does not touch stays."""
    records = records_of(data.draw(happenings("leads")))
    before = Lookups({**TABLES, "team": Lookup("owner", {"1": "east"})}, Calendar().start_of)
    log = applied(compile_catalogue(catalogue_of(**MEASURES), lookups=before), records)
    log.settle(log.recovered(PLAN), NOW_MS)
    assert log.contents == applied(PLAN, records).contents


def test_only_definitions_that_use_a_lookup_rest_on_it() -> None:
    measures = {"leads": MEASURES["leads"], "won": Measure(flow="lead_converted", by=("owner",))}
    before = compile_catalogue(catalogue_of(**measures), Calendars(), LOOKUPS).definitions
    other = Lookups({**TABLES, "region": Lookup("team", {"south": "apac"})}, Calendar().start_of)
    after = compile_catalogue(catalogue_of(**measures), Calendars(), other).definitions
    assert {name for name in before if before[name] != after[name]} == {"leads"}


@pytest.mark.parametrize(
    ("measure", "message"),
    [
        (Measure(flow="lead_created", by=("teem",)), r"has no dimension 'teem' .* \(did you mean team\?\)"),
        (Measure(flow="complaint_received", by=("team",)), "has no dimension 'team'"),
        (Measure(level="deal_open", by=("team",)), "level cannot be grouped by 'team': nothing would move it"),
    ],
)
def test_what_cannot_be_looked_up_is_refused(measure: Measure, message: str) -> None:
    """A level would never learn that somebody changed teams."""
    with pytest.raises(CatalogueError, match=message):
        compile_catalogue(catalogue_of(mine=measure), lookups=LOOKUPS)
