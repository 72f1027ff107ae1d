"""Leads: creation, response, conversion, merges."""

import pytest

from tests.proof.oracle.world import DAY, World, day


def test_new_leads_count_at_their_first_creation_with_its_dimensions() -> None:
    """A second creation of the same lead is ignored; windows are half open; what is not given is unknown."""
    world = World()
    world.add("lead.created", 20, lead_id="l", channel="mail", source="ads", owner_id="ann", campaign_id="spring")
    world.add("lead.created", 10, lead_id="l", channel="web")
    world.add("lead.created", 30, lead_id="m")
    world.add("lead.contacted", 30, lead_id="never created")
    assert world.groups("leads_new", "channel") == {"web": 1, "unknown": 1}
    assert world.groups("leads_new", "source") == world.groups("leads_new", "campaign") == {"unknown": 2}
    assert (world.value("leads_new", 10, 30), world.value("leads_new", 10.001, 30.001)) == (1, 1)


def test_the_response_is_the_first_contact_by_a_person_who_reached_somebody() -> None:
    """Automatic contacts, attempts and contacts long before the creation are none; the wait counts at the contact."""
    world = World()
    world.add("lead.created", DAY + 100, lead_id="l", owner_id="ann", source="ads", channel="web")
    world.add("lead.contacted", DAY + 99 - 3600, lead_id="l", owner_id="bob")
    world.add("lead.contacted", DAY + 110, lead_id="l", automated=True)
    world.add("lead.contacted", DAY + 120, lead_id="l", outcome="attempted")
    world.add("lead.contacted", DAY + 130, lead_id="l", outcome="replied")
    world.add("lead.contacted", DAY + 140, lead_id="l")
    answer = world.whole("lead_response_time", DAY + 130, DAY + 131)
    assert (answer.samples, answer.value, answer.total) == (1, 30, 30_000)
    assert world.value("lead_response_time", DAY + 100, DAY + 130) is None
    assert world.groups("lead_response_time", "owner") == {"ann": 30}
    assert world.groups("lead_response_time", "source") == {"ads": 30}
    assert world.groups("lead_response_time", "channel") == {"web": 30}


def test_the_responder_is_who_contacted_else_the_latest_assigned_else_the_first_owner() -> None:
    """An assignment after the contact does not count."""
    world = World()
    for lead in ("named", "assigned", "owned", "nobody"):
        world.add("lead.created", 100, lead_id=lead, **({} if lead == "nobody" else {"owner_id": "ann"}))
    for lead in ("named", "assigned"):
        world.add("lead.assigned", 110, lead_id=lead, owner_id="bob")
        world.add("lead.assigned", 120, lead_id=lead, owner_id="cyd")
    world.add("lead.contacted", 120, lead_id="named", owner_id="dan")
    for lead in ("assigned", "owned", "nobody"):
        world.add("lead.contacted", 120, lead_id=lead, event="z" + lead)
    world.add("lead.assigned", 121, lead_id="owned", owner_id="eve")
    answers = world.answers("lead_response_time")
    assert {a.group: a.samples for a in answers if a.by == "owner"} == {"dan": 1, "cyd": 1, "ann": 1, "unknown": 1}


