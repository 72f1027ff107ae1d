"""What parties buy and add to it: gaps, returning buyers, expansions, first purchases, early refunds."""

import pytest

from tests.proof.oracle.world import DAY, END, World, iso


def buy(world: World, at: float, name: str, *, party: str = "ada", amount: float = 10, **data: object) -> World:
    """An order."""
    world.add("order.placed", at, party=party, order_id=name, amount=amount, **data)
    return world


def refund(world: World, at: float, name: str, amount: float, *, party: str = "ada", refund_id: str = "r") -> None:
    """Of an order."""
    world.add("order.refunded", at, party=party, order_id=name, refund_id=refund_id, amount=amount)


def win(world: World, at: float, name: str, *, created: float = 0, **data: object) -> World:
    """A deal, created and won."""
    amount = data.pop("amount", None)
    owner = data.pop("closer", None)
    world.add("deal.created", created, deal_id=name, **data)
    closing = {"amount": amount, "owner_id": owner}
    world.add("deal.won", at, deal_id=name, **{key: value for key, value in closing.items() if value is not None})
    return world


def test_gaps_are_between_kept_orders_in_order_of_time() -> None:
    """A cancelled and a fully refunded one are passed over; ties have the gap 0; arrival does not matter."""
    world = World()
    for at, name in ((70, "e"), (10, "a"), (20, "cancelled"), (30, "refunded"), (40, "d"), (40, "c")):
        buy(world, at, name)
    world.add("order.cancelled", 21, order_id="cancelled")
    refund(world, 31, "refunded", 10)
    refund(world, 71, "e", 9)
    buy(world, 15, "other", party="bob")
    answer = world.whole("time_between_purchases")
    assert (answer.samples, answer.total, answer.value) == (3, 60_000, 30)
    assert world.whole("time_between_purchases", 40, 41).total == 30_000
    assert world.whole("time_between_purchases", at=31).total == 20_000


def test_a_voided_order_leaves_one_longer_gap() -> None:
    """As if it had never been."""
    world = buy(buy(World(), 10, "a"), 50, "c")
    world.add("order.placed", 20, event="x", order_id="b", amount=1)
    world.void("x")
    assert world.whole("time_between_purchases").total == 40_000


def test_a_returning_customer_has_another_kept_order_whenever() -> None:
    """Its only one being kept, it does not return; without a kept one in the window it is not counted."""
    world = buy(buy(World(), 10, "a"), 50, "b")
    buy(world, 50, "c", party="bob")
    buy(world, 20, "d", party="bob", amount=5)
    refund(world, 60, "d", 5, party="bob")
    buy(world, 55, "e", party="cyd")
    world.add("order.cancelled", 56, party="cyd", order_id="e")
    buy(world, 60, "free", party="dan", amount=0)
    buy(world, 60, "free too", party="dan", amount=0)
    assert world.fraction("returning_customer_rate", 50, 100, at=100) == (2, 3)
    assert world.fraction("returning_customer_rate", 50, 60, at=60) == (2, 2)


def test_early_refunds_lie_up_to_thirty_days_after_the_placing() -> None:
    """Each refund_id once; not before the placing, not of a cancelled order; at the placing."""
    world = buy(World(), 100, "o", channel="web")
    late = 100 + 30 * DAY
    refund(world, late, "o", 1, refund_id="in")
    refund(world, late + 0.001, "o", 2, refund_id="out")
    refund(world, 99, "o", 4, refund_id="before")
    refund(world, 100, "o", 0.5, refund_id="at once")
    refund(world, 101, "o", 3, refund_id="at once")
    buy(world, 100, "p", channel="web")
    world.add("order.cancelled", 105, order_id="p")
    refund(world, 101, "p", 10)
    refund(world, 101, "never placed", 10)
    answer = world.whole("refund_rate", 100, 101)
    assert (answer.numerator, answer.denominator, answer.samples) == (1_500_000, 10_000_000, 1)
    assert world.fractions("refund_rate", "channel") == {"web": (1_500_000, 10_000_000)}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("new", None), ("renewal", None), ("upsell", {"upsell": 7}), ("cross_sell", {"cross_sell": 7})],
)
def test_some_kinds_of_won_deals_are_expansions(kind: str, expected: dict[str, float] | None) -> None:
    """At the close, worth its amount, by the closer."""
    world = win(World(), 20, "d", kind=kind, amount=7, closer="ann", product="car", owner_id="first")
    assert world.groups("upsell_revenue", "kind", 20, 21) == (expected or {})
    assert world.groups("upsell_revenue", "owner") == ({"ann": 7} if expected else {})
    assert world.groups("upsell_revenue", "product") == ({"car": 7} if expected else {})


