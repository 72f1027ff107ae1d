"""A deal: how it closed, for how much, and how long it took."""

from typing import TypeVar

import msgspec

from stream_kpis.events import types as t
from stream_kpis.events.envelope import Event
from stream_kpis.journeys.facts import Fact
from stream_kpis.journeys.journey import Journey

V = TypeVar("V")


class Close(msgspec.Struct, array_like=True, gc=False):
    """The effective close."""

    at_ms: int
    won: bool
    amount: int | None
    owner: str | None


class Deal(msgspec.Struct, array_like=True):
    """The state of one deal; ``amount`` and ``owner`` are running values."""

    created_ms: int | None = None
    amount: int | None = None
    owner: str | None = None
    product: str | None = None
    region: str | None = None
    pipeline: str | None = None
    source: str | None = None
    close: Close | None = None
    deleted: bool = False


def step(deal: Deal, event: Event) -> None:
    """One deal moves by one event."""
    data = event.data
    match data:
        case t.DealCreated():
            if deal.created_ms is None:
                deal.created_ms = event.time_ms
                deal.product, deal.region = data.product, data.region
                deal.pipeline, deal.source = data.pipeline, data.source
            deal.amount = _given(data.amount, deal.amount)
            deal.owner = _given(data.owner_id, deal.owner)
        case t.DealAmountChanged():
            deal.amount = data.amount
        case t.DealOwnerChanged():
            deal.owner = data.owner_id
        case t.DealWon():
            if deal.close is None:
                amount = _given(data.amount, deal.amount)
                deal.close = Close(event.time_ms, True, amount, _given(data.owner_id, deal.owner))
        case t.DealLost():
            if deal.close is None:
                deal.close = Close(event.time_ms, False, None, _given(data.owner_id, deal.owner))
        case t.DealReopened():
            deal.close = None
        case t.DealDeleted():
            deal.deleted = True
        case _:
            pass


def _given(value: V | None, otherwise: V | None) -> V | None:
    return otherwise if value is None else value


def facts(deal: Deal) -> list[Fact]:
    """The close, if there is one and the deal was not deleted."""
    close = deal.close
    if close is None or deal.deleted:
        return []
    dims = (close.owner, deal.product, deal.region, deal.pipeline, deal.source)
    if not close.won:
        return [Fact("deal_lost", close.at_ms, 0, dims)]
    found = [Fact("deal_won", close.at_ms, 0, dims)]
    if close.amount is not None:
        found.append(Fact("deal_won_value", close.at_ms, close.amount, dims))
    if deal.created_ms is not None and deal.created_ms <= close.at_ms:
        found.append(Fact("deal_cycle", close.at_ms, close.at_ms - deal.created_ms, dims))
    return found


JOURNEY = Journey(
    name="deals",
    state=Deal,
    takes=dict.fromkeys(
        (t.DealCreated, t.DealAmountChanged, t.DealOwnerChanged, t.DealWon, t.DealLost, t.DealReopened, t.DealDeleted),
        "deal_id",
    ),
    step=step,
    facts=facts,
)
