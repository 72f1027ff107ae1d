"""Reads /metrics back into values, so that what Prometheus sees is what is proved."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from stream_kpis.kpis.schema import Kpi
from stream_kpis.live.metrics import QUANTILE_FAMILY, SCALES, family_name
from stream_kpis.live.snapshot import Durations, State, Value

Samples = dict[str, dict[frozenset[tuple[str, str]], float]]


class Exposed(NamedTuple):
    """The values of a body of /metrics, and the names of samples that belong to no value."""

    values: list[Value]
    unread: list[str]


def exposed(body: str, rows: list[dict[str, Any]], kpis: Mapping[str, Kpi], currency: str) -> Exposed:
    """The values that a body of /metrics shows.

    Args:
        body: in the text format.
        rows: the same snapshot's values as JSON: only kpi, window, grouping, edges and state are taken from them.
        kpis: the catalogue.
        currency: the reporting currency.
    """
    samples: Samples = {}
    for family in text_string_to_metric_families(body):
        for sample in family.samples:
            if sample.name.startswith("crm_") and not sample.name.startswith("crm_kpi"):
                samples.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    values = [_value(row, samples, kpis[row["kpi"]], currency) for row in rows]
    return Exposed(values, sorted(name for name, left in samples.items() if left))


def _value(row: dict[str, Any], samples: Samples, kpi: Kpi, currency: str) -> Value:
    """One value, taken out of the samples."""
    name, scale = family_name(row["kpi"], kpi, currency), SCALES.get(kpi.unit, 1)
    by: dict[str, str] = row["by"]
    labels = frozenset({"window": row["window"], **by}.items())

    def take(metric: str, *more: tuple[str, str]) -> float | None:
        return samples.get(metric, {}).pop(labels | set(more), None)

    def whole(number: float | None, factor: int = 1) -> int | None:
        return None if number is None else round(number * factor)

    durations = None
    value, count = take(name), whole(take(f"{name}_samples"))
    if f"{name}_gcount" in samples:
        take(f"{name}_bucket", ("le", "+Inf"))
        shown = take(f"{name}_gcount") is not None  # only totals show their histogram
        counts = [(edge, whole(take(f"{name}_bucket", ("le", repr(float(edge)))))) for edge in kpi.edges]
        buckets = tuple((edge, count or 0) for edge, count in counts) if shown else ()
        family = QUANTILE_FAMILY.format(id=row["kpi"])
        quantiles = tuple((q, s) for q in (0.5, 0.9, 0.99) if (s := take(family, ("q", repr(q)))) is not None)
        durations = Durations(quantiles, buckets, whole(take(f"{name}_gsum"), 1000) or 0)
        value = row["value"]
    lower, upper = take(f"{name}_lower"), take(f"{name}_upper")
    return Value(
        row["kpi"], row["window"], ",".join(by), ",".join(by.values()), _ms(row["from"]), _ms(row["to"]), value,
        whole(take(f"{name}_numerator"), scale), whole(take(f"{name}_denominator")), count or 0,
        State(row["state"]), lower, upper, durations,
    )  # fmt: skip


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)
