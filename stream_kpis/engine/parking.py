"""Events that wait for the rate of their currency and date: as they came, in memory and in the parties changelog."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from stream_kpis.engine.batch import SourceRecord
from stream_kpis.engine.exchange import RATE, WAIT_MS, Exchange
from stream_kpis.engine.tiles import HOUR_MS
from stream_kpis.events.envelope import Event, Incoming, Reader, Record

PARKED = "parked"
"""Begins the keys of parked events in the parties changelog."""
PARKED_BYTES_MAX = 16 << 20
"""Bytes of records that a shard parks."""

_decode_key = msgspec.msgpack.Decoder(list[str]).decode
_OVERDUE_MS = WAIT_MS + HOUR_MS  # a rate made known in time may be read a little later
_encode = msgspec.msgpack.Encoder().encode
_KEYS = tuple(_encode((kind, *rest))[: len(kind) + 2] for kind, rest in ((PARKED, "psi"), (RATE, "cd")))
"""How the keys begin that are ours: the head of the array, and the kind."""
_decode: Callable[[bytes], Any] = msgspec.msgpack.Decoder(
    tuple[str, int, int, int, bytes | None, bytes, tuple[tuple[str, bytes | None], ...]]
).decode


def is_parked(key: bytes) -> bool:
    """Whether a key of the parties changelog is of a parked event."""
    return key.startswith(_KEYS[0])


class Parked(NamedTuple):
    """A record that waits, and what was read of it."""

    record: Record
    incoming: Incoming

    @property
    def size(self) -> int:
        """Bytes of the record."""
        return len(self.record.key or b"") + len(self.record.value or b"")


class Parking:
    """The parked events of a shard, by party, source and id.

    Args:
        exchange: knows the rates.
        bytes_max: how much room there is.
    """

    def __init__(self, exchange: Exchange, bytes_max: int = PARKED_BYTES_MAX) -> None:
        self.exchange = exchange
        self._bytes_max = bytes_max
        self._bytes = 0
        self._parked: dict[bytes, Parked] = {}
        self._changed: dict[bytes, None] = {}
        self._rates_tried = 0
        """How many rates were known when it was last looked who may leave."""

    def __len__(self) -> int:
        return len(self._parked)

    def find(self, party: str, event: Event) -> Event | None:
        """The parked event of the same party, source and id."""
        if not self._parked:
            return None
        found = self._parked.get(_key(party, event.source, event.id))
        return None if found is None else found.incoming.event

    def park(self, topic: str, record: SourceRecord, incoming: Incoming) -> bool:
        """Takes an event; false if there is no room."""
        kept = Record(topic, 0, record.offset, record.timestamp, record.key, record.value, tuple(record.headers))
        parked, key = Parked(kept, incoming), _key(incoming.party, incoming.event.source, incoming.event.id)
        if self._bytes + parked.size > self._bytes_max:
            return False
        self._put(key, parked)
        self._changed[key] = None
        return True

    def no_room(self, incoming: Incoming) -> str:
        """Why an event is not parked, for people."""
        return f"no rate of {incoming.currency} for {self.exchange.day(incoming)}, and no room to wait for it"

    def _put(self, key: bytes, parked: Parked) -> None:
        self._parked[key] = parked
        self._bytes += parked.size

    def void(self, party: str, source: str, id_: str) -> bool:
        """Lets an event go that is taken back; false if it is not parked."""
        return bool(self._parked) and self._remove(_key(party, source, id_))

    def _pop(self, key: bytes) -> bool:
        parked = self._parked.pop(key, None)
        if parked is not None:
            self._bytes -= parked.size
        return parked is not None

    def _remove(self, key: bytes) -> bool:
        removed = self._pop(key)
        if removed:
            self._changed[key] = None
        return removed

    def released(self) -> dict[str, list[Record]]:
        """Lets go of those whose rate is known now; by topic, in the order of their offsets."""
        rates = len(self.exchange.rates)
        if rates == self._rates_tried or not self._parked:
            return {}
        self._rates_tried = rates
        by_topic: dict[str, list[Record]] = {}
        for record, _ in self._leave(lambda incoming: self.exchange.rate(incoming) is not None):
            by_topic.setdefault(record.topic, []).append(record)
        return by_topic

    def overdue(self, now_ms: int) -> list[tuple[Record, str]]:
        """Lets go of those whose rate did not come in time; says of each what it waited for."""
        left = self._leave(lambda incoming: incoming.event.recorded_ms + _OVERDUE_MS < now_ms)
        return [(record, f"no rate of {currency} was made known within 7 days") for record, currency in left]

    def _leave(self, ready: Callable[[Incoming], bool]) -> list[tuple[Record, str]]:
        found = [(key, *parked) for key, parked in self._parked.items() if ready(parked.incoming)]
        for key, _, _ in found:
            self._remove(key)
        left = [(record, incoming.currency or "") for _, record, incoming in found]
        return sorted(left, key=lambda pair: (pair[0].topic, pair[0].offset))

    def take(self) -> list[tuple[bytes, bytes | None]]:
        """The changelog records of all that changed since the last take, the rates used included."""
        changed, self._changed = self._changed, {}
        return [(key, _encoded(self._parked.get(key))) for key in changed] + self.exchange.take()

    def restore(self, key: bytes, value: bytes | None, reader: Reader) -> bool:
        """Takes a record of the parties changelog, in the log's order; false if it is of something else."""
        if not key.startswith(_KEYS):
            return False
        if key.startswith(_KEYS[1]):
            _, currency, day = _decode_key(key)
            self.exchange.restore(currency, day, value or b"")
            return True
        self._pop(key)
        if value is not None:
            record = Record(*_decode(value))
            incoming = reader.read(record.value, record.key, record.timestamp, record.headers)
            if isinstance(incoming, Incoming):  # it was when it came
                self._put(key, Parked(record, incoming))
        return True


def _key(party: str, source: str, id_: str) -> bytes:
    return _encode((PARKED, party, source, id_))


def _encoded(parked: Parked | None) -> bytes | None:
    return None if parked is None else _encode(parked.record)
