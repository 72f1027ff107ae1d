"""Tiles nest, days begin where people say they do, and windows end now."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_kpis.engine.tiles import (
    DAY,
    DAY_MS,
    FINE,
    FINE_MS,
    HOUR_MS,
    MID,
    MID_MS,
    Calendar,
    Levels,
    cohort_edges,
    iso,
    round_up,
    tile_code,
    tile_start_ms,
    window_edges,
)  # fmt: skip

law = settings(max_examples=60, derandomize=True, deadline=None, database=None)
_CHANGING = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Havana", "Pacific/Apia")
ZONES = {name: Calendar(name) for name in ("UTC", "Asia/Kathmandu", *_CHANGING)}
each_zone = pytest.mark.parametrize("zone", ZONES)
TIMES = st.integers(0, 4_000_000_000_000)


def local(zone: str, time_ms: int) -> datetime:
    """The wall clock of a zone."""
    return datetime.fromtimestamp(time_ms // 1000, ZoneInfo(zone))


def ms(text: str) -> int:
    """Milliseconds since 1970 of an ISO time with offset."""
    return int(datetime.fromisoformat(text).timestamp() * 1000)


@each_zone
@law
@given(TIMES)
def test_a_day_holds_all_instants_of_one_date(zone: str, time_ms: int) -> None:
    """The instant before its start belongs to the date before."""
    start_ms = ZONES[zone].day_start(time_ms)
    assert start_ms <= time_ms
    assert local(zone, start_ms).date() == local(zone, time_ms).date()
    assert start_ms == 0 or local(zone, start_ms - 1000).date() < local(zone, time_ms).date()
    assert start_ms % MID_MS == 0


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/New_York", date(2026, 3, 8), 23),
        ("America/New_York", date(2026, 11, 1), 25),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("Asia/Kathmandu", date(2026, 10, 25), 24),
        ("America/Havana", date(2026, 3, 8), 23),
        ("America/Havana", date(2026, 11, 1), 25),
    ],
)
def test_days_of_changing_clocks_are_longer_or_shorter(zone: str, day: date, hours: float) -> None:
    """And the next one begins where this one ends."""
    calendar = ZONES[zone]
    start_ms = calendar.start_of(day)
    end_ms = calendar.start_of(day + timedelta(days=1))
    assert hours * HOUR_MS == end_ms - start_ms
    assert start_ms == calendar.day_start(end_ms - 1)
    assert end_ms == calendar.day_start(end_ms)
    assert start_ms == calendar.days_before(end_ms, 1)


def test_the_first_day_is_cut_at_1970() -> None:
    """East of Greenwich it began in 1969."""
    assert ZONES["Europe/Berlin"].day_start(0) == 0
    assert ZONES["Europe/Berlin"].day_start(23 * HOUR_MS) == 23 * HOUR_MS
    assert ZONES["America/New_York"].day_start(0) == 0


def test_a_zone_that_does_not_exist_is_refused() -> None:
    """By a line that shows one that does."""
    with pytest.raises(ValueError, match=r"'Mars/Olympus' is not an IANA time zone such as Europe/Berlin"):
        Calendar("Mars/Olympus")


@each_zone
@law
@given(TIMES, st.integers(0, 400 * DAY_MS))
def test_a_tile_contains_its_facts_and_rolls_up_into_one_that_contains_it(zone: str, at_ms: int, age_ms: int) -> None:
    """At every age, and from any age to any later one."""
    calendar = ZONES[zone]
    levels = Levels(calendar, at_ms + age_ms)
    code = levels.tile_of(at_ms)
    for later_ms in (0, HOUR_MS, 3 * HOUR_MS, 2 * DAY_MS, 9 * DAY_MS):
        levels.advance(at_ms + age_ms + later_ms)
        coarser = levels.coarser(code)
        assert coarser & 3 >= code & 3
        assert tile_start_ms(coarser) <= tile_start_ms(code) <= at_ms
        assert end_ms(zone, code) <= end_ms(zone, coarser)
        assert at_ms < end_ms(zone, coarser)
        assert coarser == levels.tile_of(at_ms)
        code = coarser


def end_ms(zone: str, code: int) -> int:
    """Where a tile ends."""
    start_ms, level = tile_start_ms(code), code & 3
    if level == DAY:
        day = local(zone, start_ms).date()
        following = (ZONES[zone].start_of(day + timedelta(days=n)) for n in range(3))
        return next(start for start in following if start > start_ms)
    return start_ms + (FINE_MS if level == FINE else MID_MS)


@each_zone
@law
@given(st.integers(0, 400_000_000))
def test_no_tile_straddles_an_edge_of_a_window(zone: str, tens: int) -> None:
    """Whatever lies before an edge lies in tiles that end there; seen by a shard whose now is the window's end."""
    calendar, to_ms = ZONES[zone], tens * FINE_MS
    levels = Levels(calendar, to_ms)
    for window in ("5m", "1h", "24h", "7d", "30d", "90d", "365d", "today", "mtd", "qtd", "ytd", "all"):
        from_ms = window_edges(window, to_ms, calendar).from_ms
        assert 0 <= from_ms <= to_ms
        if from_ms:
            assert end_ms(zone, levels.tile_of(from_ms - 1)) <= from_ms
            assert from_ms == tile_start_ms(levels.tile_of(from_ms))


