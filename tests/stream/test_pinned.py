"""What is overridden or relied upon inside faust-streaming and aiokafka is what we read when we wrote it.

When one of these fails after an upgrade: read what changed, decide whether `stream/batches.py` still holds, run the
tests on the broker, and only then write down the new hash.
"""

import hashlib
import inspect
from collections.abc import Callable
from typing import Any

import faust
import pytest
from aiokafka.consumer import fetcher
from aiokafka.record import default_records, memory_records
from faust.tables.recovery import Recovery
from faust.transport import consumer
from faust.transport.drivers import aiokafka as driver

from stream_kpis.stream import batches, lenient

ORIGINALS: dict[str, tuple[Callable[..., Any], str]] = {
    # Overridden.
    "getall": (batches.TrackedFetchResult.__base__.getall, "3e717e30de5068d5"),
    "create_worker_consumer": (driver.AIOKafkaConsumerThread._create_worker_consumer, "c2701bfc3e6f6cad"),
    "fetch_records": (driver.AIOKafkaConsumerThread._fetch_records, "39a2c6c79fc1455a"),
    "to_message": (driver.Consumer._to_message, "7c24f6511b2fcef7"),
    "new_consumer_thread": (driver.Consumer._new_consumer_thread, "0870ec53dea75083"),
    "getmany_of_thread": (consumer.ThreadDelegateConsumer._getmany, "f9d47aa9010b5ff2"),
    "perform_seek": (consumer.Consumer.perform_seek, "0e8c130ff4b0afd8"),
    "on_first_start": (faust.App.on_first_start, "ec655d9c223403cc"),
    "new_transport": (faust.App._new_transport, "42db531312dd776f"),
    "unpack_records": (lenient.LenientPartitionRecords.__base__._unpack_records, "b803e6d46480732c"),
    "consumer_record": (lenient.LenientPartitionRecords.__base__._consumer_record, "e668541600b047ab"),
    "next_batch": (memory_records._MemoryRecordsPy.next_batch, "f1779ecb6d0d344c"),
    "maybe_uncompress": (default_records._DefaultRecordBatchPy._maybe_uncompress, "c9d0dc2bed50cc86"),
    # Relied upon.
    "read_msg": (default_records._DefaultRecordBatchPy._read_msg, "0997ab7a58505c93"),
    "check_assignment": (fetcher.FetchResult.check_assignment, "b5340df67e3f330f"),
    "fetched_records": (fetcher.Fetcher.fetched_records, "be4348896b9b66af"),
    "seek_to": (fetcher.Fetcher.seek_to, "f0ba6aba6c22ef83"),
    "seek_wait": (driver.AIOKafkaConsumerThread._seek_wait, "9d221e816d940467"),
    "getmany": (consumer.Consumer.getmany, "4b168d84882a70d6"),
    "drain_messages": (consumer.Consumer._drain_messages, "44a2500309e83c63"),
    "resume_streams": (Recovery._resume_streams, "d986a6710c1aca98"),
    "on_stop": (faust.App.on_stop, "bfe5a933defb2324"),
}


@pytest.mark.parametrize("name", ORIGINALS)
def test_the_original_is_the_one_that_was_read(name: str) -> None:
    original, digest = ORIGINALS[name]
    assert digest == hashlib.sha256(inspect.getsource(inspect.unwrap(original)).encode()).hexdigest()[:16]


def test_aiokafka_looks_the_buffer_up_by_the_name_that_is_replaced() -> None:
    assert fetcher.FetchResult is batches.TrackedFetchResult
    assert "type(res_or_error) is FetchResult" in inspect.getsource(fetcher.Fetcher.fetched_records)


def test_faust_has_its_compiled_part() -> None:
    """The one in Python acknowledges batches of an old generation that it drops."""
    assert faust.streams._CStreamIterator is not None
