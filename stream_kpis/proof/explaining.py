"""The command `explain`: the receipt of one value of a running exporter."""

import asyncio
import time
from collections.abc import Mapping
from textwrap import fill
from typing import Any, NamedTuple

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.tiles import Calendar, round_up
from stream_kpis.events.history.document import printable
from stream_kpis.live.api import rfc3339
from stream_kpis.live.asks import instant, window_of
from stream_kpis.live.asks import period as period_of
from stream_kpis.live.model.pseudonyms import Pseudonyms
from stream_kpis.live.model.snapshot import Value
from stream_kpis.live.past import until_now
from stream_kpis.live.receipts.contributions import Behind, Contribution, Lens
from stream_kpis.live.receipts.receipt import as_json as of_receipt
from stream_kpis.live.receipts.receipt import asked_group
from stream_kpis.live.receipts.receipt_text import render
from stream_kpis.live.terminal.client import ask, url_of
from stream_kpis.live.terminal.listing import Row, print_listing, table_of
from stream_kpis.live.terminal.tables import WIDTH, people
from stream_kpis.proof.exposed import ms_of
from stream_kpis.proof.past import Asked, explained
from stream_kpis.proof.prove import Finding, as_json, prove_exposed
from stream_kpis.settings import Settings
from stream_kpis.stream.commands.past import telling
from stream_kpis.stream.control import plan_in_force
from stream_kpis.stream.logs import set_up_logging
from stream_kpis.stream.parties import holdings

COLUMNS = (
    *("section", "by", "name", "value", "samples", "share", "rate", "mix", "what"),
    *("party", "entity", "denominator", "time"),
)


_WHOLE = "(all of the party)"
"""Who adds what a journey over a whole party says, of all its leads or orders together."""


class Wanted(NamedTuple):
    """What is to be told of a value."""

    kpi: str
    window: str
    """Empty for the only one that the KPI has."""
    group: str
    """``DIM=VALUE``, or empty for the total."""
    entities: int
    """How many to name of those behind it."""
    prove: bool


class _Told(NamedTuple):
    """What is told."""

    receipt: dict[str, Any]
    text: str
    proof: Finding | None


def print_receipt(
    settings: Settings,
    wanted: Wanted,
    *,
    at: str | None,
    period: str | None,
    url: str | None,
    json_wanted: bool,
    as_csv: bool,
) -> int:
    """Prints the receipt of one value, the entities behind it and its proof; returns the exit code.

    Args:
        settings: of the deployment.
        wanted: the value, and what is to be told of it.
        at: an instant of the past; without it and a period the exporter is asked for what it shows now.
        period: a day, month, quarter or year, instead of a window and an instant.
        url: of the exporter.
        json_wanted: JSON.
        as_csv: CSV.

    Returns:
        1 if the proof finds a difference, else 0.

    Raises:
        ValueError: there is no such value; one line.
        RuntimeError: the exporter or Kafka does not answer, or the exporter has no values yet.
    """
    set_up_logging(settings.verbose)
    calendar, now_ms = Calendar(settings.zone), time.time_ns() // 1_000_000
    if period is not None:
        (asked,) = until_now([period_of(period, calendar)], now_ms)
        told = telling(settings, _then(settings, wanted._replace(window=window_of(period)), asked.to_ms, period))
    elif at is not None:
        (asked,) = until_now([instant(at, calendar)], now_ms)
        told = telling(settings, _then(settings, wanted, asked.to_ms))
    else:
        told = asyncio.run(_now(settings, wanted, url or url_of(settings)))
    receipt, text, found = told
    rows = rows_of(receipt)
    if wanted.entities and receipt["composed"]:
        text += "\nNo entities are named: the value is composed. Its parts' receipts name theirs.\n"
    elif entities := receipt.get("entities"):
        rows += [{"section": "entity", **one} for one in entities["named"]]
        text += "\n" + entities_text(entities, receipt["unit"])
    if found is not None:
        receipt["proof"] = as_json(found)
        rows.append({"section": "proof", "name": "equal" if found.equal else "different", "what": found.text})
        text += f"\n{fill(printable(found.text), WIDTH)}\n"
    print_listing(COLUMNS, rows, receipt, lambda: text, as_json=json_wanted, as_csv=as_csv)
    return int(found is not None and not found.equal)


async def _now(settings: Settings, wanted: Wanted, url: str) -> _Told:
    """What the exporter shows."""
    given = ("kpi", wanted.kpi), ("window", wanted.window), ("by", wanted.group)
    asked = [(name, text) for name, text in given if text]
    receipt = await asyncio.to_thread(ask, url, "/api/explain", asked)
    text = receipt.pop("text")
    del receipt["provable"]
    if wanted.entities and not receipt["composed"]:
        value = value_of_receipt(receipt, *asked_group(wanted.group))
        receipt["entities"] = await _behind(settings, value, ms_of(receipt["kpi_now"]), wanted.entities)
    return _Told(receipt, text, await _prove(settings, url, receipt) if wanted.prove else None)


