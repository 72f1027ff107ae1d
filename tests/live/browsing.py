"""A real browser on a server of its own, which shows made-up snapshots."""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from urllib.parse import urlsplit

from aiohttp import web
from playwright.async_api import Browser, Page

from stream_kpis.live.feed import Feed
from stream_kpis.live.server import serving
from stream_kpis.live.snapshot import Snapshot, Value
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

    def publish(self, *values: Value, **more: object) -> None:
        """Shows these values instead of those made up for the same series."""
        key: Callable[[Value], tuple[str, str, str, str]] = lambda value: value[:4]  # noqa: E731
        merged = {key(value): value for value in (*fakes.snapshot(groups=False).values, *self.usual, *values)}
        self.feed.publish(_at(tuple(merged.values()), **more))

    def row(self, kpi_id: str) -> "Row":
        return Row(self.page, kpi_id)


class Row:
    """One KPI's row."""

    def __init__(self, page: Page, kpi_id: str) -> None:
        self._row = page.locator(f"tr.row[data-kpi={kpi_id}]")
        self.value, self.state, self.samples = (self._row.locator(f".{name}") for name in ("value", "state", "samples"))
        self.detail, self.span, self.button = (self._row.locator(name) for name in (".detail", ".span", "button"))
        self.more = page.locator(f"#more-{kpi_id}")


def _at(values: tuple[Value, ...], **more: object) -> Snapshot:
    return Snapshot(fakes.NOW_MS, fakes.NOW_MS, fakes.NOW_MS, values, (fakes.shard(0),))._replace(**more)


@contextlib.asynccontextmanager
async def showing(
    browser: Browser, fragment: str = "", routes: Sequence[web.RouteDef] = (), **context: object
) -> AsyncIterator[Shown]:
    """A page on a server of its own; fails on any error in its console and any request to elsewhere."""
    page = await browser.new_page(**context)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    hosts: set[str | None] = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    feed = Feed()
    shown = Shown(page, "", feed)
    async with serving(feed, fakes.KPIS, now_ms=lambda: shown.now_ms, routes=routes) as url:
        shown.url = url
        await page.goto(f"{url}/{fragment}")
        yield shown
        await page.close()
    assert errors == []
    assert hosts == {"127.0.0.1"}
