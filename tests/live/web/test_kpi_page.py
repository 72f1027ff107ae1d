"""The page of one KPI, in a real browser."""

import asyncio
import re
from collections.abc import Sequence
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Browser, expect

from stream_kpis.live.model.snapshot import Snapshot, State, Value
from stream_kpis.live.web.background import Tell
from stream_kpis.live.web.feed import Feed
from stream_kpis.live.web.proving import Proving
from tests.live import fakes
from tests.live.browsing import DAYS, ROUTES, receipt_of, says_how_far, showing

NARROW = {"width": 390, "height": 844}

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_row_leads_to_it_and_back(browser: Browser) -> None:
    """By mouse, by the browser's steps and by Escape; the keyboard goes along."""
    async with showing(browser, "#24h") as shown:
        shown.publish(fakes.value("orders", "24h", value=41, samples=41))
        page, title = shown.page, shown.page.locator("#kpi-title")
        await shown.row("orders").link.click()
        await expect(title).to_have_text("Orders")
        await expect(title).to_be_focused()
        await expect(page).to_have_title("Orders · KPIs")
        await expect(page.locator("#kpi .now .value")).to_have_text("41")
        await expect(page.locator("tr.row").first).to_be_hidden()
        assert page.url.endswith("#kpi=orders&window=24h")
        await page.go_back()
        await expect(shown.row("orders").link).to_be_focused()
        await page.go_forward()
        await expect(title).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(shown.row("orders").link).to_be_focused()
        await expect(page).to_have_title("KPIs")


async def test_an_address_opens_it_over_a_window_and_follows(browser: Browser) -> None:
    async with showing(browser, "#kpi=orders&window=7d") as shown:
        shown.publish(fakes.value("orders", "7d", value=77), fakes.value("orders", "30d", value=30))
        value = shown.page.locator("#kpi .now .value")
        await expect(value).to_have_text("77")
        shown.publish(fakes.value("orders", "7d", value=78), fakes.value("orders", "30d", value=30))
        await expect(value).to_have_text("78")
        await shown.page.get_by_role("radio", name="30d").click()
        await expect(value).to_have_text("30")
        assert shown.page.url.endswith("#kpi=orders&window=30d")
        await shown.page.evaluate("location.hash = '#kpi=nps&window=30d'")
        await expect(shown.page.locator("#kpi-title")).to_have_text(fakes.KPIS["nps"].title)


async def test_windows_and_groups_keep_following(browser: Browser) -> None:
    async with showing(browser, "#kpi=orders&window=24h") as shown:
        web_ = fakes.value("orders", "24h", by="channel", group="web", value=5, samples=5)
        hostile = web_._replace(group="<img src=x onerror=alert(1)>", value=3, samples=3)
        shown.publish(fakes.value("orders", "5m", value=11), web_, hostile)
        windows = shown.page.get_by_role("table", name="Orders: Windows")
        await expect(windows.get_by_role("row")).to_have_count(len(fakes.KPIS["orders"].windows))
        await expect(windows.get_by_role("row", name="5m")).to_contain_text("11")
        channels = shown.page.get_by_role("table", name="Orders: By channel, 24h")
        await expect(channels.get_by_role("row").first).to_contain_text("web")
        await expect(channels).to_contain_text("<img src=x")
        shown.publish(fakes.value("orders", "5m", value=11), web_._replace(value=6, samples=6))
        await expect(channels.get_by_role("row")).to_have_count(1)
        await expect(channels.get_by_role("row").first).to_contain_text("6")


