"""The worked examples of docs/definitions-calendars.md."""

import itertools
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from stream_kpis.engine.tiles import Calendar
from stream_kpis.events.envelope import Reader, encode_event
from stream_kpis.events.history import Imported
from stream_kpis.events.types import KIND_OF_NAME
from stream_kpis.live.asks import Ask
from stream_kpis.live.evaluate import evaluate
from stream_kpis.live.model.snapshot import Value
from stream_kpis.plan import compile_plan
from stream_kpis.settings import Settings
from tests.engine.worlds import iso

PLAN = compile_plan(Settings(calendars=Path(__file__).with_name("calendars.yaml")))
HOUR_S = 3600
_numbers = itertools.count()


def ms(time: str) -> int:
    return round(datetime.fromisoformat(time).timestamp() * 1000)


def ticket(time: str, kind: str, name: str = "t1", /, **data: Any) -> Imported:
    """One event of a ticket of its own party, at a time with an offset."""
    return happened(time, f"ticket.{kind}", name, ticket_id=name, **data)


def happened(time: str, kind: str, name: str, /, **data: Any) -> Imported:
    value = encode_event(kind, id=f"{next(_numbers):06}", source="s", time=iso(ms(time)), subject=name, data=data)
    return Imported(kind, name, ms(time), KIND_OF_NAME[kind].topic, value)


def created(time: str, name: str = "t1", /, **data: Any) -> Imported:
    return ticket(time, "created", name, **data)


def answered(time: str, name: str = "t1") -> Imported:
    return ticket(time, "message", name, author="agent")


def status(time: str, said: str, name: str = "t1") -> Imported:
    return ticket(time, "status_changed", name, status=said)


def told(events: Iterable[Imported], to: str = "2026-12-31T00:00Z") -> dict[tuple[str, str, str], Value]:
    """The values at an instant, by KPI, window and group."""
    (answer,) = evaluate(PLAN, Calendar(), Reader(), events, [Ask(ms(to), None, "")]).answers
    return {(value.kpi, value.window, value.group): value for value in answer.values}


def took_s(events: Iterable[Imported], kpi: str) -> float:
    """The only duration of a KPI, from its sum."""
    value = told(events)[kpi, "all", ""]
    assert value.samples == 1
    assert value.durations is not None
    return value.durations.sum_ms / 1000


@pytest.mark.parametrize(
    ("begin", "end", "wait_s"),
    [
        pytest.param("2026-03-27T16:00+01:00", "2026-03-30T10:00+02:00", 7200, id="a weekend, the clock changed"),
        pytest.param("2026-04-02T11:00+02:00", "2026-04-02T15:00+02:00", 3600, id="an exceptional day"),
        pytest.param("2026-04-11T12:00+02:00", "2026-04-11T20:00+02:00", 0, id="outside hours"),
        pytest.param("2026-04-11T12:00+02:00", "2026-04-13T09:00+02:00", 0, id="answered as it opens"),
        pytest.param("2026-06-30T16:00+02:00", "2026-07-01T08:30+02:00", 5400, id="another version"),
        pytest.param("2026-04-13T16:00+02:00", "2026-04-14T10:00+02:00", 7200, id="overnight"),
    ],
)
def test_first_response_time_business(begin: str, end: str, wait_s: float) -> None:
    assert took_s([created(begin), answered(end)], "first_response_time_business") == wait_s


@pytest.mark.parametrize(
    ("created_at", "reached_at", "wait_s"),
    [
        pytest.param("2026-04-10T16:30+02:00", "2026-04-13T09:15+02:00", 2700, id="over a weekend"),
        pytest.param("2026-04-13T10:00+02:00", "2026-04-13T09:15+02:00", 0, id="written down afterwards"),
    ],
)
def test_lead_response_time_business(created_at: str, reached_at: str, wait_s: float) -> None:
    events = [
        happened(created_at, "lead.created", "A", lead_id="l"), happened(reached_at, "lead.contacted", "A", lead_id="l")
    ]  # fmt: skip
    assert took_s(events, "lead_response_time_business") == wait_s


@pytest.mark.parametrize(("name", "wait_s"), [("dseks", 7200), ("", 7200), ("always", 64800), ("night", 6 * HOUR_S)])
def test_the_calendar_is_the_one_named_or_the_default(name: str, wait_s: float) -> None:
    events = [created("2026-04-13T16:00+02:00", calendar=name), answered("2026-04-14T10:00+02:00")]
    assert took_s(events, "first_response_time_business") == wait_s


def test_the_wall_clock_stands_beside_it() -> None:
    events = [created("2026-03-27T16:00+01:00"), answered("2026-03-30T10:00+02:00")]
    assert took_s(events, "first_response_time") == 65 * HOUR_S


