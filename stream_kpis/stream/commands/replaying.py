"""The command `rules --replay`: the committed parties are read, and the alerts on KPIs watched over their past."""

import gc
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson
from rich.console import Console

from stream_kpis.engine.tiles import Calendar
from stream_kpis.kpis.durations import duration_ms
from stream_kpis.live.evaluate import GC_THRESHOLDS
from stream_kpis.live.model.pseudonyms import Pseudonyms
from stream_kpis.live.terminal.tables import WIDTH
from stream_kpis.monitoring.alerts import BUILT_IN, Rule, Whole, of_kpis, of_targets, read_alerts, read_health
from stream_kpis.monitoring.cost_table import lines_of, rows_of, table_of
from stream_kpis.monitoring.costs import Cost, Replay, check_proposed, instants
from stream_kpis.monitoring.rules import TIMING
from stream_kpis.plan import goals_of
from stream_kpis.settings import Settings
from stream_kpis.stream.commands.past import plan_of_parties, read_parties, telling
from stream_kpis.stream.logs import set_up_logging
from stream_kpis.stream.progress import reporting


def print_costs(
    settings: Settings,
    *,
    span_ms: int,
    step_ms: int,
    alerts: Sequence[Path],
    proposed: Mapping[str, float],
    as_json: bool,
) -> int:
    """Prints what alerts would have cost to standard output, what that is of to standard error; gives the exit code.

    Args:
        settings: of the deployment.
        span_ms: how far back from now.
        step_ms: how often conditions are evaluated.
        alerts: files of alerts beside the built-in ones.
        proposed: other thresholds, by alert.
        as_json: JSON instead of a table.

    Raises:
        CatalogueError: a file of alerts is wrong.
        ValueError: a name or a time is wrong, or archives are gone that it needs; one line.
        RuntimeError: Kafka does not answer, or the parties do not fit the catalogue; one line.
    """
    set_up_logging(settings.verbose)
    gc.set_threshold(*GC_THRESHOLDS)
    now_ms = time.time_ns() // 1_000_000
    steps = instants(now_ms - span_ms, now_ms, step_ms)
    replay = telling(settings, _watched(settings, steps, alerts, proposed))
    costs: list[Cost] = list(replay.costs(proposed))
    if not replay.weeks:
        raise ValueError("nothing happened before that: replay a longer time")
    not_replayed = sorted(read_health())
    if as_json:
        document = {
            "from_ms": replay.from_ms,
            "to_ms": steps[-1],
            "step_seconds": step_ms / 1000,
            "alerts": [*rows_of(costs, replay.weeks)],
            "not_replayed": not_replayed,
        }
        sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        console = Console()
        console.width = WIDTH
        console.print(table_of(costs, replay.weeks))
    for line in lines_of(replay.from_ms, steps[-1], step_ms, settings.zone, not_replayed):
        print(line, file=sys.stderr)  # noqa: T201 - the command's report
    return 0


async def _watched(
    settings: Settings, steps: Sequence[int], alerts: Sequence[Path], proposed: Mapping[str, float]
) -> Replay:
    """A replay that has been stepped through."""
    plan = await plan_of_parties(settings)
    calendar, names, goals = Calendar(settings.zone), Pseudonyms.of(settings), goals_of(settings, plan)
    whole = Whole(plan.catalogue.kpis, settings.currency, calendar, plan.calendars.versions, names)
    mine = read_alerts(alerts)
    rules: list[Rule] = [
        *of_kpis(read_alerts([BUILT_IN]) | mine, whole, mine), *of_targets(goals.targets, whole)
    ]  # fmt: skip
    check_proposed(proposed, rules)
    replay = Replay(plan, calendar, rules, steps, duration_ms(TIMING.keep), goals, names)
    read = await read_parties(settings, plan, lambda: replay.past, lambda _partition, _past: None)
    if read.lag.records:
        print(read.lag, file=sys.stderr)  # noqa: T201 - the command's report
    with reporting("steps", lambda: len(steps)) as report:
        for done in replay.steps():
            report(done, "steps", f"{done:,} of {len(steps):,} steps")
    return replay
