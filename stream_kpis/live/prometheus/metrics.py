"""The snapshot as Prometheus reads it: one family per quantity, absent where there is no value.

A KPI ``id`` with the unit ``u`` is ``crm_<id>_<u>`` (not repeated where the id ends in it; counts, quantities and
scores have none) with the suffixes ``_samples``, ``_numerator``, ``_denominator``, ``_lower`` and ``_upper``. A
duration is no gauge but the gauge histogram ``crm_<id>_seconds`` (of totals alone: those of groups would be most of all
series) and ``crm_<id>_quantile_seconds{q}``. The total has the label ``window`` alone; the series of a group have one
more per dimension, so the total is selected by ``{window="1h", team=""}``.

Bounds: of each grouping, the groups with the most samples are shown and the others counted in
``stream_kpis_groups_hidden``; there is no group "other", because distinct parties and quantiles do not add up. Beyond
``series_max`` groups are dropped, totals last, and counted in ``stream_kpis_series_dropped``.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from stream_kpis.kpis.schema import Kpi
from stream_kpis.live.model.snapshot import Result, Snapshot, State, Value
from stream_kpis.live.prometheus.exposition import Family, Format, family_lines, label_value, labels
from stream_kpis.live.prometheus.operator_metrics import chosen, operator_lines
from stream_kpis.live.prometheus.pipeline import Pipeline, pipeline_lines

SERIES_MAX = 80_000
GROUPS_MAX = 50
QUANTILE_FAMILY = "crm_{id}_quantile_seconds"
RESERVED_DIMENSIONS = frozenset(
    {"window", "kpi", "le", "q", "quantile", "state", "shard", "instance", "job", "against"}
)

SCALES = {"currency": 1_000_000, "score": 1_000_000, "seconds": 1_000, "quantity": 1_000}
"""What the integers of a KPI's numerator are divided by, by the KPI's unit."""

_COLUMNS: tuple[tuple[str, str, Callable[[Value], float | None]], ...] = (
    ("_samples", "observations behind it", lambda value: value.samples),
    ("_denominator", "its denominator", lambda value: value.denominator),
    ("_lower", "lower end of its 95 % interval", lambda value: value.lower),
    ("_upper", "upper end of its 95 % interval", lambda value: value.upper),
)


def family_name(kpi_id: str, kpi: Kpi, currency: str = "USD") -> str:
    """The name of a KPI's family, without suffixes.

    >>> family_name("csat_ratio", Kpi(title="", formula="", unit="ratio", windows=()))
    'crm_csat_ratio'
    >>> family_name("revenue_net", Kpi(title="", formula="", unit="currency", windows=()), "EUR")
    'crm_revenue_net_eur'
    """
    unit = unit_name(kpi, currency)
    return f"crm_{kpi_id}" if not unit or kpi_id.endswith(f"_{unit}") else f"crm_{kpi_id}_{unit}"


def unit_name(kpi: Kpi, currency: str = "USD") -> str:
    """A KPI's unit as the last word of a metric's name; empty for counts, quantities and scores."""
    money = currency.lower()
    return {"count": "", "quantity": "", "score": ""}.get(kpi.unit, kpi.unit.replace("currency", money))


class Exposition:
    """Renders snapshots of one catalogue. Remembers rendered labels from one snapshot to the next, and nothing else.

    Args:
        kpis: the catalogue, by id.
        currency: code of the reporting currency.
        series_max: how many lines of KPIs there may be.
        groups_max: how many groups of a grouping are shown.
    """

    def __init__(
        self, kpis: Mapping[str, Kpi], currency: str = "USD", series_max: int = SERIES_MAX, groups_max: int = GROUPS_MAX
    ) -> None:
        for kpi_id, kpi in kpis.items():
            reserved = RESERVED_DIMENSIONS & {name for by in kpi.by for name in by.split(",")}
            if reserved:
                raise ValueError(f"KPI {kpi_id}: no dimension can be called {', '.join(sorted(reserved))}")
        self._kpis = kpis
        self._currency = currency
        self._series_max = series_max
        self._groups_max = groups_max
        self._labels: dict[tuple[str, str, str], str] = {}

    def render(self, snapshot: Snapshot | None, pipeline: Pipeline, form: Format) -> bytes:
        """The body of /metrics.

        Args:
            snapshot: what is shown; None before the first.
            pipeline: what is known of this process.
            form: the format, as negotiated.
        """
        lines: list[str] = []
        if snapshot is not None:
            shown, results = self._chosen(snapshot)
            by_kpi: defaultdict[str, list[Value]] = defaultdict(list)
            for value in shown.values:
                by_kpi[value.kpi].append(value)
            for kpi_id, kpi in self._kpis.items():
                if kpi_id in by_kpi:
                    lines += self._kpi_lines(kpi_id, kpi, by_kpi[kpi_id], form)
            units = {kpi_id: unit_name(kpi, self._currency) for kpi_id, kpi in self._kpis.items()}
            lines += operator_lines(results, self._kpis, units, form)
            lines += self._bound_lines(shown, sum(1 for line in lines if line[0] != "#"), form)
            lines += _state_lines(snapshot.values, form)
        lines += self._about_lines(form)
        lines += pipeline_lines(snapshot, pipeline, form)
        if form is Format.OPENMETRICS:
            lines.append("# EOF\n")
        return "".join(lines).encode()

    def dropped(self, snapshot: Snapshot) -> int:
        """How many series of groups the cap on series leaves out."""
        return self._chosen(snapshot)[0].dropped

    def _chosen(self, snapshot: Snapshot) -> tuple["_Shown", list[Result]]:
        """What is shown of values and of operators' results."""
        aimed: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        for result in snapshot.results:
            if result.operator == "target_met":
                aimed[result.kpi, result.by].add(result.group)
        shown = self._choose(snapshot.values, aimed)
        known = (result for result in snapshot.results if result.kpi in self._kpis)
        results, dropped = chosen(known, self._groups_max, shown.room)
        return shown._replace(dropped=shown.dropped + dropped), results

    def _choose(self, values: Iterable[Value], aimed: Mapping[tuple[str, str], Collection[str]]) -> "_Shown":
        """What is shown of all values: the totals and the largest groups, as far as the cap on series goes.

        Before them those that have a target: who sold nothing is the smallest, and the one to be told of.
        """
        known = [value for value in values if value.kpi in self._kpis]
        totals = [value for value in known if not value.by]
        weights: defaultdict[tuple[str, str], dict[str, int]] = defaultdict(dict)
        for value in known:
            if value.by:
                groups = weights[value.kpi, value.by]
                groups[value.group] = groups.get(value.group, 0) + value.samples
        largest = {
            key: frozenset(_largest(groups, aimed.get(key, ()))[: self._groups_max]) for key, groups in weights.items()
        }
        hidden: defaultdict[str, int] = defaultdict(int)
        for key, groups in weights.items():
            hidden[key[0]] += len(groups) - len(largest[key])
        shown, dropped, room = [], 0, self._series_max
        grouped = (value for value in known if value.by and value.group in largest[value.kpi, value.by])
        for value in (*totals, *grouped):
            size = _size(value)
            if size <= room:
                room -= size
                shown.append(value)
            else:
                dropped += size
                room = 0  # what is dropped is the tail, not whatever happens not to fit
        return _Shown(shown, hidden, dropped, room)

    def _kpi_lines(self, kpi_id: str, kpi: Kpi, values: Sequence[Value], form: Format) -> Iterator[str]:
        """All families of one KPI."""
        rows = [(self._labels_of(value), value) for value in values]
        name, unit = family_name(kpi_id, kpi, self._currency), unit_name(kpi, self._currency)
        durations = [(row_labels, value) for row_labels, value in rows if value.durations is not None]
        if durations:
            totals = [(row_labels, value) for row_labels, value in durations if not value.by]
            yield from _histogram_lines(Family(name, "gaugehistogram", kpi.title, unit), totals, form)
            yield from _quantile_lines(kpi_id, kpi, durations, form)
        else:
            main = Family(name, "gauge", _help(kpi), unit)
            yield from family_lines(main, ((row_labels, value.value) for row_labels, value in rows), form)
        scale = SCALES.get(kpi.unit, 1)
        numerators = (
            (row_labels, value.numerator / scale if scale > 1 and value.numerator is not None else value.numerator)
            for row_labels, value in rows
        )
        yield from family_lines(Family(f"{name}_numerator", "gauge", f"{kpi.title}: its numerator"), numerators, form)
        for suffix, what, read in _COLUMNS:
            column = Family(name + suffix, "gauge", f"{kpi.title}: {what}")
            yield from family_lines(column, [(row_labels, read(value)) for row_labels, value in rows], form)

    def _labels_of(self, value: Value) -> str:
        """The labels of a value's series."""
        key = (value.window, value.by, value.group)
        text = self._labels.get(key)
        if text is None:
            dimensions = value.by.split(",") if value.by else []
            text = labels(
                {"window": value.window}
                | dict(zip(dimensions, value.group.split(",", len(dimensions) - 1) if dimensions else (), strict=True))
            )
            if len(self._labels) > self._series_max:
                self._labels.clear()  # groups come and go; what is shown now is rendered again
            self._labels[key] = text
        return text

    def _bound_lines(self, shown: "_Shown", series: int, form: Format) -> Iterator[str]:
        hidden = [(labels({"kpi": kpi_id}), count) for kpi_id, count in sorted(shown.hidden.items())]
        yield from family_lines(
            Family("stream_kpis_groups_hidden", "gauge", "Groups of a KPI not shown, being the smallest"), hidden, form
        )
        yield from family_lines(
            Family("stream_kpis_series_dropped", "gauge", "Series of groups left out for the cap on series"),
            [("", shown.dropped)],
            form,
        )
        yield from family_lines(Family("stream_kpis_series", "gauge", "Series of KPIs shown"), [("", series)], form)

    def _about_lines(self, form: Format) -> Iterator[str]:
        """Which KPIs there are, and what is aimed at."""
        targets = [(labels({"kpi": kpi_id}), kpi.target) for kpi_id, kpi in self._kpis.items()]
        yield from family_lines(
            Family(
                "crm_kpi_target", "gauge", "Target of the KPI, in its unit; for cases that wait, the wait in seconds"
            ),
            targets,
            form,
        )
        infos = (
            (
                labels(
                    {"kpi": kpi_id, "version": str(kpi.version), "unit": unit_name(kpi, self._currency) or kpi.unit}
                ),
                1,
            )
            for kpi_id, kpi in self._kpis.items()
        )
        yield from family_lines(Family("crm_kpi", "info", "Definition of the KPI"), infos, form)


