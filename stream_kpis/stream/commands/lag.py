"""How far shards lag behind the topics, for whoever reads the changelogs once."""

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

from stream_kpis.engine.batch import Header
from stream_kpis.settings import Settings
from stream_kpis.stream.changelog import end_offsets, newest_headers
from stream_kpis.stream.topics import Names

_WAIT_S = 3.0
"""How long after a record it may take until the flush with it is there, without anybody lagging: as live has it."""
_POLL_S = 0.3


class Lag(NamedTuple):
    """What shards have yet to apply."""

    shards: tuple[int, ...]
    """Those that lag."""
    records: int

    def __str__(self) -> str:
        """One line."""
        one = len(self.shards) == 1
        names = ", ".join(map(str, self.shards))
        return (
            f"stale: shard{'' if one else 's'} {names} {'is' if one else 'are'} {self.records:,} records behind the"
            f" topics: {'its' if one else 'their'} events are in no value until a worker has applied them"
        )


def lag_of(headers: Mapping[int, Header], ends: Mapping[tuple[str, int], int]) -> Lag:
    """What shards have yet to apply of the topics up to some ends.

    Args:
        headers: the newest of each shard, by partition; one without a header has applied nothing.
        ends: by (plain topic, partition).
    """
    behind: dict[int, int] = {}
    for (topic, partition), end in ends.items():
        header = headers.get(partition)
        records = end - (header.next.get(topic, 0) if header else 0)
        if records > 0:
            behind[partition] = behind.get(partition, 0) + records
    return Lag(tuple(sorted(behind)), sum(behind.values()))


async def headers_at_ends(kafka: Any, settings: Settings) -> tuple[dict[int, Header], Lag]:
    """The newest headers once shards have applied all that was in the topics when asked, or as they are after 3 s.

    Args:
        kafka: of :func:`stream_kpis.stream.changelog.committed`, started.
        settings: of the deployment.

    Returns:
        Headers by partition, and how far they lag behind the topics that there are.
    """
    names = Names.of(settings)
    sources = sorted(await kafka.topics() & set(names.sources))
    found = await end_offsets(kafka, sources, settings.partitions)
    ends = {(names.plain(topic), partition): end for (topic, partition), end in found.items()}
    until = asyncio.get_running_loop().time() + _WAIT_S
    while True:
        headers = await newest_headers(kafka, settings)
        lag = lag_of(headers, ends)
        if not lag.records or not headers or asyncio.get_running_loop().time() >= until:
            return headers, lag
        await asyncio.sleep(_POLL_S)