def test_an_expansion_of_unknown_amount_is_one_worth_nothing() -> None:
    """A reopened or deleted deal is none, nor is one whose first creation is of another kind."""
    world = win(World(), 20, "d", kind="upsell")
    win(world, 20, "re", kind="upsell", amount=5)
    world.add("deal.reopened", 30, deal_id="re")
    win(world, 20, "del", kind="upsell", amount=5)
    world.add("deal.deleted", 30, deal_id="del")
    win(world, 20, "later", kind="new", amount=5)
    world.add("deal.created", 10, deal_id="later", kind="upsell")
    answer = world.whole("upsell_revenue")
    assert (answer.value, answer.samples) == (0, 1)


def plans(*steps: tuple[float, str, dict[str, object]]) -> World:
    """A customer's events."""
    world = World()
    for at, kind, data in steps:
        world.add(f"customer.{kind}", at, **data)
    return world


@pytest.mark.parametrize(
    ("steps", "worth"),
    [
        ([(10, "created", {"value": 20}), (20, "plan_changed", {"plan": "l", "value": 50})], 30),
        ([(10, "created", {}), (20, "plan_changed", {"plan": "l", "value": 50})], None),
        ([(10, "created", {"value": 20}), (20, "plan_changed", {"plan": "l"})], None),
        ([(10, "created", {"value": 20}), (20, "plan_changed", {"plan": "l", "value": 20})], None),
        ([(10, "created", {"value": 20}), (20, "plan_changed", {"plan": "l", "value": 5})], None),
        # Down and up again: the second one, over the value that runs.
        (
            [
                (10, "created", {"value": 20}),
                (20, "plan_changed", {"plan": "s", "value": 5}),
                (25, "plan_changed", {"plan": "m"}),
                (30, "plan_changed", {"plan": "l", "value": 12}),
            ],
            7,
        ),
        # Outside a spell it sets the value that runs, and is none.
        ([(5, "plan_changed", {"plan": "s", "value": 5}), (10, "plan_changed", {"plan": "l", "value": 9})], None),
        (
            [
                (5, "plan_changed", {"plan": "s", "value": 5}),
                (10, "created", {}),
                (15, "plan_changed", {"plan": "l", "value": 9}),
            ],
            4,
        ),
        (
            [
                (10, "created", {"value": 20}),
                (20, "churned", {}),
                (25, "plan_changed", {"plan": "l", "value": 40}),
                (30, "reactivated", {}),
                (35, "plan_changed", {"plan": "xl", "value": 41}),
            ],
            1,
        ),
        # A churn that was taken back has closed nothing; one that has not yet been, has.
        (
            [
                (10, "created", {"value": 20}),
                (20, "churned", {"effective_at": iso(50)}),
                (25, "plan_changed", {"plan": "l", "value": 40}),
                (30, "reactivated", {"value": 45}),
                (35, "plan_changed", {"plan": "xl", "value": 46}),
            ],
            21,
        ),
        (
            [
                (10, "created", {"value": 20}),
                (20, "churned", {"effective_at": iso(50)}),
                (25, "plan_changed", {"plan": "l", "value": 40}),
            ],
            None,
        ),
    ],
)
def test_a_plan_of_a_higher_value_is_an_expansion_while_a_spell_is_open(
    steps: list[tuple[float, str, dict[str, object]]], worth: float | None
) -> None:
    """Both values known; worth the difference."""
    answer = plans(*steps).whole("upsell_revenue")
    assert (answer.value, answer.samples > 0) == (worth or 0, worth is not None)


