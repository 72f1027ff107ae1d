"""The worked examples of the definitions: costs, value, quality."""

import pytest

from stream_kpis.events.envelope import Reader
from stream_kpis.proof.oracle import Ask, Oracle
from tests.proof.oracle.trading import DAY_MS, END, MICRO, START, composed, cost, earning, joined, order, refund
from tests.proof.oracle.world import DAY, World, day


def test_costs_by_day() -> None:
    """A span of days has its part of each day; the parts add up."""
    world = World()
    spread = {"from": "1971-05-16", "to": "1971-06-15"}  # @0 to @30, both ends in
    cost(world, 40, 310, "service", **spread)
    joined(world, ("A", 0))
    costs = [world.fraction("profit_per_customer", day(0), day(end), at=day(60))[0] for end in (1, 10)]
    assert costs == [-10 * MICRO * DAY_MS, -100 * MICRO * 10 * DAY_MS]
    world = World()
    cost(world, 40, 100, "service", **{"from": "1971-05-16", "to": "1971-05-18"})
    daily = [world.fraction("profit_per_customer", day(n), day(n + 1), at=day(60))[0] for n in range(3)]
    assert daily == [-33_333_333 * DAY_MS, -33_333_333 * DAY_MS, -33_333_334 * DAY_MS]


def test_cost_per_lead() -> None:
    """By campaign."""
    world = World()
    cost(world, 1, 60, campaign_id="c1")
    cost(world, 1, 40, campaign_id="c2")
    for number, campaign in enumerate(("c1", "c1", "c1", "c2")):
        world.add("lead.created", day(2), lead_id=f"l{number}", campaign_id=campaign)
    answer = world.whole("cost_per_lead", START, END, at=END)
    assert (answer.numerator, answer.denominator, answer.samples, answer.value) == (100 * MICRO, 4, 4, 25)
    assert world.groups("cost_per_lead", "campaign", START, END, at=END) == {"c1": 20, "c2": 40}


@pytest.fixture(scope="module")
def won() -> World:
    """Three new customers, two of a campaign; what they cost."""
    world = World()
    cost(world, 1, 60, campaign_id="c")
    cost(world, 1, 40)
    cost(world, 2, 50, "labour", team="sales")
    cost(world, 2, 30, "labour", team="support")
    joined(world, ("A", 3), ("B", 4), campaign_id="c")
    joined(world, ("C", 5))
    return world


def test_cac(won: World) -> None:
    """Acquisition and the labour of sales."""
    assert won.fraction("cac", START, END, at=END) == (150 * MICRO, 3)
    assert won.value("cac", START, END, at=END) == 50


@pytest.mark.parametrize(("acquired", "numerator", "value"), [(False, 0, None), (True, 50 * MICRO, 50 / 3)])
def test_cac_without_acquisition(acquired: bool, numerator: int, value: float | None) -> None:
    """Unknown, whatever labour costs, where nothing was ever spent; known where it was, before the window."""
    world = World()
    cost(world, 2, 50, "labour", team="sales")
    cost(world, 2, 30, "labour", team="support")
    joined(world, ("A", 3), ("B", 4), ("C", 5))
    if acquired:
        cost(world, -1, 100)
    answer = world.whole("cac", START, END, at=END)
    assert (answer.numerator, answer.denominator, answer.samples) == (numerator, 3, 3)
    assert answer.value == (None if value is None else pytest.approx(value))


def test_cac_paid(won: World) -> None:
    """Costs and customers with a campaign."""
    assert won.fraction("cac_paid", START, END, at=END) == (60 * MICRO, 2)
    assert won.value("cac_paid", START, END, at=END) == 30


def test_cac_lagged() -> None:
    """The costs of sixty days before."""
    world = World()
    cost(world, 0, 50)
    cost(world, 29.9, 100)
    cost(world, 30, 500)
    joined(world, ("A", 60), ("B", 61), ("C", 89), ("D", 90.2))
    for end in (day(90), day(90.5)):
        answer = world.whole("cac_lagged", day(60), end, at=end, window="30d")
        assert (answer.numerator, answer.denominator, answer.samples, answer.value) == (150 * MICRO, 3, 3, 50)


