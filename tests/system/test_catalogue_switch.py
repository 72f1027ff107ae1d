"""Workers that go over to another catalogue, one after the other, while /metrics is read: on a real broker."""

import asyncio
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import aiohttp
import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from stream_kpis.engine.batch import CATALOGUE_KEY, HEADER_KEY
from stream_kpis.engine.partition import partition_of
from stream_kpis.events.envelope import Reader, encode_event
from stream_kpis.events.history.importing import Imported
from stream_kpis.live.evaluate import evaluate
from stream_kpis.local.sender import wall_ms
from stream_kpis.plan import compile_plan
from stream_kpis.settings import Settings
from stream_kpis.stream.changelog import committed, read_to_ends
from stream_kpis.stream.sources import SourceProducer
from stream_kpis.stream.topics import Names, declare, every
from tests.engine.worlds import iso
from tests.system.chaos import Worker
from tests.system.company import PATIENCE_S, free_port, until
from tests.system.real_data import CALENDAR

PARTITIONS = 2
OLD = """
measures:
  leads: {flow: lead_created}
  some: {flow: lead_created, where: {channel: [web]}}
  gone: {flow: lead_created, by: [owner]}
kpis:
  same: {title: S, formula: count(leads), unit: count, windows: [all], min_samples: 0}
  changed: {title: C, formula: count(some), unit: count, windows: [all], min_samples: 0}
  removed: {title: R, formula: count(gone), unit: count, windows: [all], min_samples: 0}
"""
NEW = """
measures:
  leads: {flow: lead_created}
  some: {flow: lead_created, where: {channel: [email]}}
  more: {flow: lead_created, by: [channel]}
kpis:
  same: {title: S, formula: count(leads), unit: count, windows: [all], min_samples: 0}
  changed: {title: C, formula: count(some), unit: count, windows: [all], min_samples: 0}
  added: {title: A, formula: count(more), unit: count, windows: [all], min_samples: 0}
"""
Said = dict[str, tuple[float, str]]


class Seen(NamedTuple):
    """One answer of /metrics."""

    kpis: Said
    """Of each KPI its value and state."""
    stale_shards: float
    changed_shards: float


class Exporter:
    """One that is asked all the time."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        port = free_port()
        program = (sys.executable, "-m", "stream_kpis", "worker", "--role", "exporter", "--port", str(port))
        self.worker = Worker(program, settings, folder / f"exporter-{port}.log")
        self.url = f"http://127.0.0.1:{port}/metrics"
        self.seen: list[Seen] = []

    async def watch(self) -> None:
        """Reads /metrics for ever; once it has shown values, it never fails to."""
        async with aiohttp.ClientSession() as http:
            while True:
                with contextlib.suppress(*([] if self.seen else [aiohttp.ClientConnectionError])):
                    async with http.get(self.url) as answer:
                        if found := read(await answer.text()):
                            self.seen.append(found)
                await asyncio.sleep(0.05)

    def shows(self, **kpis: tuple[float, str]) -> bool:
        """Whether it shows exactly these values and states."""
        assert self.worker.code is None, self.worker.said
        return bool(self.seen) and self.seen[-1].kpis == kpis


def read(body: str) -> Seen | None:
    """The values of a body; None before there are some."""
    values: dict[str, float] = {}
    states: dict[str, str] = {}
    beside: dict[str, float] = {}
    for family in text_string_to_metric_families(body):
        for sample in family.samples:
            if sample.name == "crm_kpi_state" and sample.value:
                states[sample.labels["kpi"]] = sample.labels["state"]
            elif sample.labels == {"window": "all"} and not sample.name.endswith("_samples"):
                values[sample.name.removeprefix("crm_")] = sample.value
            elif sample.name.startswith("stream_kpis_shards"):
                beside[sample.name] = sample.value
    if not states:
        return None
    said = {kpi: (values.get(kpi, -1.0), state) for kpi, state in states.items()}
    return Seen(said, beside["stream_kpis_shards_stale"], beside["stream_kpis_shards_changed"])


class Deployment:
    """Workers, and the leads that were sent."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings, self._folder = settings, folder
        self.channels: list[list[str]] = [[] for _ in range(PARTITIONS)]
        self.sent: list[Imported] = []
        self.running: list[Worker] = []

    def start(self, catalogue: Path) -> Worker:
        """Starts a worker under a catalogue."""
        program = (sys.executable, "-m", "stream_kpis", "worker", "--role", "worker")
        settings = msgspec.structs.replace(self._settings, catalogue=(catalogue,))
        worker = Worker(program, settings, self._folder / f"worker-{len(self.running)}.log")
        self.running.append(worker)
        return worker

    async def stop(self, worker: Worker) -> None:
        """Ends a worker in order."""
        worker._process.terminate()
        await worker.ended(60)

    async def send(self, *channels: str) -> None:
        """Leads of these channels, to each partition."""
        parties = {partition_of(party.encode(), PARTITIONS): party for party in map("p{}".format, range(20))}
        async with SourceProducer(self._settings) as producer:
            for partition, party in parties.items():
                for channel in channels:
                    known = self.channels[partition]
                    id_, at_ms = f"{partition}-{len(known)}", wall_ms() - 60_000
                    value = encode_event(
                        "lead.created", id=id_, source="s", time=iso(at_ms), subject=party,
                        data={"lead_id": id_, "channel": channel},
                    )  # fmt: skip
                    await producer.send("crm.leads", party.encode(), value)
                    known.append(channel)
                    self.sent.append(Imported("lead.created", party, at_ms, "crm.leads", value))
            await producer.flush()

    def count(self, *channels: str) -> int:
        """How many leads of some channels were sent."""
        return sum(of.count(channel) for of in self.channels for channel in channels)


