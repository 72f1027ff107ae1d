"""One shard: positions, rejects, parties that live elsewhere, and measures that are new."""

import random
from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_kpis.engine.batch import Batch, Gap, SourceRecord, header_encoder
from stream_kpis.engine.compiler import Plan, compile_catalogue
from stream_kpis.engine.definitions import DefinitionsChanged
from stream_kpis.engine.parties import VOIDS_MAX
from stream_kpis.engine.partition import murmur2, partition_of
from stream_kpis.engine.rekeying import REKEYED_TOPIC
from stream_kpis.engine.scopes import FORMAT, decoded
from stream_kpis.engine.shard import Shard
from stream_kpis.engine.tiles import Calendar
from stream_kpis.events.envelope import Reader, Reason, Record, encode_event
from stream_kpis.events.types import STRING_BYTES_MAX
from stream_kpis.journeys import JOURNEYS
from stream_kpis.kpis.schema import Measure
from stream_kpis.stream.topic_configs import RECORD_BYTES_MAX
from tests.engine.shards import (
    FOR_EVER_DAYS,
    TOPIC,
    UTC,
    Log,
    applied,
    batch,
    catalogue_of,
    in_batches,
    measures_of,
    new_shard,
    numbered,
    plan_of,
    records_of,
)
from tests.engine.worlds import NOW_MS, happenings, iso, random_happenings

LEADS = plan_of("leads")
DAY_MS = 86_400_000


def lead(number: int, party: str = "p", **more: Any) -> Record:
    """A lead created a minute ago."""
    value = encode_event(
        "lead.created",
        id=str(number),
        source="s",
        time=iso(NOW_MS - 60_000),
        subject=party,
        data={"lead_id": str(number)},
    )
    return Record(TOPIC, 0, number, NOW_MS, party.encode(), value)._replace(**more)


def created(log: Log) -> int:
    """How many leads there are."""
    return sum(n for key, cell in log.contents.items() if key.startswith("lead_created_flow") for (g, s), n in cell.items() if (g, s) == ("", 0))  # fmt: skip # noqa: E501


def test_a_batch_read_twice_counts_once() -> None:
    """What lies before the position is cut off, whole or in part."""
    shard, log = new_shard(LEADS), Log()
    records = [lead(n) for n in range(6)]
    for start, end in ((0, 4), (0, 4), (2, 6), (1, 3)):
        shard.apply(Batch(TOPIC, 0, start, end, records[start:end]))
    log.append(shard.take(NOW_MS))
    assert created(log) == 6
    assert shard.next == {TOPIC: 6}
    assert "duplicates" not in shard.counters


def test_a_batch_after_a_gap_is_refused_and_changes_nothing() -> None:
    """It says where to go on."""
    shard = new_shard(LEADS)
    shard.apply(Batch(TOPIC, 0, 5, 8, [lead(5)]))
    with pytest.raises(Gap, match="batch starts at 9, the shard is at 8") as gap:
        shard.apply(Batch(TOPIC, 0, 9, 10, [lead(9)]))
    assert gap.value.next_position == 8
    assert shard.next == {TOPIC: 8}
    assert shard.counters["events"] == 1


def test_positions_move_over_what_holds_no_records() -> None:
    """Control records and compacted ones."""
    shard = new_shard(LEADS)
    shard.take(NOW_MS)  # the first names the catalogue
    shard.apply(Batch(TOPIC, 0, 0, 3, []))
    shard.apply(Batch("crm.deals", 0, 10, 11, []))
    flush = shard.take(NOW_MS)
    assert flush.empty
    assert flush.header.next == {TOPIC: 3, "crm.deals": 11}