async def test_it_shows_what_operators_make(browser: Browser) -> None:
    """Of the total alone: signed differences with their bounds, a target's verdict, and the states."""
    made = (
        fakes.result("change", "revenue_net", value=-0.125, against="previous", lower=None, upper=None),
        fakes.result("change", "revenue_net", value=9.0, against="year", by="channel", group="web"),
        fakes.result("trend_slope", "revenue_net", value=12.5, lower=10.0, upper=15.0),
        fakes.result("forecast_end_of_period", "revenue_net", "mtd", value=2500.0, state=State.IMMATURE),
        fakes.result("target_met", "revenue_net", "mtd", value=0.0, lower=None, upper=None),
        fakes.result("change", "csat_ratio", value=0.05, against="previous", lower=None, upper=None),
    )
    async with showing(browser, "#kpi=revenue_net&window=30d") as shown:
        shown.publish(results=made)
        name = f"{fakes.KPIS['revenue_net'].title}: Trends and targets"
        operated = shown.page.get_by_role("table", name=name)
        await expect(operated.get_by_role("row")).to_have_text(
            [
                "Change on the days before, 30d−12.5 %ok",  # noqa: RUF001 - a minus
                "Trend a day, 30d$10.00 to $15.00+$12.50ok",
                "Forecast for the period, mtd$0.13 to $0.50$2,500immature",
                "Target met, mtdnook",
            ]
        )
        await shown.page.evaluate("location.hash = '#kpi=csat_ratio&window=30d'")
        await expect(shown.page.get_by_role("table", name="Trends and targets")).to_contain_text("+5.00 points")
        assert not fakes.KPIS["complaints_received"].operators  # but a goal of a file
        shown.publish(results=(fakes.result("target_met", "complaints_received", value=1.0, lower=None, upper=None),))
        await shown.page.evaluate("location.hash = '#kpi=complaints_received&window=30d'")
        await expect(shown.page.get_by_role("table", name="Trends and targets")).to_contain_text("Target met, 30d")
        await shown.page.evaluate("location.hash = '#kpi=unanswered_over_target'")
        await expect(shown.page.locator("#kpi").get_by_text("Trends and targets")).to_have_count(0)


async def test_its_history_is_a_chart_a_table_and_a_file(browser: Browser) -> None:
    """The chart has a line for each stretch of days, the target and words for who does not see; the table each day."""
    async with showing(browser, "#kpi=first_response_time_live&window=24h") as shown:
        shown.publish()
        chart = shown.page.get_by_role("img", name=re.compile("history: 90 days to 1 Sept?, from "))
        await expect(chart).to_be_visible()
        await expect(chart.locator("polyline.line, circle")).to_have_count(
            DAYS // 10 + 1 + 1
        )  # and the last day's mark
        await expect(chart.locator(".target-name")).to_have_text("target 2 min")
        await expect(chart.locator(".hit")).to_have_count(DAYS)
        await shown.page.get_by_text("As a table").click()
        table = shown.page.get_by_role("table", name=": history")
        await expect(table.get_by_role("row")).to_have_count(1 + DAYS)
        await expect(table.get_by_role("row").nth(1)).to_contain_text("1 Sep")
        await expect(table.get_by_role("row").nth(4)).to_contain_text("no data")
        file = shown.page.get_by_role("region", name="History").get_by_role("link", name="CSV")
        assert await file.get_attribute("href") == "api/history?kpi=first_response_time_live&step=day&format=csv"
        await shown.page.get_by_role("radio", name="Days").focus()
        await shown.page.keyboard.press("ArrowRight")
        await expect(shown.page.get_by_role("radio", name="Weeks")).to_be_focused()
        assert await file.get_attribute("href") == "api/history?kpi=first_response_time_live&step=week&format=csv"
        await shown.page.set_viewport_size(NARROW)
        await expect(shown.page.locator(".chart")).to_have_attribute("width", "340")


async def test_a_kpi_without_history_says_why(browser: Browser) -> None:
    async def none(_: web.Request) -> web.Response:
        return web.json_response({"values": []})

    async with showing(browser, "#kpi=orders", [*ROUTES[:1], web.get("/api/history", none), *ROUTES[2:]]) as shown:
        shown.publish()
        await expect(shown.page.locator(".picture")).to_contain_text("known only over windows that end now")


