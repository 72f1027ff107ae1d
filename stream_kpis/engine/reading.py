"""What formulas may read of a measure, and over which tiles: one row per function."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from stream_kpis.engine import measures as m
from stream_kpis.kpis.formula import Reading

Cell = Mapping[int, int]
Span = Literal["window", "before", "until"]
"""Over [from, to), over [0, from), or over [0, to)."""


class Function(NamedTuple):
    """One reading: the kinds it fits (one per argument) and the tiles it sums."""

    kinds: tuple[tuple[str, ...], ...]
    span: Span
    of: Callable[..., float | int | None]
    """Of the summed cells, one per measure, then ``to_ms`` and ``target_ms``."""
    distribution: float | None = None
    """The quantile, if it reads a distribution: then the histogram behind it can be shown."""


def _ages(waiting: Cell, to_ms: int) -> Iterator[tuple[int, int]]:
    return ((to_ms - start_ms, n) for start_ms, n in waiting.items() if start_ms < to_ms)


def _quantile(q: float) -> Callable[..., float | None]:
    def of(cell: Cell, *rest: Cell, to_ms: int, target_ms: int) -> float | None:
        del target_ms
        return m.quantile_ms(cell, q, _ages(rest[0], to_ms) if rest else ())

    return of


def _slot(slot: int) -> Callable[..., int]:
    def of(cell: Cell, *, to_ms: int, target_ms: int) -> int:
        del to_ms, target_ms
        return cell.get(slot, 0)

    return of


def _waiting(cell: Cell, *, to_ms: int, target_ms: int) -> int:
    del target_ms
    return sum(n for start_ms, n in cell.items() if start_ms < to_ms)


def _older(cell: Cell, *, to_ms: int, target_ms: int) -> int:
    return sum(n for start_ms, n in cell.items() if start_ms < to_ms - target_ms)


_COUNTED = (("flow", "joined", "distribution"),)
_DURATION = (("distribution",),)

FUNCTIONS: dict[str, Function] = {
    "count": Function(_COUNTED, "window", _slot(m.COUNT)),
    "sum": Function((("flow", "distribution"),), "window", _slot(m.SUM)),
    "base": Function((("cohort",),), "window", _slot(m.BASE)),
    "followed": Function((("cohort",),), "window", _slot(m.FOLLOWED)),
    "distinct": Function((("recency",),), "window", _slot(m.COUNT)),
    "level": Function((("level",),), "until", _slot(m.COUNT)),
    "level_at_start": Function((("level",),), "before", _slot(m.COUNT)),
    "waiting": Function((("open_set",),), "until", _waiting),
    "older": Function((("open_set",),), "until", _older),
    "median": Function(_DURATION, "window", _quantile(0.5), 0.5),
    "p90": Function(_DURATION, "window", _quantile(0.9), 0.9),
    "p99": Function(_DURATION, "window", _quantile(0.99), 0.99),
}
"""A distribution's readings take an open set as a second argument: what waits joins with its age."""

QUANTILES = (0.5, 0.9, 0.99)
"""Shown of every duration."""

ENDING_NOW = frozenset({"recency", "open_set"})
"""Kinds that know only windows that end at kpi-now."""

STANDING = frozenset(name for name, f in FUNCTIONS.items() if f.kinds[0] in (("level",), ("open_set",)))
"""Functions that read what stands at an instant: nothing is not 0 before a first of it began."""


def reading_problem(reading: Reading, kinds: Sequence[str]) -> str | None:
    """Why a reading does not fit the kinds of its measures, or None."""
    function = FUNCTIONS[reading.function]
    if not kinds or kinds[0] not in function.kinds[0]:
        return f"{reading} reads {' or '.join(function.kinds[0])}, not {kinds[0] if kinds else 'nothing'}"
    extra = list(kinds[1:])
    if extra and not (function.distribution is not None and extra == ["open_set"]):
        return f"{reading} has too many measures"
    if ("target" in reading.args) != (reading.function == "older"):
        return f"{reading}: only older(measure, target) takes the target"
    return None


def waiting_ages(cell: Cell, to_ms: int) -> Iterator[tuple[int, int]]:
    """The ages in ms of what waits at ``to_ms``, with their counts, from a sum of open-set cells."""
    return _ages(cell, to_ms)
