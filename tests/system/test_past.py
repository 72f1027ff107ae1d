"""The past of a real deployment is what its files say of it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from stream_kpis.live.terminal.tables import csv_of
from tests.system.deployment import Deployment
from tests.system.real_data import counts_of, evaluated, files_of, key_of, mapping_of
from tests.system.test_real_data import QUARTERS, periods

MAPPING = """
source: shop
party: party
files:
  "orders.csv":
    events:
      - {type: order.placed, id: row, time: day, data: {order_id: number, amount: amount, channel: channel}}
  "refunds.csv":
    events:
      - {type: order.refunded, id: row & " refund", time: day, data: {order_id: number, refund_id: row, amount: amount}}
  "tickets.csv":
    events:
      - {type: ticket.created, id: row & " created", time: day, data: {ticket_id: row, priority: "'high'"}}
      - type: ticket.status_changed
        id: row & " solved"
        time: solved
        when: given(solved)
        data: {ticket_id: row, status: "'solved'"}
"""
ORDERS, REFUNDS, TICKETS = 900, 90, 120


@pytest.fixture
def shop(tmp_path: Path) -> tuple[list[Path], Path]:
    """Three months of a shop in 2026, of many parties."""

    def day(number: int) -> str:
        return f"2026-{number // 28 % 3 + 1:02}-{number % 28 + 1:02}"

    tables = {
        "orders.csv": ["party,number,day,amount,channel"]
        + [f"p{n % 97},o{n},{day(n)},{n % 50 + 1},{('web', 'store')[n % 2]}" for n in range(ORDERS)],
        "refunds.csv": ["party,number,day,amount"]
        + [f"p{n % 97},o{n},{day(n + 40)},1" for n in range(REFUNDS)],
        "tickets.csv": ["party,day,solved"]
        + [f"p{n % 31},{day(n)},{'' if n % 3 else day(n + 35)}" for n in range(TICKETS)],
    }  # fmt: skip
    for name, rows in tables.items():
        (tmp_path / name).write_text("\n".join(rows) + "\n")
    (tmp_path / "shop.yaml").write_text(MAPPING)
    return [tmp_path / name for name in tables], tmp_path / "shop.yaml"


def values_of(said: str) -> list[dict[str, Any]]:
    values: list[dict[str, Any]] = json.loads(said)["values"]
    return values


async def test_it_is_what_the_files_say(deployment: Deployment, shop: tuple[list[Path], Path]) -> None:
    """Instants together, a period, and how it compares with the one before."""
    files, mapping = shop
    said = await asyncio.to_thread(deployment.run, "import", *files, "--mapping", mapping)
    events = int(said.split("rows, ")[1].split(" events")[0])
    assert events == ORDERS + REFUNDS + TICKETS + TICKETS // 3
    deployment.start()
    await deployment.caught_up(events)
    await asyncio.to_thread(same, deployment, shop)


def same(deployment: Deployment, shop: tuple[list[Path], Path]) -> None:
    files, mapping = shop

    def both(*asked: object) -> tuple[str, str]:
        return (
            deployment.run("kpis", *asked, "--json"),
            deployment.run("evaluate", *files, "--mapping", mapping, *asked, "--json"),
        )

    for asked in (
        ("--at", "2026-02-10T12:00:00Z", "--at", "2026-03-01", "--at", "2026-03-20"),
        ("--period", "2026-02"),
        ("--from", "2026-01-15", "--to", "2026-03-04", "--kpi", "orders,revenue_net", "--by", "channel"),
    ):
        said, files_say = both(*asked)
        found, expected = values_of(said), values_of(files_say)
        assert json.loads(files_say)["input"]["dead_letters"] == {}
        assert found == expected
        assert sum(row["samples"] for row in found) > 100
    wanted = ("--kpi", "orders,purchase_frequency,tickets_open", "--json")
    compared = json.loads(deployment.run("kpis", "--period", "2026-03", "--compare", "previous", *wanted))
    now, was = (
        {row["kpi"]: row["value"] for row in values_of(deployment.run("kpis", "--period", period, *wanted))}
        for period in ("2026-03", "2026-02")
    )
    assert {row["kpi"]: row["value"] for row in compared["values"]} == now
    changes = {row["kpi"]: (row["numerator"], row["denominator"]) for row in compared["operators"]}
    assert changes == {kpi: (value, was[kpi]) for kpi, value in now.items()}
    for row in compared["operators"]:
        assert row["value"] == pytest.approx(row["numerator"] / row["denominator"] - 1)
        assert (row["period"], row["against"]) == ("2026-03", "previous")

    explained(deployment, shop)


def explained(deployment: Deployment, shop: tuple[list[Path], Path]) -> None:
    """The receipts of the past have the values of then, name who is behind them, and are proved from the topics."""
    files, mapping = shop

    def receipt(kpi: str, *asked: object) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            deployment.run("explain", kpi, *asked, "--entities", 1000, "--prove", "--json")
        )
        assert found["proof"]["equal"]
        return found

    february = ("evaluate", *files, "--mapping", mapping, "--period", "2026-02", "--kpi", "revenue_net", "--json")
    (value,) = values_of(deployment.run(*february))
    found = receipt("revenue_net", "--period", "2026-02")
    assert (found["value"], found["samples"], found["state"]) == (value["value"], value["samples"], value["state"])
    assert (found["from"], found["to"]) == (value["from"], value["to"])
    assert sum(one["value"] for one in found["entities"]["named"]) == pytest.approx(value["value"])
    assert sum(one["share"] for one in found["contributors"]["channel"]) == pytest.approx(1)
    assert found["change"]["to"] == "2026-01-29T00:00:00.000Z"  # as many days of January
    at = ("--at", "2026-02-10T12:00:00Z")
    asked = ("--window", "7d", *at)
    orders = receipt("orders", *asked, "--by", "channel=web")
    said = deployment.run("kpis", "--kpi", "orders", "--by", "channel", *asked, "--json")
    (web,) = (row for row in values_of(said) if row["by"] == {"channel": "web"})
    assert orders["value"] == web["value"] == orders["entities"]["total"] > 0
    waiting = receipt("tickets_open", "--window", "now", *at)
    now = receipt("tickets_open", "--window", "now", "--at", "2026-03-20")
    assert waiting["value"] == waiting["entities"]["total"] != now["value"]


async def test_while_workers_lag_values_are_stale(deployment: Deployment, shop: tuple[list[Path], Path]) -> None:
    """Until what was sent is applied; that no worker is there is no lag in itself."""
    (orders, _, tickets), mapping = shop
    asked = ("kpis", "--period", "2026-03", "--compare", "previous", "--json")

    async def told() -> tuple[set[str], int, int]:
        said = json.loads(await asyncio.to_thread(deployment.run, *asked))
        states = {row["state"] for row in said["values"] + said["operators"]}
        samples = next(row["samples"] for row in said["values"] if row["kpi"] == "orders" and not row["by"])
        return states, samples, said["read"]["lag"]

    await asyncio.to_thread(deployment.run, "import", orders, tickets, "--mapping", mapping)
    deployment.start()
    await deployment.caught_up(ORDERS + TICKETS + TICKETS // 3)
    deployment.kill_worker()
    states, samples, lag = await told()
    assert ("stale" in states, lag) == (False, 0)
    assert samples > 200
    orders.write_text(orders.read_text().replace(",o", ",more"))
    mapping.write_text(mapping.read_text().replace("source: shop", "source: more"))
    await asyncio.to_thread(deployment.run, "import", orders, "--mapping", mapping)
    assert await told() == ({"stale"}, samples, ORDERS)
    deployment.start_worker("successor")
    await deployment.caught_up(2 * ORDERS + TICKETS + TICKETS // 3)
    states, more, lag = await told()
    assert ("stale" in states, more, lag) == (False, 2 * samples, 0)


async def test_quarters_of_real_deals(deployment: Deployment) -> None:
    """Published figures, through Kafka, each quarter as it was at its end."""
    name, counts = "maven_crm", counts_of("maven_crm")
    files = await asyncio.to_thread(files_of, name)
    await asyncio.to_thread(deployment.run, "import", *files, "--mapping", mapping_of(name))
    deployment.start()
    await deployment.caught_up(counts.events.total())
    alone = evaluated(name, periods(*QUARTERS))
    for quarter, rate in zip(QUARTERS, (0.8207, 0.6171, 0.6141, 0.6025), strict=True):
        said = await asyncio.to_thread(deployment.run, "kpis", "--period", quarter, "--csv")
        rows = [row for row in alone.over(quarter).values() if not row["by"]]
        assert said == csv_of(rows)
        assert round(next(row["value"] for row in rows if row["kpi"] == "deal_win_rate"), 4) == rate
    grouped = await asyncio.to_thread(
        deployment.run, "kpis", "--period", "2017Q3", "--kpi", "deal_win_rate", "--by", "owner", "--json"
    )
    found = {key_of(row): row for row in values_of(grouped)}
    expected = alone.over("2017Q3")
    assert len(found) > 20
    assert found == {key: expected[key] for key in found}
