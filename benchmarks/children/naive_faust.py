"""W1 as anyone would write it with Faust, one agent, one event at a time, tables: what its documentation shows.

`python -m benchmarks.children.naive_faust BOOTSTRAP TOPIC EVENTS FOLDER`
"""

import math
import os
import sys
from datetime import datetime
from typing import Any

import faust

from benchmarks.children.marks import mark

PARTITIONS = 4
MINUTE_S = 60.0
_PER_BUCKET = 1 / math.log(1.02)

bootstrap, source, events, folder = sys.argv[1:5]
app = faust.App(
    "naive-faust",
    broker=f"kafka://{bootstrap}",
    store="memory://",
    topic_partitions=PARTITIONS,
    topic_replication_factor=1,
    broker_commit_interval=1.0,
    web_enabled=False,
    datadir=folder,
)


class Event(faust.Record, serializer="json"):  # type: ignore[misc,call-arg]
    """One CloudEvent."""

    id: str
    type: str
    time: str
    subject: str
    data: dict[str, Any]


def time_s(text: str) -> float:
    """Seconds since 1970."""
    return datetime.fromisoformat(text).timestamp()


def per_minute(name: str, default: type = int) -> Any:
    """A table per minute of event time."""
    table = app.Table(name, default=default)
    return table.tumbling(MINUTE_S).relative_to(lambda event: time_s(event.value.time))


topic = app.topic(source, value_type=Event, partitions=PARTITIONS)
lead_times = app.Table("lead-times")
ticket_times = app.Table("ticket-times")
last_minutes = app.Table("last-minutes")
active = app.Table("active", default=int)
windowed = {
    "leads": per_minute("leads"),
    "matched_orders": per_minute("matched-orders"),
    "revenue": per_minute("revenue", float),
    "responses": per_minute("responses"),
    "response_s": per_minute("response-s", float),
    "signed": per_minute("signed"),
    "churned": per_minute("churned"),
}
response_buckets = per_minute("response-buckets")


async def keep(stream: Any) -> None:
    """Counts every event; ends the process at an error, where Faust would begin anew."""
    try:
        await count_all(stream)
    except Exception as error:  # noqa: BLE001 - whatever it is
        print(f"{type(error).__name__}: {' '.join(str(error).split())}", flush=True)
        os._exit(1)


async def count_all(stream: Any) -> None:
    """Counts every event; after the last one says so."""
    left = int(events)
    async for event in stream:
        if left == int(events):
            mark("first")
        count(event)
        left -= 1
        if not left:
            await app.producer.flush()
            mark("last")
            mark("totals", totals=totals())


app.agent(topic)(keep)


def count(event: Event) -> None:
    """One event through the tables."""
    at_s, data = time_s(event.time), event.data
    minute = int(at_s // MINUTE_S)
    last = last_minutes.get(event.subject)
    if last is None or minute > last:
        if last is not None:
            active[str(last)] -= 1
        active[str(minute)] += 1
        last_minutes[event.subject] = minute
    match event.type:
        case "lead.created":
            lead_times[data["lead_id"]] = at_s
            windowed["leads"][data["channel"]] += 1
        case "order.placed":
            windowed["revenue"][data["channel"]] += data["amount"]
            if lead_times.get(data["lead_id"]) is not None:
                windowed["matched_orders"][data["channel"]] += 1
        case "ticket.created":
            ticket_times[data["ticket_id"]] = at_s
        case "ticket.message":
            answer(at_s, data)
        case "customer.created":
            windowed["signed"]["all"] += 1
        case "customer.churned":
            windowed["churned"]["all"] += 1


def answer(at_s: float, data: dict[str, Any]) -> None:
    """An agent's message: the response time, its sum and its bucket of 2 %."""
    asked_s = ticket_times.get(data["ticket_id"])
    if asked_s is not None:
        wait_s, team = at_s - asked_s, data["team"]
        bucket = int(math.log(wait_s) * _PER_BUCKET) if wait_s > 0 else -1
        windowed["responses"][team] += 1
        windowed["response_s"][team] += wait_s
        response_buckets[f"{team}|{bucket}"] += 1


def totals() -> dict[str, float]:
    """The sums over all minutes and groups."""
    sums = {name: round(sum(window.table.data.values()), 3) for name, window in windowed.items()}
    return {**sums, "active": sum(active.data.values())}


if __name__ == "__main__":
    faust.Worker(app, loglevel="warning", redirect_stdouts=False).execute_from_commandline()
