"""Short stories of the next definitions: the facts that they are about, and what docs/definitions.md makes of them."""

from typing import Any

from tests.engine.worlds import iso
from tests.journeys.cases import AGENT, CUSTOMER, M, Step, customer, deal, lead, order, survey, ticket

H = 60
"""An hour in minutes."""


def status(minute: int, said: str, /, **data: Any) -> Step:
    return ticket(minute, "status_changed", status=said, **data)


def of(name: str, minute: int, kind: str, /, **data: Any) -> Step:
    """An event of another ticket of the party."""
    return minute, f"ticket.{kind}", {"ticket_id": name, **data}


def email(minute: int, kind: str, /, **data: Any) -> Step:
    return minute, f"email.{kind}", {"campaign_id": "c", **data}


def asked(minute: int, survey_id: str, score: float, /, **data: Any) -> Step:
    return minute, "survey.answered", {"survey_id": survey_id, "kind": "nps", "score": score, **data}


LEFT, RIGHT = {"pipeline": "default", "stage": "discovery"}, {"pipeline": "partner", "stage": "proposal"}

CONTINUED: dict[str, tuple[str, set[str], list[Step], set[tuple[Any, ...]]]] = {
    # Tickets
    "a ticket of a customer or a bot counts as opened, in its category as known now": (
        "tickets",
        {"ticket_opened"},
        [ticket(1, "created", created_by="bot", team="a", category="x"), ticket(2, "recategorised", category="y"),
         ticket(3, "assigned", team="b"), ticket(4, "reprioritised", priority="high")],
        {("ticket_opened", 1, 0, "a", "y")},
    ),
    "a ticket of an agent is resolved and not counted": (
        "tickets",
        {"ticket_opened", "ticket_resolved", "ticket_met", "ticket_breached"},
        [ticket(1, "created", created_by="agent"), status(2, "solved")],
        set(),
    ),
    "the first reopening counts, as who solved it first": (
        "tickets",
        {"ticket_resolved", "ticket_reopened"},
        [ticket(1, "created"), status(3, "solved", team="a"), status(4, "pending", team="b"), status(6, "closed"),
         ticket(9, "reopened")],
        {("ticket_resolved", 3, 2 * M, "a"), ("ticket_reopened", 4, M, "a")},
    ),
    "a full resolution leaves out the time solved, and is taken back by a reopening": (
        "tickets",
        {"ticket_solved_full", "ticket_unsolved"},
        [ticket(1, "created"), status(3, "solved"), ticket(7, "reopened"), status(8, "solved", team="b"),
         status(9, "closed", team="c")],
        {("ticket_solved_full", 8, 3 * M, "b")},
    ),
    "without it the ticket is unsolved since its creation": (
        "tickets",
        {"ticket_solved_full", "ticket_waited", "ticket_unsolved"},
        [ticket(1, "created"), status(3, "solved"), ticket(7, "reopened", team="b"), ticket(8, "assigned", team="c")],
        {("ticket_unsolved", 1, 0, "c")},
    ),
    "a requester does not wait while a ticket is pending": (
        "tickets",
        {"ticket_waited"},
        [ticket(1, "created"), status(2, "pending"), status(5, "pending"), ticket(6, "reopened"), status(7, "on_hold"),
         status(9, "solved"), status(20, "pending"), status(22, "solved")],
        {("ticket_waited", 22, 3 * M)},
    ),
    "a ticket is solved in time by the priority of its creation": (
        "tickets",
        {"ticket_met", "ticket_breached"},
        [ticket(0, "created", priority="urgent"), ticket(1, "reprioritised", priority="low"),
         status(4 * H, "solved", team="a"), ticket(5 * H, "reopened")],
        {("ticket_met", 240, 0, "a", "urgent")},
    ),
    "it is breached at its deadline, by whoever had it then": (
        "tickets",
        {"ticket_met", "ticket_breached"},
        [ticket(0, "created", priority="high"), ticket(8 * H, "assigned", team="a"),
         ticket(9 * H, "assigned", team="b"), status(10 * H, "solved")],
        {("ticket_breached", 480, 0, "a", "high")},
    ),
    "and already while it is open": (
        "tickets",
        {"ticket_met", "ticket_breached"},
        [ticket(0, "created", priority="odd", team="a")],
        {("ticket_breached", 1440, 0, "a", "odd")},
    ),
    "two answers are no first contact resolution": (
        "recontact",
        {"ticket_failed"},
        [ticket(1, "created"), ticket(2, "message", **AGENT, team="a"), ticket(3, "message", **AGENT),
         ticket(4, "message", **CUSTOMER), status(5, "solved"), ticket(6, "reopened")],
        {("ticket_failed", 5, 0, "a")},
    ),
    "nor is none; one is, whatever is said after the solve": (
        "recontact",
        {"ticket_failed"},
        [ticket(1, "created"), status(2, "solved"), of("u", 1, "created"), of("u", 2, "message", **AGENT),
         of("u", 2, "message", **AGENT, public=False), of("u", 3, "status_changed", status="solved"),
         of("u", 4, "message", **AGENT)],
        {("ticket_failed", 2, 0)},
    ),
    "the earliest of a reopening and another ticket of the category fails it": (
        "recontact",
        {"ticket_failed"},
        [ticket(1, "created", category="x"), ticket(2, "message", **AGENT), ticket(3, "recategorised", category="y"),
         status(4, "solved"), of("u", 4, "created", category="y"), of("v", 5, "created", category="x"),
         of("w", 6, "created", category="y", created_by="agent"), of("z", 7, "created", category="y"),
         ticket(9, "reopened")],
        {("ticket_failed", 7, 3 * M, "y")},
    ),
    "a deleted ticket fails nothing, and no category is like another": (
        "recontact",
        {"ticket_failed"},
        [ticket(1, "created"), ticket(2, "message", **AGENT), status(4, "solved"), of("u", 5, "created"),
         of("v", 6, "created"), of("v", 9, "deleted")],
        set(),
    ),
    # Deals
    "an open deal moves with what it names, and ends at its close": (
        "deals",
        {"deal_open", "deal_open_value", "deal_open_weighted"},
        [deal(1, "created", owner_id="a", product="p", expected_close="2026-09-15", amount=10, **LEFT),
         deal(2, "stage_changed", stage="proposal"), deal(3, "amount_changed", amount=20),
         deal(4, "activity"), deal(5, "lost", owner_id="z"), deal(6, "stage_changed", stage="contract")],
        {("deal_open", 1, 1, "a", "p", "default", "discovery", "2026-09"),
         ("deal_open", 2, -1, "a", "p", "default", "discovery", "2026-09"),
         ("deal_open", 2, 1, "a", "p", "default", "proposal", "2026-09"),
         ("deal_open", 5, -1, "a", "p", "default", "proposal", "2026-09"),
         ("deal_open_value", 1, 10_000_000, "a", "p", "default", "discovery", "2026-09"),
         ("deal_open_value", 2, -10_000_000, "a", "p", "default", "discovery", "2026-09"),
         ("deal_open_value", 2, 10_000_000, "a", "p", "default", "proposal", "2026-09"),
         ("deal_open_value", 3, -10_000_000, "a", "p", "default", "proposal", "2026-09"),
         ("deal_open_value", 3, 20_000_000, "a", "p", "default", "proposal", "2026-09"),
         ("deal_open_value", 5, -20_000_000, "a", "p", "default", "proposal", "2026-09"),
         ("deal_open_weighted", 1, 1_000_000, "a", "p", "default", "discovery", "2026-09"),
         ("deal_open_weighted", 2, -1_000_000, "a", "p", "default", "discovery", "2026-09"),
         ("deal_open_weighted", 2, 3_000_000, "a", "p", "default", "proposal", "2026-09"),
         ("deal_open_weighted", 3, -3_000_000, "a", "p", "default", "proposal", "2026-09"),
         ("deal_open_weighted", 3, 6_000_000, "a", "p", "default", "proposal", "2026-09"),
         ("deal_open_weighted", 5, -6_000_000, "a", "p", "default", "proposal", "2026-09")},
    ),
    "a close that was taken back is no end": (
        "deals",
        {"deal_open", "deal_idle"},
        [deal(1, "created", **LEFT), deal(2, "won"), deal(3, "owner_changed", owner_id="b"), deal(4, "reopened")],
        {("deal_open", 1, 1, "default", "discovery"), ("deal_open", 3, -1, "default", "discovery"),
         ("deal_open", 3, 1, "b", "default", "discovery"), ("deal_idle", 4, 0, "b", "default", "discovery")},
    ),
    "what is closed before its creation is never open; a running owner holds": (
        "deals",
        {"deal_open", "deal_idle", "deal_created", "deal_created_won", "deal_lost", "deal_lost_value"},
        [deal(1, "amount_changed", amount=3), deal(2, "lost", owner_id="z"), deal(3, "created", owner_id="a"),
         deal(4, "stage_changed", stage="x")],
        {("deal_lost", 2, 0, "z", "default"), ("deal_lost_value", 2, 3_000_000, "z", "default"),
         ("deal_created", 3, 0, "a", "default")},
    ),
    "an owner and amount from before the creation hold if it names none": (
        "deals",
        {"deal_open", "deal_open_value", "deal_created", "deal_idle"},
        [deal(1, "owner_changed", owner_id="a"), deal(1, "amount_changed", amount=2), deal(3, "created")],
        {("deal_open", 3, 1, "a", "default"), ("deal_open_value", 3, 2_000_000, "a", "default"),
         ("deal_created", 3, 0, "default"), ("deal_idle", 3, 0, "a", "default")},
    ),
    "a won deal counts with what its creation said": (
        "deals",
        {"deal_created", "deal_created_won"},
        [deal(1, "created", owner_id="a", source="s"), deal(2, "created", owner_id="b", source="t"),
         deal(5, "won", owner_id="c")],
        {("deal_created", 1, 0, "a", "default", "s"), ("deal_created_won", 5, 4 * M, "a", "default", "s")},
    ),
    "every visit of a stage ends with the next one or the close": (
        "deals",
        {"deal_stage_left"},
        [deal(1, "created", **LEFT, owner_id="a"), deal(2, "stage_changed", stage="discovery"),
         deal(3, "owner_changed", owner_id="b"), deal(5, "stage_changed", **RIGHT), deal(6, "stage_changed", **LEFT),
         deal(9, "won", owner_id="z")],
        {("deal_stage_left", 5, 4 * M, "b", "default", "discovery"),
         ("deal_stage_left", 6, M, "b", "partner", "proposal"),
         ("deal_stage_left", 9, 3 * M, "b", "default", "discovery")},
    ),
    "what is skipped is reached and passed; going back undoes nothing": (
        "deals",
        {"deal_stage_reached", "deal_stage_passed"},
        [deal(1, "created", **LEFT), deal(2, "stage_changed", stage="negotiation"),
         deal(3, "stage_changed", stage="unlisted"), deal(4, "stage_changed", stage="discovery"), deal(6, "lost")],
        {("deal_stage_reached", 1, 0, "default", "discovery"), ("deal_stage_reached", 2, 0, "default", "proposal"),
         ("deal_stage_reached", 2, 0, "default", "negotiation"), ("deal_stage_passed", 2, M, "default", "discovery"),
         ("deal_stage_passed", 2, 0, "default", "proposal")},
    ),
    "a win stands behind the last stage": (
        "deals",
        {"deal_stage_reached", "deal_stage_passed"},
        [deal(1, "created", **RIGHT), deal(4, "won")],
        {*(("deal_stage_reached", 1, 0, "partner", stage) for stage in ("discovery", "proposal")),
         *(("deal_stage_reached", 4, 0, "partner", stage) for stage in ("negotiation", "contract")),
         ("deal_stage_passed", 1, 0, "partner", "discovery"), ("deal_stage_passed", 4, 3 * M, "partner", "proposal"),
         *(("deal_stage_passed", 4, 0, "partner", stage) for stage in ("negotiation", "contract"))},
    ),
    # Orders, purchases, expansion
    "a refund within thirty days is early": (
        "orders",
        {"order_refunded_early"},
        [order(9, "placed", amount=9), order(8, "refunded", refund_id="q", amount=1),
         order(10, "refunded", refund_id="r", amount=2), order(30 * 24 * H + 9, "refunded", refund_id="s", amount=3),
         order(30 * 24 * H + 10, "refunded", refund_id="t", amount=1)],
        {("order_refunded_early", 9, 5_000_000)},
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
    "a merge before an announced end waits for it": (
        "lifecycle",
        {"customer_lapsed", "customer_returned"},
        [customer(1, "created"), customer(3, "churned", effective_at=iso(8 * M)), customer(5, "merged", into="q")],
        {("customer_lapsed", 8, 1), ("customer_lapsed", 8, -1)},
    ),
    "a leave that was taken back never was, whatever was merged meanwhile": (
        "lifecycle",
        {"customer_lapsed", "customer_returned"},
        [customer(1, "created"), customer(3, "churned", effective_at=iso(8 * M)), customer(5, "merged", into="q"),
         customer(6, "reactivated")],
        set(),
    ),
    # Leads
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
        [survey(1, "answered", kind="csat", score=2.5)],
        {("csat_dissatisfied", 1, 0)},
    ),
    "above the bottom nobody is dissatisfied": (
        "surveys",
        {"csat_dissatisfied"},
        [survey(1, "answered", kind="csat", score=3)],
        set(),
    ),
    "a party says what it last said, by the order of the answers": (
        "respondents",
        {"nps_last", "nps_last_promoter", "nps_last_detractor"},
        [asked(1, "s", 3), asked(2, "u", 5), asked(3, "s", 9), asked(4, "v", 11), asked(5, "w", 1, scale_max=5)],
        {("nps_last", 3, 0), ("nps_last_promoter", 3, 0)},
    ),
    "an account says the mean of ninety days": (
        "respondents",
        {"nps_account", "nps_account_promoter", "nps_account_detractor"},
        [asked(1, "s", 0, account_id="x"), asked(2, "u", 9, account_id="x"),
         asked(90 * 24 * H + 1, "v", 9, account_id="x"), asked(3, "w", 6), asked(4, "z", 7), asked(5, "q", 5)],
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
    "without an id each is one; an automaton's is no touch": (
        "interactions",
        {"interaction", "interaction_made"},
        [(1, "interaction.logged", {"direction": "out", "automated": True}), (2, "interaction.logged", {})],
        {("interaction", 1, 0, "out", "yes"), ("interaction", 2, 0, "in", "no")},
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
    "an e-mail is sent and delivered once, and named by its sending": (
        "emails",
        {"email_sent", "email_delivered", "email_bounced", "email_opened", "email_clicked"},
        [email(1, "bounced"), email(2, "sent", variant="a"), email(3, "sent", variant="b"), email(4, "bounced"),
         email(5, "opened"), email(6, "delivered", variant="c"), email(7, "delivered"),
         email(8, "opened", machine=True), email(9, "opened"), email(10, "opened"), email(11, "clicked")],
        {("email_sent", 2, 0, "c", "a"), ("email_bounced", 4, 2 * M, "c", "a"), ("email_delivered", 6, 0, "c", "a"),
         ("email_opened", 9, 3 * M, "c", "a"), ("email_clicked", 11, 5 * M, "c", "a")},
    ),
    "what happens as it is delivered happens after it": (
        "emails",
        {"email_sent", "email_delivered", "email_opened", "email_clicked"},
        [email(1, "opened"), email(2, "clicked"), email(2, "delivered", subject_line="s", call_to_action="buy"),
         email(4, "clicked"), email(3, "clicked")],
        {("email_delivered", 2, 0, "c", "s", "buy"), ("email_clicked", 2, 0, "c", "s", "buy")},
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
