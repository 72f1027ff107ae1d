"""Orders, refunds, and who buys again."""

from tests.proof.oracle.world import World


def test_the_first_placing_counts_and_a_cancelled_order_never_was() -> None:
    """Cancelled at any time, with its refunds."""
    world = World()
    world.add("order.placed", 20, order_id="o", amount=9, channel="shop")
    world.add("order.placed", 10, order_id="o", amount=5, channel="web", product="tea", owner_id="ann")
    world.add("order.cancelled", 1, order_id="c")
    world.add("order.placed", 10, order_id="c", amount=100)
    world.add("order.refunded", 11, order_id="c", refund_id="r", amount=50)
    assert world.groups("orders", "channel") == {"web": 1}
    assert world.groups("orders", "product") == {"tea": 1}
    assert world.groups("revenue_net", "owner") == {"ann": 5}
    assert (world.whole("revenue_net").numerator, world.whole("revenue_net").samples) == (5_000_000, 1)


def test_refunds_count_once_each_at_their_own_time_with_the_orders_dimensions() -> None:
    """The first in order of a refund_id; none without an order; samples are orders."""
    world = World()
    world.add("order.placed", 10, order_id="o", amount=50, channel="web")
    world.add("order.refunded", 30, order_id="o", refund_id="r", amount=3)
    world.add("order.refunded", 20, order_id="o", refund_id="r", amount=2)
    world.add("order.refunded", 40, order_id="o", refund_id="s", amount=4)
    world.add("order.refunded", 40, order_id="never", refund_id="r", amount=9)
    assert [world.whole("revenue_net", at, at + 1).numerator for at in (10, 20, 30, 40)] == [
        50_000_000,
        -2_000_000,
        0,
        -4_000_000,
    ]
    assert world.whole("revenue_net", 15, 99).samples == 0
    assert world.groups("revenue_net", "channel", 15, 99) == {"web": -6}
    assert world.fraction("average_order_value") == (44_000_000, 1)


def test_the_mean_order_is_of_kept_orders_less_their_refunds_so_far() -> None:
    """An order that is fully refunded is not kept; a free order is."""
    world = World()
    world.add("order.placed", 10, order_id="part", amount=50, channel="web")
    world.add("order.refunded", 99, order_id="part", refund_id="r", amount=20)
    world.add("order.placed", 10, order_id="full", amount=50)
    world.add("order.refunded", 20, order_id="full", refund_id="r", amount=20)
    world.add("order.refunded", 30, order_id="full", refund_id="s", amount=30)
    world.add("order.placed", 10, order_id="free", amount=0, channel="web")
    assert world.fraction("average_order_value", 10, 11) == (30_000_000, 2)
    assert world.fractions("average_order_value", "channel") == {"web": (30_000_000, 2)}
    assert world.fraction("average_order_value", 10, 11, at=30) == (80_000_000, 3)
    assert world.value("orders") == 3


def test_purchase_frequency_is_orders_per_party_with_an_order() -> None:
    """Of the window; cancelled orders are none, refunded ones are."""
    world = World()
    for number, (party, at) in enumerate([("ada", 1), ("ada", 2), ("ada", 50), ("bob", 3), ("cyd", 4), ("dan", 60)]):
        world.add("order.placed", at, order_id=str(number), amount=1, party=party)
    world.add("order.cancelled", 9, order_id="4", party="cyd")
    world.add("order.refunded", 9, order_id="3", refund_id="r", amount=1, party="bob")
    assert world.fraction("purchase_frequency", 0, 10) == (3, 2)
    assert world.fraction("purchase_frequency", 0, 100) == (5, 3)
    assert world.value("purchase_frequency", 70, 80) is None
    assert {answer.by for answer in world.answers("purchase_frequency")} == {""}


def test_repeat_buyers_have_two_kept_orders_in_the_window() -> None:
    """A fully refunded order is not kept; one order in the window is not a repeat."""
    world = World()
    orders = [("ada", 1), ("ada", 2), ("bob", 3), ("bob", 99), ("cyd", 4), ("cyd", 5), ("dan", 6)]
    for number, (party, at) in enumerate(orders):
        world.add("order.placed", at, order_id=str(number), amount=1, party=party)
    world.add("order.refunded", 200, order_id="5", refund_id="r", amount=1, party="cyd")
    world.add("order.refunded", 200, order_id="6", refund_id="r", amount=1, party="dan")
    assert world.fraction("repeat_purchase_rate", 0, 10) == (1, 3)
    assert world.fraction("repeat_purchase_rate", 0, 100) == (2, 3)
    assert world.fraction("repeat_purchase_rate", 0, 100, at=200) == (3, 4)
