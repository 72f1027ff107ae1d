"""Where the newest snapshot stands, for all who show it."""

import asyncio
from typing import NamedTuple

from stream_kpis.live.model.snapshot import Snapshot


class Published(NamedTuple):
    """A snapshot and its number; numbers rise by 1."""

    seq: int
    snapshot: Snapshot


class Feed:
    """Hands the newest snapshot to any number of readers. A slow reader misses the ones between, never holds others up.

    All calls belong to one event loop.
    """

    def __init__(self) -> None:
        self._published: Published | None = None
        self._closed = False
        self._newer = asyncio.Event()

    @property
    def current(self) -> Published | None:
        """The newest; None before the first."""
        return self._published

    def publish(self, snapshot: Snapshot) -> None:
        """Makes a snapshot the newest and wakes who waits."""
        self._published = Published(self._published.seq + 1 if self._published else 1, snapshot)
        self._wake()

    def close(self) -> None:
        """Ends all waiting: nothing newer will come."""
        self._closed = True
        self._wake()

    async def wait_newer(self, seq: int) -> Published | None:
        """The newest snapshot once its number is above ``seq``; None when the feed was closed."""
        while not self._closed:
            if self._published is not None and self._published.seq > seq:
                return self._published
            await self._newer.wait()
        return None

    def _wake(self) -> None:
        self._newer.set()
        self._newer = asyncio.Event()
