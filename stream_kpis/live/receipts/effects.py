"""Why a value moved: what each segment added to the change between two periods. Pure.

A ratio R = Σn / Σd over segments is a mean of their own ratios rᵢ = nᵢ / dᵢ, weighted by wᵢ = dᵢ / Σd. Its change is
the sum of a rate effect (the segment's ratio moved) and a mix effect (its weight moved):

    ΔR = Σ w̄ᵢ·Δrᵢ + Σ r̄ᵢ·Δwᵢ        with w̄ and r̄ the means of both periods

which is exact, whatever the order of the two, so that no interaction is left over.
"""

from collections.abc import Mapping
from typing import NamedTuple

Parts = tuple[int, int]
"""Numerator and denominator of a segment."""


class Effect(NamedTuple):
    """What one segment added to a change; in the unit of the ratio."""

    group: str
    before: float | None
    after: float | None
    """The segment's own values; None where its denominator is empty."""
    rate: float
    mix: float

    @property
    def total(self) -> float:
        """Both together."""
        return self.rate + self.mix


def effects_of(before: Mapping[str, Parts], after: Mapping[str, Parts]) -> list[Effect] | None:
    """The effects of all segments of a ratio, the largest first; None if a period has no value.

    A segment that is there in one period alone had the same ratio in the other, with no weight: it is all mix.

    >>> [(e.group, round(e.rate, 3), round(e.mix, 3)) for e in effects_of({"a": (1, 2), "b": (1, 2)}, {"a": (2, 2)})]
    [('a', 0.375, 0.375), ('b', 0.0, -0.25)]
    """
    all_before, all_after = (sum(d for _, d in parts.values()) for parts in (before, after))
    if all_before <= 0 or all_after <= 0:
        return None
    found = [
        _effect(group, before.get(group, (0, 0)), after.get(group, (0, 0)), all_before, all_after)
        for group in sorted(before.keys() | after.keys())
    ]
    return sorted(found, key=lambda effect: -abs(effect.total))


def _effect(group: str, before: Parts, after: Parts, all_before: int, all_after: int) -> Effect:
    (n0, d0), (n1, d1) = before, after
    r0, r1 = n0 / d0 if d0 else None, n1 / d1 if d1 else None
    if (n0 and not d0) or (n1 and not d1):  # a numerator without a weight: it has no ratio that could move
        return Effect(group, r0, r1, n1 / all_after - n0 / all_before, 0.0)
    known = r0 if r0 is not None else r1
    was, is_ = (r0, r1) if r0 is not None and r1 is not None else (known or 0.0, known or 0.0)
    w0, w1 = d0 / all_before, d1 / all_after
    return Effect(group, r0, r1, (w0 + w1) / 2 * (is_ - was), (was + is_) / 2 * (w1 - w0))


def adds_up(segments: Mapping[str, Parts], total: Parts) -> bool:
    """Whether the parts of the segments are those of the total: a party in two segments, say, is one in the total."""
    return (sum(n for n, _ in segments.values()), sum(d for _, d in segments.values())) == total
