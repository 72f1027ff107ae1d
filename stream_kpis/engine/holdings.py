"""What the parties changelog holds: scopes with their events and facts, for whoever looks into it. Pure.

The shard itself reads the same records in `parties.py`; here nothing is ever written, and only some journeys or one
party may be wanted.
"""

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import msgspec

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.parties import ARCHIVE, VOIDS
from stream_kpis.engine.scopes import Scope
from stream_kpis.events.envelope import AnyEvent, Event, events_decoder
from stream_kpis.journeys import activity
from stream_kpis.journeys.facts import Fact
from stream_kpis.journeys.journey import Journey, told_of

_decode_key = msgspec.msgpack.Decoder(list[Any]).decode
decode_events = events_decoder(list[AnyEvent]).decode  # type: ignore[valid-type] # a struct made at run time
"""Reads the events of a scope, or of an archive."""
_encode = msgspec.msgpack.Encoder().encode


class Stored(NamedTuple):
    """One scope as it stands in the changelog."""

    journey: Journey
    party: str
    entity: str
    key: bytes
    value: bytes
    archives: tuple[bytes, ...]
    """What was sealed of it, in order, for :data:`decode_events`; if archives were taken."""


class Holding(NamedTuple):
    """One scope: an entity of a party, or the party itself, in one journey."""

    journey: str
    party: str
    entity: str
    """Its id; empty where the party is the scope, source and id of its event where that names none."""
    scope: Scope
    sealed: tuple[Event, ...] = ()
    """The events that were sealed and archived, if they were taken."""

    @property
    def events(self) -> tuple[Event, ...]:
        """All events, in order."""
        return (*self.sealed, *self.scope.events)

    def facts(self) -> Iterator[tuple[str, Fact]]:
        """What it says, each with its entity: of one that is folded with the party's others, if it is known."""
        return told_of(self.scope.journey, self.entity, self.scope.state, self.scope.facts)


class Holdings:
    """Takes records of the parties changelog in the log's order, and gives what they say in the end.

    Args:
        plan: the compiled catalogue.
        journeys: which are wanted; all if not given.
        party: whose; everybody's if not given.
        archives: whether to keep those of everybody; those of one party are kept anyway.
    """

    def __init__(
        self,
        plan: Plan,
        journeys: Collection[str] | None = None,
        party: str | None = None,
        *,
        archives: bool = False,
    ) -> None:
        self._plan = plan
        wanted = plan.journeys.keys() if journeys is None else journeys
        self.pulsing = activity.JOURNEY.name in wanted and "party_active" in plan.actions
        """Whether the last event of each party is wanted, and so all its scopes."""
        kept = list(plan.journeys if self.pulsing else wanted)
        # How the keys begin: an array of three, or of five for archives, and the name of the journey.
        heads = [_head((name, "", ""), 1) for name in kept]
        if party is not None or archives:
            heads += [_head((ARCHIVE, name, "", "", ""), 2) for name in kept]
        if party is not None:
            heads.append(_head((VOIDS, "", ""), 1))
        self._heads = tuple(heads)
        self._party, self._needle = party, None if party is None else _encode(party)
        self._records: dict[bytes, bytes] = {}

    def take(self, key: bytes, value: bytes | None) -> None:
        """One record; what is not wanted costs a look at its key."""
        if not key.startswith(self._heads) or (self._needle is not None and self._needle not in key):
            return
        if value is None:
            self._records.pop(key, None)
        else:
            self._records[key] = value

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Holding]:
        for one in self.stored():
            scope = Scope.of(one.journey, one.party, one.key, one.value)
            sealed = tuple(event for archive in one.archives for event in decode_events(archive))
            yield Holding(one.journey.name, one.party, one.entity, scope, sealed)

    def stored(self) -> Iterator[Stored]:
        """The scopes as they were written, with their archives."""
        archives = self._archives()
        for key, value in self._records.items():
            name, party, entity = _decode_key(key)[:3]
            journey = self._plan.journeys.get(name)
            if journey is not None and self._party in (None, party):
                named = entity if isinstance(entity, str) else " ".join(entity)
                yield Stored(journey, party, named, key, value, tuple(archives.get(key, ())))

    def facts(self) -> Iterator[tuple[str, str, Fact]]:
        """All facts, with party and entity; a party's last event among them where that is wanted."""
        last_ms: dict[str, int] = {}
        for holding in self:
            for entity, fact in holding.facts():
                yield holding.party, entity, fact
            last_ms[holding.party] = max(last_ms.get(holding.party, -1), holding.scope.last_ms)
        for party, at_ms in last_ms.items() if self.pulsing else ():
            if at_ms >= 0:  # else all was taken back, or is of others
                yield party, "", activity.fact(at_ms)

    def voids(self) -> set[tuple[str, str]]:
        """Source and id of what the party took back."""
        found: set[tuple[str, str]] = set()
        for key, value in self._records.items():
            name, party, *_ = _decode_key(key)
            if name == VOIDS and party == self._party:
                found |= {(source, id_) for source, id_ in _decode_key(value)}
        return found

    def _archives(self) -> dict[bytes, list[bytes]]:
        """What was sealed by the key of its scope, in order."""
        parts = [(_decode_key(key), value) for key, value in self._records.items() if key.startswith(_ARCHIVE_HEAD)]
        found: dict[bytes, list[bytes]] = {}
        for (_, *scope, _order), value in sorted(parts, key=lambda part: part[0][-1]):
            found.setdefault(_encode(tuple(scope)), []).append(value)
        return found


def _head(key: tuple[str, ...], names: int) -> bytes:
    """How a key begins: the head of its array, and its first texts."""
    return _encode(key)[: 1 + sum(len(_encode(name)) for name in key[:names])]


_ARCHIVE_HEAD = _head((ARCHIVE, "", "", "", ""), 1)
