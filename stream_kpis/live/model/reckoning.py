"""All values of one KPI over one window and grouping, from the sums of its measures."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.measures import BASE, Cell
from stream_kpis.engine.reading import FUNCTIONS
from stream_kpis.engine.tiles import Calendar, Edges
from stream_kpis.kpis.formula import Reading
from stream_kpis.kpis.goals import Goals
from stream_kpis.live.model.methods import METHODS
from stream_kpis.live.model.methods.asked import Asked
from stream_kpis.live.model.readings import KpiReader, Read
from stream_kpis.live.model.snapshot import Value
from stream_kpis.live.model.sources import Source, Sources
from stream_kpis.live.model.sums import RunningSum, Span, Tiles
from stream_kpis.live.model.valuing import Place, Valuer

Found = dict[tuple[str, str, str], tuple[Value, ...]]
"""Values by KPI, window and grouping."""
PERIOD = "period"
GROUPS_MAX = 200
"""Groups of a grouping that have values: those with facts in the most tiles."""
_EMPTY: Cell = {}


class View(NamedTuple):
    """The world at one instant, as windows or as one period see it."""

    to_ms: int
    sums: Mapping[Span, RunningSum]
    begun: Mapping[str, int]
    """By level, open set and awaited measure, when a first of it began, in ms."""
    edges_of: Callable[[Span, int], Edges]
    found: Found
    """The values of the KPIs that came before."""
    aimed: Mapping[tuple[str, str, str], frozenset[str]] = MappingProxyType({})
    """By KPI, window and grouping the groups that have a value even if nothing counts in them, for their target."""


class _Sight:
    """One KPI in a view: what its readings read, in one window and grouping."""

    def __init__(self, sources: Sources, view: View, name: str, by: str, window: str, edges: Edges) -> None:
        self._sources, self._view, self._name, self._by = sources, view, name, by
        self._window, self._edges = window, edges

    def grouping(self, measure: str, reading: Reading) -> int:
        """The grouping that a reading reads."""
        return self._sources.of_reading(self._name, measure, reading, self._by, self._window).grouping

    def cells(self, measure: str, reading: Reading) -> Mapping[str, Cell]:
        """The summed cells by group."""
        source = self._sources.of_reading(self._name, measure, reading, self._by, self._window)
        return self._view.sums[source.span].sums[source.grouping]

    def edges(self, reading: Reading) -> Edges:
        """The window that a reading is over."""
        if not reading.over.how:
            return self._edges
        span = self._sources.of_reading(self._name, reading.args[0], reading, self._by, self._window).span
        return self._view.edges_of(span._replace(part="window"), self._view.to_ms)


class Reckoner:
    """Reads the KPIs of a plan.

    Args:
        plan: the compiled catalogue.
        sources: what its KPIs read.
        tiles: the cells, by which groups are known.
        calendar: the business days.
        goals: quotas and the shares of experiments.
    """

    def __init__(self, plan: Plan, sources: Sources, tiles: Tiles, calendar: Calendar, goals: Goals) -> None:
        self._kpis, self._groupings, self._calendars = plan.catalogue.kpis, plan.groupings, plan.calendars
        self._sources, self._tiles, self._calendar, self._goals = sources, tiles, calendar, goals
        self._valuer = Valuer(plan, sources)
        self._left_out: dict[tuple[str, str], int] = {}
        """By KPI and grouping, how many groups have no values."""

    @property
    def groups_left_out(self) -> int:
        """How many groups have no values, over all KPIs and groupings."""
        return sum(self._left_out.values())

    def left_out(self, by: str) -> dict[str, int]:
        """How many groups of a grouping have no values, by KPI, of those that leave some out."""
        return {name: count for (name, grouping), count in self._left_out.items() if grouping == by and count}

    def values(self, name: str, window: str, by: str, edges: Edges, view: View) -> Iterator[Value]:
        """The values of a KPI, by group.

        Args:
            name: the KPI.
            window: of the values, or ``period``.
            by: the grouping.
            edges: of the window.
            view: where to read; it has the values of all KPIs that this one is composed of.
        """
        kpi = self._kpis[name]
        summed = kpi.windows[0] if window == PERIOD else window
        sight = _Sight(self._sources, view, name, by, summed, edges)
        parts = [part.name for part in self._sources.parts(name)]
        if kpi.method is not None:
            firsts = {arg: reading for reading in self._sources.readings(name) for arg in reading.args}
            measured = {measure: partial(sight.cells, measure, reading) for measure, reading in firsts.items()}
            indexes = {measure: sight.grouping(measure, reading) for measure, reading in firsts.items()}
            of_parts = [view.found[part, window, by] for part in parts]
            where = (self._tiles, self._calendar, self._goals)
            asked = Asked(name, kpi, window, by, edges, view.to_ms, of_parts, measured, indexes, *where)
            yield from METHODS[kpi.method](asked)
            return
        by_group = {part: {value.group: value for value in view.found[part, window, by]} for part in parts}
        read_from = self._sources.of(name, by, summed)
        young, matured = ([one for one in read_from if one.span.part == part] for part in ("young", "cohort"))
        there = [self._tiles.groups_of(index) for index in {source.grouping for source in read_from}]
        aimed = view.aimed.get((name, window, by), frozenset())
        for group in sorted({*self.groups(name, by, summed), *aimed}):
            values = {part: by_group[part].get(group) for part in parts}
            known = any(group in groups or (group in aimed and groups) for groups in there)
            reader = KpiReader(self._read(sight, group, values), kpi, view.to_ms, view.begun, self._calendars)
            ripens = self._came(group, young, view) and not self._came(group, matured, view)
            place = Place(name, window, by, group, edges)
            yield self._valuer.value(place, reader, values, known=known, ripens=ripens)

    def _came(self, group: str, sources: Iterable[Source], view: View) -> bool:
        """Whether a group has base events in the span of any of some sources."""
        for span, grouping in sources:
            cells = view.sums[span].sums[grouping]
            if cells.get(group if self._groupings[grouping].by else "", _EMPTY).get(BASE, 0):
                return True
        return False

    def reader(self, value: Value, view: View) -> KpiReader:
        """Reads what the formula of a value of the view does."""
        values = {
            part.name: next((v for v in view.found[part.name, value.window, value.by] if v.group == value.group), None)
            for part in self._sources.parts(value.kpi)
        }
        read = self._read(self._sight(value, view), value.group, values)
        return KpiReader(read, self._kpis[value.kpi], view.to_ms, view.begun, self._calendars)

    def cell(self, value: Value, measure: str, reading: Reading, view: View) -> Cell:
        """The summed cell of a measure that a reading of a value of the view reads."""
        return self._read(self._sight(value, view), value.group, {}).cell(measure, reading)

    def _sight(self, value: Value, view: View) -> _Sight:
        return _Sight(self._sources, view, value.kpi, value.by, value.window, Edges(value.from_ms, value.to_ms))

    def _read(self, sight: _Sight, group: str, parts: Mapping[str, Value | None]) -> Read:
        def cell(measure: str, reading: Reading) -> Cell:
            return sight.cells(measure, reading).get("" if FUNCTIONS[reading.function].of_all else group, _EMPTY)

        return Read(cell, sight.edges, lambda part: self._valuer.part(part, parts[part.name]))

    def groups(self, name: str, by: str, window: str) -> list[str]:
        """The groups of a KPI that have values: all that there are, up to the bound."""
        if not by:
            return [""]
        tiles: Counter[str] = Counter()
        for grouping in {source.grouping for source in self._sources.of(name, by, window)}:
            if self._groupings[grouping].by:
                tiles.update(self._tiles.groups_of(grouping))
        self._left_out[name, by] = max(len(tiles) - GROUPS_MAX, 0)
        if len(tiles) > GROUPS_MAX:
            return sorted(sorted(tiles, key=lambda group: (-tiles[group], group))[:GROUPS_MAX])
        return sorted(tiles)
