"""What becomes of tickets: opened, reopened, fully resolved, on time, done at the first contact."""

import pytest

from stream_kpis.events.envelope import Reader
from stream_kpis.proof.oracle import Ask, Oracle
from tests.proof.oracle.world import DAY, END, Fraction, World

HOUR = 3600
Step = tuple[float, str]


def ticket(world: World, *steps: Step, name: str = "t", party: str = "ada", at: float = 0, **created: str) -> World:
    """A ticket; a step is a time and: agent, note, customer, bot (messages), reopened, or a status."""
    world.add("ticket.created", at, ticket_id=name, party=party, **created)
    for time, what in steps:
        if what in ("agent", "customer", "bot"):
            world.add("ticket.message", time, ticket_id=name, party=party, author=what)
        elif what == "note":
            world.add("ticket.message", time, ticket_id=name, party=party, author="agent", public=False)
        elif what == "reopened":
            world.add("ticket.reopened", time, ticket_id=name, party=party)
        else:
            world.add("ticket.status_changed", time, ticket_id=name, party=party, status=what)
    return world


def test_opened_has_the_dimensions_of_the_creation_and_the_category_of_now() -> None:
    """At the creation's time; a bot's ticket counts; a voided recategorisation moves nothing."""
    world = ticket(World(), at=10, name="t", category="bug", team="first", priority="low", channel="mail")
    world.add("ticket.assigned", 20, ticket_id="t", team="second")
    world.add("ticket.reprioritised", 20, ticket_id="t", priority="high")
    world.add("ticket.recategorised", 900, ticket_id="t", category="bill")
    world.add("ticket.recategorised", 950, ticket_id="t", category="none", event="x")
    world.void("x")
    ticket(world, at=10, name="bot", created_by="bot")
    ticket(world, at=10, name="agent", created_by="agent")
    dims = ("channel", "category", "team", "priority")
    assert {by: world.groups("tickets_opened", by, 10, 11) for by in dims} == {
        "channel": {"mail": 1, "unknown": 1},
        "category": {"bill": 1, "unknown": 1},
        "team": {"first": 1, "unknown": 1},
        "priority": {"low": 1, "unknown": 1},
    }
    assert world.groups("tickets_opened", "category", at=900) == {"bug": 1, "unknown": 1}


def test_what_names_a_ticket_but_is_about_something_else_changes_nothing_of_it() -> None:
    """A complaint has a category of its own, a survey a team."""
    world = ticket(World(), (20, "solved"), at=10, category="bug", team="first")
    world.add("complaint.received", 30, complaint_id="c", ticket_id="t", category="bill")
    world.add("survey.sent", 30, survey_id="s", ticket_id="t", kind="csat", team="second")
    assert world.groups("tickets_opened", "category") == {"bug": 1}
    assert world.groups("tickets_opened", "team") == {"first": 1}


def test_a_category_has_a_share_of_nothing_in_a_window_without_it() -> None:
    """Of as many samples as the whole."""
    world = ticket(World(), name="a", at=10, category="bug")
    ticket(world, name="b", at=20, category="bill")
    shares = {a.group: (a.value, a.samples) for a in world.answers("ticket_category_share", 15, 30, at=30)}
    assert shares == {"": (1, 1), "bill": (1, 1), "bug": (0, 1)}


def test_agents_tickets_are_resolved_and_reopened_but_not_opened() -> None:
    """tickets_resolved and reopen_rate are of all tickets, the others of those that count as opened."""
    world = ticket(World(), (10, "agent"), (20, "solved"), (30, "reopened"), created_by="agent")
    assert world.value("tickets_resolved") == 1
    assert world.fraction("reopen_rate") == (1, 1)
    assert world.whole("open_ticket_age", window="now").samples == 1
    for kpi in ("ticket_throughput_ratio", "first_contact_resolution_rate", "sla_attainment"):
        assert world.fraction(kpi) == (0, 0)


@pytest.mark.parametrize("kind", ["ticket.merged", "ticket.deleted"])
def test_a_merged_or_deleted_ticket_vanishes_from_everything(kind: str) -> None:
    """Also as the same matter again."""
    world = ticket(World(), (10, "agent"), (20, "solved"), category="bug", at=1)
    ticket(world, (45, "agent"), (50, "solved"), (60, "reopened"), (70, "closed"), category="bug", at=40, name="u")
    world.add(kind, 5, ticket_id="u", **({"into": "t"} if kind == "ticket.merged" else {}))
    counted = ("tickets_opened", "tickets_resolved", "reopen_rate", "resolution_time_full", "sla_attainment")
    assert [world.whole(kpi).samples for kpi in counted] == [1] * len(counted)
    assert world.fraction("first_contact_resolution_rate") == (1, 1)


