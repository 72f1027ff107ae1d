"""Business time: how many milliseconds a calendar was open, as a piecewise linear function of the instant.

A calendar is data: versions, each with a zone, weekly hours, holidays and exceptional days, valid from a local date. It
is open whenever the wall clock of its zone shows a time within the hours of the date it shows. All instants are
integers of milliseconds since 1970. See ``docs/definitions-calendars.md``.
"""

import hashlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

ALWAYS = "always"
"""The calendar that is always there and always open."""
LAST_DAY = date(2099, 12, 31)
CALENDARS_MAX = 500
VERSIONS_MAX = 500

_MINUTE_MS = 60_000
_DAY_MS = 1440 * _MINUTE_MS
_END_MS = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp()) * 1000
_EPOCH = date(1970, 1, 1)

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Hours = str | tuple[str, ...]
"""``09:00-17:00``, or several of these in order."""


class Version(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One version of a calendar, as it is written down. Nothing is taken over from an earlier version."""

    zone: str
    """An IANA name."""
    week: dict[Weekday, Hours]
    """The hours of each weekday; one that is not named has none."""
    valid_from: date = _EPOCH
    """From when its wall clock shows this date on."""
    holidays: tuple[date, ...] = ()
    """Dates without hours."""
    days: dict[date, Hours] = {}
    """Dates with hours of their own."""


def spans_ms(hours: Hours) -> tuple[tuple[int, int], ...]:
    """Hours as [from, to) in ms of the wall clock since midnight.

    Raises:
        ValueError: they are none, or overlap; one line.

    >>> spans_ms(("09:00-12:00", "13:00-24:00"))
    ((32400000, 43200000), (46800000, 86400000))
    """
    spans = tuple(_span_ms(text) for text in ((hours,) if isinstance(hours, str) else hours))
    if any(later[0] <= before[1] for before, later in pairwise(spans)):
        raise ValueError(f"hours {', '.join(hours)} are not in order and apart from each other")
    return spans


def _span_ms(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    begin, end = _minute(first.strip()), _minute(last.strip())
    if begin is None or end is None:
        raise ValueError(f"hours {text!r} are not of the form 09:00-17:00")
    if begin >= end:
        raise ValueError(f"hours {text!r} end before they begin: over midnight, write two, until 24:00 and from 00:00")
    return begin * _MINUTE_MS, end * _MINUTE_MS


def _minute(text: str) -> int | None:
    hour, colon, minute = text.partition(":")
    if not (colon and len(hour) == len(minute) == 2 and (hour + minute).isdecimal() and (hour + minute).isascii()):
        return None
    total = int(hour) * 60 + int(minute)
    return total if int(minute) < 60 and total <= 1440 else None


def version_problem(version: Version) -> tuple[str, str] | None:
    """What is wrong with a version, as (field, one line), or None. Whether the zone exists is not looked at."""
    for field, hours in (*(("week", h) for h in version.week.values()), *(("days", h) for h in version.days.values())):
        try:
            spans_ms(hours)
        except ValueError as error:
            return field, str(error)
    if not any(version.week.values()):
        return "week", "at least one weekday needs hours"
    if both := set(version.holidays) & version.days.keys():
        return "days", f"{min(both)} is a holiday and an exceptional day"
    for field, day in (("valid_from", version.valid_from), *(("holidays", d) for d in version.holidays)):
        if not _EPOCH <= day <= LAST_DAY:
            return field, f"{day} is not between {_EPOCH} and {LAST_DAY}"
    return None


class BusinessTime:
    """The business time of one calendar.

    Args:
        versions: in any order, with distinct ``valid_from``; none stands for always open, without end.

    >>> desk = BusinessTime([Version(zone="UTC", week={"fri": "09:00-17:00", "mon": "09:00-17:00"})])
    >>> friday_16, monday_10 = 1_774_627_200_000, 1_774_864_800_000
    >>> desk.between(friday_16, monday_10)
    7200000
    >>> desk.after(friday_16, 7_200_000) == monday_10
    True
    """

    def __init__(self, versions: Sequence[Version] = ()) -> None:
        self._versions = sorted(versions, key=lambda version: version.valid_from)

    def until(self, time_ms: int) -> int:
        """B(t): the open ms in [0, t)."""
        if not self._versions:
            return time_ms
        starts, sums = self._table
        at = bisect_right(starts, time_ms)
        return min(sums[at - 1] + time_ms - starts[at - 1], sums[at]) if at else 0

    def between(self, from_ms: int, to_ms: int) -> int:
        """The open ms in [from, to); negative if ``to_ms`` lies before."""
        return self.until(to_ms) - self.until(from_ms)

    def after(self, from_ms: int, open_ms: int) -> int | None:
        """The earliest instant by which it was open for so long since ``from_ms``; None if it never will be.

        Args:
            from_ms: the beginning.
            open_ms: more than 0.
        """
        if not self._versions:
            return from_ms + open_ms
        starts, sums = self._table
        wanted = self.until(from_ms) + open_ms
        at = bisect_left(sums, wanted)
        return starts[at - 1] + wanted - sums[at - 1] if at < len(sums) else None

    def opening(self, time_ms: int) -> int | None:
        """The instant itself if it is open then, else the next one that is; None if there is none."""
        last_of_first_ms = self.after(time_ms, 1)
        return None if last_of_first_ms is None else last_of_first_ms - 1

    @cached_property
    def _table(self) -> tuple["array[int]", "array[int]"]:
        """Where the open stretches begin, and how much was open before each; one sum more than starts."""
        starts, sums, end_ms = array("q"), array("q", [0]), 0
        for from_ms, to_ms in self._stretches():
            if starts and from_ms == end_ms:
                sums[-1] += to_ms - from_ms
            else:
                starts.append(from_ms)
                sums.append(sums[-1] + to_ms - from_ms)
            end_ms = to_ms
        return starts, sums

    def _stretches(self) -> Iterator[tuple[int, int]]:
        """The open stretches [from, to) in order."""
        bounds = [_start_ms(version) for version in self._versions]
        bounds[0] = 0
        end_ms = _END_MS
        reigns: list[tuple[int, int, Version]] = []
        for start_ms, version in zip(reversed(bounds), reversed(self._versions), strict=True):
            if start_ms < end_ms:  # else one of a later date and another zone began before it
                reigns.append((start_ms, end_ms, version))
                end_ms = start_ms
        for start_ms, until_ms, version in reversed(reigns):
            yield from _open_stretches(version, start_ms, until_ms)


def _open_stretches(version: Version, from_ms: int, to_ms: int) -> Iterator[tuple[int, int]]:
    week = [spans_ms(version.week.get(weekday, ())) for weekday in WEEKDAYS]
    others = {_number(day): spans_ms(hours) for day, hours in version.days.items()} | dict.fromkeys(
        map(_number, version.holidays), ()
    )
    changes = _clock_changes(version.zone)
    for (since_ms, offset_ms), (until_ms, _) in zip(changes, (*changes[1:], (_END_MS, 0)), strict=True):
        first_ms, last_ms = max(since_ms, from_ms), min(until_ms, to_ms)
        if first_ms >= last_ms:
            continue
        shown_from_ms, shown_to_ms = first_ms + offset_ms, last_ms + offset_ms
        for day in range(shown_from_ms // _DAY_MS, (shown_to_ms - 1) // _DAY_MS + 1):
            for begin_ms, end_ms in others.get(day, week[(day + 3) % 7]):  # 1970 began on a Thursday
                begin, end = max(day * _DAY_MS + begin_ms, shown_from_ms), min(day * _DAY_MS + end_ms, shown_to_ms)
                if begin < end:
                    yield begin - offset_ms, end - offset_ms


def _number(day: date) -> int:
    return (day - _EPOCH).days


def _start_ms(version: Version) -> int:
    """The first instant at which the zone's wall clock shows a date at or after the first one of the version."""
    changes, midnight_ms = _clock_changes(version.zone), _number(version.valid_from) * _DAY_MS
    for (since_ms, offset_ms), (until_ms, _) in zip(changes, (*changes[1:], (_END_MS, 0)), strict=True):
        if midnight_ms < until_ms + offset_ms:
            return max(midnight_ms - offset_ms, since_ms)
    return _END_MS


@lru_cache(64)
def _clock_changes(zone: str) -> tuple[tuple[int, int], ...]:
    """The instants from which on the zone's wall clock is ahead of UTC by so many ms; the first one is 0."""
    clock = ZoneInfo(zone)

    def offset_ms(second: int) -> int:
        ahead = datetime.fromtimestamp(second, clock).utcoffset() or timedelta()
        return ahead // timedelta(milliseconds=1)

    changes, step = [(0, offset_ms(0))], _DAY_MS // 1000
    for second in range(step, _END_MS // 1000 + 1, step):
        if (found := offset_ms(second)) != changes[-1][1]:
            low, high = second - step, second
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if offset_ms(middle) == found else (middle, high)
            changes.append((high * 1000, found))
    return tuple(changes)


class Calendars:
    """The calendars of a deployment, each with a number that is stable as long as the calendars are the same.

    Args:
        versions: by name; in any order.
        default: the calendar of who names none, or one that does not exist.

    Raises:
        ValueError: there is no calendar of the default's name.
    """

    def __init__(self, versions: Mapping[str, Sequence[Version]] | None = None, default: str = ALWAYS) -> None:
        self.versions = {
            name: tuple(sorted(of_name, key=lambda version: version.valid_from))
            for name, of_name in sorted((versions or {}).items())
        }
        self.default = default
        self._numbers = {name: number for number, name in enumerate((ALWAYS, *self.versions))}
        if default not in self._numbers:
            raise ValueError(f"there is no calendar {default!r}")
        self._times = (BusinessTime(), *(BusinessTime(of_name) for of_name in self.versions.values()))

    @property
    def digest(self) -> str:
        """A hash of all that they say."""
        said = msgspec.to_builtins((self.default, self.versions), str_keys=True)
        return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()[:8]

    def knows(self, name: str) -> bool:
        """Whether there is a calendar of this name."""
        return name in self._numbers

    def open_ms(self, name: str) -> Callable[[int], int]:
        """B of the calendar in which a goal's time passes; without a name that of the wall clock.

        Raises:
            ValueError: there is no such calendar.
        """
        if name and not self.knows(name):
            raise ValueError(f"there is no calendar {name!r}")
        return self.named(name or ALWAYS).until

    def open_at(self, time_ms: int) -> dict[str, bool]:
        """Of each calendar by name, whether it is open at an instant."""
        return {name: bool(self.named(name).between(time_ms, time_ms + 1)) for name in self.versions}

    def number(self, name: str | None) -> int:
        """The number of a calendar, or of the default; 0 is the one that is always open."""
        number = self._numbers.get(name or self.default)
        return self._numbers[self.default] if number is None else number

    def numbered(self, number: int) -> BusinessTime:
        """The business time of the calendar with this number."""
        return self._times[number]

    def named(self, name: str | None) -> BusinessTime:
        """The business time of the calendar of this name, or of the default."""
        return self._times[self.number(name)]
