"""What goes into a shard and what comes out of it: plain values, no Kafka."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

from stream_kpis.events.envelope import Reason

HEADER_KEY = b"\x00H"
"""Key of the header in the cells changelog; no cell's key begins with a zero byte."""
CATALOGUE_KEY = b"\x00C"
"""Begins the keys of catalogues in the cells changelog; the catalogue's name follows."""


class SourceRecord(Protocol):
    """One record of a source topic; aiokafka's ConsumerRecord is one, and so is ``events.envelope.Record``."""

    @property
    def offset(self) -> int:
        """Its position."""

    @property
    def timestamp(self) -> int:
        """Milliseconds since 1970."""

    @property
    def key(self) -> bytes | None:
        """The party."""

    @property
    def value(self) -> bytes | None:
        """The event."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """Names and values."""


class Batch(NamedTuple):
    """All records of one drain of one partition.

    It covers the source positions [start, end): control records, aborted and compacted ones included, so ``end`` is the
    position to go on from even if ``records`` is empty. ``topic`` is without the deployment's prefix.
    """

    topic: str
    partition: int
    start: int
    end: int
    records: Sequence[SourceRecord]


class Gap(Exception):  # noqa: N818 - a fact about the stream, handled by seeking, not an error of the program
    """A batch begins after the position that the shard has reached; the caller seeks to ``next_position``."""

    def __init__(self, topic: str, start: int, next_position: int) -> None:
        super().__init__(f"{topic}: batch starts at {start}, the shard is at {next_position}")
        self.next_position = next_position


class DeadLetter(NamedTuple):
    """A record that could not be used, with its origin and bytes."""

    reason: Reason
    detail: str
    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class Rekeyed(NamedTuple):
    """A record on its way to the partition of its party; what came from outside keeps bytes, headers and timestamp."""

    partition: int
    timestamp: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


class Header(msgspec.Struct, frozen=True, gc=False):
    """The last record of each flush in the cells changelog: what the shard had read when it was made durable.

    ``next`` maps topic to the position after the last applied batch, ``reached`` maps topic to the timestamp of the
    last record applied, ``counters`` are totals since the shard began (``events``, ``duplicates``, ``voided``,
    ``late``, ``rekeyed``, ``links_sent``, ``dead_letters:REASON`` …), ``definitions`` maps measure to the hash of its
    definition. ``catalogue`` is the name of what it counts under; ``kept`` maps the names of catalogues before, whose
    cells are still in the changelog, to when they were last counted.
    """

    seq: int
    next: dict[str, int]
    reached: dict[str, int]
    made_ms: int
    counters: dict[str, int]
    definitions: dict[str, str]
    catalogue: str = ""
    kept: dict[str, int] = {}


class Flush(NamedTuple):
    """All that changed in a shard since the flush before, at one instant. A value None is a tombstone."""

    parties: list[tuple[bytes, bytes | None]]
    cells: list[tuple[bytes, bytes | None]]
    dead_letters: list[DeadLetter]
    rekeyed: list[Rekeyed]
    header: Header
    catalogues: Sequence[tuple[bytes, bytes | None]] = ()
    """For the cells changelog, as the cells are."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write but the header, which is what it was but for its time."""
        return not (self.parties or self.cells or self.dead_letters or self.rekeyed or self.catalogues)


header_encoder = msgspec.json.Encoder()
header_decoder = msgspec.json.Decoder(Header)
