"""What formulas may read of a measure, and over which tiles: one row per function."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from stream_kpis.engine import measures as m
from stream_kpis.engine.tiles import DAY_MS
from stream_kpis.kpis.business_time import Calendars
from stream_kpis.kpis.formula import Binary, Formula, Node, Reading

Cell = Mapping[int, int]
Span = Literal["window", "before", "until"]
"""Over [from, to), over [0, from), or over [0, to)."""


class At(NamedTuple):
    """When and against what a reading reads: a window [from, to), the KPI's target, and the calendars that age."""

    from_ms: int
    to_ms: int
    target_ms: int
    calendars: Calendars


class Function(NamedTuple):
    """One reading: the kinds it fits (one per argument) and the tiles it sums."""

    kinds: tuple[tuple[str, ...], ...]
    span: Span
    of: Callable[..., float | int | None]
    """Of the summed cells, one per measure, then ``at``, an :class:`At`."""
    distribution: float | None = None
    """The quantile, if it reads a distribution: then the histogram behind it can be shown."""
    of_all: bool = False
    """Whether each group reads the ungrouped sum."""


def waiting_ages(waiting: Cell, at: At) -> Iterator[tuple[int, int]]:
    """The ages in ms of what waits at ``to``, each under its clock, with their counts, from a sum of open-set cells."""
    for packed, n in waiting.items():
        start_ms, calendar = m.since_and_calendar(packed)
        if start_ms < at.to_ms:
            yield at.calendars.numbered(calendar).between(start_ms, at.to_ms) if calendar else at.to_ms - start_ms, n


def _quantile(q: float) -> Callable[..., float | None]:
    def of(cell: Cell, *rest: Cell, at: At) -> float | None:
        return m.quantile_ms(cell, q, waiting_ages(rest[0], at) if rest else ())

    return of


def _median_age(cell: Cell, *, at: At) -> float | None:
    return m.quantile_ms({}, 0.5, waiting_ages(cell, at))


def _slot(slot: int) -> Callable[..., int]:
    def of(cell: Cell, *, at: At) -> int:
        del at
        return cell.get(slot, 0)

    return of


def _waiting(cell: Cell, *, at: At) -> int:
    return sum(n for packed, n in cell.items() if m.since_and_calendar(packed)[0] < at.to_ms)


def _older(cell: Cell, *, at: At) -> int:
    return sum(n for age_ms, n in waiting_ages(cell, at) if age_ms > at.target_ms)


def _count_ms(cell: Cell, *, at: At) -> int:
    return cell.get(m.COUNT, 0) * (at.to_ms - at.from_ms)


def _sum_ms(cell: Cell, *, at: At) -> int:
    return cell.get(m.SUM, 0) * (at.to_ms - at.from_ms)


def _pairs(cell: Cell, *, at: At) -> int:
    return m.pairs_since(cell, at.from_ms)


def _window_ms(cell: Cell, *, at: At) -> int:
    del cell
    return at.to_ms - at.from_ms


def _begun(cell: Cell, *, at: At) -> int:
    return at.to_ms * cell.get(m.COUNT, 0) - DAY_MS * cell.get(m.DAYS, 0) - cell.get(m.REST, 0)


_COUNTED = (("flow", "joined", "distribution"),)
_DURATION = (("distribution",),)
_EXPOSURE = (("exposure",),)

