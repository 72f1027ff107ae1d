"""The worked examples of the definitions of operators, and their edges: periods, zones, history, divisors."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

import pytest

from stream_kpis.events.envelope import Record
from stream_kpis.proof.oracle import Outcome, Request, Target
from stream_kpis.proof.oracle.operators import operators
from tests.proof.oracle.world import DAY, day
from tests.proof.oracle.world import World as SmallWorld

NOW_MS = round(datetime(2029, 1, 1, tzinfo=UTC).timestamp() * 1000)


class World(SmallWorld):
    """Whose records arrive after every date of these tests."""

    def put(self, value: bytes | None, *, party: str = "ada", topic: str = "crm.leads") -> Record:
        """The bytes as they are."""
        record = super().put(value, party=party, topic=topic)._replace(timestamp=NOW_MS)
        self.records[-1] = record
        return record


def at(year: int, month: int, on: int, hour: int = 0, zone: str = "UTC") -> float:
    """An instant of a calendar, in seconds since 1970."""
    return datetime(year, month, on, hour, tzinfo=ZoneInfo(zone)).timestamp()


def order(world: World, when: float, amount: float = 1, **data: object) -> None:
    """One order of a name of its own."""
    world.add("order.placed", when, order_id=f"o{len(world.records)}", amount=amount, **data)


def orders(world: World, when: float, count: int, **data: object) -> None:
    """So many orders within one hour."""
    for number in range(count):
        order(world, when + number, **data)


def outcomes(
    world: World,
    request: Request,
    to: float,
    *,
    zone: str = "UTC",
    targets: Sequence[Target] = (),
    calendars: Mapping[str, Callable[[int], int]] | None = None,
) -> dict[str, Outcome]:
    """By group."""
    found = operators(world.oracle, [request], round(to * 1000), zone, targets, calendars)
    assert all(outcome.request == request for outcome in found)
    return {outcome.group: outcome for outcome in found}


def whole(
    world: World, operator: str, kpi: str, window: str, to: float, against: str = "", zone: str = "UTC"
) -> Outcome:
    """The ungrouped outcome."""
    return outcomes(world, Request(operator, kpi, window, against), to, zone=zone)[""]


# Change.


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


# Change of parties counted once.


def test_change_of_purchase_frequency_counts_the_buyers_of_each_span() -> None:
    """A buys in both: 4 orders of 2 parties after 3 of 2; the open day and what lies before are in neither."""
    world = World()
    bought = [(3, "A"), (4, "A"), (9, "B"), (33, "A"), (34, "A"), (40, "C"), (59, "C"), (60.5, "D"), (-1, "E")]
    for when, party in bought:
        order(world, day(when), party=party)
    change = whole(world, "change", "purchase_frequency", "30d", day(60.9), "previous")
    assert change.parts == {"v1": 2, "v0": 1.5}
    assert change.value == pytest.approx(1 / 3)
    assert (change.samples, change.state) == (2, "ok")
    earlier = whole(world, "change", "purchase_frequency", "30d", day(28), "previous")
    assert (earlier.value, earlier.parts) == (None, {"v1": 4 / 3, "v0": None})


def test_change_of_repeat_purchases_takes_two_kept_orders_within_a_span() -> None:
    """One order in each span repeats nothing; a refund takes an order out of its own span, whenever it comes."""
    world = World()
    for number, (when, party) in enumerate(
        [(-85, "A"), (-5, "A"), (2, "A"), (-40, "B"), (50, "B"), (5, "C"), (6, "C"), (7, "D"), (8, "D"), (9, "D")]
    ):
        world.add("order.placed", day(when), order_id=f"o{number}", amount=1, party=party)
    change = whole(world, "change", "repeat_purchase_rate", "90d", day(90.5), "previous")
    assert change.parts == {"v1": pytest.approx(2 / 4), "v0": pytest.approx(1 / 2)}
    assert (change.value, change.samples) == (pytest.approx(0), 2)
    world.add("order.refunded", day(90.2), order_id="o5", refund_id="r", amount=1, party="C")
    world.add("order.refunded", day(90.2), order_id="o0", refund_id="r", amount=1, party="A")
    world.add("order.refunded", day(90.2), order_id="o3", refund_id="r", amount=1, party="B")
    change = whole(world, "change", "repeat_purchase_rate", "90d", day(90.5), "previous")
    assert change.parts == {"v1": pytest.approx(1 / 4), "v0": 0}
    assert (change.value, change.samples) == (pytest.approx(1 / 4), 1)


def test_change_of_respondents_is_of_the_last_answer_within_each_span() -> None:
    """Whatever a party answered after it; an update moves a survey's answer out of the span it was in."""
    world = World()
    told = [(2, "A", 0), (3, "A", 10), (35, "A", 2), (5, "B", 9), (60.5, "B", 0), (40, "C", 9), (59, "C", 8)]
    for when, party, score in told:
        world.add("survey.answered", day(when), survey_id=f"s{when}", kind="nps", score=score, party=party)
    change = whole(world, "change", "nps_respondent", "30d", day(60.9), "previous")
    assert change.parts == {"v1": -1 / 2, "v0": 1}
    assert (change.value, change.samples) == (-1.5, 2)
    world.add("survey.answered", day(35), survey_id="s3", kind="nps", score=9, party="A", event="z")
    moved = whole(world, "change", "nps_respondent", "30d", day(60.9), "previous")
    assert moved.parts == {"v1": 1 / 2, "v0": 0}


