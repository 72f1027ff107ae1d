"""An order: what was paid, given back and kept, and for what. Journeys of parties are built from the same fold."""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

import msgspec

from stream_kpis.events import types as t
from stream_kpis.events.envelope import Event, Paid
from stream_kpis.journeys.facts import Fact
from stream_kpis.journeys.journey import Journey


class Order(msgspec.Struct, array_like=True):
    """The state of one order; ``refunds`` maps refund id to (time in ms, micro-units), ``goods`` is what they cost.

    ``paid`` is what it cost in another currency, ``repaid`` the same of its refunds, by refund id.
    """

    placed_ms: int | None = None
    amount: int = 0
    dims: tuple[str | None, ...] = ()
    refunds: dict[str, tuple[int, int]] = {}
    cancelled: bool = False
    goods: int | None = None
    paid: Paid | None = None
    repaid: dict[str, Paid] = {}

    @property
    def counts(self) -> bool:
        """Placed and not cancelled."""
        return self.placed_ms is not None and not self.cancelled

    @property
    def kept_amount(self) -> int | None:
        """Micro-units left after refunds; None if the order does not count or was fully refunded."""
        if self.placed_ms is None or self.cancelled:
            return None
        if not self.refunds:
            return self.amount
        refunded = sum(amount for _, amount in self.refunds.values())
        return None if self._is_given_back(refunded) else self.amount - refunded

    def _is_given_back(self, refunded: int) -> bool:
        """Whether all of it was: in the currency of all the payments if that is one, as the rate may have moved."""
        currencies = {refund.currency for refund in self.repaid.values()}
        if self.paid is not None and currencies == {self.paid.currency} and len(self.repaid) == len(self.refunds):
            given = sum(refund.amount or 0 for refund in self.repaid.values())
            return 0 < (self.paid.amount or 0) <= given
        return 0 < self.amount <= refunded


class Item(NamedTuple):
    """One line of an order: micro-units, and thousandths of a piece."""

    product: str | None
    amount: int
    thousandths: int


class Sold(Order):
    """The state of one order with its lines, as far as they say their amount; parties keep orders without."""

    items: tuple[Item, ...] = ()


EARLY_MS = 30 * 86_400_000
"""A refund so long after its order, or sooner, is early."""


def step(order: Order, event: Event) -> None:
    """One order moves by one event."""
    data = event.data
    match data:
        case t.OrderPlaced():
            if order.placed_ms is None:
                order.placed_ms, order.amount, order.paid = event.time_ms, data.amount, event.paid
                order.dims = (data.channel, data.product, data.owner_id)
                order.goods = data.cost_of_goods
        case t.OrderRefunded():
            if data.refund_id not in order.refunds:
                order.refunds[data.refund_id] = (event.time_ms, data.amount)
                if event.paid is not None:
                    order.repaid[data.refund_id] = event.paid
        case _:
            order.cancelled = True


def step_sold(order: Sold, event: Event) -> None:
    """The same, and what was bought."""
    data = event.data
    if isinstance(data, t.OrderPlaced) and order.placed_ms is None:
        order.items = tuple(
            Item(item.product, item.amount, thousandths(item.quantity))
            for item in data.items
            if item.amount is not None
        )
    step(order, event)


def thousandths(quantity: float) -> int:
    """A quantity as it is written, rounded down.

    >>> thousandths(1.001), thousandths(0.0009), thousandths(2)
    (1001, 0, 2000)
    """
    return int(Decimal(repr(quantity)) * 1000)


def facts(order: Sold) -> list[Fact]:
    """The order, its refunds, what is left of it, the same again if its goods' cost is known, and what was bought."""
    if not order.counts:
        return []
    placed_ms = order.placed_ms or 0
    found = [Fact("order_placed", placed_ms, order.amount, order.dims)]
    found += [Fact("order_refunded", at_ms, amount, order.dims) for at_ms, amount in order.refunds.values()]
    kept = order.kept_amount
    if kept is not None:
        found.append(Fact("order_kept", placed_ms, kept, order.dims))
    if order.refunds:
        early = sum(amount for at_ms, amount in order.refunds.values() if 0 <= at_ms - placed_ms <= EARLY_MS)
        if early:
            found.append(Fact("order_refunded_early", placed_ms, early, order.dims))
    if order.goods is not None:
        found.append(Fact("order_margin_amount", placed_ms, order.amount, order.dims))
        found.append(Fact("order_margin_goods", placed_ms, order.goods, order.dims))
        found += [Fact("order_margin_refunded", at_ms, amount, order.dims) for at_ms, amount in order.refunds.values()]
    found += _of_items(order, placed_ms)
    return found


def _of_items(order: Sold, placed_ms: int) -> Iterator[Fact]:
    """Its lines; an order without any is one of itself."""
    for product, amount, many in order.items or (Item(order.dims[1], order.amount, 1000),):
        yield Fact("item_sold", placed_ms, amount, (product,))
        yield Fact("item_units", placed_ms, many, (product,))


def without_items(data: t.Data, party: str) -> t.Data:
    """The same event without what no party's fold reads, and what makes it large."""
    del party
    return msgspec.structs.replace(data, items=()) if isinstance(data, t.OrderPlaced) and data.items else data


def _with_priced_items(data: t.Data, party: str) -> t.Data:
    """The same event without the items that do not say their amount."""
    del party
    if not isinstance(data, t.OrderPlaced):
        return data
    priced = tuple(item for item in data.items if item.amount is not None)
    return data if len(priced) == len(data.items) else msgspec.structs.replace(data, items=priced)


JOURNEY = Journey(
    name="orders",
    state=Sold,
    takes=dict.fromkeys((t.OrderPlaced, t.OrderCancelled, t.OrderRefunded), "order_id"),
    step=step_sold,
    facts=facts,
    keeps=_with_priced_items,
    version=4,
)
