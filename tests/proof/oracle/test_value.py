"""Costs by day, worth and lapses where it is close: boundaries, corrections, zones."""

import random
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from stream_kpis.events.envelope import Reader
from stream_kpis.proof.oracle import Ask, Oracle
from stream_kpis.proof.oracle.composed import Part, Spans
from tests.proof.oracle.world import DAY, END, World, day, iso

BERLIN = "Europe/Berlin"


def spent(world: World, start: float, end: float, at: float) -> int:
    """What was spent in a window, in micro-units, with one customer all the time."""
    world.add("customer.created", 0, party="all the time")
    numerator, active_ms = world.fraction("profit_per_customer", start, end, at=at)
    assert numerator is not None
    assert active_ms
    return -numerator // active_ms


@pytest.mark.parametrize("seed", range(3))
def test_costs_are_spread_as_a_fold_tells_it(seed: int) -> None:
    """Rounded down day by day, below zero too, so that they add up."""
    dice, world = random.Random(seed), World()
    daily = [0] * 40
    for _ in range(30):
        first, days, amount = dice.randrange(30), dice.randrange(1, 10), dice.randrange(-50, 50)
        dates = {"from": iso(day(first))[:10], "to": iso(day(first + days - 1))}  # what follows the date is no matter
        world.add("cost.incurred", day(dice.randrange(60)), amount=f"{amount}e-6", kind="service", **dates)
        for number in range(days):
            daily[first + number] += (number + 1) * amount // days - number * amount // days
    world.add("customer.created", 0, party="all the time")
    asks = [Ask("profit_per_customer", str(n), round(day(n) * 1000), round(day(n + 1) * 1000)) for n in range(40)]
    answers = {int(answer.window): answer for answer in world.oracle.answer(asks, END * 1000) if not answer.by}
    assert [-(answers[n].numerator or 0) // (DAY * 1000) for n in range(40)] == daily


@pytest.mark.parametrize(
    "dates",
    [
        {"from": "1971-06-02", "to": "1971-06-01"},
        {"from": "1971-02-30", "to": "1971-06-01"},
        {"from": "0000-01-01", "to": "1971-06-01"},
        {"from": "1971-06-02"},
        {"from": "1971-06-01", "to": "1981-06-08"},  # 3,661 days
    ],
)
def test_costs_without_a_span_count_at_their_own_time(dates: dict[str, str]) -> None:
    """Whatever is wrong with their dates."""
    world = World()
    world.add("cost.incurred", day(3), amount=5, kind="service", **dates)
    assert spent(world, day(3), day(4), at=day(50)) == 5_000_000


def test_costs_ahead_count_when_their_day_has_come() -> None:
    """At half past ten of UTC."""
    world = World()
    world.add("cost.incurred", day(0), amount=10, kind="service", **{"from": "1971-05-16", "to": "1971-05-25"})
    assert [spent(world, day(0), end, at=end) for end in (day(2), day(2) + 37_800, day(2) + 37_801)] == [
        *(2_000_000, 2_000_000, 3_000_000)
    ]


def test_costs_of_a_campaign_are_its_partys_or_name_it() -> None:
    """A party of which nothing follows is of no campaign."""
    world = World()
    for party, named in (("campaign:c1", {}), ("campaign:c1", {"campaign_id": "c2"}), ("campaign:", {}), ("x", {})):
        world.add("cost.incurred", 5, party=party, amount=1, kind="acquisition", **named)
    world.add("lead.created", 5, lead_id="l")
    answers = world.answers("cost_per_lead")
    money = {answer.group: answer.numerator for answer in answers if answer.by == "campaign"}
    assert money == {"c1": 1_000_000, "c2": 1_000_000, "unknown": 2_000_000}
    assert world.whole("cac_paid").numerator == 2_000_000


def test_negative_costs_divide_nothing() -> None:
    """A divisor that is not above 0 gives no value."""
    world = World()
    world.add("order.placed", 5, order_id="o", amount=1)
    world.add("cost.incurred", 5, amount=-1, kind="labour")
    assert world.fraction("revenue_per_labour_cost") == (1_000_000, -1_000_000)
    assert world.value("revenue_per_labour_cost") is None


# Buyers.


@pytest.mark.parametrize(("gap_ms", "lapses"), [(90 * DAY * 1000, 0), (90 * DAY * 1000 + 1, 1)])
def test_a_buyer_lapses_after_more_than_ninety_days(gap_ms: int, lapses: int) -> None:
    """Exactly ninety are none; the order ends the lapse."""
    world = World()
    world.add("order.placed", day(0), order_id="a", amount=1)
    world.add("order.placed", day(0) + gap_ms / 1000, order_id="b", amount=1)
    window = (day(80), day(100))
    assert world.fraction("churn_rate_inactivity", *window, at=day(100)) == (lapses, 1)
    assert world.whole("reactivation_rate_inactivity", *window, at=day(100)).numerator == lapses
    assert world.fraction("churn_rate_inactivity", day(100), day(300), at=day(300)) == (1, 1)


def test_refunds_move_buyers_and_refunded_orders_keep_nobody_active() -> None:
    """The first kept order begins; what is refunded wholly is no order."""
    world = World()
    world.add("order.placed", day(0), order_id="a", amount=1)
    world.add("order.placed", day(80), order_id="b", amount=1)
    assert world.fraction("churn_rate_inactivity", day(85), day(95), at=day(99)) == (0, 1)
    world.add("order.refunded", day(81), order_id="b", refund_id="r", amount=1)
    assert world.fraction("churn_rate_inactivity", day(85), day(95), at=day(99)) == (1, 1)


@pytest.mark.parametrize(
    ("amount", "bucket"),
    [
        *((0, "0"), ("0.999999", "0"), (1, "1"), ("1.99", "1"), (2, "2"), ("4.99", "2"), (5, "5"), ("9.99", "5")),
        *((10, "10"), (49, "20"), (99, "50"), (100, "100"), (1999, "1000"), (10**11, "100000000000")),
    ],
)
def test_buckets_begin_at_one_two_and_five(amount: float | str, bucket: str) -> None:
    """And again, ten times as much."""
    world = World()
    world.add("order.placed", 5, order_id="o", amount=amount)
    assert world.groups("customer_value_distribution", "bucket", window="now") == {bucket: 1}


def test_more_refunded_than_paid_is_worth_less_than_nothing() -> None:
    """It stays in the lowest bucket, and takes from the whole."""
    world = World()
    world.add("order.placed", 5, order_id="o", amount=1)
    world.add("order.refunded", 6, order_id="o", refund_id="r", amount=4)
    world.add("order.placed", 5, order_id="p", party="bob", amount=9)
    answers = world.answers("customer_value_share", window="now")
    parts = {answer.group: (answer.numerator, answer.denominator, answer.samples) for answer in answers}
    assert parts == {"": (6_000_000, 6_000_000, 2), "0": (-3_000_000, 6_000_000, 1), "5": (9_000_000, 6_000_000, 1)}
    world.void("e2", party="bob")
    assert world.value("customer_value_share") is None


# Zones.


def at_berlin(*when: int) -> int:
    """Milliseconds since 1970 of a time in Berlin."""
    return round(datetime(*when, tzinfo=ZoneInfo(BERLIN)).timestamp() * 1000)  # type: ignore[arg-type, misc]


def test_windows_are_made_of_the_zones_days() -> None:
    """The clock went forward on March 29, 2026."""
    spans, to = Spans(BERLIN), at_berlin(2026, 4, 15, 13)
    asked = (at_berlin(2026, 3, 16), to)
    closed, previous = (spans.edges(Part("", "", span), "30d", asked) for span in ("closed", "previous"))  # type: ignore[arg-type]
    assert closed == (at_berlin(2026, 3, 16), at_berlin(2026, 4, 15))
    assert previous == (at_berlin(2026, 2, 14), at_berlin(2026, 3, 16))
    assert closed[1] - closed[0] == 30 * DAY * 1000 - 3_600_000
    assert spans.lagged("30d", asked) == (at_berlin(2026, 1, 15), at_berlin(2026, 2, 14), *closed)
    assert spans.edges(Part("", "", "matured"), "7d", asked) == (at_berlin(2026, 4, 1), at_berlin(2026, 4, 8))
    assert spans.edges(Part("", "", "six"), "30d", asked) == (at_berlin(2025, 10, 17), to)
    period = (at_berlin(2026, 3, 1), at_berlin(2026, 4, 1))
    assert spans.edges(Part("", "", "closed"), "2026-03", period) == period
    assert spans.edges(Part("", "", "previous"), "2026-03", period) == (at_berlin(2026, 1, 29), period[0])
    assert spans.edges(Part("", "", "matured"), "2026-03", period) == period


def test_cohorts_are_of_the_zones_months() -> None:
    """Summer time began inside the first month; an end at the very end of a month is not before it."""
    world = World()
    joined, left = at_berlin(2026, 3, 31, 23, 59, 59), at_berlin(2026, 5, 1)
    for party in "ABC":
        world.add("customer.created", joined / 1000, party=party)
    world.add("customer.created", (joined + 1000) / 1000, party="D")
    world.add("customer.churned", left / 1000, party="A")
    world.add("customer.churned", left / 1000 - 1, party="B")
    records = [record._replace(timestamp=left) for record in world.records]
    oracle, to = Oracle(Reader(), BERLIN), at_berlin(2026, 6, 1)
    oracle.load(records)
    answers = oracle.answer([Ask("cohort_retention_rate", "now", 0, to)], to)
    rates = {a.group: (a.numerator, a.denominator) for a in answers if a.by == "cohort,k"}
    march = {"2026-03,0": (3, 3), "2026-03,1": (2, 3), "2026-03,2": (1, 3)}
    assert rates == march | {"2026-04,0": (1, 1), "2026-04,1": (1, 1)}
    by_k = {a.group: (a.numerator, a.denominator) for a in answers if a.by == "k"}
    assert by_k == {"0": (4, 4), "1": (3, 4), "2": (1, 3)}


def test_twenty_five_cohorts_have_months() -> None:
    """The oldest 25, the latest one."""
    cohorts = list(Spans("UTC").cohorts(at_berlin(2026, 6, 1, 12)))
    assert len(cohorts) == 25 * 26 // 2
    assert (cohorts[0].month, cohorts[0].k, cohorts[24].k) == ("2024-05", 0, 24)
    assert (cohorts[-1].month, cohorts[-1].k) == ("2026-05", 0)
