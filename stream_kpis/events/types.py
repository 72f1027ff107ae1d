"""Every event type of the contract, as a frozen struct with its bounds, its topic and its rank.

The table :data:`KINDS` is the contract: docs, JSON Schema, the reader, the simulator and the oracle derive from it.
"""

import re
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

STRING_BYTES_MAX = 256
EVENT_BYTES_MAX = 64 * 1024
AMOUNT_UNITS_MAX = 10**12
ITEMS_MAX = 200
MICRO = 10**6

Id = Annotated[str, Meta(min_length=1, max_length=STRING_BYTES_MAX)]
Text = Annotated[str, Meta(max_length=STRING_BYTES_MAX)]
Currency = Annotated[str, Meta(pattern="^([A-Z]{3})?$")]  # empty is missing, as for any text
Date = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}", max_length=40)]
Time = Annotated[datetime, Meta(tz=True)]
Small = Annotated[int, Meta(ge=0, le=10**9)]
Score = Annotated[float, Meta(ge=-1000, le=1000)]


class Money(int):
    """An amount in micro-units (1/1,000,000) of its currency."""

    __slots__ = ()


class Price(Money):
    """An amount that is never below zero."""

    __slots__ = ()


_is_decimal = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?\s*", re.ASCII).fullmatch
_EXACT = Context(prec=500, rounding=ROUND_HALF_EVEN)


def money_of(value: object) -> Money:
    """The amount of a JSON number or decimal string, rounded half to even to micro-units.

    Raises:
        ValueError: not a finite number within ±10^12 units.

    >>> money_of(29.33), money_of("0.1"), money_of(7)
    (29330000, 100000, 7000000)
    """
    if type(value) is int:
        micro = value * MICRO
    elif type(value) is float:
        micro = _micro_of_float(value)
    elif isinstance(value, str) and len(value) <= 64 and _is_decimal(value):
        micro = _micro_of_decimal(value)
    else:
        raise ValueError("amount is not a number")
    if not -AMOUNT_UNITS_MAX * MICRO <= micro <= AMOUNT_UNITS_MAX * MICRO:
        raise ValueError("amount is out of bounds")
    return Money(micro)


def _micro_of_float(value: float) -> int:
    """The same as of its shortest decimal spelling, without the detour where rounding is beyond doubt."""
    if -1e9 < value < 1e9:
        scaled = value * MICRO
        micro = round(scaled)
        if -0.25 < scaled - micro < 0.25:  # the product is off by less than 0.25
            return micro
    if not -AMOUNT_UNITS_MAX <= value <= AMOUNT_UNITS_MAX:
        raise ValueError("amount is out of bounds")
    return _micro_of_decimal(repr(value))


def _micro_of_decimal(text: str) -> int:
    number = Decimal(text.strip())
    if not -AMOUNT_UNITS_MAX <= number <= AMOUNT_UNITS_MAX:
        raise ValueError("amount is out of bounds")
    return int(_EXACT.quantize(_EXACT.multiply(number, MICRO), 1))


class Data(
    msgspec.Struct, frozen=True, gc=False, omit_defaults=True, repr_omit_defaults=True, tag_field="$", tag=str.lower
):
    """What one event says; the base of every event type. Unknown fields are ignored."""


# Leads


class LeadCreated(Data, frozen=True):
    """A request or prospect arrived."""

    lead_id: Id
    source: Text | None = None
    channel: Text | None = None
    campaign_id: Text | None = None
    owner_id: Text | None = None
    segment: Text | None = None
    country: Text | None = None
    variant: Text | None = None


class LeadAssigned(Data, frozen=True):
    """The lead got an owner."""

    lead_id: Id
    owner_id: Id


class LeadContacted(Data, frozen=True):
    """Somebody, or an automaton, tried to reach the lead."""

    lead_id: Id
    owner_id: Text | None = None
    channel: Text | None = None
    automated: bool = False
    outcome: Literal["attempted", "connected", "replied"] = "connected"


class LeadQualified(Data, frozen=True):
    """The lead is worth pursuing."""

    lead_id: Id
    reason: Text | None = None


class LeadDisqualified(Data, frozen=True):
    """The lead is not worth pursuing."""

    lead_id: Id
    reason: Text | None = None


class LeadConverted(Data, frozen=True):
    """The lead became a customer."""

    lead_id: Id
    customer_id: Text | None = None
    deal_id: Text | None = None
    order_id: Text | None = None


class LeadMerged(Data, frozen=True):
    """The lead was a duplicate of another one."""

    lead_id: Id
    into: Id


# Deals


