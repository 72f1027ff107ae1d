"""Items of orders, and revenue by what the customer is, where it is close."""

import random
from typing import Any

import pytest

from stream_kpis.proof.oracle import Request
from stream_kpis.proof.oracle.operators import operators
from tests.proof.oracle.lives import Happened, lives, told
from tests.proof.oracle.world import DAY, World, day

DAY_MS = DAY * 1000
MICRO = 10**6
Named = dict[str, str]
ASKED = ("plan", "segment", "country")


@pytest.mark.parametrize(
    ("quantity", "thousandths"),
    [(0, 0), (1, 1000), (0.29, 290), (1.001, 1001), (1.0019, 1001), (0.0009, 0), (1e9, 10**12), (2.5e-3, 2)],
)
def test_a_quantity_is_cut_to_thousandths_as_it_is_written(quantity: float, thousandths: int) -> None:
    """Not as a binary fraction comes near it."""
    world = World()
    items = [{"product": "tea", "quantity": quantity, "amount": 1}]
    world.add("order.placed", 10, order_id="o", amount=1, items=items)
    assert world.whole("units_sold").numerator == thousandths


def test_items_without_an_amount_are_none() -> None:
    """An order with others has those; with none else it is one item of its own product; free is an amount."""
    world = World()
    mixed = [{"product": "tea", "amount": 0}, {"product": "tea", "amount": 7}, {"product": "cup", "quantity": 5}]
    world.add("order.placed", 10, order_id="o", amount=20, product="set", items=mixed)
    world.add("order.placed", 10, order_id="p", amount=3, items=[{"product": "cup", "quantity": 5}])
    assert world.groups("product_revenue", "product") == {"tea": 7, "unknown": 3}
    assert world.groups("units_sold", "product") == {"tea": 2, "unknown": 1}
    assert world.whole("units_sold").samples == 3


def test_refunds_touch_no_item_and_a_cancellation_all() -> None:
    """At the placing."""
    world = World()
    items = [{"product": "tea", "amount": 7}]
    for name in ("o", "p"):
        world.add("order.placed", 10, order_id=name, amount=9, items=items)
    world.add("order.refunded", 20, order_id="o", refund_id="r", amount=9)
    world.add("order.cancelled", 5, order_id="p")
    assert (world.value("product_revenue"), world.value("product_revenue", 11)) == (7, 0)
    assert (world.value("units_sold"), world.value("units_sold", 11)) == (1, 0)


def test_the_customer_is_what_its_last_event_up_to_the_placing_left() -> None:
    """At one millisecond too, and in order; a leave changes nothing, nor does what is not named."""
    world = World()
    world.add("customer.created", 10, event="a", plan="basic", country="de")
    world.add("customer.plan_changed", 20, event="c", plan="late in order")
    world.add("customer.plan_changed", 20, event="b", plan="early in order")
    world.add("customer.churned", 30, effective_at="1970-01-01T00:00:15Z")
    for name, at in (("o", 9.999), ("p", 10), ("q", 20), ("r", 40)):
        world.add("order.placed", at, order_id=name, amount={"o": 1, "p": 2, "q": 4, "r": 8}[name])
    assert world.groups("customer_revenue", "plan") == {"unknown": 1, "basic": 2, "late in order": 12}
    assert world.groups("customer_revenue", "country") == {"unknown": 1, "de": 14}
    assert world.groups("customer_revenue", "segment") == {"unknown": 15}


def test_names_are_checked_over_the_events_of_the_customer_and_its_orders() -> None:
    """The second copy is in conflict, here the order; for itself it is one."""
    world = World()
    world.add("customer.created", 10, event="x", plan="basic")
    world.add("order.placed", 20, event="x", order_id="o", amount=5)
    world.add("lead.created", 5, event="y", lead_id="l")
    world.add("order.placed", 20, event="y", order_id="p", amount=3)
    assert world.value("revenue_net") == 8
    assert world.groups("customer_revenue", "plan") == {"basic": 3}


