"""A simulated company that lives in a pipeline on this machine: for the demo and the drills of alerts."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import aiohttp
import msgspec

from stream_kpis.local.kafka import LocalKafka
from stream_kpis.local.pipeline import POLL_S, Pipeline
from stream_kpis.local.scratch import scratch
from stream_kpis.local.sender import send_history, send_live, wall_ms
from stream_kpis.proof.simulate import Live, Simulated, Simulation
from stream_kpis.settings import Settings
from stream_kpis.stream.sources import SourceProducer, partition_of_key

Say = Callable[[str], None]


class Interrupted(Exception):  # noqa: N818 - Ctrl-C is no error
    """Ctrl-C came."""


class Place(NamedTuple):
    """Where an event stands in Kafka, and when it happened."""

    topic: str
    partition: int
    offset: int
    time_ms: int


@dataclass
class Mark:
    """Looks out for the first event of a type from an instant on."""

    kind: str
    from_ms: int
    place: Place | None = None
    """Where it stands; None until it is sent."""


class Size(NamedTuple):
    """How large a company is: events and days of its history, live events per second."""

    events: int
    days: int
    rate: float


@contextlib.contextmanager
def local_pipeline(
    settings: Settings, workers: int, port: int, say: Say, prepare: Callable[[Path, Settings], Settings] | None = None
) -> Iterator[Pipeline]:
    """A Kafka of its own, and workers and an exporter that are about to start there; all is gone at the end.

    Args:
        settings: of the environment; address, ports and folders are the pipeline's own.
        workers: how many.
        port: of the exporter; 0 for a free one.
        say: takes a line for people.
        prepare: writes further files of the deployment into its folder, and names them in the settings.
    """
    with scratch(settings.data_dir, "demo-") as folder, LocalKafka(folder / "kafka", progress=say) as kafka:
        say(f"Kafka serves {kafka.bootstrap}")
        own = msgspec.structs.replace(settings, bootstrap=kafka.bootstrap, host="127.0.0.1", data_dir=folder)
        with Pipeline(prepare(folder, own) if prepare else own, folder, workers, port) as pipeline:
            yield pipeline


class Company:
    """One company. It is the only one who sends to its Kafka, so it knows where each of its events stands.

    Args:
        pipeline: where it lives; started.
        simulation: what happens in it.
        size: how much.
        say: takes a line for people.
    """

    def __init__(self, pipeline: Pipeline, simulation: Simulation, size: Size, say: Say) -> None:
        self.pipeline, self.simulation, self.size = pipeline, simulation, size
        self._say = say
        self._ended = asyncio.Event()
        self._interrupted = False
        self._sending: asyncio.Task[None] | None = None
        self._sent: Counter[tuple[str, int]] = Counter()
        self._marks: list[Mark] = []

    def interrupt(self) -> None:
        """Ends it at the next occasion."""
        self._interrupted = True

    def tend(self) -> None:
        """Looks after all that should run.

        Raises:
            Interrupted: it was asked to end.
            PipelineError: a process ended that should not have.
        """
        if self._interrupted:
            raise Interrupted
        if self._sending is not None and self._sending.done():
            self._sending.result()
        self.pipeline.tend()

    @contextlib.asynccontextmanager
    async def living(self, http: aiohttp.ClientSession) -> AsyncIterator[Live]:
        """Loads the history, and goes on in real time. At the end all that was sent is in Kafka."""
        async with SourceProducer(self.pipeline.settings) as producer:
            until_ms, began = wall_ms(), time.monotonic()
            history = self.simulation.history(self.size.events, self.size.days, until_ms)
            count = await send_history(producer, self._noted(history), self._report)
            live = self.simulation.live(until_ms, self.size.rate)
            self._sending = asyncio.create_task(
                send_live(producer, lambda now_ms: self._noted(live.due(now_ms)), None, self._ended)
            )
            await self._caught_up(http, count)
            took = time.monotonic() - began
            self._say(f"{count:,} events of {self.size.days} days are loaded: {took:.0f} s, {count / took:,.0f}/s")
            yield live
            self._ended.set()
            await self._sending
            await producer.flush()

    def mark(self, kind: str, from_ms: int) -> Mark:
        """Looks out, from now on, for the first event of a type from an instant on, in ms."""
        self._marks.append(Mark(kind, from_ms))
        return self._marks[-1]

    def _noted(self, events: Iterable[Simulated]) -> Iterator[Simulated]:
        """The same events; where each one goes is counted."""
        partitions = self.pipeline.settings.partitions
        for event in events:
            partition = event.partition
            if partition is None:
                partition = partition_of_key(event.party.encode(), partitions)
            offset = self._sent[event.topic, partition]
            self._sent[event.topic, partition] += 1
            for mark in self._marks:
                if mark.place is None and event.time_ms >= mark.from_ms and f'"{mark.kind}"'.encode() in event.value:
                    mark.place = Place(event.topic, partition, offset, event.time_ms)
            yield event._replace(partition=partition)

    def _report(self, count: int) -> None:
        self.tend()
        if count % 100_000 == 0:
            self._say(f"  sent {count:,} of about {self.size.events:,}")

    async def _caught_up(self, http: aiohttp.ClientSession, sent: int) -> None:
        told = time.monotonic()
        while True:
            self.tend()
            clock = await self.pipeline.ask(http, "/api/shards")
            if clock and clock["stale_since"] is None:
                return
            if time.monotonic() - told > 5:
                told = time.monotonic()
                lag = clock["lag"] if clock else 0  # also 0 while it does not know the ends of the topics
                self._say(f"  applied {max(sent - lag, 0):,} of {sent:,}" if lag else "  waiting for the exporter")
            await asyncio.sleep(POLL_S)
