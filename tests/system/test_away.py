"""Kafka goes away: who cannot go on ends in time with one line, who can go on says that it is stale."""

import asyncio
import logging
import re
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from stream_kpis.live.terminal.client import ExporterError, ask
from stream_kpis.local.kafka import LocalKafka
from stream_kpis.settings import Settings, load
from stream_kpis.stream.sources import SourceProducer
from stream_kpis.stream.topics import Names, declare
from tests.system.chaos import STUB, Worker, Workers, until

PROGRAM = (sys.executable, "-m", "stream_kpis", "worker")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[LocalKafka]:
    """One for this test alone, as it goes away."""
    with LocalKafka(tmp_path / "kafka") as kafka:
        yield kafka


@pytest.fixture
def port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return str(free.getsockname()[1])


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGSTOP], ids=["it ends", "it hangs"])
async def test_a_worker_that_lost_kafka_ends_with_one_line(
    settings: Settings, tmp_path: Path, port: str, broker: LocalKafka, how: signal.Signals
) -> None:
    """One with shards, and one without, which writes nothing and would wait for ever."""
    single = msgspec.structs.replace(settings, partitions=1)
    workers = Workers(single, tmp_path, (*PROGRAM, "--role", "all", "--port", port))
    spare = Workers(single, tmp_path / "kafka")
    try:
        worker = workers.start()
        await until(lambda: worker.ready and "http://" in worker.said, "the worker is ready")
        idle = spare.start()
        await until(lambda: worker.said.count("ready:") == 2 and idle.ready, "they share one shard")
        before = [len(one.said.splitlines()) for one in (worker, idle)]
        process = broker._process
        process.send_signal(how)
        try:
            assert [await one.ended(40) for one in (worker, idle)] == [75, 75]
        finally:
            process.send_signal(signal.SIGCONT)
        for one, lines in zip((worker, idle), before, strict=True):
            *noticed, last = one.said.splitlines()[lines:]
            assert re.match(r"stream-kpis: .*Kafka 127.0.0.1:\d+ (no longer answers|does not answer): ", last)
            assert [line for line in noticed if "values are stale" not in line] == []
    finally:
        workers.end()
        spare.end()


@pytest.mark.parametrize("program", [STUB, PROGRAM], ids=["worker", "all"])
async def test_a_worker_asked_to_end_while_kafka_is_away_ends_in_time(
    settings: Settings, tmp_path: Path, port: str, broker: LocalKafka, program: tuple[str, ...]
) -> None:
    """With 75 and one line, as its last flush is not written."""
    workers = Workers(settings, tmp_path, program if program is STUB else (*program, "--port", port))
    try:
        worker = workers.start()
        await until(lambda: worker.ready, "the worker is ready")
        await asyncio.sleep(1)
        before = len(worker.said.splitlines())
        async with SourceProducer(settings) as producer:
            await producer.send("crm.leads", b"party", b"cell")
        broker.stop()
        worker.send(signal.SIGTERM)
        assert await worker.ended(12) == 75
        said = [line for line in worker.said.splitlines()[before:] if not line.startswith("http://")]
        assert [line for line in said if "values are stale" not in line] == said[-1:]
        assert said[-1].startswith("stream-kpis: ")
    finally:
        workers.end()


async def test_an_exporter_shows_stale_values_until_kafka_is_back(
    settings: Settings, tmp_path: Path, port: str, broker: LocalKafka
) -> None:
    """It says so, its clock stands still, and it goes on by itself."""
    exporter = Worker((*PROGRAM, "--role", "exporter", "--port", port), settings, tmp_path / "exporter.log")
    workers = Workers(settings, tmp_path, (*PROGRAM, "--role", "worker"))
    url = f"http://127.0.0.1:{port}"

    def states() -> set[str]:
        try:
            return {row["state"] for row in ask(url, "/api/kpis", [("window", "all")])["values"]}
        except ExporterError:
            return set()

    try:
        workers.start()
        await until(lambda: bool(states()) and "stale" not in states(), "values are fresh")
        broker.stop()
        await until(lambda: "stale" in states(), "values are stale")
        stood = ask(url, "/api/shards")["kpi_now"]
        await until(lambda: "no longer answers: values are stale until it does" in exporter.said, "it says so")
        assert ask(url, "/api/shards")["kpi_now"] == stood
        await workers.all[0].ended(40)
        broker.start()
        workers.start()
        await until(lambda: bool(states()) and "stale" not in states(), "values are fresh again")
        assert ask(url, "/api/shards")["kpi_now"] > stood
        assert exporter.said.splitlines()[-1].endswith("answers again")
        broker.stop()
        exporter.send(signal.SIGTERM)
        assert await exporter.ended(12) == 0
    finally:
        exporter.send(signal.SIGKILL)
        exporter._process.wait()
        workers.end()


async def test_topics_can_be_written_to_as_soon_as_they_are_declared(
    broker: LocalKafka, caplog: pytest.LogCaptureFixture
) -> None:
    """A broker tells of a topic before it leads it: who writes at once was refused, and aiokafka says each of it."""
    settings = load(environment={}, bootstrap=broker.bootstrap, partitions=48)
    names = await declare(settings)
    with caplog.at_level(logging.WARNING, "aiokafka"):
        async with SourceProducer(settings) as producer:
            for topic in names.sources:
                for partition in range(settings.partitions):
                    await producer.send(Names.of(settings).plain(topic), b"party", b"{}", partition=partition)
    assert [record.getMessage() for record in caplog.records] == []
