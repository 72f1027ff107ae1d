"""Business time against the wall clock of each zone, minute by minute, and its laws."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_kpis.kpis.business_time import (
    ALWAYS,
    WEEKDAYS,
    BusinessTime,
    Calendars,
    Hours,
    Version,
    spans_ms,
    version_problem,
)

pytestmark = pytest.mark.slow

law = settings(max_examples=20, derandomize=True, deadline=None, database=None)

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
NINE_TO_FIVE = Version(zone="UTC", week=dict.fromkeys(WEEKDAYS[:5], "09:00-17:00"))
AROUND = {
    "Europe/Berlin": ("2026-03-29", "2026-10-25"),
    "America/New_York": ("2026-03-08", "2026-11-01"),
    "Australia/Lord_Howe": ("2026-04-05", "2026-10-04"),  # by half an hour
    "Asia/Beirut": ("2026-03-29", "2026-10-25"),  # at midnight
    "America/Havana": ("2026-03-08", "2026-11-01"),  # at midnight and at one
    "Pacific/Apia": ("2011-12-30", "2011-12-31"),  # a day that never was
    "Asia/Kathmandu": ("1986-01-01", "2026-01-01"),  # by a quarter of an hour, once
    "UTC": ("1970-01-04", "2099-12-28"),
}
"""Zones, with dates around which their clocks change."""


def ms(day: str, hour: int = 0) -> int:
    return round(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000) + hour * HOUR_MS


def shown(time_ms: int, zone: str) -> datetime:
    return datetime.fromtimestamp(time_ms // 1000, ZoneInfo(zone))


def is_open(time_ms: int, versions: Sequence[Version]) -> bool:
    """By the definition, word for word; what the clock showed up to three hours ago tells whether a version began."""
    in_order = sorted(versions, key=lambda version: version.valid_from)
    begun = [
        version
        for version in in_order
        if any(shown(time_ms - ago * MINUTE_MS, version.zone).date() >= version.valid_from for ago in range(0, 181, 15))
    ]
    version = (begun or in_order[:1])[-1]
    now = shown(time_ms, version.zone)
    if now.date() in version.holidays:
        return False
    hours: Hours = version.days.get(now.date(), version.week.get(WEEKDAYS[now.weekday()], ()))
    since_ms = (now.hour * 60 + now.minute) * MINUTE_MS
    return any(begin <= since_ms < end for begin, end in spans_ms(hours))


def hours() -> st.SearchStrategy[Hours]:
    """Up to two stretches of a day, apart from each other, often at its ends."""
    times = st.sampled_from([0, 30, 60, 90, 120, 150, 180, 360, 540, 720, 1020, 1380, 1440])
    apart = st.lists(times, min_size=2, max_size=4, unique=True).map(sorted)
    return apart.map(
        lambda t: tuple(
            f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in zip(t[::2], t[1::2], strict=False)
        )
    )


@st.composite
def calendars(draw: st.DrawFn) -> tuple[list[Version], int]:
    """Versions that change around a date at which a clock changes, and that date's start in UTC."""
    zone = draw(st.sampled_from(sorted(AROUND)))
    day = date.fromisoformat(draw(st.sampled_from(AROUND[zone])))
    near = st.integers(-2, 2).map(lambda n: day + timedelta(n))
    versions = {}
    for first in draw(st.lists(near, min_size=1, max_size=3, unique=True)):
        week = draw(st.dictionaries(st.sampled_from(WEEKDAYS), hours(), min_size=4))
        days = draw(st.dictionaries(near, hours(), max_size=2))
        holidays = [d for d in draw(st.lists(near, max_size=1)) if d not in days]
        zone = draw(st.sampled_from([zone, zone, *sorted(AROUND)]))
        versions[first] = Version(zone=zone, week=week, days=days, holidays=tuple(holidays), valid_from=first)
    assert not any(map(version_problem, versions.values()))
    return draw(st.permutations(list(versions.values()))), ms(day.isoformat())


