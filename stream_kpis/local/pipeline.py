"""Workers and an exporter as child processes of this one: for the demo, verification and tests."""

import asyncio
import socket
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import msgspec

from stream_kpis.local.processes import Command
from stream_kpis.local.sender import wall_ms
from stream_kpis.settings import Settings, SettingsError
from stream_kpis.stream.topics import declare

POLL_S = 0.5
SETTLED_MS = 4_500
"""How far kpi-now must be past what was sent: the exporter knows the ends of the topics 3 to 4 s late."""
EXIT_RESTART = 75
FAILURES_MAX = 5
"""How often processes may fail by themselves; more than that is no accident."""
_READY = b"ready: "
"""What a worker says when its shards are there."""
_PORTS = range(9464, 9564)


class PipelineError(RuntimeError):
    """A process ended that should not have; one line."""


def free_port(wanted: int = 0) -> int:
    """The port wanted, or the first that is free of the usual ones.

    Raises:
        SettingsError: there is none.
    """
    for port in [wanted] if wanted else _PORTS:
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue
    raise SettingsError(f"port {wanted or f'{_PORTS[0]} to {_PORTS[-1]}'} is in use; choose another one with --port")


def check_workers(settings: Settings, workers: int) -> None:
    """Refuses workers that would have nothing to do.

    Raises:
        ValueError: there are more of them than partitions.
    """
    if workers > settings.partitions:
        raise ValueError(f"{workers} workers are more than the {settings.partitions} partitions: give at most as many")


class Pipeline:
    """Some workers and one exporter. What ends as it does after a failure of Kafka is started again, a few times.

    Args:
        settings: of the deployment; the port is chosen here.
        folder: where the logs go.
        workers: how many.
        port: of the exporter, if it must be that one.
    """

    def __init__(self, settings: Settings, folder: Path, workers: int, port: int = 0) -> None:
        self.settings = msgspec.structs.replace(settings, port=free_port(port))
        self.url = f"http://127.0.0.1:{self.settings.port}"
        self._folder = folder
        self._roles = ["exporter", *["worker"] * workers]
        self.commands: list[Command] = []
        self.restarts = 0
        self._failed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    async def start(self) -> None:
        """Declares the topics and starts all processes."""
        await declare(self.settings)
        self.commands = [self._command(number) for number in range(len(self._roles))]

    def stop(self) -> None:
        """Stops all processes, the workers first."""
        for command in reversed(self.commands):
            command.process.terminate()
        for command in self.commands:
            command.stop()

    async def restart_workers(self) -> None:
        """Starts the workers anew, so that they read the catalogue again. The exporter goes over to it by itself.

        Raises:
            PipelineError: a process ended, the catalogue being one that the state cannot follow, say.
        """
        for number in range(1, len(self.commands)):
            self.commands[number].stop()
        marks = [command.log.stat().st_size for command in self.commands]
        for number in range(1, len(self.commands)):
            self.commands[number] = self._command(number)
        while any(
            _READY not in command.log.read_bytes()[mark:] for command, mark in zip(self.workers, marks[1:], strict=True)
        ):
            self.tend()
            await asyncio.sleep(POLL_S)

    @property
    def workers(self) -> list[Command]:
        """The workers' processes."""
        return self.commands[1:]

    @property
    def environment(self) -> dict[str, str]:
        """The settings of the deployment, for a process of it."""
        settings = self.settings
        return {
            "STREAM_KPIS_BOOTSTRAP": settings.bootstrap,
            "STREAM_KPIS_PORT": str(settings.port),
            "STREAM_KPIS_HOST": settings.host,
            "STREAM_KPIS_APP": settings.app,
            "STREAM_KPIS_PREFIX": settings.prefix,
            "STREAM_KPIS_PARTITIONS": str(settings.partitions),
            "STREAM_KPIS_ZONE": settings.zone,
            "STREAM_KPIS_CURRENCY": settings.currency,
            **({"STREAM_KPIS_LOOKUPS": str(settings.lookups.absolute())} if settings.lookups else {}),
            **({"STREAM_KPIS_CALENDARS": str(settings.calendars.absolute())} if settings.calendars else {}),
            **({"STREAM_KPIS_TERMS": str(settings.terms.absolute())} if settings.terms else {}),
            **({"STREAM_KPIS_RATES": str(settings.rates.absolute())} if settings.rates else {}),
            "STREAM_KPIS_RATES_CARRY_DAYS": str(settings.rates_carry_days),
            **({"STREAM_KPIS_GOALS": str(settings.goals)} if settings.goals else {}),
        }

    def _command(self, number: int) -> Command:
        role = self._roles[number]
        return Command(["worker", "--role", role], self.environment, self._folder / f"{role}-{number}.log")

    def tend(self) -> None:
        """Starts again what may be; raises for the rest.

        Raises:
            PipelineError: a process ended and must not be started again.
        """
        for number, command in enumerate(self.commands):
            ended = command.ended
            if ended is None:
                continue
            self._failed += ended == EXIT_RESTART
            if ended in (EXIT_RESTART, -9) and self._failed <= FAILURES_MAX:
                self.restarts += 1
                self.commands[number] = self._command(number)
            else:
                raise PipelineError(f"{command.log.stem} ended ({ended}): {command.last_line()}")

    async def ask(self, http: aiohttp.ClientSession, path: str) -> Any:
        """The exporter's JSON answer; None while it has none."""
        try:
            async with http.get(self.url + path) as answer:
                return await answer.json() if answer.ok else None
        except aiohttp.ClientError:
            return None

    async def settled(self, http: aiohttp.ClientSession) -> Any:
        """A snapshot in which everything sent until now is visible."""
        after_ms = wall_ms() + SETTLED_MS
        while True:
            self.tend()
            clock = await self.ask(http, "/api/shards")
            if clock and clock["stale_since"] is None and _ms(clock["kpi_now"]) >= after_ms:
                snapshot = await self.ask(http, "/api/snapshot")
                if snapshot and snapshot["stale_since"] is None:
                    return snapshot
            await asyncio.sleep(POLL_S)


def _ms(text: str) -> float:
    return datetime.fromisoformat(text).timestamp() * 1000
