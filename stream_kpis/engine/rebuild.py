"""What a catalogue will have to build anew over a state that another one made, and from what."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from enum import StrEnum
from typing import NamedTuple

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.definitions import journey_problem, lost_events
from stream_kpis.engine.scopes import FORMAT
from stream_kpis.journeys.facts import FACTS
from stream_kpis.kpis.load import kind_of


class Source(StrEnum):
    """Where a measure's cells come from when a shard starts."""

    CELLS = "unchanged"
    PARTIES = "built from the parties"
    TOPICS = "needs the topics"


class Outlook(NamedTuple):
    """One measure: where from, and why if it needs the topics."""

    measure: str
    source: Source
    why: str = ""


def outlook(
    plan: Plan, settled: Mapping[str, str], before: Mapping[str, str], sealed: AbstractSet[str]
) -> list[Outlook]:
    """What becomes of each measure when a shard starts; it agrees with what the shard then does.

    A shard starts only if no measure needs the topics.

    Args:
        plan: the catalogue to come.
        settled: what holds for all of it: zone and currency.
        before: the definitions in the shard's last header.
        sealed: the journeys of which something is sealed.
    """
    everything = _different({**settled, "format": FORMAT}, before) or lost_events(
        before, plan.journeys, "party_active" in plan.actions
    )
    return [_outlook(name, plan, before, sealed, everything) for name in plan.catalogue.measures]


def _outlook(name: str, plan: Plan, before: Mapping[str, str], sealed: AbstractSet[str], everything: str) -> Outlook:
    why = everything
    for journey in sorted(journeys_of(plan, name)):
        if problem := journey_problem(journey, before, plan.definitions, sealed.__contains__):
            unkept = "" if f"journey:{journey}" in before else ", so its events were not kept"
            why = why or problem + unkept
    if why:
        return Outlook(name, Source.TOPICS, why)
    same = before.get(name) == plan.definitions[name]
    return Outlook(name, Source.CELLS if same else Source.PARTIES)


def _different(settled: Mapping[str, str], before: Mapping[str, str]) -> str:
    for name, value in settled.items():
        if before.get(name, "" if name == "format" else value) != value:
            return f"the state has another {name}"
    return ""


def journeys_of(plan: Plan, measure: str) -> set[str]:
    """The journeys whose facts a measure counts."""
    declared = plan.catalogue.measures[measure]
    return {FACTS[fact].journey for fact in (kind_of(declared)[1], declared.base) if fact}
