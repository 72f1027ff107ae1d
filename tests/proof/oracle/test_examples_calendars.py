"""The worked examples of business calendars."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from stream_kpis.proof.oracle import ALWAYS, Version
from tests.proof.oracle.world import World

BERLIN = "Europe/Berlin"
HOUR = 3600
DAILY = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DESK = (
    Version(
        date(1970, 1, 1),
        BERLIN,
        dict.fromkeys(DAILY[:5], "09:00-17:00"),
        holidays=(date(2026, 5, 1),),
        days={date(2026, 4, 2): "09:00-12:00"},
    ),
    Version(date(2026, 7, 1), BERLIN, dict.fromkeys(DAILY[:5], "08:00-18:00")),
)
CALENDARS = {
    "desk": DESK,
    "night": (Version(date(1970, 1, 1), BERLIN, dict.fromkeys(DAILY, "00:00-06:00")),),
    "gap": (Version(date(1970, 1, 1), BERLIN, dict.fromkeys(DAILY, "02:00-03:00")),),
}
TO = datetime(2027, 1, 1, tzinfo=UTC).timestamp()

RESPONSE, OVER_TARGET = "first_response_time_business", "unanswered_over_target_business"
FIRST, FULL = "resolution_time_first_business", "resolution_time_full_business"
WAIT, SLA = "requester_wait_time_business", "sla_attainment_business"


def berlin(words: str) -> float:
    """``03-27 16:00`` of 2026 by the clock of Berlin, in seconds since 1970."""
    return datetime.fromisoformat(f"2026-{words}").replace(tzinfo=ZoneInfo(BERLIN)).timestamp()


def zulu(words: str) -> float:
    """The same by UTC."""
    return datetime.fromisoformat(f"2026-{words}").replace(tzinfo=UTC).timestamp()


def desk() -> World:
    """Where the examples happen."""
    return World(recorded=TO, calendars=CALENDARS, default_calendar="desk")


def ticket(world: World, *steps: tuple[str, str], name: str = "t", **created: str) -> World:
    """A ticket; a step is a time in Berlin and: created, answered, reopened, or a status."""
    for words, what in steps:
        at = berlin(words)
        if what == "created":
            world.add("ticket.created", at, ticket_id=name, **created)
        elif what == "answered":
            world.add("ticket.message", at, ticket_id=name, author="agent")
        elif what == "reopened":
            world.add("ticket.reopened", at, ticket_id=name)
        else:
            world.add("ticket.status_changed", at, ticket_id=name, status=what)
    return world


def value(world: World, kpi: str) -> float | None:
    """Over all time."""
    return world.value(kpi, 0, TO, at=TO)


def responded(created: str, answered: str, **named: str) -> float | None:
    """The first response, from and to times in Berlin."""
    world = ticket(desk(), (created, "created"), (answered, "answered"), **named)
    answer = world.whole(RESPONSE, 0, TO, at=TO)
    assert answer.samples == 1
    return answer.value


def solved(created: str, at: str, **named: str) -> float | None:
    """The first resolution, from and to times in Berlin."""
    return value(ticket(desk(), (created, "created"), (at, "solved"), **named), FIRST)


def test_a_weekend_with_a_change_of_the_clock() -> None:
    """Beside the clock of the wall."""
    world = ticket(desk(), ("03-27 16:00", "created"), ("03-30 10:00", "answered"))
    assert [value(world, kpi) for kpi in (RESPONSE, "first_response_time")] == [7200, 65 * HOUR]


def test_a_lead_over_a_weekend() -> None:
    """By the default calendar, in any of its groups; a call before the lead was written down waited for nothing."""
    world = desk()
    world.add("lead.created", berlin("04-10 16:30"), lead_id="l", owner_id="ann", source="ads", channel="web")
    world.add("lead.contacted", berlin("04-13 09:15"), lead_id="l")
    assert value(world, "lead_response_time_business") == 2700
    for by, group in (("owner", "ann"), ("source", "ads"), ("channel", "web")):
        assert world.groups("lead_response_time_business", by, 0, TO, at=TO) == {group: 2700}
    world.add("lead.contacted", berlin("04-14 09:00"), lead_id="late")
    world.add("lead.created", berlin("04-14 09:20"), lead_id="late")
    late = world.whole("lead_response_time_business", berlin("04-14 00:00"), TO, at=TO)
    assert (late.samples, late.total) == (1, 0)


def test_a_lead_without_calendars() -> None:
    """By one that is always open."""
    world = World(recorded=TO)
    world.add("lead.created", berlin("04-10 16:30"), lead_id="l")
    world.add("lead.contacted", berlin("04-13 09:15"), lead_id="l")
    assert value(world, "lead_response_time_business") == value(world, "lead_response_time") == 64 * HOUR + 2700


def test_a_holiday() -> None:
    """Half an hour before the long weekend and half an hour after it."""
    assert solved("04-30 16:30", "05-04 09:30") == 3600


def test_an_exceptional_day() -> None:
    """Its own hours stand instead of those of its weekday."""
    assert responded("04-02 11:00", "04-02 15:00") == 3600


def test_outside_hours() -> None:
    """No business time, and a sample all the same."""
    assert responded("04-11 12:00", "04-11 20:00") == 0
    assert responded("04-11 12:00", "04-13 09:00") == 0


def test_a_new_version() -> None:
    """From its date on."""
    assert responded("06-30 16:00", "07-01 08:30") == 5400


def test_spring_and_autumn() -> None:
    """What the clock skips is never there, what it shows twice counts twice."""
    assert solved("03-29 00:00", "03-29 08:00", calendar="night") == 5 * HOUR
    assert solved("03-29 00:00", "03-29 08:00", calendar="gap") == 0
    assert solved("10-25 00:00", "10-25 08:00", calendar="night") == 7 * HOUR
    assert solved("10-25 00:00", "10-25 08:00", calendar="gap") == 2 * HOUR


def test_an_unknown_calendar() -> None:
    """Is none; ``always`` is one."""
    assert responded("04-13 16:00", "04-14 10:00", calendar="dseks") == 2 * HOUR
    assert responded("04-13 16:00", "04-14 10:00", calendar=ALWAYS) == 18 * HOUR


def test_reopened() -> None:
    """Without the business time that it was solved in between."""
    steps = (("04-13 10:00", "created"), ("04-14 11:00", "solved"), ("04-15 10:00", "reopened"))
    world = ticket(desk(), *steps, ("04-15 12:00", "solved"))
    assert [value(world, kpi) for kpi in (FIRST, FULL, WAIT)] == [9 * HOUR, 11 * HOUR, 11 * HOUR]


def test_pending() -> None:
    """The requester's turn is no wait."""
    steps = (("04-13 10:00", "created"), ("04-13 16:00", "pending"), ("04-14 10:00", "open"))
    world = ticket(desk(), *steps, ("04-14 11:00", "solved"))
    assert [value(world, kpi) for kpi in (FULL, WAIT)] == [9 * HOUR, 7 * HOUR]


