"""How the pipeline itself is, for Prometheus: positions, lag, counters of the shards, and this process."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from stream_kpis.events.envelope import Reason
from stream_kpis.live.exposition import Family, Format, family_lines, labels
from stream_kpis.live.snapshot import ShardPosition, Snapshot


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


DEAD_LETTERS = "dead_letters:"
"""Begins the names of the shards' counters of dead letters; the reason follows."""

_SHARD_COUNTERS = (
    ("events", "Events applied, since the shard began"),
    ("duplicates", "Events that had been applied before"),
    ("voided", "Events taken back"),
    ("late", "Events that were older than what had been applied to their entity"),
    ("rekeyed", "Records sent on to their party's partition"),
)
_SHARD_GAUGES: tuple[tuple[Family, Callable[[ShardPosition, Snapshot], float | None]], ...] = (
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
)


def pipeline_lines(snapshot: Snapshot | None, pipeline: Pipeline, form: Format) -> Iterator[str]:
    """The families ``stream_kpis_*`` and ``process_*``; the shards' only once there is a snapshot."""
    if snapshot is not None:
        yield from _snapshot_lines(snapshot, pipeline, form)
    build = labels({"version": pipeline.version})
    yield from family_lines(Family("stream_kpis_build", "info", "Version of stream-kpis"), [(build, 1)], form)
    for family, value in (
        (Family("stream_kpis_streams", "gauge", "Live pages now open"), pipeline.streams),
        (Family("process_cpu_seconds", "counter", "CPU time of the process", "seconds"), pipeline.cpu_s),
        (Family("process_resident_memory_bytes", "gauge", "Memory of the process", "bytes"), pipeline.memory_bytes),
        (
            Family("process_start_time_seconds", "gauge", "When the process began, Unix time", "seconds"),
            pipeline.started_ms / 1000,
        ),
        (Family("process_open_fds", "gauge", "Open files and connections"), pipeline.open_fds),
    ):
        yield from family_lines(family, [("", value)], form)


def _snapshot_lines(snapshot: Snapshot, pipeline: Pipeline, form: Format) -> Iterator[str]:
    for family, value in (
        (
            Family(
                "stream_kpis_now_timestamp_seconds", "gauge", "kpi-now: the instant that all values are for", "seconds"
            ),
            snapshot.kpi_now_ms / 1000,
        ),
        (
            Family("stream_kpis_snapshot_age_seconds", "gauge", "Time since the values were computed", "seconds"),
            max(0, pipeline.now_ms - snapshot.made_ms) / 1000,
        ),
        (Family("stream_kpis_shards", "gauge", "Shards that the values come from"), len(snapshot.shards)),
        (
            Family("stream_kpis_shards_stale", "gauge", "Shards that are behind or silent"),
            sum(shard.stale_since_ms is not None for shard in snapshot.shards),
        ),
    ):
        yield from family_lines(family, [("", value)], form)
    yield from _shard_lines(snapshot, form)


def _shard_lines(snapshot: Snapshot, form: Format) -> Iterator[str]:
    shards = [(labels({"shard": str(shard.partition)}), shard) for shard in snapshot.shards]
    for family, read in _SHARD_GAUGES:
        yield from family_lines(family, [(row_labels, read(shard, snapshot)) for row_labels, shard in shards], form)
    for name, text in _SHARD_COUNTERS:
        counts = [(row_labels, shard.counters.get(name, 0)) for row_labels, shard in shards]
        yield from family_lines(Family(f"stream_kpis_{name}", "counter", text), counts, form)
    dead = (
        (f'{row_labels},reason="{reason}"', shard.counters.get(DEAD_LETTERS + reason, 0))
        for row_labels, shard in shards
        for reason in Reason  # all of them, so that the first one of a kind is an increase from 0
    )
    yield from family_lines(Family("stream_kpis_dead_letters", "counter", "Records that could not be used"), dead, form)
