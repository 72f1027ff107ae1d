"""How much more one price is than another, though each was converted at the rate of its own date."""

from stream_kpis.events.envelope import Paid
from stream_kpis.events.money import converted, pico_of


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
