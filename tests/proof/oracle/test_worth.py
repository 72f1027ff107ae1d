"""What customers are worth: the level, and what is lost, contracted, expanded and returned."""

import random

import pytest

from stream_kpis.proof.oracle import Ask
from tests.proof.oracle.lives import Happened, lives, told
from tests.proof.oracle.world import END, World, iso

LEVELS = range(95, 125)


def some_customer(dice: random.Random) -> tuple[str, dict[str, object]]:
    value = {"value": dice.randrange(1, 9)} if dice.random() < 0.7 else {}
    effective = {"effective_at": iso(dice.randrange(98, 118))} if dice.random() < 0.6 else {}
    return dice.choice(
        [
            ("customer.created", value),
            ("customer.reactivated", value),
            ("customer.churned", effective),
            ("customer.churned", effective),
            *[("customer.plan_changed", {"plan": dice.choice("mn"), **value})] * 3,
            ("customer.merged", {"into": "x"}),
        ]
    )


class WorthFold:
    """What a customer is worth, one event after the other. A churn waits until it is known whether it is taken back."""

    def __init__(self, life: list[Happened]) -> None:
        self.value: int | None = None
        self.moves: list[tuple[int, int]] = []
        self.lost: list[int] = []
        self.returned: list[int] = []
        self.changed: list[tuple[int, int]] = []
        self._open = self._left = self._merged_away = False
        self._leave: tuple[int, int | None] = (0, None)
        self._values: list[tuple[int, int | None]] = []
        self._since: list[tuple[int, int]] = []
        self._began = 0
        self._changes: list[tuple[int, int]] = []
        for event in life:
            self._step(event.kind.split(".")[1], event.at, event.data)
        self._settle()

    def _step(self, kind: str, at: int, data: dict[str, object]) -> None:
        before = self.value
        given = data.get("value")
        self.value = given if isinstance(given, int) else before
        if kind != "plan_changed" and self._open and self._leave_waits and self._leave[0] > at:
            self.moves += self._since
            self.changed += self._changes
            self._leave_waits = False
        if kind in ("created", "reactivated"):
            self._settle()
        opens = kind in ("created", "reactivated") and not self._open
        if opens:
            self._open, self._leave_waits, self._began = True, False, at
            self.moves.append((at, self.value or 0))
            if self._left and not self._merged_away and self.value is not None:
                self.returned.append(self.value)
            self._left = self._merged_away = False
            self._values = []
        elif self._open:
            move, change = (at, (self.value or 0) - (before or 0)), (self.value or 0) - (before or 0)
            (self._since if self._leave_waits else self.moves).append(move)
            if kind == "plan_changed" and before is not None and change:
                (self._changes if self._leave_waits else self.changed).append(move)
        self._values.append((at, self.value))
        if kind == "churned" and self._open and not self._leave_waits:
            effective = data.get("effective_at")
            leave = at if effective is None else next(second for second in range(200) if iso(second) == effective)
            leave = max(leave, self._began)
            worth = [value for since, value in self._values if since <= leave][-1]
            self._leave, self._leave_waits = (leave, worth), True
            self.moves = [move for move in self.moves if move[0] <= leave]
            self.changed = [move for move in self.changed if move[0] <= leave]
            self._since, self._changes, self._merged_away = [], [], False
        elif kind == "merged" and self._open and not self._leave_waits:
            self.moves.append((at, -(self.value or 0)))
            self._open = False
        elif kind == "merged":
            self._merged_away = True

    def _settle(self) -> None:
        if self._open and self._leave_waits:
            at, value = self._leave
            self.moves.append((at, -(value or 0)))
            self.lost += [] if value is None else [value]
            self._open, self._left = False, True

    _leave_waits = False


@pytest.mark.parametrize("seed", range(4))
def test_worth_is_as_a_fold_tells_it(seed: int) -> None:
    """The level at every second; and what was lost, contracted, expanded and returned."""
    world, dice = World(), random.Random(seed)
    folds = []
    for number, life in enumerate(lives(seed, some_customer, "")):
        told(life, number, world, dice)
        folds.append(WorthFold(life))
    asks = [Ask("mrr", str(second), 0, second * 1000) for second in LEVELS]
    found = {int(answer.window): answer.numerator for answer in world.oracle.answer(asks, END * 1000) if not answer.by}
    moves = [move for fold in folds for move in fold.moves]
    assert found == {end: 1_000_000 * sum(value for at, value in moves if at < end) for end in LEVELS}

    lost = sum(sum(fold.lost) for fold in folds)
    contracted = -sum(change for fold in folds for _, change in fold.changed if change < 0)
    gained = sum(change for fold in folds for _, change in fold.changed if change > 0)
    returned = sum(sum(fold.returned) for fold in folds)
    assert world.whole("revenue_churn_rate").numerator == 1_000_000 * (lost + contracted)
    net = 1_000_000 * (lost + contracted - gained - returned)
    assert world.whole("revenue_churn_rate_net").numerator == net
    assert min(lost, contracted, gained, returned) > 0


def test_an_announced_end_takes_the_worth_away_when_it_comes() -> None:
    """A change in between moves nothing, unless the churn is taken back."""
    world = World()
    world.add("customer.created", 10, value=5)
    world.add("customer.churned", 20, effective_at=iso(40))
    world.add("customer.plan_changed", 30, plan="m", value=7)
    levels = [world.whole("mrr", 0, end, at=50, window="now").value for end in (31, 40, 41)]
    assert levels == [5, 5, 0]
    assert world.whole("revenue_churn_rate", 15, 50, at=50).numerator == 5_000_000
    world.add("customer.reactivated", 35)
    assert [world.whole("mrr", 0, end, at=50, window="now").value for end in (31, 41)] == [7, 7]
    assert world.whole("revenue_churn_rate_net", 15, 50, at=50).numerator == -2_000_000


def test_an_end_told_of_afterwards_takes_away_what_the_customer_was_worth_then() -> None:
    """What it rose to since was never in the level."""
    world = World()
    world.add("customer.created", 10, value=5)
    world.add("customer.plan_changed", 20, plan="m", value=6)
    world.add("customer.plan_changed", 21, plan="m", value=9)
    world.add("customer.churned", 30, effective_at=iso(20))
    levels = [world.whole("mrr", 0, end, at=50, window="now").value for end in (20, 21, 22, 31)]
    assert levels == [5, 0, 0, 0]
    assert world.whole("revenue_churn_rate", 15, 50, at=50).numerator == 6_000_000
