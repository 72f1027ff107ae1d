"""The open life of a deal: what the pipeline held of it, and how it went through the stages."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from stream_kpis.events.types import MICRO
from stream_kpis.journeys.facts import Fact
from stream_kpis.journeys.terms import PLACES, STAGES


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
    """What the open life says.

    Args:
        course: where the deal stood, one after the other; at least one.
        product: of its creation.
        end: None while it is open.
        last_ms: the time of its last event.
    """
    found = _held(course[0], product, course[0].at_ms, 1)
    for before, after in pairwise(course):
        found += _moved(before, after, product)
    now = course[-1]
    if end is None:
        found.append(Fact("deal_idle", last_ms, 0, (now.owner, now.pipeline, now.stage)))
    else:
        found += _held(now, product, end.at_ms, -1)
    found += _left(course, end)
    found += _progress(course, end)
    return found


def _held(stands: Standing, product: str | None, at_ms: int, sign: int) -> list[Fact]:
    """What an open deal adds to the pipeline, or takes away."""
    _, owner, pipeline, stage, month, amount = stands
    dims = (owner, product, pipeline, stage, month)
    found = [Fact("deal_open", at_ms, sign, dims)]
    if amount:
        found.append(Fact("deal_open_value", at_ms, sign * amount, dims))
        weighted = _weighted(pipeline, stage, amount)
        if weighted:
            found.append(Fact("deal_open_weighted", at_ms, sign * weighted, dims))
    return found


def _moved(before: Standing, after: Standing, product: str | None) -> list[Fact]:
    """A change of an open deal; where only the amount changed, the number of deals stays as it is."""
    found = _held(before, product, after.at_ms, -1) + _held(after, product, after.at_ms, 1)
    if before[1:5] == after[1:5]:
        return [fact for fact in found if fact.name != "deal_open"]
    return found


def _weighted(pipeline: str | None, stage: str | None, amount: int) -> int:
    place = PLACES.get((pipeline or "", stage or ""))
    return 0 if place is None else amount * STAGES[pipeline or ""][place].ppm // MICRO


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


def _progress(course: Sequence[Standing], end: End | None) -> Iterator[Fact]:
    """The listed stages that the deal reached, and those that it passed; whatever is skipped is both at once."""
    reached: dict[tuple[str, str], int] = {}
    passed: dict[tuple[str, str], int] = {}
    for stands in course:
        place = PLACES.get((stands.pipeline or "", stands.stage or ""))
        if place is not None:
            _advance(reached, passed, stands.pipeline or "", place, stands.at_ms)
    if end is not None and end.won:
        pipeline = course[-1].pipeline or ""
        _advance(reached, passed, pipeline, len(STAGES.get(pipeline, ())), end.at_ms)
    for stage, at_ms in reached.items():
        yield Fact("deal_stage_reached", at_ms, 0, stage)
    for stage, at_ms in passed.items():
        yield Fact("deal_stage_passed", at_ms, at_ms - reached[stage], stage)


def _advance(
    reached: dict[tuple[str, str], int], passed: dict[tuple[str, str], int], pipeline: str, place: int, at_ms: int
) -> None:
    """The deal stands at a place of its pipeline now; one behind the last stage for a win."""
    for stage in STAGES.get(pipeline, ())[: place + 1]:
        reached.setdefault((pipeline, stage.name), at_ms)
    for stage in STAGES.get(pipeline, ())[:place]:
        passed.setdefault((pipeline, stage.name), at_ms)