class DealCreated(Data, frozen=True):
    """An opportunity was opened."""

    deal_id: Id
    lead_id: Text | None = None
    lead_party: Text | None = None
    owner_id: Text | None = None
    pipeline: Text = "default"
    stage: Text | None = None
    amount: Price | None = None
    currency: Currency | None = None
    segment: Text | None = None
    team: Text | None = None
    region: Text | None = None
    kind: Literal["new", "upsell", "cross_sell", "renewal"] = "new"
    product: Text | None = None
    source: Text | None = None
    expected_close: Date | None = None
    decision_makers: Small | None = None


class DealStageChanged(Data, frozen=True):
    """The deal entered a stage."""

    deal_id: Id
    stage: Id
    pipeline: Text | None = None


class DealAmountChanged(Data, frozen=True):
    """The deal is worth something else now."""

    deal_id: Id
    amount: Price
    currency: Currency | None = None


class DealOwnerChanged(Data, frozen=True):
    """Somebody else has the deal now."""

    deal_id: Id
    owner_id: Id


class DealCloseDateChanged(Data, frozen=True):
    """The deal is expected to close at another date."""

    deal_id: Id
    expected_close: Date


class DealActivity(Data, frozen=True):
    """Somebody worked on the deal."""

    deal_id: Id
    kind: Text | None = None
    owner_id: Text | None = None


class DealWon(Data, frozen=True):
    """The deal was won."""

    deal_id: Id
    amount: Price | None = None
    currency: Currency | None = None
    owner_id: Text | None = None


class DealLost(Data, frozen=True):
    """The deal was lost."""

    deal_id: Id
    reason: Text | None = None
    owner_id: Text | None = None


class DealReopened(Data, frozen=True):
    """A closed deal is open again."""

    deal_id: Id


class DealDeleted(Data, frozen=True):
    """The deal was deleted."""

    deal_id: Id
    duplicate: bool = False


# Orders


