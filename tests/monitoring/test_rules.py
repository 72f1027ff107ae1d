"""The rules call when they should, and only then: decided by Prometheus' own rule tester."""

import re
import subprocess
from collections.abc import Callable
from datetime import date
from itertools import accumulate
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from stream_kpis.kpis.durations import duration_ms
from stream_kpis.kpis.goals import Target, load_goals
from stream_kpis.kpis.lines import CatalogueError
from stream_kpis.kpis.load import built_in
from stream_kpis.kpis.schema import Kpi
from stream_kpis.live.prometheus.metrics import family_name
from stream_kpis.monitoring.alerts import BUILT_IN, Whole, of_targets, read_alerts
from stream_kpis.monitoring.promql import LATELY, dimensions_of, empty, selected
from stream_kpis.monitoring.rules import Links, Timing, rules
from tests.tools import tool

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
KPIS = built_in().kpis
WHOLE = Whole(KPIS, calendars=("office",))
TIMING = Timing(kpis="2m", health="2m", keep="1m")
GOALS = load_goals(ROOT / "stream_kpis" / "local" / "goals.yaml", KPIS)
ALWAYS = [msgspec.structs.replace(target, since=date.min) for target in GOALS.targets]
"""Those targets without a first day: the tester's clock begins in 1970."""
WHO = 'job="j",instance="INSTANCE"'
AGE = f"stream_kpis_snapshot_age_seconds{{{WHO}}}"
HEADER = f'stream_kpis_shard_header_age_seconds{{shard="2",{WHO}}}'
DEAD, SEALED = (
    f'stream_kpis_dead_letters_total{{reason="{reason}",shard="0",{WHO}}}' for reason in ("not_json", "sealed")
)
LATE = f'stream_kpis_late_total{{shard="0",{WHO}}}'
AUDIT = f"stream_kpis_audit_differences{{{WHO}}}"


def of(family: str, kpi: str, window: str, *more: str) -> str:
    """A series of a KPI's total."""
    return family + selected(f'window="{window}"', *empty(dimensions_of(KPIS[kpi])), *more, WHO)


def state_of(kpi: str, window: str, state: str = "stale") -> str:
    return f'crm_kpi_state{{kpi="{kpi}",window="{window}",state="{state}",{WHO}}}'


LIVE = "crm_first_response_time_live_seconds"
P90 = of(f"{LIVE}_lower", "first_response_time_live", "5m")
P90_TEAM = P90.replace('team=""', 'team="billing"')
SAMPLES = of(f"{LIVE}_samples", "first_response_time_live", "5m")
STALE = state_of("first_response_time_live", "5m")
WAITING = of("crm_unanswered_over_target", "unanswered_over_target", "now")
WAITING_STALE = state_of("unanswered_over_target", "now")
CHURN = of("crm_churn_rate_ratio_lower", "churn_rate", "30d")
CHURN_SAMPLES = of("crm_churn_rate_ratio_samples", "churn_rate", "30d")
CHURN_STALE, CHURN_YOUNG = state_of("churn_rate", "30d"), state_of("churn_rate", "30d", "immature")
NOW = f"stream_kpis_now_timestamp_seconds{{{WHO}}}"
EVENTS = f'stream_kpis_events_total{{shard="0",{WHO}}}'
OFFICE, DESK = (f'stream_kpis_calendar_open{{calendar="{name}",{WHO}}}' for name in ("office", "desk"))
SILENT = {EVENTS: "0+10x10110 101100x90"}

SLOW = {P90: "300x20", SAMPLES: "500x20", STALE: "0x20"}
LONG_WAIT = {WAITING: "2x20", WAITING_STALE: "0x20", SAMPLES: "3x20"}
LEAVING = {CHURN: "0.08x20", CHURN_SAMPLES: "500x20", CHURN_STALE: "0x20", CHURN_YOUNG: "0x20"}
OF_SLOW = "SlowFirstResponse first_response_time_live"
OF_WAITING = "CustomersWait unanswered_over_target"
OF_CHURN = "HighChurn churn_rate"
Case = tuple[list[dict[str, str]], str, list[str]]