def test_a_flush_holds_what_changed_since_the_last() -> None:
    """And nothing twice."""
    shard = new_shard(LEADS)
    shard.apply(batch([lead(0)]))
    first, second = shard.take(NOW_MS), shard.take(NOW_MS)
    assert not first.empty
    assert second.empty
    assert (first.header.seq, second.header.seq) == (1, 2)
    assert first.header.reached == {TOPIC: NOW_MS}


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        (Reason.NOT_JSON, {"value": b"{"}),
        (Reason.NOT_JSON, {"value": None}),
        (Reason.UNKNOWN_TYPE, {"value": lead(0).value.replace(b"lead.created", b"lead.invented")}),  # type: ignore[union-attr]
        (Reason.INVALID, {"value": lead(0).value.replace(b'"lead_id"', b'"nobody"')}),  # type: ignore[union-attr]
        (Reason.KEY_MISMATCH, {"key": b"another"}),
        (Reason.IN_FUTURE, {"timestamp": NOW_MS - DAY_MS}),
        (Reason.TOO_LARGE, {"value": b" " * 70_000}),
    ],
)
def test_bad_records_become_dead_letters_with_their_origin(reason: Reason, change: dict[str, Any]) -> None:
    """Byte for byte, and the others of the batch count."""
    bad = lead(1, headers=(("trace", b"1"),))._replace(**change)
    log = applied(LEADS, [lead(0), bad, lead(2)])
    assert created(log) == 2
    (letter,) = log.dead_letters
    assert letter.reason == reason
    assert letter.detail
    assert bad[:] == (
        letter.topic,
        letter.partition,
        letter.offset,
        letter.timestamp,
        letter.key,
        letter.value,
        letter.headers,
    )
    assert log.header is not None
    assert log.header.counters[f"dead_letters:{reason}"] == 1


def test_what_no_journey_takes_is_counted_as_unused() -> None:
    """And neither kept nor rejected."""
    value = encode_event(
        "cost.incurred", id="c", source="s", time=iso(NOW_MS), subject="p", data={"amount": 1, "kind": "labour"}
    )
    shard = new_shard(LEADS)
    shard.take(NOW_MS)  # the first names the catalogue
    shard.apply(batch([lead(0, value=value)]))
    flush = shard.take(NOW_MS)
    assert flush.empty
    assert flush.header.counters["unused"] == 1


def test_an_event_older_than_its_entity_s_seal_is_a_dead_letter() -> None:
    """Thirty days after what sealed it was recorded; other entities are none the worse."""
    shard, log = new_shard(plan_of("deals"), disorder_days=30), Log()

    def deal(offset: int, number: int, recorded_ms: int) -> Record:
        value = encode_event(
            "deal.won",
            id=f"{offset}",
            source="s",
            time=iso(recorded_ms - offset),
            subject="p",
            data={"deal_id": str(number)},
        )
        return Record(TOPIC, 0, offset, recorded_ms, b"p", value)

    shard.apply(batch([deal(0, 1, NOW_MS - 40 * DAY_MS)]))
    log.append(shard.take(NOW_MS))
    shard.apply(batch([deal(1, 1, NOW_MS - 40 * DAY_MS), deal(2, 2, NOW_MS - 40 * DAY_MS), deal(3, 1, NOW_MS)]))
    log.append(shard.take(NOW_MS))
    assert [(letter.reason, letter.offset) for letter in log.dead_letters] == [(Reason.SEALED, 1)]
    assert [key for key in log.parties if b"archive" in key]


def test_a_failing_void_is_no_disaster() -> None:
    """A journey may fail on what a void leaves behind: an event of long ago."""
    step = JOURNEYS["leads"].step

    def failing(state: Any, event: Any) -> None:
        if event.id == "2" and state.seq == 0:
            raise RuntimeError("a mistake in the journey")
        step(state, event)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(JOURNEYS, "leads", JOURNEYS["leads"]._replace(step=failing))
        plan = compile_catalogue(catalogue_of(**measures_of("leads")))
        void = encode_event(
            "event.voided", id="v", source="s", time=iso(NOW_MS), subject="p", data={"source": "s", "id": "1"}
        )
        log = in_batches(plan, [[lead(1), lead(2)], [lead(3, value=void)], [lead(4)]])
    assert created(log) == 1
    assert [letter.reason for letter in log.dead_letters] == [Reason.INTERNAL_ERROR]


