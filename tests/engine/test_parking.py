"""Events in other currencies: what counts is which events and which rates there are, not which came first."""

import random
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from stream_kpis.engine.definitions import DefinitionsChanged
from stream_kpis.engine.partition import partition_of
from stream_kpis.engine.rekeying import REKEYED_TOPIC
from stream_kpis.engine.shard import Shard
from stream_kpis.engine.tiles import DAY_MS, HOUR_MS, Calendar
from stream_kpis.events.envelope import Reader, Record
from stream_kpis.events.money import Rate, rate_of
from stream_kpis.events.rates import Rates
from tests.engine.shards import FOR_EVER_DAYS, UTC, Contents, Log, batch, new_shard, numbered, plan_of, records_of
from tests.engine.worlds import AGES_MS, NOW_MS, Happening, happenings, iso, void_of

law = settings(max_examples=40, derandomize=True, deadline=None, database=None, phases=[Phase.generate, Phase.shrink])
each_priced_journey = pytest.mark.parametrize("journey", ["orders", "purchases", "expansion", "deals"])
CURRENCIES = ("USD", "EUR", "JPY", None)
WAIT_MS = 7 * DAY_MS
ORDERS = plan_of("orders")


def all_rates() -> list[Rate]:
    """Of every day on which something may happen; no two are the same."""
    days = sorted({UTC.day_of(NOW_MS - age_ms).isoformat() for age_ms in AGES_MS})
    return [
        rate_of(currency, day, f"{base}.{number:02}")
        for currency, base in (("EUR", 1), ("JPY", 0))
        for number, day in enumerate(days, 1)
    ]


def rates_of(found: list[Rate]) -> Rates:
    """These, known."""
    rates = Rates()
    for rate in found:
        rates.add(rate)
    return rates


def priced(events: list[Happening]) -> list[Record]:
    """The events, their amounts in one currency or another."""
    return [_in(record, CURRENCIES[event.choice % 4]) for event, record in zip(events, records_of(events), strict=True)]


def _in(record: Record, currency: str | None) -> Record:
    event = msgspec.json.decode(record.value or b"")
    if currency is None:
        event["data"].pop("currency", None)
    else:
        event["data"]["currency"] = currency
    return record._replace(value=msgspec.json.encode(event))


def applied_with(journey: str, records: list[Record], rates: Rates) -> Log:
    """What a shard writes that knows the rates before it gets the records."""
    log, shard = Log(), new_shard(plan_of(journey), rates=rates)
    if records:
        shard.apply(batch(numbered(records)))
    log.append(shard.take(NOW_MS))
    return log


@each_priced_journey
@law
@given(st.data(), st.randoms(use_true_random=False))
def test_rates_may_come_at_any_time(journey: str, data: Any, dice: random.Random) -> None:
    """Before, between or after the events, in any order, over restarts: cells, scopes and rates are the same."""
    records, rates = priced(data.draw(happenings(journey))), all_rates()
    once = applied_with(journey, records, rates_of(rates))
    steps: list[Record | Rate] = [*records, *rates, *(record for record in records if dice.random() < 0.3)]
    dice.shuffle(steps)
    log, known, offset = Log(), Rates(), 0
    shard = new_shard(plan_of(journey), rates=known)
    for step in steps:
        if isinstance(step, Rate):
            known.add(step)
        else:
            shard.apply(batch([step._replace(offset=offset)]))
            offset += 1
        if dice.random() < 0.3:
            log.append(shard.take(NOW_MS))
            if dice.random() < 0.3:
                shard = log.recovered(plan_of(journey), rates=known)
    log.append(shard.take(NOW_MS))
    assert log.contents == once.contents
    assert log.scopes == once.scopes
    assert not log.dead_letters
    assert log.header is not None
    assert log.header.counters["parked"] == 0