CASES: dict[str, Case] = {
    # what holds: exporters' series, minute, alerts
    "slow responses call": ([SLOW], "5m", [OF_SLOW]),
    "not before they have lasted": ([SLOW], "1m", []),
    "two exporters call once": ([SLOW, SLOW], "5m", [OF_SLOW]),
    "at the target all is well": ([SLOW | {P90: "120x20"}], "5m", []),
    "an exporter that keeps up calls beside a stale one": ([SLOW | {STALE: "1x20"}, SLOW], "5m", [OF_SLOW]),
    "nor does a stale one call for another's samples": ([SLOW | {STALE: "1x20"}, SLOW | {P90: "60x20"}], "5m", []),
    "one slow team does not call for all": ([SLOW | {P90: "60x20", P90_TEAM: "900x20"}], "5m", []),
    "it goes on a while, so that it does not flap": ([SLOW | {P90: "300x5 60x20"}], "6m", [OF_SLOW]),
    "no value, no call": ([{SAMPLES: "0x20", STALE: "0x20"}], "5m", []),
    "one waiting case calls where answers are few": ([LONG_WAIT | {WAITING: "1x20"}], "5m", [OF_WAITING]),
    "without any answers too": ([{WAITING: "1x20", WAITING_STALE: "0x20"}], "5m", [OF_WAITING]),
    "where answers are many the quantile decides": ([LONG_WAIT | {SAMPLES: "400x20"}], "5m", []),
    "stale waiting does not call": ([LONG_WAIT | {WAITING_STALE: "1x20"}], "5m", []),
    "answered cases do not call": ([LONG_WAIT | {WAITING: "2x2 0x20"}], "5m", []),
    "churn that may be chance does not call": ([LEAVING | {CHURN: "0.04x20"}], "5m", []),
    "churn of a history that is too short does not call": ([LEAVING | {CHURN_YOUNG: "1x20"}], "5m", []),
    "dead letters call": (
        [{DEAD: "0 0 0 7x20"}],
        "8m",
        ["StreamKpisDeadLetters"],
    ),
    "sealed ones call by themselves": (
        [{SEALED: "0 0 0 7x20"}],
        "8m",
        ["StreamKpisSealed"],
    ),
    "old dead letters do not": ([{DEAD: "7x40"}], "8m", []),
    "old values call": ([{AGE: "0+60x20"}], "5m", ["StreamKpisSnapshotOld"]),
    "another exporter's fresh values do": (
        [{AGE: "0+60x20"}, {AGE: "1x20"}],
        "5m",
        [],
    ),
    "stale shards call": ([{f"stream_kpis_shards_stale{{{WHO}}}": "3x20"}], "5m", ["StreamKpisShardsStale"]),
    "a shard that nobody has calls": (
        [{HEADER: "0+60x20"}],
        "6m",
        ["StreamKpisShardWithoutWorker"],
    ),
    "lag calls": ([{f'stream_kpis_shard_lag_records{{shard="2",{WHO}}}': "20000x20"}], "8m", ["StreamKpisLag"]),
    "a little lag does not": ([{f'stream_kpis_shard_lag_records{{shard="2",{WHO}}}': "200x20"}], "8m", []),
    "differences that the audit finds call": ([{AUDIT: "1x20"}], "5m", ["StreamKpisAuditDiffers"]),
    "an audit that finds none does not": ([{AUDIT: "0x20"}], "5m", []),
    "a catalogue that is held for long calls": (
        [{f"stream_kpis_shards_changed{{{WHO}}}": "3x20"}],
        "18m",
        ["StreamKpisCatalogueHeld"],
    ),
    "one that switches does not": ([{f"stream_kpis_shards_changed{{{WHO}}}": "3x5 0x20"}], "18m", []),
    "series left out call": ([{f"stream_kpis_series_dropped{{{WHO}}}": "9x20"}], "5m", ["StreamKpisSeriesDropped"]),
    "much disorder calls": (
        [{EVENTS: "0+100x90", LATE: "0+50x90"}],
        "80m",
        ["StreamKpisLate"],
    ),
    "a little does not": ([{EVENTS: "0+100x90", LATE: "0+5x90"}], "80m", []),
}

SILENCES: dict[str, Case] = {
    "silence where there was none a week ago calls": (
        [SILENT],
        "10160m",
        ["StreamKpisNoEvents"],
    ),
    "silence as a week ago does not": ([{EVENTS: "101100x10200"}], "10160m", []),
    "silence on a holiday does not": ([SILENT | {OFFICE: "1x10110 0x90"}], "10160m", []),
    "nor just after its closing time": ([SILENT | {OFFICE: "0x20 1x30 0x10200"}], "10160m", []),
    "silence while another calendar is open does": (
        [SILENT | {OFFICE: "1x10110 0x90", DESK: "1x10200"}],
        "10160m",
        ["StreamKpisNoEvents"],
    ),
    "silence on a night like that a week ago does": ([SILENT | {OFFICE: "0x10200"}], "10160m", ["StreamKpisNoEvents"]),
}
"""A week of samples each: too long for all the rules."""

DAY, WEEK = 24 * 60, 7 * 24 * 60
STOPS = 16 * DAY
"""When a source stops, in minutes: after two weeks and two days."""


def of_topic(topic: str) -> str:
    return f'stream_kpis_records_total{{shard="0",topic="crm.{topic}",{WHO}}}'


def counted(busy: Callable[[int], int]) -> str:
    """A counter over 18 days, every 5 minutes: what comes in those after each minute."""
    return " ".join(map(str, accumulate(map(busy, range(0, 18 * DAY, 5)), initial=0)))


def steady(minute: int) -> int:
    return 10 if minute < STOPS else 0


def by_day(minute: int) -> int:
    """From midnight to noon."""
    return 10 if minute < STOPS and minute % DAY < DAY / 2 else 0


