"""A ticket: who waits, who answered, when it was solved, who has it."""

from typing import NamedTuple

import msgspec

from stream_kpis.events import types as t
from stream_kpis.events.envelope import Event
from stream_kpis.journeys.facts import Fact
from stream_kpis.journeys.journey import Journey


class Dims(NamedTuple):
    """The running dimensions, in the order of the facts."""

    team: str | None = None
    agent: str | None = None
    channel: str | None = None
    priority: str | None = None
    category: str | None = None


class Ticket(msgspec.Struct, array_like=True):
    """The state of one ticket.

    ``answered`` and ``solved_first`` are (time in ms, duration in ms, dimensions then); ``moves`` are the signed
    changes of the number of open tickets.
    """

    created_ms: int | None = None
    dims: Dims = Dims()
    clock_ms: int | None = None
    answered: tuple[int, int, Dims] | None = None
    solved: bool = False
    solved_first: tuple[int, int, Dims] | None = None
    moves: list[tuple[int, int, Dims]] = []
    gone: bool = False


def step(ticket: Ticket, event: Event) -> None:
    """One ticket moves by one event."""
    data, at_ms = event.data, event.time_ms
    if isinstance(data, (t.TicketMerged, t.TicketDeleted)):
        ticket.gone = True
    elif ticket.created_ms is None:
        if isinstance(data, t.TicketCreated):
            _create(ticket, data, at_ms)
    else:
        before = ticket.dims
        _redirect(ticket, data)
        if not ticket.solved and ticket.dims != before:
            ticket.moves += [(at_ms, -1, before), (at_ms, 1, ticket.dims)]
        _progress(ticket, data, at_ms)


def _create(ticket: Ticket, data: t.TicketCreated, at_ms: int) -> None:
    ticket.created_ms = at_ms
    ticket.dims = Dims(data.team, data.agent_id, data.channel, data.priority, data.category)
    ticket.clock_ms = None if data.created_by == "agent" else at_ms
    ticket.moves.append((at_ms, 1, ticket.dims))


def _redirect(ticket: Ticket, data: t.Data) -> None:
    """The running dimensions follow what the event names."""
    match data:
        case t.TicketMessage(author="agent") | t.TicketStatusChanged() | t.TicketAssigned():
            team, agent, channel, priority, category = ticket.dims
            named = Dims(data.team or team, data.agent_id or agent, channel, priority, category)
            if named != ticket.dims:
                ticket.dims = named
        case t.TicketRecategorised():
            ticket.dims = ticket.dims._replace(category=data.category)
        case t.TicketReprioritised():
            ticket.dims = ticket.dims._replace(priority=data.priority)
        case _:
            pass


def _progress(ticket: Ticket, data: t.Data, at_ms: int) -> None:
    match data:
        case t.TicketMessage(author="agent", public=True):
            if ticket.answered is None and ticket.clock_ms is not None:
                ticket.answered = (at_ms, at_ms - ticket.clock_ms, ticket.dims)
        case t.TicketMessage(author="customer", public=True):
            if ticket.clock_ms is None:
                ticket.clock_ms = at_ms
        case t.TicketStatusChanged(status="solved" | "closed"):
            if not ticket.solved:
                ticket.solved = True
                ticket.moves.append((at_ms, -1, ticket.dims))
                ticket.solved_first = ticket.solved_first or (at_ms, at_ms - (ticket.created_ms or 0), ticket.dims)
        case t.TicketStatusChanged() | t.TicketReopened():
            if ticket.solved:
                ticket.solved = False
                ticket.moves.append((at_ms, 1, ticket.dims))
                if ticket.answered is None and ticket.clock_ms is not None:
                    ticket.clock_ms = at_ms
        case _:
            pass


def facts(ticket: Ticket) -> list[Fact]:
    """Everything of a ticket that exists and was neither merged nor deleted."""
    return _moves(ticket) + _answer(ticket) + _solution(ticket)


def _exists(ticket: Ticket) -> bool:
    return ticket.created_ms is not None and not ticket.gone


def _moves(ticket: Ticket) -> list[Fact]:
    moves = ticket.moves if _exists(ticket) else ()
    return [Fact("ticket_open", at_ms, sign, dims) for at_ms, sign, dims in moves]


def _answer(ticket: Ticket) -> list[Fact]:
    if not _exists(ticket):
        return []
    if ticket.answered is not None:
        return [Fact("ticket_answered", *ticket.answered)]
    if ticket.clock_ms is not None and not ticket.solved:
        return [Fact("ticket_unanswered", ticket.clock_ms, 0, ticket.dims)]
    return []


def _solution(ticket: Ticket) -> list[Fact]:
    if not _exists(ticket) or ticket.solved_first is None:
        return []
    return [Fact("ticket_solved_first", *ticket.solved_first)]


JOURNEY = Journey(
    name="tickets",
    state=Ticket,
    takes=dict.fromkeys(
        (
            t.TicketCreated,
            t.TicketMessage,
            t.TicketStatusChanged,
            t.TicketAssigned,
            t.TicketRecategorised,
            t.TicketReprioritised,
            t.TicketReopened,
            t.TicketMerged,
            t.TicketDeleted,
        ),
        "ticket_id",
    ),
    step=step,
    facts=facts,
    makers=(
        (frozenset({"ticket_open"}), _moves),
        (frozenset({"ticket_answered", "ticket_unanswered"}), _answer),
        (frozenset({"ticket_solved_first"}), _solution),
    ),
)
