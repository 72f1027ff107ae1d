"""What is not in a value, and why: what its definition leaves out, and what the shards could not use. Pure."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.measures import BELOW
from stream_kpis.engine.reading import FUNCTIONS
from stream_kpis.kpis.load import days_of
from stream_kpis.live.api import rfc3339
from stream_kpis.live.model.read_model import ReadModel
from stream_kpis.live.model.snapshot import Snapshot, Value
from stream_kpis.live.model.sources import Sources, measures_of
from stream_kpis.live.prometheus.pipeline import DEAD_LETTERS
from stream_kpis.live.receipts.figures import Figures

_COUNTERS = {
    "duplicates": "came before with the same bytes",
    "voided": "taken back by event.voided",
    "voids_unmatched": "voids whose event was not there, or was sealed",
    "unused": "no KPI uses their type",
}
"""What of all events does not count, by the shards' counters."""


class Exclusion(NamedTuple):
    """Something that is not in the value, and why."""

    reason: str
    number: int
    of: str
    """``this KPI``, the KPI that it is composed of, or ``all events``: what the shards counted, whatever the KPI."""
    why: str


class Exclusions:
    """What the definitions of a catalogue's KPIs leave out.

    Args:
        plan: the compiled catalogue.
        model: what the snapshots come from.
        sources: what its KPIs read.
        figures: what stands in their formulas.
    """

    def __init__(self, plan: Plan, model: ReadModel, sources: Sources, figures: Figures) -> None:
        self._catalogue, self._model, self._sources, self._figures = plan.catalogue, model, sources, figures

    def of(self, value: Value, snapshot: Snapshot) -> Iterator[Exclusion]:
        """What the definitions of a value and of its parts leave out, where the cells know it."""
        yield from self._own(value, snapshot, "this KPI")
        place = (value.window, value.by, value.group)
        there = {v.kpi: v for v in snapshot.values if (v.window, v.by, v.group) == place}
        for name in self._sources.order_of([value.kpi])[:-1]:
            if name in there:
                yield from self._own(there[name], snapshot, name)

    def _own(self, value: Value, snapshot: Snapshot, of: str) -> Iterator[Exclusion]:
        for reading in self._figures.read_by(value.kpi):
            if FUNCTIONS[reading.function].kinds[0] == ("distribution",):
                cell = self._model.cell(value, reading.args[0], reading)
                if below := cell.get(BELOW, 0):
                    yield Exclusion("clock_skew", below, of, "ended before they began")
        horizon_days = self.horizon_days(value.kpi)
        if horizon_days and value.to_ms < snapshot.to_ms:
            later = self._model.period(value.to_ms, snapshot.to_ms, [value.kpi])
            young = sum(v.denominator or 0 for v in later if (v.by, v.group) == (value.by, value.group))
            if young:
                why = f"since {rfc3339(value.to_ms)[:10]}: not yet {horizon_days} days old"
                yield Exclusion("immature", young, of, why)

    def horizon_days(self, name: str) -> int:
        """How old base events must be to count in a KPI; 0 if it counts none."""
        kpi = self._catalogue.kpis[name]
        if kpi.matured is not None:
            return days_of(kpi.matured)
        within = (self._catalogue.measures[measure].within for measure in measures_of(self._catalogue, name))
        return max((days_of(span) for span in within if span), default=0)


def dropped(snapshot: Snapshot) -> list[Exclusion]:
    """What of all events the shards did not count, since they began: dead letters by reason, and the rest."""
    totals: Counter[str] = Counter()
    for position in snapshot.shards:
        totals.update(position.counters)
    dead = sorted((name, n) for name, n in totals.items() if name.startswith(DEAD_LETTERS) and n)
    return [
        *(Exclusion(name.removeprefix(DEAD_LETTERS), n, "all events", "dead letters") for name, n in dead),
        *(Exclusion(name, totals[name], "all events", why) for name, why in _COUNTERS.items() if totals[name]),
    ]
