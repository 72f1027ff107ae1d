"""Faust as its documentation shows it."""

from benchmarks.systems.bench import Bench, Run, python, run_marked


def run(bench: Bench) -> Run:
    """W1 over a few of the events: it takes 1.5 ms for each."""
    source, folder = bench.loaded.few, bench.folder / "naive-faust"
    command = python("naive_faust", bench.settings.bootstrap, source.topic, str(source.events), str(folder))
    return run_marked(bench, "naive-faust", source, command)
