"""A campaign's e-mail to a party: sent, delivered, and what became of it. Repetitions change nothing."""

import msgspec

from stream_kpis.events import types as t
from stream_kpis.events.envelope import Event
from stream_kpis.journeys.facts import Fact
from stream_kpis.journeys.journey import Journey

Dims = tuple[str | None, ...]


class Email(msgspec.Struct, array_like=True):
    """The state of one e-mail.

    What is known to have come before the sending (for bounces) or the delivery (for all else) gives way to what comes
    next, so that in the end each is the first at or after it, if there is one.
    """

    sent_ms: int | None = None
    sent: Dims = ()
    delivered_ms: int | None = None
    delivered: Dims = ()
    bounced_ms: int | None = None
    opened_ms: int | None = None
    clicked_ms: int | None = None
    unsubscribed_ms: int | None = None
    complained_ms: int | None = None


def step(email: Email, event: Event) -> None:
    """One e-mail moves by one event."""
    data, at_ms = event.data, event.time_ms
    match data:
        case t.EmailSent():
            if email.sent_ms is None:
                email.sent_ms, email.sent = at_ms, dims_of(data)
        case t.EmailDelivered():
            if email.delivered_ms is None:
                email.delivered_ms, email.delivered = at_ms, dims_of(data)
        case t.EmailBounced():
            email.bounced_ms = _first(email.bounced_ms, at_ms, email.sent_ms)
        case t.EmailOpened(machine=False):
            email.opened_ms = _first(email.opened_ms, at_ms, email.delivered_ms)
        case t.EmailClicked():
            email.clicked_ms = _first(email.clicked_ms, at_ms, email.delivered_ms)
        case t.EmailUnsubscribed():
            email.unsubscribed_ms = _first(email.unsubscribed_ms, at_ms, email.delivered_ms)
        case t.EmailComplained():
            email.complained_ms = _first(email.complained_ms, at_ms, email.delivered_ms)
        case _:
            pass


def _first(known_ms: int | None, at_ms: int, since_ms: int | None) -> int:
    """The first at or after ``since_ms`` of those in order of time; the latest while that is not known."""
    return at_ms if known_ms is None or since_ms is None or known_ms < since_ms else known_ms


def dims_of(data: t.Email) -> Dims:
    """What an event says of its e-mail, in the order of the facts."""
    return (data.campaign_id, data.variant, data.subject_line, data.call_to_action)


def facts(email: Email) -> list[Fact]:
    """The sending and what followed it, the delivery and what followed that."""
    dims = email.delivered if email.sent_ms is None else email.sent
    found = _followed("email_sent", email.sent_ms, {"email_bounced": email.bounced_ms}, dims)
    after = {
        "email_opened": email.opened_ms,
        "email_clicked": email.clicked_ms,
        "email_unsubscribed": email.unsubscribed_ms,
        "email_complained": email.complained_ms,
    }
    return found + _followed("email_delivered", email.delivered_ms, after, dims)


def _followed(name: str, base_ms: int | None, after: dict[str, int | None], dims: Dims) -> list[Fact]:
    if base_ms is None:
        return []
    found = [Fact(name, base_ms, 0, dims)]
    found += [
        Fact(what, at_ms, at_ms - base_ms, dims)
        for what, at_ms in after.items()
        if at_ms is not None and at_ms >= base_ms
    ]
    return found


JOURNEY = Journey(
    name="emails",
    state=Email,
    takes=dict.fromkeys(
        (
            t.EmailSent,
            t.EmailDelivered,
            t.EmailBounced,
            t.EmailOpened,
            t.EmailClicked,
            t.EmailUnsubscribed,
            t.EmailComplained,
        ),
        "campaign_id",
    ),
    step=step,
    facts=facts,
)
