"""What a method is asked for, and what it may look at."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from stream_kpis.engine.measures import Cell
from stream_kpis.engine.tiles import Calendar, Edges
from stream_kpis.kpis.goals import Goals
from stream_kpis.kpis.schema import Kpi
from stream_kpis.live.model.snapshot import State, Value
from stream_kpis.live.model.sums import Tiles


class Asked(NamedTuple):
    """One KPI over one window and grouping: all its values are wanted."""

    name: str
    kpi: Kpi
    window: str
    by: str
    edges: Edges
    to_ms: int
    parts: Sequence[Sequence[Value]]
    """The values of each KPI that it is composed of, over the same window and grouping."""
    measured: Mapping[str, Callable[[], Mapping[str, Cell]]]
    """By measure of its formula, the summed cells by group, in the grouping that the method reads."""
    indexes: Mapping[str, int]
    """By measure, the grouping that the method reads."""
    tiles: Tiles
    calendar: Calendar
    goals: Goals

    def made(self, group: str, value: float | None, samples: int) -> Value:
        """A value of a group; its state by the samples, unless it has none."""
        state = State.NO_DATA if value is None else State.LOW_SAMPLE if samples < self.kpi.min_samples else State.OK
        return Value(self.name, self.window, self.by, group, *self.edges, value, None, None, samples, state)
