"""Anomaly: today against the same weekdays before."""

import pytest

from tests.proof.oracle.operating import World, at, order, orders, whole
from tests.proof.oracle.world import DAY


def test_anomaly() -> None:
    """A count has at least the spread of a Poisson count; the open day is not looked at."""
    world, monday = World(), at(2026, 9, 14)
    for week in range(1, 9):
        orders(world, monday - 7 * week * DAY, 16)
    orders(world, monday, 28)
    orders(world, monday + DAY, 99)
    found = whole(world, "anomaly_band", "orders", "today", monday + 1.5 * DAY)
    assert (found.value, found.lower, found.upper, found.samples) == (3, 4, 28, 8)
    assert found.state == "ok"
    revenue = whole(world, "anomaly_band", "revenue_net", "today", monday + 1.5 * DAY)
    assert (revenue.value, revenue.state, revenue.lower, revenue.upper) == (None, "no_data", 16, 16)


@pytest.mark.parametrize(("weeks", "state"), [(3, "no_data"), (4, "immature"), (7, "immature"), (8, "ok")])
def test_an_anomaly_needs_four_weekdays_of_history(weeks: int, state: str) -> None:
    """With fewer than eight their number divides."""
    world, monday = World(), at(2026, 9, 14)
    for week in range(1, weeks + 1):
        orders(world, monday - 7 * week * DAY, 4)
    orders(world, monday, 6)
    found = whole(world, "anomaly_band", "orders", "today", monday + DAY)
    assert (found.samples, found.state) == (weeks, state)
    assert found.value == (1 if weeks >= 4 else None)


def test_anomaly_of_money() -> None:
    """Its own spread: 10 and 20 by turns have mean 15 and a deviation of 5."""
    world, monday = World(), at(2026, 9, 14)
    for week in range(1, 9):
        order(world, monday - 7 * week * DAY, 10 if week % 2 else 20)
    order(world, monday, 5)
    found = whole(world, "anomaly_band", "revenue_net", "today", monday + DAY)
    assert (found.value, found.lower, found.upper) == (-2, 0, 30)
