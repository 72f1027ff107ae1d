"""The worked examples of the definitions: leads that wait, that are qualified, that were written down late."""

from tests.proof.oracle.world import DAY, World, day

START, END = day(0), day(30)


def test_leads_open_uncontacted() -> None:
    """Contacted and disqualified ones are no part; an automated contact is none."""
    world = World()
    for name, at in (("l1", 1), ("l2", 2), ("l3", 4), ("l4", 6)):
        world.add("lead.created", day(at), lead_id=name)
    world.add("lead.contacted", day(3), lead_id="l2")
    world.add("lead.disqualified", day(5), lead_id="l3")
    world.add("lead.contacted", day(6), lead_id="l4", automated=True)
    assert world.whole("leads_open_uncontacted", at=END, window="now").value == 2
    assert [entity for _, entity, _ in world.entities("leads_open_uncontacted", at=END)] == ["l1", "l4"]


def test_lead_qualification_rate() -> None:
    """Within 30 days."""
    world = World(only=("lead_qualification_rate",))
    for name, at, qualified in (("l1", 1, 3), ("l2", 2, 40), ("l3", 3, None)):
        world.add("lead.created", day(at), lead_id=name)
        if qualified is not None:
            world.add("lead.qualified", day(qualified), lead_id=name)
    assert world.fraction("lead_qualification_rate", START, END, at=day(60)) == (1, 3)


def test_lead_response_time_live() -> None:
    """Of those reached in the window and of all who wait."""
    world = World(only=("lead_response_time_live",))
    world.add("lead.created", day(29), lead_id="l1")
    world.add("lead.contacted", day(29.5), lead_id="l1")
    world.add("lead.created", day(27), lead_id="l2")
    answer = world.whole("lead_response_time_live", day(29), END, at=END)
    assert (answer.value, answer.samples, answer.total) == (3 * DAY, 2, 1000 * DAY * 7 // 2)


def test_leads_over_target() -> None:
    """Who waits for more than an hour."""
    world = World(only=("leads_over_target",))
    for name, at in (("l1", END - 60), ("l2", day(29)), ("l3", day(28))):
        world.add("lead.created", at, lead_id=name)
    world.add("lead.contacted", day(29), lead_id="l3")
    answer = world.whole("leads_over_target", at=END, window="now")
    assert (answer.value, answer.samples) == (1, 2)


def test_a_lead_written_down_late() -> None:
    """Reached before; and one that is as old as what was merged into it."""
    world = World()
    world.add("lead.contacted", day(1), lead_id="l")
    world.add("lead.created", day(1) + 1200, lead_id="l")
    answer = world.whole("lead_response_time", START, END, at=END)
    assert (answer.samples, answer.value) == (1, 0)
    world = World()
    world.add("lead.created", day(-10), lead_id="l1")
    world.add("lead.created", day(2), lead_id="l2")
    world.add("lead.merged", day(3), lead_id="l1", into="l2")
    assert [world.value("leads_new", day(at), day(at + 1), at=END) for at in (-10, 2)] == [1, 0]
