"""The page of all KPIs is what catalogue and definitions say."""

import re
from pathlib import Path

import pytest

from stream_kpis.engine.reading import FUNCTIONS
from stream_kpis.kpis.load import BUILT_IN, built_in, load
from stream_kpis.monitoring.kpi_docs import events_of, examples_of, in_words, kpis_page

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "kpis.md"
CATALOGUE = built_in()
EXAMPLES = examples_of(sorted(DOCS.glob("definitions*.md")))


def test_the_committed_page_is_that_of_the_catalogue() -> None:
    assert PAGE.read_text("utf-8") == kpis_page(CATALOGUE, EXAMPLES), (
        "write it anew: stream-kpis docs --definitions docs > docs/kpis.md"
    )


@pytest.mark.parametrize("name", sorted(CATALOGUE.kpis))
def test_every_kpi_has_a_worked_example(name: str) -> None:
    """With a value."""
    assert "→" in EXAMPLES[name]


def test_every_reading_has_words() -> None:
    """None is shown as it is written in the catalogue."""
    for name, kpi in CATALOGUE.kpis.items():
        words = in_words(kpi.formula)
        assert not re.search(r"\w\(", words), (name, words)
    for function in FUNCTIONS:
        assert "(" not in in_words(f"{function}(orders)")


def test_a_page_s_examples_are_found_by_the_names_that_begin_them(tmp_path: Path) -> None:
    """Several KPIs may share one, also behind each other; what is no list of examples has none."""
    page = tmp_path / "definitions.md"
    page.write_text(
        "# Page\n\n- `zero`: no example.\n\n## Batch A, worked examples\n\n- `one`, `two`: three → 1;\n  2.\n"
        "- Rates: four → `three` 1/4, `four` 0/4.\n- `five`: 5 → 5. `six`: 6 → 6.\n"
        "- `eight` (90d: all): 8 → 8.\n\n## More\n\n- `seven`: 7.\n"
    )
    assert examples_of([page]) == {
        "one": "`one`, `two`: three → 1; 2.",
        "two": "`one`, `two`: three → 1; 2.",
        "three": "Rates: four → `three` 1/4, `four` 0/4.",
        "four": "Rates: four → `three` 1/4, `four` 0/4.",
        "five": "5 → 5. `six`: 6 → 6.",
        "eight": "(90d: all) 8 → 8.",
        "six": "5 → 5. `six`: 6 → 6.",
    }


def test_a_kpi_names_its_events_and_only_those() -> None:
    assert events_of(["order_placed"]) == ["order.placed", "order.cancelled", "order.refunded"]


def test_a_catalogue_of_one_s_own_has_a_page_too(tmp_path: Path) -> None:
    """Without examples; a department without KPIs has no heading."""
    own = tmp_path / "own.yaml"
    own.write_text(
        "kpis: {mine: {title: Mine, formula: count(orders), unit: count, windows: [7d], target: 5}}\nonly: [mine]\n"
    )
    page = kpis_page(load([*sorted(BUILT_IN.glob("*.yaml")), own]), {})
    assert "### `mine`\n\n**Mine.**\n\n- Value: number of orders; count, higher is better." in page
    assert "- Target: 5." in page
    assert re.findall(r"^## (.*)", page, re.MULTILINE) == ["Sales"]