class _Shown(NamedTuple):
    values: list[Value]
    hidden: Mapping[str, int]
    """Groups not shown, by KPI."""
    dropped: int
    """Lines over the cap."""
    room: int
    """Lines that there may still be."""


def _largest(groups: Mapping[str, int], aimed: Collection[str]) -> list[str]:
    """Groups by their samples, the most first, after those that have a target."""
    return sorted(groups, key=lambda group: (group not in aimed, -groups[group], group))


def _size(value: Value) -> int:
    """How many lines a value takes."""
    optional = (value.numerator, value.denominator, value.lower, value.upper)
    lines = 1 + len(optional) - optional.count(None)
    if value.durations is None:
        return lines + (value.value is not None)
    histogram = 0 if value.by else len(value.durations.buckets) + 3  # +Inf, count, sum
    return lines + len(value.durations.quantiles) + histogram


def _help(kpi: Kpi) -> str:
    return f"{kpi.title}. {kpi.choices}".strip() if kpi.choices else kpi.title


def _histogram_lines(family: Family, rows: Sequence[tuple[str, Value]], form: Format) -> Iterator[str]:
    """A distribution: cumulative counts that may fall as the window slides, so a gauge histogram.

    The text format has no such type: there the buckets are untyped, their counts being no counters, the rest gauges.
    """
    if not rows:
        return
    if form is Format.OPENMETRICS:
        yield family.head(form)
        for row_labels, value in rows:
            yield from _bucket_lines(family.name, row_labels, value)
            yield f"{family.name}_gcount{{{row_labels}}} {value.samples}\n"
            yield f"{family.name}_gsum{{{row_labels}}} {_sum_s(value)!r}\n"
        return
    yield Family(f"{family.name}_bucket", "unknown", f"{family.help}: observations up to an edge").head(form)
    for row_labels, value in rows:
        yield from _bucket_lines(family.name, row_labels, value)
    counts = Family(f"{family.name}_gcount", "gauge", f"{family.help}: observations")
    yield from family_lines(counts, ((row_labels, value.samples) for row_labels, value in rows), form)
    sums = Family(f"{family.name}_gsum", "gauge", f"{family.help}: sum of all observations, in seconds")
    yield from family_lines(sums, ((row_labels, _sum_s(value)) for row_labels, value in rows), form)