@pytest.mark.parametrize(
    ("steps", "reopened"),
    [
        ([(20, "solved")], 0),
        ([(20, "solved"), (20, "reopened")], 1),
        ([(20, "solved"), (20 + 7 * DAY, "pending")], 1),
        ([(20, "solved"), (20.001 + 7 * DAY, "open")], 0),
        ([(10, "reopened"), (20, "solved"), (30, "closed"), (30, "customer")], 0),
        ([(20, "solved"), (30 + 7 * DAY, "reopened"), (40 + 7 * DAY, "solved"), (41 + 7 * DAY, "reopened")], 0),
        ([(20, "solved"), (25, "open"), (26, "closed"), (27, "reopened")], 1),
    ],
)
def test_a_ticket_is_reopened_at_most_once_within_seven_days_of_its_first_solve(
    steps: list[Step], reopened: int
) -> None:
    """The first reopening counts."""
    assert ticket(World(), *steps).fraction("reopen_rate", 20, 21) == (reopened, 1)


@pytest.mark.parametrize(
    ("steps", "full_s", "wait_s"),
    [
        ([], None, None),
        ([(10, "solved")], 10, 10),
        ([(10, "closed"), (20, "solved")], 10, 10),
        ([(10, "solved"), (20, "reopened")], None, None),
        ([(10, "solved"), (20, "pending"), (35, "solved")], 25, 10),
        ([(10, "solved"), (20, "open"), (30, "closed"), (50, "reopened"), (55, "solved")], 25, 25),
        ([(3, "pending"), (5, "reopened"), (10, "solved")], 10, 3),
        ([(3, "pending"), (5, "customer"), (6, "agent"), (10, "solved")], 10, 3),
        ([(3, "pending"), (5, "pending"), (7, "on_hold"), (10, "solved")], 10, 6),
        ([(3, "pending"), (10, "solved"), (20, "reopened"), (25, "solved")], 15, 8),
        ([(3, "pending"), (3, "open"), (10, "solved")], 10, 10),
    ],
)
def test_the_full_resolution_is_without_the_time_solved_and_the_wait_without_the_time_pending(
    steps: list[Step], full_s: float | None, wait_s: float | None
) -> None:
    """Counted while the ticket is solved; a reopening while unsolved leaves a pending ticket pending."""
    world = ticket(World(), *steps)
    assert (world.value("resolution_time_full"), world.value("requester_wait_time")) == (full_s, wait_s)


def test_the_full_resolution_has_the_time_and_dimensions_of_the_last_solve() -> None:
    """Not of a closing afterwards."""
    world = World()
    world.add("ticket.created", 0, ticket_id="t", category="bug", team="first")
    world.add("ticket.status_changed", 10, ticket_id="t", status="solved", team="second")
    world.add("ticket.reopened", 20, ticket_id="t")
    world.add("ticket.status_changed", 30, ticket_id="t", status="solved", agent_id="ann")
    world.add("ticket.status_changed", 40, ticket_id="t", status="closed", team="third")
    world.add("ticket.recategorised", 50, ticket_id="t", category="late")
    dims = ("team", "agent", "category", "priority")
    groups = {by: world.groups("resolution_time_full", by, 30, 31) for by in dims}
    assert groups == {
        "team": {"second": 20},
        "agent": {"ann": 20},
        "category": {"bug": 20},
        "priority": {"unknown": 20},
    }


@pytest.mark.parametrize(
    ("priority", "hours"),
    [("urgent", 4), ("high", 8), ("normal", 24), ("low", 72), ("odd", 24), ("Low", 24), ("", 24), (None, 24)],
)
def test_each_priority_allows_its_time(priority: str | None, hours: int) -> None:
    """A solve at the deadline meets it; an unsolved ticket is breached at the deadline and not before."""
    named = {} if priority is None else {"priority": priority}
    deadline = 1000 + hours * HOUR
    met = ticket(World(), (deadline, "solved"), at=1000, **named)
    assert met.fraction("sla_attainment", deadline, deadline + 1) == (1, 1)
    assert met.fractions("sla_attainment", "priority") == {priority or "unknown": (1, 1)}
    late = ticket(World(), (deadline + 0.001, "solved"), at=1000, **named)
    assert late.fraction("sla_attainment", deadline, deadline + 0.001) == (0, 1)
    unsolved = ticket(World(), at=1000, **named)
    assert unsolved.fraction("sla_attainment", end=deadline, at=deadline) == (0, 0)
    assert unsolved.fraction("sla_attainment", end=deadline + 0.001, at=deadline + 0.001) == (0, 1)


def test_a_breach_has_what_ran_at_the_deadline_and_the_priority_of_the_creation() -> None:
    """An event of the deadline's millisecond is in; reopening changes neither met nor breached."""
    world = ticket(World(), (30 * HOUR, "solved"), team="first", priority="urgent", category="bug")
    world.add("ticket.reprioritised", HOUR, ticket_id="t", priority="low")
    world.add("ticket.assigned", 4 * HOUR, ticket_id="t", team="second")
    world.add("ticket.assigned", 5 * HOUR, ticket_id="t", team="third")
    ticket(world, (HOUR, "solved"), (2 * HOUR, "reopened"), name="met", team="first")
    assert world.fractions("sla_attainment", "team") == {"first": (1, 1), "second": (0, 1)}
    assert world.fractions("sla_attainment", "priority") == {"unknown": (1, 1), "urgent": (0, 1)}


