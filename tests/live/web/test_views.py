"""What stands beside the list, in a real browser: what needs someone, and the health of the pipeline."""

import asyncio
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Browser, Locator, expect

from stream_kpis.live.terminal.attention import LISTED_MAX, Overview, Waiting
from stream_kpis.live.web.attending import Attending
from stream_kpis.live.web.background import Tell
from tests.live import fakes
from tests.live.browsing import ROUTES, Shown, says_how_far, showing
from tests.live.stories import PLAN

NARROW = {"width": 360, "height": 740}
MINUTE_MS, DAY_MS = 60_000, 86_400_000

pytestmark = pytest.mark.asyncio(loop_scope="module")


def case(what: str, entity: str, age_ms: int, target_ms: int | None, **more: Any) -> Waiting:
    made = Waiting(what, "customer-1", entity, "rep-01", "", fakes.NOW_MS - age_ms, age_ms, target_ms)
    return made._replace(**more)


TICKETS = [
    case("unanswered ticket", f"t{minute}", minute * MINUTE_MS, 2 * MINUTE_MS, owner="agent-7", team="first")
    for minute in (1, 5)
]
DEAL = case("stalled deal", "d1", 300 * DAY_MS, 14 * DAY_MS)
LEAD = case("uncontacted lead", "l1", 3 * DAY_MS, None, party="<img src=x onerror=alert(1)>")
FEW = [*TICKETS, DEAL, LEAD]


class Look:
    """A look that the test leads: one after the other finds what is put here."""

    def __init__(self, *found: list[Waiting]) -> None:
        self.found = [*found]
        self.tell: Tell
        self.go, self.looks = asyncio.Event(), 0
        self.now_s = 0.0
        self.go.set()

    async def __call__(self, tell: Tell) -> dict[str, Any]:
        self.tell = tell
        self.looks += 1
        await self.go.wait()
        if not self.found:
            raise RuntimeError("Kafka is gone")
        overview = Overview(PLAN)
        overview.add(self.found.pop(0))
        return overview.as_json(fakes.NOW_MS)

    @property
    def routes(self) -> list[web.RouteDef]:
        return [*ROUTES, *Attending(self, clock=lambda: self.now_s).routes()]


def cases(shown: Shown) -> Locator:
    return shown.page.get_by_role("table", name="Who waits longest").locator("tbody tr")


async def test_who_waits_is_listed_the_longest_first(browser: Browser) -> None:
    """What, whose, since when, how long, and who has it; how much of each kind, which leads to its KPI."""
    async with showing(browser, "#attention", Look(FEW).routes, timezone_id="UTC") as shown:
        shown.publish()
        await expect(cases(shown)).to_have_text(
            [
                "customer-1d1stalled dealrep-015 Nov 2025, 09:00300 dover 14 d",
                "<img src=x onerror=alert(1)>l1uncontacted leadrep-0129 Aug, 09:003 d",
                "customer-1t5unanswered ticketagent-7first1 Sept, 08:555 minover 2 min",
                "customer-1t1unanswered ticketagent-7first1 Sept, 08:591 min",
            ]
        )
        queues = shown.page.get_by_role("table", name="How much waits").locator("tbody tr")
        await expect(queues).to_have_text(
            [
                "Unanswered ticketstarget 2 min215 min",
                "Stalled dealstarget 14 d11300 d",
                "Uncontacted leadstarget 1 h1–3 d",  # noqa: RUF001 - a dash
            ]
        )
        await expect(shown.page.locator(".as-of")).to_have_text("As of 09:00:00")
        await expect(shown.page.locator(".more")).to_be_hidden()
        await shown.page.get_by_role("link", name="Stalled deals").click()
        await expect(shown.page.locator("#kpi-title")).to_have_text(fakes.KPIS["deals_stalled"].title)
        await expect(shown.page.get_by_role("link", name="← What needs someone")).to_be_visible()
        await shown.page.keyboard.press("Escape")
        await expect(shown.page.locator("#attention-title")).to_be_focused()


