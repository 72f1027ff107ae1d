"""Who is called for what: the built-in alerts, those of a file of one's own, and one per target of the goals."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from stream_kpis.kpis.goals import Target
from stream_kpis.kpis.lines import CatalogueError, entries_of, nearest, place, place_of, struct, tree_of
from stream_kpis.kpis.schema import PERIODS, Kpi
from stream_kpis.monitoring import conditions
from stream_kpis.monitoring.conditions import Judged

BUILT_IN, HEALTH = (Path(__file__).with_name(name) for name in ("alerts.yaml", "health.yaml"))
PACE_GAP = 0.1
"""A goal calls when it is behind its pace by so much of its target."""
Severity = Literal["page", "warning", "none"]


class Alert(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One alert on a KPI, as `alerts.yaml` explains it."""

    kpi: str
    window: str
    when: Literal["beyond", "changed", "grown", "cases", "burnt"]
    than: float | None = None
    """What is compared with; without it the KPI's target."""
    times: float = 1.0
    usual: str = ""
    unless_judged_by: str = ""
    hold: str = msgspec.field(name="for", default="5m")
    severity: Severity = "warning"
    owner: str = ""
    """Who is told; without it the KPI's department."""
    calls_during: str = ""
    """The business calendar in which alone it calls; without it always."""
    runbook: str = ""
    summary: str = ""
    description: str = ""


