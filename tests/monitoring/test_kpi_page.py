"""Every KPI is documented with an example, and the page is what catalogue and definitions say."""

from pathlib import Path

from stream_kpis.engine.reading import FUNCTIONS
from stream_kpis.kpis.load import built_in
from stream_kpis.monitoring.kpi_page import WORDS, definitions_of, in_words, kpi_page, worked_examples

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = worked_examples(definitions_of(DOCS))


def test_the_committed_page_is_that_of_catalogue_and_definitions() -> None:
    assert (DOCS / "kpis.md").read_text("utf-8") == kpi_page(built_in(), EXAMPLES), (
        "write it anew: stream-kpis docs --definitions docs > docs/kpis.md"
    )


def test_every_kpi_has_a_worked_example() -> None:
    assert [name for name in built_in().kpis if name not in EXAMPLES] == []


def test_every_reading_has_words() -> None:
    assert {name.removesuffix("_all") for name in FUNCTIONS} == WORDS.keys()


def test_a_formula_in_words() -> None:
    catalogue = built_in()
    words = {name: in_words(catalogue, catalogue.formulas[name]) for name in catalogue.kpis}
    assert words["deal_win_rate"] == (
        "the number of *deals won* ÷ (the number of *deals won* + the number of *deals lost*)"
    )
    assert words["clv_cac_ratio"] == (
        "[Customer lifetime value, predicted](#clv_predicted) ÷ [Cost per new customer, lagged](#cac_lagged)"
    )
    assert words["customer_lifetime"] == "*customer time* ÷ the number of *leaves*"
