"""From events in Kafka to a notification, through real Prometheus and Alertmanager: the drills of all scenarios."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest

from stream_kpis.local.company import Company
from stream_kpis.local.drill import company_of, watched
from stream_kpis.local.drills import DRILLS
from stream_kpis.local.life import STAGES
from stream_kpis.local.pipeline import Pipeline
from stream_kpis.local.sender import of_the_company, send_live, wall_ms
from stream_kpis.local.watcher import Watcher
from stream_kpis.proof.simulate import Live, Simulation
from stream_kpis.settings import Settings
from stream_kpis.stream.sources import SourceProducer
from tests.system.company import free_port, until
from tests.tools import tool


@pytest.fixture(autouse=True)
def _programs() -> None:
    for program in ("prometheus", "alertmanager"):
        tool(program)


@contextlib.contextmanager
def pipeline(settings: Settings, folder: Path, scenario: str) -> Iterator[Pipeline]:
    """A scenario's deployment on the tests' broker."""
    folder.mkdir()
    own = of_the_company(msgspec.structs.replace(settings, data_dir=folder))
    prepare = DRILLS[scenario].prepare
    with Pipeline(prepare(folder, own) if prepare else own, folder, 1, free_port()) as running:
        yield running


@contextlib.asynccontextmanager
async def drill(
    settings: Settings, folder: Path, scenario: str, lines: list[str]
) -> AsyncIterator[tuple[Company, Watcher, Live]]:
    """A scenario's company, watched; what is told goes to the lines."""
    with pipeline(settings, folder, scenario) as running:
        company = company_of(running, scenario, lines.append)
        async with watched(company, scenario, lines.append, fast=True) as (watcher, live):
            yield company, watcher, live


def text(lines: list[str]) -> str:
    """What was told, as one line."""
    return " ".join("\n".join(lines).split())


@contextlib.asynccontextmanager
async def rush(settings: Settings) -> AsyncIterator[None]:
    """Many more customers, who are answered soon: slow answers become few among them before five minutes are over."""
    ended = asyncio.Event()
    async with SourceProducer(settings) as producer:
        live = Simulation(seed=4, parties=500, run="rush-").live(wall_ms(), 150.0)
        sending = asyncio.create_task(send_live(producer, live.due, None, ended))
        yield
        ended.set()
        await sending


async def test_slow_responses_and_churn_call_people_and_end(settings: Settings, tmp_path: Path) -> None:
    """Calm pages nobody; both lives are seen from the event to the end.

    It may warn of more contacts than usual: live events come much faster than history did.
    """
    lines: list[str] = []
    async with drill(settings, tmp_path / "busy", "slow-responses", lines) as (company, watcher, live):
        assert "beside: firing page" not in text(lines)
        slow, churn = (
            asyncio.create_task(watcher.life(scenario, live, "resolved"))
            for scenario in ("slow-responses", "churn-wave")
        )
        ends_ms = wall_ms() + 1000 * (DRILLS["slow-responses"].lasts_s + 15)
        calls = "Alertmanager delivered: First responses are slow"
        await until(lambda: slow.done() or (calls in text(lines) and wall_ms() > ends_ms), "slow responses call")
        async with rush(company.pipeline.settings):
            lives = await asyncio.gather(slow, churn)
    assert "Alertmanager delivered: Churn is above 5 %" in text(lines)
    for life in lives:
        assert sorted(life.at_ms, key=lambda stage: life.at_ms[stage]) == list(STAGES)


async def test_a_quiet_night_and_a_small_sample_page_nobody(settings: Settings, tmp_path: Path) -> None:
    """Though three customers wait, and seven in eight deadlines were missed: it is told what held the alerts back."""
    lines: dict[str, list[str]] = {"quiet-night": [], "small-sample": []}

    async def silent(scenario: str) -> None:
        own = msgspec.structs.replace(settings, prefix=f"{settings.prefix}{scenario}.")
        async with drill(own, tmp_path / scenario, scenario, lines[scenario]) as (_, watcher, _):
            await watcher.silence(scenario)

    await asyncio.gather(*map(silent, lines))
    night, small = map(text, lines.values())
    assert "nobody was paged" in night
    assert "CustomersWait inactive 3 of them, but calendar office is closed" in night
    assert "GoalMissed inactive 3, but calendar office is closed" in night
    assert "StreamKpisNoEvents inactive" in night
    assert "nobody was paged" in small
    held = re.search(
        r"SlaBurnsFast inactive ([\d.]+) % missed, at least [\d.]+ %, but (\d+) samples of 30 needed", small
    )
    assert held, small
    assert float(held[1]) > 40, "it would have called"
    assert 12 <= int(held[2]) < 30
