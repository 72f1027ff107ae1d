"""What operators make of KPIs over closed days: computed when a day closes or something in one changes."""

from collections.abc import Callable, Iterable, Iterator

from stream_kpis.engine.compiler import Plan
from stream_kpis.kpis.schema import Kpi
from stream_kpis.live.model.operators.arithmetic import (
    Estimate,
    anomaly,
    forecast,
    oldest_projected,
    oldest_tried,
    trend,
)
from stream_kpis.live.model.operators.closed import Closed, ClosedGroup, day_groupings
from stream_kpis.live.model.operators.days import Days
from stream_kpis.live.model.operators.spans import (
    AGAINST,
    PERIODS,
    ROLLING,
    WINDOWS,
    compared,
    levels_compared,
    period_first,
)
from stream_kpis.live.model.snapshot import Result, State, Value
from stream_kpis.live.model.sources import Sources
from stream_kpis.live.model.valuing import SCALE
from stream_kpis.live.model.witnesses import of_beginnings

TREND_WINDOWS = ("7d", "30d", "90d")
GROWTH_WINDOWS = ("30d", "90d", "365d", "ytd")
DAILY = frozenset({"change", "revenue_growth_yoy", "trend", "forecast", "anomaly"})
"""Operators that read closed days alone."""
_Key = tuple[str, str, str]


def read_by_day(plan: Plan, sources: Sources) -> set[int]:
    """The groupings read by day, and those that tell since when there is what they count.

    By the operators of a plan, and for the past of what counts distinct parties.
    """
    kpis = plan.catalogue.kpis.items()
    carrying = [(name, kpi) for name, kpi in kpis if DAILY & set(kpi.operators) or sources.by_days(name)]
    beginnings = of_beginnings(plan)
    return set[int]().union(
        *(day_groupings(sources, beginnings, name, by) for name, kpi in carrying for by in ("", *kpi.by))
    )


