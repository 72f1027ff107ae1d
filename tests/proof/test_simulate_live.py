"""The simulated present: it goes on from the history, at its rate, with its troubles."""

from collections import defaultdict

import pytest

from stream_kpis.events.envelope import Event, Reader
from stream_kpis.events.types import (
    CustomerChurned,
    EventVoided,
    TicketCreated,
    TicketDeleted,
    TicketMerged,
    TicketMessage,
    TicketStatusChanged,
)
from stream_kpis.proof.simulate import SCENARIOS, Live, Simulated, Simulation
from stream_kpis.proof.simulate.dice import DAY, HOUR, MINUTE

pytestmark = pytest.mark.slow

UNTIL = 1_790_000_000_000


def company(rate_per_s: float = 20.0) -> tuple[list[Simulated], Live]:
    """A small company's history and its life from then on."""
    simulation = Simulation(seed=1, parties=800)
    history = list(simulation.history(20_000, 120, UNTIL))
    return history, simulation.live(UNTIL, rate_per_s)


def read(records: list[Simulated]) -> list[Event]:
    reader = Reader()
    return [reader.read(record.value, record.party.encode(), record.time_ms).event for record in records]


def test_however_often_one_asks_the_same_happens() -> None:
    (_, rarely), (_, often) = company(), company()
    at_once = rarely.due(UNTIL + 5 * MINUTE)
    in_steps = [event for now in range(UNTIL, UNTIL + 5 * MINUTE + 1, 250) for event in often.due(now)]
    assert at_once == in_steps
    assert often.due(UNTIL + 5 * MINUTE) == []


def test_the_rate_holds_from_the_first_minutes_on() -> None:
    _, live = company(rate_per_s=20)
    counts = [len(live.due(UNTIL + minute * MINUTE)) for minute in range(1, 31)]
    assert all(850 < count < 1600 for count in counts)
    assert sum(counts) / len(counts) == pytest.approx(1200, rel=0.05)


def test_live_goes_on_where_the_history_ends_and_repeats_nothing() -> None:
    history, live = company()
    more = live.due(UNTIL + HOUR)
    assert more[0].time_ms >= UNTIL
    assert more[-1].time_ms <= UNTIL + HOUR
    events = read(history + more)
    assert len(events) == len({(event.source, event.id) for event in events})


def test_what_was_open_at_the_end_of_the_history_is_finished_live() -> None:
    history, live = company(rate_per_s=0.001)
    before = read(history)
    ended = {
        event.data.ticket_id
        for event in before + read(live.due(UNTIL + 60 * DAY))
        if isinstance(event.data, TicketStatusChanged | TicketMerged | TicketDeleted)
    }
    created = {event.data.ticket_id for event in before if isinstance(event.data, TicketCreated)}
    assert set() == created - ended
    ended_before = {
        getattr(event.data, "ticket_id", None) for event in before if isinstance(event.data, TicketStatusChanged)
    }
    assert created - ended_before, "some were open"


def test_live_without_a_history_begins_a_company() -> None:
    events = read(Simulation(seed=1, parties=50).live(UNTIL).due(UNTIL + MINUTE))
    assert len(events) > 800


