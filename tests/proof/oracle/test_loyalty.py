"""Who joins, how long they stay, who lapses and comes back; and what is measured per mean active customer."""

import pytest

from tests.proof.oracle.world import END, World, iso

IN, BACK, OUT, GONE = "customer.created", "customer.reactivated", "customer.churned", "customer.merged"
Step = tuple[float, str] | tuple[float, str, float]


def customer(*steps: Step, world: World | None = None, party: str = "ada", **created: object) -> World:
    """A step is a time, a kind, and for a churn, if it is not its own time, when it takes effect."""
    world = world or World()
    for at, kind, *effective in steps:
        data: dict[str, object] = {"effective_at": iso(effective[0])} if effective else {}
        if kind == IN:
            data |= created
        world.add(kind, at, party=party, **data, **({"into": "x"} if kind == GONE else {}))
    return world


@pytest.mark.parametrize(
    ("steps", "joined"),
    [
        ([(10, IN)], 10),
        ([(10, BACK)], None),
        ([(10, BACK), (20, OUT), (30, IN)], None),
        ([(10, IN), (20, IN)], 10),
        ([(10, IN), (20, OUT), (30, IN)], 10),
        ([(5, OUT), (10, IN)], 10),
        ([(10, IN), (20, GONE)], None),
        ([(5, GONE), (10, IN)], None),
        ([(10, IN), (20, OUT), (30, GONE)], None),
    ],
)
def test_a_new_customer_is_one_whose_first_spell_a_creation_opens(steps: list[Step], joined: float | None) -> None:
    """Who was ever merged into another is none."""
    world = customer(*steps)
    assert world.value("new_customers") == (0 if joined is None else 1)
    if joined is not None:
        assert world.value("new_customers", joined, joined + 1) == 1


def test_new_customers_by_what_the_creation_says() -> None:
    """Not by what is said later; an empty referrer is none."""
    world = customer((10, IN), campaign_id="c", channel="web", segment="smb", referred_by="bob")
    world.add("customer.updated", 10, segment="big")
    customer((10, IN), world=world, party="cyd", referred_by="")
    dims = ("campaign", "channel", "segment", "referred")
    assert {by: world.groups("new_customers", by) for by in dims} == {
        "campaign": {"c": 1, "unknown": 1},
        "channel": {"web": 1, "unknown": 1},
        "segment": {"smb": 1, "unknown": 1},
        "referred": {"yes": 1, "no": 1},
    }


def test_tenure_is_that_of_the_spell_that_ended() -> None:
    """At the leave; a merge is none; a churn that was taken back is none."""
    world = customer((10, IN), (20, OUT, 25), (30, BACK), (70, OUT), (80, IN), (90, GONE), plan="s")
    customer((10, IN), (20, OUT, 50), (30, BACK), world=world, party="bob")
    answer = world.whole("customer_tenure_at_churn")
    assert (answer.samples, answer.total) == (2, 55_000)
    assert world.groups("customer_tenure_at_churn", "plan", 70, 71) == {"s": 40}


@pytest.mark.parametrize(
    ("steps", "lapsed", "returned"),
    [
        ([(10, IN), (20, OUT)], 1, 0),
        ([(10, IN), (20, OUT), (60, BACK)], 1, 1),
        ([(10, IN), (20, OUT), (30, BACK)], 0, 0),
        ([(10, IN), (60, OUT), (70, IN)], 0, 1),
        ([(10, IN), (20, OUT), (60, BACK), (70, OUT), (80, BACK)], 1, 2),
        # Not before it takes effect; back before that, it never was.
        ([(10, IN), (20, OUT, 60), (70, BACK)], 0, 1),
        ([(10, IN), (20, OUT, 60), (55, BACK)], 0, 0),
        ([(10, IN), (20, OUT, 60), (60, BACK)], 0, 1),
        ([(10, IN), (60, OUT, 15), (70, BACK)], 1, 1),
        # A merge ends the lapse, not before the leave; nobody returns from it.
        ([(10, IN), (20, OUT), (40, GONE)], 0, 0),
        ([(10, IN), (20, OUT), (60, GONE)], 1, 0),
        ([(10, IN), (20, OUT), (60, GONE), (70, BACK)], 1, 0),
        ([(10, IN), (20, OUT, 45), (30, GONE)], 0, 0),
        ([(10, IN), (20, OUT, 60), (30, GONE), (70, BACK)], 0, 0),
        ([(10, IN), (20, OUT), (60, BACK), (70, GONE)], 1, 1),
        ([(10, IN), (20, GONE), (60, BACK)], 0, 0),
        ([(20, OUT), (60, BACK)], 0, 0),
        # Merged, and then back before the churn took effect: it is taken back.
        ([(10, IN), (20, OUT, 60), (30, GONE), (55, BACK)], 0, 0),
    ],
)
def test_lapsed_at_50_and_returned_by_100(steps: list[Step], lapsed: int, returned: int) -> None:
    """From a leave to the next spell."""
    world = customer(*steps)
    assert world.fraction("reactivation_rate", 50, 100, at=100) == (returned, lapsed)


