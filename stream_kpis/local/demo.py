"""The demo: a real Kafka, a worker, an exporter and a simulated company on one machine, cleaned up at the end."""

import asyncio
import contextlib
import os
import re
import shlex
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from stream_kpis.engine.catalogues import document_of
from stream_kpis.local.company import Company, Interrupted, Size, local_pipeline
from stream_kpis.local.pipeline import POLL_S, Pipeline, check_workers, free_port
from stream_kpis.local.processes import Command
from stream_kpis.local.sender import of_the_company, wall_ms
from stream_kpis.local.verdict import Verdict, enough, print_report, told, verdict
from stream_kpis.local.watch import Watch
from stream_kpis.plan import goals_of
from stream_kpis.proof.pipeline import prove_snapshot
from stream_kpis.proof.simulate import SCENARIOS, Simulation
from stream_kpis.settings import Settings, SettingsError
from stream_kpis.stream.control import deployed_plan
from stream_kpis.stream.logs import set_up_logging

SCENARIO_AFTER_S, SCENARIO_S = 120, 240
"""Long enough for more than 1 in 10 customers to wait beyond the target of two minutes."""
GOALS = Path(__file__).with_name("goals.yaml")
"""Of the simulated company, unless the settings name others."""
PARTIES_PER_EVENT = 1 / 100


def span_s(text: str | None) -> float | None:
    """Seconds of ``90s``, ``5m`` or ``1h``.

    Raises:
        ValueError: it is none.

    >>> span_s("5m")
    300.0
    """
    if text is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    if not found:
        raise ValueError(f"--for {text!r} is not a time such as 90s, 5m or 1h")
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]


def incident(scenario: str, span: float | None) -> str:
    """What a demo tells of its incident: nothing if it is over before, and not the end if it does not see that.

    >>> incident("churn-wave", 130.0)
    'one customer in seven is said to have churned; the demo is over before that ends'
    """
    happens = SCENARIOS[scenario].description
    if span is None or span > SCENARIO_AFTER_S + SCENARIO_S:
        return happens
    begins = happens.partition(";")[0]
    return f"{begins}; the demo is over before that ends" if span > SCENARIO_AFTER_S else ""


def write_settings(folder: Path, environment: Mapping[str, str]) -> Path:
    """Writes a file for a shell to read, after which commands find this Kafka, exporter, catalogue and goals.

    Args:
        folder: where it goes.
        environment: of the deployment's processes.
    """
    inherited = {
        name: os.environ[name] for name in ("STREAM_KPIS_CATALOGUE", "STREAM_KPIS_CONFIG") if name in os.environ
    }
    lines = (f"export {name}={shlex.quote(value)}\n" for name, value in (inherited | dict(environment)).items())
    file = folder / "settings.sh"
    file.write_text("".join(lines), encoding="utf-8")
    return file


