"""The exporter's web server: /metrics, the pages and the API. It only reads, and listens on loopback by default.

feed = Feed()
async with serving(feed, kpis, port=9464):
    feed.publish(snapshot)  # whenever there is a newer one
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from typing import Any

import orjson
from aiohttp import web

from stream_kpis.kpis.business_time import Calendars
from stream_kpis.kpis.schema import Kpi
from stream_kpis.live.api import Filter, Json, Views, changed, check_comparison, chosen, clock, shard
from stream_kpis.live.model.snapshot import Snapshot
from stream_kpis.live.prometheus.exposition import Format, negotiate
from stream_kpis.live.prometheus.metrics import SERIES_MAX, Exposition
from stream_kpis.live.prometheus.pipeline import Pipeline
from stream_kpis.live.web import pages
from stream_kpis.live.web.answers import csv_answer, json_answer, newest, wants_csv
from stream_kpis.live.web.feed import Feed, Published
from stream_kpis.live.web.health import exporter_of, shards_of
from stream_kpis.live.web.hosts import Handler, guard
from stream_kpis.live.web.listening import listening
from stream_kpis.live.web.periods import PARAMETERS, Periods
from stream_kpis.live.web.process import memory_bytes, open_fds

STREAMS_MAX = 200
"""Live pages open at once."""
PING_S = 5.0
"""How long a stream is silent at most, so that the page knows a lost connection from silence."""
WRITE_S_MAX = 10.0
"""How long a stream waits for a page that does not read; then it is dropped, for others to have its place."""
OLD_MS = 60_000
"""A snapshot older than this makes the exporter unready: it no longer follows."""

_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@contextlib.asynccontextmanager
async def serving(
    feed: Feed, kpis: Mapping[str, Kpi], host: str = "127.0.0.1", port: int = 0, **options: Any
) -> AsyncIterator[str]:
    """Serves a feed while the block runs; gives the address, such as ``http://127.0.0.1:9464``.

    Args:
        feed: where the snapshots come from; closed at the end.
        kpis: the catalogue, by id.
        host: the address to listen on.
        port: the port to listen on; 0 chooses a free one.
        **options: as for :class:`Server`.

    Raises:
        SettingsError: the port is taken, or the address is none of this machine.
    """
    async with listening(Server(feed, kpis, host=host, **options).app(), host, port) as address:
        try:
            yield address
        finally:
            feed.close()


class Server:
    """The routes over one feed.

    Args:
        feed: where the snapshots come from.
        kpis: the catalogue, by id.
        currency: code of the reporting currency.
        version: of the program, for ``stream_kpis_build_info``.
        series_max: the cap on series of KPIs.
        periods: answers periods; without it there are windows only.
        host: the address it will listen on.
        allowed_hosts: more names under which it answers; see `hosts.py`.
        routes: further ones, such as those of receipts.
        targets_rejected: how many records of the topic of targets were none.
        calendars: the business calendars, of which it says whether they are open.
        goals: the hash of the goals, for who proves its values.
        now_ms: the wall clock, as Unix time in ms.
    """

    def __init__(
        self,
        feed: Feed,
        kpis: Mapping[str, Kpi],
        *,
        currency: str = "USD",
        version: str = "unknown",
        series_max: int = SERIES_MAX,
        periods: Periods | None = None,
        host: str = "127.0.0.1",
        allowed_hosts: Collection[str] = (),
        routes: Sequence[web.RouteDef] = (),
        targets_rejected: Callable[[], int] = lambda: 0,
        calendars: Calendars | None = None,
        goals: str = "",
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._feed = feed
        self._currency, self._series_max = currency, series_max
        self.turn(kpis, periods, calendars or Calendars())
        self._version = version
        self._now_ms = now_ms
        self._started_ms = now_ms()
        self._guard = guard(host, allowed_hosts)
        self._routes = routes
        self._targets_rejected = targets_rejected
        self._goals = goals
        self._streams = 0
        self._streams_dropped = 0
        self._steps_to = 0

    def turn(self, kpis: Mapping[str, Kpi], periods: Periods | None, calendars: Calendars) -> None:
        """Shows another catalogue from the next snapshot on, which is published before anything is awaited."""
        self._views = Views(kpis, self._currency)
        self._exposition = Exposition(kpis, self._currency, self._series_max)
        self._periods, self._calendars = periods, calendars
        self._steps: dict[tuple[int, Filter], bytes] = {}

    def app(self) -> web.Application:
        """The application, to be run by aiohttp."""
        app = web.Application(middlewares=[_harden, self._guard])
        app.router.add_get("/metrics", self.metrics)
        app.router.add_get("/api/kpis", self.kpis)
        app.router.add_get("/api/snapshot", self.snapshot)
        app.router.add_get("/api/shards", self.shards)
        app.router.add_get("/api/health", self.health)
        app.router.add_get("/api/stream", self.stream)
        app.router.add_get("/healthz", self.healthz)
        app.router.add_get("/readyz", self.readyz)
        app.router.add_routes(pages.routes())
        app.router.add_routes(self._routes)
        return app

    async def metrics(self, request: web.Request) -> web.Response:
        """The newest snapshot for Prometheus, in the format it asks for."""
        form = negotiate(request.headers.get("Accept", ""))
        response = web.Response(body=self._render(self._newest(), form), headers={"Content-Type": form.value})
        response.enable_compression()
        return response

    async def kpis(self, request: web.Request) -> web.Response:
        """Values, filtered by ``kpi``, ``window`` (each may be given several times) and ``by`` (empty: the totals).

        With ``period``, or ``from`` and ``to`` (business days, ``to`` exclusive), values over that period. Beside the
        values of windows stand what operators make of them; with ``compare``, of those the changes against that alone.
        ``format=csv`` gives the values as a file.
        """
        wanted = self._filter(request, (*(PARAMETERS if self._periods else ()), "compare", "format"))
        against = request.query.get("compare")
        snapshot = newest(self._feed)
        try:
            ask = self._periods.ask(request.query) if self._periods else None
            results: list[Json] = []
            if against is not None:
                check_comparison(against, self._views.kpis, wanted.kpis, asked=ask is not None)
            if self._periods is None or ask is None:
                results = [
                    self._views.result(result)
                    for result in wanted(snapshot.results)
                    if against is None or (result.operator == "change" and result.against == against)
                ]
                rows = [self._views.value(value) for value in wanted(self._views.known(snapshot.values))]
            else:
                values = wanted._replace(windows=frozenset())(self._periods.values(ask, snapshot))
                rows = [self._views.over(ask.name, value) for value in values]
        except ValueError as error:
            raise web.HTTPBadRequest(text=f"{error}\n") from error
        if wants_csv(request):
            return csv_answer(rows, *sorted(wanted.kpis), *sorted(wanted.windows), clock(snapshot)["to"][:10])
        return json_answer({**clock(snapshot), "values": rows, "operators": results})

    async def snapshot(self, request: web.Request) -> web.Response:
        """One snapshot whole: its positions, its values, and the body of /metrics made from it.

        With ``kpi``, ``window`` or ``by`` (as :meth:`kpis` takes them) its positions and these values alone.
        """
        wanted, snapshot = self._filter(request), newest(self._feed)
        found = {
            **clock(snapshot),
            "goals": self._goals,
            "positions": [shard(position) for position in snapshot.shards],
            "values": [self._views.value(value) for value in wanted(self._views.known(snapshot.values))],
            "operators": [self._views.result(result) for result in wanted(snapshot.results)],
        }
        return json_answer(
            found if request.query else {**found, "metrics": self._render(snapshot, Format.TEXT).decode()}
        )

    async def shards(self, _: web.Request) -> web.Response:
        """How far each shard is, and in short how it is."""
        snapshot = newest(self._feed)
        positions = [shard(position) for position in snapshot.shards]
        return json_answer({**clock(snapshot), "positions": positions, "health": shards_of(snapshot)})

    async def health(self, _: web.Request) -> web.Response:
        """How the exporter itself is, and what it left out."""
        snapshot = newest(self._feed)
        left_out = snapshot.groups_left_out, self._exposition.dropped(snapshot)
        return json_answer(exporter_of(self._pipeline(), *left_out))

    async def healthz(self, _: web.Request) -> web.Response:
        """The process answers."""
        return web.Response(text="ok\n")

    async def readyz(self, _: web.Request) -> web.Response:
        """There are values, and they are being kept up."""
        snapshot = self._newest()
        if snapshot is None:
            return web.Response(status=503, text="no values yet: the cells changelog is being read\n")
        age_ms = self._now_ms() - snapshot.made_ms
        if age_ms > OLD_MS:
            return web.Response(status=503, text=f"the values are {age_ms // 1000} s old\n")
        return web.Response(text="ok\n")

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: ``catalogue`` once, ``values`` per snapshot with what changed, ``ping`` in silence."""
        if self._streams >= STREAMS_MAX:
            raise web.HTTPServiceUnavailable(text=f"{STREAMS_MAX} live pages are open already\n")
        wanted = self._filter(request)
        response = web.StreamResponse(headers={**_HEADERS, "Content-Type": "text/event-stream"})
        await response.prepare(request)
        self._streams += 1
        try:
            await self._follow(response, wanted)
        except ConnectionError:
            pass  # the page was closed
        except TimeoutError:
            self._streams_dropped += 1
            if request.transport:
                request.transport.abort()  # what it was to read would keep the connection open
        finally:
            self._streams -= 1
        return response

    async def _follow(self, response: web.StreamResponse, wanted: Filter) -> None:
        """Writes what is new for as long as both sides live.

        Raises:
            ConnectionError: the other side is gone.
            TimeoutError: it does not read.
        """

        async def write(event: bytes) -> None:
            async with asyncio.timeout(WRITE_S_MAX):
                await response.write(event)

        views: Views | None = None
        shown: Published | None = None
        while True:
            if views is not self._views:
                views, shown = self._views, None
                await write(_event("catalogue", {"kpis": views.catalogue(), "currency": views.currency}))
            try:
                newer = await asyncio.wait_for(self._feed.wait_newer(shown.seq if shown else 0), PING_S)
            except TimeoutError:
                await write(_event("ping", {"age_s": self._age_s(shown.snapshot) if shown else None}))
                continue
            if newer is None:
                return
            if views is not self._views:
                continue
            await write(self._step(shown, newer, wanted))
            shown = newer

    def _step(self, shown: Published | None, newer: Published, wanted: Filter) -> bytes:
        """The event that leads from one snapshot to another; made once for all pages that take the same step."""
        if newer.seq != self._steps_to:
            self._steps_to = newer.seq
            self._steps.clear()
        key = (shown.seq if shown else 0, wanted)
        step = self._steps.get(key)
        if step is None:
            new, gone = changed(shown.snapshot if shown else None, newer.snapshot)
            data = {
                **clock(newer.snapshot),
                "age_s": self._age_s(newer.snapshot),
                "whole": shown is None,
                "values": [self._views.change(value) for value in wanted(self._views.known(new))],
                "gone": [self._views.change(value) for value in wanted(self._views.known(gone))],
            }
            step = self._steps[key] = _event("values", data)
        return step

    def _age_s(self, snapshot: Snapshot) -> float:
        """How old a snapshot is, by our clock: that of the page may be wrong."""
        return max(0, self._now_ms() - snapshot.made_ms) / 1000

    def _filter(self, request: web.Request, more: Sequence[str] = ()) -> Filter:
        """The query's filter; refuses what the catalogue does not know."""
        known = ("kpi", "window", "by", *more)
        if unknown := set(request.query) - set(known):
            there_are = f"{', '.join(known[:-1])} and {known[-1]}"
            raise web.HTTPBadRequest(text=f"unknown parameter {min(unknown)}; there are {there_are}\n")
        kpis, windows, by = request.query.getall("kpi", []), request.query.getall("window", []), request.query.get("by")
        try:
            return chosen(self._views.kpis, kpis, by, windows)._replace(by=by)
        except ValueError as error:
            raise web.HTTPNotFound(text=f"{error}\n") from error

    def _newest(self) -> Snapshot | None:
        published = self._feed.current
        return published.snapshot if published else None

    def _render(self, snapshot: Snapshot | None, form: Format) -> bytes:
        return self._exposition.render(snapshot, self._pipeline(), form)

    def _pipeline(self) -> Pipeline:
        now_ms = self._now_ms()
        return Pipeline(
            version=self._version,
            now_ms=now_ms,
            started_ms=self._started_ms,
            cpu_s=time.process_time(),
            memory_bytes=memory_bytes(),
            open_fds=open_fds(),
            streams=self._streams,
            streams_dropped=self._streams_dropped,
            targets_rejected=self._targets_rejected(),
            calendars=self._calendars.open_at(now_ms),
        )


@web.middleware
async def _harden(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Puts the protective headers on every answer; a stream, already begun, has its own."""
    try:
        response = await handler(request)
    except web.HTTPException as error:
        error.headers.update(_HEADERS)
        raise
    if not response.prepared:
        response.headers.update(_HEADERS)
    return response


def _event(name: str, data: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), orjson.dumps(data))
