"""The worked examples of docs/definitions.md's first table."""

from typing import Any

import pytest

from stream_kpis.engine.tiles import DAY_MS
from stream_kpis.events.history import Imported
from tests.engine.worlds import iso
from tests.live.stories import DAY_0_MS, customer, deal, happened, order, status, ticket, told

DAY_S = 86_400
ALL = ("30d", "", "")
NOW = ("now", "", "")


def parts(values: Any, kpi: str, window: str = "30d") -> tuple[Any, Any]:
    found = values[kpi, window, "", ""]
    return found.numerator, found.denominator


def lead(day: float, kind: str, name: str, /, **data: Any) -> Imported:
    return happened(day, f"lead.{kind}", lead_id=name, **data)


def iso_of(day: float) -> str:
    return iso(DAY_0_MS + round(day * DAY_MS))


def message(day: float, name: str = "t1", author: str = "agent", **data: Any) -> Imported:
    return ticket(day, "message", name, author=author, **data)


def test_leads_new() -> None:
    values = told([
        lead(1, "created", "l1"), lead(2, "created", "l2"), lead(3, "created", "l2"), lead(4, "created", "l3"),
        lead(5, "merged", "l3", into="l1"),
    ])  # fmt: skip
    assert values["leads_new", *ALL].value == 2


def test_lead_response_time() -> None:
    values = told([
        lead(1, "created", "l1"), lead(2, "contacted", "l1", automated=True),
        lead(3, "contacted", "l1", outcome="attempted"), lead(4, "contacted", "l1"), lead(5, "created", "l2"),
        lead(6, "contacted", "l2"),
    ])  # fmt: skip
    found = values["lead_response_time", *ALL]
    assert (found.value, found.samples) == (pytest.approx(DAY_S, rel=0.01), 2)


def test_lead_conversion_rates() -> None:
    values = told([
        lead(-10, "created", "l1"), lead(5, "converted", "l1"), lead(-5, "created", "l2"),
        order(28, "placed", "o1", amount=9, lead_id="l2"), lead(-2, "created", "l3"),
        deal(1, "created", lead_id="l3"), deal(10, "won"), deal(11, "reopened"), lead(1, "created", "l4"),
    ])  # fmt: skip
    assert parts(values, "lead_conversion_rate") == (1, 3)
    assert parts(values, "lead_conversion_flow_ratio") == (2, 1)


def test_lead_conversion_rate_across_parties() -> None:
    named = {"amount": 9, "lead_id": "l1"}
    values = told([
        lead(-10, "created", "l1"), order(5, "placed", "o1", "B", lead_party="A", **named),
        order(6, "placed", "o1", "C", **named),
    ])  # fmt: skip
    assert parts(values, "lead_conversion_rate") == (1, 1)


def test_deals_won() -> None:
    values = told([
        deal(1, "won"), deal(2, "won", "d2"), deal(3, "reopened", "d2"), deal(4, "won", "d3"),
        deal(5, "deleted", "d3"), deal(6, "won", "d4"), deal(7, "won", "d4"),
    ])  # fmt: skip
    assert values["deals_won", *ALL].value == 2


def test_deal_win_rate() -> None:
    values = told([
        deal(1, "won"), deal(2, "lost", "d2"), deal(3, "lost", "d3"), deal(4, "reopened", "d3"), deal(5, "won", "d3")
    ])  # fmt: skip
    assert parts(values, "deal_win_rate") == (2, 3)


def test_avg_deal_value() -> None:
    values = told([
        deal(1, "created", amount=100), deal(2, "amount_changed", amount=150), deal(3, "won"),
        deal(4, "won", "d2", amount=50), deal(5, "won", "d3"),
    ])  # fmt: skip
    assert values["avg_deal_value", *ALL].value == 100


