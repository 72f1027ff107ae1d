"""Measures the systems one after another on this machine: `python -m benchmarks [--events N] [--systems A,B]`."""

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from benchmarks.events import samples, span_ms_max
from benchmarks.load import load
from benchmarks.process import ROOT, BenchmarkError, Cores, pinned
from benchmarks.ratios import ratios
from benchmarks.report import Row, right, show, write
from benchmarks.systems import SYSTEMS, System
from benchmarks.systems.bench import Bench
from stream_kpis.local.kafka import LocalKafka, LocalKafkaError
from stream_kpis.settings import Settings

PARTITIONS = 4
_FEW = 10
"""Naive Faust gets one event of so many."""

_BROKER_FLAGS = ("-Xmx1g", "-XX:TieredStopAtLevel=4")
"""The peak counts here, not the start."""


@click.command()
@click.option("--events", default=1_000_000, show_default=True, help=f"Events; naive Faust gets 1 of {_FEW}.")
@click.option("--systems", default=",".join(SYSTEMS), show_default=True, help="Which systems, separated by commas.")
@click.option("--ratio-events", default=200_000, show_default=True, help="Events for the ratios, each; 0 for none.")
@click.option("--output", default=ROOT / "benchmarks" / "latest.json", type=click.Path(dir_okay=False, path_type=Path))
def main(events: int, systems: str, ratio_events: int, output: Path) -> None:
    """Measures how many events a second one core carries; all systems get the same events from one broker."""
    chosen = [name for name in systems.split(",") if name]
    if unknown := sorted(set(chosen) - SYSTEMS.keys()):
        raise click.UsageError(f"no system {', '.join(unknown)}; there are {', '.join(SYSTEMS)}")
    console = Console(highlight=False, width=max(Console().width, 110))
    with tempfile.TemporaryDirectory(prefix="bench-", dir=_var()) as folder:
        wanted = [system for name in SYSTEMS if name in chosen for system in SYSTEMS[name]]
        rows = measure(events, wanted, Path(folder), console) if wanted else []
        if rows:
            show(rows, console)
        for line in ratios(ratio_events, Cores.choose().measured, Path(folder)) if ratio_events else ():
            console.print(line)
    if rows:
        write(rows, output)
    sys.exit(0 if all(map(right, rows)) else 1)


def _var() -> Path:
    folder = Settings().data_dir
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def measure(events: int, systems: Sequence[System], folder: Path, console: Console) -> list[Row]:
    """Starts a broker, loads the events and measures the systems, one after another."""
    cores = Cores.choose()
    broker = LocalKafka(folder / "kafka", progress=console.print, jvm_flags=_BROKER_FLAGS)
    try:
        with pinned(cores.broker):
            broker.start()
        settings = Settings(bootstrap=broker.bootstrap, partitions=PARTITIONS, replication=1)
        began = time.monotonic()
        start_ms = time.time_ns() // 1_000_000 - span_ms_max(events)
        loaded = asyncio.run(load(settings, samples(events, start_ms), max(events // _FEW, 1)))
        console.print(
            f"{events:,} events sent in {time.monotonic() - began:.0f} s; "
            f"broker on core {cores.broker}, systems on core {cores.measured}"
        )
        bench = Bench(settings, loaded, cores, folder)
        with pinned(cores.broker):  # this process polls; it must not do so on the measured core
            return [_measured(system, bench, console) for system in systems]
    finally:
        broker.stop()


def _measured(system: System, bench: Bench, console: Console) -> Row:
    began = time.monotonic()
    try:
        row = Row(system.job, system.name, system.run(bench))
    except (BenchmarkError, LocalKafkaError, OSError) as error:
        row = Row(system.job, system.name, None, " ".join(str(error).split()))
    console.print(f"{system.job} {system.name}: {time.monotonic() - began:.0f} s")
    return row


if __name__ == "__main__":
    main()
