"""Real Prometheus and Alertmanager follow a real exporter, and their notifications arrive."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from stream_kpis.live.model.snapshot import Value
from stream_kpis.live.web.feed import Feed
from stream_kpis.live.web.server import serving
from stream_kpis.local.stack import Stack, StackError
from stream_kpis.monitoring.alerts import Whole
from stream_kpis.monitoring.rules import Timing, rules
from tests.live import fakes
from tests.tools import tool

pytestmark = pytest.mark.slow

TIMING = Timing(kpis="1s", health="1h", keep="0s")


async def until(condition: Callable[[], bool], what: str) -> None:
    """Waits for what must come, and fails after a minute."""
    for _ in range(600):
        if condition():
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"never: {what}")


def statuses(stack: Stack, alert: str) -> list[str]:
    """What was told about an alert, in order: "firing" or "resolved"."""
    return [
        notification["status"] for notification in stack.received if notification["groupLabels"]["alertname"] == alert
    ]


def live(p90_s: float) -> Value:
    """First responses of many customers, with that 0.9-quantile."""
    value = fakes.value("first_response_time_live", "5m", samples=400)
    assert value.durations is not None
    return value._replace(lower=p90_s, durations=value.durations._replace(quantiles=((0.9, p90_s),)))


async def test_alerts_arrive_and_resolve(tmp_path: Path) -> None:
    for program in ("prometheus", "alertmanager"):
        tool(program)
    churn = fakes.value("churn_rate", "30d", samples=900, lower=0.08, value=0.1, upper=0.12)
    feed = Feed()
    async with serving(feed, fakes.KPIS) as url:
        with Stack(tmp_path, [url.removeprefix("http://")], rules(Whole(fakes.KPIS), TIMING)) as stack:
            feed.publish(fakes.snapshot()._replace(values=(live(300.0), churn)))
            await until(lambda: statuses(stack, "SlowFirstResponse") == ["firing"], "slow responses fire")
            await until(lambda: statuses(stack, "HighChurn") == ["firing"], "churn fires")
            summaries = {note["commonAnnotations"]["summary"] for note in stack.received}
            assert summaries >= {
                "First responses are slow: 1 in 10 customers waits longer than 5m 0s",
                "Churn is above 5 %: at least 8% within 30 days",
            }
            alerts = await asyncio.to_thread(stack.alerts)
            firing = {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}
            assert firing >= {"SlowFirstResponse", "HighChurn", "Watchdog"}
            feed.publish(fakes.snapshot()._replace(values=(live(60.0), churn._replace(lower=0.02))))
            await until(lambda: statuses(stack, "SlowFirstResponse") == ["firing", "resolved"], "responses resolve")
            await until(lambda: statuses(stack, "HighChurn") == ["firing", "resolved"], "churn resolves")


def test_a_missing_program_is_said_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError, match="prometheus is missing; install it with: make system-deps"):
        Stack(tmp_path, ["127.0.0.1:1"], "groups: []").start()
