"""What was measured, for people and for programs."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.events import different
from benchmarks.systems.bench import Run

_NOISY_SHARE = 0.05


class Row(NamedTuple):
    """One system doing one job: what was measured, or why nothing was."""

    job: str
    system: str
    run: Run | None
    reason: str = ""

    @property
    def events_per_s(self) -> float | None:
        """Events per second of wall time."""
        return self.run.events / self.run.wall_s if self.run else None


def as_json(row: Row) -> dict[str, Any]:
    """The row as `latest.json` has it."""
    run = row.run
    if run is None:
        measured = dict.fromkeys(("events_per_s", "cpu_s_per_million", "rss_mb"))
        return {"job": row.job, "system": row.system, **measured, "reason": row.reason}
    return {
        "job": row.job,
        "system": row.system,
        "events_per_s": round(run.events / run.wall_s),
        "cpu_s_per_million": round(run.cpu_s / run.events * 1e6, 2),
        "rss_mb": round(run.rss_mb),
        "events": run.events,
        "others_share_of_core": round(run.others_cpu_s / run.wall_s, 3),
        "totals_compared": len(run.totals),
        "totals_different": different(run.totals, run.expected),
    }


def write(rows: Sequence[Row], path: Path) -> None:
    """Writes all rows as a JSON list, one a line."""
    lines = ",\n".join("  " + json.dumps(as_json(row)) for row in rows)
    path.write_text(f"[\n{lines}\n]\n", "utf-8")


def right(row: Row) -> bool:
    """Whether a system was measured, and counted what there is to count."""
    return row.run is not None and not different(row.run.totals, row.run.expected)


def show(rows: Sequence[Row], console: Console) -> None:
    """Prints the table, how the worker compares, and what to doubt."""
    table = Table("job", "system", box=None, header_style="bold")
    for column in ("events", "events/s", "CPU s per million", "peak RSS MB", "others on its core", "totals"):
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(row.job, row.system, *_cells(row))
    console.print(table)
    for line in (*_comparisons(rows), *_doubts(rows)):
        console.print(line)


def _cells(row: Row) -> list[str]:
    run = row.run
    if run is None:
        return ["-"] * 6
    wrong = different(run.totals, run.expected)
    return [
        f"{run.events:,}",
        f"{run.events / run.wall_s:,.0f}",
        f"{run.cpu_s / run.events * 1e6:.1f}",
        f"{run.rss_mb:,.0f}",
        f"{run.others_cpu_s / run.wall_s:.1%}",
        ("DIFFERENT" if wrong else f"{len(run.totals)} equal") if run.totals else "-",
    ]


def _comparisons(rows: Sequence[Row]) -> list[str]:
    rates = {row.system: rate for row in rows if row.job == "W1" and (rate := row.events_per_s)}
    ours = rates.pop("stream-kpis", None)
    if ours is None:
        return []
    return [f"W1: stream-kpis does {ours / rate:.2f} times the events of {system}" for system, rate in rates.items()]


def _doubts(rows: Sequence[Row]) -> list[str]:
    lines = [f"{row.job} {row.system}: not measured: {row.reason}" for row in rows if row.run is None]
    for row in rows:
        if row.run:
            lines += [f"{row.job} {row.system}: WRONG: {line}" for line in different(row.run.totals, row.run.expected)]
            share = row.run.others_cpu_s / row.run.wall_s
            if share > _NOISY_SHARE:
                lines.append(f"{row.job} {row.system}: others took {share:.0%} of its core: measure again")
    return lines
