"""From when to when an alert fires: what Prometheus makes of a condition with ``for`` and ``keep_firing_for``. Pure."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Firing(NamedTuple):
    """One call, from the evaluation at which it began to the one at which it was over; ms."""

    from_ms: int
    to_ms: int


def firings(evaluations: Iterable[tuple[int, bool]], for_ms: int, keep_ms: int) -> Iterator[Firing]:
    """When an alert fires. What still does in the end is over at the last evaluation.

    Args:
        evaluations: instants in ms, in order, each with whether the condition holds.
        for_ms: how long it must have held without a break.
        keep_ms: how long it fires on after the first evaluation at which it no longer holds.

    >>> list(firings([(0, True), (5, True), (10, False), (15, True), (20, False), (25, False)], 5, 5))
    [Firing(from_ms=5, to_ms=25)]
    """
    now_ms = 0
    held_ms = fired_ms = ended_ms = None
    for now_ms, holds in evaluations:
        if holds:
            held_ms, ended_ms = now_ms if held_ms is None else held_ms, None
            if fired_ms is None and now_ms - held_ms >= for_ms:
                fired_ms = now_ms
        elif fired_ms is None:
            held_ms = None
        else:
            ended_ms = now_ms if ended_ms is None else ended_ms
            if now_ms - ended_ms >= keep_ms:
                yield Firing(fired_ms, now_ms)
                held_ms = fired_ms = ended_ms = None
    if fired_ms is not None:
        yield Firing(fired_ms, now_ms)
