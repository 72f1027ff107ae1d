"""The pictures in docs/images: pages and `top` of a simulated company. ``python -m tests.live.pictures`` draws them."""

import asyncio
import io
import random
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright, expect
from rich.console import Console
from rich.terminal_theme import MONOKAI

from stream_kpis.engine.catalogues import document_of
from stream_kpis.engine.holdings import Holdings
from stream_kpis.engine.shard import Shard
from stream_kpis.engine.tiles import Calendar
from stream_kpis.events.envelope import Reader
from stream_kpis.live.api import Views, clock
from stream_kpis.live.model.history import History
from stream_kpis.live.model.snapshot import ShardPosition, Snapshot
from stream_kpis.live.receipts.receipt import Maker
from stream_kpis.live.terminal import top
from stream_kpis.live.terminal.attention import JOURNEYS, Overview, waiting
from stream_kpis.live.terminal.tables import WIDTH
from stream_kpis.live.web.attending import Attending
from stream_kpis.live.web.background import Tell, Work
from stream_kpis.live.web.explaining import Explaining
from stream_kpis.live.web.feed import Feed
from stream_kpis.live.web.histories import Histories
from stream_kpis.live.web.server import serving
from stream_kpis.proof.replay import Logs, batches, laid_out, replay
from stream_kpis.proof.simulate import Simulation
from stream_kpis.proof.verify import SIMULATED_NOW_MS
from tests.live.browsing import FLAGS
from tests.live.stories import PLAN
from tests.tools import tool

FOLDER = Path(__file__).parents[2] / "docs/images"
DESK, PHONE, SCREEN = {"width": 1280, "height": 800}, {"width": 390, "height": 844}, {"width": 1920, "height": 1080}
EVENTS, PARTIES, PARTITIONS = 30_000, 1_000, 2


async def _rows(page: Page) -> None:
    await page.locator("tr.row .state.ok").first.wait_for()
    await page.locator("tr.row .change", has_text="in ").first.wait_for()
    await page.locator("tr.row polyline[points*=',']").first.wait_for(state="attached", timeout=300_000)


async def _history(page: Page) -> None:
    await page.locator(".chart").wait_for()
    await page.locator(".receipt pre", has_text="Worked").wait_for()


async def _receipt(page: Page) -> None:
    await _history(page)
    await page.locator(".receipt").evaluate("(receipt) => receipt.scrollIntoView()")


async def _cases(page: Page) -> None:
    await page.locator(".cases .age").first.wait_for()
    await expect(page.locator("progress")).to_be_hidden()


async def _shards(page: Page) -> None:
    await page.get_by_role("table", name="Exporter").wait_for()


async def _tiles(page: Page) -> None:
    await page.locator("#tiles .state.ok").first.wait_for()


PICTURES: dict[str, tuple[str, dict[str, int], str, Callable[[Page], Awaitable[None]]]] = {
    "page-light": ("#window=30d", DESK, "light", _rows),
    "page-dark": ("#window=30d", DESK, "dark", _rows),
    "page-phone": ("#window=30d", PHONE, "light", _rows),
    "kpi": ("#kpi=revenue_net&window=30d", DESK, "light", _history),
    "kpi-phone": ("#kpi=csat_ratio&window=30d", PHONE, "dark", _history),
    "receipt": ("#kpi=deal_win_rate&window=90d", DESK, "light", _receipt),
    "attention": ("#attention&window=30d", DESK, "light", _cases),
    "attention-phone": ("#attention&list=unanswered+ticket", PHONE, "dark", _cases),
    "health": ("#health", DESK, "light", _shards),
    "wall": ("wall?every=600&department=sales&window=30d", SCREEN, "dark", _tiles),
}
"""By name: the address, the screen, the colours, and what is done before."""


TERMINAL = "top"
_SHEET = "<style>body {{ margin: 0 }} pre {{ font: 14px/1.35 monospace; padding: 14px; margin: 0 }}</style>"
_FORMAT = f"{_SHEET}<pre style='color: {{foreground}}; background: {{background}}'>{{code}}</pre>"


def terminal(snapshot: Snapshot, views: Views) -> str:
    """What `top` shows of a snapshot, as a document of a browser."""
    rows = [views.value(value) for value in snapshot.values if not value.by]
    results = [views.result(result) for result in snapshot.results if not result.by]
    document = {**clock(snapshot), "values": rows, "operators": results}
    console = Console(record=True, file=io.StringIO(), width=WIDTH, force_terminal=True, color_system="truecolor")
    for line in top.screen(top.View(("24h", "30d"), "30d"), document, top.Histories(), (WIDTH, 32)):
        console.print(line, highlight=False)
    return console.export_html(theme=MONOKAI, code_format=_FORMAT, inline_styles=True)


def look(logs: Logs) -> Work:
    """Finds what waits in the parties that shards write."""
    overview = Overview(PLAN)
    for partition in range(PARTITIONS):
        shard = Shard(PLAN, partition, PARTITIONS, Reader(), Calendar())
        held = Holdings(PLAN, JOURNEYS)
        for batch in batches(logs, random.Random(1)):
            if batch.partition == partition:
                shard.apply(batch)
        for key, value in shard.take(SIMULATED_NOW_MS).parties:
            held.take(key, value)
        overview.add(waiting(PLAN, held, SIMULATED_NOW_MS))

    async def found(_: Tell) -> dict[str, Any]:
        return overview.as_json(SIMULATED_NOW_MS)

    return found


async def draw(browser: Browser, folder: Path) -> None:
    """Draws all pictures into a folder."""
    logs = laid_out(Simulation(3, PARTIES).history(EVENTS, 400, SIMULATED_NOW_MS), PARTITIONS, SIMULATED_NOW_MS)
    model, shards = replay(PLAN, logs, PARTITIONS, Reader(), Calendar(), SIMULATED_NOW_MS, random.Random(1))
    positions = tuple(ShardPosition(s.partition, s.next, SIMULATED_NOW_MS, 0, None, s.counters) for s in shards)
    feed = Feed()
    snapshot = model.snapshot(SIMULATED_NOW_MS, shards=positions, made_ms=SIMULATED_NOW_MS)
    snapshot = snapshot._replace(catalogue=document_of(PLAN).name)
    feed.publish(snapshot)
    kpis = PLAN.catalogue.kpis
    routes = [
        *Explaining(feed, model, Maker(PLAN, model, Calendar()), provable=True).routes(),
        *Histories(feed, History(model, Calendar()), kpis).routes(),
        *Attending(look(logs)).routes(),
    ]
    async with serving(
        feed, kpis, routes=routes, version=version("stream-kpis"), now_ms=lambda: SIMULATED_NOW_MS
    ) as url:
        for name, (address, viewport, scheme, prepare) in PICTURES.items():
            page = await browser.new_page(
                viewport=viewport, color_scheme=scheme, reduced_motion="reduce", timezone_id="UTC"
            )
            await page.goto(f"{url}/{address}")
            await prepare(page)
            await expect(page.locator("#banner")).to_be_hidden()
            await page.screenshot(path=folder / f"{name}.png")
            await page.close()
        page = await browser.new_page(viewport={"width": 780, "height": 640})
        await page.set_content(terminal(snapshot, Views(kpis)))
        await page.screenshot(path=folder / f"{TERMINAL}.png", full_page=True)
        await page.close()


async def _draw_anew() -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=tool("chromium"), args=FLAGS)
        await draw(browser, FOLDER)
        await browser.close()


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    asyncio.run(_draw_anew())
