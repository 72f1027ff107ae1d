"""From a KPI's readings to what is shown of it: value, parts, samples, interval, state."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.reading import STANDING, balance_of, mean_of, quantile_of
from stream_kpis.engine.tiles import Edges
from stream_kpis.kpis.formula import Formula, Part, Reading, default_samples, evaluate
from stream_kpis.live.model.intervals import Bounds, balance, is_share, mean, wilson
from stream_kpis.live.model.readings import KpiReader
from stream_kpis.live.model.snapshot import State, Value
from stream_kpis.live.model.sources import Sources

SCALE = {
    "currency": 1e6, "score": 1e6, "seconds": 1e3, "quantity": 1e3, "currency_per_second": 1e3, "per_second": 1e-3,
}  # fmt: skip
"""What a number as kept in state is divided by, by the KPI's unit."""
_SEVERITY = {state: number for number, state in enumerate(State)}


class Place(NamedTuple):
    """Which value: of a KPI, over a window, of a group."""

    kpi: str
    window: str
    by: str
    group: str
    edges: Edges


def worst(states: Iterable[State]) -> State:
    """The first in the order of states; ok if there is none."""
    return min(states, key=_SEVERITY.__getitem__, default=State.OK)


class Valuer:
    """Makes the values of a catalogue's KPIs."""

    def __init__(self, plan: Plan, sources: Sources) -> None:
        self._catalogue, self._sources = plan.catalogue, sources

    def part(self, part: Part, value: Value | None) -> float | None:
        """What a formula reads of another KPI's value, in units of state; for ``ok`` only if that is its state."""
        if value is None or value.value is None or (part.function == "ok" and value.state is not State.OK):
            return None
        return value.value * SCALE.get(self._catalogue.kpis[part.name].unit, 1)

    def value(
        self, place: Place, reader: KpiReader, parts: Mapping[str, Value | None], *, known: bool, ripens: bool = False
    ) -> Value:
        """One value.

        Args:
            place: of what.
            reader: reads its measures.
            parts: the values that it is composed of, by KPI.
            known: whether the group has any data.
            ripens: whether base events of the group came, and none but those too young for the window.
        """
        name, kpi = place.kpi, self._catalogue.kpis[place.kpi]
        formula, scale = self._catalogue.formulas[name], SCALE.get(kpi.unit, 1)
        above = evaluate(formula.numerator, reader)
        below = None if formula.denominator is None else evaluate(formula.denominator, reader)
        if formula.denominator is None:
            value = None if above is None else above / scale if scale != 1 else above
        else:
            value = above / below / scale if above is not None and below is not None and below > 0 else None
            if kpi.interval == "wilson" and not is_share(above or 0, below or 0):
                value = None
        samples = self._samples(name, formula, above, below, reader, parts)
        observed = None if formula.composed else reader.durations(formula.numerator)
        bounds: Bounds = (None, None)
        if value is not None and above is not None and below is not None:
            bounds = self._interval(name, above, below, reader)
        elif observed is not None and formula.denominator is None:
            bounds = _in_unit(observed[1], scale)
        ratio = formula.denominator is not None
        state = self._state(place, value, samples, known=known, ripens=ripens)
        if formula.composed:
            state = self._composed_state(name, state, parts, there=value is not None)
        return Value(
            name, place.window, place.by, place.group, place.edges.from_ms, place.edges.to_ms, value,
            int(above or 0) if ratio else None, int(below or 0) if ratio else None,
            samples, state, *bounds, None if observed is None else observed[0],
        )  # fmt: skip

    def _interval(self, name: str, above: float, below: float, reader: KpiReader) -> Bounds:
        """What a KPI declares, of a quotient that has a value."""
        formula = self._catalogue.formulas[name]
        match self._catalogue.kpis[name].interval:
            case "wilson":
                return wilson(above, below)
            case "nps" if sides := balance_of(formula):
                promoting, detracting = (evaluate(side, reader) or 0 for side in sides)
                return balance(promoting, detracting, below)
            case "mean" if total := mean_of(formula):
                return mean(int(above), reader.squares(total), int(below))
            case _:
                return None, None

    def _composed_state(self, name: str, own: State, parts: Mapping[str, Value | None], *, there: bool) -> State:
        """The worst of its parts' and its own; without a value, the worst of the parts that it lacks."""
        states = {
            part: State.NO_DATA if (v := parts[part.name]) is None else v.state for part in self._sources.parts(name)
        }
        if there:
            return worst((own, *states.values()))
        lacking = [state for part, state in states.items() if self.part(part, parts[part.name]) is None]
        return worst(lacking) if lacking else State.NO_DATA

    def _samples(
        self, name: str, formula: Formula, above: float | None, below: float | None, reader: KpiReader,
        parts: Mapping[str, Value | None],
    ) -> int:  # fmt: skip
        said = self._catalogue.samples.get(name)
        if said is not None:
            many = evaluate(said.numerator, reader) or 0
            each = 1 if said.denominator is None else evaluate(said.denominator, reader) or 0
            return int(many // each) if each > 0 else 0
        if formula.composed:
            return min((0 if part is None else part.samples for part in parts.values()), default=0)
        if isinstance(formula.numerator, Reading) and quantile_of(formula.numerator) is not None:
            return reader.observations(formula.numerator)
        return int((above if default_samples(formula) is formula.numerator else below) or 0)

    def _state(self, place: Place, value: float | None, samples: int, *, known: bool, ripens: bool) -> State:
        """What a value deserves by itself."""
        kpi = self._catalogue.kpis[place.kpi]
        known = known or any(reading.function in STANDING for reading in self._sources.readings(place.kpi))
        if value is None or not known:
            return State.IMMATURE if known and ripens else State.NO_DATA
        if samples < kpi.min_samples and not kpi.cases:
            return State.LOW_SAMPLE
        return State.OK


def _in_unit(bounds: Bounds, scale: float) -> Bounds:
    lower, upper = (None if bound is None else bound / scale for bound in bounds)
    return lower, upper
