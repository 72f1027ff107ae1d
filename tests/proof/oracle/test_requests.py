"""Which operators there are of which KPIs, by the tables of the definitions."""

import re
from pathlib import Path

import pytest

from stream_kpis.proof.oracle import Request
from stream_kpis.proof.oracle.catalogue import KPIS
from stream_kpis.proof.oracle.requests import DISTINCT, check

DOCS = Path(__file__).parents[3] / "docs"
ROWS = "\n".join(path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("definitions*.md")))
MADE_OF_DISTINCT = {"clv_historic"}
"""As ``arpc``, which is a part of it, it is compared over past spans."""
ENDING_NOW = sorted(
    set(re.findall(r"^\| `?(\w+)`? \|.*\bending now\b", ROWS, re.MULTILINE)) - DISTINCT - MADE_OF_DISTINCT
)


def test_some_kpis_end_now() -> None:
    """Of several documents; the oracle knows all."""
    assert {"upsell_rate", "unanswered_over_target_business"} < set(ENDING_NOW) < set(KPIS)


@pytest.mark.parametrize("kpi", ENDING_NOW)
def test_what_ends_now_has_no_operator_but_those_of_targets(kpi: str) -> None:
    """It is not known for a span of days that are over."""
    check(Request("target_met", kpi, "365d"))
    for operator, window, against in (("change", "30d", "previous"), ("trend_slope", "30d", "")):
        with pytest.raises(ValueError, match=f"{kpi} has no {operator}"):
            check(Request(operator, kpi, window, against))
