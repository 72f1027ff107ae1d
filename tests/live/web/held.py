"""Work in the background that a test leads: it goes on when it is let go, and is asked for over HTTP."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from stream_kpis.live.web.attending import Attending
from stream_kpis.live.web.background import Tell
from stream_kpis.live.web.feed import Feed
from stream_kpis.live.web.proving import Proving
from stream_kpis.live.web.server import serving
from tests.live import fakes


class Held:
    """What holds the work, and asks for it.

    Args:
        path: what is asked where nothing else is said.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.go, self.cancelled = asyncio.Event(), asyncio.Event()
        self.tell: Tell
        self.error: Exception | None = None
        self.http: aiohttp.ClientSession
        self.now_s = 0.0

    @contextlib.asynccontextmanager
    async def served(self, feed: Feed, runs: Attending | Proving) -> AsyncIterator[None]:
        """While what runs the work is served."""
        async with (
            runs,
            serving(feed, fakes.KPIS, routes=runs.routes()) as url,
            aiohttp.ClientSession(url) as self.http,
        ):
            yield

    async def held(self, tell: Tell) -> None:
        """Waits until it is let go, and fails if it shall."""
        self.tell = tell
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        if self.error is not None:
            raise self.error

    async def ask(self, method: str, path: str = "", **headers: str) -> tuple[int, Any]:
        async with self.http.request(method, path or self.path, headers=headers) as answer:
            return answer.status, await (answer.json() if answer.ok else answer.text())

    async def ended(self, path: str = "") -> dict[str, Any]:
        """How the work ended."""
        while True:
            _, said = await self.ask("GET", path)
            if said["state"] != "running":
                return dict(said)
