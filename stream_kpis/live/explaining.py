"""Receipts over HTTP: `/api/explain`, and `/api/prove` for one value at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web

from stream_kpis.live.feed import Feed
from stream_kpis.live.read_model import ReadModel
from stream_kpis.live.receipt import Maker, Receipt, as_json, asked_group
from stream_kpis.live.receipt_text import render
from stream_kpis.live.snapshot import Snapshot, State, Value

Prove = Callable[[Snapshot, list[Value]], Awaitable[dict[str, Any]]]
"""Proves the values of one KPI and window at a snapshot's cut; what it found, as JSON."""

PARAMETERS = frozenset({"kpi", "window", "by"})


class Explaining:
    """Answers where values come from.

    Args:
        feed: where the snapshots stand.
        model: what they are made from.
        maker: makes receipts of it.
        prove: recomputes a value from the topics; without it `/api/prove` is not there.
    """

    def __init__(self, feed: Feed, model: ReadModel, maker: Maker, prove: Prove | None = None) -> None:
        self._feed, self._model, self._maker, self._prove = feed, model, maker, prove
        self._proving = asyncio.Lock()

    def turn(self, model: ReadModel, maker: Maker) -> None:
        """Goes on with another catalogue."""
        self._model, self._maker = model, maker

    def routes(self) -> list[web.RouteDef]:
        """What the server serves of it."""
        routes = [web.get("/api/explain", self.explain)]
        return [*routes, web.post("/api/prove", self.prove)] if self._prove else routes

    async def explain(self, request: web.Request) -> web.Response:
        """One receipt: ``kpi``, ``window``, and ``by=DIM=VALUE`` for a group. ``text`` is the same for people."""
        receipt = self._receipt(request)
        return _json({**as_json(receipt), "text": render(receipt), "provable": self._prove is not None})

    async def prove(self, request: web.Request) -> web.Response:
        """Proves one value, with all groups of its window, as the newest snapshot has it."""
        assert self._prove is not None
        if self._proving.locked():
            raise web.HTTPTooManyRequests(text="another value is being proved: try again when that has ended\n")
        kpi, window = self._asked(request)
        async with self._proving:
            snapshot = self._newest()
            values = [value for value in snapshot.values if (value.kpi, value.window) == (kpi, window)]
            if not values:
                raise web.HTTPNotFound(text=f"no KPI {kpi!r} with a window {window!r}\n")
            if snapshot.held_since_ms is not None:
                raise web.HTTPServiceUnavailable(
                    text="shards go over to another catalogue: try again when all have it\n"
                )
            try:
                return _json(await self._prove(snapshot, values))
            except (RuntimeError, ValueError) as error:
                raise web.HTTPServiceUnavailable(text=f"{error}\n") from error

    def _newest(self) -> Snapshot:
        published = self._feed.current
        if published is None:
            raise web.HTTPServiceUnavailable(text="no values yet: the cells changelog is being read\n")
        return published.snapshot

    def _asked(self, request: web.Request) -> tuple[str, str]:
        if unknown := request.query.keys() - PARAMETERS:
            raise web.HTTPBadRequest(text=f"unknown parameter {min(unknown)}; there are by, kpi and window\n")
        try:
            return request.query["kpi"], request.query["window"]
        except KeyError as error:
            raise web.HTTPBadRequest(text=f"{error.args[0]} is missing: give kpi and window\n") from error

    def _receipt(self, request: web.Request) -> Receipt:
        kpi, window = self._asked(request)
        newest = self._newest()
        # Cells may have come since: the figures and the value are of the same instant.
        stale = bool(newest.values) and all(value.state is State.STALE for value in newest.values)
        snapshot = self._model.snapshot(newest.kpi_now_ms, stale=stale, made_ms=newest.made_ms, shards=newest.shards)
        snapshot = snapshot._replace(shards_changed=newest.shards_changed, held_since_ms=newest.held_since_ms)
        try:
            return self._maker.receipt(snapshot, kpi, window, *asked_group(request.query.get("by", "")))
        except ValueError as error:
            raise web.HTTPNotFound(text=f"{error}\n") from error


def _json(data: Any) -> web.Response:
    response = web.Response(body=orjson.dumps(data), content_type="application/json")
    response.enable_compression()
    return response
