"""Targets of more groups than any KPI shows by itself."""

import time

from stream_kpis.engine.tiles import Calendar
from stream_kpis.kpis.goals import Goals, Target
from stream_kpis.live.model.operators.targets import Targets
from stream_kpis.live.model.snapshot import State, Value
from tests.live.stories import PLAN


def test_many_targets_of_one_kpi_cost_what_they_are() -> None:
    """A value is found by its group: of 20,000 groups each with a target it took four seconds."""
    count = 20_000
    groups = [f"rep{n}" for n in range(count)]
    goals = Goals(tuple(Target(kpi="orders", window="30d", target=2, group={"owner": group}) for group in groups))
    values = tuple(
        Value("orders", "30d", "owner", group, 0, 9, 1.0, 1, 1, n, State.OK) for n, group in enumerate(groups)
    )
    begun = time.process_time()
    found = list(Targets(PLAN, Calendar(), goals).results(9, {("orders", "30d", "owner"): values}))
    assert time.process_time() - begun < 2
    assert [result.samples for result in found if result.operator == "target_met"] == list(range(count))
