"""Panels of dashboards: what they ask Prometheus for, and how they show it."""

from collections.abc import Iterable
from typing import NamedTuple, TypeVar

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as looks
from grafana_foundation_sdk.models import dashboard as models

from stream_kpis.kpis.schema import Kpi
from stream_kpis.live.prometheus.metrics import family_name
from stream_kpis.live.prometheus.operator_metrics import operator_family
from stream_kpis.monitoring.promql import dimensions_of, empty, largest, main_series, selected

Panel = bargauge.Panel | stat.Panel | timeseries.Panel
_Panel = TypeVar("_Panel", bargauge.Panel, stat.Panel, timeseries.Panel)
JOB = 'job=~"$job"'
_COMPARING = ("lift", "relative_lift", "sample_ratio")
"""Methods that have no total."""
GROUPS_MAX = 10
"""Lines of a panel by group."""
_USUAL = ("30d", "now", "7d", "90d", "365d", "24h", "mtd", "qtd", "ytd", "today", "1h", "5m", "all")
_UNITS = {"ratio": "percentunit", "seconds": "s", "per_second": "suffix:/s"}
SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")


class Query(NamedTuple):
    """One question to Prometheus, and the name of what it gives."""

    expr: str
    name: str


def usual_window(kpi: Kpi) -> str:
    """The window of a KPI where the chosen one is none of its own."""
    return next(window for window in _USUAL if window in kpi.windows)


def unit_of(kpi: Kpi, currency: str) -> str:
    """Grafana's name of a KPI's unit.

    >>> unit_of(Kpi(title="", formula="", unit="currency", windows=()), "EUR")
    'currency:EUR'
    """
    return f"currency:{currency}" if kpi.unit.startswith("currency") else _UNITS.get(kpi.unit, "short")


def total_query(kpi_id: str, kpi: Kpi, currency: str, bound: str = "") -> Query:
    """A KPI's total over the chosen window, or its usual one; or a bound of its interval, ``_lower`` or ``_upper``.

    What compares groups has no total: of it all groups of its first grouping.
    """
    name, q = main_series(kpi_id, kpi, currency)
    if kpi.method in _COMPARING:
        compared = kpi.by[0].split(",")
        expr = _over_window(name, kpi, *(f'{dimension}!=""' for dimension in compared))
        return Query(expr, " ".join(f"{{{{{dimension}}}}}" for dimension in compared))
    rest = ("" if bound else q, *empty(dimensions_of(kpi)))
    series = f"{family_name(kpi_id, kpi, currency)}{bound}" if bound else name
    return Query(_over_window(series, kpi, *rest), "{{window}}" if not bound else bound.strip("_"))


def group_query(kpi_id: str, kpi: Kpi, currency: str) -> Query | None:
    """The largest groups of a KPI by the chosen dimension, or by its first one; None if it has no single dimension."""
    single = [by for by in kpi.by if "," not in by]
    if not single:
        return None
    name, q = main_series(kpi_id, kpi, currency)
    paired = empty(
        name for name in dimensions_of(kpi) if name not in single
    )  # so that pairs are not shown as groups of one of theirs
    window, usual = _windows(kpi)
    first, *others = single
    chosen, default = (
        f"topk({GROUPS_MAX}, max without (instance, pod) ({name}{selected(JOB, *matchers)}))"
        for matchers in (
            (window, q, '$dimension!=""', *paired),
            (usual, q, f'{first}!=""', *empty(others), *paired),
        )
    )
    return Query(f"{chosen}\nor on () {default}", "".join(f"{{{{{name}}}}}" for name in single))


def _windows(kpi: Kpi) -> tuple[str, str]:
    usual = usual_window(kpi)
    return f'window="{usual}"' if len(kpi.windows) == 1 else 'window="$window"', f'window="{usual}"'


def _over_window(series: str, kpi: Kpi, *matchers: str) -> str:
    window, usual = _windows(kpi)
    first = f"{series}{selected(JOB, window, *matchers)}"
    return largest(first) if window == usual else largest(first, f"or on () {series}{selected(JOB, usual, *matchers)}")


def _thresholds(kpi: Kpi) -> dashboard.ThresholdsConfig:
    """Green and red at the aim; one colour without any."""
    return _coloured(kpi.aim, *(("green", "red") if kpi.better == "lower" else ("red", "green")))


def _coloured(bound: float | None, below: str = "green", above: str = "red") -> dashboard.ThresholdsConfig:
    """Two colours, on this side of a bound and from it on; one without any."""
    steps = [models.Threshold(value=None, color="blue" if bound is None else below)]
    if bound is not None:
        steps.append(models.Threshold(value=bound, color=above))
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)


def _links(kpi_id: str) -> list[Builder[models.DashboardLink]]:
    receipt = dashboard.DashboardLink("Receipt").type(models.DashboardLinkType.LINK).url(f"${{page}}/#kpi={kpi_id}")
    return [receipt.target_blank(True)]


