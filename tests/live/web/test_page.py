"""The live page, in a real browser."""

import re
import socket
from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, expect

from stream_kpis.live.model.snapshot import Durations, State
from stream_kpis.live.web.feed import Feed
from stream_kpis.live.web.server import serving
from tests.live import fakes
from tests.live.browsing import Row, showing

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def port() -> Iterator[int]:
    """A port that a server may leave and take again: bound here all the while, it is given to nobody else."""
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # so that the server may bind it as well
        keeper.bind(("127.0.0.1", 0))
        yield keeper.getsockname()[1]


async def test_values_follow_the_snapshot(browser: Browser) -> None:
    async with showing(browser, "#1h") as shown:
        await expect(shown.page.locator("#list")).to_contain_text("Waiting for the first values")
        shown.publish(fakes.value("orders", "1h", value=41, samples=41))
        orders = shown.row("orders")
        await expect(orders.value).to_have_text("41")
        await expect(orders.samples).to_have_text("41")
        await expect(shown.page.locator("#status")).to_have_text("Live")
        shown.publish(fakes.value("orders", "1h", value=42, samples=42))
        await expect(orders.value).to_have_text("42")
        await expect(orders.samples).to_have_text("42")
        await expect(shown.page.locator("tr.row")).to_have_count(len(fakes.KPIS))


async def test_values_are_in_peoples_units(browser: Browser) -> None:
    cases = {
        ("first_response_time", 0.44): "0.4 s",
        ("lead_response_time", 42.4): "42 s",
        ("resolution_time_first", 11_520.0): "3 h 12 min",
        ("sales_cycle_time", 1_000_000.0): "11 d",
        ("avg_deal_value", 1_234.5): "$1,235",
        ("revenue_net", -12.5): "-$12.50",
        ("average_order_value", 3_456_789.0): "$3.46M",
        ("churn_rate", 0.0493): "4.9 %",
        ("csat_mean", 4.256): "4.26",
        ("purchase_frequency", 1.5): "1.50",
        ("orders", 1_234_567): "1,234,567",
        ("nps", None): "\u2013",
    }
    async with showing(browser, "#30d") as shown:
        shown.publish(*(fakes.value(kpi_id, "30d", value=number) for kpi_id, number in cases))
        for (kpi_id, _), text in cases.items():
            await expect(shown.row(kpi_id).value).to_have_text(text)


async def test_targets_that_are_missed_are_said(browser: Browser) -> None:
    async with showing(browser, "#5m") as shown:
        shown.usual = [fakes.value("churn_rate", window, value=0.01) for window in fakes.KPIS["churn_rate"].windows]
        shown.usual += [
            fakes.value(kpi, "now", value=0)
            for kpi in ("deals_stalled", "leads_over_target", "unanswered_over_target_business")
        ]
        shown.usual += [
            fakes.value("first_response_time_live_business", window, value=1.0) for window in ("5m", "1h", "24h")
        ]
        slow = fakes.value("first_response_time_live", "5m", value=150.0)
        shown.publish(slow, fakes.value("unanswered_over_target", "now", value=0, samples=0))
        await expect(shown.row("first_response_time_live").detail).to_contain_text("over target 2 min")
        await expect(shown.row("unanswered_over_target").detail).not_to_have_class("detail missed")
        await expect(shown.page.locator("#tally")).to_have_text(f"{len(fakes.KPIS)} KPIs, 1 off target")
        for seen in (shown.page.locator("#tally"), shown.row("first_response_time_live").value):
            await expect(seen).to_have_css("color", "rgb(168, 40, 28)")
        shown.publish(slow._replace(value=110.0), fakes.value("unanswered_over_target", "now", value=1, samples=1))
        await expect(shown.row("first_response_time_live").detail).not_to_contain_text("over target")
        await expect(shown.row("unanswered_over_target").detail).to_have_class("detail missed")


async def test_each_state_has_words(browser: Browser) -> None:
    words = {
        State.STALE: "stale",
        State.NO_DATA: "no data",
        State.IMMATURE: "immature",
        State.LOW_SAMPLE: "few samples",
        State.OK: "ok",
    }
    async with showing(browser, "#30d") as shown:
        for state, word in words.items():
            shown.publish(fakes.value("nps", "30d", state=state))
            await expect(shown.row("nps").state).to_have_text(word)


async def test_a_dropped_connection_is_said_and_heals(browser: Browser, port: int) -> None:
    """The page outlives the exporter: it says so, keeps the last numbers, and follows the next one."""
    page = await browser.new_page()
    banner, orders = page.locator("#banner"), Row(page, "orders")
    feed = Feed()
    async with serving(feed, fakes.KPIS, port=port) as url:
        await page.goto(f"{url}/#1h")
        values = (fakes.value("orders", "1h", value=41), fakes.value("leads_new", "1h", value=7))
        feed.publish(fakes.snapshot()._replace(values=values))
        await expect(orders.value).to_have_text("41")
    await expect(banner).to_contain_text("The connection is lost")
    await expect(page.locator("#status")).to_have_text("Lost")
    await expect(orders.value).to_have_text("41")
    feed = Feed()
    async with serving(feed, fakes.KPIS, port=port, now_ms=lambda: fakes.NOW_MS):
        feed.publish(fakes.snapshot()._replace(values=(fakes.value("orders", "1h", value=43),)))
        await expect(orders.value).to_have_text("43")
        await expect(Row(page, "leads_new").value).to_have_text("\u2013")  # gone meanwhile
        await expect(banner).to_be_hidden()
        await page.close()


