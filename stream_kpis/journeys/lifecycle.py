"""A customer's spells: when it was one, when it left and came back, and in which plan, segment, country and channel."""

from typing import NamedTuple

import msgspec

from stream_kpis.events import types as t
from stream_kpis.events.envelope import Event, time_ms_of
from stream_kpis.journeys.facts import Fact
from stream_kpis.journeys.journey import Journey


class Dims(NamedTuple):
    """The running dimensions, in the order of the facts."""

    plan: str | None = None
    segment: str | None = None
    country: str | None = None
    channel: str | None = None


class Leave(NamedTuple):
    """An end of a spell by churn, and the end of the lapse that it began: by a new spell, or a merge."""

    at_ms: int
    tenure_ms: int
    dims: Dims
    over_ms: int | None = None
    returned: bool = False


class Customer(msgspec.Struct, array_like=True):
    """The state of one customer.

    ``joined_ms`` is the start of the open spell; of the one closed last, if ``closed``. ``moves`` are the signed
    changes of the number of active customers. ``held`` are the changes until an announced end: they move the level if
    it is taken back. ``first`` is the ``customer.created`` that opened the first spell, as (time in ms, channel,
    campaign, segment, whether referred).
    """

    dims: Dims = Dims()
    joined_ms: int | None = None
    closed: bool = True
    churned: bool = False
    moves: list[tuple[int, int, Dims]] = []
    leaves: list[Leave] = []
    held: list[tuple[int, int, Dims]] = []
    churn_events: list[tuple[int, str | None, Dims]] = []
    first: tuple[int, str | None, str | None, str | None, str] | None = None
    merged: bool = False


def step(customer: Customer, event: Event) -> None:
    """One customer moves by one event."""
    data, at_ms = event.data, event.time_ms
    before = customer.dims
    customer.dims = _running(before, data)
    if customer.dims != before:
        moved = [(at_ms, -1, before), (at_ms, 1, customer.dims)]
        if not customer.closed:
            customer.moves += moved
        elif _leaves_after(customer, at_ms):
            customer.held += moved
    match data:
        case t.CustomerCreated() | t.CustomerReactivated() if customer.closed:
            if customer.joined_ms is None and isinstance(data, t.CustomerCreated):
                referred = "no" if data.referred_by is None else "yes"
                customer.first = (at_ms, data.channel, data.campaign_id, data.segment, referred)
            _open(customer, at_ms)
        case t.CustomerChurned():
            _churn(customer, data, at_ms)
        case t.CustomerMerged():
            _merge(customer, at_ms)
        case _:
            pass


def _running(dims: Dims, data: t.Data) -> Dims:
    named = {name: value for name in Dims._fields if (value := getattr(data, name, None)) is not None}
    return dims._replace(**named) if named else dims


def _open(customer: Customer, at_ms: int) -> None:
    """Begins a spell, or goes on with the one whose announced end has not come."""
    if _leaves_after(customer, at_ms):
        customer.leaves.pop()
        customer.moves.pop()
        customer.moves += customer.held
    else:
        _end_lapse(customer, at_ms, returned=True)
        customer.joined_ms = at_ms
        customer.moves.append((at_ms, 1, customer.dims))
    customer.held = []
    customer.closed = customer.churned = False


def _leaves_after(customer: Customer, at_ms: int) -> bool:
    """Whether a churn was announced that has not come by then, so that it may still be taken back."""
    return customer.churned and customer.leaves[-1].at_ms > at_ms


def _merge(customer: Customer, at_ms: int) -> None:
    customer.merged = True
    if customer.closed:
        _end_lapse(customer, at_ms, returned=False)
    else:
        customer.closed, customer.churned = True, False
        customer.moves.append((at_ms, -1, customer.dims))


def _end_lapse(customer: Customer, at_ms: int, *, returned: bool) -> None:
    """Whoever had left is back, or somebody else; once."""
    if customer.churned and customer.leaves[-1].over_ms is None:
        leave = customer.leaves[-1]
        customer.leaves[-1] = leave._replace(over_ms=max(leave.at_ms, at_ms), returned=returned)


def _churn(customer: Customer, data: t.CustomerChurned, at_ms: int) -> None:
    customer.churn_events.append((at_ms, data.reason, customer.dims))
    if customer.closed or customer.joined_ms is None:
        return
    said_ms = at_ms if data.effective_at is None else time_ms_of(data.effective_at)
    left_ms = max(said_ms, customer.joined_ms)
    customer.closed = customer.churned = True
    customer.moves.append((left_ms, -1, customer.dims))
    customer.leaves.append(Leave(left_ms, left_ms - customer.joined_ms, customer.dims))


def facts(customer: Customer) -> list[Fact]:
    """All spells so far."""
    found = [Fact("customer_level", *move) for move in customer.moves]
    for at_ms, tenure_ms, dims, over_ms, returned in customer.leaves:
        found.append(Fact("customer_left", at_ms, tenure_ms, dims))
        found.append(Fact("customer_lapsed", at_ms, 1, dims))
        if over_ms is not None:
            found.append(Fact("customer_lapsed", over_ms, -1, dims))
            if returned:
                found.append(Fact("customer_returned", over_ms, over_ms - at_ms, dims))
    found += [Fact("customer_churn_event", at_ms, 0, (reason, *dims)) for at_ms, reason, dims in customer.churn_events]
    if customer.first is not None and not customer.merged:
        at_ms, *dims_of_first = customer.first
        found.append(Fact("customer_new", at_ms, 0, tuple(dims_of_first)))
    return found


JOURNEY = Journey(
    name="lifecycle",
    state=Customer,
    takes=dict.fromkeys(
        (
            t.CustomerCreated,
            t.CustomerChurned,
            t.CustomerReactivated,
            t.CustomerUpdated,
            t.CustomerPlanChanged,
            t.CustomerMerged,
        )
    ),
    step=step,
    facts=facts,
    version=2,
)
