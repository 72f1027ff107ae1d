"""The local broker: it starts, stops, survives, and ends with whoever started it."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from stream_kpis.local import kafka as module
from stream_kpis.local.kafka import LocalKafka, LocalKafkaError, start_detached, status, stop

pytestmark = pytest.mark.system
ROOT = Path(__file__).parents[2]


@pytest.fixture
def own(tmp_path: Path) -> Iterator[LocalKafka]:
    """A broker that the test may end as it likes; not started."""
    kafka = LocalKafka(tmp_path / "data")
    yield kafka
    kafka.stop()


async def write(bootstrap: str, topic: str, *values: bytes, **settings: object) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, **settings) as producer:
        if "transactional_id" in settings:
            async with producer.transaction():
                for value in values:
                    await producer.send(topic, value, partition=0)
        else:
            for value in values:
                await producer.send_and_wait(topic, value, partition=0)


async def make(bootstrap: str, topic: str) -> None:
    async with admin(bootstrap) as client:
        answer = await client.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
        assert [error for _, error, *_ in answer.topic_errors] == [0]


async def read(bootstrap: str, topic: str, count: int) -> list[bytes]:
    """That many committed values, in order. A commit is answered before readers see it, so the end is no help."""
    partition = TopicPartition(topic, 0)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    async with consumer:
        consumer.assign([partition])
        values: list[bytes] = []
        while len(values) < count:
            batches = await consumer.getmany(timeout_ms=1000)
            values += [record.value for records in batches.values() for record in records]
        return values


@asynccontextmanager
async def admin(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Waits for it; the limit only ends a test that would wait for ever."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """Whether a process has ended, reaped or not."""
    try:
        return re.search(r"\) [ZX] ", Path("/proc", str(pid), "stat").read_text()) is not None
    except FileNotFoundError:
        return True


async def test_it_serves_topics_and_makes_none_by_itself(broker: LocalKafka) -> None:
    await make(broker.bootstrap, "serves")
    await write(broker.bootstrap, "serves", b"a", b"b")
    assert await read(broker.bootstrap, "serves", 2) == [b"a", b"b"]
    resource = ConfigResource(ConfigResourceType.BROKER, "1", {"auto.create.topics.enable": None})
    async with admin(broker.bootstrap) as client:
        [answer] = await client.describe_configs([resource])
    [(_, _, _, _, [(name, value, *_)])] = answer.resources
    assert (name, value) == ("auto.create.topics.enable", "false")


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_it_takes_every_compression_with_transactions(broker: LocalKafka, codec: str) -> None:
    await make(broker.bootstrap, codec)
    await write(broker.bootstrap, codec, b"a" * 1000, b"b" * 1000, compression_type=codec, transactional_id=codec)
    assert await read(broker.bootstrap, codec, 2) == [b"a" * 1000, b"b" * 1000]


def test_whoever_looks_sees_who_runs(broker: LocalKafka) -> None:
    running = status(broker.data)
    assert running is not None
    assert (running.pid, running.bootstrap, running.log) == (broker.pid, broker.bootstrap, broker.log)


def test_a_folder_in_use_is_refused_in_one_line(broker: LocalKafka) -> None:
    with pytest.raises(LocalKafkaError, match=rf"^a broker \(process {broker.pid}, [^\n]*\) already runs in [^\n]*$"):
        LocalKafka(broker.data).start()


def test_a_port_in_use_is_refused_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LocalKafkaError, match=rf"^Kafka not started: port {port} is in use[^\n]*$"):
            LocalKafka(tmp_path / "data", port=port).start()


def test_a_chosen_port_that_is_taken_meanwhile_is_chosen_anew(own: LocalKafka, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kafka itself finds the port taken: the first port offered is not free at all."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        offers = iter([(port, unused_port())])
        free_ports = module._free_ports
        monkeypatch.setattr(module, "_free_ports", lambda wanted: next(offers, None) or free_ports(wanted))
        own.start()
        assert own.port != port


async def test_stopped_or_killed_it_comes_back_with_port_and_data(own: LocalKafka) -> None:
    port = own.start().port
    await make(own.bootstrap, "kept")
    await write(own.bootstrap, "kept", b"first")
    own.kill()
    assert (own.pid, status(own.data)) == (None, None)
    own.start()
    await write(own.bootstrap, "kept", b"second", transactional_id="t")
    own.stop()
    assert (own.pid, status(own.data)) == (None, None)
    own.start()
    assert own.port == port
    assert await read(own.bootstrap, "kept", 2) == [b"first", b"second"]


async def test_two_brokers_beside_each_other_share_nothing(broker: LocalKafka, own: LocalKafka) -> None:
    own.start()
    await make(own.bootstrap, "mine")
    async with admin(broker.bootstrap) as client:
        assert "mine" not in await client.list_topics()


def test_somebody_elses_broker_on_the_port_is_not_taken_for_ours(
    broker: LocalKafka, own: LocalKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kafka answers on that port all the while, but it is another cluster."""
    monkeypatch.setattr(module, "_free_ports", lambda wanted: (wanted, unused_port()))
    own.port = broker.port
    with pytest.raises(LocalKafkaError, match=rf"^Kafka not started: port {broker.port} is in use"):
        own.start()
    assert own.pid is None


def test_a_start_that_fails_names_the_cause_in_one_line(own: LocalKafka, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PROPERTIES", module._PROPERTIES + "num.io.threads=none\n")
    with pytest.raises(LocalKafkaError, match=r"^Kafka did not start: bad configuration; its log is [^\n]*$"):
        own.start()


def test_too_little_room_is_said_before_kafka_dies_of_it(own: LocalKafka, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FREE_BYTES_MIN", 1 << 60)
    with pytest.raises(LocalKafkaError, match=r"^Kafka not started: \d+ MB free under [^\n]* MB needed$"):
        own.start()


def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    """Even if that is killed, and was not the main thread of it that called."""
    script = """
import contextlib, subprocess, sys, threading
from pathlib import Path
from stream_kpis.local.kafka import LocalKafka
kafka = LocalKafka(Path(sys.argv[1]))
thread = threading.Thread(target=kafka.start)
thread.start()
thread.join()
with contextlib.suppress(subprocess.TimeoutExpired):
    kafka._process.wait(1)  # the end of that thread must not end it
print(kafka.pid or 0, flush=True)
sys.stdin.read()
"""
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        try:
            assert pid
            assert not gone(pid)
        finally:
            parent.kill()
    until(lambda: gone(pid))
    assert status(tmp_path) is None


def test_a_detached_one_outlives_its_starter_until_stopped(tmp_path: Path) -> None:
    script = "import sys; from pathlib import Path; from stream_kpis.local.kafka import start_detached as s\n"
    command = [sys.executable, "-c", script + "print(s(Path(sys.argv[1])).pid)", str(tmp_path)]
    pid = int(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    try:
        running = status(tmp_path)
        assert running is not None
        assert running.pid == pid
        assert start_detached(tmp_path) == running == start_detached(tmp_path, None)
        other = unused_port()
        with pytest.raises(
            LocalKafkaError, match=rf"^Kafka already runs on [^\n]*, not on port {other}; stop it first"
        ):
            start_detached(tmp_path, other)
        with pytest.raises(AssertionError):
            until(lambda: gone(pid), seconds=1)
        assert stop(tmp_path)
    finally:
        if not gone(pid):
            os.kill(pid, signal.SIGKILL)
    assert (status(tmp_path), stop(tmp_path)) == (None, False)
