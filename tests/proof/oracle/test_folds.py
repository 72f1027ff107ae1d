"""The declarative SQL against plain folds, event by event as the definitions tell it, over random lives."""

import random
from collections import Counter
from typing import Any

import pytest

from stream_kpis.proof.oracle import Ask
from tests.proof.oracle.lives import Happened, counted, lives, summed, told
from tests.proof.oracle.world import END, World, iso


def some_ticket(dice: random.Random) -> tuple[str, dict[str, Any]]:
    team = {"team": dice.choice("mn")} if dice.random() < 0.4 else {}
    return dice.choice(
        [
            ("ticket.created", {**team, "created_by": dice.choice(["customer", "agent"])}),
            (
                "ticket.message",
                {**team, "author": dice.choice(["customer", "agent", "bot"]), "public": dice.random() < 0.8},
            ),
            ("ticket.status_changed", {**team, "status": dice.choice(["open", "pending", "solved", "closed"])}),
            ("ticket.assigned", team),
            ("ticket.reopened", {}),
        ]
    )


class TicketFold:
    """A ticket, one event after the other."""

    def __init__(self, life: list[Happened]) -> None:
        self.created: int | None = None
        self.clock: int | None = None
        self.answer: tuple[str, int] | None = None
        self.solution: tuple[str, int] | None = None
        self.solved = False
        self.team = "unknown"
        for event in life:
            self.step(event.kind, event.at, event.data)

    def step(self, kind: str, at: int, data: dict[str, Any]) -> None:
        if self.created is None or kind == "ticket.created":
            if self.created is None and kind == "ticket.created":
                self.created, self.team = at, data.get("team", self.team)
                self.clock = at if data["created_by"] == "customer" else None
            return
        if kind != "ticket.message" or data["author"] == "agent":
            self.team = data.get("team", self.team)
        if kind == "ticket.message" and data["public"]:
            if data["author"] == "customer" and self.clock is None:
                self.clock = at
            if data["author"] == "agent" and self.clock is not None and self.answer is None:
                self.answer = (self.team, at - self.clock)
        if kind == "ticket.reopened" or data.get("status") in ("open", "pending"):
            if self.solved and self.answer is None and self.clock is not None:
                self.clock = at
            self.solved = False
        if data.get("status") in ("solved", "closed"):
            self.solved = True
            self.solution = self.solution or (self.team, at - self.created)


@pytest.mark.parametrize("seed", range(4))
def test_tickets_are_as_a_fold_tells_them(seed: int) -> None:
    """Responses, resolutions, and what is open and unanswered, by team."""
    world, dice = World(), random.Random(seed)
    folds = []
    for number, life in enumerate(lives(seed, some_ticket, "ticket_id")):
        told(life, number, world, dice)
        folds.append(TicketFold(life))
    waiting = [f for f in folds if f.clock is not None and f.answer is None and not f.solved]
    is_open = [f.team for f in folds if f.created is not None and not f.solved]
    assert counted(world, "first_response_time", "team") == summed([f.answer for f in folds if f.answer])
    assert counted(world, "resolution_time_first", "team") == summed([f.solution for f in folds if f.solution])
    assert counted(world, "tickets_open", "team", "now") == summed([(team, 0) for team in is_open])
    live = [f.answer for f in folds if f.answer] + [(f.team, END - f.clock) for f in waiting if f.clock is not None]
    assert counted(world, "first_response_time_live", "team") == summed(live)


def some_customer(dice: random.Random) -> tuple[str, dict[str, Any]]:
    plan = {"plan": dice.choice("mn")} if dice.random() < 0.5 else {}
    churned = {"effective_at": iso(dice.randrange(95, 125))} if dice.random() < 0.6 else {}
    churned |= {"voluntary": dice.random() < 0.5} if dice.random() < 0.7 else {}
    return dice.choice(
        [
            ("customer.created", plan),
            ("customer.reactivated", plan),
            ("customer.churned", churned),
            ("customer.churned", churned),
            ("customer.plan_changed", {"plan": dice.choice("mn")}),
            ("customer.merged", {"into": "x"}),
        ]
    )


class CustomerFold:
    """A customer, one event after the other. A churn waits until it is known whether it is taken back."""

    def __init__(self, life: list[Happened]) -> None:
        self.plan = "unknown"
        self.start: int | None = None
        self.plans: list[tuple[int, str]] = []
        self.closed: tuple[int, str, str] | None = None
        self.since_close: list[tuple[int, str, int]] = []
        self.moves: list[tuple[int, str, int]] = []
        self.leaves: list[tuple[int, str, str]] = []
        for event in life:
            self.step(event.kind.split(".")[1], event.at, event.data)
        self.settle()

    def step(self, kind: str, at: int, data: dict[str, Any]) -> None:
        before, self.plan = self.plan, data.get("plan", self.plan)
        if kind in ("created", "reactivated", "churned", "merged") and self.closed:
            if self.closed[0] > at:
                self.moves += self.since_close
                self.closed = None
            elif kind in ("created", "reactivated"):
                self.settle()
        if kind in ("created", "reactivated") and self.start is None:
            self.start, self.plans = at, []
            self.moves.append((at, self.plan, 1))
        elif self.start is not None and before != self.plan:
            moves = self.since_close if self.closed else self.moves
            moves += [(at, before, -1), (at, self.plan, 1)]
        self.plans.append((at, self.plan))
        if self.start is not None and not self.closed and kind == "churned":
            effective = data.get("effective_at")
            leave = at if effective is None else next(s for s in range(200) if iso(s) == effective)
            leave = max(leave, self.start)
            plan = [plan for since, plan in self.plans if since <= leave][-1]
            self.closed = (leave, plan, {True: "yes", False: "no", None: "unknown"}[data.get("voluntary")])
            self.moves = [move for move in self.moves if move[0] <= leave]
            self.since_close = []
        elif self.start is not None and not self.closed and kind == "merged":
            self.moves.append((at, self.plan, -1))
            self.start = None

    def settle(self) -> None:
        if self.closed:
            self.moves.append((*self.closed[:2], -1))
            self.leaves.append(self.closed)
            self.start = self.closed = None


@pytest.mark.parametrize("seed", range(4))
def test_customers_are_as_a_fold_tells_them(seed: int) -> None:
    """Leaves, and the level by plan at every second."""
    world, dice = World(), random.Random(seed)
    folds = []
    for number, life in enumerate(lives(seed, some_customer, "")):
        told(life, number, world, dice)
        folds.append(CustomerFold(life))
    found: Counter[tuple[int, str]] = Counter()
    asks = [Ask("active_customers", str(second), 0, second * 1000) for second in range(90, 130)]
    for answer in world.oracle.answer(asks, END * 1000):
        if answer.by == "plan":
            found[int(answer.window), answer.group] += answer.samples
    expected: Counter[tuple[int, str]] = Counter()
    for at, plan, move in (move for fold in folds for move in fold.moves):
        expected.update({(second, plan): move for second in range(max(at + 1, 90), 130)})
    assert {key: level for key, level in found.items() if level} == {
        key: level for key, level in expected.items() if level
    }
    leaves = [leave for fold in folds for leave in fold.leaves]
    assert counted(world, "churned_customers", "plan") == summed([(plan, 0) for _, plan, _ in leaves])
    assert counted(world, "churned_customers", "voluntary") == summed([(said, 0) for *_, said in leaves])