def on_weekdays(minute: int) -> int:
    """The fourth day of a week and the fifth are quiet, so that the clock begins in the middle of one."""
    return 10 if minute % WEEK // DAY not in (3, 4) else 0


def at_once(minute: int) -> int:
    """All of an hour within five minutes, till it stops."""
    return 200 if minute < STOPS and minute % 60 == 0 else 0


def paused(minute: int) -> int:
    return 10 if minute < STOPS or minute >= STOPS + 180 else 0


def away(since: int, until: int) -> dict[str, str]:
    """A source that stops, and a Prometheus that saw nothing between two minutes."""
    whole = counted(steady).split()
    seen = ["_" if since <= 5 * number < until else value for number, value in enumerate(whole)]
    return alive(steady) | {of_topic("tickets"): " ".join(seen)}


def alive(busy: Callable[[int], int], **more: str) -> dict[str, str]:
    """A topic beside another one that goes on."""
    return {of_topic("tickets"): counted(busy), of_topic("orders"): counted(lambda _: 10), **more}


DEAD_SOURCE = ["StreamKpisSourceSilent"]
SOURCES: dict[str, Case] = {
    "a source that stops calls": ([alive(steady)], f"{STOPS + 150}m", DEAD_SOURCE),
    "two exporters call once": ([alive(steady), alive(steady)], f"{STOPS + 150}m", DEAD_SOURCE),
    "where Prometheus was away two weeks ago nothing is known": (
        [away(STOPS - 2 * WEEK, STOPS - 2 * WEEK + 120)], f"{STOPS + 175}m", []
    ),
    "not within two hours": ([alive(steady)], f"{STOPS + 110}m", []),
    "it resolves with the next record": ([alive(paused)], f"{STOPS + 200}m", []),
    "a night does not call": ([alive(by_day)], f"{15 * DAY + 1000}m", []),
    "nor does the morning begin with a call": ([alive(by_day)], f"{STOPS + 60}m", []),
    "but a source that died at night calls in the morning": ([alive(by_day)], f"{STOPS + 190}m", DEAD_SOURCE),
    "a weekend does not call": ([alive(on_weekdays)], f"{17 * DAY + 3 * DAY // 2 - DAY}m", []),
    "a source of a handful a day does not": (
        [alive(lambda minute: int(minute % 240 == 0 and minute < STOPS))], f"{STOPS + 150}m", []
    ),
    "nor one that sends its work at once": ([alive(at_once)], f"{STOPS + 150}m", []),
    "where all are silent another alert calls": (
        [{of_topic(name): counted(steady) for name in ("tickets", "orders")}], f"{STOPS + 150}m", []
    ),
    "what is sent on between shards is no source": (
        [{of_topic("rekeyed"): counted(steady), of_topic("orders"): counted(lambda _: 10)}], f"{STOPS + 150}m", []
    ),
    "a holiday does not call": (
        [alive(steady) | {OFFICE: f"1x{STOPS // 5 - 100} 0x600"}], f"{STOPS + 150}m", []
    ),
    "one that only another calendar has does": (
        [alive(steady) | {OFFICE: f"1x{STOPS // 5 - 100} 0x600", DESK: "1x5200"}], f"{STOPS + 150}m", DEAD_SOURCE
    ),
}  # fmt: skip
"""Two weeks and more of samples each, every five minutes."""

BAD = {
    # alert: family, kpi, window, bad value, good value, further series at their usual
    "SlowFirstResponse": (f"{LIVE}_lower", 300, 60, {}),
    "DissatisfactionRises": ("crm_dissatisfaction_ratio_trend_slope_ratio_per_day_lower", 0.002, 0.0004, {}),
    "ComplaintRateRises": ("crm_complaint_rate_trend_slope_per_day_lower", 0.5, 0.009, {}),
    "SlaBurnsFast": ("crm_sla_attainment_ratio", 0.5, 0.8, {}),
    "SlaBurnsSlowly": ("crm_sla_attainment_ratio", 0.8, 0.9, {}),
    "SatisfactionDrops": ("crm_csat_ratio_change_ratio", -0.1, 0.1, {}),
    "NpsDrops": ("crm_nps_change_ratio", -0.2, 0.2, {}),
    "ComplaintsRise": ("crm_complaints_received", 100, 60, {"crm_complaints_received": ("30d", 200)}),
    "SupportContactsGrow": ("crm_support_contacts", 160, 150, {"crm_support_contacts": ("7d", 700)}),
    "HighChurn": ("crm_churn_rate_ratio", 0.08, 0.02, {}),
    "ChurnRises": ("crm_churn_rate_change_ratio", 0.03, -0.03, {}),
    "RevenueChurnHigh": ("crm_revenue_churn_rate_ratio", 0.08, 0.03, {}),
    "ConversionDrops": ("crm_lead_conversion_rate_change_ratio", -0.1, 0.1, {}),
    "PipelineStalls": ("crm_stale_open_ratio_lower", 0.6, 0.4, {}),
    "CustomersCostMoreThanTheyBring": ("crm_clv_cac_ratio", 0.8, 3, {}),
}
"""Alerts on KPIs that take samples: what is bad and what is good; where the KPI has an interval, of its bound."""


