"""Receipts over HTTP."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest_asyncio

from stream_kpis.engine.tiles import Calendar
from stream_kpis.live.model.read_model import ReadModel
from stream_kpis.live.receipts.receipt import Maker
from stream_kpis.live.web.explaining import Explaining
from stream_kpis.live.web.feed import Feed
from stream_kpis.live.web.server import serving
from tests.engine.shards import applied, numbered
from tests.live.model.test_read_model import NOW_MS, made
from tests.live.stories import DAY_0_MS, PLAN


class Exporter:
    """One lead in a read model."""

    def __init__(self) -> None:
        self.feed, self.model = Feed(), ReadModel(PLAN, Calendar())
        self.model.apply(
            0, applied(PLAN, numbered([made("lead.created", 1_000, lead_id="l", channel="web")])).cells.items()
        )
        self.http: aiohttp.ClientSession

    async def get(self, path: str) -> tuple[int, Any]:
        async with self.http.get(path) as answer:
            return answer.status, await (answer.json() if answer.ok else answer.text())


@pytest_asyncio.fixture
async def exporter() -> AsyncIterator[Exporter]:
    exporter = Exporter()
    maker = Maker(PLAN, exporter.model, Calendar())
    routes = Explaining(exporter.feed, exporter.model, maker, provable=True).routes()
    async with serving(exporter.feed, PLAN.catalogue.kpis, routes=routes) as url, aiohttp.ClientSession(url) as http:
        exporter.http = http
        yield exporter


async def test_a_receipt_is_of_the_newest_snapshot(exporter: Exporter) -> None:
    assert await exporter.get("/api/explain?kpi=leads_new&window=24h") == (
        503, "no values yet: the cells changelog is being read\n",
    )  # fmt: skip
    exporter.feed.publish(exporter.model.snapshot(NOW_MS))
    status, receipt = await exporter.get("/api/explain?kpi=leads_new&window=24h&by=channel%3Dweb")
    assert (status, receipt["value"], receipt["worked"], receipt["group"]) == (200, 1, "1 = 1", "web")
    assert "Worked      1 = 1" in receipt["text"]
    assert receipt["provable"]


async def test_what_is_not_there_is_said(exporter: Exporter) -> None:
    exporter.feed.publish(exporter.model.snapshot(DAY_0_MS))
    status, text = await exporter.get("/api/explain?kpi=lead_new&window=24h")
    assert (status, text) == (404, "no KPI 'lead_new' (did you mean leads_new?)\n")
    status, text = await exporter.get("/api/explain?kpi=leads_new")
    assert (status, text[:46]) == (400, "which window of leads_new? give one of 5m, 1h,")
    assert (await exporter.get("/api/explain?kpi=lead_new"))[1].startswith("no KPI 'lead_new'")
    status, receipt = await exporter.get("/api/explain?kpi=deals_open")
    assert (status, receipt["window"]) == (200, "now")
    assert (await exporter.get("/api/explain?kpi=leads_new&window=24h&at=now"))[0] == 400
