"""Whose cells tell what a measure's own cells have forgotten.

An answered ticket leaves no open-set cell, and the moves of a level may cancel out within a tile. How it ended stays: a
duration, counted when it was over.
"""

from collections.abc import Iterable

from stream_kpis.engine.compiler import Plan
from stream_kpis.journeys.facts import FACTS
from stream_kpis.kpis.load import kind_of

Witnesses = dict[str, frozenset[int]]
"""By measure, the indexes of total groupings."""

_BEGAN = ("level", "open_set", "distribution", "joined")
"""Kinds that count what began: it stands, or it took a time."""


def of_beginnings(plan: Plan) -> Witnesses:
    """For each level and open set, whose cells show that a first of what it counts began.

    >>> from stream_kpis.engine.compiler import compile_catalogue; from stream_kpis.kpis.load import built_in
    >>> plan = compile_catalogue(built_in())
    >>> [plan.groupings[index].measure for index in sorted(of_beginnings(plan)["unanswered"])]
    ['first_responses', 'unanswered', 'first_resolutions', 'tickets_open']
    """
    return _relatives(plan, ("level", "open_set"), _BEGAN)


def of_later(plan: Plan, kinds: Iterable[str]) -> Witnesses:
    """For each measure of some kinds, whose cells show that what it counts went on."""
    return _relatives(plan, kinds, None)


def _relatives(plan: Plan, kinds: Iterable[str], telling: Iterable[str] | None) -> Witnesses:
    """For each measure of ``kinds``, the totals of the same journey, if of ``telling`` kinds."""
    totals = [(index, grouping) for index, grouping in enumerate(plan.groupings) if not grouping.by]
    journeys = {name: FACTS[kind_of(measure)[1]].journey for name, measure in plan.catalogue.measures.items()}
    return {
        mine.measure: frozenset(
            index
            for index, other in totals
            if journeys[other.measure] == journeys[mine.measure] and (telling is None or other.kind in telling)
        )
        for _, mine in totals
        if mine.kind in kinds
    }
