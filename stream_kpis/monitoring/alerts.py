"""Who is called for what: the built-in alerts, those of a file of one's own, and one per target of the goals."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from stream_kpis.engine.tiles import Calendar
from stream_kpis.kpis.goals import Target
from stream_kpis.kpis.lines import CatalogueError, entries_of, nearest, place, place_of, struct, tree_of
from stream_kpis.kpis.schema import PERIODS, Kpi
from stream_kpis.live.model.pseudonyms import REAL, Pseudonyms
from stream_kpis.monitoring import conditions
from stream_kpis.monitoring.conditions import Condition, Judged
from stream_kpis.monitoring.promql import from_samples

BUILT_IN, HEALTH = (Path(__file__).with_name(name) for name in ("alerts.yaml", "health.yaml"))
PACE_GAP = 0.1
"""A goal calls when it is behind its pace by so much of its target."""
Severity = Literal["page", "warning", "none"]


class Alert(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One alert on a KPI, as `alerts.yaml` explains it."""

    kpi: str
    window: str
    when: Literal["beyond", "changed", "worsening", "grown", "cases", "burnt"]
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
    condition: Condition | None = None
    """When it holds, of one on a KPI."""


class Whole(NamedTuple):
    """What alerts are about: a deployment."""

    kpis: Mapping[str, Kpi]
    """The catalogue, by id."""
    currency: str = "USD"
    """The code of the reporting currency."""
    calendar: Calendar = Calendar()
    """The business days."""
    calendars: Collection[str] = ()
    """The names of the business calendars."""
    names: Pseudonyms = REAL
    """How people are called in series."""


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


def of_kpis(alerts: Mapping[str, tuple[Alert, str]], whole: Whole, own: Collection[str] = ()) -> Iterator[Rule]:
    """The rules of alerts. Built-in ones whose KPI, window or target the catalogue lacks are left out.

    Args:
        alerts: as :func:`read_alerts`.
        whole: the deployment.
        own: the names of those that a user wrote.

    Raises:
        CatalogueError: an alert asks what there is not.
    """
    for name, (alert, where) in alerts.items():
        kpi = whole.kpis.get(alert.kpi)
        problem = _problem(alert, whole)
        if problem and name in own:
            raise CatalogueError(f"{where}: {problem}")
        if problem or kpi is None:
            continue
        than = kpi.target if alert.than is None else alert.than
        assert than is not None  # else that was the problem
        try:
            condition = _condition(alert, Judged(alert.kpi, kpi, alert.window, currency=whole.currency), than, whole)
        except ValueError as error:
            raise CatalogueError(f"{where}: {error}") from None
        condition = condition._replace(calendar=alert.calls_during)
        words = {
            "{than}": in_words(kpi, than),
            "{surely}": condition.at_bound,
            "{target}": in_words(kpi, kpi.target, seconds=bool(kpi.target and kpi.aim is None)),
        }
        yield Rule(
            name,
            condition.promql,
            alert.hold,
            alert.severity,
            alert.owner or kpi.department,
            _filled(alert.summary or f"{kpi.title}: {{{{ $value }}}}", words),
            _filled(alert.description or kpi.choices, words),
            alert.runbook or kebab(name),
            alert.kpi,
            {"department": kpi.department},
            condition,
        )


def _problem(alert: Alert, whole: Whole) -> str:
    """Why there can be no such alert; empty if there can."""
    kpi = whole.kpis.get(alert.kpi)
    if kpi is None:
        return f"unknown KPI {alert.kpi!r}{nearest(alert.kpi, whole.kpis)}"
    if alert.window not in kpi.windows:
        return f"{alert.kpi} has no window {alert.window!r}; there are {', '.join(kpi.windows)}"
    if alert.than is None and kpi.target is None:
        return f"{alert.kpi} has no target: say than what"
    if alert.calls_during and alert.calls_during not in whole.calendars:
        return f"there is no calendar {alert.calls_during!r}{nearest(alert.calls_during, whole.calendars)}"
    return ""


