"""Forecasts of the end of a period: of flows, and of deals by their expected close."""

import pytest

from stream_kpis.proof.oracle import Request
from tests.proof.oracle.operating import World, at, order, orders, outcomes, whole
from tests.proof.oracle.world import DAY


def test_forecast() -> None:
    """Ten closed days of 7 and twenty to come; what the open day holds does not matter."""
    world, start = World(), at(2026, 9, 1)
    for number in range(-46, 10):
        orders(world, start + number * DAY, 7)
    orders(world, start + 10 * DAY, 99)
    found = whole(world, "forecast_end_of_period", "orders", "mtd", start + 10.5 * DAY)
    assert (found.value, found.samples, found.state) == (210, 392, "ok")
    assert found.parts == {"closed": 70, "g": 0, "m": 140}
    assert found.lower is None


@pytest.mark.parametrize(("recent", "earlier", "g"), [(220, 200, 0.1), (900, 200, 0.5), (10, 200, -0.5), (5, 0, 0)])
def test_growth_of_a_forecast(recent: float, earlier: float, g: float) -> None:
    """Of 28 days against the 28 before, kept within a half."""
    world, d = World(), at(2026, 9, 11)
    order(world, d - 56 * DAY, 0)
    order(world, d - 30 * DAY, earlier)
    order(world, d - 2 * DAY, recent)
    found = whole(world, "forecast_end_of_period", "revenue_net", "mtd", d)
    assert found.parts["g"] == pytest.approx(g)
    m, closed = found.parts["m"], found.parts["closed"]
    assert (closed, found.value) == (recent, pytest.approx(recent + (1 + g) * (m or 0)))
    assert m == 3 * (recent + earlier) / 8  # both days and three that are to come are Wednesdays


@pytest.mark.parametrize(("ago", "value"), [(56, 5), (55, None)])
def test_forecast_needs_eight_weeks_of_history(ago: int, value: float | None) -> None:
    """Counted in days before d."""
    world, d = World(), at(2026, 9, 30)
    order(world, d - ago * DAY, 0)
    order(world, d - 1 * DAY, 5)
    found = whole(world, "forecast_end_of_period", "revenue_net", "mtd", d)
    assert found.value == value
    assert found.state == ("ok" if value else "no_data")


def test_forecast_error_and_interval() -> None:
    """Months with an actual and eight weeks before them; each as it would have been forecast after as many days."""
    world = World()
    to = at(2026, 9, 3)  # two closed days
    order(world, at(2026, 5, 2), 7)  # May has an actual, but no eight weeks before it
    order(world, at(2026, 7, 1), 100)  # closed days of July, which ends at 200
    order(world, at(2026, 7, 31), 100)
    order(world, at(2026, 8, 2), 50)
    found = whole(world, "forecast_error", "revenue_net", "mtd", to)
    # July, on the 3rd: 100 closed, and of the 56 days before (from May 8) that 100 alone, a Wednesday: growth is 0 as
    # there was nothing before; four Wednesdays to come: 100 + 4 · 100/8 = 150 for 200.
    # August, on the 3rd: 50 closed; 28 days before hold 150, those before 100: g is 0.5; Wednesdays, Fridays and
    # Sundays to come: 4, 4 and 4: 50 + 1.5 · (400 + 400 + 200)/8 = 237.5 for 50.
    errors = (150 / 200 - 1, 237.5 / 50 - 1)
    assert found.samples == 2
    assert found.value == pytest.approx(sum(map(abs, errors)) / 2)
    assert found.state == "immature"
    forecast = whole(world, "forecast_end_of_period", "revenue_net", "mtd", to)
    margin = 1.96 * (sum(error**2 for error in errors) / 2) ** 0.5
    assert forecast.value is not None
    assert forecast.lower == pytest.approx(forecast.value * (1 - margin))
    assert forecast.upper == pytest.approx(forecast.value * (1 + margin))


def test_a_backtest_of_a_shorter_month_leaves_one_day_open() -> None:
    """After 30 closed days of March, February is forecast on its last day."""
    world = World()
    order(world, at(2025, 12, 1), 0)
    order(world, at(2026, 2, 28), 8)
    order(world, at(2026, 2, 21), 8)
    found = whole(world, "forecast_error", "revenue_net", "mtd", at(2026, 3, 31))
    # On February 28: 8 closed, one Saturday of 8 in eight weeks: F = 8 + 1 for an actual of 16.
    assert (found.value, found.samples) == (pytest.approx(7 / 16), 1)


