"""The command `kpis` as of the past: the committed parties are read and replayed, one partition after the other."""

import asyncio
import contextlib
import gc
import sys
import time
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from stream_kpis.engine.batch import Header
from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.definitions import DefinitionsChanged, check
from stream_kpis.engine.past import Past
from stream_kpis.engine.tiles import Calendar
from stream_kpis.kpis.schema import Kpi
from stream_kpis.live.api import Filter, Json, Views, check_comparison, chosen, over_period
from stream_kpis.live.asks import Ask, asks_of, no_window
from stream_kpis.live.evaluate import GC_THRESHOLDS, Answer, rows_of
from stream_kpis.live.model.pseudonyms import Pseudonyms
from stream_kpis.live.past import PastValues, before, changes, stale, until_now
from stream_kpis.live.terminal.tables import print_rows
from stream_kpis.plan import goals_of
from stream_kpis.settings import Settings
from stream_kpis.stream.changelog import committed, read_to_ends
from stream_kpis.stream.commands.cuts import Logs, all_written
from stream_kpis.stream.commands.lag import Lag, headers_at_ends
from stream_kpis.stream.control import plan_without
from stream_kpis.stream.failure import StreamError, kafka_line
from stream_kpis.stream.logs import set_up_logging
from stream_kpis.stream.progress import Report, reporting
from stream_kpis.stream.topics import Names, survey

T = TypeVar("T")
_NOTHING = "no shard has written anything yet: start one with stream-kpis worker, or set app and prefix as it has them"


class _Wanted(NamedTuple):
    """What is to be answered."""

    asks: Sequence[Ask]
    kpis: Sequence[str]
    by: str | None
    windows: Sequence[str]
    against: str | None


class _Told(NamedTuple):
    """What the parties say."""

    plan: Plan
    wanted: Filter
    answers: Sequence[Answer]
    """Stale, if shards lag."""
    read: Json
    lag: Lag


def print_past(
    settings: Settings,
    *,
    kpis: Sequence[str],
    by: str | None,
    windows: Sequence[str],
    instants: Sequence[str],
    period: str | None,
    since: str | None,
    until: str | None,
    against: str | None,
    as_json: bool,
    as_csv: bool,
) -> int:
    """Prints values as of the past to standard output, what was read to standard error; returns the exit code.

    Raises:
        ValueError: a name or a time is wrong, or archives are gone that it needs; one line.
        RuntimeError: Kafka does not answer, or the parties do not fit the catalogue; one line.
    """
    if period and (since or until):
        raise ValueError("--period excludes --from and --to: give it, or both of them")
    set_up_logging(settings.verbose)
    gc.set_threshold(*GC_THRESHOLDS)
    calendar, now_ms = Calendar(settings.zone), time.time_ns() // 1_000_000
    asks = asks_of(calendar, instants, [period] if period else (), since, until)
    over_days = asks[0].from_ms is not None
    if over_days and windows:
        raise ValueError("windows and periods do not go together: give --window, or a period")
    if over_days and against:
        asks = [*before(asks[0], against, calendar, now_ms)]
    asks = until_now(asks, now_ms)
    told = _told(settings, calendar, _Wanted(asks, kpis, by, windows, against))
    views = Views(told.plan.catalogue.kpis, settings.currency)
    shown = [answer for answer in told.answers if not (over_days and against) or answer.ask == asks[0]]
    rows = [row for answer in shown for row in rows_of(answer, told.wanted, views)]
    document: Json = {"values": rows, "read": told.read}
    if against:
        more = _changes(told, against, views, over=asks if over_days else ())
        document, rows = {"values": rows, "operators": more, "read": told.read}, rows + more
    print_rows(rows, document, as_json=as_json, as_csv=as_csv, all_kpis=bool(kpis))
    for line in _lines(told):
        print(line, file=sys.stderr)  # noqa: T201 - the command's report
    return 0


def _changes(told: _Told, against: str, views: Views, over: Sequence[Ask]) -> list[Json]:
    """The changes as rows: over a period and the one before, or those that operators make as of instants."""
    if not over:
        return [
            {"at": answer.ask.name, **views.result(result)}
            for answer in told.answers
            for result in told.wanted(answer.results)
            if (result.operator, result.against) == ("change", against)
        ]
    now, was = (next(answer for answer in told.answers if answer.ask == ask) for ask in over)
    found = changes(now, was, against, told.plan.catalogue.kpis)
    return [over_period(result.window, views.result(result)) for result in told.wanted(found)]


def _told(settings: Settings, calendar: Calendar, wanted: _Wanted) -> _Told:
    return telling(settings, _read(settings, calendar, wanted))


def telling(settings: Settings, reading: Coroutine[Any, Any, T]) -> T:
    """What a reading of the parties gives.

    Raises:
        RuntimeError: Kafka does not answer, a flush does not end, or the parties do not fit the catalogue; one line.
    """
    try:
        return asyncio.run(reading)
    except KafkaError as error:
        raise RuntimeError(kafka_line(settings.bootstrap, error)) from error
    except StreamError as error:
        raise RuntimeError(str(error)) from error
    except DefinitionsChanged as error:
        raise RuntimeError(f"the past cannot be told with this catalogue: {error}") from error


