"""How series are asked for in PromQL: by rules and by dashboards, in the same words.

Two exporters show the same, so a value is judged per exporter and then aggregated ``max without (instance, pod)``.
"""

from collections.abc import Iterable

from stream_kpis.engine.reading import quantile_of
from stream_kpis.kpis.formula import parse
from stream_kpis.kpis.schema import Kpi
from stream_kpis.live.prometheus.metrics import QUANTILE_FAMILY, family_name

PER_EXPORTER = "on (job, instance, pod)"
LATELY = "45s"
"""How long a value counts on that is not scraped: some scrapes, and at most half of what alerts on KPIs wait."""


def lately(series: str, unless: str = "") -> str:
    """A series' newest value.

    A failed scrape or a stale moment ends a plain selector at once, and a wait before a call would begin anew.

    >>> lately('up{job="a"}')
    'last_over_time(up{job="a"}[45s])'
    >>> lately("a", unless="b == 1")
    'last_over_time((a unless on (job, instance, pod) b == 1)[45s:10s])'

    Args:
        series: a selector.
        unless: while this holds of its exporter, it has no value that counts.
    """
    if unless:
        return f"last_over_time(({series} unless {PER_EXPORTER} {unless})[{LATELY}:10s])"
    return f"last_over_time({series}[{LATELY}])"


def largest(*lines: str) -> str:
    """A value per exporter, on lines of its own, then the largest."""
    return "max without (instance, pod) (\n" + "\n".join(f"  {line}" for line in lines) + "\n)"


def dimensions_of(kpi: Kpi) -> tuple[str, ...]:
    """The labels that series of a KPI's groups have, in order, each once.

    >>> dimensions_of(Kpi(title="", formula="", unit="count", windows=(), by=("owner", "pipeline,stage", "stage")))
    ('owner', 'pipeline', 'stage')
    """
    return tuple(dict.fromkeys(name for by in kpi.by for name in by.split(",")))


def selected(*matchers: str) -> str:
    """Label matchers in braces; those that are empty are left out.

    >>> selected('job="a"', "", 'window="1h"')
    '{job="a",window="1h"}'
    """
    return "{" + ",".join(filter(None, matchers)) + "}"


def empty(dimensions: Iterable[str]) -> list[str]:
    """Matchers of series without these labels."""
    return [f'{name}=""' for name in dimensions]


def quantile(kpi: Kpi) -> float | None:
    """The quantile that a KPI is of, if it is one of durations."""
    return quantile_of(parse(kpi.formula).numerator)


def main_series(kpi_id: str, kpi: Kpi, currency: str = "USD") -> tuple[str, str]:
    """The family that has a KPI's value, and the matcher that selects it there beside window and group."""
    q = quantile(kpi)
    return (family_name(kpi_id, kpi, currency), "") if q is None else (QUANTILE_FAMILY.format(id=kpi_id), f'q="{q}"')


def from_samples(kpi: Kpi) -> bool:
    """Whether a KPI's value is made from samples, so that few of them say little: a ratio, a mean, a quantile.

    Of a count, a sum or a level few samples are the value itself.
    """
    formula = parse(kpi.formula)
    return formula.denominator is not None or formula.composed or quantile(kpi) is not None
