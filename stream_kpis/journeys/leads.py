"""Leads: arrival, first human contact, qualification, conversion. Deals and orders convert, so the party is the scope.

A deal or order may name a lead of another party. Then the state here says so as a *link*, which the engine brings into
the state there; see docs/decisions/0008-conversions-across-parties.md.
"""

from collections.abc import Sequence
from operator import attrgetter
from typing import TypeVar

import msgspec

from stream_kpis.events import types as t
from stream_kpis.events.envelope import Event
from stream_kpis.journeys.facts import Fact, as_under_calendar, under_calendar
from stream_kpis.journeys.journey import NO_LINKS, Agreed, Journey, Links
from stream_kpis.journeys.orders import without_items

Dims = tuple[str | None, ...]
V = TypeVar("V")

GRACE_MS = 3_600_000
"""How long before its creation what is told of a lead still counts for it: it was written down afterwards."""


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
    qualified: list[tuple[int, int]] = []
    """When, and the place in the fold, of each time that it was."""


class Deal(msgspec.Struct, array_like=True):
    """What matters of a deal here: which lead it names, of which other party, and its effective win."""

    created: bool = False
    lead_id: str | None = None
    closed: bool = False
    won_ms: int | None = None
    deleted: bool = False
    lead_party: str | None = None


class Order(msgspec.Struct, array_like=True):
    """What matters of an order here."""

    placed: bool = False
    lead_id: str | None = None
    placed_ms: int = 0
    cancelled: bool = False
    lead_party: str | None = None


class Linked(msgspec.Struct, array_like=True, gc=False):
    """What a deal or order of another party makes of a lead of this one: its conversion at ``at_ms``, or none."""

    version: int
    lead_id: str
    at_ms: int | None


class Leads(msgspec.Struct, array_like=True):
    """The state: by id; ``seq`` counts the folded events of leads.

    ``linked`` is what other parties convert here, ``links_out`` whether this one names leads of others.
    """

    seq: int = 0
    leads: dict[str, Lead] = {}
    deals: dict[str, Deal] = {}
    orders: dict[str, Order] = {}
    linked: dict[str, Linked] = {}
    links_out: bool = False


def step(state: Leads, event: Event) -> None:
    """One event of the party moves one lead, deal or order."""
    data, at_ms = event.data, event.time_ms
    if isinstance(data, t.OrderPlaced):
        order = _of(state.orders, data.order_id, Order)
        if not order.placed:
            order.placed, order.lead_id, order.placed_ms = True, data.lead_id, at_ms
            if data.lead_party is not None:
                order.lead_party, state.links_out = data.lead_party, True
    elif isinstance(data, t.OrderCancelled):
        _of(state.orders, data.order_id, Order).cancelled = True
    elif isinstance(data, (t.DealCreated, t.DealWon, t.DealLost, t.DealReopened, t.DealDeleted)):
        deal = _of(state.deals, data.deal_id, Deal)
        step_deal(deal, data, at_ms)
        state.links_out = state.links_out or deal.lead_party is not None
    elif isinstance(data, t.LeadLinked):
        known = state.linked.get(data.link)
        if known is None or known.version < data.version:
            state.linked[data.link] = Linked(data.version, data.lead_id, data.at_ms)
    else:
        state.seq += 1
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
        case t.LeadQualified():
            lead.qualified.append((at_ms, seq))
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
                deal.created, deal.lead_id, deal.lead_party = True, data.lead_id, data.lead_party
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
    """All of every lead that was not merged into another one, with what those say that were merged into it."""
    return [fact for found in facts_by_lead(state).values() for fact in found]


def facts_by_lead(state: Leads) -> dict[str, list[Fact]]:
    """The same by the lead's id."""
    bought: dict[str, list[int]] = {}
    survivors = _survivors(state.leads)
    for named, at_ms in [*_purchases(state), *_linked(state)]:
        target = survivors.get(named, named)
        if target is not None:
            bought.setdefault(target, []).append(at_ms)
    return {
        lead_id: _of_lead(state.leads[lead_id], whole, bought.get(lead_id, ()))
        for lead_id, whole in _wholes(state.leads, survivors).items()
    }


def wholes(state: Leads) -> dict[str, list[Lead]]:
    """By id each lead that was created and not merged into another: it, and those that were merged into it."""
    return _wholes(state.leads, _survivors(state.leads))


def _wholes(leads: dict[str, Lead], survivors: dict[str, str | None]) -> dict[str, list[Lead]]:
    found: dict[str, list[Lead]] = {}
    for lead_id, lead in leads.items():
        target = survivors.get(lead_id, lead_id)
        if target is not None and target in leads and leads[target].created_ms is not None:
            found.setdefault(target, []).append(lead)
    return found


def _creation_ms(whole: Sequence[Lead]) -> int:
    """When a whole lead was created: the earliest of its creations."""
    return min(one.created_ms for one in whole if one.created_ms is not None)


