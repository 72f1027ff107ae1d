"""What a party bought first, and what on top: upsold deals and orders, and dearer plans; and by what it then was."""

import msgspec

from stream_kpis.events import types as t
from stream_kpis.events.envelope import Event, Paid
from stream_kpis.journeys import customer_orders
from stream_kpis.journeys.customer_orders import Bought, Run
from stream_kpis.journeys.deals import JOURNEY as DEALS
from stream_kpis.journeys.deals import Deal
from stream_kpis.journeys.facts import Fact
from stream_kpis.journeys.journey import Journey
from stream_kpis.journeys.orders import JOURNEY as ORDERS
from stream_kpis.journeys.orders import step as step_order
from stream_kpis.journeys.orders import without_items
from stream_kpis.journeys.prices import dearer_by
from stream_kpis.journeys.spells import Spell, Spells, turn

_UPSOLD = ("upsell", "cross_sell")
_NEVER = (1 << 62, 0, "")
"""A purchase as (time in ms, 0 for a win and 1 for an order, id), after all others."""


class Expansion(msgspec.Struct, array_like=True):
    """The state: the party's spells, deals, orders, and its rises of the plan's price as (time in ms, micro-units).

    ``held`` are the rises after an announced end: they count if it is taken back. ``paid`` is the running price in
    another currency. ``runs`` are what the customer was, one after the other.
    """

    spells: Spells = msgspec.field(default_factory=Spells)
    value: int | None = None
    rises: list[tuple[int, int]] = []
    held: list[tuple[int, int]] = []
    deals: dict[str, Deal] = {}
    orders: dict[str, Bought] = {}
    paid: Paid | None = None
    runs: list[Run] = []


def step(state: Expansion, event: Event) -> None:
    """One event of the party moves its spells, a deal or an order."""
    data, at_ms = event.data, event.time_ms
    if isinstance(data, customer_orders.SAYING):
        customer_orders.follow(state.runs, state.orders.values(), data, at_ms)
    if isinstance(data, (t.OrderPlaced, t.OrderCancelled, t.OrderRefunded)):
        bought = state.orders.get(data.order_id)
        if bought is None:
            bought = state.orders[data.order_id] = Bought()
        if isinstance(data, t.OrderPlaced) and bought.order.placed_ms is None:
            bought.upsell, bought.runs = data.upsell, len(state.runs)
        step_order(bought.order, event)
    elif isinstance(data, t.CustomerPlanChanged):
        _reprice(state, data.value, event.paid, at_ms)
    elif isinstance(data, (t.CustomerCreated, t.CustomerReactivated)):
        if data.value is not None:
            state.value, state.paid = data.value, event.paid
        _turn(state, event)
    elif isinstance(data, (t.CustomerChurned, t.CustomerMerged)):
        _turn(state, event)
    elif not isinstance(data, t.CustomerUpdated):
        deal_id: str = data.deal_id  # type: ignore[attr-defined] # all others name a deal
        deal = state.deals.get(deal_id)
        if deal is None:
            deal = state.deals[deal_id] = Deal()
        DEALS.step(deal, event)


def _turn(state: Expansion, event: Event) -> None:
    """A spell of the customer begins, ends, or goes on after all; and with it what it pays more."""
    turned = turn(state.spells, event)
    if turned.taken_back:
        state.rises += state.held
    if turned.ended_ms is not None:
        state.held = []
        while state.rises and state.rises[-1][0] > turned.ended_ms:
            state.rises.pop()  # told of after the customer had left: it was none any more


def _reprice(state: Expansion, value: int | None, paid: Paid | None, at_ms: int) -> None:
    if value is None:
        return
    risen = 0 if state.value is None else dearer_by(state.value, state.paid, value, paid)
    state.value, state.paid = value, paid
    if risen <= 0:
        return
    if not state.spells.closed:
        state.rises.append((at_ms, risen))
    elif state.spells.leaves_after(at_ms):
        state.held.append((at_ms, risen))


def facts(state: Expansion) -> list[Fact]:
    """The expansions, the last one inside a spell, and the first purchase; the orders by what the customer was."""
    return _expansions(state) + _by_customer(state)


def _by_customer(state: Expansion) -> list[Fact]:
    return customer_orders.facts(state.runs, state.orders.values())


def _expansions(state: Expansion) -> list[Fact]:
    found = [Fact("expansion", at_ms, worth, ("plan", None, None)) for at_ms, worth in state.rises]
    first = _NEVER
    by: tuple[str | None, str | None] = (None, None)
    for deal_id, deal in state.deals.items():
        close, opening = deal.close, deal.opening
        if close is not None and close.won and not deal.deleted:
            product = None if opening is None else opening.product
            if (close.at_ms, 0, deal_id) < first:
                first, by = (close.at_ms, 0, deal_id), (close.owner, product)
            if opening is not None and opening.kind in _UPSOLD:
                found.append(Fact("expansion", close.at_ms, close.amount or 0, (opening.kind, product, close.owner)))
    for order_id, bought in state.orders.items():
        order = bought.order
        left = order.kept_amount
        if left is not None and order.placed_ms is not None:
            if (order.placed_ms, 1, order_id) < first:
                first, by = (order.placed_ms, 1, order_id), (order.dims[2], order.dims[1])
            if bought.upsell:
                found.append(Fact("expansion", order.placed_ms, left, ("order", order.dims[1], order.dims[2])))
    if found:
        found += _expander(state.spells.each, found)
    if first is not _NEVER:
        found.append(Fact("purchase_first", first[0], 0, by))
    return found


def _expander(spells: list[Spell], expansions: list[Fact]) -> list[Fact]:
    """The party by its last expansion as a customer, and by the start of the spell in which that was."""
    last = max(
        ((fact.at_ms, spell.start_ms) for fact in expansions for spell in spells if spell.holds(fact.at_ms)),
        default=None,
    )
    if last is None:
        return []
    return [Fact("expander_last", last[0], 0, ()), Fact("expander_joined", last[1], 0, ())]


JOURNEY = Journey(
    name="expansion",
    state=Expansion,
    takes=dict.fromkeys(
        (
            t.CustomerCreated,
            t.CustomerChurned,
            t.CustomerReactivated,
            t.CustomerUpdated,
            t.CustomerPlanChanged,
            t.CustomerMerged,
            t.DealCreated,
            t.DealAmountChanged,
            t.DealOwnerChanged,
            t.DealWon,
            t.DealLost,
            t.DealReopened,
            t.DealDeleted,
            *ORDERS.takes,
        )
    ),
    step=step,
    facts=facts,
    keeps=without_items,
    makers=(
        (frozenset({"expansion", "expander_last", "expander_joined", "purchase_first"}), _expansions),
        (frozenset({"customer_order", "customer_order_refunded"}), _by_customer),
    ),
    version=4,
)
