"""A ticket: who waits, who answered, when it was solved, in time or not, reopened, and who has it."""

from typing import NamedTuple

import msgspec

from stream_kpis.events import types as t
from stream_kpis.events.envelope import Event
from stream_kpis.journeys.facts import Fact, as_under_calendar, under_calendar
from stream_kpis.journeys.journey import BY_DEFAULT, Agreed, Journey
from stream_kpis.kpis.business_time import BusinessTime
from stream_kpis.kpis.terms import Terms

WALL = BusinessTime()
"""The clock that is always open."""


class Dims(NamedTuple):
    """The running dimensions, in the order of the facts."""

    team: str | None = None
    agent: str | None = None
    channel: str | None = None
    priority: str | None = None
    category: str | None = None


class Seen(NamedTuple):
    """Something that happened once: when, after how long, and the dimensions then."""

    at_ms: int
    took_ms: int
    dims: Dims


class Ticket(msgspec.Struct, array_like=True):
    """The state of one ticket.

    ``moves`` are the signed changes of the number of open tickets. ``solved_now`` is the solve since which it is
    solved; ``rests`` and ``pendings`` are the stretches [from, to) that it was solved and pending before.
    ``solved_again`` are the solves after the first one, with the time.
    """

    created_ms: int | None = None
    dims: Dims = Dims()
    clock_ms: int | None = None
    answered: Seen | None = None
    solved: bool = False
    solved_first: Seen | None = None
    moves: list[tuple[int, int, Dims]] = []
    gone: bool = False
    opening: Dims = Dims()
    counts: bool = False
    solved_now: Seen | None = None
    rests: list[tuple[int, int]] = []
    pendings: list[tuple[int, int]] = []
    pending_since_ms: int | None = None
    reopened_ms: int | None = None
    calendar: str | None = None
    solved_again: list[tuple[int, Dims]] = []


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
        ticket.dims = redirected(before, data)
        if not ticket.solved and ticket.dims != before:
            ticket.moves += [(at_ms, -1, before), (at_ms, 1, ticket.dims)]
        _progress(ticket, data, at_ms)


def counts_as_opened(data: t.TicketCreated) -> bool:
    """Whether the customer began it, and not an agent."""
    return data.created_by != "agent"


def dims_of(data: t.TicketCreated) -> Dims:
    """The dimensions of a creation."""
    return Dims(data.team, data.agent_id, data.channel, data.priority, data.category)


def _create(ticket: Ticket, data: t.TicketCreated, at_ms: int) -> None:
    ticket.created_ms = at_ms
    ticket.dims = ticket.opening = dims_of(data)
    ticket.counts = counts_as_opened(data)
    ticket.calendar = data.calendar
    ticket.clock_ms = at_ms if ticket.counts else None
    ticket.moves.append((at_ms, 1, ticket.dims))


def redirected(dims: Dims, data: t.Data) -> Dims:
    """The running dimensions after an event: those that it names are its own."""
    match data:
        case t.TicketMessage(author="agent") | t.TicketStatusChanged() | t.TicketAssigned():
            team, agent, channel, priority, category = dims
            named = Dims(data.team or team, data.agent_id or agent, channel, priority, category)
            return named if named != dims else dims
        case t.TicketRecategorised():
            return dims._replace(category=data.category)
        case t.TicketReprioritised():
            return dims._replace(priority=data.priority)
        case _:
            return dims


def _progress(ticket: Ticket, data: t.Data, at_ms: int) -> None:
    match data:
        case t.TicketMessage(author="agent", public=True):
            if ticket.answered is None and ticket.clock_ms is not None:
                ticket.answered = Seen(at_ms, at_ms - ticket.clock_ms, ticket.dims)
        case t.TicketMessage(author="customer", public=True):
            if ticket.clock_ms is None:
                ticket.clock_ms = at_ms
        case t.TicketStatusChanged(status="solved" | "closed"):
            if not ticket.solved:
                _solve(ticket, at_ms)
        case t.TicketStatusChanged(status=status):
            if ticket.solved:
                _reopen(ticket, at_ms)
            _pend(ticket, at_ms, status == "pending")
        case t.TicketReopened():
            if ticket.solved:
                _reopen(ticket, at_ms)
        case _:
            pass


