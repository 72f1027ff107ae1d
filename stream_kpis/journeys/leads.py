"""Leads: arrival, first human contact if any, first conversion. Deals and orders convert, so the party is the scope."""

from typing import TypeVar

import msgspec

from stream_kpis.events import types as t
from stream_kpis.events.envelope import Event
from stream_kpis.journeys.facts import Fact
from stream_kpis.journeys.journey import Journey
from stream_kpis.journeys.orders import without_items

Dims = tuple[str | None, ...]
V = TypeVar("V")


class Contact(msgspec.Struct, array_like=True, gc=False):
    """A human contact that reached the lead; ``seq`` is its place in the fold."""

    at_ms: int
    seq: int
    owner: str | None


class Lead(msgspec.Struct, array_like=True):
    """What is known of one lead id."""

    created_ms: int | None = None
    dims: Dims = ()
    contacts: list[Contact] = []
    owners: list[tuple[int, str]] = []
    converted_ms: list[int] = []
    merged_into: str | None = None
    disqualified: bool = False


class Deal(msgspec.Struct, array_like=True):
    """What matters of a deal here: which lead it names, and its effective win."""

    created: bool = False
    lead_id: str | None = None
    closed: bool = False
    won_ms: int | None = None
    deleted: bool = False


class Order(msgspec.Struct, array_like=True):
    """What matters of an order here."""

    placed: bool = False
    lead_id: str | None = None
    placed_ms: int = 0
    cancelled: bool = False


class Leads(msgspec.Struct, array_like=True):
    """The state: by id; ``seq`` counts the folded events."""

    seq: int = 0
    leads: dict[str, Lead] = {}
    deals: dict[str, Deal] = {}
    orders: dict[str, Order] = {}


def step(state: Leads, event: Event) -> None:
    """One event of the party moves one lead, deal or order."""
    state.seq += 1
    data, at_ms = event.data, event.time_ms
    if isinstance(data, t.OrderPlaced):
        order = _of(state.orders, data.order_id, Order)
        if not order.placed:
            order.placed, order.lead_id, order.placed_ms = True, data.lead_id, at_ms
    elif isinstance(data, t.OrderCancelled):
        _of(state.orders, data.order_id, Order).cancelled = True
    elif isinstance(data, (t.DealCreated, t.DealWon, t.DealLost, t.DealReopened, t.DealDeleted)):
        step_deal(_of(state.deals, data.deal_id, Deal), data, at_ms)
    else:
        lead_id: str = data.lead_id  # type: ignore[attr-defined] # all others name a lead
        _step_lead(_of(state.leads, lead_id, Lead), data, at_ms, state.seq)


def _step_lead(lead: Lead, data: t.Data, at_ms: int, seq: int) -> None:
    match data:
        case t.LeadCreated():
            if lead.created_ms is None:
                lead.created_ms = at_ms
                lead.dims = (data.channel, data.source, data.campaign_id, data.owner_id, data.segment, data.country)
        case t.LeadContacted():
            if not data.automated and data.outcome != "attempted":
                lead.contacts.append(Contact(at_ms, seq, data.owner_id))
        case t.LeadAssigned():
            lead.owners.append((seq, data.owner_id))
        case t.LeadConverted():
            lead.converted_ms.append(at_ms)
        case t.LeadMerged():
            lead.merged_into = lead.merged_into or data.into
        case t.LeadDisqualified():
            lead.disqualified = True
        case _:
            pass


def step_deal(deal: Deal, data: t.Data, at_ms: int) -> None:
    """A deal moves by a creation, win, loss, reopening or deletion."""
    match data:
        case t.DealCreated():
            if not deal.created:
                deal.created, deal.lead_id = True, data.lead_id
        case t.DealWon():
            if not deal.closed:
                deal.closed, deal.won_ms = True, at_ms
        case t.DealLost():
            deal.closed = True
        case t.DealReopened():
            deal.closed, deal.won_ms = False, None
        case _:
            deal.deleted = True


def facts(state: Leads) -> list[Fact]:
    """Arrival, answer and conversion of every lead that was not merged into another one."""
    leads = state.leads
    contacts: dict[str, list[Contact]] = {}
    conversions: dict[str, list[int]] = {}
    for lead_id, lead in leads.items():
        if lead.contacts or lead.converted_ms:
            target = _survivor(leads, lead_id)
            if target is not None:
                contacts.setdefault(target, []).extend(lead.contacts)
                conversions.setdefault(target, []).extend(lead.converted_ms)
    for named, at_ms in _purchases(state):
        target = _survivor(leads, named)
        if target is not None:
            conversions.setdefault(target, []).append(at_ms)
    found: list[Fact] = []
    for lead_id, lead in leads.items():
        created_ms = lead.created_ms
        if created_ms is None or lead.merged_into is not None:
            continue
        found.append(Fact("lead_created", created_ms, 0, lead.dims))
        answer = _answer(lead, contacts.get(lead_id, ()))
        if answer:
            found.append(answer)
        converted = [at_ms for at_ms in conversions.get(lead_id, ()) if at_ms >= created_ms]
        if converted:
            first = min(converted)
            found.append(Fact("lead_converted", first, first - created_ms, lead.dims))
        elif not answer and not lead.disqualified:
            channel, source, _, owner, *_ = lead.dims
            owner = lead.owners[-1][1] if lead.owners else owner
            found.append(Fact("lead_uncontacted", created_ms, 0, (channel, source, owner)))
    return found


def _purchases(state: Leads) -> list[tuple[str, int]]:
    found = [
        (deal.lead_id, deal.won_ms)
        for deal in state.deals.values()
        if deal.won_ms is not None and deal.lead_id and not deal.deleted
    ]
    if state.orders:
        placed = (order for order in state.orders.values() if order.placed and not order.cancelled)
        found += [(order.lead_id, order.placed_ms) for order in placed if order.lead_id]
    return found


def _survivor(leads: dict[str, Lead], lead_id: str) -> str | None:
    """The lead that ``lead_id`` was merged into in the end; None in a circle."""
    seen = set()
    while (lead := leads.get(lead_id)) is not None and lead.merged_into is not None:
        if lead_id in seen:
            return None
        seen.add(lead_id)
        lead_id = lead.merged_into
    return lead_id


def _answer(lead: Lead, contacts: "list[Contact] | tuple[()]") -> Fact | None:
    created_ms = lead.created_ms or 0
    reached = [contact for contact in contacts if contact.at_ms >= created_ms]
    if not reached:
        return None
    first = min(reached, key=lambda contact: contact.seq)
    owner = first.owner
    if owner is None:
        owner = next((name for seq, name in reversed(lead.owners) if seq < first.seq), lead.dims[3])
    channel, source, campaign, _, segment, country = lead.dims
    return Fact(
        "lead_answered", first.at_ms, first.at_ms - created_ms, (channel, source, campaign, owner, segment, country)
    )


def _of(table: dict[str, V], key: str, make: type[V]) -> V:
    found = table.get(key)
    if found is None:
        found = table[key] = make()
    return found


JOURNEY = Journey(
    name="leads",
    state=Leads,
    takes=dict.fromkeys(
        (
            t.LeadCreated,
            t.LeadAssigned,
            t.LeadContacted,
            t.LeadDisqualified,
            t.LeadConverted,
            t.LeadMerged,
            t.DealCreated,
            t.DealWon,
            t.DealLost,
            t.DealReopened,
            t.DealDeleted,
            t.OrderPlaced,
            t.OrderCancelled,
        )
    ),
    step=step,
    facts=facts,
    keeps=without_items,
    version=2,
)
