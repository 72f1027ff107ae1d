"""*Prove it* over HTTP: `/api/prove` begins a proof in the background and says how far it is; one at a time."""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from aiohttp import web

from stream_kpis.kpis.schema import Kpi
from stream_kpis.live.model.snapshot import Snapshot, Value
from stream_kpis.live.web.answers import json_answer, newest
from stream_kpis.live.web.background import SECONDS_MAX, Background, Job, Tell, refuse_others
from stream_kpis.live.web.feed import Feed

Prove = Callable[[Snapshot, list[Value], Tell], Awaitable[dict[str, Any]]]
"""Proves the values of one KPI and window at a snapshot's cut; what it found, as JSON. Cancelled, it ends at once."""

KEPT = 20
"""Proofs that are remembered for who asks later."""


class Proof(NamedTuple):
    """What is being proved, or was."""

    kpi: str
    window: str
    job: Job


class Proving(Background):
    """Runs proofs.

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
        super().__init__(seconds_max, clock)
        self._feed, self._kpis, self._prove = feed, kpis, prove
        self._proofs: OrderedDict[int, Proof] = OrderedDict()
        self._begun = 0

    def turn(self, kpis: Mapping[str, Kpi]) -> None:
        """Goes on with another catalogue; what runs, runs on."""
        self._kpis = kpis

    def routes(self) -> list[web.RouteDef]:
        """What the server serves of it."""
        return [web.post("/api/prove", self.prove), web.get("/api/prove", self.told)] if self._prove else []

    async def prove(self, request: web.Request) -> web.Response:
        """Begins to prove ``kpi`` over ``window``, with all groups, as the newest snapshot has it.

        Answers 202 with the proof's ``id``, or 429 while another one runs.
        """
        assert self._prove is not None
        refuse_others(request)
        prove, kpi, window = self._prove, request.query.get("kpi", ""), request.query.get("window", "")
        if kpi not in self._kpis or window not in self._kpis[kpi].windows:
            raise web.HTTPNotFound(text=f"no KPI {kpi!r} with a window {window!r}\n")
        if self.runs:
            running = self._proofs[self._begun]
            text = f"{running.kpi} over {running.window} is being proved: try again when that has ended\n"
            raise web.HTTPTooManyRequests(text=text)
        snapshot = newest(self._feed)
        values = [value for value in snapshot.values if (value.kpi, value.window) == (kpi, window)]
        if snapshot.held_since_ms is not None:
            raise web.HTTPServiceUnavailable(text="shards go over to another catalogue: try again when all have it\n")
        instead = f"stream-kpis explain {kpi} --window {window} --prove"
        job = self.begin(lambda tell: prove(snapshot, values, tell), instead)
        self._begun += 1
        self._proofs[self._begun] = Proof(kpi, window, job)
        while len(self._proofs) > KEPT:
            self._proofs.popitem(last=False)
        response = json_answer(self._said(self._begun))
        response.set_status(202)
        return response

    async def told(self, request: web.Request) -> web.Response:
        """How far the proof with an ``id`` is: state, records read and to be read, seconds, and what it found."""
        asked = request.query.get("id", "")
        id_ = int(asked) if asked.isascii() and asked.isdigit() else 0
        if id_ not in self._proofs:
            raise web.HTTPNotFound(text=f"no proof {asked!a}: the last {KEPT} are remembered\n")
        return json_answer(self._said(id_))

    def _said(self, id_: int) -> dict[str, Any]:
        kpi, window, job = self._proofs[id_]
        return {"id": id_, "kpi": kpi, "window": window, **self.said(job)}
