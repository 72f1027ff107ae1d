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

_decode_key = msgspec.msgpack.Decoder(list[Any]).decode
_decode_events = events_decoder(list[AnyEvent]).decode  # type: ignore[valid-type] # a struct made at run time
_encode = msgspec.msgpack.Encoder().encode


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


class Holdings:
    """Takes records of the parties changelog in the log's order, and gives what they say in the end.

    Args:
        plan: the compiled catalogue.
        journeys: which are wanted; all if not given.
        party: whose; everybody's if not given. Archives are kept of one party alone.
    """

    def __init__(self, plan: Plan, journeys: Collection[str] | None = None, party: str | None = None) -> None:
        self._plan = plan
        wanted = plan.journeys.keys() if journeys is None else journeys
        self._pulse = activity.JOURNEY.name in wanted and "party_active" in plan.actions
        kept = list(plan.journeys if self._pulse else wanted) + ([ARCHIVE, VOIDS] if party is not None else [])
        # How the keys begin: an array of three, or of more for archives, and the name of the journey.
        self._heads = tuple(_encode((name, "", ""))[: 1 + len(_encode(name))] for name in kept if name != ARCHIVE)
        self._heads += tuple(_encode((name, *[""] * 4))[: 1 + len(_encode(name))] for name in kept if name == ARCHIVE)
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
        sealed = self._archives()
        for key, value in self._records.items():
            name, party, entity = _decode_key(key)[:3]
            journey = self._plan.journeys.get(name)
            if journey is not None and self._party in (None, party):
                scope = Scope.of(journey, party, key, value)
                named = entity if isinstance(entity, str) else " ".join(entity)
                yield Holding(name, party, named, scope, tuple(sealed.get(key, ())))

    def facts(self) -> Iterator[tuple[str, str, Fact]]:
        """All facts, with party and entity; a party's last event among them where that is wanted."""
        last_ms: dict[str, int] = {}
        for holding in self:
            for fact in holding.scope.facts:
                yield holding.party, holding.entity, fact
            last_ms[holding.party] = max(last_ms.get(holding.party, -1), holding.scope.last_ms)
        for party, at_ms in last_ms.items() if self._pulse else ():
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

    def _archives(self) -> dict[bytes, list[Event]]:
        """Sealed events by the key of their scope, in order."""
        found: dict[bytes, list[Event]] = {}
        parts = [(_decode_key(key), value) for key, value in self._records.items() if self._party is not None]
        for (_, *scope, order), value in sorted(
            ((key, value) for key, value in parts if key[0] == ARCHIVE), key=lambda each: each[0][-1]
        ):
            del order
            found.setdefault(_encode(tuple(scope)), []).extend(_decode_events(value))
        return found
