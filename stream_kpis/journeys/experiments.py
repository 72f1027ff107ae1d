"""Which variant of an experiment a party saw, and whether it bought afterwards; the party is the unit."""

import msgspec

from stream_kpis.events import types as t
from stream_kpis.events.envelope import Event
from stream_kpis.journeys.facts import Fact
from stream_kpis.journeys.journey import Journey
from stream_kpis.journeys.leads import Deal, Order, step_deal
from stream_kpis.journeys.orders import without_items


class Exposure(msgspec.Struct, array_like=True):
    """The first exposure to an experiment; ``crossed`` says that there was one to another variant too."""

    at_ms: int
    variant: str
    crossed: bool = False


class Experiments(msgspec.Struct, array_like=True):
    """The state: the party's exposures by experiment, its deals and orders by id."""

    exposures: dict[str, Exposure] = {}
    deals: dict[str, Deal] = {}
    orders: dict[str, Order] = {}


def step(state: Experiments, event: Event) -> None:
    """An exposure of the party, or what may be a conversion."""
    data, at_ms = event.data, event.time_ms
    match data:
        case t.ExperimentExposed():
            seen = state.exposures.get(data.experiment)
            if seen is None:
                state.exposures[data.experiment] = Exposure(at_ms, data.variant)
            elif seen.variant != data.variant:
                seen.crossed = True
        case t.OrderPlaced():
            order = state.orders.setdefault(data.order_id, Order())
            if not order.placed:
                order.placed, order.placed_ms = True, at_ms
        case t.OrderCancelled():
            state.orders.setdefault(data.order_id, Order()).cancelled = True
        case t.DealWon() | t.DealLost() | t.DealReopened() | t.DealDeleted():
            step_deal(state.deals.setdefault(data.deal_id, Deal()), data, at_ms)
        case _:
            pass


def facts(state: Experiments) -> list[Fact]:
    """Of each experiment the party's exposure and its first purchase since, or that it saw more than one variant."""
    if not state.exposures:
        return []
    bought = sorted(
        [deal.won_ms for deal in state.deals.values() if deal.won_ms is not None and not deal.deleted]
        + [order.placed_ms for order in state.orders.values() if order.placed and not order.cancelled]
    )
    found = []
    for experiment, seen in state.exposures.items():
        if seen.crossed:
            found.append(Fact("unit_crossed", seen.at_ms, 0, (experiment,)))
            continue
        dims = (experiment, seen.variant)
        found.append(Fact("unit_exposed", seen.at_ms, 0, dims))
        first_ms = next((at_ms for at_ms in bought if at_ms >= seen.at_ms), None)
        if first_ms is not None:
            found.append(Fact("unit_converted", first_ms, first_ms - seen.at_ms, dims))
    return found


JOURNEY = Journey(
    name="experiments",
    state=Experiments,
    takes=dict.fromkeys(
        (
            t.ExperimentExposed,
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
    keeps=without_items,
)
