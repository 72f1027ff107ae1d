"""The read model: all shards' cells merged, windows slid, KPIs read. Pure: records and times in, snapshots out."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from stream_kpis.engine.batch import Header
from stream_kpis.engine.cells import decode_cell
from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.measures import Cell, add
from stream_kpis.engine.reading import ENDING_NOW, FUNCTIONS, STANDING
from stream_kpis.engine.tiles import DAY_MS, Calendar, Edges, cohort_edges, round_up, window_edges
from stream_kpis.kpis.formula import Formula, Reading, evaluate, readings
from stream_kpis.kpis.load import days_of
from stream_kpis.kpis.schema import Kpi
from stream_kpis.live.pseudonyms import REAL, Pseudonyms
from stream_kpis.live.readings import KpiReader, wilson
from stream_kpis.live.snapshot import ShardPosition, Snapshot, State, Value
from stream_kpis.live.sums import RunningSum, Span, Tiles
from stream_kpis.live.witnesses import Witnesses, of_beginnings, of_later

Sums = Mapping[Span, RunningSum]
_SCALE = {"currency": 1e6, "score": 1e6, "seconds": 1e3, "currency_per_second": 1e3}
_EMPTY: Cell = {}
_FOREVER_MS = 1 << 60
PERIOD = "period"
GROUPS_MAX = 200
"""Groups of a grouping that have values: those with facts in the most tiles."""


class _Source(NamedTuple):
    """Where one argument of a reading comes from, for one grouping."""

    span: Span
    grouping: int


class ReadModel:
    """The merged cells and what they say.

    Args:
        plan: the compiled catalogue.
        calendar: the business days.
        currency: the reporting currency.
        names: how people are called; nothing here knows their real names.
    """

    def __init__(self, plan: Plan, calendar: Calendar, currency: str = "USD", names: Pseudonyms = REAL) -> None:
        self._plan, self._names = plan, names
        self._calendar = calendar
        self._definitions = {**plan.definitions, "zone": calendar.zone, "currency": currency}
        self._foreign: dict[int, frozenset[str]] = {}
        """By shard, what it counts under other definitions than these."""
        self._known_sources: dict[tuple[str, str, str], tuple[_Source, ...]] = {}
        self._kinds = [grouping.kind for grouping in plan.groupings]
        self._index = {grouping.key: index for index, grouping in enumerate(plan.groupings)}
        self._index_of = {(grouping.measure, grouping.by): index for index, grouping in enumerate(plan.groupings)}
        self._tiles = Tiles(self._kinds)
        self._beginnings, self._later = of_beginnings(plan), of_later(plan, ENDING_NOW)
        self._begun = frozenset[str]()
        """The levels and open sets of which a first began."""
        self._stored: dict[tuple[int, bytes], bytes] = {}
        self._sums = self._running_sums()
        self._sums_of: list[list[RunningSum]] = [
            [total for span, total in self._sums.items() if index in total.sums] for index in range(len(self._kinds))
        ]
        self._values: dict[tuple[str, str, str], tuple[Value, ...]] = {}
        self._left_out: dict[tuple[str, str], int] = {}
        """By KPI and grouping, how many groups have no values."""
        self._to_ms = 0

    # What comes in.

    def apply(self, partition: int, cells: Iterable[tuple[bytes, bytes | None]], header: Header | None = None) -> None:
        """Takes one flush of a shard: records of the cells changelog, complete up to their header."""
        if header is not None:
            theirs = header.definitions
            self._foreign[partition] = frozenset(n for n, said in self._definitions.items() if theirs.get(n) != said)
        for key, value in cells:
            self._apply_cell(partition, key, value)

    def _apply_cell(self, partition: int, key: bytes, value: bytes | None) -> None:
        prefix, _, tile = key.rpartition(b"\x1f")
        index = self._index.get(prefix + b"\x1f")
        if index is None:
            return
        changes: dict[str, Cell] = {}
        by = self._plan.groupings[index].by
        old = self._stored.pop((partition, key), None)
        if old is not None:
            for group, slot, n in decode_cell(old):
                add(changes.setdefault(self._names.group(by, group), {}), {slot: n}, -1)
        if value is not None:
            self._stored[partition, key] = value
            for group, slot, n in decode_cell(value):
                add(changes.setdefault(self._names.group(by, group), {}), {slot: n})
        code = int(tile)
        for group, change in changes.items():
            if change:
                known = len(self._tiles.groups_of(index))
                self._tiles.add(code, index, group, change)
                for total in self._sums_of[index]:
                    total.change(code, index, group, change)
                    if len(self._tiles.groups_of(index)) != known:
                        total.dirty.add(index)  # a group came or went: windows without it show that too

    # Windows.

    def _edges(self, span: Span, to_ms: int) -> Edges:
        if span.part == "until":
            return Edges(0, to_ms)
        if span.part == "cohort":
            return cohort_edges(span.window, to_ms, span.horizon_days, self._calendar)
        edges = window_edges(span.window, to_ms, self._calendar)
        return Edges(0, edges.from_ms) if span.part == "before" else edges

    def _source(self, kpi: Kpi, measure: str, function: str, by: str, window: str) -> _Source:
        read = FUNCTIONS[function]
        index = self._index_of[measure, "" if read.of_all else by]
        grouping, part = self._plan.groupings[index], read.span
        horizon_days = days_of(kpi.matured) if kpi.matured is not None else grouping.within_days
        if horizon_days:
            return _Source(Span("cohort", window, horizon_days), index)
        if grouping.kind == "open_set" or part == "until":
            return _Source(Span("until", "now"), index)
        return _Source(Span(part, window), index)

    def _running_sums(self) -> dict[Span, RunningSum]:
        needed: dict[Span, set[int]] = {}
        for name, kpi in self._plan.catalogue.kpis.items():
            for window in kpi.windows:
                for by in ("", *kpi.by):
                    for source in self._sources(name, by, window):
                        needed.setdefault(source.span, set()).add(source.grouping)
        return {
            span: RunningSum(self._tiles, self._kinds, indexes, lambda to_ms, span=span: self._edges(span, to_ms))  # type: ignore[misc]
            for span, indexes in needed.items()
        }

    def _formulas(self, kpi: str) -> Iterator[Formula]:
        yield self._plan.catalogue.formulas[kpi]
        if kpi in self._plan.catalogue.samples:
            yield self._plan.catalogue.samples[kpi]

    def _sources(self, kpi: str, by: str, window: str) -> tuple[_Source, ...]:
        """All that a KPI reads."""
        found = self._known_sources.get((kpi, by, window))
        if found is None:
            found = self._known_sources[kpi, by, window] = tuple(
                self._source(self._plan.catalogue.kpis[kpi], arg, reading.function, by, window)
                for formula in self._formulas(kpi)
                for reading in readings(formula)
                for arg in reading.args
                if arg != "target"
            )
        return found

    # What goes out.

    def snapshot(
        self, now_ms: int, *, stale: bool = False, made_ms: int = 0, shards: tuple[ShardPosition, ...] = ()
    ) -> Snapshot:
        """All values at a kpi-now.

        Args:
            now_ms: kpi-now; windows end at the next multiple of 10 s.
            stale: whether shards lag or are silent, so that all values are stale.
            made_ms: the wall clock, to be shown.
            shards: the positions that belong to it.
        """
        to_ms = round_up(now_ms)
        for total in self._sums.values():
            total.move(to_ms)
        begun = self._told(self._beginnings, 0, to_ms)
        moved = to_ms != self._to_ms or begun != self._begun
        self._begun = begun
        values: list[Value] = []
        for name, kpi in self._plan.catalogue.kpis.items():
            for window in kpi.windows:
                edges = self._shown_edges(name, window, to_ms)
                for by in ("", *kpi.by):
                    values += self._current(name, kpi, window, by, edges, to_ms, moved)
        for total in self._sums.values():
            total.dirty.clear()
        self._to_ms = to_ms
        distrusted = set(self._plan.catalogue.kpis) if stale else self._distrusted()
        if distrusted:
            values = [v._replace(state=State.STALE) if v.kpi in distrusted else v for v in values]
        return Snapshot(now_ms, to_ms, made_ms, tuple(values), shards, sum(self._left_out.values()))

    def _told(self, witnesses: Witnesses, from_ms: int, to_ms: int) -> frozenset[str]:
        """The measures of which a witness has a cell in [from, to)."""
        return frozenset(
            measure for measure, indexes in witnesses.items() if self._tiles.any_of(indexes, from_ms, to_ms)
        )

    def _distrusted(self) -> set[str]:
        """The KPIs that read what some shard counts under another definition, zone or currency."""
        foreign = frozenset[str]().union(*self._foreign.values())
        if foreign & {"zone", "currency"}:
            return set(self._plan.catalogue.kpis)
        return {kpi for kpi in self._plan.catalogue.kpis if foreign and foreign & self._measures_of(kpi)}

    def _measures_of(self, kpi: str) -> set[str]:
        return {arg for formula in self._formulas(kpi) for reading in readings(formula) for arg in reading.args}

    def _current(
        self, name: str, kpi: Kpi, window: str, by: str, edges: Edges, to_ms: int, moved: bool
    ) -> tuple[Value, ...]:
        """The values of one KPI, window and grouping; computed again only if something under them changed."""
        key = (name, window, by)
        sources = self._sources(name, by, window)
        if not moved and key in self._values and not any(s.grouping in self._sums[s.span].dirty for s in sources):
            return self._values[key]
        values = tuple(self._read(name, kpi, window, by, edges, to_ms, self._sums, self._begun))
        self._values[key] = values
        return values

    def _shown_edges(self, name: str, window: str, to_ms: int) -> Edges:
        """The edges that are published: of the base events for cohorts."""
        for source in self._sources(name, "", window):
            if source.span.part == "cohort":
                return self._edges(source.span, to_ms)
        return window_edges(window, to_ms, self._calendar)

    @property
    def begun(self) -> frozenset[str]:
        """The levels and open sets of which a first began before the last snapshot."""
        return self._begun

    def cell(self, kpi: str, measure: str, function: str, window: str, by: str, group: str) -> Cell:
        """The sum that one argument of a reading reads, of a value of the last snapshot."""
        source = self._source(self._plan.catalogue.kpis[kpi], measure, function, by, window)
        whose = "" if FUNCTIONS[function].of_all else group
        return self._sums[source.span].sums[source.grouping].get(whose, _EMPTY)

    def period(self, from_ms: int, to_ms: int, only: Collection[str] = ()) -> list[Value]:
        """All KPIs, or some, over one period of business days, from the cells.

        What only knows windows that end now (distinct parties, what waits) is absent unless ``to_ms`` is at or after
        everything that is known of its journey.
        """
        edges = {
            "window": Edges(from_ms, to_ms),
            "cohort": Edges(from_ms, to_ms),
            "before": Edges(0, from_ms),
            "until": Edges(0, to_ms),
        }
        kpis = {name: kpi for name, kpi in self._plan.catalogue.kpis.items() if not only or name in only}
        needed: dict[Span, set[int]] = {}
        for name, kpi in kpis.items():
            for by in ("", *kpi.by):
                for source in self._sources(name, by, kpi.windows[0]):
                    needed.setdefault(source.span, set()).add(source.grouping)
        sums: dict[Span, RunningSum] = {}
        for span, indexes in needed.items():
            sums[span] = RunningSum(self._tiles, self._kinds, indexes, lambda _, part=span.part: edges[part])  # type: ignore[misc]
            sums[span].move(to_ms)
        begun, went_on = self._told(self._beginnings, 0, to_ms), self._told(self._later, to_ms, _FOREVER_MS)
        values: list[Value] = []
        for name, kpi in kpis.items():
            for by in ("", *kpi.by):
                found = self._read(name, kpi, kpi.windows[0], by, Edges(from_ms, to_ms), to_ms, sums, begun)
                if went_on & self._measures_of(name):
                    found = (
                        v._replace(value=None, numerator=None, denominator=None, samples=0, state=State.NO_DATA)
                        for v in found
                    )
                values += [self._unmatured(value)._replace(window=PERIOD) for value in found]
        return values

    def _unmatured(self, value: Value) -> Value:
        """A cohort's value over a period is not final while the last base events may still be followed up."""
        window = self._plan.catalogue.kpis[value.kpi].windows[0]
        horizon_days = max(source.span.horizon_days for source in self._sources(value.kpi, value.by, window))
        final_ms = value.to_ms + horizon_days * DAY_MS
        if horizon_days and value.value is not None and final_ms > max(self._to_ms, value.to_ms):
            return value._replace(state=State.IMMATURE)
        return value

    def _read(
        self, name: str, kpi: Kpi, window: str, by: str, edges: Edges, to_ms: int, sums: Sums, begun: frozenset[str]
    ) -> Iterator[Value]:
        for group in self._groups(name, by, window):

            def cell(measure: str, function: str, group: str = group) -> Cell:
                source = self._source(kpi, measure, function, by, window)
                whose = "" if FUNCTIONS[function].of_all else group
                return sums[source.span].sums[source.grouping].get(whose, _EMPTY)

            yield self._value(name, kpi, window, by, group, edges, KpiReader(cell, kpi, edges.from_ms, to_ms, begun))

    def _groups(self, name: str, by: str, window: str) -> list[str]:
        if not by:
            return [""]
        tiles: Counter[str] = Counter()
        for grouping in {source.grouping for source in self._sources(name, by, window)}:
            if self._plan.groupings[grouping].by:
                tiles.update(self._tiles.groups_of(grouping))
        self._left_out[name, by] = max(len(tiles) - GROUPS_MAX, 0)
        if len(tiles) > GROUPS_MAX:
            return sorted(sorted(tiles, key=lambda group: (-tiles[group], group))[:GROUPS_MAX])
        return sorted(tiles)

    def _value(self, name: str, kpi: Kpi, window: str, by: str, group: str, edges: Edges, reader: KpiReader) -> Value:
        formula = self._plan.catalogue.formulas[name]
        scale = _SCALE.get(kpi.unit, 1)
        above = evaluate(formula.numerator, reader)
        below = None if formula.denominator is None else evaluate(formula.denominator, reader)
        if formula.denominator is None:
            value = None if above is None else above / scale if scale != 1 else above
        else:
            value = above / below / scale if above is not None and below is not None and below > 0 else None
        samples = self._samples(name, formula, above, below, reader)
        durations = reader.durations(formula.numerator)
        lower, upper = wilson(above, below) if kpi.interval == "wilson" and value is not None else (None, None)
        ratio = formula.denominator is not None
        return Value(
            name, window, by, group, edges.from_ms, edges.to_ms, value,
            int(above or 0) if ratio else None, int(below or 0) if ratio else None,
            samples, self._state(name, kpi, by, window, group, value, samples), lower, upper, durations,
        )  # fmt: skip

    def _samples(self, name: str, formula: Formula, above: float | None, below: float | None, reader: KpiReader) -> int:
        if name in self._plan.catalogue.samples:
            return int(evaluate(self._plan.catalogue.samples[name].numerator, reader) or 0)
        if isinstance(formula.numerator, Reading) and FUNCTIONS[formula.numerator.function].distribution is not None:
            return reader.observations(formula.numerator)
        return int((above if formula.denominator is None else below) or 0)

    def _state(self, name: str, kpi: Kpi, by: str, window: str, group: str, value: float | None, samples: int) -> State:
        sources = self._sources(name, by, window)
        known = self._stands(name) or any(group in self._tiles.groups_of(source.grouping) for source in sources)
        if value is None or not known:
            cohort = known and any(source.span.part == "cohort" for source in sources)
            return State.IMMATURE if cohort else State.NO_DATA
        if samples < kpi.min_samples and not kpi.cases:
            return State.LOW_SAMPLE
        return State.OK

    def _stands(self, kpi: str) -> bool:
        """Whether it reads what stands at an instant, which has a value only if it is known."""
        return any(reading.function in STANDING for formula in self._formulas(kpi) for reading in readings(formula))
