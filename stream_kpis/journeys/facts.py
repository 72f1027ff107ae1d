"""The closed list of facts: what journeys say happened, and what the catalogue may count."""

from typing import NamedTuple

import msgspec


class Fact(msgspec.Struct, frozen=True, gc=False):
    """One thing that happened, as integers.

    ``value`` is milliseconds, micro-units or a sign, as :data:`FACTS` says; ``dims`` are in the order declared there.
    """

    name: str
    at_ms: int
    value: int
    dims: tuple[str | None, ...]


class FactKind(NamedTuple):
    """The declaration of one fact."""

    journey: str
    dims: tuple[str, ...]
    value: str
    doc: str


_LEAD = ("channel", "source", "campaign", "owner", "segment", "country")
_DEAL = ("owner", "product", "region", "pipeline", "source")
_ORDER = ("channel", "product", "owner")
_TICKET = ("team", "agent", "channel", "priority", "category")
_CUSTOMER = ("plan", "segment", "country", "channel")

FACTS: dict[str, FactKind] = {
    "lead_created": FactKind("leads", _LEAD, "0", "A lead arrived; at its creation."),
    "lead_answered": FactKind("leads", _LEAD, "wait ms", "A person first reached the lead; at the contact."),
    "lead_converted": FactKind("leads", _LEAD, "lag ms", "The lead first converted; at the conversion."),
    "deal_won": FactKind("deals", _DEAL, "0", "The deal's effective close is a win; at the close."),
    "deal_won_value": FactKind("deals", _DEAL, "micro-units", "The same, where the amount is known."),
    "deal_lost": FactKind("deals", _DEAL, "0", "The deal's effective close is a loss; at the close."),
    "deal_cycle": FactKind("deals", _DEAL, "ms", "From creation to win; at the win."),
    "order_placed": FactKind("orders", _ORDER, "micro-units", "An order, not cancelled; at its placing."),
    "order_refunded": FactKind("orders", _ORDER, "micro-units", "Money given back; at the refund."),
    "order_kept": FactKind(
        "orders", _ORDER, "micro-units", "What is left of an order not fully refunded; at its placing."
    ),
    "buyer_last": FactKind("purchases", (), "0", "The party's last order."),
    "buyer_second": FactKind("purchases", (), "0", "The party's second-last order."),
    "keeper_last": FactKind("purchases", (), "0", "The party's last kept order."),
    "keeper_second": FactKind("purchases", (), "0", "The party's second-last kept order."),
    "ticket_answered": FactKind("tickets", _TICKET, "wait ms", "A person first answered; at the answer."),
    "ticket_unanswered": FactKind("tickets", _TICKET, "0", "Nobody has answered yet; at the clock's start, while so."),
    "ticket_solved_first": FactKind("tickets", _TICKET, "duration ms", "The first solve; at the solve."),
    "ticket_open": FactKind("tickets", _TICKET, "±1", "The ticket became open, ceased to be, or changed hands."),
    "customer_level": FactKind("lifecycle", _CUSTOMER, "±1", "A spell began, ended, or moved to other dimensions."),
    "customer_left": FactKind("lifecycle", _CUSTOMER, "tenure ms", "A spell ended by churn; at its end."),
    "customer_churn_event": FactKind("lifecycle", ("reason", *_CUSTOMER), "0", "A churn event, as delivered."),
    "survey_sent": FactKind("surveys", ("kind", "team", "agent"), "0", "A customer was asked; at the sending."),
    "survey_responded": FactKind(
        "surveys", ("kind", "team", "agent"), "lag ms", "The asked customer answered; at the answer."
    ),
    "csat_answered": FactKind(
        "surveys", ("team", "agent"), "micro-points", "A csat answer in scale, rescaled to 1 to 5."
    ),
    "csat_satisfied": FactKind("surveys", ("team", "agent"), "0", "A csat answer in the top box."),
    "nps_answered": FactKind("surveys", (), "0", "An nps answer on 0 to 10."),
    "nps_promoter": FactKind("surveys", (), "0", "An nps answer of 9 or 10."),
    "nps_detractor": FactKind("surveys", (), "0", "An nps answer of 6 or less."),
    "party_active": FactKind("activity", (), "0", "The party's last event of any kind."),
}
