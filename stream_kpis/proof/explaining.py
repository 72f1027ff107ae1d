"""The command `explain`: the receipt of one value of a running exporter."""

from typing import Any

from stream_kpis.live.client import ask, reachable
from stream_kpis.live.listing import Row, print_listing
from stream_kpis.settings import Settings

COLUMNS = ("section", "by", "name", "value", "samples", "share", "rate", "mix", "what")


def print_receipt(
    settings: Settings, *, kpi: str, window: str, group: str, url: str | None, as_json: bool, as_csv: bool
) -> int:
    """Prints the receipt of one value; returns the exit code.

    Raises:
        ValueError: there is no such value; one line.
        ExporterError: the exporter does not answer, or has no values yet.
    """
    url = url or f"http://{reachable(settings.host)}:{settings.port}"
    receipt = ask(url, "/api/explain", [("kpi", kpi), ("window", window), *([("by", group)] if group else [])])
    text = receipt.pop("text")
    del receipt["provable"]
    print_listing(COLUMNS, rows_of(receipt), receipt, lambda: text, as_json=as_json, as_csv=as_csv)
    return 0


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
