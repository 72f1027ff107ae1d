"""What each journey says of what happened: cases by hand from docs/definitions.md, and promises that all keep."""

import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from stream_kpis.events.envelope import Event, Incoming, Reader, events_decoder, events_encoder
from stream_kpis.journeys import JOURNEYS
from stream_kpis.journeys.facts import FACTS, Fact, under_calendar
from stream_kpis.journeys.journey import BY_DEFAULT, Agreed, counting
from tests.engine.worlds import FAMILIES, NOW_MS, Happening, iso, one_of, value_of
from tests.journeys.cases import CASES, MINUTE_MS, Step
from tests.journeys.cases_of_parties import CASES_OF_PARTIES
from tests.journeys.continued import OF_ENTITIES
from tests.journeys.continued_parties import OF_PARTIES
from tests.journeys.continued_value import OF_VALUE

FIRST = CASES | CASES_OF_PARTIES
CONTINUED = OF_ENTITIES | OF_PARTIES | OF_VALUE


def events_of(steps: list[Step]) -> list[Event]:
    """The events, in the order in which a journey folds them."""
    reader, found = Reader(), []
    for number, (minute, kind, data) in enumerate(steps):
        value = msgspec.json.encode(
            {"specversion": "1.0", "id": f"{number:03}", "source": "s", "type": kind, "time": iso(minute * MINUTE_MS),
             "subject": "p", "data": data}
        )  # fmt: skip
        incoming = reader.read(value, None, NOW_MS)
        assert isinstance(incoming, Incoming), incoming
        found.append(incoming.event)
    return sorted(found, key=lambda event: event.order)


