"""Targets of KPIs that read more than the edges of their window: its name, and days and cohorts that follow from it."""

import pytest

from stream_kpis.proof.oracle import Request, Target
from stream_kpis.proof.oracle.operators import operators
from tests.proof.oracle.operating import World, at, outcomes
from tests.proof.oracle.trading import MICRO, cost, earning
from tests.proof.oracle.world import World as SmallWorld
from tests.proof.oracle.world import day


def attained(world: SmallWorld, kpi: str, window: str, to: float, zone: str = "UTC") -> float | None:
    """Of a target of 100."""
    request = Request("target_attainment", kpi, window)
    return outcomes(world, request, to, zone=zone, targets=[Target(kpi, window, 100)])[""].value


def test_a_target_of_a_quota_is_of_its_period() -> None:
    """In January all three have the same edges; and each owner has one of its own."""
    world = World(quotas={"ann": 1_000 * MICRO, "bob": 200 * MICRO})
    for owner, amount in (("ann", 300), ("bob", 60), ("eve", 9)):
        world.add("order.placed", at(2026, 1, 5), order_id=owner, amount=amount, owner_id=owner)
    windows = ("mtd", "qtd", "ytd")
    targets = [Target("quota_attainment", window, 0.5) for window in windows]
    targets += [Target("quota_attainment", window, 0.1, by="owner", group="ann") for window in windows]
    requests = [
        Request("target_attainment", "quota_attainment", window, by=by) for by in ("", "owner") for window in windows
    ]
    found = operators(world.oracle, requests, round(at(2026, 1, 12) * 1000), "UTC", targets)
    expected = [("", 0.6), ("", 0.2), ("", 0.05), ("ann", 3), ("ann", 1), ("ann", 0.25)]
    assert [(outcome.group, outcome.value) for outcome in found] == [
        (group, pytest.approx(value)) for group, value in expected
    ]


def test_a_target_of_predicted_value_looks_back_six_times_its_days() -> None:
    """Not six times what is over of the open day too: 450 days before @0, not 453."""
    earned_a_day, spent_days, left = 900 * 0.5 / (10 * 90.5), 10 * 90.5 + 450 + 450 + 200, 2
    value = attained(earning(), "clv_predicted", "90d", day(90.5))
    assert value == pytest.approx(earned_a_day * spent_days / left / 100)


def test_a_target_of_lagged_costs_is_of_as_many_closed_days() -> None:
    """Of thirty, where the window begins on the day before them: the clock went an hour ahead in it."""
    world = World(zone="Europe/Berlin")
    cost(world, (at(2026, 1, 31) - day(0)) / 86_400, 300)
    for on, party in ((10, "a"), (11, "b"), (12, "c")):
        world.add("customer.created", at(2026, 3, on, 12, "Europe/Berlin"), party=party)
    to = at(2026, 4, 10, 0, "Europe/Berlin") + 1_800
    assert attained(world, "cac_lagged", "30d", to, "Europe/Berlin") == pytest.approx(300 / 2 / 100)


def test_a_target_of_quality_is_of_matured_cohorts() -> None:
    """A ticket that was opened again within the last seven days is in none yet."""
    world = World()
    for name, solved in (("t", 1), ("u", 6)):
        world.add("ticket.created", day(solved), ticket_id=name)
        world.add("ticket.message", day(solved) + 1, ticket_id=name, author="agent")
        world.add("ticket.status_changed", day(solved) + 2, ticket_id=name, status="solved")
    world.add("ticket.reopened", day(7), ticket_id="u")
    world.add("survey.answered", day(1), survey_id="s", kind="csat", score=5)
    assert attained(world, "service_quality_index", "30d", day(10.5)) == pytest.approx(0.01)