@each_priced_journey
@law
@given(st.data(), st.randoms(use_true_random=False))
def test_what_has_no_rate_is_nowhere(journey: str, data: Any, dice: random.Random) -> None:
    """All the rest counts as if it had not come; nor does it come when its void does."""
    records = priced(data.draw(happenings(journey)))
    without = [record for record in records if b'"JPY"' not in (record.value or b"") or _is_unpriced(record)]
    only_euro = [rate for rate in all_rates() if rate.currency == "EUR"]
    log, known = Log(), rates_of(only_euro)
    shard = new_shard(plan_of(journey), rates=known)
    dice.shuffle(records)
    for number, record in enumerate(records):
        shard.apply(batch([record._replace(offset=number)]))
    log.append(shard.take(NOW_MS))
    expected = applied_with(journey, without, rates_of(only_euro))
    assert log.contents == expected.contents
    assert shard.counters["parked"] == len(records) - len(without)
    voids = [_void_of(record) for record in records if record not in without]
    if voids:
        shard.apply(batch([void._replace(offset=len(records) + n) for n, void in enumerate(voids)]))
    log.append(shard.take(NOW_MS))
    assert shard.counters["parked"] == 0
    for rate in all_rates():
        known.add(rate)
    log.append(shard.take(NOW_MS))
    assert log.contents == expected.contents
    assert not log.dead_letters


def _is_unpriced(record: Record) -> bool:
    data = msgspec.json.decode(record.value or b"")["data"]
    return not data.keys() & {"amount", "value", "cost_of_goods", "discount", "tax", "shipping"}


def _void_of(record: Record) -> Record:
    event = msgspec.json.decode(record.value or b"")
    happening = Happening(event["type"], NOW_MS, 0, event["id"], event["subject"])
    return record._replace(value=void_of(happening, "void " + event["id"]))


def order(
    amount: object, currency: str | None = "EUR", *, at_ms: int = NOW_MS, recorded_ms: int | None = None,
    offset: int = 0, name: str = "o", party: str = "p", **more: object,
) -> Record:  # fmt: skip
    """An order as a record."""
    value = msgspec.json.encode(
        {
            "specversion": "1.0", "id": name, "source": "s", "type": "order.placed", "time": iso(at_ms),
            "subject": party, "data": {"order_id": name, "amount": amount, "currency": currency, **more},
        }
    )  # fmt: skip
    return Record("crm.orders", 0, offset, at_ms if recorded_ms is None else recorded_ms, party.encode(), value)


def worth(contents: Contents) -> int:
    """The sum of all orders, in micro-units."""
    return sum(
        n for key, slots in contents.items() if key.startswith("order_placed_flow") and slots
        for (group, slot), n in slots.items() if slot == 1 and group == ""
    )  # fmt: skip


TODAY = UTC.day_of(NOW_MS).isoformat()
EURO = rate_of("EUR", TODAY, "1.1")


def test_the_date_is_of_the_business_zone() -> None:
    """An instant has one date here and another one there."""
    at_ms = NOW_MS - NOW_MS % DAY_MS - HOUR_MS  # 23:00 UTC of the day before
    for calendar, total in ((UTC, 2_000_000), (Calendar("Europe/Berlin"), 3_000_000)):
        yesterday, today = (UTC.day_of(t).isoformat() for t in (at_ms, NOW_MS))
        log, rates = Log(), rates_of([rate_of("EUR", yesterday, "2"), rate_of("EUR", today, "3")])
        shard = Shard(ORDERS, 0, 1, Reader(), calendar, FOR_EVER_DAYS, rates)
        shard.apply(batch([order(1, at_ms=at_ms)]))
        log.append(shard.take(NOW_MS))
        assert worth(log.contents) == total


