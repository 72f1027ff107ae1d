"""Receipts as of the past: the committed parties are replayed to an instant, and the value of then is explained."""

import time
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.past import Past
from stream_kpis.engine.tiles import Calendar
from stream_kpis.kpis.schema import Kpi
from stream_kpis.live.asks import Ask
from stream_kpis.live.model.pseudonyms import Pseudonyms
from stream_kpis.live.model.snapshot import State, Value
from stream_kpis.live.model.sources import Sources
from stream_kpis.live.past import PastValues
from stream_kpis.live.receipts.contributions import Behind, Contribution, Lens
from stream_kpis.live.receipts.receipt import Maker, Receipt, check_asked
from stream_kpis.plan import goals_of, whole_catalogue
from stream_kpis.proof.pipeline import cut_of
from stream_kpis.proof.prove import At, FactOf, Finding, prove_values
from stream_kpis.settings import Settings
from stream_kpis.stream.commands.past import plan_of_parties, read_parties


class Asked(NamedTuple):
    """One value of the past."""

    kpi: str
    window: str
    """Empty for the only one that the KPI has."""
    by: str
    group: str
    to_ms: int
    """The instant: what happened before it is known."""
    period: str = ""
    """What was asked for instead of the window and the instant."""


class Explained(NamedTuple):
    """What is known of it."""

    plan: Plan
    receipt: Receipt
    behind: Behind | None
    """The entities, if they are wanted and add up to it."""
    proof: Finding | None


async def explained(settings: Settings, asked: Asked, *, entities: int, prove: bool) -> Explained:
    """The receipt of a value of the past.

    Args:
        settings: of the deployment.
        asked: the value.
        entities: how many to name of those behind it.
        prove: whether the oracle is to recompute it from the topics.

    Raises:
        ValueError: there is no such value, or archives that it needs are gone; one line.
        DefinitionsChanged, KafkaError, RuntimeError, StreamError: as :func:`read_parties`.
    """
    asked = _checked(whole_catalogue(settings).kpis, asked)  # what the settings alone show wrong is said without Kafka
    plan = await plan_of_parties(settings)
    asked = _checked(plan.catalogue.kpis, asked)
    return await _explained(settings, plan, asked, entities, prove=prove)


def _checked(kpis: Mapping[str, Kpi], asked: Asked) -> Asked:
    kpi = kpis.get(asked.kpi)
    if kpi is not None and asked.period and asked.window not in kpi.windows:
        there_are = ", ".join(kpi.windows)
        raise ValueError(
            f"{asked.kpi} has no {asked.window} to be {asked.period}: give --window, of {there_are}, and --at"
        )
    return asked._replace(window=check_asked(kpis, asked.kpi, asked.window, asked.by))


async def _explained(settings: Settings, plan: Plan, asked: Asked, entities: int, *, prove: bool) -> Explained:
    calendar, names = Calendar(settings.zone), Pseudonyms.of(settings)
    edges = Sources(plan, calendar).shown_edges(asked.kpi, asked.window, asked.to_ms)
    place = Value(asked.kpi, asked.window, asked.by, asked.group, *edges, None, None, None, 0, State.NO_DATA)
    lens = Lens(plan, place, asked.to_ms, names)
    contributions: list[Contribution] = []
    facts: list[FactOf] = []
    values = PastValues(plan, calendar, [Ask(asked.to_ms)], [asked.kpi], goals_of(settings, plan), names)

    def take(partition: int, past: Past) -> None:
        values.add(partition, past)
        found = list(past.facts()) if prove or (entities and lens.linear) else []
        if entities and lens.linear:
            contributions.extend(lens.contributions(found))
        if prove:
            facts.extend(found)

    read = await read_parties(settings, plan, values.partition, take, at_flushes=prove)
    model, snapshot = values.seen()
    if read.lag.records:
        snapshot = snapshot._replace(values=tuple(v._replace(state=State.STALE) for v in snapshot.values))
    maker = Maker(plan, model, calendar, settings.currency)
    receipt = maker.receipt(snapshot, asked.kpi, asked.window, asked.by, asked.group)
    if read.lag.records:
        receipt = msgspec.structs.replace(receipt, reason=str(read.lag).removeprefix("stale: "))
    behind = lens.ranked(contributions, entities) if entities and lens.linear else None
    if not prove:
        return Explained(plan, receipt, behind, None)
    shown = [value for value in snapshot.values if (value.kpi, value.window) == (asked.kpi, asked.window)]
    cut = cut_of((partition, header.next) for partition, header in read.headers.items())
    at = At(asked.to_ms, time.time_ns() // 1_000_000, cut)
    return Explained(plan, receipt, behind, await prove_values(settings, plan, shown, at, facts))
