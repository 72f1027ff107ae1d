"""What operators are asked, and what they say."""

from collections.abc import Mapping
from datetime import date
from typing import Literal, NamedTuple

from stream_kpis.proof.oracle.catalogue import CATALOGUE
from stream_kpis.proof.oracle.days import PERIODS
from stream_kpis.proof.oracle.series import Parts
from stream_kpis.proof.oracle.spans import SHORT_MS, SPANS

ENDING_NOW = frozenset(
    {
        *("returning_customer_rate", "upsell_rate"),
        *("first_response_time_live", "unanswered_over_target", "open_ticket_age", "leads_open_uncontacted"),
        *("first_response_time_live_business", "unanswered_over_target_business"),
        *("lead_response_time_live", "leads_over_target"),
        *("deals_stalled", "stale_open_ratio", "nps_account"),
        *("quota_attainment", "cohort_retention_rate"),
    }
)
"""KPIs that are known for windows that end at kpi-now only; they have no operator but those of targets."""

DISTINCT = frozenset({"purchase_frequency", "repeat_purchase_rate", "nps_respondent", "referral_rate", "arpc"})
"""KPIs of parties counted once: not sums over days, so they have no operator but change and those of targets."""

CHANGES = ("period_over_period", "change", "revenue_growth_yoy")
BY_DAY = ("trend_slope", "forecast_end_of_period", "forecast_error", "anomaly_band")
TARGETS = ("target_attainment", "target_met", "target_pace_gap")

OTHER_WINDOWS = frozenset(
    {
        *("cac_lagged", "arpc_base_effect", "arpc_spend_effect", "clv_predicted", "clv_net", "clv_cac_ratio"),
        *("ab_lift", "ab_relative_lift", "ab_srm"),
    }
)
"""KPIs that read other windows than their own, or compare groups; they have no operator but those of targets."""

LEVELS = frozenset({"customer_value_share", *(kpi.name for kpi in CATALOGUE if kpi.kind == "standing")})
"""KPIs of what stands at an instant."""

_KPIS = {kpi.name: kpi for kpi in CATALOGUE}
_WINDOWS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("period_over_period", "change"), (*SPANS, *PERIODS)),
    "revenue_growth_yoy": ("30d", "90d", "365d", "ytd"),
    "trend_slope": ("7d", "30d", "90d"),
    **dict.fromkeys(("forecast_end_of_period", "forecast_error", "deals_forecast", "target_pace_gap"), PERIODS),
    "pipeline_overdue_value": ("now",),
    "anomaly_band": ("today",),
    **dict.fromkeys(("target_attainment", "target_met"), (*SHORT_MS, *SPANS, "today", *PERIODS, "all", "now")),
}
_NO_RATIOS = frozenset({"purchase_frequency"})
"""Orders per party."""
RATIOS = frozenset(
    {"referral_rate"}.union(
        kpi.name for kpi in CATALOGUE if kpi.kind in ("ratio", "share") and kpi.unit == 1 and kpi.name not in _NO_RATIOS
    )
)
"""KPIs with the unit ratio, whose change is a difference."""

_SUMS_ONLY = ("forecast_end_of_period", "forecast_error", "anomaly_band", "target_pace_gap")


class Request(NamedTuple):
    """One operator of one KPI.

    Attributes:
        operator: as in the definitions; ``change`` is ``period_over_period``.
        kpi: of ``deals_forecast``: deals_won_value, of ``pipeline_overdue_value``: pipeline_weighted_value.
        window: of the operator.
        against: of a change: ``previous`` or ``year``.
        by: the dimension; empty for the whole.
        better: of a target: which values are good, ``higher`` or ``lower`` ones.
    """

    operator: str
    kpi: str
    window: str
    against: str = ""
    by: str = ""
    better: Literal["higher", "lower"] = "higher"


class Target(NamedTuple):
    """A target of a KPI.

    Attributes:
        kpi: whose target.
        window: of the KPI; empty for the KPI's own target, which holds in all windows where no other is in force.
        by: the dimension; empty for the whole.
        group: the dimension's value; empty for the whole.
        value: in the KPI's unit.
        first: its first day.
        order: which of those with the same first day wins: the highest.
        calendar: the name of its calendar; empty for the wall clock.
        better: which values are good; empty as the request has it.
    """

    kpi: str
    window: str
    value: float
    by: str = ""
    group: str = ""
    first: date = date.min
    order: int = 0
    calendar: str = ""
    better: Literal["higher", "lower", ""] = ""


class Outcome(NamedTuple):
    """What an operator says of one group.

    Attributes:
        request: as asked.
        group: the dimension's value; empty for the whole.
        value: None where there is none.
        samples: as each operator says.
        state: ``ok``, ``immature`` or ``no_data``; what depends on ``min_samples`` or on lag is not known.
        lower: of the interval or band.
        upper: of the interval or band.
        parts: of a change ``v1``, ``v0``; of a trend ``S0 S1 S2 T0 T1``; of a forecast ``closed``, ``g``, ``m`` (Σ m);
            of an anomaly ``v``, ``n``, ``sum``, ``sum2``; of deals ``won``, ``open``; of a target ``v``, ``target``; of
            a pace ``share`` too. In the KPI's unit, but for the sums of trends and anomalies: those are the state's
            integers.
    """

    request: Request
    group: str
    value: float | None
    samples: int
    state: str
    lower: float | None
    upper: float | None
    parts: Parts


def check(request: Request) -> None:
    """Refuse what the definitions do not have.

    Raises:
        ValueError: the KPI does not have the operator, or the operator not the window.
    """
    operator, kpi, window = request[:3]
    if operator not in _WINDOWS or kpi not in _KPIS:
        raise ValueError(f"the oracle does not know {operator} of {kpi}")
    kind = _KPIS[kpi].kind
    only = {
        "revenue_growth_yoy": ("revenue_net",),
        "deals_forecast": ("deals_won_value",),
        "pipeline_overdue_value": ("pipeline_weighted_value",),
    }.get(operator, (kpi,))
    absent = (
        (kpi in ENDING_NOW | OTHER_WINDOWS and operator not in TARGETS)
        or (kpi in DISTINCT and operator in BY_DAY)
        or kpi not in only
        or (operator in _SUMS_ONLY and kind != "sum")
    )
    if absent or (operator == "trend_slope" and kind in ("product", "composed")):
        raise ValueError(f"{kpi} has no {operator}")
    if window not in _WINDOWS[operator] or (kpi in LEVELS and operator in CHANGES and window in PERIODS):
        raise ValueError(f"{operator} of {kpi} has no window {window}")
