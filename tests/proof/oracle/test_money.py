"""Money in several currencies: the worked examples of its definitions, and its edges."""

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime
from fractions import Fraction

import pytest

from stream_kpis.events.envelope import Reader
from stream_kpis.proof.oracle import Oracle, Rate
from stream_kpis.proof.oracle.rates import Rates
from tests.proof.oracle.world import World

MICRO = 10**6
HOUR, DAY = 3600, 86_400
FIRST, SECOND, FIFTH = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 5)
RATES = (
    Rate("EUR", FIRST, "1.10"),
    Rate("EUR", SECOND, "1.20"),
    Rate("JPY", FIRST, "0.0067"),
    Rate("KWD", FIRST, "3.25"),
)
TO = datetime(2026, 6, 1, tzinfo=UTC).timestamp()
RECORDED = datetime(2026, 3, 5, 12, tzinfo=UTC).timestamp()


def at(day: int, hour: float = 10) -> float:
    """An hour of a day of March, in seconds since 1970."""
    return datetime(2026, 3, day, tzinfo=UTC).timestamp() + hour * HOUR


def world(rates: Sequence[Rate] = RATES, **made_with: object) -> World:
    """With the rates of the examples; all recorded on the 5th at noon."""
    return World(recorded=RECORDED, rates=rates, **made_with)


def order(
    world: World, amount: str, currency: str | None = "EUR", when: float = at(1), name: str = "o", **data: object
) -> World:
    """An order."""
    named = {} if currency is None else {"currency": currency}
    world.add("order.placed", when, order_id=name, amount=amount, **named, **data)
    return world


def refund(world: World, amount: str, currency: str = "EUR", when: float = at(2), name: str = "r") -> World:
    """Some of the order given back."""
    world.add("order.refunded", when, order_id="o", refund_id=name, amount=amount, currency=currency)
    return world


def micro(world: World, kpi: str = "revenue_gross") -> int | None:
    """The value in micro-units of the reporting currency."""
    return world.whole(kpi, 0, TO, at=TO).numerator


def kept(world: World) -> int | None:
    """How many orders are kept."""
    return world.fraction("average_order_value", 0, TO, at=TO)[1]


@pytest.mark.parametrize(
    ("amount", "currency", "converted"),
    [
        ("100", "EUR", "110"),
        ("1000", "JPY", "6.70"),
        ("1.005", "KWD", "3.26625"),
        ("0.000001", "EUR", "0.000001"),
        ("0.000005", "EUR", "0.000006"),
        ("0.000015", "EUR", "0.000016"),  # 16.5, between 16 and 17
        ("0", "EUR", "0"),
        ("7", "USD", "7"),
        ("7", None, "7"),
    ],
)
def test_an_amount_is_converted_exactly(amount: str, currency: str | None, converted: str) -> None:
    """Half to even, in micro-units."""
    found = order(world(), amount, currency)
    assert (micro(found), found.value("orders", 0, TO, at=TO)) == (Fraction(converted) * MICRO, 1)


def test_items_are_converted_each_by_itself() -> None:
    """They need not add up to the order; halves to even."""
    items = [{"product": "tea", "amount": "0.000005"}, {"product": "cup", "amount": "0.000015"}, {"product": "free"}]
    found = order(world(), "0.00002", items=items)
    assert micro(found, "product_revenue") == 6 + 16
    assert micro(order(world(), "0.00002"), "product_revenue") == 22
    assert micro(order(world(), "0.00002", when=at(3), items=items), "product_revenue") == 0  # without a rate


def test_a_date_is_of_the_business_zone() -> None:
    """Half an hour before midnight in UTC is the next day in Berlin."""
    assert micro(order(world(zone="Europe/Berlin"), "100", when=at(1, 23.5))) == 120 * MICRO
    assert micro(order(world(), "100", when=at(1, 23.5))) == 110 * MICRO


@pytest.mark.parametrize(
    ("placed", "given_back", "currency", "refunded", "net", "is_kept"),
    [
        (1, "100", "EUR", 2, -10, 0),
        (1, "110", "USD", 2, 0, 0),
        (1, "109", "USD", 2, 1, 1),
        (2, "100", "EUR", 1, 10, 0),
        (1, "95", "EUR", 2, -4, 1),  # of more worth than the order, yet not all of it
    ],
)
def test_fully_refunded_is_what_was_paid(
    placed: int, given_back: str, currency: str, refunded: int, net: int, is_kept: int
) -> None:
    """In one currency; by what it is worth otherwise. Sums are of converted amounts."""
    found = refund(order(world(), "100", when=at(placed)), given_back, currency, at(refunded))
    assert (micro(found, "revenue_net"), kept(found)) == (net * MICRO, is_kept)
    assert micro(found, "average_order_value") == net * is_kept * MICRO


def test_refunds_in_several_currencies_are_compared_converted() -> None:
    """As soon as one is not the order's; what has no rate is no refund."""
    found = refund(order(world(), "100"), "50", when=at(2))  # 60 USD
    refund(found, "50", "USD", when=at(2), name="s")
    assert kept(found) == 0
    found = refund(refund(order(world(), "100"), "100"), "1", "KWD", when=at(2), name="s")
    assert kept(found) == 0
    found = refund(order(world(), "100"), "100", when=at(3))
    assert (kept(found), micro(found, "revenue_net")) == (1, 110 * MICRO)


