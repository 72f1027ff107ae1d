"""What no cost is known of has no value, and not a cost of 0: until when, of which kinds, wherever they were spent."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from stream_kpis.proof.oracle import Ask, Outcome, Request, Target
from stream_kpis.proof.oracle.operators import operators
from tests.proof.oracle.world import DAY, World, day

MICRO = 1_000_000
DAY_MS = DAY * 1000
SECOND = timedelta(seconds=1)
HALF_PAST_TEN = day(3) + 37_800

ACQUISITION = frozenset({"acquisition"})
EVERY = frozenset({"acquisition", "retention", "service", "labour", "goods"})
KINDS = {
    "cost_per_lead": ACQUISITION,
    "cac": ACQUISITION,
    "cac_paid": ACQUISITION,
    "cost_per_customer": ACQUISITION | {"retention"},
    "profit_per_customer": EVERY,
}
"""Of which kinds a first cost is."""


class Read(NamedTuple):
    """What is compared of an answer."""

    value: float | None
    numerator: int | None
    denominator: int | None
    samples: int


def cost(world: World, at: float, kind: str = "acquisition", amount: float | str = 9, **data: Any) -> None:
    """Money spent on a day."""
    world.add("cost.incurred", at, party="books", amount=amount, kind=kind, **data)


def earned(**made_with: Any) -> World:
    """A customer since @0 with a campaign, who bought goods of 4 for 10, and a lead."""
    world = World(**made_with)
    world.add("customer.created", day(0), party="A", campaign_id="c", channel="web")
    world.add("order.placed", day(1), party="A", order_id="o", amount=10, cost_of_goods=4)
    world.add("lead.created", day(1), lead_id="l", channel="web", campaign_id="c")
    return world


def read(world: World, start: float, end: float, *kpis: str, at: float = 0, by: str = "") -> dict[str, Read]:
    """By KPI, or by group; at the window's end unless said."""
    window = f"{int((end - start) // DAY)}d"
    asks = [Ask(kpi, window, round(start * 1000), round(end * 1000)) for kpi in kpis]
    found = [a for a in world.oracle.answer(asks, round((at or end) * 1000)) if a.by == by]
    return {a.group if by else a.kpi: Read(a.value, a.numerator, a.denominator, a.samples) for a in found}


@pytest.mark.parametrize("kind", ["", *sorted(EVERY)])
def test_a_first_cost_is_one_of_the_right_kind(kind: str) -> None:
    """Whenever it was; goods that an order names are none. All else counts as it does with one."""
    world = earned(only=tuple(KINDS))
    if kind:
        cost(world, day(-40), kind)
    found = read(world, day(0), day(30), *KINDS)
    profit = (10 - 4) * MICRO * 30 * DAY_MS if kind else 0
    for kpi, kinds in KINDS.items():
        numerator = profit if kpi == "profit_per_customer" else 0
        denominator = 30 * DAY_MS if kpi.endswith("per_customer") else 1
        value = numerator / denominator / MICRO if kind in kinds else None
        assert found[kpi] == Read(value, numerator, denominator, 1)


@pytest.mark.parametrize(("at", "known"), [(day(30), False), (day(30) - 0.001, True)])
def test_a_first_cost_lies_before_the_end(at: float, known: bool) -> None:
    """To the millisecond, also where more is known than the window holds."""
    world = earned(only=tuple(KINDS))
    cost(world, at, campaign_id="c")
    found = read(world, day(0), day(30), *KINDS, at=day(31))
    assert {kpi for kpi, answer in found.items() if answer.value is not None} == (set(KINDS) if known else set())
    assert {answer.numerator == 0 for answer in found.values()} == {not known}


@pytest.mark.parametrize(
    ("to", "numerator"), [(HALF_PAST_TEN, None), (HALF_PAST_TEN + 0.001, 0), (HALF_PAST_TEN + DAY + 0.001, 1)]
)
def test_a_spread_cost_is_one_on_each_of_its_days(to: float, numerator: int | None) -> None:
    """From half past ten of the first on, though what was told before it; also where that day's part is 0."""
    world = earned(only=("cac",))
    cost(world, day(1), amount="1e-6", **{"from": "1971-05-19", "to": "1971-05-20"})  # @3 and @4
    answer = read(world, day(0), to, "cac")["cac"]
    assert answer == Read(None if numerator is None else numerator / MICRO, numerator or 0, 1, 1)


