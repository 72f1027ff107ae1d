"""The attention list over HTTP: in the background, one look for all pages, not again while it is fresh."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from stream_kpis.live.web.attending import FRESH_S, Attending
from stream_kpis.live.web.background import Tell
from stream_kpis.live.web.feed import Feed
from stream_kpis.live.web.server import serving
from stream_kpis.settings import Settings
from stream_kpis.stream.waiting import looking
from tests.live import fakes
from tests.live.web.held import Held

LIST = "/api/attention"


class Looker(Held):
    """A look that goes on when it is let go."""

    def __init__(self) -> None:
        super().__init__(LIST)
        self.looks = 0

    async def look(self, tell: Tell) -> dict[str, Any]:
        self.looks += 1
        await self.held(tell)
        return {"look": self.looks}


@pytest_asyncio.fixture
async def looker(request: pytest.FixtureRequest) -> AsyncIterator[Looker]:
    looker = Looker()
    seconds_max = getattr(request, "param", 600.0)
    async with looker.served(Feed(), Attending(looker.look, seconds_max, lambda: looker.now_s)):
        yield looker


async def test_a_look_begins_says_how_far_it_is_and_what_it_found(looker: Looker) -> None:
    assert await looker.ask("GET") == (200, {"state": "none"})
    status, begun = await looker.ask("POST")
    assert (status, begun["state"], begun["age_s"]) == (202, "running", None)
    looker.tell(30, 120)
    looker.now_s = 2.25
    _, said = await looker.ask("GET")
    assert (said["state"], said["read"], said["to_read"], said["seconds"]) == ("running", 30, 120, 2.2)
    looker.go.set()
    said = await looker.ended()
    assert (said["state"], said["found"], said["age_s"], said["failed"]) == ("done", {"look": 1}, 0.0, "")


async def test_all_pages_share_one_look_and_its_list_while_that_is_fresh(looker: Looker) -> None:
    assert [(await looker.ask("POST"))[0] for _ in range(3)] == [202, 202, 202]
    looker.go.set()
    await looker.ended()
    looker.now_s = FRESH_S - 0.5
    status, said = await looker.ask("POST")
    assert (status, said["found"], said["age_s"]) == (200, {"look": 1}, FRESH_S - 0.5)
    looker.now_s = FRESH_S
    assert (await looker.ask("POST"))[0] == 202
    assert (await looker.ended())["found"] == {"look": 2}


async def test_a_look_that_failed_says_why_and_is_not_repeated_at_once(looker: Looker) -> None:
    """Pages that are opened would else keep the exporter at it."""
    looker.error = RuntimeError("Kafka does not answer")
    looker.go.set()
    await looker.ask("POST")
    said = await looker.ended()
    assert (said["state"], said["failed"], said["found"]) == ("failed", "Kafka does not answer", None)
    looker.error, looker.now_s = None, FRESH_S - 0.5
    status, said = await looker.ask("POST")
    assert (status, said["failed"], looker.looks) == (200, "Kafka does not answer", 1)
    looker.now_s = FRESH_S
    assert (await looker.ask("POST"))[0] == 202
    assert (await looker.ended())["state"] == "done"


async def test_the_last_list_stays_while_another_look_runs_and_if_that_fails(looker: Looker) -> None:
    """For whoever opens the page then."""
    looker.go.set()
    await looker.ask("POST")
    await looker.ended()
    looker.now_s, looker.error = 60.0, RuntimeError("Kafka does not answer")
    looker.go.clear()
    _, running = await looker.ask("POST")
    looker.now_s = 65.0
    looker.go.set()
    failed = await looker.ended()
    told = [(said["state"], said["age_s"], said["found"], said["found_age_s"]) for said in (running, failed)]
    assert told == [("running", None, {"look": 1}, 60.0), ("failed", 0.0, {"look": 1}, 65.0)]


async def test_an_error_that_nobody_foresaw_ends_the_look_and_is_logged(
    looker: Looker, caplog: pytest.LogCaptureFixture
) -> None:
    looker.error = KeyError("party")
    looker.go.set()
    await looker.ask("POST")
    said = await looker.ended()
    assert (said["state"], said["failed"]) == ("failed", "it broke off: the exporter's log says why")
    assert [
        (line.levelname, line.exc_info is not None) for line in caplog.records if line.name.endswith("background")
    ] == [("ERROR", True)]


async def test_what_took_long_is_fresh_for_as_long(looker: Looker) -> None:
    await looker.ask("POST")
    looker.now_s = 90.0
    looker.go.set()
    await looker.ended()
    for now_s, status in ((179.0, 200), (180.0, 202)):
        looker.now_s = now_s
        assert (await looker.ask("POST"))[0] == status


@pytest.mark.parametrize("looker", [0.0], indirect=True)
async def test_a_look_that_takes_too_long_is_ended_and_says_what_to_do(looker: Looker) -> None:
    await looker.ask("POST")
    assert (await looker.ended())["failed"] == "not done after 0 s: run stream-kpis attention"


async def test_a_page_of_somebody_else_begins_no_look(looker: Looker) -> None:
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 202)):
        assert (await looker.ask("POST", **{"Sec-Fetch-Site": site}))[0] == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://evil.example", 403),
        ("http://localhost:1", 403),
        ("null", 403),
        ("", 403),
        ("http://localhost:9464", 202),
    ],
)
async def test_where_a_browser_says_its_origin_alone_that_has_to_be_ours(
    looker: Looker, origin: str, status: int
) -> None:
    """Sec-Fetch-Site is sent over https and to localhost."""
    assert (await looker.ask("POST", Host="localhost:9464", Origin=origin))[0] == status


async def test_where_the_settings_forbid_it_both_say_so() -> None:
    async with (
        serving(Feed(), fakes.KPIS, routes=Attending("it may not: allow it").routes()) as url,
        aiohttp.ClientSession(url) as http,
    ):
        for method in ("GET", "POST"):
            async with http.request(method, LIST) as answer:
                line = "This exporter lists nobody, as it may not: allow it; or run stream-kpis attention.\n"
                assert (answer.status, await answer.text()) == (404, line)


@pytest.mark.parametrize(
    ("settings", "lists"),
    [
        (Settings(), True),
        (Settings(host="localhost"), True),
        (Settings(host="0.0.0.0"), False),
        (Settings(host="0.0.0.0", allowed_hosts=("kpis.example",)), True),
        (Settings(attention_records_max=0), False),
    ],
)
def test_beyond_this_machine_who_asks_has_to_be_said(settings: Settings, lists: bool) -> None:
    """The list has ids of customers, and nobody signs in."""
    assert callable(looking(settings)) is lists


async def test_a_look_ends_with_the_exporter() -> None:
    looker = Looker()
    async with looker.served(Feed(), Attending(looker.look)):
        await looker.ask("POST")
    assert looker.cancelled.is_set()