def test_what_no_journey_reads_of_an_event_is_not_kept() -> None:
    """An order's lines would make its party's record larger than Kafka takes."""
    items = [{"product": f"product {n}", "quantity": 1} for n in range(200)]
    data = {"order_id": "o", "amount": 7, "items": items, "lead_id": "l"}
    value = encode_event("order.placed", id="o", source="s", time=iso(NOW_MS), subject="p", data=data)
    for journey in ("leads", "orders", "purchases"):
        log = applied(plan_of(journey), [lead(0)._replace(value=value)])
        assert all(len(kept) < 200 for kept in log.parties.values())
        assert applied(plan_of(journey), numbered([lead(0)._replace(value=value)] * 2)).contents == log.contents


def test_each_event_without_an_entity_s_id_is_an_entity() -> None:
    """Found again by its source and id, for its duplicates, conflicts and voids; no list of them grows."""

    def logged(id_: str, direction: str = "out", **data: str) -> Record:
        value = encode_event(
            "interaction.logged",
            id=id_,
            source="s",
            time=iso(NOW_MS),
            subject="p",
            data={"direction": direction, **data},
        )
        return lead(0)._replace(value=value)

    void = {"source": "s", "id": "3"}
    taken_back = encode_event("event.voided", id="v", source="s", time=iso(NOW_MS), subject="p", data=void)
    events = [
        *map(logged, "1123"),
        logged("1", "in"),
        logged("4", interaction_id=""),
        lead(0)._replace(value=taken_back),
    ]
    plan = plan_of("interactions")
    log = applied(plan, numbered(events))
    total = sum(cell.get(("", 0), 0) for key, cell in log.contents.items() if key.startswith("interaction_flow"))
    assert total == 3
    assert [letter.reason for letter in log.dead_letters] == [Reason.ID_CONFLICT]
    assert log.header is not None
    assert log.header.counters["duplicates"] == 1
    scopes = [key for key in log.parties if msgspec.msgpack.decode(key)[0] == "interactions"]
    assert sorted(msgspec.msgpack.decode(key)[2] for key in scopes) == [["s", id_] for id_ in "1234"]
    restored = log.recovered(plan)
    restored.apply(Batch(TOPIC, 0, len(events), len(events) + 1, [logged("2")._replace(offset=len(events))]))
    assert restored.counters["duplicates"] == 2


# Parties that live elsewhere.


@settings(max_examples=15, derandomize=True, deadline=None, database=None)
@given(st.integers(0, 1 << 30), st.integers(1, 4))
def test_misrouted_events_reach_their_party(seed: int, partitions: int) -> None:
    """Through the topic of the re-keyed: bytes, headers and timestamps as they were; the sum is the same."""
    dice = random.Random(seed)
    events = random_happenings(dice, 6, 8)
    plan = plan_of("orders")
    shards = [Shard(plan, n, partitions, Reader(), UTC, FOR_EVER_DAYS) for n in range(partitions)]
    logs = [Log() for _ in shards]
    topics: list[list[Record]] = [[] for _ in shards]
    for record in records_of(events):
        topic = topics[dice.randrange(partitions)]
        topic.append(record._replace(offset=len(topic), headers=(("n", b"1"),)))
    sent: list[SourceRecord] = []
    for shard, log, topic in zip(shards, logs, topics, strict=True):
        if topic:
            shard.apply(batch(topic))
        log.append(shard.take(NOW_MS))
        sent += [Record(REKEYED_TOPIC, r.partition, 0, r.timestamp, r.key, r.value, r.headers) for r in log.rekeyed]
    for number, (shard, log) in enumerate(zip(shards, logs, strict=True)):
        arrived = numbered([r for r in sent if isinstance(r, Record) and r.partition == number])
        shard.apply(Batch(REKEYED_TOPIC, number, 0, len(arrived), arrived))
        log.append(shard.take(NOW_MS))
    assert sum_of(logs) == sum_of([applied(plan, records_of(events))])
    assert all(record.headers == (("n", b"1"),) for record in sent)
    assert {reason for log in logs for reason in (letter.reason for letter in log.dead_letters)} <= {Reason.INVALID}