def test_a_lead_converts_at_the_earliest_of_its_own_event_a_won_deal_and_an_order() -> None:
    """Each of the three, the lag being 10 s; a conversion long before the creation is none."""
    world = World()
    for lead in ("own", "deal", "order", "none"):
        world.add("lead.created", DAY, lead_id=lead, channel=lead, campaign_id=f"c {lead}", owner_id=f"o {lead}")
    world.add("lead.converted", DAY + 10, lead_id="own")
    world.add("lead.converted", DAY + 5, lead_id="own", party="bob")
    world.add("deal.created", DAY - 10, deal_id="d", lead_id="deal")
    world.add("deal.won", DAY + 10, deal_id="d")
    world.add("order.placed", DAY + 10, order_id="o", lead_id="order", amount=1)
    world.add("lead.converted", DAY + 20, lead_id="order")
    world.add("lead.converted", DAY - 3601, lead_id="none")
    rates = {"own": (1, 1), "deal": (1, 1), "order": (1, 1), "none": (0, 1)}
    assert world.fractions("lead_conversion_rate", "channel") == rates
    for by, prefix in (("campaign", "c "), ("owner", "o ")):
        named = {prefix + lead: rate for lead, rate in rates.items()}
        assert world.fractions("lead_conversion_rate", by) == named
    assert world.fraction("lead_conversion_flow_ratio", DAY + 10, DAY + 11) == (3, 0)
    assert world.value("lead_conversion_flow_ratio", DAY + 10, DAY + 11) is None
    assert world.fraction("lead_conversion_flow_ratio", DAY, DAY + 11) == (3, 4)
    assert world.fraction("lead_conversion_flow_ratio", DAY + 11, DAY + 100) == (0, 0)


def test_what_was_taken_back_converts_no_lead() -> None:
    """A cancelled order, a reopened, a lost and a deleted deal."""
    world = World()
    world.add("lead.created", 1, lead_id="l")
    world.add("order.placed", 2, order_id="o", lead_id="l", amount=1)
    world.add("order.cancelled", 3, order_id="o")
    for deal in ("reopened", "lost", "deleted"):
        world.add("deal.created", 2, deal_id=deal, lead_id="l")
        world.add("deal.lost" if deal == "lost" else "deal.won", 3, deal_id=deal)
    world.add("deal.reopened", 4, deal_id="reopened")
    world.add("deal.deleted", 4, deal_id="deleted")
    assert world.fraction("lead_conversion_rate") == (0, 1)


def test_a_lead_converts_by_an_order_of_another_party_that_names_its_own() -> None:
    """The worked example: A's lead, B's order with ``lead_party``, C's without."""
    world = World()
    world.add("lead.created", day(-10), lead_id="l1", party="A")
    world.add("order.placed", day(5), order_id="o", lead_id="l1", lead_party="A", party="B", amount=1)
    world.add("order.placed", day(6), order_id="o", lead_id="l1", party="C", amount=1)
    assert world.fraction("lead_conversion_rate", day(-30), day(0), at=day(30)) == (1, 1)
    assert world.fraction("lead_conversion_rate", day(-30), day(0), at=day(5)) == (0, 1)
    assert world.fraction("lead_conversion_flow_ratio", day(5), day(6), at=day(30)) == (1, 0)


def test_a_lead_of_another_party_is_converted_instead_of_ones_own_of_the_same_id() -> None:
    """By an order and by a deal; an empty ``lead_party`` and one's own are one's own."""
    world = World()
    for party in ("ada", "bob", "cyd", "dan", "eve", "fay"):
        world.add("lead.created", 1, lead_id="l", channel=party, party=party)
    world.add("order.placed", 2, order_id="o", lead_id="l", lead_party="ada", party="bob", amount=1)
    for party, named in (("bob", "cyd"), ("dan", ""), ("eve", "eve"), ("fay", "nobody")):
        world.add("deal.created", 1, deal_id="d", lead_id="l", lead_party=named, party=party)
        world.add("deal.won", 3, deal_id="d", party=party)
    converted = world.groups("lead_conversion_rate", "channel")
    assert converted == {"ada": 1, "cyd": 1, "dan": 1, "eve": 1}
    assert world.fraction("lead_conversion_flow_ratio", 2, 3) == (1, 0)
    assert world.fraction("lead_conversion_flow_ratio", 3, 4) == (3, 0)


