"""Tickets: the first response and its clock, the first resolution, what is unanswered and open."""

import pytest

from stream_kpis.events.envelope import Reader
from stream_kpis.proof.oracle import Ask, Oracle
from tests.proof.oracle.world import World

Step = tuple[float, str]


def ticket(world: World, *steps: Step, name: str = "t", **created: str) -> World:
    """A ticket created at 100 s; a step is a time and: customer, agent, bot, note (agents' own), a status, reopened."""
    world.add("ticket.created", 100, ticket_id=name, **created)
    for at, what in steps:
        if what in ("customer", "agent", "bot"):
            world.add("ticket.message", at, ticket_id=name, author=what)
        elif what == "note":
            world.add("ticket.message", at, ticket_id=name, author="agent", public=False)
        elif what == "reopened":
            world.add("ticket.reopened", at, ticket_id=name)
        else:
            world.add("ticket.status_changed", at, ticket_id=name, status=what)
    return world


@pytest.mark.parametrize(
    ("created_by", "steps", "wait_s"),
    [
        ("customer", [(130, "agent")], 30),
        ("customer", [(110, "customer"), (120, "bot"), (125, "note"), (130, "agent"), (140, "agent")], 30),
        ("bot", [(130, "agent")], 30),
        ("customer", [(90, "agent")], None),
        ("customer", [], None),
        ("agent", [(130, "agent")], None),
        ("agent", [(110, "agent"), (120, "customer"), (130, "customer"), (150, "agent")], 30),
        ("customer", [(110, "solved"), (130, "agent")], 30),
        ("customer", [(110, "solved"), (120, "reopened"), (150, "agent")], 30),
        ("customer", [(110, "closed"), (120, "pending"), (150, "agent")], 30),
        ("customer", [(110, "solved"), (120, "open"), (130, "solved"), (140, "on_hold"), (150, "agent")], 10),
        ("customer", [(110, "reopened"), (130, "agent")], 30),
        ("customer", [(110, "open"), (130, "agent")], 30),
        ("customer", [(110, "agent"), (120, "solved"), (130, "reopened"), (150, "agent")], 10),
        ("agent", [(110, "solved"), (120, "reopened"), (130, "agent"), (140, "customer"), (145, "agent")], 5),
        ("agent", [(110, "solved"), (120, "customer"), (130, "reopened"), (150, "agent")], 20),
    ],
)
def test_the_first_response_and_its_clock(created_by: str, steps: list[Step], wait_s: float | None) -> None:
    """The wait from the clock's start to the first public message of an agent while the clock runs."""
    world = ticket(World(), *steps, created_by=created_by)
    answer = world.whole("first_response_time")
    assert (answer.samples, answer.value) == ((0, None) if wait_s is None else (1, wait_s))


def test_a_message_of_the_creations_millisecond_follows_it_and_a_status_follows_the_message() -> None:
    """By rank: created, changed, terminal."""
    world = World()
    world.add("ticket.status_changed", 100, ticket_id="t", status="solved", event="a")
    world.add("ticket.message", 100, ticket_id="t", author="agent", event="b")
    world.add("ticket.created", 100, ticket_id="t", event="c")
    assert world.value("first_response_time") == 0
    assert world.value("resolution_time_first") == 0


def test_the_response_counts_at_its_time_with_the_running_dimensions_just_after_it() -> None:
    """The answering agent's own team and name; later changes do not count; the channel is the creation's."""
    world = World()
    world.add("ticket.created", 100, ticket_id="t", channel="mail", priority="low", team="first", agent_id="ann")
    world.add("ticket.reprioritised", 110, ticket_id="t", priority="high")
    world.add("ticket.message", 115, ticket_id="t", author="customer", agent_id="not staff", team="not staff")
    world.add("ticket.message", 120, ticket_id="t", author="agent", agent_id="bob")
    world.add("ticket.assigned", 130, ticket_id="t", agent_id="cyd", team="second")
    dims = ("channel", "priority", "team", "agent")
    groups = {by: world.groups("first_response_time", by, 120, 121) for by in dims}
    assert groups == {"channel": {"mail": 20}, "priority": {"high": 20}, "team": {"first": 20}, "agent": {"bob": 20}}
    assert world.whole("first_response_time", 100, 120).samples == 0


@pytest.mark.parametrize(
    ("steps", "duration_s", "is_open"),
    [
        ([], None, True),
        ([(110, "solved")], 10, False),
        ([(110, "closed"), (120, "solved")], 10, False),
        ([(110, "solved"), (120, "reopened")], 10, True),
        ([(110, "solved"), (120, "open"), (130, "closed")], 10, False),
        ([(110, "pending"), (120, "reopened")], None, True),
        ([(90, "solved")], None, True),
    ],
)
def test_the_first_resolution_is_final_and_open_is_what_is_not_solved(
    steps: list[Step], duration_s: float | None, is_open: bool
) -> None:
    """A reopening takes no resolution back; what comes before the creation is ignored."""
    world = ticket(World(), *steps)
    answer = world.whole("resolution_time_first")
    assert (answer.samples, answer.value) == ((0, None) if duration_s is None else (1, duration_s))
    assert world.whole("tickets_open", window="now").numerator == is_open


