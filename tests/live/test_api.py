"""The web server, asked over real HTTP."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from importlib import resources

import aiohttp
import pytest

from stream_kpis.kpis.business_time import Calendars
from stream_kpis.live.api import Filter, _sent, changed, clock, rfc3339
from stream_kpis.live.model.snapshot import State
from stream_kpis.live.web.feed import Feed, Published
from stream_kpis.live.web.hosts import serves
from stream_kpis.live.web.listening import listening
from stream_kpis.live.web.server import Server, serving
from tests.live import fakes


@pytest.fixture
def feed() -> Feed:
    return Feed()


@pytest.fixture
async def client(feed: Feed) -> AsyncIterator[aiohttp.ClientSession]:
    async with (
        serving(feed, fakes.KPIS, version="1.2.3", now_ms=lambda: fakes.NOW_MS + 1_000) as url,
        aiohttp.ClientSession(url) as session,
    ):
        yield session


async def get(client: aiohttp.ClientSession, path: str) -> tuple[int, str]:
    async with client.get(path) as answer:
        return answer.status, await answer.text()


async def get_json(client: aiohttp.ClientSession, path: str) -> dict:
    status, text = await get(client, path)
    assert status == 200, text
    return json.loads(text)


def kpi_lines(metrics: str) -> list[str]:
    """All lines but those of the process, which differ from moment to moment."""
    return [line for line in metrics.splitlines() if "process_" not in line]


class Events:
    """Reads server-sent events."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def next(self) -> tuple[str, dict]:
        name = data = ""
        while line := (await self._answer.content.readline()).decode().rstrip("\n"):
            kind, _, text = line.partition(": ")
            name, data = (text, data) if kind == "event" else (name, text)
        return name, json.loads(data)


async def test_before_the_first_snapshot_it_lives_but_is_not_ready(client: aiohttp.ClientSession) -> None:
    assert await get(client, "/healthz") == (200, "ok\n")
    assert (await get(client, "/readyz"))[0] == 503
    assert (await get(client, "/api/kpis"))[0] == 503
    assert (await get(client, "/api/snapshot"))[0] == 503
    status, text = await get(client, "/metrics")
    assert status == 200
    assert 'stream_kpis_build_info{version="1.2.3"} 1' in text


async def test_it_is_ready_while_the_values_are_kept_up(feed: Feed, client: aiohttp.ClientSession) -> None:
    feed.publish(fakes.snapshot())
    assert (await get(client, "/readyz"))[0] == 200
    feed.publish(fakes.snapshot(made_ms=fakes.NOW_MS - 60_000))
    assert await get(client, "/readyz") == (503, "the values are 61 s old\n")


async def test_metrics_come_in_the_format_asked_for(feed: Feed, client: aiohttp.ClientSession) -> None:
    feed.publish(fakes.snapshot())
    async with client.get("/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0"}) as answer:
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
        assert (await answer.text()).endswith("# EOF\n")
    async with client.get("/metrics") as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"


async def test_values_have_formula_parts_edges_and_state(feed: Feed, client: aiohttp.ClientSession) -> None:
    value = fakes.value("avg_deal_value", "30d", value=1500.25, numerator=3_000_500_000, denominator=2, samples=2)
    feed.publish(fakes.snapshot()._replace(values=(value,)))
    (row,) = (await get_json(client, "/api/kpis"))["values"]
    assert row == {
        "kpi": "avg_deal_value",
        "title": fakes.KPIS["avg_deal_value"].title,
        "window": "30d",
        "from": "2026-09-01T08:00:00.000Z",
        "to": "2026-09-01T09:00:00.000Z",
        "by": {},
        "value": 1500.25,
        "unit": "USD",
        "samples": 2,
        "numerator": 3000.5,
        "denominator": 2,
        "exact": [3_000_500_000, 2],
        "lower": None,
        "upper": None,
        "state": "ok",
    }


async def test_durations_have_their_distribution(feed: Feed, client: aiohttp.ClientSession) -> None:
    feed.publish(fakes.snapshot())
    (row,) = (await get_json(client, "/api/kpis?kpi=first_response_time&window=5m&by="))["values"]
    assert set(row["quantiles"]) == {"0.5", "0.9", "0.99"}
    assert [edge for edge, _ in row["buckets"]] == list(fakes.KPIS["first_response_time"].edges)
    assert row["unit"] == "seconds"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("kpi=orders&window=1h&by=", {("orders", "1h", "")}),
        ("kpi=orders&kpi=nps&window=30d&by=", {("orders", "30d", ""), ("nps", "30d", "")}),
        ("kpi=tickets_open&by=team", {("tickets_open", "now", "team")}),
        ("window=5m&kpi=nps", set()),
    ],
)
async def test_values_are_filtered(feed: Feed, client: aiohttp.ClientSession, query: str, expected: set) -> None:
    feed.publish(fakes.snapshot())
    rows = (await get_json(client, f"/api/kpis?{query}"))["values"]
    assert {(row["kpi"], row["window"], ",".join(row["by"])) for row in rows} == expected


