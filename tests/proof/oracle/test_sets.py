"""Which events count: duplicates, conflicts, voids, what cannot be read, what is not known yet."""

from stream_kpis.events.envelope import Reader, Record, encode_event
from stream_kpis.proof.oracle import Ask, Oracle
from tests.proof.oracle.world import END, World, iso


def test_the_same_bytes_again_change_nothing() -> None:
    """A duplicate counts once."""
    world = World()
    record = world.add("lead.created", 1, lead_id="l")
    world.put(record.value)
    assert world.value("leads_new") == 1


def test_of_two_events_with_one_name_the_first_offset_wins() -> None:
    """The conflicting copy is as if it had never been, though its time is earlier."""
    world = World()
    world.add("order.placed", 20, event="x", order_id="o", amount=5)
    world.add("order.placed", 10, event="x", order_id="o", amount=7)
    assert world.whole("revenue_net").numerator == 5_000_000
    assert world.value("orders", 15, 25) == 1


def test_a_name_is_taken_within_one_party_and_one_source_only() -> None:
    """Other parties and other sources may use the same id."""
    world = World()
    world.add("lead.created", 1, event="x", lead_id="l")
    world.add("lead.created", 1, event="x", lead_id="l", party="bob")
    world.add("lead.contacted", 2, event="x", lead_id="l", sender="shop")
    assert (world.value("leads_new"), world.value("lead_response_time")) == (2, 1)


def test_names_are_checked_within_the_entity() -> None:
    """Two orders whose events carry one name are two orders."""
    world = World()
    world.add("order.placed", 1, event="x", order_id="o", amount=5)
    world.add("order.placed", 2, event="x", order_id="p", amount=7)
    assert world.value("orders") == 2


def test_across_entities_only_the_first_of_a_name_converts_a_lead() -> None:
    """The lead's conversion looks at the party's events, where the second copy is in conflict."""
    world = World()
    world.add("lead.created", 0, lead_id="l")
    world.add("order.placed", 50, event="x", order_id="o", amount=5)
    world.add("order.placed", 20, event="x", order_id="p", amount=7, lead_id="l")
    assert world.fraction("lead_conversion_rate") == (0, 1)


def test_a_void_takes_back_its_event_whenever_it_comes() -> None:
    """Before the event, after it, at an earlier time, after the snapshot."""
    world = World()
    world.void("before", 900)
    for name in ("before", "after", "earlier", "later", "kept"):
        world.add("lead.created", 100, event=name, lead_id=name)
    world.void("after", 900)
    world.void("earlier", 50)
    world.void("later", 5000)
    assert world.value("leads_new", at=1000) == 1


def test_copies_of_a_voided_event_are_voided_too() -> None:
    """Neither the duplicate nor the conflicting copy takes its place."""
    world = World()
    record = world.add("order.placed", 1, event="x", order_id="o", amount=5)
    world.put(record.value, topic="crm.orders")
    world.add("order.placed", 1, event="x", order_id="o", amount=7)
    world.void("x")
    assert world.value("orders") == 0


def test_a_void_cannot_be_voided() -> None:
    """Voids are final."""
    world = World()
    world.add("lead.created", 1, event="x", lead_id="l")
    void = world.void("x")
    world.void(f"v{void.offset}")
    assert world.value("leads_new") == 0


def test_a_void_reaches_its_own_party_only() -> None:
    """The same name with another party stays."""
    world = World()
    world.add("lead.created", 1, event="x", lead_id="l", party="bob")
    world.void("x", party="ada")
    assert world.value("leads_new") == 1


def test_what_cannot_be_read_does_not_count() -> None:
    """Poison, what is no money, foreign keys and tombstones are passed over."""
    world = World()
    world.put(b"{")
    world.put(None)
    world.add("order.placed", 1, order_id="o", amount=1, currency="XXX")
    value = encode_event("lead.created", id="k", source="crm", time=iso(1), subject="bob", data={"lead_id": "l"})
    world.put(value, party="ada")
    world.add("lead.created", 1, lead_id="l")
    assert (world.value("leads_new"), world.value("orders")) == (1, 0)


def test_what_was_sent_to_the_right_partition_counts_from_its_first_record() -> None:
    """The re-keyed copy has the same bytes and does not decide which record is first."""
    world = World()
    world.add("survey.answered", 1, event="x", survey_id="s", score=1, kind="nps", topic="crm.rekeyed")
    world.add("survey.answered", 1, event="x", survey_id="s", score=9, kind="nps", topic="crm.surveys")
    assert world.fraction("nps") == (1, 1)


def test_events_at_or_after_the_snapshot_are_not_known() -> None:
    """An order that is cancelled later still counts, and so does an open deal that is won later."""
    world = World()
    world.add("order.placed", 10, order_id="o", amount=1)
    world.add("order.cancelled", 20, order_id="o")
    assert world.value("orders", at=20) == 1
    assert world.value("orders", at=20.001) == 0


def test_records_may_come_in_several_loads() -> None:
    """The winner of a conflict is found over all of them; a later question sees what was loaded since."""
    world = World()
    first = world.add("order.placed", 1, event="x", order_id="o", amount=5)
    second = world.add("order.placed", 1, event="x", order_id="o", amount=7)
    other = world.add("order.placed", 1, order_id="p", amount=1)
    oracle, ask = Oracle(Reader()), Ask("revenue_net", "all", 0, END)
    oracle.load([second])
    assert oracle.answer([ask], END)[0].numerator == 7_000_000
    oracle.load([first, other])
    assert oracle.answer([ask], END)[0].numerator == 6_000_000


def test_any_text_survives_the_way_into_the_table() -> None:
    """Quotes, newlines, zero bytes, emoji: groups are named as the events name them; the empty text is no name."""
    channels = ['a"b', "new\nline", "zero\x00byte", "😀 é", "", "null", "\\", "a,b", "'; DROP TABLE records"]
    world = World()
    for number, channel in enumerate(channels):
        world.add("lead.created", 1, lead_id=str(number), channel=channel)
    expected = dict.fromkeys((channel or "unknown" for channel in channels), 1)
    assert world.groups("leads_new", "channel") == expected


def test_records_are_compared_by_topic_partition_and_offset() -> None:
    """Not by when they are loaded."""
    data = {"order_id": "o", "amount": 1}
    values = [
        encode_event("order.placed", id="x", source="crm", time=iso(1), subject="ada", data={**data, "amount": amount})
        for amount in (1, 2, 3)
    ]
    records = [
        Record("crm.orders", 1, 0, END, b"ada", values[0]),
        Record("crm.orders", 0, 10, END, b"ada", values[1]),
        Record("crm.orders", 0, 9, END, b"ada", values[2]),
    ]
    oracle = Oracle(Reader())
    oracle.load(records)
    assert oracle.answer([Ask("revenue_net", "all", 0, END)], END)[0].numerator == 3_000_000
