"""The public data sets for tests: where they are, and what the engine says of them without Kafka."""

import csv
import json
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest

from stream_kpis.engine.tiles import Calendar
from stream_kpis.events.envelope import Reader
from stream_kpis.events.history import Counts, History, read_mapping
from stream_kpis.live.api import Views
from stream_kpis.live.asks import Ask
from stream_kpis.live.evaluate import evaluate
from stream_kpis.plan import compile_plan
from stream_kpis.settings import load

Row = dict[str, Any]
REPOSITORY = Path(__file__).parents[2]
MAPPINGS = REPOSITORY / "tests" / "data" / "mappings"
FILES = {
    "maven_crm": ("sales_pipeline.csv",),
    "cdnow": ("cdnow_sample.csv",),
    "ravenstack_subscriptions": ("ravenstack_subscriptions.csv",),
    "ravenstack": ("ravenstack_accounts.csv", "ravenstack_churn_events.csv", "ravenstack_support_tickets.csv"),
}
CALENDAR = Calendar()


def folder_of(name: str) -> Path:
    """The folder of a data set, or of expected values; skips the test if it is not there."""
    folder = Path(os.environ.get("STREAM_KPIS_DATA") or REPOSITORY.parent / "shared" / "data") / name
    if not folder.is_dir():
        pytest.skip(f"the public data set {name} is missing: set STREAM_KPIS_DATA to the folder that has it")
    return folder


def files_of(name: str) -> list[Path]:
    """The files of a data set."""
    return [folder_of(name.partition("_subscriptions")[0]) / file for file in FILES[name]]


def mapping_of(name: str) -> Path:
    """The mapping of a data set."""
    return MAPPINGS / f"{name}.yaml"


def table(name: str, file: str) -> list[dict[str, str]]:
    """A file of reference values."""
    with (folder_of(name) / file).open(newline="") as stream:
        return list(csv.DictReader(stream))


class Rows(NamedTuple):
    """Values as JSON shows them, by KPI, window or period, and group (empty for the total)."""

    found: dict[tuple[str, str, str], Row]
    counts: Counts

    def __call__(self, kpi: str, span: str = "all", group: str = "") -> Any:
        """The value of a KPI."""
        return self.row(kpi, span, group)["value"]

    def row(self, kpi: str, span: str = "all", group: str = "") -> Row:
        """All about a value."""
        return self.found[kpi, span, group]

    def over(self, period: str | None) -> dict[tuple[str, str, str], Row]:
        """The values over a period; without one, those of windows."""
        return {key: row for key, row in self.found.items() if row.get("period") == period}


def key_of(row: Row) -> tuple[str, str, str]:
    """Which value it is; groups as ``dimension=name``."""
    return row["kpi"], row.get("period") or row["window"], ",".join(f"{by}={name}" for by, name in row["by"].items())


@lru_cache(maxsize=8)
def _history(name: str, mapping: Path | None = None) -> tuple[list[Any], Counts]:
    history = History(files_of(name), read_mapping(mapping or mapping_of(name)))
    return list(history), history.counts


def counts_of(name: str) -> Counts:
    """What became of the rows of a data set."""
    return _history(name)[1]


def evaluated(name: str, asks: Sequence[Ask] = (), mapping: Path | None = None) -> Rows:
    """All values of a data set, by the engine alone; with several instants, those of the last.

    Args:
        name: of the data set.
        asks: instants and periods.
        mapping: another one than that of the data set.
    """
    events, counts = _history(name, mapping)
    plan = compile_plan(load(environment={}))
    evaluation = evaluate(plan, CALENDAR, Reader(), events, asks)
    assert not evaluation.dead_letters
    views = Views(plan.catalogue.kpis)
    rows = [
        views.value(value) if answer.ask.from_ms is None else views.over(answer.ask.name, value)
        for answer in evaluation.answers
        for value in answer.values
    ]
    return Rows({key_of(row): row for row in json.loads(orjson.dumps(rows))}, counts)
