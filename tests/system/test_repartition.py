"""From 4 partitions to 12, as docs/operate/repartition.md says: in the same topics, under another app name."""

from pathlib import Path

import msgspec
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from stream_kpis.settings import Settings, SettingsError
from stream_kpis.stream.connection import connection
from stream_kpis.stream.topics import Names, declare
from tests.system.test_state import PARTIES, counted, events, running, send

NEXT = 12


async def split(settings: Settings) -> None:
    """As `kafka-topics.sh --alter --partitions` does, for every topic but the changelogs and that of the rates."""
    names = Names.of(settings)
    topics = set(names.configs()) - {names.parties, names.cells, names.rates}
    admin = AIOKafkaAdminClient(**connection(settings))
    await admin.start()
    try:
        await admin.create_partitions({topic: NewPartitions(NEXT) for topic in topics})
    finally:
        await admin.close()


async def test_more_partitions_count_the_same(settings: Settings, tmp_path: Path) -> None:
    """What lies in another partition than its party's now is sent there once; what comes meanwhile counts as well."""
    before = msgspec.structs.replace(settings, partitions=4)
    after = msgspec.structs.replace(settings, partitions=NEXT, app="app-12")
    orders = [(*event[:4], None) for number in range(3) for event in events(number)]
    await declare(before)
    async with running(before, tmp_path, "four") as deployment:
        await send(before, orders)
        wanted = await counted(deployment, len(orders))
    await split(before)
    with pytest.raises(SettingsError, match="has 12 partitions, not 4"):
        await declare(before)
    async with running(after, tmp_path, "twelve") as deployment:
        assert await counted(deployment, len(orders)) == wanted
        await send(after, events(3))
        await counted(deployment, len(orders) + PARTIES)
        positions = (await deployment.get("/api/shards"))["positions"]
        assert sum(shard["counters"].get("rekeyed", 0) for shard in positions) > len(orders) / 3
