"""The CloudEvents reader: a Kafka record in, a typed event or the reason why not out.

Pure and stateless. What depends on other events (duplicates, conflicts, seals) is the engine's.
"""

import functools
import operator
import zlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal, NamedTuple, cast, get_args

import msgspec

from stream_kpis.events.money import CURRENCIES
from stream_kpis.events.types import (
    EVENT_BYTES_MAX,
    KIND_OF_DATA,
    KINDS,
    STRING_BYTES_MAX,
    CostIncurred,
    CustomerChurned,
    Data,
    Id,
    Money,
    Price,
    Time,
    money_of,
)

Headers = Iterable[tuple[str, bytes | None]]
"""The headers of a Kafka record; Kafka knows headers without a value."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_END_MS = round(datetime(2100, 1, 1, tzinfo=UTC).timestamp()) * 1000


class Reason(StrEnum):
    """Why an event is a dead letter: a closed list."""

    NOT_JSON = "not_json"
    INVALID = "invalid"
    UNKNOWN_TYPE = "unknown_type"
    TOO_LARGE = "too_large"
    KEY_MISMATCH = "key_mismatch"
    IN_FUTURE = "in_future"
    CURRENCY = "currency"
    MISROUTED = "misrouted"
    ID_CONFLICT = "id_conflict"
    NO_RATE = "no_rate"
    SEALED = "sealed"
    TOO_MANY = "too_many"
    INTERNAL_ERROR = "internal_error"


class Paid(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What an event of another currency said: micro-units of that, and what one unit was worth, an exact decimal.

    The amount is the event's ``amount`` or ``value``; None if it gives only others.
    """

    currency: str
    amount: int | None
    rate: str


