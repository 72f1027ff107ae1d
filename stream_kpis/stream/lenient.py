"""Decodes records whose headers have names that are not UTF-8, at which aiokafka's decoder stops a partition for ever.

Compiled code decodes until such a name comes; what is left of that fetch is then decoded in Python, and what is not
UTF-8 in a name becomes U+FFFD. No record is stepped over: the reader of events refuses the one, with all its bytes.
"""

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record import default_records, memory_records

_MAGIC_WITH_HEADERS = 2


class RawMemoryRecords(memory_records.MemoryRecords):  # type: ignore[misc]
    """Aiokafka's decoder of fetched batches, which can begin again at the batch it gave last."""

    def __init__(self, raw: bytes) -> None:
        super().__init__(raw)
        self._raw = raw
        self._given = 0

    def next_batch(self) -> Any:
        """As the original."""
        self._given += 1
        return super().next_batch()

    def leniently(self) -> "_LenientMemoryRecords":
        """The last batch again and those after it, all decoded leniently."""
        rest = _LenientMemoryRecords(self._raw)
        for _ in range(self._given - 1):
            rest.next_batch()
        return rest


class LenientPartitionRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    """Aiokafka's records of one fetched partition, which go on in Python where a header's name is not UTF-8."""

    _records: Any

    def _unpack_records(self) -> Iterator[Any]:
        try:
            yield from super()._unpack_records()
        except (UnicodeDecodeError, CorruptRecordException) as error:
            if not isinstance(error, UnicodeDecodeError) and not isinstance(error.__cause__, UnicodeDecodeError):
                raise
            # Records of the batch below `next_fetch_offset` are left out, as at the begin of any fetch.
            self._records = self._records.leniently()
            yield from super()._unpack_records()


class _LenientMemoryRecords(memory_records._MemoryRecordsPy):  # type: ignore[misc]  # noqa: SLF001 - the one in Python
    def next_batch(self, *_: Any) -> Any:
        here = self._next_slice
        if here is None or here[self.MAGIC_OFFSET] < _MAGIC_WITH_HEADERS:
            return super().next_batch()
        self._cache_next()
        return _Batch(here)


class _Batch(default_records._DefaultRecordBatchPy):  # type: ignore[misc]  # noqa: SLF001 - the one in Python
    _buffer: bytearray

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _Bytes(self._buffer)


class _Bytes(bytearray):
    """Bytes of which every part can be decoded; aiokafka decodes nothing but the names of headers."""

    def __getitem__(self, key: Any) -> Any:
        part = super().__getitem__(key)
        return _Bytes(part) if isinstance(key, slice) else part

    def decode(self, encoding: str = "utf-8", _: str = "") -> str:
        return super().decode(encoding, "replace")


def install() -> None:
    """Makes every consumer of this process decode so."""
    # The fetcher looks the names up.
    fetcher.PartitionRecords = LenientPartitionRecords
    fetcher.MemoryRecords = RawMemoryRecords
