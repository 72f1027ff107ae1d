"""What alerts would have cost, for people and their tools: a table that fits 80 columns, or JSON."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from stream_kpis.engine.tiles import iso
from stream_kpis.events.history.document import printable
from stream_kpis.live.terminal.tables import people
from stream_kpis.monitoring.alerts import in_words
from stream_kpis.monitoring.conditions import Condition
from stream_kpis.monitoring.costs import NIGHT, SHORT, SLOW_STEP_MS, Cost
from stream_kpis.monitoring.watching import name_of

Json = dict[str, Any]


def threshold(condition: Condition, than: float) -> str:
    """A threshold as people write it: in the KPI's unit, as a part of what was before, or as a multiple of the usual.

    Args:
        condition: whose.
        than: its number.
    """
    if condition.usual:
        return f"{than:g} times"
    if condition.reads == "change":
        return f"{than * 100:g} %"
    amount = in_words(condition.judged.kpi, than)
    return f"{amount} a day" if condition.reads in ("trend_lower", "trend_upper") else amount


def table_of(costs: Sequence[Cost], weeks: float) -> Table:
    """A row per alert, and one under it for another threshold.

    Args:
        costs: as :meth:`~stream_kpis.monitoring.costs.Replay.costs` gives them.
        weeks: how long was watched.
    """
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("Alert", overflow="fold")
    table.add_column("Severity", no_wrap=True)
    for name in ("Threshold", "Pages/week", "At night", "Median"):
        table.add_column(name, justify="right", no_wrap=True)
    for cost in costs:
        condition = cost.rule.condition
        assert condition is not None
        table.add_row(
            Text("  proposed", style="dim") if cost.proposed else Text(printable(name_of(cost.rule))),
            "" if cost.proposed else cost.rule.severity,
            threshold(condition, cost.than),
            f"{cost.pages / weeks:.2f}",
            f"{cost.at_night / weeks:.2f}",
            "-" if cost.median_ms is None else people(cost.median_ms / 1000, "seconds"),
        )
    return table


def rows_of(costs: Sequence[Cost], weeks: float) -> Iterator[Json]:
    """The same for programs; thresholds in the unit of `alerts.yaml`, times in seconds."""
    for cost in costs:
        condition = cost.rule.condition
        assert condition is not None
        judged = condition.judged
        yield {
            "alert": name_of(cost.rule),
            "kpi": judged.kpi_id,
            "window": judged.window,
            "by": dict(judged.group),
            "severity": cost.rule.severity,
            "owner": cost.rule.owner,
            "threshold": cost.than,
            "proposed": cost.proposed,
            "pages": cost.pages,
            "pages_at_night": cost.at_night,
            "pages_per_week": cost.pages / weeks,
            "pages_at_night_per_week": cost.at_night / weeks,
            "median_seconds": None if cost.median_ms is None else cost.median_ms / 1000,
        }


def lines_of(from_ms: int, to_ms: int, step_ms: int, zone: str, not_replayed: Sequence[str]) -> Iterator[str]:
    """What the figures are of, and what they leave out.

    Args:
        from_ms: the first instant that was watched.
        to_ms: the last one.
        step_ms: between the instants.
        zone: of the business days.
        not_replayed: the alerts that the parties say nothing of.
    """
    days = (to_ms - from_ms) / 86_400_000
    yield f"{iso(from_ms)} to {iso(to_ms)}, {days:.1f} days, as is known now: late events count at their own time"
    slow = f" ({', '.join(SHORT)}), every {people(max(step_ms, SLOW_STEP_MS) / 1000, 'seconds')} on longer ones"
    yield f"evaluated every {people(step_ms / 1000, 'seconds')} on short windows{slow}"
    yield f"night: from {NIGHT[0]:02}:00 to {NIGHT[1]:02}:00 in {zone}, by when a page begins"
    yield f"not replayed: {len(not_replayed)} alerts on the pipeline, of which the parties say nothing"
