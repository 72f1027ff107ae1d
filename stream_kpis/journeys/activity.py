"""The last event of a party, of any kind.

The engine reads it off the scopes that a party has, so the only events kept for it are those of no other journey, and
its fact comes from the engine: a party with many events costs no more than one with few.
"""

import msgspec

from stream_kpis.events import types as t
from stream_kpis.events.envelope import Event
from stream_kpis.journeys.facts import Fact
from stream_kpis.journeys.journey import Journey


class Activity(msgspec.Struct, array_like=True):
    """The state: nothing, as a scope knows the time of its newest event."""


_SEEN = t.CustomerActivated()


def step(state: Activity, event: Event) -> None:
    """An event that only had to be kept."""


def facts(state: Activity) -> list[Fact]:
    """None of its own; see :func:`fact`."""
    del state
    return []


def fact(last_ms: int) -> Fact:
    """The party's last event was then."""
    return Fact("party_active", last_ms, 0, ())


JOURNEY = Journey(
    name="activity",
    state=Activity,
    takes=dict.fromkeys(kind.data for kind in t.KINDS if kind.data is not t.EventVoided),
    step=step,
    facts=facts,
    keeps=lambda *_: _SEEN,
    takes_rest=True,
    version=2,
)
