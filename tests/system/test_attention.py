"""What waits in a real pipeline, as the live page lists it: by name, bounded, and as the command says."""

import asyncio
import json
import multiprocessing
import time
import urllib.request
from typing import Any

import msgspec
import pytest

from stream_kpis.events.envelope import encode_event
from stream_kpis.settings import Secret, Settings
from stream_kpis.stream.sources import SourceProducer
from stream_kpis.stream.topics import declare
from stream_kpis.stream.waiting import looking
from tests.engine.worlds import iso
from tests.system.chaos import until
from tests.system.deployment import Deployment

pytestmark = pytest.mark.system

DAY_MS = 86_400_000
HAPPENED = [
    ("ticket.created", "p1", 600_000, {"ticket_id": "t1", "agent_id": "agent-1", "team": "first"}),
    ("ticket.created", "p2", 500_000, {"ticket_id": "t2"}),
    ("ticket.message", "p2", 400_000, {"ticket_id": "t2", "author": "agent"}),
    ("deal.created", "p3", 20 * DAY_MS, {"deal_id": "d1", "owner_id": "rep-1"}),
    ("deal.created", "p4", 2 * DAY_MS, {"deal_id": "d2", "owner_id": "rep-1"}),
    ("lead.created", "p5", 300_000, {"lead_id": "l1", "owner_id": "rep-2"}),
]


MORE = [("lead.created", f"more-{number}", 200_000, {"lead_id": f"m{number}"}) for number in range(6)]
"""With p5 in six partitions: one of them has two leads."""


async def send(settings: Settings) -> None:
    now_ms = time.time_ns() // 1_000_000
    async with SourceProducer(settings) as producer:
        for number, (kind, party, age_ms, data) in enumerate([*HAPPENED, *MORE]):
            value = encode_event(kind, id=f"e{number}", source="s", time=iso(now_ms - age_ms), subject=party, data=data)
            await producer.send(f"crm.{kind.partition('.')[0]}s", party.encode(), value)
        await producer.flush()


async def told(settings: Settings, tell: Any = lambda *_: None) -> dict[str, Any]:
    look = looking(settings)
    assert not isinstance(look, str)
    return await look(tell)


async def test_the_page_lists_what_the_command_does(settings: Settings, deployment: Deployment) -> None:
    """People by their pseudonyms where they have some; nothing where the settings say so, or more than they allow."""
    await declare(settings)
    deployment.start()
    await send(settings)
    await deployment.caught_up(len(HAPPENED) + len(MORE))

    asked = urllib.request.Request(f"{deployment.url}/api/attention", method="POST")
    said: dict[str, Any] = json.load(await asyncio.to_thread(urllib.request.urlopen, asked))
    while said["state"] == "running":
        await asyncio.sleep(0.1)
        said = await deployment.get("/api/attention")
    assert said["failed"] == ""
    assert said["read"] == said["to_read"] > 0
    rows = said["found"]["waiting"]
    assert [(row["what"], row["party"], row["entity"], row["owner"], row["over"]) for row in rows] == [
        ("stalled deal", "p3", "d1", "rep-1", True),
        ("unanswered ticket", "p1", "t1", "agent-1", True),
        ("uncontacted lead", "p5", "l1", "rep-2", False),
        *(("uncontacted lead", party, lead["lead_id"], "unknown", False) for _, party, _, lead in MORE),
    ]
    command = json.loads(await asyncio.to_thread(deployment.run, "attention", "--json"))["waiting"]
    assert [{**row, "age_s": 0} for row in command] == [{**row, "age_s": 0} for row in rows]
    assert [queue["waiting"] for queue in said["found"]["queues"]] == [1, 1, 1 + len(MORE)]

    far: list[tuple[int, int]] = []
    replace = msgspec.structs.replace
    hidden = await told(replace(settings, pseudonyms=True, pseudonym_secret=Secret("s")), lambda *at: far.append(at))
    assert [row["owner"][:7] for row in hidden["waiting"]] == [*["person-"] * 3, *["unknown"] * len(MORE)]
    assert "rep-1" not in json.dumps(hidden)
    assert far == sorted(far)
    assert (far[0][0], far[-1][0]) == (0, far[-1][1])
    with pytest.raises(RuntimeError, match=r"more leads, deals and tickets in one partition than .*: run stream-kpis"):
        await told(replace(settings, attention_records_max=1))
    with pytest.raises(RuntimeError, match="are app and prefix those of the deployment"):
        await told(replace(settings, app="another"))
    assert isinstance(looking(replace(settings, attention_records_max=0)), str)

    task = asyncio.create_task(told(settings))
    await until(lambda: bool(multiprocessing.active_children()), "a child looks")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert multiprocessing.active_children() == []
