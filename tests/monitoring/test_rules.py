"""The rules call when they should, and only then: decided by Prometheus' own rule tester."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from stream_kpis.kpis.load import built_in
from stream_kpis.monitoring.rules import Timing, rules
from tests.tools import tool

ROOT = Path(__file__).parents[2]
KPIS = built_in().kpis
TIMING = Timing(slow="2m", waiting="3m", churn="2m", contacts="2m", health="2m", keep="1m")

P90 = 'crm_first_response_time_live_quantile_seconds{window="5m",q="0.9",job="j",instance="INSTANCE"}'
P90_TEAM = (
    'crm_first_response_time_live_quantile_seconds{window="5m",q="0.9",team="billing",job="j",instance="INSTANCE"}'
)
SAMPLES = 'crm_first_response_time_live_seconds_samples{window="5m",job="j",instance="INSTANCE"}'
STALE = 'crm_kpi_state{kpi="first_response_time_live",window="5m",state="stale",job="j",instance="INSTANCE"}'
WAITING = 'crm_unanswered_over_target{window="now",job="j",instance="INSTANCE"}'
WAITING_STALE = 'crm_kpi_state{kpi="unanswered_over_target",window="now",state="stale",job="j",instance="INSTANCE"}'
CHURN = 'crm_churn_rate_ratio_lower{window="30d",job="j",instance="INSTANCE"}'
CHURN_SAMPLES = 'crm_churn_rate_ratio_samples{window="30d",job="j",instance="INSTANCE"}'
CHURN_OK = 'crm_kpi_state{kpi="churn_rate",window="30d",state="ok",job="j",instance="INSTANCE"}'
CONTACTS, CONTACTS_WEEK = (
    f'crm_support_contacts{{window="{window}",job="j",instance="INSTANCE"}}' for window in ("24h", "7d")
)
CONTACTS_SAMPLES = 'crm_support_contacts_samples{window="24h",job="j",instance="INSTANCE"}'
CONTACTS_STALE = 'crm_kpi_state{kpi="support_contacts",window="24h",state="stale",job="j",instance="INSTANCE"}'
NOW = 'stream_kpis_now_timestamp_seconds{job="j",instance="INSTANCE"}'
AGE = 'stream_kpis_snapshot_age_seconds{job="j",instance="INSTANCE"}'
SHARDS = 'stream_kpis_shards_stale{job="j",instance="INSTANCE"}'

SLOW = {P90: "300x20", SAMPLES: "500x20", STALE: "0x20"}
LONG_WAIT = {WAITING: "2x20", WAITING_STALE: "0x20", SAMPLES: "3x20"}
LEAVING = {CHURN: "0.08x20", CHURN_SAMPLES: "500x20", CHURN_OK: "1x20"}
ASKING = {CONTACTS: "160x20", CONTACTS_WEEK: "700x20", CONTACTS_SAMPLES: "160x20", CONTACTS_STALE: "0x20"}
OF_CONTACTS = "SupportContactsGrow support_contacts"
OF_SLOW = "SlowFirstResponse first_response_time_live"
OF_WAITING = "SlowFirstResponse unanswered_over_target"
OF_CHURN = "HighChurn churn_rate"

CASES: dict[str, tuple[list[dict[str, str]], str, list[str]]] = {
    # what holds: exporters' series, minute, alerts
    "slow responses call": ([SLOW], "5m", [OF_SLOW]),
    "not before they have lasted": ([SLOW], "1m", []),
    "two exporters call once": ([SLOW, SLOW], "5m", [OF_SLOW]),
    "at the target all is well": ([SLOW | {P90: "120x20"}], "5m", []),
    "a small sample does not call": ([SLOW | {SAMPLES: "29x20"}], "5m", []),
    "stale numbers do not call": ([SLOW | {STALE: "1x20"}], "5m", []),
    "an exporter that keeps up calls beside a stale one": ([SLOW | {STALE: "1x20"}, SLOW], "5m", [OF_SLOW]),
    "nor does a stale one call for another's samples": ([SLOW | {STALE: "1x20"}, SLOW | {P90: "60x20"}], "5m", []),
    "one slow team does not call for all": ([SLOW | {P90: "60x20", P90_TEAM: "900x20"}], "5m", []),
    "it goes on a while, so that it does not flap": ([SLOW | {P90: "300x5 60x20"}], "6m", [OF_SLOW]),
    "it ends": ([SLOW | {P90: "300x5 60x20"}], "9m", []),
    "no value, no call": ([{SAMPLES: "0x20", STALE: "0x20"}], "5m", []),
    "one waiting case calls where answers are few": ([LONG_WAIT | {WAITING: "1x20"}], "5m", [OF_WAITING]),
    "without any answers too": ([{WAITING: "1x20", WAITING_STALE: "0x20"}], "5m", [OF_WAITING]),
    "where answers are many the quantile decides": ([LONG_WAIT | {SAMPLES: "400x20"}], "5m", []),
    "stale waiting does not call": ([LONG_WAIT | {WAITING_STALE: "1x20"}], "5m", []),
    "answered cases do not call": ([LONG_WAIT | {WAITING: "2x2 0x20"}], "5m", []),
    "high churn calls": ([LEAVING], "5m", [OF_CHURN]),
    "churn of a few customers does not call": ([LEAVING | {CHURN_SAMPLES: "12x20"}], "5m", []),
    "churn that may be chance does not call": ([LEAVING | {CHURN: "0.04x20"}], "5m", []),
    "stale churn does not call": ([LEAVING | {CHURN_OK: "0x20"}], "5m", []),
    "churn that fell ends the call": ([LEAVING | {CHURN: "0.08x5 0.02x20"}], "9m", []),
    "more contacts than usual call": ([ASKING], "5m", [OF_CONTACTS]),
    "usual contacts do not": ([ASKING | {CONTACTS: "150x20"}], "5m", []),
    "nor do few": ([ASKING | {CONTACTS: "20x20", CONTACTS_WEEK: "21x20", CONTACTS_SAMPLES: "20x20"}], "5m", []),
    "nor stale ones": ([ASKING | {CONTACTS_STALE: "1x20"}], "5m", []),
    "old values call": ([{AGE: "0+60x20"}], "5m", ["StreamKpisSnapshotOld"]),
    "another exporter's fresh values do": ([{AGE: "0+60x20"}, {AGE: "1x20"}], "5m", []),
    "stale shards call": ([{SHARDS: "3x20"}], "5m", ["StreamKpisShardsStale"]),
}


@pytest.fixture(scope="module")
def rule_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rules") / "rules.yml"
    path.write_text(rules(KPIS, TIMING), "utf-8")
    return path


def _series(exporters: list[dict[str, str]]) -> list[dict[str, str]]:
    alive = [{NOW: "1x20"} | exporter for exporter in exporters]
    return [
        {"series": name.replace("INSTANCE", str(index)), "values": values}
        for index, exporter in enumerate(alive)
        for name, values in exporter.items()
    ]


def _firing(rule_file: Path, tests: dict[str, tuple[list[dict[str, str]], str, list[str]]]) -> str:
    """Runs cases in Prometheus' tester: alerts as "name kpi" counted at a minute; gives what it complains of."""
    plan: dict[str, Any] = {"rule_files": [str(rule_file)], "evaluation_interval": "30s", "tests": []}
    for name, (exporters, minute, expected) in tests.items():
        counts = [
            {
                "expr": 'count by (alertname, kpi) (ALERTS{alertstate="firing"})',
                "eval_time": minute,
                "exp_samples": [_counted(*alert.split()) for alert in expected],
            }
        ]
        plan["tests"].append(
            {"name": name, "interval": "1m", "input_series": _series(exporters), "promql_expr_test": counts}
        )
    path = rule_file.with_name("tests.yml")
    path.write_text(yaml.safe_dump(plan), "utf-8")
    done = subprocess.run([tool("promtool"), "test", "rules", str(path)], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def _counted(name: str, kpi: str = "") -> dict[str, Any]:
    labels = f'alertname="{name}"' + (f',kpi="{kpi}"' if kpi else "")
    return {"labels": f"{{{labels}}}", "value": 1}


@pytest.mark.parametrize("case", CASES)
def test_rules_call_when_they_should(rule_file: Path, case: str) -> None:
    assert _firing(rule_file, {case: CASES[case]}) == ""


def test_the_absence_of_all_exporters_calls(rule_file: Path) -> None:
    plan = {"no exporter": ([], "5m", ["StreamKpisExporterDown"])}
    assert _firing(rule_file, plan) == ""


def test_summaries_are_in_peoples_units(rule_file: Path) -> None:
    plan = {
        "rule_files": [str(rule_file)],
        "evaluation_interval": "30s",
        "tests": [
            {
                "interval": "1m",
                "input_series": _series([SLOW | LEAVING]),
                "alert_rule_test": [
                    {
                        "eval_time": "5m",
                        "alertname": "HighChurn",
                        "exp_alerts": [
                            {
                                "exp_labels": {"window": "30d", "job": "j", "severity": "warning", "kpi": "churn_rate"},
                                "exp_annotations": {"summary": "nothing like it", "description": "", "runbook_url": ""},
                            }
                        ],
                    }
                ],
            }
        ],
    }
    path = rule_file.with_name("summaries.yml")
    path.write_text(yaml.safe_dump(plan), "utf-8")
    done = subprocess.run([tool("promtool"), "test", "rules", str(path)], capture_output=True, text=True, check=False)
    assert "Churn is above 5 %: at least 8% within 30 days" in done.stdout + done.stderr


def test_the_committed_rules_are_those_of_the_catalogue() -> None:
    committed = (ROOT / "deploy" / "prometheus" / "rules.yml").read_text("utf-8")
    assert committed == rules(KPIS), "write it anew: stream-kpis rules > deploy/prometheus/rules.yml"


def test_each_alert_has_a_runbook_that_names_it() -> None:
    for group in yaml.safe_load(rules(KPIS))["groups"]:
        for rule in group["rules"]:
            runbook = ROOT / rule["annotations"]["runbook_url"]
            assert rule["alert"] in runbook.read_text("utf-8").splitlines()[0]


def test_rules_select_totals_by_every_dimension_of_the_kpi() -> None:
    churn = re.search(r"crm_churn_rate_ratio_lower\{([^}]*)\}", rules(KPIS))
    assert churn is not None
    assert churn[1] == 'window="30d",plan="",segment="",channel=""'


def test_a_catalogue_without_the_kpis_leaves_their_rules_out() -> None:
    text = rules({"orders": KPIS["orders"]})
    assert "SlowFirstResponse" not in text
    assert "StreamKpisExporterDown" in text


def test_prometheus_accepts_the_deployed_configuration() -> None:
    path = ROOT / "deploy" / "prometheus" / "prometheus.yml"
    done = subprocess.run([tool("promtool"), "check", "config", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_alertmanager_accepts_the_deployed_configuration() -> None:
    path = ROOT / "deploy" / "prometheus" / "alertmanager.yml"
    done = subprocess.run([tool("amtool"), "check-config", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
