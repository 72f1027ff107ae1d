"""Trend, forecast and anomaly from what a KPI was made of day by day. Pure; days are ordinals, numbers as in state."""

from collections.abc import Iterator, Sequence
from math import sqrt
from typing import NamedTuple

from stream_kpis.live.model.operators.days import Daily
from stream_kpis.live.model.operators.spans import next_first, previous_first

_WEEK, _WEEKS = 7, 8
_SPAN = _WEEK * _WEEKS
_GROWTH_DAYS, _GROWTH_MAX = 28, 0.5
_TREND_DAYS_MIN = 7
_ANOMALY_WEEKS_MIN = 4
_SIGMAS = 3
_Z = 1.96
BACK_TESTS = {"mtd": 6, "qtd": 4, "ytd": 2}
"""How many complete periods a forecast is tried on."""


class Estimate(NamedTuple):
    """A number with its interval, and how many observations it is made of."""

    value: float | None
    lower: float | None
    upper: float | None
    samples: int


def trend(pairs: Sequence[tuple[int, int]]) -> Estimate:
    """The slope per day of num/den by least squares, each day weighing its denominator.

    >>> trend([(n, 1) for n in (1, 2, 3, 4, 5, 6, 7)])
    Estimate(value=1.0, lower=1.0, upper=1.0, samples=7)
    """
    there = [(t, num, den) for t, (num, den) in enumerate(pairs) if den > 0]
    s0, s1 = sum(den for _, _, den in there), sum(t * den for t, _, den in there)
    s2 = sum(t * t * den for t, _, den in there)
    t0, t1 = sum(num for _, num, _ in there), sum(t * num for t, num, _ in there)
    divisor = s0 * s2 - s1 * s1
    if len(there) < _TREND_DAYS_MIN or not divisor:
        return Estimate(None, None, None, len(there))
    slope = (s0 * t1 - s1 * t0) / divisor
    left = sum(den * (num / den - (t0 / s0 + slope * (t - s1 / s0))) ** 2 for t, num, den in there)
    half = _Z * sqrt(left / (len(there) - 2) / (divisor / s0))
    return Estimate(slope, slope - half, slope + half, len(there))


def growth(daily: Daily, today: int) -> float:
    """The last 28 closed days over the 28 before, less 1, within a half."""
    now = daily.total(today - _GROWTH_DAYS, today)
    before = daily.total(today - 2 * _GROWTH_DAYS, today - _GROWTH_DAYS)
    return min(max(now / before - 1, -_GROWTH_MAX), _GROWTH_MAX) if before > 0 else 0.0


def projected(daily: Daily, today: int, first: int, end: int) -> float | None:
    """What a sum comes to in the days from ``first`` to ``end``, of which those before ``today`` are closed.

    None before 56 days of history.
    """
    if not daily.reaches(today - _SPAN):
        return None
    weekdays = [0] * _WEEK
    for day in range(today - _SPAN, today):
        weekdays[day % _WEEK] += daily.num(day)
    to_come = sum(weekdays[day % _WEEK] for day in range(today, end)) / _WEEKS
    return daily.total(first, today) + (1 + growth(daily, today)) * to_come


def _tries(today: int, period: str, first: int) -> Iterator[tuple[int, int, int]]:
    """The complete periods on which a forecast is tried: first day, day of the forecast, day after."""
    closed, begin = today - first, first
    for _ in range(BACK_TESTS[period]):
        begin, end = previous_first(period, begin), begin
        yield begin, begin + min(closed, end - begin - 1), end


def oldest_tried(today: int, period: str, first: int) -> int:
    """The earliest day that any back-test looks for."""
    return min(min(begin, at - _SPAN) for begin, at, _ in _tries(today, period, first))


def oldest_projected(today: int, first: int) -> int:
    """The earliest day that a forecast looks for."""
    return min(first, today - _SPAN)


def back_tests(daily: Daily, today: int, period: str, first: int) -> Iterator[float]:
    """The relative errors of the same forecast, made at the same number of closed days in complete periods before."""
    for begin, at, end in _tries(today, period, first):
        forecast, actual = projected(daily, at, begin, end), daily.total(begin, end)
        if forecast is not None and actual > 0:
            yield forecast / actual - 1


def forecast(daily: Daily, today: int, period: str, first: int) -> tuple[Estimate, Estimate]:
    """The sum at the end of the period that began at ``first``, and the mean absolute error of its back-tests.

    The samples of the former are not known here: 0.
    """
    value = projected(daily, today, first, next_first(period, first))
    errors = list(back_tests(daily, today, period, first))
    error = sum(map(abs, errors)) / len(errors) if errors else None
    tried = Estimate(error, None, None, len(errors))
    if value is None or len(errors) < 2:
        return Estimate(value, None, None, 0), tried
    half = _Z * sqrt(sum(e * e for e in errors) / len(errors))
    return Estimate(value, value - abs(value) * half, value + abs(value) * half, 0), tried


def anomaly(daily: Daily, today: int, *, counts: bool) -> tuple[Estimate, int]:
    """How many standard deviations the last closed day lies from the same weekday of the weeks before; the band.

    Args:
        daily: of a sum.
        today: the open day.
        counts: whether it counts, so that its variance is at least its mean.

    Returns:
        The estimate, with the band in the units of state, and the earliest day that it looked for.
    """
    day = today - 1
    weeks = [day - _WEEK * back for back in range(1, _WEEKS + 1)]
    seen = [daily.num(week) for week in weeks if daily.reaches(week)]
    n = len(seen)
    if n < _ANOMALY_WEEKS_MIN:
        return Estimate(None, None, None, n), weeks[-1]
    total = sum(seen)
    mean, variance = total / n, (n * sum(num * num for num in seen) - total * total) / (n * n)
    sigma = sqrt(max(variance, mean) if counts else variance)
    value = (daily.num(day) - mean) / sigma if sigma else None
    return Estimate(value, mean - _SIGMAS * sigma, mean + _SIGMAS * sigma, n), weeks[-1]
