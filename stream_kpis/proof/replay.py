"""The engine without Kafka: events laid out as Kafka would, then applied topics in any order, in any batches."""

import random
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence

from stream_kpis.engine.batch import Batch
from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.partition import partition_of
from stream_kpis.engine.shard import REKEYED_TOPIC, Shard
from stream_kpis.engine.tiles import Calendar
from stream_kpis.events.envelope import Reader, Record
from stream_kpis.events.money import Rate
from stream_kpis.events.rates import Rates
from stream_kpis.kpis.goals import NO_GOALS, Goals
from stream_kpis.live.read_model import ReadModel
from stream_kpis.proof.simulate import Simulated

Logs = Mapping[tuple[str, int], Sequence[Record]]
BATCH_MAX = 700
_RATES_MAX = 50
FLUSHED = 0.2
"""After how many of the batches a shard is flushed."""
READ = 0.1
"""After how many of the batches the read model reads what a shard flushed."""


def laid_out(events: Iterable[Simulated], partitions: int, until_ms: int) -> dict[tuple[str, int], list[Record]]:
    """The logs of all partitions that the events make, in the order of their arrival.

    A record's timestamp is the latest time of any event before it: what arrives late was recorded late.
    """
    logs: dict[tuple[str, int], list[Record]] = {}
    clock_ms = 0
    for event in events:
        clock_ms = max(clock_ms, min(event.time_ms, until_ms))
        key = event.party.encode()
        partition = partition_of(key, partitions) if event.partition is None else event.partition
        log = logs.setdefault((event.topic, partition), [])
        log.append(Record(event.topic, partition, len(log), clock_ms, key, event.value))
    return logs


def batches(logs: Logs, dice: random.Random) -> Iterator[Batch]:
    """The logs cut into batches at random, each log in its order, the logs in any."""
    at = dict.fromkeys(logs, 0)
    while at:
        topic, partition = dice.choice(list(at))
        log, start = logs[topic, partition], at[topic, partition]
        end = min(start + dice.randrange(1, BATCH_MAX), len(log))
        yield Batch(topic, partition, start, end, log[start:end])
        if end == len(log):
            del at[topic, partition]
        else:
            at[topic, partition] = end


def replay(
    plan: Plan,
    logs: Logs,
    partitions: int,
    reader: Reader,
    calendar: Calendar,
    now_ms: int,
    dice: random.Random,
    goals: Goals = NO_GOALS,
    rates: Sequence[Rate] = (),
) -> tuple[ReadModel, list[Shard]]:
    """The read model after all records, with flushes at random moments, and the shards behind it.

    The model reads at random moments too, as from a compacted topic: of each cell the last value. Events in a wrong
    partition go through the topic of the re-keyed, as in Kafka. ``rates`` come at random moments, in their order.
    """
    model, known, to_come = ReadModel(plan, calendar, goals=goals), Rates(reader.currency), deque(rates)
    shards = [Shard(plan, number, partitions, reader, calendar, rates=known) for number in range(partitions)]
    flushed: list[dict[bytes, bytes | None]] = [{} for _ in shards]

    def reached_ms() -> int:
        """Up to when everything was applied; what is re-keyed is as old as where it came from."""
        behind = [(t, shards[p]) for (t, p), log in logs.items() if shards[p].next.get(t, 0) < len(log)]
        return min((shard.reached.get(topic, 0) for topic, shard in behind), default=now_ms)

    def flush(shard: Shard) -> None:
        taken = shard.take(reached_ms())
        flushed[shard.partition].update(taken.cells)
        for sent in taken.rekeyed:
            home = shards[sent.partition]
            at = home.next.get(REKEYED_TOPIC, 0)
            record = Record(REKEYED_TOPIC, sent.partition, at, sent.timestamp, sent.key, sent.value, sent.headers)
            home.apply(Batch(REKEYED_TOPIC, sent.partition, at, at + 1, [record]))

    def read(partition: int) -> None:
        model.apply(partition, flushed[partition].items())
        flushed[partition] = {}

    for batch in batches(logs, dice):
        for _ in range(dice.randrange(_RATES_MAX) if to_come else 0):
            known.add(to_come.popleft())
            if not to_come:
                break
        shard = shards[batch.partition]
        sent_before = shard.counters["rekeyed"]
        shard.apply(batch)
        if shard.counters["rekeyed"] > sent_before or dice.random() < FLUSHED:
            flush(shard)
        if dice.random() < READ:
            read(batch.partition)
    for rate in to_come:
        known.add(rate)
    for shard in shards:
        flush(shard)
        read(shard.partition)
    return model, shards
