"""History to Kafka: the events of files, in the order of their rows, as if their systems sent them now."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from aiokafka.errors import KafkaError

from stream_kpis.events.envelope import Reader
from stream_kpis.events.history import History, read_mapping
from stream_kpis.events.money import Rate
from stream_kpis.events.rates import encode_rate
from stream_kpis.plan import known_rates
from stream_kpis.settings import Settings
from stream_kpis.stream import progress
from stream_kpis.stream.failure import kafka_line
from stream_kpis.stream.logs import set_up_logging
from stream_kpis.stream.progress import reporting
from stream_kpis.stream.sources import SourceProducer
from stream_kpis.stream.topics import RATES, declare

Report = Callable[[History], None]
"""Told now and then how far the history is."""

_EVERY = 2_000


def import_files(settings: Settings, files: Sequence[Path], mapping: Path, *, with_rates: bool = False) -> int:
    """The command: sends the events of files to Kafka and says what became of the rows. Returns the exit code.

    With ``with_rates`` the rates of the settings' file are sent to their topic first.

    Ids are stable, so what was imported before is a duplicate and changes nothing.

    Raises:
        ValueError: the mapping is wrong; one line.
        SettingsError: the topics cannot work.
        RuntimeError: Kafka does not answer, or refuses.
    """
    reader = Reader(settings.currency)
    history = History(files, read_mapping(mapping), reader)
    rates = known_rates(settings) if with_rates else ()
    set_up_logging(settings.verbose)
    try:
        with reporting("import", lambda: sum(map(_newlines, files))) as report:
            late = asyncio.run(send(settings, history, _told_of(report), reader.future_ms, rates))
    except KafkaError as error:
        raise RuntimeError(f"import: {kafka_line(settings.bootstrap, error)}") from error
    for line in history.absent():
        print(line, file=sys.stderr)  # noqa: T201 - no count, but what to look at
    for line in history.counts.lines():
        print(line)  # noqa: T201 - the command's output
    if late:
        print(f"{late} events lie in the future and become dead letters: import them when they have happened")  # noqa: T201 - likewise
    return int(history.counts.all_rejected)


async def send(settings: Settings, history: History, report: Report, future_ms: int, rates: Iterable[Rate] = ()) -> int:
    """Declares the topics and sends a history; returns how many of its events lie in the future.

    Each record carries now as its timestamp: a correction that follows is not too late for events of long ago.

    Args:
        settings: of the deployment.
        history: the events; its counts are complete afterwards.
        report: told every 2,000 events.
        future_ms: how far an event's time may lie ahead of its record.
        rates: sent first.

    Raises:
        KafkaError: Kafka does not answer, or refuses.
        SettingsError: the topics cannot work.
    """
    await declare(settings)
    horizon_ms = time.time_ns() // 1_000_000 + future_ms
    late = 0
    async with SourceProducer(settings) as producer:
        for rate in rates:
            await producer.send(RATES, *encode_rate(rate), partition=0)
        await producer.flush()
        for number, event in enumerate(history, 1):
            await producer.send(event.topic, event.party.encode(), event.value)
            late += event.time_ms > horizon_ms
            if number % _EVERY == 0:
                report(history)
                await asyncio.sleep(0)  # the producer's turn
        await producer.flush()
    report(history)
    return late


def _told_of(report: progress.Report) -> Report:
    """Tells of a history's rows."""

    def tell(history: History) -> None:
        rows, events = history.counts.rows, history.counts.events.total()
        report(rows, "rows", f"{rows} rows, {events} events so far")

    return tell


def _newlines(file: Path) -> int:
    """About as many as there are rows."""
    with file.open("rb") as stream:
        return sum(block.count(b"\n") for block in iter(lambda: stream.read(1 << 20), b""))
