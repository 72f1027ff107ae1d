"""What a party's orders brought, by what the customer was when it bought. Folded with what a party buys on top."""

from collections.abc import Collection
from typing import NamedTuple

import msgspec

from stream_kpis.events import types as t
from stream_kpis.journeys.facts import Fact
from stream_kpis.journeys.orders import Order


class Run(NamedTuple):
    """What a customer is for a while, in the order of the facts."""

    plan: str | None = None
    segment: str | None = None
    country: str | None = None


NOBODY = Run()
SAYING = (t.CustomerCreated, t.CustomerReactivated, t.CustomerUpdated, t.CustomerPlanChanged)
"""The events that say what a customer is."""


class Bought(msgspec.Struct, array_like=True):
    """An order of the party, whether it was upsold, and how many runs of the customer had begun by then."""

    order: Order = msgspec.field(default_factory=Order)
    upsell: bool = False
    runs: int = 0


def follow(runs: list[Run], orders: Collection[Bought], data: t.Data, at_ms: int) -> None:
    """Begins a run if an event says that the customer is something else, also for what was ordered in that instant.

    Args:
        runs: those so far; the new one is appended.
        orders: of the party.
        data: of an event of a kind in :data:`SAYING`.
        at_ms: its time.
    """
    before = runs[-1] if runs else NOBODY
    now = Run(*(getattr(data, name, None) or was for name, was in zip(Run._fields, before, strict=True)))
    if now == before:
        return
    runs.append(now)
    for bought in orders:
        if bought.order.placed_ms == at_ms:
            bought.runs = len(runs)


def facts(runs: list[Run], orders: Collection[Bought]) -> list[Fact]:
    """The orders that count, and their refunds, by the run in which they were placed."""
    found = []
    for bought in orders:
        order = bought.order
        if order.placed_ms is None or order.cancelled:
            continue
        run = runs[bought.runs - 1] if bought.runs else NOBODY
        found.append(Fact("customer_order", order.placed_ms, order.amount, run))
        for at_ms, amount in order.refunds.values():
            found.append(Fact("customer_order_refunded", at_ms, amount, run))
    return found
