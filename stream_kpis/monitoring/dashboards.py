"""Grafana dashboards, generated from the catalogue: what each department looks at, and how the pipeline is."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

from stream_kpis.kpis.schema import WINDOWS, Kpi
from stream_kpis.live.prometheus.operator_metrics import OPERATORS
from stream_kpis.monitoring import panels
from stream_kpis.monitoring.panels import JOB, SOURCE, Panel, Query
from stream_kpis.monitoring.promql import largest

PAGE = "http://127.0.0.1:9464"
"""Where the live page is, unless the variable ``page`` says otherwise."""
TAG = "stream-kpis"
_WINDOW = "30d"
_PEOPLE = ("agent", "team", "owner")
Kpis = Mapping[str, Kpi]


def dashboards(kpis: Kpis, currency: str = "USD") -> dict[str, str]:
    """The dashboards, as JSON by file name.

    Args:
        kpis: the catalogue, by id.
        currency: the code of the reporting currency.
    """
    by_department = {
        department: {name: kpi for name, kpi in kpis.items() if kpi.department == department}
        for department in ("sales", "service", "marketing", "customers")
    }
    boards = [
        _overview(kpis, currency),
        *(_department(department, own, currency) for department, own in by_department.items() if own),
        _people(kpis, currency),
        _goals(currency),
        _pipeline(),
    ]
    return {f"{board.uid}.json": JSONEncoder(sort_keys=False, indent=1).encode(board) + "\n" for board in boards}


def _overview(kpis: Kpis, currency: str) -> models.Dashboard:
    """The KPIs that somebody aims at or follows, by department."""
    followed = {name: kpi for name, kpi in kpis.items() if kpi.target is not None or kpi.operators}
    board = _board("overview", "Overview", "What is aimed at or followed, and whether it can be trusted now.", followed)
    for department in dict.fromkeys(kpi.department for kpi in followed.values()):
        own = {name: kpi for name, kpi in followed.items() if kpi.department == department}
        _row(board, department.capitalize(), (panels.number(name, kpi, currency) for name, kpi in own.items()))
    changing = {name: kpi for name, kpi in followed.items() if "change" in kpi.operators and _rolls(kpi)}
    _row(board, "Against the 30 days before", (panels.change(name, kpi) for name, kpi in changing.items()))
    _row(board, "Can it be trusted", _trust())
    return _built(board)


def _department(name: str, kpis: Kpis, currency: str) -> models.Dashboard:
    """All KPIs of a department: now, over time, by group."""
    board = _board(name, name.capitalize(), f"All KPIs of {name}: now, over time, by group.", kpis)
    _row(board, "Now", (panels.number(kpi_id, kpi, currency) for kpi_id, kpi in kpis.items()))
    _row(board, "Over time", (panels.course(kpi_id, kpi, currency) for kpi_id, kpi in kpis.items()), collapsed=True)
    groups = (panels.by_group(kpi_id, kpi, currency) for kpi_id, kpi in kpis.items())
    _row(board, "By $dimension", filter(None, groups), collapsed=True)
    return _built(board)


def _people(kpis: Kpis, currency: str) -> models.Dashboard:
    """What agents, teams and owners do."""
    own = {name: kpi for name, kpi in kpis.items() if any(by in _PEOPLE for by in kpi.by)}
    board = _board("people", "Teams and people", "KPIs by agent, team and owner of leads, deals and orders.", own)
    for dimension in _PEOPLE:
        found = (panels.by_one(name, kpi, currency, dimension) for name, kpi in own.items() if dimension in kpi.by)
        _row(board, f"By {dimension}", found, collapsed=dimension != _PEOPLE[0])
    return _built(board)


def _goals(currency: str) -> models.Dashboard:
    """Targets: how far, whether met, and what is missing by now."""
    board = _board("goals", "Goals", "Targets in force: attainment, and the gap to what is due by now.", {})
    shown = {name: OPERATORS[name].suffix for name in ("target_attainment", "target_met")}
    attainment, met = (_of_all(suffix) for suffix in shown.values())
    words = "{{kpi}} {{window}} {{channel}}{{owner}}{{team}}{{product}}{{plan}}{{segment}}"
    _row(
        board,
        "Now",
        (
            panels.figure("Targets met", "Of those in force.", "short", Query(f"sum({met})", "met")),
            panels.figure(
                "Targets missed", "Of those in force.", "short", Query(f"count({met} == 0) or vector(0)", "missed"), 1
            ),
            panels.bars(
                "Attainment",
                "Value over target; where low is good, target over value.",
                "percentunit",
                Query(attainment, words),
            ),
        ),
    )
    _row(board, "Over time", (panels.lines("Attainment", "1 is the target.", "percentunit", Query(attainment, words)),))
    gaps = (
        ("money", f"currency:{currency}", _of_all(f"_target_pace_gap_{currency.lower()}")),
        ("numbers", "short", _of_all("_target_pace_gap")),
    )
    _row(
        board,
        "Pace",
        (
            panels.bars(
                f"Gap to what is due by now, {what}", "Where high is good, below 0 is behind.", unit, Query(expr, words)
            )
            for what, unit, expr in gaps
        ),
    )
    return _built(board)


def _of_all(suffix: str) -> str:
    """A family that each KPI has, with the KPI as a label."""
    series = f'{{__name__=~"crm_.+{suffix}",{JOB}}}'
    return largest(f'label_replace({series}, "kpi", "$1", "__name__", "crm_(.+){suffix}")')


def _pipeline() -> models.Dashboard:
    """Whether the numbers move, and what was left out."""
    board = _board("pipeline", "Pipeline health", "Whether the numbers move, what lags, and what was left out.", {})
    _row(board, "Now", _trust())
    rate = (
        "sum without (instance, pod, shard) (max without (instance, pod) (rate({}{{" + JOB + "}}[$__rate_interval])))"
    )
    _row(
        board,
        "What comes",
        (
            panels.lines(
                "Events", "Applied, per second.", "ops", Query(rate.format("stream_kpis_events_total"), "events")
            ),
            panels.lines(
                "Lag",
                "Records not applied yet, by shard.",
                "short",
                Query(_each("stream_kpis_shard_lag_records"), "shard {{shard}}"),
            ),
            panels.lines(
                "Age of headers",
                "Time since each shard wrote last.",
                "s",
                Query(_each("stream_kpis_shard_header_age_seconds"), "shard {{shard}}"),
            ),
        ),
    )
    _row(
        board,
        "What does not count",
        (
            panels.lines(
                "Dead letters",
                "Records that could not be used, per second, by reason.",
                "ops",
                Query(rate.format("stream_kpis_dead_letters_total"), "{{reason}}"),
            ),
            *(
                panels.lines(title, text, "ops", Query(rate.format(f"stream_kpis_{name}_total"), name))
                for name, title, text in (
                    ("duplicates", "Duplicates", "Events that had been applied before, per second."),
                    ("late", "Late events", "Older than what had been applied to their entity, per second."),
                    ("rekeyed", "Re-keyed events", "Sent on to their party's partition, per second."),
                    ("voided", "Voided events", "Taken back, per second."),
                    ("unused", "Unused events", "That no KPI uses, per second."),
                )
            ),
            panels.lines(
                "Parked events",
                "Waiting for the rate of their currency.",
                "short",
                Query(f"sum({_each('stream_kpis_parked_events')})", "parked"),
            ),
        ),
    )
    each = "{{instance}}"
    _row(
        board,
        "Exporters",
        (
            panels.lines(
                "Memory", "Of each exporter.", "bytes", Query(f"process_resident_memory_bytes{{{JOB}}}", each)
            ),
            panels.lines(
                "CPU",
                "Cores that each exporter uses.",
                "short",
                Query(f"rate(process_cpu_seconds_total{{{JOB}}}[$__rate_interval])", each),
            ),
            panels.lines(
                "Series", "Of KPIs, shown by each exporter.", "short", Query(f"stream_kpis_series{{{JOB}}}", each)
            ),
            panels.lines("Live pages", "Open at each exporter.", "short", Query(f"stream_kpis_streams{{{JOB}}}", each)),
        ),
    )
    return _built(board)


def _each(name: str) -> str:
    """A family, without which exporter said it."""
    return largest(f"{name}{{{JOB}}}")


def _in_state(state: str) -> str:
    return largest(f'crm_kpi_state{{{JOB},state="{state}"}}')


def _trust() -> Iterator[Panel]:
    """Whether the numbers are what they should be."""
    yield panels.figure(
        "Age of the numbers",
        "kpi-now against the clock: how long the numbers have stood still.",
        "s",
        Query(f"time() - max(stream_kpis_now_timestamp_seconds{{{JOB}}})", "age"),
        60,
    )
    yield panels.figure(
        "Stale shards",
        "Shards that are behind or silent; while there are some, KPIs are stale.",
        "short",
        Query(f"max(stream_kpis_shards_stale{{{JOB}}})", "stale"),
        1,
    )
    yield panels.figure(
        "Shards under another catalogue",
        "They count under another one than is shown: all switch together.",
        "short",
        Query(f"max(stream_kpis_shards_changed{{{JOB}}})", "changed"),
        1,
    )
    yield panels.figure(
        "KPIs that are stale",
        "Totals in the state stale, over all windows.",
        "short",
        Query(f"sum({_in_state('stale')})", "stale"),
        1,
    )
    yield panels.figure(
        "KPIs with a value to rely on",
        "Share of totals in the state ok, over all windows.",
        "percentunit",
        Query(f"avg({_in_state('ok')})", "ok"),
    )
    yield panels.figure(
        "Groups not shown",
        "The smallest groups of large groupings; /api/kpis has them.",
        "short",
        Query(f"sum({_each('stream_kpis_groups_hidden')}) or vector(0)", "hidden"),
    )
    yield panels.figure(
        "Series left out",
        "Beyond the cap on series.",
        "short",
        Query(f"max(stream_kpis_series_dropped{{{JOB}}})", "dropped"),
        1,
    )


def _board(uid: str, title: str, description: str, kpis: Kpis) -> dashboard.Dashboard:
    board = dashboard.Dashboard(f"stream-kpis: {title}").uid(f"stream-kpis-{uid}").description(description)
    board.tags([TAG]).readonly().tooltip(models.DashboardCursorSync.CROSSHAIR).refresh("10s").time("now-1h", "now")
    board.timezone("browser").link(
        dashboard.DashboardLink("Dashboards").type(models.DashboardLinkType.DASHBOARDS).tags([TAG]).as_dropdown(True)
    )
    board.link(
        dashboard.DashboardLink("Live page").type(models.DashboardLinkType.LINK).url("${page}").target_blank(True)
    )
    board.with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    jobs = "label_values(stream_kpis_build_info, job)"
    board.with_variable(
        dashboard.QueryVariable("job")
        .label("Job")
        .query(jobs)
        .datasource(SOURCE)
        .include_all(True)
        .all_value(".+")
        .multi(True)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .current(_option("All", "$__all"))
    )
    windows = [window for window in WINDOWS if window != "now" and any(window in kpi.windows for kpi in kpis.values())]
    if windows:
        board.with_variable(_custom("window", "Window", windows, _WINDOW if _WINDOW in windows else windows[0]))
    counted = Counter(by for kpi in kpis.values() for by in kpi.by if "," not in by)
    if counted:
        board.with_variable(_custom("dimension", "Dimension", sorted(counted), counted.most_common(1)[0][0]))
    board.with_variable(dashboard.TextBoxVariable("page").label("Live page").default_value(PAGE))
    info = f"crm_kpi_info{{{JOB}}}"
    for name, expr, text in (
        ("Alerts", f'ALERTS{{{JOB},alertstate="firing"}}', "{{alertname}}"),
        ("Definitions", f"{info} unless on (kpi, version) {info} offset 5m", "{{kpi}} version {{version}}"),
    ):
        note = dashboard.AnnotationQuery().name(name).datasource(SOURCE).enable(True).icon_color("orange")
        board.annotation(note.expr(expr).title_format(text).step("10s"))
    return board


def _custom(name: str, label: str, values: Sequence[str], chosen: str) -> dashboard.CustomVariable:
    variable = dashboard.CustomVariable(name).label(label).values(",".join(values)).current(_option(chosen, chosen))
    return variable.options([_option(value, value, selected=value == chosen) for value in values])


def _option(text: str, value: str, *, selected: bool = True) -> models.VariableOption:
    return models.VariableOption(text=text, value=value, selected=selected)


def _row(board: dashboard.Dashboard, title: str, members: Iterable[Panel], *, collapsed: bool = False) -> None:
    row = dashboard.Row(title).collapsed(collapsed)
    if collapsed:
        for panel in members:
            row.with_panel(panel)
        board.with_row(row)
        return
    board.with_row(row)
    for panel in members:
        board.with_panel(panel)


def _built(board: dashboard.Dashboard) -> models.Dashboard:
    """With the panels numbered, in the order in which they stand."""
    built = board.build()
    number = 0
    for panel in built.panels or ():
        number += 1
        panel.id_val = number
        for inner in getattr(panel, "panels", None) or ():
            number += 1
            inner.id_val = number
    return built


def _rolls(kpi: Kpi) -> bool:
    return "30d" in kpi.windows or "now" in kpi.windows
