"""The purchases of a party: when it last bought, when before that, and how long it took to buy again."""

from itertools import pairwise

import msgspec

from stream_kpis.events.envelope import Event
from stream_kpis.journeys.facts import Fact
from stream_kpis.journeys.journey import Journey
from stream_kpis.journeys.orders import JOURNEY as ORDERS
from stream_kpis.journeys.orders import Order


class Purchases(msgspec.Struct, array_like=True):
    """The party's orders by id."""

    orders: dict[str, Order] = {}


def step(state: Purchases, event: Event) -> None:
    """One order of the party moves by one event."""
    order_id = event.data.order_id  # type: ignore[attr-defined] # every order event names its order
    order = state.orders.get(order_id)
    if order is None:
        order = state.orders[order_id] = Order()
    ORDERS.step(order, event)


def facts(state: Purchases) -> list[Fact]:
    """The last and the second-last order, of all that count and of those kept; and the gaps between those kept."""
    bought = sorted(o.placed_ms for o in state.orders.values() if o.placed_ms is not None and not o.cancelled)
    kept = sorted(o.placed_ms for o in state.orders.values() if o.placed_ms is not None and o.kept_amount is not None)
    found = [Fact("order_gap", later, later - earlier, ()) for earlier, later in pairwise(kept)]
    if len(kept) == 1:
        found.append(Fact("keeper_only", kept[0], 0, ()))
    return found + _latest("buyer", bought) + _latest("keeper", kept)


def _latest(name: str, times_ms: list[int]) -> list[Fact]:
    names = (f"{name}_last", f"{name}_second")
    return [Fact(which, at_ms, 0, ()) for which, at_ms in zip(names, reversed(times_ms[-2:]), strict=False)]


JOURNEY = Journey(
    name="purchases",
    state=Purchases,
    takes=dict.fromkeys(ORDERS.takes),
    step=step,
    facts=facts,
    keeps=ORDERS.keeps,
)
