"""Short stories told in days, as docs/definitions.md tells its worked examples, and the values that they make."""

import itertools
from collections.abc import Iterable
from typing import Any

from stream_kpis.engine.tiles import DAY_MS, Calendar
from stream_kpis.events.envelope import Reader, encode_event
from stream_kpis.events.history import Imported
from stream_kpis.events.rates import Rates
from stream_kpis.events.types import KIND_OF_NAME
from stream_kpis.kpis.goals import NO_GOALS, Goals
from stream_kpis.live.asks import Ask
from stream_kpis.live.evaluate import evaluate
from stream_kpis.live.model.snapshot import Result, Value
from stream_kpis.plan import compile_plan
from stream_kpis.settings import load
from tests.engine.worlds import iso

PLAN = compile_plan(load(environment={}))
DAY_0_MS = 1_772_323_200_000
"""2026-03-01T00:00:00Z"""

_numbers = itertools.count()
Told = dict[tuple[str, str, str, str], Value]
"""Values by KPI, window, grouping and group."""
Made = dict[tuple[str, str, str, str, str, str], Result]
"""Results by operator, KPI, window, against, grouping and group."""


def happened(day: float, kind: str, who: str = "A", /, **data: Any) -> Imported:
    """One event of a party, on a day."""
    at_ms = DAY_0_MS + round(day * DAY_MS)
    name = f"{next(_numbers):06}"
    value = encode_event(kind, id=name, source="s", time=iso(at_ms), subject=who, data=data)
    return Imported(kind, who, at_ms, KIND_OF_NAME[kind].topic, value)


def told(
    events: Iterable[Imported],
    to_day: float = 30,
    goals: Goals = NO_GOALS,
    rates: Rates | None = None,
    zone: str = "UTC",
) -> Told:
    """All values at an instant."""
    ask = Ask(DAY_0_MS + round(to_day * DAY_MS), None, "")
    (answer,) = evaluate(PLAN, Calendar(zone), Reader(), events, [ask], goals, rates).answers
    return {(value.kpi, value.window, value.by, value.group): value for value in answer.values}


def made(events: Iterable[Imported], to_day: float = 30, goals: Goals = NO_GOALS) -> Made:
    """What operators make of all values at an instant."""
    ask = Ask(DAY_0_MS + round(to_day * DAY_MS), None, "")
    (answer,) = evaluate(PLAN, Calendar(), Reader(), events, [ask], goals).answers
    return {(r.operator, r.kpi, r.window, r.against, r.by, r.group): r for r in answer.results}


def ticket(day: float, kind: str, name: str = "t1", who: str = "A", /, **data: Any) -> Imported:
    return happened(day, f"ticket.{kind}", who, ticket_id=name, **data)


def status(day: float, said: str, name: str = "t1", who: str = "A") -> Imported:
    return ticket(day, "status_changed", name, who, status=said)


def deal(day: float, kind: str, name: str = "d1", who: str = "A", /, **data: Any) -> Imported:
    return happened(day, f"deal.{kind}", who, deal_id=name, **data)


def order(day: float, kind: str, name: str, who: str = "A", /, **data: Any) -> Imported:
    return happened(day, f"order.{kind}", who, order_id=name, **data)


def customer(day: float, kind: str, who: str, /, **data: Any) -> Imported:
    return happened(day, f"customer.{kind}", who, **data)


def email(day: float, kind: str, who: str, /, **data: Any) -> Imported:
    return happened(day, f"email.{kind}", who, campaign_id="c", **data)
