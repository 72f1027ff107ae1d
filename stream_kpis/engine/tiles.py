"""Time: tiles of three levels, business days, and the edges of windows.

All times are integers of milliseconds since 1970. A tile's code packs its start and level into one integer; tiles of
finer levels nest in coarser ones, as every zone's day begins at a multiple of 15 minutes.
"""

from bisect import bisect_right
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from stream_kpis.kpis.formula import Over

FINE_MS = 10_000
MID_MS = 15 * 60_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
FINE, MID, DAY = range(3)

FINE_KEPT_MS = 2 * HOUR_MS
MID_KEPT_MS = 8 * DAY_MS

_LAST_YEAR = 2200


class Edges(NamedTuple):
    """A window [from, to)."""

    from_ms: int
    to_ms: int


def tile_code(level: int, start_ms: int) -> int:
    """One integer for a tile; codes of one level are in order of time."""
    return start_ms // FINE_MS << 2 | level


def tile_start_ms(code: int) -> int:
    """The start of the tile with this code."""
    return (code >> 2) * FINE_MS


def round_up(time_ms: int, step_ms: int = FINE_MS) -> int:
    """The next multiple of ``step_ms`` at or after ``time_ms``."""
    return -(-time_ms // step_ms) * step_ms


class Calendar:
    """The business days of one zone.

    Args:
        zone: an IANA name.

    Raises:
        ValueError: no such zone.
    """

    def __init__(self, zone: str = "UTC") -> None:
        try:
            self._zone = ZoneInfo(zone)
        except (KeyError, OSError) as error:
            raise ValueError(f"zone {zone!r} is not an IANA time zone such as Europe/Berlin") from error
        self.zone = zone
        self._starts: list[int] = [] if zone == "UTC" else self._all_starts()

    def _all_starts(self) -> list[int]:
        first, days = date(1970, 1, 1), (date(_LAST_YEAR, 1, 1) - date(1970, 1, 1)).days
        starts = [self.start_of(first + timedelta(days=number)) for number in range(days)]
        return [0, *(start_ms for start_ms in starts if start_ms > 0)]  # where the first day began in 1969, it is cut

    def start_of(self, day: date) -> int:
        """The first instant of a business day."""
        return int(datetime.combine(day, time(), self._zone).timestamp()) * 1000

    def day_of(self, time_ms: int) -> date:
        """The business day that contains an instant."""
        return datetime.fromtimestamp(time_ms // 1000, self._zone).date()

    def day_start(self, time_ms: int) -> int:
        """The start of the business day that contains an instant."""
        if not self._starts:
            return time_ms - time_ms % DAY_MS
        return self._starts[max(bisect_right(self._starts, time_ms) - 1, 0)]

    def days_before(self, day_start_ms: int, days: int) -> int:
        """The start of the business day ``days`` calendar days before the one that begins at ``day_start_ms``."""
        return self.start_of(self.day_of(day_start_ms) - timedelta(days=days))

    def period_start(self, period: str, time_ms: int) -> int:
        """The start of the day, month, quarter or year that contains an instant.

        Args:
            period: ``today``, ``mtd``, ``qtd`` or ``ytd``.
            time_ms: the instant.
        """
        day = self.day_of(time_ms)
        if period == "mtd":
            day = day.replace(day=1)
        elif period == "qtd":
            day = day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        elif period == "ytd":
            day = day.replace(month=1, day=1)
        return self.start_of(day)


_ROLLING_MS = {
    "5m": 5 * 60_000, "1h": HOUR_MS, "24h": DAY_MS, "7d": 7 * DAY_MS,
    "30d": 30 * DAY_MS, "90d": 90 * DAY_MS, "365d": 365 * DAY_MS,
}  # fmt: skip


def window_edges(window: str, to_ms: int, calendar: Calendar) -> Edges:
    """The edges of a window that ends at ``to_ms``, a multiple of 10 s. See ``docs/definitions.md``.

    >>> window_edges("5m", 1_000_000_000_000, Calendar())
    Edges(from_ms=999999700000, to_ms=1000000000000)
    """
    if window in ("all", "now"):
        return Edges(0, to_ms)
    span_ms = _ROLLING_MS.get(window)
    if span_ms is None:
        return Edges(max(calendar.period_start(window, to_ms - 1), 0), to_ms)
    from_ms = to_ms - span_ms
    if span_ms > 7 * DAY_MS:
        from_ms = calendar.day_start(from_ms)
    elif span_ms > HOUR_MS:
        from_ms -= from_ms % MID_MS
    return Edges(max(from_ms, 0), to_ms)


def over_edges(window: str, to_ms: int, over: Over, calendar: Calendar) -> Edges:
    """The edges of a window that is made of another one, which begins with a business day.

    >>> day = 1_000_000_000_000 // DAY_MS
    >>> [edge // DAY_MS - day for edge in over_edges("30d", 1_000_000_000_000, Over("previous"), Calendar())]
    [-60, -30]
    """
    days, today_ms = _ROLLING_MS[window] // DAY_MS, calendar.day_start(to_ms)
    match over.how:
        case "closed":
            edges = Edges(calendar.days_before(today_ms, days), today_ms)
        case "previous":
            edges = Edges(calendar.days_before(today_ms, 2 * days), calendar.days_before(today_ms, days))
        case "stretched":
            edges = Edges(calendar.day_start(max(to_ms - over.by * _ROLLING_MS[window], 0)), to_ms)
        case _:
            from_ms = window_edges(window, to_ms, calendar).from_ms
            edges = Edges(calendar.days_before(from_ms, over.by), calendar.days_before(today_ms, over.by))
    return Edges(max(edges.from_ms, 0), max(edges.to_ms, 0))


def period_over(edges: Edges, over: Over, calendar: Calendar) -> Edges:
    """As :func:`over_edges`, of a period of business days."""
    from_ms, to_ms = edges
    days = (calendar.day_of(to_ms) - calendar.day_of(from_ms)).days
    match over.how:
        case "previous":
            edges = Edges(calendar.days_before(from_ms, days), from_ms)
        case "stretched":
            edges = Edges(calendar.days_before(to_ms, over.by * days), to_ms)
        case "lagged":
            edges = Edges(calendar.days_before(from_ms, over.by), calendar.days_before(to_ms, over.by))
        case _:
            pass
    return Edges(max(edges.from_ms, 0), max(edges.to_ms, 0))


def cohort_edges(window: str, to_ms: int, horizon_days: int, calendar: Calendar) -> Edges:
    """The edges of the base events of a matured cohort."""
    end_ms = calendar.days_before(calendar.day_start(to_ms), horizon_days)
    if window == "all":
        return Edges(0, end_ms)
    days = _ROLLING_MS[window] // DAY_MS
    return Edges(calendar.days_before(end_ms, days), end_ms)


def iso(time_ms: int) -> str:
    """An instant as RFC 3339 in UTC, for people and JSON."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


class Levels:
    """Which tile a fact goes to, by its age at ``now_ms``; and which tiles have to roll up as it grows."""

    def __init__(self, calendar: Calendar, now_ms: int = 0) -> None:
        self._calendar = calendar
        self.fine_from_ms = self.mid_from_ms = 0
        self.now_ms = 0
        self.advance(now_ms)

    def day_start(self, at_ms: int) -> int:
        """The start of the business day of an instant."""
        return self._calendar.day_start(at_ms)

    def advance(self, now_ms: int) -> bool:
        """Moves on to ``now_ms`` (never back); true if a boundary moved, so that tiles have to roll up."""
        if now_ms <= self.now_ms:
            return False
        self.now_ms = now_ms
        fine = max(now_ms - FINE_KEPT_MS, 0)
        mid = self._calendar.day_start(max(now_ms - MID_KEPT_MS, 0))
        moved = fine - fine % MID_MS > self.fine_from_ms or mid > self.mid_from_ms
        self.fine_from_ms, self.mid_from_ms = max(fine - fine % MID_MS, self.fine_from_ms), max(mid, self.mid_from_ms)
        return moved

    def tile_of(self, at_ms: int) -> int:
        """The code of the tile of a fact."""
        if at_ms >= self.fine_from_ms:
            return at_ms // FINE_MS << 2
        if at_ms >= self.mid_from_ms:
            return (at_ms - at_ms % MID_MS) // FINE_MS << 2 | MID
        return self._calendar.day_start(at_ms) // FINE_MS << 2 | DAY

    def coarser(self, code: int) -> int:
        """The tile that this one belongs in now: itself, or a coarser one that contains it."""
        start_ms, level = tile_start_ms(code), code & 3
        target = self.tile_of(start_ms)
        return target if (target & 3) > level else code
