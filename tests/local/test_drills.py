"""What a drill consists of: its deployment, its alerts, and the rules that are committed."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from stream_kpis.kpis.calendars import load_calendars
from stream_kpis.local.drill import run_drill
from stream_kpis.local.drills import DRILLS, SOON, night_around
from stream_kpis.local.sender import of_the_company
from stream_kpis.local.watcher import deployment
from stream_kpis.monitoring.rules import TIMING
from stream_kpis.proof.simulate import SCENARIOS
from stream_kpis.settings import Settings, load

COMMITTED = Path(__file__).parents[2] / "deploy" / "prometheus" / "rules.yml"


def settings(**given: Any) -> Settings:
    return of_the_company(load(environment={}, **given))


def rules_of(text: str) -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]


def without_times(rule: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in rule.items() if name not in ("for", "keep_firing_for")}


def test_every_scenario_has_a_drill() -> None:
    assert DRILLS.keys() == SCENARIOS.keys()


@pytest.mark.parametrize("scenario", ["slow-responses", "churn-wave", "small-sample"])
def test_a_drill_has_the_committed_rules(scenario: str) -> None:
    assert rules_of(deployment(settings(), DRILLS[scenario]).text) == rules_of(COMMITTED.read_text("utf-8"))


def test_a_fast_drill_shortens_times_and_nothing_else() -> None:
    real = rules_of(deployment(settings(), DRILLS["slow-responses"], TIMING).text)
    fast = rules_of(deployment(settings(), DRILLS["slow-responses"], SOON).text)
    assert [without_times(rule) for rule in fast] == [without_times(rule) for rule in real]
    assert fast != real
    ours = [rule for rule in fast if "kpi" not in rule["labels"]]
    assert ours == [rule for rule in real if "kpi" not in rule["labels"]]


def test_at_night_goals_and_alerts_call_in_office_hours_only(tmp_path: Path) -> None:
    drill = DRILLS["quiet-night"]
    assert drill.prepare is not None
    deployed = deployment(drill.prepare(tmp_path, settings()), drill)
    names = {judged.name for judged in deployed.judged if judged.alert.calls_during == "office"}
    assert names == {"CustomersWait", "SlowFirstResponse", "GoalMissed"}
    for name in names:
        assert 'stream_kpis_calendar_open{calendar="office"}[45s])) == 1' in deployed.by_name[name]["expr"]
    committed = {rule["alert"]: rule for rule in rules_of(COMMITTED.read_text("utf-8"))}
    for name in ("CustomersWait", "SlowFirstResponse"):
        assert deployed.by_name[name]["expr"].startswith(committed[name]["expr"]), "nothing else differs"
        assert deployed.hold(name) == committed[name]["for"]


@pytest.mark.parametrize("hour", range(24))
def test_the_office_is_closed_for_hours_around_whenever_it_is(tmp_path: Path, hour: int) -> None:
    now = datetime(2026, 5, 1, hour, 59, tzinfo=UTC)
    file = tmp_path / "calendars.yaml"
    file.write_text(yaml.safe_dump(night_around(now)), "utf-8")
    hours = load_calendars(file).calendars

    def is_open(after_h: float) -> bool:
        at_ms = int((now + timedelta(hours=after_h)).timestamp() * 1000)
        return hours.open_at(at_ms)["office"]

    assert [is_open(after_h) for after_h in (-5, 0, 5)] == [False] * 3
    assert is_open(12)


def test_an_unknown_scenario_is_refused_before_anything_is_started(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match=re.escape(f"no scenario 'flood'; there are {', '.join(DRILLS)}")):
        run_drill(settings(), "flood", until=None, fast=True, port=None)
    assert capsys.readouterr().out == ""


def test_a_catalogue_without_what_a_drill_is_about_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    kpi = {"title": "Leads", "department": "sales", "formula": "count(leads)", "unit": "count", "windows": ["1h"]}
    catalogue = {"measures": {"leads": {"flow": "lead_created"}}, "kpis": {"new_leads": kpi}}
    own.write_text(yaml.safe_dump(catalogue), "utf-8")
    alone = settings(catalogue_built_in=False, catalogue=(own,))
    with pytest.raises(ValueError, match="the catalogue has no alert HighChurn, which this scenario is about"):
        deployment(alone, DRILLS["churn-wave"])