def test_cost_per_customer() -> None:
    """All customers are the divisor of each kind."""
    world = World()
    joined(world, ("A", 0), ("B", 15))
    cost(world, 1, 100)
    cost(world, 1, 20, "retention")
    cost(world, 1, 7, "service")
    answer = world.whole("cost_per_customer", START, END, at=END)
    assert (answer.numerator, answer.denominator) == (120 * MICRO * 30 * DAY_MS, 45 * DAY_MS)
    assert (answer.value, answer.samples) == (80, 1)
    kinds = world.groups("cost_per_customer", "kind", START, END, at=END)
    assert kinds == {"acquisition": pytest.approx(200 / 3), "retention": pytest.approx(40 / 3)}


def test_profit_per_customer() -> None:
    """What is left of revenue, goods and all costs taken off."""
    world = World()
    joined(world, ("A", 0), ("B", 15))
    order(world, "A", 1, 200, cost_of_goods=90)
    order(world, "B", 20, 100)
    cost(world, 1, 40)
    cost(world, 1, 20, "goods")
    answer = world.whole("profit_per_customer", START, END, at=END)
    assert (answer.value, answer.samples) == (100, 1)


def test_gross_margin_ratio() -> None:
    """Orders that name what their goods cost."""
    world = World()
    order(world, "A", 1, 100, "o1", cost_of_goods=40)
    refund(world, "A", 2, "o1", 20)
    order(world, "A", 3, 100, "o2")
    answer = world.whole("gross_margin_ratio", START, END, at=END)
    assert (answer.numerator, answer.denominator) == (40 * MICRO, 80 * MICRO)
    assert (answer.value, answer.samples) == (0.5, 1)


@pytest.fixture(scope="module")
def spenders() -> World:
    """A since @0, B since @15, and what they bought."""
    world = World()
    joined(world, ("A", 0), ("B", 15))
    order(world, "A", 1, 100)
    order(world, "A", 2, 50)
    refund(world, "B", 21, order(world, "B", 20, 60), 30)
    return world


def test_arpc(spenders: World) -> None:
    """By party with an order."""
    assert spenders.fraction("arpc", START, END, at=END) == (180 * MICRO, 2)
    assert spenders.value("arpc", START, END, at=END) == 90


def test_arpa(spenders: World) -> None:
    """By mean active customer."""
    answer = spenders.whole("arpa", START, END, at=END)
    assert (answer.numerator, answer.denominator) == (180 * MICRO * 30 * DAY_MS, 45 * DAY_MS)
    assert (answer.value, answer.samples) == (120, 1)


def test_arpc_decomposition() -> None:
    """More customers, and more of each."""
    world = World()
    joined(world, ("A", -30), ("B", -30), ("C", 0))
    order(world, "A", -20, 100)
    order(world, "A", 1, 100)
    order(world, "C", 2, 80)
    order(world, "C", 30.2, 999)  # today is not over
    end = day(30.5)
    effects = [
        composed(world.whole(f"arpc_{effect}_effect", day(0), end, at=end, window="30d"))
        for effect in ("base", "spend")
    ]
    assert effects == [(pytest.approx(55), 2), (pytest.approx(25), 2)]


def test_clv_historic() -> None:
    """What a customer brings in a year, for as long as it stays."""
    world = World()
    joined(world, ("A", 0), ("B", 0))
    world.add("customer.churned", day(365), party="A")
    order(world, "A", 1, 150)
    order(world, "B", 2, 30)
    end = day(365) + 10
    answer = world.whole("clv_historic", day(0), end, at=end, window="365d")
    assert composed(answer) == (pytest.approx(180, rel=1e-6), 1)


def test_clv_predicted_net_and_payback() -> None:
    """Revenue a day by margin by the days that a customer stays; less what it costs."""
    world, end = earning(), day(90)
    answers = {kpi: world.whole(kpi, day(0), end, at=end, window="90d") for kpi in ("clv_predicted", "clv_net")}
    assert composed(answers["clv_predicted"]) == (pytest.approx(500), 2)
    assert composed(answers["clv_net"]) == (None, 2)  # nothing is known of what ten new customers cost
    cost(world, 20, 90, "retention")
    cost(world, 20, 500)
    assert composed(world.whole("clv_net", day(0), end, at=end, window="90d")) == (pytest.approx(350), 2)
    payback = world.whole("cac_payback_time", day(0), end, at=end, window="90d")
    assert composed(payback) == (pytest.approx(100 * DAY), 10)