def _of_lead(lead: Lead, whole: Sequence[Lead], bought: Sequence[int]) -> list[Fact]:
    """What one lead says.

    Args:
        lead: one that was created, and not merged.
        whole: it and those that were merged into it.
        bought: when wins and orders converted it.
    """
    created_ms = _creation_ms(whole)
    since_ms = created_ms - GRACE_MS
    answers = _answers(lead, whole, created_ms)
    found = [Fact("lead_created", created_ms, 0, lead.dims), *answers]
    qualified = [(seq, at_ms) for one in whole for at_ms, seq in one.qualified if at_ms >= since_ms]
    if qualified:
        found.append(_followed("lead_qualified", created_ms, min(qualified)[1], lead.dims))
    converted = [at_ms for one in whole for at_ms in one.converted_ms if at_ms >= since_ms]
    converted += [at_ms for at_ms in bought if at_ms >= since_ms]
    if converted:
        first_ms = min(converted)
        found.append(Fact("lead_conversion", first_ms, 0, lead.dims))
        found.append(_followed("lead_converted", created_ms, first_ms, lead.dims))
    elif not answers and not lead.disqualified:
        channel, source, _, owner, *_ = lead.dims
        owner = lead.owners[-1][1] if lead.owners else owner
        found.append(Fact("lead_uncontacted", created_ms, 0, (channel, source, owner)))
    return found


def _followed(name: str, created_ms: int, at_ms: int, dims: Dims) -> Fact:
    """What followed a creation, told so that a cohort finds the creation: it followed at once, if it came before it."""
    return Fact(name, max(at_ms, created_ms), max(at_ms - created_ms, 0), dims)


def _purchases(state: Leads) -> list[tuple[str, int]]:
    found = [
        (deal.lead_id, deal.won_ms)
        for deal in state.deals.values()
        if deal.won_ms is not None and deal.lead_id and deal.lead_party is None and not deal.deleted
    ]
    if state.orders:
        placed = (order for order in state.orders.values() if order.placed and not order.cancelled)
        found += [(order.lead_id, order.placed_ms) for order in placed if order.lead_id and order.lead_party is None]
    return found


def _linked(state: Leads) -> list[tuple[str, int]]:
    if not state.linked:
        return []
    return [(link.lead_id, link.at_ms) for link in state.linked.values() if link.at_ms is not None]


def links(state: Leads) -> Links:
    """The wins and orders that convert leads of other parties."""
    if not state.links_out:
        return NO_LINKS
    found = {
        (deal.lead_party, f"deal:{deal_id}"): (deal.lead_id, deal.won_ms)
        for deal_id, deal in state.deals.items()
        if deal.won_ms is not None and deal.lead_id and deal.lead_party is not None and not deal.deleted
    }
    found |= {
        (order.lead_party, f"order:{order_id}"): (order.lead_id, order.placed_ms)
        for order_id, order in state.orders.items()
        if order.placed and order.lead_id and order.lead_party is not None and not order.cancelled
    }
    return found


def _survivors(leads: dict[str, Lead]) -> dict[str, str | None]:
    """By id of those that were merged the lead that each was merged into in the end; None in a circle.

    Each step is walked once, however long a chain of merges is.
    """
    into = {lead_id: lead.merged_into for lead_id, lead in leads.items() if lead.merged_into is not None}
    found: dict[str, str | None] = {}
    for lead_id in into:
        at, walked = lead_id, dict[str, None]()
        while at in into and at not in found and at not in walked:
            walked[at] = None
            at = into[at]
        found |= dict.fromkeys(walked, None if at in walked else found.get(at, at))
    return found


def _answers(lead: Lead, whole: Sequence[Lead], created_ms: int) -> list[Fact]:
    """The contact that reached a lead first, by whoever had the lead then; none, if nobody has."""
    reached = [contact for one in whole for contact in one.contacts if contact.at_ms >= created_ms - GRACE_MS]
    if not reached:
        return []
    first = min(reached, key=attrgetter("seq"))
    owner = first.owner
    if owner is None:
        owner = next((name for seq, name in reversed(lead.owners) if seq < first.seq), lead.dims[3])
    channel, source, campaign, _, segment, country = lead.dims
    dims = (channel, source, campaign, owner, segment, country)
    return [Fact("lead_answered", first.at_ms, max(first.at_ms - created_ms, 0), dims)]


def _answers_under(state: Leads, agreed: Agreed) -> list[Fact]:
    """The same by the default calendar: a lead names none."""
    clock = agreed.calendars.named(None)
    return [
        as_under_calendar(fact, clock.between(fact.at_ms - fact.value, fact.at_ms))
        for lead_id, whole in wholes(state).items()
        for fact in _answers(state.leads[lead_id], whole, _creation_ms(whole))
    ]


def _of(table: dict[str, V], key: str, make: type[V]) -> V:
    found = table.get(key)
    if found is None:
        found = table[key] = make()
    return found


def _kept(data: t.Data, party: str) -> t.Data:
    """The same event without an order's items; who names the own party names none."""
    if isinstance(data, (t.OrderPlaced, t.DealCreated)) and data.lead_party == party:
        data = msgspec.structs.replace(data, lead_party=None)
    return without_items(data, party)


_MADE = ("lead_created", "lead_answered", "lead_qualified", "lead_converted", "lead_conversion", "lead_uncontacted")

JOURNEY = Journey(
    name="leads",
    state=Leads,
    takes=dict.fromkeys(
        (
            t.LeadCreated,
            t.LeadAssigned,
            t.LeadContacted,
            t.LeadQualified,
            t.LeadDisqualified,
            t.LeadConverted,
            t.LeadMerged,
            t.LeadLinked,
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
    keeps=_kept,
    makers=((frozenset(_MADE), facts),),
    clocked=((frozenset({under_calendar("lead_answered")}), _answers_under),),
    links=links,
    by_entity=facts_by_lead,
    version=4,
)
