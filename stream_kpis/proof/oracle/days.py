"""The business days of a zone and the periods of the calendar, for operators; a day is the number of its date."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

_QUARTER_MONTHS = 3
PERIODS = ("mtd", "qtd", "ytd")


class Days:
    """The business days of a zone.

    >>> days = Days("Europe/Berlin")
    >>> day = days.of(1_774_740_600_000)  # 2026-03-29T01:30+02:00, the day that lacks an hour
    >>> (days.start(day + 1) - days.start(day)) // 3_600_000
    23
    """

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)

    def of(self, at_ms: int) -> int:
        """The day that holds an instant."""
        return datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(self._zone).date().toordinal()

    def start(self, day: int) -> int:
        """The first instant of a day, in ms."""
        return round(datetime.combine(date.fromordinal(day), time(), self._zone).timestamp()) * 1000


def period(window: str, day: int) -> tuple[int, int]:
    """The month, quarter or year of ``mtd``, ``qtd``, ``ytd`` that holds a day: [first day, first day after it)."""
    months = {"mtd": 1, "qtd": _QUARTER_MONTHS, "ytd": 12}[window]
    on = date.fromordinal(day)
    first = (on.month - 1) // months * months  # counted from 0
    after = on.year * 12 + first + months
    return date(on.year, first + 1, 1).toordinal(), date(after // 12, after % 12 + 1, 1).toordinal()


def year_before(day: int) -> int:
    """The same date a year before; of the first day of a month."""
    on = date.fromordinal(day)
    return on.replace(year=on.year - 1).toordinal()


def month(day: int) -> str:
    """The month of a day, as ``2026-09``."""
    return date.fromordinal(day).isoformat()[:7]
