"""Work in a process of its own: what it found or why not, and that it never outlives whoever waits for it."""

import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stream_kpis.live.web.background import Tell
from stream_kpis.stream.child import in_child

PARENT = """
import asyncio, os
from stream_kpis.stream.child import in_child

async def hang(tell):
    tell(os.getpid(), 0)
    await asyncio.Event().wait()

if __name__ == "__main__":
    asyncio.run(in_child(hang, tell=lambda pid, _: print(pid, flush=True)))
"""
GONE_S_MAX = 60.0


async def fail(error: Exception, _: Tell) -> dict[str, Any]:
    raise error


async def die(_: Tell) -> dict[str, Any]:
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    """The exporter has no time then to end it."""
    (tmp_path / "parent.py").write_text(PARENT)
    with subprocess.Popen([sys.executable, str(tmp_path / "parent.py")], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = os.pidfd_open(int(parent.stdout.readline()))
        try:
            parent.kill()
            parent.wait()
            gone, _, _ = select.select([child], [], [], GONE_S_MAX)
            if not gone:
                signal.pidfd_send_signal(child, signal.SIGKILL)
            assert gone, "it lives on"
        finally:
            os.close(child)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (RuntimeError("Kafka does not answer"), "Kafka does not answer"),
        (socket.gaierror(-2, "Name or service not known"), "[Errno -2] Name or service not known"),
        (TimeoutError(), "TimeoutError"),
    ],
)
async def test_why_it_failed_is_said(error: Exception, line: str) -> None:
    with pytest.raises(RuntimeError) as raised:
        await in_child(fail, error, tell=lambda *_: None)
    assert str(raised.value) == line


async def test_that_it_was_ended_is_said() -> None:
    with pytest.raises(RuntimeError, match="was ended: it may have lacked memory"):
        await in_child(die, tell=lambda *_: None)