async def test_wrong_questions_are_refused_with_what_there_is(feed: Feed, client: aiohttp.ClientSession) -> None:
    feed.publish(fakes.snapshot())
    status, text = await get(client, "/api/kpis?kpi=order")
    assert (status, text) == (404, "no KPI 'order' (did you mean orders?)\n")
    assert await get(client, "/api/kpis?windows=1h") == (
        400,
        "unknown parameter windows; there are kpi, window, by, compare and format\n",
    )


async def test_what_operators_make_stands_beside_the_values(feed: Feed, client: aiohttp.ClientSession) -> None:
    """All of it, or with ``compare`` the changes against one thing alone."""
    results = (
        fakes.result("change", "orders", against="previous", numerator=5.0, denominator=4.0),
        fakes.result("change", "orders", against="year"),
        fakes.result("change", "orders", against="year", by="channel", group="web"),
        fakes.result("trend_slope", "revenue_net"),
    )
    feed.publish(fakes.snapshot()._replace(results=results))
    rows = (await get_json(client, "/api/kpis?kpi=orders&by="))["operators"]
    assert [(row["operator"], row["against"], row["unit"]) for row in rows] == [
        ("change", "previous", "ratio"),
        ("change", "year", "ratio"),
    ]
    assert (rows[0]["value"], rows[0]["numerator"], rows[0]["denominator"]) == (0.25, 5, 4)
    compared = (await get_json(client, "/api/kpis?compare=year"))["operators"]
    assert [row["by"] for row in compared] == [{}, {"channel": "web"}]
    slope = (await get_json(client, "/api/kpis?kpi=revenue_net"))["operators"]
    assert [(row["operator"], row["unit"], row["lower"]) for row in slope] == [("trend_slope", "USD", 0.125)]


@pytest.mark.parametrize(
    ("query", "line"),
    [
        ("compare=yaer", "no comparison 'yaer' (did you mean year?)"),
        ("compare=year&kpi=deals_lost", "deals_lost is not compared; there are "),
    ],
)
async def test_what_cannot_be_compared_is_refused(
    feed: Feed, client: aiohttp.ClientSession, query: str, line: str
) -> None:
    feed.publish(fakes.snapshot())
    status, text = await get(client, f"/api/kpis?{query}")
    assert status == 400
    assert text.startswith(line)


async def test_a_snapshot_is_whole(feed: Feed, client: aiohttp.ClientSession) -> None:
    """Positions, values and metrics are of one instant."""
    snapshot = fakes.snapshot(seed=5)
    feed.publish(snapshot)
    body = await get_json(client, "/api/snapshot")
    assert body["positions"][1]["next"] == {"crm.leads": 17, "crm.orders": 40}
    assert len(body["values"]) == len(snapshot.values)
    revenue = next(
        row for row in body["values"] if row["kpi"] == "revenue_net" and row["window"] == "1h" and not row["by"]
    )
    assert f'crm_revenue_net_usd{{window="1h"}} {revenue["value"]!r}\n' in body["metrics"]
    assert kpi_lines(body["metrics"]) == kpi_lines((await get(client, "/metrics"))[1])


async def test_of_a_snapshot_some_values_may_be_asked_for_with_its_positions(
    feed: Feed, client: aiohttp.ClientSession
) -> None:
    """As in the whole one, in all their groups; the body of /metrics is left out."""
    feed.publish(fakes.snapshot(seed=5))
    whole = await get_json(client, "/api/snapshot")
    some = await get_json(client, "/api/snapshot?kpi=revenue_net&kpi=orders&window=1h")
    asked = [row for row in whole["values"] if row["kpi"] in ("revenue_net", "orders") and row["window"] == "1h"]
    assert some == {name: of for name, of in whole.items() if name != "metrics"} | {"values": asked, "operators": []}
    assert {row["by"] != {} for row in asked} == {True, False}
    status, text = await get(client, "/api/snapshot?kpi=revenu_net")
    assert (status, text) == (404, "no KPI 'revenu_net' (did you mean revenue_net?)\n")


