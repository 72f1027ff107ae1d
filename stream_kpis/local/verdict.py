"""Proofs for people: a table per KPI, and the first difference with whom it is about."""

from enum import StrEnum
from math import ceil

import orjson
from rich.console import Console
from rich.table import Table

from stream_kpis.proof.compare import Report
from stream_kpis.proof.verify import Proof

OK_SHARE = 0.9
"""Of the KPIs, how many must have a window with enough samples for a comparison to say something of the catalogue."""
_SHOWN = 10
_BEHIND = 5


class Verdict(StrEnum):
    """What came of a comparison, value by value."""

    EQUAL = "equal"
    DIFFERENT = "different"
    NOTHING = "nothing compared"


def verdict(report: Report) -> Verdict:
    """Whether engine and oracle agree; how many samples are behind the values is another question."""
    if report.differences:
        return Verdict.DIFFERENT
    return Verdict.EQUAL if report.compared else Verdict.NOTHING


def enough(report: Report) -> bool:
    """Whether so many KPIs have a window with enough samples that agreement says something of the catalogue."""
    return _with_samples(report) >= _needed(report)


def told(report: Report) -> str:
    """The verdict for people: that few samples are behind it is said, and makes nothing different."""
    match verdict(report):
        case Verdict.NOTHING:
            return "nothing compared: the oracle knows the built-in KPIs alone"
        case Verdict.DIFFERENT:
            return "DIFFERENT"
    if enough(report):
        return "equal"
    counted = f"{_with_samples(report)} of {len(report.tallies)} KPIs have enough, {_needed(report)} should"
    return f"equal, but too few samples: {counted}; give more --events"


def _with_samples(report: Report) -> int:
    return sum(tally.ok for tally in report.tallies)


def _needed(report: Report) -> int:
    return ceil(OK_SHARE * len(report.tallies))


def as_json(proof: Proof, seed: int) -> str:
    """The report as one line of JSON."""
    report = proof.report
    kpis = [
        {"kpi": t.kpi, "compared": t.compared, "absent": t.absent, "different": t.different, "samples": t.samples}
        for t in report.tallies
    ]
    differences = [str(difference) for difference in report.differences[:_SHOWN]]
    line = {
        "seed": seed,
        "verdict": verdict(report),
        "compared": report.compared,
        "kpis_with_samples": _with_samples(report),
        "kpis": kpis,
        "operators": [tally._asdict() for tally in report.operators],
        "differences": differences,
        "unproved": proof.unproved,
    }
    return orjson.dumps(line).decode()


def print_report(proof: Proof, *, every: bool) -> None:
    """Prints what was compared, the first differences, and whether enough samples are behind it.

    Args:
        proof: what came of it.
        every: whether all KPIs and operators have a line, or those alone that differ.
    """
    console, report = Console(highlight=False), proof.report
    if tallies := [tally for tally in sorted(report.tallies) if every or tally.different]:
        table = Table(box=None, header_style="bold")
        table.add_column("KPI", overflow="fold")  # names can be copied whole
        for column in ("compared", "absent", "different", "samples", "enough"):
            table.add_column(column, justify="right")
        for tally in tallies:
            counts = (tally.compared, tally.absent, tally.different, tally.samples)
            table.add_row(tally.kpi, *(f"{count:,}" for count in counts), "yes" if tally.ok else "no")
        console.print(table)
    for made in report.operators:
        if every or made.different:
            said = f"{made.compared:,} compared, {made.absent:,} absent, {made.different:,} different"
            console.print(f"{made.operator}: {said}")
    if proof.unproved:
        console.print(f"not compared, as the oracle does not know them: {', '.join(proof.unproved)}")
    for difference in report.differences[:_SHOWN]:
        console.print(f"DIFFERENT {difference}", style="red")
    if report.differences and (first := report.differences[0]).kpi != "/metrics" and not first.operator:
        behind = proof.behind(first)
        console.print(f"  behind it, by the oracle, {len(behind)} entities; the first: {behind[:_BEHIND]}")
    console.print(
        f"{report.compared:,} values and {report.operated:,} results of operators compared, "
        f"{len(report.differences)} different; "
        f"{_with_samples(report)} of {len(report.tallies)} KPIs have a window with enough samples"
    )
