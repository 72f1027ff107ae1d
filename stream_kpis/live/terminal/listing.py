"""Lists for people and their tools: text, JSON, or CSV with declared columns."""

import csv
import io
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import orjson
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from stream_kpis.events.history.document import printable
from stream_kpis.live.terminal.tables import WIDTH

Row = Mapping[str, Any]


def print_listing(
    columns: Sequence[str], rows: Iterable[Row], document: Any, text: Callable[[], str], *, as_json: bool, as_csv: bool
) -> None:
    """Prints a list to standard output.

    Args:
        columns: of the CSV, in order.
        rows: of the CSV.
        document: what JSON shows.
        text: what people see otherwise, ending in a line feed.
        as_json: JSON; wins over CSV.
        as_csv: CSV.
    """
    if as_json:
        sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")
    elif as_csv:
        lines = io.StringIO()
        table = csv.DictWriter(lines, columns, extrasaction="ignore", lineterminator="\n", restval="")
        table.writeheader()
        table.writerows(rows)
        sys.stdout.write(lines.getvalue())
    else:
        sys.stdout.write(text())


def table_of(columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[str] = ()) -> str:
    """A table of at most 80 columns; those in ``numbers`` stand at the right."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for name in columns:
        table.add_column(name, justify="right" if name in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(printable, row))
    out = io.StringIO()
    console = Console(file=out, color_system=None)
    console.width = WIDTH
    console.print(table, markup=False)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"