async def test_shards_say_how_far_they_are(feed: Feed, client: aiohttp.ClientSession) -> None:
    late = fakes.shard(0, lag=9, stale_since_ms=fakes.NOW_MS - 5_000)
    feed.publish(fakes.snapshot()._replace(shards=(late, fakes.shard(1))))
    body = await get_json(client, "/api/shards")
    assert (body["stale_shards"], body["lag"], body["stale_since"]) == (1, 9, "2026-09-01T08:59:55.000Z")
    assert [position["stale_since"] for position in body["positions"]] == ["2026-09-01T08:59:55.000Z", None]


async def test_the_exporter_says_how_it_is_itself(feed: Feed, client: aiohttp.ClientSession) -> None:
    """What it left out as /metrics counts it."""
    assert (await get(client, "/api/health"))[0] == 503
    server = Server(feed, fakes.KPIS, version="1.2.3", series_max=2_000, now_ms=lambda: fakes.NOW_MS)
    feed.publish(fakes.snapshot(groups_left_out=7))
    async with listening(server.app(), "127.0.0.1", 0) as url, aiohttp.ClientSession(url) as small:
        body = await get_json(small, "/api/health")
        assert (body["version"], body["groups_left_out"], body["streams"]) == ("1.2.3", 7, 0)
        assert body["series_dropped"] > 0
        assert f"stream_kpis_series_dropped {body['series_dropped']}\n" in (await get(small, "/metrics"))[1]


async def test_who_asks_is_told_how_each_shard_is(feed: Feed, client: aiohttp.ClientSession) -> None:
    """Behind, away, never seen."""
    shards = (
        fakes.shard(0, lag=1200, stale_since_ms=fakes.NOW_MS - 9_000),
        fakes.shard(1, header_ms=fakes.NOW_MS - 60_000, stale_since_ms=fakes.NOW_MS - 60_000),
        fakes.shard(2, header_ms=0, stale_since_ms=fakes.NOW_MS, next={}, counters={}),
    )
    feed.publish(fakes.snapshot()._replace(shards=shards))
    health = (await get_json(client, "/api/shards"))["health"]
    assert health[0] == {
        "shard": 0, "state": "behind", "since": "2026-09-01T08:59:51.000Z", "lag": 1200, "read": 57,
        "age_s": 0.74, "events": 1000, "parked": 0, "dead_letters": {"invalid": 2},
    }  # fmt: skip
    assert [(shard["state"], shard["age_s"]) for shard in health[1:]] == [("away", 60.04), ("unseen", None)]
    feed.publish(fakes.snapshot())
    async with client.get("/api/stream?by=") as answer:
        events = Events(answer)
        await events.next()
        assert "health" not in (await events.next())[1], "each page would have it twice a second, for one view"


async def test_the_stream_gives_all_once_and_then_what_changed(feed: Feed, client: aiohttp.ClientSession) -> None:
    feed.publish(fakes.snapshot())
    async with client.get("/api/stream?by=") as answer:
        events = Events(answer)
        name, catalogue = await events.next()
        assert name == "catalogue"
        assert list(catalogue["kpis"]) == list(fakes.KPIS)
        _, first = await events.next()
        assert first["whole"]
        assert len(first["values"]) == sum(len(kpi.windows) for kpi in fakes.KPIS.values())
        *rest, last = (value for value in fakes.snapshot().values if not value.by)
        feed.publish(fakes.snapshot()._replace(values=(*rest[1:], last._replace(samples=7))))
        _, second = await events.next()
        assert not second["whole"]
        assert [(row["kpi"], row["samples"]) for row in second["values"]] == [(last.kpi, 7)]
        assert (rest[0].kpi, rest[0].window) in {(row["kpi"], row["window"]) for row in second["gone"]}