def test_all_amounts_of_an_event_are_converted() -> None:
    """Each by itself; what it said is kept beside."""
    log, plan = Log(), plan_of("orders")
    shard = new_shard(plan, rates=rates_of([EURO]))
    shard.apply(batch([order("100.000005", cost_of_goods=10, tax=20)]))
    log.append(shard.take(NOW_MS))
    (kept,) = [value for key, value in log.parties.items() if b"orders" in key]
    (event,) = msgspec.msgpack.decode(kept)[-1]
    data, paid = event[4], event[7]
    assert (data["amount"], data["cost_of_goods"], data["tax"]) == (110_000_006, 11_000_000, 22_000_000)
    assert "currency" not in data
    assert paid == ["EUR", 100_000_005, "1.1"]


@pytest.mark.parametrize(("late_ms", "counts"), [(0, True), (1, False)])
@pytest.mark.parametrize("before", [True, False])
def test_seven_days_are_of_the_records(late_ms: int, counts: bool, before: bool) -> None:
    """Whether the rate or the event is read first: what decides is when each was recorded."""
    log, rates = Log(), Rates()
    shard = new_shard(ORDERS, rates=rates)
    rate = EURO._replace(known_ms=NOW_MS + WAIT_MS + late_ms)
    if before:
        rates.add(rate)
    shard.apply(batch([order(1)]))
    log.append(shard.take(NOW_MS + WAIT_MS + late_ms))
    rates.add(rate)
    log.append(shard.take(NOW_MS + WAIT_MS + HOUR_MS))
    assert not log.dead_letters
    log.append(shard.take(NOW_MS + WAIT_MS + HOUR_MS + 1))
    assert bool(log.contents) == counts
    assert [letter.reason for letter in log.dead_letters] == ([] if counts else ["no_rate"])


def test_a_dead_letter_without_rate_is_as_it_came() -> None:
    """With its origin and bytes, to be replayed; after a restart too. Then it is known no more."""
    headers: Any = (("trace", b"1"), ("nothing", None))
    log, record = Log(), order(1, offset=41)._replace(headers=headers)
    shard = new_shard(ORDERS)
    shard.apply(batch([record])._replace(topic="crm.orders"))
    log.append(shard.take(NOW_MS))
    assert not log.contents
    shard = log.recovered(ORDERS)
    assert shard.counters["parked"] == 1
    log.append(shard.take(NOW_MS + WAIT_MS + HOUR_MS + 1))
    (letter,) = log.dead_letters
    assert (letter.reason, letter.topic, letter.offset, letter.timestamp) == ("no_rate", "crm.orders", 41, NOW_MS)
    assert (letter.key, letter.value, letter.headers) == (record.key, record.value, record.headers)
    assert letter.detail == "no rate of EUR was made known within 7 days"
    assert not [key for key in log.parties if b"parked" in key]
    assert log.header is not None
    assert (log.header.counters["parked"], log.header.counters["dead_letters:no_rate"]) == (0, 1)


@pytest.mark.parametrize("parked", [True, False])
def test_a_parked_event_is_known(parked: bool) -> None:
    """The same bytes are a duplicate, other ones a conflict, in whatever currency: as if it had been applied."""
    log, rates = Log(), Rates() if parked else rates_of([EURO])
    shard = new_shard(ORDERS, rates=rates)
    records = [order(1), order(1), order(2), order(3, "USD")]
    shard.apply(batch(numbered(records)))
    rates.add(EURO)
    log.append(shard.take(NOW_MS))
    assert [(letter.reason, letter.offset) for letter in log.dead_letters] == [("id_conflict", 2), ("id_conflict", 3)]
    assert shard.counters["duplicates"] == 1
    assert worth(log.contents) == 1_100_000


