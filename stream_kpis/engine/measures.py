"""The kinds of measures: what a fact adds to which cell, and how a sum of cells reads.

A cell is a sparse vector of integers, ``{slot: n}`` without zeros; its group is dict addition, so that any order and
any split of the same facts give the same cells, and taking a fact back adds its inverse. The kinds differ only in the
slots.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping
from itertools import accumulate
from math import isqrt
from operator import itemgetter
from typing import NamedTuple

from stream_kpis.engine.tiles import DAY_MS, FINE_MS, MID_MS
from stream_kpis.kpis.business_time import CALENDARS_MAX

COUNT, SUM, SQUARES = 0, 1, 2
BELOW = 2
"""Slot of a distribution for values below zero (clock skew): counted, but not in the KPI."""
_BUCKETS_FROM = 3

BASE, FOLLOWED = 0, 1
DAYS, REST = 1, 2
"""Slots of an exposure: the days since 1970 and the ms since midnight UTC of its changes, so that both stay small."""

EDGES_S: tuple[int, ...] = (
    1, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400, 172800, 259200, 604800, 1209600,
    2592000, 5184000, 7776000, 15552000, 31536000,
)  # fmt: skip
"""The edges that a duration's histogram may declare: each is a bound of a bucket, so the counts are exact."""

_GROWTH = 1.018
_LARGEST_MS = 100 * 365 * 86_400_000


def _bounds() -> list[int]:
    """Upper bounds of the buckets in ms: single integers, then growing by 1.8 %, and every declared edge."""
    bounds = {0, *(edge * 1000 for edge in EDGES_S)}
    bound = 1
    while bound < _LARGEST_MS:
        bounds.add(bound)
        bound = max(bound + 1, int(bound * _GROWTH))
    return sorted(bounds)


BOUNDS_MS: list[int] = _bounds()
"""Bucket i holds the values in (BOUNDS_MS[i-1], BOUNDS_MS[i]]; bucket 0 holds zero."""

Cell = dict[int, int]


def add(cell: Cell, other: Mapping[int, int], sign: int = 1) -> None:
    """Adds ``other`` (or its inverse) to ``cell``, in place; zeros vanish.

    >>> cell = {0: 2, 1: 500}
    >>> add(cell, {0: 1, 7: 4}); cell
    {0: 3, 1: 500, 7: 4}
    >>> add(cell, {0: 3, 1: 500, 7: 4}, -1); cell
    {}
    """
    for slot, amount in other.items():
        total = cell.get(slot, 0) + sign * amount
        if total:
            cell[slot] = total
        else:
            del cell[slot]


def bucket_of(value_ms: int) -> int:
    """The slot of a distribution for a value.

    >>> bucket_of(0), bucket_of(-5), bucket_of(60_000) == bucket_of(59_950)
    (3, 2, True)
    """
    if value_ms < 0:
        return BELOW
    return _BUCKETS_FROM + min(bisect_left(BOUNDS_MS, value_ms), len(BOUNDS_MS) - 1)


def _middle_ms(bucket: int) -> float:
    high = BOUNDS_MS[bucket]
    low = BOUNDS_MS[bucket - 1] + 1 if bucket else 0
    return float(high) if high - low <= 0 else 2 * low * high / (low + high)


_MIDDLES_MS = [_middle_ms(bucket) for bucket in range(len(BOUNDS_MS))]


def middle_ms(slot: int) -> float:
    """The value that stands for a bucket: within 1 % of every value in it."""
    return _MIDDLES_MS[slot - _BUCKETS_FROM]


