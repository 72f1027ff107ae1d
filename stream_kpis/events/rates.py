"""The rates of a deployment: read from a file and from records, the first one of a currency and date for good."""

import csv
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from stream_kpis.events.money import Rate, rate_of

RATES_MAX = 500_000
"""Rates held: 45 currencies over thirty years; further ones are ignored and counted."""

_COLUMNS = ("date", "currency", "rate")


class Rates:
    """All rates known, and how many records were of no use.

    Args:
        reporting: the reporting currency, which has no rate.
    """

    def __init__(self, reporting: str = "USD") -> None:
        self.reporting = reporting
        self.ignored = 0
        """Records that are no rate, or differ from what came first of their currency and date."""
        self._known: dict[tuple[str, str], Rate] = {}

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[Rate]:
        return iter(self._known.values())

    def get(self, currency: str, day: str) -> Rate | None:
        """The rate of a currency for events of a date."""
        return self._known.get((currency, day))

    def add(self, rate: Rate) -> None:
        """Takes a rate, unless there is one of its currency and date; another one than that is counted."""
        if (
            rate.currency == self.reporting
            or len(self._known) >= RATES_MAX
            or self._known.setdefault((rate.currency, rate.date), rate).pico != rate.pico
        ):
            self.ignored += 1

    def add_record(self, value: bytes | None, timestamp_ms: int) -> None:
        """Takes a record of the topic of rates: ``{"currency": "EUR", "date": "2026-03-02", "rate": "1.0832"}``."""
        try:
            said = _decode(value or b"")
            self.add(rate_of(said.currency, said.date, said.rate, timestamp_ms))
        except ValueError:  # msgspec's are ones too
            self.ignored += 1


class _Record(msgspec.Struct):
    currency: str
    date: str
    rate: str


_decode = msgspec.json.Decoder(_Record).decode


def encode_rate(rate: Rate) -> tuple[bytes, bytes]:
    """A rate as a record of the topic of rates: key, value."""
    value = {"currency": rate.currency, "date": rate.date, "rate": rate.text}
    return f"{rate.currency}/{rate.date}".encode(), msgspec.json.encode(value)


def read_rates(file: Path | None, reporting: str, carry_days: int = 0) -> Rates:
    """The rates of a CSV file with the columns ``date``, ``currency``, ``rate``, in any order.

    Args:
        file: None for no rates at all.
        reporting: the reporting currency, in which the rates are.
        carry_days: how many dates missing between two of a currency take the earlier one's rate.

    Raises:
        ValueError: the file cannot be read, or a line is wrong or says otherwise than one before; with file and line.
    """
    rates = Rates(reporting)
    if file is None:
        return rates
    by_currency: dict[str, list[Rate]] = {}
    for line, rate in _rows(file):
        where = f"rates: {file}:{line}"
        if rate.currency == reporting:
            raise ValueError(f"{where}: {reporting} is the reporting currency: it has no rate, leave the line out")
        known = rates.get(rate.currency, rate.date)
        if known is not None and known.pico != rate.pico:
            raise ValueError(
                f"{where}: {rate.currency} of {rate.date} is {known.text} in a line before: keep one of them"
            )
        if known is None:
            rates.add(rate)
            by_currency.setdefault(rate.currency, []).append(rate)
    for known_ones in by_currency.values():
        for filled in _carried(sorted(known_ones), carry_days):
            rates.add(filled)
    return rates


def _rows(file: Path) -> Iterator[tuple[int, Rate]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.DictReader(stream)
            missing = [name for name in _COLUMNS if name not in (rows.fieldnames or ())]
            if missing:
                raise ValueError(f"rates: {file}:1: no column {missing[0]}: the first line is {','.join(_COLUMNS)}")
            for row in rows:
                if None in row:  # where the reader puts what the header has no name for
                    raise ValueError(_too_wide(f"rates: {file}:{rows.line_num}", row, len(rows.fieldnames or ())))
                day, currency, worth = ((row[name] or "").strip() for name in _COLUMNS)
                try:
                    yield rows.line_num, rate_of(currency, day, worth)
                except ValueError as error:
                    raise ValueError(f"rates: {file}:{rows.line_num}: {error}") from None
    except OSError as error:
        raise ValueError(f"rates: cannot read {file}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"rates: {file} is no CSV in UTF-8: {error}") from error


def _too_wide(where: str, row: dict[Any, Any], named: int) -> str:
    """An unquoted decimal comma makes two columns of a rate, of which the first one would pass for it."""
    columns = named + len(row[None])
    return f"{where}: {columns} columns, the first line has {named}: write a rate with a point, as 1.0832"


def _carried(rates: list[Rate], days: int) -> Iterator[Rate]:
    """Into the dates missing between two: at most ``days`` of them, from the earlier one on."""
    for earlier, later in pairwise(rates):
        first, end = date.fromisoformat(earlier.date), date.fromisoformat(later.date)
        for number in range(1, min(days, (end - first).days - 1) + 1):
            yield earlier._replace(date=(first + timedelta(days=number)).isoformat())
