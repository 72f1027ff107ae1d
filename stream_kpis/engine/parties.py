"""The parties of a shard: for every scope (an entity or party of a journey) its events since its seal, folded.

In memory a scope is bytes, as in the changelog; the ones touched last are kept decoded too.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import msgspec

from stream_kpis.events.envelope import AnyEvent, Event, events_decoder, events_encoder
from stream_kpis.journeys import JOURNEYS
from stream_kpis.journeys.facts import Fact
from stream_kpis.journeys.journey import Journey

DECODED_MAX = 10_000
"""Scopes kept decoded, per shard."""
EVENTS_MAX = 20_000
"""Events of a scope since its seal; it is written whole, and a record has a largest size."""
_MANY = 24

Order = tuple[int, int, str, str]
_NEVER_MS = 1 << 62


class Kept(msgspec.Struct, array_like=True, gc=False):
    """A scope as bytes: what is sealed as a state, and the events since."""

    seal: Order | None
    base: bytes | None
    events: list[AnyEvent]  # type: ignore[valid-type] # a struct made at run time


_kept_decoder = events_decoder(Kept)
_key_decoder = msgspec.msgpack.Decoder(list[Any])
_state_decoders = {name: events_decoder(journey.state) for name, journey in JOURNEYS.items()}
_encode_key = msgspec.msgpack.Encoder().encode
_encode_scope = events_encoder.encode

VOIDS, ARCHIVE = "voids", "archive"
"""What else has records in the parties changelog; the key of a scope begins with its journey's name."""


class Scope:
    """One entity or party of one journey, decoded: its events in order, its state and its facts."""

    __slots__ = ("_by_id", "base", "events", "facts", "fresh", "journey", "key", "oldest_ms", "refold", "seal", "state")

    seal: Order | None
    base: bytes | None
    events: list[Event]
    facts: Sequence[Fact]

    def __init__(self, journey: Journey, key: bytes, kept: Kept | None = None) -> None:
        self.journey = journey
        self.key = key
        """In memory and in the parties changelog."""
        self._by_id: dict[tuple[str, str], Event] | None = None
        """The events by source and id, once there are many."""
        self.fresh: list[Event] = []
        """Appended or inserted since the last settling."""
        self.refold = False
        self.oldest_ms = _NEVER_MS
        """No event here was recorded before."""
        if kept is None:
            self.seal = self.base = None
            self.events = []
            self.state = journey.state()
            self.facts = ()
        else:
            self.seal, self.base, self.events = kept.seal, kept.base, kept.events
            self.state = self.folded(self.events)
            self.facts = journey.facts(self.state)
            for event in self.events:
                self.oldest_ms = min(self.oldest_ms, event.recorded_ms)

    def folded(self, events: Iterable[Event]) -> Any:
        """The state after ``events``, from the seal on."""
        state = self.journey.state() if self.base is None else _state_decoders[self.journey.name].decode(self.base)
        step = self.journey.step
        for event in events:
            step(state, event)
        return state

    def find(self, source: str, id_: str) -> Event | None:
        """The event of that source and id, if it is known and not sealed."""
        if len(self.events) > _MANY:
            if self._by_id is None:
                self._by_id = {(event.source, event.id): event for event in self.events}
            return self._by_id.get((source, id_))
        for event in self.events:
            if event.id == id_ and event.source == source:
                return event
        return None

    def insert(self, event: Event) -> bool:
        """Puts an event in its place; true if it is older than one already there."""
        self.fresh.append(event)
        if self._by_id is not None:
            self._by_id[event.source, event.id] = event
        events = self.events
        self.oldest_ms = min(self.oldest_ms, event.recorded_ms)
        if not events or (last := events[-1]).time_ms < event.time_ms or last.order < event.order:
            events.append(event)
            return False
        events.insert(bisect_left(events, event.order, key=_order_of), event)
        self.refold = True
        return True

    def remove(self, event: Event) -> None:
        """Takes an event out again."""
        self.events = [other for other in self.events if (other.source, other.id) != (event.source, event.id)]
        self._by_id = None
        self.refold = True

    def settle(self) -> list[Event]:
        """Folds what changed; returns the events that the journey could not take, already taken out."""
        fresh, self.fresh = self.fresh, []
        journey = self.journey
        try:
            if self.refold:
                self.state = self.folded(self.events)
            else:
                step, state = journey.step, self.state
                for event in fresh:
                    step(state, event)
            self.facts = journey.facts(self.state)
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
        self.events = trusted
        self._by_id = None
        self.state = self.folded(trusted)
        self.facts = self.journey.facts(self.state)
        return culprits

    def seal_before(self, recorded_ms: int) -> list[Event]:
        """Seals the prefix up to the last event recorded before ``recorded_ms``; returns what leaves memory."""
        if self.oldest_ms >= recorded_ms:
            return []
        last = max((i for i, event in enumerate(self.events) if event.recorded_ms < recorded_ms), default=-1)
        if last < 0:
            return []
        sealed, rest = self.events[: last + 1], self.events[last + 1 :]
        self.base = events_encoder.encode(self.folded(sealed))
        self.seal = sealed[-1].order
        self.events = rest
        self._by_id = None
        self.oldest_ms = min((event.recorded_ms for event in rest), default=_NEVER_MS)
        return sealed


def _order_of(event: Event) -> Order:
    return event.order


