"""Short stories of parties: the facts that they are about, and what docs/definitions.md makes of them."""

from typing import Any

from tests.engine.worlds import iso
from tests.journeys.cases import M, Step, customer, deal, lead, order, survey
from tests.journeys.continued import H


def email(minute: int, kind: str, /, **data: Any) -> Step:
    return minute, f"email.{kind}", {"campaign_id": "c", **data}


def asked(minute: int, survey_id: str, score: float, /, **data: Any) -> Step:
    return minute, "survey.answered", {"survey_id": survey_id, "kind": "nps", "score": score, **data}


OF_PARTIES: dict[str, tuple[str, set[str], list[Step], set[tuple[Any, ...]]]] = {
    # Orders, purchases, expansion
    "a refund within thirty days is early": (
        "orders",
        {"order_refunded_early"},
        [order(9, "placed", amount=9), order(8, "refunded", refund_id="q", amount=1),
         order(10, "refunded", refund_id="r", amount=2), order(30 * 24 * H + 9, "refunded", refund_id="s", amount=3),
         order(30 * 24 * H + 10, "refunded", refund_id="t", amount=1)],
        {("order_refunded_early", 9, 5_000_000)},
    ),
    "an order is of its items that say their amount, refunds or not": (
        "orders",
        {"item_sold", "item_units"},
        [order(1, "placed", amount=9, product="p",
               items=[{"product": "a", "amount": 5, "quantity": 1.001}, {"product": "b"},
                      {"product": "c", "amount": 4, "quantity": 0.0009}]),
         order(2, "refunded", refund_id="r", amount=9),
         order(3, "placed", amount=7, items=[{"product": "d", "amount": 7}])],
        {("item_sold", 1, 5_000_000, "a"), ("item_units", 1, 1001, "a"), ("item_sold", 1, 4_000_000, "c"),
         ("item_units", 1, 0, "c")},
    ),
    "or else one item, unless it is cancelled": (
        "orders",
        {"item_sold", "item_units"},
        [order(1, "placed", amount=9, product="p", items=[{"product": "b", "quantity": 7}])],
        {("item_sold", 1, 9_000_000, "p"), ("item_units", 1, 1000, "p")},
    ),
    "nothing is sold by an order that was cancelled": (
        "orders",
        {"item_sold", "item_units"},
        [order(1, "placed", amount=9, items=[{"product": "a", "amount": 5}]), order(2, "cancelled")],
        set(),
    ),
    "an order is of what the customer was as it was placed": (
        "expansion",
        {"customer_order", "customer_order_refunded"},
        [order(1, "placed", "m", amount=1), customer(2, "created", plan="a", segment="s"),
         order(3, "placed", amount=9), customer(3, "updated", segment="t", country="DE"),
         order(4, "placed", "n", amount=4), customer(5, "churned"), customer(6, "plan_changed", plan="b"),
         order(7, "placed", "x", amount=5), order(8, "placed", "y", amount=6), order(9, "cancelled", "y"),
         order(9, "refunded", refund_id="r", amount=2), customer(10, "reactivated", plan="d")],
        {("customer_order", 1, 1_000_000), ("customer_order", 3, 9_000_000, "a", "t", "DE"),
         ("customer_order_refunded", 9, 2_000_000, "a", "t", "DE"), ("customer_order", 4, 4_000_000, "a", "t", "DE"),
         ("customer_order", 7, 5_000_000, "b", "t", "DE")},
    ),
    "gaps lie between kept orders": (
        "purchases",
        {"order_gap", "keeper_only"},
        [order(n, "placed", f"{n}", amount=n) for n in (1, 3, 8)] + [order(9, "cancelled", "3")],
        {("order_gap", 8, 7 * M)},
    ),
    "the only kept order of a party": (
        "purchases",
        {"order_gap", "keeper_only"},
        [order(1, "placed", amount=1), order(2, "placed", "n", amount=1), order(3, "cancelled", "n")],
        {("keeper_only", 1, 0)},
    ),
    "deals, dearer plans and orders expand": (
        "expansion",
        {"expansion", "expander_last", "expander_joined"},
        [customer(1, "created", plan="a", value=5), customer(2, "plan_changed", plan="b", value=7),
         customer(3, "plan_changed", plan="a", value=6), customer(3, "plan_changed", plan="c"),
         deal(4, "created", kind="cross_sell", product="p"), deal(5, "won", owner_id="o"), customer(6, "churned"),
         order(7, "placed", amount=9, upsell=True, owner_id="o"), order(8, "refunded", refund_id="r", amount=2)],
        {("expansion", 2, 2_000_000, "plan"), ("expansion", 5, 0, "cross_sell", "p", "o"),
         ("expansion", 7, 7_000_000, "order", "o"), ("expander_last", 5, 0), ("expander_joined", 1, 0)},
    ),
    "a plan rises while a spell is open, and after a churn that is taken back": (
        "expansion",
        {"expansion"},
        [customer(1, "plan_changed", plan="a", value=1), customer(2, "plan_changed", plan="a", value=2),
         customer(3, "created"), customer(4, "plan_changed", plan="a", value=4),
         customer(5, "churned", effective_at=iso(20 * M)), customer(6, "plan_changed", plan="a", value=7),
         customer(7, "reactivated"), customer(8, "churned"), customer(9, "plan_changed", plan="a", value=99)],
        {("expansion", 4, 2_000_000, "plan"), ("expansion", 6, 3_000_000, "plan")},
    ),
    "a plan rises until a further churn before an announced end, and not after an end told of afterwards": (
        "expansion",
        {"expansion", "expander_last", "expander_joined"},
        [customer(1, "created", plan="a", value=1), customer(2, "churned", effective_at=iso(20 * M)),
         customer(3, "plan_changed", plan="a", value=2), customer(4, "plan_changed", plan="a", value=5),
         customer(5, "churned", effective_at=iso(3 * M)), customer(7, "reactivated"),
         customer(8, "plan_changed", plan="a", value=9), customer(9, "churned", effective_at=iso(20 * M)),
         customer(10, "merged", into="q"), customer(11, "plan_changed", plan="a", value=10)],
        {("expansion", 3, 1_000_000, "plan"), ("expansion", 8, 4_000_000, "plan"), ("expander_last", 8, 0),
         ("expander_joined", 7, 0)},
    ),
    "the first purchase is the earliest win or kept order": (
        "expansion",
        {"purchase_first"},
        [order(1, "placed", "n", amount=1), order(9, "cancelled", "n"), order(3, "placed", amount=1, owner_id="b"),
         deal(2, "created", product="p"), deal(3, "won", owner_id="a")],
        {("purchase_first", 3, 0, "a", "p")},
    ),
    # Customers
    "a first spell by creation is a new customer": (
        "lifecycle",
        {"customer_new"},
        [customer(1, "created", channel="web", campaign_id="c", segment="s"), customer(2, "churned"),
         customer(3, "created", channel="phone", referred_by="q")],
        {("customer_new", 1, 0, "web", "c", "s", "no")},
    ),
    "one by reactivation is not": (
        "lifecycle",
        {"customer_new"},
        [customer(1, "reactivated"), customer(2, "churned"), customer(3, "created")],
        set(),
    ),
    "who was merged is nobody new": (
        "lifecycle",
        {"customer_new"},
        [customer(1, "merged", into="q"), customer(2, "created")],
        set(),
    ),
    "a lapse ends with the next spell, by what the leave said": (
        "lifecycle",
        {"customer_lapsed", "customer_returned"},
        [customer(1, "created", plan="a"), customer(3, "churned"), customer(6, "reactivated", plan="b")],
        {("customer_lapsed", 3, 1, "a"), ("customer_lapsed", 6, -1, "a"), ("customer_returned", 6, 3 * M, "a")},
    ),
    "or with a merge, from which nobody returns": (
        "lifecycle",
        {"customer_lapsed", "customer_returned"},
        [customer(1, "created", plan="a"), customer(3, "churned"), customer(5, "merged", into="q"),
         customer(6, "merged", into="q"), customer(9, "created")],
        {("customer_lapsed", 3, 1, "a"), ("customer_lapsed", 5, -1, "a")},
    ),
    "before an announced end a merge takes the leave back": (
        "lifecycle",
        {"customer_lapsed", "customer_returned"},
        [customer(1, "created"), customer(3, "churned", effective_at=iso(8 * M)), customer(5, "merged", into="q"),
         customer(6, "reactivated")],
        set(),
    ),
    "at its instant the end has come": (
        "lifecycle",
        {"customer_lapsed", "customer_returned"},
        [customer(1, "created"), customer(3, "churned", effective_at=iso(5 * M)), customer(5, "merged", into="q")],
        {("customer_lapsed", 5, 1), ("customer_lapsed", 5, -1)},
    ),
    # Leads
    "a lead is qualified the first time, also by what was merged into it, and at its creation if that came later": (
        "leads",
        {"lead_qualified", "lead_converted", "lead_conversion"},
        [lead(70, "created"), lead(71, "created", "x"), lead(9, "qualified", "x"), lead(20, "qualified", "x"),
         lead(80, "qualified"), lead(90, "merged", "x", into="l"), lead(11, "converted")],
        {("lead_qualified", 70, 0), ("lead_converted", 70, 0), ("lead_conversion", 11, 0)},
    ),
    "a lead that was there is qualified and converted later": (
        "leads",
        {"lead_qualified", "lead_converted", "lead_conversion"},
        [lead(1, "created", channel="web"), lead(9, "qualified"), lead(7, "qualified"), lead(8, "converted")],
        {("lead_qualified", 7, 6 * M, "web"), ("lead_converted", 8, 7 * M, "web"), ("lead_conversion", 8, 0, "web")},
    ),
    "nobody has reached the lead: its latest owner should": (
        "leads",
        {"lead_uncontacted"},
        [lead(1, "created", owner_id="a", channel="web"), lead(2, "assigned", owner_id="b"),
         lead(3, "contacted", automated=True)],
        {("lead_uncontacted", 1, 0, "web", "b")},
    ),
    "a disqualified, converted, answered or merged lead waits for nobody": (
        "leads",
        {"lead_uncontacted"},
        [lead(1, "disqualified"), lead(2, "created"), lead(2, "created", "x"), lead(3, "converted", "x"),
         lead(2, "created", "y"), lead(3, "contacted", "y"), lead(2, "created", "z"), lead(3, "merged", "z", into="y")],
        set(),
    ),
    # Surveys
    "the bottom of a scale is as high as its top": (
        "surveys",
        {"csat_dissatisfied"},
        [survey(1, "answered", kind="csat", score=2)],
        {("csat_dissatisfied", 1, 0)},
    ),
    "above the bottom nobody is dissatisfied": (
        "surveys",
        {"csat_dissatisfied"},
        [survey(1, "answered", kind="csat", score=2.5)],
        set(),
    ),
    "a party says what it last said, by the order of the answers": (
        "respondents",
        {"nps_last", "nps_last_promoter", "nps_last_detractor"},
        [asked(1, "s", 3), asked(2, "u", 5), asked(3, "s", 9), asked(4, "v", 11), asked(5, "w", 1, scale_max=5),
         asked(6, "x", 0, ticket_id="t")],
        {("nps_last", 3, 0), ("nps_last_promoter", 3, 0)},
    ),
    "from answer to answer, each by what the earlier one said": (
        "respondents",
        {"nps_gap"},
        [asked(1, "s", 9), asked(2, "u", 3), asked(4, "v", 8), asked(8, "w", 10), asked(9, "x", 11),
         asked(3, "t", 0, ticket_id="t")],
        {("nps_gap", 2, M, "promoter"), ("nps_gap", 4, 2 * M, "detractor"), ("nps_gap", 8, 4 * M, "passive")},
    ),
    "an account says the mean of ninety days": (
        "respondents",
        {"nps_account", "nps_account_promoter", "nps_account_detractor"},
        [asked(1, "s", 0, account_id="x"), asked(2, "u", 9, account_id="x"),
         asked(90 * 24 * H + 1, "v", 9, account_id="x"), asked(90 * 24 * H + 2, "t", 0, account_id="x", ticket_id="t"),
         asked(3, "w", 6), asked(4, "z", 7), asked(5, "q", 5)],
        {("nps_account", 129601, 0), ("nps_account_promoter", 129601, 0), ("nps_account", 5, 0),
         ("nps_account_detractor", 5, 0)},
    ),
    # Contacts and complaints
    "the first interaction of an id counts": (
        "interactions",
        {"interaction", "interaction_made"},
        [(1, "interaction.logged", {"interaction_id": "i", "direction": "out", "owner_id": "a", "channel": "web"}),
         (2, "interaction.logged", {"interaction_id": "i", "direction": "in"})],
        {("interaction", 1, 0, "out", "no", "web", "a"), ("interaction_made", 1, 0, "a", "web")},
    ),
    "an automaton's interaction is no touch": (
        "interactions",
        {"interaction", "interaction_made"},
        [(1, "interaction.logged", {"direction": "out", "automated": True})],
        {("interaction", 1, 0, "out", "yes")},
    ),
    "a complaint is as it was first received, and as first decided": (
        "complaints",
        {"complaint_received"},
        [(1, "complaint.closed", {"complaint_id": "x"}),
         (2, "complaint.received", {"complaint_id": "x", "category": "a"}),
         (3, "complaint.received", {"complaint_id": "x", "category": "b"}),
         (4, "complaint.closed", {"complaint_id": "x", "upheld": False}),
         (5, "complaint.closed", {"complaint_id": "x", "upheld": True})],
        {("complaint_received", 2, 0, "a", "no")},
    ),
    # E-mail
    "each sending begins an e-mail, which names it, and so does a delivery too many": (
        "emails",
        {"email_sent", "email_delivered", "email_bounced", "email_opened", "email_clicked"},
        [email(1, "bounced"), email(2, "sent", variant="a"), email(3, "sent", variant="b"), email(4, "bounced"),
         email(5, "opened"), email(6, "delivered", variant="c"), email(7, "delivered"),
         email(8, "opened", machine=True), email(9, "opened"), email(10, "opened"), email(11, "clicked")],
        {("email_sent", 2, 0, "c", "a"), ("email_sent", 3, 0, "c", "b"), ("email_bounced", 4, M, "c", "b"),
         ("email_delivered", 6, 0, "c", "b"), ("email_delivered", 7, 0, "c"), ("email_opened", 9, 2 * M, "c"),
         ("email_clicked", 11, 4 * M, "c")},
    ),
    "what happens as it is delivered happens after it": (
        "emails",
        {"email_sent", "email_delivered", "email_opened", "email_clicked"},
        [email(1, "sent", subject_line="s", length=90), email(1, "opened"), email(2, "clicked"),
         email(2, "delivered", call_to_action="buy"), email(4, "clicked"), email(3, "clicked")],
        {("email_sent", 1, 0, "c", "s", "90"), ("email_delivered", 2, 0, "c", "s", "90"),
         ("email_clicked", 2, 0, "c", "s", "90")},
    ),
    "what happens before the first e-mail happens to none": (
        "emails",
        {"email_sent", "email_delivered", "email_opened", "email_clicked"},
        [email(1, "opened"), email(2, "clicked"), email(2, "delivered", subject_line="s", call_to_action="buy"),
         email(4, "clicked"), email(3, "clicked")],
        {("email_delivered", 2, 0, "c", "s", "buy"), ("email_clicked", 3, M, "c", "s", "buy")},
    ),
    "a campaign writes again": (
        "emails",
        {"email_sent", "email_delivered", "email_bounced", "email_opened", "email_clicked", "email_unsubscribed"},
        [email(1, "sent", variant="a", images=0), email(2, "delivered"), email(3, "opened"), email(4, "opened"),
         email(11, "sent", variant="b", images=3), email(12, "opened"), email(13, "delivered"), email(15, "clicked"),
         email(16, "unsubscribed"), email(21, "sent"), email(22, "bounced"), email(23, "bounced")],
        {("email_sent", 1, 0, "c", "a", "0"), ("email_delivered", 2, 0, "c", "a", "0"),
         ("email_opened", 3, M, "c", "a", "0"), ("email_sent", 11, 0, "c", "b", "3"),
         ("email_delivered", 13, 0, "c", "b", "3"), ("email_clicked", 15, 2 * M, "c", "b", "3"),
         ("email_unsubscribed", 16, 3 * M, "c", "b", "3"), ("email_sent", 21, 0, "c"),
         ("email_bounced", 22, M, "c")},
    ),
    "nothing follows what was not delivered": (
        "emails",
        {"email_sent", "email_delivered", "email_opened", "email_unsubscribed", "email_complained"},
        [email(1, "sent"), email(2, "opened"), email(3, "unsubscribed"), email(4, "complained")],
        {("email_sent", 1, 0, "c")},
    ),
    "a party is on the list or is not": (
        "mailing",
        {"email_listed"},
        [email(1, "unsubscribed"), email(2, "subscribed"), (3, "email.subscribed", {"campaign_id": "d"}),
         (4, "email.unsubscribed", {"campaign_id": "d"}), email(5, "complained"), email(6, "unsubscribed")],
        {("email_listed", 2, 1, "c"), ("email_listed", 4, -1, "c")},
    ),
}  # fmt: skip
