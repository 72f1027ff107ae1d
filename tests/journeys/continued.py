"""Short stories of tickets and deals: the facts that they are about, and what docs/definitions.md makes of them."""

from typing import Any

from tests.journeys.cases import AGENT, CUSTOMER, M, Step, deal, ticket

H = 60
"""An hour in minutes."""


def status(minute: int, said: str, /, **data: Any) -> Step:
    return ticket(minute, "status_changed", status=said, **data)


def of(name: str, minute: int, kind: str, /, **data: Any) -> Step:
    """An event of another ticket of the party."""
    return minute, f"ticket.{kind}", {"ticket_id": name, **data}


LEFT, RIGHT = {"pipeline": "default", "stage": "discovery"}, {"pipeline": "partner", "stage": "proposal"}

OF_ENTITIES: dict[str, tuple[str, set[str], list[Step], set[tuple[Any, ...]]]] = {
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
    "every solve is a resolution, whatever follows; the first one is counted with the first ones": (
        "tickets",
        {"ticket_solved_again"},
        [ticket(1, "created", created_by="agent"), status(3, "solved", team="a"), ticket(4, "reopened"),
         status(5, "closed", team="b"), status(6, "solved"), ticket(7, "reopened"), status(8, "solved"),
         ticket(9, "reopened")],
        {("ticket_solved_again", 5, 0, "b"), ("ticket_solved_again", 8, 0, "b")},
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
        {("deal_lost", 2, 0, "z", "default", "new"), ("deal_lost_value", 2, 3_000_000, "z", "default", "new"),
         ("deal_created", 3, 0, "a", "default", "new")},
    ),
    "an owner and amount from before the creation hold if it names none": (
        "deals",
        {"deal_open", "deal_open_value", "deal_created", "deal_idle"},
        [deal(1, "owner_changed", owner_id="a"), deal(1, "amount_changed", amount=2), deal(3, "created")],
        {("deal_open", 3, 1, "a", "default"), ("deal_open_value", 3, 2_000_000, "a", "default"),
         ("deal_created", 3, 0, "default", "new"), ("deal_idle", 3, 0, "a", "default")},
    ),
    "a won deal counts with what its creation said": (
        "deals",
        {"deal_created", "deal_created_won"},
        [deal(1, "created", owner_id="a", source="s"), deal(2, "created", owner_id="b", source="t"),
         deal(5, "won", owner_id="c")],
        {("deal_created", 1, 0, "a", "default", "s", "new"),
         ("deal_created_won", 5, 4 * M, "a", "default", "s", "new")},
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
    "a lost deal took its time, by how large it was and how many decided": (
        "deals",
        {"deal_lost_cycle"},
        [deal(1, "created", amount=70, kind="upsell", decision_makers=4), deal(2, "amount_changed", amount=2500),
         deal(5, "lost", owner_id="z"), deal(6, "amount_changed", amount=1)],
        {("deal_lost_cycle", 5, 4 * M, "z", "default", "upsell", "2000", "4-5")},
    ),
    "a deal is weighed in listed stages alone, whatever its amount": (
        "deals",
        {"deal_weighted", "deal_open_weighted"},
        [deal(1, "created", stage="demo", amount=10), deal(2, "stage_changed", stage="proposal"),
         deal(3, "amount_changed", amount=20), deal(4, "stage_changed", stage="demo")],
        {("deal_weighted", 2, 1, "default", "proposal"), ("deal_weighted", 4, -1, "default", "proposal"),
         ("deal_open_weighted", 2, 3_000_000, "default", "proposal"),
         ("deal_open_weighted", 3, -3_000_000, "default", "proposal"),
         ("deal_open_weighted", 3, 6_000_000, "default", "proposal"),
         ("deal_open_weighted", 4, -6_000_000, "default", "proposal")},
    ),
    "a win from where no stage of the pipeline was before reaches none": (
        "deals",
        {"deal_stage_reached", "deal_stage_passed"},
        [deal(1, "created", **LEFT, owner_id="a", source="s"), deal(2, "owner_changed", owner_id="b"),
         deal(3, "stage_changed", pipeline="partner", stage="demo"), deal(4, "won")],
        {("deal_stage_reached", 1, 0, "default", "discovery", "a", "s")},
    ),
    "whoever has a deal when it reaches a stage reached it, and passes it": (
        "deals",
        {"deal_stage_reached", "deal_stage_passed"},
        [deal(1, "created", **LEFT, owner_id="a"), deal(2, "owner_changed", owner_id="b"),
         deal(3, "stage_changed", stage="proposal")],
        {("deal_stage_reached", 1, 0, "default", "discovery", "a"),
         ("deal_stage_passed", 3, 2 * M, "default", "discovery", "a"),
         ("deal_stage_reached", 3, 0, "default", "proposal", "b")},
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
}  # fmt: skip