class Event(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One accepted event, as the engine sees and keeps it.

    Events of an entity are ordered by :attr:`order`. ``crc`` is the CRC-32 of the bytes it came as: two events of the
    same source and id with another crc are in conflict. ``recorded_ms`` is the timestamp of its Kafka record. The
    amounts of ``data`` are as they came when read, and in the reporting currency when folded: then ``paid`` says what
    they were.
    """

    time_ms: int
    rank: int
    source: str
    id: str
    data: Data
    crc: int
    recorded_ms: int
    paid: Paid | None = None

    @property
    def order(self) -> tuple[int, int, str, str]:
        """The sort key among the events of an entity."""
        return (self.time_ms, self.rank, self.source, self.id)


class Record(NamedTuple):
    """One record of a topic, as Kafka has it; the family's topic is without the deployment's prefix."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class Incoming(msgspec.Struct, frozen=True, gc=False):
    """A readable record: whom it is about, the event, and the currency of its amounts if they are to be converted."""

    party: str
    event: Event
    currency: str | None = None


class Reject(NamedTuple):
    """An unreadable record: the reason and, for people, the detail (one line, no payload)."""

    reason: Reason
    detail: str


class _Envelope(msgspec.Struct, frozen=True, gc=False):
    """The CloudEvents attributes; the concrete envelopes below add ``data`` of their type."""

    specversion: Literal["1.0"]
    id: Id
    source: Id
    time: Time
    subject: Id


def _envelope_of(name: str, data: type[Data]) -> type[_Envelope]:
    return cast(
        "type[_Envelope]",
        msgspec.defstruct(
            "E_" + name.replace(".", "_"),
            [("data", data)],
            bases=(_Envelope,),
            tag_field="type",
            tag=name,
            frozen=True,
            gc=False,
        ),
    )


_ENVELOPES: Any = functools.reduce(operator.or_, [_envelope_of(kind.name, kind.data) for kind in KINDS])
_ANY_DATA: Any = functools.reduce(operator.or_, KIND_OF_DATA)


def _amount(kind: type, value: object) -> Money:
    money = money_of(value)
    if kind is Price and money < 0:
        raise ValueError("amount is below zero")
    return cast("Money", kind(money))


def _stored_amount(kind: type, value: int) -> Money:
    return cast("Money", kind(value))


_decode = msgspec.json.Decoder(_ENVELOPES, dec_hook=_amount).decode
_RANK_OF = {data: kind.rank for data, kind in KIND_OF_DATA.items()}
_HAS_CURRENCY = frozenset(data for data in KIND_OF_DATA if "currency" in data.__struct_fields__)
AMOUNTS: dict[type[Data], tuple[str, ...]] = {
    data: tuple(
        field.name for field in msgspec.structs.fields(data) if {Money, Price} & {field.type, *get_args(field.type)}
    )
    for data in KIND_OF_DATA
}
"""The fields that are money, of each type; the items of an order have theirs besides."""

events_encoder = msgspec.msgpack.Encoder(enc_hook=int)
"""Encodes events for keeping; money as an integer of micro-units."""


def events_decoder(kind: Any) -> msgspec.msgpack.Decoder[Any]:
    """A decoder of a msgpack value of type ``kind`` in which :class:`Event` may occur."""
    return msgspec.msgpack.Decoder(kind, dec_hook=_stored_amount)


AnyEvent = msgspec.defstruct(
    "AnyEvent",
    [
        (field.name, _ANY_DATA if field.name == "data" else field.type, field.default)
        for field in msgspec.structs.fields(Event)
    ],
    bases=(Event,),
    frozen=True,
    gc=False,
    array_like=True,
)
"""Event with its data typed as the union of all kinds, for :func:`events_decoder`."""


def time_ms_of(time: datetime) -> int:
    """Milliseconds since 1970, towards the past; exact, no floats."""
    span = time - _EPOCH
    return span.days * 86_400_000 + span.seconds * 1000 + span.microseconds // 1000


class Reader:
    """Reads Kafka records, structured or binary CloudEvents.

    Args:
        currency: the reporting currency.
        future_ms: how far an event's time may lie after its record's timestamp (clock skew).
    """

    def __init__(self, currency: str = "USD", future_ms: int = 300_000) -> None:
        self.currency = currency
        self.future_ms = future_ms

    def read(
        self, value: bytes | None, key: bytes | None, timestamp_ms: int, headers: Headers = ()
    ) -> Incoming | Reject:
        """The event of one record.

        Args:
            value: the record's value, a CloudEvent in structured mode, or its data in binary mode.
            key: the record's key, the party; None is allowed, another one than ``subject`` is not.
            timestamp_ms: the record's timestamp, milliseconds since 1970.
            headers: the record's headers; ``ce_*`` headers mean binary mode.
        """
        if value is None:
            return Reject(Reason.NOT_JSON, "the record has no value")
        if len(value) > EVENT_BYTES_MAX:
            return Reject(Reason.TOO_LARGE, f"{len(value)} bytes, at most {EVENT_BYTES_MAX}")
        if headers and any("\ufffd" in name for name, _ in headers):
            return Reject(Reason.NOT_JSON, "the name of a header is not UTF-8")
        try:
            if headers:
                value = _structured(value, headers)
            envelope = _decode(value)
        except msgspec.ValidationError as error:
            return _invalid(value, error)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return Reject(Reason.NOT_JSON, str(error)[:200])
        return self._checked(envelope, value, key, timestamp_ms)

    def _checked(self, envelope: Any, value: bytes, key: bytes | None, timestamp_ms: int) -> Incoming | Reject:
        data, party = envelope.data, envelope.subject
        if (not value.isascii() or b"\\u" in value) and (name := _too_long(envelope)):
            return Reject(Reason.INVALID, f"{name} is longer than {STRING_BYTES_MAX} bytes")
        if key is not None and key != party.encode():
            return Reject(Reason.KEY_MISMATCH, "the record's key is not the event's subject")
        time_ms, kind = time_ms_of(envelope.time), type(data)
        mistimed = not 0 <= time_ms <= timestamp_ms + self.future_ms
        if (mistimed or kind in _TELLS_TIMES) and (bad := _refused(data, time_ms, timestamp_ms, mistimed=mistimed)):
            return bad
        if b'""' in value:
            data = _given(data)
        event = Event(time_ms, _RANK_OF[kind], envelope.source, envelope.id, data, zlib.crc32(value), timestamp_ms)
        incoming = Incoming(party, event)
        if kind in _HAS_CURRENCY and data.currency is not None and data.currency != self.currency:
            return _in_currency(incoming, data.currency)
        return incoming


def _in_currency(incoming: Incoming, currency: str) -> Incoming | Reject:
    """An event of another currency than the reporting one; without any amount it is as any other."""
    if currency not in CURRENCIES:
        return Reject(Reason.CURRENCY, f"{currency} is no currency of ISO 4217")
    data = incoming.event.data
    given = any(getattr(data, name) is not None for name in AMOUNTS[type(data)])
    return msgspec.structs.replace(incoming, currency=currency) if given else incoming


def _given(data: Data) -> Data:
    """The data without its empty texts: many systems send "" for what they do not know."""
    empty = [field for field in msgspec.structs.fields(data) if getattr(data, field.name) == ""]
    return msgspec.structs.replace(data, **{field.name: field.default for field in empty}) if empty else data


def _structured(value: bytes, headers: Headers) -> bytes:
    """A binary-mode event as structured bytes; a structured one as it is."""
    attributes: dict[str, Any] = {
        name[3:]: text.decode("utf-8", "replace")
        for name, text in headers
        if text is not None and name.startswith("ce_")
    }
    if "type" not in attributes:
        return value
    data = msgspec.json.decode(value, type=msgspec.Raw)  # one JSON value and nothing after it
    return msgspec.json.encode({**attributes, "data": data}, order="sorted")


_TELLS_TIMES = frozenset({CustomerChurned, CostIncurred})
_LAST_YEAR = "2099"


def _refused(data: Data, time_ms: int, timestamp_ms: int, *, mistimed: bool) -> Reject | None:
    """Why an event's times cannot be: its own, or those that it tells of.

    Systems write year 1 or 9999 for never and unknown; no calendar holds these.
    """
    match data:
        case _ if mistimed and time_ms < 0:
            return Reject(Reason.INVALID, "time is before 1970")
        case _ if mistimed:
            return Reject(Reason.IN_FUTURE, f"time is {time_ms - timestamp_ms} ms after the record's timestamp")
        case CustomerChurned(effective_at=datetime() as at) if not 0 <= time_ms_of(at) < _END_MS:
            name = "effective_at"
        case CostIncurred(until=str() as day) if day[:4] > _LAST_YEAR:
            name = "to"
        case _:
            return None
    return Reject(Reason.INVALID, f"{name} is not within 1970 to 2099; leave it out where it is not known")


class _Loose(msgspec.Struct):
    type: Any = None


def _invalid(value: bytes, error: msgspec.ValidationError) -> Reject:
    try:
        name = msgspec.json.decode(value, type=_Loose).type
    except (msgspec.MsgspecError, RecursionError):
        name = ""
    if isinstance(name, str) and name and name not in _NAMES:
        return Reject(Reason.UNKNOWN_TYPE, f"type {name[:64]!r} is not in the contract")
    return Reject(Reason.INVALID, str(error)[:200])


_NAMES = frozenset(kind.name for kind in KINDS)


def _too_long(envelope: Any) -> str | None:
    """The name of the first string over its bound in bytes (the structs bound it in characters)."""
    for struct in (envelope, envelope.data, *getattr(envelope.data, "items", ())):
        fields: tuple[str, ...] = struct.__struct_fields__
        for name in fields:
            text = getattr(struct, name)
            if isinstance(text, str) and len(text.encode()) > STRING_BYTES_MAX:
                return name
    return None


def encode_event(kind: str, *, id: str, source: str, time: str, subject: str, data: Mapping[str, Any]) -> bytes:  # noqa: A002 - CloudEvents' own name
    """A CloudEvent in structured mode, as canonical JSON bytes: for import, simulation and tests."""
    return msgspec.json.encode(
        {"specversion": "1.0", "id": id, "source": source, "type": kind, "time": time, "subject": subject, "data": data}
    )