@law
@given(calendars(), st.integers(0, 48))
def test_open_is_what_the_wall_clock_shows(drawn: tuple[list[Version], int], hour: int) -> None:
    """A quarter of an hour at a time, over a day near a change."""
    versions, day_ms = drawn
    clock = BusinessTime(versions)
    begin = max(day_ms + (hour - 36) * HOUR_MS, 0)
    for time_ms in range(begin, begin + DAY_MS, 15 * MINUTE_MS):
        expected = sum(is_open(time_ms + n * MINUTE_MS, versions) for n in range(0, 15, 5)) * 5 * MINUTE_MS
        assert clock.between(time_ms, time_ms + 15 * MINUTE_MS) == expected, shown(time_ms, versions[0].zone)


@law
@given(calendars(), st.lists(st.integers(-3 * DAY_MS, 3 * DAY_MS), min_size=3, max_size=3).map(sorted))
def test_it_never_runs_back_nor_faster_than_the_wall_clock_and_adds_up(
    drawn: tuple[list[Version], int], offsets_ms: list[int]
) -> None:
    """At any millisecond."""
    versions, day_ms = drawn
    clock = BusinessTime(versions)
    a, b, c = (max(day_ms + offset_ms, 0) for offset_ms in offsets_ms)
    assert 0 <= clock.between(a, b) <= b - a
    assert clock.between(a, b) + clock.between(b, c) == clock.between(a, c) == -clock.between(c, a)


@law
@given(calendars(), st.integers(-3 * DAY_MS, 3 * DAY_MS), st.integers(1, 20 * HOUR_MS))
def test_after_is_the_earliest_instant(drawn: tuple[list[Version], int], offset_ms: int, open_ms: int) -> None:
    """A millisecond sooner it is not enough."""
    versions, day_ms = drawn
    clock, start_ms = BusinessTime(versions), max(day_ms + offset_ms, 0)
    end_ms = clock.after(start_ms, open_ms)
    if end_ms is None:
        assert clock.between(start_ms, ms("2101-01-01")) < open_ms
    else:
        assert clock.between(start_ms, end_ms) == open_ms
        assert clock.between(start_ms, end_ms - 1) == open_ms - 1


@law
@given(calendars(), st.integers(-3 * DAY_MS, 3 * DAY_MS))
def test_the_next_opening_is_the_first_open_instant(drawn: tuple[list[Version], int], offset_ms: int) -> None:
    """Which is now, if it is open."""
    versions, day_ms = drawn
    clock, now_ms = BusinessTime(versions), max(day_ms + offset_ms, 0)
    opening_ms = clock.opening(now_ms)
    if opening_ms is not None:
        assert opening_ms >= now_ms
        assert clock.between(now_ms, opening_ms) == 0
        assert clock.between(opening_ms, opening_ms + 1) == 1


@pytest.mark.parametrize("zone", sorted(AROUND))
@law
@given(st.integers(0, ms("2099-12-31")))
def test_open_every_hour_of_every_day_is_the_wall_clock(zone: str, time_ms: int) -> None:
    """In zones that skip and repeat hours, and a day."""
    whole = BusinessTime([Version(zone=zone, week=dict.fromkeys(WEEKDAYS, "00:00-24:00"))])
    assert whole.until(time_ms) == BusinessTime().until(time_ms) == time_ms


def test_the_calendar_that_is_always_open_never_ends() -> None:
    """Nor does it begin; all others end with the century."""
    clock = BusinessTime()
    assert clock.until(ms("2999-01-01")) == ms("2999-01-01")
    assert clock.after(ms("2150-01-01"), 5) == ms("2150-01-01") + 5
    desk = BusinessTime([NINE_TO_FIVE])
    assert desk.until(ms("2100-01-01")) == desk.until(ms("2999-01-01"))
    assert desk.after(ms("2099-12-31", 18), 1) is None
    assert desk.opening(ms("2099-12-31", 17)) is None
    assert desk.until(-5) == 0


