"""What a party bought first, and what on top: upsold deals and orders, and dearer plans; and by what it then was."""

import msgspec

from stream_kpis.events import types as t
from stream_kpis.events.envelope import Event, Paid, time_ms_of
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

_UPSOLD = ("upsell", "cross_sell")
_NEVER_MS = 1 << 62
_NEVER = (_NEVER_MS, 0, "")
"""A purchase as (time in ms, 0 for a win and 1 for an order, id), after all others."""


class Spell(msgspec.Struct, array_like=True, gc=False):
    """A time as a customer; ``churned`` says that the end was one that may be taken back until it has come."""

    start_ms: int
    end_ms: int = _NEVER_MS
    closed: bool = False
    churned: bool = False


class Expansion(msgspec.Struct, array_like=True):
    """The state: the party's spells, deals, orders, and its rises of the plan's price as (time in ms, micro-units).

    ``held`` are the rises after an announced end: they count if it is taken back. ``paid`` is the running price in
    another currency. ``runs`` are what the customer was, one after the other.
    """

    spells: list[Spell] = []
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
        _join(state, at_ms)
    elif isinstance(data, t.CustomerChurned):
        _leave(state, at_ms, at_ms if data.effective_at is None else time_ms_of(data.effective_at), churned=True)
    elif isinstance(data, t.CustomerMerged):
        _leave(state, at_ms, at_ms, churned=False)
    elif not isinstance(data, t.CustomerUpdated):
        deal_id: str = data.deal_id  # type: ignore[attr-defined] # all others name a deal
        deal = state.deals.get(deal_id)
        if deal is None:
            deal = state.deals[deal_id] = Deal()
        DEALS.step(deal, event)


def _join(state: Expansion, at_ms: int) -> None:
    if _leaves_after(state, at_ms):
        _take_back(state)
    elif not state.spells or state.spells[-1].closed:
        state.spells.append(Spell(at_ms))


def _leaves_after(state: Expansion, at_ms: int) -> bool:
    """Whether a churn was announced that has not come by then, so that it may still be taken back."""
    return bool(state.spells) and state.spells[-1].churned and state.spells[-1].end_ms > at_ms


def _take_back(state: Expansion) -> None:
    state.spells[-1] = Spell(state.spells[-1].start_ms)
    state.rises += state.held


def _leave(state: Expansion, at_ms: int, end_ms: int, *, churned: bool) -> None:
    if _leaves_after(state, at_ms):
        _take_back(state)
    if not state.spells or state.spells[-1].closed:
        return
    spell = state.spells[-1]
    spell.closed, spell.churned = True, churned
    spell.end_ms = max(end_ms, spell.start_ms) if churned else at_ms
    state.held = []
    while state.rises and state.rises[-1][0] > spell.end_ms:
        state.rises.pop()  # told of after the customer had left: it was none any more


def _reprice(state: Expansion, value: int | None, paid: Paid | None, at_ms: int) -> None:
    if value is None:
        return
    risen = 0 if state.value is None else dearer_by(state.value, state.paid, value, paid)
    state.value, state.paid = value, paid
    if risen <= 0 or not state.spells:
        return
    if not state.spells[-1].closed:
        state.rises.append((at_ms, risen))
    elif _leaves_after(state, at_ms):
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
        found += _expander(state.spells, found)
    if first is not _NEVER:
        found.append(Fact("purchase_first", first[0], 0, by))
    return found


def _expander(spells: list[Spell], expansions: list[Fact]) -> list[Fact]:
    """The party by its last expansion as a customer, and by the start of the spell in which that was."""
    last = max(
        (
            (fact.at_ms, spell.start_ms)
            for fact in expansions
            for spell in spells
            if spell.start_ms <= fact.at_ms < spell.end_ms
        ),
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
    version=3,
)
