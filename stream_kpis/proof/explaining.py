"""The command `explain`: the receipt of one value of a running exporter."""

import asyncio
from collections.abc import Mapping
from textwrap import fill
from typing import Any

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.tiles import round_up
from stream_kpis.events.history.document import printable
from stream_kpis.live.api import rfc3339
from stream_kpis.live.client import ask, url_of
from stream_kpis.live.contributions import Behind, Contribution, Lens
from stream_kpis.live.listing import Row, print_listing, table_of
from stream_kpis.live.pseudonyms import Pseudonyms
from stream_kpis.live.receipt import asked_group
from stream_kpis.live.snapshot import Value
from stream_kpis.live.tables import WIDTH, people
from stream_kpis.proof.exposed import ms_of
from stream_kpis.proof.prove import Finding, as_json, prove_exposed
from stream_kpis.settings import Settings
from stream_kpis.stream.control import plan_in_force
from stream_kpis.stream.logs import set_up_logging
from stream_kpis.stream.parties import holdings

COLUMNS = (
    *("section", "by", "name", "value", "samples", "share", "rate", "mix", "what"),
    *("party", "entity", "denominator", "time"),
)


def print_receipt(
    settings: Settings, *, kpi: str, window: str, group: str, entities: int, prove: bool, url: str | None,
    json_wanted: bool, as_csv: bool,
) -> int:  # fmt: skip
    """Prints the receipt of one value, the entities behind it and its proof; returns the exit code.

    Returns:
        1 if the proof finds a difference, else 0.

    Raises:
        ValueError: there is no such value; one line.
        RuntimeError: the exporter or Kafka does not answer, or the exporter has no values yet.
    """
    set_up_logging(settings.verbose)
    url = url or url_of(settings)
    receipt = ask(url, "/api/explain", [("kpi", kpi), ("window", window), *([("by", group)] if group else [])])
    text = receipt.pop("text")
    del receipt["provable"]
    rows = rows_of(receipt)
    if entities and receipt["composed"]:
        text += "\nNo entities are named: the value is composed. Its parts' receipts name theirs.\n"
    elif entities:
        value = value_of_receipt(receipt, *asked_group(group))
        receipt["entities"] = asyncio.run(_behind(settings, value, ms_of(receipt["kpi_now"]), entities))
        rows += [{"section": "entity", **one} for one in receipt["entities"]["named"]]
        text += "\n" + entities_text(receipt["entities"], receipt["unit"])
    found = asyncio.run(_prove(settings, url, receipt)) if prove else None
    if found is not None:
        receipt["proof"] = as_json(found)
        rows.append({"section": "proof", "name": "equal" if found.equal else "different", "what": found.text})
        text += f"\n{fill(printable(found.text), WIDTH)}\n"
    print_listing(COLUMNS, rows, receipt, lambda: text, as_json=json_wanted, as_csv=as_csv)
    return int(found is not None and not found.equal)


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
    scale = {"currency": 10**6, "seconds": 10**3, "score": 10**6}.get(unit, 1)

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
    head = f"{found['total']:,} entities of {found['parties']:,} parties are behind it, the {found['order']} first:"
    rows = (
        (one["party"], one["entity"], people(one["value"], unit if unit != "ratio" else "count"),
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