def judged(alert: str, value: str, samples: str = "500x20", stale: str = "0x20") -> dict[str, str]:
    """An exporter's series about what an alert judges."""
    family, _, _, usual = BAD[alert]
    said, _ = read_alerts([BUILT_IN])[alert]
    more = ('against="previous"',) if "_change_" in family else ()
    kpi = KPIS[said.kpi]
    main = family_name(said.kpi, kpi)
    if kpi.interval and family == main:
        family += "_lower" if kpi.better == "lower" else "_upper"
    return {
        of(family, said.kpi, said.window, *more): value,
        of(f"{main}_samples", said.kpi, said.window): samples,
        state_of(said.kpi, said.window): stale,
        **{of(other, said.kpi, window): f"{number}x20" for other, (window, number) in usual.items()},
    }


def _cases_of(alert: str) -> dict[str, Case]:
    _, bad, good, _ = BAD[alert]
    expected = [f"{alert} {read_alerts([BUILT_IN])[alert][0].kpi}"]
    return {
        "it fires": ([judged(alert, f"{bad}x20")], "5m", expected),
        "not when all is well": ([judged(alert, f"{good}x20")], "5m", []),
        "not on a small sample": ([judged(alert, f"{bad}x20", samples="12x20")], "5m", []),
        "not while stale": ([judged(alert, f"{bad}x20", stale="1x20")], "5m", []),
        "it resolves": ([judged(alert, f"{bad}x5 {good}x20")], "9m", []),
    }


@pytest.fixture(scope="module")
def rule_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rules") / "rules.yml"
    path.write_text(rules(WHOLE, TIMING, targets=ALWAYS), "utf-8")
    return path


def _series(exporters: list[dict[str, str]]) -> list[dict[str, str]]:
    alive = [{NOW: "0+60x10200"} | exporter for exporter in exporters]
    return [
        {"series": name.replace("INSTANCE", str(index)), "values": values}
        for index, exporter in enumerate(alive)
        for name, values in exporter.items()
    ]


def _every(minute: str) -> str:
    """How often rules are evaluated up to a minute: seldom, where it is days away."""
    return "5m" if len(minute) > len("999m") else "30s"


def _firing(rule_file: Path, tests: dict[str, Case], interval: str = "1m") -> str:
    """Runs cases in Prometheus' tester: alerts as "name kpi" counted at a minute; gives what it complains of."""
    every = _every(max((minute for _, minute, _ in tests.values()), key=len))
    plan: dict[str, Any] = {"rule_files": [str(rule_file)], "evaluation_interval": every, "tests": []}
    fires = 'count by (alertname, kpi) (ALERTS{alertstate="firing",alertname!~"Watchdog|Goal.*"})'
    for name, (exporters, minute, expected) in tests.items():
        counts = [{"expr": fires, "eval_time": minute, "exp_samples": [_counted(*alert.split()) for alert in expected]}]
        plan["tests"].append(
            {"name": name, "interval": interval, "input_series": _series(exporters), "promql_expr_test": counts}
        )
    return _tested(rule_file.with_name("tests.yml"), plan)


