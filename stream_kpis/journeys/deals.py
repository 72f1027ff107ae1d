"""A deal: how it closed, for how much, how long it took, and where it stood while it was open."""

from typing import NamedTuple, TypeVar

import msgspec

from stream_kpis.events import types as t
from stream_kpis.events.envelope import Event
from stream_kpis.journeys import open_deals
from stream_kpis.journeys.facts import Fact
from stream_kpis.journeys.journey import BY_DEFAULT, Agreed, Journey
from stream_kpis.journeys.open_deals import End, Standing
from stream_kpis.journeys.prices import bucket_of

V = TypeVar("V")


class Close(msgspec.Struct, array_like=True, gc=False):
    """The effective close; of the deal's standings, the first ``standings`` came before it."""

    at_ms: int
    won: bool
    amount: int | None
    owner: str | None
    standings: int = 0


class Opening(NamedTuple):
    """What the first ``deal.created`` says that does not change."""

    at_ms: int
    owner: str | None
    product: str | None
    region: str | None
    pipeline: str | None
    source: str | None
    kind: str
    decision_makers: int | None


class Deal(msgspec.Struct, array_like=True):
    """The state of one deal; ``amount`` and ``owner`` are running values.

    ``course`` is where it stood since its creation, also while it was closed: a close may be taken back.
    """

    opening: Opening | None = None
    amount: int | None = None
    owner: str | None = None
    close: Close | None = None
    deleted: bool = False
    course: list[Standing] = []
    last_ms: int = 0


def step(deal: Deal, event: Event) -> None:
    """One deal moves by one event."""
    data, at_ms = event.data, event.time_ms
    deal.last_ms = at_ms
    match data:
        case t.DealCreated():
            deal.amount = _given(data.amount, deal.amount)
            deal.owner = _given(data.owner_id, deal.owner)
        case t.DealAmountChanged():
            deal.amount = data.amount
        case t.DealOwnerChanged():
            deal.owner = data.owner_id
        case t.DealWon():
            _close(deal, at_ms, True, _given(data.amount, deal.amount), data.owner_id)
        case t.DealLost():
            _close(deal, at_ms, False, deal.amount, data.owner_id)
        case t.DealReopened():
            deal.close = None
        case t.DealDeleted():
            deal.deleted = True
        case _:
            pass
    if deal.opening is not None:
        stands = deal.course[-1]
        now = _standing(stands, data)._replace(owner=deal.owner, amount=deal.amount)
        if now != stands:
            deal.course.append(now._replace(at_ms=at_ms))
    elif isinstance(data, t.DealCreated):
        deal.opening = Opening(
            at_ms, data.owner_id, data.product, data.region, data.pipeline, data.source, data.kind, data.decision_makers
        )
        month = None if data.expected_close is None else data.expected_close[:7]
        deal.course.append(Standing(at_ms, deal.owner, data.pipeline, data.stage, month, deal.amount))


def _standing(stands: Standing, data: t.Data) -> Standing:
    """Where the deal stands in the pipeline after an event."""
    match data:
        case t.DealStageChanged():
            return stands._replace(stage=data.stage, pipeline=_given(data.pipeline, stands.pipeline))
        case t.DealCloseDateChanged():
            return stands._replace(month=data.expected_close[:7])
        case _:
            return stands


def _close(deal: Deal, at_ms: int, won: bool, amount: int | None, owner: str | None) -> None:
    """The deal closes, if it is open."""
    if deal.close is None:
        deal.close = Close(at_ms, won, amount, _given(owner, deal.owner), len(deal.course))


def _given(value: V | None, otherwise: V | None) -> V | None:
    return otherwise if value is None else value


def facts(deal: Deal) -> list[Fact]:
    """Of a deal that was not deleted, its beginning, its open life and its close."""
    return _life(deal) + _weighted(deal) + _progress(deal)


