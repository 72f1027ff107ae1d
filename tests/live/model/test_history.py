"""Histories: each period is what somebody would get who asked for it alone."""

import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from stream_kpis.engine.tiles import DAY_MS
from stream_kpis.live.asks import period
from stream_kpis.live.model.history import SPARK_DAYS, STEPS, History, named, starts
from stream_kpis.live.terminal.tables import csv_of
from stream_kpis.live.web.histories import OLD_MS, Histories
from stream_kpis.live.web.server import serving
from tests.live.web.test_periods import CALENDAR, NOW_MS, PLAN, Live

KPIS = PLAN.catalogue.kpis


class Asked(Live):
    """An exporter with histories."""

    http: aiohttp.ClientSession

    async def answer(self, path: str) -> tuple[int, str, str]:
        """Status, body and disposition."""
        async with self.http.get(path) as answer:
            return answer.status, await answer.text(), answer.headers.get("Content-Disposition", "")

    async def history(self, query: str) -> list[dict[str, Any]]:
        status, text, _ = await self.answer(f"/api/history?{query}")
        assert status == 200, text
        found: list[dict[str, Any]] = json.loads(text)["values"]
        return found


@pytest_asyncio.fixture
async def live() -> AsyncIterator[Asked]:
    live = Asked()
    for day in ("2026-03-02", "2026-05-01", "2026-05-08", "2026-05-09"):
        live.order(f"{day}", 10 if day < "2026-05-08" else 30, party=day)
    live.publish()
    routes = Histories(live.feed, History(live.model, CALENDAR), KPIS, "EUR").routes()
    async with serving(live.feed, KPIS, routes=routes) as url, aiohttp.ClientSession(url) as live.http:
        yield live


async def test_days_weeks_and_months_up_to_now(live: Asked) -> None:
    """The last period goes on; those without orders say 0."""
    rows = await live.history("kpi=orders")
    assert len(rows) == STEPS["day"]
    assert {row["period"]: row["value"] for row in rows if row["value"]} == {
        "2026-03-02": 1, "2026-05-01": 1, "2026-05-08": 1, "2026-05-09": 1,
    }  # fmt: skip
    assert (rows[-1]["from"], rows[-1]["to"]) == ("2026-05-09T22:00:00.000Z", "2026-05-10T09:00:10.000Z")
    months = await live.history("kpi=revenue_gross&step=month")
    assert [(row["period"], row["value"], row["unit"]) for row in months[-3:]] == [
        ("2026-03", 10, "EUR"), ("2026-04", 0, "EUR"), ("2026-05", 70, "EUR"),
    ]  # fmt: skip
    weeks = await live.history("kpi=orders&step=week")
    assert [(row["period"], row["value"]) for row in weeks[-2:]] == [("2026-04-27", 1), ("2026-05-04", 2)]


@pytest.mark.parametrize("kpi", sorted(KPIS))
def test_each_is_as_if_it_were_asked_for_alone(kpi: str) -> None:
    """Whatever the KPI's formula: sums that slide on are those that are made anew."""
    found = dict(History(WORLD.model, CALENDAR).of(WORLD.model.snapshot(NOW_MS), kpi))
    for name in ("2026-03-02", "2026-03-03", "2026-05-01", "2026-05-07", "2026-05-08"):
        ask = period(name, CALENDAR)
        alone = next(value for value in WORLD.model.period(ask.from_ms or 0, ask.to_ms, [kpi]) if not value.by)
        assert found.get(name, alone) == alone


def _world() -> Live:
    world = Live()
    for day in ("2026-03-02", "2026-05-01", "2026-05-08", "2026-05-09"):
        world.order(day, 10, party=day)
        solved = ("ticket.resolved", {"day": day})
        world.ticket(day, solved)
    world.publish()
    return world


WORLD = _world()


async def test_a_group_has_a_history_too(live: Asked) -> None:
    rows = await live.history("kpi=orders&by=channel=unknown")
    assert [row["value"] for row in rows if row["value"]] == [1, 1, 1, 1]
    assert rows[-1]["by"] == {"channel": "unknown"}
    assert await live.history("kpi=orders&by=channel=web") == []


async def test_what_only_knows_now_has_no_history(live: Asked) -> None:
    assert [row["state"] for row in await live.history("kpi=tickets_open")] == []


