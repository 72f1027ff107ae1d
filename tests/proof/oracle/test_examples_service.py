"""The worked examples of the definitions: tickets, surveys, complaints, interactions."""

import pytest

from tests.proof.oracle.world import World, day

START, END = day(0), day(30)
CREATED, STATUS, MESSAGE = "ticket.created", "ticket.status_changed", "ticket.message"


def ticket(world: World, name: str, *steps: tuple[float, str], party: str = "A", **created: str) -> World:
    """A ticket; a step is a day and: created, agent (a message), reopened, deleted, or a status."""
    for at, what in steps:
        if what == "created":
            world.add(CREATED, day(at), ticket_id=name, party=party, **created)
        elif what == "agent":
            world.add(MESSAGE, day(at), ticket_id=name, party=party, author="agent")
        elif what in ("reopened", "deleted"):
            world.add(f"ticket.{what}", day(at), ticket_id=name, party=party)
        else:
            world.add(STATUS, day(at), ticket_id=name, party=party, status=what)
    return world


def two_customers() -> World:
    """A since @0, B since @15: 45 days in the window, 1.5 customers on average."""
    world = World()
    world.add("customer.created", day(0), party="A")
    world.add("customer.created", day(15), party="B")
    return world


@pytest.mark.parametrize("kpi", ["tickets_opened", "support_contacts"])
def test_tickets_opened(kpi: str) -> None:
    """Not an agent's, not a merged one; in the category that it has now."""
    world = World()
    ticket(world, "t1", (1, "created"), category="bug")
    ticket(world, "t2", (2, "created"), created_by="agent")
    ticket(world, "t3", (3, "created"))
    world.add("ticket.merged", day(4), party="A", ticket_id="t3", into="t1")
    world.add("ticket.recategorised", day(5), party="A", ticket_id="t1", category="invoice")
    assert world.value(kpi, START, END, at=END) == 1
    assert world.groups(kpi, "category", START, END, at=END) == {"invoice": 1}


def test_tickets_resolved() -> None:
    """Once, at the first solve."""
    world = ticket(World(), "t1", (1, "created"), (2, "solved"), (3, "reopened"), (4, "solved"))
    ticket(world, "t2", (5, "created"), (6, "deleted"))
    assert world.value("tickets_resolved", START, END, at=END) == 1
    assert world.value("tickets_resolved", day(2), day(3), at=END) == 1


def test_resolutions() -> None:
    """Every solve, with what runs just after it."""
    world = ticket(World(), "t1", (1, "created"), (2, "solved"), (3, "reopened"), (4, "solved"), category="bug")
    ticket(world, "t2", (4.5, "created"), (5, "solved"), created_by="agent")
    assert world.value("resolutions", START, END, at=END) == 3
    assert world.value("tickets_resolved", day(2), day(4), at=END) == 1
    world.add("ticket.recategorised", day(3), party="A", ticket_id="t1", category="invoice")
    ticket(world, "t3", (6, "created"), (7, "solved"), (8, "deleted"))
    groups = world.groups("resolutions", "category", START, END, at=END)
    assert groups == {"bug": 1, "invoice": 1, "unknown": 1}


def test_ticket_throughput_ratio() -> None:
    """Both parts of opened tickets only."""
    world = ticket(World(), "t1", (1, "created"), (3, "solved"))
    ticket(world, "t2", (2, "created"))
    ticket(world, "t3", (4, "created"), (5, "solved"), created_by="agent")
    assert world.fraction("ticket_throughput_ratio", START, END, at=END) == (1, 2)


def test_ticket_category_share() -> None:
    """Of all tickets; the whole is 1."""
    world = World()
    for name, category in (("t1", "bug"), ("t2", "bug"), ("t3", "invoice")):
        ticket(world, name, (1, "created"), category=category)
    ticket(world, "t4", (1, "created"))
    answers = world.answers("ticket_category_share", START, END, at=END)
    parts = {answer.group: (answer.numerator, answer.denominator, answer.samples) for answer in answers}
    assert parts == {"": (4, 4, 4), "bug": (2, 4, 4), "invoice": (1, 4, 4), "unknown": (1, 4, 4)}


def test_ticket_contact_rate() -> None:
    """Tickets times the window's length, over the time that customers spent in it."""
    world = two_customers()
    for name in ("t1", "t2", "t3"):
        ticket(world, name, (1, "created"), channel="mail" if name == "t1" else "chat")
    whole = world.whole("ticket_contact_rate", START, END, at=END)
    day_ms = 86_400_000
    assert (whole.numerator, whole.denominator, whole.value) == (3 * 30 * day_ms, 45 * day_ms, 2)
    assert whole.samples == 3
    groups = world.groups("ticket_contact_rate", "channel", START, END, at=END)
    assert groups == {"mail": pytest.approx(2 / 3), "chat": pytest.approx(4 / 3)}


def test_open_ticket_age() -> None:
    """From the creation, also after a reopening."""
    world = ticket(World(), "t1", (10, "created"))
    ticket(world, "t2", (20, "created"), (21, "solved"), (25, "reopened"))
    ticket(world, "t3", (28, "created"), (29, "solved"))
    answer = world.whole("open_ticket_age", END, END, at=END, window="now")
    assert (answer.samples, answer.value, answer.total) == (2, day(10) - day(0), 30 * 86_400_000)


def test_reopen_rate() -> None:
    """Within 7 days."""
    world = ticket(World(), "t1", (0.5, "created"), (1, "solved"), (2, "reopened"))
    ticket(world, "t2", (0.5, "created"), (3, "solved"), (20, "reopened"))
    ticket(world, "t3", (0.5, "created"), (5, "solved"))
    assert world.fraction("reopen_rate", START, END, at=day(37)) == (1, 3)