@pytest.mark.parametrize(
    ("calendar", "begin", "end", "took"),
    [
        pytest.param("desk", "2026-04-30T16:30+02:00", "2026-05-04T09:30+02:00", 3600, id="a holiday"),
        pytest.param("night", "2026-03-29T00:00+01:00", "2026-03-29T08:00+02:00", 18000, id="spring"),
        pytest.param("gap", "2026-03-29T00:00+01:00", "2026-03-29T08:00+02:00", 0, id="hours that were skipped"),
        pytest.param("night", "2026-10-25T00:00+02:00", "2026-10-25T08:00+01:00", 25200, id="autumn"),
        pytest.param("gap", "2026-10-25T00:00+02:00", "2026-10-25T08:00+01:00", 7200, id="hours that came twice"),
    ],
)
def test_resolution_time_first_business(calendar: str, begin: str, end: str, took: float) -> None:
    events = [created(begin, calendar=calendar), status(end, "solved")]
    assert took_s(events, "resolution_time_first_business") == took


def test_resolution_time_full_business() -> None:
    """The time solved in between is no part of it, nor would it be of the wait."""
    events = [
        created("2026-04-13T10:00+02:00"), status("2026-04-14T11:00+02:00", "solved"),
        ticket("2026-04-15T10:00+02:00", "reopened"), status("2026-04-15T12:00+02:00", "solved"),
    ]  # fmt: skip
    assert took_s(events, "resolution_time_first_business") == 9 * HOUR_S
    assert took_s(events, "resolution_time_full_business") == 11 * HOUR_S
    assert took_s(events, "requester_wait_time_business") == 11 * HOUR_S


def test_requester_wait_time_business() -> None:
    events = [
        created("2026-04-13T10:00+02:00"), status("2026-04-13T16:00+02:00", "pending"),
        status("2026-04-14T10:00+02:00", "open"), status("2026-04-14T11:00+02:00", "solved"),
    ]  # fmt: skip
    assert took_s(events, "resolution_time_full_business") == 9 * HOUR_S
    assert took_s(events, "requester_wait_time_business") == 7 * HOUR_S


def test_sla_attainment_business() -> None:
    """A deadline at the end of the day is not one in the morning."""
    events = [
        created("2026-04-13T15:00+02:00", "t1", priority="high"), status("2026-04-14T15:00+02:00", "solved", "t1"),
        created("2026-04-13T15:00+02:00", "t2", priority="high"), status("2026-04-14T16:00+02:00", "solved", "t2"),
        created("2026-04-13T09:00+02:00", "t3", priority="high"), status("2026-04-13T20:00+02:00", "solved", "t3"),
        created("2026-04-11T12:00+02:00", "t4", priority="urgent"), status("2026-04-13T12:00+02:00", "solved", "t4"),
    ]  # fmt: skip
    values = told(events, "2026-04-20T00:00Z")
    found = values["sla_attainment_business", "30d", ""]
    assert (found.numerator, found.denominator) == (2, 4)
    wall = values["sla_attainment", "30d", ""]
    assert (wall.numerator, wall.denominator) == (0, 4)


@pytest.mark.parametrize(("to", "breached"), [("2026-04-14T13:00Z", 0), ("2026-04-14T13:00:10Z", 1)])
def test_what_is_not_solved_is_breached_at_the_deadline(to: str, breached: int) -> None:
    values = told([created("2026-04-13T15:00+02:00", priority="high")], to)
    assert values["sla_attainment_business", "30d", ""].samples == breached


def test_a_breach_has_the_dimensions_of_its_time() -> None:
    """Those of the last event at or before the deadline, 15:00."""
    events = [
        created("2026-04-13T15:00+02:00", priority="high", team="a"),
        ticket("2026-04-14T15:00+02:00", "assigned", team="b"), ticket("2026-04-14T15:01+02:00", "assigned", team="c"),
    ]  # fmt: skip
    values = told(events, "2026-04-20T00:00Z")
    by_team = {group: v.samples for (kpi, window, group), v in values.items() if kpi == "sla_attainment_business"
               and window == "30d" and v.by == "team"}  # fmt: skip
    assert by_team == {"b": 1}


def test_first_response_time_live_business() -> None:
    events = [created("2026-04-10T16:00+02:00"), created("2026-04-13T09:00Z", "t2", calendar="always")]
    values = told(events, "2026-04-13T10:00Z")
    live = values["first_response_time_live_business", "24h", ""]
    assert (live.value, live.samples) == (4 * HOUR_S, 2)
    assert live.durations is not None
    assert live.durations.sum_ms == 5 * HOUR_S * 1000
    assert values["unanswered_over_target_business", "now", ""].value == 2


def test_at_night_nothing_grows_old() -> None:
    values = told([created("2026-04-10T17:00+02:00")], "2026-04-11T12:00Z")
    over = values["unanswered_over_target_business", "now", ""]
    assert (over.value, over.samples) == (0, 1)
    assert values["unanswered_over_target", "now", ""].value == 1
