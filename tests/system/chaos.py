"""A harness for whole deployments: workers as processes, a load with its own counts, and what the changelogs say.

It knows workers only as programs that read `STREAM_KPIS_*`, and their results only as records in Kafka.
"""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from stream_kpis.engine.batch import CATALOGUE_KEY, HEADER_KEY, Header, header_decoder
from stream_kpis.settings import Settings
from stream_kpis.stream.connection import connection
from stream_kpis.stream.sources import SourceProducer
from stream_kpis.stream.topics import Names

ROOT = Path(__file__).parents[2]
STUB = (sys.executable, str(ROOT / "tests" / "stream" / "stub.py"))
CELLS = 50
PARTIES = 2_000


async def until(condition: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    """Waits until a condition holds; the bound is for a test that hangs, not a promise."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        await asyncio.sleep(0.05)


def _as_text(value: object) -> str:
    """A setting as the environment has it."""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


class Worker:
    """One worker process; what it says goes to a file."""

    def __init__(self, program: tuple[str, ...], settings: Settings, log: Path) -> None:
        self.log = log
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            **{
                f"STREAM_KPIS_{name.upper()}": _as_text(value)
                for name, value in msgspec.structs.asdict(settings).items()
                if value != getattr(Settings(), name)
            },
        }
        with log.open("wb") as file:
            self._process = subprocess.Popen(program, env=environment, stdout=file, stderr=file, cwd=log.parent)
        self.stopped = False

    @property
    def code(self) -> int | None:
        """The exit code; None while it runs."""
        return self._process.poll()

    @property
    def said(self) -> str:
        """All that it has said."""
        return self.log.read_text()

    @property
    def ready(self) -> bool:
        """Whether its first rebalance is over; a worker that ended instead fails the test at once."""
        assert self.code is None, self.said
        return "ready:" in self.said

    def send(self, number: signal.Signals) -> None:
        """Signals it: SIGKILL, SIGTERM, SIGSTOP, SIGCONT."""
        self.stopped = number is signal.SIGSTOP or (self.stopped and number is not signal.SIGCONT)
        self._process.send_signal(number)

    async def ended(self, seconds: float = 30.0) -> int:
        """Waits for its end; the exit code."""
        await until(lambda: self.code is not None, f"the end of {self.log}", seconds)
        return self._process.wait()


class Workers:
    """The workers of one deployment, and who starts them again."""

    def __init__(self, settings: Settings, folder: Path, program: tuple[str, ...] = STUB) -> None:
        self.all: list[Worker] = []
        self.codes: Counter[int] = Counter()
        self._settings, self._folder, self._program = settings, folder, program

    @property
    def running(self) -> list[Worker]:
        """Those that run and are not stopped by SIGSTOP."""
        return [worker for worker in self.all if worker.code is None and not worker.stopped]

    def start(self) -> Worker:
        """Starts one more."""
        worker = Worker(self._program, self._settings, self._folder / f"worker-{len(self.all)}.log")
        self.all.append(worker)
        return worker

    def end(self) -> None:
        """Ends all at once."""
        for worker in self.all:
            if worker.code is None:
                worker.send(signal.SIGCONT)
                worker.send(signal.SIGKILL)
                worker._process.wait()

    async def supervise(self, delays_s: tuple[float, ...], seed: int = 0) -> None:
        """Starts a new worker for each that ends, after a delay; runs until it is cancelled."""
        chance, seen = random.Random(seed), set[Worker]()
        due: list[float] = []
        while True:
            for worker in set(self.all) - seen:
                if worker.code is not None:
                    seen.add(worker)
                    self.codes[worker.code] += 1
                    due.append(time.monotonic() + chance.choice(delays_s))
            for moment in [moment for moment in due if moment < time.monotonic()]:
                due.remove(moment)
                self.start()
            await asyncio.sleep(0.05)


class Load:
    """Produces, and counts by itself what must come out."""

    def __init__(self, settings: Settings, seed: int = 0) -> None:
        self.parties: Counter[bytes] = Counter()
        self.cells: Counter[bytes] = Counter()
        self.dead = 0
        self.sent = 0
        self._settings = settings
        self._chance = random.Random(seed)
        self._topics = Names.of(settings).sources[:3]

    def next(self) -> tuple[str, bytes, bytes]:
        """One event: topic, key, value."""
        chance, kind = self._chance, self._chance.random()
        topic = chance.choice(self._topics).removeprefix(self._settings.prefix)
        key, cell = b"party-%d" % chance.randrange(PARTIES), b"cell-%d" % chance.randrange(CELLS)
        self.sent += 1
        if kind < 0.01:
            self.dead += 1
            return topic, key, b"poison"
        self.parties[key] += 1
        self.cells[cell] += 1
        if kind < 0.03:
            return topic, key, b"send %d %b" % (chance.randrange(self._settings.partitions), cell)
        return topic, key, cell

    async def run(self, rate: float, seconds: float) -> None:
        """Produces at a rate."""
        async with SourceProducer(self._settings) as producer:
            began, sent = time.monotonic(), 0
            while (now := time.monotonic() - began) < seconds:
                while sent < now * rate:
                    await producer.send(*self.next())
                    sent += 1
                await asyncio.sleep(0.02)


class Counts(NamedTuple):
    """What the changelogs say, over all shards."""

    parties: Counter[bytes]
    cells: Counter[bytes]
    dead: int
    headers: dict[int, Header]
    lag: int
    """Source positions that no shard has made durable yet."""
    faults: list[str]
    """What must never be seen: positions or numbers of flushes that go back."""


async def counts(settings: Settings) -> Counts:
    """Reads all output topics from their start to their end."""
    names = Names.of(settings)
    async with reader(settings) as kafka:
        every = [
            TopicPartition(topic, partition)
            for topic in (names.parties, names.cells, names.dead_letters)
            for partition in range(settings.partitions)
        ]
        sources = [TopicPartition(topic, p) for topic in names.sources for p in range(settings.partitions)]
        kafka.assign(every)
        await kafka.seek_to_beginning(*every)
        ends = await kafka.end_offsets(every)
        last: dict[tuple[str, int, bytes], bytes] = {}
        headers: dict[int, Header] = {}
        faults: list[str] = []
        dead = 0
        while any([await kafka.position(tp) < ends[tp] for tp in every]):
            for tp, records in (await kafka.getmany(timeout_ms=200)).items():
                for record in records:
                    if tp.topic == names.dead_letters:
                        dead += 1
                    elif record.key == HEADER_KEY:
                        header = header_decoder.decode(record.value)
                        faults += _faults(headers.get(tp.partition), header, tp.partition)
                        headers[tp.partition] = header
                    elif not record.key.startswith(CATALOGUE_KEY):
                        last[tp.topic, tp.partition, record.key] = record.value
        reach = await kafka.end_offsets(sources)
    found: dict[str, Counter[bytes]] = {names.parties: Counter(), names.cells: Counter()}
    for (topic, _, key), value in last.items():
        found[topic][key.removeprefix(b"c") if topic == names.cells else key] += int(value)
    lag = sum(
        end - (headers[tp.partition].next[names.plain(tp.topic)] if tp.partition in headers else 0)
        for tp, end in reach.items()
    )
    return Counts(found[names.parties], found[names.cells], dead, headers, lag, faults)


def _faults(before: Header | None, header: Header, partition: int) -> list[str]:
    if before is None:
        return []
    back = [topic for topic, position in before.next.items() if header.next.get(topic, -1) < position]
    faults = [f"shard {partition}: {topic} went back" for topic in back]
    if header.seq != before.seq + 1:
        faults.append(f"shard {partition}: flush {header.seq} after {before.seq}")
    return faults


@contextlib.asynccontextmanager
async def reader(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer of what is committed, in no group."""
    kafka = AIOKafkaConsumer(
        **connection(settings), group_id=None, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    await kafka.start()
    try:
        yield kafka
    finally:
        await kafka.stop()


async def settled(settings: Settings, load: Load | None = None, seconds: float = 90.0) -> Counts:
    """The counts once every source is read to its end and durable, and, given a load, all that it sent is there.

    The parts of one transaction become visible one after the other (a broker writes its control records by partition):
    what is missing may come, for a while. What was counted twice never goes away.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = await counts(settings)
        missing = ((load.parties - found.parties) | (load.cells - found.cells)).total() if load else 0
        if not (found.lag or missing) or time.monotonic() > deadline:
            assert not found.lag, f"{found.lag} positions are not durable after {seconds:.0f} s"
            return found
        await asyncio.sleep(0.5)


def assert_exact(load: Load, found: Counts) -> None:
    """Nothing lost, nothing counted twice, nothing torn."""
    assert not found.faults
    lost, twice = load.parties - found.parties, found.parties - load.parties
    assert not lost, f"{lost.total()} of {load.sent} events were lost, of {len(lost)} parties"
    assert not twice, f"{twice.total()} of {load.sent} events were counted twice, of {len(twice)} parties"
    assert load.cells == found.cells
    assert load.dead == found.dead
