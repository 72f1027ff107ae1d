"""Operators over the values of days: trend, forecast, anomaly. Exact to the last step; a day is its date's number."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import sqrt
from typing import NamedTuple

from stream_kpis.proof.oracle.days import period

LOOKBACK_DAYS = 56
TESTS: Mapping[str, int] = {"mtd": 6, "qtd": 4, "ytd": 2}
"""How many complete periods a forecast is tested on."""

_WEEKS = 8
_NORMAL = 1.96
_SIGMAS = 3
_TREND_DAYS_MIN = 7
_BAND_WEEKS_MIN = 4
_GROWTH_MAX = Fraction(1, 2)

Parts = dict[str, float | int | None]


class Result(NamedTuple):
    """What an operator says: see :class:`stream_kpis.proof.oracle.requests.Outcome`."""

    value: float | None
    samples: int
    parts: Parts
    lower: float | None = None
    upper: float | None = None


class Back(NamedTuple):
    """One forecast of a period that is over: the forecast, and what it was."""

    forecast: Fraction
    actual: int


class Series:
    """Integers per day of one group; a day without any is 0."""

    def __init__(self, numbers: Mapping[int, int]) -> None:
        self._numbers = numbers

    def __getitem__(self, day: int) -> int:
        return self._numbers.get(day, 0)

    def sum(self, first: int, after: int) -> int:
        """Over the days [first, after)."""
        return sum(self[day] for day in range(first, after))


def trend(days: Sequence[tuple[int, int]], unit: float) -> Result:
    """The weighted least-squares slope over (num, den) of each day, oldest first; ``unit`` integers are one unit."""
    weighed = [(t, num, den) for t, (num, den) in enumerate(days) if den > 0]
    s0 = sum(den for _, _, den in weighed)
    s1 = sum(t * den for t, _, den in weighed)
    s2 = sum(t * t * den for t, _, den in weighed)
    t0 = sum(num for _, num, _ in weighed)
    t1 = sum(t * num for t, num, _ in weighed)
    parts: Parts = {"S0": s0, "S1": s1, "S2": s2, "T0": t0, "T1": t1}
    divisor = s0 * s2 - s1 * s1
    if len(weighed) < _TREND_DAYS_MIN or divisor == 0:
        return Result(None, len(weighed), parts)
    slope = Fraction(s0 * t1 - s1 * t0, divisor)
    middle, mean = Fraction(s1, s0), Fraction(t0, s0)
    squares = sum(
        (den * (Fraction(num, den) - mean - slope * (t - middle)) ** 2 for t, num, den in weighed), Fraction()
    )
    margin = _NORMAL * sqrt(squares / (len(weighed) - 2) / Fraction(divisor, s0)) / unit
    value = float(slope / unit)
    return Result(value, len(weighed), parts, value - margin, value + margin)


def project(num: Series, start: int, day: int, end: int) -> tuple[Fraction, Parts]:
    """The forecast of the period [start, end) on a day of it, of which what went before is closed; and its parts."""
    closed = num.sum(start, day)
    recent, earlier = num.sum(day - 28, day), num.sum(day - 56, day - 28)
    growth = Fraction(recent, earlier) - 1 if earlier > 0 else Fraction()
    growth = max(-_GROWTH_MAX, min(_GROWTH_MAX, growth))
    eighths = 0
    for ahead in range(day, end):
        latest = day - 7 + (ahead - day) % 7  # the same weekday in the week before the day
        eighths += sum(num[latest - 7 * week] for week in range(_WEEKS))
    rest = Fraction(eighths, _WEEKS)
    return closed + (1 + growth) * rest, {"closed": closed, "g": float(growth), "m": float(rest)}


def tested(window: str, day: int) -> list[tuple[int, int, int]]:
    """The complete periods that a forecast of ``day`` is tested on: (first day, day of the forecast, day after)."""
    start, _ = period(window, day)
    closed, end, found = day - start, start, []
    for _ in range(TESTS[window]):
        first, _ = period(window, end - 1)
        found.append((first, first + min(closed, end - first - 1), end))
        end = first
    return found


def backtests(num: Series, window: str, day: int, history: int) -> list[Back]:
    """The same forecast in the periods before, as known now."""
    return [
        Back(project(num, start, on, end)[0], actual)
        for start, on, end in tested(window, day)
        if on - LOOKBACK_DAYS >= history and (actual := num.sum(start, end)) > 0
    ]


def forecast(num: Series, samples: Series, window: str, day: int, history: int, unit: float) -> Result:
    """The end of the period of ``day``, where ``history`` is the first day of the KPI's history."""
    start, end = period(window, day)
    value, parts = project(num, start, day, end)
    parts = {name: part if name == "g" or part is None else part / unit for name, part in parts.items()}
    observed = samples.sum(day - LOOKBACK_DAYS, day)
    if day - LOOKBACK_DAYS < history:
        return Result(None, observed, parts)
    known = float(value / unit)
    errors = [back.forecast / back.actual - 1 for back in backtests(num, window, day, history)]
    if len(errors) < 2:
        return Result(known, observed, parts)
    margin = abs(known) * _NORMAL * sqrt(sum((error**2 for error in errors), Fraction()) / len(errors))
    return Result(known, observed, parts, known - margin, known + margin)


def forecast_error(num: Series, window: str, day: int, history: int) -> Result:
    """The mean absolute percentage error of the back-tests, as a ratio."""
    errors = [abs(back.forecast / back.actual - 1) for back in backtests(num, window, day, history)]
    value = float(sum(errors, Fraction()) / len(errors)) if errors else None
    return Result(value, len(errors), {})


def anomaly(num: Series, day: int, history: int, unit: float, *, counts: bool) -> Result:
    """The last closed day before ``day`` among the same weekdays of the eight weeks before it."""
    last = day - 1
    seen = [num[last - 7 * week] for week in range(1, _WEEKS + 1) if last - 7 * week >= history]
    n, total, squares = len(seen), sum(seen), sum(number * number for number in seen)
    parts: Parts = {"v": num[last] / unit, "n": n, "sum": total, "sum2": squares}
    if n < _BAND_WEEKS_MIN:
        return Result(None, n, parts)
    mean = Fraction(total, n)
    variance = Fraction(squares, n) - mean * mean
    if counts:
        variance = max(variance, mean)
    sigma = sqrt(variance)
    lower, upper = (float(mean) - _SIGMAS * sigma) / unit, (float(mean) + _SIGMAS * sigma) / unit
    return Result(float(num[last] - mean) / sigma if sigma else None, n, parts, lower, upper)
