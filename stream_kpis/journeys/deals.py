"""A deal: how it closed, for how much, how long it took, and where it stood while it was open."""

from typing import NamedTuple, TypeVar

import msgspec

from stream_kpis.events import types as t
from stream_kpis.events.envelope import Event
from stream_kpis.journeys import open_deals
from stream_kpis.journeys.facts import Fact
from stream_kpis.journeys.journey import Journey
from stream_kpis.journeys.open_deals import Standing

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
        deal.opening = Opening(at_ms, data.owner_id, data.product, data.region, data.pipeline, data.source, data.kind)
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
    if deal.deleted:
        return []
    opening, close = deal.opening, deal.close
    found: list[Fact] = []
    if opening is not None:
        at_ms, owner, product, region, pipeline, source, _ = opening
        found.append(Fact("deal_created", at_ms, 0, (owner, product, region, pipeline, source)))
        course = deal.course if close is None else deal.course[: close.standings]
        if course:
            end = None if close is None else open_deals.End(close.at_ms, close.won)
            found += open_deals.facts(course, product, end, deal.last_ms)
    if close is not None:
        found += _of_close(opening, close)
    return found


def _of_close(opening: Opening | None, close: Close) -> list[Fact]:
    """The close, and what is known of it."""
    at_ms, amount = close.at_ms, close.amount
    dims: tuple[str | None, ...] = (close.owner, None, None, None, None)
    if opening is not None:
        dims = (close.owner, opening.product, opening.region, opening.pipeline, opening.source)
    found = [Fact("deal_won" if close.won else "deal_lost", at_ms, 0, dims)]
    if amount is not None:
        found.append(Fact("deal_won_value" if close.won else "deal_lost_value", at_ms, amount, dims))
    if close.won and opening is not None and opening.at_ms <= at_ms:
        cycle_ms = at_ms - opening.at_ms
        found.append(Fact("deal_cycle", at_ms, cycle_ms, dims))
        found.append(Fact("deal_created_won", at_ms, cycle_ms, (opening.owner, *dims[1:])))
    return found


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
    version=2,
)