async def test_shards_that_are_behind_are_said(browser: Browser) -> None:
    async with showing(browser) as shown:
        late = fakes.shard(0, lag=1200, stale_since_ms=fakes.NOW_MS - 9_000)
        shown.publish(shards=(late, fakes.shard(1)))
        banner = shown.page.locator("#banner")
        await expect(banner).to_contain_text("1 of 2 shards are behind since")
        await expect(banner).to_contain_text("1,200 records to go")
        shown.publish(shards=(fakes.shard(0), fakes.shard(1)))
        await expect(banner).to_be_hidden()


async def test_values_that_no_longer_move_are_said(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream_kpis.live.web.server.PING_S", 0.05)
    async with showing(browser) as shown:
        shown.publish()
        await expect(shown.page.locator("#status")).to_have_text("Live")
        shown.now_ms += 20_000
        await expect(shown.page.locator("#banner")).to_contain_text("the exporter answers, but does not compute")


async def test_the_window_is_chosen_by_mouse_keyboard_and_address(browser: Browser) -> None:
    async with showing(browser, "#1h") as shown:
        shown.publish(
            fakes.value("orders", "1h", value=1),
            fakes.value("orders", "today", value=2),
            fakes.value("orders", "7d", value=7),
        )
        picker = shown.page.get_by_role("radiogroup", name="Window")
        await expect(picker.get_by_role("radio", checked=True)).to_have_text("1h")
        await picker.get_by_role("radio", name="7d").click()
        await expect(shown.row("orders").value).to_have_text("7")
        await picker.get_by_role("radio", name="1h").click()
        await shown.page.keyboard.press("ArrowRight")
        await expect(shown.row("orders").value).to_have_text("2")
        assert shown.page.url.endswith("#window=today")


async def test_a_kpi_without_the_chosen_window_shows_the_next_longer_and_says_so(browser: Browser) -> None:
    async with showing(browser, "#1h") as shown:
        shown.publish(fakes.value("churn_rate", "7d", value=0.02))
        await expect(shown.row("churn_rate").value).to_have_text("2.0 %")
        await expect(shown.row("churn_rate").span).to_have_text("7d")
        await expect(shown.row("tickets_open").span).to_have_text("now")
        await expect(shown.row("orders").span).to_be_hidden()


async def test_a_change_and_the_last_days_stand_beside_a_value(browser: Browser) -> None:
    """The change of the shown window if there is one; the line has a point for each day."""
    made = (
        fakes.result("change", "leads_new", "30d", value=0.125, against="previous"),
        fakes.result("change", "leads_new", "7d", value=-0.25, against="previous"),
    )
    async with showing(browser, "#7d") as shown:
        shown.publish(results=made)
        await expect(shown.row("leads_new").change).to_have_text("▼ −25.0 % in 7d")  # noqa: RUF001
        await expect(shown.row("orders").line).to_have_attribute("points", re.compile(r"^0\.0,20\.0( \S+){29}$"))
        await shown.page.get_by_role("radio", name="30d").click()
        await expect(shown.row("leads_new").change).to_have_text("▲ +12.5 % in 30d")


async def test_it_shows_one_department_and_the_largest_groups_of_a_dimension(browser: Browser) -> None:
    """Those with the most samples first, five at most; the address keeps both."""
    async with showing(browser, "#24h") as shown:
        hostile = "<img src=x onerror=alert(1)>"
        groups = [
            fakes.value("orders", "24h", by="channel", group=group, value=samples, samples=samples)
            for samples, group in enumerate(("a", "b", "c", "d", "e", "f", hostile), 1)
        ]
        shown.publish(*groups)
        await shown.page.get_by_label("Department").select_option("Sales")
        sales = [kpi_id for kpi_id, kpi in fakes.KPIS.items() if kpi.department == "sales"]
        await expect(shown.page.locator("tr.row")).to_have_count(len(sales))
        await shown.page.get_by_label("By").select_option("channel")
        by_channel = [kpi_id for kpi_id in sales if "channel" in fakes.KPIS[kpi_id].by]
        await expect(shown.page.locator("tr.row")).to_have_count(len(by_channel))
        names = shown.row("orders").groups.locator("th")
        await expect(names).to_have_text([hostile, "f", "e", "d", "c"])
        assert shown.page.url.endswith("#window=24h&department=sales&by=channel")
        shown.publish(groups[0]._replace(value=50, samples=50), groups[1])
        await expect(names).to_have_text(["a", "b"])
        await expect(shown.row("orders").groups.first.locator(".value")).to_have_text("50")
        await shown.page.reload()
        await expect(names).to_have_text(["a", "b"])


async def test_durations_and_intervals_are_written_in_one_way(browser: Browser) -> None:
    """Whatever stands beside each other has the same units and digits; what was set is a round number."""
    async with showing(browser, "#5m") as shown:
        quantiles = Durations(((0.5, 9.0), (0.9, 65.0), (0.99, 132.0)), (), 0)
        shown.publish(
            fakes.value("first_response_time_live", "5m", value=65.0, durations=quantiles, lower=9.0, upper=None),
            fakes.value(
                "churn_rate", "7d", value=0.0071, numerator=7, denominator=986, lower=0.005, upper=0.01, samples=986
            ),
            fakes.value("refund_rate", "7d", value=0.25, numerator=1_000_000, denominator=4_000_000, samples=9),
            fakes.value("purchase_frequency", "30d", value=1.5, numerator=300, denominator=200, samples=200),
            fakes.value("complaint_rate", "7d", value=40.0, numerator=40 << 40, denominator=1 << 40, samples=20),
        )
        await expect(shown.row("first_response_time_live").value).to_have_text("1 min 5 s")
        await expect(shown.row("first_response_time_live").detail).to_have_text(
            "target 2 min \u00b7 9.0 s to \u2013 \u00b7 p50 9.0 s \u00b7 p99 2 min 12 s"
        )
        await expect(shown.row("churn_rate").detail).to_have_text("target 5 % \u00b7 0.5 % to 1.0 % \u00b7 7 / 986")
        await expect(shown.row("purchase_frequency").detail).to_have_text("300 / 200")
        await expect(shown.row("complaint_rate").detail).to_have_text("")
        await expect(shown.row("refund_rate").detail).to_have_text("")


CRAMPED = """() => [...document.querySelectorAll("tr.row")].flatMap((row) => {
  const sheet = row.closest(".sheet").getBoundingClientRect();
  return [".name", ".value", ".change", ".detail", ".samples", ".state"].flatMap((name) => {
    const cell = row.querySelector(name), text = document.createRange();
    text.selectNodeContents(cell);
    const box = text.getBoundingClientRect(), where = `${row.dataset.kpi} ${name}`;
    if (!box.width) return [".detail", ".change"].includes(name) ? [] : [`${where} is not shown`];
    const outer = cell.getBoundingClientRect();
    const out = box.right > outer.right + 0.5 || box.left < outer.left - 0.5 || cell.scrollWidth > cell.clientWidth + 1;
    return [out ? `${where} does not fit` : "", box.right > sheet.right - 12 ? `${where} is at the border` : ""];
  }).filter(Boolean);
})"""


@pytest.mark.parametrize("width", [1920, 1280, 1024, 961, 768, 390, 360])
async def test_every_kpi_shows_value_samples_and_state_at_any_width(browser: Browser, width: int) -> None:
    """In their longest forms, none on another and none cut off."""
    slow = {"value": 59 * 60 + 59.0, "durations": Durations(((0.5, 719.0), (0.9, 3599.0), (0.99, 86_000.0)), (), 0)}
    slow |= {"lower": 58 * 60 + 59.0, "upper": 86_000.0}
    async with showing(browser, "#5m", viewport={"width": width, "height": 900}) as shown:
        shown.usual = [
            fakes.value(kpi_id, window, state=State.LOW_SAMPLE, **(slow if kpi.unit == "seconds" else {}))
            for kpi_id, kpi in fakes.KPIS.items()
            for window in kpi.windows
        ]
        able = [each for each, kpi in fakes.KPIS.items() if "change" in kpi.operators]
        shown.publish(
            results=tuple(fakes.result("change", each, "365d", value=-1, against="previous") for each in able)
        )
        await expect(shown.row("orders").state).to_have_text("few samples")
        await expect(shown.row("orders").change).to_have_text("▼ −100.0 % in 365d")  # noqa: RUF001
        assert await shown.page.evaluate(CRAMPED) == []
        assert await shown.page.evaluate("document.documentElement.scrollWidth") == width


async def test_a_screen_reader_hears_a_summary(browser: Browser) -> None:
    async with showing(browser) as shown:
        shown.publish()
        await expect(shown.page.get_by_role("status")).to_contain_text(f"{len(fakes.KPIS)} KPIs")


@pytest.mark.parametrize(
    ("fragment", "line"),
    [
        ("#kpi=order%3Cb%3E&window=1h", "There is no KPI order<b>: these are all that there are."),
        ("#kpi=orders&window=31d", "There is no window 31d: 5m is shown."),
        ("#fortnight", "There is no window fortnight: 5m is shown."),
        ("#department=hr", "There is no department hr: all are shown."),
        ("#by=shoe", "No KPI is grouped by shoe."),
    ],
)
async def test_an_address_of_what_is_not_there_is_said(browser: Browser, fragment: str, line: str) -> None:
    async with showing(browser, fragment) as shown:
        shown.publish()
        await expect(shown.page.locator("#notice")).to_have_text(line)
        await shown.page.get_by_role("radio", name="7d").click()
        await expect(shown.page.locator("#notice")).to_be_hidden()
