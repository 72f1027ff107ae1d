"""What the audit checks, and what it tells."""

import random
from pathlib import Path

import pytest

from stream_kpis.kpis.goals import NO_GOALS, Goals
from stream_kpis.live.model.snapshot import State, Value
from stream_kpis.plan import compile_plan
from stream_kpis.proof.audit import Audit, Pace, a_round, batches_of, scope
from stream_kpis.proof.compare import Difference
from stream_kpis.proof.oracle import KPIS
from stream_kpis.proof.prove import Culprit, Finding, check_goals, topics_of
from stream_kpis.settings import Settings
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


def test_a_round_takes_as_long_as_its_work_and_pauses() -> None:
    """Until a batch is known: as many intervals as there are batches."""
    pace = Pace(batches=4, interval_s=10.0, share=0.5)
    assert pace.round_s == 40
    assert pace.wait_s(took_s=4.0, cpu_s=4.0) == 6
    assert pace.round_s == 40
    assert pace.wait_s(took_s=25.0, cpu_s=1.0) == 0
    assert pace.wait_s(took_s=8.0, cpu_s=7.5) == 7
    assert pace.round_s == 4 * (10 + 25 + 15) / 3
    for _ in range(4):
        pace.wait_s(took_s=1.0, cpu_s=1.0)
    assert pace.round_s == 40, "only the last round counts"


def test_it_says_what_was_done_and_found() -> None:
    audit = Audit(["orders", "nps"], now_s=lambda: 100.0)
    audit.note(finding("orders", "nps"))
    assert audit.said == "checks 2, KPIs that differ 0, batches not checked 0"
    audit.note(finding("orders", different="orders"))
    audit.failures += 3
    assert audit.said == "checks 3, KPIs that differ 1, batches not checked 3"


def test_what_is_left_out_is_named(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("kpis:\n  my_leads: {title: Mine, formula: count(leads_created), unit: count, windows: [7d]}\n")
    plan = compile_plan(Settings(catalogue=(mine,)))
    known = len(plan.catalogue.kpis) - 1
    left_out = "what operators make of values, my_leads"
    assert scope(plan) == f"{known} KPIs are checked; left out, as no oracle is asked about them: {left_out}"
