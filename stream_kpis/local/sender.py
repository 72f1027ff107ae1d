"""Sends a simulated company to Kafka: its history as fast as it goes, then its life in real time."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime, timedelta

import msgspec
from aiokafka.errors import KafkaError

from stream_kpis.events.money import Rate
from stream_kpis.events.rates import encode_rate
from stream_kpis.proof.simulate import (
    CALENDARS,
    FAULTS,
    FaultyLine,
    Simulated,
    Simulation,
    daily_rates,
    faults,
    in_currencies,
)
from stream_kpis.settings import Settings
from stream_kpis.stream.failure import kafka_line
from stream_kpis.stream.logs import set_up_logging
from stream_kpis.stream.sources import SourceProducer
from stream_kpis.stream.topics import RATES, declare

TICK_S = 0.1
_RATES_AHEAD_DAYS = 366
_REPORT_EVERY = 20_000

Progress = Callable[[int], None]


def wall_ms() -> int:
    """The wall clock, milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def of_the_company(settings: Settings) -> Settings:
    """The settings with the business calendars of the simulated company, unless they name a file of their own."""
    return settings if settings.calendars else msgspec.structs.replace(settings, calendars=CALENDARS)


def chosen_faults(names: Collection[str]) -> frozenset[str]:
    """The faults of a command line; ``all`` means all of them.

    Raises:
        ValueError: there is no such fault.
    """
    if "all" in names:
        return frozenset(FAULTS)
    if unknown := sorted(set(names) - FAULTS.keys()):
        raise ValueError(f"no fault {', '.join(unknown)}; there are {', '.join(FAULTS)}, all")
    return frozenset(names)


async def send_history(producer: SourceProducer, events: Iterable[Simulated], progress: Progress | None = None) -> int:
    """Sends events at once; returns how many."""
    count = 0
    for event in events:
        await producer.send(event.topic, event.party.encode(), event.value, partition=event.partition)
        count += 1
        if progress and count % _REPORT_EVERY == 0:
            progress(count)
            await asyncio.sleep(0)
    await producer.flush()
    return count


async def send_live(
    producer: SourceProducer,
    due_until: Callable[[int], Iterable[Simulated]],
    line: FaultyLine | None,
    ended: asyncio.Event,
    abroad_seed: int | None = None,
) -> None:
    """Sends what is due until now (ms), ten times a second, until ended; with ``abroad_seed`` in several currencies."""
    while not ended.is_set():
        now_ms = wall_ms()
        due = due_until(now_ms)
        if abroad_seed is not None:
            due = in_currencies(due, abroad_seed)
        if line is not None:
            for event in due:
                line.send(event)
            due = line.arrived(now_ms)
        for event in due:
            await producer.send(event.topic, event.party.encode(), event.value, partition=event.partition)
        try:
            await asyncio.wait_for(ended.wait(), TICK_S)
        except TimeoutError:
            continue
    if line is not None:
        await send_history(producer, line.rest())


async def send_rates(producer: SourceProducer, rates: Iterable[Rate], ended: asyncio.Event) -> None:
    """Sends each rate when it is made known, until ended."""
    for rate in rates:
        if (ahead_ms := rate.known_ms - wall_ms()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), ahead_ms / 1000)
        if ended.is_set():
            return
        await producer.send(RATES, *encode_rate(rate), partition=0)


def simulate(
    settings: Settings,
    *,
    rate: float,
    parties: int,
    days: int,
    events: int,
    faults: Collection[str],
    seed: int,
    currencies: bool,
) -> int:
    """The command: history if asked for, then live until a signal.

    Raises:
        ValueError: there is no such fault.
        SettingsError: the topics cannot work.
        RuntimeError: Kafka does not answer, or refuses.
    """
    kinds = chosen_faults(faults)
    set_up_logging(settings.verbose)
    try:
        asyncio.run(_simulate(settings, rate, parties, days, events, kinds, seed, currencies))
    except KafkaError as error:
        raise RuntimeError(f"simulate: {kafka_line(settings.bootstrap, error)}") from error
    return 0


async def _simulate(
    settings: Settings, rate: float, parties: int, days: int, events: int, kinds: Collection[str], seed: int,
    currencies: bool,
) -> None:  # fmt: skip
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await declare(settings)
    now_ms = wall_ms()
    simulation = Simulation(seed, parties, run=f"{now_ms:x}-")
    async with SourceProducer(settings) as producer:
        first = datetime.fromtimestamp(now_ms / 1000, UTC).date() - timedelta(days=days + 1)
        faulty = "rates" in kinds
        rates = daily_rates(first, days + _RATES_AHEAD_DAYS, seed, faulty=faulty) if currencies else []
        sending = asyncio.create_task(send_rates(producer, rates, ended))
        if days and events:
            history: Iterable[Simulated] = simulation.history(events, days, now_ms)
            history = in_currencies(history, seed) if currencies else history
            sent = await send_history(producer, faults(history, kinds, seed, settings.partitions) if kinds else history)
            print(f"{sent} events of {days} days sent", flush=True)  # noqa: T201 - the command's output
        line = FaultyLine(kinds, seed, settings.partitions) if kinds else None
        abroad_seed = seed if currencies else None
        await send_live(producer, simulation.live(now_ms, rate).due, line, ended, abroad_seed)
        await sending