class Operators:
    """The operators of a catalogue that read closed days.

    Args:
        plan: the compiled catalogue.
        sources: what its KPIs read.
        days: their cells by day.
        groups: the groups of a KPI, grouping and window.
    """

    def __init__(self, plan: Plan, sources: Sources, days: Days, groups: Callable[[str, str, str], list[str]]) -> None:
        self._kpis = {name: kpi for name, kpi in plan.catalogue.kpis.items() if DAILY & set(kpi.operators)}
        self._plan, self._days, self._groups = plan, days, groups
        self._closed = Closed(plan, sources, days)
        self._reads = {
            (name, by): sources.past_groupings(name, by) for name, kpi in self._kpis.items() for by in ("", *kpi.by)
        }
        self._known: dict[_Key, tuple[Result, ...]] = {}
        """By KPI, grouping and group."""
        self._tells_begin = {name: self._closed.tells_begin(name) for name in self._kpis}
        self._begins: dict[str, tuple[int | None, dict[str, int]]] = {}

    def results(self, to_ms: int) -> list[Result]:
        """All that they make at an instant."""
        today = self._days.day_of(to_ms)
        if today != self._days.today:
            self._days.today = today
            self._known.clear()
            self._begins.clear()
        dirty, self._days.dirty = self._days.dirty, set()
        found: list[Result] = []
        for name, kpi in self._kpis.items():
            begin, whole = self._begin(name, dirty)
            lag_days = self._closed.lag_days(name)
            for by in ("", *kpi.by):
                reads = self._reads[name, by]
                anew = {group for index, group in dirty if index in reads}
                all_anew = whole or (bool(by) and "" in anew)  # a group may read a total
                for group in self._groups(name, by, kpi.windows[0]):
                    key = (name, by, group)
                    if all_anew or group in anew or key not in self._known:
                        one = _One(name, kpi, by, group, today, begin, lag_days)
                        self._known[key] = tuple(self._of_group(one))
                    found += self._known[key]
        return found

    def over(self, name: str, first: int, end: int) -> list[Value]:
        """The values of a KPI over the days from ``first`` to the one before ``end``, in all its groups.

        Args:
            name: a KPI that carries an operator, or is known by days (:meth:`Sources.by_days`).
            first: a business day.
            end: another one.
        """
        kpi = self._plan.catalogue.kpis[name]
        groups = ((by, group) for by in ("", *kpi.by) for group in self._groups(name, by, kpi.windows[0]))
        return [self._closed.of_group(name, by, group).value(first, end) for by, group in groups]

    def _begin(self, name: str, dirty: Iterable[tuple[int, str]]) -> tuple[int | None, bool]:
        """The first day of a KPI's history, and whether that, or since when there is what it counts, is news.

        Then nothing that is known of it holds, in any group.
        """
        reads, before = self._tells_begin[name], self._begins.get(name)
        if before is None or any(index in reads for index, _ in dirty):
            self._begins[name] = self._closed.begin(name), self._closed.firsts(name)
        return self._begins[name][0], self._begins[name] != before

    def _of_group(self, one: "_One") -> Iterator[Result]:
        group = self._closed.of_group(one.name, one.by, one.group)
        level = one.kpi.windows == ("now",)
        operators = one.kpi.operators
        if "change" in operators:
            for window in ROLLING if level else [w for w in WINDOWS if w in one.kpi.windows]:
                for against in AGAINST:
                    yield self._change(one, group, "change", window, against, level=level)
        if "revenue_growth_yoy" in operators:
            for window in GROWTH_WINDOWS:
                yield self._change(one, group, "revenue_growth_yoy", window, "year", level=False)._replace(against="")
        if "trend" in operators:
            for window in TREND_WINDOWS:
                if level or window in one.kpi.windows:
                    yield self._trend(one, group, window)
        if {"forecast", "anomaly"} & set(operators):
            yield from self._of_sum(one, group)

    def _result(
        self,
        one: "_One",
        operator: str,
        window: str,
        days: tuple[int, int],
        estimate: Estimate,
        oldest: int,
        **more: object,
    ) -> Result:
        """A result; without a value it has no data, and if it looks further back than history it is immature."""
        state = State.OK
        if estimate.value is None:
            state = State.NO_DATA
        elif one.begin is None or oldest < one.begin:
            state = State.IMMATURE
        value, samples = estimate.value, estimate.samples
        edges = (self._days.start_ms(days[0]), self._days.start_ms(days[1]))
        found = Result(
            operator, one.name, window, "", one.by, one.group, *edges, value, None, None, samples, state,
            estimate.lower, estimate.upper,
        )  # fmt: skip
        return found._replace(**more)  # type: ignore[arg-type] # fields of a result

    def _change(
        self, one: "_One", group: ClosedGroup, operator: str, window: str, against: str, *, level: bool
    ) -> Result:
        today = one.today - one.lag_days
        if level:
            at, before_at = levels_compared(window, against, today)
            spans, before_spans = (at, at), (before_at, before_at)
        else:
            days = compared(window, against, today)
            if days is None:
                nothing = Estimate(None, None, None, 0)
                return self._result(one, operator, window, (today, today), nothing, today, against=against)
            spans, before_spans = days[:2], days[2:]
        now, before = group.value(*spans), group.value(*before_spans)
        estimate = Estimate(changed(now.value, before.value, one.kpi), None, None, min(now.samples, before.samples))
        found = self._result(one, operator, window, spans, estimate, before_spans[0], against=against)
        if found.state is State.OK and found.samples < one.kpi.min_samples:
            found = found._replace(state=State.LOW_SAMPLE)
        return found._replace(numerator=now.value, denominator=before.value)

    def _trend(self, one: "_One", group: ClosedGroup, window: str) -> Result:
        end = one.today - one.lag_days
        first = end - ROLLING[window]
        pairs = list(group.daily(one.begin, (first, end)).pairs(first, end))
        return self._result(one, "trend_slope", window, (first, end), _scaled(trend(pairs), one.kpi), first)

    def _of_sum(self, one: "_One", group: ClosedGroup) -> Iterator[Result]:
        daily, today = group.daily(one.begin), one.today
        for window in PERIODS:
            if "forecast" in one.kpi.operators and window in one.kpi.windows:
                first = period_first(window, today)
                value, error = forecast(daily, today, window, first)
                samples = group.value(today - 56, today).samples
                made = _scaled(value._replace(samples=samples), one.kpi)
                oldest = oldest_projected(today, first)
                yield self._result(one, "forecast_end_of_period", window, (first, today), made, oldest)
                oldest = oldest_tried(today, window, first)
                yield self._result(one, "forecast_error", window, (first, today), error, oldest)
        if "anomaly" in one.kpi.operators:
            found, oldest = anomaly(daily, today, counts=one.kpi.unit == "count")
            scaled = _scaled(found, one.kpi)._replace(value=found.value)
            yield self._result(one, "anomaly_band", "today", (today - 1, today), scaled, oldest)


class _One:
    """One group of one KPI at one day."""

    def __init__(self, name: str, kpi: Kpi, by: str, group: str, today: int, begin: int | None, lag_days: int) -> None:
        self.name, self.kpi, self.by, self.group = name, kpi, by, group
        self.today, self.begin, self.lag_days = today, begin, lag_days


def changed(now: float | None, before: float | None, kpi: Kpi) -> float | None:
    """By how much a value of a KPI changed: as a part of what it was, or for a ratio as a difference."""
    if now is None or before is None:
        return None
    if kpi.unit == "ratio":
        return now - before
    return now / before - 1 if before > 0 else None


def _scaled(estimate: Estimate, kpi: Kpi) -> Estimate:
    """From units of state to the KPI's."""
    scale = SCALE.get(kpi.unit, 1)
    value, lower, upper = (None if number is None else number / scale for number in estimate[:3])
    return Estimate(value, lower, upper, estimate.samples)
