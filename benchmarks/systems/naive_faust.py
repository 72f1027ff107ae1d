"""Faust as its documentation shows it."""

import asyncio

from benchmarks.load import make_topics
from benchmarks.systems.bench import Bench, Run, python, run_marked

_TABLES = (
    "lead-times", "ticket-times", "last-minutes", "active", "leads", "matched-orders", "revenue", "responses",
    "response-s", "signed", "churned", "response-buckets",
)  # fmt: skip


def run(bench: Bench) -> Run:
    """W1 over a few of the events: it takes 1.5 ms for each."""
    # Faust makes its changelogs by itself, and fails if the broker is not quick to tell it of them.
    asyncio.run(make_topics([f"naive-faust-{table}-changelog" for table in _TABLES], bench.settings))
    source, folder = bench.loaded.few, bench.folder / "naive-faust"
    command = python("naive_faust", bench.settings.bootstrap, source.topic, str(source.events), str(folder))
    return run_marked(bench, "naive-faust", source, command)
