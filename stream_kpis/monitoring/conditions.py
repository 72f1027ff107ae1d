"""When an alert fires: as PromQL for Prometheus, and on values for whoever looks back.

Per exporter by its own samples and state, then the largest of all exporters. So neither a small sample, nor a stale
value, nor one from before there was history calls anybody.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from stream_kpis.kpis.load import days_of
from stream_kpis.kpis.schema import Kpi, Operator
from stream_kpis.live.prometheus.exposition import label_value
from stream_kpis.live.prometheus.metrics import family_name, unit_name
from stream_kpis.live.prometheus.operator_metrics import operator_family
from stream_kpis.monitoring.promql import (
    PER_EXPORTER,
    dimensions_of,
    from_samples,
    largest,
    lately,
    main_series,
    quantile,
    selected,
)

_OPEN = lately('stream_kpis_calendar_open{{calendar="{calendar}"}}')
Reads = Literal["value", "lower", "upper", "change", "trend_lower", "trend_upper", "target_pace_gap"]


class Made(NamedTuple):
    """What is read of an operator's results."""

    operator: str
    against: str = ""
    bound: Literal["", "lower", "upper"] = ""
    """The bound of its interval; empty for its value."""
    carried: Operator | None = None
    """What a KPI must carry for it, in the catalogue's word."""


MADE: Mapping[str, Made] = {
    "change": Made("change", "previous", carried="change"),
    "trend_lower": Made("trend_slope", bound="lower", carried="trend"),
    "trend_upper": Made("trend_slope", bound="upper", carried="trend"),
    "target_pace_gap": Made("target_pace_gap"),
}
"""What conditions read that operators made."""


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

    def series(self, reads: Reads) -> str:
        """What a condition reads of it."""
        if reads in MADE:
            operator, against, bound, _ = MADE[reads]
            family = operator_family(operator, self.kpi_id, unit_name(self.kpi, self.currency))
            more = f'against="{against}"' if against else ""
            return f"{family}{f'_{bound}' if bound else ''}{self.labels('', more)}"
        return self.value if reads == "value" else f"{self.family}_{reads}{self.labels()}"

    @property
    def samples(self) -> str:
        """The samples behind it."""
        return f"{self.family}_samples{self.labels()}"

    def lately(self, series: str) -> str:
        """The newest value of one of its series that is neither stale nor older than history."""
        matchers = selected(f'kpi="{self.kpi_id}"', f'window="{self.window}"', 'state=~"stale|immature"')
        return lately(series, unless=f"crm_kpi_state{matchers} == 1")

    @property
    def enough(self) -> str:
        """That it has enough samples."""
        return f"and {PER_EXPORTER} {self.lately(self.samples)} >= {self.kpi.min_samples}"


class Bound(NamedTuple):
    """What is compared with: ``than``, or what is made of it, in the same words and digits as PromQL has it.

    >>> Bound(0.9, times=4).promql, Bound(1.5, days=(7, 30)).promql
    ('4 * (1 - 0.9)', '1.5 * 7 / 30')
    """

    than: float
    times: float | None = None
    """So many times as many miss the objective ``than`` as may."""
    days: tuple[float, float] | None = None
    """So many times the mean of a longer window: the days of both, to be multiplied by what it has."""

    @property
    def promql(self) -> str:
        """As a number, or made of numbers."""
        if self.times is not None:
            return f"{self.times:g} * (1 - {self.than:g})"
        return f"{self.than:g}" if self.days is None else f"{self.than:g} * {self.days[0]:g} / {self.days[1]:g}"

    @property
    def number(self) -> float:
        """The same, reckoned."""
        than = float(f"{self.than:g}")
        if self.times is not None:
            return float(f"{self.times:g}") * (1 - than)
        return than if self.days is None else than * float(f"{self.days[0]:g}") / float(f"{self.days[1]:g}")


