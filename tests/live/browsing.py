"""A real browser on a server of its own, which shows made-up snapshots."""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from playwright.async_api import Browser, ConsoleMessage, Locator, Page, expect

from stream_kpis.live.api import Views, rfc3339
from stream_kpis.live.model.snapshot import Snapshot, State, Value
from stream_kpis.live.web.feed import Feed
from stream_kpis.live.web.server import serving
from tests.live import fakes

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Shown:
    """A page that follows a feed, and the server's clock."""

    def __init__(self, page: Page, url: str, feed: Feed) -> None:
        self.page, self.url, self.feed = page, url, feed
        self.now_ms = fakes.NOW_MS
        self.usual: list[Value] = []
        self.refused: set[str] = set()
        """Paths that may be: else it is an error."""

    def publish(self, *values: Value, **more: object) -> None:
        """Shows these values instead of those made up for the same series."""
        key: Callable[[Value], tuple[str, str, str, str]] = lambda value: value[:4]  # noqa: E731
        merged = {key(value): value for value in (*fakes.snapshot(groups=False).values, *self.usual, *values)}
        self.feed.publish(_at(tuple(merged.values()), **more))

    def row(self, kpi_id: str) -> "Row":
        return Row(self.page, kpi_id)


class Row:
    """One KPI's row in the list."""

    def __init__(self, page: Page, kpi_id: str) -> None:
        self._row = page.locator(f"tr.row[data-kpi={kpi_id}]")
        self.value, self.state, self.samples = (self._row.locator(f".{name}") for name in ("value", "state", "samples"))
        self.detail, self.span, self.change = (self._row.locator(f".{name}") for name in ("detail", "span", "change"))
        self.link, self.line = self._row.locator("a"), self._row.locator("polyline")
        self.groups = page.locator(f"tbody:has(tr[data-kpi={kpi_id}]) tr.group")


DAYS = 90
SPARK = [float(day % 7) for day in range(30)]


async def _sparklines(_: web.Request) -> web.Response:
    return web.json_response({"days": 30, "sparklines": dict.fromkeys(fakes.KPIS, SPARK)})


async def _history(request: web.Request) -> web.Response:
    """A value of each day; of one in ten there is none."""
    kpi, views = request.query["kpi"], Views(fakes.KPIS)
    rows = []
    for back in reversed(range(DAYS)):
        day = date.fromordinal(date(2026, 9, 1).toordinal() - back).isoformat()
        made = fakes.value(kpi, fakes.KPIS[kpi].windows[0], back)
        if back % 10 == 3:
            made = made._replace(value=None, lower=None, upper=None, state=State.NO_DATA)
        rows.append(views.over(day, made))
    return web.json_response({"kpi": kpi, "step": request.query["step"], "values": rows})


async def _explain(request: web.Request) -> web.Response:
    return web.json_response(receipt_of(request.query["kpi"], request.query["window"]))


def receipt_of(kpi: str, window: str) -> dict[str, Any]:
    """A receipt as the exporter sends it."""
    return {
        "kpi": kpi, "window": window, "kpi_now": rfc3339(fakes.NOW_MS), "text": f"{kpi}\nWorked  41 = 41\n",
        "provable": True,
        "formula": "count(orders_placed)", "worked": "41 = 41", "figures": [
            {"reading": "count(orders_placed)", "number": 41, "text": "41", "counts": "order_placed: At the placing."}],
        "parts": [{"kpi": "revenue_net", "value": 99.5, "text": "99.50 USD", "samples": 41, "state": "ok"}],
        "exclusions": [{"reason": "unused", "number": 7, "of": "all events", "why": "no KPI uses their type"}],
        "contributors": {"channel": [{"group": "web", "value": 30, "samples": 30, "share": 30 / 41}]},
    }  # fmt: skip


ROUTES = (
    web.get("/api/sparklines", _sparklines), web.get("/api/history", _history), web.get("/api/explain", _explain),
)  # fmt: skip
"""What the exporter serves beside the feed, made up."""


def _at(values: tuple[Value, ...], **more: object) -> Snapshot:
    return Snapshot(fakes.NOW_MS, fakes.NOW_MS, fakes.NOW_MS, values, (fakes.shard(0),))._replace(**more)


@contextlib.asynccontextmanager
async def showing(
    browser: Browser, fragment: str = "", routes: Sequence[web.RouteDef] = ROUTES, **context: object
) -> AsyncIterator[Shown]:
    """A page on a server of its own; fails on any error in its console and any request to elsewhere."""
    page = await browser.new_page(**context)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    hosts: set[str | None] = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    feed = Feed()
    shown = Shown(page, "", feed)

    def note(line: ConsoleMessage) -> None:
        if line.type == "error" and urlsplit(line.location["url"]).path not in shown.refused:
            errors.append(line.text)

    page.on("console", note)
    async with serving(feed, fakes.KPIS, now_ms=lambda: shown.now_ms, routes=routes) as url:
        shown.url = url
        await page.goto(f"{url}/{fragment}")
        yield shown
        await page.close()
    assert errors == []
    assert hosts == {"127.0.0.1"}


async def says_how_far(page: Page, button: Locator, work: Any, last: str) -> None:
    """Sees how far work in the background is said to be, and that it is not begun twice.

    Args:
        page: where the work was begun.
        button: begins it.
        work: has what to `tell` once it runs.
        last: what is said of it once all were read.
    """
    verdict = page.locator(".verdict")
    await expect(verdict).to_contain_text("Asking Kafka …")
    await expect(button).to_be_disabled()
    work.tell(1200, 4800)
    await expect(verdict).to_have_text("Reading Kafka: 1,200 of 4,800 records")
    await expect(page.get_by_role("progressbar")).to_have_attribute("value", "1200")
    work.tell(4800, 4800)
    await expect(verdict).to_contain_text(last)
