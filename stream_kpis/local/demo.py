"""The demo: a real Kafka, a worker, an exporter and a simulated company on one machine, cleaned up at the end."""

import asyncio
import re
import shutil
import signal
import socket
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from stream_kpis.local.kafka import LocalKafka
from stream_kpis.local.processes import Command
from stream_kpis.local.sender import send_history, send_live, wall_ms
from stream_kpis.local.verdict import print_report
from stream_kpis.proof.pipeline import prove_snapshot
from stream_kpis.proof.simulate import SCENARIOS, Simulation
from stream_kpis.settings import Settings
from stream_kpis.stream.shards import compile_plan
from stream_kpis.stream.sources import SourceProducer
from stream_kpis.stream.topics import declare

SCENARIO_AFTER_S, SCENARIO_S = 120, 120
PARTIES_PER_EVENT = 1 / 100
_PORTS = range(9464, 9564)
_POLL_S = 0.5


class DemoError(RuntimeError):
    """The demo cannot go on; one line."""


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


def free_port(wanted: int | None) -> int:
    """The port wanted, or the first that is free of the usual ones."""
    for port in [wanted] if wanted else _PORTS:
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue
    raise DemoError(f"port {wanted or f'{_PORTS[0]} to {_PORTS[-1]}'} is in use; choose another one with --port")


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
    """

    def __init__(
        self, settings: Settings, *, span: str | None, proof: bool, events: int, days: int, rate: float, seed: int,
        workers: int, scenario: str, port: int | None,
    ) -> None:  # fmt: skip
        if scenario != "none" and scenario not in SCENARIOS:
            raise ValueError(f"no scenario {scenario!r}; there are {', '.join(SCENARIOS)}, none")
        self._span_s, self._proof = span_s(span), proof
        self._events, self._days, self._rate = events, days, rate
        self._workers, self._scenario = workers, scenario
        self._port = free_port(port)
        self._settings = settings
        self._simulation = Simulation(seed, max(int(events * PARTIES_PER_EVENT), 200))
        self._commands: list[Command] = []
        self._ended = asyncio.Event()
        self._interrupted = False

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def run(self) -> int:
        """Runs the demo; returns the exit code: 0, or 1 if the proof failed."""
        base = self._settings.data_dir
        base.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="demo-", dir=base))
        try:
            with LocalKafka(folder / "kafka", progress=_say) as kafka:
                self._settings = msgspec.structs.replace(
                    self._settings, bootstrap=kafka.bootstrap, port=self._port, host="127.0.0.1", data_dir=folder
                )
                _say(f"Kafka serves {kafka.bootstrap}")
                return asyncio.run(self._run(folder))
        finally:
            for command in self._commands:
                command.stop()
            shutil.rmtree(folder, ignore_errors=True)
            _say("ended")

    async def _run(self, folder: Path) -> int:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._interrupt)
        await declare(self._settings)
        self._start_commands(folder)
        async with SourceProducer(self._settings) as producer, aiohttp.ClientSession() as http:
            until_ms = wall_ms()
            began = time.monotonic()
            history = self._simulation.history(self._events, self._days, until_ms)
            sent = await send_history(producer, history, self._sending)
            live = self._simulation.live(until_ms, self._rate)
            sending = asyncio.create_task(send_live(producer, live, None, self._ended))
            await self._caught_up(http, sent)
            took = time.monotonic() - began
            _say(f"{sent:,} events of {self._days} days are loaded: {took:.0f} s, {sent / took:,.0f}/s")
            self._announce(live)
            await self._stay(sending)
            await sending
            await producer.flush()
            if self._proof and not self._interrupted:
                return await self._verify(http)
        return 0

    def _interrupt(self) -> None:
        self._interrupted = True
        self._ended.set()

    def _start_commands(self, folder: Path) -> None:
        settings = self._settings
        environment = {
            "STREAM_KPIS_BOOTSTRAP": settings.bootstrap,
            "STREAM_KPIS_PORT": str(self._port),
            "STREAM_KPIS_HOST": "127.0.0.1",
            "STREAM_KPIS_APP": settings.app,
            "STREAM_KPIS_PREFIX": settings.prefix,
        }
        roles = ["exporter"] + ["worker"] * self._workers
        self._commands = [
            Command(["worker", "--role", role], environment, folder / f"{role}-{number}.log")
            for number, role in enumerate(roles)
        ]
        _say(f"{self._workers} worker(s) and an exporter are starting; history comes meanwhile")

    def _sending(self, count: int) -> None:
        self._check_commands()
        if count % 100_000 == 0:
            _say(f"  sent {count:,} of about {self._events:,}")

    def _check_commands(self) -> None:
        if self._interrupted:
            raise KeyboardInterrupt
        for command in self._commands:
            if command.ended is not None:
                raise DemoError(f"{command.log.stem} ended ({command.ended}): {command.last_line()}")

    async def _caught_up(self, http: aiohttp.ClientSession, sent: int) -> None:
        told = time.monotonic()
        while True:
            self._check_commands()
            clock = await self._ask(http, "/api/shards")
            if clock and clock["stale_since"] is None:
                return
            if time.monotonic() - told > 5:  # noqa: PLR2004 - a line every five seconds
                told = time.monotonic()
                _say(f"  applied {max(sent - clock['lag'], 0):,} of {sent:,}" if clock else "  waiting for the exporter")
            await asyncio.sleep(_POLL_S)

    async def _ask(self, http: aiohttp.ClientSession, path: str) -> Any:
        try:
            async with http.get(self._url + path) as answer:
                return await answer.json() if answer.ok else None
        except aiohttp.ClientError:
            return None

    def _announce(self, live: Any) -> None:
        _say("")
        _say(f"  live page   {self._url}/")
        _say(f"  metrics     {self._url}/metrics")
        if self._scenario != "none":
            start_ms = wall_ms() + SCENARIO_AFTER_S * 1000
            live.play(self._scenario, start_ms, start_ms + SCENARIO_S * 1000)
            at = time.strftime("%H:%M:%S", time.localtime(start_ms / 1000))
            _say(f"  at {at}: {SCENARIOS[self._scenario].description}")
        _say("")
        _say(f"live for {self._span_s:.0f} s" if self._span_s else "live; Ctrl-C ends it")

    async def _stay(self, sending: "asyncio.Task[None]") -> None:
        """Until the time is over, a signal comes, or something ends that should not."""
        deadline = None if self._span_s is None else time.monotonic() + self._span_s
        while deadline is None or time.monotonic() < deadline:
            if self._interrupted:
                return
            if sending.done():
                sending.result()
            self._check_commands()
            await asyncio.sleep(_POLL_S)
        self._ended.set()

    async def _verify(self, http: aiohttp.ClientSession) -> int:
        """Waits until everything sent is visible, and proves it."""
        settled_ms = wall_ms() + 4000
        while True:
            self._check_commands()
            snapshot = await self._ask(http, "/api/snapshot")
            if snapshot and _ms(snapshot["kpi_now"]) >= settled_ms and snapshot["stale_since"] is None:
                break
            await asyncio.sleep(_POLL_S)
        _say("comparing every value in /metrics with the oracle over the events in Kafka")
        proof = await prove_snapshot(self._settings, compile_plan(self._settings), snapshot)
        return print_report(proof)


def _ms(text: str) -> float:
    return datetime.fromisoformat(text).timestamp() * 1000


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the demo talks to a person
