"""The past of a partition, replayed from its parties: what was known before an instant, as cells. Pure.

An event is known from its own time on, whenever it came. What was taken back was never there: the parties have let go
of it. What still waits for its rate is in no value, as it is in none now.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from stream_kpis.engine.cells import Cells
from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.definitions import DefinitionsChanged
from stream_kpis.engine.holdings import Holdings, Stored, decode_events
from stream_kpis.engine.parking import is_parked
from stream_kpis.engine.scopes import as_sealed, decoded, sealed_state
from stream_kpis.engine.tiles import Calendar, Levels
from stream_kpis.events.envelope import Event
from stream_kpis.events.types import LeadLinked
from stream_kpis.journeys import activity
from stream_kpis.journeys.facts import Fact
from stream_kpis.journeys.journey import Journey, told_of


def known_ms(event: Event) -> int:
    """From when on an event is known; what another party makes of a lead from the conversion on that it tells."""
    data = event.data
    return event.time_ms if not isinstance(data, LeadLinked) or data.at_ms is None else data.at_ms


class _Course(msgspec.Struct, eq=False, gc=True):
    """A scope on its way from instant to instant."""

    journey: Journey
    party: str
    entity: str
    state: Any
    events: list[Event]
    """In order; the first ``at`` of them are in the state."""
    last_ms: int
    """When the last event in the state was; -1 if there is none."""
    at: int = 0
    facts: Sequence[Fact] = ()

    @property
    def goes_on(self) -> bool:
        """Whether there is anything that is not in the state yet."""
        return self.at < len(self.events)

    @property
    def next_ms(self) -> int:
        """From when on the first of it is known."""
        return known_ms(self.events[self.at])

    def forward(self, to_ms: int) -> None:
        """Takes the events before an instant into the state, and says anew what it means."""
        step, state = self.journey.step, self.state
        while self.at < len(self.events) and known_ms(event := self.events[self.at]) < to_ms:
            step(state, event)
            self.last_ms = max(self.last_ms, event.time_ms)  # a link comes before all that was sealed
            self.at += 1
        if self.last_ms >= 0:
            self.facts = self.journey.facts(state)


class Past:
    """One partition, replayed. Its records are taken first, then the cells at each instant are read, once.

    Args:
        plan: the compiled catalogue.
        calendar: the business days.
        instants: in order of time, each once; only what happened before it is known at it.
        journeys: which of those that run are wanted; all if not given.
    """

    def __init__(
        self, plan: Plan, calendar: Calendar, instants: Sequence[int], journeys: Collection[str] | None = None
    ) -> None:
        running = {name for name in plan.journeys if f"journey:{name}" in plan.definitions}
        self._holdings = Holdings(plan, running if journeys is None else running & set(journeys), archives=True)
        self._instants = instants
        self._levels = Levels(calendar)
        self._cells = Cells(plan, self._levels)
        self._last_ms: dict[str, int] = {}
        """When the last event of each party was."""
        self._moved: dict[str, int] = {}
        """When it was at the instant before, of the parties where it moved."""
        self._parked: set[bytes] = set()
        self.scopes = self.events = 0
        """How many there were; events as often as they are in a scope."""
        self.first_ms: int | None = None
        """When the first event of all happened, as far as it is known."""
        self.unknown_before_ms = 0
        """Before and at it not all is known: archives are gone, which shows in what was sealed."""

    @property
    def parked(self) -> int:
        """How many events wait for the rate of their currency."""
        return len(self._parked)

    def take(self, key: bytes, value: bytes | None) -> None:
        """Takes a record of the parties changelog, in the log's order."""
        if is_parked(key):
            (self._parked.discard if value is None else self._parked.add)(key)
        else:
            self._holdings.take(key, value)

    def flushes(self) -> Iterator[list[tuple[bytes, bytes | None]]]:
        """At each instant the records of the cells changelog that a shard would have written since the one before.

        Raises:
            DefinitionsChanged: something was sealed by another version of its journey.
        """
        due: dict[int, list[_Course]] = {}  # by the number of the instant, so that many instants cost no more than few
        for number, to_ms in enumerate(self._instants):
            if self._levels.advance(to_ms):  # first, so that each fact goes at once to the tile of its age
                self._cells.roll_up()
            for course in due.pop(number, ()) if number else self._begin():
                self._move(course, to_ms)
                if course.goes_on:
                    due.setdefault(bisect_right(self._instants, course.next_ms), []).append(course)
            self._count_pulses()
            yield self._cells.take()

    def facts(self) -> Iterator[tuple[str, str, Fact]]:
        """All facts at the last instant, with party and entity; a party's last event among them where that is wanted.

        Everything is folded anew for it: cells may be read before or after.

        Raises:
            DefinitionsChanged: something was sealed by another version of its journey.
        """
        last_ms: dict[str, int] = {}
        for course in filter(None, map(self._course, self._holdings.stored())):
            course.forward(self._instants[-1])
            for entity, fact in told_of(course.journey, course.entity, course.state, course.facts):
                yield course.party, entity, fact
            last_ms[course.party] = max(last_ms.get(course.party, -1), course.last_ms)
        for party, at_ms in last_ms.items() if self._holdings.pulsing else ():
            if at_ms >= 0:
                yield party, "", activity.fact(at_ms)

    def _begin(self) -> Iterator[_Course]:
        """All scopes before the first instant, one after the other."""
        for stored in self._holdings.stored():
            self.scopes += 1
            course = self._course(stored)
            if course is not None:
                began = [course.last_ms] if course.last_ms >= 0 else [event.time_ms for event in course.events[:1]]
                self.first_ms = min(began if self.first_ms is None else (self.first_ms, *began), default=None)
                yield course

    def _course(self, stored: Stored) -> _Course | None:
        """A scope from what was sealed, if that was before the first instant; else from its first event."""
        journey, party, entity = stored.journey, stored.party, stored.entity
        kept = decoded(stored.value)
        events = [event for event in decode_events(kept.events) if known_ms(event) < self._instants[-1]]
        events.sort(key=known_ms)  # moves links alone; the others are in the order of time already
        if kept.seal is None:
            return _Course(journey, party, entity, journey.state(), events, -1)
        if kept.version != journey.version:
            raise DefinitionsChanged(f"journey {journey.name} has changed, and some of its state is sealed")
        base = sealed_state(journey, kept.base)
        if kept.seal[0] < self._instants[0]:
            return _Course(journey, party, entity, base, events, kept.seal[0])
        sealed = [event for archive in stored.archives for event in decode_events(archive)]
        whole = bool(sealed) and sealed[-1].order == kept.seal
        if not whole or as_sealed(journey, _folded(journey, sealed)) != base:
            self.unknown_before_ms = max(self.unknown_before_ms, kept.seal[0])
            return None
        return _Course(journey, party, entity, journey.state(), sorted(sealed + events, key=known_ms), -1)

    def _move(self, course: _Course, to_ms: int) -> None:
        """Moves a scope on to an instant and counts what that changes."""
        before, at = course.facts, course.at
        course.forward(to_ms)
        self.events += course.at - at
        self._cells.count_difference(before, course.facts)
        last_ms = self._last_ms.get(course.party, -1)
        if course.last_ms > last_ms:
            self._moved.setdefault(course.party, last_ms)
            self._last_ms[course.party] = course.last_ms

    def _count_pulses(self) -> None:
        """Counts how the parties' last events moved."""
        for party, was_ms in self._moved.items() if self._holdings.pulsing else ():
            old = [activity.fact(was_ms)] if was_ms >= 0 else []
            self._cells.count_difference(old, [activity.fact(self._last_ms[party])])
        self._moved = {}


def _folded(journey: Journey, events: Iterable[Event]) -> Any:
    state = journey.state()
    for event in events:
        journey.step(state, event)
    return state
