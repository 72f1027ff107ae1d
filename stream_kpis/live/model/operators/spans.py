"""Which days are compared. Business days are ordinals of their dates, so that days are counted and not instants."""

from datetime import date
from typing import NamedTuple

PERIODS = ("mtd", "qtd", "ytd")
ROLLING = {"7d": 7, "30d": 30, "90d": 90, "365d": 365}
WINDOWS = (*ROLLING, *PERIODS)
AGAINST = ("previous", "year")
YEAR_OF_WEEKS, YEAR = 364, 365
_MONTHS = {"mtd": 1, "qtd": 3, "ytd": 12}


class Compared(NamedTuple):
    """Two spans of days, each from its first one to the one before its end."""

    first: int
    end: int
    first_before: int
    end_before: int


def period_first(period: str, day: int) -> int:
    """The first day of the month, quarter or year of a day.

    >>> date.fromordinal(period_first("qtd", date(2026, 5, 3).toordinal()))
    datetime.date(2026, 4, 1)
    """
    at, months = date.fromordinal(day), _MONTHS[period]
    return at.replace(month=(at.month - 1) // months * months + 1, day=1).toordinal()


def previous_first(period: str, first: int) -> int:
    """The first day of the period before the one that begins at ``first``."""
    return period_first(period, first - 1)


def next_first(period: str, first: int) -> int:
    """The first day after the period that begins at ``first``."""
    at = date.fromordinal(first)
    months = at.month - 1 + _MONTHS[period]
    return date(at.year + months // 12, months % 12 + 1, 1).toordinal()


def compared(window: str, against: str, today: int) -> Compared | None:
    """The closed days of a window, and those that they are compared with.

    Args:
        window: one of :data:`WINDOWS`.
        against: ``previous`` or ``year``.
        today: the open day.

    Returns:
        The spans; None on the first day of a period.

    >>> tuple(compared("7d", "previous", 1000)), tuple(compared("7d", "year", 1000))
    ((993, 1000, 986, 993), (993, 1000, 629, 636))
    """
    if window in ROLLING:
        days = ROLLING[window]
        back = days if against == "previous" or window == "365d" else YEAR_OF_WEEKS
        return Compared(today - days, today, today - days - back, today - back)
    first = period_first(window, today)
    if first == today:
        return None
    return Compared(first, today, *_before(window, first, today, against))


def compared_days(first: int, end: int, whole_end: int, against: str) -> tuple[int, int]:
    """The days that those from ``first`` to the one before ``end`` are compared with: as :func:`compared` has it.

    Args:
        first: of a period.
        end: where what is known of it ends.
        whole_end: where the period ends; if it is a month, quarter or year, so is what it is compared with.
        against: ``previous`` or ``year``.

    >>> of = lambda *days: [date(*day).toordinal() for day in days]
    >>> days = compared_days(*of((2026, 3, 1), (2026, 3, 31), (2026, 4, 1)), "previous")
    >>> [date.fromordinal(day).isoformat() for day in days]
    ['2026-02-01', '2026-03-01']
    """
    for window in PERIODS:
        if period_first(window, first) == first and next_first(window, first) == whole_end:
            return _before(window, first, end, against)
    days = end - first
    back = days if against == "previous" else YEAR if days == YEAR else YEAR_OF_WEEKS
    return first - back, end - back


def _before(window: str, first: int, end: int, against: str) -> tuple[int, int]:
    """As many days of the period before, or of a year before, as lie from the first of a period to ``end``."""
    if against == "previous":
        before, limit = previous_first(window, first), first
    else:
        at = date.fromordinal(first)
        before = at.replace(year=at.year - 1).toordinal()
        limit = next_first(window, before)
    return before, min(before + end - first, limit)


def levels_compared(window: str, against: str, today: int) -> tuple[int, int]:
    """The days at whose start a level is compared."""
    days = ROLLING[window]
    back = days if against == "previous" else YEAR if window == "365d" else YEAR_OF_WEEKS
    return today, today - back