def test_what_another_party_took_back_converts_no_lead() -> None:
    """A cancelled and a voided order, a reopened, a lost and a deleted deal, a voided creation; one too early."""
    world = World()
    world.add("lead.created", 3610, lead_id="l", party="A")
    named = {"lead_id": "l", "lead_party": "A", "party": "B"}
    world.add("order.cancelled", 9, order_id="o", party="B")
    for order in "opq":
        world.add("order.placed", 9 if order == "q" else 3620, order_id=order, event=order, amount=1, **named)
    world.void("p", party="B")
    for deal in ("reopened", "lost", "deleted", "uncreated"):
        world.add("deal.created", 3612, deal_id=deal, event=deal, **named)
        world.add("deal.lost" if deal == "lost" else "deal.won", 3613, deal_id=deal, party="B")
    world.add("deal.reopened", 3614, deal_id="reopened", party="B")
    world.add("deal.deleted", 3614, deal_id="deleted", party="B")
    world.void("uncreated", party="B")
    assert world.fraction("lead_conversion_rate") == (0, 1)
    assert world.entities("leads_open_uncontacted") == [("A", "l", 1)]
    world.add("deal.won", 3615, deal_id="reopened", party="B")
    assert world.fraction("lead_conversion_flow_ratio", 3615, 3616) == (1, 0)
    assert world.entities("leads_open_uncontacted") == []


def test_the_first_creation_and_placing_in_order_name_the_lead_and_its_party() -> None:
    """Whichever arrived first; a later one that names another lead or party is ignored."""
    world = World()
    for party in ("A", "B"):
        for lead in ("deal", "order"):
            world.add("lead.created", 1, lead_id=lead, party=party, channel=f"{party} {lead}")
    for at, named in ((3, "A"), (2, "B")):
        world.add("deal.created", at, deal_id="d", lead_id="deal", lead_party=named, party="C")
        world.add("order.placed", at, order_id="o", lead_id="order", lead_party=named, amount=1, party="C")
    world.add("deal.won", 4, deal_id="d", party="C")
    assert world.groups("lead_conversion_rate", "channel") == {"B deal": 1, "B order": 1}


def test_a_merged_lead_is_followed_within_its_own_party() -> None:
    """Not by the merges of the party that placed the order."""
    world = World()
    for party in ("A", "B"):
        for lead in "xyz":
            world.add("lead.created", 1, lead_id=lead, party=party, channel=f"{party} {lead}")
    world.add("lead.merged", 9, lead_id="x", into="y", party="A")
    world.add("lead.merged", 9, lead_id="x", into="z", party="B")
    world.add("order.placed", 2, order_id="o", lead_id="x", lead_party="A", amount=1, party="B")
    assert world.groups("lead_conversion_rate", "channel") == {"A y": 1}


def test_names_of_events_are_of_one_party() -> None:
    """The same source and id in the lead's party is another event; the earliest of all conversions counts."""
    world = World()
    world.add("lead.created", 1, lead_id="l", event="same", party="A")
    world.add("order.placed", 5, order_id="o", lead_id="l", lead_party="A", event="same", amount=1, party="B")
    world.add("order.placed", 4, order_id="o", lead_id="l", lead_party="A", event="same", amount=1, party="C")
    world.add("lead.converted", 6, lead_id="l", party="A")
    assert world.fraction("lead_conversion_flow_ratio", 4, 5) == (1, 0)
    assert world.fraction("lead_conversion_flow_ratio") == (1, 1)


def test_a_fully_refunded_order_still_converts() -> None:
    """It was not cancelled."""
    world = World()
    world.add("lead.created", 1, lead_id="l")
    world.add("order.placed", 2, order_id="o", lead_id="l", amount=1)
    world.add("order.refunded", 3, order_id="o", refund_id="r", amount=1)
    assert world.fraction("lead_conversion_rate") == (1, 1)


def test_the_conversion_horizon_is_thirty_days_to_the_millisecond() -> None:
    """Exactly H later counts for the cohort, a millisecond more does not; the flow has no horizon."""
    world = World()
    for lead, late in (("in", 0), ("out", 0.001)):
        world.add("lead.created", 100, lead_id=lead)
        world.add("lead.converted", 100 + 30 * DAY + late, lead_id=lead)
    assert world.fraction("lead_conversion_rate", 0, 200) == (1, 2)
    assert world.fraction("lead_conversion_rate", 0, 200, at=100 + 30 * DAY) == (0, 2)
    assert world.fraction("lead_conversion_flow_ratio") == (2, 2)


