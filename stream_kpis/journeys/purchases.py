"""The purchases of a party: when it last bought and before that, whether it still buys, and what it brought."""

from collections.abc import Iterator
from itertools import pairwise

import msgspec

from stream_kpis.events.envelope import Event
from stream_kpis.journeys.facts import Fact
from stream_kpis.journeys.journey import Journey
from stream_kpis.journeys.orders import JOURNEY as ORDERS
from stream_kpis.journeys.orders import Order, without_items
from stream_kpis.journeys.orders import step as step_order
from stream_kpis.journeys.prices import bucket_of

LAPSE_MS = 90 * 86_400_000
"""Who has not bought for so long does not buy any more, until the next order."""


class Purchases(msgspec.Struct, array_like=True):
    """The party's orders by id."""

    orders: dict[str, Order] = {}


def step(state: Purchases, event: Event) -> None:
    """One order of the party moves by one event."""
    order_id = event.data.order_id  # type: ignore[attr-defined] # every order event names its order
    order = state.orders.get(order_id)
    if order is None:
        order = state.orders[order_id] = Order()
    step_order(order, event)


def facts(state: Purchases) -> list[Fact]:
    """What the party brought, how it bought what it kept, and its last two orders, of all that count and of those."""
    counting = [order for order in state.orders.values() if order.counts]
    bought = sorted(order.placed_ms or 0 for order in counting)
    kept = sorted(order.placed_ms or 0 for order in counting if order.kept_amount is not None)
    found = [*_value(counting, bought[0]), *_activity(kept)] if bought else []
    found += [*_gaps("buyer_gap", bought, 1), *_gaps("keeper_second_gap", kept, 2)]
    found.sort(key=lambda fact: fact.at_ms)  # so that one more order changes the end of the list alone
    if len(kept) == 1:
        found.append(Fact("keeper_only", kept[0], 0, ()))
    return found + _latest("buyer", bought) + _latest("keeper", kept)


def _activity(kept: list[int]) -> Iterator[Fact]:
    """The gaps between orders; where one is too long, and after the last order, the party lapses."""
    for earlier_ms, at_ms in pairwise([None, *kept]):
        if at_ms is None:
            continue
        if earlier_ms is not None:
            yield Fact("order_gap", at_ms, at_ms - earlier_ms, ())
            if at_ms - earlier_ms <= LAPSE_MS:
                continue
            yield from _lapse(earlier_ms + LAPSE_MS)
            yield Fact("buyer_dormant", at_ms, -1, ())
            yield Fact("buyer_back", at_ms, 0, ())
        yield Fact("buyer_active", at_ms, 1, ())
    if kept:
        yield from _lapse(kept[-1] + LAPSE_MS)


def _lapse(at_ms: int) -> Iterator[Fact]:
    yield Fact("buyer_active", at_ms, -1, ())
    yield Fact("buyer_lapsed", at_ms, 0, ())
    yield Fact("buyer_dormant", at_ms, 1, ())


def _value(orders: list[Order], first_ms: int) -> Iterator[Fact]:
    """What the party had brought by each order and refund since its first order, as moves of its bucket."""
    changes = [(order.placed_ms or 0, order.amount) for order in orders]
    changes += [(at_ms, -amount) for order in orders for at_ms, amount in order.refunds.values()]
    value, bucket = 0, None
    for at_ms, change in sorted(changes):
        before, value = value, value + change
        if at_ms < first_ms:
            continue
        now = bucket_of(value)
        if now == bucket:
            yield Fact("buyer_bucket_value", at_ms, change, (now,))
            continue
        if bucket is not None:
            yield Fact("buyer_bucket", at_ms, -1, (bucket,))
            yield Fact("buyer_bucket_value", at_ms, -before, (bucket,))
        yield Fact("buyer_bucket", at_ms, 1, (now,))
        yield Fact("buyer_bucket_value", at_ms, value, (now,))
        bucket = now


def _gaps(name: str, times_ms: list[int], back: int) -> Iterator[Fact]:
    """From each order to the one so many later, at that one."""
    for earlier_ms, at_ms in zip(times_ms, times_ms[back:], strict=False):
        yield Fact(name, at_ms, at_ms - earlier_ms, ())


def _latest(name: str, times_ms: list[int]) -> list[Fact]:
    names = (f"{name}_last", f"{name}_second")
    return [Fact(which, at_ms, 0, ()) for which, at_ms in zip(names, reversed(times_ms[-2:]), strict=False)]


JOURNEY = Journey(
    name="purchases",
    state=Purchases,
    takes=dict.fromkeys(ORDERS.takes),
    step=step,
    facts=facts,
    keeps=without_items,
    version=4,
)