def test_the_first_version_holds_for_all_the_past() -> None:
    """And the latest one from its first day on."""
    late = Version(zone="UTC", week={"mon": "00:00-24:00"}, valid_from=date(2026, 4, 20))
    early = Version(zone="UTC", week={"mon": "10:00-11:00"}, valid_from=date(2026, 4, 6))
    clock = BusinessTime([late, early])
    mondays = ["2020-04-06", "2026-04-06", "2026-04-13", "2026-04-20"]
    assert [clock.between(ms(day), ms(day, 24)) // HOUR_MS for day in mondays] == [1, 1, 1, 24]


def test_calendars_are_known_by_name_and_number() -> None:
    """Who names none, or one that is not there, has the default; the number 0 is always open."""
    found = Calendars({"b": [NINE_TO_FIVE], "a": [NINE_TO_FIVE]}, "b")
    assert [found.number(name) for name in (ALWAYS, "a", "b", "c", None, "")] == [0, 1, 2, 2, 2, 2]
    assert [found.knows(name) for name in (ALWAYS, "a", "c")] == [True, True, False]
    assert found.named("c") is found.numbered(2)
    assert Calendars().named("c").until(7) == 7
    with pytest.raises(ValueError, match="there is no calendar 'c'"):
        Calendars({"b": [NINE_TO_FIVE]}, "c")


def test_the_time_of_a_goal_passes_by_its_calendar_or_by_the_wall_clock() -> None:
    """Never by the default, which is that of tickets."""
    found = Calendars({"desk": [NINE_TO_FIVE]}, "desk")
    day = ms("2026-04-13"), ms("2026-04-14")
    for name, hours_open in (("desk", 8), ("", 24), (ALWAYS, 24)):
        open_ms = found.open_ms(name)
        assert open_ms(day[1]) - open_ms(day[0]) == hours_open * HOUR_MS
    with pytest.raises(ValueError, match="there is no calendar 'dsk'"):
        found.open_ms("dsk")


def test_a_digest_is_of_all_that_calendars_say_in_whatever_order() -> None:
    """The default, the names, and every version."""
    later = Version(zone="UTC", week={"mon": "10:00-11:00"}, valid_from=date(2090, 1, 1))
    one = Calendars({"a": [NINE_TO_FIVE, later], "b": [later]}, "a")
    assert one.digest == Calendars({"b": [later], "a": [later, NINE_TO_FIVE]}, "a").digest
    others = [
        Calendars({"a": [NINE_TO_FIVE, later], "b": [later]}, "b"),
        Calendars({"a": [NINE_TO_FIVE], "b": [later]}, "a"),
        Calendars({"a": [NINE_TO_FIVE, later], "c": [later]}, "a"),
        Calendars(),
    ]
    assert len({each.digest for each in (one, *others)}) == 5


def test_what_is_due_as_the_day_ends_is_due_then_and_not_in_the_morning() -> None:
    """The end of the last millisecond needed."""
    desk = BusinessTime([NINE_TO_FIVE])
    assert desk.after(ms("2026-04-13", 9), 8 * HOUR_MS) == ms("2026-04-13", 17)
    assert desk.after(ms("2026-04-13", 20), 8 * HOUR_MS) == ms("2026-04-14", 17)


def test_a_version_begins_when_its_date_is_first_shown() -> None:
    """Where midnight is skipped that is one o'clock: the hour before it was still of the day before."""
    whole = dict.fromkeys(WEEKDAYS, "00:00-24:00")
    never = Version(zone="America/Havana", week={"thu": "00:00-00:01"}, valid_from=date(2026, 3, 8))
    clock = BusinessTime([Version(zone="America/Havana", week=whole), never])
    assert clock.between(ms("2026-03-08", 4), ms("2026-03-08", 6)) == HOUR_MS


def test_a_version_of_an_earlier_date_that_begins_later_never_holds() -> None:
    """Of two zones a day apart."""
    east = Version(zone="Pacific/Kiritimati", week={"wed": "00:00-24:00"}, valid_from=date(2026, 4, 14))
    west = Version(zone="Pacific/Pago_Pago", week={"wed": "00:00-01:00"}, valid_from=date(2026, 4, 13))
    first = Version(zone="UTC", week=dict.fromkeys(WEEKDAYS, "00:00-24:00"))
    clock = BusinessTime([first, west, east])
    assert clock.opening(ms("2026-04-13", 9)) == ms("2026-04-13", 9)
    assert clock.opening(ms("2026-04-13", 10)) == ms("2026-04-14", 10)
