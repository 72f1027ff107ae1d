"""The closed list of facts: what journeys say happened, and what the catalogue may count."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, get_args, get_type_hints

import msgspec

from stream_kpis.events import types as t
from stream_kpis.kpis.terms import Section

_BUSINESS = "_business"
UNKNOWN = "unknown"
"""What a missing dimension is called."""


class Fact(msgspec.Struct, frozen=True, gc=False):
    """One thing that happened, as integers.

    ``value`` is milliseconds, micro-units, thousandths or a sign, as :data:`FACTS` says; ``dims`` are in the order
    declared there.
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
    ahead: bool = False
    """Whether it may lie ahead of every event."""
    business: Literal["duration", "age", "deadline"] | None = None
    """What of it a business calendar's clock decides, if it exists under one too; see :func:`under_calendar`."""
    terms: Section | None = None
    """The section of the company's terms that decides whether and when there is one, or what it is worth."""
    words: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    """By dimension, the only values that it has, where there are few."""


def under_calendar(name: str) -> str:
    """The name of a fact as a business calendar's clock makes it: the same but for what depends on the clock.

    What waits has the number of its calendar for a value.

    >>> under_calendar("ticket_answered")
    'ticket_answered_business'
    """
    return f"{name}{_BUSINESS}"


def as_under_calendar(fact: Fact, value: int) -> Fact:
    """The same fact as a business calendar's clock makes it, worth another value."""
    return Fact(under_calendar(fact.name), fact.at_ms, value, fact.dims)


def declared(name: str) -> FactKind:
    """The declaration of a fact, whatever the clock that it is made by.

    >>> declared("ticket_answered_business") is FACTS["ticket_answered"]
    True
    """
    return FACTS[name.removesuffix(_BUSINESS)]


def yes_no(value: bool | None) -> str | None:
    """How a dimension says it; None where it is not known."""
    return None if value is None else "yes" if value else "no"


_LEAD = ("channel", "source", "campaign", "owner", "segment", "country")
_DEAL = ("owner", "product", "region", "pipeline", "source", "kind")
_CYCLE = (*_DEAL, "size", "decision_makers")
_ORDER = ("channel", "product", "owner")
_TICKET = ("team", "agent", "channel", "priority", "category")
_CUSTOMER = ("plan", "segment", "country", "channel")
_OPEN_DEAL = ("owner", "product", "pipeline", "stage", "close")
_STAGE = ("pipeline", "stage", "owner", "source")
_EMAIL = ("campaign", "variant", "subject", "call_to_action", "length", "images")
_COST = ("kind", "channel", "campaign", "owner", "team")
_NPS = ("kind", "team", "agent")
_NPS_KINDS = ("relational", "transactional")
_YES_NO = ("yes", "no")
_COST_KINDS = get_args(get_type_hints(t.CostIncurred)["kind"])
_DEAL_WORDS = {"kind": get_args(get_type_hints(t.DealCreated)["kind"])}
_CYCLE_WORDS = {**_DEAL_WORDS, "decision_makers": ("1", "2", "3", "4-5", "6-10", "11+")}

