"""How the pipeline itself is, for Prometheus: positions, lag, counters of the shards, and this process."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from stream_kpis.events.envelope import Reason
from stream_kpis.live.model.snapshot import ShardPosition, Snapshot
from stream_kpis.live.prometheus.exposition import Family, Format, family_lines, labels


class Pipeline(NamedTuple):
    """What this process knows of itself at the time of a scrape."""

    version: str
    now_ms: int
    started_ms: int
    cpu_s: float
    memory_bytes: int
    open_fds: int
    streams: int
    """Open live pages."""
    streams_dropped: int
    """Live pages that were dropped because they did not read."""
    targets_rejected: int = 0
    """Records of the topic of targets that were none."""
    calendars: Mapping[str, bool] = MappingProxyType({})
    """By business calendar whether it is open now."""


DEAD_LETTERS = "dead_letters:"
"""Begins the names of the shards' counters of dead letters; the reason follows."""

_BUILD = Family("stream_kpis_build", "info", "Version of stream-kpis")
_PROCESS: tuple[tuple[Family, Callable[[Pipeline], float]], ...] = (
    (Family("stream_kpis_streams", "gauge", "Live pages now open"), lambda pipeline: pipeline.streams),
    (
        Family("stream_kpis_streams_dropped", "counter", "Live pages dropped because they did not read"),
        lambda pipeline: pipeline.streams_dropped,
    ),
    (
        Family("stream_kpis_targets_rejected", "counter", "Records of the topic of targets that were none"),
        lambda pipeline: pipeline.targets_rejected,
    ),
    (Family("process_cpu_seconds", "counter", "CPU time of the process", "seconds"), lambda pipeline: pipeline.cpu_s),
    (
        Family("process_resident_memory_bytes", "gauge", "Memory of the process", "bytes"),
        lambda pipeline: pipeline.memory_bytes,
    ),
    (
        Family("process_start_time_seconds", "gauge", "When the process began, Unix time", "seconds"),
        lambda pipeline: pipeline.started_ms / 1000,
    ),
    (Family("process_open_fds", "gauge", "Open files and connections"), lambda pipeline: pipeline.open_fds),
)
_SNAPSHOT: tuple[tuple[Family, Callable[[Snapshot, Pipeline], float]], ...] = (
    (
        Family("stream_kpis_now_timestamp_seconds", "gauge", "kpi-now: the instant that all values are for", "seconds"),
        lambda snapshot, _: snapshot.kpi_now_ms / 1000,
    ),
    (
        Family("stream_kpis_snapshot_age_seconds", "gauge", "Time since the values were computed", "seconds"),
        lambda snapshot, pipeline: max(0, pipeline.now_ms - snapshot.made_ms) / 1000,
    ),
    (
        Family("stream_kpis_shards", "gauge", "Shards that the values come from"),
        lambda snapshot, _: len(snapshot.shards),
    ),
    (
        Family("stream_kpis_shards_stale", "gauge", "Shards that are behind or silent"),
        lambda snapshot, _: sum(shard.stale_since_ms is not None for shard in snapshot.shards),
    ),
    (
        Family("stream_kpis_shards_changed", "gauge", "Shards that count under another catalogue than is shown"),
        lambda snapshot, _: snapshot.shards_changed,
    ),
    (
        Family("stream_kpis_groups_left_out", "gauge", "Groups beyond a grouping's bound, which have no values"),
        lambda snapshot, _: snapshot.groups_left_out,
    ),
)
_SHARD: tuple[tuple[Family, Callable[[ShardPosition, Snapshot], float | None]], ...] = (
    (
        Family("stream_kpis_shard_lag_records", "gauge", "Records not applied yet, over the shard's topics"),
        lambda shard, _: shard.lag,
    ),
    (
        Family("stream_kpis_shard_header_age_seconds", "gauge", "Age of what the shard wrote last", "seconds"),
        lambda shard, snapshot: max(0, snapshot.made_ms - shard.header_ms) / 1000 if shard.header_ms else None,
    ),
    (
        Family("stream_kpis_shard_stale", "gauge", "Whether the shard is behind or silent"),
        lambda shard, _: int(shard.stale_since_ms is not None),
    ),
    (
        Family("stream_kpis_parked_events", "gauge", "Events that wait for the rate of their currency and date"),
        lambda shard, _: shard.counters.get("parked", 0),
    ),
)
_COUNTERS = {
    "events": Family("stream_kpis_events", "counter", "Events applied, since the shard began"),
    "duplicates": Family("stream_kpis_duplicates", "counter", "Events that had been applied before"),
    "voided": Family("stream_kpis_voided", "counter", "Events taken back"),
    "late": Family("stream_kpis_late", "counter", "Events older than what had been applied to their entity"),
    "rekeyed": Family("stream_kpis_rekeyed", "counter", "Records sent on to their party's partition"),
    "links_sent": Family("stream_kpis_links_sent", "counter", "Conversions told to the lead's party, or taken back"),
    "links_applied": Family("stream_kpis_links_applied", "counter", "Conversions told by deals and orders of others"),
    "unused": Family("stream_kpis_unused", "counter", "Events that no KPI uses"),
    "voids_unmatched": Family(
        "stream_kpis_voids_unmatched", "counter", "Voids of events that had not come yet, or were sealed"
    ),
    "calendars_unknown": Family(
        "stream_kpis_calendars_unknown", "counter", "Tickets that name a business calendar that there is not"
    ),
    "groups_folded": Family(
        "stream_kpis_groups_folded", "counter", "Times that a group beyond a shard's bound counted as other"
    ),
    "unsealable": Family(
        "stream_kpis_unsealable",
        "counter",
        "Entities too large to be sealed: soon they take no event, per worker",
    ),
    "rates_ignored": Family(
        "stream_kpis_rates_ignored", "counter", "Records that are no rate, or another one than came first, per worker"
    ),
}
"""By the names of the shards' counters."""
_CALENDAR = Family("stream_kpis_calendar_open", "gauge", "Whether the business calendar is open now")
_RECORDS = Family("stream_kpis_records", "counter", "Records read, by topic: how far the shard's values reach")
_DEAD = Family("stream_kpis_dead_letters", "counter", "Records that could not be used, by reason")

