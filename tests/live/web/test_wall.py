"""The wall, in a real browser."""

import json
import re
import urllib.request
from asyncio import to_thread
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from stream_kpis.live.model.snapshot import State
from tests.live import fakes
from tests.live.browsing import Shown, showing

LARGE, SMALL = {"width": 1920, "height": 1080}, {"width": 1280, "height": 720}
STILL = "every=600"
OVERFLOWING = """() => [...document.querySelectorAll("li, li *")].flatMap((each) => {
  const wide = each.scrollWidth - each.clientWidth;
  const high = each.matches("li") ? each.scrollHeight - each.clientHeight : 0;
  return wide > 1 || high > 0 ? [`${each.className || each.dataset.kpi}: ${each.textContent}: ${wide}, ${high}`] : [];
})"""

pytestmark = pytest.mark.asyncio(loop_scope="module")


def tile(page: Page, kpi_id: str) -> Locator:
    return page.locator(f"li[data-kpi={kpi_id}]")


def followed(department: str) -> list[str]:
    """The KPIs that are on the wall: with a target or operators, those with a target first."""
    of_it = [kpi_id for kpi_id, kpi in fakes.KPIS.items() if kpi.department == department]
    aimed = [kpi_id for kpi_id in of_it if fakes.KPIS[kpi_id].aim is not None or fakes.KPIS[kpi_id].cases]
    return aimed + [kpi_id for kpi_id in of_it if kpi_id not in aimed and fakes.KPIS[kpi_id].operators]


async def test_values_follow_the_api(browser: Browser) -> None:
    """As /api/kpis has them, over the chosen window or the nearest longer one."""
    async with showing(browser, f"wall?{STILL}&department=marketing&window=30d") as shown:
        await expect(shown.page.locator("#waiting")).to_have_text("Waiting for the first values …")
        for number in (41, 1042):
            shown.publish(fakes.value("leads_new", "30d", value=number, samples=number))
            await expect(tile(shown.page, "leads_new").locator(".value")).to_have_text(f"{number:,}")
            answer: dict[str, Any] = json.loads(await to_thread(_get, f"{shown.url}/api/kpis?window=30d&by="))
            values = {value["kpi"]: value for value in answer["values"]}
            assert values["leads_new"]["value"] == number
            rate = f"{values['lead_conversion_rate']['value'] * 100:.1f} %"
            await expect(tile(shown.page, "lead_conversion_rate").locator(".value")).to_have_text(rate)
        await expect(shown.page.locator("#title")).to_have_text("Marketing")
        await expect(tile(shown.page, "leads_new").locator(".span")).to_have_text("30d")
        await expect(tile(shown.page, "leads_new").locator(".state")).to_have_text("ok · 1,042 samples")


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url) as answer:
        return bytes(answer.read())


async def test_targets_and_states_have_words_and_signs(browser: Browser) -> None:
    async with showing(browser, f"wall?{STILL}&department=service") as shown:
        slow, waiting = "first_response_time_live", "unanswered_over_target"
        for seconds, cases, first, second, name in (
            (150.0, 3, "✗ over target 2 min", "✗ waiting over 2 min", "is-missed"),
            (110.0, 0, "✓ target met: 2 min", "✓ none over 2 min", "is-met"),
            (None, None, "target 2 min", "waiting over 2 min", ""),
        ):
            shown.publish(fakes.value(slow, "24h", value=seconds), fakes.value(waiting, "now", value=cases))
            await expect(tile(shown.page, slow).locator(".aim")).to_have_text(first)
            await expect(tile(shown.page, waiting).locator(".aim")).to_have_text(second)
            await expect(tile(shown.page, slow)).to_have_class(name)
        states = {
            State.LOW_SAMPLE: "few samples: 9",
            State.STALE: "stale · 9 samples",
            State.NO_DATA: "no data · 9 samples",
        }
        for state, words in states.items():
            shown.publish(fakes.value(slow, "24h", value=150.0, samples=9, state=state))
            await expect(tile(shown.page, slow).locator(".state")).to_have_text(words)
        await expect(tile(shown.page, slow)).to_have_class("is-missed")


async def test_changes_are_shown_with_their_window(browser: Browser) -> None:
    """That of the shown window if there is one, and that of the totals against the days before."""
    made = (
        fakes.result("change", "leads_new", "30d", value=0.125, against="previous"),
        fakes.result("change", "leads_new", "7d", value=-0.25, against="previous"),
        fakes.result("change", "leads_new", "7d", value=9.0, against="year"),
        fakes.result("change", "leads_new", "7d", value=8.0, against="previous", by="channel", group="web"),
        fakes.result("change", "lead_conversion_rate", "90d", value=0.021, against="previous"),
    )
    async with showing(browser, f"wall?{STILL}&department=marketing&window=7d") as shown:
        shown.publish(results=made)
        await expect(tile(shown.page, "leads_new").locator(".change")).to_have_text("▼ −25.0 % in 7d")  # noqa: RUF001
        change = tile(shown.page, "lead_conversion_rate").locator(".change")
        await expect(change).to_have_text("▲ +2.10 points in 90d")


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
async def test_it_turns_its_pages_by_itself(browser: Browser, motion: str) -> None:
    """All that belongs on it comes by, never more than six at a time; without motion where none is wanted."""
    async with showing(browser, "wall?every=2&department=sales", reduced_motion=motion) as shown:
        shown.publish()
        seen: list[str] = []
        for place in ("1 / 2", "2 / 2"):
            await expect(shown.page.locator("#place")).to_have_text(place)
            ids = "[...document.querySelectorAll('li')].map((tile) => tile.dataset.kpi)"
            here = await shown.page.evaluate(ids)
            assert len(here) in {3, 4}
            seen += here
        assert seen == followed("sales")
        await expect(shown.page.locator("#place")).to_have_text("1 / 2")
        still = motion == "reduce"
        await expect(shown.page.locator("#tiles")).to_have_css("animation-name", "none" if still else "turned")
        await expect(shown.page.locator("#turn")).to_be_visible(visible=not still)


