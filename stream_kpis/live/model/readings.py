"""What one KPI reads from its sums: numbers, distributions, intervals."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from stream_kpis.engine.measures import COUNT, SQUARES, SUM, Cell, Ordered, at_or_below
from stream_kpis.engine.reading import FUNCTIONS, QUANTILES, STANDING, At, waiting_ages
from stream_kpis.engine.tiles import Edges
from stream_kpis.kpis.business_time import Calendars
from stream_kpis.kpis.formula import Formula, Node, Part, Reading, readings
from stream_kpis.kpis.schema import Kpi
from stream_kpis.live.model.intervals import Bounds
from stream_kpis.live.model.snapshot import Durations


class Read(NamedTuple):
    """How the world around a KPI's readings answers, over one window and for one group."""

    cell: Callable[[str, Reading], Cell]
    """The summed cell of a measure, as a reading needs it."""
    edges: Callable[[Reading], Edges]
    """The window that a reading is over."""
    part: Callable[[Part], float | int | None]
    """The value of another KPI, as integers are kept in state: micro-units, ms, counts."""


class KpiReader:
    """Reads the measures of one KPI over one window for one group.

    Args:
        read: where it reads.
        kpi: the KPI.
        to_ms: the end of its window, at which what waits is aged.
        begun: by level, open set and measure that is awaited since when there is a first of it, in ms; before its end.
        calendars: under whose clocks things wait.
    """

    def __init__(self, read: Read, kpi: Kpi, to_ms: int, begun: Mapping[str, int], calendars: Calendars) -> None:
        self._read, self._to_ms, self._begun, self._calendars = read, to_ms, begun, calendars
        self._awaited = kpi.awaits
        self._edges, self._target_ms = kpi.edges, round((kpi.target or 0) * 1000)

    def __call__(self, reading: Reading | Part) -> float | int | None:
        """The number of a reading: milliseconds, micro-units or a count; None for the quantile of nothing.

        What stands is None as well before a first of it began, and so is what is awaited before a first of it came.
        """
        if isinstance(reading, Part):
            return self._read.part(reading)
        if not self._there(reading):
            return None
        function = FUNCTIONS[reading.function]
        cells = [self._read.cell(arg, reading) for arg in reading.args if arg != "target"]
        return function.of(*cells, at=At(*self._read.edges(reading), self._target_ms, self._calendars))

    def awaiting(self, formula: Formula) -> list[str]:
        """The measures that a formula of the KPI reads and awaits, and of which none came yet."""
        lacking = (one.args[0] for one in readings(formula) if one.args[0] in self._awaited and not self._there(one))
        return list(dict.fromkeys(lacking))

    def _there(self, reading: Reading) -> bool:
        measure = reading.args[0]
        if measure in self._awaited:
            return measure in self._begun and self._begun[measure] < self._read.edges(reading).to_ms
        return reading.function not in STANDING or measure in self._begun

    def _observed(self, reading: Reading) -> tuple[Cell, list[tuple[int, int]]]:
        """What a quantile is taken over: the distribution of what is done, and the ages of what waits."""
        cells = [self._read.cell(arg, reading) for arg in reading.args]
        if FUNCTIONS[reading.function].kinds == (("open_set",),):
            cells = [{}, *cells]
        return cells[0], list(waiting_ages(cells[1], At(0, self._to_ms, self._target_ms, self._calendars))) if len(
            cells
        ) > 1 else []

    def squares(self, total: Reading) -> int:
        """The sum of the squares of what a sum adds up, in hundredths of a unit squared."""
        return self._read.cell(total.args[0], total).get(SQUARES, 0)

    def observations(self, reading: Reading) -> int:
        """How many durations a quantile is taken over."""
        done, waiting = self._observed(reading)
        return done.get(COUNT, 0) + sum(n for _, n in waiting)

    def durations(self, node: Node) -> tuple[Durations, Bounds] | None:
        """The distribution behind a quantile, and the quantile's 95 % interval in ms; None for other formulas."""
        if not isinstance(node, Reading) or (own := FUNCTIONS[node.function].distribution) is None:
            return None
        cell, waiting = self._observed(node)
        observed = Ordered(cell, waiting)
        quantiles = tuple((q, ms / 1000) for q in QUANTILES if (ms := observed.quantile(q)) is not None)
        buckets = tuple(zip(self._edges, at_or_below(cell, self._edges, waiting), strict=True))
        durations = Durations(quantiles, buckets, cell.get(SUM, 0) + sum(age * n for age, n in waiting))
        return durations, observed.interval(own)
