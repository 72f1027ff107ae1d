"""The worked examples of docs/definitions-value.md: costs, value, loyalty by worth, e-mail's revenue, experiments."""

import pytest

from stream_kpis.engine.tiles import DAY_MS
from stream_kpis.events.history import Imported
from stream_kpis.live.model.snapshot import State
from tests.live.stories import Told, customer, happened, order, told

ALL = ("30d", "", "")


def cost(day: float, amount: float, kind: str, /, who: str = "x", **data: object) -> Imported:
    return happened(day, "cost.incurred", who, amount=amount, kind=kind, **data)


def mail(day: float, kind: str, who: str, campaign: str) -> Imported:
    return happened(day, f"email.{kind}", who, campaign_id=campaign)


def exposed(day: float, who: str, variant: str) -> Imported:
    return happened(day, "experiment.exposed", who, experiment="e", variant=variant)


def pair(values: Told, kpi: str, window: str = "30d", by: str = "", group: str = "") -> tuple[int | None, int | None]:
    """Numerator and denominator."""
    found = values[kpi, window, by, group]
    return found.numerator, found.denominator


def test_a_cost_of_a_span_counts_by_days() -> None:
    """Of 31 days, ten have come by the eleventh; each comes at half past ten."""
    march = {"from": "2026-03-01", "to": "2026-03-31"}
    events = [cost(0, 310, "acquisition", **march), happened(0, "lead.created", "A", lead_id="l")]
    spent = {day: told(events, day)["cost_per_lead", "90d", "", ""].value for day in (10, 10.43, 10.44, 11, 40)}
    assert spent == {10: 100, 10.43: 100, 10.44: 110, 11: 110, 40: 310}


def test_cost_per_lead() -> None:
    """A cost that names no campaign is that of its party's."""
    values = told([
        cost(1, 60, "acquisition", campaign_id="c1"), cost(2, 40, "acquisition", "campaign:c2"),
        *(happened(3, "lead.created", "A", lead_id=f"l{n}", campaign_id="c1") for n in range(3)),
        happened(4, "lead.created", "B", lead_id="m", campaign_id="c2"),
    ])  # fmt: skip
    assert values["cost_per_lead", *ALL].value == 25
    assert [values["cost_per_lead", "30d", "campaign", c].value for c in ("c1", "c2")] == [20, 40]


def test_cac_and_cac_paid() -> None:
    values = told([
        cost(1, 60, "acquisition", campaign_id="c", channel="web"), cost(1, 40, "acquisition"),
        cost(2, 50, "labour", team="sales"), cost(3, 30, "labour", team="support"),
        customer(4, "created", "A", campaign_id="c", channel="web"), customer(5, "created", "B", campaign_id="d"),
        customer(6, "created", "C"),
    ])  # fmt: skip
    assert (values["cac", *ALL].value, values["cac", *ALL].samples) == (50, 3)
    assert (values["cac_paid", *ALL].value, values["cac_paid", *ALL].samples) == (30, 2)
    assert values["cac", "30d", "channel", "web"].value == 60
    assert values["cac_paid", "30d", "campaign", "c"].value == 60
    assert values["cac_paid", "30d", "campaign", "unknown"].value is None


NEW = [customer(4, "created", "A", channel="web"), customer(5, "created", "B"), customer(6, "created", "C")]


def test_an_unknown_cost_is_not_a_cost_of_0() -> None:
    """Labour alone tells nothing of acquisition; one of whatever group, and of whenever, does."""
    labour = [cost(1, 50, "labour", team="sales"), cost(1, 9, "service")]
    found = told([*NEW, *labour])["cac", *ALL]
    assert (found.value, found.numerator, found.denominator, found.samples, found.state) == (
        None, 0, 3, 3, State.NO_DATA
    )  # fmt: skip
    spent = [*NEW, *labour, cost(-60, 100, "acquisition", channel="mail")]
    values = told(spent)
    assert values["cac", *ALL].value == pytest.approx(50 / 3)
    assert values["cac", "30d", "channel", "web"].value == 0
    assert values["cac_paid", *ALL].value is None  # no customer of a campaign
    assert values["cost_per_customer", "30d", "kind", "acquisition"].value == 0