@pytest.fixture(scope="module")
def promises() -> World:
    """t1 and t4 in time, t2 and t3 late; on the clock of the wall all are late."""
    world = desk()
    for name, created, at in (
        ("t1", "04-13 15:00", "04-14 15:00"),
        ("t2", "04-13 15:00", "04-14 16:00"),
        ("t3", "04-13 09:00", "04-13 20:00"),
    ):
        ticket(world, (created, "created"), (at, "solved"), name=name, priority="high")
    return ticket(world, ("04-11 12:00", "created"), ("04-13 12:00", "solved"), name="t4", priority="urgent")


def test_sla_attainment(promises: World) -> None:
    """Half by business time, none by the wall."""
    assert promises.fraction(SLA, 0, TO, at=TO) == (2, 4)
    assert promises.fraction("sla_attainment", 0, TO, at=TO) == (0, 4)


@pytest.mark.parametrize(
    ("kpi", "at", "fraction"),
    [
        (SLA, "04-14 13:00", (1, 2)),  # t1 met by its solve, t2 breached, in the same millisecond
        (SLA, "04-13 15:00", (0, 1)),  # t3, at the end of the day and not on the next morning
        (SLA, "04-13 10:00", (1, 1)),  # t4, at its solve
        ("sla_attainment", "04-13 21:00", (0, 2)),
        ("sla_attainment", "04-13 15:00", (0, 1)),
        ("sla_attainment", "04-11 14:00", (0, 1)),
    ],
)
def test_when_promises_are_judged(promises: World, kpi: str, at: str, fraction: tuple[int, int]) -> None:
    """At the solve if met, at the deadline otherwise."""
    assert promises.fraction(kpi, zulu(at), zulu(at) + 0.001, at=TO) == fraction


def test_live() -> None:
    """What waits is as old as its own calendar says."""
    to = zulu("04-13 10:00")
    world = ticket(desk(), ("04-10 16:00", "created"), name="t1")
    ticket(world, ("04-13 11:00", "created"), name="t2", calendar=ALWAYS)
    live = world.whole("first_response_time_live_business", to - 300, to, at=to)
    assert (live.value, live.samples, live.total) == (4 * HOUR, 2, 5 * HOUR * 1000)
    assert world.value(OVER_TARGET, 0, to, at=to) == 2


def test_at_night_nothing_grows_old() -> None:
    """But on the wall it does."""
    to = zulu("04-11 12:00")
    world = ticket(desk(), ("04-10 17:00", "created"))
    over = world.whole(OVER_TARGET, 0, to, at=to)
    assert (over.value, over.samples) == (0, 1)
    assert world.value("unanswered_over_target", 0, to, at=to) == 1
