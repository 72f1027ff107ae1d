"""Attainment of targets, which of them is in force, and the pace towards them."""

from datetime import date
from typing import Literal

import pytest

from stream_kpis.proof.oracle import Request, Target
from tests.proof.oracle.operating import World, at, order, outcomes
from tests.proof.oracle.world import DAY, day


def revenue(amount: float = 250) -> World:
    """So much on September 2."""
    world = World()
    order(world, at(2026, 9, 2), amount, channel="web")
    return world


def test_attainment() -> None:
    """The target of the whole period; the open day counts."""
    targets = [Target("revenue_net", "mtd", 1000)]
    for operator, value in (("target_attainment", 0.25), ("target_met", 0)):
        found = outcomes(revenue(), Request(operator, "revenue_net", "mtd"), at(2026, 9, 2, 12), targets=targets)[""]
        assert (found.value, found.samples, found.state) == (value, 1, "ok")


@pytest.mark.parametrize(("wait", "attained", "met"), [(150, 0.8, 0), (120, 1, 1), (100, 1.2, 1)])
def test_attainment_of_what_should_be_low(wait: int, attained: float, met: float) -> None:
    """The target over the value."""
    world = World()
    world.add("ticket.created", day(0), ticket_id="t", channel="mail", created_by="customer")
    world.add("ticket.message", day(0) + wait, ticket_id="t", author="agent", public=True)
    for operator, value in (("target_attainment", attained), ("target_met", met)):
        request = Request(operator, "first_response_time", "1h", better="lower")
        own = [Target("first_response_time", "", 120)]
        assert outcomes(world, request, day(0) + 600, targets=own)[""].value == pytest.approx(value)


@pytest.mark.parametrize(
    ("better", "amount", "target", "attained", "met"),
    [
        ("higher", 250, 0, None, 1),
        ("higher", 0, 10, 0, 0),
        ("lower", 0, 10, None, 1),
        ("lower", 250, 0, 0, 0),
        ("higher", 250, -5, None, 1),
    ],
)
def test_met_is_there_where_attainment_is_not(
    better: Literal["higher", "lower"], amount: float, target: float, attained: float | None, met: float
) -> None:
    """A divisor of 0 or less."""
    targets = [Target("revenue_net", "mtd", target)]
    for operator, value in (("target_attainment", attained), ("target_met", met)):
        request = Request(operator, "revenue_net", "mtd", better=better)
        assert outcomes(revenue(amount), request, at(2026, 9, 9), targets=targets)[""].value == value


def test_which_target_is_in_force() -> None:
    """The latest first day up to that of ``to``; of the same day the later in order; else the KPI's own."""
    targets = [
        Target("revenue_net", "mtd", 500, first=date(2026, 9, 3)),
        Target("revenue_net", "mtd", 1000, first=date(2026, 9, 9), order=2),
        Target("revenue_net", "mtd", 2000, first=date(2026, 9, 9), order=1),
        Target("revenue_net", "mtd", 4000, first=date(2026, 9, 10), order=3),
        Target("revenue_net", "qtd", 8000),
        Target("revenue_net", "", 2500),
        Target("revenue_net", "mtd", 50, by="channel", group="web"),
        Target("revenue_net", "mtd", 25, by="channel", group="shop"),
        Target("revenue_gross", "mtd", 1),
    ]

    def attained(window: str, to: float) -> float | None:
        return outcomes(revenue(), Request("target_attainment", "revenue_net", window), to, targets=targets)[""].value

    assert attained("mtd", at(2026, 9, 9, 23)) == 0.25
    assert attained("mtd", at(2026, 9, 8, 23)) == 0.5
    assert attained("mtd", at(2026, 9, 2, 23)) == 0.1
    assert attained("30d", at(2026, 9, 9)) == 0.1
    groups = outcomes(
        *(revenue(), Request("target_attainment", "revenue_net", "mtd", "", "channel"), at(2026, 9, 9)),
        targets=targets,
    )
    assert {group: o.value for group, o in groups.items()} == {"shop": 0, "web": 5}


def test_without_a_target_or_a_value_nothing_is_attained() -> None:
    """Nor met."""
    for operator in ("target_attainment", "target_met"):
        assert outcomes(revenue(), Request(operator, "revenue_net", "mtd"), at(2026, 9, 9))[""].state == "no_data"
        targets = [Target("csat_ratio", "30d", 0.9)]
        request = Request(operator, "csat_ratio", "30d")
        assert outcomes(revenue(), request, at(2026, 9, 9), targets=targets)[""].value is None


@pytest.mark.parametrize(
    ("kpi", "window", "since"),
    [
        ("orders", "5m", 300),
        ("orders", "24h", 24 * 3600 + 600),
        ("orders", "30d", 30 * DAY + 36_600),
        ("orders", "today", 36_600),
        ("lead_conversion_rate", "7d", 37 * DAY + 36_600),
    ],
)
def test_targets_are_of_the_kpis_own_windows(kpi: str, window: str, since: float) -> None:
    """Their edges are those of the definitions: to the day, the quarter of an hour, or not at all."""
    to, world = at(2026, 9, 9, 10) + 600, World()
    for when in (to - since - 1, to - since):
        if kpi == "orders":
            order(world, when)
        else:
            world.add("lead.created", when, lead_id=f"{when}")
    found = outcomes(world, Request("target_met", kpi, window), to, targets=[Target(kpi, window, 1)])[""]
    assert found.samples == 1


def test_pace() -> None:
    """Ten days of thirty are gone."""
    targets = [Target("revenue_net", "mtd", 1000)]
    found = outcomes(revenue(), Request("target_pace_gap", "revenue_net", "mtd"), at(2026, 9, 11), targets=targets)[""]
    assert found.value == pytest.approx(250 - 1000 / 3)


def test_pace_by_a_calendar() -> None:
    """Open on September 1 and 2 and from the 29th on: half is over; a calendar that never opens gives nothing."""
    spans = [(at(2026, 9, 1), at(2026, 9, 3)), (at(2026, 9, 29), at(2026, 10, 5))]

    def clock(t: int) -> int:
        return sum(max(0, min(t, round(end * 1000)) - round(start * 1000)) for start, end in spans)

    for calendar, value in (("shop", -250), ("shut", None)):
        targets = [Target("revenue_net", "mtd", 1000, calendar=calendar)]
        found = outcomes(
            *(revenue(), Request("target_pace_gap", "revenue_net", "mtd"), at(2026, 9, 11)),
            targets=targets,
            calendars={"shop": clock, "shut": lambda _: 7},
        )[""]
        assert found.value == value


def test_pace_at_the_start_of_a_period() -> None:
    """``to`` is in the period that begins with it."""
    targets = [Target("revenue_net", "mtd", 1000)]
    world = revenue()
    found = outcomes(world, Request("target_pace_gap", "revenue_net", "mtd"), at(2026, 10, 1), targets=targets)[""]
    assert (found.value, found.parts["share"]) == (0, 0)
    met = outcomes(world, Request("target_attainment", "revenue_net", "mtd"), at(2026, 10, 1), targets=targets)[""]
    assert met.value == 0.25
