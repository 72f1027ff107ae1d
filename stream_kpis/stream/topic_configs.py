"""What the topics that we write need of their configuration, and what is wrong or weak in one that somebody made."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

RECORD_BYTES_MAX = 8 << 20
"""Largest record of an output topic: a dead letter carries a whole source record and its origin."""

CHANGELOG: Mapping[str, str] = {
    # Small segments: only closed ones are compacted, and recovery reads what is not.
    "cleanup.policy": "compact",
    "segment.bytes": str(64 << 20),
    "segment.ms": "600000",
    "min.cleanable.dirty.ratio": "0.1",
    "max.message.bytes": str(RECORD_BYTES_MAX),
}
"""Of a topic that is the memory of a key: its newest record stays for ever."""

RECORDS: Mapping[str, str] = {"cleanup.policy": "delete", "max.message.bytes": str(RECORD_BYTES_MAX)}
"""Of a topic whose records each count, also where they share a key."""

CONTROL: Mapping[str, str] = {**RECORDS, "retention.ms": "-1"}
"""Of a topic that is read whole at every start: the first record of a key counts, and none may go."""

LOOKED_AT = ("cleanup.policy", "max.message.bytes", "min.insync.replicas", "delete.retention.ms", "retention.ms")

_TOMBSTONE_MS_MIN = 3_600_000  # a recovery or an exporter's first read takes minutes; none should take an hour


class Topic(NamedTuple):
    """A topic as it is on the broker."""

    name: str
    replicas: int
    config: Mapping[str, str]
    """The values of `LOOKED_AT`, as far as the broker has them."""


def refusal(topic: Topic, wanted: Mapping[str, str], bootstrap: str) -> str | None:
    """Why a topic cannot work, with the command that mends it, in one line; None if it can.

    Args:
        topic: as it is.
        wanted: `CHANGELOG`, `RECORDS` or `CONTROL`.
        bootstrap: the Kafka servers, for the command.
    """
    wrong = list(_wrong(topic, wanted))
    if not wrong:
        return None
    lost = ""
    if wanted is CHANGELOG and any(name == "cleanup.policy" for name, _, _ in wrong):
        lost = "; if it deleted records already, count again under another app name"
    what = ", ".join(found for _, found, _ in wrong)
    mended = ",".join(f"{name}={value}" for name, _, value in wrong)
    return f"topic {topic.name}: {what}: {_command(topic.name, mended, bootstrap)}{lost}"


def warnings(topic: Topic, wanted: Mapping[str, str], bootstrap: str) -> Iterator[str]:
    """What works but is weak in a changelog, each in one line with the command that mends it."""
    if wanted is not CHANGELOG:
        return
    name, in_sync, kept_ms = (
        topic.name,
        topic.config.get("min.insync.replicas"),
        topic.config.get("delete.retention.ms"),
    )
    if in_sync is not None and int(in_sync) < 2 and topic.replicas > 2:
        mended = _command(name, "min.insync.replicas=2", bootstrap)
        yield f"topic {name}: min.insync.replicas is {in_sync}, one lost disk may lose what was counted: {mended}"
    if kept_ms is not None and int(kept_ms) < _TOMBSTONE_MS_MIN:
        mended = _command(name, f"delete.retention.ms={_TOMBSTONE_MS_MIN}", bootstrap)
        yield f"topic {name}: delete.retention.ms is {kept_ms}, slow readers may miss what was removed: {mended}"


def _wrong(topic: Topic, wanted: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """The wrong settings: name, what it is, the value it needs."""
    config, policy = topic.config, wanted["cleanup.policy"]
    if (found := config.get("cleanup.policy")) is not None:
        policies = set(filter(None, found.split(",")))
        # A topic of records may delete nothing at all; a changelog that also deletes forgets what does not change.
        if policies != {policy} if policy == "compact" else "compact" in policies:
            yield "cleanup.policy", f"cleanup.policy is {found or 'empty'}, not {policy}", policy
    kept = wanted.get("retention.ms")
    if kept and (found := config.get("retention.ms")) is not None and found != kept:
        yield "retention.ms", f"retention.ms is {found}, and what it says must stay", kept
    if (found := config.get("max.message.bytes")) is not None and int(found) < RECORD_BYTES_MAX:
        yield "max.message.bytes", f"max.message.bytes is {found}, below {RECORD_BYTES_MAX}", str(RECORD_BYTES_MAX)
    if (found := config.get("min.insync.replicas")) is not None and int(found) > topic.replicas:
        copies = f"min.insync.replicas is {found}, but copies are {topic.replicas}"
        yield "min.insync.replicas", copies, str(max(1, topic.replicas - 1))


def _command(topic: str, config: str, bootstrap: str) -> str:
    return (
        f"run kafka-configs.sh --bootstrap-server {bootstrap} --alter --entity-type topics"
        f" --entity-name {topic} --add-config {config}"
    )
