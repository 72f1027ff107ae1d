"""The command `stack --scenario`: a scenario in a company of its own, and what the alerts on it do."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator

import aiohttp
import click

from stream_kpis.local.company import Company, Interrupted, Say, local_pipeline
from stream_kpis.local.drills import DRILLS, interval_s, pace, timing
from stream_kpis.local.life import STAGES
from stream_kpis.local.pipeline import Pipeline, free_port
from stream_kpis.local.sender import of_the_company, wall_ms
from stream_kpis.local.stack import Stack, require_programs
from stream_kpis.local.watcher import POLL_S, DrillError, Watcher, deployment
from stream_kpis.proof.simulate import Live, Simulation
from stream_kpis.settings import Settings
from stream_kpis.stream.logs import set_up_logging

_AHEAD_MS = 86_400_000
_SEED = 3
_EVENTS_PER_PARTY = 60
_PARTIES_MIN = 20


def run_drill(settings: Settings, scenario: str, *, until: str | None, fast: bool, port: int | None) -> int:
    """The command: starts all, plays a scenario, and tells what the alerts do; returns the exit code, 0.

    Args:
        settings: of the environment; address, ports and folders are the drill's own.
        scenario: which one.
        until: the stage of the alert's life at which it ends; None until Ctrl-C.
        fast: whether alerts hold and go on for seconds.
        port: of the live page, if it must be that one.

    Raises:
        ValueError: there is no such scenario.
        SettingsError: the port is taken.
        StackError: a program is missing or does not start.
        DrillError: an alert did not do what it should.
    """
    if scenario not in DRILLS:
        raise ValueError(f"no scenario {scenario!r}; there are {', '.join(DRILLS)}")
    drill, port = DRILLS[scenario], free_port(port) if port else 0
    require_programs()
    set_up_logging(settings.verbose)
    try:
        with local_pipeline(of_the_company(settings), 1, port, click.echo, drill.prepare) as pipeline:
            return asyncio.run(_run(company_of(pipeline, scenario, click.echo), scenario, until, fast=fast))
    finally:
        click.echo("ended")


def company_of(pipeline: Pipeline, scenario: str, say: Say) -> Company:
    """The company of a scenario; what it is about may have begun before the history ends."""
    drill = DRILLS[scenario]
    simulation = Simulation(_SEED, max(drill.size.events // _EVENTS_PER_PARTY, _PARTIES_MIN))
    if drill.begins_s < 0:
        simulation.play(scenario, wall_ms() + drill.begins_s * 1000, wall_ms() + _AHEAD_MS)
    return Company(pipeline, simulation, drill.size, say)


@contextlib.asynccontextmanager
async def watched(company: Company, scenario: str, say: Say, *, fast: bool) -> AsyncIterator[tuple[Watcher, Live]]:
    """Starts a company's processes, and Prometheus and Alertmanager beside them, once its history is loaded."""
    pipeline = company.pipeline
    deployed = deployment(pipeline.settings, DRILLS[scenario], timing(fast=fast))
    await pipeline.start()
    say("a worker and an exporter are starting; history comes meanwhile")
    folder, address = pipeline.settings.data_dir / "stack", pipeline.url.removeprefix("http://")
    async with aiohttp.ClientSession() as http, company.living(http) as live:
        with Stack(folder, [address], deployed.text, interval_s(fast=fast)) as stack:
            for line in _about(pipeline.url, stack, fast=fast):
                say(line)
            watcher = Watcher(company, stack, deployed, http, say)
            await watcher.calm()
            yield watcher, live


async def _run(company: Company, scenario: str, until: str | None, *, fast: bool) -> int:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, company.interrupt)
    try:
        async with watched(company, scenario, click.echo, fast=fast) as (watcher, live):
            if DRILLS[scenario].calls:
                life = await watcher.life(scenario, live, until or STAGES[-1])
                click.echo(f"seen as far as {list(life.at_ms)[-1]}: the drill is through")
            else:
                await watcher.silence(scenario)
            if until is None:
                click.echo("Ctrl-C ends it")
            while until is None:
                company.tend()
                await asyncio.sleep(POLL_S)
    except Interrupted:
        if until is not None:
            raise DrillError("it was ended before the drill was through") from None
    return 0


def _about(page: str, stack: Stack, *, fast: bool) -> list[str]:
    return [
        "",
        f"  live page     {page}/",
        f"  Prometheus    {stack.prometheus}/alerts",
        f"  Alertmanager  {stack.alertmanager}",
        "  rules         " + "\n                ".join(pace(fast=fast)),
        "",
    ]
