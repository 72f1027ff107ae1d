"""Measures that rest on terms: cells are a function of events and terms, whatever was agreed on before."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_kpis.engine.catalogues import document_of, plan_of
from stream_kpis.engine.compiler import Plan, compile_catalogue
from stream_kpis.journeys.facts import FACTS
from stream_kpis.kpis.load import built_in, kind_of
from stream_kpis.kpis.terms import USUAL, Terms
from tests.engine import shards
from tests.engine.shards import CALENDARS, Log, batch, catalogue_of, measures_of, records_of
from tests.engine.worlds import NOW_MS, happenings

OTHER = {
    "tickets": Terms({"low": 1, "urgent": 9_000_000}, 60_000, USUAL.stages),
    "deals": Terms(USUAL.sla_ms, USUAL.otherwise_ms, {"default": {"proposal": 250_000, "discovery": 1_000_000}}),
}


def under(journey: str, terms: Terms) -> Plan:
    """All that a journey counts, by other terms than the usual ones."""
    return compile_catalogue(catalogue_of(**measures_of(journey)), CALENDARS, terms=terms)


@pytest.mark.parametrize("journey", OTHER)
@settings(max_examples=15, derandomize=True, deadline=None, database=None)
@given(st.data(), st.booleans())
def test_changed_terms_count_as_if_they_had_always_been(journey: str, data: Any, sealed: bool) -> None:
    """From the parties, sealed or not; and what does not rest on them is not written again."""
    events = sorted(data.draw(happenings(journey)), key=lambda event: event.time_ms)
    records = [r._replace(timestamp=e.time_ms) for e, r in zip(events, records_of(events), strict=True)]
    days = 1 if sealed else 100_000
    log, always = Log(), Log()
    for plan, into in ((shards.plan_of(journey), log), (under(journey, OTHER[journey]), always)):
        shard = Log().recovered(plan, disorder_days=days)
        for record in records:
            shard.apply(batch([record]))
            into.append(shard.take(record.timestamp))
        into.append(shard.take(NOW_MS))
    flush = log.settle(log.recovered(under(journey, OTHER[journey]), disorder_days=days), NOW_MS)
    assert log.contents == always.contents
    resting = {name for name, fact in FACTS.items() if fact.terms}
    assert all(any(name.encode() in key for name in resting) for key, _ in flush.cells)


@pytest.mark.parametrize(("section", "terms"), [("sla", OTHER["tickets"]), ("stages", OTHER["deals"])])
def test_the_definitions_of_measures_that_rest_on_a_section_alone_change_with_it(section: str, terms: Terms) -> None:
    """So nothing else is built anew."""
    catalogue = built_in()
    before, after = compile_catalogue(catalogue).definitions, compile_catalogue(catalogue, terms=terms).definitions
    facts = {name: (kind_of(measure)[1], measure.base) for name, measure in catalogue.measures.items()}
    resting = {name for name, said in facts.items() if any(fact and FACTS[fact].terms == section for fact in said)}
    assert {name for name in before if before[name] != after[name]} == resting
    assert resting


def test_a_catalogue_in_the_changelog_says_the_terms() -> None:
    """With the stages in their order."""
    plan = compile_catalogue(built_in(), terms=OTHER["deals"])
    read = plan_of(document_of(plan).value)
    assert read.terms == plan.terms
    assert list(read.terms.listed("default")) == ["proposal", "discovery"]
    assert document_of(plan).name != document_of(compile_catalogue(built_in())).name
