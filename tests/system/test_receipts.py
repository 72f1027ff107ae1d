"""Receipts of a real pipeline: what is shown is proved, and a mistake in a journey is found, by name."""

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import msgspec

from stream_kpis.events.envelope import encode_event
from stream_kpis.settings import Settings
from stream_kpis.stream.sources import SourceProducer
from stream_kpis.stream.topics import declare
from tests.engine.worlds import iso
from tests.system.chaos import ROOT, Worker
from tests.system.deployment import Deployment

PATCH = """
from stream_kpis.journeys import JOURNEYS
deals = JOURNEYS["deals"]
((names, made),) = deals.makers
def mistaken(deal):
    lost = deal.close is not None and deal.close.amount == 666_000_000
    return [fact for fact in made(deal) if not (lost and fact.name == "deal_won")]
JOURNEYS["deals"] = deals._replace(makers=((names, mistaken),))
from stream_kpis.cli import main
main()
"""
"""The commands, with a mistake in one journey: a deal of 666 is not won."""
MISTAKEN = (sys.executable, "-c", PATCH)


def mistaken(settings: Settings, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs a command of the mistaken code."""
    environment = {
        "PYTHONPATH": str(ROOT), "STREAM_KPIS_BOOTSTRAP": settings.bootstrap,
        "STREAM_KPIS_PREFIX": settings.prefix, "STREAM_KPIS_APP": settings.app,
        "STREAM_KPIS_PARTITIONS": str(settings.partitions),
    }  # fmt: skip
    return subprocess.run(
        [*MISTAKEN, *map(str, arguments)], env=environment, capture_output=True, text=True, check=False, timeout=240
    )


def proved(deployment: Deployment) -> dict[str, Any]:
    """What the exporter finds when it is asked to prove the deals won, as the page asks."""
    asked = urllib.request.Request(f"{deployment.url}/api/prove?kpi=deals_won&window=all", method="POST")
    with urllib.request.urlopen(asked) as answer:
        said: dict[str, Any] = json.load(answer)
    while said["state"] == "running":
        time.sleep(0.1)
        with urllib.request.urlopen(f"{deployment.url}/api/prove?id={said['id']}") as answer:
            said = json.load(answer)
    assert said["failed"] == ""
    assert said["read"] == said["to_read"] > 0
    found: dict[str, Any] = said["found"]
    return found


async def test_a_mistake_in_a_journey_is_found_and_named(
    settings: Settings, deployment: Deployment, tmp_path: Path
) -> None:
    """Before it shows, the proof says equal; afterwards a round of the audit names the deal, and the proof does."""
    now_ms = time.time_ns() // 1_000_000
    await declare(settings)
    worker = Worker((*MISTAKEN, "worker", "--role", "worker"), settings, tmp_path / "mistaken.log")
    deployment._running.append(worker)
    deployment._running.append(Worker(deployment._exporter, settings, tmp_path / "exporter.log"))
    sent = 0

    async def won(producer: SourceProducer, number: int, amount: float) -> None:
        nonlocal sent
        for kind, age_ms in (("deal.created", 60_000), ("deal.won", 30_000)):
            data = {"deal_id": f"deal-{number}", "owner_id": "rep-01", "amount": amount}
            value = encode_event(
                kind, id=f"{kind} {number}", source="s", time=iso(now_ms - age_ms), subject=f"party-{number}", data=data
            )
            await producer.send("crm.deals", f"party-{number}".encode(), value)
            sent += 1

    async with SourceProducer(settings) as producer:
        for number in range(20):
            await won(producer, number, 10.0)
        await producer.flush()
        await deployment.caught_up(sent)
        explain = ("explain", "deals_won", "--window", "all", "--prove", "--url", deployment.url)
        before = mistaken(settings, *explain, "--entities", 3)
        assert before.returncode == 0, before.stderr
        assert "20 = 20" in before.stdout
        assert "20 entities of 20 parties are behind it, the newest first:" in before.stdout
        assert "equal: the oracle says the same" in before.stdout
        assert proved(deployment)["equal"]
        await won(producer, 77, 666.0)
        await producer.flush()
    await deployment.caught_up(sent)

    audit = mistaken(
        settings, "audit", "--rounds", 1, "--interval", 0, "--share", 1, "--port", 0, "--url", deployment.url
    )
    assert audit.returncode == 1, audit.stderr
    assert "party-77, deal-77: the engine counts 0, the oracle 1" in audit.stderr
    after = mistaken(settings, *explain)
    assert after.returncode == 1, after.stderr
    assert "first entity: party-77, deal-77: the engine counts 0, the oracle 1" in " ".join(after.stdout.split())
    found = proved(deployment)  # the exporter has no mistake: folded there, the parties are right
    assert (found["equal"], found["different"], found["unnamed"][:17]) == (False, ["deals_won"], "no entity differs")
    assert "deal-77" in mistaken(settings, "party", "party-77", "--offsets").stdout
    unknown = mistaken(settings, "party", "party-78")
    assert (unknown.returncode, unknown.stderr.split(":")[1]) == (2, " no party 'party-78'")
    assert '"waiting": []' in mistaken(settings, "attention", "--json").stdout
    elsewhere = mistaken(msgspec.structs.replace(settings, app="another"), "attention")
    assert elsewhere.returncode == 2
    assert elsewhere.stderr.endswith("; are app and prefix those of the deployment?\n")
