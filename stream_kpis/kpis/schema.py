"""The structs that the catalogue's YAML decodes to, and nothing else.

A measure aggregates facts; a KPI is a formula over measures. Reading and checking them is in ``kpis/catalogue.py``.
"""

from typing import Literal

import msgspec

Kind = Literal["flow", "level", "exposure", "recency", "gap", "distribution", "cohort", "open_set", "joined"]
Unit = Literal["count", "quantity", "ratio", "seconds", "currency", "currency_per_second", "per_second", "score"]
ROLLING = ("5m", "1h", "24h", "7d", "30d", "90d", "365d")
PERIODS = ("today", "mtd", "qtd", "ytd")
WINDOWS = (*ROLLING, *PERIODS, "all", "now")
COHORT_WINDOWS = ("7d", "30d", "90d", "365d", "all")
DAILY_WINDOWS = ("30d", "90d", "365d")
"""Those that begin with a business day: other windows can be made of them."""
WHOLE_DAYS = (*DAILY_WINDOWS, *PERIODS, "all")
"""All that begin with a business day."""
GROUPINGS_MAX = 4

Method = Literal["lift", "relative_lift", "sample_ratio", "cohort_grid", "quota"]
READ_BY: dict[str, str | None] = {
    "lift": None, "relative_lift": None, "sample_ratio": "experiment,variant", "cohort_grid": "", "quota": "owner"
}  # fmt: skip
"""By method the grouping in which it reads what its formula names; None for the KPI's."""
Interval = Literal["wilson", "nps", "mean"]
"""Of a share, which has no value unless it counts some of its denominator; of promoters less detractors; of a mean."""
_BOUNDS = {"wilson": (0, 1), "nps": (-1, 1)}
"""By interval the least and the most that a value can be."""
Operator = Literal[
    "change", "trend", "forecast", "anomaly", "revenue_growth_yoy", "deals_forecast", "pipeline_overdue_value"
]

WEIGHTED_DEALS, OPEN_WEIGHTED = "deals_weighted", "deals_open_weighted"
OPERATOR_READS: dict[str, tuple[str, ...]] = dict.fromkeys(
    ("deals_forecast", "pipeline_overdue_value"), (WEIGHTED_DEALS, OPEN_WEIGHTED)
)
"""Measures that operators read by name, beside those of the KPI's formula."""


class Measure(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A mergeable aggregate of one kind of fact.

    Exactly one of the kinds names the fact. ``by`` lists the groupings: a dimension, or two joined by a comma.
    """

    flow: str | None = None
    """Count and sum at the fact's time."""
    level: str | None = None
    """Running total of signed facts."""
    exposure: str | None = None
    """How long what signed facts count was there, summed over it."""
    recency: str | None = None
    """Distinct parties by the time of their last (or second-last) fact."""
    past: str | None = None
    """Of a recency: the same number over whole days that are past, as a formula over flows and gaps."""
    gap: str | None = None
    """Pairs of facts, at the later one, by the business day of the earlier: ``fact.time - fact.value``."""
    distribution: str | None = None
    """Log buckets of the facts' values, within 1 %."""
    cohort: str | None = None
    """Followed-up base facts, at the time of the base fact; with ``base`` and ``within``."""
    open_set: str | None = None
    """What waits now, by its start."""
    joined: str | None = None
    """Ends, at the time of what they ended: ``fact.time - fact.value``; counted from the end on."""
    squares: bool = False
    """Of a flow: whether the squares of the values are summed up too, for the interval of their mean."""
    base: str | None = None
    within: str | None = None
    clock: Literal["wall", "business"] = "wall"
    """The clock of durations, ages and deadlines: the wall's, or the calendar's of what is counted."""
    where: dict[str, tuple[str, ...]] = {}
    """By dimension the values that count; a missing one is ``unknown``. Facts with any other are left out."""
    by: tuple[str, ...] = ()


class Kpi(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One KPI: what people see, computed from measures."""

    title: str
    formula: str
    unit: Unit
    windows: tuple[str, ...]
    method: Method | None = None
    """What makes values of what the formula reads, where arithmetic does not: a function in ``live/methods``."""
    operators: tuple[Operator, ...] = ()
    """What is made of its values over days, see docs/definitions-operators.md."""
    department: Literal["sales", "service", "marketing", "customers"] = "sales"
    by: tuple[str, ...] = ()
    matured: str | None = None
    """A horizon such as ``30d``: its windows end so long before kpi-now, as a cohort's do, whatever it reads."""
    samples: str | None = None
    """A formula for the samples, rounded down; else a ratio's denominator, a distribution's count, or the value.

    Where that would be a sum, what it adds up is counted.
    """
    awaits: tuple[str, ...] = ()
    """Measures that say nothing before a first of what they count came, such as costs: till then there is no value."""
    min_samples: int = 30
    target: float | None = None
    """In the KPI's unit; what ``older(…, target)`` compares with."""
    better: Literal["higher", "lower"] = "higher"
    interval: Interval | None = None
    """How its 95 % interval is reckoned; that of a quantile needs no word."""
    cases: bool = False
    """Whether it counts waiting cases, where one is enough: exempt from minimum samples."""
    edges: tuple[float, ...] = ()
    """Histogram edges in seconds, for durations."""
    choices: str = ""
    version: int = 1

    @property
    def aim(self) -> float | None:
        """What its value should be: the target, unless that is the wait of ``older(…, target)``."""
        return None if self.cases or ",target)" in self.formula.replace(" ", "") else self.target

    def beyond(self, aim: float) -> str | None:
        """Why its value can never get to what it should be, or None: it may, or nothing bounds it.

        What has the interval of a share is part of a whole; what has that of promoters less detractors, one or its
        opposite. Other ratios, such as growth or attainment, may be of any size.

        >>> share = Kpi(title="", formula="", unit="ratio", windows=(), interval="wilson")
        >>> share.beyond(3), share.beyond(1)
        ('lies between 0 and 1, not at 3: for 3 % write 0.03', None)
        """
        if self.interval not in _BOUNDS:
            return None
        least, most = _BOUNDS[self.interval]
        if least <= aim <= most:
            return None
        hint = f": for {aim:g} % write {aim / 100:g}" if least <= aim / 100 <= most else ""
        return f"lies between {least} and {most}, not at {aim:g}{hint}"
