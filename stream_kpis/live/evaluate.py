"""KPIs from files: the same engine and read model as live, without Kafka."""

import gc
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from stream_kpis.engine.batch import Batch, DeadLetter
from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.rekeying import hand_over
from stream_kpis.engine.shard import Shard
from stream_kpis.engine.tiles import Calendar, Edges, iso, round_up
from stream_kpis.events.envelope import Reader, Reason, Record
from stream_kpis.events.history import Counts, History, Imported, Tally, read_mapping, told
from stream_kpis.events.rates import Rates
from stream_kpis.events.types import LINKED
from stream_kpis.kpis.goals import NO_GOALS, Goals
from stream_kpis.live.api import Filter, Json, Views, chosen, rfc3339
from stream_kpis.live.asks import Ask, asks_of
from stream_kpis.live.model.pseudonyms import REAL, Pseudonyms
from stream_kpis.live.model.read_model import ReadModel
from stream_kpis.live.model.reckoning import GROUPS_MAX
from stream_kpis.live.model.snapshot import Result, Value
from stream_kpis.live.terminal.tables import print_rows
from stream_kpis.plan import compile_plan, goals_of, known_rates
from stream_kpis.settings import Settings

_NEVER_SEALED_DAYS = 1_000_000
"""Files come whole, and what they correct may be as old as they are."""

GC_THRESHOLDS = (50_000, 20, 100)
"""Large dictionaries make the collector the hidden cost: a third of all."""


_ADVICE: Mapping[str, str] = {
    Reason.NO_RATE.value: "; name a file that has these rates by --rates",
    Reason.IN_FUTURE.value: "; correct their times, or evaluate them when they have happened",
}
"""What to do about dead letters, by reason, where that is not plain."""


class Answer(NamedTuple):
    """What was asked, all values of the catalogue for it, and as of an instant what operators make of them.

    Of a period there are the KPIs that look further back than history over it, as known at its end.
    """

    ask: Ask
    values: tuple[Value, ...]
    results: tuple[Result, ...] = ()
    before_history: frozenset[str] = frozenset()


class Evaluation(NamedTuple):
    """The answers in order of time, and the events that could not be used: by reason, with the first of each."""

    answers: tuple[Answer, ...]
    dead_letters: dict[str, Tally]
    left_out: Callable[[str], dict[str, int]]
    """By grouping how many of its groups have no values, by KPI."""


def evaluate(
    plan: Plan,
    calendar: Calendar,
    reader: Reader,
    events: Iterable[Imported],
    asks: Sequence[Ask],
    goals: Goals = NO_GOALS,
    rates: Rates | None = None,
    names: Pseudonyms = REAL,
    horizon_ms: int | None = None,
) -> Evaluation:
    """The values that the events make. To each answer only events before its ``to`` are known.

    Args:
        plan: the compiled catalogue.
        calendar: the business days.
        reader: reads the events.
        events: in any order; they are held in memory.
        asks: what to answer. Without any: all windows at the first multiple of 10 s after the last event, if there is
            an event.
        goals: targets, quotas and the shares of experiments.
        rates: of the other currencies; what has none is a dead letter.
        names: how people are called.
        horizon_ms: events after it lie in the future, and are dead letters as they are in the stream; None if none
            can be.
    """
    dead: dict[str, Tally] = {}
    known = sorted(_happened(events, horizon_ms, dead), key=attrgetter("time_ms"))
    asks = sorted(asks, key=attrgetter("to_ms")) or [_after(event) for event in known[-1:]]
    shard = Shard(plan, 0, 1, reader, calendar, _NEVER_SEALED_DAYS, rates, 0)
    model = ReadModel(plan, calendar, goals=goals, names=names)
    answers: list[Answer] = []
    begin = 0
    for ask in asks:
        end = bisect_left(known, ask.to_ms, key=attrgetter("time_ms"))
        shard.advance(ask.to_ms)  # first, so that each fact goes at once to the tile of its age
        first = dict(shard.next)
        for batch in _batches(known[begin:end], first):
            shard.apply(batch)
        sending = True
        while sending:
            flush = shard.take(ask.to_ms)
            model.apply(shard.partition, flush.cells)
            _tally(dead, flush.dead_letters, known[begin:end], first)
            hand_over(flush.rekeyed, [shard])
            sending = bool(flush.rekeyed)
        answers.append(answered(model, ask))
        begin = end
    return Evaluation(tuple(answers), dead, model.left_out)


def answered(model: ReadModel, ask: Ask, kpis: Collection[str] = ()) -> Answer:
    """What a read model says that knows what happened before the end of what is asked.

    Args:
        model: the read model.
        ask: an instant or a period.
        kpis: those that matter; all if none is named. The answer may have others.
    """
    if ask.from_ms is None:
        snapshot = model.snapshot(ask.to_ms)
        return Answer(ask, snapshot.values, snapshot.results)
    values = tuple(model.period(ask.from_ms, ask.to_ms, kpis))
    shown = {value.kpi for value in values}
    return Answer(ask, values, (), model.before_history(shown, Edges(ask.from_ms, ask.to_ms)))


