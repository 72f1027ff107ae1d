"""What every system gets, and what it gives back."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.events import Totals
from benchmarks.load import Loaded, Source
from benchmarks.process import ROOT, Cores, Measured, Reading
from stream_kpis.settings import Settings


class Bench(NamedTuple):
    """A broker with the events, and where to measure."""

    settings: Settings
    loaded: Loaded
    cores: Cores
    folder: Path
    """For logs and state."""


class Run(NamedTuple):
    """What was measured of one system."""

    events: int
    wall_s: float
    """From the first event it was given to the last one done."""
    cpu_s: float
    others_cpu_s: float
    """What others took of its core meanwhile."""
    rss_mb: float
    totals: Totals
    expected: Totals


def run_of(source: Source, first: Reading, last: Reading, totals: Totals) -> Run:
    """The run between two readings."""
    cpu_s = last.cpu_s - first.cpu_s
    others_cpu_s = max(last.core_s - first.core_s - cpu_s, 0.0)
    return Run(source.events, last.at_s - first.at_s, cpu_s, others_cpu_s, last.rss_mb, totals, source.totals)


def run_marked(bench: Bench, name: str, source: Source, command: Sequence[str], folder: Path = ROOT) -> Run:
    """Runs a program that marks its first event and its last, and then says its totals."""
    with Measured(command, bench.cores.measured, bench.folder / f"{name}.log", folder) as process:
        began = process.wait_for("first")
        first = process.read()._replace(at_s=began["at_s"])
        ended = process.wait_for("last")
        last = process.read()._replace(at_s=ended["at_s"])
        return run_of(source, first, last, process.wait_for("totals")["totals"])


def python(module: str, *arguments: str) -> list[str]:
    """The command line of a program in ``benchmarks.children``."""
    return [sys.executable, "-m", f"benchmarks.children.{module}", *arguments]