def _life(deal: Deal) -> list[Fact]:
    """All that does not rest on what stages there are."""
    if deal.deleted:
        return []
    opening, close = deal.opening, deal.close
    found: list[Fact] = []
    if opening is not None:
        at_ms, owner, product, region, pipeline, source, kind, _ = opening
        found.append(Fact("deal_created", at_ms, 0, (owner, product, region, pipeline, source, kind)))
        if course := _open_course(deal):
            found += open_deals.facts(course, product, _end(deal), deal.last_ms)
    if close is not None:
        found += _of_close(opening, close)
    return found


def _weighted(deal: Deal, agreed: Agreed = BY_DEFAULT) -> list[Fact]:
    opening, course = deal.opening, _open_course(deal)
    return open_deals.weighted(course, opening.product, _end(deal), agreed.terms) if opening and course else []


def _progress(deal: Deal, agreed: Agreed = BY_DEFAULT) -> list[Fact]:
    opening, course = deal.opening, _open_course(deal)
    return list(open_deals.progress(course, opening.source, _end(deal), agreed.terms)) if opening and course else []


def _open_course(deal: Deal) -> list[Standing]:
    """Where it stood while it was open; nothing if it never was, or was deleted."""
    if deal.deleted:
        return []
    return deal.course if deal.close is None else deal.course[: deal.close.standings]


def _end(deal: Deal) -> End | None:
    return None if deal.close is None else End(deal.close.at_ms, deal.close.won)


def _of_close(opening: Opening | None, close: Close) -> list[Fact]:
    """The close, and what is known of it."""
    at_ms, amount = close.at_ms, close.amount
    dims: tuple[str | None, ...] = (close.owner, None, None, None, None, None)
    if opening is not None:
        dims = (close.owner, opening.product, opening.region, opening.pipeline, opening.source, opening.kind)
    found = [Fact("deal_won" if close.won else "deal_lost", at_ms, 0, dims)]
    if amount is not None:
        found.append(Fact("deal_won_value" if close.won else "deal_lost_value", at_ms, amount, dims))
    if opening is not None and opening.at_ms <= at_ms:
        cycle_ms = at_ms - opening.at_ms
        size = None if amount is None else bucket_of(amount)
        sized = (*dims, size, people(opening.decision_makers))
        found.append(Fact("deal_cycle" if close.won else "deal_lost_cycle", at_ms, cycle_ms, sized))
        if close.won:
            found.append(Fact("deal_created_won", at_ms, cycle_ms, (opening.owner, *dims[1:])))
    return found


def people(number: int | None) -> str | None:
    """How many decide, as one of few words; None if it is not known.

    >>> [people(number) for number in (None, 0, 1, 3, 4, 5, 6, 10, 11)]
    [None, None, '1', '3', '4-5', '4-5', '6-10', '6-10', '11+']
    """
    if not number:
        return None
    if number <= 3:
        return str(number)
    return "4-5" if number <= 5 else "6-10" if number <= 10 else "11+"


_OF_LIFE = """
    deal_created deal_created_won deal_won deal_won_value deal_lost deal_lost_value deal_cycle deal_lost_cycle
    deal_open deal_open_value deal_stage_left deal_idle
"""

JOURNEY = Journey(
    name="deals",
    state=Deal,
    takes=dict.fromkeys(
        (
            t.DealCreated,
            t.DealStageChanged,
            t.DealAmountChanged,
            t.DealOwnerChanged,
            t.DealCloseDateChanged,
            t.DealActivity,
            t.DealWon,
            t.DealLost,
            t.DealReopened,
            t.DealDeleted,
        ),
        "deal_id",
    ),
    step=step,
    facts=facts,
    makers=((frozenset(_OF_LIFE.split()), _life),),
    termed=(
        (frozenset({"deal_weighted", "deal_open_weighted"}), _weighted),
        (frozenset({"deal_stage_reached", "deal_stage_passed"}), _progress),
    ),
    version=3,
)
