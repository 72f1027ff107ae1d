"""Which tiles each KPI reads: per reading a grouping and a span of time."""

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.reading import ENDING_NOW, FUNCTIONS
from stream_kpis.engine.tiles import Calendar, Edges, cohort_edges, over_edges, period_over, window_edges
from stream_kpis.kpis.formula import Formula, Part, Reading, parts, readings
from stream_kpis.kpis.load import Catalogue, days_of, kind_of
from stream_kpis.kpis.schema import READ_BY
from stream_kpis.live.model.sums import Span


class Source(NamedTuple):
    """Where one argument of a reading comes from, for one grouping."""

    span: Span
    grouping: int


def composed(catalogue: Catalogue, kpi: str) -> bool:
    """Whether a KPI is made of other values, or by a method: nobody's facts add up to it, nor do its groups."""
    return catalogue.formulas[kpi].composed or catalogue.kpis[kpi].method is not None


def measures_of(catalogue: Catalogue, kpi: str) -> list[str]:
    """The measures that a KPI or a part of it reads, by name."""
    formulas = [formula for formula in (catalogue.formulas[kpi], catalogue.samples.get(kpi)) if formula]
    own = {arg for formula in formulas for reading in readings(formula) for arg in reading.args if arg != "target"}
    return sorted(own.union(*(measures_of(catalogue, part.name) for formula in formulas for part in parts(formula))))


