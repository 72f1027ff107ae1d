"""Open deals, their visits of stages and their way through them, against a plain fold over random lives."""

import random
from collections import Counter, defaultdict
from typing import Any

import pytest

from tests.proof.oracle.lives import Happened, counted, lives, summed, told
from tests.proof.oracle.world import DAY, World

UNIT = 15 * DAY // 2  # ninety days are twelve
STAGES = ["discovery", "proposal", "negotiation", "contract"]
CHANCES = dict(zip(STAGES, (0.1, 0.3, 0.6, 0.9), strict=True))


def some_deal(dice: random.Random) -> tuple[str, dict[str, Any]]:
    stage = {"stage": dice.choice([*STAGES, "demo"])}
    line = {"pipeline": dice.choice(["default", "partner", "own"])} if dice.random() < 0.3 else {}
    month = {"expected_close": f"2026-0{dice.randrange(1, 4)}-01"}
    owner = {"owner_id": dice.choice("mn")}
    amount = {"amount": dice.randrange(9)}
    sometimes = {**(stage if dice.random() < 0.6 else {}), **(month if dice.random() < 0.5 else {})}
    sometimes |= {**(owner if dice.random() < 0.5 else {}), **(amount if dice.random() < 0.5 else {})}
    return dice.choice(
        [
            ("deal.created", {**line, **sometimes}),
            ("deal.stage_changed", {**stage, **line}),
            ("deal.stage_changed", {**stage, **line}),
            ("deal.amount_changed", amount),
            ("deal.owner_changed", owner),
            ("deal.close_date_changed", month),
            ("deal.activity", owner),
            ("deal.won", owner),
            ("deal.lost", {}),
            ("deal.reopened", {}),
        ]
    )


class DealFold:
    """A deal: first its effective close, then its life up to there."""

    def __init__(self, life: list[Happened]) -> None:
        self.close: int | None = None
        for number, event in enumerate(life):
            if event.kind in ("deal.won", "deal.lost") and self.close is None:
                self.close = number
            elif event.kind == "deal.reopened":
                self.close = None
        self.creations = [event.at for event in life if event.kind == "deal.created"]
        self.created: int | None = None
        self.owner = self.stage = self.line = self.month = "unknown"
        self.amount: int | None = None
        self.entered: int | None = None
        self.last = 0
        self.is_over = False
        self.visits: list[tuple[str, int]] = []
        self.reached: dict[tuple[str, str], int] = {}
        self.reachers: dict[tuple[str, str], str] = {}
        self.passed: dict[tuple[str, str], int] = {}
        for number, event in enumerate(life):
            if number == self.close:
                self.is_over = True
                if self.created is not None:
                    self.leave(event.at)
                    if event.kind == "deal.won" and self.line in {line for line, _ in self.reached}:
                        self.advance(len(STAGES), event.at)
                break
            self.step(event.kind, event.at, event.data)
        self.won = self.close is not None and life[self.close].kind == "deal.won"
        self.closed = None if self.close is None else life[self.close].at

    def step(self, kind: str, at: int, data: dict[str, Any]) -> None:
        self.last = at
        first = kind == "deal.created" and self.created is None
        before = (self.line, self.stage)
        if kind in ("deal.created", "deal.amount_changed"):
            self.amount = data.get("amount", self.amount)
        if kind in ("deal.created", "deal.owner_changed"):
            self.owner = data.get("owner_id", self.owner)
        if first:
            self.created, self.line = at, "default"
        if first or (self.created is not None and kind == "deal.stage_changed"):
            stage, line = data.get("stage", self.stage), data.get("pipeline", self.line)
            if stage != "unknown" and (line, stage) != before:
                self.leave(at)
                self.entered = at
            self.stage, self.line = stage, line
            if stage in STAGES:
                self.advance(STAGES.index(stage), at)
        if first or (self.created is not None and kind == "deal.close_date_changed"):
            self.month = data.get("expected_close", self.month)[:7]

    def leave(self, at: int) -> None:
        if self.entered is not None:
            self.visits.append((f"{self.line},{self.stage}", at - self.entered))

    def advance(self, place: int, at: int) -> None:
        if self.line in ("default", "partner"):
            for number, stage in enumerate(STAGES):
                if number <= place:
                    self.reached.setdefault((self.line, stage), at)
                    self.reachers.setdefault((self.line, stage), self.owner)
                if number < place:
                    self.passed.setdefault((self.line, stage), at)

    @property
    def is_open(self) -> bool:
        return self.created is not None and not self.is_over


@pytest.mark.parametrize("seed", range(6))
def test_deals_are_as_a_fold_tells_them(seed: int) -> None:
    """What is open, what it is worth, visits, stages reached and passed, what is won of what was created."""
    world, dice = World(), random.Random(seed)
    folds = []
    for number, life in enumerate(lives(seed, some_deal, "deal_id")):
        told(life, number, world, dice, UNIT)
        folds.append(DealFold(life))
    is_open = [fold for fold in folds if fold.is_open]
    pairs = [(f"{fold.line},{fold.stage}", 0) for fold in is_open]
    assert counted(world, "deals_open", "pipeline,stage", "now") == summed(pairs)
    assert counted(world, "deals_stalled", "owner", "now") == summed([(fold.owner, 0) for fold in is_open])
    visits = [(pair, units * UNIT) for fold in folds for pair, units in fold.visits]
    assert counted(world, "stage_duration", "pipeline,stage") == summed(visits)

    value: Counter[str] = Counter()
    weighted: Counter[str] = Counter()
    for fold in is_open:
        value[fold.owner] += fold.amount or 0
        if fold.line in ("default", "partner") and fold.stage in CHANCES:
            weighted[fold.month] += round((fold.amount or 0) * CHANCES[fold.stage] * 1_000_000)
    assert world.groups("pipeline_value", "owner", window="now") == {name: sum_ for name, sum_ in value.items() if sum_}
    answers = world.answers("pipeline_weighted_value", window="now")
    found = {a.group: a.numerator for a in answers if a.by == "close" and a.samples}
    assert found == weighted

    stages: defaultdict[str, list[bool]] = defaultdict(list)
    owners: defaultdict[str, list[bool]] = defaultdict(list)
    for fold in folds:
        for (line, stage), at in fold.reached.items():
            passed = fold.passed.get((line, stage))
            for passes, group in ((stages, f"{line},{stage}"), (owners, fold.reachers[line, stage])):
                passes[group].append(passed is not None and passed - at <= 12)
    for by, groups in (("pipeline,stage", stages), ("owner", owners)):
        assert world.fractions("stage_conversion_rate", by) == {
            group: (sum(passes), len(passes)) for group, passes in groups.items()
        }

    cohort = [fold.won and fold.closed is not None and 0 <= fold.closed - at <= 12 for fold, at in created(folds)]
    assert world.fraction("deal_close_rate_cohort") == (sum(cohort), len(cohort))


def created(folds: list[DealFold]) -> list[tuple[DealFold, int]]:
    """Deals with a creation, and when: also of those that were closed before it."""
    return [(fold, fold.creations[0]) for fold in folds if fold.creations]
