"""The KPIs that the oracle knows: how each value is read off its sums. What counts is in ``kpis/*.sql``."""

from typing import Literal, NamedTuple


class Kpi(NamedTuple):
    """One KPI.

    Attributes:
        name: as in the definitions.
        kind: ``sum`` of the numerators; ``standing`` likewise once a first of it began; ``ratio`` of numerators and
            denominators; ``share``: a ratio to all, whatever the group; ``per active``: numerators times the window's
            length, over the time in ms that all customers spent in it; ``product`` of several ratios; or a quantile of
            ``duration``; or ``composed`` of the values of others, as spans.py and composed.sql say. ``per own active``
            is ``per active``, of a group over the time of its own customers.
        unit: how many of the state's integers make one unit of the value: 10^6 for money, 1000 for seconds.
        thousandths: which quantile is the value of a duration.
        samples: those that count in the group, those of all, or the customers that there were on average, of all or in
            the group.
        awaits_first: whether it has no value, and the numerator 0, until a first cost of it lies before the window's
            end; the table ``beginnings`` says when that was, as it does for what is ``standing``.
        interval: which one it has, by its paragraph in the definitions: of a ``share`` of its denominator, which is no
            value below 0 or above 1, of ``nps``, or of a ``mean``. Each observation of the latter two is one row, its
            numerator the score, or the amount in micro-units. Durations have theirs by themselves.
    """

    name: str
    kind: Literal[
        "sum", "standing", "ratio", "share", "per active", "per own active", "product", "duration", "composed"
    ]
    unit: float = 1
    thousandths: int | None = None
    samples: Literal["own", "of all", "mean active", "own mean active"] = "own"
    awaits_first: bool = False
    interval: Literal["", "share", "nps", "mean"] = ""


_MICRO = 10**6
_MS = 1000
_THOUSANDTHS = 1000

