"""Rates of exchange: what one unit of a currency is worth in the reporting currency, for events of a date."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from math import floor
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from msgspec import structs

from stream_kpis.events.envelope import Event
from stream_kpis.events.types import AMOUNT_UNITS_MAX, MICRO, Money, OrderItem

WAIT_MS = 7 * 86_400_000
"""How long after an event's record its rate may become known."""

_PICO = 10**12


class Rate(NamedTuple):
    """One row.

    Attributes:
        currency: code of ISO 4217.
        date: of the events that it is for.
        worth: units of the reporting currency for one unit: an exact decimal.
        known_ms: the timestamp of its record; 0 if it is of the file.
    """

    currency: str
    date: date
    worth: str
    known_ms: int = 0


class Rates:
    """Which rate an event has.

    Args:
        rows: in the order of their records; those of the file go before all others.
        reporting: the reporting currency, which has no rate.
        zone: of the business days.
        carry_days: how many missing dates between two of the file take the earlier one's rate.
    """

    def __init__(self, rows: Iterable[Rate], reporting: str, zone: str, carry_days: int = 0) -> None:
        self.reporting = reporting
        self._zone = ZoneInfo(zone)
        self._first: dict[tuple[str, date], Rate] = {}
        rows = [row for row in rows if row.currency != reporting]
        of_file = [row for row in rows if row.known_ms == 0]
        later = [row for row in rows if row.known_ms != 0]
        for row in (*of_file, *_carried(of_file, carry_days), *later):
            self._first.setdefault((row.currency, row.date), row)
        self.currencies = sorted({row.currency for row in rows})

    def of(self, currency: str, time_ms: int, recorded_ms: int) -> Fraction | None:
        """The rate of an event in another currency; None if it has none."""
        day = datetime.fromtimestamp(time_ms // 1000, self._zone).date()
        rate = self._first.get((currency, day))
        return Fraction(rate.worth) if rate and rate.known_ms <= recorded_ms + WAIT_MS else None

    def paid(self, event: Event) -> dict[str, Any] | None:
        """What the table says of an event's money, by column: amounts converted, and as they were paid.

        None if an amount is out of bounds, so that the event is none.
        """
        amounts = {field: value for field, value in structs.asdict(event.data).items() if isinstance(value, Money)}
        items = [(item, item.amount) for item in getattr(event.data, "items", ()) if item.amount is not None]
        every = [*amounts.values(), *(amount for _, amount in items)]
        if not amounts:
            return {}
        currency = getattr(event.data, "currency", None) or self.reporting
        rate = Fraction(1) if currency == self.reporting else self.of(currency, event.time_ms, event.recorded_ms)
        if rate is None:
            return {"unrated": True}
        if any(abs(round(amount * rate)) > AMOUNT_UNITS_MAX * MICRO for amount in every):
            return None
        units, rest = divmod(rate * _PICO, _PICO)
        paid = amounts.get("amount", amounts.get("value"))
        named = {} if paid is None else {"paid": int(paid)}
        converted = {field: round(amount * rate) for field, amount in amounts.items()}  # halves to even
        lines = {"lines": [_line(item, round(amount * rate)) for item, amount in items]} if items else {}
        return {**converted, **named, **lines, "paid_in": currency, "rate": units, "rate_rest": int(rest)}


def _line(item: OrderItem, amount: int) -> dict[str, Any]:
    """An item and its amount, converted; its quantity in thousandths as it is written, 1.001 being 1001 of them."""
    return {"product": item.product, "amount": amount, "thousandths": floor(1000 * Fraction(repr(item.quantity)))}


def _carried(rows: Iterable[Rate], days: int) -> Iterator[Rate]:
    """What fills the dates between two of the same currency, after the earlier one."""
    in_order = sorted(rows, key=lambda row: (row.currency, row.date))
    for row, following in pairwise(in_order):
        if row.currency == following.currency:
            missing = (following.date - row.date).days - 1
            for ahead in range(1, min(missing, days) + 1):
                yield row._replace(date=row.date + timedelta(days=ahead))