class OrderItem(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One line of an order."""

    product: Id
    quantity: Annotated[float, Meta(ge=0, le=1e9)] = 1
    amount: Price | None = None


class OrderPlaced(Data, frozen=True):
    """A customer bought."""

    order_id: Id
    amount: Price
    currency: Currency | None = None
    lead_id: Text | None = None
    lead_party: Text | None = None
    channel: Text | None = None
    campaign_id: Text | None = None
    owner_id: Text | None = None
    product: Text | None = None
    items: Annotated[tuple[OrderItem, ...], Meta(max_length=ITEMS_MAX)] = ()
    cost_of_goods: Price | None = None
    discount: Price | None = None
    tax: Price | None = None
    shipping: Price | None = None
    upsell: bool = False


class OrderCancelled(Data, frozen=True):
    """The order is taken back."""

    order_id: Id


class OrderRefunded(Data, frozen=True):
    """Money of an order was given back."""

    order_id: Id
    refund_id: Id
    amount: Price
    currency: Currency | None = None


# Interactions


class InteractionLogged(Data, frozen=True):
    """A contact with the customer."""

    interaction_id: Text | None = None
    direction: Literal["in", "out"] = "in"
    channel: Text | None = None
    owner_id: Text | None = None
    automated: bool = False
    lead_id: Text | None = None


# Tickets


class TicketCreated(Data, frozen=True):
    """Somebody asked for help."""

    ticket_id: Id
    channel: Text | None = None
    category: Text | None = None
    priority: Text | None = None
    team: Text | None = None
    agent_id: Text | None = None
    created_by: Literal["customer", "agent", "bot"] = "customer"
    calendar: Text | None = None


class TicketMessage(Data, frozen=True):
    """A message in the ticket."""

    ticket_id: Id
    author: Literal["customer", "agent", "bot"]
    agent_id: Text | None = None
    team: Text | None = None
    public: bool = True


class TicketStatusChanged(Data, frozen=True):
    """The ticket has another status."""

    ticket_id: Id
    status: Literal["open", "pending", "on_hold", "solved", "closed"]
    agent_id: Text | None = None
    team: Text | None = None


class TicketAssigned(Data, frozen=True):
    """Somebody has the ticket now."""

    ticket_id: Id
    agent_id: Text | None = None
    team: Text | None = None


class TicketRecategorised(Data, frozen=True):
    """The ticket is about something else."""

    ticket_id: Id
    category: Id


class TicketReprioritised(Data, frozen=True):
    """The ticket has another priority."""

    ticket_id: Id
    priority: Id


class TicketReopened(Data, frozen=True):
    """A solved ticket is open again."""

    ticket_id: Id


class TicketMerged(Data, frozen=True):
    """The ticket was a duplicate of another one."""

    ticket_id: Id
    into: Id


class TicketDeleted(Data, frozen=True):
    """The ticket was deleted (spam, say)."""

    ticket_id: Id
    reason: Text | None = None


# Surveys


class SurveySent(Data, frozen=True):
    """A customer was asked."""

    survey_id: Id
    kind: Literal["csat", "nps", "ces"]
    scale_min: Score | None = None
    scale_max: Score | None = None
    ticket_id: Text | None = None
    agent_id: Text | None = None
    team: Text | None = None
    account_id: Text | None = None


class SurveyAnswered(Data, frozen=True):
    """A customer answered. May come without ``survey.sent``."""

    survey_id: Id
    score: Score
    kind: Literal["csat", "nps", "ces"] | None = None
    scale_min: Score | None = None
    scale_max: Score | None = None
    ticket_id: Text | None = None
    agent_id: Text | None = None
    team: Text | None = None
    account_id: Text | None = None


class SurveyExpired(Data, frozen=True):
    """The survey can no longer be answered."""

    survey_id: Id


# Customers


class CustomerCreated(Data, frozen=True):
    """The party became a customer."""

    channel: Text | None = None
    campaign_id: Text | None = None
    segment: Text | None = None
    country: Text | None = None
    plan: Text | None = None
    value: Price | None = None
    currency: Currency | None = None
    referred_by: Text | None = None
    lead_id: Text | None = None


class CustomerActivated(Data, frozen=True):
    """The customer began to use what it bought."""


class CustomerChurned(Data, frozen=True):
    """The customer left, or said that it will at ``effective_at``."""

    reason: Text | None = None
    voluntary: bool | None = None
    effective_at: Time | None = None


class CustomerReactivated(Data, frozen=True):
    """The customer came back."""

    plan: Text | None = None
    value: Price | None = None
    currency: Currency | None = None


class CustomerUpdated(Data, frozen=True):
    """The customer's segment or country changed."""

    segment: Text | None = None
    country: Text | None = None


class CustomerPlanChanged(Data, frozen=True):
    """The customer has another plan."""

    plan: Id
    value: Price | None = None
    currency: Currency | None = None


class CustomerReferred(Data, frozen=True):
    """The customer recommended us to somebody."""

    referred_id: Id


class CustomerMerged(Data, frozen=True):
    """The customer was a duplicate of another one."""

    into: Id


# Costs, e-mail, complaints, experiments


class CostIncurred(Data, frozen=True):
    """Money was spent, over a span of time if ``from`` and ``to`` are given."""

    amount: Money
    kind: Literal["acquisition", "retention", "service", "labour", "goods"]
    currency: Currency | None = None
    channel: Text | None = None
    campaign_id: Text | None = None
    owner_id: Text | None = None
    team: Text | None = None
    since: Date | None = msgspec.field(default=None, name="from")
    until: Date | None = msgspec.field(default=None, name="to")


class Email(Data, frozen=True):
    """What happened to one e-mail of a campaign."""

    campaign_id: Id
    variant: Text | None = None
    subject_line: Text | None = None
    call_to_action: Text | None = None
    length: Small | None = None
    images: Small | None = None


class EmailSent(Email, frozen=True):
    """The e-mail was sent."""


class EmailDelivered(Email, frozen=True):
    """The e-mail arrived."""


class EmailBounced(Email, frozen=True):
    """The e-mail did not arrive."""


class EmailOpened(Email, frozen=True):
    """The e-mail was opened, by a person or a machine."""

    machine: bool = False


class EmailClicked(Email, frozen=True):
    """A link in the e-mail was followed."""


class EmailUnsubscribed(Email, frozen=True):
    """The customer wants no more of them."""


class EmailComplained(Email, frozen=True):
    """The customer called it spam."""


class EmailSubscribed(Email, frozen=True):
    """The customer wants them."""


class ComplaintReceived(Data, frozen=True):
    """A customer complained."""

    complaint_id: Id
    category: Text | None = None
    severity: Text | None = None
    ticket_id: Text | None = None


class ComplaintClosed(Data, frozen=True):
    """The complaint was decided."""

    complaint_id: Id
    upheld: bool | None = None


class ExperimentExposed(Data, frozen=True):
    """A unit saw a variant."""

    experiment: Id
    variant: Id
    unit_id: Text | None = None


class EventVoided(Data, frozen=True):
    """An accepted event of the same party is taken back as if it had never been. Final."""

    source: Id
    id: Id


class Kind(NamedTuple):
    """One event type: its name, struct, topic, and its rank among events of the same millisecond."""

    name: str
    data: type[Data]
    topic: str
    rank: int


CREATED, CHANGED, TERMINAL, REOPENED = range(4)

ANY_TOPIC = "*"

KINDS: tuple[Kind, ...] = (
    Kind("lead.created", LeadCreated, "crm.leads", CREATED),
    Kind("lead.assigned", LeadAssigned, "crm.leads", CHANGED),
    Kind("lead.contacted", LeadContacted, "crm.leads", CHANGED),
    Kind("lead.qualified", LeadQualified, "crm.leads", CHANGED),
    Kind("lead.disqualified", LeadDisqualified, "crm.leads", TERMINAL),
    Kind("lead.converted", LeadConverted, "crm.leads", TERMINAL),
    Kind("lead.merged", LeadMerged, "crm.leads", TERMINAL),
    Kind("deal.created", DealCreated, "crm.deals", CREATED),
    Kind("deal.stage_changed", DealStageChanged, "crm.deals", CHANGED),
    Kind("deal.amount_changed", DealAmountChanged, "crm.deals", CHANGED),
    Kind("deal.owner_changed", DealOwnerChanged, "crm.deals", CHANGED),
    Kind("deal.close_date_changed", DealCloseDateChanged, "crm.deals", CHANGED),
    Kind("deal.activity", DealActivity, "crm.deals", CHANGED),
    Kind("deal.won", DealWon, "crm.deals", TERMINAL),
    Kind("deal.lost", DealLost, "crm.deals", TERMINAL),
    Kind("deal.reopened", DealReopened, "crm.deals", REOPENED),
    Kind("deal.deleted", DealDeleted, "crm.deals", TERMINAL),
    Kind("order.placed", OrderPlaced, "crm.orders", CREATED),
    Kind("order.cancelled", OrderCancelled, "crm.orders", TERMINAL),
    Kind("order.refunded", OrderRefunded, "crm.orders", TERMINAL),
    Kind("interaction.logged", InteractionLogged, "crm.interactions", CREATED),
    Kind("ticket.created", TicketCreated, "crm.tickets", CREATED),
    Kind("ticket.message", TicketMessage, "crm.tickets", CHANGED),
    Kind("ticket.status_changed", TicketStatusChanged, "crm.tickets", TERMINAL),
    Kind("ticket.assigned", TicketAssigned, "crm.tickets", CHANGED),
    Kind("ticket.recategorised", TicketRecategorised, "crm.tickets", CHANGED),
    Kind("ticket.reprioritised", TicketReprioritised, "crm.tickets", CHANGED),
    Kind("ticket.reopened", TicketReopened, "crm.tickets", REOPENED),
    Kind("ticket.merged", TicketMerged, "crm.tickets", TERMINAL),
    Kind("ticket.deleted", TicketDeleted, "crm.tickets", TERMINAL),
    Kind("survey.sent", SurveySent, "crm.surveys", CREATED),
    Kind("survey.answered", SurveyAnswered, "crm.surveys", CHANGED),
    Kind("survey.expired", SurveyExpired, "crm.surveys", TERMINAL),
    Kind("customer.created", CustomerCreated, "crm.customers", CREATED),
    Kind("customer.activated", CustomerActivated, "crm.customers", CHANGED),
    Kind("customer.churned", CustomerChurned, "crm.customers", TERMINAL),
    Kind("customer.reactivated", CustomerReactivated, "crm.customers", REOPENED),
    Kind("customer.updated", CustomerUpdated, "crm.customers", CHANGED),
    Kind("customer.plan_changed", CustomerPlanChanged, "crm.customers", CHANGED),
    Kind("customer.referred", CustomerReferred, "crm.customers", CHANGED),
    Kind("customer.merged", CustomerMerged, "crm.customers", TERMINAL),
    Kind("cost.incurred", CostIncurred, "crm.costs", CREATED),
    Kind("email.sent", EmailSent, "crm.email", CREATED),
    Kind("email.delivered", EmailDelivered, "crm.email", CHANGED),
    Kind("email.bounced", EmailBounced, "crm.email", TERMINAL),
    Kind("email.opened", EmailOpened, "crm.email", CHANGED),
    Kind("email.clicked", EmailClicked, "crm.email", CHANGED),
    Kind("email.unsubscribed", EmailUnsubscribed, "crm.email", TERMINAL),
    Kind("email.complained", EmailComplained, "crm.email", TERMINAL),
    Kind("email.subscribed", EmailSubscribed, "crm.email", CREATED),
    Kind("complaint.received", ComplaintReceived, "crm.complaints", CREATED),
    Kind("complaint.closed", ComplaintClosed, "crm.complaints", TERMINAL),
    Kind("experiment.exposed", ExperimentExposed, "crm.experiments", CREATED),
    Kind("event.voided", EventVoided, ANY_TOPIC, TERMINAL),
)
"""In the order of the contract. A status change ranks as terminal: at the same millisecond it follows every message."""

KIND_OF_DATA: dict[type[Data], Kind] = {kind.data: kind for kind in KINDS}
KIND_OF_NAME: dict[str, Kind] = {kind.name: kind for kind in KINDS}
TOPICS: tuple[str, ...] = tuple(dict.fromkeys(kind.topic for kind in KINDS if kind.topic != ANY_TOPIC))
"""The topics of the families, without the deployment's prefix."""