class Ordered:
    """The observations of a distribution in ascending order, each within 1 %.

    Args:
        cell: a sum of distribution cells.
        ages_ms: further observations as (value in ms, count): what waits, with its age.

    >>> observed = Ordered({COUNT: 3, SUM: 90, bucket_of(10): 1, bucket_of(40): 2})
    >>> observed.ranked(1), observed.ranked(2), observed.ranked(4), observed.quantile(0.5)
    (10.0, 40.0, None, 40.0)
    """

    def __init__(self, cell: Mapping[int, int], ages_ms: Iterable[tuple[int, int]] = ()) -> None:
        points = [(middle_ms(slot), n) for slot, n in cell.items() if slot >= _BUCKETS_FROM]
        points += [(float(age), n) for age, n in ages_ms]
        points.sort()
        self._values = [value for value, _ in points]
        self._ranks = list(accumulate(n for _, n in points))
        self.count = self._ranks[-1] if points else 0

    def ranked(self, rank: int) -> float | None:
        """The observation of a rank in ms, the shortest having 1; None if there is none."""
        return self._values[bisect_left(self._ranks, rank)] if 1 <= rank <= self.count else None

    def quantile(self, q: float) -> float | None:
        """The nearest-rank quantile in ms, 0 < q ≤ 1, or None if nothing was observed."""
        return self.ranked(max(_ceil(q * self.count), 1))

    def interval(self, q: float) -> tuple[float | None, float | None]:
        """The 95 % interval of a quantile in ms, by order statistics; None for a bound that would lie beyond them.

        Args:
            q: in whole percent, so that the ranks are exact.
        """
        percent = round(q * 100)
        middle = 100 * self.count * percent
        square = 196**2 * self.count * percent * (100 - percent)
        half = isqrt(square - 1) + 1 if square else 0
        return self.ranked((middle - half) // 10_000), self.ranked(-(-(middle + half) // 10_000) + 1)


def quantile_ms(cell: Mapping[int, int], q: float, ages_ms: Iterable[tuple[int, int]] = ()) -> float | None:
    """The nearest-rank quantile of a distribution, within 1 %, or None if it is empty; see :class:`Ordered`."""
    return Ordered(cell, ages_ms).quantile(q)


def _ceil(number: float) -> int:
    """The ceiling, with 0.9 · 10 taken as 9."""
    return -int(-(number - 1e-9) // 1)


def at_or_below(
    cell: Mapping[int, int], edges_s: Iterable[float], ages_ms: Iterable[tuple[int, int]] = ()
) -> list[int]:
    """How many observations lie at or below each edge, exactly; the edges are some of :data:`EDGES_S`.

    Args:
        cell: a sum of distribution cells.
        edges_s: in seconds.
        ages_ms: further observations as (value in ms, count).

    >>> at_or_below({COUNT: 2, SUM: 90_000, bucket_of(30_000): 1, bucket_of(60_000): 1}, (1, 30, 60), [(60_001, 1)])
    [0, 1, 2]
    """
    slots = sorted((slot, n) for slot, n in cell.items() if slot >= _BUCKETS_FROM)
    ages = sorted(ages_ms)
    done, waiting = (list(accumulate((n for _, n in some), initial=0)) for some in (slots, ages))
    counts = []
    for edge in edges_s:
        edge_ms = int(edge * 1000)
        last = _BUCKETS_FROM + bisect_left(BOUNDS_MS, edge_ms)
        counts.append(
            done[bisect_right(slots, last, key=itemgetter(0))] + waiting[bisect_right(ages, edge_ms, key=itemgetter(0))]
        )
    return counts


Parts = Callable[[int, int], tuple[int, tuple[tuple[int, int], ...]]]
"""From a fact's time and value: the time that decides the tile, and the (slot, amount) pairs, without zeros."""

NOTHING: tuple[tuple[int, int], ...] = ()


def flow(at_ms: int, value: int) -> tuple[int, tuple[tuple[int, int], ...]]:
    """Count and sum.

    >>> flow(5, 300)
    (5, ((0, 1), (1, 300)))
    """
    return at_ms, (((COUNT, 1), (SUM, value)) if value else _ONE)


_ONE = ((COUNT, 1),)
_ONE_AT_ZERO = ((COUNT, 1), (_BUCKETS_FROM, 1))


def flow_with_squares(at_ms: int, value: int) -> tuple[int, tuple[tuple[int, int], ...]]:
    """Count, sum, and the sum of the squares of the values, in hundredths of a unit squared: it tells how they spread.

    >>> flow_with_squares(5, 3_019_999), flow_with_squares(5, 9_999)
    ((5, ((0, 1), (1, 3019999), (2, 91203))), (5, ((0, 1), (1, 9999))))
    """
    square, pairs = value * value // 10**8, flow(at_ms, value)[1]
    return at_ms, ((*pairs, (SQUARES, square)) if square else pairs)


def level(at_ms: int, value: int) -> tuple[int, tuple[tuple[int, int], ...]]:
    """A signed change, of one or of an amount; the level is the sum of all changes so far.

    >>> level(5, -1)
    (5, ((0, -1),))
    """
    return at_ms, (((COUNT, value),) if value else NOTHING)


def exposure(at_ms: int, value: int) -> tuple[int, tuple[tuple[int, int], ...]]:
    """A signed change with its time, so that sums of changes tell how long what they counted was there.

    >>> exposure(86_400_005, -1)
    (86400005, ((0, -1), (1, -1), (2, -5)))
    """
    days, rest_ms = divmod(at_ms, DAY_MS)
    pairs = ((COUNT, value), (DAYS, value * days), (REST, value * rest_ms))
    return at_ms, tuple(pair for pair in pairs if pair[1])


def recency(at_ms: int, value: int) -> tuple[int, tuple[tuple[int, int], ...]]:
    """One party (or account), where its last fact is. Reads only in windows that end now.

    >>> recency(5, 0)
    (5, ((0, 1),))
    """
    del value
    return at_ms, _ONE


class ByDay(NamedTuple):
    """Parts that name business days: made of a function from an instant to the start of its day."""

    made: Callable[[Callable[[int], int]], Parts]


def parts_for(parts: Parts | ByDay, day_start: Callable[[int], int]) -> Parts:
    """The parts under a calendar."""
    return parts.made(day_start) if isinstance(parts, ByDay) else parts


def gap(day_start: Callable[[int], int]) -> Parts:
    """A pair of facts, at the later one; the slot is the day of the earlier one, ``value`` ms before.

    Whatever tile the pair is in, it lies in [a, b) if its tile does and its slot is not before a. A day's start is a
    multiple of 15 minutes in every zone, and a day has one slot, so a cell is no longer than history.

    >>> gap(lambda at_ms: at_ms - at_ms % DAY_MS)(200_000_000, 100_000_000)
    (200000000, ((96, 1),))
    """

    def parts(at_ms: int, value: int) -> tuple[int, tuple[tuple[int, int], ...]]:
        return at_ms, ((day_start(max(at_ms - value, 0)) // MID_MS, 1),)

    return parts


def pairs_since(cell: Mapping[int, int], from_ms: int) -> int:
    """How many pairs have their earlier fact at or after the start of a business day.

    >>> pairs_since({96: 2, 192: 3}, 2 * DAY_MS)
    3
    """
    return sum(n for slot, n in cell.items() if slot * MID_MS >= from_ms)


def distribution(at_ms: int, value: int) -> tuple[int, tuple[tuple[int, int], ...]]:
    """One observation of ``value`` ms; those below zero are set apart.

    >>> distribution(5, 7) == (5, ((COUNT, 1), (SUM, 7), (bucket_of(7), 1)))
    True
    """
    if value < 0:
        return at_ms, ((BELOW, 1),)
    if value == 0:
        return at_ms, _ONE_AT_ZERO
    return at_ms, ((COUNT, 1), (SUM, value), (bucket_of(value), 1))


def cohort_base(at_ms: int, value: int) -> tuple[int, tuple[tuple[int, int], ...]]:
    """A base event.

    >>> cohort_base(5, 0)
    (5, ((0, 1),))
    """
    del value
    return at_ms, ((BASE, 1),)


def cohort_followed(within_ms: int) -> Parts:
    """What followed a base event after ``value`` ms, in the base event's tile, if in time.

    >>> cohort_followed(10)(25, 7), cohort_followed(10)(25, 11)
    ((18, ((1, 1),)), (14, ()))
    """

    def parts(at_ms: int, value: int) -> tuple[int, tuple[tuple[int, int], ...]]:
        return at_ms - value, (((FOLLOWED, 1),) if 0 <= value <= within_ms else NOTHING)

    return parts


def open_set(at_ms: int, value: int) -> tuple[int, tuple[tuple[int, int], ...]]:
    """Something that waits since ``at_ms``; the slot is the exact start within its 10 s tile.

    >>> open_set(12_345, 0)
    (12345, ((2345, 1),))
    """
    del value
    return at_ms, ((at_ms % FINE_MS, 1),)


def open_set_of_calendar(at_ms: int, value: int) -> tuple[int, tuple[tuple[int, int], ...]]:
    """The same under the clock of the calendar with the number ``value``, which stands above the start in the slot.

    >>> open_set_of_calendar(12_345, 3)
    (12345, ((32345, 1),))
    """
    return at_ms, ((value * FINE_MS + at_ms % FINE_MS, 1),)


def waiting_since(tile_start_ms: int, slot: int) -> int:
    """When something waits since, and under which calendar, as one integer, from an open set's tile and slot.

    >>> since_and_calendar(waiting_since(10_000, 2_345)), since_and_calendar(waiting_since(10_000, 32_345))
    ((12345, 0), (12345, 3))
    """
    calendar, rest_ms = divmod(slot, FINE_MS)
    return tile_start_ms + rest_ms << _CALENDAR_BITS | calendar


def since_and_calendar(waiting: int) -> tuple[int, int]:
    """The start in ms and the number of the calendar, 0 for the wall clock."""
    return waiting >> _CALENDAR_BITS, waiting & _CALENDAR_MASK


_CALENDAR_BITS = CALENDARS_MAX.bit_length()
_CALENDAR_MASK = (1 << _CALENDAR_BITS) - 1


def joined(at_ms: int, value: int) -> tuple[int, tuple[tuple[int, int], ...]]:
    """An end, in the tile where what ended began; the slot is the first 10 s boundary after the end.

    It counts in a window from that boundary on, so an end announced for the future waits.

    >>> joined(25_000, 20_000)
    (5000, ((3, 1),))
    """
    return at_ms - value, ((at_ms // FINE_MS + 1, 1),)
