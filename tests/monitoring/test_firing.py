"""When alerts fire: the same evaluations as Prometheus' own rule tester makes the same calls."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from stream_kpis.kpis.durations import duration_ms
from stream_kpis.kpis.goals import load_goals
from stream_kpis.live.model.snapshot import Durations, Result, Snapshot, State, Value
from stream_kpis.live.prometheus.exposition import Format
from stream_kpis.live.prometheus.metrics import Exposition
from stream_kpis.live.prometheus.pipeline import Pipeline
from stream_kpis.monitoring.alerts import BUILT_IN, Rule, Whole, of_kpis, of_targets, read_alerts
from stream_kpis.monitoring.conditions import MADE, Condition, Judged
from stream_kpis.monitoring.firing import firings
from stream_kpis.monitoring.promql import quantile
from stream_kpis.monitoring.rules import Timing, rules
from stream_kpis.monitoring.watching import Sight, Watch
from tests.monitoring.test_rules import KPIS, _tested

MINUTE_MS = 60_000
CASES = {
    # what holds per minute, for, keep: from when to when it fires; the last minute ends what still does
    "never": ("........", 2, 0, []),
    "without for it fires at once": (".#......", 0, 0, [(1, 2)]),
    "not before it has held so long": (".##.....", 2, 0, []),
    "it fires when it has": (".###....", 2, 0, [(3, 4)]),
    "a break begins it anew": (".##.##.#", 2, 0, []),
    "it fires on after its condition ended": ("###.....", 2, 3, [(2, 6)]),
    "keeping counts from the last end on": ("###..#..", 2, 3, [(2, 7)]),
    "what is over has to last again": ("###....##.", 2, 2, [(2, 5)]),
    "and calls again": ("###...###.", 2, 1, [(2, 4), (8, 9)]),
    "what goes on is over at the last evaluation": ("....####", 2, 0, [(6, 7)]),
}


@pytest.mark.parametrize("case", CASES)
def test_it_fires(case: str) -> None:
    held, for_min, keep_min, expected = CASES[case]
    evaluations = [(minute * MINUTE_MS, sign == "#") for minute, sign in enumerate(held)]
    found = list(firings(evaluations, for_min * MINUTE_MS, keep_min * MINUTE_MS))
    assert [(one.from_ms // MINUTE_MS, one.to_ms // MINUTE_MS) for one in found] == expected


# Against promtool: random values, shown by the exporter's own exposition, judged by the rules as they are written.

STEPS = 50
STEP_MS, SCRAPES = 180_000, 6
"""A step has to be longer than a value counts on that is not scraped."""
HOLD, KEEP = "9m", "6m"
WHOLE = Whole(KPIS, calendars=("office",))
GOALS = """
goals:
  some:
    department: customers
    goal: Some
    targets:
      - {kpi: churn_rate, window: 30d, target: 0.05}
      - {kpi: revenue_net, window: mtd, target: 100, from: 1970-01-01}
      - {kpi: orders, window: 7d, target: 10, group: {channel: web}, calls_during: office}
      - {kpi: first_response_time, window: 24h, target: 90}
"""
OWN = """
alerts:
  FewOrders: {kpi: orders, window: 24h, when: beyond, than: 10}
  SlowInOffice: {kpi: first_response_time, window: 24h, when: beyond, than: 60, calls_during: office}
  SatisfactionFalls: {kpi: csat_ratio, window: 30d, when: worsening, than: 0.001}
