"""docker-compose.yml: confined, pinned, limited and watched; what it names is there."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest

from stream_kpis.cli import cli
from stream_kpis.settings import Role, load
from stream_kpis.stream.waiting import looking
from tests.deploy.files import PINNED, ROOT, document
from tests.tools import tool

COMPOSE = document("docker-compose.yml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name for name, service in SERVICES.items() if "build" in service}
each = pytest.mark.parametrize("name", SERVICES)


@each
def test_a_container_is_confined(name: str) -> None:
    """It writes nowhere but to its volumes, is not root, and gains nothing."""
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"].split(":")[0] not in ("", "0", "root")
    assert not service.keys() & {"privileged", "cap_add", "network_mode", "pid"}


@each
def test_a_container_has_limits(name: str) -> None:
    assert SERVICES[name]["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}


@each
def test_a_container_is_watched_and_started_again(name: str) -> None:
    """All but the simulator, which offers nothing to ask for."""
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    assert ("test" in service["healthcheck"]) is (name != "simulator")


@each
def test_an_image_is_pinned_or_built_here(name: str) -> None:
    service = SERVICES[name]
    assert name in OURS or PINNED.fullmatch(service["image"])


@each
def test_ports_are_for_this_machine(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", ()))


@each
def test_what_is_mounted_is_there(name: str) -> None:
    for volume in SERVICES[name].get("volumes", ()):
        source, _, rest = volume.partition(":")
        if source.startswith("."):
            assert (ROOT / source).exists()
            assert rest.endswith(":ro")
        else:
            assert source in COMPOSE["volumes"]


def test_two_workers_one_exporter_and_on_demand_a_simulator() -> None:
    roles = {name: load(environment=SERVICES[name]["environment"]).role for name in OURS - {"simulator"}}
    assert roles == {"worker": Role.WORKER, "exporter": Role.EXPORTER}
    assert SERVICES["worker"]["deploy"]["replicas"] == 2
    assert [name for name in SERVICES if "profiles" in SERVICES[name]] == ["simulator"]


@pytest.mark.parametrize("name", sorted(OURS))
def test_our_containers_run_commands_that_there_are(name: str) -> None:
    """With settings that there are, against the listener that Kafka has for them."""
    command, *arguments = SERVICES[name].get("command", ["worker"])
    cli.commands[command].make_context(command, list(arguments), parent=click.Context(cli, **cli.context_settings))
    settings = load(environment=SERVICES[name]["environment"])
    assert f"INSIDE://{settings.bootstrap}" in SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]


def test_the_exporter_says_who_asks_and_so_lists_who_waits() -> None:
    """Though it listens beyond loopback, as the image does; its port is on this machine alone."""
    assert callable(looking(load(environment={"STREAM_KPIS_HOST": "0.0.0.0", **SERVICES["exporter"]["environment"]})))


def test_prometheus_asks_the_exporter_and_tells_alertmanager() -> None:
    config = document("deploy/docker/prometheus.yml")
    (job,), (alerts,) = config["scrape_configs"], config["alerting"]["alertmanagers"]
    (found,) = job["dns_sd_configs"]
    assert job["job_name"] == "stream-kpis"
    assert found["names"] == ["exporter"]
    assert f"127.0.0.1:{found['port']}:{found['port']}" in SERVICES["exporter"]["ports"]
    assert alerts["static_configs"][0]["targets"] == ["alertmanager:9093"]


def test_promtool_takes_what_prometheus_is_given(tmp_path: Path) -> None:
    """Laid out as the volumes do."""
    for volume in SERVICES["prometheus"]["volumes"]:
        source, target, *_ = volume.split(":")
        if target.startswith("/etc/prometheus/"):
            shutil.copy(ROOT / source, tmp_path / Path(target).name)
    checked = run(tool("promtool"), "check", "config", str(tmp_path / "prometheus.yml"))
    assert "1 rule files found" in checked


def test_amtool_takes_what_alertmanager_is_given() -> None:
    assert "SUCCESS" in run(tool("amtool"), "check-config", str(ROOT / "deploy/prometheus/alertmanager.yml"))


def test_grafana_finds_prometheus_and_the_dashboards() -> None:
    (source,) = document("deploy/grafana/provisioning/datasources/prometheus.yml")["datasources"]
    (provider,) = document("deploy/grafana/provisioning/dashboards/stream-kpis.yml")["providers"]
    assert source["url"] == "http://prometheus:9090"
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in SERVICES["grafana"]["volumes"]


def test_grafana_lets_nobody_change_anything() -> None:
    environment = SERVICES["grafana"]["environment"]
    assert environment["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    assert environment["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
