"""*Prove it* over HTTP: in the background, one at a time, bounded."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from stream_kpis.live.model.snapshot import Snapshot, Value
from stream_kpis.live.web.background import Tell
from stream_kpis.live.web.feed import Feed
from stream_kpis.live.web.proving import KEPT, Proving
from tests.live import fakes
from tests.live.web.held import Held

ORDERS = "/api/prove?kpi=orders&window=24h"


class Prover(Held):
    """A proof that goes on when it is let go."""

    def __init__(self) -> None:
        super().__init__(ORDERS)

    async def prove(self, snapshot: Snapshot, values: list[Value], tell: Tell) -> dict[str, Any]:
        await self.held(tell)
        return {"equal": True, "values": len(values), "to": snapshot.to_ms}

    async def ended_proof(self, proof: int) -> dict[str, Any]:
        """How a proof ended."""
        return await self.ended(f"/api/prove?id={proof}")


@pytest_asyncio.fixture
async def prover(request: pytest.FixtureRequest) -> AsyncIterator[Prover]:
    prover, feed = Prover(), Feed()
    feed.publish(fakes.snapshot())
    seconds_max = getattr(request, "param", 600.0)
    async with prover.served(feed, Proving(feed, fakes.KPIS, prover.prove, seconds_max, lambda: prover.now_s)):
        yield prover


async def test_a_proof_begins_says_how_far_it_is_and_what_it_found(prover: Prover) -> None:
    status, begun = await prover.ask("POST", ORDERS)
    assert (status, begun["state"], begun["to_read"]) == (202, "running", 0)
    prover.tell(30, 120)
    prover.now_s = 2.25
    _, said = await prover.ask("GET", f"/api/prove?id={begun['id']}")
    assert (said["state"], said["read"], said["to_read"], said["seconds"]) == ("running", 30, 120, 2.2)
    prover.go.set()
    said = await prover.ended_proof(begun["id"])
    of_orders = [value for value in fakes.snapshot().values if (value.kpi, value.window) == ("orders", "24h")]
    assert (said["state"], said["failed"]) == ("done", "")
    assert said["found"] == {"equal": True, "values": len(of_orders), "to": fakes.NOW_MS}


async def test_one_at_a_time(prover: Prover) -> None:
    _, begun = await prover.ask("POST", ORDERS)
    status, text = await prover.ask("POST", "/api/prove?kpi=nps&window=30d")
    assert (status, text.split(":")[0]) == (429, "orders over 24h is being proved")
    prover.go.set()
    await prover.ended_proof(begun["id"])
    assert (await prover.ask("POST", "/api/prove?kpi=nps&window=30d"))[0] == 202


async def test_what_went_wrong_is_said_in_one_line(prover: Prover) -> None:
    prover.error = RuntimeError("Kafka does not answer")
    prover.go.set()
    _, begun = await prover.ask("POST", ORDERS)
    said = await prover.ended_proof(begun["id"])
    assert (said["state"], said["failed"], said["found"]) == ("failed", "Kafka does not answer", None)


@pytest.mark.parametrize("prover", [0.0], indirect=True)
async def test_a_proof_that_takes_too_long_is_ended_and_says_what_to_do(prover: Prover) -> None:
    _, begun = await prover.ask("POST", ORDERS)
    said = await prover.ended_proof(begun["id"])
    assert said["failed"] == "not done after 0 s: run stream-kpis explain orders --window 24h --prove"


async def test_proofs_that_are_long_over_are_forgotten(prover: Prover) -> None:
    prover.go.set()
    for _ in range(KEPT + 1):
        _, begun = await prover.ask("POST", ORDERS)
        await prover.ended_proof(begun["id"])
    assert (await prover.ask("GET", "/api/prove?id=2"))[0] == 200
    for unknown in ("1", "", "x", "\u00b2"):
        status, text = await prover.ask("GET", f"/api/prove?id={unknown}")
        assert (status, text[:8]) == (404, "no proof")


async def test_what_there_is_not_cannot_be_proved(prover: Prover) -> None:
    for query in ("kpi=orders&window=25h", "kpi=order&window=24h", ""):
        assert (await prover.ask("POST", f"/api/prove?{query}"))[0] == 404


async def test_a_page_of_somebody_else_begins_no_proof(prover: Prover) -> None:
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 202)):
        assert (await prover.ask("POST", ORDERS, **{"Sec-Fetch-Site": site}))[0] == status


async def test_who_may_not_prove_serves_nothing_of_it() -> None:
    assert Proving(Feed(), fakes.KPIS, None).routes() == []


async def test_a_proof_ends_with_the_exporter() -> None:
    prover, feed = Prover(), Feed()
    feed.publish(fakes.snapshot())
    async with prover.served(feed, Proving(feed, fakes.KPIS, prover.prove)):
        await prover.ask("POST", ORDERS)
    assert prover.cancelled.is_set()