def test_arpa_of_a_group_is_its_revenue_by_its_own_customers() -> None:
    """A before and after a change of plan, B a customer since @15; C is none, so that its group has no value."""
    world = World()
    world.add("customer.created", day(0), party="A", plan="basic", country="de")
    world.add("customer.plan_changed", day(10), party="A", plan="pro")
    world.add("customer.created", day(15), party="B", plan="pro", country="fr")
    for party, at, amount in (("A", 5, 100), ("A", 20, 60), ("B", 20, 30), ("C", 20, 10)):
        world.add("order.placed", day(at), party=party, order_id=party + str(at), amount=amount)
    world.add("order.refunded", day(21), party="A", order_id="A5", refund_id="r", amount=40)
    answers = {a.group: a for a in world.answers("arpa", day(0), day(30), at=day(30)) if a.by in ("", "plan")}
    parts = {group: (answer.numerator, answer.denominator, answer.samples) for group, answer in answers.items()}
    month = 30 * DAY_MS * MICRO
    assert parts == {
        "": (160 * month, 45 * DAY_MS, 1),
        "basic": (60 * month, 10 * DAY_MS, 0),
        "pro": (90 * month, 35 * DAY_MS, 1),
        "unknown": (10 * month, 0, 0),
    }
    assert answers["unknown"].value is None
    assert answers["basic"].value == pytest.approx(180)
    assert world.groups("arpa", "country", day(0), day(30), at=day(30)) == {"de": 120, "fr": 60, "unknown": None}


def test_operators_of_arpa_measure_each_group_against_its_own_customers() -> None:
    """A day of an order is worth what was paid by the customers of that day; no group of none has a value."""
    world = World()
    for party, plan in (("A", "basic"), ("B", "pro"), ("C", "pro")):
        world.add("customer.created", day(0), party=party, plan=plan)
    for at in range(14):
        for party in "AB":
            world.add("order.placed", day(at), party=party, order_id=f"{party}{at}", amount=at)
    trend = Request("trend_slope", "arpa", "7d", by="plan")
    change = Request("change", "arpa", "7d", "previous", by="plan")
    found = operators(world.oracle, [trend, change], round(day(14) * 1000), "UTC")
    by_plan = {(outcome.request.operator, outcome.group): outcome for outcome in found}
    slopes = {plan: by_plan["trend_slope", plan].value for plan in ("basic", "pro")}
    assert slopes == {"basic": pytest.approx(1), "pro": pytest.approx(0.5)}
    assert by_plan["change", "pro"].parts == {"v1": 35, "v0": 10.5}
    assert by_plan["change", "pro"].samples == 2


def some_event(dice: random.Random) -> tuple[str, dict[str, Any]]:
    named = {name: dice.choice("uvw") for name in dice.sample(ASKED, dice.randrange(3))}
    match dice.randrange(6):
        case 0:
            return "customer.created", named
        case 1:
            return "customer.updated", {name: group for name, group in named.items() if name != "plan"}
        case 2:
            return "customer.plan_changed", {"plan": dice.choice("uvw")}
        case 3:
            return dice.choice(["customer.churned", "customer.activated"]), {}
        case 4:
            return "order.refunded", {"order_id": dice.choice("op"), "refund_id": dice.choice("rs"), "amount": 1}
        case _:
            return "order.placed", {"order_id": dice.choice("opq"), "amount": dice.randrange(10, 99)}


def revenue_of(life: list[Happened]) -> list[tuple[Named, int]]:
    """Amounts, each with what the customer was when it ordered."""
    orders: dict[str, Happened] = {}
    refunds: dict[tuple[str, str], int] = {}
    for event in life:
        if event.kind == "order.placed":
            orders.setdefault(event.data["order_id"], event)
        elif event.kind == "order.refunded":
            refunds.setdefault((event.data["order_id"], event.data["refund_id"]), event.data["amount"])
    found = []
    for name, order in orders.items():
        was: Named = {}
        for event in life:
            if event.kind.startswith("customer.") and event.at <= order.at:
                was |= event.data
        back = sum(amount for (order_id, _), amount in refunds.items() if order_id == name)
        found.append((was, order.data["amount"] - back))
    return found


@pytest.mark.parametrize("seed", range(2))
def test_revenue_by_customer_is_as_a_fold_tells_it(seed: int) -> None:
    """Whatever the order of arrival."""
    world, dice = World(), random.Random(seed)
    expected: dict[str, dict[str, int]] = {by: {} for by in ASKED}
    for number, life in enumerate(lives(seed, some_event, "")):
        told(life, number, world, dice)
        for was, amount in revenue_of(life):
            for by in ASKED:
                group = was.get(by, "unknown")
                expected[by][group] = expected[by].get(group, 0) + amount
    assert {by: world.groups("customer_revenue", by) for by in ASKED} == expected
