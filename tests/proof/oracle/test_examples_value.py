"""The worked examples of the definitions: costs, value, loyalty by worth, attribution, experiments."""

from datetime import UTC, datetime

import pytest

from stream_kpis.events.envelope import Reader
from stream_kpis.proof.oracle import Answer, Ask, Oracle
from tests.proof.oracle.world import DAY, World, day

START, END = day(0), day(30)
MICRO = 1_000_000
DAY_MS = DAY * 1000


def cost(world: World, at: float, amount: float, kind: str = "acquisition", **data: object) -> None:
    """Money spent on a day."""
    world.add("cost.incurred", day(at), party="books", amount=amount, kind=kind, **data)


def joined(world: World, *parties: tuple[str, float], **data: object) -> None:
    """Customers created on days."""
    for party, at in parties:
        world.add("customer.created", day(at), party=party, **data)


def order(world: World, party: str, at: float, amount: float, name: str = "", **data: object) -> str:
    """An order on a day; returns its id."""
    name = name or f"o{party}{at}"
    world.add("order.placed", day(at), party=party, order_id=name, amount=amount, **data)
    return name


def refund(world: World, party: str, at: float, name: str, amount: float) -> None:
    """Some of an order given back."""
    world.add("order.refunded", day(at), party=party, order_id=name, refund_id="r", amount=amount)


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


def composed(answer: Answer) -> tuple[float | None, int]:
    """Value and samples; there are no parts."""
    assert (answer.numerator, answer.denominator, answer.total) == (None, None, None)
    return answer.value, answer.samples


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


def earning() -> World:
    """Ten customers bring 900 in 90 days, half of it margin; in 540 days they spent 2,000 days, and 2 left."""
    world = World()
    joined(world, *((f"c{number}", 0) for number in range(10)))
    joined(world, ("x", -460), ("y", -450), ("z", -200))
    for party in "xy":
        world.add("customer.churned", day(0), party=party)
    world.add("customer.merged", day(0), party="z", into="x")
    order(world, "c1", 5, 900, cost_of_goods=450)
    return world


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


@pytest.fixture(scope="module")
def mailed() -> World:
    """Seven deliveries; A clicked c1 and c2 and ordered, some of it was given back."""
    world = World()
    for party in "BCDEF":
        world.add("email.delivered", day(1), party=party, campaign_id="c1")
    for campaign, at in (("c1", 1), ("c2", 2)):
        world.add("email.delivered", day(at), party="A", campaign_id=campaign)
    world.add("email.clicked", day(1), party="A", campaign_id="c1")
    world.add("email.clicked", day(3), party="A", campaign_id="c2")
    refund(world, "A", 5, order(world, "A", 4, 100), 30)
    order(world, "A", 9, 50)
    return world


def test_email_revenue(mailed: World) -> None:
    """Of the last click, up to five days old."""
    answer = mailed.whole("email_revenue", START, END, at=END)
    assert (answer.value, answer.samples) == (70, 1)
    assert mailed.groups("email_revenue", "campaign", START, END, at=END) == {"c2": 70}
    answer = mailed.whole("email_revenue_per_delivered", START, END, at=END)
    assert (answer.numerator, answer.denominator, answer.samples, answer.value) == (70 * MICRO, 7, 7, 10)


def test_email_conversion_rate(mailed: World) -> None:
    """Within five days of the delivery."""
    assert mailed.fraction("email_conversion_rate", START, END, at=day(35)) == (1, 7)
    assert mailed.fractions("email_conversion_rate", "campaign", START, END, at=day(35)) == {"c1": (0, 6), "c2": (1, 1)}


def exposed(world: World, variant: str, parties: int, converted: int = 0) -> None:
    """Parties that saw a variant; so many of them bought."""
    for number in range(parties):
        party = f"{variant}{number}"
        world.add("experiment.exposed", day(1), party=party, experiment="e", variant=variant)
        if number < converted:
            order(world, party, 2, 1)


def test_ab() -> None:
    """The rate of each arm, and what the new one adds, with Newcombe's interval."""
    world = World()
    exposed(world, "control", 100, 10)
    exposed(world, "new", 100, 15)
    rates = {"e,control": 0.1, "e,new": 0.15}
    assert world.groups("ab_conversion_rate", "experiment,variant", START, END, at=day(60)) == rates
    whole, lift = world.answers("ab_lift", START, END, at=day(60))
    assert composed(whole) == (None, 0)
    assert lift.group == "e,new"
    assert composed(lift) == (pytest.approx(0.05), 100)
    assert (lift.lower, lift.upper) == (pytest.approx(-0.0437, abs=5e-5), pytest.approx(0.1442, abs=5e-5))
    _, relative = world.answers("ab_relative_lift", START, END, at=day(60))
    assert composed(relative) == (pytest.approx(0.5), 100)
    assert (relative.lower, relative.upper) == (None, None)


def test_ab_lift_over_a_holdout() -> None:
    """Which is the control where none is named so."""
    world = World()
    exposed(world, "campaign", 40, 8)
    exposed(world, "holdout", 40, 4)
    _, lift = world.answers("ab_lift", START, END, at=day(60))
    assert (lift.group, *composed(lift)) == ("e,campaign", pytest.approx(0.1), 40)


def test_ab_srm_and_crossovers() -> None:
    """Equal shares, as none are planned; a party that saw both is in no arm."""
    world = World()
    exposed(world, "control", 60)
    exposed(world, "new", 40)
    for variant in ("control", "new"):
        world.add("experiment.exposed", day(3), party="both", experiment="e", variant=variant)
    _, answer = world.answers("ab_srm", START, END, at=END)
    assert (answer.by, answer.group, *composed(answer)) == ("experiment", "e", 4, 100)
    assert world.groups("ab_crossovers", "experiment", START, END, at=END) == {"e": 1}


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
