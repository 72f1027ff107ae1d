"""Thousands of series: the page shows the largest, keeps its size, and still follows."""

import pytest
from playwright.async_api import Browser, expect

from stream_kpis.live.model.snapshot import Value
from tests.live import fakes
from tests.live.browsing import showing

SERIES = 5_000
ROUNDS = 20
COUNT_DRAWN = """() => {
  globalThis.drawn = 0;
  const all = { subtree: true, childList: true, characterData: true };
  new MutationObserver(() => { drawn += 1; }).observe(document.querySelector("main"), all);
}"""
NODES = "document.querySelectorAll('*').length"

pytestmark = pytest.mark.asyncio(loop_scope="module")


def many(round_: int) -> list[Value]:
    """Groups of all KPIs that have any over the window; in each round all have other values and another order."""
    made: list[Value] = []
    while len(made) < SERIES:
        number = len(made)
        for kpi_id, kpi in fakes.KPIS.items():
            if "24h" in kpi.windows and "channel" in kpi.by:
                samples = 1 + (number * 7 + round_ * 13) % 4999
                made.append(
                    fakes.value(kpi_id, "24h", by="channel", group=f"c{number:04}", value=samples, samples=samples)
                )
    return made


@pytest.mark.parametrize("fragment", ["#window=24h&by=channel", "#kpi=orders&window=24h"])
async def test_the_page_keeps_its_size_and_follows(browser: Browser, fragment: str) -> None:
    async with showing(browser, fragment) as shown:
        shown.usual = many(0)
        assert len(shown.usual) >= SERIES
        shown.publish(fakes.value("orders", "24h", value=0, samples=60))
        value = shown.page.locator("#kpi .now .value, tr.row[data-kpi=orders] .value")
        await expect(value).to_have_text("0")
        if "kpi=" in fragment:  # all that comes later
            for part in (".chart", ".receipt table"):
                await expect(shown.page.locator(part).first).to_be_visible()
        before = await shown.page.evaluate(NODES)
        assert before < 4_000
        await shown.page.evaluate(COUNT_DRAWN)
        for round_ in range(1, ROUNDS + 1):
            shown.usual = many(round_)
            shown.publish(fakes.value("orders", "24h", value=round_, samples=60))
        await expect(value).to_have_text(str(ROUNDS))
        best = max((each for each in many(ROUNDS) if each.kpi == "orders"), key=lambda each: each.samples)
        largest = shown.page.locator(
            "table[aria-label^='Orders: By channel, 24h'] tr, tbody:has([data-kpi=orders]) .group"
        )
        await expect(largest.first).to_contain_text(best.group)
        assert abs(await shown.page.evaluate(NODES) - before) < 50
        assert (
            await shown.page.evaluate("drawn") <= ROUNDS + 5
        )  # once for each snapshot at most, however many values it has
