"""Prometheus rules, generated from the catalogue: what somebody is called for.

Three alerts are about customers: slow first responses, churn, and growing support contacts; the others are about the
pipeline that measures them.
Each exporter's values are judged by its own samples and state before the exporters are put together, so that neither a
small sample nor a stale one calls anybody.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import yaml

from stream_kpis.kpis.schema import Kpi
from stream_kpis.live.metrics import QUANTILE_FAMILY, family_name
from stream_kpis.monitoring.promql import largest, samples, state, total

HEADER = "# Generated from the catalogue by `stream-kpis rules`; change the catalogue, not this file.\n"
RESPONSE, WAITING, CHURN = "first_response_time_live", "unanswered_over_target", "churn_rate"
RESPONSE_WINDOW, RESPONSE_QUANTILE, CHURN_WINDOW = "5m", 0.9, "30d"
CONTACTS, CONTACTS_NOW, CONTACTS_USUAL, CONTACTS_GROWTH = "support_contacts", "24h", "7d", 1.5
"""Support contacts grow when a day brings so many times as many as a day of the week on average."""
_PER_EXPORTER = "on (job, instance, pod)"


class Timing(NamedTuple):
    """How long a condition holds before its alert fires, as Prometheus writes durations."""

    slow: str = "2m"
    waiting: str = "5m"
    churn: str = "15m"
    contacts: str = "1h"
    health: str = "2m"
    keep: str = "5m"
    """How long a KPI's alert goes on after its condition ended, so that it does not flap at the target."""


class Rule(NamedTuple):
    """One alert."""

    name: str
    expr: str
    hold: str
    keep: str
    severity: str
    kpi: str
    """The KPI it is about; empty for the pipeline's own."""
    summary: str
    description: str
    runbook: str


TIMING = Timing()
"""For production; tests and demos shorten it."""


