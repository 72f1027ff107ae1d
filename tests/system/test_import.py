"""Files to Kafka: every event once, in order, and again without effect."""

import time
from pathlib import Path
from typing import Any

import pytest

from stream_kpis.settings import Settings
from stream_kpis.stream.commands.importing import import_files
from stream_kpis.stream.topics import Names
from tests.system.chaos import reader
from tests.system.deployment import Deployment

ROWS = 5_000
MAPPING = """
source: shop
party: party
files:
  "*.csv":
    events:
      - {type: order.placed, id: row, time: day, data: {order_id: row, amount: amount}}
"""


@pytest.fixture
def shop(tmp_path: Path) -> tuple[list[Path], Path]:
    """Files and their mapping; one order lies far in the future."""
    rows = [f"p{number % 97},2026-03-{number % 28 + 1:02},{number % 50}" for number in range(ROWS)]
    (tmp_path / "orders.csv").write_text("\n".join(["party,day,amount", *rows, "p0,2199-01-01,1", "p0,,1"]) + "\n")
    (tmp_path / "shop.yaml").write_text(MAPPING)
    return [tmp_path / "orders.csv"], tmp_path / "shop.yaml"


async def records(settings: Settings) -> list[Any]:
    """All orders in Kafka, partition by partition."""
    found = []
    async with reader(settings) as kafka:
        kafka.subscribe([settings.prefix + "crm.orders"])
        while not kafka.assignment():
            await kafka.getmany(timeout_ms=100)
        ends = await kafka.end_offsets(kafka.assignment())
        await kafka.seek_to_beginning()
        while any([await kafka.position(place) < end for place, end in ends.items()]):
            for part in (await kafka.getmany(timeout_ms=100)).values():
                found += part
    return found


def test_it_says_what_became_of_the_rows(
    settings: Settings, shop: tuple[list[Path], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """It makes the topics, and says how many events the worker will refuse."""
    assert import_files(settings, *shop) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{ROWS + 2} rows, {ROWS + 1} events: {ROWS + 1} order.placed",
        f"no event, undated: 1 (first: orders.csv row {ROWS + 2}: order.placed: the time is empty)",
        "1 events lie in the future and become dead letters: import them when they have happened",
    ]


async def test_records_are_in_the_order_of_the_rows_and_as_old_as_the_import(
    deployment: Deployment, shop: tuple[list[Path], Path]
) -> None:
    """So what corrects them later is not too late, however old the history is."""
    began_ms = int(time.time() * 1000)
    deployment.run("import", *shop[0], "--mapping", shop[1])
    found = await records(deployment.settings)
    assert len(found) == ROWS + 1
    assert all(began_ms <= record.timestamp <= time.time() * 1000 for record in found)
    rows = [(record.partition, int(record.value.split(b'"id":"')[1].split(b'"')[0])) for record in found]
    assert len({partition for partition, _ in rows}) == deployment.settings.partitions
    for partition in range(deployment.settings.partitions):
        numbers = [row for place, row in rows if place == partition]
        assert numbers == sorted(numbers)


async def test_importing_again_changes_nothing(deployment: Deployment, shop: tuple[list[Path], Path]) -> None:
    """Ids are stable: the second time all are duplicates."""
    arguments = ("import", *shop[0], "--mapping", shop[1])
    deployment.run(*arguments)
    deployment.start()
    await deployment.caught_up(ROWS + 1)
    first = await deployment.get("/api/kpis", ("period", "2026-03"))
    deployment.run(*arguments)
    await deployment.caught_up(2 * (ROWS + 1))
    assert first["values"] == (await deployment.get("/api/kpis", ("period", "2026-03")))["values"]
    assert {row["kpi"]: row["value"] for row in first["values"] if not row["by"]}["orders"] == ROWS
    counters = [shard["counters"] for shard in (await deployment.get("/api/shards"))["positions"]]
    assert sum(shard["duplicates"] for shard in counters) == ROWS
    assert sum(shard.get("dead_letters:in_future", 0) for shard in counters) == 2


async def test_check_sees_the_topics(deployment: Deployment, shop: tuple[list[Path], Path]) -> None:
    """It makes none itself."""
    count = len(Names.of(deployment.settings).configs())
    line = [line.split(maxsplit=2) for line in deployment.run("check").splitlines()][-1]
    assert line == ["ok", "topics", f"{count} of {count} are missing; the worker makes them when it starts"]
    deployment.run("import", *shop[0], "--mapping", shop[1])
    line = [line.split(maxsplit=2) for line in deployment.run("check").splitlines()][-1]
    names, partitions = Names.of(deployment.settings), deployment.settings.partitions
    assert line == ["ok", "topics", f"{count - 1} with {partitions} partitions each, {names.rates} with one"]
