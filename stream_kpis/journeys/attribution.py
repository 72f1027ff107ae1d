"""What e-mails sold: an order belongs to the party's last click of the five days before it. Opens attribute nothing."""

from typing import NamedTuple

import msgspec

from stream_kpis.events import types as t
from stream_kpis.events.envelope import Event
from stream_kpis.journeys.emails import Dims, Emails, dims_of
from stream_kpis.journeys.emails import step as step_email
from stream_kpis.journeys.facts import Fact
from stream_kpis.journeys.journey import Journey
from stream_kpis.journeys.orders import JOURNEY as ORDERS
from stream_kpis.journeys.orders import Order, without_items
from stream_kpis.journeys.orders import step as step_order

CLICK_MS = 5 * 86_400_000
"""How long before an order a click may lie."""


class Click(NamedTuple):
    """A link was followed: of which of the campaign's e-mails, or with what it says itself if of none."""

    at_ms: int
    campaign: str
    number: int | None
    dims: Dims = ()


class Sale(msgspec.Struct, array_like=True):
    """An order of the party, and the click that it belongs to."""

    order: Order = msgspec.field(default_factory=Order)
    click: Click | None = None


class Attribution(msgspec.Struct, array_like=True):
    """The state: the party's e-mails by campaign, its last click, and its orders by id.

    Of a campaign's e-mails only those that were clicked are kept, and the last one.
    """

    emails: dict[str, Emails] = {}
    click: Click | None = None
    sales: dict[str, Sale] = {}


def step(state: Attribution, event: Event) -> None:
    """An e-mail, a click or an order of the party."""
    data = event.data
    match data:
        case t.OrderPlaced() | t.OrderCancelled() | t.OrderRefunded():
            sale = state.sales.get(data.order_id)
            if sale is None:
                sale = state.sales[data.order_id] = Sale()
            if isinstance(data, t.OrderPlaced) and sale.order.placed_ms is None:
                sale.click = _recent(state.click, event.time_ms)
            step_order(sale.order, event)
        case t.EmailClicked():
            _mail(state, data, event)
            _click(state, data, event.time_ms)
        case t.EmailSent() | t.EmailDelivered():
            _mail(state, data, event)
        case _:
            pass


def _recent(click: Click | None, placed_ms: int) -> Click | None:
    """The click, if an order then may belong to it."""
    return click if click is not None and click.at_ms >= placed_ms - CLICK_MS else None


def _mail(state: Attribution, data: t.Email, event: Event) -> None:
    emails = state.emails.get(data.campaign_id)
    if emails is None:
        emails = state.emails[data.campaign_id] = Emails()
    count = len(emails.mails)
    step_email(emails, event)
    if 0 < count < len(emails.mails) and emails.mails[count - 1].clicked_ms is None:
        emails.drop(count - 1)


def _click(state: Attribution, data: t.Email, at_ms: int) -> None:
    """The last click from now on, also of what was ordered in the same instant."""
    campaign, count = data.campaign_id, len(state.emails[data.campaign_id].mails)
    state.click = Click(at_ms, campaign, count - 1) if count else Click(at_ms, campaign, None, dims_of(data))
    for sale in state.sales.values():
        if sale.order.placed_ms == at_ms:
            sale.click = state.click


def facts(state: Attribution) -> list[Fact]:
    """The orders that belong to an e-mail, their refunds, and of each delivered e-mail the first of them after it."""
    found: list[Fact] = []
    converted: dict[tuple[str, int], int] = {}
    for sale in state.sales.values():
        click, order = sale.click, sale.order
        if click is None or order.placed_ms is None or order.cancelled:
            continue
        placed_ms, dims = order.placed_ms, click.dims
        if click.number is not None:
            emails, key = state.emails[click.campaign], (click.campaign, click.number)
            mail = emails.mails[click.number]
            dims = emails.dims(mail)
            if mail.delivered_ms is not None and mail.delivered_ms <= placed_ms:
                converted[key] = min(placed_ms, converted.get(key, placed_ms))
        found.append(Fact("email_order", placed_ms, order.amount, dims))
        found += [Fact("email_order_refunded", at_ms, amount, dims) for at_ms, amount in order.refunds.values()]
    for (campaign, number), placed_ms in converted.items():
        emails = state.emails[campaign]
        mail = emails.mails[number]
        found.append(Fact("email_converted", placed_ms, placed_ms - (mail.delivered_ms or 0), emails.dims(mail)))
    return found


JOURNEY = Journey(
    name="attribution",
    state=Attribution,
    takes=dict.fromkeys((t.EmailSent, t.EmailDelivered, t.EmailClicked, *ORDERS.takes)),
    step=step,
    facts=facts,
    keeps=without_items,
    version=3,
)
