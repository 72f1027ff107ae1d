"""What more KPIs and more windows cost, and what parties and cells take: ratios of one run, without Kafka."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.process import ROOT, BenchmarkError, pinned
from benchmarks.systems.bench import python
from stream_kpis.kpis.schema import PERIODS, ROLLING

MAIN = (
    "leads_new", "lead_conversion_rate", "lead_conversion_flow_ratio", "lead_response_time", "deals_won",
    "deal_win_rate", "avg_deal_value", "sales_cycle_time", "orders", "revenue_net", "average_order_value",
    "purchase_frequency", "repeat_purchase_rate", "active_customers", "churn_rate", "churned_customers",
    "churn_events", "retention_rate", "first_response_time", "first_response_time_live", "unanswered_over_target",
    "resolution_time_first", "tickets_open", "csat_ratio", "csat_mean", "survey_response_rate", "nps",
)  # fmt: skip
"""The KPIs of the first table of docs/definitions.md."""
_NO_WINDOWS = frozenset({
    "lead_conversion_rate", "active_customers", "unanswered_over_target", "tickets_open", "survey_response_rate",
})  # fmt: skip
"""Those of them that have windows of their own kind: cohorts, and what stands now."""
_TWELVE = (*ROLLING, *PERIODS, "all")


def ratios(events: int, core: int, folder: Path) -> Iterator[str]:
    """Measures one catalogue after the other, and says a line per ratio.

    Args:
        events: how many each gets.
        core: where they run.
        folder: for their settings.

    Raises:
        BenchmarkError: one did not come to its end.
    """
    whole = _measured("whole", {}, events, core, folder)
    main = _measured("main", {"only": list(MAIN)}, events, core, folder)
    one, twelve = (
        _measured(f"windows-{len(windows)}", _with_windows(windows), events, core, folder)
        for windows in (("all",), _TWELVE)
    )
    yield _line("whole catalogue / its first 27 KPIs, worker", whole["worker_us"], main["worker_us"], "at most 2.5")
    yield _line("12 windows / 1 window per KPI, worker", twelve["worker_us"], one["worker_us"], "about 1")
    yield _line("12 windows / 1 window per KPI, exporter", twelve["exporter_us"], one["exporter_us"], "no goal")
    yield f"memory: {whole['bytes_per_party']:,.0f} bytes per party in a worker ({whole['parties']:,} parties)"
    per_million, cells = whole["mb_per_million_cells"], whole["cells"]
    yield f"memory: {per_million:,.0f} MB per million cells in an exporter ({cells:,} cells)"


def _line(what: str, over: float, under: float, goal: str) -> str:
    return f"{what}: {over:.1f} / {under:.1f} us per event = {over / under:.2f} ({goal})"


def _with_windows(windows: Sequence[str]) -> dict[str, Any]:
    names = [name for name in MAIN if name not in _NO_WINDOWS]
    return {"only": names, "override": {"kpis": {name: {"windows": list(windows)} for name in names}}}


def _measured(name: str, own: dict[str, Any], events: int, core: int, folder: Path) -> dict[str, Any]:
    catalogue, settings = folder / f"{name}.yaml", folder / f"{name}-settings.yaml"
    catalogue.write_text(json.dumps(own))
    settings.write_text(json.dumps({"catalogue": [str(catalogue)]}))
    with pinned(core):
        ended = subprocess.run(
            python("shard", str(settings), str(events)), cwd=ROOT, capture_output=True, text=True, check=False
        )
    if ended.returncode:
        last = (ended.stderr.strip() or "it said nothing").splitlines()[-1]
        raise BenchmarkError(f"{name} ended with code {ended.returncode}: {last[:200]}")
    return dict(json.loads(ended.stdout))
