"""The parties of a shard: all their scopes, and what was taken back of their events.

In memory a scope is bytes, as in the changelog; the ones touched last are kept decoded too.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec

from stream_kpis.engine.scopes import Scope, decoded
from stream_kpis.events.envelope import Event, events_encoder
from stream_kpis.events.types import Data, LeadLinked
from stream_kpis.journeys import activity
from stream_kpis.journeys.facts import Fact
from stream_kpis.journeys.journey import Journey

Ways = Sequence[tuple[Journey, str | None]]
"""The journeys that take a kind of event, and the field that names the entity of each."""
Routes = Mapping[type[Data], Ways]

VOIDS_MAX = 10_000
"""Voids of a party: they are written together, and a record has a largest size."""
DECODED_MAX = 2_000
"""Scopes kept decoded, per shard."""

_key_decoder = msgspec.msgpack.Decoder(list[Any])
_encode_key = msgspec.msgpack.Encoder().encode

VOIDS, ARCHIVE = "voids", "archive"
"""What else has records in the parties changelog; the key of a scope begins with its journey's name."""


class Parties:
    """All scopes of a shard, the voids of its parties, and which scopes each party has.

    Args:
        journeys: all, by name.
        pulsing: whether to know each party's last event.
    """

    def __init__(self, journeys: Mapping[str, Journey], pulsing: bool = False) -> None:
        self._journeys = journeys
        self._pulsing = pulsing
        self._last_ms: dict[str, int] = {}
        """When each party's last event was; -1 if all were taken back."""
        self._stored: dict[bytes, bytes] = {}
        self._decoded: dict[bytes, Scope] = {}
        self._voids: dict[str, set[tuple[str, str]]] = {}
        self._scopes: dict[str, list[bytes]] = {}
        """The keys of a party's scopes, each once: noted with its first event, or when it is restored."""
        self._dirty: dict[bytes, Scope] = {}
        self._dirty_voids: dict[bytes, set[tuple[str, str]]] = {}
        self._sweep: Iterator[bytes] = iter(())
        self._unsealable: set[bytes] = set()
        """The scopes that nothing more is sealed of, as what is sealed would be too large: they are not asked again."""

    @property
    def unsealable(self) -> int:
        """How many scopes were found too large to be sealed."""
        return len(self._unsealable)

    def __len__(self) -> int:
        return len(self._stored)

    def scope(self, journey: Journey, party: str, entity: str | Sequence[str]) -> Scope:
        """The scope of a journey, begun if it is new; an entity without an id is named by its event's source and id."""
        key = _encode_key((journey.name, party, entity))
        found = self._decoded.get(key)
        if found is None:
            stored = self._stored.get(key)
            if stored is None:
                found = Scope(journey, party, key, journey.state())
            else:
                found = Scope.of(journey, party, key, stored)
            self._decoded[key] = found
        return found

    def scopes_for(self, ways: Ways, party: str, event: Event) -> list[Scope]:
        """The scopes that an event goes to, by its journeys and the field that names the entity of each."""
        return [self.scope(journey, party, _entity(event, field)) for journey, field in ways]

    def is_sealed_somewhere(self, party: str, holders: Iterable[tuple[Scope, Event]], routes: Routes) -> bool:
        """Whether a scope of an event has sealed it while others have not yet: it is taken back in all or in none."""
        for scope, event in holders:
            if not scope.journey.takes_rest:  # which keeps of an event only that it was
                scopes = self.scopes_for(routes.get(type(event.data), ()), party, event)
                return any(other.seal is not None and event.order <= other.seal for other in scopes)
        return False

    def note(self, scope: Scope) -> None:
        """Remembers a new scope as one of its party's: it takes its first event."""
        scope.noted = True
        self._note(scope.party, scope.key)

    def _note(self, party: str, key: bytes) -> None:
        keys = self._scopes.get(party)
        if keys is None:
            self._scopes[party] = [key]
        else:
            keys.append(key)

    def scopes_of(self, party: str) -> list[Scope]:
        """All scopes that a party has."""
        keys = map(_key_decoder.decode, self._scopes.get(party, ()))
        return [self.scope(self._journeys[name], party, entity) for name, _, entity in keys]

    def is_voided(self, party: str, event: Event) -> bool:
        """Whether the event was taken back, perhaps before it came."""
        voids = self._voids.get(party)
        return voids is not None and (event.source, event.id) in voids

    def void(self, party: str, source: str, id_: str) -> bool | None:
        """Remembers that an event is taken back; false if it was already, None if as many are as may be."""
        voids = self._voids.setdefault(party, set())
        if (source, id_) in voids:
            return False
        if len(voids) >= VOIDS_MAX:
            return None
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
            if scope.oldest_ms < seal_before_ms and key not in self._unsealable:
                if sealed := scope.seal_before(seal_before_ms):
                    archive = _encode_key((ARCHIVE, *_key_decoder.decode(key), _place(sealed[-1])))
                    records.append((archive, events_encoder.encode(sealed)))
                else:
                    self._unsealable.add(key)
            value = stored[key] = scope.encoded()
            records.append((key, value))
        records += [(key, _encode_key(sorted(voids))) for key, voids in self._dirty_voids.items()]
        self._dirty, self._dirty_voids = {}, {}
        if len(self._decoded) > DECODED_MAX:  # the older half goes
            self._decoded = dict(islice(self._decoded.items(), len(self._decoded) - DECODED_MAX // 2, None))
        return records

    def _due(self, seal_before_ms: int, sweep: int) -> Iterator[Scope]:
        """Of the next ``sweep`` stored scopes, those with something to seal."""
        for _ in range(min(sweep, len(self._stored))):
            key = next(self._sweep, None)
            if key is None:
                self._sweep = iter(list(self._stored))
                break
            if decoded(self._stored[key]).oldest_ms < seal_before_ms and key not in self._unsealable:
                journey, party, entity = _key_decoder.decode(key)
                yield self.scope(self._journeys[journey], party, entity)

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Takes a record of the parties changelog, in the log's order."""
        parts = _key_decoder.decode(key)
        if parts[0] == VOIDS:
            self._voids[parts[1]] = {(source, id_) for source, id_ in _key_decoder.decode(value or b"\x90")}
        elif parts[0] not in self._journeys:  # an archive, or of a journey that is gone
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
        return any(decoded(value).seal is not None for value in scopes)

    def facts(self, journeys: frozenset[str]) -> Iterator[Fact]:
        """All facts of some journeys, from their scopes: to build a new measure."""
        for key, value in self._stored.items():
            name, party, _ = _key_decoder.decode(key)
            if name in journeys:
                yield from Scope.of(self._journeys[name], party, key, value).facts
        if activity.JOURNEY.name in journeys:
            yield from map(activity.fact, self._last_ms.values())

    def restored(self) -> None:
        """All records were taken: reads the parties' last events off their scopes."""
        for key, value in self._stored.items() if self._pulsing else ():
            party, last_ms = _key_decoder.decode(key)[1], decoded(value).last_ms
            if last_ms > self._last_ms.get(party, -1):
                self._last_ms[party] = last_ms

    def pulses(self, scopes: Iterable[Scope], shrunk: Collection[str]) -> Iterator[tuple[list[Fact], list[Fact]]]:
        """How the last events of parties moved, as the facts before and after.

        Args:
            scopes: what changed.
            shrunk: parties from whose scopes events were taken out.
        """
        if not self._pulsing:
            return
        known = self._last_ms
        for scope in scopes:
            party, last_ms = scope.party, scope.last_ms
            before = known.get(party, -1)
            if party in shrunk:
                last_ms = max(each.last_ms for each in self.scopes_of(party))
            elif last_ms <= before:
                continue
            if last_ms != before:
                yield [activity.fact(before)] if before >= 0 else [], [activity.fact(last_ms)] if last_ms >= 0 else []
                known[party] = last_ms


def _place(last: Event) -> tuple[int | str, ...]:
    """Where an archive comes among those of its scope, by its last event; each version of a link has its own."""
    data = last.data
    return (*last.order, data.version) if isinstance(data, LeadLinked) else last.order


def _entity(event: Event, field: str | None) -> str | tuple[str, str]:
    """Which entity an event is about; without an id it is one of its own."""
    if field is None:
        return ""
    named: str | None = getattr(event.data, field) if field else None
    return (event.source, event.id) if named is None else named
