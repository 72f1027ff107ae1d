"""A contact with a customer, in or out, by a person or an automaton."""

import msgspec

from stream_kpis.events import types as t
from stream_kpis.events.envelope import Event
from stream_kpis.journeys.facts import Fact
from stream_kpis.journeys.journey import Journey


class Logged(msgspec.Struct, array_like=True, gc=False):
    """One interaction."""

    at_ms: int
    out: bool
    automated: bool
    channel: str | None
    owner: str | None


class Interactions(msgspec.Struct, array_like=True):
    """The first of an id; of those without an id all, for each is one."""

    logged: list[Logged] = []


def step(state: Interactions, event: Event) -> None:
    """Somebody logged an interaction, perhaps again."""
    data = event.data
    if isinstance(data, t.InteractionLogged) and (data.interaction_id is None or not state.logged):
        one = Logged(event.time_ms, data.direction == "out", data.automated, data.channel, data.owner_id)
        state.logged.append(one)


def facts(state: Interactions) -> list[Fact]:
    """Each, and whether it was a touch: of a person, outwards."""
    found = []
    for one in state.logged:
        direction, automated = "out" if one.out else "in", "yes" if one.automated else "no"
        found.append(Fact("interaction", one.at_ms, 0, (direction, automated, one.channel, one.owner)))
        if one.out and not one.automated:
            found.append(Fact("interaction_made", one.at_ms, 0, (one.owner, one.channel)))
    return found


JOURNEY = Journey(
    name="interactions",
    state=Interactions,
    takes={t.InteractionLogged: "interaction_id"},
    step=step,
    facts=facts,
)
