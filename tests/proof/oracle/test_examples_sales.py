"""The worked examples of the definitions: deals, orders, customers, e-mail."""

import pytest

from tests.proof.oracle.world import DAY, World, day, iso

START, END = day(0), day(30)


def deal(world: World, name: str, *steps: tuple[float, str], party: str = "A", **created: object) -> World:
    """A deal; a step is a day and a kind of event, which may name an amount or a stage."""
    for at, what in steps:
        kind, _, detail = what.partition(" ")
        data: dict[str, object] = dict(created) if kind == "created" else {}
        if kind in ("won", "amount_changed") and detail:
            data["amount"] = int(detail)
        elif kind == "stage_changed":
            data["stage"] = detail
        world.add(f"deal.{kind}", day(at), deal_id=name, party=party, **data)
    return world


def test_lost_cycle_time() -> None:
    """From the creation, if there was one."""
    world = deal(World(only=("lost_cycle_time",)), "d1", (1, "created"), (11, "lost"))
    deal(world, "d2", (2, "created"), (22, "lost"))
    deal(world, "d3", (5, "lost"))
    answer = world.whole("lost_cycle_time", START, END, at=END)
    assert (answer.value, answer.samples, answer.total) == (10 * DAY, 2, 30 * DAY * 1000)


def test_deals_lost() -> None:
    """A close that was taken back is none; the first of two counts."""
    world = deal(World(), "d1", (1, "lost"))
    deal(world, "d2", (2, "lost"), (3, "reopened"), (4, "won"))
    deal(world, "d3", (5, "lost"), (6, "lost"))
    assert world.value("deals_lost", START, END, at=END) == 2


def test_deals_won_value() -> None:
    """Deals with an amount are the samples."""
    world = deal(World(), "d1", (1, "won 3000"))
    deal(world, "d2", (1, "won"))
    deal(world, "d3", (1, "won 500"), (2, "deleted"))
    answer = world.whole("deals_won_value", START, END, at=END)
    assert (answer.value, answer.samples) == (3000, 1)


def test_deals_open() -> None:
    """Created and not closed."""
    world = deal(World(), "d1", (1, "created"))
    deal(world, "d2", (2, "created"), (9, "won"))
    deal(world, "d3", (3, "created"), (5, "lost"), (6, "reopened"))
    deal(world, "d4", (4, "lost"))
    assert world.whole("deals_open", at=END, window="now").value == 2


def test_pipeline_value() -> None:
    """The amount as it runs."""
    world = deal(World(), "d1", (1, "created"), (2, "amount_changed 150"), amount=100)
    deal(world, "d3", (3, "created"))
    answer = world.whole("pipeline_value", at=END, window="now")
    assert (answer.value, answer.samples) == (150, 2)


@pytest.mark.parametrize(("stage", "value"), [("proposal", 45), ("demo", None)])
def test_pipeline_weighted_value(stage: str, value: float | None) -> None:
    """By the chance of the stage; one that is not listed has none."""
    world = deal(World(), "d1", (1, "created"), (2, "amount_changed 150"), amount=100, stage=stage)
    answer = world.whole("pipeline_weighted_value", at=END, window="now")
    assert (answer.value, answer.samples) == (value, 0 if value is None else 1)


def test_deal_win_rate_value() -> None:
    """Deals without an amount are in neither part."""
    world = deal(World(), "d1", (1, "won 3000"))
    deal(world, "d2", (1, "created"), (2, "lost"), amount=1000)
    deal(world, "d3", (2, "lost"))
    answer = world.whole("deal_win_rate_value", START, END, at=END)
    assert (answer.numerator, answer.denominator, answer.samples) == (3_000_000_000, 4_000_000_000, 2)
    assert answer.value == 0.75


def test_deal_close_rate_cohort() -> None:
    """Within 90 days."""
    world = deal(World(), "d1", (1, "created"), (50, "won"))
    deal(world, "d2", (2, "created"), (100, "won"))
    deal(world, "d3", (3, "created"), (9, "lost"))
    deal(world, "d4", (5, "created"), (6, "deleted"))
    assert world.fraction("deal_close_rate_cohort", START, END, at=day(120)) == (1, 3)