"""


class Step(NamedTuple):
    """What is so at a step."""

    values: Mapping[tuple[str, str, str, str], Value]
    results: Mapping[tuple[str, str, tuple[str, str, str, str]], Result]
    open: bool


class Company:
    """Values that wander around what alerts compare them with."""

    def __init__(self, conditions: Sequence[Condition], seed: int) -> None:
        self._dice, self._conditions = random.Random(seed), conditions
        self._values: dict[tuple[str, str, str, str], Value] = {}
        self._results: dict[tuple[str, str, tuple[str, str, str, str]], Result] = {}
        self._open = True

    def steps(self) -> Iterator[Step]:
        for _ in range(STEPS):
            for condition in self._conditions:
                if not self._values or self._dice.random() < 0.15:
                    self._change(condition)
            if self._dice.random() < 0.1:
                self._open = not self._open
            yield Step(dict(self._values), dict(self._results), self._open)

    def _change(self, condition: Condition) -> None:
        dice, judged = self._dice, condition.judged
        bound = condition.bound.number
        usual = dice.choice([50.0, 200.0]) if condition.usual else 1.0
        compared = dice.choice([0.5, 1, 1.5, 1.5, 1.5, 1.5, -1]) * bound * usual if bound else dice.choice([0, 1, 2])
        read = condition.turn(compared)  # each turn is its own inverse
        if dice.random() < 0.1:
            read = None
        state = dice.choice([State.OK] * 20 + [State.STALE, State.IMMATURE, State.LOW_SAMPLE])
        self._show(judged, judged.window, 1.0 if condition.reads in MADE else read, state)
        if judged.group:
            self._show(judged._replace(group={}), judged.window, 1.0, state)
        if condition.usual:
            self._show(judged, condition.usual, usual, State.OK)
        if condition.unless is not None:
            self._show(condition.unless, condition.unless.window, 1.0, State.OK)
        if condition.reads in MADE:
            key = self._key(judged, judged.window)
            operator, against, *_ = MADE[condition.reads]
            self._results[operator, against, key] = Result(
                operator, *key[:2], against, *key[2:], 0, 1, read, None, None, 99, State.OK, read, read
            )

    def _show(self, judged: Judged, window: str, number: float | None, state: State) -> None:
        key = self._key(judged, window)
        samples = self._dice.choice([judged.kpi.min_samples - 1] + [judged.kpi.min_samples] * 9)
        durations = None
        if (q := quantile(judged.kpi)) is not None and number is not None:
            durations = Durations(((q, number),), (), 0)
        self._values[key] = Value(
            *key, 0, 1, number, None, None, samples, state, number, number, durations
        )  # fmt: skip

    def _key(self, judged: Judged, window: str) -> tuple[str, str, str, str]:
        return judged.kpi_id, window, ",".join(judged.group), ",".join(judged.group.values())


def shown(steps: Sequence[Step], rule_file: str) -> list[dict[str, str]]:
    """The series of an exporter that the rules name, step by step; one that is gone is marked so."""
    exposition, series = Exposition(KPIS), dict[str, list[str]]()
    for number, step in enumerate(steps):
        snapshot = Snapshot(number, number, number, (*step.values.values(),), (), 0, (*step.results.values(),))
        pipeline = Pipeline("1", 0, 0, 0, 0, 0, 0, 0, calendars={"office": step.open})
        for line in exposition.render(snapshot, pipeline, Format.TEXT).decode().splitlines():
            name, value = line.rsplit(" ", 1)
            if line[0] != "#" and name.partition("{")[0] in rule_file:
                said = series.setdefault(name, ["_"] * number)
                said += ["stale"] * (number - len(said)) + [value]
    return [
        {"series": name.replace("{", '{job="j",instance="0",', 1), "values": " ".join(_scraped(said) + ["stale"] * 20)}
        for name, said in series.items()
    ]


def _scraped(said: Sequence[str]) -> list[str]:
    """What scrapes find: up to the end of a step what is so then."""
    return [said[0], *(each for each in said[1:] for _ in range(SCRAPES))]


def expected_at(step: int, calls: Mapping[str, list[tuple[int, int, Rule]]]) -> list[dict[str, Any]]:
    """The alerts that fire at a step, as promtool counts them."""
    firing: Counter[str] = Counter()
    for of_rule in calls.values():
        for from_ms, to_ms, rule in of_rule:
            if from_ms <= step * STEP_MS < to_ms:
                labels = {"alertname": rule.name, "kpi": rule.kpi, "group": rule.labels.get("group", "")}
                firing[",".join(f'{name}="{text}"' for name, text in labels.items() if text)] += 1
    return [{"labels": f"{{{labels}}}", "value": count} for labels, count in firing.items()]


@pytest.mark.parametrize("seed", range(3))
def test_alerts_fire_as_in_promtool(tmp_path: Path, seed: int) -> None:
    """Every alert and kind of target, over values that come and go, few samples, other states, a calendar."""
    goals, own = tmp_path / "goals.yaml", tmp_path / "own.yaml"
    goals.write_text(GOALS)
    own.write_text(OWN)
    targets = load_goals(goals, KPIS).targets
    text = rules(WHOLE, Timing(HOLD, "9h", KEEP), targets=targets, own=[own])
    (tmp_path / "rules.yml").write_text(text)
    mine = read_alerts([own])
    all_rules = [*of_kpis(read_alerts([BUILT_IN]) | mine, WHOLE, mine), *of_targets(targets, WHOLE)]
    conditions = [rule.condition for rule in all_rules if rule.condition is not None]
    steps = list(Company(conditions, seed).steps())
    calls: dict[str, list[tuple[int, int, Rule]]] = {}
    for rule, condition in zip(all_rules, conditions, strict=True):
        watch = Watch(rule._replace(hold=HOLD), duration_ms(KEEP))
        for number, step in enumerate(steps):
            watch.see(Sight(number * STEP_MS, step.values, step.results, {"office": step.open}))
        found = watch.firings(condition.bound.than)
        last_ms = (STEPS - 1) * STEP_MS
        calls[f"{rule.name} {rule.kpi} {rule.labels}"] = [
            (one.from_ms, one.to_ms + (one.to_ms == last_ms), rule) for one in found
        ]
    assert sum(map(len, calls.values())) > len(calls)  # some more than once
    expr = 'count by (alertname, kpi, group) (ALERTS{alertstate="firing",kpi!=""})'
    tests = [
        {"expr": expr, "eval_time": f"{step * STEP_MS}ms", "exp_samples": expected_at(step, calls)}
        for step in range(STEPS - 1)
    ]
    case = {"interval": "30s", "input_series": shown(steps, text), "promql_expr_test": tests}
    plan = {"rule_files": [str(tmp_path / "rules.yml")], "evaluation_interval": "3m", "tests": [case]}
    assert _tested(tmp_path / "tests.yml", plan) == ""