@each_zone
@law
@given(st.integers(100_000_000, 400_000_000))
def test_rolling_windows_are_as_long_as_they_say_and_hardly_longer(zone: str, tens: int) -> None:
    """By up to 15 minutes, or up to a day of 25 hours."""
    to_ms = tens * FINE_MS
    for window, span_ms, slack_ms in (
        ("5m", 5 * 60_000, 0),
        ("1h", HOUR_MS, 0),
        ("24h", DAY_MS, MID_MS),
        ("7d", 7 * DAY_MS, MID_MS),
        ("30d", 30 * DAY_MS, 25 * HOUR_MS),
        ("90d", 90 * DAY_MS, 25 * HOUR_MS),
        ("365d", 365 * DAY_MS, 25 * HOUR_MS),
    ):
        edges = window_edges(window, to_ms, ZONES[zone])
        assert edges.to_ms == to_ms
        assert span_ms <= to_ms - edges.from_ms < span_ms + max(slack_ms, 1)


@pytest.mark.parametrize(
    ("window", "to", "start"),
    [
        ("today", "2026-03-29T12:00:00+02:00", "2026-03-29T00:00:00+01:00"),
        ("today", "2026-03-30T00:00:00+02:00", "2026-03-29T00:00:00+01:00"),
        ("mtd", "2026-04-01T00:00:10+02:00", "2026-04-01T00:00:00+02:00"),
        ("mtd", "2026-04-01T00:00:00+02:00", "2026-03-01T00:00:00+01:00"),
        ("qtd", "2026-12-31T23:59:50+01:00", "2026-10-01T00:00:00+02:00"),
        ("ytd", "2026-07-01T00:00:00+02:00", "2026-01-01T00:00:00+01:00"),
        ("30d", "2026-04-15T12:00:00+02:00", "2026-03-16T00:00:00+01:00"),
    ],
)
def test_periods_begin_with_the_business_day(window: str, to: str, start: str) -> None:
    """The one that holds the instant before ``to``; in Berlin."""
    assert (ms(start), ms(to)) == window_edges(window, ms(to), ZONES["Europe/Berlin"])


def test_a_cohort_has_had_its_whole_horizon() -> None:
    """Thirty calendar days before the day of ``to``, over a change of clocks."""
    edges = cohort_edges("7d", ms("2026-04-15T12:00:00+02:00"), 30, ZONES["Europe/Berlin"])
    assert (ms("2026-03-09T00:00:00+01:00"), ms("2026-03-16T00:00:00+01:00")) == edges
    assert cohort_edges("all", ms("2026-04-15T12:00:00+02:00"), 30, ZONES["Europe/Berlin"]).from_ms == 0


@law
@given(TIMES, st.integers(FINE, DAY))
def test_a_tile_s_code_holds_its_level_and_start(time_ms: int, level: int) -> None:
    """In order of time."""
    start_ms = time_ms - time_ms % FINE_MS
    code = tile_code(level, start_ms)
    assert (start_ms, level) == (tile_start_ms(code), code & 3)
    assert code < tile_code(level, start_ms + FINE_MS)


@law
@given(TIMES)
def test_now_is_rounded_up_to_ten_seconds(time_ms: int) -> None:
    """Never down, so that nothing known is left out."""
    assert 0 <= round_up(time_ms) - time_ms < FINE_MS
    assert round_up(time_ms) % FINE_MS == 0


def test_levels_never_go_back() -> None:
    """What has been rolled up stays so."""
    levels = Levels(ZONES["UTC"], 1_796_000_000_000)
    assert not levels.advance(1_790_000_000_000)
    assert levels.tile_of(1_790_000_000_000) & 3 == DAY
    assert levels.tile_of(1_796_000_000_000 - DAY_MS) & 3 == MID


def test_instants_are_shown_in_utc() -> None:
    """To the second."""
    assert iso(1_796_000_000_999) == "2026-11-30T00:53:20Z"
    assert datetime.fromisoformat(iso(0)) == datetime(1970, 1, 1, tzinfo=UTC)


@each_zone
def test_days_follow_each_other_without_gaps(zone: str) -> None:
    """For half a century, but for a day that a zone skipped."""
    starts = [ZONES[zone].start_of(date(2000, 1, 1) + timedelta(days=n)) for n in range(18_000)]
    lengths = {(b - a) / HOUR_MS for a, b in pairwise(starts)}
    assert lengths <= {0, 23, 23.5, 24, 24.5, 25}
    assert (0 in lengths) == (zone == "Pacific/Apia")