async def test_rows_are_bounded_and_the_rest_is_counted(browser: Browser) -> None:
    many = [TICKETS[0]._replace(entity=f"t{number:04}") for number in range(LISTED_MAX + 1_234)]
    async with showing(browser, "#attention", Look([DEAL, *many]).routes) as shown:
        shown.publish()
        await expect(cases(shown)).to_have_count(100)
        await expect(cases(shown).first).to_contain_text("d1")
        await expect(shown.page.locator(".more")).to_have_text(
            "and 1,235 more: stream-kpis attention lists all of them"
        )
        await shown.page.get_by_role("radio", name="Stalled deals").click()
        await expect(cases(shown)).to_have_count(1)
        await expect(shown.page.locator(".more")).to_be_hidden()


async def test_one_list_or_department_is_chosen_and_kept_in_the_address(browser: Browser) -> None:
    look = Look(FEW, FEW)
    async with showing(browser, "#attention&window=30d", look.routes) as shown:
        shown.publish()
        lists = shown.page.get_by_role("radiogroup", name="List")
        await expect(lists.get_by_role("radio", checked=True)).to_have_text("All")
        await lists.get_by_role("radio", name="Stalled deals").click()
        await expect(cases(shown)).to_have_count(1)
        await expect(cases(shown)).to_contain_text("d1")
        assert shown.page.url.endswith("#attention&window=30d&list=stalled+deal")
        await shown.page.keyboard.press("ArrowRight")
        await expect(lists.get_by_role("radio", checked=True)).to_have_text("Uncontacted leads")
        await expect(lists.get_by_role("radio", checked=True)).to_be_focused()
        await shown.page.get_by_label("Department").select_option("Service")
        await expect(lists.get_by_role("radio")).to_have_text(["All", "Unanswered tickets"])
        await expect(cases(shown)).to_have_count(2)
        for age_s, looks in ((30, 1), (70, 2)):  # a list of this minute is not made anew
            look.now_s = age_s
            await shown.page.reload()
            await expect(cases(shown)).to_have_count(2)
            assert look.looks == looks


async def test_a_list_that_is_not_there_is_said(browser: Browser) -> None:
    async with showing(browser, "#attention&list=idle%3Cb%3E", Look(FEW).routes) as shown:
        shown.publish()
        await expect(cases(shown)).to_have_count(4)
        said = shown.page.get_by_text("There is no list idle<b>: all are shown.")
        await expect(said).to_be_visible()
        await shown.page.get_by_role("radio", name="Stalled deals").click()
        await expect(cases(shown)).to_have_count(1)
        await expect(said).to_have_count(0)
        await shown.page.get_by_label("Department").select_option("Customers")
        await expect(shown.page.locator("#attention .waiting")).to_have_text("No list is of this department.")


async def test_a_department_without_lists_may_be_opened_first(browser: Browser) -> None:
    async with showing(browser, "#attention&department=customers", Look(FEW).routes) as shown:
        shown.publish()
        await expect(shown.page.locator("#attention .waiting")).to_have_text("No list is of this department.")
        await shown.page.get_by_label("Department").select_option("Service")
        await expect(cases(shown)).to_have_count(2)


async def test_a_look_says_how_far_it_is_and_when_the_list_is_of(browser: Browser) -> None:
    """What was found stays until another look ends; one that fails says why, and takes nothing away."""
    look = Look(FEW, [DEAL])
    look.go.clear()
    async with showing(browser, "#attention", look.routes) as shown:
        shown.publish()
        verdict, again = shown.page.locator(".verdict"), shown.page.get_by_role("button", name="Look again")
        await says_how_far(shown.page, again, look, "Sorting …")
        look.go.set()
        await expect(cases(shown)).to_have_count(4)
        await expect(verdict).to_have_text("")
        look.now_s += 240
        await again.click()
        await expect(cases(shown)).to_have_count(1)
        look.now_s += 240
        await again.click()
        await expect(verdict).to_have_text("Kafka is gone")
        await expect(cases(shown)).to_have_count(1)
        await expect(again).to_be_enabled()
        look.now_s += 30
        await shown.page.reload()
        await expect(verdict).to_have_text("Kafka is gone")
        await expect(cases(shown)).to_have_count(1)
        await expect(shown.page.locator(".as-of")).to_contain_text(", 4 min ago")
        assert look.looks == 3, "only a hand repeats what just failed"


