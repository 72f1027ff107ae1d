"""Change against an earlier span: periods, zones, history, divisors; as the definitions' examples have it."""

from datetime import UTC, datetime

import pytest

from stream_kpis.proof.oracle import Request
from tests.proof.oracle.operating import World, at, order, orders, outcomes, whole
from tests.proof.oracle.world import DAY, day


def test_change_compares_closed_days() -> None:
    """The open day is in neither part."""
    world = World()
    orders(world, day(3), 100)
    orders(world, day(33), 120)
    orders(world, day(60.5), 9)
    change = whole(world, "change", "orders", "30d", day(60.9), "previous")
    assert change.value == pytest.approx(0.2)
    assert (change.samples, change.parts) == (100, {"v1": 120, "v0": 100})
    assert whole(world, "period_over_period", "orders", "30d", day(60.9), "previous").value == change.value


def test_change_of_a_ratio_is_a_difference() -> None:
    """Percentage points, as a ratio; a divisor of 0 is none."""
    world = World()
    for number in range(4):
        world.add("survey.answered", day(5), survey_id=f"a{number}", kind="csat", score=5 if number < 3 else 1)
    for number in range(5):
        world.add("survey.answered", day(35), survey_id=f"b{number}", kind="csat", score=5 if number < 4 else 1)
    change = whole(world, "change", "csat_ratio", "30d", day(60), "previous")
    assert change.value == pytest.approx(0.05)
    assert change.samples == 4
    bad = World()
    bad.add("survey.answered", day(5), survey_id="a", kind="csat", score=1)
    bad.add("survey.answered", day(35), survey_id="b", kind="csat", score=5)
    assert whole(bad, "change", "csat_ratio", "30d", day(60), "previous").value == 1


@pytest.mark.parametrize("refunded", [None, 30, 31])
def test_change_over_nothing_has_no_value(refunded: float | None) -> None:
    """Nor over less than nothing."""
    world = World()
    if refunded:
        world.add("order.placed", day(-9), order_id="o", amount=31)
        world.add("order.placed", day(2), order_id="p", amount=30)
        world.add("order.refunded", day(3), order_id="o", refund_id="r", amount=refunded)
    order(world, day(40))
    change = whole(world, "change", "revenue_net", "30d", day(60), "previous")
    assert (change.value, change.state) == (None, "no_data")
    assert change.parts["v0"] == (30 - refunded if refunded else 0)


def test_change_of_a_mean_is_a_quotient() -> None:
    """Only the unit ratio is compared by a difference."""
    world = World()
    order(world, day(5), 20)
    order(world, day(35), 30)
    assert whole(world, "change", "average_order_value", "30d", day(60), "previous").value == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("to", "now", "before"),
    [
        (at(2026, 3, 11, 12), range(1, 11), range(1, 11)),
        (at(2026, 3, 31), range(1, 31), range(1, 29)),
        (at(2028, 3, 31), range(1, 31), range(1, 30)),  # a leap year
    ],
)
def test_change_of_a_month_counts_days(to: float, now: range, before: range) -> None:
    """As many days of the month before, cut at its end."""
    year = datetime.fromtimestamp(to, UTC).year
    world = World()
    for month in (2, 3):
        for on in range(1, 32 if month == 3 else 30 if year == 2028 else 29):
            order(world, at(year, month, on), 1000 if on == 1 else on)
    change = whole(world, "change", "revenue_net", "mtd", to, "previous")
    assert change.parts == {"v1": 999 + sum(now), "v0": 999 + sum(before)}


@pytest.mark.parametrize(
    ("window", "to"), [("mtd", at(2026, 3, 1, 9)), ("qtd", at(2026, 4, 1)), ("ytd", at(2026, 1, 1))]
)
def test_the_first_day_of_a_period_has_no_change(window: str, to: float) -> None:
    """Nothing of it is closed."""
    world = World()
    orders(world, at(2025, 1, 1), 3)
    orders(world, at(2026, 1, 1, 1), 3)
    assert whole(world, "change", "orders", window, to, "previous").value is None
    assert whole(world, "change", "orders", window, to + DAY, "previous").parts["v1"] is not None


