"""A header whose name is not UTF-8 costs its own record, and stops nothing."""

from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy

from stream_kpis.events.envelope import Reader, Reason, Reject
from stream_kpis.stream import lenient

lenient.install()
NONE, ZSTD = 0, 4


class Name(str):
    """What other clients can send: a name of any bytes."""

    __slots__ = ()

    def encode(self, *_: Any) -> bytes:
        return b"x\xff\xfe"


def a_batch(start: int, broken: set[int], compression: int = NONE, producer: int = -1) -> bytes:
    """Five records from an offset on, as they lie in the log."""
    builder = _DefaultRecordBatchBuilderPy(2, compression, producer >= 0, producer, 0, 0, 1 << 20)
    for at in range(5):
        headers = [("fine", b"1"), (Name("x") if start + at in broken else "y", b"2")]
        builder.append(at, 1000 + start + at, b"key", b"value %d" % (start + at), headers)
    raw = builder.build()
    raw[:8] = start.to_bytes(8, "big")  # not part of the checksum
    return bytes(raw)


def records(raw: bytes, start: int = 0, aborted: tuple[tuple[int, int], ...] = ()) -> Any:
    """As aiokafka's fetcher makes them."""
    return fetcher.PartitionRecords(
        TopicPartition("crm.leads", 0), fetcher.MemoryRecords(raw), list(aborted), start, None, None, True,
        fetcher.READ_COMMITTED,
    )  # fmt: skip


@pytest.mark.parametrize("compression", [NONE, ZSTD])
@pytest.mark.parametrize("broken", [{0}, {4}, {7}, {2, 3, 6}, {14}])
def test_every_record_is_read_once_with_its_bytes(broken: set[int], compression: int) -> None:
    read = records(b"".join(a_batch(start, broken, compression) for start in (0, 5, 10)))
    found = list(read)
    assert [(record.offset, record.timestamp, record.key, record.value) for record in found] == [
        (offset, 1000 + offset, b"key", b"value %d" % offset) for offset in range(15)
    ]
    assert {record.offset for record in found if record.headers[1] == ("x\ufffd\ufffd", b"2")} == broken
    assert {record.offset for record in found if record.headers[1] == ("y", b"2")} == set(range(15)) - broken
    assert read.next_fetch_offset == 15


def test_a_fetch_that_begins_within_a_batch_repeats_nothing() -> None:
    assert [record.offset for record in records(a_batch(0, {1, 3}), start=3)] == [3, 4]


def test_aborted_transactions_stay_left_out() -> None:
    """Before and after the name."""
    raw = a_batch(0, set(), producer=7) + a_batch(5, {6}) + a_batch(10, set(), producer=7)
    assert [record.offset for record in records(raw, aborted=((7, 0),))] == [5, 6, 7, 8, 9]


def test_what_is_really_corrupt_stays_an_error() -> None:
    raw = bytearray(a_batch(0, {1}))
    raw[-1] ^= 1
    with pytest.raises(CorruptRecordException):
        list(records(bytes(raw)))


def test_without_such_a_name_compiled_code_decodes() -> None:
    read = records(a_batch(0, set()))
    assert len(list(read)) == 5
    assert type(read._records) is lenient.RawMemoryRecords
    assert issubclass(lenient.RawMemoryRecords, MemoryRecords)
    assert not issubclass(MemoryRecords, _MemoryRecordsPy)


def test_its_event_is_refused() -> None:
    (record, *_) = records(a_batch(0, {0}))
    incoming = Reader().read(record.value, record.key, record.timestamp, record.headers)
    assert incoming == Reject(Reason.NOT_JSON, "the name of a header is not UTF-8")