def test_avg_deal_value_has_the_interval_of_a_mean() -> None:
    values = told([deal(1, "won", amount=100), deal(2, "won", "d2", amount=300)])
    found = values["avg_deal_value", *ALL]
    assert (found.value, found.lower, found.upper) == (
        200,
        pytest.approx(61.41, abs=0.01),
        pytest.approx(338.59, abs=0.01),
    )
    alone = told([deal(1, "won", amount=100)])["avg_deal_value", *ALL]
    assert (alone.value, alone.lower, alone.upper) == (100, None, None)


def test_what_spreads_little_has_its_interval_too() -> None:
    """Squares are of whole amounts: rounded down before they are squared, these two would be alike."""
    values = told([deal(1, "won", amount=32.104), deal(2, "won", "d2", amount=32.696)])
    found = values["avg_deal_value", *ALL]
    assert (found.value, found.lower, found.upper) == (
        pytest.approx(32.4),
        pytest.approx(31.9898, abs=1e-4),
        pytest.approx(32.8102, abs=1e-4),
    )


def test_chance_shows_in_a_mean_of_many() -> None:
    """Amounts of six decimals: from 32.1 to 32.7, evenly."""
    amounts = [round(32.1 + 0.6 * (n + 0.5) / 200, 6) + 0.000003 for n in range(200)]
    found = told([order(1, "placed", f"o{n}", amount=amount) for n, amount in enumerate(amounts)])[
        "average_order_value", *ALL
    ]
    value = sum(amounts) / 200
    half = 1.96 * (sum((amount - value) ** 2 for amount in amounts) / 200 / 200) ** 0.5
    assert (found.upper - found.lower) / 2 == pytest.approx(half, rel=0.01)


def test_sales_cycle_time() -> None:
    values = told([
        deal(1, "created"), deal(11, "won"), deal(2, "created", "d2"), deal(22, "won", "d2"), deal(5, "won", "d3")
    ])  # fmt: skip
    found = values["sales_cycle_time", *ALL]
    assert (found.value, found.samples) == (pytest.approx(10 * DAY_S, rel=0.01), 2)
    assert (found.lower, found.upper) == (None, None)


def test_sales_cycle_time_interval() -> None:
    created = [deal(0, "created", f"d{n}") for n in range(1, 41)]
    found = told([*created, *(deal(n, "won", f"d{n}") for n in range(1, 41))], 41)["sales_cycle_time", "90d", "", ""]
    assert found.samples == 40
    assert (found.lower, found.upper) == (pytest.approx(13 * DAY_S, rel=0.01), pytest.approx(28 * DAY_S, rel=0.01))


def test_orders() -> None:
    values = told([
        order(1, "placed", "o1", amount=1), order(2, "placed", "o2", amount=1), order(20, "cancelled", "o2")
    ])  # fmt: skip
    assert values["orders", *ALL].value == 1


def test_revenue_net() -> None:
    values = told([
        order(1, "placed", "o1", amount=100), order(-5, "placed", "o2", amount=50),
        order(3, "refunded", "o2", refund_id="r", amount=20),
    ])  # fmt: skip
    assert values["revenue_net", *ALL].value == 80


def test_average_order_value() -> None:
    values = told([
        order(1, "placed", "o1", amount=100), order(2, "refunded", "o1", refund_id="r", amount=40),
        order(3, "placed", "o2", amount=50), order(4, "refunded", "o2", refund_id="r", amount=50),
        order(5, "placed", "o3", amount=30),
    ])  # fmt: skip
    assert (values["average_order_value", *ALL].value, values["average_order_value", *ALL].samples) == (45, 2)


def test_purchase_frequency() -> None:
    values = told([order(1, "placed", "o1", amount=1), order(2, "placed", "o2", amount=1),
                   order(3, "placed", "o3", "B", amount=1)])  # fmt: skip
    assert parts(values, "purchase_frequency") == (3, 2)


def test_repeat_purchase_rate() -> None:
    placed = [(1, "A"), (2, "A"), (3, "B"), (-70, "C"), (4, "C")]
    values = told([order(day, "placed", f"o{day}", who, amount=1) for day, who in placed])
    assert parts(values, "repeat_purchase_rate", "90d") == (1, 3)


