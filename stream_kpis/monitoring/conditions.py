"""When an alert fires, as PromQL: per exporter by its own samples and state, then the largest of all exporters.

So neither a small sample, nor a stale value, nor one from before there was history calls anybody.
"""

from collections.abc import Mapping
from typing import NamedTuple

from stream_kpis.kpis.load import days_of
from stream_kpis.kpis.schema import Kpi
from stream_kpis.live.exposition import label_value
from stream_kpis.live.metrics import family_name, unit_name
from stream_kpis.live.operator_metrics import operator_family
from stream_kpis.monitoring.promql import dimensions_of, from_samples, largest, main_series, quantile, selected

_PER_EXPORTER = "on (job, instance, pod)"
_OPEN = 'stream_kpis_calendar_open{{calendar="{calendar}"}} == 1'


class Judged(NamedTuple):
    """What a condition is about: one value of one KPI.

    Attributes:
        kpi_id: of the KPI.
        kpi: its definition.
        window: over which.
        group: by dimension its value; none for the total.
        currency: the code of the reporting currency.
    """

    kpi_id: str
    kpi: Kpi
    window: str
    group: Mapping[str, str] = {}
    currency: str = "USD"

    @property
    def family(self) -> str:
        """The KPI's family, in which its samples are."""
        return family_name(self.kpi_id, self.kpi, self.currency)

    def labels(self, window: str = "", *more: str) -> str:
        """Matchers that select this value alone."""
        groups = [f'{name}="{_shown(self.group.get(name))}"' for name in dimensions_of(self.kpi)]
        return selected(f'window="{window or self.window}"', *groups, *more)

    @property
    def value(self) -> str:
        """Its value."""
        name, q = main_series(self.kpi_id, self.kpi, self.currency)
        return f"{name}{self.labels('', q)}"

    def operator(self, name: str, *more: str) -> str:
        """What an operator makes of it."""
        unit = unit_name(self.kpi, self.currency)
        return f"{operator_family(name, self.kpi_id, unit)}{self.labels('', *more)}"

    @property
    def samples(self) -> str:
        """The samples behind it."""
        return f"{self.family}_samples{self.labels()}"

    @property
    def enough(self) -> str:
        """That it has enough samples."""
        return f"and {_PER_EXPORTER} {self.samples} >= {self.kpi.min_samples}"

    @property
    def fresh(self) -> str:
        """That its KPI is neither stale nor older than history."""
        matchers = selected(f'kpi="{self.kpi_id}"', f'window="{self.window}"', 'state=~"stale|immature"')
        return f"unless {_PER_EXPORTER} crm_kpi_state{matchers} == 1"


def beyond(judged: Judged, than: float) -> str:
    """On the wrong side of a bound; of a KPI with an interval, and of a quantile, so is all of the interval."""
    lower_is_better = judged.kpi.better == "lower"
    side, bound = (">", "_lower") if lower_is_better else ("<", "_upper")
    interval = judged.kpi.interval or quantile(judged.kpi) is not None
    value = f"{judged.family}{bound}{judged.labels()}" if interval else judged.value
    return largest(f"{value} {side} {than:g}", *_enough(judged), judged.fresh)


def changed(judged: Judged, than: float) -> str:
    """In the wrong direction by more than so much against as many days before; the value is the size of it."""
    worse = _worse(judged, judged.operator("change", 'against="previous"'))
    return largest(f"{worse} > {than:g}", judged.enough, judged.fresh)


def grown(judged: Judged, than: float, usual: str) -> str:
    """More than so many times the mean of a longer window."""
    part = f"{than:g} * {_days(judged.window):g} / {_days(usual):g}"
    mean = f"{judged.family}{judged.labels(usual)}"
    value = f"{judged.value} > ignoring (window) ({part} * {mean})"
    return largest(value, judged.enough, judged.fresh)


def cases(judged: Judged, than: float, unless: Judged | None) -> str:
    """More cases than so many; where another KPI has enough samples to judge, that one decides."""
    lines = [f"{judged.value} > {than:g}", judged.fresh]
    if unless is not None:
        lines.append(f"unless {_PER_EXPORTER} {unless.samples} >= {unless.kpi.min_samples}")
    return largest(*lines)


def burnt(judged: Judged, objective: float, times: float) -> str:
    """So many times as many miss the objective as may."""
    return largest(f"(1 - {judged.value}) > {times:g} * (1 - {objective:g})", judged.enough, judged.fresh)


def behind_pace(judged: Judged, target: float, by: float) -> str:
    """Behind what is due of a target by now, by more than that share of the target."""
    worse = _worse(judged, judged.operator("target_pace_gap"))
    return largest(f"{worse} > {by * abs(target):g}", judged.fresh)


def during(expr: str, from_ms: int | None, to_ms: int | None) -> str:
    """A condition that holds only from one instant until before another, in ms."""
    bounds = [f"{sign} {at // 1000}" for sign, at in ((">=", from_ms), ("<", to_ms)) if at is not None]
    return f"{expr}\nand on () (vector(time()) {' '.join(bounds)})" if bounds else expr


def while_open(expr: str, calendar: str) -> str:
    """A condition that holds only while a business calendar is open."""
    return f"{expr}\nand on (job) max by (job) ({_OPEN.format(calendar=calendar)})"


def _worse(judged: Judged, move: str) -> str:
    """A move of a value, above 0 where it is for the worse."""
    return move if judged.kpi.better == "lower" else f"-1 * {move}"


def _enough(judged: Judged) -> list[str]:
    return [judged.enough] if from_samples(judged.kpi) else []


def _shown(group: str | None) -> str:
    """A group as its series have it; nothing for the total."""
    return "" if group is None else label_value(group)


def _days(window: str) -> float:
    """The days of a rolling window."""
    return int(window[:-1]) / 24 if window.endswith("h") else days_of(window)