CATALOGUE: tuple[Kpi, ...] = (
    Kpi("leads_new", "sum"),
    Kpi("lead_conversion_rate", "ratio", interval="share"),
    Kpi("lead_conversion_flow_ratio", "ratio"),
    Kpi("lead_qualification_rate", "ratio", interval="share"),
    Kpi("lead_response_time", "duration", _MS, 500),
    Kpi("lead_response_time_live", "duration", _MS, 900),
    Kpi("lead_response_time_business", "duration", _MS, 500),
    Kpi("leads_over_target", "standing"),
    Kpi("deals_won", "sum"),
    Kpi("deal_win_rate", "ratio", interval="share"),
    Kpi("avg_deal_value", "ratio", _MICRO, interval="mean"),
    Kpi("sales_cycle_time", "duration", _MS, 500),
    Kpi("lost_cycle_time", "duration", _MS, 500),
    Kpi("orders", "sum"),
    Kpi("revenue_net", "sum", _MICRO),
    Kpi("average_order_value", "ratio", _MICRO, interval="mean"),
    Kpi("purchase_frequency", "ratio"),
    Kpi("repeat_purchase_rate", "ratio", interval="share"),
    Kpi("active_customers", "standing"),
    Kpi("churn_rate", "ratio", interval="share"),
    Kpi("churn_rate_involuntary", "ratio", interval="share"),
    Kpi("churned_customers", "sum"),
    Kpi("churn_events", "sum"),
    Kpi("retention_rate", "ratio", interval="share"),
    Kpi("first_response_time", "duration", _MS, 500),
    Kpi("first_response_time_live", "duration", _MS, 900),
    Kpi("unanswered_over_target", "standing"),
    Kpi("resolution_time_first", "duration", _MS, 500),
    Kpi("tickets_open", "standing"),
    Kpi("csat_ratio", "ratio", interval="share"),
    Kpi("csat_mean", "ratio", _MICRO, interval="mean"),
    Kpi("survey_response_rate", "ratio", interval="share"),
    Kpi("nps", "ratio", interval="nps"),
    Kpi("nps_transactional", "ratio", interval="nps"),
    Kpi("tickets_opened", "sum"),
    Kpi("support_contacts", "sum"),
    Kpi("tickets_resolved", "sum"),
    Kpi("resolutions", "sum"),
    Kpi("ticket_throughput_ratio", "ratio"),
    Kpi("ticket_category_share", "share", samples="of all", interval="share"),
    Kpi("ticket_contact_rate", "per active"),
    Kpi("open_ticket_age", "duration", _MS, 500),
    Kpi("reopen_rate", "ratio", interval="share"),
    Kpi("resolution_time_full", "duration", _MS, 500),
    Kpi("requester_wait_time", "duration", _MS, 500),
    Kpi("first_contact_resolution_rate", "ratio", interval="share"),
    Kpi("sla_attainment", "ratio", interval="share"),
    Kpi("first_response_time_business", "duration", _MS, 500),
    Kpi("first_response_time_live_business", "duration", _MS, 900),
    Kpi("unanswered_over_target_business", "standing"),
    Kpi("resolution_time_first_business", "duration", _MS, 500),
    Kpi("resolution_time_full_business", "duration", _MS, 500),
    Kpi("requester_wait_time_business", "duration", _MS, 500),
    Kpi("sla_attainment_business", "ratio", interval="share"),
    Kpi("dissatisfaction_ratio", "ratio", interval="share"),
    Kpi("complaints_received", "sum"),
    Kpi("complaint_rate", "per active"),
    Kpi("interaction_frequency", "per active"),
    Kpi("leads_open_uncontacted", "standing"),
    Kpi("deals_lost", "sum"),
    Kpi("deals_won_value", "sum", _MICRO),
    Kpi("deals_open", "standing"),
    Kpi("pipeline_value", "standing", _MICRO),
    Kpi("pipeline_weighted_value", "standing", _MICRO),
    Kpi("deal_win_rate_value", "ratio"),
    Kpi("deal_close_rate_cohort", "ratio", interval="share"),
    Kpi("stage_duration", "duration", _MS, 500),
    Kpi("stage_conversion_rate", "ratio", interval="share"),
    Kpi("deals_stalled", "standing"),
    Kpi("stale_open_ratio", "ratio", interval="share"),
    Kpi("pipeline_velocity", "product", _MICRO // _MS),
    Kpi("upsell_rate", "ratio", interval="share"),
    Kpi("upsell_revenue", "sum", _MICRO),
    Kpi("revenue_gross", "sum", _MICRO),
    Kpi("average_order_value_gross", "ratio", _MICRO),
    Kpi("purchase_frequency_active", "per active"),
    Kpi("product_revenue", "sum", _MICRO),
    Kpi("units_sold", "sum", _THOUSANDTHS),
    Kpi("customer_revenue", "sum", _MICRO),
    Kpi("refund_rate", "ratio"),
    Kpi("time_between_purchases", "duration", _MS, 500),
    Kpi("returning_customer_rate", "ratio", interval="share"),
    Kpi("new_customers", "sum"),
    Kpi("customer_tenure_at_churn", "duration", _MS, 500),
    Kpi("customer_lifetime", "ratio", _MS),
    Kpi("reactivation_rate", "ratio"),
    Kpi("nps_respondent", "ratio", interval="nps"),
    Kpi("nps_account", "ratio", interval="nps"),
    Kpi("email_sent", "sum"),
    Kpi("email_delivered", "sum"),
    Kpi("email_open_rate", "ratio", interval="share"),
    Kpi("email_click_rate", "ratio", interval="share"),
    Kpi("email_ctor", "ratio"),
    Kpi("email_bounce_rate", "ratio", interval="share"),
    Kpi("email_unsubscribe_rate", "ratio", interval="share"),
    Kpi("email_spam_complaint_rate", "ratio", interval="share"),
    Kpi("email_list_size", "standing"),
    Kpi("email_list_growth", "ratio"),
    Kpi("rep_new_customers", "sum"),
    Kpi("rep_revenue", "sum", _MICRO),
    Kpi("rep_activity", "sum"),
    Kpi("cost_per_lead", "ratio", _MICRO, awaits_first=True),
    Kpi("cac", "ratio", _MICRO, awaits_first=True),
    Kpi("cac_paid", "ratio", _MICRO, awaits_first=True),
    Kpi("cac_lagged", "ratio", _MICRO, awaits_first=True),
    Kpi("cost_per_customer", "per active", _MICRO, samples="mean active", awaits_first=True),
    Kpi("profit_per_customer", "per active", _MICRO, samples="mean active", awaits_first=True),
    Kpi("gross_margin_ratio", "ratio"),
    Kpi("arpc", "ratio", _MICRO),
    Kpi("arpa", "per own active", _MICRO, samples="own mean active"),
    Kpi("arpc_base_effect", "composed"),
    Kpi("arpc_spend_effect", "composed"),
    Kpi("clv_historic", "composed"),
    Kpi("clv_predicted", "composed"),
    Kpi("clv_net", "composed"),
    Kpi("clv_cac_ratio", "composed"),
    Kpi("cac_payback_time", "composed"),
    Kpi("customer_value_distribution", "standing"),
    Kpi("customer_value_share", "share"),
    Kpi("revenue_per_labour_cost", "ratio"),
    Kpi("quota_attainment", "ratio"),
    Kpi("churn_hazard", "ratio", 1 / _MS),
    Kpi("churn_rate_inclusive", "ratio", interval="share"),
    Kpi("mrr", "standing", _MICRO),
    Kpi("revenue_churn_rate", "ratio"),
    Kpi("revenue_churn_rate_net", "ratio"),
    Kpi("churn_rate_inactivity", "ratio", interval="share"),
    Kpi("reactivation_rate_inactivity", "ratio"),
    Kpi("cohort_retention_rate", "ratio", interval="share"),
    Kpi("referral_rate", "per active"),
    Kpi("referrals_made", "sum"),
    Kpi("referred_customer_share", "ratio", interval="share"),
    Kpi("email_revenue", "sum", _MICRO),
    Kpi("email_revenue_per_delivered", "ratio", _MICRO),
    Kpi("email_conversion_rate", "ratio", interval="share"),
    Kpi("ab_conversion_rate", "ratio", interval="share"),
    Kpi("ab_lift", "composed"),
    Kpi("ab_relative_lift", "composed"),
    Kpi("ab_srm", "composed"),
    Kpi("ab_crossovers", "sum"),
    Kpi("service_quality_index", "composed"),
)

ONLY_PARTS: tuple[Kpi, ...] = (
    Kpi("customer time", "sum"),
    Kpi("retention costs", "sum", _MICRO, awaits_first=True),
    Kpi("units exposed", "sum"),
)
"""What only composed KPIs look at."""

KPIS: tuple[str, ...] = tuple(kpi.name for kpi in CATALOGUE)
SUMS = frozenset(kpi.name for kpi in CATALOGUE if kpi.kind == "sum")
