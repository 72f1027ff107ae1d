"""Simulated events laid out as Kafka would, and cut into batches in any way Kafka might."""

import random
from collections import Counter

import pytest

from stream_kpis.engine.compiler import compile_catalogue
from stream_kpis.engine.partition import partition_of
from stream_kpis.engine.tiles import Calendar
from stream_kpis.events.envelope import Reader, Reason
from stream_kpis.kpis.load import built_in
from stream_kpis.proof.replay import BATCH_MAX, batches, laid_out, replay
from stream_kpis.proof.simulate import FAULTS, Simulated, Simulation, faults

pytestmark = pytest.mark.slow

NOW_MS = 1_796_000_000_000
HISTORY = list(Simulation(5, 20).history(2_000, 60, NOW_MS))


def test_every_event_lies_in_its_party_s_partition_in_order_of_arrival() -> None:
    """Offsets begin at 0 and have no gaps; timestamps never fall."""
    logs = laid_out(HISTORY, 3, NOW_MS)
    assert sum(len(log) for log in logs.values()) == len(HISTORY)
    for (topic, partition), log in logs.items():
        assert [record.offset for record in log] == list(range(len(log)))
        assert [record.timestamp for record in log] == sorted(record.timestamp for record in log)
        assert {(topic, partition)} == {(record.topic, record.partition) for record in log}
        assert {partition} == {partition_of(record.key or b"", 3) for record in log}


def test_what_arrives_late_was_recorded_late() -> None:
    """And nothing is recorded after the end."""
    times_ms = {b"1": 1_000, b"2": 500, b"3": 9_000}
    events = [Simulated("crm.orders", "p", value, time_ms) for value, time_ms in times_ms.items()]
    (log,) = laid_out(events, 1, 8_000).values()
    assert [record.timestamp for record in log] == [1_000, 1_000, 8_000]


def test_a_misrouted_event_lies_where_it_was_sent() -> None:
    """Whatever its key says."""
    assert list(laid_out([Simulated("crm.orders", "p", b"1", 1, 2)], 3, 9)) == [("crm.orders", 2)]


def test_batches_cover_each_log_in_order() -> None:
    """Without gaps, of any size; the same dice cut the same."""
    logs = laid_out(HISTORY, 2, NOW_MS)
    cut = list(batches(logs, random.Random(1)))
    assert cut == list(batches(logs, random.Random(1)))
    assert cut != list(batches(logs, random.Random(2)))
    at = dict.fromkeys(logs, 0)
    for batch in cut:
        where = batch.topic, batch.partition
        assert batch.start == at[where]
        assert 0 < len(batch.records) == batch.end - batch.start <= BATCH_MAX
        assert logs[where][batch.start : batch.end] == batch.records
        at[where] = batch.end
    assert {where: len(log) for where, log in logs.items()} == at


def test_any_cut_gives_the_same_values() -> None:
    """With all faults, and one shard or three."""
    plan, reader, calendar = compile_catalogue(built_in()), Reader(), Calendar("Europe/Berlin")
    found = []
    for partitions, seed in ((3, 1), (3, 2), (3, 3)):
        logs = laid_out(faults(HISTORY, FAULTS, 5, 3), partitions, NOW_MS)
        model, shards = replay(plan, logs, partitions, reader, calendar, NOW_MS, random.Random(seed))
        assert all(
            shard.next.get(topic, 0) >= len(log)
            for shard in shards
            for (topic, p), log in logs.items()
            if p == shard.partition
        )
        found.append(model.snapshot(NOW_MS).values)
    assert found[0] == found[1] == found[2]


def test_faults_reach_the_engine() -> None:
    """Every reason that a damaged record can have, duplicates, voids, late and re-keyed events."""
    plan = compile_catalogue(built_in())
    history = Simulation(6, 40).history(8_000, 60, NOW_MS)
    logs = laid_out(faults(history, FAULTS, 6, 3), 3, NOW_MS)
    _, shards = replay(plan, logs, 3, Reader(), Calendar(), NOW_MS, random.Random(6))
    total: Counter[str] = Counter()
    for shard in shards:
        total += shard.counters
    assert all(total[name] for name in ("duplicates", "late", "rekeyed"))
    expected = set(Reason) - {
        Reason.INTERNAL_ERROR, Reason.MISROUTED, Reason.NO_RATE, Reason.SEALED, Reason.TOO_MANY
    }  # fmt: skip
    assert {reason for reason in Reason if total[f"dead_letters:{reason}"]} == expected
