"""A broker's data folder: the cluster's identity in it (`kafka/`), and who runs in it now (`broker.json`)."""

import base64
import json
import re
import shutil
import uuid
from pathlib import Path
from typing import NamedTuple


class Running(NamedTuple):
    """A broker that runs in a data folder."""

    pid: int
    bootstrap: str
    """Host and port for Kafka clients."""
    log: Path


def new_cluster(template: Path, data: Path) -> None:
    """Makes `kafka/` out of a formatted template, as a cluster with an id of its own; all or nothing."""
    making = data / "kafka.new"
    shutil.rmtree(making, ignore_errors=True)
    shutil.copytree(template, making)
    (making / "meta.properties").write_text(f"version=1\nnode.id=1\ncluster.id={_id()}\ndirectory.id={_id()}\n")
    making.replace(data / "kafka")


def _id() -> str:
    """A random id as Kafka writes them: a UUID in base64, not beginning with a dash."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")


def cluster_id(data: Path) -> str:
    """The id of the cluster whose data these are."""
    found = re.search(r"^cluster\.id=(\S+)", (data / "kafka" / "meta.properties").read_text(), re.MULTILINE)
    if not found:
        raise OSError(f"no cluster id in {data / 'kafka' / 'meta.properties'}")
    return found[1]


def remember(data: Path, running: Running) -> None:
    """Writes down who runs here."""
    new = _state(data).with_suffix(".new")
    new.write_text(json.dumps({"pid": running.pid, "bootstrap": running.bootstrap}))
    new.replace(_state(data))


def forget(data: Path) -> None:
    """Writes down that nobody runs here."""
    _state(data).unlink(missing_ok=True)


def status(data: Path) -> Running | None:
    """The broker that runs in a data folder, whoever started it; None if none does."""
    data = data.resolve()
    try:
        state = json.loads(_state(data).read_text())
        # A process id is used again after a while: ours is a Kafka that runs in this folder.
        process = Path("/proc", str(state["pid"]))
        if (process / "cwd").readlink() != data or b"kafka.Kafka" not in (process / "cmdline").read_bytes():
            return None
        return Running(state["pid"], state["bootstrap"], data / "broker.log")
    except (OSError, ValueError, KeyError):
        return None


def _state(data: Path) -> Path:
    return data / "broker.json"