def sum_of(logs: list[Log]) -> Counter[tuple[str, str, int]]:
    """The cells of some shards, added up."""
    total: Counter[tuple[str, str, int]] = Counter()
    for log in logs:
        for key, cell in log.contents.items():
            for (group, slot), n in cell.items():
                total[key, group, slot] += n
    return Counter({key: n for key, n in total.items() if n})


def test_a_record_re_keyed_once_is_not_sent_again() -> None:
    """Should partition counts differ, it would go round for ever."""
    shard = Shard(LEADS, 0, 3, Reader(), UTC)
    party = next(f"p{n}" for n in range(20) if partition_of(f"p{n}".encode(), 3) != 0)
    shard.apply(Batch(REKEYED_TOPIC, 0, 0, 1, [lead(0, party)]))
    flush = shard.take(NOW_MS)
    assert [letter.reason for letter in flush.dead_letters] == [Reason.MISROUTED]
    assert not flush.rekeyed


@pytest.mark.parametrize(
    ("key", "expected"),
    [(b"", 275646681), (b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536),
     (b"a-little-bit-longer-string", -1486304829), (b"abc", 479470107)],
)  # fmt: skip
def test_parties_are_partitioned_as_kafka_does(key: bytes, expected: int) -> None:
    """Values of Kafka's own test of murmur2, and of its default partitioner."""
    assert expected & 0xFFFFFFFF == murmur2(key)
    assert (expected & 0x7FFFFFFF) % 12 == partition_of(key, 12)


# Measures that are new.


def grown(plan: Plan, **measures: Measure) -> Plan:
    """The plan with further measures."""
    return compile_catalogue(catalogue_of(**{**plan.catalogue.measures, **measures}))


@pytest.mark.parametrize("journey", sorted(JOURNEYS))
@settings(max_examples=10, derandomize=True, deadline=None, database=None)
@given(st.data(), st.integers(1, 60))
def test_a_new_measure_is_as_if_it_had_always_been(journey: str, data: Any, disorder_days: int) -> None:
    """Built from the parties, sealed or not; what was there stays as it is."""
    events = sorted(data.draw(happenings(journey)), key=lambda event: event.time_ms)
    records = [r._replace(timestamp=e.time_ms) for e, r in zip(events, records_of(events), strict=True)]
    measures = measures_of(journey)
    old_names = [name for n, name in enumerate(sorted(measures)) if n % 2 == 0]
    old_plan = compile_catalogue(catalogue_of(**{name: measures[name] for name in old_names}))
    # The journey runs for whichever measures there are; lacking one fact's measures, it runs for the other's.
    log, shard = Log(), new_shard(old_plan, disorder_days=disorder_days)
    for record in records:
        shard.apply(batch([record]))
        log.append(shard.take(record.timestamp))
    log.append(shard.take(NOW_MS))
    reborn = log.recovered(plan_of(journey), disorder_days=disorder_days)
    log.settle(reborn, NOW_MS)
    always, whole = Log(), new_shard(plan_of(journey), disorder_days=disorder_days)
    for record in records:
        whole.apply(batch([record]))
        always.append(whole.take(record.timestamp))
    always.append(whole.take(NOW_MS))
    assert always.contents == log.contents
    assert log.header is not None
    assert log.header.definitions == {
        **plan_of(journey).definitions,
        "zone": "UTC",
        "currency": "USD",
        "format": FORMAT,
    }


def test_a_changed_measure_is_built_anew_and_its_old_cells_are_not_read() -> None:
    """Another grouping is another definition."""
    log = applied(compile_catalogue(catalogue_of(leads=Measure(flow="lead_created"))), [lead(0), lead(1)])
    plan = compile_catalogue(catalogue_of(leads=Measure(flow="lead_created", by=("owner",))))
    shard = log.recovered(plan)
    shard.apply(batch([lead(2)]))
    flush = Log()
    flush.append(shard.take(NOW_MS))
    assert {("", 0): 3} in flush.contents.values()
    assert {("unknown", 0): 3} in flush.contents.values()


def test_a_measure_of_a_journey_that_never_ran_needs_a_new_beginning() -> None:
    """Its events were not kept; the message says what to do."""
    log = applied(LEADS, [lead(0)])
    with pytest.raises(DefinitionsChanged, match="journey tickets did not run before; start with a new app id"):
        log.recovered(grown(LEADS, more=Measure(flow="ticket_solved_first")))


