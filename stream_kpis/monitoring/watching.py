"""What alerts would have seen: at each instant of a replay what their conditions compare. Pure."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import ceil, floor, isfinite, log10, nan
from typing import NamedTuple

from stream_kpis.kpis.business_time import Calendars
from stream_kpis.kpis.durations import duration_ms
from stream_kpis.live.model.narrowing import Wanted
from stream_kpis.live.model.snapshot import Result, Snapshot, State, Value
from stream_kpis.monitoring.alerts import Rule
from stream_kpis.monitoring.conditions import MADE, Condition, Judged
from stream_kpis.monitoring.firing import Firing, firings

_UNTRUSTED = (State.STALE, State.IMMATURE)
_CANDIDATES_MAX = 64
_DIGITS = 2
_Key = tuple[str, str, str, str]
"""KPI, window, grouping, group."""


def name_of(rule: Rule) -> str:
    """What a rule is called where each has a name of its own: those of targets after what they are for.

    >>> name_of(Rule("GoalMissed", "", "", "page", "", "", "", "", "nps", {"window": "90d", "group": "team a"}))
    'GoalMissed nps 90d team a'
    """
    labels = rule.labels
    return " ".join(filter(None, (rule.name, *((rule.kpi, *map(labels.get, _PLACE)) if "window" in labels else ()))))


_PLACE = ("window", "group", "since")


def wanted(conditions: Iterable[Condition]) -> Iterator[Wanted]:
    """The values that conditions look at."""
    for condition in conditions:
        judged = condition.judged
        by = ",".join(judged.group)
        operator = MADE[condition.reads].carried if condition.reads in MADE else None
        yield Wanted(judged.kpi_id, judged.window, by, operator)
        if condition.usual:
            yield Wanted(judged.kpi_id, condition.usual, by)
        if condition.unless is not None:
            yield Wanted(condition.unless.kpi_id, condition.unless.window)


class Sight(NamedTuple):
    """One snapshot, as conditions look at it."""

    at_ms: int
    values: Mapping[_Key, Value]
    results: Mapping[tuple[str, str, _Key], Result]
    """By operator, what it compares with, and value."""
    open: Mapping[str, bool]
    """Of each business calendar, whether it is open."""

    @classmethod
    def of(cls, snapshot: Snapshot, calendars: Calendars) -> "Sight":
        """A snapshot that knows all."""
        return cls(
            snapshot.to_ms,
            {(v.kpi, v.window, v.by, v.group): v for v in snapshot.values},
            {(r.operator, r.against, (r.kpi, r.window, r.by, r.group)): r for r in snapshot.results},
            calendars.open_at(snapshot.to_ms) if calendars.versions else {},
        )

    def compared(self, condition: Condition) -> tuple[float, float]:
        """What a condition compares, and what its bound is multiplied by; NaN where something else forbids a call."""
        judged, key = condition.judged, _key(condition.judged)
        value, total = self.values.get(key), self.values.get((judged.kpi_id, judged.window, "", ""))
        number = self._number(condition, key)
        usual = 1.0 if not condition.usual else self._number(condition, (key[0], condition.usual, *key[2:]))
        if (
            number is None
            or usual is None
            or (condition.enough and (value is None or value.samples < judged.kpi.min_samples))
            or (total is not None and total.state in _UNTRUSTED)
            or (condition.unless is not None and self._decides(condition.unless))
            or not condition.in_force(self.at_ms)
            or not (not condition.calendar or self.open.get(condition.calendar))
        ):
            return nan, nan
        return condition.turn(number), usual

    def _number(self, condition: Condition, key: _Key) -> float | None:
        if condition.reads in MADE:
            operator, against, bound, _ = MADE[condition.reads]
            result = self.results.get((operator, against, key))
            return None if result is None else {"lower": result.lower, "upper": result.upper}.get(bound, result.value)
        value = self.values.get(key)
        return None if value is None else {"lower": value.lower, "upper": value.upper}.get(condition.reads, value.value)

    def _decides(self, other: Judged) -> bool:
        value = self.values.get(_key(other))
        return value is not None and value.samples >= other.kpi.min_samples


def _key(judged: Judged) -> _Key:
    return judged.kpi_id, judged.window, ",".join(judged.group), ",".join(judged.group.values())


class Watch:
    """One alert over a replay: all that its threshold is to be compared with, so that any can be tried.

    Args:
        rule: on a KPI.
        keep_ms: how long it fires on.
    """

    def __init__(self, rule: Rule, keep_ms: int) -> None:
        assert rule.condition is not None
        self.rule, self.condition = rule, rule.condition
        self._for_ms, self._keep_ms = duration_ms(rule.hold), keep_ms
        self._times: array[int] = array("q")
        self._numbers: array[float] = array("d")
        self._usual: array[float] = array("d")

    def see(self, sight: Sight) -> None:
        """Looks at the next instant."""
        number, usual = sight.compared(self.condition)
        self._times.append(sight.at_ms)
        self._numbers.append(number)
        self._usual.append(usual)

    def firings(self, than: float) -> list[Firing]:
        """When it would have called with a threshold."""
        exceeds = self.condition.at(than).exceeds
        held = map(exceeds, self._numbers, self._usual)
        return list(firings(zip(self._times, held, strict=True), self._for_ms, self._keep_ms))

    def mildest(self, firings_max: float) -> float | None:
        """The threshold nearest to today's with which it would have called so often at most, in two digits.

        None if today's does, or if there is none.
        """
        today = self.condition.bound.than
        if self.condition.reads == "target_pace_gap" or len(self.firings(today)) <= firings_max:
            return None
        return next((than for than in self._milder() if len(self.firings(than)) <= firings_max), None)

    def _milder(self) -> Sequence[float]:
        """Thresholds to be tried, from today's on: just what was seen beyond it, if that is not too much."""
        condition = self.condition
        sign = condition.milder
        seen = {
            sign * _rounded(condition.threshold(number, usual), sign)
            for number, usual in zip(self._numbers, self._usual, strict=True)
            if condition.exceeds(number, usual) and (usual > 0)
        }
        values = sorted(than for than in seen if isfinite(than) and than > sign * condition.bound.than)
        every = max(ceil(len(values) / _CANDIDATES_MAX), 1)
        return [sign * than for than in (*values[every - 1 :: every], *values[-1:])]


def _rounded(number: float, sign: int) -> float:
    """A number in two digits, in the direction of the sign.

    >>> _rounded(0.05231, 1), _rounded(312.0, 1), _rounded(0.8765, -1), _rounded(0.0, 1)
    (0.053, 320.0, 0.87, 0.0)
    """
    if not number or not isfinite(number):
        return number
    digits = _DIGITS - 1 - floor(log10(abs(number)))
    scale = 10.0**digits
    whole = (ceil if sign > 0 else floor)(round(number * scale, 9))
    return round(whole / scale, max(digits, 0))
