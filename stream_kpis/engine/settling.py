"""Folds what a batch touched; an event that a journey fails on is taken out of all scopes of its party."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from stream_kpis.engine.batch import SourceRecord
from stream_kpis.engine.origins import Origins
from stream_kpis.engine.scopes import Scope
from stream_kpis.events.envelope import Event
from stream_kpis.journeys.facts import Fact
from stream_kpis.journeys.journey import Links


class Before(NamedTuple):
    """What a scope said before it was touched."""

    facts: Sequence[Fact]
    links: Links


class Settled(NamedTuple):
    """What became of the touched scopes."""

    before: dict[bytes, Before]
    """By the scope's key."""
    failures: list[tuple[Event, SourceRecord]]
    """The events that were taken out, each with the record that it came with."""
    shrunk: set[str]
    """The parties from whose scopes events were taken out."""


def settle(touched: dict[bytes, Scope], origins: Origins, scopes_of: Callable[[str], list[Scope]]) -> Settled:
    """Folds scopes.

    Args:
        touched: by key; scopes from which an event has to be taken out too are added.
        origins: knows the records.
        scopes_of: all scopes of a party.
    """
    before = {key: Before(scope.facts, scope.links) for key, scope in touched.items()}
    failed: list[tuple[Scope, Event, SourceRecord | None]] = [
        (scope, event, None) for scope in touched.values() for event in scope.settle()
    ]
    settled = Settled(before, [], {touched[key].party for key in origins.voids})
    while failed:
        scope, event, cause = failed.pop()
        record = origins.of(scope, event, cause)
        settled.shrunk.add(scope.party)
        settled.failures.append((event, record))
        for other in scopes_of(scope.party):
            known = other.find(event.source, event.id)
            if known is not None and known.crc == event.crc:
                before.setdefault(other.key, Before(other.facts, other.links))
                touched[other.key] = other
                other.remove(event)
                failed += [(other, each, record) for each in other.settle()]
    return settled