def test_forecast_error_of_nothing_has_no_value() -> None:
    """No complete period with eight weeks before it."""
    world = World()
    order(world, at(2026, 8, 1))
    assert whole(world, "forecast_error", "orders", "mtd", at(2026, 9, 3)).value is None


def test_forecasts_by_group() -> None:
    """Each of its own days; history is of all."""
    world, d = World(), at(2026, 9, 30)
    order(world, d - 56 * DAY, 0, channel="shop")
    order(world, d - 7 * DAY, 8, channel="web")
    found = outcomes(world, Request("forecast_end_of_period", "revenue_net", "mtd", "", "channel"), d)
    assert {group: o.value for group, o in found.items()} == {"shop": 0, "web": 9}


def pipeline() -> World:
    """The deals of the definitions' example."""
    world = World()
    for name, when, amount in (("w1", at(2026, 9, 2), 1000), ("w2", at(2026, 7, 5), 400)):
        world.add("deal.created", at(2026, 6, 1), deal_id=name, owner_id="ann")
        world.add("deal.won", when, deal_id=name, amount=amount, owner_id="ann")
    for name, amount, stage, close in (
        ("a", 500, "negotiation", "2026-09-20"),
        ("b", 900, "proposal", "2026-10-05"),
        ("c", 100, "contract", "2026-08-30"),
        ("d", 700, "contract", "2027-01-01"),
        ("e", 700, "contract", None),
    ):
        names = {"expected_close": close} if close else {}
        world.add(
            *("deal.created", at(2026, 8, 1)),
            deal_id=name,
            amount=amount,
            stage=stage,
            pipeline="default",
            owner_id="bob",
            **names,
        )
    return world


@pytest.mark.parametrize(("window", "value", "samples"), [("mtd", 1300, 2), ("qtd", 1700, 3), ("ytd", 1970, 4)])
def test_deals_forecast(window: str, value: float, samples: int) -> None:
    """Won in the period, and what should close until its end; never what is overdue or has no date."""
    found = whole(pipeline(), "deals_forecast", "deals_won_value", window, at(2026, 9, 15))
    assert (found.value, found.samples) == (value, samples)


def test_deals_forecast_by_owner() -> None:
    """Won by one, open with another."""
    found = outcomes(pipeline(), Request("deals_forecast", "deals_won_value", "mtd", "", "owner"), at(2026, 9, 15))
    assert {group: o.value for group, o in found.items()} == {"ann": 1000, "bob": 300}


def test_pipeline_overdue_value() -> None:
    """The months before that of ``to``."""
    found = whole(pipeline(), "pipeline_overdue_value", "pipeline_weighted_value", "now", at(2026, 9, 15))
    assert (found.value, found.samples, found.state) == (90, 1, "ok")
    by = Request("pipeline_overdue_value", "pipeline_weighted_value", "now", "", "pipeline")
    assert {group: o.value for group, o in outcomes(pipeline(), by, at(2026, 9, 15)).items()} == {"default": 90}


def test_deals_in_unlisted_stages_are_in_no_forecast() -> None:
    """Nor overdue; with no others there is no forecast, as there is no weighted value."""
    asked = (
        Request("deals_forecast", "deals_won_value", "mtd"),
        Request("pipeline_overdue_value", "pipeline_weighted_value", "now"),
    )
    for world, told in ((pipeline(), [(1300, 2), (90, 1)]), (World(), [(None, 0), (None, 0)])):
        for name, close in (("u", "2026-09-20"), ("v", "2026-08-20")):
            data = {"amount": 99, "stage": "demo", "owner_id": "eve", "expected_close": close}
            world.add("deal.created", at(2026, 8, 1), deal_id=name, **data)
        found = [outcomes(world, request, at(2026, 9, 15))[""] for request in asked]
        assert [(outcome.value, outcome.samples) for outcome in found] == told
        assert "eve" not in outcomes(world, asked[1]._replace(by="owner"), at(2026, 9, 15))