def test_active_customers() -> None:
    values = told([
        customer(1, "created", "A"), customer(2, "created", "B"), customer(10, "churned", "B"),
        customer(3, "created", "C"), customer(4, "churned", "C", effective_at="2026-04-10T00:00:00Z"),
    ])  # fmt: skip
    assert values["active_customers", *NOW].value == 2


def test_churn() -> None:
    values = told([
        *(customer(-10, "created", who) for who in "ABCD"), customer(5, "churned", "A"), customer(6, "churned", "B"),
        customer(7, "churned", "B"), customer(1, "created", "E"), customer(9, "churned", "E"),
    ])  # fmt: skip
    assert parts(values, "churn_rate") == (2, 4)
    assert parts(values, "retention_rate") == (2, 4)
    assert values["churned_customers", *ALL].value == 3
    assert values["churn_events", *ALL].value == 4


def test_a_share_has_wilsons_interval() -> None:
    found = told([deal(1, "won"), *(deal(2, "lost", f"d{n}") for n in range(2, 5))])["deal_win_rate", *ALL]
    assert (found.numerator, found.denominator) == (1, 4)
    assert (found.lower, found.upper) == (pytest.approx(0.0456, abs=1e-4), pytest.approx(0.6994, abs=1e-4))


def test_what_is_no_share_of_its_denominator_has_no_value() -> None:
    """B moved into the plan that A was in when the window began, and both left it: two of one, and of those left -1."""
    values = told([
        customer(-10, "created", "A", plan="pro"), customer(-10, "created", "B", plan="basic"),
        customer(2, "plan_changed", "B", plan="pro"), customer(5, "churned", "A"), customer(6, "churned", "B"),
    ])  # fmt: skip
    for kpi, above in (("churn_rate", 2), ("retention_rate", -1), ("churn_rate_inclusive", 2)):
        found = values[kpi, "30d", "plan", "pro"]
        assert (found.numerator, found.denominator, found.samples) == (above, 1, 1)
        assert (found.value, found.lower, found.upper, found.state) == (None, None, None, "no_data")
    assert values["churn_rate", *ALL].value == 1


def test_an_announced_end() -> None:
    values = told([
        customer(-10, "created", "A"), customer(1, "churned", "A", effective_at=iso_of(20)),
        customer(5, "churned", "A"), customer(-10, "created", "B"),
        customer(1, "churned", "B", effective_at=iso_of(19)),
        customer(2, "merged", "B", into="A"),
    ])  # fmt: skip
    assert values["churned_customers", *ALL].value == 1
    assert values["churned_customers", "24h", "", ""].value == 0
    assert values["customer_tenure_at_churn", "90d", "", ""].value == pytest.approx(15 * DAY_S, rel=0.01)
    assert values["churn_events", *ALL].value == 3
    assert values["active_customers", *NOW].value == 0


def test_an_end_told_of_afterwards() -> None:
    values = told([
        customer(-10, "created", "A", plan="basic", value=10), customer(5, "plan_changed", "A", plan="pro", value=50),
        customer(10, "churned", "A", effective_at=iso_of(2)),
    ])  # fmt: skip
    assert values["churned_customers", "30d", "plan", "basic"].value == 1
    assert ("churned_customers", "30d", "plan", "pro") not in values
    assert ("active_customers", "now", "plan", "pro") not in values
    assert values["customer_lifetime", "90d", "plan", "basic"].value == 12 * DAY_S
    assert values["revenue_churn_rate", *ALL].value == 1
    assert values["revenue_churn_rate_net", *ALL].value == 1
    assert values["upsell_revenue", *ALL].value == 0


