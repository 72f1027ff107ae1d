"""What is shown: the values of all KPIs at one kpi-now, immutable."""

from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """How far a value can be trusted; when several apply, the first in this order."""

    STALE = "stale"
    NO_DATA = "no_data"
    IMMATURE = "immature"
    LOW_SAMPLE = "low_sample"
    OK = "ok"


class Durations(NamedTuple):
    """The distribution behind a duration KPI; seconds."""

    quantiles: tuple[tuple[float, float], ...]
    """(q, seconds), by q."""
    buckets: tuple[tuple[float, int], ...]
    """(edge in seconds, observations at or below it), by edge; without +Inf."""
    sum_ms: int


class Value(NamedTuple):
    """One KPI over one window for one group."""

    kpi: str
    window: str
    by: str
    """The grouping's dimensions, comma-separated; empty for the total."""
    group: str
    """The dimensions' values, comma-separated in the same order; empty for the total."""
    from_ms: int
    to_ms: int
    value: float | None
    """In the KPI's unit; None if the denominator is empty."""
    numerator: int | None
    """Integer as kept in state (money in micro-units, durations in ms); None for KPIs that are not ratios."""
    denominator: int | None
    samples: int
    state: State
    lower: float | None = None
    upper: float | None = None
    """95 % interval, where the KPI declares one or is a quantile; of a quantile one bound may be missing."""
    durations: Durations | None = None


class Result(NamedTuple):
    """What an operator makes of one KPI for one group, see docs/definitions-operators.md."""

    operator: str
    kpi: str
    window: str
    against: str
    """What it is compared with, for a change: ``previous`` or ``year``."""
    by: str
    group: str
    from_ms: int
    to_ms: int
    value: float | None
    numerator: float | None
    """Of a change: the value, in the KPI's unit."""
    denominator: float | None
    """Of a change: the value before. Of what has a target: the target."""
    samples: int
    state: State
    lower: float | None = None
    upper: float | None = None


class ShardPosition(NamedTuple):
    """How far one shard is, as its last applied header says."""

    partition: int
    next: dict[str, int]
    header_ms: int
    """When its last header was made; 0 if none was seen."""
    lag: int
    """Records not yet applied, over its topics."""
    stale_since_ms: int | None
    counters: dict[str, int]


class Snapshot(NamedTuple):
    """All KPI values at one kpi-now."""

    kpi_now_ms: int
    to_ms: int
    made_ms: int
    """Wall clock when it was made."""
    values: tuple[Value, ...]
    shards: tuple[ShardPosition, ...]
    groups_left_out: int = 0
    """Groups beyond the bound of a grouping, which have no values."""
    results: tuple[Result, ...] = ()
    """What operators make of the values."""
    catalogue: str = ""
    """The name of the catalogue that the values are of."""
    shards_changed: int = 0
    """Shards that count under another catalogue."""
    held_since_ms: int | None = None
    """Since when what such shards count otherwise stands still in the values."""
    stale: bool = False
    """Whether all values are: shards lag or are silent, or how far the topics reach is not known."""