def test_an_upsell_order_is_worth_what_is_left_of_it() -> None:
    """Fully refunded or cancelled it is none."""
    world = World()
    for name in ("part", "full", "cancelled"):
        buy(world, 10, name, upsell=True, owner_id="ann", product="car")
    buy(world, 10, "no upsell")
    refund(world, 20, "part", 4)
    refund(world, 20, "full", 10)
    world.add("order.cancelled", 20, order_id="cancelled")
    assert world.groups("upsell_revenue", "kind") == {"order": 6}
    assert world.groups("upsell_revenue", "owner") == {"ann": 6}
    assert world.whole("upsell_revenue", at=15).value == 30


def expander(begin: float, end: float | None, *orders: float) -> World:
    """A customer from begin to end, with upsell orders; bob is active all along."""
    world = World()
    world.add("customer.created", 1, party="bob")
    world.add("customer.created", begin)
    if end is not None:
        world.add("customer.churned", end)
    for at in orders:
        buy(world, at, f"o{at}", upsell=True)
    return world


@pytest.mark.parametrize(
    ("world", "parts"),
    [
        (expander(10, None, 60), (1, 2)),
        (expander(10, None, 60, 60, 70), (1, 2)),
        (expander(10, None, 40), (0, 2)),
        (expander(55, None, 60), (0, 1)),
        (expander(10, 60, 60), (0, 2)),
        (expander(10, 61, 60, 70), (1, 2)),
        (expander(10, 20, 60), (0, 1)),
        (expander(60, None, 60), (0, 1)),
        (expander(61, None, 60), (0, 1)),
    ],
)
def test_expanders_are_parties_by_their_last_expansion_inside_a_spell(world: World, parts: tuple[int, int]) -> None:
    """In [50, 100), of those active at 50; who joined in the window is none of them."""
    assert world.fraction("upsell_rate", 50, 100, at=100) == parts


def test_the_first_purchase_is_the_earliest_win_or_kept_order() -> None:
    """At one time a win goes first, then the lower id; what was taken back is none."""
    world = World()
    for name in ("b", "a"):
        buy(world, 10, name, owner_id=name)
        buy(world, 10, name, owner_id=name, party="bob")
    world.add("deal.won", 10, deal_id="z", owner_id="deal")
    buy(world, 5, "cancelled", owner_id="no")
    world.add("order.cancelled", 6, order_id="cancelled")
    buy(world, 5, "refunded", owner_id="no")
    refund(world, 6, "refunded", 10)
    world.add("deal.won", 4, deal_id="re", owner_id="no")
    world.add("deal.reopened", 7, deal_id="re")
    world.add("deal.won", 4, deal_id="del", owner_id="no")
    world.add("deal.deleted", 7, deal_id="del")
    assert world.groups("rep_new_customers", "owner", 10, 11) == {"deal": 1, "a": 1}
    assert world.value("rep_new_customers", 0, 10) == 0
    assert world.entities("rep_new_customers") == [("ada", "z", 1), ("bob", "a", 1)]


def test_in_the_scope_of_the_party_a_name_is_taken_once() -> None:
    """The second order of that name is one by itself, but no purchase of the party."""
    world = World()
    buy(world, 10, "a")
    world.add("order.placed", 20, event="x", order_id="b", amount=5, upsell=True)
    world.add("order.placed", 50, event="x", order_id="c", amount=7, upsell=True)
    assert world.value("orders") == 3
    assert world.whole("time_between_purchases").total == 10_000
    assert world.value("upsell_revenue") == 5


def test_what_expands_a_customer_shares_one_scope() -> None:
    """An order of the name of a change of plan is none of the party's expansions; it is an order all the same."""
    world = World()
    world.add("customer.created", 1, plan="s", value=5)
    world.add("order.placed", 10, event="x", order_id="o", amount=4, upsell=True)
    world.add("customer.plan_changed", 20, event="x", plan="l", value=50)
    assert world.groups("upsell_revenue", "kind") == {"plan": 45}
    assert world.value("orders") == 1


def test_no_orders_no_value() -> None:
    """Of the ratios; sums are 0."""
    world = World()
    world.add("customer.created", 10)
    assert world.value("upsell_rate", 50, END) == 0
    assert world.value("upsell_rate", 5, END) is None
    assert world.value("refund_rate") is None
