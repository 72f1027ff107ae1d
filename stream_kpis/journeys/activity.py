"""The last event of a party, of any kind."""

import msgspec

from stream_kpis.events import types as t
from stream_kpis.events.envelope import Event
from stream_kpis.journeys.facts import Fact
from stream_kpis.journeys.journey import Journey


class Activity(msgspec.Struct, array_like=True):
    """The state: when the party's last event was."""

    last_ms: int | None = None


_SEEN = t.CustomerActivated()


def step(state: Activity, event: Event) -> None:
    """Events come in order of time, so the last one wins."""
    state.last_ms = event.time_ms


def facts(state: Activity) -> list[Fact]:
    """The last event, if there was one."""
    return [] if state.last_ms is None else [Fact("party_active", state.last_ms, 0, ())]


JOURNEY = Journey(
    name="activity",
    state=Activity,
    takes=dict.fromkeys(kind.data for kind in t.KINDS if kind.data is not t.EventVoided),
    step=step,
    facts=facts,
    keeps=lambda _: _SEEN,
)
