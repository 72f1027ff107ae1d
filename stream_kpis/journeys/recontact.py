"""Whether a party's tickets were settled by the first contact: one answer, no reopening, no other ticket about it.

Another ticket of the party decides, so the party is the scope. Of each ticket only what its first solve needs is kept.
"""

from bisect import bisect_right

import msgspec

from stream_kpis.events import types as t
from stream_kpis.events.envelope import Event
from stream_kpis.journeys.facts import Fact
from stream_kpis.journeys.journey import Journey
from stream_kpis.journeys.tickets import JOURNEY as TICKETS
from stream_kpis.journeys.tickets import Dims, counts_as_opened, dims_of, redirected


class Contact(msgspec.Struct, array_like=True):
    """What matters of one ticket; ``dims`` run until the first solve, ``answers`` are an agent's words until then."""

    created_ms: int | None = None
    counts: bool = False
    about: str | None = None
    dims: Dims = Dims()
    answers: int = 0
    solved_ms: int | None = None
    reopened_ms: int | None = None
    gone: bool = False


class Recontact(msgspec.Struct, array_like=True):
    """The party's tickets by id."""

    tickets: dict[str, Contact] = {}


def step(state: Recontact, event: Event) -> None:
    """One ticket of the party moves by one event."""
    data, at_ms = event.data, event.time_ms
    ticket_id: str = data.ticket_id  # type: ignore[attr-defined] # every ticket event names its ticket
    ticket = state.tickets.get(ticket_id)
    if ticket is None:
        ticket = state.tickets[ticket_id] = Contact()
    if isinstance(data, (t.TicketMerged, t.TicketDeleted)):
        ticket.gone = True
    elif ticket.created_ms is None:
        if isinstance(data, t.TicketCreated):
            ticket.created_ms, ticket.counts = at_ms, counts_as_opened(data)
            ticket.about, ticket.dims = data.category, dims_of(data)
    elif ticket.solved_ms is None:
        _before_solve(ticket, data, at_ms)
    elif ticket.reopened_ms is None and _reopens(data):
        ticket.reopened_ms = at_ms


def _before_solve(ticket: Contact, data: t.Data, at_ms: int) -> None:
    ticket.dims = redirected(ticket.dims, data)
    match data:
        case t.TicketMessage(author="agent", public=True):
            ticket.answers += 1
        case t.TicketStatusChanged(status="solved" | "closed"):
            ticket.solved_ms = at_ms
        case _:
            pass


def _reopens(data: t.Data) -> bool:
    """Of a solved ticket."""
    if isinstance(data, t.TicketStatusChanged):
        return data.status not in ("solved", "closed")
    return isinstance(data, t.TicketReopened)


def facts(state: Recontact) -> list[Fact]:
    """Of each resolved ticket, how the first contact failed first, if it did."""
    return [fact for found in facts_by_ticket(state).values() for fact in found]


def facts_by_ticket(state: Recontact) -> dict[str, list[Fact]]:
    """The same by the ticket's id."""
    found: dict[str, list[Fact]] = {}
    begun: dict[str, list[int]] | None = None
    for ticket_id, ticket in state.tickets.items():
        solved_ms = ticket.solved_ms
        if solved_ms is None or not ticket.counts or ticket.gone:
            continue
        if ticket.answers != 1:
            found[ticket_id] = [Fact("ticket_failed", solved_ms, 0, ticket.dims)]
            continue
        begun = _begun(state) if begun is None else begun
        same = begun.get(ticket.dims.category or "", ())
        later = bisect_right(same, solved_ms)
        ends = [same[later]] if later < len(same) else []
        if ticket.reopened_ms is not None:
            ends.append(ticket.reopened_ms)
        if ends:
            found[ticket_id] = [Fact("ticket_failed", min(ends), min(ends) - solved_ms, ticket.dims)]
    return found


def _begun(state: Recontact) -> dict[str, list[int]]:
    """When the party opened tickets, by what they were about at first; of those about nothing, none is like another."""
    found: dict[str, list[int]] = {}
    for ticket in state.tickets.values():
        if ticket.created_ms is not None and ticket.counts and ticket.about and not ticket.gone:
            found.setdefault(ticket.about, []).append(ticket.created_ms)
    for times_ms in found.values():
        times_ms.sort()
    return found


JOURNEY = Journey(
    name="recontact",
    state=Recontact,
    takes=dict.fromkeys(TICKETS.takes),
    step=step,
    facts=facts,
    by_entity=facts_by_ticket,
)
