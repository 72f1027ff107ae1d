"""The demo refuses what cannot work before anything is started, and promises nothing that will not come."""

import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from stream_kpis.local.demo import Demo, incident, write_settings
from stream_kpis.settings import Settings, SettingsError, load

GIVEN: dict[str, Any] = {
    "span": None, "proof": False, "events": 1, "days": 1, "rate": 1.0, "seed": 1, "workers": 1,
    "scenario": "none", "port": None,
}  # fmt: skip


def settings() -> Settings:
    return load(environment={}, partitions=3)


def test_a_port_in_use_is_refused_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"^port {port} is in use; choose another one with --port$"):
            Demo(settings(), **GIVEN | {"port": port})


def test_more_workers_than_partitions_are_refused_at_once() -> None:
    with pytest.raises(ValueError, match=r"^4 workers are more than the 3 partitions: give at most as many$"):
        Demo(settings(), **GIVEN | {"workers": 4})


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (None, "agents hardly answer; at the end what waits is answered within a minute"),
        (600.0, "agents hardly answer; at the end what waits is answered within a minute"),
        (180.0, "agents hardly answer; the demo is over before that ends"),
        (90.0, ""),
        (120.0, ""),
    ],
)
def test_an_incident_is_told_as_far_as_it_will_be_seen(span: float | None, words: str) -> None:
    assert incident("slow-responses", span) == words


def test_a_shell_takes_the_settings_of_the_demo(tmp_path: Path) -> None:
    """Whatever is in them."""
    environment = {"STREAM_KPIS_BOOTSTRAP": "127.0.0.1:45003", "STREAM_KPIS_GOALS": "/a folder/it's $HOME.yaml"}
    file = write_settings(tmp_path, environment)
    done = subprocess.run(
        ["/bin/sh", "-c", f". {file}; env"], capture_output=True, text=True, check=True, env={"PATH": "/usr/bin:/bin"}
    )
    assert environment.items() <= dict(line.split("=", 1) for line in done.stdout.splitlines()).items()