def _happened(events: Iterable[Imported], horizon_ms: int | None, dead: dict[str, Tally]) -> Iterable[Imported]:
    """The events up to the horizon; those after it are counted as dead letters, with the first of them."""
    for event in events:
        if horizon_ms is None or event.time_ms <= horizon_ms:
            yield event
        elif tally := dead.get(Reason.IN_FUTURE.value):
            tally.count += 1
        else:
            detail = f"{event.kind}: {rfc3339(event.time_ms)} lies in the future"
            dead[Reason.IN_FUTURE.value] = Tally(1, event.file, event.row, detail)


def _after(last: Imported) -> Ask:
    to_ms = round_up(last.time_ms + 1)
    return Ask(to_ms, None, iso(to_ms))


def _tally(
    tallies: dict[str, Tally], letters: Iterable[DeadLetter], events: Sequence[Imported], first: Mapping[str, int]
) -> None:
    """Counts dead letters; a reason that is new gets the row that the event came from.

    Args:
        tallies: by reason.
        letters: of a flush.
        events: that were applied before it, in the order of their topics' records.
        first: the position of the first record, by topic.
    """
    for letter in letters:
        if known := tallies.get(letter.reason.value):
            known.count += 1
            continue
        of_topic = (event for event in events if event.topic == letter.topic)
        event = next(islice(of_topic, letter.offset - first.get(letter.topic, 0), None), None)
        if event is None:  # a link, which is of no row
            tallies[letter.reason.value] = Tally(1, "", 0, f"{LINKED.name}: {letter.detail}")
        else:
            tallies[letter.reason.value] = Tally(1, event.file, event.row, f"{event.kind}: {letter.detail}")


def _batches(events: Iterable[Imported], positions: Mapping[str, int]) -> list[Batch]:
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
    """The command: values to standard output, what became of the rows to standard error.

    Returns:
        The exit code: 1 if every row was rejected.

    Raises:
        ValueError: a name, a time or the mapping is wrong; one line.
    """
    gc.set_threshold(*GC_THRESHOLDS)
    plan, calendar, reader = compile_plan(settings), Calendar(settings.zone), Reader(settings.currency)
    wanted = chosen(plan.catalogue.kpis, kpis, by)
    asks = asks_of(calendar, instants, periods, since, until)
    history = History(files, read_mapping(mapping), reader)
    goals, names = goals_of(settings, plan), Pseudonyms.of(settings)
    horizon_ms = time.time_ns() // 1_000_000 + reader.future_ms
    found = evaluate(plan, calendar, reader, history, asks, goals, known_rates(settings), names, horizon_ms)
    views = Views(plan.catalogue.kpis, settings.currency)
    rows = [row for answer in found.answers for row in rows_of(answer, wanted, views)]
    document = {"values": rows, "input": _input(history.counts, found.dead_letters)}
    print_rows(rows, document, as_json=as_json, as_csv=as_csv, all_kpis=bool(kpis))
    for line in (
        *_bounded(found, wanted),
        *history.absent(),
        *history.counts.lines(),
        *_dead_lines(found.dead_letters),
    ):
        print(line, file=sys.stderr)  # noqa: T201 - the command's report
    return int(history.counts.all_rejected)


def rows_of(answer: Answer, wanted: Filter, views: Views) -> Iterable[Json]:
    """An answer for people and programs: the values that are wanted, each with its instant or period."""
    name = answer.ask.name
    for value in wanted(answer.values):
        yield {"at": name, **views.value(value)} if answer.ask.from_ms is None else views.over(name, value)


def _input(counts: Counts, dead: Mapping[str, Tally]) -> Json:
    return {
        "rows": counts.rows,
        "events": dict(sorted(counts.events.items())),
        "rows_without_event": {miss.value: tally.count for miss, tally in sorted(counts.rows_without_event.items())},
        "dead_letters": {reason: tally.count for reason, tally in sorted(dead.items())},
    }


def _bounded(found: Evaluation, wanted: Filter) -> Iterable[str]:
    """That groups are missing, if some are: the rows of a grouping do not add up to the total then."""
    left_out = found.left_out(wanted.by or "")
    named = {kpi: count for kpi, count in left_out.items() if not wanted.kpis or kpi in wanted.kpis}
    if named:
        kpi = max(named, key=named.__getitem__)
        more = f" (and some of {len(named) - 1} more KPIs)" if len(named) > 1 else ""
        yield (
            f"{named[kpi]} groups of {kpi} by {wanted.by} are not shown{more}: {GROUPS_MAX} have values, those with the"
            " most days of facts; take a grouping of fewer groups, or files of some of them"
        )


def _dead_lines(dead: Mapping[str, Tally]) -> list[str]:
    return [f"dead letters, {reason}: {told(tally)}{_ADVICE.get(reason, '')}" for reason, tally in sorted(dead.items())]
