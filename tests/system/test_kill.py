"""Workers and brokers that die, hang and wake up: nothing lost, nothing counted twice."""

import asyncio
import random
import signal
import time

from stream_kpis.local.kafka import LocalKafka
from stream_kpis.settings import Settings
from stream_kpis.stream.topics import declare
from tests.system.chaos import Load, Workers, assert_exact, counts, settled, until

KILLS = 10
SESSION_S = 6


async def test_a_broker_that_dies_and_comes_back_costs_nothing(
    settings: Settings, workers: Workers, broker: LocalKafka
) -> None:
    """Workers that cannot write end with 75 and are started again; producers of the load are our own and retry.

    First in this file: the more partitions there are, the longer the broker takes to come back.
    """
    await declare(settings)
    workers.start()
    await until(lambda: workers.all[0].ready, "the first is ready")
    supervising = asyncio.create_task(workers.supervise(delays_s=(1.0,)))
    produced = Load(settings)
    await produced.run(rate=1_000, seconds=4)
    broker.kill()
    try:
        await asyncio.sleep(2)
    finally:
        await asyncio.to_thread(broker.start)
    await produced.run(rate=1_000, seconds=4)
    found = await settled(settings, produced)
    supervising.cancel()
    assert_exact(produced, found)
    assert set(workers.codes) <= {75}


async def test_ten_kills_lose_nothing_and_count_nothing_twice(settings: Settings, workers: Workers) -> None:
    """Three workers under load; kill -9, a zombie and a SIGTERM among them, some at the same time."""
    await declare(settings)
    chance = random.Random(7)
    workers.start()
    await until(lambda: workers.all[0].ready, "the first is ready")
    produced = Load(settings)
    producing = asyncio.create_task(produced.run(rate=1_000, seconds=45))
    supervising = asyncio.create_task(workers.supervise(delays_s=(0.0, 1.0, SESSION_S + 1.0)))
    workers.start()
    workers.start()
    for blow in [*[signal.SIGKILL] * (KILLS - 1), signal.SIGSTOP, signal.SIGTERM, signal.SIGKILL]:
        await asyncio.sleep(chance.choice((0.3, 1, 2, 4, 6)))
        await until(lambda: bool(workers.running), "someone runs")
        victim = chance.choice(workers.running)
        victim.send(blow)
        if blow is signal.SIGSTOP:
            asyncio.get_running_loop().call_later(SESSION_S + 3, victim.send, signal.SIGCONT)
    await producing
    await asyncio.sleep(SESSION_S)
    found = await settled(settings, produced)
    supervising.cancel()
    assert_exact(produced, found)
    # Who dies otherwise than by a blow was ended by its successor (75); SIGTERM may come before there are handlers.
    assert set(workers.codes) <= {-signal.SIGKILL, -signal.SIGTERM, 0, 75}
    assert workers.codes[-signal.SIGKILL] == KILLS


async def test_a_zombie_cannot_write(settings: Settings, workers: Workers) -> None:
    """A worker sleeps past its session and wakes with batches in hand: its successor has ended its producers."""
    await declare(settings)
    zombie = workers.start()
    await until(lambda: zombie.ready, "the first is ready")
    produced = Load(settings)
    await produced.run(rate=1_000, seconds=3)
    zombie.send(signal.SIGSTOP)
    heir = workers.start()
    producing = asyncio.create_task(produced.run(rate=1_000, seconds=SESSION_S + 6))
    await until(lambda: heir.ready, "the heir is ready")
    await producing
    zombie.send(signal.SIGCONT)
    await produced.run(rate=1_000, seconds=3)
    found = await settled(settings, produced)
    assert_exact(produced, found)
    assert heir.code is None, heir.said
    assert zombie.code in (None, 75), zombie.said


async def test_a_killed_workers_shards_are_fresh_again_soon(settings: Settings, workers: Workers) -> None:
    """The heir reads what was committed, and goes on from there."""
    await declare(settings)
    produced = Load(settings)
    victim, heir = workers.start(), workers.start()
    await until(lambda: victim.ready and heir.ready, "two workers are ready")
    producing = asyncio.create_task(produced.run(rate=1_000, seconds=SESSION_S + 10))
    await asyncio.sleep(3)
    before = await counts(settings)
    victim.send(signal.SIGKILL)
    killed_ms = time.time_ns() // 1_000_000

    await until(lambda: "ready: 6 shards" in heir.said, "the heir has all shards")
    await producing
    found = await settled(settings, produced)
    assert_exact(produced, found)
    for partition, header in before.headers.items():
        assert all(found.headers[partition].next[topic] >= position for topic, position in header.next.items())
    assert all(header.made_ms > killed_ms for header in found.headers.values())