def test_stage_duration() -> None:
    """Each visit at its end."""
    steps = ((1, "created"), (4, "stage_changed proposal"), (5, "stage_changed negotiation"), (11, "won"))
    world = deal(World(), "d", *steps, stage="discovery")
    answer = world.whole("stage_duration", START, END, at=END)
    assert (answer.value, answer.samples, answer.total) == (3 * DAY, 3, 10 * DAY * 1000)
    stages = {"discovery": 3 * DAY, "proposal": DAY, "negotiation": 6 * DAY}
    assert world.groups("stage_duration", "stage", START, END, at=END) == stages


def test_stage_conversion_rate() -> None:
    """What is skipped is reached and passed; a deal that was in no listed stage reaches none."""
    world = deal(World(), "d1", (1, "created"), (3, "stage_changed negotiation"), stage="discovery")
    deal(world, "d2", (2, "created"), (9, "lost"), stage="discovery")
    deal(world, "d5", (3, "created"), (6, "won"), stage="demo")
    stages = {"discovery": (1, 2), "proposal": (1, 1), "negotiation": (0, 1)}
    assert world.fractions("stage_conversion_rate", "stage", START, END, at=day(120)) == stages
    assert world.fraction("stage_conversion_rate", START, END, at=day(120)) == (2, 4)


def test_deals_stalled() -> None:
    """Nothing for 14 days."""
    world = deal(World(), "d1", (1, "created"), (10, "activity"))
    deal(world, "d2", (1, "created"), (20, "activity"))
    deal(world, "d3", (1, "created"), (12, "lost"))
    answer = world.whole("deals_stalled", at=END, window="now")
    assert (answer.value, answer.samples) == (1, 2)
    assert world.fraction("stale_open_ratio", at=END) == (1, 2)


def test_pipeline_velocity() -> None:
    """Open deals by win rate by value, over the cycle."""
    world = World()
    for number in range(4):
        deal(world, f"open{number}", (1, "created"))
    deal(world, "won1", (0, "created"), (10, "won 100"))
    deal(world, "won2", (-5, "created"), (25, "won 300"))
    deal(world, "lost1", (1, "lost"))
    deal(world, "lost2", (1, "lost"))
    answer = world.whole("pipeline_velocity", START, END, at=END)
    numerator, denominator = 4 * 2 * 400_000_000 * 2, 4 * 2 * 40 * DAY * 1000
    assert (answer.numerator, answer.denominator, answer.samples) == (numerator, denominator, 4)
    assert answer.value == pytest.approx(0.000231481, abs=1e-9)


def test_upsell_rate_and_revenue() -> None:
    """An expander that joined in the window is no part of the rate."""
    world = World()
    world.add("customer.created", day(-10), party="A", plan="s", value=20)
    world.add("customer.created", day(-10), party="B")
    world.add("customer.created", day(5), party="C")
    world.add("customer.plan_changed", day(3), party="A", plan="l", value=50)
    world.add("order.placed", day(9), party="C", order_id="o", amount=40, upsell=True)
    assert world.fraction("upsell_rate", START, END, at=END) == (1, 2)
    assert world.value("upsell_revenue", START, END, at=END) == 70
    assert world.groups("upsell_revenue", "kind", START, END, at=END) == {"plan": 30, "order": 40}


def test_revenue_gross() -> None:
    """Whatever was refunded."""
    world = World()
    for name, amount in (("o1", 100), ("o2", 50), ("o3", 30)):
        world.add("order.placed", day(1), order_id=name, amount=amount)
    world.add("order.cancelled", day(2), order_id="o3")
    world.add("order.refunded", day(2), order_id="o1", refund_id="r", amount=20)
    answer = world.whole("revenue_gross", START, END, at=END)
    assert (answer.value, answer.samples) == (150, 2)


def test_refund_rate() -> None:
    """Within 30 days of the placing."""
    world = World()
    for name, placed, refunded, back in (("o1", 1, 10, 40), ("o2", 2, 50, 100)):
        world.add("order.placed", day(placed), order_id=name, amount=100)
        world.add("order.refunded", day(refunded), order_id=name, refund_id="r", amount=back)
    assert world.fraction("refund_rate", START, END, at=day(60)) == (40_000_000, 200_000_000)
    assert world.value("refund_rate", START, END, at=day(60)) == 0.2


