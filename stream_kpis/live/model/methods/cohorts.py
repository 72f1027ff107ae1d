"""Retention by the month in which a customer came, as a grid of cohorts and months since."""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import date
from itertools import pairwise

from stream_kpis.engine.measures import COUNT
from stream_kpis.engine.tiles import FINE_MS, Calendar, tile_start_ms
from stream_kpis.live.model.intervals import is_share, wilson
from stream_kpis.live.model.methods.asked import Asked
from stream_kpis.live.model.snapshot import Value

MONTHS = 25
"""Cohorts, and months k = 0 … 24 of each."""


def cohort_grid(asked: Asked) -> Iterator[Value]:
    """Of the customers that came in a month, the share that is there at the end of the k-th month after it.

    The formula names the measures: those founded, starts, ends, in this order; the latter two lie at the founding.
    """
    bounds = ended_months(asked.calendar, asked.to_ms)
    active, sizes = _counted(asked, bounds)
    for group, cells in _groups(asked, bounds):
        size = sum(sizes[cohort] for cohort, _ in cells)
        there = sum(active[cohort][cohort + k] for cohort, k in cells)
        if size or not asked.by:
            found = asked.made(group, there / size if size and is_share(there, size) else None, size)
            lower, upper = wilson(there, size)
            yield found._replace(numerator=there, denominator=size, lower=lower, upper=upper)


def ended_months(calendar: Calendar, to_ms: int) -> list[int]:
    """The starts of the last 25 business months that ended at or before an instant, and the last one's end."""
    end = calendar.day_of(to_ms).replace(day=1)
    months = end.year * 12 + end.month - 1
    firsts = (divmod(months - back, 12) for back in range(MONTHS, -1, -1))
    return [calendar.start_of(date(year, month + 1, 1)) for year, month in firsts]


def _counted(asked: Asked, bounds: list[int]) -> tuple[list[list[int]], list[int]]:
    """By cohort and month, who is active at the month's end; by cohort, how many came."""
    founded, started, ended = (asked.indexes[measure] for measure in asked.measured)
    changes = [[0] * MONTHS for _ in range(MONTHS)]
    sizes = [0] * MONTHS
    for tile, index, groups in asked.tiles.between(bounds[0], bounds[-1], {founded, started, ended}):
        cohort, cell = bisect_right(bounds, tile_start_ms(tile)) - 1, groups.get("", {})
        if index == founded:
            sizes[cohort] += cell.get(COUNT, 0)
        for sign in [sign for counted, sign in ((started, 1), (ended, -1)) if counted == index]:
            for slot, n in cell.items():
                month = bisect_right(bounds, slot * FINE_MS - 1) - 1  # counts at an end if it lies before that
                if month < MONTHS:
                    changes[cohort][month] += sign * n
    active = []
    for row in changes:
        total = 0
        active.append([total := total + change for change in row])
    return active, sizes


def _groups(asked: Asked, bounds: list[int]) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    """Each group with its (cohort, k), by cohort; the total is k = 1."""
    if asked.by == "cohort,k":
        for cohort, (start_ms, _) in enumerate(pairwise(bounds)):
            name = asked.calendar.day_of(start_ms).isoformat()[:7]
            for k in range(MONTHS - cohort):
                yield f"{name},{k}", [(cohort, k)]
    else:
        for k in range(MONTHS) if asked.by else (1,):
            yield str(k) if asked.by else "", [(cohort, k) for cohort in range(MONTHS - k)]