def _tested(path: Path, plan: dict[str, Any]) -> str:
    path.write_text(yaml.safe_dump(plan), "utf-8")
    done = subprocess.run([tool("promtool"), "test", "rules", str(path)], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def _counted(name: str, kpi: str = "") -> dict[str, Any]:
    labels = f'alertname="{name}"' + (f',kpi="{kpi}"' if kpi else "")
    return {"labels": f"{{{labels}}}", "value": 1}


@pytest.mark.parametrize("case", CASES)
def test_rules_call_when_they_should(rule_file: Path, case: str) -> None:
    assert _firing(rule_file, {case: CASES[case]}) == ""


@pytest.mark.parametrize(("stale", "calls"), [
    (" ".join(["1x1 0x0"] * 13), [OF_SLOW]),  # 20 s of every 30, and whenever rules are judged
    ("0x2 1x17 0x20", []),  # three minutes at a stretch: it has to last anew
])  # fmt: skip
def test_a_stale_moment_does_not_break_off_what_lasts(rule_file: Path, stale: str, calls: list[str]) -> None:
    """Scraped every 10 s. Shards that lag now and then would silence every alert."""
    exporter = {NOW: "0+10x40", P90: "300x40", SAMPLES: "500x40", STALE: stale}
    assert _firing(rule_file, {"flapping": ([exporter], "5m", calls)}, "10s") == ""


def test_no_single_scrape_calls(rule_file: Path) -> None:
    """A value counts on for a while after it was scraped; what it calls for must last longer, on KPIs twice as long."""
    groups = yaml.safe_load(rule_file.read_text("utf-8"))["groups"]
    judging = [rule for group in groups for rule in group["rules"] if "last_over_time" in rule["expr"]]
    assert len(judging) > 20
    assert all(set(re.findall(r"\[(\w+)(?::10s)?\]", rule["expr"])) == {LATELY} for rule in judging)
    counts_ms = duration_ms(LATELY)
    for rule in judging:
        waits_ms, on_kpi = duration_ms(rule["for"]), "kpi" in rule["labels"]
        assert waits_ms >= 2 * counts_ms if on_kpi else waits_ms > counts_ms, rule["alert"]


def test_what_is_said_while_stale_calls_nobody(rule_file: Path) -> None:
    """An exporter that reads everything back says anything, and is stale meanwhile."""
    half_read = {P90: "60x2 300x5 60x40", SAMPLES: "500x40", STALE: "0x2 1x5 0x40", NOW: "0+10x40"}
    value = 'ALERTS{alertname="SlowFirstResponse"}'
    assert _tested(rule_file.with_name("half.yml"), {
        "rule_files": [str(rule_file)], "evaluation_interval": "10s",
        "tests": [{
            "interval": "10s", "input_series": _series([half_read]),
            "promql_expr_test": [{"expr": value, "eval_time": f"{at}s", "exp_samples": []} for at in range(0, 150, 10)],
        }],
    }) == ""  # fmt: skip


def test_a_failed_scrape_does_not_break_off_what_lasts(rule_file: Path) -> None:
    """All of an exporter's series end with it, whenever rules are judged."""
    failing = {series: " ".join(["stale", number, number] * 13) for series, number in
               ((P90, "300"), (SAMPLES, "500"), (STALE, "0"))}  # fmt: skip
    exporter = {NOW: "0+10x40"} | failing
    assert _firing(rule_file, {"failing": ([exporter], "5m", [OF_SLOW])}, "10s") == ""


def _alone(rule_file: Path, alert: str) -> Path:
    """A file of one rule: of those that look back weeks."""
    groups = yaml.safe_load(rule_file.read_text("utf-8"))["groups"]
    alone = [rule for group in groups for rule in group["rules"] if rule["alert"] == alert]
    path = rule_file.with_name(f"{alert}.yml")
    path.write_text(yaml.safe_dump({"groups": [{"name": "alone", "rules": alone}]}), "utf-8")
    return path


@pytest.mark.parametrize("case", SILENCES)
def test_silence_calls_where_a_week_ago_there_was_none(rule_file: Path, case: str) -> None:
    """But not on a holiday."""
    assert _firing(_alone(rule_file, "StreamKpisNoEvents"), {case: SILENCES[case]}) == ""


@pytest.mark.parametrize("case", SOURCES)
def test_a_silent_source_calls_beside_live_ones(rule_file: Path, case: str) -> None:
    """Held to its own weeks before: not at night, nor at weekends, nor if it never says much."""
    assert _firing(_alone(rule_file, "StreamKpisSourceSilent"), {case: SOURCES[case]}, "5m") == ""


@pytest.mark.parametrize("alert", BAD)
def test_an_alert_on_a_kpi(rule_file: Path, alert: str) -> None:
    """It fires; not when all is well, on a small sample, or while stale; and it resolves."""
    assert _firing(rule_file, _cases_of(alert)) == ""


def test_every_alert_on_a_kpi_is_tested() -> None:
    assert read_alerts([BUILT_IN]).keys() == BAD.keys() | {"CustomersWait"}


def _rule_file(folder: Path, **kpis: Kpi) -> Path:
    """The rules of the catalogue with some other KPIs."""
    path = folder / "rules.yml"
    path.write_text(rules(Whole(KPIS | kpis), TIMING), "utf-8")
    return path


SLA, STALE_DEALS = "crm_sla_attainment_ratio", "crm_stale_open_ratio"
ENOUGH = {of(f"{SLA}_samples", "sla_attainment", "24h"): "500x20",
          of(f"{STALE_DEALS}_samples", "stale_open_ratio", "now"): "500x20"}  # fmt: skip
WITHIN: dict[str, Case] = {
    # the bound of the interval, and the value
    "an objective is burnt for certain": (
        [ENOUGH | {of(f"{SLA}_upper", "sla_attainment", "24h"): "0.55x20"}], "5m", ["SlaBurnsFast sla_attainment"]
    ),
    "one that may be met is not": (
        [ENOUGH | {of(f"{SLA}_upper", "sla_attainment", "24h"): "0.65x20", of(SLA, "sla_attainment", "24h"): "0.5x20"}],
        "5m",
        [],
    ),
    "what should be low is high for certain": (
        [ENOUGH | {of(f"{STALE_DEALS}_lower", "stale_open_ratio", "now"): "0.51x20"}],
        "5m",
        ["PipelineStalls stale_open_ratio"],
    ),
    "what may be low is not": (
        [ENOUGH | {of(f"{STALE_DEALS}_lower", "stale_open_ratio", "now"): "0.49x20",
                   of(STALE_DEALS, "stale_open_ratio", "now"): "0.6x20"}],
        "5m",
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WITHIN)
def test_of_a_kpi_that_declares_an_interval_its_bound_is_judged(tmp_path: Path, case: str) -> None:
    """Whatever the kind of alert; and the text says that it is one."""
    kpis = {
        kpi: msgspec.structs.replace(KPIS[kpi], interval="wilson") for kpi in ("sla_attainment", "stale_open_ratio")
    }
    rule_file = _rule_file(tmp_path, **kpis)
    assert _firing(rule_file, {case: WITHIN[case]}) == ""
    said = rule_file.read_text("utf-8")
    assert "Within 24 hours at least {{ $value" in said
    assert "Of open deals at least {{ $value" in said


def test_what_should_be_high_misses_its_goal_by_the_upper_bound(tmp_path: Path) -> None:
    """As does what should be low by the lower one."""
    kpis = {"csat_ratio": msgspec.structs.replace(KPIS["csat_ratio"], interval="wilson")}
    target = Target(kpi="csat_ratio", window="30d", target=0.9)
    (rule,) = of_targets([target], Whole(kpis))
    assert 'crm_csat_ratio_upper{window="30d",team="",agent=""}' in rule.expr
    assert "< 0.9" in rule.expr
    assert rule.summary.endswith("at most {{ $value | humanizePercentage }}")


LEADS = of("crm_leads_over_target", "leads_over_target", "now")
LEADS_STALE = state_of("leads_over_target", "now")
LEADS_CASES: dict[str, Case] = {
    "one lead calls": ([{LEADS: "1x20", LEADS_STALE: "0x20"}], "5m", ["LeadsWait leads_over_target"]),
    "none does not": ([{LEADS: "0x20", LEADS_STALE: "0x20"}], "5m", []),
    "nor one while stale": ([{LEADS: "1x20", LEADS_STALE: "1x20"}], "5m", []),
    "nor once it is reached": ([{LEADS: "1x5 0x20", LEADS_STALE: "0x20"}], "9m", []),
}


@pytest.mark.parametrize("case", LEADS_CASES)
def test_the_alert_of_ones_own_in_the_docs(tmp_path: Path, case: str) -> None:
    """As it stands there."""
    (mine,) = re.findall(r"```yaml\n(alerts:.*?)```", (ROOT / "docs" / "monitoring.md").read_text("utf-8"), re.DOTALL)
    own, path = tmp_path / "leads.yaml", tmp_path / "rules.yml"
    own.write_text(mine, "utf-8")
    path.write_text(rules(Whole(KPIS), TIMING, own=[own]), "utf-8")
    assert _firing(path, {case: LEADS_CASES[case]}) == ""


def test_the_absence_of_all_exporters_calls(rule_file: Path) -> None:
    assert _firing(rule_file, {"no exporter": ([], "5m", ["StreamKpisExporterDown"])}) == ""


def _alerts_at(rule_file: Path, alert: str, minute: str, series: list[dict[str, str]], expected: list[Any]) -> str:
    test = {"eval_time": minute, "alertname": alert, "exp_alerts": expected}
    case = {"interval": "1m", "input_series": series, "alert_rule_test": [test]}
    plan = {"rule_files": [str(rule_file)], "evaluation_interval": _every(minute), "tests": [case]}
    return _tested(rule_file.with_name("alerts.yml"), plan)


def test_frozen_numbers_are_told_to_everybody_with_the_time(rule_file: Path) -> None:
    series = [{"series": NOW.replace("INSTANCE", "0"), "values": "0+60x5 300x20"}]
    complaint = _alerts_at(rule_file, "StreamKpisFrozen", "12m", series, [{"exp_labels": {}, "exp_annotations": {}}])
    owners = set(re.findall(r'owner="(\w+)"', complaint.partition("got:")[2]))
    assert owners == {"operations", "sales", "service", "marketing", "customers"}
    assert "frozen since 1970-01-01 00:05:00" in complaint


def test_summaries_are_in_peoples_units(rule_file: Path) -> None:
    complaint = _alerts_at(
        rule_file, "HighChurn", "5m", _series([SLOW | LEAVING]), [{"exp_labels": {}, "exp_annotations": {}}]
    )
    assert "Churn is above 5 %: at least 8% within 30 days" in complaint


GOAL = of("crm_churn_rate_ratio_lower", "churn_rate", "30d")
PACE = of("crm_revenue_net_target_pace_gap_usd", "revenue_net", "mtd")
PACE_SAMPLES = of("crm_revenue_net_usd_samples", "revenue_net", "mtd")
GOAL_CASES: dict[str, tuple[dict[str, str], list[str]]] = {
    "a target missed beyond doubt": ({GOAL: "0.04x90", CHURN_SAMPLES: "500x90"}, ["GoalMissed churn_rate"]),
    "one that may be met": ({GOAL: "0.02x90", CHURN_SAMPLES: "500x90"}, []),
    "one of few": ({GOAL: "0.04x90", CHURN_SAMPLES: "20x90"}, []),
    "one while stale": ({GOAL: "0.04x90", CHURN_SAMPLES: "500x90", CHURN_STALE: "1x90"}, []),
    "behind the pace of a month": ({PACE: "-50000x90", PACE_SAMPLES: "500x90"}, ["GoalBehindPace revenue_net"]),
    "a little behind": ({PACE: "-30000x90", PACE_SAMPLES: "500x90"}, []),
    "ahead": ({PACE: "50000x90", PACE_SAMPLES: "500x90"}, []),
}  # fmt: skip


@pytest.mark.parametrize("case", GOAL_CASES)
def test_goals_call(rule_file: Path, case: str) -> None:
    series, expected = GOAL_CASES[case]
    plan = {
        "rule_files": [str(rule_file)],
        "evaluation_interval": "30s",
        "tests": [
            {
                "interval": "1m",
                "input_series": _series([series]),
                "promql_expr_test": [
                    {
                        "expr": 'count by (alertname, kpi) (ALERTS{alertstate="firing",alertname=~"Goal.*"})',
                        "eval_time": "70m",
                        "exp_samples": [_counted(*alert.split()) for alert in expected],
                    }
                ],
            }
        ],
    }
    assert _tested(rule_file.with_name("goals.yml"), plan) == ""


def test_a_goal_calls_while_its_calendar_is_open(tmp_path: Path) -> None:
    """Nobody is woken at night."""
    file = tmp_path / "goals.yaml"
    file.write_text(
        "goals:\n  loyal:\n    department: customers\n    goal: Fewer leave\n"
        "    calls: page\n    calls_during: office\n"
        "    targets: [{kpi: churn_rate, window: 30d, target: 0.03}]\n"
    )
    rule_file = tmp_path / "rules.yml"
    rule_file.write_text(rules(WHOLE, TIMING, targets=load_goals(file, KPIS).targets))
    is_open = f'stream_kpis_calendar_open{{calendar="office",{WHO}}}'
    missed = {GOAL: "0.04x30", CHURN_SAMPLES: "500x30"}
    for hours, expected in (("1x30", ["GoalMissed"]), ("0x30", [])):
        complaint = _alerts_at(rule_file, "GoalMissed", "10m", _series([missed | {is_open: hours}]), [])
        assert re.findall(r'alertname="(\w+)"', complaint) == expected
        assert ('severity="page"' in complaint) == bool(expected)


def test_the_committed_rules_are_those_of_the_catalogue() -> None:
    committed = (ROOT / "deploy" / "prometheus" / "rules.yml").read_text("utf-8")
    assert committed == rules(WHOLE), "write it anew: stream-kpis rules --output deploy/prometheus/rules.yml"


def test_each_alert_has_a_runbook_that_names_it_and_says_where_more_is() -> None:
    links = Links("https://kpis.example", "https://alerts.example", "docs/runbooks")
    for group in yaml.safe_load(rules(WHOLE, links=links, targets=GOALS.targets))["groups"]:
        for rule in group["rules"]:
            notes = rule["annotations"]
            runbook = (ROOT / notes["runbook_url"]).read_text("utf-8")
            assert rule["alert"] in runbook.splitlines()[0], rule["alert"]
            assert notes["silence_url"].startswith("https://alerts.example/#/silences/new?filter=%7Balertname%3D%22")
            if kpi := rule["labels"].get("kpi"):
                assert notes["kpi_url"] == f"https://kpis.example/#kpi={kpi}"
            assert rule["labels"]["owner"]


def test_a_catalogue_without_the_kpis_leaves_their_rules_out() -> None:
    text = rules(Whole({"orders": KPIS["orders"]}))
    assert "SlowFirstResponse" not in text
    assert "StreamKpisExporterDown" in text


def test_alerts_of_ones_own(tmp_path: Path) -> None:
    """Beside the built-in ones; one of the same name is instead of it; a mistake is told with its place."""
    own = tmp_path / "alerts.yaml"
    own.write_text(
        "alerts:\n  HighChurn: {kpi: churn_rate, window: 90d, when: beyond, than: 0.2, for: 1d}\n"
        "  FewOrders: {kpi: orders, window: 24h, when: beyond, than: 10, severity: page, owner: me}\n"
    )
    by_name = {
        rule["alert"]: rule for group in yaml.safe_load(rules(WHOLE, own=[own]))["groups"] for rule in group["rules"]
    }
    assert 'window="90d"' in by_name["HighChurn"]["expr"]
    assert by_name["HighChurn"]["for"] == "1d"
    assert "< 10" in by_name["FewOrders"]["expr"]
    assert by_name["FewOrders"]["labels"]["owner"] == "me"
    assert by_name["NpsDrops"]
    for wrong, said in (
        ("when: beyon", r"alerts.yaml:2: X: .*did you mean beyond"),
        ("when: changed, than: 1", "alerts.yaml:2: X: deals_lost has no operator change"),
        ("when: grown, than: 1, usual: 8d", "no window '8d'"),
        ("when: beyond", "alerts.yaml:2: X: orders has no target: say than what"),
        ("when: beyond, than: 1, calls_during: offic", "no calendar 'offic' .did you mean office"),
    ):
        kpi = "deals_lost" if "changed" in wrong else "orders"
        own.write_text(f"alerts:\n  X: {{kpi: {kpi}, window: 24h, {wrong}}}\n")
        with pytest.raises(CatalogueError, match=said):
            rules(WHOLE, own=[own])


def test_alerts_of_ones_own_name_what_there_is(tmp_path: Path) -> None:
    own = tmp_path / "alerts.yaml"
    for entry, said in (
        ("kpi: ordres, window: 24h", "alerts.yaml:2: X: unknown KPI 'ordres' .did you mean orders"),
        ("kpi: orders, window: 3h", "alerts.yaml:2: X: orders has no window '3h'; there are 5m"),
    ):
        own.write_text(f"alerts:\n  X: {{{entry}, when: beyond, than: 1}}\n")
        with pytest.raises(CatalogueError, match=said):
            rules(WHOLE, own=[own])


def test_few_of_what_is_counted_call(tmp_path: Path) -> None:
    """A count has no samples but itself: the worst day must not be a small sample."""
    own = tmp_path / "alerts.yaml"
    own.write_text("alerts:\n  FewOrders: {kpi: orders, window: 24h, when: beyond, than: 10}\n")
    rule_file = tmp_path / "rules.yml"
    rule_file.write_text(rules(WHOLE, TIMING, own=[own]))
    orders = {of("crm_orders", "orders", "24h"): "3x20", of("crm_orders_samples", "orders", "24h"): "3x20"}
    assert _firing(rule_file, {"few": ([orders], "5m", ["FewOrders orders"])}) == ""


TARGETS = """
goals:
  loyal:
    department: customers
    goal: 'Fewer leave {{ us'
    owner: O"Brien
    targets:
      - {kpi: churn_rate, window: 30d, target: 0.01, from: 1970-01-01}
      - {kpi: churn_rate, window: 30d, target: 0.05, from: 1970-01-03}
      - {kpi: churn_rate, window: 30d, target: 0.02, from: 2030-01-01}
      - {kpi: nps, window: 90d, target: 0.9, calls: none}
      - {kpi: orders, window: mtd, target: 100, group: {owner: 'an"na'}}
"""


@pytest.mark.parametrize(("churn", "minute", "fires"), [(0.02, "100m", 1), (0.02, "2970m", 0), (0.06, "2970m", 1)])
def test_a_target_calls_while_it_is_in_force(tmp_path: Path, churn: float, minute: str, fires: int) -> None:
    """From its first day until the next one begins; whatever people are called."""
    file, rule_file = tmp_path / "goals.yaml", tmp_path / "rules.yml"
    file.write_text(TARGETS)
    text = rules(WHOLE, TIMING, targets=load_goals(file, KPIS).targets)
    assert "crm_nps_ratio" not in yaml.safe_dump(yaml.safe_load(text)["groups"][1])
    assert 'owner="an\\"na"' in text
    rule_file.write_text(text)
    series = _series([{GOAL: f"{churn}x3000", CHURN_SAMPLES: "500x3000"}])
    said = _alerts_at(rule_file, "GoalMissed", minute, series, [])
    assert said.count('alertname="GoalMissed"') == fires
    assert ('owner="O\\"Brien"' in said) == ("Fewer leave {{ us" in said) == bool(fires)


ROUTES = [
    ({"alertname": "SlowFirstResponse", "severity": "page", "owner": "service"}, "pager,service"),
    ({"alertname": "HighChurn", "severity": "warning", "owner": "customers"}, "customers"),
    ({"alertname": "GoalMissed", "severity": "warning", "owner": "head of sales"}, "sales"),
    ({"alertname": "StreamKpisLag", "severity": "warning", "owner": "operations"}, "operations"),
    ({"alertname": "StreamKpisExporterDown", "severity": "page", "owner": "operations"}, "pager"),
    ({"alertname": "Watchdog", "severity": "none", "owner": "operations"}, "watchdog"),
]


@pytest.mark.parametrize(("labels", "receivers"), ROUTES, ids=[labels["alertname"] for labels, _ in ROUTES])
def test_alerts_reach_their_owner(labels: dict[str, str], receivers: str) -> None:
    path = ROOT / "deploy" / "prometheus" / "alertmanager.yml"
    said = [f"{name}={value}" for name, value in labels.items()]
    done = subprocess.run(
        [tool("amtool"), "config", "routes", "test", f"--config.file={path}", f"--verify.receivers={receivers}", *said],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_accepts_the_deployed_configuration() -> None:
    path = ROOT / "deploy" / "prometheus" / "prometheus.yml"
    done = subprocess.run([tool("promtool"), "check", "config", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_alertmanager_accepts_the_deployed_configuration() -> None:
    path = ROOT / "deploy" / "prometheus" / "alertmanager.yml"
    done = subprocess.run([tool("amtool"), "check-config", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