def _pend(ticket: Ticket, at_ms: int, pending: bool) -> None:
    """The ticket has another status, which waits for the requester or does not."""
    if ticket.pending_since_ms is not None:
        ticket.pendings.append((ticket.pending_since_ms, at_ms))
    ticket.pending_since_ms = at_ms if pending else None


def _solve(ticket: Ticket, at_ms: int) -> None:
    _pend(ticket, at_ms, False)
    age_ms = at_ms - (ticket.created_ms or 0)
    ticket.solved = True
    ticket.moves.append((at_ms, -1, ticket.dims))
    if ticket.solved_first is None:
        ticket.solved_first = Seen(at_ms, age_ms, ticket.dims)
    else:
        ticket.solved_again.append((at_ms, ticket.dims))
    ticket.solved_now = Seen(at_ms, age_ms - _total_ms(ticket.rests), ticket.dims)


def _reopen(ticket: Ticket, at_ms: int) -> None:
    ticket.solved = False
    ticket.moves.append((at_ms, 1, ticket.dims))
    if ticket.reopened_ms is None:
        ticket.reopened_ms = at_ms
    if ticket.solved_now is not None:
        ticket.rests.append((ticket.solved_now.at_ms, at_ms))
        ticket.solved_now = None
    if ticket.answered is None and ticket.clock_ms is not None:
        ticket.clock_ms = at_ms


def _total_ms(stretches: list[tuple[int, int]], clock: BusinessTime = WALL) -> int:
    return sum(clock.between(from_ms, to_ms) for from_ms, to_ms in stretches)


def facts(ticket: Ticket) -> list[Fact]:
    """Everything of a ticket that exists and was neither merged nor deleted."""
    solved = _solution(ticket) + _ending(ticket)
    return _moves(ticket) + _opening(ticket) + _answer(ticket) + solved + _promise(ticket)


def _exists(ticket: Ticket) -> bool:
    return ticket.created_ms is not None and not ticket.gone


def _moves(ticket: Ticket) -> list[Fact]:
    moves = ticket.moves if _exists(ticket) else ()
    return [Fact("ticket_open", at_ms, sign, dims) for at_ms, sign, dims in moves]


def _opening(ticket: Ticket) -> list[Fact]:
    if not _exists(ticket) or not ticket.counts:
        return []
    opening = ticket.opening._replace(category=ticket.dims.category)
    return [Fact("ticket_opened", ticket.created_ms or 0, 0, opening)]


def _answer(ticket: Ticket) -> list[Fact]:
    if not _exists(ticket):
        return []
    if ticket.answered is not None:
        return [Fact("ticket_answered", *ticket.answered)]
    if ticket.clock_ms is not None and not ticket.solved:
        return [Fact("ticket_unanswered", ticket.clock_ms, 0, ticket.dims)]
    return []


def _solution(ticket: Ticket) -> list[Fact]:
    """The first one, that it did not last, and those that came after."""
    first = ticket.solved_first
    if first is None or not _exists(ticket):
        return []
    found = [Fact("ticket_solved_first", *first)]
    if ticket.counts:
        found.append(Fact("ticket_resolved", *first))
    if ticket.reopened_ms is not None:
        found.append(Fact("ticket_reopened", ticket.reopened_ms, ticket.reopened_ms - first.at_ms, first.dims))
    return found + [Fact("ticket_solved_again", at_ms, 0, dims) for at_ms, dims in ticket.solved_again]


def _ending(ticket: Ticket) -> list[Fact]:
    """The solution that stands, or that there is none."""
    if not _exists(ticket):
        return []
    last = ticket.solved_now
    if last is None:
        return [Fact("ticket_unsolved", ticket.created_ms or 0, 0, ticket.dims)]
    waited_ms = last.took_ms - _total_ms(ticket.pendings)
    return [Fact("ticket_solved_full", *last), Fact("ticket_waited", last.at_ms, waited_ms, last.dims)]


