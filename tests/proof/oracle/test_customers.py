"""Customers: spells, leaves, the level of active customers and its groups."""

from collections.abc import Iterable

import pytest

from stream_kpis.proof.oracle import Ask
from tests.proof.oracle.world import END, World, iso

IN, BACK, OUT, GONE = "customer.created", "customer.reactivated", "customer.churned", "customer.merged"
Step = tuple[float, str] | tuple[float, str, float]


def customer(*steps: Step, world: World | None = None, party: str = "ada") -> World:
    """A step is a time, a kind, and for a churn, if it is not its own time, when it takes effect."""
    world = world or World()
    for at, kind, *effective in steps:
        data = {"effective_at": iso(effective[0])} if effective else {}
        world.add(kind, at, party=party, **data, **({"into": "x"} if kind == GONE else {}))
    return world


def levels_of(world: World, instants: Iterable[float]) -> dict[float, int | None]:
    """Active customers at some instants, all events known."""
    asks = [Ask("active_customers", "now", 0, round(at * 1000)) for at in instants]
    answers = [answer for answer in world.oracle.answer(asks, END * 1000) if answer.by == ""]
    return {at: answer.numerator for at, answer in zip(instants, answers, strict=True)}


@pytest.mark.parametrize(
    ("steps", "levels", "leaves"),
    [
        # One spell, begun before 10, over at 20.
        ([(10, IN), (20, OUT)], {10: 0, 11: 1, 20: 1, 21: 0}, [20]),
        ([(10, BACK), (20, OUT)], {11: 1, 21: 0}, [20]),
        ([(10, IN), (15, IN), (16, BACK), (20, OUT)], {11: 1, 17: 1, 21: 0}, [20]),
        # A churn without a spell, and one after another.
        ([(5, OUT), (10, IN)], {6: 0, 11: 1}, []),
        ([(10, IN), (20, OUT), (30, OUT)], {21: 0, 31: 0}, [20]),
        # Effective later, earlier, and before the spell began.
        ([(10, IN), (20, OUT, 40)], {21: 1, 40: 1, 41: 0}, [40]),
        ([(10, IN), (20, OUT, 15)], {15: 1, 16: 0}, [15]),
        ([(10, IN), (20, OUT, 1)], {11: 0, 21: 0}, [10]),
        # Back before the churn takes effect: it is taken back. Back at that time or later: a new spell.
        ([(10, IN), (20, OUT, 40), (30, BACK)], {31: 1, 41: 1, 999: 1}, []),
        ([(10, IN), (20, OUT, 40), (40, BACK)], {40: 1, 41: 1}, [40]),
        ([(10, IN), (20, OUT), (30, IN)], {25: 0, 31: 1}, [20]),
        ([(10, IN), (20, OUT, 40), (30, BACK), (35, OUT, 50)], {41: 1, 51: 0}, [50]),
        ([(10, IN), (20, OUT), (30, BACK), (35, OUT)], {25: 0, 31: 1, 36: 0}, [20, 35]),
        # An announced end is taken back by a further churn, sooner or later than it; not at that time or after it.
        ([(10, IN), (20, OUT, 40), (25, OUT)], {25: 1, 26: 0, 41: 0}, [25]),
        ([(10, IN), (20, OUT, 40), (25, OUT, 50)], {41: 1, 50: 1, 51: 0}, [50]),
        ([(10, IN), (20, OUT, 40), (25, OUT, 15)], {15: 1, 16: 0}, [15]),
        ([(10, IN), (20, OUT, 40), (25, OUT, 50), (45, OUT, 46)], {46: 1, 47: 0}, [46]),
        ([(10, IN), (20, OUT, 40), (40, OUT, 50)], {40: 1, 41: 0}, [40]),
        ([(10, IN), (20, OUT), (25, OUT, 50), (30, OUT, 60)], {21: 0}, [20]),
        ([(10, IN), (20, OUT, 40), (25, OUT, 26), (30, BACK)], {27: 0, 31: 1, 999: 1}, [26]),
        ([(10, IN), (20, OUT, 40), (25, OUT, 50), (30, BACK)], {999: 1}, []),
        # A retroactive churn in a later spell does not reach before it.
        ([(10, IN), (20, OUT), (30, BACK), (35, OUT, 1)], {15: 1, 25: 0, 36: 0}, [20, 30]),
        # Merged away: no churn; a later opening is a new spell.
        ([(10, IN), (20, GONE)], {20: 1, 21: 0}, []),
        ([(10, IN), (20, GONE), (25, OUT, 99), (30, IN)], {25: 0, 31: 1}, []),
        # While the end is only announced too, but not once it came.
        ([(10, IN), (20, OUT, 40), (30, GONE)], {30: 1, 31: 0}, []),
        ([(10, IN), (20, OUT, 40), (30, GONE), (35, OUT), (36, IN)], {31: 0, 37: 1}, []),
        ([(10, IN), (20, OUT, 40), (40, GONE)], {40: 1, 41: 0}, [40]),
        # At one millisecond: created, churned, reactivated.
        ([(10, BACK), (10, OUT), (10, IN)], {11: 1}, [10]),
    ],
)
def test_spells(steps: list[Step], levels: dict[float, int], leaves: list[float]) -> None:
    """When a customer is active and when it leaves."""
    world = customer(*steps)
    assert levels_of(world, levels) == levels
    seconds = [Ask("churned_customers", "w", at * 1000, at * 1000 + 1) for at in range(60)]
    counts = [answer.samples for answer in world.oracle.answer(seconds, END * 1000) if answer.by == ""]
    assert [at for at, count in enumerate(counts) for _ in range(count)] == leaves
    assert world.whole("churned_customers").numerator == len(leaves)


