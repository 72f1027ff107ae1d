"""Records that no sender should send, each with the reason for which it must be refused."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from stream_kpis.events.envelope import Reason
from stream_kpis.events.types import EVENT_BYTES_MAX
from stream_kpis.proof.simulate.world import Simulated

_FAR = "2999-12-31T23:59:59.000Z"


class Poison(NamedTuple):
    """A way to spoil a good event: ``spoil(event, number)`` is the bad record; ``number`` makes its id new."""

    name: str
    reason: Reason
    spoil: Callable[[Simulated, int], Simulated]


def _edited(change: Callable[[dict[str, Any]], object]) -> Callable[[Simulated, int], Simulated]:
    """A spoiling that gives the event a new id and changes its envelope in place."""

    def spoil(event: Simulated, number: int) -> Simulated:
        envelope = msgspec.json.decode(event.value)
        envelope["id"] = f"bad{number}"
        change(envelope)
        return event._replace(value=msgspec.json.encode(envelope))

    return spoil


def _garbage(event: Simulated, number: int) -> Simulated:
    return event._replace(value=b"\x00\xff\xfe" + number.to_bytes(8, "big"))


def _cut(event: Simulated, number: int) -> Simulated:
    return event._replace(value=event.value[: len(event.value) // 2 + number % 7])


def _another_key(event: Simulated, number: int) -> Simulated:
    fresh = _edited(lambda _: None)(event, number)
    return fresh._replace(party=f"not-{event.party}")


def _conflict(event: Simulated, number: int) -> Simulated:
    """The same source, id and entity, told differently."""
    envelope = msgspec.json.decode(event.value)
    envelope["data"]["told_again"] = number
    envelope["time"] = _an_hour_earlier(envelope["time"])
    return event._replace(value=msgspec.json.encode(envelope))


def _an_hour_earlier(time: str) -> str:
    """The same wall clock at an offset one hour further east."""
    if time.endswith("Z"):
        return f"{time[:-1]}+01:00"
    return f"{time[:-6]}{int(time[-6:-3]) + 1:+03}{time[-3:]}"


POISONS: tuple[Poison, ...] = (
    Poison("garbage", Reason.NOT_JSON, _garbage),
    Poison("cut", Reason.NOT_JSON, _cut),
    Poison("unknown_type", Reason.UNKNOWN_TYPE, _edited(lambda e: e.update(type="lead.imagined"))),
    Poison("no_subject", Reason.INVALID, _edited(lambda e: e.pop("subject"))),
    Poison("no_data", Reason.INVALID, _edited(lambda e: e.pop("data"))),
    Poison("no_entity", Reason.INVALID, _edited(lambda e: e.update(type="ticket.created", data={"channel": "web"}))),
    Poison("wrong_type", Reason.INVALID, _edited(lambda e: e.update(type="lead.created", data={"lead_id": 7}))),
    Poison("too_long", Reason.INVALID, _edited(lambda e: e.update(type="lead.created", data={"lead_id": "ä" * 200}))),
    Poison("no_offset", Reason.INVALID, _edited(lambda e: e.update(time="2026-01-01T00:00:00"))),
    Poison(
        "below_zero",
        Reason.INVALID,
        _edited(lambda e: e.update(type="order.placed", data={"order_id": "bad", "amount": -1})),
    ),
    Poison(
        "currency",
        Reason.CURRENCY,
        _edited(lambda e: e.update(type="order.placed", data={"order_id": "bad", "amount": 9, "currency": "XTS"})),
    ),
    Poison(
        "never",
        Reason.INVALID,
        _edited(lambda e: e.update(type="customer.churned", data={"effective_at": "9999-12-31T23:59:59-05:00"})),
    ),
    Poison("far_future", Reason.IN_FUTURE, _edited(lambda e: e.update(time=_FAR))),
    Poison("too_large", Reason.TOO_LARGE, _edited(lambda e: e.update(comment="x" * EVENT_BYTES_MAX))),
    Poison("another_key", Reason.KEY_MISMATCH, _another_key),
    Poison("conflict", Reason.ID_CONFLICT, _conflict),
)
"""Every damage that the reader, or for conflicts the engine, must refuse without losing anything else."""