FAMILIES = (
    *(family for family, _ in _SNAPSHOT),
    *(family for family, _ in _SHARD),
    *_COUNTERS.values(),
    _RECORDS,
    _DEAD,
    _CALENDAR,
    _BUILD,
    *(family for family, _ in _PROCESS),
)
"""All of them, for the documentation."""


def pipeline_lines(snapshot: Snapshot | None, pipeline: Pipeline, form: Format) -> Iterator[str]:
    """The families ``stream_kpis_*`` and ``process_*``; the shards' only once there is a snapshot."""
    if snapshot is not None:
        for family, of in _SNAPSHOT:
            yield from family_lines(family, [("", of(snapshot, pipeline))], form)
        yield from _shard_lines(snapshot, form)
    calendars = [(labels({"calendar": name}), int(is_open)) for name, is_open in pipeline.calendars.items()]
    yield from family_lines(_CALENDAR, calendars, form)
    yield from family_lines(_BUILD, [(labels({"version": pipeline.version}), 1)], form)
    for family, read in _PROCESS:
        yield from family_lines(family, [("", read(pipeline))], form)


def _shard_lines(snapshot: Snapshot, form: Format) -> Iterator[str]:
    shards = [(labels({"shard": str(shard.partition)}), shard) for shard in snapshot.shards]
    for family, read in _SHARD:
        yield from family_lines(family, [(row_labels, read(shard, snapshot)) for row_labels, shard in shards], form)
    for name, family in _COUNTERS.items():
        yield from family_lines(
            family, [(row_labels, shard.counters.get(name, 0)) for row_labels, shard in shards], form
        )
    reached = (
        (f'{row_labels},topic="{topic}"', end) for row_labels, shard in shards for topic, end in shard.next.items()
    )
    yield from family_lines(_RECORDS, reached, form)
    dead = (
        (f'{row_labels},reason="{reason}"', shard.counters.get(DEAD_LETTERS + reason, 0))
        for row_labels, shard in shards
        for reason in Reason  # all of them, so that the first one of a kind is an increase from 0
    )
    yield from family_lines(_DEAD, dead, form)