async def test_another_catalogue_is_shown_from_one_snapshot_on(feed: Feed) -> None:
    """An open stream gets it whole, and nothing of the old one after it; so do all other answers."""
    server, few = Server(feed, fakes.KPIS), dict.fromkeys(["orders"], fakes.KPIS["orders"])
    async with listening(server.app(), "127.0.0.1", 0) as url, aiohttp.ClientSession(url) as client:
        feed.publish(fakes.snapshot())
        async with client.get("/api/stream?by=") as answer:
            events = Events(answer)
            assert [(await events.next())[0] for _ in range(2)] == ["catalogue", "values"]
            server.turn(few, None, Calendars())
            values = tuple(value for value in fakes.snapshot(groups=False).values if value.kpi == "orders")
            held = {"held_since_ms": fakes.NOW_MS - 5_000, "catalogue": "abc"}
            feed.publish(fakes.snapshot(groups=False, values=values, **held))
            name, catalogue = await events.next()
            assert (name, list(catalogue["kpis"])) == ("catalogue", ["orders"])
            _, whole = await events.next()
            assert whole["whole"]
            assert {row["kpi"] for row in whole["values"]} == {"orders"}
            feed.close()
        assert {row["kpi"] for row in (await get_json(client, "/api/kpis"))["values"]} == {"orders"}
        assert "crm_revenue_net" not in (await get(client, "/metrics"))[1]
        body = await get_json(client, "/api/shards")
        assert (body["catalogue"], body["held_since"]) == ("abc", "2026-09-01T08:59:55.000Z")


async def test_a_stream_ends_when_the_server_does(feed: Feed) -> None:
    async with aiohttp.ClientSession() as session:
        async with serving(feed, fakes.KPIS) as url:
            answer = await session.get(f"{url}/api/stream")
            assert (await Events(answer).next())[0] == "catalogue"
        await answer.read()
        assert answer.content.at_eof()
        answer.close()


