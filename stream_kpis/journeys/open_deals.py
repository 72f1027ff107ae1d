"""The open life of a deal: what the pipeline held of it, and how it went through the stages."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from stream_kpis.events.types import MICRO
from stream_kpis.journeys.facts import Fact
from stream_kpis.kpis.terms import Terms

_NUMBERS = ("deal_open", "deal_weighted")
"""Facts that count deals, whatever they are worth."""


class Standing(NamedTuple):
    """Where an open deal stands since ``at_ms``; ``month`` is that of the expected close, ``amount`` in micro-units."""

    at_ms: int
    owner: str | None
    pipeline: str | None
    stage: str | None
    month: str | None
    amount: int | None


class End(NamedTuple):
    """The effective close."""

    at_ms: int
    won: bool


def facts(course: Sequence[Standing], product: str | None, end: End | None, last_ms: int) -> list[Fact]:
    """What the open life says, whatever the stages of its pipeline.

    Args:
        course: where the deal stood, one after the other; at least one.
        product: of its creation.
        end: None while it is open.
        last_ms: the time of its last event.
    """
    found = _through(course, end, lambda stands, at_ms, sign: _held(stands, product, at_ms, sign))
    if end is None:
        now = course[-1]
        found.append(Fact("deal_idle", last_ms, 0, (now.owner, now.pipeline, now.stage)))
    found += _left(course, end)
    return found


def weighted(course: Sequence[Standing], product: str | None, end: End | None, terms: Terms) -> list[Fact]:
    """What the pipeline held of the deal while it was in listed stages, by how likely it was won there."""
    return _through(course, end, lambda stands, at_ms, sign: _weighed(stands, product, at_ms, sign, terms))


def _through(
    course: Sequence[Standing], end: End | None, held: Callable[[Standing, int, int], list[Fact]]
) -> list[Fact]:
    """The open life as signed moves; ``held`` is what a standing adds at a time, or takes away.

    Where only the amount changes, the number of deals stays as it is.
    """
    found = held(course[0], course[0].at_ms, 1)
    for before, after in pairwise(course):
        moves = held(before, after.at_ms, -1) + held(after, after.at_ms, 1)
        if before[1:5] == after[1:5]:
            moves = [fact for fact in moves if fact.name not in _NUMBERS]
        found += moves
    return found if end is None else found + held(course[-1], end.at_ms, -1)


def _held(stands: Standing, product: str | None, at_ms: int, sign: int) -> list[Fact]:
    """What an open deal adds to the pipeline, or takes away."""
    _, owner, pipeline, stage, month, amount = stands
    dims = (owner, product, pipeline, stage, month)
    found = [Fact("deal_open", at_ms, sign, dims)]
    if amount:
        found.append(Fact("deal_open_value", at_ms, sign * amount, dims))
    return found


def _weighed(stands: Standing, product: str | None, at_ms: int, sign: int, terms: Terms) -> list[Fact]:
    """The same of a deal in a listed stage, times how likely it is won."""
    _, owner, pipeline, stage, month, amount = stands
    chance = terms.chance(pipeline, stage)
    if chance is None:
        return []
    dims = (owner, product, pipeline, stage, month)
    found = [Fact("deal_weighted", at_ms, sign, dims)]
    if value := (amount or 0) * chance // MICRO:
        found.append(Fact("deal_open_weighted", at_ms, sign * value, dims))
    return found


def _left(course: Sequence[Standing], end: End | None) -> Iterator[Fact]:
    """Each visit of a stage that is over."""
    entered = course[0]
    for before, after in pairwise(course):
        if (before.pipeline, before.stage) != (after.pipeline, after.stage):
            yield from _visit(entered, before, after.at_ms)
            entered = after
    if end is not None:
        yield from _visit(entered, course[-1], end.at_ms)


def _visit(entered: Standing, last: Standing, at_ms: int) -> Iterator[Fact]:
    if last.stage is not None:
        dims = (last.owner, last.pipeline, last.stage)
        yield Fact("deal_stage_left", at_ms, at_ms - entered.at_ms, dims)


class _Reached(NamedTuple):
    """When a stage was reached, and who had the deal then."""

    at_ms: int
    owner: str | None


def progress(course: Sequence[Standing], source: str | None, end: End | None, terms: Terms) -> Iterator[Fact]:
    """The listed stages that the deal reached, and those that it passed; whatever is skipped is both at once.

    Args:
        course: where the deal stood; at least one.
        source: of its creation.
        end: None while it is open. A win stands behind the last stage, if the deal was in a listed one before.
        terms: which say what stages there are.
    """
    reached: dict[tuple[str, str], _Reached] = {}
    passed: dict[tuple[str, str], int] = {}

    def advance(stands: Standing, stages: Sequence[str], place: int, at_ms: int) -> None:
        pipeline = stands.pipeline or ""
        for stage in stages[: place + 1]:
            reached.setdefault((pipeline, stage), _Reached(at_ms, stands.owner))
        for stage in stages[:place]:
            passed.setdefault((pipeline, stage), at_ms)

    for stands in course:
        stages = tuple(terms.listed(stands.pipeline))
        if stands.stage in stages:
            advance(stands, stages, stages.index(stands.stage), stands.at_ms)
    last = course[-1]
    if end is not None and end.won and any(pipeline == last.pipeline for pipeline, _ in reached):
        stages = tuple(terms.listed(last.pipeline))
        advance(last, stages, len(stages), end.at_ms)
    for stage, (at_ms, owner) in reached.items():
        yield Fact("deal_stage_reached", at_ms, 0, (*stage, owner, source))
    for stage, at_ms in passed.items():
        yield Fact("deal_stage_passed", at_ms, at_ms - reached[stage].at_ms, (*stage, reached[stage].owner, source))