def _condition(alert: Alert, judged: Judged, than: float, whole: Whole) -> Condition:
    match alert.when:
        case "beyond":
            return conditions.beyond(judged, than)
        case "changed":
            if "change" not in judged.kpi.operators:
                raise ValueError(f"{alert.kpi} has no operator change: add it to its operators")
            return conditions.changed(judged, than)
        case "worsening":
            if "trend" not in judged.kpi.operators:
                raise ValueError(f"{alert.kpi} has no operator trend: add it to its operators")
            return conditions.worsening(judged, than)
        case "grown":
            if alert.usual not in judged.kpi.windows:
                raise ValueError(f"{alert.kpi} has no window {alert.usual!r}{nearest(alert.usual, judged.kpi.windows)}")
            return conditions.grown(judged, than, alert.usual)
        case "cases":
            other = whole.kpis.get(alert.unless_judged_by)
            unless = None
            if other is not None:
                unless = Judged(alert.unless_judged_by, other, other.windows[0], currency=whole.currency)
            return conditions.cases(judged, than, unless)
        case _:
            return conditions.burnt(judged, than, alert.times)


def of_targets(targets: Iterable[Target], whole: Whole) -> Iterator[Rule]:
    """A rule per target of the goals: missed beyond doubt, or behind the pace of its period by a tenth.

    Sums over a month, quarter or year are for the whole of it, so it is their pace that is judged. A target calls from
    its first day until a later one of the same place begins. One that calls nobody has no rule.
    """
    by_place: dict[tuple[str, str, str, str], dict[date, Target]] = {}
    for target in targets:
        by_place.setdefault(target.place, {})[target.since] = target  # of the same first day the later one
    for by_day in by_place.values():
        days = sorted(by_day)
        for day, after in zip(days, [*days[1:], None], strict=True):
            if by_day[day].calls != "none":
                yield _of_target(by_day[day], whole, after)


def _of_target(target: Target, whole: Whole, until: date | None) -> Rule:
    kpi = whole.kpis[target.kpi]
    if target.better is not None and target.better != kpi.better:
        kpi = msgspec.structs.replace(kpi, better=target.better)
    shown = {name: whole.names.group(name, value) for name, value in target.group.items()}
    judged = Judged(target.kpi, kpi, target.window, shown, whole.currency)
    group = " ".join(f"{name} {value}" for name, value in shown.items())
    what = plain(f"{kpi.title}{f' of {group}' if group else ''}")
    amount = in_words(kpi, target.target)
    if target.window in PERIODS and not from_samples(kpi):
        name, condition = "GoalBehindPace", conditions.behind_pace(judged, target.target, PACE_GAP)
        direction = "too much" if kpi.better == "lower" else "short"
        summary = f"{what}: {_template(kpi)} {direction} of the pace to {amount}"
    else:
        name, condition = "GoalMissed", conditions.beyond(judged, target.target)
        summary = f"{what} misses its target of {amount}: {condition.at_bound}{_template(kpi)}"
    from_ms = None if target.since == date.min else whole.calendar.start_of(target.since)
    condition = condition._replace(
        from_ms=from_ms,
        to_ms=None if until is None else whole.calendar.start_of(until),
        calendar=target.calls_during,
    )
    since = "" if from_ms is None else target.since.isoformat()
    labels = {
        "goal": target.goal, "window": target.window, "department": target.department, "group": group, "since": since
    }  # fmt: skip
    return Rule(
        name,
        condition.promql,
        "1h",
        target.calls or "warning",
        plain(target.owner) or kpi.department,
        summary,
        f"The goal: {plain(target.goal) or what}. Why: stream-kpis explain {target.kpi} --window {target.window}.",
        kebab(name),
        target.kpi,
        {label: plain(text) for label, text in labels.items() if text},
        condition,
    )


def plain(text: str) -> str:
    """A text from outside in labels and annotations, which are templates: as it is.

    >>> plain("sell {{ more")
    'sell {{ "{{" }} more'
    """
    return text.replace("{{", '{{ "{{" }}')


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


def in_words(kpi: Kpi, amount: float | None, *, seconds: bool = False) -> str:
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