async def _then(settings: Settings, wanted: Wanted, to_ms: int, period: str = "") -> _Told:
    """What the parties say of the past."""
    asked = Asked(wanted.kpi, wanted.window, *asked_group(wanted.group), to_ms, period)
    found = await explained(settings, asked, entities=wanted.entities, prove=wanted.prove)
    receipt = of_receipt(found.receipt)
    if found.behind is not None:
        receipt["entities"] = as_document(found.behind, found.plan, wanted.kpi)
    return _Told(receipt, render(found.receipt), found.proof)


async def _behind(settings: Settings, value: Value, now_ms: int, most: int) -> dict[str, Any]:
    """The entities behind a value, as a document."""
    plan = await plan_in_force(settings)
    to_ms = max(value.to_ms, round_up(now_ms))  # of cohorts the edges lie before
    lens = Lens(plan, value, to_ms, Pseudonyms.of(settings))
    held = await holdings(settings, plan, lens.journeys)
    return as_document(lens.behind(held.facts(), most), plan, value.kpi)


def value_of_receipt(receipt: Mapping[str, Any], by: str, group: str) -> Value:
    """The value that a receipt is of, from its JSON."""
    return Value(
        receipt["kpi"], receipt["window"], by, group, ms_of(receipt["from"]), ms_of(receipt["to"]), receipt["value"],
        receipt["numerator"], receipt["denominator"], receipt["samples"], receipt["state"],
    )  # fmt: skip


async def _prove(settings: Settings, url: str, receipt: Mapping[str, Any]) -> Finding:
    """Proves what the exporter shows now of a receipt's KPI and window, with all groups."""
    plan = await plan_in_force(settings)
    if others := counted_otherwise(plan, receipt):
        raise RuntimeError(
            f"{url} counts {', '.join(others)} by another definition than these settings and the control topics:"
            " give the exporter's settings, or start it again"
        )
    return await prove_exposed(settings, plan, url, [(receipt["kpi"], receipt["window"])])


def counted_otherwise(plan: Plan, receipt: Mapping[str, Any]) -> list[str]:
    """The measures behind a receipt that a plan counts by another definition, or not at all."""
    return [name for name, of in receipt["measures"].items() if plan.definitions.get(name) != of]


def as_document(behind: Behind, plan: Plan, kpi: str) -> dict[str, Any]:
    """The entities behind a value, for programs: money in units, durations in seconds."""
    unit = plan.catalogue.kpis[kpi].unit
    scale = {"currency": 10**6, "seconds": 10**3, "quantity": 10**3, "score": 10**6}.get(unit, 1)

    def number(one: Contribution) -> float:
        return one.number / scale if scale != 1 else one.number

    named = [
        {"party": one.party, "entity": one.entity, "value": number(one), "denominator": one.denominator,
         "time": rfc3339(one.at_ms)}
        for one in behind.entities
    ]  # fmt: skip
    return {"total": behind.total, "parties": behind.parties, "order": behind.order, "named": named}


def entities_text(found: Mapping[str, Any], unit: str) -> str:
    """The entities behind a value as text of at most 80 columns."""
    named = found["named"]
    total, parties = found["total"], found["parties"]
    many = f"{total:,} {'entity' if total == 1 else 'entities'} of {parties:,} {'party' if parties == 1 else 'parties'}"
    head = f"{many} {'is' if total == 1 else 'are'} behind it, the {found['order']} first:"
    rows = (
        (one["party"], one["entity"] or _WHOLE, people(one["value"], unit if unit != "ratio" else "count"),
         f"{one['denominator']:,}", one["time"][:19].replace("T", " "))
        for one in named
    )  # fmt: skip
    return f"{head}\n" + table_of(("Party", "Entity", "Adds", "Of", "Time"), rows, numbers=("Adds", "Of"))


def rows_of(receipt: dict[str, Any]) -> list[Row]:
    """A receipt as rows of a table, from its JSON."""
    rows: list[Row] = [
        {"section": "value", "name": name, "value": receipt[name]}
        for name in ("kpi", "window", "by", "group", "from", "to", "kpi_now", "value", "unit", "samples", "numerator",
                     "denominator", "state", "reason", "formula", "worked", "version", "hash", "target")
    ]  # fmt: skip
    rows += [
        {"section": "figure", "name": f["reading"], "value": f["number"], "what": f["counts"]}
        for f in receipt["figures"]
    ]
    rows += [
        {"section": "part", "name": p["kpi"], "value": p["value"], "samples": p["samples"], "what": p["state"]}
        for p in receipt["parts"]
    ]
    rows += [
        {"section": "excluded", "name": e["reason"], "value": e["number"], "by": e["of"], "what": e["why"]}
        for e in receipt["exclusions"]
    ]
    for by, some in receipt["contributors"].items():
        rows += [{"section": "contributor", "by": by, "name": one["group"], **one} for one in some]
    change = receipt["change"] or {"effects": {}}
    if "change" in change:
        rows.append({"section": "change", "name": f"since {change['from']}", "value": change["change"]})
    for by, some in change["effects"].items():
        rows += [{"section": "effect", "by": by, "name": e["group"], "value": e["rate"] + e["mix"], **e} for e in some]
    return rows
