"""How large the state of a campaign's e-mails grows, and that what they say stays theirs."""

import random
from typing import Any

from stream_kpis.events.envelope import events_encoder
from stream_kpis.journeys import JOURNEYS
from stream_kpis.journeys.attribution import Attribution
from stream_kpis.journeys.emails import Emails
from stream_kpis.journeys.emails import step as step_email
from tests.journeys.cases import Step
from tests.journeys.test_journeys import events_of

LONG = {"campaign_id": "c" * 256, "variant": "v" * 256, "subject_line": "s" * 256, "call_to_action": "é" * 128}


def daily(days: int, **data: Any) -> list[Step]:
    """A campaign that writes every day, with all that may follow."""
    kinds = ("sent", "delivered", "opened", "clicked", "bounced", "unsubscribed", "complained")
    return [
        (1440 * day + n, f"email.{kind}", {"campaign_id": "c", **data})
        for day in range(days)
        for n, kind in enumerate(kinds)
    ]


def state_of(steps: list[Step]) -> Emails:
    state = Emails()
    for event in events_of(steps):
        step_email(state, event)
    return state


def test_a_campaign_that_always_says_the_same_stays_small() -> None:
    """A daily e-mail of a thousand bytes takes the bytes of its times."""
    few, many = (len(events_encoder.encode(state_of(daily(days, **LONG)))) for days in (2, 122))
    assert (many - few) / 120 < 68


def test_what_is_said_of_dropped_e_mails_alone_is_forgotten() -> None:
    """The others keep theirs, whichever go."""
    dice, state = random.Random(7), Emails()
    plain: list[tuple[str, str]] = []
    for at in range(2_000):
        if plain and dice.random() < 0.45:
            number = dice.randrange(len(plain))
            state.drop(number)
            del plain[number]
        else:
            plain.append(("c", f"{dice.randrange(9)}"))
            (event,) = events_of([(at, "email.sent", {"campaign_id": "c", "variant": plain[-1][1]})])
            step_email(state, event)
        assert [state.dims(mail)[:2] for mail in state.mails] == plain
        assert list(state.said.values()) == list(range(len(set(plain))))


def test_attribution_keeps_what_clicked_e_mails_say() -> None:
    """Of a hundred subjects those of the two that were clicked, and the last."""
    steps: list[Step] = [
        (n, f"email.{kind}", {"campaign_id": "c", "subject_line": f"{n // 9}"})
        for n in range(900)
        for kind in (["sent"] if n % 9 == 0 else ["clicked"] if n in (20, 500) else [])
    ]
    state = Attribution()
    for event in events_of(steps):
        JOURNEYS["attribution"].step(state, event)
    assert [dims[2] for dims in state.emails["c"].said] == ["2", "55", "99"]