async def test_a_silent_stream_pings(
    feed: Feed, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream_kpis.live.web.server.PING_S", 0.01)
    async with client.get("/api/stream") as answer:
        events = Events(answer)
        await events.next()
        assert await events.next() == ("ping", {"age_s": None})


async def test_there_is_a_bound_on_streams(
    feed: Feed, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream_kpis.live.web.server.STREAMS_MAX", 1)
    async with client.get("/api/stream") as answer:
        await Events(answer).next()
        assert (await get(client, "/api/stream"))[0] == 503
    for _ in range(100):  # the server notices with one of the next writes that the page is gone
        feed.publish(fakes.snapshot())
        async with client.get("/api/stream") as answer:
            if answer.status == 200:
                return
    pytest.fail("a page that was closed is counted for ever")


async def test_a_page_that_does_not_read_is_dropped_and_counted(
    feed: Feed, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its place is free again, its connection closed, and others have missed nothing."""
    monkeypatch.setattr("stream_kpis.live.web.server.WRITE_S_MAX", 0.2)
    dropped = "stream_kpis_streams_dropped_total"
    url = client._base_url
    assert f"{dropped} 0\n" in (await get(client, "/metrics"))[1]
    with socket.socket() as idle:
        idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        idle.connect((url.host, url.port))
        idle.sendall(b"GET /api/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        snapshots = [fakes.snapshot(seed=seed) for seed in range(2)]
        async with client.get("/api/stream?kpi=orders&by=") as answer:
            events = Events(answer)
            assert (await events.next())[0] == "catalogue"
            for number in range(200):  # the system buffers some megabytes for a connection
                feed.publish(snapshots[number % 2])
                assert (await events.next())[0] == "values"
                metrics = (await get(client, "/metrics"))[1]
                if f"{dropped} 1\n" in metrics:
                    break
        assert f"{dropped} 1\n" in metrics
        assert "stream_kpis_streams 1\n" in metrics
        idle.settimeout(10.0)
        last = b""
        while received := idle.recv(1 << 20):
            last = received
        assert not last.endswith(b"\r\n0\r\n\r\n"), "the stream seems whole"


@pytest.mark.parametrize("path", ["/", "/wall", "/metrics", "/api/kpis", "/api/stream", "/page/nothing"])
async def test_a_name_that_somebody_points_at_us_is_refused(client: aiohttp.ClientSession, path: str) -> None:
    async with client.get(path, headers={"Host": "evil.example:9464"}) as answer:
        line = "not served as 'evil.example:9464': ask for localhost, or add the name to setting allowed_hosts\n"
        assert (answer.status, await answer.text()) == (421, line)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:9464", "[::1]:80", "[::1]", "localhost."])
async def test_on_loopback_it_answers_as_localhost_on_any_port(client: aiohttp.ClientSession, host: str) -> None:
    async with client.get("/healthz", headers={"Host": host}) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    ("listening", "allowed", "host", "served"),
    [
        ("127.0.0.1", ("Kpis.example",), "kpis.example:443", True),
        ("127.0.0.1", (), "", False),
        ("127.0.0.1", (), "10.0.0.7:9464", False),
        ("127.0.0.1", (), "localhost.evil.example", False),
        ("127.0.0.1", (), "localhost:1:2", False),
        ("localhost", (), "evil.example", False),
        ("::1", (), "evil.example", False),
        ("0.0.0.0", (), "stream-kpis:9464", True),
        ("::", (), "", True),
        ("0.0.0.0", ("kpis.example",), "evil.example", False),
        ("0.0.0.0", ("kpis.example",), "10.0.0.7:9464", True),
        ("0.0.0.0", ("kpis.example",), "[fd00::7]:9464", True),
        ("0.0.0.0", ("kpis.example",), "localhost:9464", True),
    ],
)
def test_hosts_depend_on_where_it_listens(listening: str, allowed: tuple[str, ...], host: str, served: bool) -> None:
    assert serves(host, listening, allowed) is served


async def test_allowed_hosts_reach_the_server(feed: Feed) -> None:
    async with (
        serving(feed, fakes.KPIS, allowed_hosts=("kpis.example",)) as url,
        aiohttp.ClientSession(url, headers={"Host": "kpis.example"}) as session,
    ):
        assert await get(session, "/healthz") == (200, "ok\n")


async def test_steps_are_made_once_and_forgotten_with_the_next_snapshot(feed: Feed) -> None:
    server = Server(feed, fakes.KPIS)
    first, second = Published(1, fakes.snapshot(seed=1)), Published(2, fakes.snapshot(seed=2))
    whole = server._step(None, first, Filter())
    assert server._step(None, first, Filter()) is whole
    server._step(first, second, Filter())
    assert server._step(None, second, Filter()) != whole
    assert len(server._steps) == 2


async def test_every_answer_is_hardened(feed: Feed, client: aiohttp.ClientSession) -> None:
    for path in ("/", "/wall", "/page/wall.js", "/metrics", "/api/kpis", "/page/nothing", "/api/stream"):
        async with client.get(path) as answer:
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'"), path
            assert answer.headers["X-Content-Type-Options"] == "nosniff", path


@pytest.mark.parametrize("path", ["/page/../server.py", "/page/%2e%2e/server.py", "/page/x"])
async def test_only_the_page_is_served(client: aiohttp.ClientSession, path: str) -> None:
    assert (await get(client, path))[0] == 404


async def test_all_pages_together_are_small() -> None:
    """They come over slow lines as well; there is nothing in them from elsewhere."""
    files = list(resources.files("stream_kpis.live").joinpath("page").iterdir())
    assert sum(len(file.read_bytes()) for file in files) < 200_000


async def test_a_slow_reader_misses_what_was_between(feed: Feed) -> None:
    waiting = asyncio.ensure_future(feed.wait_newer(0))
    feed.publish(fakes.snapshot(seed=1))
    feed.publish(fakes.snapshot(seed=2))
    newest = await waiting
    assert newest is not None
    assert (newest.seq, newest.snapshot) == (2, fakes.snapshot(seed=2))
    assert (await feed.wait_newer(1)) == newest


async def test_a_closed_feed_ends_all_waiting(feed: Feed) -> None:
    waiting = [asyncio.ensure_future(feed.wait_newer(0)) for _ in range(3)]
    await asyncio.sleep(0)
    feed.close()
    assert await asyncio.gather(*waiting) == [None, None, None]


def test_a_window_that_slid_on_is_no_change() -> None:
    value = fakes.value("orders", "1h")
    before = fakes.snapshot()._replace(values=(value,))
    slid = before._replace(values=(value._replace(from_ms=value.from_ms + 10_000, to_ms=value.to_ms + 10_000),))
    assert changed(before, slid) == ([], [])
    stale = before._replace(values=(value._replace(state=State.STALE),))
    assert changed(before, stale) == (list(stale.values), [])


def test_the_clock_says_since_when_shards_are_stale() -> None:
    assert clock(fakes.snapshot())["stale_since"] is None


def test_integers_beyond_64_bits_are_sent_as_floats() -> None:
    """Products of several sums, which no JSON encoder of ours takes."""
    assert [_sent(number) for number in (None, 7, 1 << 62, 1 << 80)] == [None, 7, 1 << 62, float(1 << 80)]
    assert isinstance(_sent(1 << 63), float)


def test_while_the_ends_of_the_topics_are_not_known_it_is_stale_since_kpi_now() -> None:
    """No shard is behind, as far as is known; whoever waits for fresh values must not take these for it."""
    snapshot = fakes.snapshot()
    fresh = snapshot._replace(shards=tuple(shard._replace(stale_since_ms=None) for shard in snapshot.shards))
    assert clock(fresh)["stale_since"] is None
    assert clock(fresh._replace(stale=True))["stale_since"] == rfc3339(fresh.kpi_now_ms)
