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


_PAID_IN = weighted(
    {
        None: 11,
        Abroad("EUR", 0.92): 5,
        Abroad("GBP", 0.79): 2,
        Abroad("JPY", 149.5): 2,
        Abroad("KWD", 0.307): 1,
        Abroad("BHD", 0.376): 1,
    }
)
"""What a party pays in, by shares; None: as the event has it, in dollars."""
_AT_HOME = 33
"""One event in so many is not priced in the currency of its party."""
_NEVER_TOLD = "BHD"
"""With faults nobody makes any rate of it known."""
_SATURDAY = 5
_FILED = "KWD"
"""Its rates can be had as a file, of working days."""
CARRY_DAYS = 2
"""How many dates missing in that file take the rate of the one before: a weekend."""
_LATE, _TOO_LATE, _MISSING, _CORRECTED = 0.1, 0.03, 0.02, 0.05
"""With faults, the shares of days whose rate is made known after them, after a week, never, or twice."""


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


def daily_rates(first: date, days: int, seed: int, *, faulty: bool = False) -> list[Rate]:
    """The rates of each day, that wander by up to one percent; in the order in which they are made known.

    All are known before their day; if ``faulty``, some up to six days after its end, some when it is too late for what
    was recorded then, some never, of one currency none; and some are told again, otherwise, which changes nothing.
    """
    found = []
    for currency, per_dollar in sorted({paid_in for paid_in in _PAID_IN if paid_in is not None}):
        if not (faulty and currency == _NEVER_TOLD):
            found += list(_of_each_day(Abroad(currency, per_dollar), first, days, seed, faulty=faulty))
    return sorted(found, key=lambda rate: rate.known_ms)


def _of_each_day(paid_in: Abroad, first: date, days: int, seed: int, *, faulty: bool) -> Iterator[Rate]:
    dice, worth = Dice(f"{seed} {paid_in.currency}"), 1 / paid_in.per_dollar
    wrong = Dice(f"{seed} {paid_in.currency} faults")  # so that the rates are the same with and without
    for number in range(days):
        day = first + timedelta(days=number)
        worth *= 1 + 0.02 * (dice.random() - 0.5)
        known_ms = _known_ms(day, wrong) if faulty else _start_ms(day) - HOUR
        if known_ms is None:
            continue
        yield rate_of(paid_in.currency, day.isoformat(), f"{worth:.6f}", known_ms)
        if faulty and wrong.chance(_CORRECTED):
            again_ms = known_ms + wrong.between(HOUR, 3 * DAY)
            yield rate_of(paid_in.currency, day.isoformat(), f"{worth * 1.01:.6f}", again_ms)


def _known_ms(day: date, wrong: Dice) -> int | None:
    """When the rate of a day is made known; None for never."""
    start_ms, when = _start_ms(day), wrong.random()
    if when < _MISSING:
        return None
    if when < _MISSING + _TOO_LATE:
        return start_ms + wrong.between(8 * DAY, 20 * DAY)
    if when < _MISSING + _TOO_LATE + _LATE:
        return start_ms + wrong.between(DAY, 7 * DAY)
    return start_ms - HOUR


def _start_ms(day: date) -> int:
    return (day - date(1970, 1, 1)).days * DAY


def parted(rates: Iterable[Rate]) -> tuple[list[Rate], list[Rate]]:
    """The rates that are in a file, by date: of one currency, as first told, on working days; and those told."""
    of_file: dict[str, Rate] = {}
    told = []
    for rate in rates:
        if rate.currency != _FILED:
            told.append(rate)
        elif date.fromisoformat(rate.date).weekday() < _SATURDAY:
            of_file.setdefault(rate.date, rate._replace(known_ms=0))
    return sorted(of_file.values()), told
