"""A measured process: on a core of its own, its time, CPU and memory taken from /proc."""

import json
import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from stream_kpis.local.jvm import spawn

if TYPE_CHECKING:
    import subprocess

ROOT = Path(__file__).parents[1]
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_POLL_S = 0.02
_RUN_S_MAX = 900.0


class BenchmarkError(RuntimeError):
    """A system did not start, or did not come to its end; one line."""


class Cores(NamedTuple):
    """Where the broker runs and where the measured process runs."""

    broker: int
    measured: int

    @classmethod
    def choose(cls) -> "Cores":
        """The first two that this process may use; the same one twice if there is only one."""
        allowed = sorted(os.sched_getaffinity(0))
        return cls(allowed[0], allowed[min(1, len(allowed) - 1)])


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Keeps this thread, and the threads and processes that it starts meanwhile, on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Reading(NamedTuple):
    """What /proc says at one instant; seconds."""

    at_s: float
    cpu_s: float
    """Of the process and its ended children."""
    core_s: float
    """How long the core was busy, with whatever."""
    rss_mb: float
    """The most memory that the process had so far."""


class Measured:
    """A child process on a core, which prints marks: lines of JSON with the field ``mark``.

    Args:
        command: the command line.
        core: where it runs.
        log: gets its output.
        folder: where it runs.
    """

    def __init__(self, command: Sequence[str], core: int, log: Path, folder: Path = ROOT) -> None:
        self._command, self._core, self._log, self._folder = command, core, log, folder
        self._read = 0
        self._lines: deque[str] = deque()
        """Read, but not looked at yet: several marks may come together."""
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with pinned(self._core):
            self._process = spawn(self._command, self._folder, self._log, stay=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._running().kill()  # what it would still tidy up is of no interest
        self._running().wait()

    def check(self) -> None:
        """Raises if the process has ended.

        Raises:
            BenchmarkError: it has; with the last line that it printed.
        """
        if (code := self._running().poll()) is not None:
            lines = self._log.read_text("utf-8", "replace").split("\n")
            last = next((line for line in reversed(lines) if line.strip()), "it said nothing")
            raise BenchmarkError(f"ended with code {code}: {last.strip()[:200]}")

    def wait_for(self, mark: str) -> dict[str, Any]:
        """The fields of a mark, as soon as it is there.

        Raises:
            BenchmarkError: the process ended, or it takes too long.
        """
        deadline = time.monotonic() + _RUN_S_MAX
        while time.monotonic() < deadline:
            self._lines.extend(self._new_lines())
            while self._lines:
                line = self._lines.popleft()
                if line.startswith('{"mark":') and (fields := json.loads(line))["mark"] == mark:
                    return dict(fields)
            self.check()
            time.sleep(_POLL_S)
        raise BenchmarkError(f"no {mark!r} after {_RUN_S_MAX:.0f} s")

    def read(self) -> Reading:
        """What /proc says now."""
        pid = self._running().pid
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        status = Path(f"/proc/{pid}/status").read_text()
        peak_kb = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
        return Reading(time.time(), sum(map(int, fields[11:15])) * _TICK_S, _core_busy_s(self._core), peak_kb / 1024)

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            raise RuntimeError("not started")
        return self._process

    def _new_lines(self) -> list[str]:
        with self._log.open("rb") as log:
            log.seek(self._read)
            whole, newline, _ = log.read().rpartition(b"\n")
        self._read += len(whole) + len(newline)
        return whole.decode("utf-8", "replace").split("\n")


def _core_busy_s(core: int) -> float:
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith(f"cpu{core} "):
            user, nice, system, _, _, *rest = map(int, line.split()[1:9])
            return (user + nice + system + sum(rest)) * _TICK_S
    raise BenchmarkError(f"/proc/stat does not know core {core}")
