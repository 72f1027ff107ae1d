"""What one kind of fact does to cells, made ready once, so that counting it is a few look-ups."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from stream_kpis.engine.compiler import Action
from stream_kpis.engine.measures import Parts, parts_for

TILE_BITS = 40
"""A cell's number is the index of its grouping above so many bits, and its tile below."""


class Step(NamedTuple):
    """An action made ready: each target is (the grouping's index in place, which of the fact's groups)."""

    parts: Parts
    pinned: bool
    targets: tuple[tuple[int, int], ...]
    where: tuple[tuple[int, frozenset[str]], ...]


class Recipe(NamedTuple):
    """What one kind of fact does: the groups that it belongs to, each named once, and the steps."""

    groups: tuple[tuple[int, ...], ...]
    steps: tuple[Step, ...]
    looked: tuple[tuple[Parts, Action], ...]
    """What has groups that depend on the time as well."""
    known: dict[tuple[str | None, ...], tuple[tuple[int, ...], tuple[Step, ...]]]
    """Dimensions met, with the numbers of their groups and the steps that count them; bounded, a mere memory."""


def recipe_of(actions: Sequence[Action], day_start: Callable[[int], int]) -> Recipe:
    """The recipe of the actions on one kind of fact.

    Args:
        actions: in order.
        day_start: of an instant, the start of its business day.
    """
    groups = tuple(dict.fromkeys(positions for action in actions for _, positions in action.targets))
    steps = tuple(
        Step(
            parts_for(action.parts, day_start),
            action.pinned,
            tuple((index << TILE_BITS, groups.index(positions)) for index, positions in action.targets),
            action.where,
        )
        for action in actions
    )
    looked = tuple((parts_for(action.parts, day_start), action) for action in actions if action.looked)
    return Recipe(groups, steps, looked, {})