FUNCTIONS: dict[str, Function] = {
    "count": Function(_COUNTED, "window", _slot(m.COUNT)),
    "sum": Function((("flow", "distribution"),), "window", _slot(m.SUM)),
    "base": Function((("cohort",),), "window", _slot(m.BASE)),
    "followed": Function((("cohort",),), "window", _slot(m.FOLLOWED)),
    "distinct": Function((("recency",),), "window", _slot(m.COUNT)),
    "distinct_ms": Function((("recency",),), "window", _count_ms),
    "pairs": Function((("gap",),), "window", _pairs),
    "level": Function((("level",),), "until", _slot(m.COUNT)),
    "level_all": Function((("level",),), "until", _slot(m.COUNT), of_all=True),
    "level_at_start": Function((("level",),), "before", _slot(m.COUNT)),
    "count_all": Function(_COUNTED, "window", _slot(m.COUNT), of_all=True),
    "count_ms": Function(_COUNTED, "window", _count_ms),
    "sum_ms": Function((("flow", "distribution"),), "window", _sum_ms),
    "window_ms": Function(_EXPOSURE, "window", _window_ms, of_all=True),
    "carried": Function(_EXPOSURE, "before", _count_ms),
    "carried_all": Function(_EXPOSURE, "before", _count_ms, of_all=True),
    "begun": Function(_EXPOSURE, "window", _begun),
    "begun_all": Function(_EXPOSURE, "window", _begun, of_all=True),
    "waiting": Function((("open_set",),), "until", _waiting),
    "older": Function((("open_set",),), "until", _older),
    "median": Function(_DURATION, "window", _quantile(0.5), 0.5),
    "p90": Function(_DURATION, "window", _quantile(0.9), 0.9),
    "p99": Function(_DURATION, "window", _quantile(0.99), 0.99),
    "median_age": Function((("open_set",),), "until", _median_age, 0.5),
}
"""A distribution's readings take an open set as a second argument: what waits joins with its age.

The time in ms that all of an exposure was there in a window is ``carried`` (by those there when the window began, as if
they stayed) plus ``begun`` (by those that came in it, less what those that left did not stay). ``count_ms``, ``sum_ms``
and ``distinct_ms`` are a count or sum times the length of the window, which is ``window_ms``, so that ``count_ms(x) /
(carried(y) + begun(y))`` is x per mean y, in integers.
"""

FLOWING = frozenset({"flow", "distribution"})
"""Kinds that can be read over a matured window."""

QUANTILES = (0.5, 0.9, 0.99)
"""Shown of every duration."""

ENDING_NOW = frozenset({"recency", "open_set"})
"""Kinds that know only windows that end at kpi-now."""

PAST = frozenset({"flow", "gap"})
"""Kinds of which a recency's reading over past days is made."""

STANDING = frozenset(name for name, f in FUNCTIONS.items() if f.kinds[0] in (("level",), ("open_set",)))
"""Functions that read what stands at an instant: nothing is not 0 before a first of it began."""


def readings_of(kind: str) -> list[str]:
    """The functions that read measures of a kind.

    >>> readings_of("recency")
    ['distinct', 'distinct_ms']
    """
    return [name for name, function in FUNCTIONS.items() if kind in function.kinds[0]]


def quantile_of(node: Node) -> float | None:
    """The quantile that a part of a formula reads, if it is a reading of one."""
    return FUNCTIONS[node.function].distribution if isinstance(node, Reading) else None


def balance_of(formula: Formula) -> tuple[Node, Node] | None:
    """What a difference over a number is made of, ``(a - b) / n``: a and b; None of another formula."""
    match formula.numerator:
        case Binary("-", left, right) if formula.denominator is not None:
            return left, right
        case _:
            return None


def mean_of(formula: Formula) -> Reading | None:
    """The sum of a mean, ``sum(x) / count(x)``; None of another formula."""
    match formula.numerator, formula.denominator:
        case Reading("sum", args, over) as total, Reading("count", others, same) if (args, over) == (others, same):
            return total
        case _:
            return None


def reading_problem(reading: Reading, kinds: Sequence[str]) -> str | None:
    """Why a reading does not fit the kinds of its measures, or None."""
    function = FUNCTIONS[reading.function]
    if not kinds or kinds[0] not in function.kinds[0]:
        instead = f"{kinds[0]}; {kinds[0]} is read by {', '.join(readings_of(kinds[0]))}" if kinds else "nothing"
        return f"{reading} reads {' or '.join(function.kinds[0])}, not {instead}"
    extra = list(kinds[1:])
    if extra and not (kinds[0] == "distribution" and function.distribution is not None and extra == ["open_set"]):
        return f"{reading} has too many measures"
    if ("target" in reading.args) != (reading.function == "older"):
        return f"{reading}: only older(measure, target) takes the target"
    return None
