"""Business calendars: where they are open, and what follows for tickets at the edges."""

import bisect
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest

from stream_kpis.events.envelope import Reader
from stream_kpis.proof.oracle import ALWAYS, Ask, Oracle, Version
from stream_kpis.proof.oracle.calendars import Weekday, open_spans
from tests.proof.oracle.world import END, World

HOUR, DAY = 3600, 86_400
DAILY: tuple[Weekday, ...] = get_args(Weekday)
FIRST, FULL = "resolution_time_first_business", "resolution_time_full_business"
RESPONSE, WAIT, SLA = "first_response_time_business", "requester_wait_time_business", "sla_attainment_business"
OVER_TARGET = "unanswered_over_target_business"
START = date(1970, 1, 1)


def daily(hours: str | Sequence[str], zone: str = "UTC", since: date = START, **rest: Any) -> Version:
    """The same hours on every day of the week."""
    return Version(since, zone, dict.fromkeys(DAILY, hours), **rest)


def at(words: str, zone: str = "UTC") -> float:
    """A time of a zone's clock in seconds since 1970."""
    return datetime.fromisoformat(words).replace(tzinfo=ZoneInfo(zone)).timestamp()


def world_of(*versions: Version, recorded: float = END) -> World:
    """A world with one calendar, for all tickets."""
    return World(recorded=recorded, calendars={"c": versions}, default_calendar="c")


def business(versions: Sequence[Version], start: float, end: float) -> float | None:
    """The business time between two instants: that of a ticket solved."""
    world = ticket(world_of(*versions, recorded=end), start, (end, "solved"))
    return world.value(FIRST, 0, end + 1, at=end + 1)


def ticket(world: World, created: float, *steps: tuple[float, str], name: str = "t", **named: str) -> World:
    """A ticket; a step is a time and: agent, customer (messages), reopened, or a status."""
    world.add("ticket.created", created, ticket_id=name, **named)
    for time, what in steps:
        if what in ("agent", "customer"):
            world.add("ticket.message", time, ticket_id=name, author=what)
        elif what == "reopened":
            world.add("ticket.reopened", time, ticket_id=name)
        else:
            world.add("ticket.status_changed", time, ticket_id=name, status=what)
    return world


# Where calendars are open.

LORD_HOWE = daily(("00:00-02:10", "22:00-24:00"), "Australia/Lord_Howe")
OPEN: Mapping[str, Sequence[Version]] = {
    "half an hour of summer": [LORD_HOWE],
    "midnight twice": [daily(("00:00-00:30", "23:10-24:00"), "America/Santiago")],
    "no midnight": [daily("00:00-01:30", "America/Havana")],
    "a date skipped": [
        daily("08:00-12:00", "Pacific/Apia", days={date(2011, 12, 30): "00:00-24:00"}),
        daily(("00:00-02:00", "13:00-23:00"), "Pacific/Apia", date(2011, 12, 30)),
    ],
    "another zone": [
        daily("09:00-17:00", "America/New_York"),
        daily("09:00-17:00", "Europe/Berlin", date(2011, 12, 29), holidays=(date(2011, 12, 31),)),
        daily("00:00-24:00", "Pacific/Kiritimati", date(2012, 3, 1)),
    ],
    "overtaken": [  # where it is the 2nd earliest, that date begins before the 1st does where it begins last
        daily("06:00-07:00", "UTC"),
        daily("00:00-24:00", "Etc/GMT+12", date(2012, 1, 1)),
        daily("01:00-03:00", "Pacific/Kiritimati", date(2012, 1, 2)),
    ],
}
SEASONS = ("2011-04-02", "2011-09-30", "2011-12-28", "2012-03-10", "2012-03-31", "2012-04-28", "2012-10-06")


def is_open(versions: Sequence[Version], second: int) -> bool:
    """The definition, word by word; no clock here goes back to a date that is over."""
    begun = [v for v in versions if datetime.fromtimestamp(second, ZoneInfo(v.zone)).date() >= v.valid_from]
    version = max(begun, key=lambda v: v.valid_from) if begun else min(versions, key=lambda v: v.valid_from)
    wall = datetime.fromtimestamp(second, ZoneInfo(version.zone))
    if wall.date() in version.holidays:
        return False
    hours = version.days.get(wall.date(), version.week.get(DAILY[wall.weekday()], ()))
    spans = [text.split("-") for text in ([hours] if isinstance(hours, str) else hours)]
    return any(opens <= wall.strftime("%H:%M") < closes for opens, closes in spans)