class Parties:
    """All scopes of a shard, the voids of its parties, and which entities each party has."""

    def __init__(self) -> None:
        self._stored: dict[bytes, bytes] = {}
        self._decoded: dict[bytes, Scope] = {}
        self._voids: dict[str, set[tuple[str, str]]] = {}
        self._scopes: dict[str, list[bytes]] = {}
        """The keys of a party's scopes; one may stand there twice."""
        self._dirty: dict[bytes, Scope] = {}
        self._dirty_voids: dict[bytes, set[tuple[str, str]]] = {}
        self._sweep: Iterator[bytes] = iter(())

    def __len__(self) -> int:
        return len(self._stored)

    def scope(self, journey: Journey, party: str, entity: str) -> Scope:
        """The scope of a journey, begun if it is new."""
        key = _encode_key((journey.name, party, entity))
        found = self._decoded.get(key)
        if found is None:
            stored = self._stored.get(key)
            if stored is None:
                found = Scope(journey, key)
                self._note(party, key)
            else:
                found = Scope(journey, key, _kept_decoder.decode(stored))
            self._decoded[key] = found
        return found

    def _note(self, party: str, key: bytes) -> None:
        keys = self._scopes.get(party)
        if keys is None:
            self._scopes[party] = [key]
        else:
            keys.append(key)

    def scopes_of(self, party: str) -> list[Scope]:
        """All scopes that a party has."""
        keys = dict.fromkeys(self._scopes.get(party, ()))
        return [self.scope(JOURNEYS[name], party, entity) for name, _, entity in map(_key_decoder.decode, keys)]

    def is_voided(self, party: str, event: Event) -> bool:
        """Whether the event was taken back, perhaps before it came."""
        voids = self._voids.get(party)
        return voids is not None and (event.source, event.id) in voids

    def void(self, party: str, source: str, id_: str) -> bool:
        """Remembers that an event is taken back; false if it was already."""
        voids = self._voids.setdefault(party, set())
        if (source, id_) in voids:
            return False
        voids.add((source, id_))
        self._dirty_voids[_encode_key((VOIDS, party, ""))] = voids
        return True

    def changed(self, scopes: dict[bytes, Scope]) -> None:
        """Notes the scopes that changed, by key."""
        self._dirty |= scopes

    def take(self, seal_before_ms: int, sweep: int) -> list[tuple[bytes, bytes | None]]:
        """The changelog records of all that changed since the last take.

        Args:
            seal_before_ms: events recorded before this are sealed in the scopes that changed, and in ``sweep`` others.
            sweep: how many unchanged scopes to look at, one after the other over the takes.
        """
        records: list[tuple[bytes, bytes | None]] = []
        if seal_before_ms > 0:
            for due in self._due(seal_before_ms, sweep):
                self._dirty[due.key] = due
        stored = self._stored
        for key, scope in self._dirty.items():
            if scope.oldest_ms < seal_before_ms and (sealed := scope.seal_before(seal_before_ms)):
                archive = _encode_key((ARCHIVE, *_key_decoder.decode(key), sealed[-1].order))
                records.append((archive, events_encoder.encode(sealed)))
            value = stored[key] = _encode_scope((scope.seal, scope.base, scope.events))
            records.append((key, value))
        records += [(key, _encode_key(sorted(voids))) for key, voids in self._dirty_voids.items()]
        self._dirty, self._dirty_voids = {}, {}
        if len(self._decoded) > DECODED_MAX:  # the older half goes
            self._decoded = dict(islice(self._decoded.items(), DECODED_MAX // 2, None))
        return records

    def _due(self, seal_before_ms: int, sweep: int) -> Iterator[Scope]:
        """Of the next ``sweep`` stored scopes, those with something to seal."""
        for _ in range(min(sweep, len(self._stored))):
            key = next(self._sweep, None)
            if key is None:
                self._sweep = iter(list(self._stored))
                break
            kept = _kept_decoder.decode(self._stored[key])
            if kept.events and min(event.recorded_ms for event in kept.events) < seal_before_ms:
                journey, party, entity = _key_decoder.decode(key)
                yield self.scope(JOURNEYS[journey], party, entity)

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Takes a record of the parties changelog, in the log's order."""
        parts = _key_decoder.decode(key)
        if parts[0] == VOIDS:
            self._voids[parts[1]] = {(source, id_) for source, id_ in _key_decoder.decode(value or b"\x90")}
        elif parts[0] not in JOURNEYS:  # an archive, or of a journey that is gone
            return
        elif value is None:
            self._stored.pop(key, None)
        else:
            if key not in self._stored:
                self._note(parts[1], key)
            self._stored[key] = value

    def has_seals(self, journey: str) -> bool:
        """Whether anything of a journey is sealed: then only its state is known, as the journey was then."""
        scopes = (value for key, value in self._stored.items() if _key_decoder.decode(key)[0] == journey)
        return any(_kept_decoder.decode(value).seal is not None for value in scopes)

    def facts(self, journeys: frozenset[str]) -> Iterator[Fact]:
        """All facts of some journeys, from their scopes: to build a new measure."""
        for key, value in self._stored.items():
            name = _key_decoder.decode(key)[0]
            if name in journeys:
                yield from Scope(JOURNEYS[name], key, _kept_decoder.decode(value)).facts
