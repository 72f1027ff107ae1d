"""The worked examples of docs/definitions-money.md: what amounts in other currencies are worth, and to whom."""

import pytest

from stream_kpis.events.money import rate_of
from stream_kpis.events.rates import Rates
from tests.live.stories import customer, happened, order, told

ALL = ("30d", "", "")


def known() -> Rates:
    """The rates of the examples."""
    rates = Rates()
    for currency, day, worth in (
        ("EUR", "2026-03-01", "1.10"), ("EUR", "2026-03-02", "1.20"), ("JPY", "2026-03-01", "0.0067"),
        ("KWD", "2026-03-01", "3.25"),
    ):  # fmt: skip
        rates.add(rate_of(currency, day, worth))
    return rates


@pytest.mark.parametrize(
    ("amount", "currency", "micro"),
    [
        (100, "EUR", 110_000_000), (1000, "JPY", 6_700_000), ("1.005", "KWD", 3_266_250), ("0.000001", "EUR", 1),
        ("0.000005", "EUR", 6),
    ],
)  # fmt: skip
def test_an_order_in_another_currency(amount: object, currency: str, micro: int) -> None:
    """At the rate of its date, exact to the micro-unit."""
    values = told([order(0, "placed", "o", amount=amount, currency=currency)], rates=known())
    assert values["average_order_value", *ALL].numerator == micro


def test_the_date_is_that_of_the_business_zone() -> None:
    """Half past eleven in the evening in London is the next day in Berlin."""
    late = [order(23.5 / 24, "placed", "o", amount=100, currency="EUR")]
    assert told(late, rates=known())["revenue_net", *ALL].value == 110
    assert told(late, rates=known(), zone="Europe/Berlin")["revenue_net", *ALL].value == 120


@pytest.mark.parametrize(
    ("placed", "refunded", "amount", "currency", "net", "kept"),
    [
        (0, 1, 100, "EUR", -10, None), (0, 1, 110, "USD", 0, None), (0, 1, 109, "USD", 1, 1),
        (1, 0, 100, "EUR", 10, None), (0, 1, 50, "EUR", 50, 50), (0, 1, "99.999999", "EUR", -9.999999, -9.999999),
    ],
)  # fmt: skip
def test_a_refund_at_another_rate(
    placed: float, refunded: float, amount: object, currency: str, net: float, kept: float | None
) -> None:
    """Money in and out flows at the rates of its days; whether all was given back is asked in the order's currency."""
    story = [
        order(placed, "placed", "o", amount=100, currency="EUR"),
        order(refunded, "refunded", "o", refund_id="r", amount=amount, currency=currency),
    ]
    values = told(story, rates=known())
    assert values["revenue_net", *ALL].value == pytest.approx(net)
    found = values["average_order_value", *ALL].value
    assert found is None if kept is None else found == pytest.approx(kept)


def test_refunds_in_several_currencies() -> None:
    """Are added up in the reporting one: 60 and 50 of 110."""
    story = [
        order(0, "placed", "o", amount=100, currency="EUR"),
        order(1, "refunded", "o", refund_id="r1", amount=50, currency="EUR"),
        order(1, "refunded", "o", refund_id="r2", amount=50),
    ]
    assert told(story, rates=known())["average_order_value", *ALL].value is None
    assert told(story[:2], rates=known())["average_order_value", *ALL].value == 50


@pytest.mark.parametrize(
    ("value", "currency", "worth"),
    [(10, "EUR", None), (15, "EUR", 6), (13, "USD", 2), (11, "USD", None), (9, "EUR", None)],
)
def test_a_rate_that_moves_is_no_upsell(value: float, currency: str, worth: float | None) -> None:
    """A price of 10 EUR is worth more a day later, and no customer pays more for it."""
    story = [
        customer(0, "created", "A", plan="basic", value=10, currency="EUR"),
        customer(1, "plan_changed", "A", plan="plus", value=value, currency=currency),
    ]
    found = told(story, rates=known())["upsell_revenue", *ALL]
    assert (found.value, found.samples) == ((worth, 1) if worth else (0, 0))


