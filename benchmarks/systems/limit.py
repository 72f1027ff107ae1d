"""Fetching and decoding alone."""

from benchmarks.systems.bench import Bench, Run, python, run_marked


def run(bench: Bench) -> Run:
    """Reads every event once."""
    source = bench.loaded.every
    settings = bench.settings
    command = python("limit", settings.bootstrap, source.topic, str(source.events), str(settings.partitions))
    return run_marked(bench, "limit", source, command)
