"""One scope: an entity or party of one journey, with its events since its seal, folded.

As bytes, in memory and in the changelog, a scope is what is sealed of it, its state, and its events, which are decoded
only when one of them matters again: a late event, a duplicate, a void. A new event costs the same however many came
before.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any, Self, cast

import msgspec

from stream_kpis.events.envelope import AnyEvent, Event, events_decoder, events_encoder
from stream_kpis.journeys import JOURNEYS
from stream_kpis.journeys.facts import Fact
from stream_kpis.journeys.journey import NO_LINKS, Journey, Links

FORMAT = "4"
"""Of a scope as bytes, with the kinds of events that may be in it; another one cannot be read."""

EVENTS_MAX = 10_000
"""Events of a scope since its seal: one that comes late is folded with all of them."""
BYTES_MAX = 5 << 20
"""Of a scope before it takes one more event; sealing may then add half of this. A record of 8 MiB holds it whole."""

Order = tuple[int, int, str, str]
_NEVER_MS = 1 << 62
_FEW, _MANY = 8, 100
"""A scope of more than few events is written with its state; one of many keeps them decoded, with an index."""


class Kept(msgspec.Struct, array_like=True, gc=False):
    """A scope as bytes; ``events`` come last, so that one more is written behind them.

    ``version`` is the journey's that made the state, ``base`` the sealed state as bytes; ``last_ms`` is the time of the
    newest event, ``oldest_ms`` the smallest record timestamp among the events. There is a ``state`` only behind many
    events: few are folded again as fast as it is read. Nor is there one that would make the record too large.
    """

    version: int
    seal: Order | None
    base: bytes | None
    last_ms: int
    oldest_ms: int
    state: msgspec.Raw
    events: msgspec.Raw


_decode = msgspec.msgpack.Decoder(Kept).decode
_decode_events = events_decoder(list[AnyEvent]).decode  # type: ignore[valid-type] # a struct made at run time
_state_decoders = {name: events_decoder(journey.state) for name, journey in JOURNEYS.items()}
_encode = events_encoder.encode
_SEVEN, _NONE = b"\x97", b"\xc0"
"""How an array of seven begins in msgpack: what comes before the state is encoded as an array of five."""


def decoded(stored: bytes) -> Kept:
    """A scope's bytes, taken apart."""
    return _decode(stored)


def sealed_state(journey: Journey, base: bytes | None) -> Any:
    """The state that was sealed, or that before the first event."""
    return journey.state() if base is None else _state_decoders[journey.name].decode(base)


def as_sealed(journey: Journey, state: Any) -> Any:
    """A state as it is read back after sealing: what two states have to be equal in."""
    return sealed_state(journey, _encode(state))


def _array_head(count: int) -> bytes:
    """How an array of so many values begins in msgpack."""
    return bytes((0x90 | count,)) if count < 16 else b"\xdc" + count.to_bytes(2, "big")


def _array_of(raw: bytes) -> tuple[int, bytes]:
    """How many values an array has, and what follows its head."""
    if raw[0] == 0xDC:
        return int.from_bytes(raw[1:3], "big"), raw[3:]
    return raw[0] & 0x0F, raw[1:]