def _bucket_lines(name: str, row_labels: str, value: Value) -> Iterator[str]:
    assert value.durations is not None
    for edge, count in value.durations.buckets:
        yield f'{name}_bucket{{{row_labels},le="{float(edge)!r}"}} {count}\n'
    yield f'{name}_bucket{{{row_labels},le="+Inf"}} {value.samples}\n'


def _sum_s(value: Value) -> float:
    assert value.durations is not None
    return value.durations.sum_ms / 1000


def _quantile_lines(kpi_id: str, kpi: Kpi, rows: Sequence[tuple[str, Value]], form: Format) -> Iterator[str]:
    quantiles = (
        (f'{row_labels},q="{q!r}"', seconds)
        for row_labels, value in rows
        if value.durations is not None
        for q, seconds in value.durations.quantiles
    )
    family = Family(
        QUANTILE_FAMILY.format(id=kpi_id), "gauge", f"{kpi.title}: quantile by nearest rank, within 1 %", "seconds"
    )
    yield from family_lines(family, quantiles, form)


def _state_lines(values: Iterable[Value], form: Format) -> Iterator[str]:
    """Each total's state: 1 for the one it is in, 0 for the others.

    A gauge, not a state set: that would need a label named like the family, and rules one text for both formats.
    """
    samples = (
        (
            f'kpi="{label_value(value.kpi)}",window="{label_value(value.window)}",state="{state}"',
            int(state is value.state),
        )
        for value in values
        if not value.by
        for state in State
    )
    yield from family_lines(Family("crm_kpi_state", "gauge", "Whether the total is in this state"), samples, form)
