"""Operators again: change, trend, forecast, anomaly, targets and pace, from the raw events."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction

from stream_kpis.proof.oracle import series
from stream_kpis.proof.oracle.catalogue import CATALOGUE, Kpi
from stream_kpis.proof.oracle.composed import PARTS
from stream_kpis.proof.oracle.days import Days, month, period
from stream_kpis.proof.oracle.oracle import Answer, Ask, Oracle
from stream_kpis.proof.oracle.requests import BY_DAY, CHANGES, LEVELS, RATIOS, TARGETS, Outcome, Request, Target, check
from stream_kpis.proof.oracle.series import Parts, Result, Series
from stream_kpis.proof.oracle.spans import BEGINNING_MS, HORIZON_DAYS, SPANS, Edges, change_days, window_edges

_NEVER = date.max.toordinal()
_READ_WHOLE = frozenset({"customer_value_distribution"})
"""Levels that are read at the end of each day, not summed up from their moves."""
_KPIS = {kpi.name: kpi for kpi in CATALOGUE}

Group = tuple[str, str]
"""A dimension and its value; both empty for the whole."""
Clock = Callable[[int], int]
"""B(t): the open milliseconds of a calendar up to an instant."""


def operators(
    oracle: Oracle,
    requests: Iterable[Request],
    to_ms: int,
    zone: str,
    targets: Sequence[Target] = (),
    calendars: Mapping[str, Clock] | None = None,
) -> list[Outcome]:
    """The outcome of every request, for the whole or for every group in which something counts.

    A group with a target is there, whether something counts in it or not; without one it has no outcome of a target.

    Args:
        oracle: with the records loaded.
        requests: operators of KPIs.
        to_ms: the snapshot's ``to``; events at or after it are not known.
        zone: the business zone.
        targets: all of them, in force or not.
        calendars: by name, as targets name them.

    Raises:
        ValueError: a KPI does not have the operator, or the operator not the window.
    """
    requests = list(requests)
    for request in requests:
        check(request)
    evaluation = _Evaluation(oracle, requests, to_ms, Days(zone), targets, calendars or {})
    return [outcome for request in requests for outcome in evaluation.outcomes(request)]


class _Evaluation:
    """What was read for some requests, and what the operators make of it."""

    def __init__(
        self,
        oracle: Oracle,
        requests: Sequence[Request],
        to_ms: int,
        days: Days,
        targets: Sequence[Target],
        calendars: Mapping[str, Clock],
    ) -> None:
        self._oracle, self._to_ms, self._days = oracle, to_ms, days
        self._targets, self._calendars = targets, calendars
        self._day = days.of(to_ms)
        began = oracle.histories(to_ms)
        self._history = {kpi: days.of(at_ms) for kpi, at_ms in began.items()}
        self._spans = self._read_spans(requests)
        self._sums, self._samples = self._read_days(requests)

    def outcomes(self, request: Request) -> list[Outcome]:
        """Of one request, by group."""
        if request.operator in CHANGES:
            return self._changes(request)
        if request.operator in BY_DAY:
            return self._by_day(request)
        if request.operator in TARGETS:
            return self._against_targets(request)
        return self._of_deals(request)

    def _asks(self, request: Request) -> list[Ask]:
        """What a request compares, or the one that it reads; a span that is no window of K is named after its edges."""
        edges = self._edges(request)
        if request.operator in ("target_attainment", "target_met"):
            return [Ask(request.kpi, request.window, *span) for span in edges]
        return [_span(request.kpi, span) for span in edges]

    def _edges(self, request: Request) -> list[Edges]:
        if request.operator in CHANGES:
            edges = [(self._days.start(a), self._days.start(b)) for a, b in self._compared(request) or ()]
            return [(BEGINNING_MS if a == b else a, b) for a, b in edges]
        if request.operator in ("target_attainment", "target_met"):
            return [window_edges(request.kpi, request.window, self._to_ms, self._days)]
        if request.operator in ("target_pace_gap", "deals_forecast"):
            return [(self._days.start(period(request.window, self._day)[0]), self._to_ms)]
        return [(BEGINNING_MS, self._to_ms)] if request.operator == "pipeline_overdue_value" else []

    def _compared(self, request: Request) -> tuple[tuple[int, int], tuple[int, int]] | None:
        """The days of a change."""
        year = request.against == "year" or request.operator == "revenue_growth_yoy"
        return change_days(request.window, self._last(request.kpi), year=year, level=request.kpi in LEVELS)

    def _last(self, kpi: str) -> int:
        """d: the first day that is not read."""
        return self._day - max(HORIZON_DAYS.get(name, 0) for name in (kpi, *(part.kpi for part in PARTS.get(kpi, ()))))

    def _read_spans(self, requests: Iterable[Request]) -> dict[tuple[str, str], dict[Group, Answer]]:
        """The answers by KPI and window, by group. What a window is read as depends on its name, not on its edges."""
        asks = {ask: None for request in requests for ask in self._asks(request)}
        if any(request.operator == "deals_forecast" for request in requests):
            asks[self._weighted_now()] = None
        found: dict[tuple[str, str], dict[Group, Answer]] = {(ask.kpi, ask.window): {} for ask in asks}
        for answer in self._oracle.answer(asks, self._to_ms):
            found[answer.kpi, answer.window][answer.by, answer.group] = answer
        return found

    def _weighted_now(self) -> Ask:
        return _span("pipeline_weighted_value", (BEGINNING_MS, self._to_ms))

    def _value(self, ask: Ask, group: Group) -> tuple[float | None, int]:
        """K over a span and its samples. A group in which nothing counts has a sum, a level or a share of all of 0."""
        kpi, answers = ask.kpi, self._spans[ask[:2]]
        if answer := answers.get(group):
            return answer.value, answer.samples
        if _KPIS[kpi].kind in ("share", "per active") and (whole := answers.get(("", ""))):
            own = _KPIS[kpi].samples == "own"
            return (None if whole.value is None else 0.0), 0 if own else whole.samples
        begun = _KPIS[kpi].kind == "sum" or (_KPIS[kpi].kind == "standing" and answers["", ""].value is not None)
        return (0.0 if begun else None), 0

    def _groups(self, request: Request, asks: Iterable[Ask]) -> list[Group]:
        if not request.by:
            return [("", "")]
        return sorted({group for ask in asks for group in self._spans[ask[:2]] if group[0] == request.by})

    def _outcome(self, request: Request, group: Group, result: Result, earliest: int) -> Outcome:
        """With its state, from the earliest day that it looks back to."""
        immature = earliest < self._history.get(request.kpi, _NEVER)
        state = "no_data" if result.value is None else "immature" if immature else "ok"
        value, samples, parts, lower, upper = result
        return Outcome(request, group[1], value, samples, state, lower, upper, parts)

    def _changes(self, request: Request) -> list[Outcome]:
        found = self._compared(request)
        if found is None:
            empty = Result(None, 0, {"v1": None, "v0": None})
            return [] if request.by else [self._outcome(request, ("", ""), empty, _NEVER)]
        now, before = self._asks(request)
        ratio = request.kpi in RATIOS
        outcomes = []
        for group in self._groups(request, (now, before)):
            (v1, samples1), (v0, samples0) = (self._value(ask, group) for ask in (now, before))
            value = None
            if v1 is not None and v0 is not None and (ratio or v0 > 0):
                value = v1 - v0 if ratio else v1 / v0 - 1
            result = Result(value, min(samples1, samples0), {"v1": v1, "v0": v0})
            outcomes.append(self._outcome(request, group, result, found[1][0]))
        return outcomes

    def _read_days(
        self, requests: Iterable[Request]
    ) -> tuple[dict[str, dict[Group, dict[int, tuple[int, int]]]], dict[str, dict[Group, dict[int, int]]]]:
        """(num, den) of each day and group, and the samples; a level's moves are summed up, those per active scaled."""
        wanted = [request for request in requests if request.operator in BY_DAY]
        if not wanted:
            return {}, {}
        lasts = {request.kpi: self._last(request.kpi) for request in wanted}
        forecasts = [request.window for request in wanted if request.operator.startswith("forecast")]
        first = min(
            *(last - 91 for last in lasts.values()),
            *(series.tested(window, self._day)[-1][0] - series.LOOKBACK_DAYS - 1 for window in forecasts),
            self._day - 91,
        )
        days = [(day, self._days.start(day)) for day in range(first, self._day + 1)]
        asks = []
        for kpi, last in lasts.items():
            plain = _KPIS[kpi].kind in ("sum", "standing") and kpi not in _READ_WHOLE
            asked = range(last - 1 if plain else last - 90, last)
            asks += [Ask(kpi, "day", self._days.start(day), self._days.start(day + 1)) for day in asked]
        sums: dict[str, dict[Group, dict[int, tuple[int, int]]]] = {kpi: {("", ""): {}} for kpi in lasts}
        samples: dict[str, dict[Group, dict[int, int]]] = {kpi: {("", ""): {}} for kpi in lasts}
        for kpi, by, group, day, num, den, seen, total_ms, durations in self._oracle.daily(asks, days, self._to_ms):
            pair = (total_ms, durations) if _KPIS[kpi].kind == "duration" else (num, den)
            sums[kpi].setdefault((by, group), {})[day] = pair
            samples[kpi].setdefault((by, group), {})[day] = seen
        return sums, samples

    def _by_day(self, request: Request) -> list[Outcome]:
        kpi, last = _KPIS[request.kpi], self._last(request.kpi)
        history = self._history.get(request.kpi, _NEVER)
        groups = sorted(group for group in self._sums[request.kpi] if group[0] == request.by)
        outcomes = []
        for group in groups:
            sums = self._sums[request.kpi][group]
            num = Series({day: pair[0] for day, pair in sums.items()})
            if request.operator == "trend_slope":
                length = SPANS[request.window]
                result, earliest = series.trend(self._weighed(kpi, group, last, length), kpi.unit), last - length
            elif request.operator == "anomaly_band":
                result = series.anomaly(num, last, history, kpi.unit, counts=kpi.unit == 1)
                earliest = last - 57
            elif request.operator == "forecast_error":
                result = series.forecast_error(num, request.window, last, history)
                tests = series.tested(request.window, last)
                earliest = min(min(start, on - series.LOOKBACK_DAYS) for start, on, _ in tests)
            else:
                samples = Series(self._samples[request.kpi][group])
                result = series.forecast(num, samples, request.window, last, history, kpi.unit)
                earliest = min(period(request.window, last)[0], last - series.LOOKBACK_DAYS)
            outcomes.append(self._outcome(request, group, result, earliest))
        return outcomes

    def _weighed(self, kpi: Kpi, group: Group, last: int, length: int) -> list[tuple[int, int]]:
        """(num, den) of the last days before ``last``, oldest first."""
        sums, of_all = self._sums[kpi.name][group], self._sums[kpi.name]["", ""]
        days = range(last - length, last)
        begun = self._history.get(kpi.name, _NEVER)
        if kpi.name in _READ_WHOLE:
            return [(sums.get(day, (0, 0))[0], int(day >= begun)) for day in days]
        if kpi.kind == "standing":
            return [(sum(num for day, (num, _) in sums.items() if day <= at), int(at >= begun)) for at in days]
        pairs = []
        for day in days:
            num, den = sums.get(day, (0, 0))
            if kpi.kind == "sum":
                den = 1
            elif kpi.kind in ("share", "per active"):
                den = of_all.get(day, (0, 0))[1]
            if kpi.kind in ("per active", "per own active"):
                num *= self._days.start(day + 1) - self._days.start(day)
            pairs.append((num, den))
        return pairs

    def _in_force(self, request: Request, group: Group) -> Target | None:
        """Its target on the day of ``to``."""
        known = [t for t in self._targets if t.kpi == request.kpi and t.first.toordinal() <= self._day]
        same = [t for t in known if (t.window, t.by, t.group) == (request.window, *group)]
        own = [t for t in known if not t.window and not request.by]
        return max(same or own, key=lambda target: (target.first, target.order), default=None)

    def _against_targets(self, request: Request) -> list[Outcome]:
        (ask,) = self._asks(request)
        groups = (
            [("", "")] if not request.by else sorted({(t.by, t.group) for t in self._targets if t.by == request.by})
        )
        outcomes = []
        for group in groups:
            target = self._in_force(request, group)
            if target is None and request.by:
                continue
            v, samples = self._value(ask, group)
            parts: Parts = {"v": v, "target": target.value if target else None}
            value = None
            if target and v is not None:
                if request.operator == "target_pace_gap":
                    share = self._elapsed(request.window, target.calendar)
                    parts["share"] = None if share is None else float(share)
                    value = None if share is None else v - target.value * float(share)
                else:
                    value = _judged(
                        request.operator, v, target.value, lower=(target.better or request.better) == "lower"
                    )
            outcomes.append(self._outcome(request, group, Result(value, samples, parts), _NEVER))
        return outcomes

    def _elapsed(self, window: str, calendar: str) -> Fraction | None:
        """The share of the period's open time that is over; None if it has no open time."""
        start, end = (self._days.start(day) for day in period(window, self._day))
        clock = self._calendars[calendar] if calendar else int
        whole = clock(end) - clock(start)
        return Fraction(clock(self._to_ms) - clock(start), whole) if whole else None

    def _of_deals(self, request: Request) -> list[Outcome]:
        """Deals won and open deals by the month in which they should close."""
        now, forecasts = month(self._day), request.operator == "deals_forecast"
        last = month(period(request.window, self._day)[1] - 1) if forecasts else ""
        open_value: dict[str, int] = {}
        deals: dict[str, int] = {}
        for group, closes, weighted, count in self._oracle.closing(request.by, self._to_ms):
            if now <= closes <= last if forecasts else closes < now:
                open_value[group] = open_value.get(group, 0) + weighted
                deals[group] = deals.get(group, 0) + count
        begun = self._spans[self._weighted_now()[:2]]["", ""].value is not None
        asks = self._asks(request)
        groups = {group for _, group in self._groups(request, asks)} if forecasts or not request.by else set()
        outcomes = []
        for group in sorted(groups | {group for group, count in deals.items() if count}):
            where = (request.by, group)
            won, samples = self._value(asks[0], where) if forecasts else (0.0, 0)
            due = open_value.get(group, 0) / _KPIS["pipeline_weighted_value"].unit
            parts: Parts = {"won": won, "open": due} if forecasts else {"open": due}
            value = won + due if begun and won is not None else None
            result = Result(value, samples + deals.get(group, 0), parts)
            outcomes.append(self._outcome(request, where, result, _NEVER))
        return outcomes


def _span(kpi: str, edges: Edges) -> Ask:
    return Ask(kpi, "{} {}".format(*edges), *edges)


def _judged(operator: str, v: float, target: float, *, lower: bool) -> float | None:
    """Attainment, or whether it was met; ``lower``: whether low values are good."""
    if operator == "target_met":
        return float(v <= target if lower else v >= target)
    above, below = (target, v) if lower else (v, target)
    return above / below if below > 0 else None