def test_resolution_time_full() -> None:
    """Without the time solved in between; a reopening takes it back."""
    world = ticket(World(), "t1", (1, "created"), (2, "solved"), (4, "reopened"), (7, "solved"))
    assert world.value("resolution_time_full", day(7), day(8), at=END) == day(4) - day(0)
    assert world.whole("resolution_time_full", START, day(5), at=day(5)).samples == 0


def test_requester_wait_time() -> None:
    """Without the time pending."""
    world = ticket(World(), "t1", (1, "created"), (2, "pending"), (5, "open"), (6, "solved"))
    assert world.value("requester_wait_time", START, END, at=END) == day(2) - day(0)


def test_first_contact_resolution_rate() -> None:
    """Two messages, a reopening, and the same matter again speak against it."""
    world = ticket(World(), "t1", (0.1, "created"), (0.5, "agent"), (1, "solved"), party="B")
    ticket(world, "t2", (0.1, "created"), (0.5, "agent"), (0.6, "agent"), (2, "solved"), party="C")
    ticket(world, "t3", (0.1, "created"), (0.5, "agent"), (5, "solved"), (6, "reopened"), party="D")
    ticket(world, "t4", (0.1, "created"), (0.5, "agent"), (8, "solved"), category="bug")
    ticket(world, "t5", (10, "created"), category="bug")
    assert world.fraction("first_contact_resolution_rate", START, END, at=day(37)) == (1, 4)


def test_sla_attainment() -> None:
    """Met at the solve, breached at the deadline."""
    world = ticket(World(), "t1", (1, "created"), (1.5, "solved"), priority="normal")
    ticket(world, "t2", (2, "created"), (4, "solved"), priority="normal")
    ticket(world, "t3", (10, "created"), priority="high")
    ticket(world, "t4", (29.5, "created"), priority="normal")
    assert world.fraction("sla_attainment", START, END, at=END) == (1, 3)
    assert world.fraction("sla_attainment", day(3), day(3) + 1, at=END) == (0, 1)
    assert world.fraction("sla_attainment", day(10) + 8 * 3600, day(11), at=END) == (0, 1)
    assert world.fraction("sla_attainment", START, day(31), at=day(31)) == (1, 4)


def test_dissatisfaction_ratio() -> None:
    """The bottom two of five points."""
    world = World()
    for score in (1, 2, 3, 5):
        world.add("survey.answered", day(1), survey_id=f"s{score}", kind="csat", score=score)
    assert world.fraction("dissatisfaction_ratio", START, END, at=END) == (2, 4)


def complaints(world: World) -> World:
    """c1 twice, c2; c1 upheld."""
    for at, name in ((1, "c1"), (2, "c1"), (3, "c2")):
        world.add("complaint.received", day(at), party="A", complaint_id=name)
    world.add("complaint.closed", day(9), party="A", complaint_id="c1", upheld=True)
    return world


def test_complaints_received() -> None:
    """Each once."""
    world = complaints(World())
    assert world.value("complaints_received", START, END, at=END) == 2
    assert world.groups("complaints_received", "upheld", START, END, at=END) == {"yes": 1, "unknown": 1}


def test_complaint_rate() -> None:
    """Per 1,000 customers."""
    world = complaints(two_customers())
    answer = world.whole("complaint_rate", START, END, at=END)
    assert (answer.value, answer.samples) == (pytest.approx(1333.333333), 2)
    assert world.groups("complaint_rate", "upheld", START, END, at=END)["yes"] == pytest.approx(666.666667)


def test_interaction_frequency() -> None:
    """Per customer, split by direction."""
    world = two_customers()
    for direction in ("in", "in", "out"):
        world.add("interaction.logged", day(2), party="A", direction=direction)
    assert world.value("interaction_frequency", START, END, at=END) == 2
    groups = world.groups("interaction_frequency", "direction", START, END, at=END)
    assert groups == {"in": pytest.approx(4 / 3), "out": pytest.approx(2 / 3)}


def test_nps_transactional() -> None:
    """About tickets alone."""
    world = World()
    for score, about in ((10, {"ticket_id": "t1"}), (3, {"ticket_id": "t2"}), (9, {})):
        world.add("survey.answered", day(1), survey_id=f"s{score}", kind="nps", score=score, **about)
    assert world.fraction("nps_transactional", START, END, at=END) == (0, 2)


def test_nps_respondent() -> None:
    """The last answer of each party."""
    world = World()
    answers = (("A", 1, 10), ("A", 9, 3), ("B", 5, 9), ("C", 6, 8))
    for party, at, score in answers:
        world.add("survey.answered", day(at), party=party, survey_id=f"s{at}", kind="nps", score=score)
    assert world.fraction("nps_respondent", START, END, at=END) == (0, 3)
    assert world.fraction("nps", START, END, at=END) == (1, 4)


def test_nps_account() -> None:
    """The mean of each account."""
    world = World()
    for account, at, score in (("x", 1, 10), ("x", 3, 8), ("y", 2, 6), ("y", 4, 7)):
        world.add("survey.answered", day(at), survey_id=f"s{at}", kind="nps", score=score, account_id=account)
    assert world.fraction("nps_account", START, END, at=END) == (1, 2)


def test_rep_activity() -> None:
    """Out, and not automated."""
    world = World()
    for direction, automated in (("out", False), ("out", False), ("out", True), ("in", False)):
        world.add("interaction.logged", day(1), direction=direction, automated=automated, owner_id="rep-01")
    assert world.groups("rep_activity", "owner", START, END, at=END) == {"rep-01": 2}
