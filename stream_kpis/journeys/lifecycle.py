"""A customer over its spells: in which plan, segment, country and channel it was, and what it was worth a month."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import msgspec

from stream_kpis.events import types as t
from stream_kpis.events.envelope import Event, Paid
from stream_kpis.journeys.facts import Fact, yes_no
from stream_kpis.journeys.journey import Journey
from stream_kpis.journeys.prices import dearer_by
from stream_kpis.journeys.spells import Spells, turn


class Dims(NamedTuple):
    """The running dimensions, in the order of the facts."""

    plan: str | None = None
    segment: str | None = None
    country: str | None = None
    channel: str | None = None


class Move(NamedTuple):
    """A signed change of who is active: of one customer (``counts``), and of its worth if that is known."""

    at_ms: int
    sign: int
    dims: Dims
    worth: int | None
    counts: bool = True


class Leave(NamedTuple):
    """An end of a spell by churn, and the end of the lapse that it began: by a new spell, or a merge."""

    at_ms: int
    tenure_ms: int
    dims: Dims
    worth: int | None
    voluntary: str | None
    over_ms: int | None = None
    returned: bool = False


class Change(NamedTuple):
    """Micro-units a month that a customer is worth more, or less, or again."""

    at_ms: int
    worth: int
    dims: Dims


class Customer(msgspec.Struct, array_like=True):
    """The state of one customer.

    ``dims`` and ``worth`` are running values, ``joined`` the dimensions at the start of each spell. ``moves`` are the
    signed changes of who is active, ``changes`` those of its price inside a spell, ``returns`` what it was worth coming
    back. ``held`` and ``held_changes`` lie before an announced end: they count if it is taken back. ``first`` is the
    ``customer.created`` that opened the first spell, as (time in ms, channel, campaign, segment, whether referred).
    ``referrals`` are the times in ms at which it recommended us. ``paid`` is the running worth in another currency.
    """

    dims: Dims = Dims()
    worth: int | None = None
    spells: Spells = msgspec.field(default_factory=Spells)
    joined: list[Dims] = []
    moves: list[Move] = []
    leaves: list[Leave] = []
    held: list[Move] = []
    changes: list[Change] = []
    held_changes: list[Change] = []
    returns: list[Change] = []
    churn_events: list[tuple[int, str | None, Dims, str | None]] = []
    first: tuple[int, str | None, str | None, str | None, str | None] | None = None
    merged: bool = False
    referrals: list[int] = []
    paid: Paid | None = None


def step(customer: Customer, event: Event) -> None:
    """One customer moves by one event."""
    data, at_ms = event.data, event.time_ms
    _follow(customer, event)
    returning = customer.spells.churned
    turned = turn(customer.spells, event)
    if turned.taken_back:
        _take_back(customer)
    match data:
        case t.CustomerCreated() | t.CustomerReactivated() if turned.began:
            if not customer.joined and isinstance(data, t.CustomerCreated):
                referred = yes_no(data.referred_by is not None)
                customer.first = (at_ms, data.channel, data.campaign_id, data.segment, referred)
            if returning:
                _end_lapse(customer, at_ms, returned=True)
            customer.joined.append(customer.dims)
            customer.moves.append(Move(at_ms, 1, customer.dims, customer.worth))
        case t.CustomerChurned():
            voluntary = yes_no(data.voluntary)
            customer.churn_events.append((at_ms, data.reason, customer.dims, voluntary))
            if turned.ended_ms is not None:
                _leave(customer, turned.ended_ms, voluntary)
        case t.CustomerMerged():
            customer.merged = True
            if turned.ended_ms is not None:
                customer.moves.append(Move(at_ms, -1, customer.dims, customer.worth))
            elif returning:
                _end_lapse(customer, at_ms, returned=False)
        case t.CustomerReferred():
            customer.referrals.append(at_ms)
        case _:
            pass


def _follow(customer: Customer, event: Event) -> None:
    """The running values, and what moves with them while the customer is one."""
    data, at_ms, before, worth = event.data, event.time_ms, customer.dims, customer.worth
    named: int | None = getattr(data, "value", None)
    customer.dims = _running(before, data)
    more = 0
    if named is not None:
        if isinstance(data, t.CustomerPlanChanged) and worth is not None:
            more = dearer_by(worth, customer.paid, named, event.paid)
        customer.worth, customer.paid = named, event.paid
    moves = customer.dims != before
    moved, changed = [], []
    if moves or customer.worth != worth:
        moved = [Move(at_ms, -1, before, worth, moves), Move(at_ms, 1, customer.dims, customer.worth, moves)]
    if more:
        changed = [Change(at_ms, more, customer.dims)]
    if not customer.spells.closed:
        customer.moves += moved
        customer.changes += changed
    elif customer.spells.leaves_after(at_ms):
        customer.held += moved
        customer.held_changes += changed


def _running(dims: Dims, data: t.Data) -> Dims:
    named = {name: value for name in Dims._fields if (value := getattr(data, name, None)) is not None}
    return dims._replace(**named) if named else dims


def _take_back(customer: Customer) -> None:
    """The spell goes on as if its announced end had not been."""
    customer.leaves.pop()
    customer.moves.pop()
    customer.moves += customer.held
    customer.changes += customer.held_changes


def _end_lapse(customer: Customer, at_ms: int, *, returned: bool) -> None:
    """Whoever had left is back, or somebody else; once."""
    if customer.leaves[-1].over_ms is None:
        customer.leaves[-1] = customer.leaves[-1]._replace(over_ms=at_ms, returned=returned)
        if returned and customer.worth is not None:
            customer.returns.append(Change(at_ms, customer.worth, customer.dims))


def _leave(customer: Customer, left_ms: int, voluntary: str | None) -> None:
    dims, worth = _as_of(customer, left_ms)
    customer.held, customer.held_changes = [], []
    customer.moves.append(Move(left_ms, -1, dims, worth))
    tenure_ms = left_ms - customer.spells.each[-1].start_ms
    customer.leaves.append(Leave(left_ms, tenure_ms, dims, worth, voluntary))


def _as_of(customer: Customer, left_ms: int) -> tuple[Dims, int | None]:
    """What the customer was when it left; what is said to have moved after that lies in no spell, so it goes."""
    while customer.moves[-1].at_ms > left_ms:
        customer.moves.pop()
    while customer.changes and customer.changes[-1].at_ms > left_ms:
        customer.changes.pop()
    return customer.moves[-1].dims, customer.moves[-1].worth


def facts(customer: Customer) -> list[Fact]:
    """All spells so far, and what they were worth."""
    found = []
    for at_ms, sign, dims, worth, counts in customer.moves:
        if counts:
            found.append(Fact("customer_level", at_ms, sign, dims))
        if worth:
            found.append(Fact("customer_worth", at_ms, sign * worth, dims))
    for at_ms, tenure_ms, dims, worth, voluntary, over_ms, returned in customer.leaves:
        found.append(Fact("customer_left", at_ms, tenure_ms, (*dims, voluntary)))
        if worth is not None:
            found.append(Fact("worth_lost", at_ms, worth, dims))
        found.append(Fact("customer_lapsed", at_ms, 1, dims))
        if over_ms is not None:
            found.append(Fact("customer_lapsed", over_ms, -1, dims))
            if returned:
                found.append(Fact("customer_returned", over_ms, over_ms - at_ms, dims))
    for at_ms, reason, dims, voluntary in customer.churn_events:
        found.append(Fact("customer_churn_event", at_ms, 0, (reason, *dims, voluntary)))
    if customer.first is not None and not customer.merged:
        at_ms, *dims_of_first = customer.first
        found.append(Fact("customer_new", at_ms, 0, tuple(dims_of_first)))
    for at_ms, more, dims in customer.changes:
        found.append(Fact("worth_expanded" if more > 0 else "worth_contracted", at_ms, abs(more), dims))
    found += [Fact("worth_returned", *back) for back in customer.returns]
    for spell, dims in zip(customer.spells.each, customer.joined, strict=True):
        found.append(Fact("customer_joined", spell.start_ms, 0, dims))
    return [*found, *_of_cohort(customer.spells), *_of_referrals(customer.referrals)]


def _of_referrals(times_ms: list[int]) -> list[Fact]:
    found = [Fact("referral", at_ms, 0, ()) for at_ms in times_ms]
    found += [Fact("referral_gap", at_ms, at_ms - before_ms, ()) for before_ms, at_ms in pairwise(times_ms)]
    return found + [Fact("referrer_last", at_ms, 0, ()) for at_ms in times_ms[-1:]]


def _of_cohort(spells: Spells) -> Iterator[Fact]:
    """Who joins is in the cohort of its first spell, and out of it after each; who is another one now is in none."""
    ended_by_merge = spells.closed and not spells.churned
    if not spells.each or ended_by_merge:
        return
    since_ms = spells.each[0].start_ms
    yield Fact("cohort_founded", since_ms, 0, ())
    for spell in spells.each:
        yield Fact("cohort_started", spell.start_ms, spell.start_ms - since_ms, ())
        if spell.end_ms is not None:
            yield Fact("cohort_ended", spell.end_ms, spell.end_ms - since_ms, ())


_SELF = t.CustomerActivated()


def _without_itself(data: t.Data, party: str) -> t.Data:
    """Who refers itself has referred nobody."""
    return _SELF if isinstance(data, t.CustomerReferred) and data.referred_id == party else data


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
            t.CustomerReferred,
        )
    ),
    step=step,
    facts=facts,
    keeps=_without_itself,
    version=7,
)
