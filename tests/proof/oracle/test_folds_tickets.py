"""What becomes of tickets, against a plain fold over random lives; three lives share a party."""

import random
from collections import defaultdict
from typing import Any

import pytest

from tests.proof.oracle.lives import Happened, counted, lives, summed, told
from tests.proof.oracle.world import DAY, Fraction, World

UNIT = DAY // 2
ALLOWED = {"urgent": 4 / 12, "high": 8 / 12, "normal": 2, "low": 6}


def some_ticket(dice: random.Random) -> tuple[str, dict[str, Any]]:
    team = {"team": dice.choice("mn")} if dice.random() < 0.4 else {}
    category = {"category": dice.choice("xy")} if dice.random() < 0.7 else {}
    priority = {"priority": dice.choice([*ALLOWED, "odd"])} if dice.random() < 0.8 else {}
    status = {"status": dice.choice(["open", "pending", "on_hold", "solved", "solved", "closed"])}
    author = {"author": dice.choice(["customer", "agent", "bot"]), "public": dice.random() < 0.8}
    created_by = {"created_by": dice.choice(["customer", "bot", "agent"])}
    return dice.choice(
        [
            ("ticket.created", {**team, **category, **priority, **created_by}),
            ("ticket.created", {**team, **category, **priority, **created_by}),
            ("ticket.message", {**team, **author}),
            ("ticket.status_changed", {**team, **status}),
            ("ticket.status_changed", {**team, **status}),
            ("ticket.recategorised", {"category": dice.choice("xy")}),
            ("ticket.assigned", team),
            ("ticket.reopened", {}),
        ]
    )


class ResolutionFold:
    """A ticket, one event after the other; times in units."""

    def __init__(self, life: list[Happened]) -> None:
        self.created: int | None = None
        self.opened = False
        self.named: str | None = None
        self.category: str | None = None
        self.first: dict[str, Any] | None = None
        self.reopened: int | None = None
        self.status = "open"
        self.since = 0
        self.messages = 0
        self.spent: defaultdict[str, int] = defaultdict(int)
        self.full: tuple[str, int, int] | None = None
        self.team = "unknown"
        self.teams: list[tuple[int, str]] = []
        for event in life:
            self.step(event.kind, event.at, event.data)

    def step(self, kind: str, at: int, data: dict[str, Any]) -> None:
        if self.created is None:
            if kind == "ticket.created":
                self.created = self.since = at
                self.opened = data["created_by"] != "agent"
                self.named = self.category = data.get("category")
                self.team = data.get("team", self.team)
                self.due = at + ALLOWED.get(data.get("priority", ""), 2)
                self.teams.append((at, self.team))
            return
        if kind == "ticket.created":
            return
        if kind != "ticket.message" or data["author"] == "agent":
            self.team = data.get("team", self.team)
        if kind == "ticket.message" and data["public"] and data["author"] == "agent" and not self.first:
            self.messages += 1
        self.category = data.get("category", self.category)
        was_solved = self.status in ("solved", "closed")
        status = data.get("status", self.status)
        if kind == "ticket.reopened" and was_solved:
            status = "open"
        self.spent["solved" if was_solved else self.status] += at - self.since
        self.since, self.status = at, status
        is_solved = status in ("solved", "closed")
        if is_solved and not was_solved:
            active = at - self.created - self.spent["solved"]
            self.full = (self.team, active, active - self.spent["pending"])
            self.first = self.first or {"at": at, "team": self.team, "category": self.category}
        if was_solved and not is_solved:
            self.full = None
            self.reopened = at if self.reopened is None else self.reopened
        self.teams.append((at, self.team))

    def held(self, others: list["ResolutionFold"]) -> bool:
        """Whether the first contact sufficed."""
        assert self.first is not None
        solved = self.first["at"]
        again = [
            other.created
            for other in others
            if other.created is not None
            and other.opened
            and other.created > solved
            and other.named is not None
            and other.named == self.first["category"]
        ]
        follow = [*again, *([] if self.reopened is None else [self.reopened])]
        return self.messages == 1 and all(at - solved > 14 for at in follow)

    def judged(self) -> tuple[str, bool]:
        """The team at the solve or the deadline, and whether it was met."""
        if self.first and self.first["at"] <= self.due:
            return self.first["team"], True
        return next(team for at, team in reversed(self.teams) if at <= self.due), False


def parts(pairs: list[tuple[str, bool]]) -> dict[str, Fraction]:
    """Numerators and denominators by group."""
    return {
        name: (sum(is_so for group, is_so in pairs if group == name), sum(group == name for group, _ in pairs))
        for name, _ in pairs
    }


@pytest.mark.parametrize("seed", range(6))
def test_resolutions_are_as_a_fold_tells_them(seed: int) -> None:
    """Opened, resolved, reopened, fully resolved, on time, done at the first contact; by team or category."""
    world, dice = World(), random.Random(seed)
    parties: defaultdict[int, list[ResolutionFold]] = defaultdict(list)
    for number, life in enumerate(lives(seed, some_ticket, "ticket_id")):
        told(life, number // 3, world, dice, UNIT)
        parties[number // 3].append(ResolutionFold(life))
    folds = [fold for party in parties.values() for fold in party if fold.created is not None]
    opened = [fold for fold in folds if fold.opened]
    resolved = [fold for fold in folds if fold.first]
    assert counted(world, "tickets_opened", "category") == summed([(f.category or "unknown", 0) for f in opened])
    assert counted(world, "resolution_time_full", "team") == summed(
        [(f.full[0], f.full[1] * UNIT) for f in folds if f.full]
    )
    assert counted(world, "requester_wait_time", "team") == summed(
        [(f.full[0], f.full[2] * UNIT) for f in folds if f.full]
    )
    assert world.fractions("reopen_rate", "team") == parts(
        [
            (f.first["team"], f.reopened is not None and f.reopened - f.first["at"] <= 14)
            for f in resolved
            if f.first is not None
        ]
    )
    assert world.fractions("sla_attainment", "team") == parts([f.judged() for f in opened])
    first_contacts = [
        (fold.first["team"], fold.held(party))
        for party in parties.values()
        for fold in party
        if fold.first is not None and fold.opened
    ]
    assert world.fractions("first_contact_resolution_rate", "team") == parts(first_contacts)