async def test_a_hand_may_hold_and_turn_it(browser: Browser) -> None:
    """By the button or the space bar; a page that is held stands while the others would have gone by."""
    async with showing(browser, f"wall?{STILL}&department=sales") as shown:
        shown.publish()
        place, pause = shown.page.locator("#place"), shown.page.get_by_role("button", name="Pause")
        await expect(place).to_have_text("1 / 2")
        await shown.page.clock.install()
        await shown.page.keyboard.press("ArrowRight")  # from here on the page goes by the clock of the test
        await pause.click()
        await expect(pause).to_have_attribute("aria-pressed", "true")
        await shown.page.clock.run_for(3_000_000)
        await expect(place).to_have_text("2 / 2")
        for key in ("ArrowRight", "ArrowLeft", "ArrowLeft"):
            before = await place.text_content()
            await shown.page.keyboard.press(key)
            await expect(place).not_to_have_text(before or "")
        await shown.page.locator("h1").click()  # away from the button
        await shown.page.keyboard.press("Space")
        await expect(pause).to_have_attribute("aria-pressed", "false")
        before = await place.text_content()
        await shown.page.clock.run_for(600_000)
        await expect(place).not_to_have_text(before or "")


async def test_departments_follow_each_other(browser: Browser) -> None:
    async with showing(browser, "wall?every=2") as shown:
        shown.publish()
        for title in ("Service", "Sales", "Customers"):
            await expect(shown.page.locator("#title")).to_have_text(title)


@pytest.mark.parametrize(
    ("query", "line"),
    [
        ("department=hr", "There is no department hr: there are service, sales, customers, marketing."),
        ("department=toString", "There is no department toString: there are service, sales, customers, marketing."),
        ("every=1", "There is no every 1: give 2 to 600 seconds."),
        ("every=soon", "There is no every soon: give 2 to 600 seconds."),
    ],
)
async def test_what_an_address_cannot_ask_for_is_said(browser: Browser, query: str, line: str) -> None:
    async with showing(browser, f"wall?{query}") as shown:
        shown.publish()
        await expect(shown.page.locator("#notice")).to_have_text(line)
        await expect(shown.page.locator("#title")).to_have_text("Service")


async def _frozen(shown: Shown, text: str) -> None:
    await expect(shown.page.locator("#banner")).to_have_text(text)
    await expect(shown.page.locator("#status")).to_have_text("Frozen")
    await expect(shown.page.locator("#tiles")).to_have_css("opacity", "0.5")


async def test_a_frozen_wall_says_since_when(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards behind, an exporter that does not compute, one that is gone."""
    monkeypatch.setattr("stream_kpis.live.web.server.PING_S", 0.05)
    async with showing(browser, f"wall?{STILL}", timezone_id="UTC") as shown:
        banner = shown.page.locator("#banner")
        shown.publish()
        await expect(shown.page.locator("#status")).to_have_text("Live")
        await expect(shown.page.locator("#now")).to_have_text("09:00")
        shown.publish(shards=(fakes.shard(0, stale_since_ms=fakes.NOW_MS - 600_000), fakes.shard(1)))
        await expect(banner).to_have_text("Some values are behind since 08:50")
        shown.publish()
        await expect(banner).to_be_hidden()
        shown.now_ms += 20_000
        await _frozen(shown, "Not computing: frozen since 09:00")
        shown.now_ms -= 20_000
        await expect(banner).to_be_hidden()
        shown.feed.close()
        await _frozen(shown, "Connection lost: frozen since 09:00")


@pytest.mark.parametrize("viewport", [LARGE, SMALL])
@pytest.mark.parametrize("department", ["service", "sales", "customers", "marketing"])
async def test_everything_fits_and_can_be_read_from_afar(
    browser: Browser, viewport: dict[str, int], department: str
) -> None:
    """Even the longest values, with targets, changes and a banner: none cut off, and large."""
    made = [
        fakes.result("change", kpi_id, "365d", value=-0.9999, against="previous")
        for kpi_id in followed(department)
        if "change" in fakes.KPIS[kpi_id].operators
    ]
    long = {"seconds": 59 * 60 + 59.0, "ratio": -0.9999, "currency": -123_456.0, "count": 123_456_789}
    async with showing(browser, f"wall?{STILL}&department={department}", viewport=viewport) as shown:
        shown.usual = [
            fakes.value(kpi_id, window, value=long[fakes.KPIS[kpi_id].unit], samples=9_999, state=State.IMMATURE)
            for kpi_id in followed(department)
            for window in fakes.KPIS[kpi_id].windows
        ]
        shown.publish(results=tuple(made), shards=(fakes.shard(0, stale_since_ms=fakes.NOW_MS),))
        await expect(shown.page.locator("#banner")).to_be_visible()
        if made and department != "service":
            await expect(shown.page.locator(".change").filter(has_text="in 365d").first).to_be_visible()
        assert await shown.page.evaluate(OVERFLOWING) == []
        size = "[...document.querySelectorAll('.value')].map((each) => parseFloat(getComputedStyle(each).fontSize))"
        assert min(await shown.page.evaluate(size)) >= viewport["height"] / 20
        shown.publish(*(each._replace(value=0, state=State.OK) for each in shown.usual))
        await expect(shown.page.locator(".value").first).to_have_text(re.compile("^0"))
        assert await shown.page.evaluate(OVERFLOWING) == []