@pytest.mark.parametrize(
    ("window", "against", "first", "last"),
    [
        ("7d", "previous", (2026, 3, 3), (2026, 3, 9)),
        ("7d", "year", (2025, 3, 11), (2025, 3, 17)),  # 364 days keep the weekday
        ("365d", "previous", (2024, 3, 17), (2025, 3, 16)),
        ("365d", "year", (2024, 3, 17), (2025, 3, 16)),
        ("mtd", "year", (2025, 3, 1), (2025, 3, 16)),
        ("qtd", "previous", (2025, 10, 1), (2025, 12, 14)),
        ("qtd", "year", (2025, 1, 1), (2025, 3, 16)),
        ("ytd", "previous", (2025, 1, 1), (2025, 3, 16)),
        ("ytd", "year", (2025, 1, 1), (2025, 3, 16)),
    ],
)
def test_what_is_compared_with(
    window: str, against: str, first: tuple[int, int, int], last: tuple[int, int, int]
) -> None:
    """The first and the last day before, and neither of the days beside them."""
    world = World()
    order(world, at(2026, 3, 16))
    order(world, at(*first) - 1, 1000)
    order(world, at(*first), 10)
    order(world, at(*last) + DAY - 1, 100)
    order(world, at(*last) + DAY, 10_000)
    change = whole(world, "change", "revenue_net", window, at(2026, 3, 17, 7), against)
    assert change.parts["v0"] == 110


@pytest.mark.parametrize("leap", [2024, 2025])
def test_february_of_a_leap_year(leap: int) -> None:
    """February 29 is a day: of as many days, and of the month's end that cuts them."""
    world = World()
    for year in (2023, 2024, 2025):
        for on in range(1, 30 if year == 2024 else 29):
            order(world, at(year, 2, on))
    change = whole(world, "change", "orders", "mtd", at(leap, 2, 28 if leap == 2025 else 29, 12), "year")
    assert change.parts == ({"v1": 28, "v0": 28} if leap == 2024 else {"v1": 27, "v0": 27})
    of_year = whole(world, "change", "orders", "ytd", at(leap, 3, 2), "year")
    assert of_year.parts == ({"v1": 29, "v0": 28} if leap == 2024 else {"v1": 28, "v0": 29})


def test_days_are_of_the_zone() -> None:
    """The day that lacks an hour and the one that has one more are days like others."""
    zone, world = "Europe/Berlin", World()
    for on, amount in ((27, 1), (28, 10), (29, 100), (30, 1000)):
        order(world, at(2026, 3, on, 0, zone), amount)
        order(world, at(2026, 3, on, 23, zone), amount)
    trend = whole(world, "anomaly_band", "revenue_net", "today", at(2026, 3, 30, 1, zone), zone=zone)
    assert trend.parts["v"] == 200
    change = whole(world, "change", "revenue_net", "mtd", at(2026, 3, 30, 0, zone), "previous", zone)
    assert change.parts["v1"] == 222
    change = whole(world, "change", "revenue_net", "mtd", at(2026, 3, 31, 0, zone), "previous", zone)
    assert change.parts["v1"] == 2222
    assert whole(world, "change", "revenue_net", "mtd", at(2026, 3, 30), "previous").parts["v1"] == 1222


def test_revenue_growth() -> None:
    """Whole years side by side."""
    world = World()
    order(world, day(30), 1000)
    order(world, day(400), 1150)
    growth = whole(world, "revenue_growth_yoy", "revenue_net", "365d", day(730.5))
    assert growth.value == pytest.approx(0.15)


def test_later_corrections_are_taken_in() -> None:
    """What is known at ``to`` of the past, not what was known then."""
    world = World()
    world.add("order.placed", day(5), order_id="o", amount=10)
    order(world, day(6), 10)
    order(world, day(35), 10)
    world.add("order.cancelled", day(59), order_id="o")
    assert whole(world, "change", "orders", "30d", day(60), "previous").parts["v0"] == 1


def test_groups_are_of_either_part() -> None:
    """A group without anything in one part has 0 there."""
    world = World()
    orders(world, day(5), 2, channel="web")
    orders(world, day(35), 3, channel="shop")
    found = outcomes(world, Request("change", "orders", "30d", "previous", "channel"), day(60))
    assert {group: (o.value, o.parts) for group, o in found.items()} == {
        "shop": (None, {"v1": 3, "v0": 0}),
        "web": (-1, {"v1": 0, "v0": 2}),
    }


@pytest.mark.parametrize(("first", "state"), [(0, "ok"), (0.99, "ok"), (1, "immature")])
def test_a_short_history_is_immature(first: float, state: str) -> None:
    """From the day of the earliest fact on, in whatever group; the value stays."""
    world = World()
    order(world, day(first), channel="shop")
    order(world, day(1.5), channel="web")
    order(world, day(35), channel="web")
    assert whole(world, "change", "orders", "30d", day(60), "previous").state == state
    web = outcomes(world, Request("change", "orders", "30d", "previous", "channel"), day(60))["web"]
    assert (web.value, web.state) == (0, state)


def test_change_of_a_cohort_reads_what_has_matured() -> None:
    """Read at d less H: base events of 30 days that ended H = 30 days ago, against the 30 before."""
    world = World()
    for name, on, wins in (("l1", 0, 10), ("l2", 29, None), ("l3", 30, 60), ("l4", 59, 88), ("l5", 60, 61)):
        world.add("lead.created", day(on), lead_id=name)
        if wins:
            world.add("lead.converted", day(wins), lead_id=name)
    change = whole(world, "change", "lead_conversion_rate", "30d", day(90.5), "previous")
    assert (change.value, change.parts, change.state) == (0.5, {"v1": 1, "v0": 0.5}, "ok")