def test_costs_ahead_are_not_known_yet() -> None:
    ahead = [*NEW, cost(10, 100, "acquisition", **{"from": "2026-03-21", "to": "2026-03-30"})]
    values = {day: told(ahead, day)["cac", *ALL] for day in (20.4, 21)}
    assert [(v.value, v.state) for v in values.values()] == [(None, State.NO_DATA), (10 / 3, State.LOW_SAMPLE)]


def test_lagged_costs_are_known_from_the_end_of_their_own_window_on() -> None:
    customers = [customer(70, "created", "A")]
    values = [told([*customers, cost(day, 100, "acquisition")], 90)["cac_lagged", *ALL].value for day in (40, -90, 10)]
    assert values == [None, 0, 100]


@pytest.mark.parametrize(("kpi", "other", "kind"), [
    ("cost_per_customer", "labour", "retention"), ("cost_per_lead", "retention", "acquisition"),
    ("profit_per_customer", None, "goods"),
])  # fmt: skip
def test_each_awaits_the_kinds_that_it_counts(kpi: str, other: str | None, kind: str) -> None:
    events = [customer(-90, "created", "A"), happened(1, "lead.created", "A", lead_id="l")]
    others = [] if other is None else [cost(-80, 1, other)]
    assert told([*events, *others])[kpi, *ALL].value is None
    assert told([*events, *others, cost(-80, 1, kind)])[kpi, *ALL].value == 0


def test_the_net_value_awaits_costs_of_keeping() -> None:
    events = [
        *(customer(-99, "created", who) for who in "ABC"), customer(2, "created", "D"), customer(9, "churned", "A"),
        order(3, "placed", "o", "B", amount=100, cost_of_goods=40), cost(1, 1, "acquisition"),
    ]  # fmt: skip
    before, after = (told([*events, *more])["clv_net", "90d", "", ""] for more in ([], [cost(-95, 5, "retention")]))
    assert (before.value, before.state) == (None, State.NO_DATA)
    assert after.value is not None


MEAN = [customer(0, "created", "A"), customer(15, "created", "B")]
"""1.5 customers on average."""


def test_cost_per_customer() -> None:
    values = told([*MEAN, cost(1, 100, "acquisition"), cost(2, 20, "retention"), cost(3, 999, "service")])
    found = values["cost_per_customer", *ALL]
    assert (found.value, found.samples) == (80, 1)
    assert pair(values, "cost_per_customer") == (120_000_000 * 30 * DAY_MS, 45 * DAY_MS)
    kinds = [values["cost_per_customer", "30d", "kind", kind].value for kind in ("acquisition", "retention")]
    assert kinds == [pytest.approx(66.67, abs=0.01), pytest.approx(13.33, abs=0.01)]


def test_profit_per_customer() -> None:
    values = told([
        *MEAN, order(1, "placed", "o", "A", amount=200, cost_of_goods=90), order(2, "placed", "p", "B", amount=120),
        order(3, "refunded", "p", "B", refund_id="r", amount=20), cost(1, 35, "service"), cost(2, 25, "goods"),
    ])  # fmt: skip
    assert (values["profit_per_customer", *ALL].value, values["profit_per_customer", *ALL].samples) == (100, 1)
    assert told([*MEAN, cost(1, 3, "labour")])["profit_per_customer", *ALL].value == -2


def test_gross_margin_ratio() -> None:
    values = told([
        order(1, "placed", "o1", amount=100, cost_of_goods=40, product="a"),
        order(2, "refunded", "o1", refund_id="r", amount=20), order(3, "placed", "o2", amount=100, product="b"),
    ])  # fmt: skip
    found = values["gross_margin_ratio", *ALL]
    assert (found.value, found.numerator, found.denominator, found.samples) == (0.5, 40_000_000, 80_000_000, 1)
    assert ("gross_margin_ratio", "30d", "product", "b") not in values


def test_gross_margin_ratio_of_what_was_all_given_back_is_none() -> None:
    values = told([
        order(1, "placed", "o", amount=100, cost_of_goods=40), order(2, "refunded", "o", refund_id="r", amount=100),
    ])  # fmt: skip
    assert values["gross_margin_ratio", *ALL].value is None


