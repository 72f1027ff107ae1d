"""The simulated company abroad: the same events in several currencies, rates that come late, one result."""

import random
from collections import Counter
from datetime import date
from itertools import pairwise

import pytest

from stream_kpis.engine.compiler import compile_catalogue
from stream_kpis.engine.tiles import DAY_MS, Calendar
from stream_kpis.events.envelope import Incoming, Reader
from stream_kpis.events.money import CURRENCIES
from stream_kpis.kpis.load import built_in
from stream_kpis.proof.replay import laid_out, replay
from stream_kpis.proof.simulate import Simulation, daily_rates, faults, in_currencies
from tests.engine.worlds import NOW_MS

DAYS = 120
HOME = list(Simulation(3, 100).history(6_000, DAYS, NOW_MS))
ABROAD = list(in_currencies(HOME, 3))
FIRST = date.fromordinal(Calendar().day_of(NOW_MS).toordinal() - DAYS - 1)
RATES = [rate for rate in daily_rates(FIRST, DAYS + 10, 3) if rate.known_ms <= NOW_MS]


def test_only_what_is_paid_differs() -> None:
    """Same seed, same bytes; orders, deals, plans and costs in each currency, with its decimals."""
    assert list(in_currencies(HOME, 3)) == ABROAD
    assert [event._replace(value=b"") for event in HOME] == [event._replace(value=b"") for event in ABROAD]
    reader, currencies, topics = Reader(), Counter(), set()
    for before, after in zip(HOME, ABROAD, strict=True):
        if before != after:
            incoming = reader.read(after.value, None, after.time_ms)
            assert isinstance(incoming, Incoming)
            assert incoming.currency is not None
            currencies[incoming.currency] += 1
            topics.add(after.topic)
            amount = getattr(incoming.event.data, "amount", None) or 0
            assert amount * 10 ** CURRENCIES[incoming.currency] % 10**6 == 0
    assert currencies.keys() == {"EUR", "GBP", "JPY"}
    assert min(currencies.values()) > 20
    assert topics == {"crm.orders", "crm.deals", "crm.customers", "crm.costs"}


def test_some_rates_are_late_and_some_never_come() -> None:
    """But most are there before their day begins; from day to day they move a little."""
    found = daily_rates(FIRST, 400, 3)
    assert [rate.known_ms for rate in found] == sorted(rate.known_ms for rate in found)
    late = sum(rate.known_ms >= Calendar().start_of(date.fromisoformat(rate.date)) + DAY_MS for rate in found)
    assert 0.05 < late / len(found) < 0.15
    assert 3 * 400 - 60 < len(found) < 3 * 400
    euros = sorted((rate.date, rate.pico) for rate in found if rate.currency == "EUR")
    assert all(abs(after / before - 1) < 0.05 for (_, before), (_, after) in pairwise(euros))


@pytest.mark.parametrize("kinds", [(), ("duplicate", "late", "shuffle", "poison", "misroute")])
def test_whenever_the_rates_come_the_values_are_the_same(kinds: tuple[str, ...]) -> None:
    """In any cut, with one shard or three, with all rates before all events or in between."""
    plan, reader, calendar = compile_catalogue(built_in()), Reader(), Calendar()
    found = []
    for seed, partitions in ((1, 3), (2, 3), (3, 1)):
        logs = laid_out(faults(ABROAD, kinds, 5, partitions) if kinds else ABROAD, partitions, NOW_MS)
        model, shards = replay(plan, logs, partitions, reader, calendar, NOW_MS, random.Random(seed), rates=RATES)
        counters = sum((shard.counters for shard in shards), Counter())
        assert counters["parked"] + counters["dead_letters:no_rate"] > 3
        found.append(model.snapshot(NOW_MS).values)
    assert found[0] == found[1] == found[2]
    net = next(value for value in found[0] if (value.kpi, value.window, value.by) == ("revenue_net", "all", ""))
    assert net.samples > 300
