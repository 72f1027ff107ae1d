"""E-mails: one per sending, what follows them, and the list."""

import pytest

from tests.proof.oracle.world import DAY, World

RATES = {
    "opened": "email_open_rate",
    "clicked": "email_click_rate",
    "unsubscribed": "email_unsubscribe_rate",
    "complained": "email_spam_complaint_rate",
}


def mail(world: World, *steps: tuple[float, str], party: str = "ada", campaign: str = "c", **data: object) -> World:
    """A step is a time and what happened to the e-mail."""
    for at, what in steps:
        world.add(f"email.{what}", at, party=party, campaign_id=campaign, **data)
    return world


def test_a_campaign_writes_as_often_as_it_sends() -> None:
    """Whatever the order of arrival; without a sending it can be delivered."""
    world = mail(World(), (30, "sent"), (10, "sent"), (35, "delivered"), (20, "delivered"))
    mail(world, (20, "delivered"), party="bob")
    mail(world, (10, "sent"), campaign="other")
    mail(world, (10, "opened"), party="cyd")
    assert [world.value("email_sent", at, at + 1) for at in (10, 30)] == [2, 1]
    assert [world.value("email_delivered", at, at + 1) for at in (20, 35)] == [2, 1]
    assert world.fraction("email_open_rate") == (0, 3)


def test_a_second_delivery_is_another_email() -> None:
    """What follows belongs to the latest one; the sending to the first."""
    world = mail(World(), (10, "sent"), (11, "delivered"), variant="a")
    mail(world, (12, "opened"), (20, "delivered"), (21, "opened"), (22, "clicked"), variant="b")
    assert world.groups("email_sent", "variant") == {"a": 1}
    assert world.fractions("email_open_rate", "variant") == {"a": (1, 1), "b": (1, 1)}
    assert world.fractions("email_click_rate", "variant") == {"a": (0, 1), "b": (1, 1)}


def test_what_follows_a_next_sending_is_of_that_one() -> None:
    """Though it was not delivered yet, and the one before was."""
    world = mail(World(), (10, "sent"), (11, "delivered"), (20, "sent"), (21, "opened"), (22, "bounced"))
    assert world.fraction("email_open_rate") == (0, 1)
    assert [world.fraction("email_bounce_rate", at, at + 1) for at in (10, 20)] == [(0, 1), (1, 1)]
    mail(world, (30, "delivered"), (31, "opened"))
    assert [world.fraction("email_open_rate", at, at + 1) for at in (11, 30)] == [(0, 1), (1, 1)]


def test_before_all_emails_nothing_follows() -> None:
    """In order: at one millisecond the name decides, but a sending goes first."""
    world = World()
    world.add("email.opened", 10, event="a", campaign_id="c")
    world.add("email.delivered", 10, event="b", campaign_id="c")
    assert world.fraction("email_open_rate") == (0, 1)
    world.add("email.sent", 10, event="c", campaign_id="c")
    assert world.fraction("email_open_rate") == (1, 1)


def test_the_dimensions_are_those_of_the_sending_else_of_the_delivery() -> None:
    """The sending's even if it does not name them."""
    world = mail(World(), (10, "sent"))
    mail(world, (20, "delivered"), variant="late", subject_line="late", call_to_action="late")
    mail(
        world,
        (30, "delivered"),
        party="bob",
        variant="b",
        subject_line="hi",
        call_to_action="buy",
        length=120,
        images=0,
    )
    mail(world, (10, "sent"), (31, "delivered"), party="cyd", variant="c", length=80)
    dims = {"variant": {"unknown": 1, "b": 1, "c": 1}, "subject": {"unknown": 2, "hi": 1}}
    dims |= {"call_to_action": {"unknown": 2, "buy": 1}, "campaign": {"c": 3}}
    assert {by: world.groups("email_delivered", by) for by in dims} == dims
    lengths = {"120": (0, 1), "80": (0, 1), "unknown": (0, 1)}
    assert world.fractions("email_unsubscribe_rate", "length") == lengths
    assert world.fractions("email_unsubscribe_rate", "images") == {"0": (0, 1), "unknown": (0, 2)}
    mail(world, (40, "opened"), (41, "clicked"), party="bob")
    assert world.fractions("email_ctor", "length") == lengths | {"120": (1, 1), "80": (0, 0), "unknown": (0, 0)}