SOLD = [
    order(1, "placed", "o1", "A", amount=100), order(2, "placed", "o2", "A", amount=50),
    order(3, "placed", "o3", "B", amount=60), order(4, "refunded", "o3", "B", refund_id="r", amount=30),
]  # fmt: skip


def test_arpc_and_arpa() -> None:
    values = told([*MEAN, *SOLD])
    assert (values["arpc", *ALL].value, values["arpc", *ALL].samples) == (90, 2)
    assert (values["arpa", *ALL].value, values["arpa", *ALL].samples) == (120, 1)


def test_arpa_by_what_the_customer_is() -> None:
    """Revenue and customers of the same group; who is no customer divides by nobody."""
    values = told([
        customer(0, "created", "A", country="DE"), customer(15, "created", "B", country="AT"), *SOLD,
        order(5, "placed", "o4", "C", amount=7),
    ])  # fmt: skip
    assert pair(values, "arpa") == (187 * 10**6 * 30 * DAY_MS, 45 * DAY_MS)
    of = {group: values["arpa", "30d", "country", group] for group in ("DE", "AT", "unknown")}
    assert [(value.value, value.samples) for value in of.values()] == [(150, 1), (0, 0), (None, 0)]


def test_customer_value_distribution() -> None:
    values = told([
        order(1, "placed", "o1", "A", amount=30), order(2, "placed", "o2", "A", amount=40),
        order(3, "placed", "o3", "B", amount=5), order(4, "placed", "o4", "C", amount=100),
        order(5, "refunded", "o4", "C", refund_id="r", amount=95),
    ])  # fmt: skip
    assert values["customer_value_distribution", "now", "", ""].value == 3
    now = {
        bucket: values["customer_value_distribution", "now", "bucket", bucket].value for bucket in ("5", "50", "100")
    }
    assert now == {"5": 2, "50": 1, "100": 0}


def test_revenue_per_labour_cost() -> None:
    values = told([
        order(1, "placed", "o", amount=500, owner_id="rep-01"), cost(2, 200, "labour", owner_id="rep-01"),
        cost(2, 50, "labour", owner_id="rep-02"),
    ])  # fmt: skip
    assert values["revenue_per_labour_cost", "30d", "owner", "rep-01"].value == 2.5
    assert (values["revenue_per_labour_cost", *ALL].value, values["revenue_per_labour_cost", *ALL].samples) == (2, 1)


def test_churn_hazard() -> None:
    values = told([customer(0, "created", "A"), customer(15, "churned", "A"), customer(0, "created", "B")])
    found = values["churn_hazard", *ALL]
    assert (found.numerator, found.denominator, found.samples) == (1, 45 * DAY_MS, 1)
    assert found.value == pytest.approx(2.572016e-7, rel=1e-6)


def test_churn_rate_inclusive() -> None:
    values = told([
        customer(-5, "created", "A"), customer(-5, "created", "B"), customer(5, "created", "C"),
        customer(6, "created", "D"), customer(9, "churned", "A"), customer(10, "churned", "C"),
    ])  # fmt: skip
    assert pair(values, "churn_rate_inclusive") == (2, 4)
    assert pair(values, "churn_rate") == (1, 2)


def test_mrr() -> None:
    values = told([
        customer(1, "created", "A", value=100, plan="a"), customer(2, "created", "B", value=50),
        customer(3, "created", "C"),
    ])  # fmt: skip
    assert (values["mrr", "now", "", ""].value, values["mrr", "now", "", ""].samples) == (150, 3)
    assert values["mrr", "now", "plan", "a"].value == 100


def test_mrr_of_customers_without_a_value_is_nothing_and_of_no_customer_unknown() -> None:
    """Any spell begins the level."""
    assert told([customer(1, "created", "A")])["mrr", "now", "", ""].value == 0
    none = told([order(1, "placed", "o", amount=1)])["mrr", "now", "", ""]
    assert (none.value, none.state) == (None, State.NO_DATA)


def test_revenue_churn_rates() -> None:
    values = told([
        customer(-1, "created", "A", value=100), customer(-1, "created", "B", value=100), customer(3, "churned", "A"),
        customer(4, "plan_changed", "B", plan="b", value=70), customer(5, "plan_changed", "B", plan="c", value=90),
    ])  # fmt: skip
    assert (values["revenue_churn_rate", *ALL].value, values["revenue_churn_rate", *ALL].samples) == (0.65, 2)
    assert values["revenue_churn_rate_net", *ALL].value == 0.55