def test_there_is_room_for_so_much() -> None:
    """What finds none is a dead letter at once, until some is free again; restored ones take room too."""
    records = [order(1, name=str(number), offset=number) for number in range(4)]
    size = len(records[0].value or b"") + len(records[0].key or b"")
    log, rates = Log(), Rates()
    shard = Shard(ORDERS, 0, 1, Reader(), UTC, FOR_EVER_DAYS, rates, 2 * size)
    shard.apply(batch(records[:3]))
    log.append(shard.take(NOW_MS))
    assert [(letter.reason, letter.offset) for letter in log.dead_letters] == [("no_rate", 2)]
    assert shard.counters["parked"] == 2
    rates.add(EURO)
    log.append(shard.take(NOW_MS))
    shard.apply(batch([order(1, "JPY", name="3", offset=3)]))
    log.append(shard.take(NOW_MS))
    assert (shard.counters["parked"], len(log.dead_letters)) == (1, 1)
    assert worth(log.contents) == 2_200_000


def test_what_grows_out_of_bounds_is_a_dead_letter() -> None:
    """An amount that cannot be added up any more."""
    log, shard = Log(), new_shard(ORDERS, rates=rates_of([EURO]))
    shard.apply(batch([order(10**12)]))
    log.append(shard.take(NOW_MS))
    assert [letter.reason for letter in log.dead_letters] == ["currency"]
    assert not log.contents


def test_a_rate_that_was_used_stays() -> None:
    """Gone from the file it still counts; another one in its place is refused."""
    log, shard = Log(), new_shard(ORDERS, rates=rates_of([EURO]))
    shard.apply(batch([order(1)]))
    log.append(shard.take(NOW_MS))
    shard = log.recovered(ORDERS)
    shard.apply(batch([order(1, name="another", offset=1)]))
    log.append(shard.take(NOW_MS))
    assert worth(log.contents) == 2_200_000
    line = f"the rate of EUR on {TODAY} is 1.2, but this state was counted with 1.1: set it back, or start with a new"
    with pytest.raises(DefinitionsChanged, match=line):
        log.recovered(ORDERS, rates=rates_of([rate_of("EUR", TODAY, "1.2")]))


def test_a_rate_that_was_used_may_be_known_earlier_later() -> None:
    """Written into the file after its record: then it was there in time for all."""
    log = Log()
    shard = new_shard(ORDERS, rates=rates_of([EURO._replace(known_ms=NOW_MS + WAIT_MS)]))
    shard.apply(batch([order(1), order(1, name="early", offset=1, recorded_ms=NOW_MS - 1)]))
    log.append(shard.take(NOW_MS))
    assert (worth(log.contents), shard.counters["parked"]) == (1_100_000, 1)
    log.append(log.recovered(ORDERS, rates=rates_of([EURO])).take(NOW_MS))
    assert worth(log.contents) == 2_200_000


def test_an_event_goes_home_before_it_waits() -> None:
    """The shard that it came to by mistake does not park it; re-keyed, it keeps its timestamp."""
    home = partition_of(b"p", 3)
    rates = Rates()
    shards = [Shard(ORDERS, number, 3, Reader(), UTC, FOR_EVER_DAYS, rates) for number in range(3)]
    stray = shards[(home + 1) % 3]
    stray.apply(batch([order(1)]))
    (sent,) = stray.take(NOW_MS).rekeyed
    assert stray.counters["parked"] == 0
    record = Record(REKEYED_TOPIC, home, 0, sent.timestamp, sent.key, sent.value, sent.headers)
    shards[home].apply(batch([record])._replace(topic=REKEYED_TOPIC))
    log = Log()
    log.append(shards[home].take(NOW_MS + DAY_MS))
    assert shards[home].counters["parked"] == 1
    rates.add(EURO._replace(known_ms=NOW_MS + WAIT_MS))
    log.append(shards[home].take(NOW_MS + DAY_MS))
    assert worth(log.contents) == 1_100_000


def test_what_no_journey_takes_does_not_wait() -> None:
    """It would never be of use."""
    shard = new_shard(plan_of("tickets"))
    shard.apply(batch([order(1)]))
    shard.take(NOW_MS)
    assert (shard.counters["unused"], shard.counters["parked"]) == (1, 0)
