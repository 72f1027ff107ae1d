"""Short stories, and the facts that docs/definitions.md makes of them."""

from typing import Any

MINUTE_MS = 60_000
Step = tuple[int, str, dict[str, Any]]
"""Minute, event type, data."""


def lead(minute: int, kind: str, lead_id: str = "l", /, **data: Any) -> Step:
    return minute, f"lead.{kind}", {"lead_id": lead_id, **data}


def deal(minute: int, kind: str, /, **data: Any) -> Step:
    return minute, f"deal.{kind}", {"deal_id": "d", **data}


def order(minute: int, kind: str, order_id: str = "o", /, **data: Any) -> Step:
    return minute, f"order.{kind}", {"order_id": order_id, **data}


def ticket(minute: int, kind: str, /, **data: Any) -> Step:
    return minute, f"ticket.{kind}", {"ticket_id": "t", **data}


def customer(minute: int, kind: str, /, **data: Any) -> Step:
    return minute, f"customer.{kind}", data


def survey(minute: int, kind: str, /, **data: Any) -> Step:
    return minute, f"survey.{kind}", {"survey_id": "s", **data}


M = MINUTE_MS
BOT, TRIED, PERSON = {"automated": True}, {"outcome": "attempted"}, {"outcome": "replied"}
AGENT, CUSTOMER = {"author": "agent"}, {"author": "customer"}

