"""When a party is a customer: spells, which begin, end, and may be announced to end."""

from typing import NamedTuple

import msgspec

from stream_kpis.events import types as t
from stream_kpis.events.envelope import Event, time_ms_of


class Spell(msgspec.Struct, array_like=True, gc=False):
    """A time as a customer; ``end_ms`` is None while it is open."""

    start_ms: int
    end_ms: int | None = None

    def holds(self, at_ms: int) -> bool:
        """Whether the party is a customer then."""
        return self.start_ms <= at_ms and (self.end_ms is None or at_ms < self.end_ms)


class Spells(msgspec.Struct, array_like=True):
    """The spells of one party, in order; ``churned`` says that the last one ended by a churn, not by a merge."""

    each: list[Spell] = []
    churned: bool = False

    @property
    def closed(self) -> bool:
        """Whether the party is no customer, or has said when it will be none."""
        return not self.each or self.each[-1].end_ms is not None

    def leaves_after(self, at_ms: int) -> bool:
        """Whether a churn was announced that has not come by then, so that it may still be taken back."""
        return self.churned and (self.each[-1].end_ms or 0) > at_ms


class Turn(NamedTuple):
    """What one event did to the spells: first it took an announced end back, then one ended, or one began."""

    taken_back: bool = False
    ended_ms: int | None = None
    began: bool = False


_NOTHING = Turn()


def turn(spells: Spells, event: Event) -> Turn:
    """Moves the spells by one event.

    Who comes back before an announced end goes on as if it had not been announced. Another end, or a merge, before it
    takes its place. No spell ends before it began.
    """
    data, at_ms = event.data, event.time_ms
    match data:
        case t.CustomerCreated() | t.CustomerReactivated():
            if spells.leaves_after(at_ms):
                _take_back(spells)
                return Turn(taken_back=True)
            if spells.closed:
                spells.each.append(Spell(at_ms))
                spells.churned = False
                return Turn(began=True)
        case t.CustomerChurned():
            said_ms = at_ms if data.effective_at is None else time_ms_of(data.effective_at)
            return _end(spells, at_ms, said_ms, churned=True)
        case t.CustomerMerged():
            return _end(spells, at_ms, at_ms, churned=False)
        case _:
            pass
    return _NOTHING


def _take_back(spells: Spells) -> None:
    spells.each[-1].end_ms = None
    spells.churned = False


def _end(spells: Spells, at_ms: int, said_ms: int, *, churned: bool) -> Turn:
    taken_back = spells.leaves_after(at_ms)
    if taken_back:
        _take_back(spells)
    if spells.closed:
        return _NOTHING
    spell = spells.each[-1]
    spell.end_ms = max(said_ms, spell.start_ms)
    spells.churned = churned
    return Turn(taken_back, spell.end_ms)