def plan(world: World, *changes: tuple[int, str, str]) -> World:
    """A customer of 10 EUR a month since the 1st, and what the plan changes to, by day, amount and currency."""
    world.add("customer.created", at(1), value="10", currency="EUR")
    for day, value, currency in changes:
        world.add("customer.plan_changed", at(day), plan="p", value=value, currency=currency)
    return world


@pytest.mark.parametrize(
    ("value", "currency", "worth"), [("10", "EUR", 0), ("15", "EUR", 6), ("13", "USD", 2), ("11", "USD", 0)]
)
def test_a_rise_of_the_plan_is_of_what_is_paid(value: str, currency: str, worth: int) -> None:
    """In one currency at the change's rate; converted otherwise."""
    found = plan(world(), (2, value, currency))
    assert micro(found, "upsell_revenue") == worth * MICRO
    assert found.whole("upsell_revenue", 0, TO, at=TO).samples == (worth > 0)


def test_a_rise_too_small_to_see_is_none() -> None:
    """It is one if it is above 0 after rounding."""
    low = [Rate("EUR", FIRST, "1"), Rate("EUR", SECOND, "0.5")]
    assert micro(plan(world(low), (2, "10.000001", "EUR")), "upsell_revenue") == 0
    assert micro(plan(world(low), (2, "10.000003", "EUR")), "upsell_revenue") == 2  # 1.5
    assert micro(plan(world(low), (2, "10.000005", "EUR")), "upsell_revenue") == 2  # 2.5


def test_a_lower_plan_is_compared_as_it_is_paid() -> None:
    """And what a customer is worth is converted, event by event."""
    found = plan(world(), (2, "10", "EUR"))
    assert micro(found, "mrr") == 12 * MICRO
    lost = [
        plan(world(), (2, value, "EUR")).whole("revenue_churn_rate", round(at(1, 12)), TO, at=TO).numerator
        for value in ("10", "9.5")
    ]
    assert lost == [0, 600_000]


@pytest.mark.parametrize(
    ("carry_days", "filled"), [(2, {7: "1.5", 8: "1.5"}), (1, {7: "1.5"}), (0, {}), (9, {7: "1.5", 8: "1.5"})]
)
def test_a_file_carries_forward(carry_days: int, filled: dict[int, str]) -> None:
    """Between its dates, not after the last one; records fill nothing, and come after what is filled."""
    rows = [
        Rate("EUR", date(2026, 3, 8), "7", 5),
        Rate("EUR", date(2026, 3, 9), "1.6"),
        Rate("EUR", date(2026, 3, 6), "1.5"),
        Rate("EUR", date(2026, 3, 20), "3", 5),
        Rate("GBP", date(2026, 3, 20), "2"),
    ]
    rates = Rates(rows, "USD", "UTC", carry_days)
    found = {day: rates.of("EUR", round(at(day) * 1000), 10) for day in range(5, 12)}
    expected = {6: "1.5", 8: "7", 9: "1.6", **filled}
    assert found == {day: Fraction(expected[day]) if day in expected else None for day in range(5, 12)}


@pytest.mark.parametrize(("late_ms", "counts"), [(0, 1), (1, 0)])
def test_a_rate_may_come_seven_days_after_the_record(late_ms: int, counts: int) -> None:
    """Then the event counts; a millisecond later it does not, not even where it is only counted."""
    known_ms = round((RECORDED + 7 * DAY) * 1000) + late_ms
    found = order(world([Rate("EUR", FIFTH, "2", known_ms)]), "50", when=at(5))
    assert (found.value("orders", 0, TO, at=TO), micro(found)) == (counts, counts * 100 * MICRO)


def test_the_first_rate_of_a_date_wins() -> None:
    """The file's before any record's; a later one in time does not help the first."""
    rows = [Rate("EUR", FIRST, "2", 10), Rate("EUR", FIRST, "3", 5), Rate("USD", FIRST, "9")]
    assert micro(order(world(rows), "1")) == 2 * MICRO
    assert micro(order(world([*rows, Rate("EUR", FIRST, "4")]), "1")) == 4 * MICRO
    late = round((RECORDED + 8 * DAY) * 1000)
    assert micro(order(world([Rate("EUR", FIRST, "2", late), Rate("EUR", FIRST, "3", 5)]), "1")) == 0
    assert micro(order(world(rows), "1", "USD")) == MICRO


def test_without_amounts_no_rate_is_needed() -> None:
    """With an amount of 0, or one that no KPI looks at, it is."""
    found = world()
    found.add("deal.created", at(1), deal_id="d", amount="100", currency="EUR")
    found.add("deal.won", at(4), deal_id="d", currency="EUR")
    assert micro(found, "deals_won_value") == 110 * MICRO
    found.add("deal.created", at(4), deal_id="e", amount="0", currency="EUR")
    found.add("deal.won", at(5), deal_id="e")
    found.add("customer.created", at(4), currency="EUR", party="bob")
    assert found.value("deals_won", 0, TO, at=TO) == 2
    assert found.whole("deals_won_value", 0, TO, at=TO).samples == 1
    assert found.value("active_customers", 0, TO, at=TO) == 1