class Health(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One alert on the pipeline, as `health.yaml` has it."""

    expr: str
    severity: Severity
    summary: str
    description: str
    hold: str = msgspec.field(name="for", default="0s")
    runbook: str = ""
    to_everybody: bool = False
    """Whether the departments are told too: their KPIs stand still."""


class Rule(NamedTuple):
    """One alert, ready to be written. Texts may have templates of Prometheus."""

    name: str
    expr: str
    hold: str
    severity: Severity
    owner: str
    summary: str
    description: str
    runbook: str
    kpi: str = ""
    """The KPI it is about; empty for the pipeline's own."""
    labels: Mapping[str, str] = {}


def read_alerts(files: Iterable[Path]) -> dict[str, tuple[Alert, str]]:
    """The alerts of some files by name, and where each stands; a later file replaces what an earlier one named.

    Raises:
        CatalogueError: unreadable or misspelled.
    """
    found = {}
    for file in files:
        for name, node in _entries(file).items():
            places = {f"alerts.{name}": place(file, node)}
            found[name] = struct(file, f"alerts.{name}", node, Alert, places), place_of(places, f"alerts.{name}", "")
    return found


def read_health() -> dict[str, Health]:
    """The alerts on the pipeline, by name."""
    return {name: struct(HEALTH, name, node, Health, {name: ""}) for name, node in _entries(HEALTH).items()}


def _entries(file: Path) -> dict[str, object]:
    sections = entries_of(file, tree_of(file))
    for section, (key, _) in sections.items():
        if section != "alerts":
            raise CatalogueError(f"{place(file, key)}: unknown section {section!r}{nearest(section, ['alerts'])}")
    return {name: node for _, nodes in sections.values() for name, (_, node) in entries_of(file, nodes).items()}


def of_kpis(alerts: Mapping[str, tuple[Alert, str]], kpis: Mapping[str, Kpi], currency: str) -> Iterator[Rule]:
    """The rules of the alerts whose KPI, window and target a catalogue has.

    Args:
        alerts: as :func:`read_alerts`.
        kpis: the catalogue.
        currency: the code of the reporting currency.

    Raises:
        CatalogueError: an alert asks what its KPI does not have.
    """
    for name, (alert, where) in alerts.items():
        kpi = kpis.get(alert.kpi)
        if kpi is None or alert.window not in kpi.windows:
            continue
        than = kpi.target if alert.than is None else alert.than
        if than is None:
            continue
        try:
            expr = _condition(alert, Judged(alert.kpi, kpi, alert.window, currency=currency), than, kpis)
        except ValueError as error:
            raise CatalogueError(f"{where}: {error}") from None
        if alert.calls_during:
            expr = conditions.while_open(expr, alert.calls_during)
        words = {
            "{than}": _amount(kpi, than),
            "{target}": _amount(kpi, kpi.target, seconds=bool(kpi.target and kpi.aim is None)),
        }
        yield Rule(
            name,
            expr,
            alert.hold,
            alert.severity,
            alert.owner or kpi.department,
            _filled(alert.summary or f"{kpi.title}: {{{{ $value }}}}", words),
            _filled(alert.description or kpi.choices, words),
            alert.runbook or kebab(name),
            alert.kpi,
            {"department": kpi.department},
        )


def _condition(alert: Alert, judged: Judged, than: float, kpis: Mapping[str, Kpi]) -> str:
    match alert.when:
        case "beyond":
            return conditions.beyond(judged, than)
        case "changed":
            if "change" not in judged.kpi.operators:
                raise ValueError(f"{alert.kpi} has no operator change: add it to its operators")
            return conditions.changed(judged, than)
        case "grown":
            if alert.usual not in judged.kpi.windows:
                raise ValueError(f"{alert.kpi} has no window {alert.usual!r}{nearest(alert.usual, judged.kpi.windows)}")
            return conditions.grown(judged, than, alert.usual)
        case "cases":
            other = kpis.get(alert.unless_judged_by)
            unless = None if other is None else Judged(alert.unless_judged_by, other, other.windows[0])
            return conditions.cases(judged, than, unless)
        case _:
            return conditions.burnt(judged, than, alert.times)


def of_targets(targets: Iterable[Target], kpis: Mapping[str, Kpi], currency: str) -> Iterator[Rule]:
    """A rule per target of the goals: missed beyond doubt, or behind the pace of its period by a tenth.

    Sums over a month, quarter or year are for the whole of it, so it is their pace that is judged.
    """
    for target in targets:
        kpi = kpis[target.kpi]
        if target.better is not None and target.better != kpi.better:
            kpi = msgspec.structs.replace(kpi, better=target.better)
        judged = Judged(target.kpi, kpi, target.window, target.group, currency)
        of_period = target.window in PERIODS and kpi.unit in ("count", "currency") and "/" not in kpi.formula
        group = " ".join(f"{name} {value}" for name, value in target.group.items())
        what = f"{kpi.title}{f' of {group}' if group else ''}"
        amount = _amount(kpi, target.target)
        if of_period:
            name, expr = "GoalBehindPace", conditions.behind_pace(judged, target.target, PACE_GAP)
            short = _template(kpi)
            summary = f"{what}: {short} {'too much' if kpi.better == 'lower' else 'short'} of the pace to {amount}"
        else:
            name, expr = "GoalMissed", conditions.beyond(judged, target.target)
            summary = f"{what} misses its target of {amount}: {_template(kpi)}"
        if target.calls_during:
            expr = conditions.while_open(expr, target.calls_during)
        labels = {"goal": target.goal, "window": target.window, "department": target.department, **target.group}
        yield Rule(
            name,
            expr,
            "1h",
            target.calls or "warning",
            target.owner or kpi.department,
            summary,
            f"The goal: {target.goal or what}. Why: stream-kpis explain {target.kpi} --window {target.window}.",
            kebab(name),
            target.kpi,
            {name: value for name, value in labels.items() if value},
        )


def of_health(departments: Iterable[str]) -> Iterator[Rule]:
    """The rules on the pipeline; those that concern everybody once per department too."""
    told = sorted(set(departments))
    for name, health in read_health().items():
        for owner in ("operations", *(told if health.to_everybody else ())):
            yield Rule(
                name,
                health.expr,
                health.hold,
                health.severity,
                owner,
                health.summary,
                health.description,
                health.runbook or kebab(name),
            )


def kebab(name: str) -> str:
    """The name of an alert's runbook.

    >>> kebab("StreamKpisDeadLetters"), kebab("SlaBurnsFast")
    ('stream-kpis-dead-letters', 'sla-burns-fast')
    """
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).strip("-")


def _filled(text: str, words: Mapping[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(word, value)
    return text


def _template(kpi: Kpi) -> str:
    """The value of an alert in people's units, as a template of Prometheus."""
    how = {"ratio": " | humanizePercentage", "seconds": " | humanizeDuration"}.get(kpi.unit, " | humanize")
    return f"{{{{ $value{how} }}}}"


def _amount(kpi: Kpi, amount: float | None, *, seconds: bool = False) -> str:
    """A target for people."""
    if amount is None:
        return "none"
    if seconds or kpi.unit == "seconds":
        return duration(amount)
    return f"{amount * 100:g} %" if kpi.unit == "ratio" else f"{amount:,g}"


def duration(seconds: float) -> str:
    """A time for people.

    >>> duration(90), duration(120), duration(7200), duration(1209600)
    ('90 seconds', '2 minutes', '2 hours', '14 days')
    """
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} seconds"
