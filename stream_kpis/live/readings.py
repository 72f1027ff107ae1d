"""What one KPI reads from its sums: numbers, distributions, intervals."""

from collections.abc import Callable, Collection
from math import sqrt

from stream_kpis.engine.measures import COUNT, SUM, Cell, at_or_below, quantile_ms
from stream_kpis.engine.reading import FUNCTIONS, QUANTILES, STANDING, At, waiting_ages
from stream_kpis.kpis.business_time import Calendars
from stream_kpis.kpis.formula import Node, Reading
from stream_kpis.kpis.schema import Kpi
from stream_kpis.live.snapshot import Durations

CellOf = Callable[[str, str], Cell]
"""From a measure and the reading's function to the summed cell."""


class KpiReader:
    """Reads the measures of one KPI over one window for one group.

    Args:
        cell: the summed cell of a measure, as a reading's function needs it.
        kpi: the KPI.
        from_ms: the start of the window.
        to_ms: its end.
        begun: the levels and open sets of which a first began before it.
        calendars: under whose clocks things wait.
    """

    def __init__(
        self, cell: CellOf, kpi: Kpi, from_ms: int, to_ms: int, begun: Collection[str], calendars: Calendars
    ) -> None:
        self._cell, self._begun = cell, begun
        self._edges = kpi.edges
        self._at = At(from_ms, to_ms, round((kpi.target or 0) * 1000), calendars)

    def __call__(self, reading: Reading) -> float | int | None:
        """The number of a reading: milliseconds, micro-units or a count; None for the quantile of nothing.

        What stands is None as well before a first of it began.
        """
        if reading.function in STANDING and reading.args[0] not in self._begun:
            return None
        function = FUNCTIONS[reading.function]
        cells = [self._cell(arg, reading.function) for arg in reading.args if arg != "target"]
        return function.of(*cells, at=self._at)

    def _observed(self, reading: Reading) -> tuple[Cell, list[tuple[int, int]]]:
        """What a quantile is taken over: the distribution of what is done, and the ages of what waits."""
        cells = [self._cell(arg, reading.function) for arg in reading.args]
        if FUNCTIONS[reading.function].kinds == (("open_set",),):
            cells = [{}, *cells]
        return cells[0], list(waiting_ages(cells[1], self._at)) if len(cells) > 1 else []

    def observations(self, reading: Reading) -> int:
        """How many durations a quantile is taken over."""
        done, waiting = self._observed(reading)
        return done.get(COUNT, 0) + sum(n for _, n in waiting)

    def durations(self, node: Node) -> Durations | None:
        """The distribution behind a quantile; None for other formulas."""
        if not isinstance(node, Reading) or FUNCTIONS[node.function].distribution is None:
            return None
        cell, waiting = self._observed(node)
        quantiles = tuple((q, ms / 1000) for q in QUANTILES if (ms := quantile_ms(cell, q, waiting)) is not None)
        counts = at_or_below(cell, self._edges)
        buckets = tuple(
            (edge, count + sum(n for age, n in waiting if age <= edge * 1000))
            for edge, count in zip(self._edges, counts, strict=True)
        )
        return Durations(quantiles, buckets, cell.get(SUM, 0) + sum(age * n for age, n in waiting))


def wilson(above: float | None, below: float | None) -> tuple[float | None, float | None]:
    """The Wilson 95 % interval of a proportion.

    >>> [round(bound, 4) for bound in wilson(5, 100)]
    [0.0215, 0.1118]
    """
    if above is None or not below:
        return None, None
    n, p, z = below, min(max(above / below, 0.0), 1.0), 1.959963984540054
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(middle - half, 0.0), min(middle + half, 1.0)
