"""docs/monitoring.md names every alert, and every dashboard with the number of its panels."""

import json
import re
from pathlib import Path

import pytest

from stream_kpis.monitoring.alerts import BUILT_IN, read_alerts, read_health
from tests.monitoring.boards import panels_of

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "monitoring.md").read_text("utf-8")
BOARDS = sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json"))


def test_alerts() -> None:
    rows = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert named >= read_alerts([BUILT_IN]).keys() | read_health().keys() | {"GoalMissed", "GoalBehindPace"}


@pytest.mark.parametrize("file", BOARDS, ids=lambda file: file.stem)
def test_dashboards(file: Path) -> None:
    panels = sum(1 for _ in panels_of(json.loads(file.read_text("utf-8"))))
    assert re.search(rf"^\| `{file.stem}` \|.*\| {panels} \|$", PAGE, re.MULTILINE)
