"""Prometheus and Alertmanager beside a demo, without Docker: Debian's programs, and a receiver for what they send.

    with Stack(Path("var/stack"), ["127.0.0.1:9108"], rules(Whole(kpis))) as stack:
        print(stack.prometheus, stack.alertmanager)
        stack.received  # notifications, as Alertmanager posted them

They end with this process.
"""

import http.server
import json
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from stream_kpis.local.jvm import spawn

_HOST = "127.0.0.1"
_PROGRAMS = {"prometheus": ("prometheus",), "alertmanager": ("prometheus-alertmanager", "alertmanager")}
_SCRAPE_INTERVAL = "5s"
"""A scrape must end within it: a missed one makes alerts flap, and a busy machine needs seconds for all KPIs."""
_READY_S_MAX = 60.0
_STOP_S_MAX = 10.0
_STARTS_MAX = 5
_POLL_S = 0.05
_SCRAPED = "stream_kpis_now_timestamp_seconds"


class StackError(RuntimeError):
    """Prometheus or Alertmanager cannot start; one line that says why."""


class Stack:
    """Prometheus, Alertmanager and a receiver of notifications, on free ports of 127.0.0.1.

    Args:
        folder: for their data and logs; made if missing.
        exporters: hosts and ports to scrape.
        rules: the rule file, as YAML.
        interval_s: between evaluations of rules, and between notifications.
    """

    def __init__(self, folder: Path, exporters: Sequence[str], rules: str, interval_s: int = 1) -> None:
        self.folder = folder.resolve()
        self.received: list[dict[str, Any]] = []
        """All notifications, as Alertmanager posted them, in order."""
        self.prometheus = self.alertmanager = ""
        self._exporters = list(exporters)
        self._rules = rules
        self._interval = f"{interval_s}s"
        self._receiver: http.server.ThreadingHTTPServer | None = None
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> Self:
        """Starts all three and returns when they answer.

        Raises:
            StackError: a program is missing, or does not start.
        """
        programs = {name: _program(name) for name in _PROGRAMS}
        self.folder.mkdir(parents=True, exist_ok=True)
        self._receiver = _receiver(self.received)
        hook = f"http://{_HOST}:{self._receiver.server_port}/"
        try:
            self.alertmanager = self._run("alertmanager", programs["alertmanager"], self._alertmanager_arguments(hook))
            self.prometheus = self._run("prometheus", programs["prometheus"], self._prometheus_arguments())
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stops what runs."""
        for process in reversed(self._processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP_S_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()
        if self._receiver is not None:
            self._receiver.shutdown()
            self._receiver.server_close()
            self._receiver = None

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts that Prometheus has now, pending and firing, as its API gives them."""
        alerts: list[dict[str, Any]] = self._ask("alerts")["alerts"]
        return alerts

    def query(self, expr: str) -> list[dict[str, Any]]:
        """What Prometheus answers to an expression now, as its API gives it: series with a value each."""
        result: list[dict[str, Any]] = self._ask(f"query?{urllib.parse.urlencode({'query': expr})}")["result"]
        return result

    def scrapes(self) -> int:
        """How often an exporter gave values since the start; of several, the one that gave the fewest."""
        counts = [int(series["value"][1]) for series in self.query(f"count_over_time({_SCRAPED}[1h])")]
        return min(counts) if len(counts) == len(self._exporters) else 0

    def _ask(self, what: str) -> Any:
        with urllib.request.urlopen(f"{self.prometheus}/api/v1/{what}", timeout=5) as answer:  # noqa: S310 - ours
            return json.load(answer)["data"]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _alertmanager_arguments(self, hook: str) -> Sequence[str]:
        config = {
            "route": {
                "receiver": "here",
                "group_by": ["alertname"],
                "group_wait": self._interval,
                "group_interval": self._interval,
                "repeat_interval": "1h",
            },
            "receivers": [{"name": "here", "webhook_configs": [{"url": hook, "send_resolved": True}]}],
        }
        path = self._write("alertmanager.yml", yaml.safe_dump(config))
        data = self.folder / "alertmanager"
        return [f"--config.file={path}", f"--storage.path={data}", "--cluster.listen-address=", "--log.level=warn"]

    def _prometheus_arguments(self) -> Sequence[str]:
        rules = self._write("rules.yml", self._rules)
        config = {
            "global": {"scrape_interval": _SCRAPE_INTERVAL, "evaluation_interval": self._interval},
            "rule_files": [str(rules)],
            "scrape_configs": [{"job_name": "stream-kpis", "static_configs": [{"targets": self._exporters}]}],
            "alerting": {
                "alertmanagers": [{"static_configs": [{"targets": [self.alertmanager.removeprefix("http://")]}]}]
            },
        }
        path = self._write("prometheus.yml", yaml.safe_dump(config))
        data = self.folder / "prometheus"
        return [f"--config.file={path}", f"--storage.tsdb.path={data}", "--log.level=warn"]

    def _write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, "utf-8")
        return path

    def _run(self, name: str, program: str, arguments: Sequence[str]) -> str:
        """Starts a program on a free port, on another one if somebody takes that; gives its address."""
        log = self.folder / f"{name}.log"
        for _ in range(_STARTS_MAX):
            address = f"{_HOST}:{_free_port()}"
            process = spawn([program, *arguments, f"--web.listen-address={address}"], self.folder, log, stay=False)
            if _ready(process, f"http://{address}/-/ready"):
                self._processes.append(process)
                return f"http://{address}"
            if "address already in use" not in log.read_text("utf-8", "replace").splitlines()[-1]:
                break
        raise StackError(f"{name} did not start; its log is {log}")


def require_programs() -> None:
    """Asks for the programs before anything is started.

    Raises:
        StackError: one is missing; the line says how to install it.
    """
    for name in _PROGRAMS:
        _program(name)


def _program(name: str) -> str:
    for candidate in _PROGRAMS[name]:
        if path := shutil.which(candidate):
            return path
    raise StackError(
        f"{name} is missing; install it with: make system-deps (Debian: apt-get install {_PROGRAMS[name][0]})"
    )


def _free_port() -> int:
    with socket.create_server((_HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _ready(process: subprocess.Popen[bytes], url: str) -> bool:
    """Waits until a program says that it is ready; False if it ended or takes too long, and then it has ended."""
    deadline = time.monotonic() + _READY_S_MAX
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=1) as answer:  # noqa: S310 - ours
                if answer.status == http.HTTPStatus.OK:
                    return True
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(_POLL_S)
    process.kill()
    process.wait()
    return False


def _receiver(received: list[dict[str, Any]]) -> http.server.ThreadingHTTPServer:
    """A running web server that keeps what is posted to it."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Keeps one notification."""
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(http.HTTPStatus.OK)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing: notifications are shown by who started us."""

    server = http.server.ThreadingHTTPServer((_HOST, 0), Handler)
    threading.Thread(target=server.serve_forever, args=(_POLL_S,), name="receiver", daemon=True).start()
    return server
