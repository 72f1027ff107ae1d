"""The read model: all shards' cells merged, windows slid, KPIs read. Pure: records and times in, snapshots out."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from sys import intern
from types import MappingProxyType

from stream_kpis.engine.batch import Header
from stream_kpis.engine.cells import decode_cell
from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.measures import Cell
from stream_kpis.engine.reading import ENDING_NOW
from stream_kpis.engine.tiles import DAY_MS, Calendar, Edges, period_over, round_up
from stream_kpis.kpis.formula import Reading
from stream_kpis.kpis.goals import NO_GOALS, Goals
from stream_kpis.live.model.operators.days import Days
from stream_kpis.live.model.operators.operators import Operators, read_by_day
from stream_kpis.live.model.operators.pipeline import PipelineForecast
from stream_kpis.live.model.operators.targets import Aimed, Targets
from stream_kpis.live.model.pseudonyms import REAL, Pseudonyms
from stream_kpis.live.model.readings import KpiReader
from stream_kpis.live.model.reckoning import PERIOD, Found, Reckoner, View
from stream_kpis.live.model.snapshot import Result, ShardPosition, Snapshot, State, Value
from stream_kpis.live.model.sources import Sources
from stream_kpis.live.model.sums import Groups, RunningSum, Span, Tiles
from stream_kpis.live.model.witnesses import any_from, before_history, firsts, of_beginnings, of_later, only_of


class ReadModel:
    """The merged cells and what they say.

    Args:
        plan: the compiled catalogue.
        calendar: the business days.
        currency: the reporting currency.
        goals: targets, quotas and the shares of experiments.
        names: how people are called; nothing here knows their real names.
    """

    def __init__(
        self, plan: Plan, calendar: Calendar, currency: str = "USD", goals: Goals = NO_GOALS, names: Pseudonyms = REAL
    ) -> None:
        self._plan, self._names = plan, names
        self._calendar = calendar
        self._sources = Sources(plan, calendar)
        self._definitions = {**plan.definitions, "zone": calendar.zone, "currency": currency}
        self._foreign: dict[int, frozenset[str]] = {}
        """By shard, what it counts under other definitions than these."""
        self._gone: dict[int, set[int]] = {}
        """By shard, what of it is no longer in the changelog, by tile and grouping."""
        self.partial = False
        """Whether what shards count otherwise is not whole: then it has no values."""
        self._kinds = [grouping.kind for grouping in plan.groupings]
        self._index = {grouping.key: index for index, grouping in enumerate(plan.groupings)}
        self._tiles = Tiles(self._kinds)
        self._beginnings, self._later = of_beginnings(plan), of_later(plan, ENDING_NOW)
        self._begun: dict[str, int] = {}
        """By level, open set and awaited measure, when a first of it began, in ms."""
        self._stored: dict[int, dict[int, bytes]] = {}
        """By shard, the records of its cells, by tile and grouping."""
        self._pipeline = PipelineForecast(plan, calendar)
        self._sums = self._running_sums()
        self._sums_of: list[list[RunningSum]] = [
            [total for span, total in self._sums.items() if index in total.sums] for index in range(len(self._kinds))
        ]
        quotas = {names.person(owner): due for owner, due in goals.quotas.items()}
        self._reckoner = Reckoner(plan, self._sources, self._tiles, calendar, goals._replace(quotas=quotas))
        self._days = Days(self._kinds, read_by_day(plan, self._sources), calendar)
        self._operators = Operators(plan, self._sources, self._days, self._reckoner.groups)
        self.targets = Targets(plan, calendar, goals, plan.calendars.open_ms, names)
        """What values should be; more can be told."""
        self._aimed: Aimed = {}
        self._values: Found = {}
        self._results: tuple[Result, ...] = ()
        self._to_ms = 0

    # What comes in.

    def apply(
        self, partition: int, cells: Iterable[tuple[bytes, bytes | None]], header: Header | None = None
    ) -> list[tuple[bytes, bytes | None]]:
        """Takes one flush of a shard: records of the cells changelog, complete up to their header; gives those unread.

        What the shard counts under another definition stays as it was: it can only go from the changelog, and goes here
        when the shard counts it so again, which is anew.
        """
        if header is not None:
            theirs = header.definitions
            self._foreign[partition] = frozenset(n for n, said in self._definitions.items() if theirs.get(n) != said)
        foreign, size = self._foreign.get(partition, frozenset()), len(self._kinds)
        gone = self._gone.setdefault(partition, set())
        for at in [at for at in gone if self._plan.groupings[at % size].measure not in foreign]:
            gone.discard(at)
            self._apply_cell(partition, at % size, at // size, None)
        unread: list[tuple[bytes, bytes | None]] = []
        for key, value in cells:
            prefix, _, tile = key.rpartition(b"\x1f")
            index = self._index.get(prefix + b"\x1f")
            if index is None:
                unread.append((key, value))
                continue
            code = int(tile)
            if value is None and self._plan.groupings[index].measure in foreign:
                gone.add(code * size + index)
            else:
                self._apply_cell(partition, index, code, value)
        return unread

    def cells(self) -> Iterator[tuple[int, list[tuple[bytes, bytes]]]]:
        """By partition, the records of the cells changelog that it is made of."""
        size = len(self._kinds)
        for partition, stored in self._stored.items():
            gone, groupings = self._gone.get(partition, ()), self._plan.groupings
            living = ((at, value) for at, value in stored.items() if at not in gone)
            yield partition, [(groupings[at % size].key + b"%d" % (at // size), value) for at, value in living]

    def _apply_cell(self, partition: int, index: int, code: int, value: bytes | None) -> None:
        changes: Groups = {}
        by, stored = self._plan.groupings[index].by, self._stored.setdefault(partition, {})
        old = stored.pop(code * len(self._kinds) + index, None)
        if old is not None:
            for group, slot, n in decode_cell(old):
                changes.setdefault(group, {})[slot] = -n
        if value is not None:
            stored[code * len(self._kinds) + index] = value
            for group, slot, n in decode_cell(value):
                change = changes.setdefault(group, {})
                change[slot] = change.get(slot, 0) + n
        for real, change in changes.items():
            change = {slot: n for slot, n in change.items() if n}  # noqa: PLW2901 - the zeros are of no use further on
            if change:
                group = intern(self._names.group(by, real))
                known = len(self._tiles.groups_of(index))
                self._tiles.add(code, index, group, change)
                self._days.change(code, index, group, change)
                for total in self._sums_of[index]:
                    total.change(code, index, group, change)
                    if len(self._tiles.groups_of(index)) != known:
                        total.dirty.add(index)  # a group came or went: windows without it show that too

    # Windows.

    def _running_sums(self) -> dict[Span, RunningSum]:
        kpis = self._plan.catalogue.kpis
        groupings = {name: ("", *kpi.by) for name, kpi in kpis.items()}
        windows = {name: kpi.windows for name, kpi in kpis.items()}
        return self._sums_over(groupings, windows, self._sources.edges, self._pipeline.reads)

    def _sums_over(
        self,
        groupings: Mapping[str, Sequence[str]],
        windows: Mapping[str, Sequence[str]],
        edges: Callable[[Span, int], Edges],
        more: Mapping[Span, set[int]] = MappingProxyType({}),
    ) -> dict[Span, RunningSum]:
        """The sums that KPIs need in some of their groupings and windows, and more, over the edges of each span."""
        needed = {span: set(indexes) for span, indexes in more.items()}
        for name, some in windows.items():
            for window in some:
                for by in groupings[name]:
                    for source in self._sources.of(name, by, window):
                        needed.setdefault(source.span, set()).add(source.grouping)
        return {
            span: RunningSum(self._tiles, self._kinds, indexes, lambda to_ms, span=span: edges(span, to_ms))  # type: ignore[misc]
            for span, indexes in needed.items()
        }

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
        begun, aimed = firsts(self._beginnings, self._tiles, to_ms), self.targets.groups(to_ms)
        moved = (to_ms, begun, aimed) != (self._to_ms, self._begun, self._aimed)
        self._begun, self._aimed = begun, aimed
        for name in self._sources.order:
            kpi = self._plan.catalogue.kpis[name]
            for window in kpi.windows:
                edges = self._sources.shown_edges(name, window, to_ms)
                for by in ("", *kpi.by):
                    self._renew(name, window, by, edges, to_ms, moved)
        values = [
            value
            for name, kpi in self._plan.catalogue.kpis.items()
            for window in kpi.windows
            for by in ("", *kpi.by)
            for value in self._values[name, window, by]
        ]
        for total in self._sums.values():
            total.dirty.clear()
        self._tiles.pack()
        self._to_ms = to_ms
        distrusted = set(self._plan.catalogue.kpis) if stale else self._distrusted(self._sources.measures)
        if distrusted:
            blank = self._blank(self._sources.measures)
            values = [
                v if v.kpi not in distrusted else _without(v, State.STALE) if v.kpi in blank else _stale(v)
                for v in values
            ]
        left_out = self._reckoner.groups_left_out
        if not stale:  # while shards are read back, everything is dirty all the time
            self._results = tuple(self._operate(to_ms))
        distrusted |= self._distrusted(self._sources.past_measures)
        blank = self._blank(self._sources.measures) | self._blank(self._sources.past_measures)
        results = tuple(
            r._replace(state=State.STALE) if r.kpi in distrusted else r for r in self._results if r.kpi not in blank
        )
        return Snapshot(now_ms, to_ms, made_ms, tuple(values), shards, left_out, results, stale=stale)

    def _operate(self, to_ms: int) -> Iterator[Result]:
        """What operators make of the values."""
        yield from self._operators.results(to_ms)
        yield from self._pipeline.results(to_ms, self._sums, self._values, self._begun)
        yield from self.targets.results(to_ms, self._values)

    def _distrusted(self, read: Callable[[str], set[str]]) -> set[str]:
        """The KPIs that read what some shard counts under another definition, zone or currency.

        Args:
            read: the measures that a KPI reads.
        """
        foreign = frozenset[str]().union(*self._foreign.values())
        if foreign & {"zone", "currency"}:
            return set(self._plan.catalogue.kpis)
        return {kpi for kpi in self._plan.catalogue.kpis if foreign and foreign & read(kpi)}

    def _blank(self, read: Callable[[str], set[str]]) -> set[str]:
        """The KPIs of which only a part is known."""
        return self._distrusted(read) if self.partial else set()

    def _renew(self, name: str, window: str, by: str, edges: Edges, to_ms: int, moved: bool) -> None:
        """The values of one KPI, window and grouping; computed again only if something under them changed."""
        key = (name, window, by)
        sources = self._sources.of(name, by, window)
        if moved or key not in self._values or any(s.grouping in self._sums[s.span].dirty for s in sources):
            self._values[key] = tuple(self._reckoner.values(name, window, by, edges, self._view(to_ms)))

    def _view(self, to_ms: int) -> View:
        return View(to_ms, self._sums, self._begun, self._sources.edges, self._values, self._aimed)

    def left_out(self, by: str) -> dict[str, int]:
        """How many groups of a grouping had no values when last looked, by KPI, of those that left some out."""
        return self._reckoner.left_out(by)

    def reader(self, value: Value) -> KpiReader:
        """Reads what the formula of a value of the last snapshot does; of a KPI without a method."""
        return self._reckoner.reader(value, self._view(self._to_ms))

    def cell(self, value: Value, measure: str, reading: Reading) -> Cell:
        """The sum that one argument of a reading reads, of a value of the last snapshot."""
        return self._reckoner.cell(value, measure, reading, self._view(self._to_ms))

    def before_history(self, kpis: Iterable[str], period: Edges) -> frozenset[str]:
        """Those of some KPIs that look further back than their history over a period."""
        return before_history(kpis, period, self._sources, self._tiles, self._calendar)

    def period(self, from_ms: int, to_ms: int, only: Collection[str] = ()) -> list[Value]:
        """All KPIs, or some, over one period of business days, from the cells.

        What only knows windows that end now (distinct parties, what waits) is absent unless ``to_ms`` is at or after
        everything that is known of its journey.
        """
        return next(self.periods([Edges(from_ms, to_ms)], only))

    def periods(
        self, spans: Iterable[Edges], only: Collection[str] = (), by: str | None = None
    ) -> Iterator[list[Value]]:
        """As :meth:`period`, of all groupings or of one, over each of some spans whose ends rise.

        Sums slide on from one to the next: nothing may be applied in between.
        """
        whole = Edges(0, 0)

        def edges(span: Span, _: int) -> Edges:
            over = period_over(whole, span.over, self._calendar)
            known = {"before": Edges(0, over.from_ms), "until": Edges(0, over.to_ms), "young": Edges(0, 0)}
            return known.get(span.part, over)

        kpis = {name: kpi for name, kpi in self._plan.catalogue.kpis.items() if not only or name in only}
        order = self._sources.order_of(kpis)
        groupings = {
            name: [each for each in ("", *self._plan.catalogue.kpis[name].by) if by is None or each == by]
            for name in order
        }
        sums = self._sums_over(groupings, {name: self._plan.catalogue.kpis[name].windows[:1] for name in order}, edges)
        read = {name: self._sources.measures(name) for name in order}
        every = frozenset[str]().union(*read.values())
        beginnings, later = only_of(self._beginnings, every), only_of(self._later, every)
        blank = self._blank(self._sources.measures)
        for whole in spans:
            for total in sums.values():
                total.move(whole.to_ms)
            begun = firsts(beginnings, self._tiles, whole.to_ms)
            went_on = any_from(later, self._tiles, whole.to_ms)
            found: Found = {}
            view = View(whole.to_ms, sums, begun, edges, found)
            for name in order:
                for each in groupings[name]:
                    values = self._reckoner.values(name, PERIOD, each, whole, view)
                    if name in blank or went_on & read[name]:
                        values = (_without(value, State.NO_DATA) for value in values)
                    found[name, PERIOD, each] = tuple(self._unmatured(value) for value in values)
            yield [value for name in kpis for each in groupings[name] for value in found[name, PERIOD, each]]

    def by_days(self, name: str, from_ms: int, to_ms: int) -> list[Value] | None:
        """A KPI of distinct parties over whole business days that are past, which :meth:`period` does not know.

        Args:
            name: the KPI; :meth:`Sources.by_days` says that it can be told.
            from_ms: where a business day begins.
            to_ms: likewise.

        Returns:
            Its values in all groups; None if the edges are not those of days.
        """
        first, end = self._days.day_of(from_ms), self._days.day_of(to_ms)
        if (from_ms, to_ms) != (self._days.start_ms(first), self._days.start_ms(end)):
            return None
        return self._operators.over(name, first, end)

    def _unmatured(self, value: Value) -> Value:
        """A cohort's value over a period is not final while the last base events may still be followed up."""
        window = self._plan.catalogue.kpis[value.kpi].windows[0]
        horizon_days = max(source.span.horizon_days for source in self._sources.of(value.kpi, value.by, window))
        final_ms = value.to_ms + horizon_days * DAY_MS
        if horizon_days and value.value is not None and final_ms > max(self._to_ms, value.to_ms):
            return value._replace(state=State.IMMATURE)
        return value


def _stale(value: Value) -> Value:
    return value._replace(state=State.STALE)


def _without(value: Value, state: State) -> Value:
    """A value of which nothing is said but its state."""
    return value._replace(
        value=None, numerator=None, denominator=None, samples=0, state=state, lower=None, upper=None, durations=None
    )
