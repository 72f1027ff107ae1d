"""The parties of a shard: for every scope (an entity or party of a journey) its events since its seal, folded.

In memory a scope is bytes, as in the changelog; the ones touched last are kept decoded too.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from stream_kpis.events.envelope import AnyEvent, Event, events_decoder, events_encoder
from stream_kpis.journeys import JOURNEYS
from stream_kpis.journeys.facts import Fact
from stream_kpis.journeys.journey import Journey

DECODED_MAX = 5_000
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


class _Key(NamedTuple):
    """Of a scope: the journey, the party, and the entity (empty where the party is the scope)."""

    journey: str
    party: str
    entity: str


_kept_decoder = events_decoder(Kept)
_key_decoder = msgspec.msgpack.Decoder(list[Any])
_state_decoders = {name: events_decoder(journey.state) for name, journey in JOURNEYS.items()}
_encode_key = msgspec.msgpack.Encoder().encode

VOIDS, INDEX, ARCHIVE = "voids", "index", "archive"


def scope_key(journey: str, party: str, entity: str) -> bytes:
    """The key of a scope, in memory and in the parties changelog."""
    return _encode_key((journey, party, entity))


class Scope:
    """One entity or party of one journey, decoded: its events in order, its state and its facts."""

    __slots__ = ("_by_id", "base", "events", "facts", "fresh", "journey", "oldest_ms", "refold", "seal", "state")

    def __init__(self, journey: Journey, kept: Kept | None = None) -> None:
        self.journey = journey
        self.seal = kept.seal if kept else None
        self.base = kept.base if kept else None
        self.events: list[Event] = list(kept.events) if kept else []
        self.state = self.folded(self.events)
        self.facts: list[Fact] = journey.facts(self.state) if kept else []
        self.oldest_ms = min((event.recorded_ms for event in self.events), default=_NEVER_MS)
        """No event here was recorded before."""
        self._by_id: dict[tuple[str, str], Event] | None = None
        """The events by source and id, once there are many."""
        self.fresh: list[Event] = []
        """Appended or inserted since the last settling."""
        self.refold = False

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
        if not events or events[-1].order < event.order:
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
        try:
            if self.refold:
                self.state = self.folded(self.events)
            else:
                for event in fresh:
                    self.journey.step(self.state, event)
            self._facts_of_state()
        except Exception:  # noqa: BLE001 - whatever a journey raises on one event must not stop the partition
            return self._without_culprits(fresh)
        finally:
            self.refold = False
        return []

    def _facts_of_state(self) -> None:
        self.facts = self.journey.facts(self.state)

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
        self._facts_of_state()
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

    def encoded(self) -> bytes:
        """As bytes, for the changelog."""
        return events_encoder.encode((self.seal, self.base, self.events))


def _order_of(event: Event) -> Order:
    return event.order


class Parties:
    """All scopes of a shard, the voids of its parties, and which entities each party has."""

    def __init__(self) -> None:
        self._stored: dict[bytes, bytes] = {}
        self._decoded: dict[bytes, Scope] = {}
        self._voids: dict[str, set[tuple[str, str]]] = {}
        self._entities: dict[str, dict[tuple[str, str], None]] = {}
        """Per party its (journey, entity), as an ordered set."""
        self._dirty: set[bytes] = set()
        self._dirty_rows: dict[bytes, Any] = {}
        self._sweep: Iterator[bytes] = iter(())

    def __len__(self) -> int:
        return len(self._stored)

    def scope(self, journey: Journey, party: str, entity: str) -> tuple[bytes, Scope]:
        """The scope of a journey, begun if it is new, with its key."""
        key = scope_key(journey.name, party, entity)
        found = self._decoded.get(key)
        if found is None:
            stored = self._stored.get(key)
            if stored is None:
                found = Scope(journey)
                if entity:
                    self._note_entity(party, journey.name, entity)
            else:
                found = Scope(journey, _kept_decoder.decode(stored))
            self._decoded[key] = found
        return key, found

    def _note_entity(self, party: str, journey: str, entity: str) -> None:
        entities = self._entities.setdefault(party, {})
        if (journey, entity) not in entities:
            entities[journey, entity] = None
            self._dirty_rows[_encode_key((INDEX, party, journey, entity))] = ()

    def scopes_of(self, party: str) -> list[tuple[bytes, Scope]]:
        """All scopes that a party has."""
        keys = [_Key(name, party, "") for name in JOURNEYS] + [
            _Key(j, party, e) for j, e in self._entities.get(party, {})
        ]
        return [
            self.scope(JOURNEYS[key.journey], party, key.entity)
            for key in keys
            if (raw := scope_key(*key)) in self._stored or raw in self._decoded
        ]

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
        self._dirty_rows[scope_key(VOIDS, party, "")] = voids
        return True

    def touch(self, key: bytes) -> None:
        """Marks a scope as changed."""
        self._dirty.add(key)

    def take(self, seal_before_ms: int, sweep: int) -> list[tuple[bytes, bytes | None]]:
        """The changelog records of all that changed since the last take.

        Args:
            seal_before_ms: events recorded before this are sealed in the scopes that changed, and in ``sweep`` others.
            sweep: how many unchanged scopes to look at, one after the other over the takes.
        """
        records: list[tuple[bytes, bytes | None]] = []
        if seal_before_ms > 0:
            self._dirty.update(self._due(seal_before_ms, sweep))
        for key in self._dirty:
            scope = self._decoded.get(key)
            if scope is None:
                continue
            sealed = scope.seal_before(seal_before_ms)
            if sealed:
                archive = _encode_key((ARCHIVE, *_key_decoder.decode(key), sealed[-1].order))
                records.append((archive, events_encoder.encode(sealed)))
            value = scope.encoded()
            self._stored[key] = value
            records.append((key, value))
        records += [(key, _encode_key(sorted(row))) for key, row in self._dirty_rows.items()]
        self._dirty, self._dirty_rows = set(), {}
        if len(self._decoded) > DECODED_MAX:  # the older half goes
            self._decoded = dict(islice(self._decoded.items(), DECODED_MAX // 2, None))
        return records

    def _due(self, seal_before_ms: int, sweep: int) -> Iterator[bytes]:
        """Of the next ``sweep`` stored scopes, those with something to seal."""
        for _ in range(min(sweep, len(self._stored))):
            key = next(self._sweep, None)
            if key is None:
                self._sweep = iter(list(self._stored))
                break
            kept = _kept_decoder.decode(self._stored[key])
            if kept.events and min(event.recorded_ms for event in kept.events) < seal_before_ms:
                journey, party, entity = _key_decoder.decode(key)
                yield self.scope(JOURNEYS[journey], party, entity)[0]

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Takes a record of the parties changelog, in the log's order."""
        parts = _key_decoder.decode(key)
        if parts[0] == ARCHIVE:
            return
        if parts[0] == VOIDS:
            self._voids[parts[1]] = {(source, id_) for source, id_ in _key_decoder.decode(value or b"\x90")}
        elif parts[0] == INDEX:
            self._entities.setdefault(parts[1], {})[parts[2], parts[3]] = None
        elif value is None:
            self._stored.pop(key, None)
        else:
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
                yield from Scope(JOURNEYS[name], _kept_decoder.decode(value)).facts