def test_what_each_priority_allows_is_the_deployments() -> None:
    """Given in milliseconds."""
    world = ticket(World(), (10, "solved"), priority="vip")
    oracle = Oracle(Reader(), sla_ms={"vip": 9_999, None: 1})
    oracle.load(world.records)
    assert oracle.answer([Ask("sla_attainment", "all", 0, END)], END)[0].numerator == 0


def first_contact(*steps: Step, again: tuple[float, dict[str, str]] | None = None, **created: str) -> Fraction:
    """Of one ticket, and maybe another one of the party."""
    world = ticket(World(), *steps, **created)
    if again:
        ticket(world, at=again[0], name="again", **again[1])
    return world.fraction("first_contact_resolution_rate", 0, 100)


@pytest.mark.parametrize(
    ("steps", "held"),
    [
        ([(10, "agent"), (20, "solved")], 1),
        ([(20, "solved")], 0),
        ([(10, "agent"), (15, "agent"), (20, "solved")], 0),
        ([(5, "note"), (6, "bot"), (7, "customer"), (10, "agent"), (20, "solved"), (25, "agent")], 1),
        ([(20, "agent"), (20, "solved")], 1),
        ([(10, "note"), (20, "solved")], 0),
        ([(10, "agent"), (20, "solved"), (20 + 7 * DAY, "reopened")], 0),
        ([(10, "agent"), (20, "solved"), (20.001 + 7 * DAY, "reopened")], 1),
    ],
)
def test_one_public_message_of_an_agent_and_no_reopening(steps: list[Step], held: int) -> None:
    """Exactly one until the first solve; seven days are within."""
    assert first_contact(*steps) == (held, 1)


@pytest.mark.parametrize(
    ("again", "held"),
    [
        ((30, {"category": "bug"}), 0),
        ((20, {"category": "bug"}), 1),
        ((20.001, {"category": "bug"}), 0),
        ((20 + 7 * DAY, {"category": "bug"}), 0),
        ((20.001 + 7 * DAY, {"category": "bug"}), 1),
        ((30, {"category": "bill"}), 1),
        ((30, {}), 1),
        ((30, {"category": "bug", "created_by": "agent"}), 1),
        ((30, {"category": "bug", "party": "bob"}), 1),
    ],
)
def test_the_same_matter_again(again: tuple[float, dict[str, str]], held: int) -> None:
    """Another ticket of the party that counts as opened, later than the first solve, of the same category."""
    assert first_contact((10, "agent"), (20, "solved"), again=again, category="bug") == (held, 1)


def test_no_category_is_the_same_as_none() -> None:
    """Not even as one that is named unknown."""
    assert first_contact((10, "agent"), (20, "solved"), again=(30, {})) == (1, 1)
    assert first_contact((10, "agent"), (20, "solved"), again=(30, {"category": "unknown"})) == (1, 1)


def test_the_matter_is_that_of_the_first_solve_and_of_the_creation_of_the_other() -> None:
    """What either is recategorised to later does not count."""
    world = ticket(World(), (10, "agent"), (20, "solved"), category="bill")
    world.add("ticket.recategorised", 15, ticket_id="t", category="bug")
    world.add("ticket.recategorised", 25, ticket_id="t", category="late")
    ticket(world, at=30, name="again", category="bug")
    world.add("ticket.recategorised", 35, ticket_id="again", category="other")
    assert world.fractions("first_contact_resolution_rate", "category") == {"bug": (0, 1)}


def test_a_failure_within_the_horizon_counts_although_another_lies_beyond_it() -> None:
    """The earliest one counts."""
    world = ticket(World(), (10, "agent"), (20, "solved"), (20 + 9 * DAY, "reopened"), category="bug")
    ticket(world, at=25, name="again", category="bug")
    ticket(world, at=26, name="and again", category="bug")
    assert world.fraction("first_contact_resolution_rate", 20, 21) == (0, 1)


def test_throughput_counts_each_part_at_its_own_time() -> None:
    """It may exceed one, and has no value without an opened ticket."""
    world = ticket(World(), (50, "solved"))
    ticket(world, (51, "solved"), name="u", at=45)
    assert world.fraction("ticket_throughput_ratio", 40, 60) == (2, 1)
    assert world.value("ticket_throughput_ratio", 50, 60) is None


def test_in_the_scope_of_the_party_a_name_is_taken_once() -> None:
    """The second message of that name answers its ticket, but is no contact of the party's; nor is there its ticket."""
    world = World()
    for name in ("t", "u", "v"):
        world.add("ticket.created", 1, ticket_id=name, event="y" if name == "v" else name, category=name)
        world.add("ticket.message", 2, ticket_id=name, author="agent", event=name * 2 if name == "v" else "x")
        world.add("ticket.status_changed", 3, ticket_id=name, status="solved")
    world.add("ticket.created", 9, ticket_id="again", event="y", category="t")
    assert world.whole("first_response_time").samples == 3
    assert world.value("tickets_opened") == 4
    assert world.fractions("first_contact_resolution_rate", "category") == {"t": (1, 1), "u": (0, 1), "v": (1, 1)}