def test_change_of_referrers_is_per_mean_active_customer_of_each_span() -> None:
    """A party that refers in both counts in both, and once in each; nobody refers oneself."""
    world = World()
    for number in range(10):
        world.add("customer.created", day(-10), party=f"c{number}")
    told = [(1, "c1"), (2, "c1"), (3, "c4"), (40, "c1"), (40, "c2"), (41, "c5"), (60.2, "c6")]
    for when, party in told:
        world.add("customer.referred", day(when), party=party, referred_id="friend")
    world.add("customer.referred", day(42), party="c3", referred_id="c3")
    change = whole(world, "change", "referral_rate", "30d", day(60.5), "previous")
    assert change.parts == {"v1": pytest.approx(0.3), "v0": pytest.approx(0.2)}
    assert (change.value, change.samples) == (pytest.approx(0.1), 2)


@pytest.mark.parametrize("kpi", ["purchase_frequency", "repeat_purchase_rate", "nps_respondent", "referral_rate"])
@pytest.mark.parametrize(("against", "window", "back"), [("year", "30d", 394), ("previous", "90d", 180)])
def test_parties_counted_once_have_a_history_of_all_their_facts(kpi: str, against: str, window: str, back: int) -> None:
    """Not of the last ones alone: a party's first fact on the first day that is looked at makes it known."""
    for first, state in ((500 - back, "ok"), (501 - back, "immature")):
        world = World()
        for when in (first, first + 1, 499):
            world.add("customer.created", day(when))
            world.add("customer.referred", day(when), referred_id="friend")
            world.add("survey.answered", day(when), survey_id=f"s{when}", kind="nps", score=9)
            order(world, day(when))
        change = whole(world, "change", kpi, window, day(500.5), against)
        assert change.value is not None
        assert change.state == state


# Trend.


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


# Forecast.


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


# Anomaly.


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


# Targets.


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


# What has no operator.


@pytest.mark.parametrize(
    "request_",
    [
        Request("change", "returning_customer_rate", "30d", "previous"),
        Request("change", "nps_account", "90d", "year"),
        Request("trend_slope", "purchase_frequency", "30d"),
        Request("trend_slope", "nps_respondent", "30d"),
        Request("trend_slope", "pipeline_velocity", "30d"),
        Request("forecast_end_of_period", "csat_ratio", "mtd"),
        Request("forecast_end_of_period", "active_customers", "mtd"),
        Request("anomaly_band", "csat_ratio", "today"),
        Request("target_pace_gap", "csat_ratio", "mtd"),
        Request("change", "unanswered_over_target", "7d", "previous"),
        Request("change", "clv_predicted", "90d", "previous"),
        Request("trend_slope", "service_quality_index", "30d"),
        Request("change", "active_customers", "mtd", "previous"),
        Request("change", "orders", "24h", "previous"),
        Request("revenue_growth_yoy", "orders", "30d"),
        Request("median", "orders", "30d"),
        Request("change", "nothing", "30d"),
    ],
)
def test_what_has_no_operator(request_: Request) -> None:
    """Is refused."""
    with pytest.raises(ValueError, match=r"oracle does not know|has no"):
        outcomes(World(), request_, day(60))


def test_many_requests_are_answered_in_order() -> None:
    """Together as one by one."""
    world = World()
    for number in range(120):
        order(world, day(number), number % 5 + 1)
    requests = [
        Request("change", "orders", "30d", "previous"),
        Request("anomaly_band", "revenue_net", "today"),
        Request("forecast_end_of_period", "orders", "ytd"),
        Request("trend_slope", "average_order_value", "90d"),
        Request("trend_slope", "orders", "7d"),
    ]
    to_ms = round(day(120) * 1000)
    together = operators(world.oracle, requests, to_ms, "UTC")
    assert together == [o for request in requests for o in operators(world.oracle, [request], to_ms, "UTC")]