def test_returns_have_the_dimensions_of_the_leave() -> None:
    """Not those of the new spell."""
    world = customer((10, IN), (20, OUT), plan="s", channel="web")
    world.add(BACK, 60, plan="l")
    assert world.fractions("reactivation_rate", "plan", 50, 100) == {"s": (1, 1)}
    assert world.fractions("reactivation_rate", "channel", 50, 100) == {"web": (1, 1)}


@pytest.mark.parametrize(
    ("steps", "seconds"),
    [
        ([(10, IN)], 50),
        ([(50, IN)], 50),
        ([(60, IN)], 40),
        ([(99, IN)], 1),
        ([(10, IN), (70, OUT)], 20),
        ([(10, IN), (50, OUT)], 0),
        ([(60, IN), (70, GONE)], 10),
        ([(60, IN), (70, OUT), (80, BACK), (85, OUT)], 15),
        ([(10, IN), (20, OUT, 150)], 50),
        ([(10, IN), (20, OUT, 90)], 40),
        ([(10, IN), (95, OUT, 55)], 5),
        ([(10, IN), (60, OUT, 90), (70, BACK)], 50),
    ],
)
def test_the_time_that_customers_spend_in_the_window(steps: list[Step], seconds: int) -> None:
    """In [50, 100): from the later of start and 50 to the earlier of end and 100."""
    world = customer(*steps)
    assert world.whole("customer_lifetime", 50, 100, at=100).numerator == seconds * 1000
    world.add("interaction.logged", 60, direction="in")
    parts = world.fraction("interaction_frequency", 50, 100, at=100)
    assert parts == (50_000, seconds * 1000)
    value = world.value("interaction_frequency", 50, 100, at=100)
    assert value == (50 / seconds if seconds else None)


def test_the_time_by_running_dimensions() -> None:
    """A change splits the spell; all together it stays whole; the leave counts where it happens."""
    world = customer((10, IN), plan="s", channel="web")
    world.add("customer.plan_changed", 60, plan="l")
    world.add(OUT, 90)
    assert world.fractions("customer_lifetime", "plan", 50, 100) == {"s": (10_000, 0), "l": (30_000, 1)}
    assert world.fractions("customer_lifetime", "channel", 50, 100) == {"web": (40_000, 1)}
    assert world.value("customer_lifetime", 50, 90) is None


def test_a_rate_per_active_customer_has_the_same_denominator_in_every_group() -> None:
    """Also where nothing else is in the group; samples are what is counted."""
    world = customer((0, IN))
    for at, category in ((10, "a"), (20, "a"), (30, "b")):
        world.add("complaint.received", at, complaint_id=f"c{at}", category=category)
    answers = {a.group: a for a in world.answers("complaint_rate", 0, 100, at=100) if a.by in ("", "category")}
    assert {group: (a.numerator, a.denominator, a.samples) for group, a in answers.items()} == {
        "": (3000 * 100_000, 100_000, 3),
        "a": (2000 * 100_000, 100_000, 2),
        "b": (1000 * 100_000, 100_000, 1),
    }
    assert world.groups("complaint_rate", "category", 0, 100, at=100) == {"a": 2000, "b": 1000}


def test_without_customers_there_is_no_rate() -> None:
    """But samples."""
    world = World()
    world.add("ticket.created", 10, ticket_id="t")
    answer = world.whole("ticket_contact_rate", 0, 100, at=100)
    assert (answer.value, answer.samples, answer.denominator) == (None, 1, 0)


def test_since_ever_the_time_begins_with_the_first_customer() -> None:
    """The window all begins in 1970, when nobody was one."""
    world = customer((100, IN), (200, OUT))
    customer((300, IN), world=world, party="bob")
    assert world.fraction("customer_lifetime", 0, 400, at=400) == (200_000, 1)
    assert world.value("customer_lifetime", 0, END) is not None