CASES: dict[str, tuple[str, list[Step], set[tuple[Any, ...]]]] = {
    "a lead is answered by a person who reached it": (
        "leads",
        [
            lead(1, "created"),
            lead(2, "contacted", **BOT),
            lead(3, "contacted", **TRIED),
            lead(4, "contacted", **PERSON),
        ],
        {("lead_created", 1, 0), ("lead_answered", 4, 3 * M)},
    ),
    "a contact more than an hour before the lead is no answer": (
        "leads",
        [lead(62, "created"), lead(1, "contacted", **PERSON)],
        {("lead_created", 62, 0)},
    ),
    "a lead that is written down within an hour was answered at once": (
        "leads",
        [lead(62, "created"), lead(2, "contacted", **PERSON)],
        {("lead_created", 62, 0), ("lead_answered", 2, 0)},
    ),
    "what was sold at the counter converts the lead that is written down then, at once": (
        "leads",
        [
            lead(62, "created"),
            order(2, "placed", amount=1, lead_id="l"),
            order(1, "placed", "n", amount=1, lead_id="l"),
        ],
        {("lead_created", 62, 0), ("lead_converted", 62, 0)},
    ),
    "a lead is as old as the eldest that was merged into it, and else itself": (
        "leads",
        [
            lead(1, "created", "x", owner_id="a"),
            lead(100, "created", owner_id="b"),
            lead(200, "merged", "x", into="l"),
            lead(30, "contacted", **PERSON),
        ],
        {("lead_created", 1, 0, "b"), ("lead_answered", 30, 29 * M, "b")},
    ),
    "an answer at once takes no time": (
        "leads",
        [lead(1, "created"), lead(1, "contacted", **PERSON)],
        {("lead_created", 1, 0), ("lead_answered", 1, 0)},
    ),
    "whoever had the lead answered it": (
        "leads",
        [
            lead(1, "created", owner_id="a"),
            lead(2, "assigned", owner_id="b"),
            lead(3, "contacted"),
            lead(4, "assigned", owner_id="c"),
        ],
        {("lead_created", 1, 0, "a"), ("lead_answered", 3, 2 * M, "b")},
    ),
    "a merged lead answers and converts for another": (
        "leads",
        [
            lead(1, "created"),
            lead(2, "created", "x"),
            lead(3, "contacted", "x"),
            lead(4, "converted", "x"),
            lead(5, "merged", "x", into="l"),
        ],
        {("lead_created", 1, 0), ("lead_answered", 3, 2 * M), ("lead_converted", 4, 3 * M)},
    ),
    "leads merged in a circle are none": (
        "leads",
        [lead(1, "created"), lead(1, "created", "x"), lead(2, "merged", into="x"), lead(2, "merged", "x", into="l")],
        set(),
    ),
    "an order that names a lead converts it, unless cancelled": (
        "leads",
        [
            lead(1, "created"),
            order(2, "placed", amount=1, lead_id="l"),
            order(3, "placed", "n", amount=1, lead_id="l"),
            order(9, "cancelled"),
        ],
        {("lead_created", 1, 0), ("lead_converted", 3, 2 * M)},
    ),
    "a win that was reopened converts no lead": (
        "leads",
        [lead(1, "created"), deal(2, "created", lead_id="l"), deal(3, "won"), deal(4, "reopened")],
        {("lead_created", 1, 0)},
    ),
    "the first close counts until it is reopened": (
        "deals",
        [
            deal(1, "created", amount=5),
            deal(2, "lost"),
            deal(3, "won"),
            deal(4, "reopened"),
            deal(5, "won"),
            deal(6, "lost"),
        ],
        {
            ("deal_won", 5, 0, "default", "new"),
            ("deal_won_value", 5, 5_000_000, "default", "new"),
            ("deal_cycle", 5, 4 * M, "default", "new", "5"),
        },
    ),
    "a deal is won at its last amount, by its last owner": (
        "deals",
        [
            deal(1, "created", amount=5, owner_id="a"),
            deal(2, "amount_changed", amount=7),
            deal(3, "created", amount=6, owner_id="b"),
            deal(4, "won"),
            deal(5, "amount_changed", amount=9),
        ],
        {
            ("deal_won", 4, 0, "b", "default", "new"),
            ("deal_won_value", 4, 6_000_000, "b", "default", "new"),
            ("deal_cycle", 4, 3 * M, "b", "default", "new", "5"),
        },
    ),
    "a win names its own amount and owner": (
        "deals",
        [deal(1, "created", amount=5, owner_id="a"), deal(2, "won", amount=0, owner_id="c")],
        {
            ("deal_won", 2, 0, "c", "default", "new"),
            ("deal_won_value", 2, 0, "c", "default", "new"),
            ("deal_cycle", 2, M, "c", "default", "new", "0"),
        },
    ),
    "a deal that began after its close has no cycle": (
        "deals",
        [deal(2, "won"), deal(3, "created", amount=5)],
        {("deal_won", 2, 0, "default", "new")},
    ),
    "a deleted deal never was": ("deals", [deal(1, "created"), deal(2, "won"), deal(3, "deleted")], set()),
    "a refund is once, and its order still kept in part": (
        "orders",
        [
            order(1, "placed", amount=10, channel="web"),
            order(2, "refunded", refund_id="r", amount=4),
            order(3, "refunded", refund_id="r", amount=9),
        ],
        {
            ("order_placed", 1, 10_000_000, "web"),
            ("order_refunded", 2, 4_000_000, "web"),
            ("order_kept", 1, 6_000_000, "web"),
        },
    ),
    "an order refunded in full is not kept": (
        "orders",
        [
            order(1, "placed", amount=10),
            order(2, "refunded", refund_id="r", amount=4),
            order(3, "refunded", refund_id="s", amount=6),
        ],
        {("order_placed", 1, 10_000_000), ("order_refunded", 2, 4_000_000), ("order_refunded", 3, 6_000_000)},
    ),
    "an order for nothing is kept": (
        "orders",
        [order(1, "placed", amount=0)],
        {("order_placed", 1, 0), ("order_kept", 1, 0)},
    ),
    "a cancellation takes back what comes later, too": (
        "orders",
        [order(1, "cancelled"), order(2, "placed", amount=10), order(3, "refunded", refund_id="r", amount=4)],
        set(),
    ),
    "a party's last two purchases": (
        "purchases",
        [order(n, "placed", f"{n}", amount=n) for n in (1, 2, 3)]
        + [order(4, "refunded", "3", refund_id="r", amount=3)],
        {("buyer_last", 3, 0), ("buyer_second", 2, 0), ("keeper_last", 2, 0), ("keeper_second", 1, 0)},
    ),
    "a bot's, a private or an early message is no answer": (
        "tickets",
        [
            ticket(1, "message", **AGENT),
            ticket(2, "created"),
            ticket(3, "message", author="bot"),
            ticket(4, "message", **AGENT, public=False),
        ],
        {("ticket_open", 2, 1), ("ticket_unanswered", 2, 0)},
    ),
    "a ticket by an agent waits from the customer's first word": (
        "tickets",
        [
            ticket(1, "created", created_by="agent"),
            ticket(2, "message", **AGENT),
            ticket(3, "message", **CUSTOMER),
            ticket(5, "message", **AGENT),
        ],
        {("ticket_open", 1, 1), ("ticket_answered", 5, 2 * M)},
    ),
    "an answer counts for whom it made responsible": (
        "tickets",
        [ticket(1, "created", team="a"), ticket(2, "message", **AGENT, team="b", agent_id="x")],
        {
            ("ticket_open", 1, 1, "a"),
            ("ticket_open", 2, -1, "a"),
            ("ticket_open", 2, 1, "b", "x"),
            ("ticket_answered", 2, M, "b", "x"),
        },
    ),
    "reopened unanswered, the wait begins anew; the first solve stays": (
        "tickets",
        [
            ticket(1, "created"),
            ticket(3, "status_changed", status="solved"),
            ticket(4, "status_changed", status="closed"),
            ticket(6, "reopened"),
        ],
        {
            ("ticket_open", 1, 1),
            ("ticket_open", 3, -1),
            ("ticket_open", 6, 1),
            ("ticket_solved_first", 3, 2 * M),
            ("ticket_unanswered", 6, 0),
        },
    ),
    "answered after solving, it need not be answered again": (
        "tickets",
        [
            ticket(1, "created"),
            ticket(2, "status_changed", status="solved"),
            ticket(3, "message", **AGENT),
            ticket(4, "status_changed", status="open"),
        ],
        {
            ("ticket_open", 1, 1),
            ("ticket_open", 2, -1),
            ("ticket_open", 4, 1),
            ("ticket_solved_first", 2, M),
            ("ticket_answered", 3, 2 * M),
        },
    ),
    "a merged ticket never was": ("tickets", [ticket(2, "created"), ticket(1, "merged", into="u")], set()),
}