class Condition(NamedTuple):
    """When an alert holds, and all that must be so beside it."""

    judged: Judged
    bound: Bound
    reads: Reads = "value"
    turned: Literal["", "-1 * ", "1 - "] = ""
    """How what is read becomes what is compared."""
    side: Literal[">", "<"] = ">"
    usual: str = ""
    """The longer window whose value the bound is multiplied by."""
    enough: bool = True
    """Whether few samples call nobody."""
    unless: Judged | None = None
    """What decides instead where it has enough samples."""
    from_ms: int | None = None
    to_ms: int | None = None
    """From when on and until before when it can hold."""
    calendar: str = ""
    """The business calendar that must be open."""

    @property
    def promql(self) -> str:
        """For a rule."""
        judged = self.judged
        read, bound = f"{self.turned}{judged.lately(judged.series(self.reads))}", self.bound.promql
        if self.turned == "1 - ":
            read = f"({read})"
        if self.usual:
            bound = f"ignoring (window) ({bound} * {judged.lately(judged.family + judged.labels(self.usual))})"
        lines = [f"{read} {self.side} {bound}", *([judged.enough] if self.enough else [])]
        if self.unless is not None:
            lines.append(
                f"unless {PER_EXPORTER} {self.unless.lately(self.unless.samples)} >= {self.unless.kpi.min_samples}"
            )
        expr, edges = largest(*lines), ((">=", self.from_ms), ("<", self.to_ms))
        if bounds := [f"{sign} {at_ms // 1000}" for sign, at_ms in edges if at_ms is not None]:
            expr = f"{expr}\nand on () (vector(time()) {' '.join(bounds)})"
        if self.calendar:
            expr = f"{expr}\nand on (job) min by (job) ({_OPEN.format(calendar=self.calendar)}) == 1"
        return expr

    @property
    def at_bound(self) -> str:
        """In words what the bound of an interval that is compared says of the value; empty for the value itself."""
        end = MADE[self.reads].bound if self.reads in MADE else self.reads
        if end not in ("lower", "upper"):
            return ""
        return "at least " if (end == "lower") == (not self.turned) else "at most "

    def at(self, than: float) -> "Condition":
        """The same with another threshold."""
        return self._replace(bound=self.bound._replace(than=than))

    @property
    def milder(self) -> Literal[1, -1]:
        """In which direction a threshold moves with which it holds less often."""
        return 1 if self.side == ">" and self.bound.times is None else -1

    def threshold(self, number: float, usual: float = 1.0) -> float:
        """The threshold at which what is compared would be just at the bound; arguments as :meth:`exceeds`."""
        if self.bound.times is not None:
            return 1 - number / self.bound.times
        return number / (usual * self.at(1).bound.number)

    def in_force(self, at_ms: int) -> bool:
        """Whether it can hold at an instant."""
        return (self.from_ms is None or at_ms >= self.from_ms) and (self.to_ms is None or at_ms < self.to_ms)

    def turn(self, number: float) -> float:
        """What is compared, of what is read."""
        return {"": number, "-1 * ": -1 * number, "1 - ": 1 - number}[self.turned]

    def exceeds(self, number: float, usual: float = 1.0) -> bool:
        """Whether what is compared is on the wrong side; NaN is not.

        Args:
            number: as :meth:`turn` gives it.
            usual: the value of the longer window, where there is one.
        """
        bound = self.bound.number * usual
        return number > bound if self.side == ">" else number < bound


def beyond(judged: Judged, than: float) -> Condition:
    """On the wrong side of a bound; of a KPI with an interval, and of a quantile, so is all of the interval."""
    side: Literal[">", "<"] = ">" if judged.kpi.better == "lower" else "<"
    return Condition(judged, Bound(than), _surely(judged, side), side=side, enough=from_samples(judged.kpi))


def changed(judged: Judged, than: float) -> Condition:
    """In the wrong direction by more than so much against as many days before; the value is the size of it."""
    return Condition(judged, Bound(than), "change", _worse(judged))


def worsening(judged: Judged, than: float) -> Condition:
    """A trend in the wrong direction by more than so much a day, all of its interval; the value is that bound."""
    reads: Reads = "trend_lower" if judged.kpi.better == "lower" else "trend_upper"
    return Condition(judged, Bound(than), reads, _worse(judged))


def grown(judged: Judged, than: float, usual: str) -> Condition:
    """More than so many times the mean of a longer window."""
    return Condition(judged, Bound(than, days=(_days(judged.window), _days(usual))), usual=usual)


def cases(judged: Judged, than: float, unless: Judged | None) -> Condition:
    """More cases than so many; where another KPI has enough samples to judge, that one decides."""
    return Condition(judged, Bound(than), enough=False, unless=unless)


def burnt(judged: Judged, objective: float, times: float) -> Condition:
    """So many times as many miss the objective as may; of a KPI with an interval, at least so many do."""
    return Condition(judged, Bound(objective, times=times), _surely(judged, "<"), turned="1 - ")


def behind_pace(judged: Judged, target: float, by: float) -> Condition:
    """Behind what is due of a target by now, by more than that share of the target."""
    return Condition(judged, Bound(by * abs(target)), "target_pace_gap", _worse(judged), enough=False)


def _surely(judged: Judged, side: Literal[">", "<"]) -> Reads:
    """What is beyond a threshold on a side only if all of the interval is, where there is one; else the value."""
    if not judged.kpi.interval and quantile(judged.kpi) is None:
        return "value"
    return "lower" if side == ">" else "upper"


def _worse(judged: Judged) -> Literal["", "-1 * "]:
    """How a move of a value is turned, so that it is above 0 where it is for the worse."""
    return "" if judged.kpi.better == "lower" else "-1 * "


def _shown(group: str | None) -> str:
    """A group as its series have it; nothing for the total."""
    return "" if group is None else label_value(group)


def _days(window: str) -> float:
    """The days of a rolling window."""
    return int(window[:-1]) / 24 if window.endswith("h") else days_of(window)