@pytest.mark.parametrize("status", [200, 404])
async def test_an_exporter_that_knows_nothing_of_the_look_is_said(browser: Browser, status: int) -> None:
    """Another one answers than the one that looks."""
    running = {"state": "running", "seconds": 0.0, "read": 0, "to_read": 0, "found": None, "failed": "", "age_s": None}
    statuses = iter([200])

    async def told(_: web.Request) -> web.Response:
        return web.json_response({"state": "none"}, status=next(statuses, status))

    async def begun(_: web.Request) -> web.Response:
        return web.json_response(running, status=202)

    routes = [*ROUTES, web.get("/api/attention", told), web.post("/api/attention", begun)]
    async with showing(browser, "#attention", routes) as shown:
        shown.refused.add("/api/attention")
        shown.publish()
        await expect(shown.page.locator(".verdict")).to_contain_text("knows nothing of it")
        await expect(shown.page.get_by_role("button", name="Look again")).to_be_enabled()


async def test_an_old_list_is_said_to_be_old(browser: Browser) -> None:
    """It is not made anew while the page is open: that is for whoever looks to ask."""
    look = Look(FEW)
    async with showing(browser, "", look.routes) as shown:
        await shown.page.clock.install()
        shown.publish()
        await shown.page.get_by_role("link", name="Attention").click()
        await expect(cases(shown)).to_have_count(4)
        await shown.page.clock.fast_forward(400_000)
        shown.publish(fakes.value("orders", "5m", value=41))
        await expect(shown.page.locator(".as-of.old")).to_contain_text(", 6 min ago")
        assert look.looks == 1


async def test_an_exporter_that_lists_nobody_says_so(browser: Browser) -> None:
    async with showing(browser, "#30d", [*ROUTES, *Attending("attention_records_max is 0: set it").routes()]) as shown:
        shown.refused.add("/api/attention")
        shown.publish()
        await shown.page.get_by_role("link", name="Attention").click()
        await expect(shown.page.locator(".verdict")).to_have_text(
            "This exporter lists nobody, as attention_records_max is 0: set it; or run stream-kpis attention."
        )


LATE = (
    fakes.shard(0),
    fakes.shard(1, lag=1200, stale_since_ms=fakes.NOW_MS - 9_000),
    fakes.shard(2, header_ms=fakes.NOW_MS - 61_000, stale_since_ms=fakes.NOW_MS - 45_000),
    fakes.shard(3, header_ms=0, next={}, counters={}, stale_since_ms=fakes.NOW_MS),
)


async def test_each_shard_says_how_far_it_is(browser: Browser) -> None:
    """Live: state and since when, records to go and read, when it was heard, and what could not be used."""
    async with showing(browser, "#health", timezone_id="UTC") as shown:
        shown.publish(shards=LATE)
        rows = shown.page.get_by_role("table", name="Shards").locator("tbody tr")
        await expect(rows).to_have_text(
            [
                "0ok00.7 s ago571,00002",
                "1behind since 08:59:511,2000.7 s ago571,00102",
                "2away since 08:59:1501 min 1 s ago571,00202",
                "3never seen0–0000",  # noqa: RUF001 - a dash
            ]
        )
        said = shown.page.locator("#health").get_by_role("status")
        await expect(said).to_contain_text("3 of 4 shards do not keep up")
        shown.publish(shards=[fakes.shard(0, counters={"dead_letters:no_rate": 12, "parked": 4}), fakes.shard(1)])
        await expect(rows).to_have_text(["0ok00.7 s ago570412", "1ok00.7 s ago571,00102"])
        await expect(said).to_have_text("All 2 shards keep up.")
        dead = shown.page.get_by_role("table", name="Dead letters").locator("tbody tr")
        await expect(dead).to_have_text(["no rate12", "invalid2"])


