"""One KPI over any closed days, read from day cells: a value, or the numerators and denominators of its days."""

from collections.abc import Sequence
from typing import NamedTuple

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.measures import COUNT, SUM, Cell
from stream_kpis.engine.reading import FUNCTIONS, quantile_of
from stream_kpis.engine.tiles import Edges
from stream_kpis.kpis.formula import Reading, evaluate, readings
from stream_kpis.live.model.operators.days import Course, Daily, Days
from stream_kpis.live.model.readings import KpiReader, Read
from stream_kpis.live.model.snapshot import Value
from stream_kpis.live.model.sources import Sources
from stream_kpis.live.model.valuing import Place, Valuer
from stream_kpis.live.model.witnesses import Witnesses, of_beginnings


class _World(NamedTuple):
    """What all groups of all KPIs read."""

    plan: Plan
    sources: Sources
    valuer: Valuer
    days: Days
    beginnings: Witnesses


def day_groupings(sources: Sources, beginnings: Witnesses, kpi: str, by: str) -> set[int]:
    """The groupings that a KPI reads by day, and those that tell since when there is what it counts."""
    tell = (beginnings.get(measure, ()) for measure in sources.measures(kpi))
    return sources.past_groupings(kpi, by).union(*tell)


def _firsts(world: _World, kpi: str) -> dict[str, int]:
    beginnings, measures = world.beginnings, world.sources.measures(kpi)
    days = {measure: world.days.first(beginnings[measure]) for measure in measures if measure in beginnings}
    return {measure: day for measure, day in days.items() if day is not None}


class Closed:
    """Reads the KPIs of a plan over closed days.

    Args:
        plan: the compiled catalogue.
        sources: what its KPIs read.
        days: the cells.
    """

    def __init__(self, plan: Plan, sources: Sources, days: Days) -> None:
        self._kpis, self._sources, self._days = plan.catalogue.kpis, sources, days
        self._world = _World(plan, sources, Valuer(plan, sources), days, of_beginnings(plan))

    def begin(self, kpi: str) -> int | None:
        """The day on which its history begins: of the earliest fact of any of its measures, in whatever group."""
        return self._days.first(self._sources.past_groupings(kpi, ""))

    def firsts(self, kpi: str) -> dict[str, int]:
        """By level and awaited measure that it or a part of it reads, the day on which a first of it began."""
        return _firsts(self._world, kpi)

    def tells_begin(self, kpi: str) -> set[int]:
        """The groupings that :meth:`begin` and :meth:`firsts` read."""
        return day_groupings(self._sources, self._world.beginnings, kpi, "")

    def lag_days(self, kpi: str) -> int:
        """How many days before today its last base events lie: those that are matured."""
        sources = self._sources.of(kpi, "", self._kpis[kpi].windows[0])
        return max((source.span.horizon_days for source in sources), default=0)

    def of_group(self, kpi: str, by: str, group: str) -> "ClosedGroup":
        """One group of one KPI."""
        return ClosedGroup(self._world, kpi, by, group)


class ClosedGroup:
    """One group of one KPI over any closed days. Keeps the sums of its measures, so it is not to outlive a change."""

    def __init__(self, world: _World, kpi: str, by: str, group: str) -> None:
        self._world = world
        self._plan, self._sources, self._valuer, self._days, _ = world
        self._name, self._by, self._group = kpi, by, group
        self._courses: dict[tuple[int, str], Course] = {}
        self._firsts: dict[str, dict[str, int]] = {}
        """By KPI the levels that it reads and what it awaits, with when the day of a first of each begins, in ms."""
        self._pairs: dict[int, tuple[int, int]] = {}

    def value(self, first: int, end: int) -> Value:
        """Its value over the days from ``first`` to the one before ``end``; a level is that at the start of ``end``."""
        return self._value(self._name, first, end)

    def _value(self, name: str, first: int, end: int) -> Value:
        parts = {part.name: self._value(part.name, first, end) for part in self._sources.parts(name)}
        edges = Edges(self._days.start_ms(first), self._days.start_ms(end))
        window = self._plan.catalogue.kpis[name].windows[0]
        place = Place(name, window, self._by, self._group, edges)
        return self._valuer.value(place, self._reader(name, first, end, parts), parts, known=True)

    def _reader(self, name: str, first: int, end: int, parts: dict[str, Value]) -> KpiReader:
        edges = Edges(self._days.start_ms(first), self._days.start_ms(end))
        window, pasts = self._plan.catalogue.kpis[name].windows[0], self._plan.catalogue.pasts

        def cell(measure: str, reading: Reading) -> Cell:
            if measure in pasts:
                return {COUNT: int(evaluate(pasts[measure].numerator, reader) or 0)}
            function = FUNCTIONS[reading.function]
            source = self._sources.of_reading(name, measure, reading, self._by, window)
            course = self._course(source.grouping, "" if function.of_all else self._group)
            span = {"before": (0, first), "until": (0, end)}.get(function.span, (first, end))
            return course.between(*span)

        read = Read(cell, lambda _: edges, lambda part: self._valuer.part(part, parts[part.name]))
        begun = self._begun(name, edges.to_ms)
        reader = KpiReader(read, self._plan.catalogue.kpis[name], edges.to_ms, begun, self._plan.calendars)
        return reader

    def _course(self, index: int, group: str) -> Course:
        found = self._courses.get((index, group))
        if found is None:
            found = self._courses[index, group] = self._days.course(index, group)
        return found

    def _begun(self, name: str, to_ms: int) -> dict[str, int]:
        """The levels that it reads and what it awaits of which a first began before an instant, with when."""
        if name not in self._firsts:
            days = _firsts(self._world, name)
            self._firsts[name] = {measure: self._days.start_ms(day) for measure, day in days.items()}
        return {measure: first_ms for measure, first_ms in self._firsts[name].items() if first_ms < to_ms}

    def daily(self, begin: int | None, span: tuple[int, int] | None = None) -> Daily:
        """Numerator and denominator of each day: of those that have anything of its own, or of all of a span.

        A sum and a level have the denominator 1; a quantile has the sum and the count of its durations.
        """
        days: Sequence[int] = range(*span) if span else self._days_with_anything()
        for day in days:
            if day not in self._pairs:
                self._pairs[day] = self._pair(day)
        return Daily({day: self._pairs[day] for day in days}, begin)

    def _days_with_anything(self) -> Sequence[int]:
        formula, kpi = self._plan.catalogue.formulas[self._name], self._plan.catalogue.kpis[self._name]
        indexes = {
            self._sources.of_reading(self._name, arg, reading, self._by, kpi.windows[0]).grouping
            for reading in readings(formula)
            for arg in reading.args
        }
        return sorted({day for index in indexes for day in self._days.of(index, self._group)})

    def _pair(self, day: int) -> tuple[int, int]:
        formula = self._plan.catalogue.formulas[self._name]
        reader = self._reader(self._name, day, day + 1, {})
        node = formula.numerator
        if isinstance(node, Reading) and quantile_of(node) is not None:
            window = self._plan.catalogue.kpis[self._name].windows[0]
            source = self._sources.of_reading(self._name, node.args[0], node, self._by, window)
            cell = self._days.of(source.grouping, self._group).get(day, {})
            return cell.get(SUM, 0), cell.get(COUNT, 0)
        num, den = evaluate(node, reader), 1
        if formula.denominator is not None:
            found = evaluate(formula.denominator, reader)
            den = int(found) if found is not None else 0
        return (int(num), den) if num is not None else (0, 0)
