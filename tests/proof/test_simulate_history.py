"""The simulated history: what it contains, and that it is the same whenever it is made."""

import statistics
from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from stream_kpis.events.envelope import Event, Incoming, Reader
from stream_kpis.events.types import (
    KIND_OF_DATA,
    KINDS,
    EventVoided,
    TicketCreated,
    TicketDeleted,
    TicketMerged,
    TicketMessage,
)
from stream_kpis.proof.simulate import Simulated, Simulation
from stream_kpis.proof.simulate.dice import DAY, HOUR
from stream_kpis.proof.simulate.simulation import FAMILIES, begin

UNTIL = 1_790_000_000_000
EVENTS, DAYS = 60_000, 120


@pytest.fixture(scope="module")
def history() -> list[Simulated]:
    return list(Simulation(seed=1, parties=800).history(EVENTS, DAYS, UNTIL))


@pytest.fixture(scope="module")
def read(history: list[Simulated]) -> list[tuple[str, Event]]:
    """Party and event of each."""
    reader = Reader()
    found = [reader.read(record.value, record.party.encode(), record.time_ms) for record in history]
    assert [
        (outcome, record) for outcome, record in zip(found, history, strict=True) if not isinstance(outcome, Incoming)
    ] == []
    return [(outcome.party, outcome.event) for outcome in found if isinstance(outcome, Incoming)]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(history: list[Simulated]) -> None:
    assert history == list(Simulation(seed=1, parties=800).history(EVENTS, DAYS, UNTIL))
    assert history[:1000] != list(Simulation(seed=2, parties=800).history(EVENTS, DAYS, UNTIL))[:1000]


def test_events_come_in_order_within_the_days_before_the_end(history: list[Simulated]) -> None:
    assert all(a.time_ms <= b.time_ms for a, b in pairwise(history))
    assert history[0].time_ms >= UNTIL - DAYS * DAY
    assert history[-1].time_ms < UNTIL


@pytest.mark.parametrize("days", [14, 60, 400])
def test_there_are_about_as_many_events_as_asked_for(days: int) -> None:
    made = sum(1 for _ in Simulation(seed=3, parties=500).history(30_000, days, UNTIL))
    assert 0.85 * 30_000 < made < 1.1 * 30_000


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.begin.__name__)
def test_each_family_brings_as_many_events_as_it_declares(family: object) -> None:
    world = Simulation(seed=5).world
    for _ in range(1500):
        begin(world, family, UNTIL)
    made = sum(1 for _ in world.run_to(UNTIL + 400 * DAY))
    assert made / 1500 == pytest.approx(family.events, rel=0.1)


def test_the_reader_accepts_every_event_on_its_topic_at_its_time(
    history: list[Simulated], read: list[tuple[str, Event]]
) -> None:
    for record, (party, event) in zip(history, read, strict=True):
        assert (record.party, record.time_ms, None) == (party, event.time_ms, record.partition)
        assert record.topic == KIND_OF_DATA[type(event.data)].topic or isinstance(event.data, EventVoided)


def test_every_type_of_the_contract_occurs(read: list[tuple[str, Event]]) -> None:
    assert {kind.data for kind in KINDS} == {type(event.data) for _, event in read}


def test_no_two_events_share_source_and_id(read: list[tuple[str, Event]]) -> None:
    assert Counter({1: len(read)}) == Counter(Counter((event.source, event.id) for _, event in read).values())


def test_runs_share_no_source_id_entity_or_party() -> None:
    one, two = (list(Simulation(1, 100, run=run).history(2000, 20, UNTIL)) for run in ("-a", "-b"))
    reader = Reader()

    def names(events: list[Simulated]) -> set[str]:
        found = [reader.read(record.value, None, record.time_ms).event for record in events]
        entities = {getattr(event.data, "ticket_id", None) for event in found} - {None}
        return {event.source for event in found} | entities | {e.party for e in events if "campaign" not in e.party}

    assert set() == names(one) & names(two)


def test_a_void_takes_back_an_event_of_its_party_and_topic_that_is_no_void(
    history: list[Simulated], read: list[tuple[str, Event]]
) -> None:
    known = {(event.source, event.id): (record, event) for record, (_, event) in zip(history, read, strict=True)}
    voids = [
        (record, event.data)
        for record, (_, event) in zip(history, read, strict=True)
        if isinstance(event.data, EventVoided)
    ]
    assert len(voids) > 50
    for record, data in voids:
        taken_back, event = known[data.source, data.id]
        assert (record.party, record.topic) == (taken_back.party, taken_back.topic)
        assert taken_back.time_ms <= record.time_ms
        assert not isinstance(event.data, EventVoided)


def test_dimensions_have_few_values(read: list[tuple[str, Event]]) -> None:
    values = defaultdict(set)
    for _, event in read:
        for name in ("channel", "owner_id", "agent_id", "team", "product", "plan", "segment", "country", "priority"):
            values[name].add(getattr(event.data, name, None))
    sizes = {name: len(found - {None}) for name, found in values.items()}
    assert sizes == {
        "channel": 5,
        "owner_id": 20,
        "agent_id": 20,
        "team": 5,
        "product": 10,
        "plan": 3,
        "segment": 4,
        "country": 8,
        "priority": 4,
    }


def test_days_are_busier_than_nights_and_weekdays_than_weekends(history: list[Simulated]) -> None:
    times = [datetime.fromtimestamp(e.time_ms / 1000, UTC) for e in history if e.topic == "crm.interactions"]
    times = [time for time in times if time.timestamp() * 1000 < UNTIL - 2 * DAY]
    hours, weekdays = Counter(time.hour for time in times), Counter(time.weekday() for time in times)
    assert sum(hours[h] for h in range(9, 17)) > 4 * sum(hours[h] for h in (22, 23, 0, 1, 2, 3, 4, 5))
    assert min(hours.values()) > 0
    assert min(weekdays[d] for d in range(5)) > 1.5 * max(weekdays[5], weekdays[6])


def test_the_last_hour_is_never_empty_even_at_night() -> None:
    night = UNTIL // DAY * DAY + 3 * HOUR
    events = list(Simulation(seed=4, parties=800).history(100_000, 400, night))
    assert 900 < sum(1 for event in events if event.time_ms >= night - HOUR) < 3000


def first_answers(events: list[Event]) -> dict[str, int]:
    """Waits in ms of tickets that customers made, up to the first public message of an agent."""
    made, waits = {}, {}
    for event in events:
        match event.data:
            case TicketCreated(ticket_id=ticket, created_by="customer"):
                made[ticket] = event.time_ms
            case TicketMessage(ticket_id=ticket, author="agent", public=True) if ticket in made:
                waits.setdefault(ticket, event.time_ms - made[ticket])
    return waits


def test_people_answer_tickets_in_about_forty_seconds(read: list[tuple[str, Event]]) -> None:
    waits = sorted(first_answers([event for _, event in read]).values())
    assert 35_000 < statistics.median(waits) < 46_000
    assert 65_000 < waits[len(waits) * 9 // 10] < 90_000


def test_a_ticket_that_is_no_duplicate_or_spam_after_all_is_answered(read: list[tuple[str, Event]]) -> None:
    events = [event for _, event in read]
    voided = {(event.data.source, event.data.id) for event in events if isinstance(event.data, EventVoided)}
    restored = {
        event.data.ticket_id
        for event in events
        if isinstance(event.data, TicketMerged | TicketDeleted) and (event.source, event.id) in voided
    }
    assert restored
    answers = {e.data.ticket_id for e in events if isinstance(e.data, TicketMessage) and e.data.author == "agent"}
    assert restored <= answers
