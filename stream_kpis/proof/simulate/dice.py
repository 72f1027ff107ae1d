"""Seeded chance, and the spans of time it is about."""

import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

T = TypeVar("T")


class Dice:
    """All the chance of one simulated world; spans are integers in ms."""

    def __init__(self, seed: int | str) -> None:
        rng = random.Random(seed)  # noqa: S311 - a simulation must be repeatable, not secret
        self.random = rng.random
        self._lognormal = rng.lognormvariate
        self._exponential = rng.expovariate

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return self.random() < probability

    def pick(self, values: Sequence[T]) -> T:
        """One of the values, all alike."""
        return values[int(self.random() * len(values))]

    def between(self, low: int, high: int) -> int:
        """A uniform integer in [low, high)."""
        return low + int(self.random() * (high - low))

    def around(self, median: float, sigma: float) -> int:
        """A log-normal integer with this median; its 0.9-quantile is ``median * exp(1.2816 * sigma)``.

        The median is given in logs to :mod:`random`; it is passed as 0 and scaled here, which saves a logarithm.
        """
        return int(median * self._lognormal(0.0, sigma))

    def after(self, mean: float) -> int:
        """An exponential integer: the wait for the next of what comes every ``mean``."""
        return int(self._exponential(1.0) * mean)

    def unit(self) -> float:
        """An exponential number of mean 1."""
        return self._exponential(1.0)


def weighted(shares: Mapping[T, int]) -> tuple[T, ...]:
    """Values repeated by their shares, for :meth:`Dice.pick`.

    >>> weighted({"a": 2, "b": 1})
    ('a', 'a', 'b')
    """
    return tuple(value for value, share in shares.items() for _ in range(share))
