"""A simulated company on a real broker: a worker, exporters, its history, and what it goes on doing."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import aiohttp
import pytest

from stream_kpis.local.processes import Command
from stream_kpis.local.sender import send_history, send_live, wall_ms
from stream_kpis.proof.simulate import Live, Simulation
from stream_kpis.settings import Settings
from stream_kpis.stream.sources import SourceProducer
from stream_kpis.stream.topics import declare

PATIENCE_S = 300


async def until(condition: Callable[[], bool], what: str) -> None:
    """Waits for what must come."""
    for _ in range(PATIENCE_S * 5):
        if condition():
            return
        await asyncio.sleep(0.2)
    pytest.fail(f"never: {what}")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def company(
    settings: Settings, folder: Path, ports: Sequence[int], events: int = 30_000, days: int = 120, **more: str
) -> AsyncIterator[Live]:
    """A worker, exporters on these ports, and a company that lives, all caught up.

    Args:
        settings: of the deployment.
        folder: for logs.
        ports: of the exporters.
        events: of history.
        days: of history.
        more: settings as environment variables, without their prefix.
    """
    environment = {
        "STREAM_KPIS_BOOTSTRAP": settings.bootstrap,
        "STREAM_KPIS_APP": settings.app,
        "STREAM_KPIS_PREFIX": settings.prefix,
        "STREAM_KPIS_PARTITIONS": str(settings.partitions),
        **{f"STREAM_KPIS_{name.upper()}": text for name, text in more.items()},
    }
    await declare(settings)
    commands = [
        Command(
            ["worker", "--role", role], environment | {"STREAM_KPIS_PORT": str(port)}, folder / f"{role}-{port}.log"
        )
        for role, port in [*(("exporter", port) for port in ports), ("worker", ports[0])]
    ]
    ended = asyncio.Event()
    try:
        async with SourceProducer(settings) as producer:
            simulation, from_ms = Simulation(seed=3, parties=max(events // 60, 20)), wall_ms()
            await send_history(producer, simulation.history(events, days, from_ms))
            live = simulation.live(from_ms, 20.0)
            sending = asyncio.create_task(send_live(producer, live.due, None, ended))
            for port in ports:
                await _caught_up(port, commands)
            yield live
            ended.set()
            await sending
    finally:
        for command in commands:
            command.stop()


async def _caught_up(port: int, commands: Sequence[Command]) -> None:
    """Waits until an exporter shows all that was sent."""
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
        for _ in range(PATIENCE_S * 5):
            for command in commands:
                assert command.ended is None, f"{command.log.stem} ended: {command.last_line()}"
            with contextlib.suppress(aiohttp.ClientError):
                async with client.get("/api/shards") as answer:
                    if answer.ok and (await answer.json())["stale_since"] is None:
                        return
            await asyncio.sleep(0.2)
    pytest.fail("never: the exporter has caught up")
