"""Faults on the way: everything arrives, and what is spoiled is spoiled as declared."""

from collections import Counter

import pytest
from aiokafka.partitioner import murmur2

from stream_kpis.events.envelope import Incoming, Reader, Reason
from stream_kpis.proof.simulate import FAULTS, POISONS, FaultyLine, Simulated, Simulation, faults
from stream_kpis.proof.simulate.dice import DAY, MINUTE

UNTIL = 1_790_000_000_000


@pytest.fixture(scope="module")
def history() -> list[Simulated]:
    return list(Simulation(seed=1, parties=300).history(15_000, 30, UNTIL))


def arrived(history: list[Simulated], *kinds: str) -> list[Simulated]:
    return list(faults(history, kinds, seed=7))


def test_without_faults_everything_arrives_as_it_was(history: list[Simulated]) -> None:
    assert history == arrived(history)


@pytest.mark.parametrize("kind", FAULTS)
def test_no_fault_loses_an_event(history: list[Simulated], kind: str) -> None:
    sent = Counter((event.topic, event.value) for event in history)
    assert Counter() == sent - Counter((event.topic, event.value) for event in arrived(history, kind))


def test_the_same_seed_gives_the_same_faults_and_another_others(history: list[Simulated]) -> None:
    one, again = (list(faults(history, FAULTS, seed=1)) for _ in range(2))
    assert one == again
    assert one != list(faults(history, FAULTS, seed=2))


def test_duplicates_are_the_same_records_again(history: list[Simulated]) -> None:
    more = Counter(arrived(history, "duplicate")) - Counter(history)
    assert 0.01 * len(history) < sum(more.values()) < 0.03 * len(history)
    assert set(more) <= set(history)
    assert set(more.values()) == {1}, "a copy is not copied again"


def test_late_records_arrive_up_to_three_days_after_their_time(history: list[Simulated]) -> None:
    now, delays = 0, []
    for event in arrived(history, "late"):
        now = max(now, event.time_ms)
        delays.append(now - event.time_ms)
    assert 30 * MINUTE < max(delays) <= 3 * DAY
    assert 0 < sum(delay > 0 for delay in delays) < 0.03 * len(history)


def test_shuffling_disturbs_order_within_a_minute(history: list[Simulated]) -> None:
    now, delays = 0, []
    for event in arrived(history, "shuffle"):
        now = max(now, event.time_ms)
        delays.append(now - event.time_ms)
    assert 0 < max(delays) <= MINUTE


def test_misrouted_records_go_to_another_partition_that_exists(history: list[Simulated]) -> None:
    found = [event for event in arrived(history, "misroute") if event.partition is not None]
    assert 0.005 * len(history) < len(found) < 0.02 * len(history)
    assert all(0 <= event.partition < 12 for event in found)
    assert all((murmur2(event.party.encode()) & 0x7FFFFFFF) % 12 != event.partition for event in found)


@pytest.mark.parametrize("poison", POISONS, ids=lambda poison: poison.name)
def test_poison_is_refused_for_the_declared_reason(history: list[Simulated], poison: object) -> None:
    reader = Reader()
    for number, event in enumerate(history[:: len(history) // 200]):
        bad = poison.spoil(event, number)
        found = reader.read(bad.value, bad.party.encode(), UNTIL)
        if poison.reason is Reason.ID_CONFLICT:  # the reader knows one event at a time
            original = reader.read(event.value, event.party.encode(), UNTIL).event
            assert isinstance(found, Incoming)
            assert (original.source, original.id, type(original.data)) == (
                found.event.source,
                found.event.id,
                type(found.event.data),
            )
            assert original.crc != found.event.crc
            assert original.time_ms != found.event.time_ms
        else:
            assert poison.reason == found.reason
            assert poison.reason is Reason.NOT_JSON or b'"bad' in bad.value, "an id of its own: no conflict as well"


def test_every_poison_occurs_and_conflicts_come_after_what_they_contradict(history: list[Simulated]) -> None:
    reader, originals, seen = Reader(), set(history), {}
    bad, conflicts = Counter(), 0
    for record in faults(history, FAULTS, seed=7):
        found = reader.read(record.value, record.party.encode(), UNTIL + 10 * DAY)
        if not isinstance(found, Incoming):
            bad[found.reason] += 1
            continue
        identity = (found.event.source, found.event.id)
        if record._replace(partition=None) in originals:
            seen.setdefault(identity, record.value)
        else:
            conflicts += 1
            assert identity in seen
            assert seen[identity] != record.value
    assert {poison.reason for poison in POISONS} - {Reason.ID_CONFLICT} == set(bad)
    assert conflicts > 0


def test_a_line_that_is_asked_now_and_then_delivers_what_an_iterator_does(history: list[Simulated]) -> None:
    line, found = FaultyLine(FAULTS, seed=7), []
    for number, event in enumerate(history):
        line.send(event)
        if number % 7 == 0:
            found += line.arrived(event.time_ms)
    found += line.rest()
    assert Counter(arrived(history, *FAULTS)) == Counter(found)


def test_unknown_faults_are_refused() -> None:
    with pytest.raises(ValueError, match="no fault flood; there are duplicate, late"):
        FaultyLine({"late", "flood"}, seed=1)
