"""Whether a party is on the mailing list, over all campaigns."""

import msgspec

from stream_kpis.events import types as t
from stream_kpis.events.envelope import Event
from stream_kpis.journeys.facts import Fact
from stream_kpis.journeys.journey import Journey


class Mailing(msgspec.Struct, array_like=True):
    """The state: each change as (time in ms, sign, campaign of the subscription)."""

    moves: list[tuple[int, int, str]] = []


def step(state: Mailing, event: Event) -> None:
    """The party subscribes or unsubscribes, if that changes anything."""
    data = event.data
    listed = state.moves[-1] if state.moves and state.moves[-1][1] > 0 else None
    if isinstance(data, t.EmailSubscribed):
        if listed is None:
            state.moves.append((event.time_ms, 1, data.campaign_id))
    elif listed is not None:
        state.moves.append((event.time_ms, -1, listed[2]))


def facts(state: Mailing) -> list[Fact]:
    """All changes so far."""
    return [Fact("email_listed", at_ms, sign, (campaign,)) for at_ms, sign, campaign in state.moves]


JOURNEY = Journey(
    name="mailing",
    state=Mailing,
    takes=dict.fromkeys((t.EmailSubscribed, t.EmailUnsubscribed)),
    step=step,
    facts=facts,
)