def test_what_comes_back_lowers_the_net_revenue_churn() -> None:
    """Of the plan that it comes back with."""
    values = told([
        customer(-1, "created", "A", value=100, plan="a"), customer(3, "churned", "A"),
        customer(9, "reactivated", "A", plan="b", value=40),
    ])  # fmt: skip
    assert pair(values, "revenue_churn_rate") == (100_000_000, 100_000_000)
    assert pair(values, "revenue_churn_rate_net") == (60_000_000, 100_000_000)


LAPSING = [
    order(-80, "placed", "a", "A", amount=1), order(-70, "placed", "b", "B", amount=1),
    order(5, "placed", "c", "B", amount=1), order(-100, "placed", "d", "C", amount=1),
]  # fmt: skip


def test_rates_by_inactivity() -> None:
    assert pair(told(LAPSING), "churn_rate_inactivity") == (1, 2)
    values = told([*LAPSING, order(20, "placed", "e", "C", amount=1)])
    assert pair(values, "churn_rate_inactivity") == (1, 2)
    assert pair(values, "reactivation_rate_inactivity") == (1, 1)


def test_referral_rate() -> None:
    """Who refers itself refers nobody."""
    values = told([
        *(customer(0, "created", who) for who in "ABCDEFGHIJ"), customer(1, "referred", "A", referred_id="x"),
        customer(2, "referred", "A", referred_id="y"), customer(3, "referred", "B", referred_id="z"),
        customer(4, "referred", "C", referred_id="C"),
    ])  # fmt: skip
    assert (values["referral_rate", *ALL].value, values["referral_rate", *ALL].samples) == (0.2, 2)


def test_referred_customer_share() -> None:
    values = told([
        customer(1, "created", "A", referred_by="q", channel="web"), *(customer(2, "created", who) for who in "BCD"),
    ])  # fmt: skip
    assert pair(values, "referred_customer_share") == (1, 4)
    assert pair(values, "referred_customer_share", by="channel", group="web") == (1, 1)


MAILED = [
    *(mail(2, kind, "A", "c2") for kind in ("sent", "delivered")), mail(1, "clicked", "A", "c1"),
    mail(3, "clicked", "A", "c2"), order(4, "placed", "o1", "A", amount=100), order(9, "placed", "o2", "A", amount=50),
    order(5, "refunded", "o1", "A", refund_id="r", amount=30),
    *(mail(2, "delivered", who, "c2") for who in "BCDEFG"),
]  # fmt: skip


def test_email_revenue() -> None:
    values = told(MAILED)
    assert (values["email_revenue", *ALL].value, values["email_revenue", *ALL].samples) == (70, 1)
    assert values["email_revenue", "30d", "campaign", "c2"].value == 70
    assert ("email_revenue", "30d", "campaign", "c1") not in values
    found = values["email_revenue_per_delivered", *ALL]
    assert (found.value, found.denominator) == (10, 7)


def test_email_conversion_rate() -> None:
    values = told(MAILED, 35)
    assert pair(values, "email_conversion_rate") == (1, 7)
    assert pair(values, "email_conversion_rate", by="campaign", group="c2") == (1, 7)


def test_ab_conversion_rate_and_crossovers() -> None:
    """Within thirty days of the exposure; a party that saw both variants is in no arm."""
    arms = [exposed(1, f"{arm}{n}", arm) for arm in ("control", "new") for n in range(100)]
    bought = [order(2, "placed", "o", f"control{n}", amount=1) for n in range(10)]
    bought += [happened(3, "deal.won", f"new{n}", deal_id="d") for n in range(15)]
    late = [order(40, "placed", "o", "new99", amount=1)]
    crossed = [exposed(4, "both", "new"), exposed(2, "both", "control"), order(5, "placed", "o", "both", amount=1)]
    values = told([*arms, *bought, *late, *crossed], 60)
    by = "experiment,variant"
    assert pair(values, "ab_conversion_rate", "30d", by, "e,control") == (10, 100)
    assert pair(values, "ab_conversion_rate", "30d", by, "e,new") == (15, 100)
    assert values["ab_crossovers", "90d", "experiment", "e"].value == 1