def orders(*orders: tuple[str, float]) -> World:
    """Orders of parties on days."""
    world = World()
    for party, at in orders:
        world.add("order.placed", day(at), party=party, order_id=f"o{at}", amount=10)
    return world


def test_time_between_purchases() -> None:
    """Between the orders of one party."""
    world = orders(("A", 1), ("A", 4), ("A", 14), ("B", 2))
    answer = world.whole("time_between_purchases", START, END, at=END)
    assert (answer.value, answer.samples, answer.total) == (3 * DAY, 2, 13 * DAY * 1000)


def test_returning_customer_rate() -> None:
    """Those who ever bought before."""
    world = orders(("A", -50), ("A", 5), ("B", 6), ("C", -20))
    assert world.fraction("returning_customer_rate", START, END, at=END) == (1, 2)


def test_new_customers() -> None:
    """The first spell, opened by a creation."""
    world = World()
    world.add("customer.created", day(1), party="A")
    world.add("customer.created", day(2), party="B", referred_by="A")
    world.add("customer.churned", day(3), party="B")
    world.add("customer.reactivated", day(9), party="B")
    world.add("customer.reactivated", day(4), party="C")
    world.add("customer.created", day(5), party="D")
    world.add("customer.merged", day(6), party="D", into="A")
    assert world.value("new_customers", START, END, at=END) == 2
    assert world.groups("new_customers", "referred", START, END, at=END) == {"yes": 1, "no": 1}


def customers(*steps: tuple[str, float, str]) -> World:
    """Customers who come and go: party, day, and what happened."""
    world = World()
    for party, at, what in steps:
        world.add(f"customer.{what}", day(at), party=party)
    return world


def test_customer_tenure_at_churn() -> None:
    """From the spell's start to the leave."""
    world = customers(("A", 1, "created"), ("A", 11, "churned"), ("B", 0, "created"), ("B", 20, "churned"))
    answer = world.whole("customer_tenure_at_churn", START, END, at=END)
    assert (answer.value, answer.samples) == (10 * DAY, 2)


def test_churn_rate_involuntary() -> None:
    """Of those that were active, who had to leave; who does not say is no part."""
    world = customers(*((party, -10, "created") for party in "ABCD"))
    for party, at, said in (("A", 5, {"voluntary": True}), ("B", 6, {"voluntary": False}), ("C", 7, {})):
        world.add("customer.churned", day(at), party=party, **said)
    assert world.fraction("churn_rate_involuntary", START, END, at=END) == (1, 4)


def test_an_announced_end() -> None:
    """Taken back by a churn at once, and by a merge."""
    world = customers(("A", -10, "created"), ("B", -10, "created"), ("A", 5, "churned"))
    world.add("customer.churned", day(1), party="A", effective_at=iso(day(20)))
    world.add("customer.churned", day(1), party="B", effective_at=iso(day(19)))
    world.add("customer.merged", day(2), party="B", into="A")
    assert world.value("churned_customers", START, END, at=END) == 1
    assert world.value("churned_customers", day(5), day(6), at=END) == 1


def test_an_end_told_of_afterwards() -> None:
    """From the plan of then."""
    world = World()
    world.add("customer.created", day(-10), plan="basic")
    world.add("customer.plan_changed", day(5), plan="pro")
    world.add("customer.churned", day(10), effective_at=iso(day(2)))
    assert world.groups("churned_customers", "plan", day(2), day(3), at=END) == {"basic": 1}
    answers = world.answers("active_customers", at=END, window="now")
    assert [(answer.group, answer.value) for answer in answers if answer.by == "plan"] == [("basic", 0)]


def test_customer_lifetime() -> None:
    """The time that all spent, by leave."""
    world = customers(("A", 0, "created"), ("A", 15, "churned"), ("B", 0, "created"))
    assert world.fraction("customer_lifetime", START, END, at=END) == (45 * DAY * 1000, 1)
    assert world.value("customer_lifetime", START, END, at=END) == 45 * DAY