async def test_a_receipt_stays_as_it_was_until_it_is_fetched_anew(browser: Browser) -> None:
    """With its parts, of which each leads to its page, what was left out and who contributes."""
    asked: list[str] = []

    async def explain(request: web.Request) -> web.Response:
        asked.append(request.query_string)
        return web.json_response(receipt_of("orders", "1h") | {"text": f"fetch {len(asked)}", "provable": False})

    routes = [*ROUTES[:2], web.get("/api/explain", explain)]
    async with showing(browser, "#kpi=orders&window=1h", routes) as shown:
        shown.publish(fakes.value("orders", "1h", value=41, samples=41))
        receipt = shown.page.get_by_role("region", name="Receipt", exact=True)
        await expect(receipt.locator("pre")).to_have_text("fetch 1")
        await expect(receipt.get_by_role("button", name="Prove it")).to_be_hidden()
        await expect(receipt.get_by_role("table", name="Figures")).to_contain_text("count(orders_placed)")
        await expect(receipt.get_by_role("table", name="Contributors by channel")).to_contain_text("73.2 %")
        await expect(receipt.get_by_role("table", name="Left out")).to_contain_text("no KPI uses their type")
        shown.publish(fakes.value("orders", "1h", value=42, samples=42))
        await expect(shown.page.locator("#kpi .now .value")).to_have_text("42")
        await expect(receipt.locator("pre")).to_have_text("fetch 1")
        await receipt.get_by_role("button", name="Fetch anew").click()
        await expect(receipt.locator("pre")).to_have_text("fetch 2")
        assert asked == ["kpi=orders&window=1h"] * 2
        await receipt.get_by_role("link", name=fakes.KPIS["revenue_net"].title).click()
        await expect(shown.page.locator("#kpi-title")).to_have_text(fakes.KPIS["revenue_net"].title)


class Proved:
    """A proof that the test leads."""

    def __init__(self) -> None:
        self.tell: Tell
        self.begun, self.end = asyncio.Event(), asyncio.Event()
        self.found: dict[str, Any] | Exception = {}

    async def prove(self, snapshot: Snapshot, values: Sequence[Value], tell: Tell) -> dict[str, Any]:
        self.tell = tell
        self.begun.set()
        await self.end.wait()
        self.end.clear()
        self.begun.clear()
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


async def test_a_value_is_proved_while_one_looks(browser: Browser) -> None:
    """How far it is; equal, different with the first entity, or why there is no proof."""
    proved, feed = Proved(), Feed()
    feed.publish(fakes.snapshot())
    proving = Proving(feed, fakes.KPIS, proved.prove)
    async with showing(browser, "#kpi=orders&window=1h", [*ROUTES, *proving.routes()]) as shown:
        shown.publish()
        button, verdict = shown.page.get_by_role("button", name="Prove it"), shown.page.locator(".verdict")
        await button.click()
        await says_how_far(shown.page, button, proved, "Recomputing in SQL …")
        found = [
            ({"equal": True, "text": "equal: the oracle says the same of 5 values"}, "✓ equal: ", "verdict equal"),
            (
                {"equal": False, "text": "different: …; first entity: p1"},
                "✗ different: …; first entity: p1",
                "verdict different",
            ),
            (RuntimeError("Kafka is gone"), "Not proved: Kafka is gone", "verdict unproved"),
        ]
        for what, words, name in found:
            proved.found = what
            await proved.begun.wait()
            proved.end.set()
            await expect(verdict).to_contain_text(words)
            await expect(verdict).to_have_class(name)
            await expect(shown.page.get_by_role("progressbar")).to_be_hidden()
            if name != "verdict unproved":
                await button.click()


@pytest.mark.parametrize("kpi", ["first_response_time_live", "revenue_net", "csat_ratio"])
async def test_it_fits_a_phone(browser: Browser, kpi: str) -> None:
    async with showing(browser, f"#kpi={kpi}&window=30d", viewport=NARROW) as shown:
        shown.publish()
        await expect(shown.page.locator(".chart")).to_be_visible()
        await expect(shown.page.locator(".receipt pre")).to_contain_text("Worked")
        await shown.page.get_by_text("As a table").click()
        assert await shown.page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]