@pytest.mark.parametrize("name", OPEN)
def test_a_calendar_is_open_where_the_wall_clock_says(name: str) -> None:
    """At instants at random around all that clocks, dates and versions do."""
    spans = [(opens, closes) for of, opens, closes, _ in open_spans({"c": OPEN[name]}) if of == "c"]
    opened = [opens for opens, _ in spans]
    dice = random.Random(name)
    found = set()
    for season in SEASONS:
        for _ in range(800):
            second = int(at(season)) + dice.randrange(4 * DAY // 60) * 60 + dice.choice((0, 0, 59, 17))
            place = bisect.bisect_right(opened, second * 1000) - 1
            inside = place >= 0 and second * 1000 < spans[place][1]
            assert inside == is_open(OPEN[name], second), datetime.fromtimestamp(second, UTC)
            found.add(inside)
    assert found == {True, False}


def test_spans_are_apart_in_order_and_add_up() -> None:
    """Whatever the zone; up to the end of 2099."""
    for name, versions in OPEN.items():
        spans = [span[1:] for span in open_spans({name: versions}) if span[0] == name]
        through, total = 0, 0
        for opens, closes, opened in spans:
            total += closes - opens
            assert (through <= opens < closes, opened) == (True, total)
            through = closes
        assert through <= at("2100-01-01") * 1000
        assert spans[0][0] < 2 * DAY * 1000


@pytest.mark.parametrize(
    ("zone", "start", "end", "hours"),
    [
        ("America/New_York", "2025-03-09T00:00", "2025-03-09T12:00", 5),
        ("America/New_York", "2025-11-02T00:00", "2025-11-02T12:00", 7),
        ("Australia/Sydney", "2025-10-05T00:00", "2025-10-05T12:00", 5),
        ("Australia/Lord_Howe", "2025-10-05T00:00", "2025-10-05T12:00", 5.5),
        ("Australia/Lord_Howe", "2025-04-06T00:00", "2025-04-06T12:00", 6.5),
        ("Asia/Kathmandu", "2025-04-06T00:00", "2025-04-06T12:00", 6),
    ],
)
def test_a_night_is_as_long_as_people_work_it(zone: str, start: str, end: str, hours: float) -> None:
    """In zones with changes of the clock and odd offsets."""
    assert business([daily("00:00-06:00", zone)], at(start, zone), at(end, zone)) == hours * HOUR


def test_the_first_version_holds_for_all_the_past() -> None:
    """Whatever its date; the second from its date on, with nothing taken over."""
    since = date(2025, 7, 1)
    versions = [
        daily("08:00-10:00", since=since, holidays=(date(2025, 8, 2),)),
        daily("08:00-09:00", since=date(2025, 8, 1)),
    ]
    assert business(versions, at("2025-01-01"), at("2025-01-11")) == 20 * HOUR
    assert business(versions, at("2025-07-31"), at("2025-08-03")) == 4 * HOUR
    assert business(versions[::-1], at("2025-07-31"), at("2025-08-03")) == 4 * HOUR


def test_an_instant_on_an_edge() -> None:
    """Hours hold their first millisecond and not their last."""
    version = [daily("08:00-10:00")]
    eight, ten = at("2025-01-01T08:00"), at("2025-01-01T10:00")
    assert business(version, eight - 0.001, eight) == 0
    assert business(version, eight, eight + 0.001) == 0.001
    assert business(version, ten - 0.001, ten) == 0.001
    assert business(version, ten, ten + 0.001) == 0


# The calendar of a ticket.


def test_the_first_creation_names_the_calendar() -> None:
    """In the order of events; neither a later one nor one that names another does."""
    world = World(calendars={"none": [daily("00:00-00:01")]}, default_calendar="none")
    world.add("ticket.created", 20, ticket_id="t")
    world.add("ticket.created", 10, ticket_id="t", calendar=ALWAYS)
    world.add("ticket.status_changed", 30 + HOUR, ticket_id="t", status="solved")
    assert world.value(FIRST) == 20 + HOUR


@pytest.mark.parametrize("named", [{}, {"calendar": ""}, {"calendar": "C"}, {"calendar": "unknown"}])
def test_no_name_and_a_name_without_a_calendar_are_the_default(named: dict[str, str]) -> None:
    """Names are taken as they are written."""
    world = World(calendars={"c": [daily("00:00-24:00")], "d": [daily("00:00-00:01")]}, default_calendar="d")
    assert ticket(world, 10, (HOUR, "solved"), **named).value(FIRST) == 50


def test_without_calendars_all_is_always_open() -> None:
    """Business values are those of the wall, even after 2099."""
    late = at("2101-01-01")
    world = ticket(World(recorded=late + DAY), late, (late + 40, "agent"), (late + 50, "solved"), calendar="c")
    values = [world.value(kpi, 0, late + DAY, at=late + DAY) for kpi in (RESPONSE, FIRST, FULL, WAIT)]
    assert values == [40, 50, 50, 50]


# Pauses.


@pytest.mark.parametrize(
    ("steps", "full_h", "wait_h"),
    [
        ([(12, "pending"), (34, "open"), (36, "solved")], 10, 4),
        ([(12, "pending"), (36, "solved")], 10, 2),
        ([(12, "pending"), (13, "reopened"), (36, "solved")], 10, 2),  # unsolved there is nothing to reopen
        ([(12, "pending"), (12.5, "pending"), (13, "on_hold"), (36, "solved")], 10, 9),
        ([(11, "solved"), (35, "reopened"), (36, "solved")], 2, 2),
        ([(11, "solved"), (12, "closed"), (13, "pending"), (36, "solved")], 8, 1),
        ([(11, "solved"), (20, "open"), (36, "solved"), (37, "reopened"), (38, "solved")], 5, 5),
        ([(12, "pending"), (13, "solved"), (35, "reopened"), (36, "solved")], 4, 3),
        ([(11, "solved"), (20, "reopened")], None, None),
    ],
)
def test_pauses_are_counted_in_business_time(
    steps: list[tuple[float, str]], full_h: float | None, wait_h: float | None
) -> None:
    """Created at 10 o'clock, open from 9 to 17; 34 is 10 o'clock of the next day."""
    world = ticket(world_of(daily("09:00-17:00")), 10 * HOUR, *((hour * HOUR, what) for hour, what in steps))
    found = [world.value(kpi) for kpi in (FULL, WAIT)]
    assert found == [None if hours is None else hours * HOUR for hours in (full_h, wait_h)]


# Promises.


def promise(versions: Sequence[Version], created: float, *steps: tuple[float, str], to: float, **named: str) -> World:
    """One ticket until some time."""
    return ticket(world_of(*versions, recorded=to), created, *steps, **named)


def test_a_deadline_ends_with_the_last_millisecond_needed() -> None:
    """At the day's end, never on the next morning; a solve in that millisecond's end is in time."""
    version = [daily("08:00-12:00")]
    eight, noon = at("2025-01-01T08:00"), at("2025-01-01T12:00")
    to = noon + 9 * DAY
    in_time = promise(version, eight, (noon, "solved"), to=to, priority="urgent")
    assert in_time.fraction(SLA, noon, noon + 0.001, at=to) == (1, 1)
    late = promise(version, eight, (noon + 0.001, "solved"), to=to, priority="urgent")
    assert late.fraction(SLA, noon, noon + 0.001, at=to) == (0, 1)
    high = promise(version, eight, (noon + DAY, "solved"), to=to, priority="high")
    assert high.fraction(SLA, noon + DAY, noon + DAY + 0.001, at=to) == (1, 1)
    evening = promise(version, noon, to=to, priority="urgent")  # closed already: nothing of this day counts
    assert evening.fraction(SLA, noon + DAY, noon + DAY + 0.001, at=to) == (0, 1)
    assert evening.fraction(SLA, 0, noon + DAY, at=noon + DAY) == (0, 0)


def test_what_can_never_be_late_is_met_when_solved() -> None:
    """After 2099 nothing is open, so that there is no deadline; the wall clock still has one."""
    created = at("2099-12-31T22:00")
    solved, to = created + 40 * DAY, created + 50 * DAY
    version = [daily("00:00-24:00")]
    world = promise(version, created, (solved, "solved"), to=to, priority="urgent", team="a")
    assert world.fraction(SLA, solved, solved + 0.001, at=to) == (1, 1)
    assert world.fractions(SLA, "team", 0, to, at=to) == {"a": (1, 1)}
    assert world.value(FIRST, 0, to, at=to) == 2 * HOUR
    assert world.fraction("sla_attainment", 0, to, at=to) == (0, 1)
    assert promise(version, created, to=to).fraction(SLA, 0, to, at=to) == (0, 0)
    just = promise(version, created - 2 * HOUR, to=to, priority="urgent")
    assert just.fraction(SLA, 0, to, at=to) == (0, 1)


def test_a_breach_has_what_ran_at_the_business_deadline() -> None:
    """And the priority of the creation."""
    world = promise([daily("08:00-12:00")], at("2025-01-01T10:00"), to=at("2025-02-01"), priority="urgent", team="a")
    deadline = at("2025-01-02T10:00")
    world.add("ticket.reprioritised", deadline - HOUR, ticket_id="t", priority="low")
    world.add("ticket.assigned", deadline, ticket_id="t", team="b")
    world.add("ticket.assigned", deadline + 0.001, ticket_id="t", team="c")
    to = at("2025-02-01")
    assert world.fractions(SLA, "team", 0, to, at=to) == {"b": (0, 1)}
    assert world.fractions(SLA, "priority", 0, to, at=to) == {"urgent": (0, 1)}


def test_an_agents_ticket_is_promised_nothing() -> None:
    """As by the wall clock."""
    world = ticket(world_of(daily("08:00-12:00")), 0, (9 * HOUR, "solved"), created_by="agent")
    assert (world.fraction(SLA), world.value(FIRST)) == ((0, 0), HOUR)


# What waits.


def test_the_clock_of_an_answer_starts_as_on_the_wall() -> None:
    """With an agent's ticket at the customer's message; anew at a reopening."""
    version = daily("08:00-12:00")
    agents = ticket(world_of(version), 0, (9 * HOUR, "customer"), (DAY, "agent"), created_by="agent")
    assert agents.value(RESPONSE) == 3 * HOUR
    anew = ticket(world_of(version), 0, (9 * HOUR, "solved"), (11 * HOUR, "reopened"), (DAY, "agent"))
    assert anew.value(RESPONSE) == HOUR


def test_what_waits_is_over_its_target_by_business_time() -> None:
    """Longer than it, not as long; each clock has a target of its own."""
    eight = 8 * HOUR
    world = ticket(world_of(daily("08:00-12:00")), HOUR)
    over = [world.value(OVER_TARGET, 0, end, at=end) for end in (eight + 120, eight + 120.001)]
    assert over == [0, 1]
    oracle = Oracle(
        Reader(), targets_ms={"first_response_business": 5_000}, calendars={"c": [daily("08:00-12:00")]},
        default_calendar="c",
    )  # fmt: skip
    oracle.load(world.records)
    for end, expected in ((eight + 5, [0, 1]), (eight + 5.001, [1, 1])):
        asks = [Ask(kpi, "now", 0, round(end * 1000)) for kpi in (OVER_TARGET, "unanswered_over_target")]
        answers = oracle.answer(asks, round(end * 1000))
        assert [answer.value for answer in answers if not answer.by] == expected


def test_before_the_first_ticket_nothing_is_known_to_wait() -> None:
    """Then none is 0."""
    world = ticket(world_of(daily("08:00-12:00")), 100, (200, "agent"))
    assert world.value(OVER_TARGET, 0, 100, at=100) is None
    answer = world.whole(OVER_TARGET, 0, 300, at=300)
    assert (answer.value, answer.samples) == (0, 0)


# Laws.


@pytest.mark.parametrize("seed", range(3))
def test_an_open_clock_is_the_clock_of_the_wall(seed: int) -> None:
    """A calendar that never closes gives every KPI the value of its twin, over all groups."""
    dice = random.Random(seed)
    world = world_of(daily("00:00-24:00", "America/New_York"))
    for number in range(80):
        begun = dice.randrange(20 * DAY)
        kinds = ("agent", "customer", "solved", "closed", "open", "pending", "on_hold", "reopened")
        steps = [(begun + dice.randrange(3 * DAY), dice.choice(kinds)) for _ in range(dice.randrange(8))]
        named = {"priority": dice.choice(("urgent", "high", "odd")), "created_by": dice.choice(("agent", "customer"))}
        ticket(world, begun, *steps, name=f"t{number}", team=dice.choice("ab"), **named)
    to = 22 * DAY
    for kpi in (RESPONSE, FIRST, FULL, WAIT, SLA, OVER_TARGET, "first_response_time_live_business"):
        one, other = (world.answers(name, 5 * DAY, to, at=to) for name in (kpi, kpi.removesuffix("_business")))
        assert [answer[2:] for answer in one] == [answer[2:] for answer in other]
        assert any(answer.samples for answer in one)