def number(kpi_id: str, kpi: Kpi, currency: str) -> stat.Panel:
    """A KPI's total as a number with a spark line, coloured by its target."""
    panel = stat.Panel().title(kpi.title).description(about(kpi)).unit(unit_of(kpi, currency)).links(_links(kpi_id))
    panel.graph_mode(looks.BigValueGraphMode.AREA).text_mode(looks.BigValueTextMode.VALUE_AND_NAME)
    panel.reduce_options(_last())
    return _asking(panel.thresholds(_thresholds(kpi)).height(4).span(4), [total_query(kpi_id, kpi, currency)])


def course(kpi_id: str, kpi: Kpi, currency: str) -> timeseries.Panel:
    """A KPI's total over time, with its interval and its target where it has them."""
    queries = [total_query(kpi_id, kpi, currency)]
    if kpi.interval:
        queries += [total_query(kpi_id, kpi, currency, bound) for bound in ("_lower", "_upper")]
    if kpi.aim is not None:
        queries.append(Query(largest(f'crm_kpi_target{{{JOB},kpi="{kpi_id}"}}'), "target"))
    panel = _lines(kpi.title, about(kpi), unit_of(kpi, currency)).links(_links(kpi_id))
    return _asking(panel, queries)


def by_group(kpi_id: str, kpi: Kpi, currency: str) -> timeseries.Panel | None:
    """The largest groups of a KPI over time; None if it has no groups of one dimension."""
    query = group_query(kpi_id, kpi, currency)
    if query is None:
        return None
    return _asking(_lines(kpi.title, about(kpi), unit_of(kpi, currency)).links(_links(kpi_id)), [query])


def by_one(kpi_id: str, kpi: Kpi, currency: str, dimension: str) -> bargauge.Panel:
    """The largest groups of a KPI by one dimension, side by side."""
    name, q = main_series(kpi_id, kpi, currency)
    others = empty(other for other in dimensions_of(kpi) if other != dimension)
    expr = _over_window(name, kpi, q, f'{dimension}!=""', *others)
    query = Query(f"sort_desc(topk({GROUPS_MAX}, {expr}))", f"{{{{{dimension}}}}}")
    return bars(kpi.title, about(kpi), unit_of(kpi, currency), query).span(8).links(_links(kpi_id))


def change(kpi_id: str, kpi: Kpi) -> stat.Panel:
    """The change of a KPI against as many days before."""
    family, usual = operator_family("change", kpi_id, ""), "30d"
    matchers = (JOB, f'window="{usual}"', 'against="previous"', *empty(dimensions_of(kpi)))
    panel = stat.Panel().title(f"{kpi.title}: change").description("30 days against the 30 days before.")
    panel.unit("percentunit").height(4).span(4).links(_links(kpi_id))
    return _asking(panel, [Query(largest(f"{family}{selected(*matchers)}"), "30d")])


def lines(title: str, description: str, unit: str, *queries: Query) -> timeseries.Panel:
    """Any series over time."""
    return _asking(_lines(title, description, unit), queries)


def figure(title: str, description: str, unit: str, query: Query, red_from: float | None = None) -> stat.Panel:
    """Any number; red from a bound on, if there is one."""
    panel = stat.Panel().title(title).description(description).unit(unit).height(4).span(4)
    return _asking(panel.thresholds(_coloured(red_from)), [query])


def bars(title: str, description: str, unit: str, query: Query) -> bargauge.Panel:
    """Any groups side by side, as they are now."""
    panel = bargauge.Panel().title(title).description(description).unit(unit).height(8).span(12)
    panel.orientation(looks.VizOrientation.HORIZONTAL).display_mode(looks.BarGaugeDisplayMode.BASIC)
    panel.reduce_options(_last())
    return _asking(panel, [query], instant=True)


def _last() -> common.ReduceDataOptions:
    """The newest of the values."""
    return common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)


def about(kpi: Kpi) -> str:
    """What a panel says of its KPI."""
    aim = f" Target: {kpi.aim:g}." if kpi.aim is not None else ""
    return f"{kpi.choices or kpi.title}{aim} Where the chosen window is none of this KPI, its usual one is shown."


def _lines(title: str, description: str, unit: str) -> timeseries.Panel:
    panel = timeseries.Panel().title(title).description(description).unit(unit).height(8).span(8)
    legend = (
        common.VizLegendOptions().display_mode(looks.LegendDisplayMode.LIST).placement(looks.LegendPlacement.BOTTOM)
    )
    tooltip = common.VizTooltipOptions().mode(looks.TooltipDisplayMode.MULTI).sort(looks.SortOrder.DESCENDING)
    return panel.legend(legend.show_legend(True)).tooltip(tooltip).line_width(2).fill_opacity(8)


def _asking(panel: _Panel, queries: Iterable[Query], *, instant: bool = False) -> _Panel:
    panel.datasource(SOURCE)
    for ref, query in zip("ABCD", queries, strict=False):
        asked = prometheus.Dataquery().ref_id(ref).expr(query.expr).legend_format(query.name).datasource(SOURCE)
        if instant:
            asked.instant()
        panel.with_target(asked)
    return panel
