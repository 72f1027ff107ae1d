"""What a company agrees on, as data: the time allowed until a ticket is solved, and the stages of its pipelines."""

from typing import NamedTuple

_HOUR_MS = 3_600_000

SLA_MS: dict[str | None, int] = {
    "urgent": 4 * _HOUR_MS,
    "high": 8 * _HOUR_MS,
    "normal": 24 * _HOUR_MS,
    "low": 72 * _HOUR_MS,
}
"""The time allowed from the creation to the first solve, by the priority of the creation; wall clock."""
SLA_OTHERWISE_MS = 24 * _HOUR_MS


class Stage(NamedTuple):
    """A stage of a pipeline, and how likely a deal in it is to be won, in parts per million."""

    name: str
    ppm: int


_STAGES = (
    Stage("discovery", 100_000),
    Stage("proposal", 300_000),
    Stage("negotiation", 600_000),
    Stage("contract", 900_000),
)
STAGES: dict[str, tuple[Stage, ...]] = {"default": _STAGES, "partner": _STAGES}
"""By pipeline, its stages in order."""
PLACES: dict[tuple[str, str], int] = {
    (pipeline, stage.name): place for pipeline, stages in STAGES.items() for place, stage in enumerate(stages)
}
"""By (pipeline, stage) where it stands in its pipeline, from 0."""
