"""Requests of operators: what has none is refused, many at once are answered in order."""

import pytest

from stream_kpis.proof.oracle import Request
from stream_kpis.proof.oracle.operators import operators
from tests.proof.oracle.operating import World, order, outcomes
from tests.proof.oracle.world import day


@pytest.mark.parametrize(
    "request_",
    [
        Request("change", "returning_customer_rate", "30d", "previous"),
        Request("change", "nps_account", "90d", "year"),
        Request("trend_slope", "purchase_frequency", "30d"),
        Request("trend_slope", "nps_respondent", "30d"),
        Request("trend_slope", "pipeline_velocity", "30d"),
        Request("forecast_end_of_period", "csat_ratio", "mtd"),
        Request("forecast_end_of_period", "active_customers", "mtd"),
        Request("anomaly_band", "csat_ratio", "today"),
        Request("target_pace_gap", "csat_ratio", "mtd"),
        Request("change", "unanswered_over_target", "7d", "previous"),
        Request("change", "clv_predicted", "90d", "previous"),
        Request("trend_slope", "service_quality_index", "30d"),
        Request("change", "active_customers", "mtd", "previous"),
        Request("change", "orders", "24h", "previous"),
        Request("revenue_growth_yoy", "orders", "30d"),
        Request("median", "orders", "30d"),
        Request("change", "nothing", "30d"),
    ],
)
def test_what_has_no_operator(request_: Request) -> None:
    """Is refused."""
    with pytest.raises(ValueError, match=r"oracle does not know|has no"):
        outcomes(World(), request_, day(60))


def test_many_requests_are_answered_in_order() -> None:
    """Together as one by one."""
    world = World()
    for number in range(120):
        order(world, day(number), number % 5 + 1)
    requests = [
        Request("change", "orders", "30d", "previous"),
        Request("anomaly_band", "revenue_net", "today"),
        Request("forecast_end_of_period", "orders", "ytd"),
        Request("trend_slope", "average_order_value", "90d"),
        Request("trend_slope", "orders", "7d"),
    ]
    to_ms = round(day(120) * 1000)
    together = operators(world.oracle, requests, to_ms, "UTC")
    assert together == [o for request in requests for o in operators(world.oracle, [request], to_ms, "UTC")]
