"""The pipeline proved: what an exporter shows, against the oracle over the events in Kafka at the snapshot's cut."""

import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from operator import itemgetter
from typing import Any

from aiokafka import TopicPartition

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.rekeying import REKEYED_TOPIC
from stream_kpis.events.envelope import Reader, Record
from stream_kpis.events.rates import Rates, read_rates
from stream_kpis.events.types import TOPICS
from stream_kpis.kpis.goals import Goals, Target, told
from stream_kpis.kpis.schema import Kpi
from stream_kpis.live.model.pseudonyms import Pseudonyms
from stream_kpis.live.web.background import Tell
from stream_kpis.proof.compare import Difference
from stream_kpis.proof.exposed import exposed, ms_of
from stream_kpis.proof.under_way import counted
from stream_kpis.proof.verify import Proof, RatesKnown, Shown, prove, rates_known
from stream_kpis.settings import Settings
from stream_kpis.stream import lenient
from stream_kpis.stream.changelog import committed, end_offsets
from stream_kpis.stream.topics import RATES, TARGETS, Names

Cut = Mapping[tuple[str, int], int]


def cut_of(positions: Iterable[tuple[int, Mapping[str, int]]]) -> dict[tuple[str, int], int]:
    """How far shards had read the topics, by (topic, partition), from each shard's partition and positions."""
    known = {*TOPICS, REKEYED_TOPIC}
    return {(topic, partition): end for partition, ends in positions for topic, end in ends.items() if topic in known}


async def read_until(settings: Settings, cut: Cut, tell: Tell | None = None) -> AsyncIterator[Record]:
    """All records below a cut, by (plain topic, partition).

    Args:
        settings: of the deployment.
        cut: how far each partition is read.
        tell: told before the first and after each fetch how many offsets were passed, of how many; it may raise.
    """
    names = Names.of(settings)
    left = {TopicPartition(names.prefix + topic, partition): end for (topic, partition), end in cut.items() if end}
    if not left:  # aiokafka cannot stop a consumer that never did anything
        return
    lenient.install()
    kafka = committed(settings, fetch_max_wait_ms=50)
    await kafka.start()
    try:
        kafka.assign(list(left))
        starts = await kafka.beginning_offsets(list(left))
        ends = dict(left)
        for tp, start in starts.items():
            kafka.seek(tp, start)
        to_pass = sum(max(end - starts[tp], 0) for tp, end in ends.items())
        if tell is not None:
            tell(0, to_pass)
        while left:
            for tp, records in (await kafka.getmany(timeout_ms=500, max_records=20_000)).items():
                for r in records:
                    if r.offset < left.get(tp, 0):
                        topic = names.plain(r.topic)
                        yield Record(topic, r.partition, r.offset, r.timestamp, r.key, r.value, tuple(r.headers))
            positions = {tp: await kafka.position(tp) for tp in left}
            if tell is not None:
                ahead = sum(max(end - positions.get(tp, end), 0) for tp, end in ends.items())
                tell(to_pass - min(ahead, to_pass), to_pass)
            done = [tp for tp, end in left.items() if positions[tp] >= end]
            for tp in done:
                del left[tp]
            if done:
                kafka.pause(*done)
    finally:
        await kafka.stop()


async def read_counted(settings: Settings, cut: Cut, tell: Tell | None = None) -> tuple[list[Record], int]:
    """The records that count at a cut, and how many were read to know that; ``tell`` as for :func:`read_until`."""
    sent = await ends_of(settings, REKEYED_TOPIC)
    below: list[Record] = []
    under_way: list[Record] = []
    async for record in read_until(settings, {**cut, **sent}, tell):
        beyond = record.topic == REKEYED_TOPIC and record.offset >= cut.get((record.topic, record.partition), 0)
        (under_way if beyond else below).append(record)
    return counted(below, settings.partitions, under_way, settings.app), len(below) + len(under_way)


async def ends_of(settings: Settings, topic: str) -> Cut:
    """How far a topic reaches now, as far as it is committed."""
    names = Names.of(settings)
    partitions = names.partitions_of(names.prefix + topic, settings.partitions)
    async with committed(settings) as kafka:
        ends = await end_offsets(kafka, [names.prefix + topic], partitions)
    return {(topic, partition): end for (_, partition), end in ends.items()}


def rates_until(settings: Settings, records: Iterable[Record], until_ms: int) -> RatesKnown:
    """The rates of a deployment, as they were written: those of its file, then those of its topic.

    Args:
        settings: of the deployment.
        records: those of the topic of rates are taken, in their order.
        until_ms: those made known later are left out.

    Raises:
        ValueError: the file is wrong; the line names it.
    """
    rows = list(read_rates(settings.rates, settings.currency))
    for record in records:
        if record.topic == RATES and record.timestamp <= until_ms:
            said = Rates(settings.currency)
            said.add_record(record.value, record.timestamp)
            rows += said
    return rates_known(rows, settings.rates_carry_days)


def told_targets(records: Iterable[Record], kpis: Mapping[str, Kpi], currency: str) -> list[Target]:
    """What the topic of targets says: of each key the last record, in the order of their timestamps."""
    last: dict[bytes, tuple[tuple[int, int, int], Target | None]] = {}
    for record in records:
        target = None
        if record.value is not None:
            with contextlib.suppress(ValueError):
                target = told(record.value, kpis, currency)
        last[record.key or b""] = (record.timestamp, record.partition, record.offset), target
    return [target for _, target in sorted(last.values(), key=itemgetter(0)) if target is not None]


async def prove_snapshot(settings: Settings, plan: Plan, goals: Goals, snapshot: dict[str, Any]) -> Proof:
    """Compares every value in a snapshot's body of /metrics, and every operator's result, with the oracle's.

    Args:
        settings: of the deployment.
        plan: the exporter's.
        goals: likewise; those of the topic of targets are read.
        snapshot: the answer of ``/api/snapshot``.
    """
    operated = snapshot["operators"]
    shown = exposed(snapshot["metrics"], snapshot["values"], plan.catalogue.kpis, settings.currency, operated=operated)
    cut = cut_of((position["partition"], position["next"]) for position in snapshot["positions"])
    # No shard has a position in the topics of targets and rates, and they hardly change.
    told_beside = {**await ends_of(settings, TARGETS), **await ends_of(settings, RATES)}
    read = [record async for record in read_until(settings, told_beside)]
    of_targets = (record for record in read if record.topic == TARGETS)
    targets = told_targets(of_targets, plan.catalogue.kpis, settings.currency)
    records, _ = await read_counted(settings, cut)
    to_ms = max(value.to_ms for value in shown.values)
    proof = prove(
        plan, Shown(shown.values, to_ms, shown.results), records, Reader(settings.currency),
        settings.zone, goals._replace(targets=(*goals.targets, *targets)), Pseudonyms.of(settings),
        rates_until(settings, read, ms_of(snapshot["made"])),
    )  # fmt: skip
    strays = [Difference("/metrics", "", "", "", name, "shown", "belongs to no KPI") for name in shown.unread]
    differences = (*proof.report.differences, *shown.torn, *strays)
    return proof._replace(report=proof.report._replace(differences=differences))
