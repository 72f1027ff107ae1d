"""What was asked for is there: docs/coverage.md against catalogue, oracle, worked examples and their tests."""

import re
from pathlib import Path

import pytest

from stream_kpis.kpis.load import built_in
from stream_kpis.live.prometheus.operator_metrics import OPERATORS
from stream_kpis.monitoring.kpi_page import definitions_of, worked_examples
from stream_kpis.proof.oracle.catalogue import CATALOGUE

ROOT = Path(__file__).parents[1]
KPIS = built_in().kpis
ROWS = re.findall(r"^\| ([^|]+) \| (.*`.*) \|$", (ROOT / "docs" / "coverage.md").read_text("utf-8"), re.MULTILINE)
EXAMPLES = worked_examples(definitions_of(ROOT / "docs"))
TESTS = "\n".join(file.read_text("utf-8") for file in sorted((ROOT / "tests" / "live").glob("test_examples_*.py")))


def names(cell: str) -> list[str]:
    """The KPIs in a row: what stands before its operators, and no dimension."""
    return re.findall(r"`(\w+)`", re.split("operators? |by `|and `", cell)[0])


@pytest.mark.parametrize(("asked_for", "answer"), ROWS, ids=[row[0] for row in ROWS])
def test_each_item_has_its_kpis(asked_for: str, answer: str) -> None:
    del asked_for
    assert [name for name in names(answer) if name not in KPIS] == []
    operators = re.findall(r"`(\w+)`", answer.partition("operator")[2])
    assert [name for name in operators if name not in OPERATORS] == []
    assert names(answer) or operators or "any KPI" in answer


@pytest.mark.parametrize("kpi", KPIS)
def test_each_kpi_is_asked_for_and_held(kpi: str) -> None:
    assert any(kpi in names(answer) for _, answer in ROWS)
    assert kpi in {known.name for known in CATALOGUE}
    assert kpi in EXAMPLES
    assert re.search(rf"\b{kpi}\b", TESTS), "no test of its worked example"
