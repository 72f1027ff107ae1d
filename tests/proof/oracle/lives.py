"""Random lives of entities, for comparing the oracle with plain folds over them."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from stream_kpis.events.types import KINDS
from stream_kpis.proof.oracle import Ask
from tests.proof.oracle.world import END, World

LIVES = 60
RANKS = {kind.name: kind.rank for kind in KINDS}


class Happened(NamedTuple):
    """One event, in a life's order if sorted."""

    at: int
    rank: int
    source: str
    name: str
    kind: str
    data: dict[str, Any]


def lives(
    seed: int, choose: Callable[[random.Random], tuple[str, dict[str, Any]]], key: str
) -> Iterator[list[Happened]]:
    """Random lives, their events in order; many share a second, so that ranks and names decide."""
    dice = random.Random(seed)
    for life in range(LIVES):
        events = []
        for number in range(dice.randrange(12)):
            kind, data = choose(dice)
            named = {**data, key: f"x{life}"} if key else data
            at = dice.randrange(100, 115)
            events.append(Happened(at, RANKS[kind], dice.choice("ab"), f"{life}-{number}", kind, named))
        yield sorted(events)


def told(life: list[Happened], number: int, world: World, dice: random.Random, unit_s: int = 1) -> None:
    """The life's events into the world, in any order; times are in units of so many seconds."""
    for event in dice.sample(life, len(life)):
        world.add(
            event.kind, event.at * unit_s, party=f"p{number}", event=event.name, sender=event.source, **event.data
        )


def counted(world: World, kpi: str, by: str, window: str = "all") -> dict[str, tuple[Any, ...]]:
    """Samples and sum by group; groups of nothing are left out."""
    answers = world.oracle.answer([Ask(kpi, window, 0, END * 1000)], END * 1000)
    rows = [(answer.group, answer.samples, answer.total or 0) for answer in answers if answer.by == by]
    return {group: (samples, total) for group, samples, total in rows if samples}


def summed(facts: list[tuple[str, int]]) -> dict[str, tuple[int, int]]:
    """Facts (group, duration in seconds) as samples and sums in milliseconds."""
    samples = Counter(group for group, _ in facts)
    return {group: (samples[group], 1000 * sum(wait for name, wait in facts if name == group)) for group in samples}
