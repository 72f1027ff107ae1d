"""What counts at the cut of a snapshot."""

import pytest

from stream_kpis.engine.partition import partition_of
from stream_kpis.events.envelope import Record, encode_event
from stream_kpis.proof.under_way import counted

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