def waits(events: list[Event]) -> dict[int, list[int]]:
    """How long customers' tickets waited for a person, in ms, by the minute of their creation."""
    made, found = {}, defaultdict(list)
    for event in events:
        match event.data:
            case TicketCreated(ticket_id=ticket, created_by="customer"):
                made[ticket] = event.time_ms
            case TicketMessage(ticket_id=ticket, author="agent", public=True) if ticket in made:
                found[(made[ticket] - UNTIL) // MINUTE].append(event.time_ms - made.pop(ticket))
    return found


def test_slow_responses_are_slow_from_start_to_end_and_caught_up_with_after() -> None:
    _, live = company()
    live.play("slow-responses", UNTIL + 5 * MINUTE, UNTIL + 15 * MINUTE)
    by_minute = waits(read(live.due(UNTIL + HOUR)))

    def p90(first: int, last: int) -> int:
        found = sorted(wait for minute in range(first, last) for wait in by_minute[minute])
        assert len(found) > 30
        return found[len(found) * 9 // 10]

    assert p90(0, 5) < 100_000
    assert p90(5, 12) > 300_000
    assert p90(15, 30) < 100_000
    ends = [minute * MINUTE + wait for minute in range(5, 15) for wait in by_minute[minute]]
    assert sum(end <= 17 * MINUTE for end in ends) > 0.95 * len(ends)


def test_a_churn_wave_takes_many_customers_and_gives_them_all_back() -> None:
    history, live = company()
    active = len(live._world.active)
    live.play("churn-wave", UNTIL + MINUTE, UNTIL + 10 * MINUTE)
    during = live.due(UNTIL + 10 * MINUTE - 1)
    churns = {(e.source, e.id) for e in read(during) if isinstance(e.data, CustomerChurned)}
    assert 0.10 * active < len(churns) < 0.25 * active
    last_month = [e for e in read(history) if isinstance(e.data, CustomerChurned) and e.time_ms > UNTIL - 30 * DAY]
    assert len(churns) > 3 * len(last_month)
    after = read(live.due(UNTIL + 12 * MINUTE))
    voided = {(e.data.source, e.data.id) for e in after if isinstance(e.data, EventVoided)}
    assert len(churns - voided) <= 1, "at most a real one is left"


def test_the_wave_takes_customers_who_count_in_a_monthly_churn_rate() -> None:
    history, live = company()
    since = {record.party: record.time_ms for record in history if b'"customer.created"' in record.value}
    live.play("churn-wave", UNTIL, UNTIL + 10 * MINUTE)
    churned = [record.party for record in live.due(UNTIL + 5 * MINUTE) if b'"customer.churned"' in record.value]
    assert sum(since[party] < UNTIL - 31 * DAY for party in churned) >= len(churned) - 1


def test_scenarios_that_are_none_or_never_are_refused() -> None:
    _, live = company()
    with pytest.raises(ValueError, match="no scenario 'flood'; there are slow-responses, churn-wave"):
        live.play("flood", UNTIL, UNTIL + MINUTE)
    with pytest.raises(ValueError, match="end before it begins"):
        live.play("churn-wave", UNTIL - MINUTE, UNTIL)


def test_every_scenario_says_what_it_does() -> None:
    assert all(name == scenario.name and scenario.description for name, scenario in SCENARIOS.items())


def test_a_quiet_night_begins_in_the_history_and_leaves_three_customers_waiting() -> None:
    simulation = Simulation(seed=1, parties=800)
    simulation.play("quiet-night", UNTIL - HOUR, UNTIL + HOUR)
    history = list(simulation.history(20_000, 120, UNTIL))
    night = [record for record in history if record.time_ms >= UNTIL - HOUR]
    evening = [record for record in history if UNTIL - 2 * HOUR <= record.time_ms < UNTIL - HOUR]
    assert len(night) < len(evening) / 4
    created = [event.data for event in read(night) if isinstance(event.data, TicketCreated)]
    assert [ticket.created_by for ticket in created] == ["customer"] * 3
    live = simulation.live(UNTIL, 20.0)
    during, morning = live.due(UNTIL + HOUR - 1), live.due(UNTIL + 65 * MINUTE)
    assert len(during) < 200 < len(morning), "business wakes up"
    answered = {e.data.ticket_id: e.time_ms for e in read(during + morning) if isinstance(e.data, TicketMessage)}
    assert all(UNTIL + HOUR <= answered[ticket.ticket_id] <= UNTIL + 61 * MINUTE for ticket in created)


def test_a_small_sample_is_a_dozen_answered_tickets_that_miss_their_deadline() -> None:
    simulation = Simulation(seed=1, parties=20)
    simulation.play("small-sample", UNTIL - 6 * HOUR, UNTIL + HOUR)
    history = read(list(simulation.history(600, 120, UNTIL)))
    urgent = {
        event.data.ticket_id
        for event in history
        if isinstance(event.data, TicketCreated)
        and event.data.priority == "urgent"
        and UNTIL - 6 * HOUR <= event.time_ms < UNTIL - 5 * HOUR
    }
    answered = {e.data.ticket_id for e in history if isinstance(e.data, TicketMessage)}
    solved = {e.data.ticket_id for e in history if isinstance(e.data, TicketStatusChanged)}
    assert len(urgent) >= 12
    assert urgent <= answered
    assert len(urgent - solved) >= 12


def test_a_scenario_of_the_future_leaves_the_history_as_it_was() -> None:
    calm, disturbed = Simulation(seed=1, parties=80), Simulation(seed=1, parties=80)
    disturbed.play("slow-responses", UNTIL, UNTIL + HOUR)
    assert list(calm.history(2_000, 60, UNTIL)) == list(disturbed.history(2_000, 60, UNTIL))
