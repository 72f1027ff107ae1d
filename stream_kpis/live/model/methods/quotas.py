"""What was sold of what each owner is to sell in a month, quarter or year."""

from collections.abc import Iterator

from stream_kpis.engine.measures import COUNT, SUM
from stream_kpis.live.model.methods.asked import Asked
from stream_kpis.live.model.snapshot import Value

_MONTHS = {"mtd": 1, "qtd": 3, "ytd": 12}


def quota(asked: Asked) -> Iterator[Value]:
    """Sold over quota of the whole period, of owners that have one.

    The formula names the measures: sales, and what is taken off them, in this order.
    """
    sold, refunded = (read() for read in asked.measured.values())
    quotas, months = asked.goals.quotas, _MONTHS.get(asked.window, 0)
    for owners in ([owner] for owner in sorted(quotas)) if asked.by else [list(quotas)]:
        due = months * sum(quotas[owner] for owner in owners)
        net = sum(sold.get(o, {}).get(SUM, 0) - refunded.get(o, {}).get(SUM, 0) for o in owners)
        orders = sum(sold.get(owner, {}).get(COUNT, 0) for owner in owners)
        found = asked.made(owners[0] if asked.by else "", net / due if due else None, orders)
        yield found._replace(numerator=net, denominator=due)
