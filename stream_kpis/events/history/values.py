"""What a text of a file means: a time, a number, a condition; and back to the texts of events."""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from stream_kpis.events.envelope import time_ms_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TRUE = frozenset({"true", "t", "yes", "y", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "0"})
_DECORATION = str.maketrans("", "", "$€£ '\u00a0\u202f")
_CACHED = 1 << 16

NUMBERS = {
    ".": re.compile(r"[+-]?(?=\.?\d)(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:[eE][+-]?\d{1,3})?", re.ASCII),
    ",": re.compile(r"[+-]?(?=,?\d)(?:\d{1,3}(?:\.\d{3})+|\d+)?(?:,\d+)?", re.ASCII),
}
"""The decimal mark -> the spelling of numbers; the other mark may group thousands."""

NAMED_FORMATS = ("iso", "unix", "unix_ms")


class BadValueError(ValueError):
    """A value of a row that cannot be what the mapping takes it for; one line."""


@dataclass(frozen=True)
class Reading:
    """How the texts of a file are read.

    Args:
        zone: the zone of times that name none; a date alone is midnight there.
        formats: tried in order: ``iso``, ``unix`` (seconds), ``unix_ms``, or a pattern of strptime.
        decimal: the decimal mark, ``.`` or ``,``.
    """

    zone: str = "UTC"
    formats: tuple[str, ...] = ("iso",)
    decimal: str = "."

    def times(self, formats: tuple[str, ...] | None = None) -> Callable[[str], int]:
        """A function from a text to milliseconds since 1970; it raises :class:`BadValueError`."""
        read = functools.partial(_time_ms, formats=formats or self.formats, zone=ZoneInfo(self.zone))
        return functools.lru_cache(maxsize=_CACHED)(read)

    def number(self, text: str) -> Decimal:
        """The number of a text, with or without thousands marks and a currency sign.

        Raises:
            BadValueError: it is not a number.

        >>> Reading().number("$1,054.50"), Reading(decimal=",").number("1.054,50")
        (Decimal('1054.50'), Decimal('1054.50'))
        """
        bare = text.translate(_DECORATION)
        if not NUMBERS[self.decimal].fullmatch(bare):
            raise BadValueError(f"{text[:40]!r} is not a number")
        if self.decimal == ",":
            return Decimal(bare.replace(".", "").replace(",", "."))
        return Decimal(bare.replace(",", ""))


def _time_ms(text: str, formats: tuple[str, ...], zone: ZoneInfo) -> int:
    for pattern in formats:
        try:
            return _one_format(text, pattern, zone)
        except (ValueError, ArithmeticError):
            continue
    raise BadValueError(f"{text[:40]!r} is not a time ({', '.join(formats)})")


def _one_format(text: str, pattern: str, zone: ZoneInfo) -> int:
    if pattern in {"unix", "unix_ms"}:
        return int(Decimal(text) * (1000 if pattern == "unix" else 1))
    time = datetime.fromisoformat(text) if pattern == "iso" else datetime.strptime(text, pattern)  # noqa: DTZ007 - next line
    # A local time that the clocks show twice is the first one.
    return time_ms_of(time if time.tzinfo else time.replace(tzinfo=zone))


def boolean_of(text: str) -> bool:
    """True or False for the usual spellings.

    Raises:
        BadValueError: it is none of them.
    """
    word = text.casefold()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise BadValueError(f"{text[:40]!r} is neither true nor false")


@functools.lru_cache(maxsize=_CACHED)
def rfc3339(time_ms: int) -> str:
    """The time as events write it, in UTC.

    Raises:
        BadValueError: it lies outside of the years 1 to 9999.

    >>> rfc3339(0), rfc3339(1500)
    ('1970-01-01T00:00:00Z', '1970-01-01T00:00:01.500Z')
    """
    try:
        time = _EPOCH + timedelta(milliseconds=time_ms)
    except OverflowError:
        raise BadValueError("the time is out of bounds") from None
    text = time.isoformat(timespec="milliseconds" if time_ms % 1000 else "seconds")
    return text.removesuffix("+00:00") + "Z"


def text_of_number(number: Decimal | int) -> str:
    """The number without an exponent.

    >>> text_of_number(Decimal("1E+3"))
    '1000'
    """
    return format(number, "f") if isinstance(number, Decimal) else str(number)