def test_every_churn_is_an_event_even_if_it_changes_nothing() -> None:
    """At its own time, with its reason, the running plan, and whether it was wanted."""
    world = World()
    world.add(OUT, 10, reason="price", voluntary=True)
    world.add(IN, 20, plan="gold")
    world.add(OUT, 30, reason="price", effective_at=iso(500), voluntary=False)
    world.add(OUT, 31)
    assert world.groups("churn_events", "voluntary") == {"yes": 1, "no": 1, "unknown": 1}
    assert world.groups("churn_events", "reason") == {"price": 2, "unknown": 1}
    assert world.groups("churn_events", "plan") == {"gold": 2, "unknown": 1}
    assert world.value("churn_events", 30, 31) == 1


def test_a_change_moves_the_level_within_a_spell() -> None:
    """At the time of the change; what an event does not name stays."""
    world = World()
    world.add("customer.updated", 1, country="FR", segment="small")
    world.add(IN, 10, plan="gold", country="DE")
    world.add("customer.plan_changed", 20, plan="free")
    world.add("customer.updated", 30, segment="large")
    levels = {at: world.groups("active_customers", "plan", 0, at, window="now") for at in (10, 20, 21)}
    assert levels == {10: {}, 20: {"gold": 1}, 21: {"free": 1}}
    assert world.groups("active_customers", "segment", 0, 30, window="now") == {"small": 1}
    assert world.groups("active_customers", "segment", 0, 31, window="now") == {"large": 1}
    assert world.groups("active_customers", "country", 0, 31, window="now") == {"DE": 1}


def test_a_change_after_the_churn_waits_for_the_next_spell() -> None:
    """The leave counts with the plan at the churn; the new spell begins with the plan of then, the rest as it was."""
    world = World()
    world.add(IN, 10, plan="gold", segment="small", channel="web")
    world.add(OUT, 20, effective_at=iso(40))
    world.add("customer.plan_changed", 30, plan="free")
    assert world.groups("active_customers", "plan", 0, 35, window="now") == {"gold": 1}
    assert world.groups("churned_customers", "plan") == {"gold": 1}
    assert world.groups("churned_customers", "channel") == {"web": 1}
    world.add(IN, 50, country="DE")
    assert world.groups("active_customers", "plan", window="now") == {"free": 1}
    assert world.groups("active_customers", "segment", window="now") == {"small": 1}


def test_a_change_within_a_churn_that_is_taken_back_moves_the_level_at_its_own_time() -> None:
    """The spell went on, so the change was inside it."""
    world = World()
    world.add(IN, 10, plan="gold")
    world.add(OUT, 20, effective_at=iso(90))
    world.add("customer.plan_changed", 30, plan="free")
    world.add(BACK, 40)
    assert world.groups("active_customers", "plan", 0, 35, window="now") == {"free": 1}
    world.add(OUT, 50)
    assert world.groups("churned_customers", "plan") == {"free": 1}
    assert world.groups("active_customers", "plan", window="now") == {}