def test_periods_of_a_cohort_are_those_of_its_last_day() -> None:
    """It lies in February, so February's days count, against January's."""
    world = World()
    for month, count in ((1, 2), (2, 3), (3, 5)):
        for number in range(count):
            world.add("lead.created", at(2026, month, 2), lead_id=f"{month}{number}")
    change = whole(world, "change", "lead_conversion_rate", "mtd", at(2026, 3, 20), "previous")
    assert change.samples == 2
    assert change.parts == {"v1": 0, "v0": 0}


def test_change_of_durations_is_of_their_quantile() -> None:
    """Nearest rank in each span."""
    world = World()
    for number, (on, wait) in enumerate(((5, 100), (6, 200), (7, 900), (35, 100), (36, 300), (37, 500))):
        world.add("ticket.created", day(on), ticket_id=f"t{number}", channel="mail", created_by="customer")
        world.add("ticket.message", day(on) + wait, ticket_id=f"t{number}", author="agent", public=True)
    change = whole(world, "change", "first_response_time", "30d", day(60), "previous")
    assert (change.value, change.parts) == (0.5, {"v1": 300, "v0": 200})


def test_change_of_a_level_is_of_two_instants() -> None:
    """As its moves are known: reopening and a change of hands included; a year is 364 days, or 365 with 365d."""
    world = World()
    for name, created in (("t1", 1), ("t2", 25), ("t3", 30), ("t4", 59.9), ("t5", 60.1)):
        world.add("ticket.created", day(created), ticket_id=name, channel="mail", created_by="customer", team="a")
    world.add("ticket.status_changed", day(31), ticket_id="t2", status="solved")
    world.add("ticket.reopened", day(50), ticket_id="t2")
    world.add("ticket.status_changed", day(40), ticket_id="t1", status="solved")
    world.add("ticket.assigned", day(45), ticket_id="t3", team="b")
    change = whole(world, "change", "tickets_open", "30d", day(60.5), "previous")
    assert (change.value, change.parts) == (0.5, {"v1": 3, "v0": 2})
    teams = outcomes(world, Request("change", "tickets_open", "30d", "previous", "team"), day(60.5))
    assert {group: o.parts for group, o in teams.items()} == {"a": {"v1": 2, "v0": 2}, "b": {"v1": 1, "v0": 0}}
    for window, back in (("30d", 364), ("365d", 365)):
        later = whole(world, "change", "tickets_open", window, day(25.5 + back), "year")
        assert later.parts == {"v1": 4, "v0": 1}


def test_a_level_before_its_first_has_no_value() -> None:
    """Not 0."""
    world = World()
    world.add("customer.created", day(40))
    change = whole(world, "change", "active_customers", "30d", day(60), "previous")
    assert (change.value, change.parts) == (None, {"v1": 1, "v0": None})


def test_change_of_open_deals_follows_their_amounts() -> None:
    """The value as it ran then; a close ends it."""
    world = World()
    world.add("deal.created", day(1), deal_id="d", amount=100, owner_id="ann", stage="proposal", pipeline="default")
    world.add("deal.amount_changed", day(40), deal_id="d", amount=150)
    world.add("deal.created", day(5), deal_id="e", amount=50, owner_id="bob")
    world.add("deal.won", day(45), deal_id="e")
    change = whole(world, "change", "pipeline_value", "30d", day(60), "previous")
    assert (change.value, change.samples, change.parts) == (0, 1, {"v1": 150, "v0": 150})
    weighted = whole(world, "change", "pipeline_weighted_value", "30d", day(60), "previous")
    assert weighted.parts == {"v1": 45, "v0": 30}
    owners = outcomes(world, Request("change", "deals_open", "30d", "previous", "owner"), day(60))
    assert {group: o.parts for group, o in owners.items()} == {"ann": {"v1": 1, "v0": 1}, "bob": {"v1": 0, "v0": 1}}


def test_velocity_counts_the_deals_open_at_the_end_of_each_span() -> None:
    """A composed KPI has a change, of its own values."""
    world = World()
    for name, created, won in (("a", 0, 10), ("b", 30, 40)):
        world.add("deal.created", day(created), deal_id=name, amount=100)
        world.add("deal.won", day(won), deal_id=name)
    world.add("deal.created", day(20), deal_id="c")
    world.add("deal.created", day(50), deal_id="d")
    change = whole(world, "change", "pipeline_velocity", "30d", day(60), "previous")
    assert change.value == pytest.approx(1)
