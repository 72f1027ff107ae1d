"""Workers are killed at random moments of an import; each time what /metrics shows equals the oracle."""

import asyncio
import random
from pathlib import Path

import aiohttp

from stream_kpis.kpis.goals import NO_GOALS
from stream_kpis.local.kafka import LocalKafka
from stream_kpis.local.pipeline import Pipeline
from stream_kpis.local.sender import send_history, wall_ms
from stream_kpis.plan import compile_plan
from stream_kpis.proof.pipeline import prove_snapshot
from stream_kpis.proof.simulate import Simulation, faults
from stream_kpis.settings import Settings
from stream_kpis.stream.sources import SourceProducer

KILLS = 10
EVENTS = 40_000
SEED = 20_261


async def test_killed_at_ten_random_moments_of_an_import_nothing_is_lost_or_counted_twice(
    broker: LocalKafka, tmp_path: Path
) -> None:
    """Two workers; after each kill the survivor takes over, the dead one comes back, and all is compared."""
    dice = random.Random(SEED)
    settings = Settings(bootstrap=broker.bootstrap, prefix="crash.", app="crash", data_dir=tmp_path)
    plan = compile_plan(settings)
    history = list(Simulation(SEED, EVENTS // 60).history(EVENTS, 400, wall_ms()))
    events = list(faults(history, {"duplicate", "late", "shuffle", "poison", "misroute"}, SEED, settings.partitions))
    cut = [round(len(events) * part / KILLS) for part in range(KILLS + 1)]
    with Pipeline(settings, tmp_path, workers=2) as pipeline:
        await pipeline.start()
        async with SourceProducer(settings) as producer, aiohttp.ClientSession() as http:
            await pipeline.settled(http)
            for number in range(KILLS):
                sending = asyncio.create_task(send_history(producer, events[cut[number] : cut[number + 1]]))
                await asyncio.sleep(dice.uniform(0.0, 1.0))  # the random moment itself, not a wait for something
                dice.choice(pipeline.workers).kill()
                await sending
                proof = await prove_snapshot(settings, plan, NO_GOALS, await pipeline.settled(http))
                assert not [str(difference) for difference in proof.report.differences[:5]], (
                    f"kill {number + 1}, seed {SEED}"
                )
                assert proof.report.compared > 1000
    assert pipeline.restarts >= KILLS
