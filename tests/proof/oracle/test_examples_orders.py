"""The worked examples of the definitions: what orders are made of, and who places them."""

from tests.proof.oracle.world import DAY, World, day

START, END = day(0), day(30)
MICRO = 10**6
DAY_MS = DAY * 1000


def test_average_order_value_gross() -> None:
    """Refunds do not matter, cancellations do."""
    world = World()
    for name, amount in (("o", 100), ("p", 50), ("q", 30)):
        world.add("order.placed", day(1), order_id=name, amount=amount)
    world.add("order.refunded", day(2), order_id="p", refund_id="r", amount=50)
    world.add("order.cancelled", day(2), order_id="q")
    answer = world.whole("average_order_value_gross", START, END, at=END)
    assert (answer.numerator, answer.denominator, answer.samples, answer.value) == (150 * MICRO, 2, 2, 75)


def test_purchase_frequency_active() -> None:
    """By mean active customer."""
    world = World()
    for party, at in (("A", 0), ("B", 15)):
        world.add("customer.created", day(at), party=party)
    for number in range(3):
        world.add("order.placed", day(number), party="A", order_id=f"o{number}", amount=1)
    answer = world.whole("purchase_frequency_active", START, END, at=END)
    assert (answer.numerator, answer.denominator) == (3 * 30 * DAY_MS, 45 * DAY_MS)
    assert (answer.samples, answer.value) == (3, 2)


def test_product_revenue_and_units_sold() -> None:
    """An order without items is one of its product."""
    world = World()
    items = [{"product": "shoe", "amount": 60}, {"product": "hat", "quantity": 2, "amount": 40}]
    world.add("order.placed", day(1), order_id="o", amount=100, items=items)
    world.add("order.placed", day(2), order_id="p", amount=30, product="hat")
    assert world.whole("product_revenue", START, END, at=END).samples == 3
    assert world.value("product_revenue", START, END, at=END) == 130
    assert world.groups("product_revenue", "product", START, END, at=END) == {"shoe": 60, "hat": 70}
    answer = world.whole("units_sold", START, END, at=END)
    assert (answer.numerator, answer.samples, answer.value) == (4000, 3, 4)
    assert world.groups("units_sold", "product", START, END, at=END) == {"shoe": 1, "hat": 3}


def test_customer_revenue() -> None:
    """By what the customer was at the placing."""
    world = World()
    world.add("customer.created", day(-5), party="A", segment="smb")
    world.add("order.placed", day(1), party="A", order_id="o", amount=100)
    world.add("customer.updated", day(2), party="A", segment="mid")
    world.add("order.placed", day(3), party="A", order_id="p", amount=50)
    world.add("order.refunded", day(4), party="A", order_id="o", refund_id="r", amount=20)
    world.add("order.placed", day(5), party="B", order_id="q", amount=10)
    answer = world.whole("customer_revenue", START, END, at=END)
    assert (answer.numerator, answer.samples, answer.value) == (140 * MICRO, 3, 140)
    segments = {"smb": 80, "mid": 50, "unknown": 10}
    assert world.groups("customer_revenue", "segment", START, END, at=END) == segments
