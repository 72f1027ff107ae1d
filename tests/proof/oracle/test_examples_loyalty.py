"""The worked examples of the definitions: churn, what it is worth, cohorts, referrals."""

from datetime import UTC, datetime

import pytest

from tests.proof.oracle.trading import DAY_MS, END, MICRO, START, joined, order
from tests.proof.oracle.world import World, day


def test_churn_hazard() -> None:
    """Leaves per second that customers spent."""
    world = World()
    joined(world, ("A", 0), ("B", 0))
    world.add("customer.churned", day(15), party="A")
    answer = world.whole("churn_hazard", START, END, at=END)
    assert (answer.numerator, answer.denominator, answer.samples) == (1, 45 * DAY_MS, 1)
    assert answer.value == pytest.approx(2.572016e-7, rel=1e-6)


def test_churn_rate_inclusive() -> None:
    """Who joined in the window may leave in it."""
    world = World()
    joined(world, ("A", -1), ("B", -1), ("C", 5), ("D", 6))
    world.add("customer.churned", day(9), party="A")
    world.add("customer.churned", day(10), party="C")
    assert world.fraction("churn_rate_inclusive", START, END, at=END) == (2, 4)
    assert world.fraction("churn_rate", START, END, at=END) == (1, 2)


def test_mrr() -> None:
    """Customers of unknown worth are samples."""
    world = World()
    joined(world, ("A", 1), value=100, plan="big")
    joined(world, ("B", 1), value=50, plan="small")
    joined(world, ("C", 1))
    answer = world.whole("mrr", at=END, window="now")
    assert (answer.value, answer.samples) == (150, 3)
    assert world.groups("mrr", "plan", at=END, window="now") == {"big": 100, "small": 50}


def test_revenue_churn_rate() -> None:
    """Lost and contracted; net of what was gained."""
    world = World()
    joined(world, ("A", -1), ("B", -1), value=100)
    world.add("customer.churned", day(3), party="A")
    world.add("customer.plan_changed", day(4), party="B", plan="s", value=70)
    world.add("customer.plan_changed", day(5), party="B", plan="m", value=90)
    answer = world.whole("revenue_churn_rate", START, END, at=END)
    assert (answer.numerator, answer.denominator, answer.samples) == (130 * MICRO, 200 * MICRO, 2)
    assert answer.value == 0.65
    assert world.fraction("revenue_churn_rate_net", START, END, at=END) == (110 * MICRO, 200 * MICRO)


def buyers() -> World:
    """A last bought @-80, B @-70 and @5, C @-100."""
    world = World()
    for party, at in (("A", -80), ("B", -70), ("B", 5), ("C", -100)):
        order(world, party, at, 1)
    return world


def test_churn_rate_inactivity() -> None:
    """Ninety days without an order."""
    assert buyers().fraction("churn_rate_inactivity", START, END, at=END) == (1, 2)


def test_reactivation_rate_inactivity() -> None:
    """Who is back, to those who were away."""
    world = buyers()
    order(world, "C", 20, 1)
    answer = world.whole("reactivation_rate_inactivity", START, END, at=END)
    assert (answer.numerator, answer.denominator, answer.samples) == (1, 1, 1)


def in_1971(month: int, of_month: int = 1) -> float:
    """Seconds since 1970."""
    return datetime(1971, month, of_month, tzinfo=UTC).timestamp()


def test_cohort_retention_rate() -> None:
    """Active at the end of each month; who returns is of the first cohort."""
    world, at = World(), in_1971(4, 2)
    for party in "ABC":
        world.add("customer.created", in_1971(1, 5), party=party)
    world.add("customer.churned", in_1971(1, 20), party="B")
    world.add("customer.reactivated", in_1971(3, 5), party="B")
    world.add("customer.churned", in_1971(2, 10), party="A")
    rates = {"0": (2, 3), "1": (1, 3), "2": (2, 3)}
    assert world.fractions("cohort_retention_rate", "k", 0, at, at=at) == rates
    cohorts = {f"1971-01,{k}": rate for k, rate in rates.items()}
    assert world.fractions("cohort_retention_rate", "cohort,k", 0, at, at=at) == cohorts
    answer = world.whole("cohort_retention_rate", 0, at, at=at)
    assert (answer.numerator, answer.denominator, answer.samples) == (1, 3, 3)
    # D was merged in the end; E was too, and came back.
    for party in "DE":
        world.add("customer.created", in_1971(1, 5), party=party)
        world.add("customer.merged", in_1971(2, 5), party=party, into="A")
    world.add("customer.reactivated", in_1971(3, 5), party="E")
    rates = {"0": (3, 4), "1": (1, 4), "2": (3, 4)}
    assert world.fractions("cohort_retention_rate", "k", 0, at, at=at) == rates


def test_referrals_made() -> None:
    """Of others, not of parties that refer."""
    world = World()
    for party, friend in (("A", "x"), ("A", "y"), ("B", "z"), ("B", "B")):
        world.add("customer.referred", day(1), party=party, referred_id=friend)
    assert world.value("referrals_made", START, END, at=END) == 3


def test_referrals() -> None:
    """Parties that refer, per mean active customer; new ones that name who did."""
    world = World()
    joined(world, *((f"c{number}", -1) for number in range(10)))
    for party, at in (("c1", 1), ("c1", 2), ("c2", 3)):
        world.add("customer.referred", day(at), party=party, referred_id="friend")
    answer = world.whole("referral_rate", START, END, at=END)
    assert (answer.numerator, answer.denominator) == (2 * 30 * DAY_MS, 300 * DAY_MS)
    assert (answer.value, answer.samples) == (0.2, 2)
    joined(world, ("d1", 1), ("d2", 2), ("d3", 3))
    joined(world, ("d4", 4), referred_by="c1")
    assert world.fraction("referred_customer_share", START, END, at=END) == (1, 4)
