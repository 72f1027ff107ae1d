"""Interactions and complaints, and leads that nobody has contacted."""

from tests.proof.oracle.world import World


def test_an_interaction_is_one_by_its_id_and_each_without_one_is_one() -> None:
    """The first in order of time counts, with its dimensions."""
    world = World()
    world.add("interaction.logged", 20, interaction_id="i", direction="out", owner_id="late")
    world.add("interaction.logged", 10, interaction_id="i", direction="out", owner_id="ann", channel="phone")
    world.add("interaction.logged", 10, interaction_id="i", direction="out", party="bob")
    for _ in range(2):
        world.add("interaction.logged", 10, direction="out")
    same = world.add("interaction.logged", 10, direction="out", event="x")
    world.put(same.value, topic="crm.interactions")
    world.add("interaction.logged", 11, direction="out", event="x")
    assert world.groups("rep_activity", "owner") == {"ann": 1, "unknown": 4}
    assert world.groups("rep_activity", "channel") == {"phone": 1, "unknown": 4}
    assert world.value("rep_activity", 11, 30) == 0


def test_a_voided_interaction_leaves_the_next_of_its_id() -> None:
    """At its time; only what goes out by hand is a touch."""
    world = World()
    world.add("interaction.logged", 10, event="x", interaction_id="i", direction="out")
    world.add("interaction.logged", 20, interaction_id="i", direction="out")
    world.add("interaction.logged", 20, direction="out", automated=True)
    world.add("interaction.logged", 20)
    world.void("x")
    assert world.value("rep_activity", 20, 21) == 1
    world.add("customer.created", 0)
    groups = {by: world.groups("interaction_frequency", by, 0, 100, at=100) for by in ("direction", "automated")}
    assert groups == {"direction": {"in": 1, "out": 2}, "automated": {"yes": 1, "no": 2}}


def test_a_complaint_exists_once_received_and_is_upheld_as_the_first_closing_says() -> None:
    """Before or after it; a closing that does not say counts for nothing; a voided one neither."""
    world = World()
    for name in ("yes", "no", "silent", "open", "void"):
        world.add("complaint.received", 100, complaint_id=name, category=name)
    world.add("complaint.received", 90, complaint_id="yes", category="first", severity="high")
    world.add("complaint.closed", 50, complaint_id="yes", upheld=True)
    world.add("complaint.closed", 150, complaint_id="yes", upheld=False)
    world.add("complaint.closed", 140, complaint_id="no")
    world.add("complaint.closed", 150, complaint_id="no", upheld=False)
    world.add("complaint.closed", 150, complaint_id="silent")
    world.add("complaint.closed", 150, complaint_id="void", upheld=True, event="x")
    world.void("x")
    world.add("complaint.closed", 150, complaint_id="never received", upheld=True)
    world.add("complaint.received", 100, complaint_id="yes", party="bob")
    assert world.groups("complaints_received", "upheld") == {"yes": 1, "no": 1, "unknown": 4}
    assert world.groups("complaints_received", "category", 90, 91) == {"first": 1}
    assert world.groups("complaints_received", "severity") == {"high": 1, "unknown": 5}
    assert world.groups("complaints_received", "upheld", at=150) == {"yes": 1, "unknown": 5}


def waiting(world: World, by: str = "owner") -> dict[str, float | None]:
    """Leads that nobody has contacted, now."""
    return world.groups("leads_open_uncontacted", by, window="now")


def test_a_lead_waits_until_somebody_answers_or_it_converts_or_is_given_up() -> None:
    """Attempts and automata are no answer, nor what came over an hour before the creation; a disqualification is."""
    world = World()
    for name in ("waits", "attempted", "bot", "early", "answered", "converted", "ordered", "won", "given up", "merged"):
        world.add("lead.created", 4_000, lead_id=name, owner_id=name)
    world.add("lead.contacted", 4_110, lead_id="attempted", outcome="attempted")
    world.add("lead.contacted", 4_110, lead_id="bot", automated=True)
    world.add("lead.contacted", 399, lead_id="early")
    world.add("lead.converted", 399, lead_id="early")
    world.add("lead.contacted", 4_110, lead_id="answered")
    world.add("lead.converted", 4_110, lead_id="converted")
    world.add("order.placed", 4_110, order_id="o", amount=1, lead_id="ordered")
    world.add("deal.created", 4_000, deal_id="d", lead_id="won")
    world.add("deal.won", 4_110, deal_id="d")
    world.add("lead.disqualified", 50, lead_id="given up")
    world.add("lead.merged", 4_110, lead_id="merged", into="waits")
    assert waiting(world) == dict.fromkeys(("waits", "attempted", "bot", "early"), 1)
    world.add("deal.reopened", 4_120, deal_id="d")
    world.add("order.cancelled", 4_120, order_id="o")
    assert set(waiting(world)) == {"waits", "attempted", "bot", "early", "won", "ordered"}


def test_contacts_of_a_merged_lead_count_and_its_disqualification_does_not() -> None:
    """They follow the merge; the lead's own disqualification alone gives it up."""
    world = World()
    for name in ("a", "b"):
        world.add("lead.created", 100, lead_id=name, owner_id=name)
        world.add("lead.created", 100, lead_id=f"{name} twin")
        world.add("lead.merged", 105, lead_id=f"{name} twin", into=name)
    world.add("lead.contacted", 110, lead_id="a twin")
    world.add("lead.disqualified", 110, lead_id="b twin")
    assert waiting(world) == {"b": 1}


def test_a_waiting_lead_has_its_latest_owner() -> None:
    """In order of time, be it before the creation; source and channel are the creation's."""
    world = World()
    world.add("lead.created", 100, lead_id="l", owner_id="ann", source="ads", channel="web")
    assert waiting(world) == {"ann": 1}
    world.add("lead.assigned", 120, lead_id="l", owner_id="cyd")
    world.add("lead.assigned", 110, lead_id="l", owner_id="bob")
    world.add("lead.assigned", 50, lead_id="l", owner_id="dan")
    assert waiting(world) == {"cyd": 1}
    assert (waiting(world, "source"), waiting(world, "channel")) == ({"ads": 1}, {"web": 1})
    assert world.groups("leads_open_uncontacted", "owner", at=110, window="now") == {"dan": 1}
