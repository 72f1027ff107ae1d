"""*Prove it* over HTTP: `/api/prove` begins a proof in the background and says how far it is; one at a time."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import msgspec
from aiohttp import web

from stream_kpis.kpis.schema import Kpi
from stream_kpis.live.answers import json_answer, newest
from stream_kpis.live.feed import Feed
from stream_kpis.live.snapshot import Snapshot, Value

Tell = Callable[[int, int], None]
"""Told how many records were read, of how many."""
Prove = Callable[[Snapshot, list[Value], Tell], Awaitable[dict[str, Any]]]
"""Proves the values of one KPI and window at a snapshot's cut; what it found, as JSON. Cancelled, it ends at once."""

SECONDS_MAX = 600.0
"""How long a proof may take."""
KEPT = 20
"""Proofs that are remembered for who asks later."""


class Proof(msgspec.Struct):
    """One proof, from when it began."""

    id: int
    kpi: str
    window: str
    began_s: float
    """By the process' clock."""
    took_s: float | None = None
    read: int = 0
    to_read: int = 0
    """Records of the topics; 0 until that is known."""
    found: dict[str, Any] | None = None
    failed: str = ""
    """Why there is no finding; one line."""

    @property
    def state(self) -> str:
        """``running``, ``done`` or ``failed``."""
        return "running" if self.took_s is None else "failed" if self.failed else "done"


class Proving:
    """Runs proofs. As a context it ends what runs when it is left.

    Args:
        feed: where the snapshots stand.
        kpis: the catalogue, by id.
        prove: recomputes values from the topics; without it nothing is served.
        seconds_max: how long one may take.
        clock: in seconds.
    """

    def __init__(
        self,
        feed: Feed,
        kpis: Mapping[str, Kpi],
        prove: Prove | None,
        seconds_max: float = SECONDS_MAX,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._feed, self._kpis, self._prove, self._clock = feed, kpis, prove, clock
        self._seconds_max = seconds_max
        self._proofs: OrderedDict[int, Proof] = OrderedDict()
        self._task: asyncio.Task[None] | None = None
        self._begun = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def turn(self, kpis: Mapping[str, Kpi]) -> None:
        """Goes on with another catalogue; what runs, runs on."""
        self._kpis = kpis

    def routes(self) -> list[web.RouteDef]:
        """What the server serves of it."""
        return [web.post("/api/prove", self.begin), web.get("/api/prove", self.told)] if self._prove else []

    async def begin(self, request: web.Request) -> web.Response:
        """Begins to prove ``kpi`` over ``window``, with all groups, as the newest snapshot has it.

        Answers 202 with the proof's ``id``, or 429 while another one runs.
        """
        assert self._prove is not None
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            raise web.HTTPForbidden(text="only the exporter's own pages begin proofs\n")
        kpi, window = request.query.get("kpi", ""), request.query.get("window", "")
        if kpi not in self._kpis or window not in self._kpis[kpi].windows:
            raise web.HTTPNotFound(text=f"no KPI {kpi!r} with a window {window!r}\n")
        running = next(reversed(self._proofs.values()), None)
        if running is not None and running.state == "running":
            text = f"{running.kpi} over {running.window} is being proved: try again when that has ended\n"
            raise web.HTTPTooManyRequests(text=text)
        snapshot = newest(self._feed)
        values = [value for value in snapshot.values if (value.kpi, value.window) == (kpi, window)]
        if snapshot.held_since_ms is not None:
            raise web.HTTPServiceUnavailable(text="shards go over to another catalogue: try again when all have it\n")
        self._begun += 1
        proof = self._proofs[self._begun] = Proof(self._begun, kpi, window, self._clock())
        while len(self._proofs) > KEPT:
            self._proofs.popitem(last=False)
        self._task = asyncio.create_task(self._run(proof, self._prove, snapshot, values))
        response = json_answer(self._said(proof))
        response.set_status(202)
        return response

    async def told(self, request: web.Request) -> web.Response:
        """How far the proof with an ``id`` is: state, records read and to be read, seconds, and what it found."""
        asked = request.query.get("id", "")
        proof = self._proofs.get(int(asked)) if asked.isascii() and asked.isdigit() else None
        if proof is None:
            raise web.HTTPNotFound(text=f"no proof {asked!a}: the last {KEPT} are remembered\n")
        return json_answer(self._said(proof))

    def _said(self, proof: Proof) -> dict[str, Any]:
        return {
            "id": proof.id, "kpi": proof.kpi, "window": proof.window, "state": proof.state,
            "seconds": round(self._clock() - proof.began_s if proof.took_s is None else proof.took_s, 1),
            "read": proof.read, "to_read": proof.to_read, "found": proof.found, "failed": proof.failed,
        }  # fmt: skip

    async def _run(self, proof: Proof, prove: Prove, snapshot: Snapshot, values: list[Value]) -> None:
        def tell(read: int, to_read: int) -> None:
            proof.read, proof.to_read = read, to_read

        try:
            async with asyncio.timeout(self._seconds_max):
                proof.found = await prove(snapshot, values, tell)
        except TimeoutError:
            proof.failed = (
                f"not done after {self._seconds_max:.0f} s: run"
                f" stream-kpis explain {proof.kpi} --window {proof.window} --prove"
            )
        except asyncio.CancelledError:
            proof.failed = "the exporter ends"
            raise
        except (RuntimeError, ValueError) as error:
            proof.failed = str(error)
        finally:
            if proof.found is None:
                proof.failed = proof.failed or "it ended without a finding: the exporter's log says why"
            proof.took_s = self._clock() - proof.began_s