@pytest.fixture
def small(settings: Settings) -> Settings:
    """Two shards, and nothing but the catalogue of the test."""
    return msgspec.structs.replace(settings, partitions=PARTITIONS, catalogue_built_in=False)


@pytest.fixture
def deployment(small: Settings, tmp_path: Path) -> Iterator[Deployment]:
    """Ends with the test."""
    found = Deployment(small, tmp_path)
    yield found
    for worker in found.running:
        if worker.code is None:
            worker._process.kill()
            worker._process.wait()


async def left(settings: Settings) -> tuple[set[str], int]:
    """Which definitions the cells changelog has cells of, as measure and hash, and how many catalogues."""
    living: dict[tuple[int, bytes], bytes] = {}
    async with committed(settings) as kafka:
        async for records in read_to_ends(kafka, every(Names.of(settings).cells, settings)):
            for record in records:
                if record.value is None:
                    living.pop((record.partition, record.key), None)
                elif record.key != HEADER_KEY:
                    living[record.partition, record.key] = record.value
    catalogues = [key for _, key in living if key.startswith(CATALOGUE_KEY)]
    return {"=".join(key.decode().split("\x1f")[:2]) for _, key in living if key not in catalogues}, len(catalogues)


async def test_what_is_unchanged_goes_on_and_what_is_changed_switches_at_once(
    small: Settings, deployment: Deployment, tmp_path: Path
) -> None:
    """One KPI is changed, one added, one removed; another exporter starts in the middle, with the new catalogue."""
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(OLD)
    new.write_text(NEW)
    await declare(small)
    exporters = [Exporter(msgspec.structs.replace(small, catalogue=(old,)), tmp_path)]
    deployment.running.append(exporters[0].worker)
    watching = [asyncio.create_task(exporters[0].watch())]
    first, second = deployment.start(old), deployment.start(old)
    await until(lambda: first.ready and second.ready, "both workers")
    await deployment.send("web", "web", "email")
    await until(
        lambda: exporters[0].shows(same=(6, "ok"), changed=(4, "ok"), removed=(6, "ok")), "the old catalogue's values"
    )

    await deployment.stop(second)
    third = deployment.start(new)
    await until(lambda: third.ready and exporters[0].seen[-1].changed_shards == 1, "a shard under the new catalogue")
    await deployment.send("web", "email")
    in_the_middle = {"same": (10.0, "ok"), "changed": (5.0, "stale"), "removed": (8.0, "stale")}
    await until(lambda: exporters[0].shows(**in_the_middle), "what goes on, and what stands still")

    exporters.append(Exporter(msgspec.structs.replace(small, catalogue=(new,)), tmp_path))
    deployment.running.append(exporters[1].worker)
    watching.append(asyncio.create_task(exporters[1].watch()))
    await until(lambda: exporters[1].shows(**in_the_middle), "the same from an exporter that began now")

    await deployment.stop(first)
    fourth = deployment.start(new)
    await until(lambda: fourth.ready, "the last worker")
    plan = compile_plan(msgspec.structs.replace(small, catalogue=(new,)))
    (answer,) = evaluate(plan, CALENDAR, Reader(), deployment.sent, ()).answers
    expected = {value.kpi: (value.value, str(value.state)) for value in answer.values if not value.by}
    assert expected == {"same": (10, "ok"), "changed": (4, "ok"), "added": (10, "ok")}
    for exporter in exporters:
        await until(lambda exporter=exporter: exporter.shows(**expected), "the new catalogue's values")  # type: ignore[misc]

    kept = {f"{name}={of}" for name, of in plan.definitions.items() if name in plan.catalogue.measures}
    async with asyncio.timeout(PATIENCE_S):
        while await left(small) != (kept, PARTITIONS):  # noqa: ASYNC110 - Kafka tells nobody
            await asyncio.sleep(0.5)
    await deployment.send("email")
    for exporter in exporters:
        await until(
            lambda exporter=exporter: exporter.shows(same=(12, "ok"), changed=(6, "ok"), added=(12, "ok")), "more"
        )  # type: ignore[misc]
    for task in watching:
        task.cancel()
    for exporter in exporters:
        check(exporter.seen)


def check(seen: list[Seen]) -> None:
    """All that an exporter ever showed was of one catalogue, and it went over once."""
    switched = [("added" in one.kpis) for one in seen]
    assert switched == sorted(switched)
    trusted = False
    for one, is_new in zip(seen, switched, strict=True):
        assert set(one.kpis) == ({"same", "changed", "added"} if is_new else {"same", "changed", "removed"})
        # What is unchanged is stale for the shards' sake alone, and in an exporter that does not know the ends yet.
        trusted |= one.kpis["same"][1] == "ok"
        assert one.kpis["same"][1] == "ok" or one.stale_shards or not trusted, one
        assert one.kpis["changed"][0] in ((4, 5, 6) if is_new else (-1, 0, 2, 4, 5)), one