async def _read(settings: Settings, calendar: Calendar, wanted: _Wanted) -> _Told:
    plan = await plan_of_parties(settings)
    which = chosen(plan.catalogue.kpis, wanted.kpis, wanted.by, wanted.windows)
    _check(wanted, plan.catalogue.kpis)
    values = PastValues(plan, calendar, wanted.asks, wanted.kpis, goals_of(settings, plan), Pseudonyms.of(settings))
    records, lag, _ = await read_parties(settings, plan, values.partition, values.add)
    read = {
        "partitions": settings.partitions, "records": records, "scopes": values.scopes, "events": values.events,
        "parked": values.parked, "lag": lag.records,
    }  # fmt: skip
    answers = [stale(answer) if lag.records else answer for answer in values.answers()]
    return _Told(plan, which, answers, read, lag)


async def plan_of_parties(settings: Settings) -> Plan:
    """The plan, where there are parties.

    Raises:
        KafkaError: no broker answers, or it refuses.
        RuntimeError: no shard has written anything yet; one line.
    """
    names, missing = Names.of(settings), (await survey(settings)).missing
    if {names.parties, names.cells} & set(missing):
        raise RuntimeError(_NOTHING)
    return await plan_without(missing, settings)


class Parties(NamedTuple):
    """What was read of the parties."""

    records: int
    lag: Lag
    headers: Mapping[int, Header]
    """How far each shard had read the topics, by partition."""


async def read_parties(
    settings: Settings,
    plan: Plan,
    begin: Callable[[], Past],
    end: Callable[[int, Past], None],
    *,
    at_flushes: bool = False,
) -> Parties:
    """Reads the committed parties, one partition after the other.

    Args:
        settings: of the deployment.
        plan: the compiled catalogue.
        begin: what takes the records of the next partition.
        end: told when it has them all.
        at_flushes: whether each partition is read exactly as of its header, which takes longer.

    Raises:
        DefinitionsChanged: the parties do not fit the plan.
        KafkaError: no broker answers, or it refuses.
        RuntimeError: no shard has written anything yet; one line.
        StreamError: a flush does not end.
    """
    names, records = Names.of(settings), 0
    async with (
        committed(settings, fetch_max_wait_ms=50) as kafka,
        all_written(settings) if at_flushes else contextlib.nullcontext() as written,
    ):
        headers, lag = await headers_at_ends(kafka, settings)
        _check_definitions(headers.values(), settings, plan)
        with reporting("parties", lambda: settings.partitions) as report:
            for partition in range(settings.partitions):
                past = begin()
                cut = await Logs(kafka, written).cut(names, partition) if at_flushes else None
                if cut is not None:
                    headers[partition] = cut.header
                async for some in (
                    read_to_ends(kafka, [TopicPartition(names.parties, partition)])
                    if cut is None
                    else _once(cut.parties)
                ):
                    for record in some:
                        past.take(record.key, record.value)
                    records += len(some)
                    _tell(report, partition, settings.partitions, records)
                end(partition, past)
                _tell(report, partition + 1, settings.partitions, records)
    return Parties(records, lag, headers)


async def _once(records: list[Any]) -> AsyncIterator[list[Any]]:
    yield records


def _check(wanted: _Wanted, kpis: Mapping[str, Kpi]) -> None:
    """Refuses a window that none of the KPIs has, and what no operator compares.

    Raises:
        ValueError: one line that says what there is.
    """
    there_are = dict.fromkeys(window for name in wanted.kpis or kpis for window in kpis[name].windows)
    for window in wanted.windows:
        if window not in there_are:
            raise ValueError(no_window(window, wanted.kpis, there_are))
    if wanted.against and wanted.asks[0].from_ms is None:
        check_comparison(wanted.against, kpis, wanted.kpis)


def _check_definitions(headers: Collection[Header], settings: Settings, plan: Plan) -> None:
    """Refuses a catalogue that the parties do not hold all events of, as a worker does.

    Raises:
        DefinitionsChanged: a journey did not run before, or the zone or currency is another one.
        RuntimeError: no shard has written anything yet.
    """
    now = {**plan.definitions, "zone": settings.zone, "currency": settings.currency}
    if not headers:
        raise RuntimeError(_NOTHING)
    for header in headers:
        check(header.definitions, now, plan.journeys, "party_active" in plan.actions, lambda _: False)


def _tell(report: Report, done: int, partitions: int, records: int) -> None:
    report(done, f"partitions, {records:,} records", f"{done} of {partitions} partitions, {records:,} records so far")


def _lines(told: _Told) -> Iterator[str]:
    read = told.read
    yield f"read {read['partitions']} partitions of the parties: {read['scopes']:,} scopes, {read['events']:,} events"
    if read["parked"]:
        yield f"{read['parked']:,} events wait for the rate of their currency: they are in no value"
    if told.lag.records:
        yield str(told.lag)
