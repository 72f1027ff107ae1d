"""Engine against oracle: integers equal, floats within 1e-9, quantiles and the bounds of theirs within 1 %.

/metrics shows integers as floats in the KPI's unit, so beyond 2^53 two integers are equal up to four roundings: two
on the way there and back, one for each in the comparison.
"""

from collections.abc import Iterable, Sequence
from itertools import repeat
from math import isclose
from typing import NamedTuple

from stream_kpis.live.model.snapshot import Durations, Value
from stream_kpis.proof.oracle import Answer, Ask

FLOAT_TOLERANCE = 1e-9
QUANTILE_TOLERANCE = 0.01
_EXACT_MAX = 2**53


class Difference(NamedTuple):
    """One value that is not what the oracle says."""

    kpi: str
    window: str
    by: str
    group: str
    what: str
    engine: object
    oracle: object
    operator: str = ""
    """Of a result of an operator; empty for a value."""

    def __str__(self) -> str:
        """One line."""
        where = f" {self.by}={self.group}" if self.by else ""
        return f"{self.kpi} {self.window}{where}: {self.what} is {self.engine}, the oracle says {self.oracle}"


class Tally(NamedTuple):
    """What was compared of one KPI."""

    kpi: str
    compared: int
    absent: int
    """Of those compared, how many have no value, for both."""
    different: int
    ok: bool
    """Whether a window is ``ok`` with 30 samples or more."""
    samples: int
    """The most behind one of its values."""


class OperatorTally(NamedTuple):
    """What was compared of one operator, over all KPIs."""

    operator: str
    compared: int
    absent: int
    """Of those compared, how many have no value, for both."""
    different: int


class Report(NamedTuple):
    """The outcome of a comparison."""

    tallies: tuple[Tally, ...]
    differences: tuple[Difference, ...]
    operators: tuple[OperatorTally, ...] = ()

    @property
    def compared(self) -> int:
        """Values compared, over all KPIs."""
        return sum(tally.compared for tally in self.tallies)

    @property
    def operated(self) -> int:
        """Results compared, over all operators."""
        return sum(tally.compared for tally in self.operators)


def asks_of(values: Iterable[Value]) -> list[Ask]:
    """What to ask the oracle, to check some values: their KPIs and windows, with the edges as published."""
    return list(dict.fromkeys(Ask(v.kpi, v.window, v.from_ms, v.to_ms) for v in values))


def compare(values: Sequence[Value], answers: Iterable[Answer]) -> Report:
    """Every value against its answer; a value without an answer, or an answer without a value, must be nothing.

    Args:
        values: of one snapshot.
        answers: of the oracle, to :func:`asks_of` of the same values.
    """
    shown = {(value.kpi, value.window, value.by) for value in values}
    expected = {(a.kpi, a.window, a.by, a.group): a for a in answers if (a.kpi, a.window, a.by) in shown}
    differences: list[Difference] = []
    counts: dict[str, list[int]] = {}
    ok: set[str] = set()
    for value in values:
        count = counts.setdefault(value.kpi, [0, 0, 0, 0])
        found = list(_differences(value, expected.pop((value.kpi, value.window, value.by, value.group), None)))
        count[0] += 1
        count[1] += value.value is None
        count[2] += bool(found)
        count[3] = max(count[3], value.samples)
        differences += found
        if not value.by and value.state == "ok" and value.samples >= 30:
            ok.add(value.kpi)
    for answer in expected.values():
        if answer.samples or answer.numerator:
            differences.append(Difference(*answer[:4], "the group", "absent", answer.value))
            counts.setdefault(answer.kpi, [0, 0, 0, 0])[2] += 1
    tallies = tuple(
        Tally(kpi, compared, absent, different, kpi in ok, samples)
        for kpi, (compared, absent, different, samples) in counts.items()
    )
    return Report(tallies, tuple(differences))


def _differences(value: Value, answer: Answer | None) -> Iterable[Difference]:
    def different(what: str, engine: object, oracle: object) -> Difference:
        return Difference(value.kpi, value.window, value.by, value.group, what, engine, oracle)

    if answer is None:
        if value.samples or value.value or value.numerator:
            yield different("the value", value.value, "nothing")
        return
    if value.samples != answer.samples:
        yield different("samples", value.samples, answer.samples)
    exact = ((value.numerator, answer.numerator), (value.denominator, answer.denominator))
    if value.numerator is not None and not all(_same(engine, oracle) for engine, oracle in exact):
        engine, oracle = f"{value.numerator}/{value.denominator}", f"{answer.numerator}/{answer.denominator}"
        yield different("numerator/denominator", engine, oracle)
    tolerance = FLOAT_TOLERANCE if value.durations is None else QUANTILE_TOLERANCE
    if not close(value.value, answer.value, tolerance):
        yield different("the value", value.value, answer.value)
    bounds, interval = (value.lower, value.upper), (answer.lower, answer.upper)
    if not all(map(close, bounds, interval, repeat(tolerance))):
        yield different("the interval", bounds, interval)
    if value.durations is not None:
        yield from (different(*found) for found in _duration_differences(value.durations, answer))


def _duration_differences(durations: Durations, answer: Answer) -> Iterable[tuple[str, object, object]]:
    """What differs of a distribution: (what, engine, oracle)."""
    for q, seconds in durations.quantiles:
        expected = answer.quantiles.get(str(q))
        if not close(seconds, expected, QUANTILE_TOLERANCE):
            yield f"quantile {q}", seconds, expected
    for edge, count in durations.buckets:
        if count != answer.buckets.get(edge, 0):
            yield f"the count up to {edge} s", count, answer.buckets.get(edge)
    if durations.buckets and durations.sum_ms != (answer.total or 0):
        yield "the sum in ms", durations.sum_ms, answer.total


def _same(engine: int | None, oracle: int | None) -> bool:
    if engine is None or oracle is None or abs(oracle) <= _EXACT_MAX:
        return engine == oracle
    return isclose(engine, oracle, rel_tol=4 / _EXACT_MAX)


def close(engine: float | None, oracle: float | None, tolerance: float) -> bool:
    """Whether two floats are the same within a relative tolerance; none is only the same as none."""
    if engine is None or oracle is None:
        return engine is oracle
    return isclose(engine, oracle, rel_tol=tolerance, abs_tol=FLOAT_TOLERANCE)
