"""What somebody asks for: values as of an instant, or over a period of business days. Texts in, times out."""

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple

from stream_kpis.engine.tiles import Calendar, iso, round_up
from stream_kpis.events.envelope import time_ms_of

_YEARS = range(1971, 2200)
_PERIOD = re.compile(r"(?P<year>\d{4})(?:-?Q(?P<quarter>[1-4])|-(?P<month>\d\d)(?:-(?P<day>\d\d))?)?")


class Ask(NamedTuple):
    """One question: all windows as of ``to_ms``, or the period [``from_ms``, ``to_ms``)."""

    to_ms: int
    from_ms: int | None = None
    name: str = ""
    """What it is called in an answer: the instant, or the period as asked for."""


def instant(text: str, calendar: Calendar) -> Ask:
    """As of an instant in RFC 3339, rounded up to 10 s, or of the start of a business day.

    Raises:
        ValueError: it is neither.

    >>> instant("2017-04-01", Calendar()).to_ms, instant("2017-03-31T23:59:51.5Z", Calendar()).to_ms
    (1491004800000, 1491004800000)
    """
    day = _day(text)
    if day is not None:
        return _instant(calendar.start_of(day))
    try:
        time = datetime.fromisoformat(text.upper())
    except ValueError:
        raise ValueError(
            f"{text!r} is no instant: write a day such as 2026-03-01 or a time such as 2026-03-01T09:00:00Z"
        ) from None
    _check_year(text, time.year)
    if time.tzinfo is None:
        raise ValueError(f"{text!r} names no zone: write {text}Z for UTC, or an offset, {text}+02:00")
    return _instant(round_up(time_ms_of(time)))


def _instant(to_ms: int) -> Ask:
    return Ask(to_ms, None, iso(to_ms))


def period(text: str, calendar: Calendar) -> Ask:
    """A year, quarter, month or day of the business zone.

    Raises:
        ValueError: it is none of them.

    >>> period("2017Q1", Calendar())
    Ask(to_ms=1491004800000, from_ms=1483228800000, name='2017Q1')
    """
    found = _PERIOD.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no period: write 2026, 2026Q1, 2026-03 or 2026-03-01")
    _check_year(text, int(found["year"]))
    year, quarter, month, day = (int(found[name] or 0) for name in ("year", "quarter", "month", "day"))
    try:
        first = date(year, month or (quarter - 1) * 3 + 1 if month or quarter else 1, day or 1)
    except ValueError:
        raise ValueError(f"{text!r} is no period: there is no such month or day") from None
    if day:
        after = first + timedelta(days=1)
    else:
        months = first.month - 1 + (1 if month else 3 if quarter else 12)
        after = date(year + months // 12, months % 12 + 1, 1)
    return Ask(calendar.start_of(after), calendar.start_of(first), text)


def window_of(text: str) -> str:
    """The window that is a whole day, month, quarter or year at the end of that.

    >>> window_of("2017Q1"), window_of("2017-04")
    ('qtd', 'mtd')
    """
    found = _PERIOD.fullmatch(text)
    assert found is not None, "a period"
    if found["day"]:
        return "today"
    return "mtd" if found["month"] else "qtd" if found["quarter"] else "ytd"


def days(since: str, until: str, calendar: Calendar) -> Ask:
    """The business days from ``since`` to the one before ``until``.

    Raises:
        ValueError: one is no day, or there is none between them.
    """
    first, after = _day(since), _day(until)
    for text, day in ((since, first), (until, after)):
        if day is None:
            raise ValueError(f"{text!r} is no day: write 2026-03-01")
    if first >= after:  # type: ignore[operator] # neither is None
        raise ValueError(f"from {since} to {until} there is no day: --to is the day after the last one")
    return Ask(calendar.start_of(after), calendar.start_of(first), f"{since}/{until}")  # type: ignore[arg-type]


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    _check_year(text, day.year)
    return day


def _check_year(text: str, year: int) -> None:
    if year not in _YEARS:
        raise ValueError(f"{text!r} is out of range: years from {_YEARS[0]} to {_YEARS[-1]} only")


def asks_of(
    calendar: Calendar,
    instants: Iterable[str] = (),
    periods: Iterable[str] = (),
    since: str | None = None,
    until: str | None = None,
) -> list[Ask]:
    """All that a command line asks for, in order of time; nothing if it does not say.

    Raises:
        ValueError: a text is wrong, or texts do not go together.
    """
    if (since is None) != (until is None):
        raise ValueError("from and to go together: give both")
    asks = [instant(text, calendar) for text in instants]
    spans = [period(text, calendar) for text in periods]
    if since is not None and until is not None:
        spans.append(days(since, until, calendar))
    if asks and spans:
        raise ValueError("instants and periods do not go together: give --at, or --period, or --from and --to")
    return sorted(dict.fromkeys(asks + spans), key=lambda ask: (ask.to_ms, ask.from_ms or 0))


def no_window(window: str, kpis: Iterable[str], there_are: Iterable[str]) -> str:
    """Why there is nothing over a window: one line.

    >>> no_window("3h", ["orders"], ["1h", "24h"])
    "no window '3h' of orders; there are 1h, 24h"
    """
    return f"no window {window!r} of {', '.join(kpis) or 'any KPI'}; there are {', '.join(there_are)}"