def test_a_period_before_a_first_cost_has_no_value_and_one_after_it_costs_nothing() -> None:
    """What was ahead of a period is not known in it, be it told or not."""
    world = earned(only=("cost_per_customer", "profit_per_customer"))
    cost(world, day(31))
    costs = {
        (start, at): read(world, day(start), day(start + 30), "cost_per_customer", "profit_per_customer", at=day(at))
        for start, at in ((0, 30), (0, 90), (30, 60), (60, 90))
    }
    assert [found["cost_per_customer"].value for found in costs.values()] == [None, None, 9, 0]
    assert [found["profit_per_customer"].value for found in costs.values()] == [None, None, -9, 0]


def test_a_first_cost_is_of_whatever_group() -> None:
    """Before it no group has a numerator, whatever labour cost it; after it what has no cost costs 0."""
    world = earned(only=("cac",))
    cost(world, day(2), "labour", 5, team="sales", channel="web")
    assert read(world, day(0), day(30), "cac", by="channel") == {"web": Read(None, 0, 1, 1)}
    cost(world, day(40), channel="shop")
    groups = read(world, day(0), day(50), "cac", by="channel")
    assert groups == {"web": Read(5, 5 * MICRO, 1, 1), "shop": Read(None, 9 * MICRO, 0, 0)}
    world = earned(only=("cost_per_lead", "cac_paid"))
    cost(world, day(-9), channel="shop")  # and of no campaign
    for kpi in ("cost_per_lead", "cac_paid"):
        assert read(world, day(0), day(30), kpi, by="campaign")["c"] == Read(0, 0, 1, 1)


def test_a_kind_of_cost_is_known_with_any_of_both() -> None:
    """A kind whose costs are all ahead is there, without a value until the other has a first."""
    world = earned(only=("cost_per_customer",))
    cost(world, day(1), **{"from": "1971-08-01", "to": "1971-08-02"})
    kinds = read(world, day(0), day(30), "cost_per_customer", by="kind")
    assert kinds == {"acquisition": Read(None, 0, 30 * DAY_MS, 1)}
    cost(world, day(-1), "retention")
    kinds = read(world, day(0), day(30), "cost_per_customer", by="kind")
    assert kinds == dict.fromkeys(("acquisition", "retention"), Read(0, 0, 30 * DAY_MS, 1))


@pytest.mark.parametrize(("at", "numerator"), [(30, None), (30 - 1 / DAY, 14), (-1, 5)])
def test_lagged_costs_have_a_first_before_the_end_of_their_own_window(at: float, numerator: int | None) -> None:
    """Labour alone is none; one before that window is."""
    world = World(only=("cac_lagged",))
    cost(world, day(10), "labour", 5, team="sales")
    cost(world, day(at))
    world.add("customer.created", day(70))
    for end in (90, 90.6):  # the open day lags behind as a whole
        answer = read(world, day(60), day(end), "cac_lagged")["cac_lagged"]
        assert answer == Read(numerator, (numerator or 0) * MICRO, 1, 1)


def test_new_customers_of_a_lagged_cost_are_those_of_closed_days() -> None:
    """Half an hour after midnight since the clocks went forward, when the window begins a day earlier than they do."""
    world = World(zone="America/New_York", only=("cac_lagged",))
    start, today = (datetime(1971, *day_, tzinfo=ZoneInfo("America/New_York")) for day_ in ((4, 1), (5, 2)))
    cost(world, day(-130))
    for party, when in enumerate((start + timedelta(hours=23), start + timedelta(1), today - SECOND, today)):
        world.add("customer.created", when.timestamp(), party=f"p{party}", channel=f"{party}")
    end = today.timestamp() + 1800
    answers = world.answers("cac_lagged", start.timestamp(), end, at=end, window="30d")
    assert {answer.group: answer.samples for answer in answers} == {"": 2, "1": 1, "2": 1}
    period = world.whole("cac_lagged", start.timestamp(), today.timestamp(), at=end, window="p")
    assert period.samples == 3


COMPOSED = ("clv_net", "cac_payback_time", "clv_cac_ratio")


@pytest.mark.parametrize(
    ("kinds", "at", "known"),
    [
        (("labour", "service"), -70, ()),
        (("acquisition",), -70, ("cac_payback_time", "clv_cac_ratio")),
        (("acquisition",), 30, ("cac_payback_time",)),  # the lagged window ends there
        (("retention",), 20, ()),
        (("acquisition", "retention"), -70, COMPOSED),
        (("acquisition", "retention"), 90, ()),
    ],
)
def test_what_is_composed_of_costs_awaits_each_first(kinds: tuple[str, ...], at: float, known: tuple[str, ...]) -> None:
    """Net value that of retention too. Its samples are there without."""
    world = earned(only=COMPOSED)
    world.add("customer.created", day(0), party="B")
    world.add("customer.churned", day(10), party="B")
    cost(world, day(-40), "labour", 5, team="sales")  # within the lagged window
    cost(world, day(5), "labour", 5, team="sales")
    for kind in kinds:
        cost(world, day(at), kind)
    found = read(world, day(0), day(90), *COMPOSED)
    assert {kpi for kpi, answer in found.items() if answer.value is not None} == set(known)
    assert [found[kpi].samples for kpi in COMPOSED] == [1, 2, 1]


