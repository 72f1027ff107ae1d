"""A contact with a customer, in or out, by a person or an automaton."""

import msgspec

from stream_kpis.events import types as t
from stream_kpis.events.envelope import Event
from stream_kpis.journeys.facts import Fact, yes_no
from stream_kpis.journeys.journey import Journey


class Interaction(msgspec.Struct, array_like=True):
    """The state of one interaction."""

    at_ms: int | None = None
    out: bool = False
    automated: bool = False
    channel: str | None = None
    owner: str | None = None


def step(interaction: Interaction, event: Event) -> None:
    """Somebody logged it, perhaps again."""
    data = event.data
    if isinstance(data, t.InteractionLogged) and interaction.at_ms is None:
        interaction.at_ms = event.time_ms
        interaction.out, interaction.automated = data.direction == "out", data.automated
        interaction.channel, interaction.owner = data.channel, data.owner_id


def facts(interaction: Interaction) -> list[Fact]:
    """The interaction, and whether it was a touch: of a person, outwards."""
    at_ms, out, automated, channel, owner = msgspec.structs.astuple(interaction)
    if at_ms is None:
        return []
    dims = ("out" if out else "in", yes_no(automated), channel, owner)
    found = [Fact("interaction", at_ms, 0, dims)]
    if out and not automated:
        found.append(Fact("interaction_made", at_ms, 0, (owner, channel)))
    return found


JOURNEY = Journey(
    name="interactions",
    state=Interaction,
    takes={t.InteractionLogged: "interaction_id"},
    step=step,
    facts=facts,
)