def test_reactivation_rate() -> None:
    """All returns, to those lapsed before the window."""
    world = customers(
        *(("A", -20, "created"), ("A", -5, "churned")),
        *(("B", -20, "created"), ("B", -3, "churned"), ("B", 4, "reactivated")),
        *(("C", -20, "created"), ("C", 2, "churned"), ("C", 8, "reactivated")),
    )
    assert world.fraction("reactivation_rate", START, END, at=END) == (2, 2)


@pytest.fixture(scope="module")
def campaign() -> World:
    """The example of the e-mail rates."""
    world = World()
    for party in "ABCD":
        world.add("email.sent", day(1), party=party, campaign_id="c")
    world.add("email.bounced", day(1), party="D", campaign_id="c")
    for party in "ABC":
        world.add("email.delivered", day(1), party=party, campaign_id="c")
    world.add("email.opened", day(1), party="A", campaign_id="c", machine=True)
    world.add("email.opened", day(2), party="A", campaign_id="c")
    world.add("email.clicked", day(2), party="A", campaign_id="c")
    world.add("email.opened", day(9), party="B", campaign_id="c")
    world.add("email.unsubscribed", day(3), party="C", campaign_id="c")
    return world


@pytest.mark.parametrize(
    ("kpi", "parts"),
    [
        ("email_sent", (4, None)),
        ("email_delivered", (3, None)),
        ("email_open_rate", (1, 3)),
        ("email_click_rate", (1, 3)),
        ("email_ctor", (1, 1)),
        ("email_bounce_rate", (1, 4)),
        ("email_unsubscribe_rate", (1, 3)),
        ("email_spam_complaint_rate", (0, 3)),
    ],
)
def test_the_rates_of_a_campaign(campaign: World, kpi: str, parts: tuple[int, int | None]) -> None:
    """Of what was delivered, within 5 days; bounces of what was sent."""
    assert campaign.fraction(kpi, START, END, at=day(35)) == parts
    assert campaign.fractions(kpi, "campaign", START, END, at=day(35)) == {"c": parts}


def test_a_campaign_that_writes_again() -> None:
    """Another e-mail, with what follows it."""
    world = World()
    for party in "ABCD":
        world.add("email.sent", day(1), party=party, campaign_id="c")
    for party in "ABC":
        world.add("email.delivered", day(1), party=party, campaign_id="c")
    for at, what in ((2, "clicked"), (4, "sent"), (4, "delivered"), (5, "clicked")):
        world.add(f"email.{what}", day(at), party="A", campaign_id="c")
    assert world.value("email_sent", START, END, at=day(35)) == 5
    assert world.value("email_delivered", START, END, at=day(35)) == 4
    assert world.fraction("email_click_rate", START, END, at=day(35)) == (2, 4)


def test_email_list() -> None:
    """A second subscription changes nothing."""
    world = World()
    steps = (("A", -5, "subscribed"), ("B", 1, "subscribed"), ("A", 2, "unsubscribed"))
    for party, at, what in (*steps, ("C", 3, "subscribed"), ("C", 4, "subscribed")):
        world.add(f"email.{what}", day(at), party=party, campaign_id="c")
    assert world.whole("email_list_size", at=END, window="now").value == 2
    assert world.fraction("email_list_growth", START, END, at=END) == (1, 1)


def test_rep_new_customers() -> None:
    """The first purchase, a win or an order."""
    world = World()
    world.add("deal.won", day(3), party="A", deal_id="d", owner_id="rep-01")
    world.add("order.placed", day(5), party="A", order_id="o", amount=1, owner_id="rep-02")
    world.add("order.placed", day(4), party="B", order_id="p", amount=1, owner_id="rep-02")
    assert world.value("rep_new_customers", START, END, at=END) == 2
    assert world.groups("rep_new_customers", "owner", START, END, at=END) == {"rep-01": 1, "rep-02": 1}


def test_rep_revenue() -> None:
    """Net of refunds."""
    world = World()
    world.add("order.placed", day(1), order_id="o", amount=100, owner_id="rep-01")
    world.add("order.placed", day(2), order_id="p", amount=50, owner_id="rep-01")
    world.add("order.refunded", day(3), order_id="o", refund_id="r", amount=20)
    assert world.groups("rep_revenue", "owner", START, END, at=END) == {"rep-01": 130}
