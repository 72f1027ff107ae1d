"""What the audit checks, and what it tells."""

import random

import pytest

from stream_kpis.kpis.goals import NO_GOALS, Goals
from stream_kpis.live.snapshot import State, Value
from stream_kpis.proof.audit import Audit, a_round, batches_of
from stream_kpis.proof.compare import Difference
from stream_kpis.proof.oracle import KPIS
from stream_kpis.proof.prove import Culprit, Finding, check_goals, topics_of
from tests.live.stories import PLAN


def finding(*kpis: str, different: str = "") -> Finding:
    first = Difference(different, "7d", "owner", "rep-01", "samples", 3, 4) if different else None
    return Finding(
        kpis=kpis, compared=9, records=5, seconds=1, cpu_seconds=1, differences=int(bool(different)),
        different=(different,) if different else (), first=first,
        culprit=Culprit('p"1', "d1", 0, 1) if different else None,
    )  # fmt: skip


def test_a_round_proves_every_kpi_once_over_a_window_it_has() -> None:
    checks = [check for batch in a_round(PLAN, random.Random(3)) for check in batch]
    assert sorted(check.kpi for check in checks) == sorted(set(KPIS) & PLAN.catalogue.kpis.keys())
    assert all(check.window in PLAN.catalogue.kpis[check.kpi].windows for check in checks)


def test_rounds_differ_and_a_seed_repeats_them() -> None:
    dice = random.Random(3)
    first, second = a_round(PLAN, dice), a_round(PLAN, dice)
    assert first != second
    assert a_round(PLAN, random.Random(3)) == first


def test_a_batch_is_of_kpis_that_need_the_same_topics() -> None:
    """And no two batches need the same, so that a round reads little twice."""
    kpis = PLAN.catalogue.kpis
    values = {name: Value(name, kpis[name].windows[0], "", "", 0, 0, None, None, None, 0, State.OK) for name in kpis}
    needed = [{topics_of(PLAN, [values[name]]) for name in names} for names in batches_of(PLAN)]
    assert all(len(topics) == 1 for topics in needed)
    assert len({next(iter(topics)) for topics in needed}) == len(needed) < len(kpis) / 4


def test_a_difference_is_counted_until_its_kpi_is_equal_again() -> None:
    audit = Audit(["orders", "nps"], now_s=lambda: 100.0)
    audit.note(finding("orders", "nps", different="orders"))
    assert (audit.checks, audit.differences) == (2, 1)
    audit.note(finding("nps"))
    assert audit.differences == 1
    audit.note(finding("orders"))
    assert (audit.checks, audit.differences) == (4, 0)
    assert audit.last is not None


def test_metrics_name_the_entity_behind_the_last_difference() -> None:
    now = [100.0]
    audit = Audit(["orders", "nps"], now_s=lambda: now[0])
    now[0] = 160.0
    assert "last_difference" not in audit.text()
    audit.note(finding("orders", different="orders"))
    lines = audit.text().splitlines()
    assert "stream_kpis_audit_checks_total 1" in lines
    assert "stream_kpis_audit_differences 1" in lines
    assert "stream_kpis_audit_oldest_check_age_seconds 60.0" in lines
    labels = 'kpi="orders",window="7d",group="owner=rep-01",party="p\\"1",entity="d1"'
    assert f"stream_kpis_audit_last_difference_info{{{labels}}} 1" in lines


def test_a_finding_is_one_line() -> None:
    assert finding("orders").text.startswith("equal: the oracle says the same of 9 values")
    text = finding("orders", different="orders").text
    assert text.startswith("different: orders 7d owner=rep-01: samples is 3, the oracle says 4; first entity: p")
    assert "\n" not in text


def test_what_an_exporter_makes_of_other_goals_is_not_proved() -> None:
    """Else quotas of another file would be told as differences; targets are of operators, which are not proved here."""
    goals = Goals((), {"rep": 1, "other": 2}, {"page": {"a": 0.5, "b": 0.5}})
    same = Goals((), {"other": 2, "rep": 1}, {"page": {"b": 0.5, "a": 0.5}})
    check_goals({"goals": goals.digest}, same, "http://it")
    for other in (NO_GOALS, goals._replace(quotas={"rep": 1, "other": 3}), goals._replace(experiments={})):
        with pytest.raises(RuntimeError, match="http://it has other quotas or shares of experiments: give"):
            check_goals({"goals": goals.digest}, other, "http://it")
