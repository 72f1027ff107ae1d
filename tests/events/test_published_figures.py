"""Three public data sets through their mappings: the published figures come out by plain counting.

The data is read from a folder beside the repository, or from STREAM_KPIS_DATA; without it these tests are skipped.
"""

import csv
import json
import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean, median
from typing import Any, NamedTuple

import pytest

from stream_kpis.events.envelope import Event, Incoming, Reader
from stream_kpis.events.history import History, Miss, read_mapping

_REPOSITORY = Path(__file__).parents[2]
_MAPPINGS = _REPOSITORY / "tests" / "data" / "mappings"
_DAY_MS = 86_400_000
_MICRO = 10**6


class Seen(NamedTuple):
    """One event as it will be seen behind Kafka."""

    kind: str
    party: str
    event: Event

    @property
    def data(self) -> Any:
        """Its data."""
        return self.event.data


def _folder(name: str) -> Path:
    folder = Path(os.environ.get("STREAM_KPIS_DATA") or _REPOSITORY.parent / "shared" / "data") / name
    if not folder.is_dir():
        pytest.skip(f"the public data set {name} is missing: set STREAM_KPIS_DATA to the folder that has it")
    return folder


def expected(name: str, key: str, *columns: str) -> dict[str, tuple[float, ...]]:
    """Columns of a file of reference values, by its key column."""
    with (_folder("expected") / name).open(newline="") as file:
        return {row[key]: tuple(round(float(row[column]), 6) for column in columns) for row in csv.DictReader(file)}


def history_of(name: str, *files: str) -> History:
    """The history of a data set; skips the test if it is not there."""
    folder = _folder(name)
    return History([folder / file for file in files], read_mapping(_MAPPINGS / f"{name}.yaml"))


def seen(history: History) -> list[Seen]:
    """Its events in the order of the definitions; each (source, id) of a party must be unique."""
    reader, events = Reader(), []
    for made in history:
        got = reader.read(made.value, made.party.encode(), made.time_ms)
        assert isinstance(got, Incoming)
        assert got.event.time_ms == made.time_ms
        events.append(Seen(made.kind, got.party, got.event))
    assert len(events) == len({(each.party, each.event.source, each.event.id) for each in events})
    return sorted(events, key=lambda each: each.event.order)


def of_kind(events: list[Seen], kind: str) -> list[Seen]:
    return [each for each in events if each.kind == kind]