def test_a_merged_lead_vanishes_and_its_contacts_and_conversions_count_for_the_last_in_the_chain() -> None:
    """Merged before or after does not matter; assignments stay with the lead that vanished."""
    world = World()
    world.add("lead.merged", 500, lead_id="a", into="b")
    world.add("lead.merged", 600, lead_id="a", into="elsewhere")
    world.add("lead.merged", 50, lead_id="b", into="c")
    for lead in "abc":
        world.add("lead.created", 100, lead_id=lead, channel=lead)
    world.add("lead.assigned", 105, lead_id="a", owner_id="ann")
    world.add("lead.contacted", 110, lead_id="a")
    world.add("deal.created", 110, deal_id="d", lead_id="b")
    world.add("deal.won", 120, deal_id="d")
    assert world.groups("leads_new", "channel") == {"c": 1}
    assert world.groups("lead_response_time", "channel") == {"c": 10}
    assert world.groups("lead_response_time", "owner") == {"unknown": 10}
    assert world.fractions("lead_conversion_rate", "channel") == {"c": (1, 1)}


@pytest.mark.parametrize(("early", "counts"), [(3600, True), (3600.001, False), (-1, True)])
def test_what_was_an_hour_before_the_lead_was_written_down_is_of_it(early: float, *, counts: bool) -> None:
    """To the millisecond: a contact, a qualification, an order. The wait is 0, at the contact's time."""
    world = World(only=("lead_response_time", "lead_qualification_rate", "lead_conversion_flow_ratio"))
    written, before = 2 * DAY, 2 * DAY - early
    world.add("lead.created", written, lead_id="l")
    world.add("lead.contacted", before, lead_id="l")
    world.add("lead.qualified", before, lead_id="l")
    world.add("order.placed", before, order_id="o", lead_id="l", amount=1)
    answer = world.whole("lead_response_time", before, before + 1)
    assert (answer.samples, answer.total) == (int(counts), 1000 * int(early < 0))
    assert world.fraction("lead_qualification_rate", written, written + 1) == (int(counts), 1)
    assert world.fraction("lead_conversion_flow_ratio", before, before + 0.5) == (int(counts), 0)


def test_what_is_too_early_hides_nothing_that_comes_after() -> None:
    """The first that comes after the creation counts."""
    world = World(only=("lead_response_time", "lead_conversion_flow_ratio"))
    world.add("lead.created", DAY, lead_id="l")
    for at in (DAY - 9000, DAY - 60, DAY + 60):
        world.add("lead.contacted", at, lead_id="l")
        world.add("lead.converted", at, lead_id="l")
    answer = world.whole("lead_response_time", DAY - 60, DAY - 59)
    assert (answer.samples, answer.total) == (1, 0)
    assert world.fraction("lead_conversion_flow_ratio", DAY - 60, DAY - 59) == (1, 0)
    assert world.fraction("lead_conversion_flow_ratio") == (1, 1)


def test_a_lead_is_as_old_as_the_earliest_that_was_merged_into_it() -> None:
    """Also through one that was never created, wherever its own conversions lie; all else is its own."""
    world = World()
    world.add("lead.created", 10 * DAY, lead_id="c", channel="own", owner_id="ann")
    world.add("lead.created", 5 * DAY, lead_id="a", channel="other", owner_id="bob")
    world.add("lead.created", 7 * DAY, lead_id="d", channel="later")
    world.add("lead.merged", 11 * DAY, lead_id="a", into="b")
    world.add("lead.merged", 11 * DAY, lead_id="b", into="c")
    world.add("lead.merged", 11 * DAY, lead_id="d", into="c")
    world.add("lead.contacted", 6 * DAY, lead_id="a")
    world.add("lead.qualified", 8 * DAY, lead_id="b")
    assert world.groups("leads_new", "channel", 5 * DAY, 6 * DAY) == {"own": 1}
    assert world.value("leads_new") == 1
    assert world.groups("lead_response_time", "owner") == {"ann": DAY}
    assert world.fractions("lead_qualification_rate", "channel", 5 * DAY, 6 * DAY) == {"own": (1, 1)}


