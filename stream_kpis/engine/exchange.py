"""The amounts of an event in the reporting currency, at the rate of its date. The rates that were used are kept."""

from typing import Any

import msgspec

from stream_kpis.engine.tiles import DAY_MS, Calendar
from stream_kpis.events.envelope import AMOUNTS, Event, Incoming, Paid
from stream_kpis.events.money import Rate, converted, rate_of
from stream_kpis.events.rates import Rates
from stream_kpis.events.types import AMOUNT_UNITS_MAX, MICRO, Money

RATE = "rate"
"""Begins the keys of the rates that a shard used, in the parties changelog: then currency and date."""
WAIT_MS = 7 * DAY_MS
"""How long after an event its rate may be made known."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[str, int]).decode


class OutOfBounds(Exception):  # noqa: N818 - says what happened
    """An amount is too large in the reporting currency."""


class Exchange:
    """Converts events; a rate that it used is the shard's for good, whatever becomes of where it came from.

    Args:
        rates: all that are known by now, shared and growing.
        calendar: the business days, whose dates rates are of.
    """

    def __init__(self, rates: Rates, calendar: Calendar) -> None:
        self.rates = rates
        self._calendar = calendar
        self._used: dict[tuple[str, str], Rate] = {}
        self._changed: list[Rate] = []

    def rate(self, incoming: Incoming) -> Rate | None:
        """The rate of an event, if it is known and was made known in time."""
        event, currency, day = incoming.event, incoming.currency or "", self.day(incoming)
        used, known = self._used.get((currency, day)), self.rates.get(currency, day)
        found = known if used is None or (known is not None and known.pico == used.pico) else used
        return found if found is not None and found.known_ms <= event.recorded_ms + WAIT_MS else None

    def day(self, incoming: Incoming) -> str:
        """The date whose rate an event takes."""
        return self._calendar.day_of(incoming.event.time_ms).isoformat()

    def converted(self, incoming: Incoming) -> Event | None:
        """The event with its amounts in the reporting currency; None if its rate is not known.

        Raises:
            OutOfBounds: one of them cannot be held.
        """
        event, rate = incoming.event, self.rate(incoming)
        if rate is None:
            return None
        data: Any = event.data
        names = AMOUNTS[type(data)]
        changes: dict[str, Any] = {name: _exchanged(getattr(data, name), rate) for name in names}
        if items := getattr(data, "items", ()):
            replace = msgspec.structs.replace
            changes["items"] = tuple(replace(item, amount=_exchanged(item.amount, rate)) for item in items)
        self._note(rate)
        return msgspec.structs.replace(
            event,
            data=msgspec.structs.replace(data, currency=None, **changes),
            paid=Paid(rate.currency, getattr(data, names[0]), rate.text),
        )

    def _note(self, rate: Rate) -> None:
        key = rate.currency, rate.date
        if key not in self._used:
            self._used[key] = rate
            self._changed.append(rate)

    def take(self) -> list[tuple[bytes, bytes | None]]:
        """The changelog records of the rates used first since the last take."""
        changed, self._changed = self._changed, []
        return [(_encode((RATE, rate.currency, rate.date)), _encode((rate.text, rate.known_ms))) for rate in changed]

    def restore(self, currency: str, day: str, value: bytes) -> None:
        """Takes a record of the changelog, which is never taken back."""
        worth, known_ms = _decode(value)
        self._used[currency, day] = rate_of(currency, day, worth, known_ms)

    def disagreement(self) -> tuple[Rate, Rate] | None:
        """A rate that was used, and another one that is known now."""
        for key, used in self._used.items():
            known = self.rates.get(*key)
            if known is not None and known.pico != used.pico:
                return used, known
        return None


def _exchanged(amount: int | None, rate: Rate) -> Money | None:
    if amount is None:
        return None
    micro = converted(amount, rate.pico)
    if abs(micro) > AMOUNT_UNITS_MAX * MICRO:
        raise OutOfBounds(f"an amount in {rate.currency} is out of bounds at the rate {rate.text}")
    return Money(micro)
