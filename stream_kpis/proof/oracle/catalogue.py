"""The KPIs that the oracle knows: how each value is read off its sums. What counts is in ``kpis/*.sql``."""

from typing import Literal, NamedTuple


class Kpi(NamedTuple):
    """One KPI.

    Attributes:
        name: as in the definitions.
        kind: ``sum`` of the numerators, ``standing`` likewise once a first of it began, ``ratio`` of numerators and
            denominators, or a quantile of ``duration``.
        unit: how many of the state's integers make one unit of the value: 10^6 for money, 1000 for seconds.
        thousandths: which quantile is the value of a duration.
    """

    name: str
    kind: Literal["sum", "standing", "ratio", "duration"]
    unit: int = 1
    thousandths: int | None = None


_MICRO = 10**6
_MS = 1000

CATALOGUE: tuple[Kpi, ...] = (
    Kpi("leads_new", "sum"),
    Kpi("lead_conversion_rate", "ratio"),
    Kpi("lead_conversion_flow_ratio", "ratio"),
    Kpi("lead_response_time", "duration", _MS, 500),
    Kpi("deals_won", "sum"),
    Kpi("deal_win_rate", "ratio"),
    Kpi("avg_deal_value", "ratio", _MICRO),
    Kpi("sales_cycle_time", "duration", _MS, 500),
    Kpi("orders", "sum"),
    Kpi("revenue_net", "sum", _MICRO),
    Kpi("average_order_value", "ratio", _MICRO),
    Kpi("purchase_frequency", "ratio"),
    Kpi("repeat_purchase_rate", "ratio"),
    Kpi("active_customers", "standing"),
    Kpi("churn_rate", "ratio"),
    Kpi("churned_customers", "sum"),
    Kpi("churn_events", "sum"),
    Kpi("retention_rate", "ratio"),
    Kpi("first_response_time", "duration", _MS, 500),
    Kpi("first_response_time_live", "duration", _MS, 900),
    Kpi("unanswered_over_target", "standing"),
    Kpi("resolution_time_first", "duration", _MS, 500),
    Kpi("tickets_open", "standing"),
    Kpi("csat_ratio", "ratio"),
    Kpi("csat_mean", "ratio", _MICRO),
    Kpi("survey_response_rate", "ratio"),
    Kpi("nps", "ratio"),
)

KPIS: tuple[str, ...] = tuple(kpi.name for kpi in CATALOGUE)
