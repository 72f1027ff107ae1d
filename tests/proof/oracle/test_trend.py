"""Trends: their slopes and intervals, and which days weigh."""

import pytest

from stream_kpis.proof.oracle import Request
from tests.proof.oracle.operating import World, order, orders, outcomes, whole
from tests.proof.oracle.world import DAY, day


def test_trend() -> None:
    """One more order a day; the open day is left out."""
    world = World()
    for number in range(7):
        orders(world, day(number), number + 1)
    orders(world, day(7), 50)
    trend = whole(world, "trend_slope", "orders", "7d", day(7.5))
    assert (trend.value, trend.samples, trend.state) == (1, 7, "ok")
    assert trend.parts == {"S0": 7, "S1": 21, "S2": 91, "T0": 28, "T1": 112}
    assert (trend.lower, trend.upper) == (1, 1)


def test_trend_of_a_ratio() -> None:
    """Each day weighs by its denominator."""
    world = World()
    for number in range(7):
        for one in range(10):
            name = f"{number}-{one}"
            world.add("survey.answered", day(number), survey_id=name, kind="csat", score=5 if one < number else 1)
    assert whole(world, "trend_slope", "csat_ratio", "7d", day(7)).value == pytest.approx(0.1)


def test_trend_interval() -> None:
    """1, 0, 0, 0, 0, 0, 1: no slope; se² = Σ(y less 2/7)² / 5 / 28 = (10/7) / 140."""
    world = World()
    order(world, day(0), 5)
    order(world, day(6), 5)
    trend = whole(world, "trend_slope", "revenue_net", "7d", day(7))
    assert trend.value == 0
    assert trend.upper == pytest.approx(5 * 1.96 * (10 / 7 / 140) ** 0.5)
    assert trend.lower == pytest.approx(-5 * 1.96 * (10 / 7 / 140) ** 0.5)


@pytest.mark.parametrize(("days", "value"), [(6, None), (7, 0)])
def test_trend_needs_seven_days_that_weigh(days: int, value: float | None) -> None:
    """Days without an answer are none; of a sum every day weighs."""
    world = World()
    for number in range(days):
        world.add("survey.answered", day(3 * number), survey_id=f"s{number}", kind="csat", score=5)
    trend = whole(world, "trend_slope", "csat_ratio", "30d", day(30))
    assert (trend.value, trend.samples) == (value, days)
    assert whole(world, "trend_slope", "orders", "30d", day(30)).samples == 30


def test_a_day_without_denominator_is_in_no_sum() -> None:
    """Conversions on a day without leads do not tilt the trend."""
    world = World()
    for number in range(7):
        world.add("lead.created", day(number), lead_id=f"l{number}")
    world.add("lead.converted", day(8), lead_id="l0")
    trend = whole(world, "trend_slope", "lead_conversion_flow_ratio", "30d", day(10))
    assert (trend.value, trend.parts["T0"], trend.parts["S0"]) == (0, 0, 7)


def test_trend_of_durations_is_of_their_daily_means() -> None:
    """In seconds a day, weighed by their number."""
    world = World()
    for number in range(7):
        for one, wait in enumerate((10 * number, 30 * number)):
            name = f"t{number}-{one}"
            world.add("ticket.created", day(number), ticket_id=name, channel="mail", created_by="customer")
            world.add("ticket.message", day(number) + wait + 1, ticket_id=name, author="agent", public=True)
    trend = whole(world, "trend_slope", "first_response_time", "7d", day(7))
    assert trend.value == pytest.approx(20)
    assert trend.parts["S0"] == 14


def test_trend_of_a_level_is_of_its_days_ends() -> None:
    """What joined before the window is in all of it."""
    world = World()
    for number in range(-3, 7):
        world.add("customer.created", day(number + 0.5), party=f"p{number}")
    trend = whole(world, "trend_slope", "active_customers", "7d", day(7))
    assert (trend.value, trend.parts["T0"], trend.state) == (1, sum(range(4, 11)), "ok")


def test_trend_of_what_is_per_customer_and_of_a_share() -> None:
    """Against the time of all customers, and the tickets of all, of each day."""
    world = World()
    world.add("customer.created", day(-40))
    for number in range(7):
        for one in range(number + 1):
            category = "bug" if one == 0 else "other"
            name = f"t{number}-{one}"
            world.add(
                "ticket.created",
                day(number),
                ticket_id=name,
                channel=category,
                category=category,
                created_by="customer",
            )
    per_customer = whole(world, "trend_slope", "ticket_contact_rate", "7d", day(7))
    assert per_customer.value == pytest.approx(1)
    assert per_customer.parts["S0"] == 7 * DAY * 1000
    bug = outcomes(world, Request("trend_slope", "ticket_contact_rate", "7d", "", "channel"), day(7))["bug"]
    assert bug.value == 0
    share = outcomes(world, Request("trend_slope", "ticket_category_share", "7d", "", "category"), day(7))["bug"]
    assert (share.parts["S0"], share.parts["T0"]) == (28, 7)


def test_trend_of_a_cohort_ends_at_what_has_matured() -> None:
    """H = 30 days before d."""
    world = World()
    for number in range(8):
        for one in range(2):
            world.add("lead.created", day(number), lead_id=f"l{number}-{one}")
    world.add("lead.converted", day(7), lead_id="l6-0")
    trend = whole(world, "trend_slope", "lead_conversion_rate", "7d", day(37.5))
    assert (trend.samples, trend.parts["T0"], trend.parts["T1"]) == (7, 1, 6)


def test_trend_of_churn_is_against_each_days_beginning() -> None:
    """Active at the start of the day."""
    world = World()
    for number in range(10):
        world.add("customer.created", day(-1), party=f"p{number}")
    for number in range(7):
        world.add("customer.churned", day(number + 0.5), party=f"p{number}")
    trend = whole(world, "trend_slope", "churn_rate", "7d", day(7))
    assert (trend.parts["S0"], trend.parts["T0"]) == (sum(range(4, 11)), 7)