class Demo:
    """One run.

    Args:
        settings: of the environment; address, ports and folders are the demo's own.
        span: how long to stay live; None until Ctrl-C.
        proof: whether to compare /metrics with the oracle at the end.
        events: of history.
        days: of history.
        rate: live events per second.
        seed: of the company.
        workers: how many.
        scenario: what happens two minutes in, or ``none``.
        port: of the live page, if it must be that one.
        audit: whether an audit proves what is shown all the while.

    Raises:
        ValueError: something given is wrong; nothing was started.
        SettingsError: the port is taken, likewise.
    """

    def __init__(
        self, settings: Settings, *, span: str | None, proof: bool, events: int, days: int, rate: float, seed: int,
        workers: int, scenario: str, port: int | None, audit: bool = False,
    ) -> None:  # fmt: skip
        if scenario != "none" and scenario not in SCENARIOS:
            raise ValueError(f"no scenario {scenario!r}; there are {', '.join(SCENARIOS)}, none")
        check_workers(settings, workers)
        self._span_s, self._proof = span_s(span), proof
        self._size = Size(events, days, rate)
        self._workers, self._scenario = workers, scenario
        self._port = free_port(port) if port else 0
        self._audit = audit
        settings = of_the_company(settings)
        self._settings = msgspec.structs.replace(settings, goals=settings.goals or GOALS)
        self._watch = Watch(self._settings)
        self._simulation = Simulation(seed, max(int(events * PARTIES_PER_EVENT), 200))

    def run(self) -> int:
        """Runs the demo; returns the exit code: 0, or 1 if the proof failed."""
        set_up_logging(self._settings.verbose)
        try:
            with local_pipeline(self._settings, self._workers, self._port, _say) as pipeline:
                return asyncio.run(self._run(pipeline))
        finally:
            _say("ended")

    async def _run(self, pipeline: Pipeline) -> int:
        self._pipeline, self._company = pipeline, Company(pipeline, self._simulation, self._size, _say)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._company.interrupt)
        await pipeline.start()
        _say(f"{self._workers} worker(s) and an exporter are starting; history comes meanwhile")
        try:
            async with aiohttp.ClientSession() as http:
                async with self._company.living(http) as live:
                    self._announce(live)
                    with self._audited():
                        await self._stay()
                return await self._verify(http) if self._proof else 0
        except Interrupted:
            return 0

    @contextlib.contextmanager
    def _audited(self) -> Iterator[None]:
        """Runs the audit beside, if it is wanted; what it finds goes to its log and /metrics."""
        if not self._audit:
            yield
            return
        port = free_port()
        arguments = ["audit", "--url", self._pipeline.url, "--port", str(port)]
        audit = Command(arguments, self._pipeline.environment, self._pipeline.settings.data_dir / "audit.log")
        _say(f"  audit       http://127.0.0.1:{port}/metrics")
        try:
            yield
        finally:
            audit.stop()

    def _announce(self, live: Any) -> None:
        _say("")
        _say(f"  live page   {self._pipeline.url}/")
        _say(f"  metrics     {self._pipeline.url}/metrics")
        file = write_settings(self._pipeline.settings.data_dir, self._pipeline.environment)
        _say(f"  commands    . {file}    first, in another terminal")
        if self._scenario != "none":
            start_ms = wall_ms() + SCENARIO_AFTER_S * 1000
            at = time.strftime("%H:%M:%S", time.localtime(start_ms / 1000))
            if happens := incident(self._scenario, self._span_s):
                live.play(self._scenario, start_ms, start_ms + SCENARIO_S * 1000)
                _say(f"  at {at}: {happens}")
            else:
                _say(f"  no incident: it would begin {SCENARIO_AFTER_S} s in; --for 10m shows one")
        _say("")
        _say(f"live for {self._span_s:.0f} s" if self._span_s else "live; Ctrl-C ends it")

    async def _stay(self) -> None:
        """Until the time is over, a signal comes, or something ends that should not."""
        deadline = None if self._span_s is None else time.monotonic() + self._span_s
        while deadline is None or time.monotonic() < deadline:
            self._company.tend()
            if self._watch.changed():
                await self._take_up()
            await asyncio.sleep(POLL_S)

    async def _take_up(self) -> None:
        """Goes on with the catalogue as it is now; a wrong one is told, and the one before stays."""
        try:
            plan = await deployed_plan(self._pipeline.settings)
        except SettingsError as error:
            _say(f"{error}; the demo goes on as before")
            return
        _say("the catalogue has changed: the workers build what is new, and what was is shown until they have")
        began, name = time.monotonic(), document_of(plan).name
        await self._pipeline.restart_workers()
        async with aiohttp.ClientSession() as http:
            while not _shows(name, await self._pipeline.ask(http, "/api/shards")):
                self._company.tend()
                if self._watch.changed():
                    await self._take_up()
                    return
                await asyncio.sleep(POLL_S)
        _say(f"{len(plan.catalogue.kpis)} KPIs are live after {time.monotonic() - began:.1f} s")

    async def _verify(self, http: aiohttp.ClientSession) -> int:
        """Waits until everything sent is visible, and proves it."""
        settings = self._pipeline.settings
        snapshot = await self._pipeline.settled(http)
        _say("comparing every value in /metrics with the oracle over the events in Kafka")
        plan = await deployed_plan(settings)
        proof = await prove_snapshot(settings, plan, goals_of(settings, plan), snapshot)
        print_report(proof, every=True)
        _say(told(proof.report))
        return 0 if verdict(proof.report) is Verdict.EQUAL and enough(proof.report) else 1


def _shows(catalogue: str, clock: Any) -> bool:
    """Whether the exporter shows a catalogue, and nothing is stale."""
    return clock is not None and clock["catalogue"] == catalogue and clock["stale_since"] is None


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the demo talks to a person
