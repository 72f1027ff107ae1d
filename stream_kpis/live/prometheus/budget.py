"""How much a catalogue may need: cells in memory and in the changelog, and series in /metrics; before anything runs."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from stream_kpis.engine.compiler import Grouping, Plan
from stream_kpis.engine.reading import quantile_of
from stream_kpis.engine.tiles import DAY_MS, FINE_KEPT_MS, FINE_MS, MID_KEPT_MS, MID_MS
from stream_kpis.journeys.facts import FACTS
from stream_kpis.kpis.formula import readings
from stream_kpis.kpis.load import nearest
from stream_kpis.kpis.schema import Kpi
from stream_kpis.live.model.snapshot import State
from stream_kpis.live.prometheus.metrics import GROUPS_MAX


def _most_words() -> dict[str, int]:
    """By dimension, of how many words it is where a fact declares them; of several facts, the most."""
    found: dict[str, int] = {}
    for fact in FACTS.values():
        for dimension, words in fact.words.items():
            found[dimension] = max(found.get(dimension, 0), len(words))
    return found


CLOSED = _most_words() | {
    "automated": 2,
    "close": 2,
    "decision_makers": 7,
    "direction": 2,
    "severity": 3,
    "upheld": 2,
    "voluntary": 3,
    "priority": 4,
}
"""Groups of the dimensions whose words are few by nature: what facts declare, else what is usual.

``decision_makers`` and ``voluntary`` may be unknown too, which no fact declares.
"""
GROUPS = 10
"""Groups of any other dimension."""
_PER_QUOTIENT, _PER_VALUE, _PER_INTERVAL, _QUANTILES = 2, 2, 2, 3


class Assumptions(NamedTuple):
    """What a catalogue alone does not tell."""

    days: int
    """Of history, all kept as day tiles but for the last 8."""
    facts_per_day: int
    """Of each measure, spread evenly over the day and the groups."""
    groups: Mapping[str, int]
    """By dimension, where it is neither closed nor of ``GROUPS``."""

    def groups_of(self, by: str) -> int:
        """The groups of a grouping; those of a pair are multiplied.

        >>> Assumptions(365, 1000, {"owner": 50}).groups_of("owner,kind")
        250
        """
        product = 1
        for dimension in by.split(",") if by else ():
            product *= self.groups.get(dimension, CLOSED.get(dimension, GROUPS))
        return product


def groups_given(texts: tuple[str, ...], plan: Plan) -> dict[str, int]:
    """The groups by dimension of texts such as ``owner=50``.

    Raises:
        ValueError: a text is not of that form, or the catalogue groups by no such dimension.
    """
    known = {dimension for grouping in plan.groupings for dimension in grouping.by.split(",") if dimension}
    found = {}
    for text in texts:
        dimension, _, number = text.partition("=")
        if not (number.isascii() and number.isdecimal() and int(number)):
            raise ValueError(f"budget_groups: {text!r} is not a dimension and its groups such as owner=50")
        if dimension not in known:
            raise ValueError(f"budget_groups: no measure is grouped by {dimension!r}{nearest(dimension, known)}")
        found[dimension] = int(number)
    return found


def cells(plan: Plan, assumptions: Assumptions) -> dict[str, int]:
    """By measure, how many cells are expected: groupings x tiles x the groups that a tile is expected to hold.

    Of what waits, which keeps a tile per start, a day's facts are expected at any time.
    """
    found: dict[str, float] = dict.fromkeys(plan.catalogue.measures, 0.0)
    for grouping in plan.groupings:
        found[grouping.measure] += _cells(grouping, assumptions)
    return {measure: round(number) for measure, number in found.items()}


def _cells(grouping: Grouping, assumptions: Assumptions) -> float:
    groups = assumptions.groups_of(grouping.by)
    if grouping.kind == "open_set":
        return assumptions.facts_per_day
    return sum(
        tiles * groups_met(groups, assumptions.facts_per_day * span_ms / DAY_MS)
        for tiles, span_ms in tiles_of(assumptions.days)
    )


def tiles_of(days: int) -> tuple[tuple[int, int], ...]:
    """The (number of tiles, length in ms) of each level, with so many days of history."""
    kept_days = MID_KEPT_MS // DAY_MS
    return (
        (FINE_KEPT_MS // FINE_MS, FINE_MS),
        ((min(days, kept_days) * DAY_MS - FINE_KEPT_MS) // MID_MS, MID_MS),
        (max(days - kept_days, 0), DAY_MS),
    )


def groups_met(groups: int, facts: float) -> float:
    """How many of some equally likely groups are expected among so many facts.

    >>> groups_met(1, 30), groups_met(2, 1), groups_met(10, 1000)
    (1.0, 1.0, 10.0)
    """
    return groups * (1 - (1 - 1 / groups) ** facts) if groups > 1 else min(1.0, facts)


def series(plan: Plan, assumptions: Assumptions) -> int:
    """How many series of KPIs /metrics is expected to have."""
    return sum(_series(kpi, name, plan, assumptions) for name, kpi in plan.catalogue.kpis.items())


def _series(kpi: Kpi, name: str, plan: Plan, assumptions: Assumptions) -> int:
    formula = plan.catalogue.formulas[name]
    durations = any(quantile_of(reading) is not None for reading in readings(formula))
    lines = _PER_VALUE + _PER_QUOTIENT * (formula.denominator is not None) + _PER_INTERVAL * (kpi.interval is not None)
    total = lines
    if durations:
        lines = 1 + _QUANTILES + _PER_INTERVAL
        total = lines + len(kpi.edges) + 3
    groups = sum(min(assumptions.groups_of(by), GROUPS_MAX) for by in kpi.by)
    return len(kpi.windows) * (total + len(State) + groups * lines)


def most(needed: Mapping[str, int], count: int = 5) -> Iterator[tuple[str, int]]:
    """The measures that need most, the largest first."""
    yield from sorted(needed.items(), key=lambda pair: (-pair[1], pair[0]))[:count]
