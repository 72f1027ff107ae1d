"""Proofs for people: a table per KPI, and the first difference with whom it is about."""

import orjson
from rich.console import Console
from rich.table import Table

from stream_kpis.proof.verify import Proof

OK_SHARE = 0.9
_SHOWN = 10
_BEHIND = 5


def as_json(proof: Proof, seed: int) -> str:
    """The report as one line of JSON."""
    report = proof.report
    kpis = [
        {"kpi": t.kpi, "compared": t.compared, "absent": t.absent, "different": t.different} for t in report.tallies
    ]
    differences = [str(difference) for difference in report.differences[:_SHOWN]]
    return orjson.dumps({"seed": seed, "compared": report.compared, "kpis": kpis, "differences": differences}).decode()


def print_report(proof: Proof, *, details: bool = True) -> int:
    """Prints what was compared; returns the exit code: 0 if all is equal and enough was compared, else 1."""
    console, report = Console(highlight=False), proof.report
    if details:
        table = Table("KPI", box=None, header_style="bold")
        for column in ("compared", "absent", "different", "ok with >= 30"):
            table.add_column(column, justify="right")
        for tally in sorted(report.tallies):
            counts = (f"{tally.compared:,}", f"{tally.absent:,}", f"{tally.different:,}", "yes" if tally.ok else "no")
            table.add_row(tally.kpi, *counts)
        console.print(table)
    for difference in report.differences[:_SHOWN]:
        console.print(f"DIFFERENT {difference}", style="red")
    if report.differences and (first := report.differences[0]).kpi != "/metrics":
        behind = proof.behind(first)
        console.print(f"  behind it, by the oracle, {len(behind)} entities; the first: {behind[:_BEHIND]}")
    ok = sum(tally.ok for tally in report.tallies)
    share = ok / len(report.tallies) if report.tallies else 0.0
    console.print(
        f"{report.compared:,} values compared, {len(report.differences)} different; "
        f"{ok} of {len(report.tallies)} KPIs have a window with enough samples"
    )
    return 0 if not report.differences and share >= OK_SHARE else 1
