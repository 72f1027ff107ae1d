"""What counts at the cut of a snapshot."""

from datetime import date
from pathlib import Path

import pytest

from stream_kpis.engine.partition import partition_of
from stream_kpis.events.envelope import Record, encode_event
from stream_kpis.proof.oracle import Rate
from stream_kpis.proof.pipeline import counted, rates_until
from stream_kpis.settings import Settings

PARTITIONS = 4
VALUE = encode_event("customer.created", id="1", source="s", time="2026-01-01T00:00:00Z", subject="p", data={})
HOME = partition_of(b"p", PARTITIONS)
AWAY = (HOME + 1) % PARTITIONS


@pytest.mark.parametrize("key", [b"p", None])
def test_an_event_away_from_home_counts_when_its_copy_is_counted(key: bytes | None) -> None:
    """Until then no shard has counted it, though its original is read."""
    astray = Record("crm.customers", AWAY, 0, 0, key, VALUE)
    copy = Record("crm.rekeyed", HOME, 0, 0, b"p", VALUE)
    assert counted([astray], PARTITIONS) == []
    assert counted([astray, copy], PARTITIONS) == [astray]


def test_an_event_at_home_counts() -> None:
    here = Record("crm.customers", HOME, 0, 0, b"p", VALUE)
    assert counted([here], PARTITIONS) == [here]


def test_what_has_no_party_is_left_to_the_reader() -> None:
    nobody = Record("crm.customers", 0, 0, 0, None, b"no event")
    assert counted([nobody], PARTITIONS) == [nobody]


def rate(offset: int, timestamp: int, value: bytes | None) -> Record:
    return Record("crm.rates", 0, offset, timestamp, None, value)


def euro(worth: str) -> bytes:
    return b'{"currency": "EUR", "date": "2026-03-01", "rate": "%s"}' % worth.encode()


def test_the_oracle_is_given_the_rates_as_they_were_written(tmp_path: Path) -> None:
    """Those of the file first, unfilled; of the topic those that are some, contradictions too, until the snapshot."""
    file = tmp_path / "rates.csv"
    file.write_text("date,currency,rate\n2026-03-09,JPY,0.007\n2026-03-06,JPY,0.006\n")
    told = [
        rate(0, 10, euro("1.5")), rate(1, 11, euro("1.6")), rate(2, 12, b"none"), rate(3, 12, None),
        rate(4, 12, euro("0")), rate(5, 21, euro("1.7")), rate(6, 20, euro("1.8")),
        Record("crm.targets", 0, 0, 12, None, euro("9")),
    ]  # fmt: skip
    known = rates_until(Settings(rates=file, rates_carry_days=2), told, 20)
    first = date(2026, 3, 1)
    assert known.carry_days == 2
    assert known.rows == (
        Rate("JPY", date(2026, 3, 9), "0.007", 0), Rate("JPY", date(2026, 3, 6), "0.006", 0),
        Rate("EUR", first, "1.5", 10), Rate("EUR", first, "1.6", 11), Rate("EUR", first, "1.8", 20),
    )  # fmt: skip
    assert rates_until(Settings(), [], 20).rows == ()
