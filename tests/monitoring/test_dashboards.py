"""Dashboards: what is committed is what is generated, every KPI has its panel, and the rules of Grafana's linter."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from stream_kpis.kpis.schema import Kpi
from stream_kpis.live.prometheus.metrics import family_name
from stream_kpis.monitoring.dashboards import dashboards
from stream_kpis.monitoring.panels import group_query
from stream_kpis.plan import compile_plan
from stream_kpis.settings import load
from tests.monitoring.boards import panels_of, with_defaults
from tests.tools import tool

FOLDER = Path(__file__).parents[2] / "deploy" / "grafana" / "dashboards"
KPIS = compile_plan(load(environment={})).catalogue.kpis
BOARDS = dashboards(KPIS)
PARSED: dict[str, dict[str, Any]] = {name: json.loads(text) for name, text in BOARDS.items()}
boards = pytest.mark.parametrize("name", sorted(BOARDS))


def _queries(board: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for panel in panels_of(board):
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def test_what_is_committed_is_generated() -> None:
    committed = {file.name: file.read_text("utf-8") for file in FOLDER.iterdir()}
    assert committed.keys() == BOARDS.keys(), "run: stream-kpis dashboards --output deploy/grafana/dashboards"
    stale = [name for name in BOARDS if committed[name] != BOARDS[name]]
    assert not stale, "run: stream-kpis dashboards --output deploy/grafana/dashboards"


@pytest.mark.parametrize("department", ["sales", "service", "marketing", "customers"])
def test_a_department_sees_all_its_kpis(department: str) -> None:
    """As a number, over time and by group."""
    board = PARSED[f"stream-kpis-{department}.json"]
    asked = [panel["targets"][0]["expr"] for panel in panels_of(board)]
    for name, kpi in KPIS.items():
        if kpi.department == department:
            family = re.escape(family_name(name, kpi).removesuffix("_seconds"))
            shown = sum(bool(re.search(rf"\b{family}(_quantile)?(_seconds)?{{", expr)) for expr in asked)
            assert shown >= 2 + any("," not in by for by in kpi.by), name


@boards
def test_linted(name: str) -> None:
    """What Grafana's dashboard-linter asks for, but for a variable of instances: exporters show the same."""
    board = PARSED[name]
    assert board["editable"] is False
    variables = {variable["name"]: variable for variable in board["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert variables["job"]["multi"]
    assert variables["job"]["allValue"] == ".+"
    assert variables["job"]["refresh"] == 2, "asked anew when the time changes"
    for panel in panels_of(board):
        assert panel["title"]
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"]["uid"] == "${datasource}"
        assert panel["targets"]
    for title, expr in _queries(board):
        series = re.findall(r"(?:\b(?:crm|stream_kpis|process)_\w+)?\{[^}]*\}", expr)
        assert series, title
        assert all('job=~"$job"' in one for one in series), title
        for over in re.findall(r"rate\([^[]*\[([^\]]+)\]", expr):
            assert over == "$__rate_interval", title
        assert ("_total{" in expr) == ("rate(" in expr), title
        assert "instance" in expr or "process_" in expr or "max(" in expr or name.endswith("pipeline.json"), title


@boards
def test_panels_are_numbered_and_do_not_overlap(name: str) -> None:
    board = PARSED[name]
    every = [*board["panels"], *(inner for panel in board["panels"] for inner in panel.get("panels") or ())]
    numbers = [panel["id"] for panel in every]
    assert len(set(numbers)) == len(numbers)
    for row in (list(board["panels"]), *(panel.get("panels") or [] for panel in board["panels"])):
        taken: set[tuple[int, int]] = set()
        for place in (panel["gridPos"] for panel in row):
            assert place["x"] + place["w"] <= 24
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            assert not cells & taken
            taken |= cells


def test_pairs_are_not_shown_as_groups_of_one_of_theirs() -> None:
    """By pipeline the series by pipeline and stage would count a second time."""
    kpi = Kpi(title="", formula="count(x)", unit="count", windows=("30d",), by=("pipeline,stage", "pipeline"))
    query = group_query("won", kpi, "USD")
    assert query is not None
    assert query.name == "{{pipeline}}"
    assert all('stage=""' in one for one in re.findall(r"{[^}]*}", query.expr))


def test_prometheus_can_parse_every_expression(tmp_path: Path) -> None:
    """As rules, with the variables as they are at first."""
    promtool = tool("promtool")
    exprs = [with_defaults(board, expr) for board in PARSED.values() for _, expr in _queries(board)]
    rules = [{"record": "x:y", "labels": {"n": str(number)}, "expr": expr} for number, expr in enumerate(exprs)]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}))
    ended = subprocess.run([promtool, "check", "rules", str(file)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_a_catalogue_of_ones_own_has_its_dashboards() -> None:
    own = {
        "mine": Kpi(title="Mine", formula="count(orders)", unit="count", windows=("1h", "24h"), department="service")
    }
    made = dashboards(own, "EUR")
    assert "stream-kpis-service.json" in made
    assert "stream-kpis-sales.json" not in made
    assert 'window=\\"24h\\"' in made["stream-kpis-service.json"]
