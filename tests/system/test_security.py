"""TLS in both directions and SASL, against a broker that wants both."""

import asyncio
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stream_kpis.local import jars, jvm
from stream_kpis.local.kafka import LocalKafka
from stream_kpis.settings import Settings, load
from stream_kpis.stream.commands.check import Outcome, findings
from tests.system.chaos import Load, Workers, assert_exact, settled, until
from tests.tools import tool

pytestmark = pytest.mark.system

PASSWORD = "a b\"c,d'e\\f"
SCRAM_PASSWORD = "secret of alice"
_JAAS = PASSWORD.replace("\\", "\\\\\\\\").replace('"', '\\\\"')
PROPERTIES = """
listeners=PLAINTEXT://127.0.0.1:{{port}},CONTROLLER://127.0.0.1:{{controller_port}},SASL_SSL://127.0.0.1:{secure}
advertised.listeners=PLAINTEXT://127.0.0.1:{{port}},SASL_SSL://127.0.0.1:{secure}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl_ssl.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl_ssl.plain.sasl.jaas.config=\
org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="{password}";
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.ssl.keystore.type=PEM
listener.name.sasl_ssl.ssl.keystore.location={folder}/server.pem
listener.name.sasl_ssl.ssl.truststore.type=PEM
listener.name.sasl_ssl.ssl.truststore.location={folder}/ca.pem
listener.name.sasl_ssl.ssl.client.auth=required
"""


def openssl(folder: Path, *arguments: str) -> None:
    done = subprocess.run([tool("openssl"), *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def make_certificates(folder: Path) -> None:
    """An authority, a server's certificate for 127.0.0.1, and a client's."""
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl(folder, "req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=authority")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    for name in ("server", "client"):
        openssl(folder, "req", *new, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names", "-days", "2")
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", *signed, "-out", f"{name}.crt")
    (folder / "server.pem").write_text((folder / "server.key").read_text() + (folder / "server.crt").read_text())


def add_scram_user(kafka: LocalKafka, mechanism: str) -> None:
    """As `kafka-configs.sh` does, which takes one mechanism at a time."""
    added = ("--add-config", f"{mechanism}=[password={SCRAM_PASSWORD}]")
    who = ("--bootstrap-server", kafka.bootstrap, "--alter", "--entity-type", "users", "--entity-name", "alice")
    line = jvm.command(jars.fetch(jars.cache_folder() / "jars"), "kafka.admin.ConfigCommand", *who, *added)
    done = subprocess.run(line, cwd=kafka.data, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Settings that are let in, PLAIN."""
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder)
    with socket.create_server(("127.0.0.1", 0)) as free:
        secure = free.getsockname()[1]
    properties = PROPERTIES.format(secure=secure, folder=folder, password=_JAAS)
    with LocalKafka(tmp_path_factory.mktemp("secured"), properties=properties) as kafka:
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
            add_scram_user(kafka, mechanism)
        yield {
            "bootstrap": f"127.0.0.1:{secure}",
            "partitions": 2,
            "tls": True,
            "tls_ca": folder / "ca.pem",
            "tls_certificate": folder / "client.crt",
            "tls_key": folder / "client.key",
            "sasl": "PLAIN",
            "sasl_username": "alice",
            "sasl_password": PASSWORD,
        }


def changed(secured: dict[str, Any], **changes: Any) -> Settings:
    return load(environment={}, **{**secured, **changes})


@pytest.mark.parametrize("sasl", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_a_worker_counts_over_tls_and_sasl(secured: dict[str, Any], tmp_path: Path, sasl: str) -> None:
    """Consumer, producers, admin and the readers of changelogs all sign in."""
    password = PASSWORD if sasl == "PLAIN" else SCRAM_PASSWORD
    settings = changed(secured, sasl=sasl, sasl_password=password, prefix=f"{sasl}.")
    workers, produced = Workers(settings, tmp_path), Load(settings)
    try:
        worker = workers.start()
        await until(lambda: worker.ready, "the worker is ready")
        await produced.run(rate=300, seconds=1)
        assert_exact(produced, await settled(settings, produced))
    finally:
        workers.end()
    assert PASSWORD not in worker.said


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"sasl_password": "wrong"}, "Invalid username or password"),
        ({"tls_ca": None}, "certificate verify failed"),
        ({"tls_certificate": None, "tls_key": None}, "closed"),
        ({"tls": False, "tls_ca": None, "tls_certificate": None, "tls_key": None, "sasl_without_tls": True}, "closed"),
    ],
    ids=["password", "authority", "no certificate", "no TLS"],
)
def test_who_is_not_let_in_ends_with_one_line(
    secured: dict[str, Any], tmp_path: Path, wrong: dict[str, Any], why: str
) -> None:
    """And `check` says why."""
    settings = changed(secured, **wrong)
    workers = Workers(settings, tmp_path)
    try:
        worker = workers.start()
        assert asyncio.run(worker.ended(60.0)) == 75
    finally:
        workers.end()
    assert worker.said.splitlines()[-1].startswith(f"stream-kpis: start: Kafka {settings.bootstrap}")
    outcome, what, found = list(findings(settings))[-1]
    assert (outcome, what) == (Outcome.FAILED, "kafka")
    assert why in found
    assert found.endswith("; is it running, and are bootstrap, tls_* and sasl_* right?")
