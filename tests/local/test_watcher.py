"""Who watches a drill tells what others are called for, and fails where somebody is called that should not be."""

import functools
import re
from collections.abc import Sequence
from typing import Any

import pytest

from stream_kpis.local import watcher as module
from stream_kpis.local.company import Mark, Place
from stream_kpis.local.drills import DRILLS, SOON
from stream_kpis.local.sender import of_the_company
from stream_kpis.local.watcher import Deployment, DrillError, Watcher, deployment
from stream_kpis.settings import load

ROW = {"by": {}, "value": 0.125, "unit": "ratio", "samples": 13, "state": "low_sample", "lower": None, "upper": None}
PLACE = Place("crm.tickets", 2, 40, 1_790_000_000_000)


class FakePipeline:
    """An exporter that has applied so many records of partition 2."""

    def __init__(self, applied: int) -> None:
        self.applied = applied

    async def ask(self, _: object, path: str) -> Any:
        if path == "/api/shards":
            return {"positions": [{"partition": 2, "next": {"crm.tickets": self.applied}}]}
        return {"values": [ROW]}


class FakeCompany:
    def __init__(self, applied: int = 41) -> None:
        self.pipeline = FakePipeline(applied)
        self.tended = 0

    def tend(self) -> None:
        self.tended += 1

    def mark(self, kind: str, from_ms: int) -> Mark:
        return Mark(kind, from_ms, PLACE)


class FakeStack:
    """Prometheus with alerts as (name, state), Alertmanager with notifications as (name, status, severity)."""

    def __init__(self, alerts: Sequence[tuple[str, str]] = (), told: Sequence[tuple[str, str, str]] = ()) -> None:
        self._alerts = alerts
        self.received = [
            {
                "status": status,
                "groupLabels": {"alertname": name},
                "commonLabels": {"severity": severity},
                "alerts": [
                    {
                        "status": status,
                        "labels": {"alertname": name, "severity": severity},
                        "annotations": {"summary": f"{name} says so"},
                    }
                ],
            }
            for name, status, severity in told
        ]

    def scrapes(self) -> int:
        return 0

    def alerts(self) -> list[dict[str, Any]]:
        return [{"labels": {"alertname": name}, "state": state} for name, state in self._alerts]


class FakeLive:
    def play(self, *_: object) -> None:
        """Nothing happens."""


LIVE: Any = FakeLive()


@functools.cache
def deployed(scenario: str) -> Deployment:
    return deployment(of_the_company(load(environment={})), DRILLS[scenario], SOON)


def watching(scenario: str, stack: FakeStack, lines: list[str], applied: int = 41) -> Watcher:
    company: Any = FakeCompany(applied)
    beside: Any = stack
    http: Any = None
    return Watcher(company, beside, deployed(scenario), http, lines.append)


@pytest.fixture(autouse=True)
def _one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drills are over after the first look."""
    for name, drill in DRILLS.items():
        monkeypatch.setitem(module.DRILLS, name, drill._replace(lasts_s=-15, fades_s=0))
    monkeypatch.setattr(module, "_PATIENCE_S", -15.0)


async def silence(stack: FakeStack) -> list[str]:
    lines: list[str] = []
    await watching("small-sample", stack, lines).silence("small-sample")
    return lines


async def test_silence_tells_what_held_the_alerts_back() -> None:
    lines = await silence(FakeStack([("SlaBurnsFast", "pending")]))
    assert "  SlaBurnsFast         pending   87.50 % missed, but 13 samples of 30 needed" in lines
    assert lines[1] == "nobody was paged; the alerts that might have:"


@pytest.mark.parametrize(
    "told",
    [
        ("CustomersWait", "firing", "page"),
        ("SlaBurnsFast", "firing", "warning"),
    ],
)
async def test_silence_fails_if_somebody_is_paged_or_its_alert_calls(
    told: tuple[str, str, str],
) -> None:
    with pytest.raises(DrillError, match=f"^{told[0]} called: {told[0]} says so$"):
        await silence(FakeStack(told=[told]))


async def test_warnings_about_other_things_are_told_and_do_not_fail_it() -> None:
    told = [("HighChurn", "firing", "warning"), ("Watchdog", "firing", "none"), ("SlaBurnsFast", "resolved", "page")]
    lines = await silence(FakeStack(told=told))
    beside = [line.split("beside: ")[1] for line in lines if "beside" in line]
    assert beside == ["firing warning HighChurn", "resolved page SlaBurnsFast"]


async def test_a_life_that_ends_too_early_is_one_line_that_says_how_far_and_why() -> None:
    lines: list[str] = []
    watcher = watching("churn-wave", FakeStack(), lines)
    line = "HighChurn was not seen as far as resolved, only visible; 12.50 %, but 13 samples of 30 needed"
    with pytest.raises(DrillError, match=f"^{re.escape(line)}$"):
        await watcher.life("churn-wave", LIVE, "resolved")


async def test_an_event_is_visible_once_the_values_count_its_offset() -> None:
    lines: list[str] = []
    watcher = watching("churn-wave", FakeStack([("HighChurn", "firing")]), lines, applied=40)
    with pytest.raises(DrillError, match="only firing"):
        await watcher.life("churn-wave", LIVE, "firing")
    assert not any("visible" in line for line in lines[1:])


async def test_a_life_is_seen_as_far_as_it_was_asked_for() -> None:
    lines: list[str] = []
    stack = FakeStack([("HighChurn", "firing")], [("HighChurn", "firing", "warning")])
    life = await watching("churn-wave", stack, lines).life("churn-wave", LIVE, "webhook")
    assert list(life.at_ms) == ["event", "visible", "firing", "webhook"]
    assert "HighChurn says so" in lines[-1]


async def test_a_prometheus_that_gets_no_values_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CALM_S_MAX", 0.0)
    with pytest.raises(DrillError, match="Prometheus got hardly any values within 0 s"):
        await watching("churn-wave", FakeStack(), []).calm()