def _promise(ticket: Ticket, agreed: Agreed = BY_DEFAULT) -> list[Fact]:
    """Whether what was promised at the opening was kept."""
    return _kept_promise(ticket, agreed.terms) if _exists(ticket) and ticket.counts else []


def _kept_promise(ticket: Ticket, terms: Terms, clock: BusinessTime = WALL) -> list[Fact]:
    """Solved in time, or not; while it is not solved, the deadline may lie ahead, and nobody sees it yet."""
    first, priority = ticket.solved_first, ticket.opening.priority
    deadline_ms = clock.after(ticket.created_ms or 0, terms.allowed_ms(priority))
    if first is not None and (deadline_ms is None or first.at_ms <= deadline_ms):
        return [Fact("ticket_met", first.at_ms, 0, first.dims._replace(priority=priority))]
    if deadline_ms is None:
        return []
    dims = next(dims for at_ms, sign, dims in reversed(ticket.moves) if sign > 0 and at_ms <= deadline_ms)
    return [Fact("ticket_breached", deadline_ms, 0, dims._replace(priority=priority))]


# Under the clock of the ticket's calendar.


def _answer_under(ticket: Ticket, agreed: Agreed) -> list[Fact]:
    found = []
    for fact in _answer(ticket):
        number = agreed.calendars.number(ticket.calendar)
        since_ms = fact.at_ms - fact.value
        worth = agreed.calendars.numbered(number).between(since_ms, fact.at_ms) if ticket.answered else number
        found.append(as_under_calendar(fact, worth))
    return found


def _solution_under(ticket: Ticket, agreed: Agreed) -> list[Fact]:
    """The first one."""
    first = ticket.solved_first
    if first is None or not _exists(ticket):
        return []
    clock = agreed.calendars.named(ticket.calendar)
    return [as_under_calendar(Fact("ticket_solved_first", *first), clock.between(ticket.created_ms or 0, first.at_ms))]


def _ending_under(ticket: Ticket, agreed: Agreed) -> list[Fact]:
    """The solution that stands."""
    last = ticket.solved_now
    if last is None or not _exists(ticket):
        return []
    clock = agreed.calendars.named(ticket.calendar)
    took_ms = clock.between(ticket.created_ms or 0, last.at_ms) - _total_ms(ticket.rests, clock)
    waited_ms = took_ms - _total_ms(ticket.pendings, clock)
    solved = Fact("ticket_solved_full", *last)
    waited = Fact("ticket_waited", *last)
    return [as_under_calendar(solved, took_ms), as_under_calendar(waited, waited_ms)]


def _promise_under(ticket: Ticket, agreed: Agreed) -> list[Fact]:
    if not _exists(ticket) or not ticket.counts:
        return []
    clock = agreed.calendars.named(ticket.calendar)
    return [as_under_calendar(fact, 0) for fact in _kept_promise(ticket, agreed.terms, clock)]


def _named(*facts: str) -> frozenset[str]:
    return frozenset(map(under_calendar, facts))


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
        (frozenset({"ticket_opened"}), _opening),
        (frozenset({"ticket_answered", "ticket_unanswered"}), _answer),
        (frozenset({"ticket_solved_first", "ticket_resolved", "ticket_reopened", "ticket_solved_again"}), _solution),
        (frozenset({"ticket_solved_full", "ticket_waited", "ticket_unsolved"}), _ending),
    ),
    termed=((frozenset({"ticket_met", "ticket_breached"}), _promise),),
    clocked=(
        (_named("ticket_answered", "ticket_unanswered"), _answer_under),
        (_named("ticket_solved_first"), _solution_under),
        (_named("ticket_solved_full", "ticket_waited"), _ending_under),
        (_named("ticket_met", "ticket_breached"), _promise_under),
    ),
    version=4,
)