def test_a_lead_is_qualified_within_thirty_days() -> None:
    """By the dimensions of its creation; the first qualification decides, exactly H later is within."""
    world = World(only=("lead_qualification_rate",))
    for lead, lags in (("in", (30 * DAY, 31 * DAY)), ("out", (30 * DAY + 0.001,)), ("never", ())):
        world.add("lead.created", 5, lead_id=lead, channel=lead, source=lead, campaign_id=lead, owner_id=lead)
        for lag in lags:
            world.add("lead.qualified", 5 + lag, lead_id=lead)
    for by in ("channel", "source", "campaign", "owner"):
        rates = world.fractions("lead_qualification_rate", by)
        assert rates == {"in": (1, 1), "out": (0, 1), "never": (0, 1)}


def test_what_waits_is_over_the_target_or_will_be() -> None:
    """Longer than the target, not as long; the owner is the latest; nobody is told of before the first lead."""
    world = World(targets_ms={"leads_over_target": 5_000}, only=("leads_over_target", "lead_response_time_live"))
    world.add("lead.contacted", 1, lead_id="never created")
    assert world.whole("leads_over_target", window="now").value is None
    world.add("lead.created", 10, lead_id="l", owner_id="ann", source="ads", channel="web")
    world.add("lead.assigned", 12, lead_id="l", owner_id="bob")
    world.add("lead.created", 10, lead_id="m", channel="shop")
    world.add("lead.contacted", 14, lead_id="m", owner_id="cyd")
    for at, over in ((15, 0), (15.001, 1)):
        answer = world.whole("leads_over_target", at=at, window="now")
        assert (answer.value, answer.samples) == (over, 1)
    for by, group in (("owner", "bob"), ("source", "ads"), ("channel", "web")):
        assert world.groups("leads_over_target", by, at=16, window="now") == {group: 1}
    live = world.answers("lead_response_time_live", 14, 20, at=20)
    assert {a.group: a.total for a in live if a.by == "owner"} == {"bob": 10_000, "cyd": 4_000}
    assert {a.group: a.total for a in live if a.by == "channel"} == {"web": 10_000, "shop": 4_000}
    assert world.whole("lead_response_time_live", 15, 20, at=20).total == 10_000


def test_a_merge_in_a_circle_counts_for_none() -> None:
    """Neither those in the circle nor who leads into it, nor a lead merged into itself."""
    world = World()
    for lead, into in (("a", "b"), ("b", "c"), ("c", "b"), ("self", "self")):
        world.add("lead.created", 1, lead_id=lead)
        world.add("lead.contacted", 2, lead_id=lead)
        world.add("lead.merged", 3, lead_id=lead, into=into)
    assert world.value("leads_new") == 0
    assert world.whole("lead_response_time").samples == 0


def test_a_lead_merged_into_one_that_was_never_created_counts_nowhere() -> None:
    """The lead that it counts for does not exist."""
    world = World()
    world.add("lead.created", 1, lead_id="a")
    world.add("lead.converted", 2, lead_id="a")
    world.add("lead.merged", 3, lead_id="a", into="nobody")
    assert world.fraction("lead_conversion_flow_ratio") == (0, 0)


def test_voiding_a_merge_brings_the_lead_back() -> None:
    """As if the merge had never been."""
    world = World()
    world.add("lead.created", 1, lead_id="a")
    world.add("lead.merged", 3, lead_id="a", into="b", event="m")
    world.void("m")
    assert world.value("leads_new") == 1