class Sources:
    """What the KPIs of a plan read.

    Args:
        plan: the compiled catalogue.
        calendar: the business days.
    """

    def __init__(self, plan: Plan, calendar: Calendar) -> None:
        self._catalogue, self._groupings, self._calendar = plan.catalogue, plan.groupings, calendar
        self._index_of = {(grouping.measure, grouping.by): index for index, grouping in enumerate(plan.groupings)}
        self._known: dict[tuple[str, str, str], tuple[Source, ...]] = {}
        self.order = self._in_order()
        """The KPIs, each after those that it is composed of."""

    def _in_order(self) -> tuple[str, ...]:
        done: dict[str, None] = {}

        def visit(name: str) -> None:
            for part in self.parts(name):
                visit(part.name)
            done.setdefault(name)

        for name in self._catalogue.kpis:
            visit(name)
        return tuple(done)

    def order_of(self, kpis: Collection[str]) -> tuple[str, ...]:
        """Some KPIs and all that they are composed of, each after those that it is composed of."""
        needed: set[str] = set()

        def visit(name: str) -> None:
            if name not in needed:
                needed.add(name)
                for part in self.parts(name):
                    visit(part.name)

        for name in kpis:
            visit(name)
        return tuple(name for name in self.order if name in needed)

    def formulas(self, kpi: str) -> Iterator[Formula]:
        """Of the value and, if there is one, of the samples."""
        yield self._catalogue.formulas[kpi]
        if kpi in self._catalogue.samples:
            yield self._catalogue.samples[kpi]

    def readings(self, kpi: str) -> Iterator[Reading]:
        """All readings of its own."""
        return (reading for formula in self.formulas(kpi) for reading in readings(formula))

    def parts(self, kpi: str) -> tuple[Part, ...]:
        """The KPIs that it is composed of, once each."""
        return tuple(dict.fromkeys(part for formula in self.formulas(kpi) for part in parts(formula)))

    def measures(self, kpi: str) -> set[str]:
        """All that it and its parts count."""
        own = {arg for reading in self.readings(kpi) for arg in reading.args}
        return own.union(*(self.measures(part.name) for part in self.parts(kpi)))

    def of_reading(self, kpi_id: str, measure: str, reading: Reading, by: str, window: str) -> Source:
        """Where a reading of a KPI finds a measure, in a window and grouping."""
        function, kpi = FUNCTIONS[reading.function], self._catalogue.kpis[kpi_id]
        read_by = READ_BY[kpi.method] if kpi.method else None
        index = self._index_of[measure, "" if function.of_all else by if read_by is None else read_by]
        grouping, part = self._groupings[index], function.span
        horizon_days = days_of(kpi.matured) if kpi.matured is not None else grouping.within_days
        if horizon_days:
            return Source(Span("cohort", window, horizon_days), index)
        if grouping.kind == "open_set" or (part == "until" and not reading.over.how):
            return Source(Span("until", "now"), index)
        return Source(Span(part, window, over=reading.over), index)

    def _past_readings(self, kpi: str) -> Iterator[tuple[str, Reading]]:
        """What its own readings read over days that are past: measures, each with the reading that reads it."""
        for reading in self.readings(kpi):
            for arg in reading.args:
                if arg in self._catalogue.pasts:
                    yield from ((name, past) for past in readings(self._catalogue.pasts[arg]) for name in past.args)
                elif arg != "target":
                    yield arg, reading

    def ending_now(self, kpi: str) -> set[str]:
        """Those of all that it and its parts count that know only windows that end now, by whatever reading."""
        measures = self._catalogue.measures
        return {name for name in measures_of(self._catalogue, kpi) if kind_of(measures[name])[0] in ENDING_NOW}

    def by_days(self, kpi: str) -> bool:
        """Whether it counts distinct parties, and knows them over whole days that are past too."""
        ending = self.ending_now(kpi)
        methods = [self._catalogue.kpis[name].method for name in self.order_of([kpi])]
        return bool(ending) and ending <= self._catalogue.pasts.keys() and not any(methods)

    def past_measures(self, kpi: str) -> set[str]:
        """All that it and its parts count over days that are past."""
        own = {measure for measure, _ in self._past_readings(kpi)}
        return own.union(*(self.past_measures(part.name) for part in self.parts(kpi)))

    def past_groupings(self, kpi: str, by: str) -> set[int]:
        """Those that it and its parts read over days that are past."""
        window = self._catalogue.kpis[kpi].windows[0]
        own = {self.of_reading(kpi, *read, by, window).grouping for read in self._past_readings(kpi)}
        return own.union(*(self.past_groupings(part.name, by) for part in self.parts(kpi)))

    def of(self, kpi: str, by: str, window: str) -> tuple[Source, ...]:
        """All that a KPI and its parts read, and for each cohort its base events that are too young."""
        found = self._known.get((kpi, by, window))
        if found is None:
            own = (
                self.of_reading(kpi, arg, reading, by, window)
                for reading in self.readings(kpi)
                for arg in reading.args
                if arg != "target"
            )
            of_parts = (source for part in self.parts(kpi) for source in self.of(part.name, by, window))
            found = self._known[kpi, by, window] = tuple(_with_young(dict.fromkeys((*own, *of_parts))))
        return found

    def looks_back_to(self, kpi: str, period: Edges) -> int:
        """The earliest instant, in ms, that a KPI or a part of it looks at over a period; a level is read at one."""
        spans = {source.span for source in self.of(kpi, "", self._catalogue.kpis[kpi].windows[0])}
        edges = [(span.part, period_over(period, span.over, self._calendar)) for span in spans if span.part != "young"]
        found = (over.to_ms if part == "until" else over.from_ms for part, over in edges)
        return min(found, default=period.from_ms)

    def edges(self, span: Span, to_ms: int) -> Edges:
        """What is summed for a span at an instant."""
        if span.part == "cohort":
            return cohort_edges(span.window, to_ms, span.horizon_days, self._calendar)
        if span.part == "young":
            return Edges(cohort_edges("all", to_ms, span.horizon_days, self._calendar).to_ms, to_ms)
        edges = Edges(0, to_ms)
        if span.window != "now":
            over = span.over
            edges = (
                over_edges(span.window, to_ms, over, self._calendar)
                if over.how
                else window_edges(span.window, to_ms, self._calendar)
            )
        return {"before": Edges(0, edges.from_ms), "until": Edges(0, edges.to_ms)}.get(span.part, edges)

    def shown_edges(self, kpi: str, window: str, to_ms: int) -> Edges:
        """The edges that are published: of the base events for cohorts, of the window for what is composed."""
        if not self._catalogue.formulas[kpi].composed:
            for source in self.of(kpi, "", window):
                if source.span.part == "cohort":
                    return self.edges(source.span, to_ms)
        return window_edges(window, to_ms, self._calendar)


def _with_young(sources: Iterable[Source]) -> Iterator[Source]:
    for source in sources:
        yield source
        if source.span.part == "cohort":
            yield Source(Span("young", "now", source.span.horizon_days), source.grouping)