def rules(kpis: Mapping[str, Kpi], timing: Timing = TIMING, runbooks: str = "docs/runbooks") -> str:
    """The rule file, as YAML.

    Args:
        kpis: the catalogue, by id; a rule whose KPI, target or window is not in it is left out.
        timing: how long conditions hold.
        runbooks: the address or path that runbooks are linked under.
    """
    groups = [
        {"name": name, "rules": [_as_yaml(rule, runbooks) for rule in members]}
        for name, members in (
            (
                "stream-kpis",
                [*_slow(kpis, timing), *_waiting(kpis, timing), *_churn(kpis, timing), *_contacts(kpis, timing)],
            ),
            ("stream-kpis-pipeline", list(_health(timing))),
        )
        if members
    ]
    return HEADER + yaml.dump({"groups": groups}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def _slow(kpis: Mapping[str, Kpi], timing: Timing) -> Iterator[Rule]:
    kpi = _of(kpis, RESPONSE, RESPONSE_WINDOW)
    if kpi is None:
        return
    of_all = total(kpi, RESPONSE_WINDOW)
    quantile = f'{QUANTILE_FAMILY.format(id=RESPONSE)}{{{of_all},q="{RESPONSE_QUANTILE}"}}'
    yield Rule(
        name="SlowFirstResponse",
        expr=largest(
            f"{quantile} > {kpi.target:g}",
            f"and {_PER_EXPORTER} {samples(RESPONSE, kpi, RESPONSE_WINDOW)} >= {kpi.min_samples}",
            f"unless {_PER_EXPORTER} {state(RESPONSE, RESPONSE_WINDOW, 'stale')} == 1",
        ),
        hold=timing.slow,
        keep=timing.keep,
        severity="page",
        kpi=RESPONSE,
        summary="First responses are slow: 1 in 10 customers waits longer than {{ $value | humanizeDuration }}",
        description=(
            f"The target is {_seconds(kpi.target)} for 9 in 10, over the last 5 minutes and all who wait now. "
            "Where: stream-kpis kpis --by team."
        ),
        runbook="slow-first-response",
    )


def _waiting(kpis: Mapping[str, Kpi], timing: Timing) -> Iterator[Rule]:
    """Where there are too few answers for a quantile, each case that waits too long counts.

    Where there are enough, the quantile decides: a target for 9 in 10 allows single ones to wait longer.
    """
    kpi, response = _of(kpis, WAITING, "now"), _of(kpis, RESPONSE, RESPONSE_WINDOW)
    if kpi is None:
        return
    conditions = [
        f"{family_name(WAITING, kpi)}{{{total(kpi, 'now')}}} > 0",
        f"unless {_PER_EXPORTER} {state(WAITING, 'now', 'stale')} == 1",
    ]
    if response is not None:
        conditions.append(
            f"unless {_PER_EXPORTER} {samples(RESPONSE, response, RESPONSE_WINDOW)} >= {response.min_samples}"
        )
    yield Rule(
        name="SlowFirstResponse",
        expr=largest(*conditions),
        hold=timing.waiting,
        keep=timing.keep,
        severity="page",
        kpi=WAITING,
        summary=f"Customers who wait longer than {_seconds(kpi.target)} for a first response: {{{{ $value }}}}",
        description="Too few answers to judge by a quantile, so each case counts. Where: stream-kpis kpis --by team.",
        runbook="slow-first-response",
    )


def _churn(kpis: Mapping[str, Kpi], timing: Timing) -> Iterator[Rule]:
    kpi = _of(kpis, CHURN, CHURN_WINDOW)
    if kpi is None or kpi.interval is None:
        return
    assert kpi.target is not None
    yield Rule(
        name="HighChurn",
        expr=largest(
            f"{family_name(CHURN, kpi)}_lower{{{total(kpi, CHURN_WINDOW)}}} > {kpi.target:g}",
            f"and {_PER_EXPORTER} {samples(CHURN, kpi, CHURN_WINDOW)} >= {kpi.min_samples}",
            f"and {_PER_EXPORTER} {state(CHURN, CHURN_WINDOW, 'ok')} == 1",
        ),
        hold=timing.churn,
        keep=timing.keep,
        severity="warning",
        kpi=CHURN,
        summary=f"Churn is above {kpi.target * 100:g} %: at least {{{{ $value | humanizePercentage }}}} within 30 days",
        description=(
            "The lower end of the 95 % interval is above the target, so this is no matter of chance. "
            "What it is made of: stream-kpis kpis --kpi churn_rate --by plan."
        ),
        runbook="high-churn",
    )


def _contacts(kpis: Mapping[str, Kpi], timing: Timing) -> Iterator[Rule]:
    kpi = kpis.get(CONTACTS)
    if kpi is None or not {CONTACTS_NOW, CONTACTS_USUAL} <= set(kpi.windows):
        return
    name = family_name(CONTACTS, kpi)
    day, week = f"{name}{{{total(kpi, CONTACTS_NOW)}}}", f"{name}{{{total(kpi, CONTACTS_USUAL)}}}"
    yield Rule(
        name="SupportContactsGrow",
        expr=largest(
            f"{day} > ignoring (window) ({CONTACTS_GROWTH} / 7 * {week})",
            f"and {_PER_EXPORTER} {samples(CONTACTS, kpi, CONTACTS_NOW)} >= {kpi.min_samples}",
            f"unless {_PER_EXPORTER} {state(CONTACTS, CONTACTS_NOW, 'stale')} == 1",
        ),
        hold=timing.contacts,
        keep=timing.keep,
        severity="warning",
        kpi=CONTACTS,
        summary="Customers ask for help more often than usual: {{ $value }} tickets within 24 hours",
        description=(
            f"That is over {CONTACTS_GROWTH} times the daily mean of 7 days. "
            "About what: stream-kpis kpis --kpi support_contacts --by category."
        ),
        runbook="support-contacts-grow",
    )


def _health(timing: Timing) -> Iterator[Rule]:
    yield Rule(
        name="StreamKpisExporterDown",
        expr="absent(stream_kpis_now_timestamp_seconds)",
        hold=timing.health,
        keep="",
        severity="page",
        kpi="",
        summary="No exporter of KPIs answers: nobody would be called for slow responses or churn",
        description="Prometheus gets no values from any exporter.",
        runbook="exporter-down",
    )
    yield Rule(
        name="StreamKpisSnapshotOld",
        expr="min without (instance, pod) (stream_kpis_snapshot_age_seconds) > 60",
        hold=timing.health,
        keep="",
        severity="page",
        kpi="",
        summary="The KPIs have not been computed for {{ $value | humanizeDuration }}",
        description="The exporter answers, but its values no longer move.",
        runbook="exporter-down",
    )
    yield Rule(
        name="StreamKpisShardsStale",
        expr="max without (instance, pod) (stream_kpis_shards_stale) > 0",
        hold=timing.health,
        keep="",
        severity="warning",
        kpi="",
        summary="The KPIs are stale: shards that are behind or silent: {{ $value }}",
        description="While they are, the alerts on KPIs are silent. Which ones: /api/shards.",
        runbook="shards-stale",
    )


def _of(kpis: Mapping[str, Kpi], kpi_id: str, window: str) -> Kpi | None:
    """A KPI that a rule can be about: with a target, over that window."""
    kpi = kpis.get(kpi_id)
    return kpi if kpi is not None and kpi.target is not None and window in kpi.windows else None


def _seconds(seconds: float | None) -> str:
    """A target for people.

    >>> _seconds(120), _seconds(90)
    ('2 minutes', '90 seconds')
    """
    assert seconds is not None
    return f"{seconds / 60:g} minutes" if seconds >= 120 and seconds % 60 == 0 else f"{seconds:g} seconds"


def _as_yaml(rule: Rule, runbooks: str) -> dict[str, Any]:
    labels = {"severity": rule.severity} | ({"kpi": rule.kpi} if rule.kpi else {})
    keep = {"keep_firing_for": rule.keep} if rule.keep else {}
    return {
        "alert": rule.name,
        "expr": rule.expr,
        "for": rule.hold,
        **keep,
        "labels": labels,
        "annotations": {
            "summary": rule.summary,
            "description": rule.description,
            "runbook_url": f"{runbooks.rstrip('/')}/{rule.runbook}.md",
        },
    }


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and indents lists as people do."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - the base's signature
        return super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)
