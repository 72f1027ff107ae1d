"""What dashboards and rules ask for is there: on a real Prometheus that scrapes two exporters of a living company."""

import asyncio
import json
import math
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from stream_kpis.local.stack import Stack
from stream_kpis.monitoring.alerts import Whole
from stream_kpis.monitoring.dashboards import dashboards
from stream_kpis.monitoring.rules import rules
from stream_kpis.plan import compile_plan
from stream_kpis.settings import Settings
from tests.monitoring.boards import panels_of, with_defaults
from tests.system.company import company, free_port, until
from tests.tools import tool

GOALS = Path(__file__).parents[2] / "stream_kpis" / "local" / "goals.yaml"
EVENTS = 120_000
"""Of history: enough for every team to have enough samples of what the service quality index is made of."""
DAYS = 200
"""Of history: who has not bought for 90 days has lapsed, and some came back since."""
TRIES = 6
"""A rate needs two scrapes within a minute, which a busy machine may miss."""
_SELECTOR = re.compile(r"\w+\{[^}]*\}")


def wrong_with(series: list[dict[str, Any]], by: str) -> str:
    """What is wrong with the answer to a question; nothing if all is well. ``by`` names what is told apart."""
    if not series:
        return "no result"
    if not any(math.isfinite(float(one["value"][1])) for one in series):
        return "no finite value"
    hidden = {"instance", "pod"} - {by}
    shown = Counter(json.dumps({k: text for k, text in one["metric"].items() if k not in hidden}) for one in series)
    ((label, times),) = shown.most_common(1)
    return f"twice: {label}" if times > 1 else ""


async def test_every_panel_and_rule_has_a_result(settings: Settings, tmp_path: Path) -> None:
    for program in ("prometheus", "alertmanager"):
        tool(program)
    ports = [free_port(), free_port()]
    kpis = compile_plan(settings).catalogue.kpis
    made = rules(Whole(kpis))
    async with company(settings, tmp_path, ports, EVENTS, DAYS, goals=str(GOALS)):
        with Stack(tmp_path / "stack", [f"127.0.0.1:{port}" for port in ports], made) as stack:
            await until(lambda: stack.scrapes() >= 3, "Prometheus has values of both exporters")
            for more in range(TRIES):
                wrong = await asyncio.to_thread(_wrong, stack, dashboards(kpis))
                wrong += await asyncio.to_thread(_unheard, stack, made)
                if not wrong:
                    return
                seen = stack.scrapes()
                await until(lambda seen=seen: stack.scrapes() > seen + 1, f"scrapes after try {more}")
            pytest.fail("\n".join(wrong))


def _wrong(stack: Stack, boards: dict[str, str]) -> list[str]:
    """The questions of panels without a proper answer."""
    found = []
    for name, text in boards.items():
        board, panels = json.loads(text), 0
        before = len(found)
        for panel in panels_of(board):
            panels += 1
            for target in panel["targets"]:
                expr = with_defaults(board, target["expr"])
                by = "instance" if "{{instance}}" in target["legendFormat"] else ""
                if problem := wrong_with(stack.query(expr), by):
                    found.append(f"{name}: {panel['title']}: {problem}: {expr}")
        print(f"{name}: {panels} panels, {len(found) - before} questions without an answer")  # noqa: T201 - for docs/monitoring.md
    return found


def _unheard(stack: Stack, made: str) -> list[str]:
    """The series that alerts judge and nobody exposes."""
    alerts = [rule for group in yaml.safe_load(made)["groups"] for rule in group["rules"]]
    asked = {selector for rule in alerts for selector in _SELECTOR.findall(rule["expr"])}
    return [f"alerts: nothing answers {selector}" for selector in sorted(asked) if not stack.query(selector)]
