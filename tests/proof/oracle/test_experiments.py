"""Experiments: crossovers, conversions, controls, shares; against a plain fold over random lives."""

import random
from collections import Counter
from typing import Any

import pytest

from stream_kpis.events.envelope import Reader
from stream_kpis.proof.oracle import Ask, Oracle
from tests.proof.oracle.lives import lives, told
from tests.proof.oracle.test_folds_parties import won_deals
from tests.proof.oracle.world import DAY, END, World, day


def some_step(dice: random.Random) -> tuple[str, dict[str, Any]]:
    exposure = {"experiment": dice.choice("ef"), "variant": dice.choice("vvw")}
    return dice.choice(
        [
            *[("experiment.exposed", exposure)] * 4,
            ("order.placed", {"order_id": dice.choice("op"), "amount": 1}),
            ("order.cancelled", {"order_id": dice.choice("op")}),
            ("deal.created", {"deal_id": dice.choice("de"), "kind": "new", "amount": 1}),
            ("deal.won", {"deal_id": dice.choice("de")}),
            ("deal.won", {"deal_id": dice.choice("de")}),
            ("deal.reopened", {"deal_id": dice.choice("de")}),
        ]
    )


@pytest.mark.parametrize("seed", range(4))
def test_experiments_are_as_a_fold_tells_them(seed: int) -> None:
    """Days are ten, so that some convert within thirty and some do not."""
    world, dice = World(), random.Random(seed)
    units: Counter[str] = Counter()
    converted: Counter[str] = Counter()
    crossed: Counter[str] = Counter()
    for number, life in enumerate(lives(seed, some_step, "")):
        told(life, number, world, dice, 10 * DAY // 2)
        cancelled = {event.data["order_id"] for event in life if event.kind == "order.cancelled"}
        orders: dict[str, int] = {}
        for event in life:
            if event.kind == "order.placed" and event.data["order_id"] not in cancelled:
                orders.setdefault(event.data["order_id"], event.at)
        bought = [*orders.values(), *(at for at, *_ in won_deals(life))]
        for name in "ef":
            seen = [event for event in life if event.data.get("experiment") == name]
            if len({event.data["variant"] for event in seen}) > 1:
                crossed[name] += 1
            elif seen:
                arm = f"{name},{seen[0].data['variant']}"
                later = [at - seen[0].at for at in bought if at >= seen[0].at]
                units[arm] += 1
                converted[arm] += bool(later and min(later) <= 6)
    expected = {arm: (converted[arm], count) for arm, count in units.items()}
    assert world.fractions("ab_conversion_rate", "experiment,variant") == expected
    assert world.groups("ab_crossovers", "experiment") == crossed
    assert min(crossed.values()) > 0


def arms(**variants: int) -> World:
    """So many parties exposed to each variant."""
    world = World()
    for variant, parties in variants.items():
        for number in range(parties):
            world.add("experiment.exposed", day(1), party=f"{variant}{number}", experiment="e", variant=variant)
    return world


@pytest.mark.parametrize(
    ("variants", "control"),
    [
        ({"b": 4, "control": 3, "a": 5}, "control"),
        ({"b": 4, "holdout": 3, "a": 5}, "holdout"),
        ({"holdout": 4, "control": 3, "a": 5}, "control"),
        ({"b": 4, "Holdout": 3, "a": 5}, "Holdout"),  # not the name, but the first of the alphabet
    ],
)
def test_the_control_is_named_so(variants: dict[str, int], control: str) -> None:
    """Whatever comes first in the alphabet."""
    lifts = {answer.group: answer.samples for answer in arms(**variants).answers("ab_lift") if answer.by}
    assert lifts == {f"e,{variant}": 3 for variant in variants if variant != control}


@pytest.mark.parametrize("name", ["control", "holdout"])
def test_the_control_is_named_so_or_comes_first(name: str) -> None:
    """Of those exposed in the window."""
    world = arms(b=4, a=5)
    world.add("experiment.exposed", day(3), party="late", experiment="e", variant=name)
    lifts = {answer.group: answer.samples for answer in world.answers("ab_lift", end=day(2)) if answer.by}
    assert lifts == {"e,b": 4}


def test_a_control_that_never_converts_has_nothing_to_be_relative_to() -> None:
    """The difference it has."""
    world = arms(control=2, new=2)
    world.add("order.placed", day(2), party="new1", order_id="o", amount=1)
    assert [answer.value for answer in world.answers("ab_lift") if answer.by] == [0.5]
    assert [(answer.value, answer.samples) for answer in world.answers("ab_relative_lift") if answer.by] == [(None, 2)]


@pytest.mark.parametrize(
    ("shares", "value", "samples"),
    [
        ({"a": 0.75, "b": 0.25}, 0, 8),
        ({"a": 0.5, "b": 0.5}, 2, 8),
        ({"a": 0.5, "c": 0.5}, 6, 6),  # c was never seen, b is no part
        ({"a": 1.0}, None, 6),
        ({"a": 1.0, "b": 0.0}, None, 8),
    ],
)
def test_exposures_are_held_to_the_planned_shares(shares: dict[str, float], value: float | None, samples: int) -> None:
    """Of the variants that are planned."""
    oracle = Oracle(Reader(), experiments={"e": shares, "other": {"a": 0.1, "b": 0.9}})
    oracle.load(arms(a=6, b=2).records)
    answers = oracle.answer([Ask("ab_srm", "all", 0, END * 1000)], END * 1000)
    assert [(answer.group, answer.value, answer.samples) for answer in answers] == [
        ("", None, 0),
        ("e", value, samples),
    ]


@pytest.mark.parametrize(("enough", "value"), [(1, 1.0), (2, None)])
def test_the_quality_index_takes_enough_samples_of_each_part(enough: int, value: float | None) -> None:
    """Each part has its own threshold."""
    world = World()
    world.add("ticket.created", day(1), ticket_id="t")
    world.add("ticket.message", day(1) + 1, ticket_id="t", author="agent")
    world.add("ticket.status_changed", day(1) + 2, ticket_id="t", status="solved")
    world.add("survey.answered", day(1), survey_id="s", kind="csat", score=5)
    oracle = Oracle(Reader(), min_samples={"reopen_rate": enough})
    oracle.load(world.records)
    (whole, _) = oracle.answer([Ask("service_quality_index", "all", 0, END * 1000)], END * 1000)
    assert (whole.value, whole.samples) == (value, 1)
