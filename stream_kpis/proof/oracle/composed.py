"""What composed KPIs are made of, and windows that follow from an asked one: by business days of the zone."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from stream_kpis.events.envelope import time_ms_of

LAG_DAYS = 60
"""How long before the customers those costs lie that won them."""

COHORT_MONTHS = 25
"""How many cohorts have a retention rate; their months are numbered from 0."""

REPEAT_DAYS = 7
"""H of the cohorts in the quality index."""

_DAY_MS = 86_400_000
_days_of = re.compile(r"(\d+)d").fullmatch

Edges = tuple[int, int]
"""The window [from, to), in ms since 1970."""


class Part(NamedTuple):
    """One part of a composed KPI.

    Attributes:
        name: what composed.sql calls it.
        kpi: whose value it is; of the KPIs or what the catalogue adds for this.
        span: over which window: the ``same``; over ``six`` times its length; over its ``closed`` days or those
            ``previous`` to them; or of the ``matured`` cohorts that a window of its name has.
    """

    name: str
    kpi: str
    span: Literal["same", "six", "closed", "previous", "matured"] = "same"


_COMPARED = (
    Part("revenue", "revenue_net", "closed"),
    Part("time", "customer time", "closed"),
    Part("revenue before", "revenue_net", "previous"),
    Part("time before", "customer time", "previous"),
)
_EARNED = (Part("revenue", "revenue_net"), Part("time", "customer time"), Part("margin", "gross_margin_ratio"))
_PREDICTED = (*_EARNED, Part("time of six", "customer time", "six"), Part("leaves of six", "churned_customers", "six"))
_ARMS = (Part("arms", "ab_conversion_rate"),)

PARTS: Mapping[str, tuple[Part, ...]] = {
    "arpc_base_effect": _COMPARED,
    "arpc_spend_effect": _COMPARED,
    "clv_historic": (Part("arpc", "arpc"), Part("lifetime", "customer_lifetime")),
    "clv_predicted": _PREDICTED,
    "clv_net": (*_PREDICTED, Part("retention", "retention costs"), Part("cac", "cac")),
    "clv_cac_ratio": (*_PREDICTED, Part("cac lagged", "cac_lagged")),
    "cac_payback_time": (*_EARNED, Part("cac", "cac")),
    "ab_lift": _ARMS,
    "ab_relative_lift": _ARMS,
    "ab_srm": (Part("exposed", "units exposed"),),
    "service_quality_index": (
        Part("quality", "sla_attainment"),
        Part("quality", "first_contact_resolution_rate", "matured"),
        Part("quality", "csat_ratio"),
        Part("quality", "reopen_rate", "matured"),
    ),
}
"""Of each composed KPI its parts."""


class Cohort(NamedTuple):
    """Who joined in a business month, [from_ms, until_ms), and the end of a later month, or of the same (k = 0)."""

    month: str
    k: int
    from_ms: int
    until_ms: int
    end_ms: int


class Spans:
    """Windows of a business zone.

    Args:
        zone: an IANA name.
    """

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)

    def edges(self, part: Part, window: str, edges: Edges) -> Edges:
        """The window of a part of a composed KPI, which is asked for over ``edges``.

        A window that is not named after a number of days is a period: its days are all closed, its cohorts matured.
        """
        from_ms, to_ms = edges
        named = _days_of(window)
        today = self._day(to_ms)
        days = self._days(window, edges)
        match part.span:
            case "six":
                length_ms = days * _DAY_MS if named else to_ms - from_ms
                return self._start(self._day(to_ms - 6 * length_ms)), to_ms
            case "closed":
                return self._closed(window, edges)
            case "previous":
                return self._back(today, 2 * days), self._back(today, days)
            case "matured" if named:
                return self._back(today, REPEAT_DAYS + days), self._back(today, REPEAT_DAYS)
        return edges

    def lagged(self, window: str, edges: Edges) -> tuple[int, int, int, int]:
        """The window of the costs that won the new customers of closed days, [from, to), and those days, [from, to)."""
        first, today = (self._day(edge) for edge in edges)
        return self._back(first, LAG_DAYS), self._back(today, LAG_DAYS), *self._closed(window, edges)

    def cohorts(self, to_ms: int) -> Iterator[Cohort]:
        """The last cohorts whose first month is over at ``to_ms``, each with every month that is."""
        last = self._day(to_ms).replace(day=1)  # the month that is not over
        months = [_month(last, index - COHORT_MONTHS) for index in range(COHORT_MONTHS + 1)]
        starts = [self._start(month) for month in months]
        for index, month in enumerate(months[:-1]):
            for k, end_ms in enumerate(starts[index + 1 :]):
                yield Cohort(f"{month:%Y-%m}", k, starts[index], starts[index + 1], end_ms)

    def _closed(self, window: str, edges: Edges) -> Edges:
        today = self._day(edges[1])
        return self._back(today, self._days(window, edges)), self._back(today, 0)

    def _days(self, window: str, edges: Edges) -> int:
        """How many days a window is named after, or a period has."""
        named = _days_of(window)
        return int(named[1]) if named else (self._day(edges[1]) - self._day(edges[0])).days

    def _day(self, time_ms: int) -> date:
        seconds = timedelta(milliseconds=time_ms)
        return (datetime(1970, 1, 1, tzinfo=UTC) + seconds).astimezone(self._zone).date()

    def _back(self, day: date, days: int) -> int:
        return self._start(day - timedelta(days=days))

    def _start(self, day: date) -> int:
        """The first instant of a day; if the clock skips midnight, the instant of the change."""
        return time_ms_of(datetime(day.year, day.month, day.day, tzinfo=self._zone))


def _month(first: date, months: int) -> date:
    """The first of the month so many months later."""
    index = first.year * 12 + first.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)