class Scope(msgspec.Struct, eq=False):
    """One entity or party of one journey: its events in order, its state, its facts and links.

    ``key`` is its key, in memory and in the parties changelog. ``fresh`` are the events appended or inserted since the
    last settling; ``refold`` says that appending was not all that happened to the events since then.
    """

    journey: Journey
    party: str
    key: bytes
    state: Any
    seal: Order | None = None
    base: bytes | None = None
    last_ms: int = -1
    oldest_ms: int = _NEVER_MS
    count: int = 0
    facts: Sequence[Fact] = ()
    links: Links = NO_LINKS
    fresh: list[Event] = []
    refold: bool = False
    noted: bool = False
    """Whether its party knows of it: as soon as it takes an event."""
    _bodies: bytes = b""
    """The events as last written."""
    _added: list[Event] = []
    """Appended since the scope was last written."""
    _unwritten: list[bytes] = []
    """The same as they are to be written."""
    _event_bytes: int = 0
    """Of all events as they are, or are to be, written."""
    _rewrite: bool = False
    """Whether more happened to the events since then than being appended to."""
    _events: list[Event] | None = None
    """All events, once somebody asked for them."""
    _by_id: dict[tuple[str, str], Event] | None = None
    """The same by source and id, while they are many."""

    @classmethod
    def of(cls, journey: Journey, party: str, key: bytes, stored: bytes) -> Self:
        """A scope from its bytes."""
        kept = _decode(stored)
        count, bodies = _array_of(bytes(kept.events))
        scope = cls(
            journey,
            party,
            key,
            None,
            kept.seal,
            kept.base,
            kept.last_ms,
            kept.oldest_ms,
            count,
            noted=True,
            _bodies=bodies,
            _event_bytes=len(bodies),
        )
        if bytes(kept.state) != _NONE and kept.version == journey.version:
            scope.state = _state_decoders[journey.name].decode(kept.state)
        else:
            scope.state = scope.folded(scope.events)
        scope._conclude()
        return scope

    def _conclude(self) -> None:
        """Reads off the state what it means."""
        journey = self.journey
        self.facts = journey.facts(self.state)
        if journey.links is not None:
            self.links = journey.links(self.state)

    @property
    def events(self) -> list[Event]:
        """The events since the seal, in order; not to be changed."""
        if self._events is None:
            written = _decode_events(_array_head(self.count - len(self._added)) + self._bodies)
            self._events = [*cast("list[Event]", written), *self._added]
        return self._events

    def folded(self, events: Iterable[Event]) -> Any:
        """The state after ``events``, from the seal on."""
        state = sealed_state(self.journey, self.base)
        step = self.journey.step
        for event in events:
            step(state, event)
        return state

    def find(self, source: str, id_: str) -> Event | None:
        """The event of that source and id, if it is known and not sealed."""
        if self.count > _MANY:
            if self._by_id is None:
                self._by_id = {(event.source, event.id): event for event in self.events}
            return self._by_id.get((source, id_))
        if self._events is not None:
            return _first(self._events, source, id_)
        found = _first(self._added, source, id_)
        if found is None and self._bodies and _encode(id_) in self._bodies:  # decoded only if it may be there
            found = _first(self.events, source, id_)
        return found

    @property
    def full_of(self) -> str:
        """What leaves no room for another event, in words; empty if there is room.

        Bytes are those of what is sealed and of the events as they are written, whenever that is: so it does not depend
        on the flushes which events count.
        """
        if self.count >= EVENTS_MAX:
            return f"{EVENTS_MAX} events"
        if (size := len(self.base or b"") + self._event_bytes) >= BYTES_MAX:
            return f"{size} bytes of events and of what is sealed"
        return ""

    def insert(self, event: Event) -> bool:
        """Puts an event in its place, as the journey keeps it; true if it is older than one already there."""
        keeps = self.journey.keeps
        if keeps is not None and (data := keeps(event.data, self.party)) is not event.data:
            event = msgspec.structs.replace(event, data=data)
        body = _encode(event)
        self._event_bytes += len(body)
        self.fresh.append(event)
        self.oldest_ms = min(self.oldest_ms, event.recorded_ms)
        if self._by_id is not None:
            self._by_id[event.source, event.id] = event
        if event.time_ms <= self.last_ms and (events := self.events) and events[-1].order > event.order:
            events.insert(bisect_left(events, event.order, key=_order_of), event)
            self.count += 1
            self.refold = self._rewrite = True
            return True
        self.last_ms = event.time_ms
        self.count += 1
        self._added.append(event)
        self._unwritten.append(body)
        if self._events is not None:
            self._events.append(event)
        return False

    def remove(self, event: Event) -> None:
        """Takes an event out again."""
        self._replace([other for other in self.events if (other.source, other.id) != (event.source, event.id)])
        self.refold = True

    def put(self, event: Event) -> None:
        """Puts an event in its place, instead of the one of its source and id if there is one."""
        others = [other for other in self.events if (other.source, other.id) != (event.source, event.id)]
        self._replace(sorted([*others, event], key=_order_of))
        self.refold = True

    def _replace(self, events: list[Event]) -> None:
        """Other events than those since the last write."""
        self._events, self._by_id, self._added, self._unwritten, self._rewrite = events, None, [], [], False
        self._bodies = b"".join(map(_encode, events))
        self._event_bytes = len(self._bodies)
        self.count = len(events)
        sealed_ms = -1 if self.seal is None else self.seal[0]
        self.last_ms = max(events[-1].time_ms, sealed_ms) if events else sealed_ms
        self.oldest_ms = min((event.recorded_ms for event in events), default=_NEVER_MS)

    def settle(self) -> list[Event]:
        """Folds what changed; returns the events that the journey could not take, already taken out."""
        fresh, self.fresh = self.fresh, []
        try:
            if self.refold:
                self.state = self.folded(self.events)
            else:
                step, state = self.journey.step, self.state
                for event in fresh:
                    step(state, event)
            self._conclude()
        except Exception:  # noqa: BLE001 - whatever a journey raises on one event must not stop the partition
            return self._without_culprits(fresh)
        finally:
            self.refold = False
        return []

    def _folds(self, events: list[Event]) -> bool:
        try:
            self.journey.facts(self.folded(events))
        except Exception:  # noqa: BLE001 - as above
            return False
        return True

    def _without_culprits(self, fresh: list[Event]) -> list[Event]:
        culprits = []
        trusted = [event for event in self.events if event not in fresh]
        suspects = sorted(fresh, key=_order_of)
        if not self._folds(trusted):  # for lack of an event that was taken back
            trusted, suspects = [], self.events
        for event in suspects:
            trial = sorted([*trusted, event], key=_order_of)
            if self._folds(trial):
                trusted = trial
            else:
                culprits.append(event)
        self._replace(trusted)
        self.state = self.folded(trusted)
        self._conclude()
        return culprits

    def seal_before(self, recorded_ms: int) -> list[Event]:
        """Seals the prefix up to the last event recorded before ``recorded_ms``; returns what leaves memory.

        Nothing does while its state would take more than half of the room: what a state says of an event may be longer
        than the event. Then the scope is soon full, as events stay.
        """
        if self.oldest_ms >= recorded_ms:
            return []
        events = self.events
        last = max((i for i, event in enumerate(events) if event.recorded_ms < recorded_ms), default=-1)
        if last < 0:
            return []
        sealed, rest = events[: last + 1], events[last + 1 :]
        base = _encode(self.folded(sealed))
        if len(base) > BYTES_MAX // 2:
            return []
        self.base = base
        # Links come before all that happened: one that is sealed late does not take the seal back.
        self.seal = sealed[-1].order if self.seal is None else max(self.seal, sealed[-1].order)
        self._replace(rest)
        return sealed

    def encoded(self) -> bytes:
        """As bytes; of the events, only what came since the last time is encoded."""
        if self._rewrite:
            self._bodies = b"".join(map(_encode, self.events))
            self._rewrite = False
        else:
            self._bodies += b"".join(self._unwritten)
        self._added, self._unwritten = [], []
        if self.count <= _MANY:
            self._events = None
        head = _encode((self.journey.version, self.seal, self.base, self.last_ms, self.oldest_ms))
        state = _encode(self.state) if self.count > _FEW else _NONE
        if len(head) + len(state) + len(self._bodies) > BYTES_MAX:
            state = _NONE
        return b"".join((_SEVEN, head[1:], state, _array_head(self.count), self._bodies))


def _first(events: list[Event], source: str, id_: str) -> Event | None:
    for event in events:
        if event.id == id_ and event.source == source:
            return event
    return None


def _order_of(event: Event) -> Order:
    return event.order