def test_first_response_time() -> None:
    values = told([
        ticket(1, "created"), message(1.5), ticket(2, "created", "t2"), message(2.1, "t2", public=False),
        message(2.2, "t2", "bot"), message(3, "t2"),
    ])  # fmt: skip
    found = values["first_response_time", *ALL]
    assert (found.value, found.samples) == (pytest.approx(DAY_S / 2, rel=0.01), 2)


def test_first_response_time_live() -> None:
    values = told([ticket(29, "created"), message(29.5), ticket(27, "created", "t2")])
    found = values["first_response_time_live", "24h", "", ""]
    assert (found.value, found.samples) == (pytest.approx(3 * DAY_S, rel=0.01), 2)


def test_unanswered_over_target() -> None:
    values = told([
        ticket(30 - 60 / DAY_S, "created"), ticket(29, "created", "t2"), ticket(28, "created", "t3"),
        status(29, "solved", "t3"),
    ])  # fmt: skip
    found = values["unanswered_over_target", *NOW]
    assert (found.value, found.samples) == (1, 2)


def test_resolution_time_first() -> None:
    values = told([
        ticket(1, "created"), status(2, "solved"), ticket(3, "reopened"), status(9, "solved"),
        ticket(4, "created", "t2"), status(7, "closed", "t2"),
    ])  # fmt: skip
    found = values["resolution_time_first", *ALL]
    assert (found.value, found.samples) == (pytest.approx(DAY_S, rel=0.01), 2)


def test_tickets_open() -> None:
    values = told([
        ticket(1, "created"), ticket(2, "created", "t2"), status(3, "solved", "t2"), ticket(3, "created", "t3"),
        status(4, "solved", "t3"), ticket(5, "reopened", "t3"), ticket(6, "created", "t4"),
        ticket(7, "merged", "t4", into="t1"),
    ])  # fmt: skip
    assert values["tickets_open", *NOW].value == 2


def answered(day: float, name: str, kind: str, score: int, **data: Any) -> Imported:
    return happened(day, "survey.answered", survey_id=name, kind=kind, score=score, **data)


def test_csat() -> None:
    values = told([answered(n, f"s{n}", "csat", score) for n, score in enumerate((5, 4, 3, 1, 9), 1)])
    assert parts(values, "csat_ratio") == (2, 4)
    assert values["csat_mean", *ALL].value == 3.25
    found = values["csat_mean", *ALL]
    half = 1.96 * ((51 / 4 - 3.25**2) / 4) ** 0.5
    assert (found.lower, found.upper) == (pytest.approx(3.25 - half), pytest.approx(3.25 + half))


def test_survey_response_rate() -> None:
    sent = [happened(day, "survey.sent", survey_id=f"s{day}", kind="csat") for day in (-10, -8, -6)]
    values = told([*sent, answered(-5, "s-10", "csat", 3), answered(25, "s-8", "csat", 3)])
    assert parts(values, "survey_response_rate") == (1, 3)


def test_a_rating_that_is_changed_later_is_the_same_response() -> None:
    sent = happened(-10, "survey.sent", survey_id="s", kind="csat")
    values = told([sent, answered(-5, "s", "csat", 3), answered(25, "s", "csat", 5)])
    assert parts(values, "survey_response_rate") == (1, 1)
    assert values["csat_ratio", *ALL].value == 1


def test_nps() -> None:
    values = told([
        *(answered(n, f"s{n}", "nps", score) for n, score in enumerate((10, 9, 8, 3), 1)),
        answered(5, "t", "nps", 0, ticket_id="t1"),
    ])  # fmt: skip
    found = values["nps", *ALL]
    assert parts(values, "nps") == (1, 4)
    assert (found.lower, found.upper) == (pytest.approx(-0.5626, abs=1e-4), 1)


def test_nps_is_never_below_what_it_can_be() -> None:
    values = told([answered(n, f"s{n}", "nps", score) for n, score in enumerate((0, 3, 8, 9), 1)])
    found = values["nps", *ALL]
    assert (found.lower, found.upper) == (-1, pytest.approx(0.5626, abs=1e-4))
