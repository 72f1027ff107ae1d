"""Values for people and their tools: a table that fits a terminal of 80 columns, JSON, or CSV.

A row is what :class:`stream_kpis.live.api.Views` makes of a value, with ``window`` or ``period`` and sometimes ``at``.
"""

import csv
import io
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from typing import Any, TextIO

import orjson
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stream_kpis.events.history.document import printable
from stream_kpis.live.model.reckoning import GROUPS_MAX

Row = dict[str, Any]
WIDTH = 80
_PERIOD_MAX = len("2026-03")
_KPI_AND_PERIOD_MAX = 38
"""Longer names of periods stand in a title; and where a KPI's name leaves them too little room."""
COLUMNS = (
    "kpi", "at", "window", "period", "from", "to", "by", "group", "value", "unit", "samples",
    "numerator", "denominator", "lower", "upper", "p50", "p90", "p99", "state", "operator", "against",
)  # fmt: skip
"""Of the CSV; numbers are in base units."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for the beginning of a formula."""
_BEFORE = {"previous": "as many days before", "year": "the year before"}
_DURATIONS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def print_rows(
    rows: Sequence[Row],
    document: Any,
    *,
    as_json: bool,
    as_csv: bool,
    all_kpis: bool = False,
    out: TextIO | None = None,
) -> None:
    """Prints values to standard output.

    Args:
        rows: the values.
        document: what JSON shows: the rows and what belongs to them.
        as_json: JSON; wins over CSV.
        as_csv: CSV.
        all_kpis: whether the table has KPIs without any data too.
        out: where to, if not standard output.
    """
    out = out or sys.stdout
    if as_json:
        out.write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")
    elif as_csv:
        out.write(csv_of(rows))
    else:
        console = Console(file=out)
        console.width = WIDTH
        for part in tables_of(rows, all_kpis=all_kpis):
            console.print(part)


def csv_of(rows: Iterable[Row], *, opened: bool = False) -> str:
    """The rows as CSV with a header; groups as ``by`` (dimensions) and ``group`` (their values), each with commas.

    Args:
        rows: the values.
        opened: whether a spreadsheet may open it: a group that would be a formula there gets a quote before it, and
            lines end as RFC 4180 has it.
    """
    text = io.StringIO(newline="")
    ending = "\r\n" if opened else "\n"
    table = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator=ending, restval="")
    table.writeheader()
    for row in rows:
        quantiles = row.get("quantiles", {})
        by: dict[str, str] = row["by"]
        group = ",".join(by.values())
        more = {"by": ",".join(by), "group": f"'{group}" if opened and group.startswith(_FORMULA) else group}
        table.writerow({**row, **more, **{f"p{float(q) * 100:.0f}": seconds for q, seconds in quantiles.items()}})
    return text.getvalue()


def tables_of(rows: Sequence[Row], *, all_kpis: bool = False) -> list[Table | Text]:
    """The rows as tables, and a line that names the KPIs without data that were left out.

    An instant has a table of its own, and so have periods if one has a long name; short ones stand in a column.
    """
    some = {row["kpi"] for row in rows if row["state"] not in ("no_data", "immature") or row["samples"]}
    shown = [row for row in rows if all_kpis or row["kpi"] in some]
    left_out = [kpi for kpi in dict.fromkeys(row["kpi"] for row in rows) if not all_kpis and kpi not in some]
    periods = {row["period"] for row in shown if "period" in row}
    room = min(_PERIOD_MAX, _KPI_AND_PERIOD_MAX - max((len(row["kpi"]) for row in shown), default=0))
    apart = any(len(period) > room for period in periods)

    def title(row: Row) -> str | None:
        when = f"As of {row['at']}" if "at" in row else f"Period {row['period']}" if apart else None
        if row.get("against"):
            change = f"hange against {_BEFORE[row['against']]}"
            return f"{when}: c{change}" if when else f"C{change}"
        return when

    parts: list[Table | Text] = [
        _table(list(group), heading, one_span=apart) for heading, group in groupby(shown, title)
    ]
    if left_out:
        parts.append(Text(f"Without data: {', '.join(left_out)}", style="dim"))
    if full := _full(shown):
        many = f"{GROUPS_MAX} groups have values, and there may be more of {', '.join(full)}: they do not add up then."
        parts.append(Text(many, style="dim"))
    if not rows:
        parts.append(Text("No values."))
    return parts