# Operators.


def outcomes(
    world: World, to: float, operator: str, kpi: str, window: str, *, by: str = "", target: float | None = None
) -> dict[str, Outcome]:
    """By group; a change is against the previous days."""
    request = Request(operator, kpi, window, "previous" if operator == "change" else "", by)
    targets = [] if target is None else [Target(kpi, "", target)]
    return {outcome.group: outcome for outcome in operators(world.oracle, [request], round(to * 1000), "UTC", targets)}


def fortnight(first: float | None, **made_with: Any) -> World:
    """A new customer and a lead on each of fourteen days, and labour of 5; acquisition once, on a day given."""
    world = World(**made_with)
    for number in range(14):
        world.add("customer.created", day(number + 0.1), party=f"p{number}", channel="web")
        world.add("lead.created", day(number + 0.1), lead_id=f"l{number}", channel="web")
        cost(world, day(number + 0.2), "labour", 5, team="sales", channel="web")
    if first is not None:
        cost(world, day(first), channel="shop")
    return world


@pytest.mark.parametrize(
    ("first", "days", "total"),
    [(None, 0, 0), (7.9, 7, 44), (7, 7, 44), (7 - 1 / DAY, 8, 49), (8, 6, 39), (-1, 14, 70)],
)
def test_a_day_that_ends_before_a_first_cost_weighs_nothing(first: float | None, days: int, total: int) -> None:
    """Neither its labour nor its customers, as a whole or in a group; the first cost's own day does, all of it."""
    world = fortnight(first, only=("cac", "cost_per_lead"))
    trend = outcomes(world, day(14.5), "trend_slope", "cac", "30d")[""]
    assert (trend.parts["S0"], trend.parts["T0"], trend.samples) == (days, total * MICRO, days)
    assert (trend.value is None) == (days < 7)
    web = outcomes(world, day(14.5), "trend_slope", "cac", "30d", by="channel").get("web")
    assert (web.parts["T0"] if web else 0) == 5 * days * MICRO
    leads = outcomes(world, day(14.5), "trend_slope", "cost_per_lead", "30d")[""]
    assert leads.parts["S0"] == days


def test_a_day_before_a_first_cost_of_customers_weighs_nothing() -> None:
    """Nor does the time that they spent in it, against costs or profit, where none of any kind is known."""
    world = World(only=("cost_per_customer", "profit_per_customer"))
    world.add("customer.created", day(-9))
    world.add("order.placed", day(1), order_id="o", amount=10)
    cost(world, day(3), "service", 2)
    cost(world, day(5), "retention", 2)
    for kpi, days, total in (("cost_per_customer", 9, 2), ("profit_per_customer", 11, -4)):
        trend = outcomes(world, day(14), "trend_slope", kpi, "30d")[""]
        assert (trend.parts["S0"], trend.samples) == (days * DAY_MS, days)
        assert trend.parts["T0"] == total * MICRO * DAY_MS


def test_a_change_since_before_a_first_cost_has_no_value() -> None:
    """Also of what is composed of it; nor has what has a target."""
    world = fortnight(7, only=("cac", "cac_payback_time"))
    world.add("order.placed", day(3), order_id="o", amount=10, cost_of_goods=4)
    world.add("order.placed", day(8), order_id="p", amount=10, cost_of_goods=4)
    for kpi in ("cac", "cac_payback_time"):
        change = outcomes(world, day(14), "change", kpi, "7d")[""]
        assert (change.value, change.parts["v0"], change.state) == (None, None, "no_data")
        assert change.parts["v1"] is not None
        assert change.samples == 7
        later = outcomes(world, day(15), "change", kpi, "7d")[""]
        assert later.parts["v0"] is not None
        before, after = (outcomes(world, day(to), "target_attainment", kpi, "30d", target=1)[""] for to in (7, 8))
        assert (before.value, before.samples) == (None, 7)
        assert after.parts["v"] is not None


def test_a_lagged_target_awaits_the_lagged_first() -> None:
    """It has no other operator."""
    world = fortnight(-59.5, only=("cac_lagged",))
    found = [outcomes(world, day(to), "target_attainment", "cac_lagged", "30d", target=9)[""] for to in (0.9, 1.05)]
    assert [(outcome.value, outcome.samples) for outcome in found] == [(None, 0), (1, 1)]
