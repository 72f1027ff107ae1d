"""Values as JSON, for people's tools: pure functions from a snapshot to plain dictionaries."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from stream_kpis.kpis.load import nearest
from stream_kpis.kpis.schema import WINDOWS, Kpi
from stream_kpis.live.model.operators.spans import AGAINST
from stream_kpis.live.model.snapshot import Result, ShardPosition, Snapshot, Value
from stream_kpis.live.prometheus.metrics import SCALES

Json = dict[str, Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEY = Value._fields.index("from_ms")
"""Before it stands which value it is: KPI, window, grouping, group; then its edges."""
_FACE = Value._fields.index("value")
"""From it on stands what people see."""


V = TypeVar("V", Value, Result)


class Filter(NamedTuple):
    """Which values are wanted; an empty one is all."""

    kpis: frozenset[str] = frozenset()
    windows: frozenset[str] = frozenset()
    by: str | None = None
    """A grouping as declared; empty for the totals alone; None for everything."""

    def __call__(self, values: Iterable[V]) -> Iterator[V]:
        """The values that are wanted, in order."""
        for value in values:
            if (
                (not self.kpis or value.kpi in self.kpis)
                and (not self.windows or value.window in self.windows)
                and (self.by is None or value.by == self.by)
            ):
                yield value


_NAMED_MAX = 12
"""More names no one reads in an error."""


def chosen(kpis: Mapping[str, Kpi], names: Collection[str], by: str | None, windows: Collection[str] = ()) -> Filter:
    """The filter of KPIs, windows and a grouping that people named; without a grouping, the totals.

    Raises:
        ValueError: a name is not in the catalogue; the line has the nearest one.
    """
    for name in names:
        _known("KPI", name, kpis)
    for window in windows:
        _known("window", window, WINDOWS)
    if by:
        _known("grouping", by, dict.fromkeys(grouping for name in names or kpis for grouping in kpis[name].by))
    return Filter(frozenset(names), frozenset(windows), by or "")


def check_comparison(against: str, kpis: Mapping[str, Kpi], names: Collection[str], *, asked: bool = False) -> None:
    """Refuses what cannot be compared.

    Args:
        against: ``previous`` or ``year``.
        kpis: the catalogue.
        names: the KPIs that are wanted; none for all.
        asked: whether a period is asked for.

    Raises:
        ValueError: one line that says what can be.
    """
    _known("comparison", against, AGAINST)
    if asked:
        raise ValueError("compare and periods do not go together: windows are compared")
    able = [name for name, kpi in kpis.items() if "change" in kpi.operators]
    for name in names:
        if name not in able:
            raise ValueError(f"{name} is not compared; there are {_listed(able)}: add change to its operators")


def _known(what: str, name: str, names: Collection[str]) -> None:
    if name not in names:
        there_are = f"there are {_listed(names)}" if names else "there is none"
        raise ValueError(f"no {what} {name!r}{nearest(name, names) or f'; {there_are}'}")


def _listed(names: Collection[str]) -> str:
    more = len(names) - _NAMED_MAX
    return ", ".join(islice(names, _NAMED_MAX)) + (f" and {more} more" if more > 0 else "")


_INT64 = 1 << 63
RATIOS = frozenset({"change", "revenue_growth_yoy", "forecast_error", "target_attainment"})
"""Operators whose value is a ratio, whatever the KPI's unit."""
SCORES = frozenset({"anomaly_band", "target_met"})
"""Those whose value is a plain number."""


def over_period(period: str, row: Json) -> Json:
    """A row with a period's name instead of a window."""
    return {("period" if name == "window" else name): item for name, item in row.items()} | {"period": period}