async def test_the_exporter_and_a_catalogue_that_is_held_are_told(browser: Browser) -> None:
    async with showing(browser, "#health", timezone_id="UTC") as shown:
        held = {"shards_changed": 1, "held_since_ms": fakes.NOW_MS - 10 * MINUTE_MS}
        behind = {"kpi_now_ms": fakes.NOW_MS - 12_000, "groups_left_out": 7}
        shown.publish(catalogue="3f2a9c0d11ee77aa", **held, **behind)
        for name, lines in {
            "Numbers": ["KPI now08:59:48", "Computed09:00:00", "Behind the clock12 s", "Records to go0"],
            "Catalogue": ["Shown3f2a9c0d11ee", "Held since1 Sept, 08:50", "Shards with another one1 of 1"],
            "Left out": ["Groups beyond a bound7", "Series of /metrics over the cap0", "Targets that were none0"],
        }.items():
            await expect(shown.page.get_by_role("table", name=name).locator("tr")).to_have_text(lines)
        await expect(shown.page.get_by_role("table", name="Exporter")).to_contain_text("Live pages1")


async def test_kafka_that_does_not_answer_is_said(browser: Browser) -> None:
    """No shard is known to be behind, and none is known not to be."""
    async with showing(browser, "#health", timezone_id="UTC") as shown:
        shown.publish(stale=True)
        await expect(shown.page.locator("#status")).to_have_text("Behind")
        await expect(shown.page.locator("#banner")).to_have_text(
            "All numbers are stale since 09:00:00: Kafka does not say how far the topics reach."
        )
        await expect(shown.page.locator("#health").get_by_role("status")).to_contain_text("is not known")


@pytest.mark.parametrize("view", ["Attention", "Health"])
async def test_a_view_is_left_by_escape_and_by_the_browsers_steps(browser: Browser, view: str) -> None:
    """The keyboard goes along, and the list is as it was."""
    async with showing(browser, "#window=7d&department=sales", Look(FEW).routes) as shown:
        shown.publish()
        page, title = shown.page, shown.page.locator(f"#{view.lower()}-title")
        link = page.get_by_role("navigation", name="Views").get_by_role("link", name=view)
        await link.click()
        await expect(title).to_be_focused()
        await expect(link).to_have_attribute("aria-current", "page")
        await expect(page.locator("tr.row")).to_have_count(0)
        assert page.url.endswith(f"#{view.lower()}&window=7d&department=sales")
        await page.go_back()
        await expect(link).to_be_focused()
        await expect(shown.row("orders").link).to_be_visible()
        await page.go_forward()
        await expect(title).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(link).to_be_focused()
        assert page.url.endswith("#window=7d&department=sales")
        await expect(page).to_have_title("KPIs")


CUT_OFF = """() => [...document.querySelectorAll(".cases tbody *, .pane *, .shards tbody *")]
  .filter((each) => each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).display !== "inline")
  .map((each) => each.textContent)"""


@pytest.mark.parametrize("fragment", ["#attention", "#health", "#30d"])
async def test_they_fit_a_phone(browser: Browser, fragment: str) -> None:
    """With names and numbers in their longest forms."""
    long = [each._replace(party="p" * 60, entity="e" * 60, owner="o" * 40, team="t" * 40) for each in FEW]
    async with showing(browser, fragment, Look(long).routes, viewport=NARROW) as shown:
        shown.publish(shards=[fakes.shard(n, lag=123_456_789, stale_since_ms=fakes.NOW_MS) for n in range(12)])
        ready = {"#attention": cases(shown), "#health": shown.page.locator("table.shards tbody tr")}
        await expect(ready.get(fragment, shown.page.locator("tr.row")).first).to_be_visible()
        assert await shown.page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]
        assert await shown.page.evaluate(CUT_OFF) == []