async def test_stale_values_are_stale_in_the_past_too(live: Asked) -> None:
    live.publish(stale=True)
    assert {row["state"] for row in await live.history("kpi=orders")} == {"stale"}


async def test_a_file_has_a_name_and_a_header(live: Asked) -> None:
    status, text, disposition = await live.answer("/api/history?kpi=orders&step=month&format=csv")
    assert (status, disposition) == (200, 'attachment; filename="orders-by-month-2026-05-10.csv"')
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["period"], row["value"]) for row in rows[-2:]] == [("2026-04", "0"), ("2026-05", "3")]
    status, text, disposition = await live.answer("/api/kpis?kpi=orders&window=30d&format=csv")
    assert (status, disposition) == (200, 'attachment; filename="orders-30d-2026-05-10.csv"')
    assert [row["value"] for row in csv.DictReader(io.StringIO(text)) if not row["by"]] == ["3"]


@pytest.mark.parametrize("group", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_a_group_is_no_formula_in_a_spreadsheet(group: str) -> None:
    """Quoted as CSV is, with a mark that makes it a text; for other tools it is as it is."""
    row = {"kpi": "orders", "by": {"channel": group}, "value": -1}
    (opened,) = csv.DictReader(io.StringIO(csv_of([row], opened=True), newline=""))
    assert (opened["group"], opened["value"]) == (f"'{group}", "-1")
    assert f"'{group}" not in csv_of([row])


def test_commas_quotes_and_lines_are_kept() -> None:
    row = {"kpi": "orders", "by": {"channel": 'a "b", c\nd'}}
    (back,) = csv.DictReader(io.StringIO(csv_of([row], opened=True), newline=""))
    assert back["group"] == 'a "b", c\nd'


@pytest.mark.parametrize(
    ("query", "status", "line"),
    [
        ("kpi=order", 404, "no KPI 'order' (did you mean orders?)"),
        ("kpi=orders&step=year", 400, "no step 'year'; there are day, week, month"),
        ("kpi=orders&by=owner", 400, "'owner' is no group: write DIMENSION=VALUE, such as owner=rep-01"),
        ("kpi=orders&by=shoe=1", 404, "no grouping 'shoe' of orders; there are "),
        ("kpi=orders&format=pdf", 400, "no format 'pdf'; there are json and csv"),
        ("kpi=orders&days=3", 400, "unknown parameter days; there are by, format, kpi and step"),
    ],
)
async def test_wrong_questions_are_one_line(live: Asked, query: str, status: int, line: str) -> None:
    answer = await live.answer(f"/api/history?{query}")
    assert (answer[0], answer[1][: len(line)]) == (status, line)


async def test_sparklines_are_of_the_last_days_and_kept_a_while(live: Asked) -> None:
    async def orders() -> list[float | None]:
        found: list[float | None] = json.loads((await live.answer("/api/sparklines"))[1])["sparklines"]["orders"]
        return found

    first = await orders()
    assert (len(first), first[-3:], sum(day or 0 for day in first)) == (SPARK_DAYS, [1, 1, 0], 3)
    live.order("2026-05-07", party="late")
    live.publish()
    assert await orders() == first
    live.feed.publish(live.model.snapshot(NOW_MS, made_ms=NOW_MS + OLD_MS))
    assert (await orders())[-4] == 1


async def test_before_the_first_values_it_says_so(live: Asked) -> None:
    live.feed._published = None
    for path in ("/api/history?kpi=orders", "/api/sparklines"):
        assert (await live.answer(path))[0] == 503


@pytest.mark.parametrize(("today", "first"), [(date(2026, 1, 31), "2024-02"), (date(2026, 12, 1), "2025-01")])
def test_months_are_whole(today: date, first: str) -> None:
    names = [named("month", day) for day in starts("month", today)]
    assert (len(names), names[0], names[-1]) == (STEPS["month"], first, today.isoformat()[:7])


def test_a_window_that_ends_at_midnight_has_the_day_before_as_its_last() -> None:
    midnight_ms = CALENDAR.day_start(NOW_MS)
    found = History(WORLD.model, CALENDAR).of(WORLD.model.snapshot(midnight_ms), "orders")
    assert (found[-1][0], found[-1][1].to_ms - found[-1][1].from_ms) == ("2026-05-09", DAY_MS)
