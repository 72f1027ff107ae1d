"""KPIs from files: the same engine and read model as live, without Kafka."""

import gc
import sys
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from stream_kpis.engine.batch import Batch
from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.shard import Shard
from stream_kpis.engine.tiles import Calendar, iso, round_up
from stream_kpis.events.envelope import Reader, Record
from stream_kpis.events.history import Counts, History, Imported, read_mapping
from stream_kpis.live.api import Filter, Json, Views, chosen
from stream_kpis.live.asks import Ask, asks_of
from stream_kpis.live.read_model import ReadModel
from stream_kpis.live.snapshot import Value
from stream_kpis.live.tables import print_rows
from stream_kpis.plan import compile_plan
from stream_kpis.settings import Settings

_NEVER_SEALED_DAYS = 1_000_000
"""Files come whole, and what they correct may be as old as they are."""

_GC_THRESHOLDS = (50_000, 20, 100)
"""Large dictionaries make the collector the hidden cost: a third of all."""


class Answer(NamedTuple):
    """What was asked, and all values of the catalogue for it."""

    ask: Ask
    values: tuple[Value, ...]


class Evaluation(NamedTuple):
    """The answers in order of time, and the events that could not be used, by reason."""

    answers: tuple[Answer, ...]
    dead_letters: Counter[str]


def evaluate(
    plan: Plan, calendar: Calendar, reader: Reader, events: Iterable[Imported], asks: Sequence[Ask]
) -> Evaluation:
    """The values that the events make. To each answer only events before its ``to`` are known.

    Args:
        plan: the compiled catalogue.
        calendar: the business days.
        reader: reads the events.
        events: in any order; they are held in memory.
        asks: what to answer. Without any: all windows at the first multiple of 10 s after the last event.
    """
    known = sorted(events, key=attrgetter("time_ms"))
    asks = sorted(asks, key=attrgetter("to_ms")) or [_after(known)]
    shard, model = Shard(plan, 0, 1, reader, calendar, _NEVER_SEALED_DAYS), ReadModel(plan, calendar)
    answers: list[Answer] = []
    dead: Counter[str] = Counter()
    begin = 0
    for ask in asks:
        end = bisect_left(known, ask.to_ms, key=attrgetter("time_ms"))
        shard.advance(ask.to_ms)  # first, so that each fact goes at once to the tile of its age
        for batch in _batches(known[begin:end], shard.next):
            shard.apply(batch)
        flush = shard.take(ask.to_ms)
        model.apply(shard.partition, flush.cells)
        dead.update(letter.reason.value for letter in flush.dead_letters)
        found = model.snapshot(ask.to_ms).values if ask.from_ms is None else model.period(ask.from_ms, ask.to_ms)
        answers.append(Answer(ask, tuple(found)))
        begin = end
    return Evaluation(tuple(answers), dead)


def _after(events: Sequence[Imported]) -> Ask:
    to_ms = round_up(events[-1].time_ms + 1 if events else 1)
    return Ask(to_ms, None, iso(to_ms))


def _batches(events: Iterable[Imported], positions: dict[str, int]) -> list[Batch]:
    """One batch per topic; each record was made when its event happened."""
    by_topic: dict[str, list[Record]] = {}
    for event in events:
        records = by_topic.setdefault(event.topic, [])
        offset = positions.get(event.topic, 0) + len(records)
        records.append(Record(event.topic, 0, offset, event.time_ms, event.party.encode(), event.value))
    return [Batch(topic, 0, records[0].offset, records[-1].offset + 1, records) for topic, records in by_topic.items()]


def print_evaluation(
    settings: Settings,
    *,
    files: Sequence[Path],
    mapping: Path,
    instants: Sequence[str],
    periods: Sequence[str],
    since: str | None,
    until: str | None,
    kpis: Sequence[str],
    by: str | None,
    as_json: bool,
    as_csv: bool,
) -> int:
    """The command: values to standard output, what became of the rows to standard error. Returns the exit code.

    Raises:
        ValueError: a name, a time or the mapping is wrong; one line.
    """
    gc.set_threshold(*_GC_THRESHOLDS)
    plan, calendar, reader = compile_plan(settings), Calendar(settings.zone), Reader(settings.currency)
    wanted = chosen(plan.catalogue.kpis, kpis, by)
    asks = asks_of(calendar, instants, periods, since, until)
    history = History(files, read_mapping(mapping), reader)
    found = evaluate(plan, calendar, reader, history, asks)
    views = Views(plan.catalogue.kpis, settings.currency)
    rows = [row for answer in found.answers for row in _rows(answer, wanted, views)]
    document = {"values": rows, "input": _input(history.counts, found.dead_letters)}
    print_rows(rows, document, as_json=as_json, as_csv=as_csv, all_kpis=bool(kpis))
    for line in (*history.counts.lines(), *_dead_lines(found.dead_letters)):
        print(line, file=sys.stderr)  # noqa: T201 - the command's report
    return 0


def _rows(answer: Answer, wanted: Filter, views: Views) -> Iterable[Json]:
    name = answer.ask.name
    for value in wanted(answer.values):
        yield {"at": name, **views.value(value)} if answer.ask.from_ms is None else views.over(name, value)


def _input(counts: Counts, dead: Counter[str]) -> Json:
    return {
        "rows": counts.rows,
        "events": dict(sorted(counts.events.items())),
        "rows_without_event": {miss.value: tally.count for miss, tally in sorted(counts.rows_without_event.items())},
        "dead_letters": dict(sorted(dead.items())),
    }


def _dead_lines(dead: Counter[str]) -> list[str]:
    return [f"dead letters, {reason}: {count}" for reason, count in sorted(dead.items())]
