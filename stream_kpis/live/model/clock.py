"""kpi-now: the instant that all values are for, and whether they can be trusted. Pure."""

from collections.abc import Mapping
from typing import NamedTuple

from stream_kpis.engine.batch import Header
from stream_kpis.live.model.snapshot import ShardPosition

SILENT_MS = 15_000
"""A shard whose header is older than this is silent."""

JUMP_MS = 60_000
"""How far kpi-now may lie ahead of the wall clock before that is taken for a clock that was put back."""

Ends = Mapping[tuple[str, int], int]
"""End offsets by topic and partition."""


class Now(NamedTuple):
    """kpi-now, whether anything is stale, and the shards' positions behind it."""

    kpi_now_ms: int
    stale: bool
    shards: tuple[ShardPosition, ...]


class Clock:
    """Follows the shards. kpi-now does not go back, but for a wall clock that does.

    Args:
        partitions: how many shards there are.
    """

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._headers: dict[int, Header] = {}
        self._stale_since: dict[int, int] = {}
        self._now_ms = 0

    def follow(self, partition: int, header: Header) -> None:
        """Takes the newest header of a shard."""
        self._headers[partition] = header

    def now(self, wall_ms: int, ends: Ends | None) -> Now:
        """kpi-now at a wall-clock time.

        Args:
            wall_ms: the wall clock.
            ends: how far the topics reached 3 seconds ago; None if not known yet.

        When every shard has read that far, silence is real and kpi-now is the wall clock. Otherwise it is the smallest
        record timestamp that a lagging topic has reached, and all is stale. So it is when a shard is silent. While the
        ends are not known, kpi-now stands still: silence may be that of Kafka.
        """
        lag = dict.fromkeys(range(self._partitions), 0)
        reached: list[int] = []
        for (topic, partition), end in (ends or {}).items():
            header = self._headers.get(partition)
            behind = end - header.next.get(topic, 0) if header else end
            if behind > 0:
                lag[partition] = lag.get(partition, 0) + behind
                if header and topic in header.reached:
                    reached.append(header.reached[topic])
        shards = tuple(self._position(partition, lag[partition], wall_ms) for partition in range(self._partitions))
        late = any(lag.values())
        silent_ms = wall_ms if ends is not None else self._now_ms or wall_ms
        now_ms = min(reached, default=wall_ms) if late else silent_ms
        # Never back, but for a wall clock that had run ahead: that was wrong, and staying there would be for ever.
        jumped = self._now_ms > wall_ms + JUMP_MS
        self._now_ms = min(now_ms, wall_ms) if jumped else max(self._now_ms, now_ms)
        stale = ends is None or jumped or any(shard.stale_since_ms is not None for shard in shards)
        return Now(self._now_ms, stale, shards)

    def _position(self, partition: int, lag: int, wall_ms: int) -> ShardPosition:
        header = self._headers.get(partition)
        made_ms = header.made_ms if header else 0
        if not lag and wall_ms - made_ms <= SILENT_MS:
            self._stale_since.pop(partition, None)
        else:
            self._stale_since.setdefault(partition, wall_ms if lag else made_ms or wall_ms)
        since = self._stale_since.get(partition)
        return ShardPosition(
            partition, header.next if header else {}, made_ms, lag, since, header.counters if header else {}
        )
