"""What e-mails sold: an order belongs to the party's last click of the five days before it. Opens attribute nothing."""

from bisect import bisect_right
from typing import NamedTuple

import msgspec

from stream_kpis.events import types as t
from stream_kpis.events.envelope import Event
from stream_kpis.journeys.emails import Dims, dims_of
from stream_kpis.journeys.facts import Fact
from stream_kpis.journeys.journey import Journey
from stream_kpis.journeys.orders import JOURNEY as ORDERS
from stream_kpis.journeys.orders import Order, without_items

CLICK_MS = 5 * 86_400_000
"""How long before an order a click may lie."""


class Click(NamedTuple):
    """A link was followed."""

    at_ms: int
    dims: Dims


class Mail(msgspec.Struct, array_like=True):
    """What matters of a campaign's e-mail to the party: its first sending and its first delivery."""

    sent: Dims | None = None
    delivered: Dims | None = None
    delivered_ms: int = 0


class Attribution(msgspec.Struct, array_like=True):
    """The state: the party's clicks in order, its e-mails by campaign, its orders by id."""

    clicks: list[Click] = []
    mails: dict[str, Mail] = {}
    orders: dict[str, Order] = {}


def step(state: Attribution, event: Event) -> None:
    """A click, an e-mail or an order of the party."""
    data = event.data
    match data:
        case t.EmailClicked():
            state.clicks.append(Click(event.time_ms, dims_of(data)))
        case t.EmailSent():
            mail = _mail(state, data.campaign_id)
            if mail.sent is None:
                mail.sent = dims_of(data)
        case t.EmailDelivered():
            mail = _mail(state, data.campaign_id)
            if mail.delivered is None:
                mail.delivered, mail.delivered_ms = dims_of(data), event.time_ms
        case t.OrderPlaced() | t.OrderCancelled() | t.OrderRefunded():
            order = state.orders.get(data.order_id)
            if order is None:
                order = state.orders[data.order_id] = Order()
            ORDERS.step(order, event)
        case _:
            pass


def _mail(state: Attribution, campaign: str) -> Mail:
    mail = state.mails.get(campaign)
    if mail is None:
        mail = state.mails[campaign] = Mail()
    return mail


def facts(state: Attribution) -> list[Fact]:
    """The orders that belong to an e-mail, their refunds, and of each delivered e-mail the first of them after it."""
    if not state.clicks or not state.orders:
        return []
    clicked_ms = [click.at_ms for click in state.clicks]
    found: list[Fact] = []
    converted: dict[str, int] = {}
    for order in state.orders.values():
        if order.placed_ms is None or order.cancelled:
            continue
        placed_ms = order.placed_ms
        last = bisect_right(clicked_ms, placed_ms) - 1
        if last < 0 or clicked_ms[last] < placed_ms - CLICK_MS:
            continue
        dims = state.clicks[last].dims
        campaign = dims[0] or ""
        mail = state.mails.get(campaign)
        if mail is not None:
            dims = mail.sent or mail.delivered or dims
            if mail.delivered is not None and mail.delivered_ms <= placed_ms:
                converted[campaign] = min(placed_ms, converted.get(campaign, placed_ms))
        found.append(Fact("email_order", placed_ms, order.amount, dims))
        found += [Fact("email_order_refunded", at_ms, amount, dims) for at_ms, amount in order.refunds.values()]
    for campaign, placed_ms in converted.items():
        mail = state.mails[campaign]
        dims = mail.sent or mail.delivered or ()
        found.append(Fact("email_converted", placed_ms, placed_ms - mail.delivered_ms, dims))
    return found


JOURNEY = Journey(
    name="attribution",
    state=Attribution,
    takes=dict.fromkeys((t.EmailSent, t.EmailDelivered, t.EmailClicked, *ORDERS.takes)),
    step=step,
    facts=facts,
    keeps=without_items,
)