class Views:
    """Turns values into JSON with the catalogue's words.

    Args:
        kpis: the catalogue, by id.
        currency: code of the reporting currency.
    """

    def __init__(self, kpis: Mapping[str, Kpi], currency: str = "USD") -> None:
        self.kpis = kpis
        self.currency = currency

    def catalogue(self) -> Json:
        """Per KPI what does not change from snapshot to snapshot, in the catalogue's order."""
        return {
            kpi_id: {
                "title": kpi.title,
                "department": kpi.department,
                "unit": self._unit(kpi),
                "windows": kpi.windows,
                "by": kpi.by,
                "target": kpi.aim,
                "older_than_s": kpi.target if kpi.cases else None,
                "better": kpi.better,
                "min_samples": kpi.min_samples,
                "choices": kpi.choices,
                "operators": kpi.operators,
                "version": kpi.version,
            }
            for kpi_id, kpi in self.kpis.items()
        }

    def value(self, value: Value) -> Json:
        """One value. Money is in units of the reporting currency, durations are in seconds, times in RFC 3339.

        ``exact`` has the integers that numerator and denominator were made from, as kept in state; one of more than 64
        bits, a product of several sums, as the nearest float.
        """
        kpi = self.kpis[value.kpi]
        scale = SCALES.get(kpi.unit, 1)
        row: Json = {
            "kpi": value.kpi,
            "title": kpi.title,
            "window": value.window,
            "from": rfc3339(value.from_ms),
            "to": rfc3339(value.to_ms),
            "by": group_of(value),
            "value": value.value,
            "unit": self._unit(kpi),
            "samples": value.samples,
            "numerator": _sent(value.numerator) if value.numerator is None or scale == 1 else value.numerator / scale,
            "denominator": _sent(value.denominator),
            "exact": [_sent(value.numerator), _sent(value.denominator)],
            "lower": value.lower,
            "upper": value.upper,
            "state": value.state,
        }
        if value.durations is not None:
            row["quantiles"] = {repr(q): seconds for q, seconds in value.durations.quantiles}
            row["buckets"] = value.durations.buckets
            row["sum_ms"] = value.durations.sum_ms
        return row

    def result(self, result: Result) -> Json:
        """What an operator made: as :meth:`value`, with the operator's name, and what it is compared with.

        Numerator and denominator of a change are both values; the denominator of a target's is the target.
        ``of_unit`` is the KPI's: a change of ratios is a difference, of anything else relative.
        """
        kpi = self.kpis[result.kpi]
        ratio = result.operator in RATIOS
        return {
            "operator": result.operator,
            "kpi": result.kpi,
            "title": kpi.title,
            "window": result.window,
            "against": result.against or None,
            "from": rfc3339(result.from_ms),
            "to": rfc3339(result.to_ms),
            "by": group_of(result),
            "value": result.value,
            "unit": "ratio" if ratio else "score" if result.operator in SCORES else self._unit(kpi),
            "of_unit": self._unit(kpi),
            "samples": result.samples,
            "numerator": result.numerator,
            "denominator": result.denominator,
            "lower": result.lower,
            "upper": result.upper,
            "state": result.state,
        }

    def over(self, period: str, value: Value) -> Json:
        """One value over a period: as :meth:`value`, with the period's name instead of a window."""
        return over_period(period, self.value(value))

    def change(self, value: Value) -> Json:
        """One value as the live page needs it: what the catalogue says is not repeated."""
        row: Json = {
            "kpi": value.kpi,
            "window": value.window,
            "by": group_of(value),
            "value": value.value,
            "samples": value.samples,
            "state": value.state,
        }
        if value.numerator is not None:
            row["parts"] = [value.numerator / SCALES.get(self.kpis[value.kpi].unit, 1), _sent(value.denominator)]
        if (value.lower, value.upper) != (None, None):
            row["interval"] = [value.lower, value.upper]
        if value.durations is not None:
            row["quantiles"] = value.durations.quantiles
        return row

    def known(self, values: Iterable[Value]) -> Iterator[Value]:
        """Leaves out values of KPIs that are not in the catalogue."""
        return (value for value in values if value.kpi in self.kpis)

    def _unit(self, kpi: Kpi) -> str:
        return kpi.unit.replace("currency", self.currency).replace("_per_second", "/s").replace("per_second", "1/s")


def group_of(value: Value | Result) -> dict[str, str]:
    """A value's group by dimension; empty for the total."""
    if not value.by:
        return {}
    dimensions = value.by.split(",")
    return dict(zip(dimensions, value.group.split(",", len(dimensions) - 1), strict=True))


def clock(snapshot: Snapshot) -> Json:
    """What holds for all values of a snapshot."""
    return {
        "kpi_now": rfc3339(snapshot.kpi_now_ms),
        "to": rfc3339(snapshot.to_ms),
        "made": rfc3339(snapshot.made_ms),
        "shards": len(snapshot.shards),
        "stale_shards": sum(shard.stale_since_ms is not None for shard in snapshot.shards),
        "stale_since": rfc3339(min(stale)) if (stale := _stale_since(snapshot)) else None,
        "lag": sum(shard.lag for shard in snapshot.shards),
        "catalogue": snapshot.catalogue,
        "shards_changed": snapshot.shards_changed,
        "held_since": None if snapshot.held_since_ms is None else rfc3339(snapshot.held_since_ms),
    }


def shard(position: ShardPosition) -> Json:
    """One shard's position."""
    return {
        "partition": position.partition,
        "next": position.next,
        "header": rfc3339(position.header_ms) if position.header_ms else None,
        "lag": position.lag,
        "stale_since": None if position.stale_since_ms is None else rfc3339(position.stale_since_ms),
        "counters": position.counters,
    }


def changed(before: Snapshot | None, after: Snapshot) -> tuple[list[Value], list[Value]]:
    """What people see differently: the values that are new or other than before, and those that are gone.

    A window that merely slid on is not a change.
    """
    if before is None:
        return list(after.values), []
    old = {value[:_KEY]: value for value in before.values}
    new = [
        value
        for value in after.values
        if (was := old.pop(value[:_KEY], None)) is not value and (was is None or was[_FACE:] != value[_FACE:])
    ]
    return new, list(old.values())


@lru_cache(maxsize=1024)
def rfc3339(time_ms: int) -> str:
    """A time for people and programs, in UTC.

    >>> rfc3339(1_700_000_000_123)
    '2023-11-14T22:13:20.123Z'
    """
    return (_EPOCH + timedelta(milliseconds=time_ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _stale_since(snapshot: Snapshot) -> list[int]:
    """Of each shard that is stale; while it is not known how far the topics reach, kpi-now stands still."""
    found = [position.stale_since_ms for position in snapshot.shards if position.stale_since_ms is not None]
    return found or ([snapshot.kpi_now_ms] if snapshot.stale else [])


def _sent(number: int | None) -> float | None:
    """A number as JSON of 64 bits has it.

    >>> _sent(1 << 62), _sent(1 << 64)
    (4611686018427387904, 1.8446744073709552e+19)
    """
    return number if number is None or -_INT64 <= number < _INT64 else float(number)
