"""What docs/operate/kafka.md grants is enough: for a worker, and for an exporter and a backup that write nothing."""

import asyncio
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest

from stream_kpis.local.kafka import LocalKafka
from stream_kpis.settings import Sasl, Secret, Settings, load
from stream_kpis.stream.commands.state import export_state, import_state
from stream_kpis.stream.connection import connection
from stream_kpis.stream.topics import declare
from tests.system.chaos import ROOT, Worker
from tests.system.deployment import Deployment
from tests.system.test_state import PARTIES, counted, events, send

pytestmark = pytest.mark.system

USERS = ("worker", "exporter", "backup")
PROPERTIES = """
listeners=PLAINTEXT://127.0.0.1:{{port}},CONTROLLER://127.0.0.1:{{controller_port}},SASL_PLAINTEXT://127.0.0.1:{port}
advertised.listeners=PLAINTEXT://127.0.0.1:{{port}},SASL_PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config=\
org.apache.kafka.common.security.plain.PlainLoginModule required {users};
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
"""
GRANT = re.compile(r"^kafka-acls\.sh (.*)$", re.MULTILINE)
RESOURCES = {"--topic": 2, "--group": 3, "--transactional-id": 5}
OPERATIONS = {"Read": 3, "Write": 4, "Create": 5, "DescribeConfigs": 10}
PREFIXED, ALLOW = 4, 3


def grants(page: Path, prefix: str, app: str) -> Iterator[CreateAclsRequest]:
    """What the commands on the page ask of a broker, for a deployment."""
    commands = GRANT.findall(page.read_text("utf-8").replace("\\\n", " "))
    assert commands
    for command in commands:
        options, *words = command.replace("PREFIX", prefix).replace("APP", app).split()
        assert (options, words.pop(words.index("--resource-pattern-type") + 1)) == ("--add", "prefixed")
        words.remove("--resource-pattern-type")
        given = list(zip(words[::2], words[1::2], strict=True))
        ((kind, name),) = [(kind, name) for kind, name in given if kind in RESOURCES]
        for who in [value for option, value in given if option == "--allow-principal"]:
            for what in [value for option, value in given if option == "--operation"]:
                yield CreateAclsRequest(RESOURCES[kind], name, PREFIXED, who, "*", OPERATIONS[what], ALLOW)


async def grant(settings: Settings) -> None:
    admin = AIOKafkaAdminClient(**connection(settings))
    await admin.start()
    try:
        for request in grants(ROOT / "docs" / "operate" / "kafka.md", settings.prefix, settings.app):
            answer = await admin._send_request(request)
            assert [code for code, _ in answer.creation_responses] == [0]
    finally:
        await admin.close()


def as_user(settings: Settings, port: int, name: str) -> Settings:
    return msgspec.structs.replace(
        settings, bootstrap=f"127.0.0.1:{port}", sasl=Sasl.PLAIN, sasl_username=name, sasl_password=Secret("p"),
        sasl_without_tls=True,
    )  # fmt: skip


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[tuple[Settings, int]]:
    """A broker that lets nobody do what was not granted; settings of a superuser, and the port of the others."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    users = " ".join(f'user_{name}="p"' for name in USERS)
    with LocalKafka(tmp_path / "kafka", properties=PROPERTIES.format(port=port, users=users)) as kafka:
        yield load(environment={}, bootstrap=kafka.bootstrap, prefix="crm1.", app="app", partitions=6), port


async def test_what_the_page_grants_is_enough(guarded: tuple[Settings, int], tmp_path: Path) -> None:
    """The topics are made by the worker; a state is taken out by one who may only read, and put in by the worker."""
    superuser, port = guarded
    await grant(superuser)
    worker, exporter, backup = (as_user(superuser, port, name) for name in USERS)
    await declare(worker)
    deployment = Deployment(worker, tmp_path)
    deployment.start_worker("worker")
    deployment._running.append(Worker(deployment._exporter, exporter, tmp_path / "exporter.log"))
    try:
        await send(superuser, events(0))
        await counted(deployment, PARTIES)
        assert await asyncio.to_thread(export_state, backup, tmp_path / "state.zip") == 0
    finally:
        deployment.end()
    beside = msgspec.structs.replace(worker, app="app-2")
    assert await asyncio.to_thread(import_state, beside, tmp_path / "state.zip", same_topics=True) == 0
