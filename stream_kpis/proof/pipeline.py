"""The pipeline proved: what an exporter shows, against the oracle over the events in Kafka at the snapshot's cut."""

import contextlib
import functools
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.partition import partition_of
from stream_kpis.engine.shard import REKEYED_TOPIC
from stream_kpis.events.envelope import Reader, Record
from stream_kpis.events.types import TOPICS
from stream_kpis.kpis.goals import Goals, Target, told
from stream_kpis.kpis.schema import Kpi
from stream_kpis.live.pseudonyms import Pseudonyms
from stream_kpis.proof.compare import Difference
from stream_kpis.proof.exposed import exposed
from stream_kpis.proof.verify import Proof, Shown, prove
from stream_kpis.settings import Settings
from stream_kpis.stream import lenient
from stream_kpis.stream.connection import connection
from stream_kpis.stream.topics import TARGETS, Names

Cut = Mapping[tuple[str, int], int]


def cut_of(positions: Iterable[tuple[int, Mapping[str, int]]]) -> dict[tuple[str, int], int]:
    """How far shards had read the topics, by (topic, partition), from each shard's partition and positions."""
    known = {*TOPICS, REKEYED_TOPIC}
    return {(topic, partition): end for partition, ends in positions for topic, end in ends.items() if topic in known}


async def read_until(settings: Settings, cut: Cut) -> AsyncIterator[Record]:
    """All records below a cut, by (plain topic, partition)."""
    names = Names.of(settings)
    left = {TopicPartition(names.prefix + topic, partition): end for (topic, partition), end in cut.items() if end}
    if not left:  # aiokafka cannot stop a consumer that never did anything
        return
    lenient.install()
    kafka = AIOKafkaConsumer(
        **connection(settings), group_id=None, isolation_level="read_committed", enable_auto_commit=False,
        auto_offset_reset="none", max_partition_fetch_bytes=4 << 20,
    )  # fmt: skip
    await kafka.start()
    try:
        kafka.assign(list(left))
        for tp, start in (await kafka.beginning_offsets(list(left))).items():
            kafka.seek(tp, start)
        while left:
            for tp, records in (await kafka.getmany(timeout_ms=500, max_records=20_000)).items():
                for r in records:
                    if r.offset < left.get(tp, 0):
                        topic = names.plain(r.topic)
                        yield Record(topic, r.partition, r.offset, r.timestamp, r.key, r.value, tuple(r.headers))
            done = [tp for tp, end in left.items() if await kafka.position(tp) >= end]
            for tp in done:
                del left[tp]
            if done:
                kafka.pause(*done)
    finally:
        await kafka.stop()


def counted(records: Sequence[Record], partitions: int) -> list[Record]:
    """The records of the families that count at a cut: those in another partition than their party's once copied home.

    The re-keyed copy may still be on its way, beyond the cut of the shard that it goes to, while the original is read.
    """
    home = functools.cache(lambda party: partition_of(party, partitions))
    copied = {(record.key, record.value) for record in records if record.topic == REKEYED_TOPIC}
    kept = []
    for record in records:
        if record.topic != REKEYED_TOPIC:
            party = _party_of(record)
            if party is None or home(party) == record.partition or (party, record.value) in copied:
                kept.append(record)
    return kept


def _party_of(record: Record) -> bytes | None:
    """The party of a record, which may lack a key; None if it cannot be told."""
    if record.key is not None:
        return record.key
    subject = dict(record.headers).get("ce_subject")
    if subject is not None:
        return subject
    try:
        return msgspec.json.decode(record.value or b"", type=_Subject).subject.encode()
    except msgspec.MsgspecError:
        return None


class _Subject(msgspec.Struct):
    subject: str


async def _targets_cut(settings: Settings) -> Cut:
    """The topic of targets as it is now: the exporter has no position in it, and it hardly changes."""
    kafka = AIOKafkaConsumer(**connection(settings), group_id=None)
    await kafka.start()
    try:
        topic = Names.of(settings).targets
        partitions = [TopicPartition(topic, partition) for partition in range(settings.partitions)]
        return {(TARGETS, tp.partition): end for tp, end in (await kafka.end_offsets(partitions)).items()}
    finally:
        await kafka.stop()


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
    read = [record async for record in read_until(settings, {**cut, **await _targets_cut(settings)})]
    of_targets = (record for record in read if record.topic == TARGETS)
    targets = told_targets(of_targets, plan.catalogue.kpis, settings.currency)
    records = counted([record for record in read if record.topic != TARGETS], settings.partitions)
    to_ms = max(value.to_ms for value in shown.values)
    proof = prove(
        plan, Shown(shown.values, to_ms, shown.results), records, Reader(settings.currency),
        settings.zone, goals._replace(targets=(*goals.targets, *targets)), Pseudonyms.of(settings),
    )  # fmt: skip
    strays = [Difference("/metrics", "", "", "", name, "shown", "belongs to no KPI") for name in shown.unread]
    differences = (*proof.report.differences, *shown.torn, *strays)
    return proof._replace(report=proof.report._replace(differences=differences))
