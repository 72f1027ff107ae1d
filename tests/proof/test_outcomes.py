"""The comparison of operators: what is equal, what is near enough, and what is reported."""

from datetime import date
from typing import Any

import pytest

from stream_kpis.engine.compiler import compile_catalogue
from stream_kpis.kpis.goals import Goals
from stream_kpis.kpis.goals import Target as Goal
from stream_kpis.kpis.load import built_in
from stream_kpis.live.model.snapshot import Result, State
from stream_kpis.proof.aims import oracle_targets, simulated_goals
from stream_kpis.proof.oracle import Outcome, Request
from stream_kpis.proof.outcomes import compare_results, requests_of

PLAN = compile_catalogue(built_in())
CHANGE = Request("change", "orders", "30d", "previous")
MET = Request("target_met", "first_response_time", "30d", better="lower")


def result(request: Request = CHANGE, **changed: Any) -> Result:
    """120 orders after 100."""
    place = (request.operator, request.kpi, request.window, request.against, request.by, "")
    return Result(*place, 10, 20, 0.2, 120.0, 100.0, 100, State.OK)._replace(**changed)


def outcome(request: Request = CHANGE, **changed: Any) -> Outcome:
    """What the oracle says of it."""
    parts = changed.pop("parts", {"v1": 120, "v0": 100})
    return Outcome(request, "", 0.2, 100, "ok", None, None, parts)._replace(**changed)


def said(results: list[Result], outcomes: list[Outcome], request: Request = CHANGE) -> list[str]:
    return [difference.what for difference in compare_results(PLAN, results, [request], outcomes).differences]


def test_what_is_equal_differs_in_nothing_and_is_tallied() -> None:
    report = compare_results(PLAN, [result()], [CHANGE], [outcome()])
    assert not report.differences
    assert [tuple(tally) for tally in report.operators] == [("change", 1, 0, 0)]
    assert (report.operated, report.compared) == (1, 0)


@pytest.mark.parametrize(
    ("shown", "truth", "what"),
    [
        ({"value": 0.2 + 3e-9}, {}, "the value of"),
        ({"value": None, "state": State.NO_DATA}, {"state": "no_data"}, "the value of"),
        ({"samples": 99}, {}, "samples of"),
        ({"state": State.IMMATURE}, {}, "the state of"),
        ({}, {"state": "immature"}, "the state of"),
        ({}, {"state": "no_data"}, "the state of"),
        ({"numerator": 121.0}, {}, "what it compares of"),
        ({"denominator": None}, {}, "what it compares of"),
        ({"lower": 0.1, "upper": 0.3}, {}, "the interval of"),
        ({"lower": 0.1, "upper": 0.3}, {"lower": 0.1, "upper": 0.4}, "the interval of"),
    ],
)
def test_what_differs_is_said(shown: dict[str, Any], truth: dict[str, Any], what: str) -> None:
    assert said([result(**shown)], [outcome(**truth)]) == [f"{what} change against previous"]


@pytest.mark.parametrize("state", [State.OK, State.LOW_SAMPLE, State.STALE])
def test_states_that_the_oracle_does_not_know_are_equal(state: State) -> None:
    assert not said([result(state=state)], [outcome()])


def test_a_result_too_few_or_too_many_is_found() -> None:
    """But a group in which nothing counts may be on one side alone."""
    assert said([], [outcome()]) == ["the change against previous"]
    assert said([result()], []) == ["the value of change against previous"]
    assert said([result()._replace(window="ytd")], [outcome()])[0] == "the result of change against previous"
    by_channel = CHANGE._replace(by="channel")
    assert not said([result(by_channel, group="web", value=None, samples=0)], [], by_channel)
    assert not said([], [outcome(by_channel, group="web", value=None, samples=0)], by_channel)
    assert said([], [outcome(by_channel, group="web")], by_channel)


def test_a_target_of_a_group_in_which_nothing_counts_is_missed_on_both_sides() -> None:
    missed = Request("target_met", "orders", "mtd", by="channel")
    assert said([], [outcome(missed, group="web", value=0.0, samples=0)], missed) == ["the target_met"]
    assert said([result(missed, group="web", value=0.0, samples=0)], [], missed) == ["the value of target_met"]


@pytest.mark.parametrize(("value", "equal"), [(0.21, True), (0.3, False), (-0.2, False)])
def test_a_change_of_a_quantile_is_a_quotient_of_two_sketches(value: float, *, equal: bool) -> None:
    request = CHANGE._replace(kpi="first_response_time")
    assert bool(said([result(request, value=value)], [outcome(request)], request)) is not equal


@pytest.mark.parametrize(("seconds", "equal"), [(120.5, True), (130, False)])
def test_whether_a_quantile_meets_its_target_may_hang_on_the_sketch(seconds: float, *, equal: bool) -> None:
    shown = result(MET, value=1.0, numerator=seconds, denominator=120.0)
    truth = outcome(MET, value=0.0, parts={"v": seconds, "target": 120})
    assert bool(said([shown], [truth], MET)) is not equal


def test_all_that_should_be_there_is_asked_for() -> None:
    """By the catalogue and the goals; pace of sums over periods alone."""
    goals = Goals((Goal(kpi="orders", window="mtd", target=9, since=date(2026, 1, 1), group={"channel": "web"}),))
    requests = requests_of(PLAN, oracle_targets(PLAN, goals))
    assert Request("target_pace_gap", "orders", "mtd", by="channel") in requests
    assert Request("target_met", "first_response_time_live", "5m", better="lower") in requests
    assert Request("target_pace_gap", "churn_rate", "30d", better="lower") not in requests
    assert Request("change", "active_customers", "365d", "year", "plan") in requests
    assert Request("change", "active_customers", "mtd", "year") not in requests
    assert {r.window for r in requests if (r.operator, r.kpi) == ("trend_slope", "nps")} == {"30d", "90d"}
    assert {r.by for r in requests if r.operator == "deals_forecast"} == {"", "owner", "pipeline"}


def test_a_verification_has_targets_quotas_and_shares_and_those_that_it_is_given() -> None:
    given = Goals((Goal(kpi="nps", window="30d", target=0.5),), {"rep-01": 7}, {"mine": {"a": 1.0}})
    goals = simulated_goals(PLAN, given)
    assert goals.targets[-1] == given.targets[0]
    assert (goals.quotas["rep-01"], len(goals.experiments)) == (7, 2)
    assert {target.kpi for target in oracle_targets(PLAN, goals) if not target.window} >= {"churn_rate"}
