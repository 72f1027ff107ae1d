"""axe-core finds nothing wrong with any page, light or dark, desk or phone."""

import json
from importlib import resources

import pytest
from playwright.async_api import Browser, Page, expect

from tests.live import fakes
from tests.live.browsing import Shown, showing
from tests.live.web.test_views import FEW, Look

AXE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
LATE = (fakes.shard(0, lag=1200, stale_since_ms=fakes.NOW_MS - 9_000), fakes.shard(1))

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def violations(page: Page) -> list[str]:
    """What axe-core finds, each with its first places."""
    await page.evaluate(AXE)  # as the browser's own code: the page's content policy allows no other
    found = json.loads(await page.evaluate("axe.run().then((found) => JSON.stringify(found.violations))"))
    return [f"{one['id']}: {[node['html'][:120] for node in one['nodes'][:3]]}" for one in found]


async def _list(shown: Shown) -> None:
    await expect(shown.row("orders").state).to_have_text("ok")
    await shown.page.get_by_label("By").select_option("channel")
    await expect(shown.row("orders").link).to_be_visible()


async def _kpi(shown: Shown) -> None:
    await expect(shown.page.locator(".chart")).to_be_visible()
    await expect(shown.page.locator(".receipt pre")).to_contain_text("Worked")
    await shown.page.get_by_text("As a table").click()


async def _attention(shown: Shown) -> None:
    await expect(shown.page.locator(".cases .age")).to_have_count(len(FEW))


async def _health(shown: Shown) -> None:
    await expect(shown.page.get_by_role("table", name="Exporter")).to_be_visible()


async def _wall(shown: Shown) -> None:
    await expect(shown.page.locator("#tiles .state").first).to_be_visible()


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("fragment", "ready"),
    [
        ("#30d", _list),
        ("#kpi=first_response_time_live&window=24h", _kpi),
        ("wall?every=600", _wall),
        ("#attention", _attention),
        ("#health", _health),
    ],
    ids=["list", "kpi", "wall", "attention", "health"],
)
async def test_nothing_is_wrong(browser: Browser, fragment: str, ready, scheme: str, viewport: dict[str, int]) -> None:
    """With values off target, groups, and shards that are behind."""
    context = {"color_scheme": scheme, "viewport": viewport, "reduced_motion": "reduce"}
    async with showing(browser, fragment, Look(FEW).routes, **context) as shown:
        shown.usual = list(fakes.snapshot().values)
        slow = fakes.value("first_response_time_live", "24h", value=150.0)
        shown.publish(slow, shards=LATE)
        await ready(shown)
        assert await violations(shown.page) == []
