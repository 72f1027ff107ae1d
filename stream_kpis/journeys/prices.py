"""Prices: how much more one is than another, though each has the rate of its own date, and about how much one is."""

from stream_kpis.events.envelope import Paid
from stream_kpis.events.money import converted, pico_of
from stream_kpis.events.types import MICRO


def dearer_by(before: int, paid_before: Paid | None, now: int, paid: Paid | None) -> int:
    """Micro-units of the reporting currency that the price rose by: of what was paid, if that is in one currency.

    Args:
        before: the price before, converted.
        paid_before: the same in its own currency; None in the reporting one.
        now: the price now, converted.
        paid: the same in its own currency, at whose rate the difference is converted.
    """
    if paid_before is None or paid is None or paid_before.currency != paid.currency:
        return now - before
    return converted((paid.amount or 0) - (paid_before.amount or 0), pico_of(paid.rate))


def bucket_of(value: int) -> str:
    """The largest of 1, 2, 5, 10, 20, 50 … units that micro-units hold, as text; ``0`` below one unit.

    >>> [bucket_of(units * 1_000_000) for units in (-3, 0, 1, 4, 5, 99, 100)]
    ['0', '0', '1', '2', '5', '50', '100']
    """
    units = value // MICRO
    if units < 1:
        return "0"
    digits = str(units)
    return ("5" if digits[0] >= "5" else "2" if digits[0] >= "2" else "1") + "0" * (len(digits) - 1)
