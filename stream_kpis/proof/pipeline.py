"""The pipeline proved: what an exporter shows, against the oracle over the events in Kafka at the snapshot's cut."""

import functools
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.partition import partition_of
from stream_kpis.engine.shard import REKEYED_TOPIC
from stream_kpis.events.envelope import Reader, Record
from stream_kpis.events.types import TOPICS
from stream_kpis.live.pseudonyms import Pseudonyms
from stream_kpis.proof.compare import Difference, Report
from stream_kpis.proof.exposed import exposed
from stream_kpis.proof.verify import Proof, prove
from stream_kpis.settings import Settings
from stream_kpis.stream import lenient
from stream_kpis.stream.connection import connection
from stream_kpis.stream.topics import Names

Cut = Mapping[tuple[str, int], int]


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


async def prove_snapshot(settings: Settings, plan: Plan, snapshot: dict[str, Any]) -> Proof:
    """Compares every value in a snapshot's body of /metrics with the oracle's.

    Args:
        settings: of the deployment.
        plan: the exporter's.
        snapshot: the answer of ``/api/snapshot``.
    """
    shown = exposed(snapshot["metrics"], snapshot["values"], plan.catalogue.kpis, settings.currency)
    cut = {
        (topic, position["partition"]): end
        for position in snapshot["positions"]
        for topic, end in position["next"].items()
        if topic in TOPICS or topic == REKEYED_TOPIC
    }
    records = counted([record async for record in read_until(settings, cut)], settings.partitions)
    proof = prove(
        plan,
        shown.values,
        max(v.to_ms for v in shown.values),
        records,
        Reader(settings.currency),
        settings.zone,
        Pseudonyms.of(settings),
    )
    strays = [Difference("/metrics", "", "", "", name, "shown", "belongs to no KPI") for name in shown.unread]
    return proof._replace(report=Report(proof.report.tallies, (*proof.report.differences, *shown.torn, *strays)))
