"""`rules --replay` on a real deployment: a planted slow week pages, and a higher threshold takes the page away."""

import asyncio
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.system.deployment import Deployment

MAPPING = """
source: desk
party: party
files:
  "tickets.csv":
    events:
      - {type: ticket.created, id: row & " created", time: created, data: {ticket_id: row, priority: "'high'"}}
      - {type: ticket.message, id: row & " answer", time: answered, data: {ticket_id: row, author: "'agent'"}}
"""
OWN = """
alerts:
  SlowDays: {kpi: first_response_time, window: 24h, when: beyond, than: 600, for: 1h, severity: page, owner: desk}
"""
DAYS, A_DAY = 28, 40
SLOW_DAYS = range(14, 21)
DAY_S = 86_400


async def test_a_slow_week_pages(deployment: Deployment, tmp_path: Path) -> None:
    table, mapping, own = (tmp_path / name for name in ("tickets.csv", "desk.yaml", "own.yaml"))
    begin_s = int(time.time()) - (DAYS + 1) * DAY_S

    def at(second: float) -> str:
        return datetime.fromtimestamp(second, UTC).isoformat()

    rows = ["party,created,answered"]
    for number in range(DAYS * A_DAY):
        created_s = begin_s + number * DAY_S / A_DAY
        wait_s = 2_400 if number // A_DAY in SLOW_DAYS else 120
        rows.append(f"p{number % 19},{at(created_s)},{at(created_s + wait_s)}")
    table.write_text("\n".join(rows) + "\n")
    mapping.write_text(MAPPING)
    own.write_text(OWN)
    await asyncio.to_thread(deployment.run, "import", table, "--mapping", mapping)
    deployment.start()
    await deployment.caught_up(2 * DAYS * A_DAY)

    def replayed(*more: object) -> str:
        return deployment.run("rules", "--replay", "31d", "--step", "2h", "--alerts", own, *more)

    said = json.loads(await asyncio.to_thread(replayed, "--threshold", "SlowDays=3600", "--json"))
    today, proposed = (row for row in said["alerts"] if row["alert"] == "SlowDays")
    assert (today["threshold"], today["pages"], proposed["threshold"], proposed["pages"]) == (600, 1, 3600, 0)
    assert today["pages_per_week"] == pytest.approx(7 * DAY_S * 1000 / (said["to_ms"] - said["from_ms"]))
    assert abs(said["from_ms"] / 1000 - begin_s) <= 7200
    assert abs(today["median_seconds"] - len(SLOW_DAYS) * DAY_S) < DAY_S / 2
    others: list[dict[str, Any]] = [row for row in said["alerts"] if row["alert"] != "SlowDays"]
    assert len(others) > 10
    assert not any(row["proposed"] for row in others)
    paging = {row["alert"] for row in others if row["pages"] and row["severity"] == "page"}
    assert paging == {"CustomersWait", "SlaBurnsFast"}  # for longer than two minutes, in that week, all of them
    assert "StreamKpisLag" in said["not_replayed"]
    lines = (await asyncio.to_thread(replayed)).splitlines()
    (row,) = [line.split() for line in lines if line.strip().startswith("SlowDays")]
    assert row[1:5] == ["page", "10", "minutes", "0.24"]
    assert max(map(len, lines)) <= 80
