"""An order: what was paid, given back and kept. The purchases of a party are built from the same fold."""

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


def facts(order: Order) -> list[Fact]:
    """The order, its refunds, what is left of it, and the same again if it is known what its goods cost."""
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
    return found


def without_items(data: t.Data, party: str) -> t.Data:
    """The same event without what no fold reads, and what makes it large."""
    del party
    return msgspec.structs.replace(data, items=()) if isinstance(data, t.OrderPlaced) and data.items else data


JOURNEY = Journey(
    name="orders",
    state=Order,
    takes=dict.fromkeys((t.OrderPlaced, t.OrderCancelled, t.OrderRefunded), "order_id"),
    step=step,
    facts=facts,
    keeps=without_items,
    version=3,
)