def year_month(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms // 1000, tz=UTC).strftime("%Y-%m")


def test_maven_crm() -> None:
    """8,800 opportunities: deals won by quarter, win rate, amounts by region, cycles, and what is open."""
    history = history_of("maven_crm", "sales_pipeline.csv")
    events = seen(history)
    assert history.counts.rows == 8800
    page = (_REPOSITORY / "docs" / "history.md").read_text("utf-8")
    assert "```\n{}\n```".format("\n".join(history.counts.lines())) in page
    undated = history.counts.rows_without_event
    assert {miss: (tally.count, tally.row) for miss, tally in undated.items()} == {Miss.UNDATED: (500, 8301)}
    created = {each.data.deal_id: each for each in of_kind(events, "deal.created")}
    won, lost = of_kind(events, "deal.won"), of_kind(events, "deal.lost")
    assert (len(created), len(won), len(lost), len(created) - len(won) - len(lost)) == (8300, 4238, 2473, 1589)
    quarters = Counter((int(year_month(each.event.time_ms)[5:]) + 2) // 3 for each in won)
    assert dict(quarters) == {1: 531, 2: 1254, 3: 1257, 4: 1196}
    assert {"2017"} == {year_month(each.event.time_ms)[:4] for each in won}
    lost_by_quarter = Counter((int(year_month(each.event.time_ms)[5:]) + 2) // 3 for each in lost)
    rates = [quarters[quarter] / (quarters[quarter] + lost_by_quarter[quarter]) for quarter in (1, 2, 3, 4)]
    assert [round(rate, 4) for rate in rates] == [0.8207, 0.6171, 0.6141, 0.6025]
    assert sum(each.data.amount for each in won) == 10_005_534 * _MICRO
    by_region: dict[str, list[int]] = {}
    for each in won:
        by_region.setdefault(created[each.data.deal_id].data.region, []).append(each.data.amount)
    assert {region: round(mean(amounts) / _MICRO, 2) for region, amounts in by_region.items()} == {
        "Central": 2054.20,
        "East": 2639.28,
        "West": 2481.67,
    }
    days = [(each.event.time_ms - created[each.data.deal_id].event.time_ms) / _DAY_MS for each in won]
    assert (round(mean(days), 3), median(days)) == (51.782, 57)
    of_product: dict[str, list[int]] = {}
    for each in won:
        of_product.setdefault(created[each.data.deal_id].data.product, []).append(each.data.amount)
    # The pipeline spells this product differently than the price list; the mapping follows the price list.
    of_product["GTXPro"] = of_product.pop("GTX Pro")
    assert expected("maven_crm_per_product.csv", "product", "won", "won_value") == {
        product: (len(amounts), sum(amounts) / _MICRO) for product, amounts in of_product.items()
    }
    # An opportunity without an account is a party of its own.
    assert sum(each.party.startswith("unknown account ") for each in created.values()) == 1088


def test_cdnow() -> None:
    """6,919 orders of 2,357 customers: revenue, order value, orders per customer, repeat purchases, and each month."""
    history = history_of("cdnow", "cdnow_sample.csv")
    events = seen(history)
    orders = of_kind(events, "order.placed")
    assert not history.counts.rows_without_event
    assert len({each.data.order_id for each in orders}) == len(orders) == 6919
    assert sum(each.data.amount for each in orders) == 24_409_194 * _MICRO // 100
    assert sum(each.data.amount == 0 for each in orders) == 8
    per_customer = Counter(each.party for each in orders)
    assert len(per_customer) == len({each.party for each in of_kind(events, "customer.created")}) == 2357
    assert round(len(orders) / 2357, 5) == 2.93551
    assert round(sum(count > 1 for count in per_customer.values()) / 2357, 6) == 0.488757
    first = {each.party: each.event.time_ms for each in reversed(of_kind(events, "customer.created"))}
    assert first == {each.party: each.event.time_ms for each in reversed(orders)}
    months: dict[str, list[int]] = {}
    for each in orders:
        months.setdefault(year_month(each.event.time_ms), []).append(each.data.amount)
    new = Counter(map(year_month, first.values()))
    assert expected("cdnow_sample_monthly.csv", "month", "orders", "revenue", "new_customers") == {
        month: (len(amounts), sum(amounts) / _MICRO, new[month]) for month, amounts in months.items()
    }


def test_ravenstack_churn() -> None:
    """600 churn events, in 352 accounts the end of a spell, and by month and plan as their author published."""
    events = seen(history_of("ravenstack", "ravenstack_accounts.csv", "ravenstack_churn_events.csv"))
    churned = of_kind(events, "customer.churned")
    assert (len(of_kind(events, "customer.created")), len(churned)) == (500, 600)
    plan_of: dict[str, str] = {}
    active: set[str] = set()
    leaves: list[Seen] = []
    for each in events:
        if each.kind == "customer.created":
            plan_of[each.party] = each.data.plan
            active.add(each.party)
        elif each.party in active:
            active.remove(each.party)
            leaves.append(each)
    assert (len(leaves), len(active)) == (352, 148)
    assert sum(count > 1 for count in Counter(each.party for each in churned).values()) == 175
    assert Counter(plan_of[each.party] for each in churned) == {"Pro": 225, "Enterprise": 195, "Basic": 180}
    assert Counter(each.data.reason for each in churned).most_common(1) == [("features", 114)]
    months = Counter(year_month(each.event.time_ms) for each in churned)
    assert tuple(months[month] for month in ("2023-01", "2023-02", "2023-03", "2024-10", "2024-11", "2024-12")) == (
        1,
        0,
        5,
        66,
        68,
        117,
    )


def test_ravenstack_support() -> None:
    """2,000 tickets: first response, resolution, satisfaction, and how many answered."""
    events = seen(history_of("ravenstack", "ravenstack_support_tickets.csv"))
    start = {each.data.ticket_id: each.event.time_ms for each in of_kind(events, "ticket.created")}
    assert len(start) == 2000
    waits = [each.event.time_ms - start[each.data.ticket_id] for each in of_kind(events, "ticket.message")]
    assert (len(waits), round(mean(waits) / 60_000, 3)) == (2000, 88.480)
    solved = of_kind(events, "ticket.status_changed")
    took = [each.event.time_ms - start[each.data.ticket_id] for each in solved]
    assert (len(took), round(mean(took) / 3_600_000, 3)) == (2000, 35.861)
    sent = {each.data.survey_id: each for each in of_kind(events, "survey.sent")}
    answered = of_kind(events, "survey.answered")
    assert len(answered) / len(sent) == 0.5875
    assert all(0 <= each.event.time_ms - sent[each.data.survey_id].event.time_ms <= 30 * _DAY_MS for each in answered)
    assert {("csat", 1.0, 5.0)} == {
        (each.data.kind, each.data.scale_min, each.data.scale_max) for each in sent.values()
    }
    scores = [each.data.score for each in answered]
    assert (round(mean(scores), 5), round(mean(score > 3 for score in scores), 6)) == (3.98128, 0.662979)


def test_the_same_files_give_the_same_bytes() -> None:
    """An import can be repeated: what has arrived already is a duplicate."""
    history = history_of("ravenstack", "ravenstack_accounts.csv")
    once, again = list(history), list(history)
    assert once == again
    assert history.counts.events == {"customer.created": 500}
    assert {"specversion", "id", "source", "type", "time", "subject", "data"} == set(json.loads(once[0].value))
