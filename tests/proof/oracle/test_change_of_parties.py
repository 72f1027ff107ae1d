"""Change of parties that are counted once in each span."""

import pytest

from tests.proof.oracle.operating import World, order, whole
from tests.proof.oracle.world import day


def test_change_of_purchase_frequency_counts_the_buyers_of_each_span() -> None:
    """A buys in both: 4 orders of 2 parties after 3 of 2; the open day and what lies before are in neither."""
    world = World()
    bought = [(3, "A"), (4, "A"), (9, "B"), (33, "A"), (34, "A"), (40, "C"), (59, "C"), (60.5, "D"), (-1, "E")]
    for when, party in bought:
        order(world, day(when), party=party)
    change = whole(world, "change", "purchase_frequency", "30d", day(60.9), "previous")
    assert change.parts == {"v1": 2, "v0": 1.5}
    assert change.value == pytest.approx(1 / 3)
    assert (change.samples, change.state) == (2, "ok")
    earlier = whole(world, "change", "purchase_frequency", "30d", day(28), "previous")
    assert (earlier.value, earlier.parts) == (None, {"v1": 4 / 3, "v0": None})


def test_change_of_repeat_purchases_takes_two_kept_orders_within_a_span() -> None:
    """One order in each span repeats nothing; a refund takes an order out of its own span, whenever it comes."""
    world = World()
    for number, (when, party) in enumerate(
        [(-85, "A"), (-5, "A"), (2, "A"), (-40, "B"), (50, "B"), (5, "C"), (6, "C"), (7, "D"), (8, "D"), (9, "D")]
    ):
        world.add("order.placed", day(when), order_id=f"o{number}", amount=1, party=party)
    change = whole(world, "change", "repeat_purchase_rate", "90d", day(90.5), "previous")
    assert change.parts == {"v1": pytest.approx(2 / 4), "v0": pytest.approx(1 / 2)}
    assert (change.value, change.samples) == (pytest.approx(0), 2)
    world.add("order.refunded", day(90.2), order_id="o5", refund_id="r", amount=1, party="C")
    world.add("order.refunded", day(90.2), order_id="o0", refund_id="r", amount=1, party="A")
    world.add("order.refunded", day(90.2), order_id="o3", refund_id="r", amount=1, party="B")
    change = whole(world, "change", "repeat_purchase_rate", "90d", day(90.5), "previous")
    assert change.parts == {"v1": pytest.approx(1 / 4), "v0": 0}
    assert (change.value, change.samples) == (pytest.approx(1 / 4), 1)


def test_change_of_respondents_is_of_the_last_answer_within_each_span() -> None:
    """Whatever a party answered after it; an update moves a survey's answer out of the span it was in."""
    world = World()
    told = [(2, "A", 0), (3, "A", 10), (35, "A", 2), (5, "B", 9), (60.5, "B", 0), (40, "C", 9), (59, "C", 8)]
    for when, party, score in told:
        world.add("survey.answered", day(when), survey_id=f"s{when}", kind="nps", score=score, party=party)
    change = whole(world, "change", "nps_respondent", "30d", day(60.9), "previous")
    assert change.parts == {"v1": -1 / 2, "v0": 1}
    assert (change.value, change.samples) == (-1.5, 2)
    world.add("survey.answered", day(35), survey_id="s3", kind="nps", score=9, party="A", event="z")
    moved = whole(world, "change", "nps_respondent", "30d", day(60.9), "previous")
    assert moved.parts == {"v1": 1 / 2, "v0": 0}


def test_change_of_referrers_is_per_mean_active_customer_of_each_span() -> None:
    """A party that refers in both counts in both, and once in each; nobody refers oneself."""
    world = World()
    for number in range(10):
        world.add("customer.created", day(-10), party=f"c{number}")
    told = [(1, "c1"), (2, "c1"), (3, "c4"), (40, "c1"), (40, "c2"), (41, "c5"), (60.2, "c6")]
    for when, party in told:
        world.add("customer.referred", day(when), party=party, referred_id="friend")
    world.add("customer.referred", day(42), party="c3", referred_id="c3")
    change = whole(world, "change", "referral_rate", "30d", day(60.5), "previous")
    assert change.parts == {"v1": pytest.approx(0.3), "v0": pytest.approx(0.2)}
    assert (change.value, change.samples) == (pytest.approx(0.1), 2)


@pytest.mark.parametrize("kpi", ["purchase_frequency", "repeat_purchase_rate", "nps_respondent", "referral_rate"])
@pytest.mark.parametrize(("against", "window", "back"), [("year", "30d", 394), ("previous", "90d", 180)])
def test_parties_counted_once_have_a_history_of_all_their_facts(kpi: str, against: str, window: str, back: int) -> None:
    """Not of the last ones alone: a party's first fact on the first day that is looked at makes it known."""
    for first, state in ((500 - back, "ok"), (501 - back, "immature")):
        world = World()
        for when in (first, first + 1, 499):
            world.add("customer.created", day(when))
            world.add("customer.referred", day(when), referred_id="friend")
            world.add("survey.answered", day(when), survey_id=f"s{when}", kind="nps", score=9)
            order(world, day(when))
        change = whole(world, "change", kpi, window, day(500.5), against)
        assert change.value is not None
        assert change.state == state