def test_clv_cac_ratio() -> None:
    """To what was spent sixty days before."""
    world, end = earning(), day(90)
    cost(world, -60, 500)
    cost(world, -61, 7)
    cost(world, 30, 9)
    assert composed(world.whole("clv_cac_ratio", day(0), end, at=end, window="90d")) == (pytest.approx(10), 2)


def test_customer_value() -> None:
    """Parties, and what they brought, by bucket."""
    world = World()
    order(world, "A", 1, 30)
    order(world, "A", 2, 40)
    order(world, "B", 1, 5)
    refund(world, "C", 2, order(world, "C", 1, 100), 95)
    answer = world.whole("customer_value_distribution", at=END, window="now")
    assert (answer.value, answer.samples) == (3, 3)
    assert world.groups("customer_value_distribution", "bucket", at=END, window="now") == {"50": 1, "5": 2}
    answer = world.whole("customer_value_share", at=END, window="now")
    assert (answer.numerator, answer.denominator, answer.samples) == (80 * MICRO, 80 * MICRO, 3)
    assert world.groups("customer_value_share", "bucket", at=END, window="now") == {"50": 0.875, "5": 0.125}


def test_revenue_per_labour_cost() -> None:
    """By who sells."""
    world = World()
    order(world, "A", 1, 500, owner_id="rep-01")
    order(world, "A", 2, 70)
    cost(world, 1, 200, "labour", owner_id="rep-01")
    cost(world, 1, 40, owner_id="rep-01")
    assert world.groups("revenue_per_labour_cost", "owner", START, END, at=END) == {"rep-01": 2.5, "unknown": None}
    assert world.fraction("revenue_per_labour_cost", START, END, at=END) == (570 * MICRO, 200 * MICRO)


def test_quota_attainment() -> None:
    """Of the whole period; owners without a quota are no part."""
    world = World()
    order(world, "A", 1, 250, owner_id="rep-01")
    order(world, "A", 1, 70, owner_id="rep-09")
    oracle = Oracle(Reader(), quotas={"rep-01": 1_000 * MICRO, "rep-02": 500 * MICRO})
    oracle.load(world.records)
    asks = [Ask("quota_attainment", window, round(START * 1000), round(END * 1000)) for window in ("mtd", "qtd", "ytd")]
    answers = {(answer.window, answer.group): answer for answer in oracle.answer(asks, round(END * 1000))}
    assert (answers["mtd", "rep-01"].value, answers["mtd", "rep-01"].samples) == (0.25, 1)
    assert answers["qtd", "rep-01"].value == pytest.approx(250 / 3000)
    assert (answers["mtd", "rep-02"].value, answers["mtd", "rep-02"].samples) == (0, 0)
    assert (answers["ytd", ""].numerator, answers["ytd", ""].denominator) == (250 * MICRO, 12 * 1500 * MICRO)
    assert ("mtd", "rep-09") not in answers


def test_service_quality_index() -> None:
    """The mean of four ratios; the reopened count against it."""
    world = World()
    for number in range(10):
        name = f"t{number}"
        at = 1 + number / 10
        world.add("ticket.created", day(at), ticket_id=name, team="m")
        for _ in range(1 if number < 8 else 2):  # two are not done at the first contact
            world.add("ticket.message", day(at) + 10, ticket_id=name, author="agent")
        world.add("ticket.status_changed", day(at + 2 if number == 9 else at) + 20, ticket_id=name, status="solved")
    world.add("ticket.reopened", day(2), ticket_id="t0")
    for number in range(5):
        world.add(
            "survey.answered", day(3), survey_id=f"s{number}", kind="csat", score=5 if number < 4 else 1, team="m"
        )
    answers = world.answers("service_quality_index", START, END, at=END)
    index = (0.9 + 0.7 + 0.8 + 0.9) / 4
    assert [(a.group, *composed(a)) for a in answers] == [("", pytest.approx(index), 5), ("m", pytest.approx(index), 5)]
    assert index == pytest.approx(0.825)
