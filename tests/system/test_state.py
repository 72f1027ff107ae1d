"""A state leaves a deployment, also one that counts, and another one goes on from it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import TopicPartition

from stream_kpis.engine.partition import partition_of
from stream_kpis.events.envelope import encode_event
from stream_kpis.settings import Settings, SettingsError
from stream_kpis.stream.changelog import committed, read_to_ends
from stream_kpis.stream.commands.state import export_state, import_state
from stream_kpis.stream.sources import SourceProducer
from stream_kpis.stream.topics import Names, declare
from tests.engine.worlds import iso
from tests.system.deployment import Deployment

DAY_0_MS = 1_772_323_200_000
PARTIES, ROUNDS = 40, 25

Sent = tuple[str, bytes, bytes, int, int | None]
"""Topic, key, value, time in ms, and the partition, if it is not that of the party."""


def events(number: int) -> list[Sent]:
    """Orders of many parties, a few of them in another partition than their party's; numbered from 0 on."""
    sent: list[Sent] = []
    for at in range(number * PARTIES, (number + 1) * PARTIES):
        party = f"p{at % PARTIES}".encode()
        value = encode_event(
            "order.placed", id=str(at), source="s", time=iso(DAY_0_MS + at), subject=party.decode(),
            data={"order_id": str(at), "amount": at + 1, "channel": ("web", "shop")[at % 2]},
        )  # fmt: skip
        elsewhere = (partition_of(party, 6) + 1) % 6 if at % 5 == 0 else None
        sent.append(("crm.orders", party, value, DAY_0_MS + at, elsewhere))
    return sent


async def send(settings: Settings, sent: Sequence[Sent]) -> None:
    async with SourceProducer(settings) as producer:
        for topic, key, value, time_ms, partition in sent:
            await producer.send(topic, key, value, time_ms, partition)
        await producer.flush()


async def send_round_by_round(settings: Settings) -> None:
    """All but the first, in a few seconds."""
    for number in range(1, ROUNDS):
        await send(settings, events(number))


def in_another_prefix(settings: Settings) -> Settings:
    return msgspec.structs.replace(settings, prefix=f"{settings.prefix}b.")


@asynccontextmanager
async def running(settings: Settings, folder: Path, name: str) -> AsyncIterator[Deployment]:
    place = folder / name
    await asyncio.to_thread(place.mkdir)
    deployment = Deployment(settings, place)
    deployment.start()
    try:
        yield deployment
    finally:
        deployment.end()


async def counted(deployment: Deployment, orders: int) -> dict[Any, Any]:
    """All values over all time, with groups, once so many orders are in them."""
    deadline = time.monotonic() + 60
    while True:
        await deployment.caught_up(0)
        rows = (await deployment.get("/api/kpis", ("window", "all")))["values"]
        values = {(row["kpi"], json.dumps(row["by"])): (row["value"], row["samples"], row["exact"]) for row in rows}
        if (found := values.get(("orders", "{}"), (None,))[0]) == orders:
            return values
        assert time.monotonic() < deadline, f"{found} orders, not {orders}"
        await asyncio.sleep(0.2)


async def shown(deployment: Deployment, kpi: str, value: float) -> None:
    """Waits until a KPI has a value over all time."""
    deadline = time.monotonic() + 60
    while True:
        await deployment.caught_up(0)
        rows = (await deployment.get("/api/kpis", ("window", "all")))["values"]
        found = [row["value"] for row in rows if row["kpi"] == kpi and not row["by"]]
        if found == [value]:
            return
        assert time.monotonic() < deadline, f"{kpi} is {found}, not {value}"
        await asyncio.sleep(0.2)


async def test_a_state_that_left_while_events_came_is_whole(settings: Settings, tmp_path: Path) -> None:
    """A deployment that goes on from it is sent all events again: those in the state are known, the others are new."""
    file, other = tmp_path / "state.zip", in_another_prefix(settings)
    settings = msgspec.structs.replace(settings, health_file=tmp_path / "alive")
    everything = [event for number in range(ROUNDS) for event in events(number)]
    await declare(settings)
    async with running(settings, tmp_path, "first") as first:
        await send(settings, events(0))
        await first.caught_up(PARTIES)
        sending = asyncio.create_task(send_round_by_round(settings))
        assert await asyncio.to_thread(export_state, settings, file) == 0
        await sending
        wanted = await counted(first, len(everything))
        assert (tmp_path / "alive").exists(), "a worker shows that it is alive"
        with pytest.raises(SettingsError, match="run: stop them"):
            await asyncio.to_thread(import_state, settings, file, same_topics=True)
    assert await asyncio.to_thread(import_state, other, file, same_topics=False) == 0
    await send(other, everything)
    async with running(other, tmp_path, "second") as second:
        assert await counted(second, len(everything)) == wanted
        await send(other, events(ROUNDS))
        await counted(second, len(everything) + PARTIES)


