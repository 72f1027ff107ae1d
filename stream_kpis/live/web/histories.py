"""Histories over HTTP: `/api/history` of one KPI, `/api/sparklines` of all."""

import asyncio
from collections.abc import Mapping

from aiohttp import web

from stream_kpis.kpis.load import nearest
from stream_kpis.kpis.schema import Kpi
from stream_kpis.live.api import Views, clock
from stream_kpis.live.model.history import SPARK_DAYS, STEPS, History
from stream_kpis.live.model.snapshot import State
from stream_kpis.live.receipts.receipt import asked_group
from stream_kpis.live.web.answers import csv_answer, json_answer, newest, wants_csv
from stream_kpis.live.web.feed import Feed

PARAMETERS = ("kpi", "step", "by", "format")
OLD_MS, OLD_STALE_MS = 300_000, 15_000
"""How old sparklines may be; and while shards are read back, when all changes."""


class Histories:
    """Answers how KPIs went.

    Args:
        feed: where the snapshots stand.
        history: reads them from the cells.
        kpis: the catalogue, by id.
        currency: code of the reporting currency.
    """

    def __init__(self, feed: Feed, history: History, kpis: Mapping[str, Kpi], currency: str = "USD") -> None:
        self._feed, self._history, self._kpis = feed, history, kpis
        self._views, self._currency = Views(kpis, currency), currency
        self._reading = asyncio.Lock()
        self._sparks: dict[str, list[float | None]] = {}
        self._sparks_ms = self._sparks_until_ms = 0

    def turn(self, history: History, kpis: Mapping[str, Kpi]) -> None:
        """Goes on with another catalogue."""
        self._history, self._kpis, self._views = history, kpis, Views(kpis, self._currency)
        self._sparks, self._sparks_until_ms = {}, 0

    def routes(self) -> list[web.RouteDef]:
        """What the server serves of it."""
        return [web.get("/api/history", self.history), web.get("/api/sparklines", self.sparklines)]

    async def history(self, request: web.Request) -> web.Response:
        """One KPI: ``kpi``, ``step`` (day, week, month), ``by=DIM=VALUE`` for a group; ``format=csv`` gives a file."""
        kpi, step, (by, group) = self._asked(request)
        csv, snapshot = wants_csv(request), newest(self._feed)
        rows = [self._views.over(name, value) for name, value in self._history.of(snapshot, kpi, step, by, group)]
        if csv:
            return csv_answer(rows, kpi, f"by-{step}", clock(snapshot)["to"][:10])
        meant = {"kpi": kpi, "step": step, "by": request.query.get("by", "")}
        return json_answer({**clock(snapshot), **meant, "values": rows})

    async def sparklines(self, _: web.Request) -> web.Response:
        """Of each KPI the totals of the last days. Others are served between KPIs, and the answer is kept a while."""
        async with self._reading:
            snapshot = newest(self._feed)
            if not self._sparks_ms <= snapshot.made_ms < self._sparks_until_ms:
                sparks, history = {}, self._history
                for kpi in self._kpis:
                    sparks[kpi] = history.spark(snapshot, kpi)
                    await asyncio.sleep(0)
                stale = any(value.state is State.STALE for value in snapshot.values)
                self._sparks, self._sparks_ms = sparks, snapshot.made_ms
                turned = history is not self._history  # meanwhile
                self._sparks_until_ms = 0 if turned else snapshot.made_ms + (OLD_STALE_MS if stale else OLD_MS)
        return json_answer({**clock(snapshot), "days": SPARK_DAYS, "sparklines": self._sparks})

    def _asked(self, request: web.Request) -> tuple[str, str, tuple[str, str]]:
        if unknown := request.query.keys() - set(PARAMETERS):
            raise web.HTTPBadRequest(text=f"unknown parameter {min(unknown)}; there are by, format, kpi and step\n")
        kpi, step = request.query.get("kpi", ""), request.query.get("step", "day")
        if kpi not in self._kpis:
            raise web.HTTPNotFound(text=f"no KPI {kpi!r}{nearest(kpi, self._kpis) or '; see /api/kpis'}\n")
        if step not in STEPS:
            raise web.HTTPBadRequest(text=f"no step {step!r}; there are {', '.join(STEPS)}\n")
        try:
            by, group = asked_group(request.query.get("by", ""))
        except ValueError as error:
            raise web.HTTPBadRequest(text=f"{error}\n") from error
        if by and by not in self._kpis[kpi].by:
            there_are = ", ".join(self._kpis[kpi].by) or "none"
            raise web.HTTPNotFound(text=f"no grouping {by!r} of {kpi}; there are {there_are}\n")
        return kpi, step, (by, group)
