"""The engine without Kafka: events laid out as Kafka would, then applied topics in any order, in any batches."""

import random
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence

from stream_kpis.engine.batch import Batch
from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.partition import partition_of
from stream_kpis.engine.rekeying import hand_over
from stream_kpis.engine.shard import Shard
from stream_kpis.engine.tiles import HOUR_MS, Calendar
from stream_kpis.events.envelope import Reader, Record
from stream_kpis.events.money import Rate
from stream_kpis.events.rates import Rates
from stream_kpis.kpis.goals import NO_GOALS, Goals
from stream_kpis.live.model.read_model import ReadModel
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


class _Told:
    """Rates that are known from the beginning, if they are of a file, or read little by little in their order."""

    def __init__(self, rates: Sequence[Rate], reporting: str) -> None:
        self.known = Rates(reporting)
        self._to_come = deque(rate for rate in rates if rate.known_ms)
        for rate in rates:
            if not rate.known_ms:
                self.known.add(rate)

    def read(self, count: int) -> None:
        for _ in range(min(count, len(self._to_come))):
            self.known.add(self._to_come.popleft())

    def read_until(self, time_ms: int) -> None:
        """All that were made known until then."""
        while self._to_come and self._to_come[0].known_ms <= time_ms:
            self.known.add(self._to_come.popleft())


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

    The model reads at random moments too, as from a compacted topic: of each cell the last value. What a shard sends on
    reaches the others, as through the topic of the re-keyed in Kafka. ``rates`` come at random moments, in their order,
    but each is read within the hour, as the definitions have it; those of a file are known from the beginning.
    """
    model, told = ReadModel(plan, calendar, goals=goals), _Told(rates, reader.currency)
    shards = [Shard(plan, number, partitions, reader, calendar, rates=told.known) for number in range(partitions)]
    flushed: list[dict[bytes, bytes | None]] = [{} for _ in shards]

    def reached_ms() -> int:
        """Up to when everything was applied; what is re-keyed is as old as where it came from."""
        behind = [(t, shards[p]) for (t, p), log in logs.items() if shards[p].next.get(t, 0) < len(log)]
        return min((shard.reached.get(topic, 0) for topic, shard in behind), default=now_ms)

    def flush(shard: Shard) -> bool:
        """Whether it sent something on."""
        now_ms = reached_ms()
        told.read_until(now_ms - HOUR_MS)
        taken = shard.take(now_ms)
        flushed[shard.partition].update(taken.cells)
        hand_over(taken.rekeyed, shards)
        return bool(taken.rekeyed)

    def read(partition: int) -> None:
        model.apply(partition, flushed[partition].items())
        flushed[partition] = {}

    for batch in batches(logs, dice):
        told.read(dice.randrange(_RATES_MAX))
        shard = shards[batch.partition]
        sent_before = shard.counters["rekeyed"]
        shard.apply(batch)
        if shard.counters["rekeyed"] > sent_before or dice.random() < FLUSHED:
            flush(shard)
        if dice.random() < READ:
            read(batch.partition)
    told.read_until(now_ms)
    while sum(flush(shard) for shard in shards):  # each of them, until nothing is sent on
        pass
    for shard in shards:
        read(shard.partition)
    return model, shards