def test_a_resolution_has_the_running_dimensions_just_after_it() -> None:
    """Among them the agent and team that the status change gives."""
    world = World()
    world.add("ticket.created", 100, ticket_id="t", category="bill", priority="low", team="first")
    world.add("ticket.recategorised", 105, ticket_id="t", category="bug")
    world.add("ticket.status_changed", 110, ticket_id="t", status="solved", agent_id="bob", team="second")
    world.add("ticket.recategorised", 120, ticket_id="t", category="late")
    dims = ("category", "priority", "team", "agent")
    groups = {by: world.groups("resolution_time_first", by, 110, 111) for by in dims}
    assert groups == {"category": {"bug": 10}, "priority": {"low": 10}, "team": {"second": 10}, "agent": {"bob": 10}}


@pytest.mark.parametrize("kind", ["ticket.merged", "ticket.deleted"])
def test_a_merged_or_deleted_ticket_vanishes(kind: str) -> None:
    """With its response, its resolution and its place among the open ones, whenever it happened."""
    world = ticket(World(), (110, "agent"), (120, "solved"), (130, "open"))
    world.add(kind, 1, ticket_id="t", **({"into": "u"} if kind == "ticket.merged" else {}))
    kpis = ("first_response_time", "resolution_time_first", "tickets_open", "unanswered_over_target")
    assert [world.whole(kpi, window="now").samples for kpi in kpis] == [0, 0, 0, 0]


def test_open_tickets_by_what_they_are_now() -> None:
    """The level has the latest values; a second creation sets none."""
    world = World()
    world.add("ticket.created", 100, ticket_id="t", category="bill", priority="low", team="first", agent_id="ann")
    world.add("ticket.created", 105, ticket_id="t", category="second")
    world.add("ticket.assigned", 110, ticket_id="t", team="second")
    world.add("ticket.created", 100, ticket_id="u")
    assert world.groups("tickets_open", "team", window="now") == {"second": 1, "unknown": 1}
    assert world.groups("tickets_open", "category", window="now") == {"bill": 1, "unknown": 1}
    assert world.groups("tickets_open", "agent", window="now", at=110) == {"ann": 1, "unknown": 1}
    assert world.groups("tickets_open", "team", window="now", at=110) == {"first": 1, "unknown": 1}


@pytest.mark.parametrize("kpi", ["tickets_open", "unanswered_over_target"])
def test_before_the_first_ticket_nothing_stands(kpi: str) -> None:
    """None is open only since there was one; one that was deleted never was."""
    world = World()
    world.add("order.placed", 1, order_id="o", amount=1)
    assert world.value(kpi) is None
    world.add("ticket.created", 100, ticket_id="gone")
    world.add("ticket.deleted", 101, ticket_id="gone")
    assert world.value(kpi) is None
    ticket(world, (110, "agent"), (120, "solved"))
    assert [world.value(kpi, at=at) for at in (100, 200)] == [None, 0]
    assert [world.value(kpi, end=end) for end in (100, 200)] == [None, 0]


def test_unanswered_over_target_are_those_that_began_more_than_the_target_ago() -> None:
    """Exactly the target is not over it; solved and answered ones and clocks not started are no part of the set."""
    world = World()
    ticket(world, name="waits", priority="low")
    ticket(world, (101, "agent"), name="answered")
    ticket(world, (101, "solved"), name="solved")
    ticket(world, name="by agent", created_by="agent")
    ticket(world, (110, "solved"), (150, "reopened"), name="anew", priority="high")
    counts = {}
    for at in (220, 220.001, 270, 270.001):
        answer = world.whole("unanswered_over_target", window="now", at=at)
        counts[at] = (answer.numerator, answer.samples)
    assert counts == {220: (0, 2), 220.001: (1, 2), 270: (1, 2), 270.001: (2, 2)}
    assert world.groups("unanswered_over_target", "priority", window="now", at=230) == {"low": 1}


def test_the_target_is_the_deployments() -> None:
    """Given in milliseconds."""
    world = ticket(World())
    oracle = Oracle(Reader(), targets_ms={"first_response": 5_000})
    oracle.load(world.records)
    counted = [oracle.answer([Ask("unanswered_over_target", "now", 0, at)], at)[0].value for at in (105_000, 105_001)]
    assert counted == [0, 1]


def test_the_live_quantile_sees_what_still_waits() -> None:
    """The 0.9-quantile over the responses of the window and the ages of all unanswered, old ones too."""
    world = World()
    ticket(world, (130, "agent"), name="in the window", team="a")
    ticket(world, (105, "agent"), name="before it", team="a")
    ticket(world, name="waits", team="b")
    answer = world.whole("first_response_time_live", 120, 200, at=200)
    assert (answer.samples, answer.value, answer.total) == (2, 100, 130_000)
    assert world.groups("first_response_time_live", "team", 120, 200, at=200) == {"a": 30, "b": 100}
    assert world.whole("first_response_time_live", 199, 200, at=200).samples == 1
