"""Every operator on every KPI that it fits: what the engine makes of it, the oracle makes too."""

import json
from pathlib import Path

import msgspec
import pytest

from stream_kpis.engine.kpi_checks import check_kpi
from stream_kpis.kpis.load import Catalogue, CatalogueError
from stream_kpis.kpis.schema import Operator
from stream_kpis.plan import compile_plan
from stream_kpis.proof.simulate import CALENDARS
from stream_kpis.proof.verify import Case, verify
from stream_kpis.settings import Settings

pytestmark = pytest.mark.slow

OPERATORS: tuple[Operator, ...] = ("change", "trend", "forecast", "anomaly")
"""Those that are for any KPI."""
RESULT = {"trend": "trend_slope", "forecast": "forecast_end_of_period", "anomaly": "anomaly_band"}


def fits(catalogue: Catalogue, name: str, operator: Operator) -> bool:
    """Whether the checks of a catalogue let a KPI have an operator."""
    kpi = msgspec.structs.replace(catalogue.kpis[name], operators=(operator,))
    try:
        check_kpi(name, catalogue._replace(kpis={**catalogue.kpis, name: kpi}))
    except CatalogueError:
        return False
    return True


def test_every_operator_on_every_kpi_that_it_fits_is_what_the_oracle_makes(tmp_path: Path) -> None:
    """One company of few events, and of a history in which customers reach back a year and costs do not."""
    catalogue = compile_plan(Settings(calendars=CALENDARS)).catalogue
    pairs = {name: [each for each in OPERATORS if fits(catalogue, name, each)] for name in catalogue.kpis}
    kpis = {
        name: {"operators": [*some, *(each for each in catalogue.kpis[name].operators if each not in some)]}
        for name, some in pairs.items()
        if some
    }
    own = tmp_path / "own.yaml"
    own.write_text(json.dumps({"override": {"kpis": kpis}}))
    report, _, _ = verify(compile_plan(Settings(calendars=CALENDARS, catalogue=(own,))), Case(1_500, (), 11, days=400))
    assert [str(difference) for difference in report.differences] == []
    made = {tally.operator for tally in report.operators if tally.compared > tally.absent}
    assert made >= {RESULT.get(each, each) for each in OPERATORS}
    assert sum(map(len, pairs.values())) > 200
