"""Periods over the live cells, asked over HTTP."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from stream_kpis.engine.batch import Batch
from stream_kpis.engine.shard import Shard
from stream_kpis.engine.tiles import Calendar
from stream_kpis.events.envelope import Reader, Record, encode_event
from stream_kpis.live.asks import asks_of
from stream_kpis.live.model.read_model import ReadModel
from stream_kpis.live.model.snapshot import State
from stream_kpis.live.terminal.client import ExporterError, ask, print_kpis
from stream_kpis.live.web.feed import Feed
from stream_kpis.live.web.periods import Periods
from stream_kpis.live.web.server import serving
from stream_kpis.plan import compile_plan
from stream_kpis.settings import SettingsError, load

PLAN = compile_plan(load(environment={}))
CALENDAR = Calendar("Europe/Berlin")
NOW_MS = asks_of(CALENDAR, ["2026-05-10T09:00:03Z"])[0].to_ms


class Live:
    """A shard, its read model, and a server that shows it."""

    def __init__(self) -> None:
        self.feed = Feed()
        self.model = ReadModel(PLAN, CALENDAR)
        self.shard = Shard(PLAN, 0, 1, Reader(), CALENDAR)
        self.url = ""

    def order(self, day: str, amount: float = 10, party: str = "p") -> None:
        """An order at noon."""
        data = {"order_id": day, "amount": amount}
        value = encode_event("order.placed", id=day, source="s", time=f"{day}T12:00:00Z", subject=party, data=data)
        at = self.shard.next.get("crm.orders", 0)
        record = Record("crm.orders", 0, at, NOW_MS, party.encode(), value)
        self.shard.advance(NOW_MS)
        self.shard.apply(Batch("crm.orders", 0, at, at + 1, [record]))

    def ticket(self, day: str, *steps: tuple[str, dict[str, str]]) -> None:
        """A ticket at noon, and what happened to it, a second after the other, on the days said."""
        happened = [("ticket.created", day, {}), *((kind, data.pop("day"), data) for kind, data in steps)]
        at = self.shard.next.get("crm.tickets", 0)
        records = []
        for number, (kind, on, data) in enumerate(happened):
            value = encode_event(
                kind, id=f"{day} {number}", source="s", time=f"{on}T12:00:0{number}Z", subject="p",
                data={"ticket_id": day, **data},
            )  # fmt: skip
            records.append(Record("crm.tickets", 0, at + number, NOW_MS, b"p", value))
        self.shard.advance(NOW_MS)
        self.shard.apply(Batch("crm.tickets", 0, at, at + len(records), records))

    def publish(self, stale: bool = False) -> None:
        """Makes all that happened visible."""
        self.model.apply(0, self.shard.take(NOW_MS).cells)
        self.feed.publish(self.model.snapshot(NOW_MS, stale=stale, made_ms=NOW_MS))

    async def get(self, *query: tuple[str, str]) -> dict[str, dict]:
        """The totals of all KPIs."""
        found = await asyncio.to_thread(ask, self.url, "/api/kpis", [("by", ""), *query])
        return {row["kpi"]: row for row in found["values"]}


@pytest_asyncio.fixture
async def live() -> AsyncIterator[Live]:
    live = Live()
    periods = Periods(live.model, CALENDAR)
    async with serving(live.feed, PLAN.catalogue.kpis, periods=periods) as live.url:
        yield live


async def test_a_period_has_its_own_edges_and_values(live: Live) -> None:
    live.order("2026-03-31", 100)
    live.order("2026-04-01", 20)
    live.order("2026-05-09", 3)
    live.publish()
    quarter = (await live.get(("period", "2026Q1")))["revenue_net"]
    assert (quarter["period"], quarter["value"], quarter["samples"]) == ("2026Q1", 100, 1)
    assert (quarter["from"], quarter["to"]) == ("2025-12-31T23:00:00.000Z", "2026-03-31T22:00:00.000Z")
    assert "window" not in quarter
    days = (await live.get(("from", "2026-03-31"), ("to", "2026-04-02")))["revenue_net"]
    assert (days["period"], days["value"]) == ("2026-03-31/2026-04-02", 120)


async def test_a_period_that_goes_on_ends_now(live: Live) -> None:
    """Then distinct parties are known; of a past one they are not, and no wrong number stands there."""
    live.order("2026-03-31")
    live.order("2026-05-08")
    live.order("2026-05-09")
    live.publish()
    year = await live.get(("period", "2026"))
    assert year["orders"]["to"] == "2026-05-10T09:00:10.000Z"
    assert (year["purchase_frequency"]["value"], year["orders"]["value"]) == (3, 3)
    march = await live.get(("period", "2026-03"))
    assert (march["orders"]["value"], march["purchase_frequency"]["value"]) == (1, None)
    assert march["purchase_frequency"]["state"] == "no_data"


async def test_what_waited_in_a_past_period_is_not_known(live: Live) -> None:
    """Though nothing waits now: an answer that came later tells that it waited then."""
    live.ticket("2026-02-27", ("ticket.message", {"day": "2026-03-02", "author": "agent"}))
    live.publish()
    past = await live.get(("period", "2026-02"))
    assert (past["unanswered_over_target"]["value"], past["unanswered_over_target"]["state"]) == (None, "no_data")
    assert (past["tickets_open"]["value"], past["tickets_open"]["state"]) == (1, "ok")
    live_year = await live.get(("period", "2026"))
    assert (live_year["unanswered_over_target"]["value"], live_year["unanswered_over_target"]["state"]) == (0, "ok")


async def test_before_its_first_ticket_a_period_has_no_data_of_tickets(live: Live) -> None:
    live.order("2026-01-05")
    live.ticket("2026-05-09")
    live.publish()
    before, since = await live.get(("period", "2026Q1")), await live.get(("period", "2026Q2"))
    for kpi, value in {"tickets_open": 1, "unanswered_over_target": 1}.items():
        assert (before[kpi]["value"], before[kpi]["state"]) == (None, "no_data")
        assert (since[kpi]["value"], since[kpi]["state"]) == (value, "ok")


async def test_stale_values_are_stale_over_periods_too(live: Live) -> None:
    live.order("2026-03-31")
    live.publish(stale=True)
    assert {row["state"] for row in (await live.get(("period", "2026Q1"))).values()} == {"stale"}


@pytest.mark.parametrize(
    ("query", "line"),
    [
        ([("period", "spring")], "'spring' is no period: write 2026, 2026Q1, 2026-03 or 2026-03-01"),
        ([("period", "2027")], "period 2027 begins after kpi-now, 2026-05-10T09:00:10.000Z"),
        ([("from", "2026-01-01")], "from and to go together: give both"),
        ([("period", "2026"), ("from", "2026-01-01"), ("to", "2026-02-01")], "period excludes from and to: give it, or both of them"),  # noqa: E501 - the line as it is
        ([("period", "2026"), ("from", "2026-01-01")], "period excludes from and to: give it, or both of them"),
        ([("period", "2200")], "'2200' is out of range: years from 1971 to 2199 only"),
        ([("kpi", "ordrs")], "no KPI 'ordrs' (did you mean orders?)"),
        ([("window", "2d")], "no window '2d' (did you mean 7d?)"),
        ([("by", "tem")], "no grouping 'tem' (did you mean team?)"),
        ([("at", "2026")], "unknown parameter at; there are kpi, window, by, period, from, to, compare and format"),
    ],
)  # fmt: skip
async def test_wrong_questions_are_one_line(live: Live, query: list[tuple[str, str]], line: str) -> None:
    live.publish()
    with pytest.raises(ValueError, match="http") as error:
        await asyncio.to_thread(ask, live.url, "/api/kpis", query)
    assert str(error.value) == f"{live.url}: {line}"


async def test_a_window_knows_a_group_as_soon_as_it_is_there(live: Live) -> None:
    """A first old order makes the short windows say zero instead of nothing, at the same instant too."""

    def last_minutes() -> list[tuple[str, str, float | None, State]]:
        values = live.model.snapshot(NOW_MS).values
        return [(*value[2:4], value.value, value.state) for value in values if value[:2] == ("orders", "5m")]

    assert last_minutes() == [("", "", 0, State.NO_DATA)]
    live.order("2026-03-31")
    live.publish()
    assert last_minutes() == [
        ("", "", 0, State.LOW_SAMPLE),
        *((by, "unknown", 0, State.LOW_SAMPLE) for by in ("channel", "product", "owner")),
    ]


async def test_the_command_shows_what_the_exporter_says(live: Live, capsys: pytest.CaptureFixture[str]) -> None:
    live.order("2026-05-09", 20)
    live.publish()
    asked = {
        "kpis": ("revenue_net",),
        "by": None,
        "windows": ("7d", "all"),
        "period": None,
        "since": None,
        "until": None,
    }
    show = {"url": live.url, "as_json": False, "as_csv": True}
    assert await asyncio.to_thread(lambda: print_kpis(load(environment={}), **asked, **show)) == 0
    assert [line.split(",")[:9] for line in capsys.readouterr().out.splitlines()[1:]] == [
        ["revenue_net", "", window, "", since, "2026-05-10T09:00:10.000Z", "", "", "20.0"]
        for window, since in (("7d", "2026-05-03T09:00:00.000Z"), ("all", "1970-01-01T00:00:00.000Z"))
    ]


async def test_the_command_compares(live: Live, capsys: pytest.CaptureFixture[str]) -> None:
    """Closed days of two weeks; a period is compared with nothing."""
    for day in ("2026-05-09", "2026-05-08", "2026-05-01"):
        live.order(day, 20)
    live.publish()
    asked = {"kpis": ("orders",), "by": None, "windows": ("7d",), "since": None, "until": None, "url": live.url}

    def show(form: str, period: str | None = None) -> int:
        forms = {"as_json": False, "as_csv": form == "csv"}
        return print_kpis(load(environment={}), **asked, **forms, period=period, against="previous")

    assert await asyncio.to_thread(show, "csv") == 0
    header, row = (line.split(",") for line in capsys.readouterr().out.splitlines())
    found = dict(zip(header, row, strict=True))
    assert [found[name] for name in ("operator", "against", "value", "numerator", "denominator", "samples")] == [
        "change", "previous", "1.0", "2", "1", "1",
    ]  # fmt: skip
    assert await asyncio.to_thread(show, "table") == 0
    shown = capsys.readouterr().out
    assert "Change against as many days before" in shown
    assert "100.00 %" in shown
    with pytest.raises(ValueError, match="leave --url out"):
        await asyncio.to_thread(show, "csv", "2026")


async def test_a_window_that_a_kpi_does_not_have_is_said(live: Live, capsys: pytest.CaptureFixture[str]) -> None:
    live.order("2026-05-09", 20)
    live.publish()
    asked = {"by": None, "period": None, "since": None, "until": None, "as_json": False, "as_csv": False}

    def show(kpis: tuple[str, ...], *windows: str) -> int:
        return print_kpis(load(environment={}), kpis=kpis, windows=windows, url=live.url, **asked)

    line = "no window 'now' of orders; there are 5m, 1h, 24h, 7d, 30d, 90d, 365d, today, mtd, qtd, ytd, all"
    for windows in (("now",), ("all", "now")):
        with pytest.raises(ValueError, match=f"^{line}$"):
            await asyncio.to_thread(show, ("orders",), *windows)
    assert capsys.readouterr().out == ""
    assert await asyncio.to_thread(show, (), "now") == 0
    assert "tickets_open" in capsys.readouterr().out


@pytest.mark.parametrize("more", [{"since": "2025-01-01"}, {"since": "2025-01-01", "until": "2025-02-01"}])
def test_a_period_goes_alone(more: dict[str, str]) -> None:
    asked = {"kpis": (), "by": None, "windows": (), "period": "2026", "since": None, "until": None, "url": None}
    with pytest.raises(ValueError, match=r"^--period excludes --from and --to: give it, or both of them$"):
        print_kpis(load(environment={}), **asked | more, as_json=False, as_csv=False)


async def test_an_address_in_use_is_a_wrong_setting(live: Live) -> None:
    port = int(live.url.rpartition(":")[2])
    line = f"cannot listen on 127.0.0.1:{port}: address already in use; choose another port"
    with pytest.raises(SettingsError, match=f"^{line}$"):
        async with serving(live.feed, PLAN.catalogue.kpis, port=port):
            pass


async def test_an_exporter_without_values_or_without_life_is_one_line(live: Live) -> None:
    with pytest.raises(ExporterError, match="no values yet: the cells changelog is being read"):
        await live.get()
    with pytest.raises(ExporterError, match=r"no exporter at http://127\.0\.0\.1:9: .*; start one with"):
        await asyncio.to_thread(ask, "http://127.0.0.1:9", "/api/kpis")
    with pytest.raises(ValueError, match="no address of an exporter"):
        ask("file:///etc/passwd", "")