def test_a_price_without_currency_after_one_in_another() -> None:
    """Is in the reporting currency, and compared in that."""
    story = [
        customer(0, "created", "A", plan="basic", value=10, currency="EUR"),
        customer(1, "plan_changed", "A", plan="plus", value=12),
        customer(2, "plan_changed", "A", plan="suite", value=20),
    ]
    assert told(story, rates=known())["upsell_revenue", *ALL].value == 9


@pytest.mark.parametrize(
    ("value", "currency", "mrr", "expanded", "contracted"),
    [
        (10, "EUR", 12, 0, 0), (15, "EUR", 18, 6, 0), (5, "EUR", 6, 0, 6), (13, "USD", 13, 2, 0), (11, "USD", 11, 0, 0),
        (8, "USD", 8, 0, 3), ("9.5", "EUR", 11.4, 0, 0.6), ("9.166667", "EUR", 11, 0, 1),
    ],
)  # fmt: skip
def test_a_rate_that_moves_changes_worth_but_expands_and_contracts_nothing(
    value: object, currency: str, mrr: float, expanded: float, contracted: float
) -> None:
    """Though 9.5 EUR are worth more than 10 EUR were, and 9.166667 as much, both are less."""
    before = customer(-5, "created", "B", value=100)
    story = [
        before,
        customer(0, "created", "A", plan="basic", value=10, currency="EUR"),
        customer(1, "plan_changed", "A", plan="basic", value=value, currency=currency),
    ]
    values = told(story, rates=known())
    assert values["mrr", "now", "", ""].value == pytest.approx(100 + mrr, abs=2e-6)
    gross = values["revenue_churn_rate", *ALL].numerator or 0
    net = values["revenue_churn_rate_net", *ALL].numerator or 0
    assert (gross, gross - net) == (contracted * 10**6, expanded * 10**6)


def test_a_change_while_an_announced_end_is_ahead_counts_once_it_is_taken_back() -> None:
    """By what was paid, as ever."""
    story = [
        customer(-5, "created", "B", value=100),
        customer(0, "created", "A", value=10, currency="EUR"),
        customer(0.5, "churned", "A", effective_at="2026-03-20T00:00:00Z"),
        customer(1, "plan_changed", "A", plan="basic", value=5, currency="EUR"),
        customer(1.5, "reactivated", "A"),
    ]
    values = told(story, rates=known())
    assert values["revenue_churn_rate", *ALL].numerator == 6_000_000
    assert values["mrr", "now", "", ""].value == 106


def test_who_leaves_takes_the_worth_of_the_date_that_gave_it() -> None:
    """A churn names no value and has no rate of its own."""
    story = [
        customer(-5, "created", "B", value=100),
        customer(0, "created", "A", value=10, currency="EUR"),
        customer(1, "churned", "A"),
    ]
    assert told(story, rates=known())["revenue_churn_rate", *ALL].numerator == 11_000_000


def test_margins_and_buckets_are_of_converted_amounts() -> None:
    """Goods at the order's date, a refund at its own."""
    story = [
        order(0, "placed", "o", amount=100, cost_of_goods=40, currency="EUR"),
        order(1, "refunded", "o", refund_id="r", amount=50, currency="EUR"),
    ]
    values = told(story, rates=known())
    assert values["gross_margin_ratio", *ALL].value == pytest.approx(0.12)
    assert values["customer_value_distribution", "now", "bucket", "50"].value == 1


def test_a_cost_is_converted_and_then_spread() -> None:
    """At its event's date, whichever days it is of."""
    march = {"from": "2026-03-01", "to": "2026-03-31"}
    events = [
        happened(0, "cost.incurred", "x", amount=310, kind="acquisition", currency="EUR", **march),
        happened(0, "lead.created", "A", lead_id="l"),
    ]
    spent = [told(events, day, rates=known())["cost_per_lead", "90d", "", ""].value for day in (1, 10, 40)]
    assert spent == [11, 110, 341]


def test_without_a_rate_an_order_is_nowhere() -> None:
    """Not even in the number of orders."""
    values = told([order(3, "placed", "o", amount=1, currency="EUR"), order(3, "placed", "p", amount=2)], rates=known())
    assert (values["orders", *ALL].value, values["revenue_net", *ALL].value) == (1, 2)