async def test_what_nobody_had_read_yet_goes_along(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Into another prefix, where topics are empty, what was on its way is copied; beside, the topics are read on."""
    file, other = tmp_path / "state.zip", in_another_prefix(settings)
    beside = msgspec.structs.replace(settings, app="beside")
    await declare(settings)
    with pytest.raises(SettingsError, match="there is no state: no shard has written"):
        await asyncio.to_thread(export_state, settings, file)
    async with running(settings, tmp_path, "first") as first:
        await send(settings, events(0))
        await counted(first, PARTIES)
    _, party, value, time_ms, _ = events(1)[0]
    rate = b'{"date": "2026-03-01", "currency": "EUR", "rate": "1.1"}'
    await send(settings, [("crm.rekeyed", party, value, time_ms, partition_of(party, 6))])
    await send(settings, [("crm.rates", b"", rate, time_ms, 0)])
    assert await asyncio.to_thread(export_state, settings, file) == 0

    with pytest.raises(SettingsError, match="has 6 partitions, not 3"):
        await asyncio.to_thread(import_state, msgspec.structs.replace(other, partitions=3), file, same_topics=False)
    for target, same_topics in ((other, False), (beside, True)):
        assert await asyncio.to_thread(import_state, target, file, same_topics=same_topics) == 0
        with pytest.raises(SettingsError, match="holds a state already"):
            await asyncio.to_thread(import_state, target, file, same_topics=same_topics)
        async with running(target, tmp_path, target.app + target.prefix) as deployment:
            await counted(deployment, PARTIES + 1)
            positions = (await deployment.get("/api/shards"))["positions"]
            assert sum(shard["counters"].get("duplicates", 0) for shard in positions) == 0
    async with committed(other) as kafka:
        wanted = [TopicPartition(Names.of(other).rates, 0)]
        assert [r.value async for records in read_to_ends(kafka, wanted) for r in records] == [rate]
    assert "left as it is" not in capsys.readouterr().out


async def test_links_go_on_under_another_app(settings: Settings, tmp_path: Path) -> None:
    """A lead that an order of another party converted stays converted, until the order is cancelled.

    Its shard knows the link in a version that the shard of the order, as it was cut, is far from.
    """
    beside, file = msgspec.structs.replace(settings, app="beside"), tmp_path / "state.zip"
    await declare(settings)

    def event(topic: str, kind: str, party: str, at: int, **data: Any) -> Sent:
        value = encode_event(kind, id=str(at), source="s", time=iso(DAY_0_MS + at), subject=party, data=data)
        return topic, party.encode(), value, DAY_0_MS + at, None

    lead = event("crm.leads", "lead.created", "asks", 0, lead_id="l")
    buys = event("crm.orders", "order.placed", "buys", 1, order_id="o", amount=1, lead_id="l", lead_party="asks")
    assert partition_of(b"asks", 6) != partition_of(b"buys", 6)
    said = {"lead_id": "l", "link": "order:buys/o", "version": 1_000_000, "at_ms": DAY_0_MS + 1}
    sent = {"specversion": "1.0", "id": "v", "type": "lead.linked", "source": f"stream-kpis/{settings.app}"}
    link = msgspec.json.encode(sent | {"subject": "asks", "data": said})
    async with running(settings, tmp_path, "first") as first:
        await send(settings, [lead, ("crm.rekeyed", b"asks", link, DAY_0_MS + 1, None), buys])
        await shown(first, "lead_conversion_flow_ratio", 1)
    assert await asyncio.to_thread(export_state, settings, file) == 0
    assert await asyncio.to_thread(import_state, beside, file, same_topics=True) == 0
    async with running(beside, tmp_path, "second") as second:
        await shown(second, "lead_conversion_flow_ratio", 1)
        await send(settings, [event("crm.orders", "order.cancelled", "buys", 2, order_id="o")])
        await shown(second, "lead_conversion_flow_ratio", 0)
