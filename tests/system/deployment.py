"""A whole deployment on the test broker: a worker and an exporter, and the commands against them."""

import asyncio
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from stream_kpis.live.terminal.client import ExporterError, ask
from stream_kpis.settings import Settings
from tests.system.chaos import ROOT, Worker


class Deployment:
    """A worker and an exporter, each a process of its own."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        program = (sys.executable, "-m", "stream_kpis")
        self.url = f"http://127.0.0.1:{port}"
        self.settings = settings
        self._program = program
        self._exporter = (*program, "worker", "--role", "exporter", "--port", port)
        self._folder = folder
        self._running: list[Worker] = []

    def start(self) -> None:
        """Starts both."""
        self.start_worker("worker")
        self._running.append(Worker(self._exporter, self.settings, self._folder / "exporter.log"))

    def start_worker(self, name: str) -> None:
        """Starts the worker, whose log is named so."""
        program = (*self._program, "worker", "--role", "worker")
        self._running.insert(0, Worker(program, self.settings, self._folder / f"{name}.log"))

    def replace_worker(self) -> None:
        """Kills the worker, and starts another."""
        self.kill_worker()
        self.start_worker("successor")

    def kill_worker(self) -> None:
        """Kills the worker."""
        killed = self._running.pop(0)
        killed._process.kill()
        killed._process.wait(30)

    def run(self, *arguments: object) -> str:
        """Runs a command to its end; what it said on standard output."""
        environment = {"PYTHONPATH": str(ROOT), "STREAM_KPIS_BOOTSTRAP": self.settings.bootstrap}
        environment |= {
            "STREAM_KPIS_PREFIX": self.settings.prefix,
            "STREAM_KPIS_APP": self.settings.app,
            "STREAM_KPIS_PARTITIONS": str(self.settings.partitions),
        }
        ended = subprocess.run(
            [*self._program, *map(str, arguments)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    async def caught_up(self, events: int) -> None:
        """Waits until all shards have read that many records to the end, and nothing is stale."""
        deadline = time.monotonic() + 90
        while True:
            try:
                shards = await asyncio.to_thread(ask, self.url, "/api/shards")
                read = sum(sum(shard["next"].values()) for shard in shards["positions"])
                if read >= events and shards["lag"] == shards["stale_shards"] == 0 and not await self._stale():
                    return
            except ExporterError:
                assert all(worker.code is None for worker in self._running), [worker.said for worker in self._running]
            assert time.monotonic() < deadline, "not caught up"
            await asyncio.sleep(0.2)

    async def _stale(self) -> bool:
        return any(row["state"] == "stale" for row in (await self.get("/api/kpis", ("window", "all")))["values"])

    async def get(self, path: str, *query: tuple[str, str]) -> dict[str, Any]:
        """Asks the exporter."""
        return await asyncio.to_thread(ask, self.url, path, query)

    def end(self) -> None:
        """Ends both."""
        for worker in self._running:
            worker._process.terminate()
        for worker in self._running:
            worker._process.wait(30)
