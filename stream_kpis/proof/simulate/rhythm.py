"""When things begin: more by day than by night, fewer at weekends, a little more every month."""

from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import NamedTuple

from stream_kpis.proof.simulate.dice import DAY, HOUR, Dice

HOURS = (18, 14, 12, 12, 14, 20, 32, 52, 84, 112, 124, 118, 96, 104, 120, 118, 104, 84, 66, 54, 46, 38, 30, 24)
"""How busy each hour of the day is (UTC), against each other."""
WEEKDAYS = (108, 106, 104, 102, 96, 44, 38)
"""How busy each day of the week is, Monday first."""
GROWTH = 0.6
"""How much busier the end is than the beginning: from 1 to 1.6."""
EPOCH_WEEKDAY = 3
RECENT = ((DAY, 8_000, 0.04), (HOUR, 1_500, 0.02))
"""The last day and the last hour have at least so many events, or that share of all: short windows show something."""


class Piece(NamedTuple):
    """A span of steady business: ``weight`` events (fractions allowed) are expected in [start_ms, end_ms)."""

    start_ms: int
    end_ms: int
    weight: float


def pieces(events: float, start_ms: int, until_ms: int) -> list[Piece]:
    """The expected events of each hour in [start_ms, until_ms), ``events`` in all."""
    edges = [start_ms, *range(start_ms // HOUR * HOUR + HOUR, until_ms, HOUR), until_ms]
    spans = [(a, b) for a, b in pairwise(edges) if a < b]
    shares = [_share(a, start_ms, until_ms) * (b - a) for a, b in spans]
    scale = events / sum(shares) if shares else 0.0
    return [
        Piece(a, b, max(share * scale, _floor(a, b, events, until_ms)))
        for (a, b), share in zip(spans, shares, strict=True)
    ]


def _share(at_ms: int, start_ms: int, until_ms: int) -> float:
    grown = 1 + GROWTH * (at_ms - start_ms) / (until_ms - start_ms)
    return grown * HOURS[at_ms // HOUR % 24] * WEEKDAYS[(at_ms // DAY + EPOCH_WEEKDAY) % 7]


def _floor(start_ms: int, end_ms: int, events: float, until_ms: int) -> float:
    """The least that is expected in a piece; a piece that a recent span only touches belongs to it."""
    per_ms = [min(least, share * events) / span for span, least, share in RECENT if until_ms - end_ms < span]
    return (end_ms - start_ms) * max(per_ms, default=0.0)


def beginnings(parts: list[Piece], each: float, dice: Dice) -> Iterator[int]:
    """Times in ms of a Poisson process with the intensity of the pieces, in order; one for every ``each`` events."""
    ends = list(accumulate(piece.weight for piece in parts))
    mass, index = dice.unit() * each, 0
    while True:
        while index < len(parts) and ends[index] <= mass:
            index += 1
        if index == len(parts):
            return
        piece = parts[index]
        into = 1 - (ends[index] - mass) / piece.weight
        yield piece.start_ms + int(max(into, 0.0) * (piece.end_ms - piece.start_ms))
        mass += dice.unit() * each