@pytest.mark.parametrize("what", list(RATES))
@pytest.mark.parametrize(
    ("times", "counted"),
    [
        ((), 0),
        ((99,), 0),
        ((100,), 1),
        ((100 + 5 * DAY,), 1),
        ((100.001 + 5 * DAY,), 0),
        ((99, 105), 1),
        ((105, 106, 107), 1),
    ],
)
def test_what_follows_a_delivery_counts_once_within_five_days(
    what: str, times: tuple[float, ...], counted: int
) -> None:
    """At or after the delivery; at the delivery."""
    world = mail(World(), (50, "sent"), (100, "delivered"), *((at, what) for at in times))
    assert world.fraction(RATES[what], 100, 101) == (counted, 1)
    assert world.fraction(RATES[what], 101) == (0, 0)


def test_without_a_delivery_nothing_follows_and_a_machine_opens_nothing() -> None:
    """An undelivered e-mail can only bounce."""
    world = mail(World(), (10, "sent"), (20, "opened"), (20, "clicked"), (30, "bounced"))
    assert world.fraction("email_open_rate") == (0, 0)
    assert world.fraction("email_bounce_rate") == (1, 1)
    mail(world, (40, "delivered"))
    mail(world, (50, "opened"), machine=True)
    assert world.fraction("email_open_rate") == (0, 1)


@pytest.mark.parametrize(
    ("times", "bounced"),
    [((9,), 0), ((10,), 1), ((10 + 5 * DAY,), 1), ((10.001 + 5 * DAY,), 0), ((9, 11, 12), 1)],
)
def test_bounces_follow_the_sending(times: tuple[float, ...], bounced: int) -> None:
    """Of what was sent, at the sending."""
    world = mail(World(), (10, "sent"), *((at, "bounced") for at in times))
    mail(world, (5, "bounced"), (10, "delivered"), party="bob")
    assert world.fraction("email_bounce_rate", 10, 11) == (bounced, 1)


def test_clicks_to_opens_may_exceed_one() -> None:
    """A click without an open counts as a click only; opens are the samples."""
    world = mail(World(), (10, "delivered"), (11, "clicked"))
    assert world.fraction("email_ctor") == (1, 0)
    assert world.value("email_ctor") is None
    mail(world, (10, "delivered"), (11, "opened"), (12, "clicked"), party="bob")
    answer = world.whole("email_ctor")
    assert (answer.numerator, answer.denominator, answer.samples, answer.value) == (2, 1, 1, 2)


def test_a_voided_sending_leaves_the_next_one() -> None:
    """With its dimensions."""
    world = World()
    world.add("email.sent", 10, event="x", campaign_id="c", variant="a")
    world.add("email.sent", 20, campaign_id="c", variant="b")
    world.void("x")
    assert world.groups("email_sent", "variant", 20, 21) == {"b": 1}


def test_the_list_is_of_parties_over_all_campaigns() -> None:
    """By the campaign of the subscription; repetitions, and ends without a beginning, change nothing."""
    world = mail(World(), (5, "unsubscribed"), (10, "subscribed"), campaign="one")
    mail(world, (20, "subscribed"), (30, "sent"), (30, "complained"), (30, "bounced"), campaign="two")
    levels = [world.groups("email_list_size", "campaign", at=at, window="now") for at in (10, 11, 31)]
    assert levels == [{}, {"one": 1}, {"one": 1}]
    mail(world, (40, "unsubscribed"), (41, "unsubscribed"), campaign="three")
    assert world.groups("email_list_size", "campaign", window="now") == {}
    mail(world, (50, "subscribed"), campaign="four")
    assert world.groups("email_list_size", "campaign", window="now") == {"four": 1}
    assert world.fractions("email_list_growth", "campaign", 35, 60) == {"one": (-1, 1), "four": (1, 0)}
    assert world.value("email_list_growth", 35, 60) == 0


def test_at_one_millisecond_the_subscription_comes_first() -> None:
    """By rank; arrival does not matter."""
    world = mail(World(), (10, "unsubscribed"), (10, "subscribed"))
    assert world.value("email_list_size") == 0
    assert world.whole("email_list_size", 10, 11).samples == 0
    assert world.value("email_list_growth", 11, 20) is None