def test_a_win_is_converted_at_its_own_date() -> None:
    """If it names an amount."""
    found = world()
    found.add("deal.created", at(1), deal_id="d", amount="100", currency="EUR")
    found.add("deal.won", at(2), deal_id="d", amount="100", currency="EUR")
    assert micro(found, "deals_won_value") == 120 * MICRO


def test_costs_and_goods_are_converted_too() -> None:
    """Costs may be below zero: half to even there as well."""
    found = order(world(), "100", cost_of_goods="40")
    assert micro(found, "gross_margin_ratio") == 66 * MICRO
    for amount in ("-0.000005", "-0.000015"):  # -5.5 and -16.5
        found.add("cost.incurred", at(1), kind="labour", amount=amount, currency="EUR")
    assert found.fraction("revenue_per_labour_cost", 0, TO, at=TO)[1] == -6 - 16


@pytest.mark.parametrize("field", ["amount", "shipping", "item"])
def test_what_is_beyond_bounds_once_converted_is_no_event(field: str) -> None:
    """Whichever amount it is; at the bound it is one."""
    for rate, counts in (("2", 1), ("2.000001", 0)):
        amount = str(10**12 // 2)
        given = {"items": [{"product": "x", "amount": amount}]} if field == "item" else {"shipping": amount}
        extra = {} if field == "amount" else given
        found = order(world([Rate("EUR", FIRST, rate)]), amount if field == "amount" else "1", **extra)
        assert found.value("orders", 0, TO, at=TO) == counts


# Names of events that wait for a rate.


def copies(*arrivals: tuple[float, float, str], rates: Sequence[Rate] = RATES) -> float | None:
    """Net revenue of copies of one event: when each was recorded, in days, its amount and currency; all of the 3rd."""
    found = World(recorded=RECORDED, rates=rates)
    for days, amount, currency in arrivals:
        found.add("order.placed", at(3), event="one", order_id="o", amount=amount, currency=currency)
        found.records[-1] = found.records[-1]._replace(timestamp=round((RECORDED + days * DAY) * 1000))
    return found.value("revenue_net", 0, TO, at=TO)


def test_an_event_that_waits_keeps_its_name() -> None:
    """For 7 days and an hour; then it is free, also for another one that waits."""
    free = 7 + 1 / 24
    later = free + 1 / DAY
    assert copies((0, 5, "EUR"), (1, 6, "USD")) == 0
    assert copies((0, 5, "EUR"), (free, 6, "USD")) == 0
    assert copies((0, 5, "EUR"), (later, 6, "USD")) == 6
    assert copies((0, 5, "EUR"), (5, 5, "EUR"), (later, 6, "USD")) == 6
    assert copies((0, 5, "EUR"), (later, 5, "EUR"), (later + 1, 6, "USD")) == 0
    assert copies((0, 5, "EUR"), (later, 5, "EUR"), (2 * later, 6, "USD"), (2 * later + 1, 7, "USD")) == 6
    assert copies((0, 6, "USD"), (1, 5, "EUR"), (2, 7, "USD")) == 6
    early = [Rate("EUR", date(2026, 3, 3), "2", round((RECORDED + 8 * DAY) * 1000))]
    assert copies((0, 5, "EUR"), (2, 5, "EUR"), rates=early) == 0  # the same bytes again, while the first waits
    assert copies((0, 5, "EUR"), (later, 5, "EUR"), rates=early) == 10


def test_what_waits_can_be_taken_back() -> None:
    """And all that carries its name with it."""
    found = World(recorded=RECORDED, rates=RATES)
    found.add("order.placed", at(3), event="one", order_id="o", amount="5", currency="EUR")
    found.void("one", at(4))
    found.add("order.placed", at(3), event="one", order_id="o", amount="6")
    found.records[-1] = found.records[-1]._replace(timestamp=round((RECORDED + 20 * DAY) * 1000))
    assert found.value("orders", 0, TO, at=TO) == 0


def test_a_conversion_in_sql_is_exact() -> None:
    """As fractions have it, whatever the sign, at ties and at the bounds."""
    dice = random.Random(1)
    cases = [
        (dice.choice((1, -1)) * dice.randrange(10**digits), dice.randrange(1, 10 ** dice.randrange(1, 21)))
        for digits in range(1, 19)
        for _ in range(30)
    ]
    cases += [(odd, 10**12 // 2 + units * 10**12) for odd in (-3, -1, 1, 3, 5) for units in (0, 1, 2)]
    oracle = Oracle(Reader())
    for amount, pico in cases:
        rate, rest = divmod(pico, 10**12)
        found = oracle._connection.execute(f"SELECT converted({amount}, {rate}, {rest})").fetchall()
        assert found == [(round(Fraction(amount) * Fraction(pico, 10**12)),)]