def test_a_reactivation_may_bring_another_plan() -> None:
    """Into a new spell."""
    world = World()
    world.add(IN, 10, plan="gold")
    world.add(OUT, 20)
    world.add(BACK, 30, plan="free")
    assert world.groups("active_customers", "plan", window="now") == {"free": 1}
    assert world.groups("churned_customers", "plan") == {"gold": 1}


def test_a_change_after_an_end_told_of_afterwards_moves_nothing() -> None:
    """The leave is from the group of then; the next spell begins with what runs."""
    world = World()
    world.add(IN, 10, plan="basic", segment="small")
    world.add("customer.plan_changed", 20, plan="plus")
    world.add("customer.plan_changed", 30, plan="pro")
    world.add("customer.updated", 31, segment="large")
    world.add(OUT, 50, effective_at=iso(20))
    levels = {at: world.groups("active_customers", "plan", 0, at, window="now") for at in (20, 21, 31, 51)}
    assert levels == {20: {"basic": 1}, 21: {}, 31: {}, 51: {}}
    assert world.groups("churned_customers", "plan", 20, 21) == {"plus": 1}
    assert world.groups("churned_customers", "segment") == {"small": 1}
    assert world.groups("churn_events", "plan") == {"pro": 1}
    world.add(BACK, 60)
    assert world.groups("active_customers", "plan", window="now") == {"pro": 1}
    assert world.groups("active_customers", "segment", window="now") == {"large": 1}


def test_a_leave_is_as_voluntary_as_the_churn_that_made_it() -> None:
    """Not as one that was taken back, nor as one that changed nothing."""
    world = World()
    world.add(IN, 10)
    world.add(OUT, 20, effective_at=iso(40), voluntary=True)
    world.add(OUT, 30, voluntary=False)
    world.add(OUT, 50, voluntary=True)
    assert world.groups("churned_customers", "voluntary") == {"no": 1}
    assert world.fraction("churn_rate_involuntary", 15, 100) == (1, 1)
    world.add(BACK, 60)
    world.add(OUT, 70)
    assert world.groups("churned_customers", "voluntary") == {"no": 1, "unknown": 1}
    assert world.fraction("churn_rate_involuntary", 65, 100) == (0, 1)


def churn_world() -> World:
    """Five customers: who stays, leaves, comes and leaves within, left before, is merged within."""
    world = World()
    for party, plan in (("stays", "gold"), ("leaves", "gold"), ("before", "gold"), ("merged", "free")):
        world.add(IN, 10, party=party, plan=plan, segment="small", channel="web")
    world.add(OUT, 50, party="before")
    world.add(OUT, 150, party="leaves")
    world.add(GONE, 150, party="merged", into="stays")
    world.add(IN, 100, party="within", plan="gold")
    world.add(OUT, 160, party="within")
    return world


def test_churn_is_of_those_active_at_the_windows_start() -> None:
    """Who came within the window is no part of it; a merge is no churn."""
    world = churn_world()
    assert world.fraction("churn_rate", 100, 200) == (1, 3)
    assert world.whole("churn_rate", 100, 200).samples == 3
    assert world.fractions("churn_rate", "plan", 100, 200) == {"gold": (1, 2), "free": (0, 1)}
    assert world.fractions("churn_rate", "channel", 100, 200) == {"web": (1, 3)}
    assert world.fraction("churn_rate", 100.001, 200) == (2, 4)
    assert world.value("churn_rate", 10, 200) is None
    assert world.value("churned_customers", 100, 200) == 2


def test_retention_is_the_rest() -> None:
    """Of those active at the start, who did not leave by churn."""
    world = churn_world()
    assert world.fraction("retention_rate", 100, 200) == (2, 3)
    assert world.fractions("retention_rate", "plan", 100, 200) == {"gold": (1, 2), "free": (1, 1)}
    assert world.fractions("retention_rate", "segment", 100, 200) == {"small": (2, 3)}
    assert world.value("retention_rate", 10, 200) is None


def test_before_the_first_spell_there_is_no_level() -> None:
    """A churn of who never came begins none; after the last one left it is 0."""
    world = World()
    world.add("customer.churned", 10)
    assert world.value("active_customers") is None
    world.add("customer.created", 20)
    world.add("customer.churned", 30)
    assert [world.value("active_customers", end=end) for end in (20, 25, 40)] == [None, 1, 0]
