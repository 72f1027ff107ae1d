"""Which e-mail an order belongs to, and what it brought."""

import pytest

from tests.proof.oracle.world import DAY, World, day


@pytest.mark.parametrize(("clicked", "revenue"), [(-5 * DAY - 0.001, 0), (-5 * DAY, 9), (-1, 9), (0, 9), (0.001, 0)])
def test_an_order_belongs_to_a_click_of_the_five_days_before(clicked: float, revenue: float) -> None:
    """To the millisecond; both ends are in."""
    world = World()
    world.add("order.placed", day(10), order_id="o", amount=9)
    world.add("email.clicked", day(10) + clicked, campaign_id="c", variant="v")
    assert world.value("email_revenue") == revenue
    assert world.groups("email_revenue", "variant") == ({"v": 9} if revenue else {})


def test_the_last_click_in_order_gets_the_order_with_what_its_e_mail_says() -> None:
    """Of two at once the later name; the click's own words count only where no e-mail is known."""
    world = World()
    world.add("email.clicked", 100, event="a", campaign_id="c1", variant="one", subject_line="of the click")
    world.add("email.clicked", 100, event="b", campaign_id="c2", variant="two", subject_line="of the click")
    world.add("order.placed", 110, order_id="o", amount=9)
    assert world.groups("email_revenue", "subject") == {"of the click": 9}
    assert world.groups("email_revenue", "campaign") == {"c2": 9}
    world.add("email.delivered", 120, campaign_id="c2", variant="later")
    assert world.groups("email_revenue", "variant") == {"two": 9}  # a click before it is none of its own
    world.add("email.sent", 90, campaign_id="c2", variant="three")
    assert world.groups("email_revenue", "variant") == {"three": 9}
    assert world.groups("email_revenue", "subject") == {"unknown": 9}
    assert world.fraction("email_conversion_rate") == (0, 1)  # delivered after the order
    world.void("b")
    assert world.groups("email_revenue", "campaign") == {"c1": 9}


@pytest.mark.parametrize(("lag", "converted"), [(5 * DAY, 1), (5 * DAY + 0.001, 0)])
def test_an_e_mail_converts_within_five_days_of_its_delivery(lag: float, converted: int) -> None:
    """However late the click."""
    world = World()
    world.add("email.delivered", day(1), campaign_id="c")
    world.add("email.clicked", day(1) + lag - 9, campaign_id="c")
    world.add("order.placed", day(1) + lag, order_id="o", amount=9)
    assert world.fraction("email_conversion_rate") == (converted, 1)


def test_an_order_belongs_to_the_e_mail_that_was_clicked_not_to_a_later_one_of_the_campaign() -> None:
    """Its refunds too; each e-mail converts once."""
    world = World()
    for at, variant in ((0, "first"), (2, "second")):
        world.add("email.sent", day(at), campaign_id="c", variant=variant)
        world.add("email.delivered", day(at), campaign_id="c", variant=variant)
    world.add("email.clicked", day(1), campaign_id="c", variant="of the click")
    world.add("order.placed", day(3), order_id="o", amount=9)
    world.add("order.refunded", day(4), order_id="o", refund_id="r", amount=2)
    assert world.groups("email_revenue", "variant") == {"first": 7}
    assert world.fractions("email_conversion_rate", "variant") == {"first": (1, 1), "second": (0, 1)}
    world.add("email.clicked", day(3.5), campaign_id="c")
    for name, at in (("p", 4), ("q", 5)):
        world.add("order.placed", day(at), order_id=name, amount=10)
    assert world.groups("email_revenue", "variant") == {"first": 7, "second": 20}
    assert world.fractions("email_conversion_rate", "variant") == {"first": (1, 1), "second": (1, 1)}
