"""From events in Kafka to a notification: both alerts, through real Prometheus and Alertmanager."""

from pathlib import Path

from stream_kpis.local.sender import wall_ms
from stream_kpis.local.stack import Stack
from stream_kpis.monitoring.alerts import Whole
from stream_kpis.monitoring.rules import Timing, rules
from stream_kpis.plan import compile_plan
from stream_kpis.settings import Settings
from tests.system.company import company, free_port, until
from tests.tools import tool

TIMING = Timing(kpis="2s", health="5m", keep="0s")
SCENARIO_MS = 160_000
"""Long enough for customers to wait longer than the target of 2 minutes, as 1 in 10 does by then."""


def told(stack: Stack, alert: str) -> list[str]:
    """What people were told about an alert, in order: "firing" or "resolved"."""
    return [note["status"] for note in stack.received if note["groupLabels"]["alertname"] == alert]


def paged(stack: Stack) -> set[str]:
    """The alerts that somebody was called for at once."""
    alerts = [alert["labels"] for note in stack.received for alert in note["alerts"]]
    return {labels["alertname"] for labels in alerts if labels["severity"] == "page"}


async def test_scenarios_call_people_and_calm_does_not(settings: Settings, tmp_path: Path) -> None:
    """Calm first; then slow responses and a wave of churn call; taking the churn back ends its call."""
    for program in ("prometheus", "alertmanager"):
        tool(program)
    port = free_port()
    kpis = compile_plan(settings).catalogue.kpis
    async with company(settings, tmp_path, [port]) as live:
        with Stack(tmp_path / "stack", [f"127.0.0.1:{port}"], rules(Whole(kpis), TIMING)) as stack:
            await until(lambda: stack.scrapes() >= 4, "Prometheus has seen calm values")
            assert paged(stack) == set()
            assert told(stack, "HighChurn") == []
            now_ms = wall_ms()
            for scenario in ("slow-responses", "churn-wave"):
                live.play(scenario, now_ms, now_ms + SCENARIO_MS)
            await until(lambda: told(stack, "HighChurn") == ["firing"], "churn calls")
            await until(lambda: told(stack, "SlowFirstResponse") == ["firing"], "slow responses call")
            await until(lambda: told(stack, "HighChurn") == ["firing", "resolved"], "churn taken back ends the call")
            assert paged(stack) == {"SlowFirstResponse"}
