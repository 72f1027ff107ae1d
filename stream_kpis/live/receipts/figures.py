"""The formula of a value with the figures in it: each reading, each part, and how they make the value. Pure."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import NamedTuple

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.reading import quantile_of
from stream_kpis.engine.tiles import DAY_MS
from stream_kpis.journeys.facts import FACTS
from stream_kpis.kpis.formula import Binary, Node, Part, Positive, Reading, readings
from stream_kpis.kpis.load import kind_of
from stream_kpis.kpis.schema import Kpi
from stream_kpis.live.model.readings import KpiReader
from stream_kpis.live.model.snapshot import Snapshot, State, Value
from stream_kpis.live.model.sources import Sources
from stream_kpis.live.terminal.tables import people

_TIMES = ("count_ms", "distinct_ms", "window_ms", "carried", "carried_all")
"""Functions that give times in ms, never negative."""
_SCALED = ("micro-units", "micro-points")
_SUMS = ("sum", "level", "level_all", "level_at_start")


class Figure(NamedTuple):
    """One reading of the formula."""

    reading: str
    number: float | int | None
    """As in state: counts, ms, micro-units."""
    text: str
    """The same for people."""
    counts: str
    """What its measures count."""


class Piece(NamedTuple):
    """A value that a composed one is made of; it has a receipt of its own, over the same window and group."""

    kpi: str
    value: float | None
    """In its unit."""
    text: str
    """The same for people."""
    samples: int
    state: State


class Figures:
    """What stands in the formulas of a catalogue's KPIs.

    Args:
        plan: the compiled catalogue.
        sources: what its KPIs read.
        currency: the reporting currency.
    """

    def __init__(self, plan: Plan, sources: Sources, currency: str) -> None:
        self._plan, self._sources, self._currency = plan, sources, currency
        self._kpis = plan.catalogue.kpis

    def read_by(self, kpi: str) -> list[Reading]:
        """The readings of its formula that are of its own window and group: not those of a method."""
        if self._kpis[kpi].method is not None:
            return []
        return list(dict.fromkeys(readings(self._plan.catalogue.formulas[kpi])))

    def of(self, kpi: str, reader: KpiReader) -> dict[Reading, Figure]:
        """The figures of a KPI's formula, as a reader finds them."""
        return {reading: self._figure(reading, reader) for reading in self.read_by(kpi)}

    def pieces(self, value: Value, snapshot: Snapshot) -> tuple[Piece, ...]:
        """The values that a value is composed of."""
        names = list(dict.fromkeys(part.name for part in self._sources.parts(value.kpi)))
        if not names:
            return ()
        place = (value.window, value.by, value.group)
        of = {v.kpi: v for v in snapshot.values if (v.window, v.by, v.group) == place}
        return tuple(
            Piece(name, v.value, people(v.value, unit_of(self._kpis[name], self._currency)), v.samples, v.state)
            if (v := of.get(name)) is not None
            else Piece(name, None, "-", 0, State.NO_DATA)
            for name in names
        )

    def worked(self, value: Value, figures: Mapping[Reading, Figure], pieces: Sequence[Piece]) -> str:
        """The formula of a value, the figures and the parts in their places."""
        formula, method = self._plan.catalogue.formulas[value.kpi], self._kpis[value.kpi].method
        if method is not None:
            return f"{method}({', '.join(piece.text for piece in pieces) or formula.text})"
        if q := quantile_of(formula.numerator):
            return f"number {ceil(q * value.samples - 1e-9)} of {value.samples} by length"
        texts: dict[Reading | str, str] = {reading: figure.text for reading, figure in figures.items()}
        texts |= {piece.kpi: piece.text for piece in pieces}
        above = _with_figures(formula.numerator, texts)
        if formula.denominator is None:
            return above
        sides = (formula.numerator, above), (formula.denominator, _with_figures(formula.denominator, texts))
        return " / ".join(f"({text})" if isinstance(node, Binary) else text for node, text in sides)

    def _figure(self, reading: Reading, reader: KpiReader) -> Figure:
        number = reader(reading)
        names = [arg for arg in reading.args if arg != "target"]
        measures = [self._plan.catalogue.measures[name] for name in names]
        facts = [m.base if m.base and reading.function == "base" else kind_of(m)[1] for m in measures]
        about = " ".join(f"{fact}: {FACTS[fact].doc}" for fact in facts)
        return Figure(str(reading), number, self._told(reading, number, facts[0]), about)

    def _told(self, reading: Reading, number: float | None, fact: str) -> str:
        function = reading.function
        if number is None:
            return "-"
        if quantile_of(reading) is not None or function in _TIMES:
            return people(number / 1000, "seconds")
        if function == "sum_ms":
            return f"{number / 1e6 / DAY_MS:,.2f} * 1 d" if FACTS[fact].value.endswith(_SCALED) else f"{number:,}"
        if function in ("begun", "begun_all") or (function == "sum" and FACTS[fact].value.endswith("ms")):
            return people(number / 1000, "seconds") if number >= 0 else f"-{people(-number / 1000, 'seconds')}"
        return _summed(number, FACTS[fact].value) if function in _SUMS else f"{number:,}"


def _summed(number: float, value: str) -> str:
    """The sum of the values of a fact, by what they are."""
    if value.endswith(_SCALED):
        return f"{number / 1e6:,.2f}"
    return people(number / 1000, "quantity") if value == "thousandths" else f"{number:,}"


def unit_of(kpi: Kpi, currency: str) -> str:
    """A KPI's unit, with the currency by name."""
    return kpi.unit.replace("currency_per_second", "currency/s").replace("currency", currency)


def _with_figures(node: Node, texts: Mapping[Reading | str, str]) -> str:
    """A formula with the texts of its readings, and of its parts by name, in their places."""
    if isinstance(node, int):
        return str(node) if node < DAY_MS or node % DAY_MS else f"{node // DAY_MS}d"
    if isinstance(node, Reading):
        return texts[node]
    if isinstance(node, Part):
        return texts[node.name]
    if isinstance(node, Positive):
        return f"positive({_with_figures(node.of, texts)})"
    left, right = (_with_figures(side, texts) for side in (node.left, node.right))
    if _binds_less(node.left, node.op, on_the_right=False):
        left = f"({left})"
    if _binds_less(node.right, node.op, on_the_right=True):
        right = f"({right})"
    return f"{left} {node.op} {right}"


def _binds_less(side: Node, op: str, *, on_the_right: bool) -> bool:
    """Whether a side must stand in parentheses."""
    if not isinstance(side, Binary) or op == "+":
        return False
    if op == "-":
        return side.op in "+-" and on_the_right
    return side.op in "+-" or on_the_right