def said(journey: str, steps: list[Step]) -> set[tuple[Any, ...]]:
    """The facts after some steps: (name, minute, value, dimensions that are known)."""
    state = JOURNEYS[journey].state()
    for event in events_of(steps):
        if type(event.data) in JOURNEYS[journey].takes:
            JOURNEYS[journey].step(state, event)
    facts = JOURNEYS[journey].facts(state)
    return {(f.name, f.at_ms // MINUTE_MS, f.value, *(dim for dim in f.dims if dim)) for f in facts}


@pytest.mark.parametrize("case", FIRST)
def test_a_journey_says_what_the_definitions_say(case: str) -> None:
    """Each case is a sentence of docs/definitions.md."""
    journey, steps, facts = FIRST[case]
    others = set().union(*(about for of, about, _, _ in CONTINUED.values() if of == journey)) - {
        "deal_lost",
        "customer_level",
        "lead_converted",
    }
    assert {fact for fact in said(journey, steps) if fact[0] not in others} == facts


@pytest.mark.parametrize("case", CONTINUED)
def test_a_journey_says_what_the_next_definitions_say(case: str) -> None:
    """Of all facts that the case is about, exactly these."""
    journey, about, steps, facts = CONTINUED[case]
    assert about <= {name for name, fact in FACTS.items() if fact.journey == journey}
    assert {fact for fact in said(journey, steps) if fact[0] in about} == facts


# Promises that all keep.


_APART_MS = {"purchases": 20 * 86_400_000}
"""How far apart a journey's events lie for all of it to happen, if not by minutes."""


def stories(journey: str) -> list[list[Event]]:
    """The events of many parties that the journey takes, in order."""
    dice, reader, found = random.Random(journey), Reader(), []
    entities = "1234" if None in JOURNEYS[journey].takes.values() else "1"
    for _ in range(200):
        events = []
        for number in range(dice.randrange(24)):
            kind, entity = one_of(FAMILIES[journey], dice), dice.choice(entities)
            at_ms = NOW_MS - dice.randrange(9) * _APART_MS.get(journey, MINUTE_MS)
            happening = Happening(kind.name, at_ms, dice.randrange(9999), f"{number}", entity=entity)
            incoming = reader.read(value_of(happening), None, NOW_MS)
            assert isinstance(incoming, Incoming)
            if kind.data in JOURNEYS[journey].takes:
                events.append(incoming.event)
        found.append(sorted(events, key=lambda event: event.order))
    return found


@pytest.mark.parametrize("journey", JOURNEYS)
def test_facts_are_as_declared(journey: str) -> None:
    """Of the journey, with all its dimensions, in integers of the kind that is declared; and each occurs."""
    seen = set()
    for events in stories(journey):
        state = JOURNEYS[journey].state()
        for event in events:
            JOURNEYS[journey].step(state, event)
        for fact in JOURNEYS[journey].facts(state):
            seen.add(fact.name)
            check(fact, journey)
    by_the_engine = {"party_active"}
    assert seen == {name for name, fact in FACTS.items() if fact.journey == journey} - by_the_engine


def check(fact: Fact, journey: str) -> None:
    """One fact against its declaration."""
    declared = FACTS[fact.name]
    assert declared.journey == journey
    assert len(declared.dims) == len(fact.dims)
    assert isinstance(fact.at_ms, int)
    assert isinstance(fact.value, int)
    match declared.value.split()[-1]:
        case "0":
            assert fact.value == 0
        case "±1":
            assert fact.value in (1, -1)
        case "ms":
            assert fact.value >= 0
        case unit:
            assert unit in ("micro-units", "micro-points", "thousandths")


@pytest.mark.parametrize("journey", JOURNEYS)
def test_a_state_comes_back_from_its_bytes_at_any_moment(journey: str) -> None:
    """As a seal keeps it: what follows goes on as if it had stayed in memory."""
    decoder = events_decoder(JOURNEYS[journey].state)
    for events in stories(journey):
        kept, whole = JOURNEYS[journey].state(), JOURNEYS[journey].state()
        for event in events:
            kept = decoder.decode(events_encoder.encode(kept))
            for state in (kept, whole):
                JOURNEYS[journey].step(state, event)
            assert JOURNEYS[journey].facts(kept) == JOURNEYS[journey].facts(whole)


@pytest.mark.parametrize("journey", JOURNEYS)
def test_asking_for_facts_changes_nothing(journey: str) -> None:
    """However often."""
    for events in stories(journey):
        state = JOURNEYS[journey].state()
        for event in events:
            JOURNEYS[journey].step(state, event)
        before = events_encoder.encode(state)
        assert JOURNEYS[journey].facts(state) == JOURNEYS[journey].facts(state)
        assert events_encoder.encode(state) == before


@pytest.mark.parametrize("journey", JOURNEYS)
def test_new_states_share_nothing(journey: str) -> None:
    """Defaults are not handed from one entity to the next."""
    blank = events_encoder.encode(JOURNEYS[journey].state())
    for events in stories(journey):
        state = JOURNEYS[journey].state()
        for event in events:
            JOURNEYS[journey].step(state, event)
        assert events_encoder.encode(JOURNEYS[journey].state()) == blank


def test_every_journey_is_named_as_its_facts_say() -> None:
    """And no fact belongs to a journey that is not there."""
    assert {fact.journey for fact in FACTS.values()} == set(JOURNEYS)
    assert all(journey.name == name for name, journey in JOURNEYS.items())


CLOCKED = [name for name in JOURNEYS if JOURNEYS[name].clocked]


def test_what_exists_under_a_business_clock_is_made_there() -> None:
    """And nothing else."""
    made = {name for journey in CLOCKED for names, _ in JOURNEYS[journey].clocked for name in names}
    assert made == {under_calendar(name) for name, fact in FACTS.items() if fact.business}


@pytest.mark.parametrize("journey", CLOCKED)
def test_under_a_calendar_that_is_always_open_facts_are_those_of_the_wall_clock(journey: str) -> None:
    """What waits says by its number that it is that calendar."""
    clocked = {under_calendar(name): name for name, fact in FACTS.items() if fact.business}
    counted = counting(JOURNEYS[journey], clocked)
    for events in stories(journey):
        state = counted.state()
        for event in events:
            counted.step(state, event)
        wall = [fact for fact in JOURNEYS[journey].facts(state) if FACTS[fact.name].business]
        business = [Fact(clocked[fact.name], fact.at_ms, fact.value, fact.dims) for fact in counted.facts(state)]
        assert sorted(business, key=str) == sorted(wall, key=str)


def usual(make: Callable[[Any, Agreed], list[Fact]]) -> Callable[[Any], list[Fact]]:
    """What a maker of facts that rest on terms makes by the usual ones."""
    return lambda state: make(state, BY_DEFAULT)


def test_what_rests_on_terms_is_made_by_them() -> None:
    """As declared, and nothing else."""
    termed = {name for journey in JOURNEYS.values() for names, _ in journey.termed for name in names}
    assert termed == {name for name, fact in FACTS.items() if fact.terms}


@pytest.mark.parametrize("journey", [name for name in JOURNEYS if JOURNEYS[name].makers])
def test_makers_make_all_facts_each_its_own(journey: str) -> None:
    """So that leaving some out leaves out those facts and no others."""
    makers = (*JOURNEYS[journey].makers, *((names, usual(make)) for names, make in JOURNEYS[journey].termed))
    assert frozenset().union(*(names for names, _ in makers)) == {
        name for name, fact in FACTS.items() if fact.journey == journey
    }
    for events in stories(journey):
        state = JOURNEYS[journey].state()
        for event in events:
            JOURNEYS[journey].step(state, event)
        made = [(names, make(state)) for names, make in makers]
        assert all(fact.name in names for names, facts in made for fact in facts)
        assert JOURNEYS[journey].facts(state) == [fact for _, facts in made for fact in facts]
