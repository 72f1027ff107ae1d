"""Worlds of thirty days in which customers join and buy, and money is spent."""

from stream_kpis.proof.oracle import Answer
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


def composed(answer: Answer) -> tuple[float | None, int]:
    """Value and samples; there are no parts."""
    assert (answer.numerator, answer.denominator, answer.total) == (None, None, None)
    return answer.value, answer.samples
