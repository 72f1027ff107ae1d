"""Money in several currencies through a real broker: an event waits for its rate over a restart, and then counts."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from stream_kpis.events.envelope import encode_event
from stream_kpis.events.money import rate_of
from stream_kpis.events.rates import encode_rate
from stream_kpis.stream.sources import SourceProducer
from stream_kpis.stream.topics import RATES, declare
from tests.system.deployment import Deployment

PARTIES = 12


def order(party: str, currency: str, now: datetime) -> bytes:
    """Of 100 units."""
    return encode_event(
        "order.placed", id=f"{party} {currency}", source="shop", time=now.isoformat(), subject=party,
        data={"order_id": f"{party} {currency}", "amount": 100, "currency": currency},
    )  # fmt: skip


async def shown(deployment: Deployment) -> dict[str, Any]:
    """The number of orders and their worth, and how many events wait."""
    rows = (await deployment.get("/api/kpis", ("kpi", "orders"), ("kpi", "revenue_net"), ("window", "all")))["values"]
    shards = (await deployment.get("/api/shards"))["positions"]
    return {
        **{row["kpi"]: row["value"] for row in rows if not row["by"]},
        "parked": sum(shard["counters"].get("parked", 0) for shard in shards),
        "dead": sum(n for shard in shards for name, n in shard["counters"].items() if name.startswith("dead_letters")),
    }


async def until(deployment: Deployment, met: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """What is shown once a condition is met."""
    deadline = time.monotonic() + 60
    while not met(found := await shown(deployment)):
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.2)
    return found


async def test_an_event_waits_for_its_rate_over_a_restart_and_then_counts(deployment: Deployment) -> None:
    """Of two currencies: one whose rate was there before the worker began, and one that nobody knew."""
    settings, now = deployment.settings, datetime.now(UTC)
    today = now.date().isoformat()
    await declare(settings)
    async with SourceProducer(settings) as producer:
        await producer.send(RATES, *encode_rate(rate_of("EUR", today, "1.5")), partition=0)
        await producer.flush()
        for party in map(str, range(PARTIES)):
            for currency in ("USD", "EUR", "JPY"):
                await producer.send("crm.orders", party.encode(), order(party, currency, now))
        await producer.flush()
        deployment.start()
        await deployment.caught_up(3 * PARTIES)
        expected = {"orders": 2 * PARTIES, "revenue_net": 250 * PARTIES, "parked": PARTIES, "dead": 0}
        assert await until(deployment, lambda found: found["parked"] == PARTIES) == expected
        explain = ("explain", "revenue_net", "--window", "all", "--prove", "--url", deployment.url)
        assert "equal: the oracle says the same" in deployment.run(*explain)  # two are known, and one waits
        metrics = (await deployment.get("/api/snapshot"))["metrics"]
        waiting = [line for line in metrics.splitlines() if line.startswith("stream_kpis_parked_events{")]
        assert sum(float(line.split()[-1]) for line in waiting) == PARTIES

        deployment.replace_worker()
        await producer.send("crm.orders", b"0", order("0", "JPY", now))  # what waits is known: a duplicate
        await producer.flush()
        await deployment.caught_up(3 * PARTIES + 1)
        assert await until(deployment, lambda found: found["parked"] == PARTIES) == expected

        for worth in ("0.01", "0.02"):  # the second one comes too late to say otherwise
            await producer.send(RATES, *encode_rate(rate_of("JPY", today, worth)), partition=0)
        await producer.flush()
        expected = {"orders": 3 * PARTIES, "revenue_net": 251 * PARTIES, "parked": 0, "dead": 0}
        assert await until(deployment, lambda found: not found["parked"]) == expected
        shards = (await deployment.get("/api/shards"))["positions"]
        assert max(shard["counters"]["rates_ignored"] for shard in shards) == 1
        assert "equal: the oracle says the same" in deployment.run(*explain)
