"""An oracle that is asked for few KPIs says of them what one for all says."""

import pytest

from stream_kpis.events.envelope import Reader
from stream_kpis.proof.oracle import Ask, Oracle
from stream_kpis.proof.replay import laid_out
from stream_kpis.proof.simulate import Simulation
from stream_kpis.proof.verify import SIMULATED_NOW_MS
from tests.live.stories import PLAN

LOGS = laid_out(Simulation(4, 40).history(1_000, 400, SIMULATED_NOW_MS), 1, SIMULATED_NOW_MS)


def oracle(*only: str) -> Oracle:
    made = Oracle(Reader(), only=only)
    made.load(record for records in LOGS.values() for record in records)
    return made


def asked(kpi: str) -> Ask:
    window = PLAN.catalogue.kpis[kpi].windows[-1]
    return Ask(kpi, window, 0, SIMULATED_NOW_MS)


def test_one_kpi_alone_is_what_it_is_among_all() -> None:
    """Those too that are read off another's observations, or need what first began."""
    everything = oracle()
    for kpi in ("rep_revenue", "deals_open", "tickets_open", "unanswered_over_target", "nps", "pipeline_velocity"):
        assert oracle(kpi).answer([asked(kpi)], SIMULATED_NOW_MS) == everything.answer([asked(kpi)], SIMULATED_NOW_MS)


def test_others_are_refused() -> None:
    with pytest.raises(ValueError, match="the oracle does not know orders"):
        oracle("nps").answer([asked("orders")], SIMULATED_NOW_MS)
