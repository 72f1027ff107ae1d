"""The worked examples of the definitions: what e-mails brought, and experiments."""

import pytest

from tests.proof.oracle.trading import END, MICRO, START, composed, order, refund
from tests.proof.oracle.world import World, day


@pytest.fixture(scope="module")
def mailed() -> World:
    """Seven deliveries; A clicked c1 and c2 and ordered, some of it was given back."""
    world = World()
    for party in "BCDEF":
        world.add("email.delivered", day(1), party=party, campaign_id="c1")
    for campaign, at in (("c1", 1), ("c2", 2)):
        world.add("email.delivered", day(at), party="A", campaign_id=campaign)
    world.add("email.clicked", day(1), party="A", campaign_id="c1")
    world.add("email.clicked", day(3), party="A", campaign_id="c2")
    refund(world, "A", 5, order(world, "A", 4, 100), 30)
    order(world, "A", 9, 50)
    return world


def test_email_revenue(mailed: World) -> None:
    """Of the last click, up to five days old."""
    answer = mailed.whole("email_revenue", START, END, at=END)
    assert (answer.value, answer.samples) == (70, 1)
    assert mailed.groups("email_revenue", "campaign", START, END, at=END) == {"c2": 70}
    answer = mailed.whole("email_revenue_per_delivered", START, END, at=END)
    assert (answer.numerator, answer.denominator, answer.samples, answer.value) == (70 * MICRO, 7, 7, 10)


def test_email_conversion_rate(mailed: World) -> None:
    """Within five days of the delivery."""
    assert mailed.fraction("email_conversion_rate", START, END, at=day(35)) == (1, 7)
    assert mailed.fractions("email_conversion_rate", "campaign", START, END, at=day(35)) == {"c1": (0, 6), "c2": (1, 1)}


def exposed(world: World, variant: str, parties: int, converted: int = 0) -> None:
    """Parties that saw a variant; so many of them bought."""
    for number in range(parties):
        party = f"{variant}{number}"
        world.add("experiment.exposed", day(1), party=party, experiment="e", variant=variant)
        if number < converted:
            order(world, party, 2, 1)


def test_ab() -> None:
    """The rate of each arm, and what the new one adds, with Newcombe's interval."""
    world = World()
    exposed(world, "control", 100, 10)
    exposed(world, "new", 100, 15)
    rates = {"e,control": 0.1, "e,new": 0.15}
    assert world.groups("ab_conversion_rate", "experiment,variant", START, END, at=day(60)) == rates
    whole, lift = world.answers("ab_lift", START, END, at=day(60))
    assert composed(whole) == (None, 0)
    assert lift.group == "e,new"
    assert composed(lift) == (pytest.approx(0.05), 100)
    assert (lift.lower, lift.upper) == (pytest.approx(-0.0437, abs=5e-5), pytest.approx(0.1442, abs=5e-5))
    _, relative = world.answers("ab_relative_lift", START, END, at=day(60))
    assert composed(relative) == (pytest.approx(0.5), 100)
    assert (relative.lower, relative.upper) == (None, None)


def test_ab_lift_over_a_holdout() -> None:
    """Which is the control where none is named so."""
    world = World()
    exposed(world, "campaign", 40, 8)
    exposed(world, "holdout", 40, 4)
    _, lift = world.answers("ab_lift", START, END, at=day(60))
    assert (lift.group, *composed(lift)) == ("e,campaign", pytest.approx(0.1), 40)


def test_ab_srm_and_crossovers() -> None:
    """Equal shares, as none are planned; a party that saw both is in no arm."""
    world = World()
    exposed(world, "control", 60)
    exposed(world, "new", 40)
    for variant in ("control", "new"):
        world.add("experiment.exposed", day(3), party="both", experiment="e", variant=variant)
    _, answer = world.answers("ab_srm", START, END, at=END)
    assert (answer.by, answer.group, *composed(answer)) == ("experiment", "e", 4, 100)
    assert world.groups("ab_crossovers", "experiment", START, END, at=END) == {"e": 1}
