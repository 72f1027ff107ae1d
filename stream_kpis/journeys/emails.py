"""A campaign's e-mails to a party, cut by their sendings: sent, delivered, and what became of each."""

from itertools import islice

import msgspec

from stream_kpis.events import types as t
from stream_kpis.events.envelope import Event
from stream_kpis.journeys.facts import Fact
from stream_kpis.journeys.journey import Journey

Dims = tuple[str | None, ...]


class Email(msgspec.Struct, array_like=True, gc=False):
    """The state of one e-mail; ``said`` is the number of what the event that began it says of it.

    What is known to have come before the delivery gives way to what comes next, so that in the end each is the first at
    or after it, if there is one.
    """

    said: int
    sent_ms: int | None = None
    delivered_ms: int | None = None
    bounced_ms: int | None = None
    opened_ms: int | None = None
    clicked_ms: int | None = None
    unsubscribed_ms: int | None = None
    complained_ms: int | None = None


class Emails(msgspec.Struct, array_like=True):
    """The state of a campaign and party: its e-mails in order, of which only the last one moves.

    ``said`` has what is said of them in the order of its numbers, each once: a campaign may say the same every day.
    """

    mails: list[Email] = []
    said: dict[Dims, int] = {}

    def dims(self, mail: Email) -> Dims:
        """What is said of one of the e-mails."""
        return next(islice(self.said, mail.said, None))

    def drop(self, number: int) -> None:
        """Drops the e-mail at that place, and what is said of no other one."""
        gone = self.mails.pop(number).said
        if any(mail.said == gone for mail in reversed(self.mails)):
            return
        self.said = {dims: n - (n > gone) for dims, n in self.said.items() if n != gone}
        for mail in self.mails:
            mail.said -= mail.said > gone


def step(state: Emails, event: Event) -> None:
    """A sending begins an e-mail, and so does a delivery too many; all else happens to the last one."""
    data, at_ms = event.data, event.time_ms
    if isinstance(data, t.EmailSent):
        state.mails.append(Email(_number(state, data), sent_ms=at_ms))
    elif isinstance(data, t.EmailDelivered):
        if not state.mails or state.mails[-1].delivered_ms is not None:
            state.mails.append(Email(_number(state, data)))
        state.mails[-1].delivered_ms = at_ms
    elif state.mails:
        _follow(state.mails[-1], data, at_ms)


def _number(state: Emails, data: t.Email) -> int:
    """The number of what an event says of its e-mail."""
    return state.said.setdefault(dims_of(data), len(state.said))


def _follow(mail: Email, data: t.Data, at_ms: int) -> None:
    """What became of an e-mail."""
    match data:
        case t.EmailBounced():
            mail.bounced_ms = at_ms if mail.bounced_ms is None else mail.bounced_ms
        case t.EmailOpened(machine=False):
            mail.opened_ms = _first(mail.opened_ms, at_ms, mail.delivered_ms)
        case t.EmailClicked():
            mail.clicked_ms = _first(mail.clicked_ms, at_ms, mail.delivered_ms)
        case t.EmailUnsubscribed():
            mail.unsubscribed_ms = _first(mail.unsubscribed_ms, at_ms, mail.delivered_ms)
        case t.EmailComplained():
            mail.complained_ms = _first(mail.complained_ms, at_ms, mail.delivered_ms)
        case _:
            pass


def _first(known_ms: int | None, at_ms: int, since_ms: int | None) -> int:
    """The first at or after ``since_ms`` of those in order of time; the latest while that is not known."""
    return at_ms if known_ms is None or since_ms is None or known_ms < since_ms else known_ms


def dims_of(data: t.Email) -> Dims:
    """What an event says of its e-mail, in the order of the facts."""
    return (
        data.campaign_id,
        data.variant,
        data.subject_line,
        data.call_to_action,
        None if data.length is None else str(data.length),
        None if data.images is None else str(data.images),
    )


def facts(state: Emails) -> list[Fact]:
    """Of each e-mail the sending and what followed it, the delivery and what followed that."""
    found: list[Fact] = []
    said = list(state.said)
    for mail in state.mails:
        dims, sent_ms, delivered_ms = said[mail.said], mail.sent_ms, mail.delivered_ms
        if sent_ms is not None:
            found.append(Fact("email_sent", sent_ms, 0, dims))
            if mail.bounced_ms is not None:
                found.append(Fact("email_bounced", mail.bounced_ms, mail.bounced_ms - sent_ms, dims))
        if delivered_ms is not None:
            found.append(Fact("email_delivered", delivered_ms, 0, dims))
            for name, at_ms in (
                ("email_opened", mail.opened_ms),
                ("email_clicked", mail.clicked_ms),
                ("email_unsubscribed", mail.unsubscribed_ms),
                ("email_complained", mail.complained_ms),
            ):
                if at_ms is not None and at_ms >= delivered_ms:
                    found.append(Fact(name, at_ms, at_ms - delivered_ms, dims))
    return found


JOURNEY = Journey(
    name="emails",
    state=Emails,
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
    version=3,
)