def test_a_catalogue_that_is_rolled_back_counts_nothing_twice() -> None:
    """From one grouping to another and back: the cells of the first time are gone, in the log too."""
    first = compile_catalogue(catalogue_of(leads=Measure(flow="lead_created")))
    second = compile_catalogue(catalogue_of(leads=Measure(flow="lead_created", by=("owner",))))
    log = applied(first, [lead(0), lead(1)])
    log.append(log.recovered(second).take(NOW_MS))
    log.settle(log.recovered(first), NOW_MS)
    assert list(log.contents.values()) == [{("", 0): 2}]


def test_cells_of_before_are_not_believed_when_a_catalogue_comes_back() -> None:
    """They stayed for whoever still shows them; meanwhile more was counted under the other one."""
    first = compile_catalogue(catalogue_of(leads=Measure(flow="lead_created")))
    second = compile_catalogue(catalogue_of(leads=Measure(flow="lead_created", by=("owner",))))
    log = applied(first, [lead(0), lead(1)])
    shard = log.recovered(second)
    log.append(shard.take(NOW_MS))
    shard.apply(batch([lead(2)]))
    log.append(shard.take(NOW_MS))
    shard = log.recovered(first)
    shard.apply(batch([lead(3)]))
    log.settle(shard, NOW_MS)
    assert list(log.contents.values()) == [{("", 0): 4}]


@pytest.mark.parametrize(("what", "other"), [("zone", Calendar("Asia/Kathmandu")), ("currency", Reader("EUR"))])
def test_state_of_another_zone_or_currency_is_refused(what: str, other: Calendar | Reader) -> None:
    """Its days are cut elsewhere, its sums are of other money."""
    log = applied(LEADS, [lead(0)])
    assert log.header is not None
    calendar = other if isinstance(other, Calendar) else Calendar()
    shard = Shard(LEADS, 0, 1, other if isinstance(other, Reader) else Reader(), calendar)
    shard.restore_header(header_encoder.encode(log.header))
    with pytest.raises(DefinitionsChanged, match=f"this state has the {what}"):
        shard.restored()


def test_a_changed_journey_builds_its_measures_anew_unless_some_of_it_is_sealed() -> None:
    """The hash of a measure holds the version of its journey."""
    log = applied(LEADS, [lead(0)])
    assert log.header is not None
    changed = {name: "0" if name == "journey:leads" else "old" for name in log.header.definitions}
    changed |= {"zone": "UTC", "currency": "USD", "format": log.header.definitions["format"]}
    header = msgspec.structs.replace(log.header, definitions=changed)
    shard = Shard(LEADS, 0, 1, Reader(), Calendar())
    for key, value in log.parties.items():
        shard.restore_party(key, value)
    shard.restore_header(header_encoder.encode(header))
    shard.restored()
    rebuilt = Log()
    rebuilt.append(shard.take(NOW_MS))
    assert rebuilt.contents == log.contents


def test_a_void_of_what_is_not_known_is_counted() -> None:
    """It may come before its event, or after its event was sealed."""
    shard = Shard(LEADS, 0, 1, Reader(), Calendar())
    shard.apply(batch([void_of(0, 0)]))
    assert shard.counters["voids_unmatched"] == 1


def test_an_entity_takes_no_more_events_than_its_record_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound they are dead letters, and the others go on."""
    monkeypatch.setattr("stream_kpis.engine.scopes.EVENTS_MAX", 2)
    shard = Shard(LEADS, 0, 1, Reader(), Calendar())
    shard.apply(batch([lead(number) for number in range(3)]))
    assert [letter.reason for letter in shard.take(NOW_MS).dead_letters] == ["too_many"]


@pytest.mark.parametrize("every", [1, 2, 9])
def test_an_entity_takes_no_more_bytes_than_its_record_can_hold(every: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes beyond them is a dead letter, whatever the flushes; of an order that is what is kept of it."""
    monkeypatch.setattr("stream_kpis.engine.scopes.BYTES_MAX", 500)
    items = [{"product": "p" * 200, "quantity": 1}]
    records = [
        of_party("order.placed", f"{n}", NOW_MS - n % 3, n, order_id=f"{n}", amount=1, items=items) for n in range(9)
    ]
    shard, dead = Shard(plan_of("leads"), 0, 1, Reader(), Calendar()), []
    for begin in range(0, len(records), every):
        shard.apply(batch(records[begin : begin + every]))
        dead += shard.take(NOW_MS).dead_letters
    assert {letter.reason for letter in dead} == {"too_many"}
    assert dead[0].detail.startswith("its leads entity has 5")
    assert [letter.offset for letter in dead] == list(range(9 - len(dead), 9))
    assert 3 < 9 - len(dead) < 9, "of the items alone two would be too many"


