"""Whose cells tell what a measure's own cells have forgotten.

An answered ticket leaves no open-set cell, and the moves of a level may cancel out within a tile. How it ended stays: a
duration, counted when it was over.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.tiles import Calendar, Edges
from stream_kpis.journeys.facts import FACTS
from stream_kpis.kpis.load import kind_of
from stream_kpis.live.model.sources import Sources
from stream_kpis.live.model.sums import Tiles

Witnesses = dict[str, frozenset[int]]
"""By measure, the indexes of total groupings."""

_BEGAN = ("level", "exposure", "open_set", "distribution", "joined", "cohort")
"""Kinds that count what began: it stands, it took a time, or it is what something follows."""


def of_beginnings(plan: Plan) -> Witnesses:
    """For each level and open set, whose cells show that a first of what it counts began; its own for what is awaited.

    >>> from stream_kpis.engine.compiler import compile_catalogue; from stream_kpis.kpis.load import built_in
    >>> plan = compile_catalogue(built_in())
    >>> [plan.groupings[index].measure for index in sorted(of_beginnings(plan)["leads_uncontacted"])]
    ['lead_conversions', 'leads_uncontacted', 'lead_responses']
    """
    awaited = {measure for kpi in plan.catalogue.kpis.values() for measure in kpi.awaits}
    own = {
        grouping.measure: frozenset((index,))
        for index, grouping in enumerate(plan.groupings)
        if grouping.measure in awaited and not grouping.by
    }
    return _relatives(plan, ("level", "open_set"), _BEGAN) | _of_terms(plan) | own


def _of_terms(plan: Plan) -> Witnesses:
    """For each level that rests on terms, those of its relatives that rest on the same: others began elsewhere."""
    terms = {name: FACTS[kind_of(measure)[1]].terms for name, measure in plan.catalogue.measures.items()}
    return {
        measure: frozenset(index for index in indexes if terms[plan.groupings[index].measure] == terms[measure])
        for measure, indexes in _relatives(plan, ("level", "open_set"), _BEGAN).items()
        if terms[measure]
    }


def of_later(plan: Plan, kinds: Iterable[str]) -> Witnesses:
    """For each measure of some kinds, whose cells show that what it counts went on; not what may lie ahead of that."""
    return _relatives(plan, kinds, None)


def firsts(witnesses: Witnesses, tiles: Tiles, before_ms: int) -> dict[str, int]:
    """When the first cell of a witness begins, by measure, in ms; of those that have one before then."""
    found = {measure: tiles.first_of(indexes, before_ms) for measure, indexes in witnesses.items()}
    return {measure: first_ms for measure, first_ms in found.items() if first_ms is not None}


def before_history(
    kpis: Iterable[str], period: Edges, sources: Sources, tiles: Tiles, calendar: Calendar
) -> frozenset[str]:
    """Those of some KPIs that over a period look further back than history: to a day before that of its first cell."""

    def looks_back(kpi: str) -> bool:
        first_ms = tiles.first_of(frozenset(sources.past_groupings(kpi, "")), period.to_ms)
        return first_ms is None or sources.looks_back_to(kpi, period) < calendar.day_start(first_ms)

    return frozenset(kpi for kpi in kpis if looks_back(kpi))


def any_from(witnesses: Witnesses, tiles: Tiles, from_ms: int) -> frozenset[str]:
    """The measures of which a witness has a cell that starts at an instant or later."""
    return frozenset(measure for measure, indexes in witnesses.items() if tiles.any_from(indexes, from_ms))


def only_of(witnesses: Witnesses, measures: AbstractSet[str]) -> Witnesses:
    """The witnesses of some measures."""
    return {measure: indexes for measure, indexes in witnesses.items() if measure in measures}


def _relatives(plan: Plan, kinds: Iterable[str], telling: Iterable[str] | None) -> Witnesses:
    """For each measure of ``kinds``, the totals of the same journey, if of ``telling`` kinds."""
    totals = [(index, grouping) for index, grouping in enumerate(plan.groupings) if not grouping.by]
    facts = {name: FACTS[kind_of(measure)[1]] for name, measure in plan.catalogue.measures.items()}
    return {
        mine.measure: frozenset(
            index
            for index, other in totals
            if facts[other.measure].journey == facts[mine.measure].journey
            and (not facts[other.measure].ahead if telling is None else other.kind in telling)
        )
        for _, mine in totals
        if mine.kind in kinds
    }
