"""Our own commands as child processes: started with settings by environment, ended with this process."""

import contextlib
import ctypes
import functools
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

_STOP_S_MAX = 20.0
_PR_SET_PDEATHSIG = 1


def _die_with(parent: int) -> None:
    """In the child: ask for a signal when the parent ends, which it may have done already."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)


class Command:
    """One running command of ours.

    Args:
        arguments: after ``stream-kpis``.
        environment: variables beside those of this process.
        log: where its output goes.
    """

    def __init__(self, arguments: list[str], environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "stream_kpis", *arguments],
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=functools.partial(_die_with, os.getpid()),  # noqa: PLW1509 - no threads when commands start
            )

    @property
    def ended(self) -> int | None:
        """The exit code, once it has ended."""
        return self.process.poll()

    def last_line(self) -> str:
        """What it said last, for an error."""
        with contextlib.suppress(OSError):
            lines = self.log.read_text(errors="replace").splitlines()
            return lines[-1] if lines else ""
        return ""

    def stop(self) -> None:
        """Asks it to end, and waits."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(_STOP_S_MAX)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def kill(self) -> None:
        """Ends it as kill -9 does."""
        self.process.kill()
        self.process.wait()
