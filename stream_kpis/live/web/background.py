"""Long work behind routes: in the background, one piece at a time and bounded; it says how far it is."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import msgspec
from aiohttp import web

logger = logging.getLogger(__name__)

Tell = Callable[[int, int], None]
"""Told how many records were read, of how many."""
Work = Callable[[Tell], Awaitable[dict[str, Any]]]
"""Gives what it found, as JSON. Cancelled, it ends at once."""

SECONDS_MAX = 600.0
"""How long a piece of work may take."""


class Job(msgspec.Struct):
    """One piece of work, from when it began."""

    began_s: float
    """By the process' clock."""
    ended_s: float | None = None
    read: int = 0
    to_read: int = 0
    """Records; 0 until that is known."""
    found: dict[str, Any] | None = None
    failed: str = ""
    """Why nothing was found; one line."""

    @property
    def state(self) -> str:
        """``running``, ``done`` or ``failed``."""
        return "running" if self.ended_s is None else "failed" if self.failed else "done"


class Background:
    """Runs one piece of work at a time. As a context it ends what runs when it is left.

    Args:
        seconds_max: how long one may take.
        clock: in seconds.
    """

    def __init__(self, seconds_max: float = SECONDS_MAX, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds_max, self._clock = seconds_max, clock
        self._task: asyncio.Task[None] | None = None
        self._newest: Job | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @property
    def runs(self) -> bool:
        """Whether something does now."""
        return self._newest is not None and self._newest.state == "running"

    def begin(self, work: Work, instead: str) -> Job:
        """Begins a piece of work; nothing may run.

        Args:
            work: what is to be done.
            instead: the command for whoever finds that it takes too long here.
        """
        assert not self.runs
        job = self._newest = Job(self._clock())
        self._task = asyncio.create_task(self._run(job, work, instead))
        return job

    def said(self, job: Job) -> dict[str, Any]:
        """How far it is, and what it found, as JSON."""
        ended_s = self._clock() if job.ended_s is None else job.ended_s
        return {
            "state": job.state, "seconds": round(ended_s - job.began_s, 1), "read": job.read, "to_read": job.to_read,
            "found": job.found, "failed": job.failed,
        }  # fmt: skip

    async def _run(self, job: Job, work: Work, instead: str) -> None:
        def tell(read: int, to_read: int) -> None:
            job.read, job.to_read = read, to_read

        try:
            async with asyncio.timeout(self._seconds_max):
                job.found = await work(tell)
        except TimeoutError:
            job.failed = f"not done after {self._seconds_max:.0f} s: run {instead}"
        except asyncio.CancelledError:
            job.failed = "the exporter ends"
            raise
        except (RuntimeError, ValueError) as error:
            job.failed = str(error) or type(error).__name__
        except Exception:
            logger.exception("%s in the background", instead)
            job.failed = "it broke off: the exporter's log says why"
        finally:
            job.ended_s = self._clock()


def refuse_others(request: web.Request) -> None:
    """Lets only the exporter's own pages begin work, and whoever is no browser.

    Browsers say where a request is from in ``Sec-Fetch-Site``, but over plain HTTP to localhost alone; elsewhere the
    page's ``Origin`` has to have our ``Host``.

    Raises:
        HTTPForbidden: a page from elsewhere asks.
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None:
        own = site in ("same-origin", "none")
    else:
        own = origin is None or origin.partition("://")[2].lower() == request.headers.get("Host", "").lower()
    if not own:
        raise web.HTTPForbidden(text="only the exporter's own pages begin this; a proxy has to pass Host on\n")