def _full(rows: Iterable[Row]) -> list[str]:
    """The KPIs of which as many groups are there as have values, of one grouping over one span."""
    groups = Counter((row["kpi"], row.get("at"), row.get("window"), row.get("period"), *row["by"]) for row in rows)
    return list(dict.fromkeys(kpi for (kpi, *_), count in groups.items() if count >= GROUPS_MAX))


def _table(rows: list[Row], title: str | None, *, one_span: bool) -> Table:
    spans = "Period" if "period" in rows[0] else "Window"
    grouped = any(row["by"] for row in rows)
    table = Table(title=title, box=SIMPLE_HEAD, title_justify="left", pad_edge=False, collapse_padding=True)
    table.add_column("KPI", overflow="fold")
    if not one_span:
        table.add_column(spans, no_wrap=True)
    for name in ("Value", "Samples"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("State", no_wrap=True)
    kpis = list(dict.fromkeys(row["kpi"] for row in rows))
    before: tuple[str, str] | None = None
    for row in sorted(rows, key=lambda row: (kpis.index(row["kpi"]), ",".join(row["by"]), tuple(row["by"].values()))):
        kpi, group = row["kpi"], ", ".join(row["by"].values())
        if grouped and (before is None or before[0] != kpi):
            table.add_row(Text(kpi, style="bold"))
        label = printable(f"  {group or 'total'}" if grouped else kpi)
        table.add_row(
            Text("" if before == (kpi, group) else label),
            *([] if one_span else [row.get("period") or row["window"]]),
            "-" if row["state"] == "no_data" else _value(row),
            f"{row['samples']:,}",
            Text("" if row["state"] == "ok" else row["state"].replace("_", " "), style="yellow"),
        )
        before = kpi, group
    return table


def _value(row: Row) -> str:
    if row.get("operator") == "change" and row["value"] is not None:
        return moved_by(row["value"], str(row.get("of_unit") or row["unit"]))
    return people(row["value"], row["unit"])


def moved_by(change: float, unit: str) -> str:
    """A change as people write it: of ratios in points, of anything else in percent.

    >>> moved_by(0.0907, "ratio"), moved_by(-0.5, "count")
    ('+9.07 pp', '-50.00 %')
    """
    return f"{change * 100:+,.2f} {'pp' if unit == 'ratio' else '%'}"


def people(value: float | None, unit: str) -> str:
    """A value as people write it.

    Args:
        value: in the KPI's unit.
        unit: ``count``, ``ratio``, ``seconds``, ``score``, a currency, ``USD/s``, shown per day, ``1/s``, per year.

    >>> people(0.6315, "ratio"), people(4238, "count"), people(5316.0, "seconds"), people(2360.909, "USD")
    ('63.15 %', '4,238', '1 h 29 min', '2,360.91 USD')
    >>> people(1200.0, "quantity"), people(1.25, "quantity")
    ('1,200', '1.25')
    >>> people(0.001, "USD/s"), people(1e-8, "1/s")
    ('86.40 USD/d', '0.315 /y')
    """
    if value is None:
        return "-"
    match unit:
        case "ratio":
            return f"{value * 100:.2f} %"
        case "seconds":
            return _duration(value)
        case "count":
            return f"{value:,}" if value == int(value) and isinstance(value, int) else f"{value:,.3f}"
        case "quantity" | "score":
            return f"{value:.3f}" if unit == "score" else f"{value:,.3f}".rstrip("0").rstrip(".")
        case _:
            return _amount(value, unit)


def _amount(value: float, unit: str) -> str:
    if unit == "1/s":
        return f"{value * 365 * 86400:,.3f} /y"
    return f"{value * 86400:,.2f} {unit[:-2]}/d" if unit.endswith("/s") else f"{value:,.2f} {unit}"


def _duration(seconds: float) -> str:
    """Two units, rounded.

    >>> _duration(0.25), _duration(59.6), _duration(86_399.9), _duration(4_924_800)
    ('0.250 s', '1 min', '1 d', '57 d')
    """
    if seconds < 10:
        return f"{seconds:.3f} s"
    for (size, name), (part, part_name) in pairwise(_DURATIONS):
        parts = round(seconds / part)
        if parts * part >= size:
            whole, rest = divmod(parts, size // part)
            return f"{whole} {name} {rest} {part_name}" if rest else f"{whole} {name}"
    return f"{seconds:.1f} s"
