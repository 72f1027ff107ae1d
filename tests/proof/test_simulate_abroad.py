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
from stream_kpis.proof.simulate import Simulation, daily_rates, faults, in_currencies, parted
from tests.engine.worlds import NOW_MS

pytestmark = pytest.mark.slow

DAYS = 120
HOME = list(Simulation(3, 100).history(6_000, DAYS, NOW_MS))
ABROAD = list(in_currencies(HOME, 3))
FIRST = date.fromordinal(Calendar().day_of(NOW_MS).toordinal() - DAYS - 1)
RATES = [rate for rate in daily_rates(FIRST, DAYS + 10, 3, faulty=True) if rate.known_ms <= NOW_MS]


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
    assert currencies.keys() == {"EUR", "GBP", "JPY", "KWD", "BHD"}
    assert min(currencies.values()) > 10
    assert topics == {"crm.orders", "crm.deals", "crm.customers", "crm.costs"}


def test_rates_are_known_before_their_day_and_move_a_little() -> None:
    found = daily_rates(FIRST, 400, 3)
    assert len(found) == 5 * 400
    assert [rate.known_ms for rate in found] == sorted(rate.known_ms for rate in found)
    assert all(rate.known_ms < Calendar().start_of(date.fromisoformat(rate.date)) for rate in found)
    euros = sorted((rate.date, rate.pico) for rate in found if rate.currency == "EUR")
    assert all(abs(after / before - 1) < 0.02 for (_, before), (_, after) in pairwise(euros))


def test_with_faults_some_are_late_some_never_come_and_some_come_again() -> None:
    """The first ones of each date are those that come without faults; of one currency none comes."""
    without = {rate[:2]: rate.pico for rate in daily_rates(FIRST, 400, 3)}
    found, firsts = daily_rates(FIRST, 400, 3, faulty=True), {}
    assert [rate.known_ms for rate in found] == sorted(rate.known_ms for rate in found)
    for rate in found:
        firsts.setdefault(rate[:2], rate)
    assert all(rate.pico == without[key] for key, rate in firsts.items())
    assert {currency for currency, _ in firsts} == {"EUR", "GBP", "JPY", "KWD"}
    assert 4 * 400 - 60 < len(firsts) < 4 * 400
    again = [rate for rate in found if rate != firsts[rate[:2]]]
    assert 0.03 < len(again) / len(firsts) < 0.07
    assert all(rate.pico != firsts[rate[:2]].pico for rate in again)
    days = [(rate.known_ms - Calendar().start_of(date.fromisoformat(rate.date))) // DAY_MS for rate in firsts.values()]
    assert 0.07 < sum(1 <= day < 7 for day in days) / len(days) < 0.13
    assert 0.01 < sum(day >= 8 for day in days) / len(days) < 0.05


def test_a_file_has_the_working_days_of_one_currency_and_the_rest_is_told() -> None:
    every = daily_rates(FIRST, 400, 3, faulty=True)
    of_file, told = parted(every)
    assert {rate.currency for rate in of_file} == {"KWD"}
    assert {rate.known_ms for rate in of_file} == {0}
    assert {date.fromisoformat(rate.date).weekday() for rate in of_file} == set(range(5))
    assert len({rate.date for rate in of_file}) == len(of_file) > 250
    assert told == [rate for rate in every if rate.currency != "KWD"]


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
