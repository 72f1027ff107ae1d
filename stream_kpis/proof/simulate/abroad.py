"""A company that sells abroad: the same events, some priced in another currency, and the rates of each day."""

import zlib
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from stream_kpis.events.envelope import AMOUNTS
from stream_kpis.events.money import CURRENCIES, Rate, rate_of
from stream_kpis.events.types import KIND_OF_NAME
from stream_kpis.proof.simulate.dice import DAY, HOUR, Dice, weighted
from stream_kpis.proof.simulate.world import Simulated


class Abroad(NamedTuple):
    """A currency, and about how many units of it one US dollar is."""

    currency: str
    per_dollar: float


_PAID_IN = weighted({None: 11, Abroad("EUR", 0.92): 5, Abroad("GBP", 0.79): 2, Abroad("JPY", 149.5): 2})
"""What a party pays in, by shares; None: as the event has it, in dollars."""
_AT_HOME = 33
"""One event in so many is not priced in the currency of its party."""
_LATE, _MISSING = 0.1, 0.02
"""The shares of days whose rate is made known long after, and never."""


def in_currencies(events: Iterable[Simulated], seed: int) -> Iterator[Simulated]:
    """The events, with the amounts of some parties in another currency: always the same of a party, but seldom none."""
    for event in events:
        paid_in = None if zlib.crc32(event.value) % _AT_HOME == 0 else _paid_in(event.party, seed)
        yield event if paid_in is None else _priced(event, paid_in)


@lru_cache(1 << 16)
def _paid_in(party: str, seed: int) -> Abroad | None:
    return Dice(f"{seed} {party}").pick(_PAID_IN)


_KINDS = {name: AMOUNTS[kind.data] for name, kind in KIND_OF_NAME.items() if AMOUNTS[kind.data]}
_NAMED = tuple(b'"%s"' % name.encode() for name in _KINDS)


def _priced(event: Simulated, paid_in: Abroad) -> Simulated:
    if not any(name in event.value for name in _NAMED):
        return event
    said = msgspec.json.decode(event.value)
    data: dict[str, Any] = said["data"]
    given = [field for field in _KINDS[said["type"]] if field in data]
    if not given:
        return event
    for item in (data, *data.get("items", ())):
        for field in given:
            if field in item:
                item[field] = _worth(item[field], paid_in)
    data["currency"] = paid_in.currency
    return event._replace(value=msgspec.json.encode(said))


def _worth(amount: Any, paid_in: Abroad) -> int | str:
    """The amount as it is written in the currency, with its decimals."""
    worth = float(amount) * paid_in.per_dollar
    exponent = CURRENCIES[paid_in.currency]
    return f"{worth:.{exponent}f}" if exponent else round(worth)


def daily_rates(first: date, days: int, seed: int) -> list[Rate]:
    """The rates of each day, that wander by up to one percent; in the order in which they are made known.

    Most are known before their day, some up to six days after its end, and some never.
    """
    found = []
    for _, paid_in in sorted((paid_in.currency, paid_in) for paid_in in set(_PAID_IN) if paid_in is not None):
        dice, worth = Dice(f"{seed} {paid_in.currency}"), 1 / paid_in.per_dollar
        for number in range(days):
            day = first + timedelta(days=number)
            worth *= 1 + 0.02 * (dice.random() - 0.5)
            start_ms = (day - date(1970, 1, 1)).days * DAY
            when = dice.random()
            if when < _MISSING:
                continue
            known_ms = start_ms + dice.between(DAY, 7 * DAY) if when < _LATE else start_ms - HOUR
            found.append(rate_of(paid_in.currency, day.isoformat(), f"{worth:.6f}", known_ms))
    return sorted(found, key=lambda rate: rate.known_ms)