FACTS: dict[str, FactKind] = {
    "lead_created": FactKind("leads", _LEAD, "0", "A lead arrived; at its creation."),
    "lead_answered": FactKind(
        "leads", _LEAD, "wait ms", "A person first reached the lead; at the contact.", business="duration"
    ),
    "lead_qualified": FactKind(
        "leads", _LEAD, "lag ms", "It was first found worth pursuing; then, or at the creation if that came later."
    ),
    "lead_converted": FactKind(
        "leads", _LEAD, "lag ms", "It first converted; then, or at the creation if that came later."
    ),
    "lead_conversion": FactKind("leads", _LEAD, "0", "The same, always at its own time."),
    "lead_uncontacted": FactKind(
        "leads", ("channel", "source", "owner"), "0", "Nobody has reached the lead yet; at its creation, while so."
    ),
    "deal_created": FactKind("deals", _DEAL, "0", "A deal was opened; at its creation.", words=_DEAL_WORDS),
    "deal_created_won": FactKind(
        "deals", _DEAL, "lag ms", "It was won; at the win, by what its creation says.", words=_DEAL_WORDS
    ),
    "deal_won": FactKind("deals", _DEAL, "0", "The deal's effective close is a win; at the close.", words=_DEAL_WORDS),
    "deal_won_value": FactKind(
        "deals", _DEAL, "micro-units", "The same, where the amount is known.", words=_DEAL_WORDS
    ),
    "deal_lost": FactKind(
        "deals", _DEAL, "0", "The deal's effective close is a loss; at the close.", words=_DEAL_WORDS
    ),
    "deal_lost_value": FactKind(
        "deals", _DEAL, "micro-units", "The same, where the amount is known.", words=_DEAL_WORDS
    ),
    "deal_cycle": FactKind("deals", _CYCLE, "ms", "From creation to win; at the win.", words=_CYCLE_WORDS),
    "deal_lost_cycle": FactKind("deals", _CYCLE, "ms", "From creation to loss; at the loss.", words=_CYCLE_WORDS),
    "deal_open": FactKind("deals", _OPEN_DEAL, "±1", "The deal became open, closed, or moved in the pipeline."),
    "deal_open_value": FactKind("deals", _OPEN_DEAL, "± micro-units", "The same, by what it is worth."),
    "deal_weighted": FactKind("deals", _OPEN_DEAL, "±1", "The same, while in a listed stage.", terms="stages"),
    "deal_open_weighted": FactKind(
        "deals", _OPEN_DEAL, "± micro-units", "The same, by how likely it is won.", terms="stages"
    ),
    "deal_stage_left": FactKind(
        "deals", ("owner", "pipeline", "stage"), "ms", "The deal left a stage after so long; at the leaving."
    ),
    "deal_stage_reached": FactKind("deals", _STAGE, "0", "It first came to a stage, or beyond.", terms="stages"),
    "deal_stage_passed": FactKind("deals", _STAGE, "lag ms", "It first came beyond a stage.", terms="stages"),
    "deal_idle": FactKind(
        "deals", ("owner", "pipeline", "stage"), "0", "Nothing has happened since; at its last event, while open."
    ),
    "order_placed": FactKind("orders", _ORDER, "micro-units", "An order, not cancelled; at its placing."),
    "order_refunded": FactKind("orders", _ORDER, "micro-units", "Money given back; at the refund."),
    "order_kept": FactKind(
        "orders", _ORDER, "micro-units", "What is left of an order not fully refunded; at its placing."
    ),
    "order_refunded_early": FactKind(
        "orders", _ORDER, "micro-units", "Money given back within 30 days; at the order's placing."
    ),
    "order_margin_amount": FactKind(
        "orders", _ORDER, "micro-units", "An order of which is known what its goods cost; at its placing."
    ),
    "order_margin_goods": FactKind("orders", _ORDER, "micro-units", "What its goods cost; at its placing."),
    "order_margin_refunded": FactKind("orders", _ORDER, "micro-units", "Money given back of it; at the refund."),
    "item_sold": FactKind("orders", ("product",), "micro-units", "A line of an order, or the order if it has none."),
    "item_units": FactKind("orders", ("product",), "thousandths", "The same, by how many pieces."),
    "buyer_last": FactKind("purchases", (), "0", "The party's last order."),
    "buyer_second": FactKind("purchases", (), "0", "The party's second-last order."),
    "keeper_last": FactKind("purchases", (), "0", "The party's last kept order."),
    "keeper_second": FactKind("purchases", (), "0", "The party's second-last kept order."),
    "keeper_only": FactKind("purchases", (), "0", "The only kept order of a party that has one."),
    "order_gap": FactKind("purchases", (), "ms", "From a kept order to the next one; at that one."),
    "keeper_second_gap": FactKind("purchases", (), "ms", "From a kept order to the next but one; at that one."),
    "buyer_gap": FactKind("purchases", (), "ms", "From an order of the party to its next one; at that one."),
    "buyer_active": FactKind("purchases", (), "±1", "A party began to buy, or lapsed.", ahead=True),
    "buyer_lapsed": FactKind("purchases", (), "0", "It has not bought for 90 days; at that instant.", ahead=True),
    "buyer_dormant": FactKind("purchases", (), "±1", "A party lapsed, or bought again.", ahead=True),
    "buyer_back": FactKind("purchases", (), "0", "A lapsed party bought again; at that order."),
    "buyer_bucket": FactKind("purchases", ("bucket",), "±1", "A party came to be worth so much, or ceased to."),
    "buyer_bucket_value": FactKind("purchases", ("bucket",), "± micro-units", "The same, by what it brought so far."),
    "expansion": FactKind(
        "expansion", ("kind", "product", "owner"), "micro-units", "A customer bought more, or a dearer plan."
    ),
    "expander_last": FactKind("expansion", (), "0", "The last expansion of a party while it was a customer."),
    "expander_joined": FactKind("expansion", (), "0", "The start of the spell in which that was."),
    "purchase_first": FactKind("expansion", ("owner", "product"), "0", "The party's first win or kept order."),
    "customer_order": FactKind(
        "expansion", _CUSTOMER[:3], "micro-units", "An order, by what the customer was; at its placing."
    ),
    "customer_order_refunded": FactKind(
        "expansion", _CUSTOMER[:3], "micro-units", "Money given back of it; at the refund."
    ),
    "ticket_opened": FactKind("tickets", _TICKET, "0", "A customer asked for help; at the creation."),
    "ticket_answered": FactKind(
        "tickets", _TICKET, "wait ms", "A person first answered; at the answer.", business="duration"
    ),
    "ticket_unanswered": FactKind(
        "tickets", _TICKET, "0", "Nobody has answered yet; at the clock's start, while so.", business="age"
    ),
    "ticket_solved_first": FactKind(
        "tickets", _TICKET, "duration ms", "The first solve; at the solve.", business="duration"
    ),
    "ticket_resolved": FactKind("tickets", _TICKET, "duration ms", "The same, of those that a customer opened."),
    "ticket_reopened": FactKind("tickets", _TICKET, "lag ms", "The first reopening, by the first solve's dimensions."),
    "ticket_solved_again": FactKind(
        "tickets", _TICKET, "0", "A further solve, after a reopening; at the solve, whatever comes later."
    ),
    "ticket_solved_full": FactKind(
        "tickets", _TICKET, "duration ms", "The last solve, while the ticket is solved.", business="duration"
    ),
    "ticket_waited": FactKind(
        "tickets", _TICKET, "wait ms", "The same, without the time spent pending.", business="duration"
    ),
    "ticket_unsolved": FactKind("tickets", _TICKET, "0", "Not solved yet, or again; at the creation, while so."),
    "ticket_met": FactKind(
        "tickets", _TICKET, "0", "First solved in the time allowed; at the solve.", business="deadline", terms="sla"
    ),
    "ticket_breached": FactKind(
        "tickets",
        _TICKET,
        "0",
        "Not solved in the time allowed; at the deadline.",
        ahead=True,
        business="deadline",
        terms="sla",
    ),
    "ticket_failed": FactKind("recontact", _TICKET, "lag ms", "The first contact did not settle it; at the failure."),
    "ticket_open": FactKind("tickets", _TICKET, "±1", "The ticket became open, ceased to be, or changed hands."),
    "customer_level": FactKind(
        "lifecycle", _CUSTOMER, "±1", "A spell began, ended, or moved to other dimensions.", ahead=True
    ),
    "customer_left": FactKind(
        "lifecycle",
        (*_CUSTOMER, "voluntary"),
        "tenure ms",
        "A spell ended by churn; at its end.",
        ahead=True,
        words={"voluntary": _YES_NO},
    ),
    "customer_churn_event": FactKind(
        "lifecycle",
        ("reason", *_CUSTOMER, "voluntary"),
        "0",
        "A churn event, as delivered.",
        words={"voluntary": _YES_NO},
    ),
    "customer_new": FactKind(
        "lifecycle",
        ("channel", "campaign", "segment", "referred"),
        "0",
        "The first spell began; at its start.",
        words={"referred": _YES_NO},
    ),
    "customer_lapsed": FactKind(
        "lifecycle", _CUSTOMER, "±1", "A customer left, or the time after that ended.", ahead=True
    ),
    "customer_returned": FactKind("lifecycle", _CUSTOMER, "lag ms", "Who left came back; by the leave's dimensions."),
    "customer_joined": FactKind("lifecycle", _CUSTOMER, "0", "A spell began, the first or a later one; at its start."),
    "customer_worth": FactKind(
        "lifecycle", _CUSTOMER, "± micro-units", "What active customers pay a month became more, or less.", ahead=True
    ),
    "worth_lost": FactKind("lifecycle", _CUSTOMER, "micro-units", "What who left paid; at the leave.", ahead=True),
    "worth_contracted": FactKind("lifecycle", _CUSTOMER, "micro-units", "A customer pays less a month."),
    "worth_expanded": FactKind("lifecycle", _CUSTOMER, "micro-units", "A customer pays more a month."),
    "worth_returned": FactKind("lifecycle", _CUSTOMER, "micro-units", "What who came back pays; at the spell's start."),
    "cohort_founded": FactKind(
        "lifecycle", (), "0", "The first spell of a party began that was not merged into another; at its start."
    ),
    "cohort_started": FactKind("lifecycle", (), "ms", "A spell began, so long after the party's first one."),
    "cohort_ended": FactKind("lifecycle", (), "ms", "A spell ended, so long after the first one began.", ahead=True),
    "referral": FactKind("lifecycle", (), "0", "The party recommended us."),
    "referral_gap": FactKind("lifecycle", (), "ms", "From that to the next time; at that time."),
    "referrer_last": FactKind("lifecycle", (), "0", "The last time that the party recommended us."),
    "survey_sent": FactKind("surveys", ("kind", "team", "agent"), "0", "A customer was asked; at the sending."),
    "survey_responded": FactKind(
        "surveys", ("kind", "team", "agent"), "lag ms", "The asked customer answered; at the answer."
    ),
    "csat_answered": FactKind(
        "surveys", ("team", "agent"), "micro-points", "A csat answer in scale, rescaled to 1 to 5."
    ),
    "csat_satisfied": FactKind("surveys", ("team", "agent"), "0", "A csat answer in the top box."),
    "csat_dissatisfied": FactKind("surveys", ("team", "agent"), "0", "A csat answer in the bottom box."),
    "nps_answered": FactKind("surveys", _NPS, "0", "An nps answer on 0 to 10.", words={"kind": _NPS_KINDS}),
    "nps_promoter": FactKind("surveys", _NPS, "0", "An nps answer of 9 or 10.", words={"kind": _NPS_KINDS}),
    "nps_detractor": FactKind("surveys", _NPS, "0", "An nps answer of 6 or less.", words={"kind": _NPS_KINDS}),
    "nps_gap": FactKind(
        "respondents",
        ("earlier",),
        "ms",
        "From a relational nps answer of the party to its next one; at that one.",
        words={"earlier": ("promoter", "passive", "detractor")},
    ),
    "nps_last": FactKind("respondents", (), "0", "The party's last relational nps answer."),
    "nps_last_promoter": FactKind("respondents", (), "0", "The same, where it is 9 or 10."),
    "nps_last_detractor": FactKind("respondents", (), "0", "The same, where it is 6 or less."),
    "nps_account": FactKind("respondents", (), "0", "An account's last relational nps answer."),
    "nps_account_promoter": FactKind("respondents", (), "0", "The same, where the mean of 90 days is 9 or more."),
    "nps_account_detractor": FactKind("respondents", (), "0", "The same, where that mean is 6 or less."),
    "interaction": FactKind(
        "interactions", ("direction", "automated", "channel", "owner"), "0", "A contact of any kind."
    ),
    "interaction_made": FactKind("interactions", ("owner", "channel"), "0", "A person of ours reached out."),
    "complaint_received": FactKind("complaints", ("category", "severity", "upheld"), "0", "A customer complained."),
    "email_sent": FactKind("emails", _EMAIL, "0", "A campaign's e-mail went to a party."),
    "email_delivered": FactKind("emails", _EMAIL, "0", "It arrived."),
    "email_bounced": FactKind("emails", _EMAIL, "lag ms", "It came back; lag from the sending."),
    "email_opened": FactKind("emails", _EMAIL, "lag ms", "A person opened it; lag from the delivery."),
    "email_clicked": FactKind("emails", _EMAIL, "lag ms", "A link in it was followed; lag from the delivery."),
    "email_unsubscribed": FactKind("emails", _EMAIL, "lag ms", "No more of them; lag from the delivery."),
    "email_complained": FactKind("emails", _EMAIL, "lag ms", "Called spam; lag from the delivery."),
    "email_listed": FactKind("mailing", ("campaign",), "±1", "A party came to the mailing list, or left it."),
    "email_order": FactKind("attribution", _EMAIL, "micro-units", "An order that an e-mail led to; at its placing."),
    "email_order_refunded": FactKind("attribution", _EMAIL, "micro-units", "Money given back of it; at the refund."),
    "email_converted": FactKind("attribution", _EMAIL, "lag ms", "The first order since the delivery; at its placing."),
    "unit_exposed": FactKind(
        "experiments", ("experiment", "variant"), "0", "A party first saw a variant, and never another one."
    ),
    "unit_converted": FactKind(
        "experiments", ("experiment", "variant"), "lag ms", "It first bought since; at the win or order."
    ),
    "unit_crossed": FactKind("experiments", ("experiment",), "0", "A party saw several variants; at the first one."),
    "cost": FactKind(
        "costs",
        _COST,
        "micro-units",
        "Money was spent; at its time, or by days.",
        ahead=True,
        words={"kind": _COST_KINDS},
    ),
    "party_active": FactKind("activity", (), "0", "The party's last event of any kind."),
}