@pytest.mark.parametrize("restarts", [False, True])
def test_what_cannot_be_sealed_is_left_alone(restarts: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not folded and written again at every flush; what comes later of it counts as ever."""
    monkeypatch.setattr("stream_kpis.engine.scopes.BYTES_MAX", 500)
    plan, old_ms, ids = plan_of("expansion"), NOW_MS - 3 * DAY_MS, ["o" * 150, "p" * 150]
    placed = [of_party("order.placed", id_[0], old_ms, n, old_ms, order_id=id_, amount=1) for n, id_ in enumerate(ids)]
    late = of_party("order.cancelled", "c", old_ms + 5, 2, old_ms, order_id=ids[0])
    shard, log = Shard(plan, 0, 1, Reader(), Calendar(), 1), Log()
    shard.apply(batch(placed))
    log.append(shard.take(NOW_MS))
    if restarts:
        shard = log.recovered(plan, disorder_days=1)
        log.append(shard.take(NOW_MS))
        log.append(shard.take(NOW_MS))
    assert shard.counters["unsealable"] == 1
    assert [shard.take(NOW_MS).parties for _ in range(3)] == [[], [], []]
    shard.apply(batch([late]))
    flush = shard.take(NOW_MS)
    log.append(flush)
    assert [decoded(value or b"").seal for _, value in flush.parties] == [None]
    assert log.contents == applied(plan, [*placed, late]).contents
    assert not log.dead_letters


def test_a_party_has_no_more_voids_than_their_record_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those beyond are dead letters; one that is known is a duplicate."""
    monkeypatch.setattr("stream_kpis.engine.parties.VOIDS_MAX", 2)
    shard = Shard(LEADS, 0, 1, Reader(), Calendar())
    shard.apply(batch([void_of(number % 3, number) for number in range(5)]))
    assert [(letter.reason, letter.offset) for letter in shard.take(NOW_MS).dead_letters] == [("too_many", 2)]
    assert (shard.counters["duplicates"], shard.counters["voids_unmatched"]) == (2, 2)


def test_the_longest_voids_of_a_party_fit_into_a_record() -> None:
    """Each names a source and an id."""
    voids = [(f"{number:{STRING_BYTES_MAX}}", " " * STRING_BYTES_MAX) for number in range(VOIDS_MAX)]
    assert len(msgspec.msgpack.encode(voids)) < RECORD_BYTES_MAX - (64 << 10)


def void_of(voided: int, number: int) -> Record:
    """The void of an event of the party p that never came."""
    data = {"source": "s", "id": f"never {voided}"}
    value = encode_event("event.voided", id=f"v{number}", source="s", time=iso(NOW_MS), subject="p", data=data)
    return lead(number)._replace(value=value)


def of_party(kind: str, id_: str, at_ms: int, offset: int, recorded_ms: int = NOW_MS, **data: Any) -> Record:
    """One event of the party p."""
    value = encode_event(kind, id=id_, source="s", time=iso(at_ms), subject="p", data=data)
    return Record(TOPIC, 0, offset, recorded_ms, b"p", value)


def total(log: Log, measure: str) -> int:
    """The count of a flow over all time."""
    return sum(cell.get(("", 0), 0) for key, cell in log.contents.items() if key.startswith(f"{measure}\x1f"))


def test_an_event_is_taken_back_in_all_its_scopes_or_in_none() -> None:
    """One scope has sealed it, the other not yet: then it is sealed."""
    plan = compile_catalogue(catalogue_of(**measures_of("orders"), **measures_of("purchases")))
    log, shard, begin = Log(), new_shard(plan, disorder_days=5), NOW_MS - 20 * DAY_MS
    for offset, (kind, id_, days, data) in enumerate(
        (
            ("order.placed", "1", 0, {"order_id": "o1", "amount": 1}),
            ("order.placed", "2", 6, {"order_id": "o2", "amount": 1}),
            ("event.voided", "v", 6, {"source": "s", "id": "1"}),
        )
    ):
        at_ms = begin + days * DAY_MS
        shard.apply(batch([of_party(kind, id_, at_ms, offset, at_ms, **data)]))
        log.append(shard.take(at_ms))
    assert total(log, "order_placed_flow") == total(log, "buyer_last_flow") + total(log, "buyer_second_flow") == 2
    assert shard.counters["voids_unmatched"] == 1


@pytest.mark.parametrize("extra", [True, False])
def test_a_failure_that_causes_others_takes_its_events_out_everywhere(extra: bool) -> None:
    """A void makes leads fail on an order; without it, the order's own scope fails on its refund."""
    leads, orders = JOURNEYS["leads"].step, JOURNEYS["orders"].step

    def leads_failing(state: Any, event: Any) -> None:
        if event.id == "Y" and not state.seq:
            raise RuntimeError("a mistake in the journey")
        leads(state, event)

    def orders_failing(state: Any, event: Any) -> None:
        if event.id == "Z" and state.placed_ms is None:
            raise RuntimeError("a mistake in the journey")
        orders(state, event)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(JOURNEYS, "leads", JOURNEYS["leads"]._replace(step=leads_failing))
        patch.setitem(JOURNEYS, "orders", JOURNEYS["orders"]._replace(step=orders_failing))
        plan = compile_catalogue(catalogue_of(**measures_of("leads"), **measures_of("orders")))
        first = [
            of_party("lead.created", "X", NOW_MS - 900, 0, lead_id="1"),
            of_party("order.placed", "Y", NOW_MS - 500, 1, order_id="o", amount=1, lead_id="1"),
            of_party("order.refunded", "Z", NOW_MS - 400, 2, order_id="o", refund_id="r", amount=1),
        ]
        then = [of_party("event.voided", "v", NOW_MS, 3, source="s", id="X")]
        if extra:
            then.append(of_party("order.refunded", "R", NOW_MS - 300, 4, order_id="o", refund_id="r2", amount=1))
        log = in_batches(plan, [first, then])
    assert [letter.reason for letter in log.dead_letters] == [Reason.INTERNAL_ERROR] * 2
    assert (total(log, "order_placed_flow"), total(log, "lead_created_flow")) == (0, 0)


def test_what_is_refused_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither an entity of its party, nor a scope, however often somebody looks."""
    monkeypatch.setattr("stream_kpis.engine.parties.DECODED_MAX", 0)
    plan = compile_catalogue(catalogue_of(**measures_of("orders"), **measures_of("purchases")))
    shard = new_shard(plan)
    same = [of_party("order.placed", "1", NOW_MS, n, order_id=f"o{n}", amount=n) for n in range(20)]
    for record in same:
        shard.apply(batch([record]))
        shard.take(NOW_MS)
    assert shard.counters["dead_letters:id_conflict"] == 19
    assert [len(keys) for keys in shard._parties._scopes.values()] == [2]


@pytest.mark.parametrize("other", ["1", "2"])
def test_state_of_another_form_is_refused_whatever_is_counted(other: str) -> None:
    """Before anything of it is decoded."""
    plan = plan_of("activity")
    log = applied(plan, [lead(0)])
    assert log.header is not None
    shard = new_shard(plan)
    shard.restore_party(next(iter(log.parties)), b"\x93\xc0\xc0\x90")
    shard.restore_header(header_encoder.encode(msgspec.structs.replace(log.header, definitions={"format": other})))
    with pytest.raises(DefinitionsChanged, match="another version"):
        shard.restored()
