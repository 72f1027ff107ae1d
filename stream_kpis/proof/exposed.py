"""Reads /metrics back into values, so that what Prometheus sees is what is proved.

Of what /metrics does not carry, by the bounds that `live/prometheus/metrics.py` documents, the same snapshot's JSON is
read: all values, and all that operators make of them, are proved, and a series too few or too many is found, as the
bounds are worked out here anew.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from stream_kpis.engine.reading import quantile_of
from stream_kpis.kpis.formula import parse
from stream_kpis.kpis.schema import Kpi
from stream_kpis.live.model.snapshot import Durations, Result, State, Value
from stream_kpis.live.prometheus.exposition import label_value
from stream_kpis.live.prometheus.metrics import GROUPS_MAX, QUANTILE_FAMILY, SCALES, SERIES_MAX, family_name, unit_name
from stream_kpis.live.prometheus.operator_metrics import operator_family
from stream_kpis.proof.compare import Difference

Row = dict[str, Any]
"""A value as JSON."""
Samples = dict[str, dict[frozenset[tuple[str, str]], float]]


class Exposed(NamedTuple):
    """The values of a body of /metrics, and what is wrong with it whatever the right values are."""

    values: list[Value]
    results: list[Result]
    """What operators make of them."""
    unread: list[str]
    """The names of samples that belong to no value and no result."""
    torn: list[Difference]
    """Values that are another number in JSON."""


def exposed(
    body: str,
    rows: Sequence[Row],
    kpis: Mapping[str, Kpi],
    currency: str,
    groups_max: int = GROUPS_MAX,
    series_max: int = SERIES_MAX,
    operated: Sequence[Row] = (),
) -> Exposed:
    """The values and results that a body of /metrics shows, and by JSON those beyond its bounds.

    Args:
        body: in the text format.
        rows: the same snapshot's values as JSON, in its order; of those shown in /metrics only kpi, window, grouping,
            edges and state are taken from them.
        kpis: the catalogue.
        currency: the reporting currency.
        groups_max: how many groups of a grouping /metrics shows.
        series_max: how many series of KPIs /metrics shows.
        operated: the same snapshot's results of operators as JSON, in its order; of those shown in /metrics all but
            the value and its bounds is taken from them.
    """
    samples: Samples = {}
    for family in text_string_to_metric_families(body):
        for sample in family.samples:
            if sample.name.startswith("crm_") and not sample.name.startswith("crm_kpi"):
                samples.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    found = Exposed([], [], [], [])
    values_shown, room = _are_shown(rows, ("kpi",), _series, groups_max, series_max)
    for row, shown in zip(rows, values_shown, strict=True):
        value = _of_metrics(row, samples, kpis[row["kpi"]], currency) if shown else of_json(row)
        if value.durations is not None and value.value != row["value"]:
            numbers, what = f"{row['value']} and {value.value}", "the value in JSON and in /metrics"
            found.torn.append(Difference(*value[:4], what, numbers, "one number"))
        found.values.append(value)
    results_shown, _ = _are_shown(operated, ("kpi", "operator"), _operator_series, groups_max, room)
    for row, shown in zip(operated, results_shown, strict=True):
        found.results.append(_result_of_metrics(row, samples, kpis[row["kpi"]], currency) if shown else _result(row))
    found.unread.extend(sorted(name for name, left in samples.items() if left))
    return found


def _result(row: Row) -> Result:
    """What an operator made, as JSON has it."""
    return Result(
        row["operator"], row["kpi"], row["window"], row["against"] or "", ",".join(row["by"]),
        ",".join(row["by"].values()), ms_of(row["from"]), ms_of(row["to"]), row["value"], row["numerator"],
        row["denominator"], row["samples"], State(row["state"]), row["lower"], row["upper"],
    )  # fmt: skip


def _result_of_metrics(row: Row, samples: Samples, kpi: Kpi, currency: str) -> Result:
    """What an operator made, its value and bounds taken out of the samples."""
    name = operator_family(row["operator"], row["kpi"], unit_name(kpi, currency))
    against = {"against": row["against"]} if row["against"] else {}
    dims = {by: _as_read(text) for by, text in row["by"].items()}
    labels = frozenset({"window": row["window"], **against, **dims}.items())
    value, lower, upper = (samples.get(f"{name}{part}", {}).pop(labels, None) for part in ("", "_lower", "_upper"))
    return _result(row)._replace(value=value, lower=lower, upper=upper)


def _are_shown(
    rows: Sequence[Row], whose: Sequence[str], series: Callable[[Row], int], groups_max: int, room: int
) -> tuple[list[bool], int]:
    """Whether /metrics has each row: of a grouping the groups with most samples, totals first, up to the cap.

    Args:
        rows: in the snapshot's order.
        whose: the fields that say whose groupings they are.
        series: how many series a row is.
        groups_max: how many groups of a grouping are shown.
        room: for how many series there is room.

    Returns:
        That, and the room that is left.
    """

    def grouping(row: Row) -> tuple[str, ...]:
        return (*(row[field] for field in whose), ",".join(row["by"]))

    weights: defaultdict[tuple[str, ...], defaultdict[tuple[str, ...], int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        weights[grouping(row)][tuple(row["by"].values())] += row["samples"]
    largest = {
        grouping: set(sorted(groups, key=lambda group: (-groups[group], ",".join(group)))[:groups_max])
        for grouping, groups in weights.items()
    }
    shown = [False] * len(rows)
    for number in sorted(range(len(rows)), key=lambda number: bool(rows[number]["by"])):
        row = rows[number]
        if tuple(row["by"].values()) not in largest[grouping(row)]:
            continue
        room -= series(row)
        if room < 0:
            break
        shown[number] = True
    return shown, max(room, 0)


def _operator_series(row: Row) -> int:
    """How many series a result is."""
    return sum(row[part] is not None for part in ("value", "lower", "upper"))


def _series(row: Row) -> int:
    """How many series a value is."""
    parts = (*row["exact"], row["lower"], row["upper"])
    count = 1 + len(parts) - parts.count(None)
    if "quantiles" not in row:
        return count + (row["value"] is not None)
    return count + len(row["quantiles"]) + (0 if row["by"] else len(row["buckets"]) + 3)


def of_json(row: Row) -> Value:
    """One value as JSON has it."""
    durations = None
    if "quantiles" in row:
        quantiles = tuple((float(q), seconds) for q, seconds in row["quantiles"].items())
        durations = Durations(quantiles, tuple((edge, count) for edge, count in row["buckets"]), row["sum_ms"])
    return _made(row, row["value"], *row["exact"], row["samples"], row["lower"], row["upper"], durations)


def _of_metrics(row: Row, samples: Samples, kpi: Kpi, currency: str) -> Value:
    """One value, taken out of the samples."""
    name, scale = family_name(row["kpi"], kpi, currency), SCALES.get(kpi.unit, 1)
    labels = frozenset({"window": row["window"], **{by: _as_read(text) for by, text in row["by"].items()}}.items())

    def take(metric: str, *more: tuple[str, str]) -> float | None:
        return samples.get(metric, {}).pop(labels | set(more), None)

    def whole(number: float | None, factor: int = 1) -> int | None:
        return None if number is None else round(number * factor)

    durations = None
    value, count = take(name), whole(take(f"{name}_samples"))
    if "quantiles" in row:
        take(f"{name}_bucket", ("le", "+Inf"))
        shown = take(f"{name}_gcount") is not None  # only totals show their histogram
        counts = [(edge, whole(take(f"{name}_bucket", ("le", repr(float(edge)))))) for edge in kpi.edges]
        buckets = tuple((edge, count or 0) for edge, count in counts) if shown else ()
        family = QUANTILE_FAMILY.format(id=row["kpi"])
        quantiles = {q: s for q in (0.5, 0.9, 0.99) if (s := take(family, ("q", repr(q)))) is not None}
        durations = Durations(tuple(quantiles.items()), buckets, whole(take(f"{name}_gsum"), 1000) or 0)
        value = quantiles.get(_quantile(kpi))
    numerator, denominator = whole(take(f"{name}_numerator"), scale), whole(take(f"{name}_denominator"))
    lower, upper = take(f"{name}_lower"), take(f"{name}_upper")
    return _made(row, value, numerator, denominator, count or 0, lower, upper, durations)


def _made(row: Row, value: float | None, *parts: Any) -> Value:
    """A value of these parts, where and when the row is."""
    numerator, denominator, count, lower, upper, durations = parts
    by: dict[str, str] = row["by"]
    return Value(
        row["kpi"], row["window"], ",".join(by), ",".join(by.values()), ms_of(row["from"]), ms_of(row["to"]), value,
        numerator, denominator, count, State(row["state"]), lower, upper, durations,
    )  # fmt: skip


def _quantile(kpi: Kpi) -> float:
    """The quantile that is the value of a duration KPI."""
    q = quantile_of(parse(kpi.formula).numerator)
    assert q is not None, kpi.formula
    return q


def _as_read(text: str) -> str:
    """A label value as who reads /metrics has it: made safe, its escapes undone."""
    return re.sub(r"\\(.)", lambda escape: "\n" if escape[1] == "n" else escape[1], label_value(text))


def ms_of(text: str) -> int:
    """Milliseconds since 1970 of a time in JSON."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)
