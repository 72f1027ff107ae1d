"""Business calendars as spans in which they are open; no local time is resolved, so the clock may skip and repeat."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache
from itertools import pairwise
from types import MappingProxyType
from typing import Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo

ALWAYS = "always"
"""The calendar that is always there and always open."""

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Hours = str | Sequence[str]
"""As written: ``HH:MM-HH:MM``, or several of those; 24:00 ends a day."""

_WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
_DAY_S = 86_400
_EPOCH = date(1970, 1, 1)
_FIRST_WEEKDAY = _EPOCH.weekday()
_END_S = round(datetime(2100, 1, 1, tzinfo=UTC).timestamp())
_STEP_S = 6 * 3600
"""No zone changes its offset and changes it back within a step."""

_FOREVER_MS = 1 << 60


class Version(NamedTuple):
    """What a calendar says from a date on.

    Attributes:
        valid_from: the first date, as the wall clock of the zone shows it.
        zone: IANA name.
        week: the hours of each weekday; one that is not named has none.
        holidays: dates without hours.
        days: dates with hours of their own.
    """

    valid_from: date
    zone: str
    week: Mapping[Weekday, Hours]
    holidays: Sequence[date] = ()
    days: Mapping[date, Hours] = MappingProxyType({})


Calendars = Mapping[str, Sequence[Version]]
Span = tuple[int, int]
"""[from, to)."""


def open_spans(calendars: Calendars) -> Iterator[tuple[str, int, int, int]]:
    """Where each calendar is open from 1970 on: (name, from, to, for how long it was open until then), all in ms.

    The spans of a calendar are in order and apart from each other.

    Raises:
        ValueError: hours are not of the form ``HH:MM-HH:MM``.
    """
    yield ALWAYS, 0, _FOREVER_MS, _FOREVER_MS
    for name, versions in calendars.items():
        opened = 0
        for version, (start, end) in _in_force(versions):
            for opens, closes in _open(version, start, end):
                opened += closes - opens
                yield name, opens * 1000, closes * 1000, opened * 1000


def open_until(calendars: Calendars, name: str) -> Callable[[int], int]:
    """B of a calendar: the ms for which it was open from 1970 until an instant in ms."""
    spans = [span[1:] for span in open_spans(calendars) if span[0] == name]
    begins = [begins for begins, _, _ in spans]

    def until(at_ms: int) -> int:
        number = bisect_right(begins, at_ms)
        if not number:
            return 0
        _, ends, opened = spans[number - 1]
        return opened - max(ends - at_ms, 0)

    return until


def _in_force(versions: Sequence[Version]) -> Iterator[tuple[Version, Span]]:
    """The version in force in each stretch, in order: of those that started, the one of the latest date."""
    latest_first = sorted(versions, key=lambda version: version.valid_from, reverse=True)
    starts = {version.valid_from: _start(version) for version in versions}
    edges = sorted({0, _END_S, *(start for start in starts.values() if 0 < start < _END_S)})
    for start, end in pairwise(edges):
        started = (version for version in latest_first if starts[version.valid_from] <= start)
        yield next(started, latest_first[-1]), (start, end)


def _start(version: Version) -> int:
    """The first instant, in seconds, at which the wall clock shows its date or a later one; 0 if that was before."""
    midnight = _number(version.valid_from) * _DAY_S
    for start, end, offset in _offsets(version.zone):
        if end + offset > midnight:
            return max(start, midnight - offset)
    return _END_S


def _open(version: Version, start: int, end: int) -> Iterator[Span]:
    """The open spans of a version in [start, end), in seconds."""
    week = [_spans(version.week.get(weekday, ())) for weekday in _WEEKDAYS]
    special = {_number(day): _spans(hours) for day, hours in version.days.items()}
    special |= {_number(day): () for day in version.holidays}
    for since, until, offset in _offsets(version.zone):
        first, last = max(since, start), min(until, end)
        if first < last:
            for day in range((first + offset) // _DAY_S, (last - 1 + offset) // _DAY_S + 1):
                midnight = day * _DAY_S - offset
                for opens, closes in special.get(day, week[(day + _FIRST_WEEKDAY) % 7]):
                    span = max(midnight + opens, first), min(midnight + closes, last)
                    if span[0] < span[1]:
                        yield span


def _spans(hours: Hours) -> Sequence[Span]:
    """Hours in seconds of the wall clock."""
    return [_span(text) for text in ([hours] if isinstance(hours, str) else hours)]


def _span(text: str) -> Span:
    opens, _, closes = text.partition("-")
    return _time_s(opens), _time_s(closes)


def _time_s(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return (int(hours) * 60 + int(minutes)) * 60


def _number(day: date) -> int:
    """Of a date: days since 1970."""
    return (day - _EPOCH).days


@cache
def _offsets(zone: str) -> Sequence[tuple[int, int, int]]:
    """The stretches from 1970 to 2100 in which a zone keeps one offset to UTC: (from, to, offset), in seconds."""
    here = ZoneInfo(zone)

    def offset_at(second: int) -> int:
        ahead = datetime.fromtimestamp(second, here).utcoffset()
        return round(ahead.total_seconds()) if ahead else 0

    stretches = []
    start, offset = 0, offset_at(0)
    for step in range(_STEP_S, _END_S + 1, _STEP_S):
        if offset_at(step) != offset:
            before, after = step - _STEP_S, step  # the change is in (before, after]
            while after - before > 1:
                middle = (before + after) // 2
                before, after = (middle, after) if offset_at(middle) == offset else (before, middle)
            stretches.append((start, after, offset))
            start, offset = after, offset_at(after)
    return (*stretches, (start, _END_S, offset))
