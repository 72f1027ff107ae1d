"""How the pipeline is, for people: whether each shard keeps up, and what the exporter left out. Pure."""

from stream_kpis.live.api import Json, rfc3339
from stream_kpis.live.model.clock import SILENT_MS
from stream_kpis.live.model.snapshot import ShardPosition, Snapshot
from stream_kpis.live.prometheus.pipeline import DEAD_LETTERS, Pipeline


def shards_of(snapshot: Snapshot) -> list[Json]:
    """Each shard in short, as the live page shows it."""
    return [_shard(position, snapshot.made_ms) for position in snapshot.shards]


def _shard(position: ShardPosition, now_ms: int) -> Json:
    return {
        "shard": position.partition,
        "state": state_of(position, now_ms),
        "since": None if position.stale_since_ms is None else rfc3339(position.stale_since_ms),
        "lag": position.lag,
        "read": sum(position.next.values()),
        "age_s": max(0, now_ms - position.header_ms) / 1000 if position.header_ms else None,
        "events": position.counters.get("events", 0),
        "parked": position.counters.get("parked", 0),
        "dead_letters": {
            name.removeprefix(DEAD_LETTERS): count
            for name, count in position.counters.items()
            if name.startswith(DEAD_LETTERS) and count
        },
    }


def state_of(position: ShardPosition, now_ms: int) -> str:
    """``ok``; ``behind``, with records to go; ``away``, when nobody writes for it; ``unseen``, when nobody ever did.

    >>> late = ShardPosition(0, {}, 1_000, 7, stale_since_ms=2_000, counters={})
    >>> [state_of(late, now_ms) for now_ms in (3_000, 60_000)]
    ['behind', 'away']
    >>> state_of(late._replace(header_ms=0), 3_000), state_of(late._replace(stale_since_ms=None), 3_000)
    ('unseen', 'ok')
    """
    if position.stale_since_ms is None:
        return "ok"
    if not position.header_ms:
        return "unseen"
    return "away" if now_ms - position.header_ms > SILENT_MS else "behind"


def exporter_of(pipeline: Pipeline, groups_left_out: int, series_dropped: int) -> Json:
    """The exporter itself.

    Args:
        pipeline: what it knows of itself.
        groups_left_out: groups beyond the bound of a grouping, which have no values.
        series_dropped: series of groups that /metrics lacks for the cap on series.
    """
    return {
        "version": pipeline.version,
        "started": rfc3339(pipeline.started_ms),
        "memory_bytes": pipeline.memory_bytes,
        "streams": pipeline.streams,
        "streams_dropped": pipeline.streams_dropped,
        "targets_rejected": pipeline.targets_rejected,
        "groups_left_out": groups_left_out,
        "series_dropped": series_dropped,
        "calendars": dict(pipeline.calendars),
    }
