"""Programs that write to a terminal."""

import contextlib
import os
import pty
import subprocess
from collections.abc import Sequence


def on_terminal(command: Sequence[str], stream: str = "stdout", **environment: str) -> tuple[int, str]:
    """The exit code of a command, and what it wrote to a terminal of 80 columns.

    Args:
        command: the program and its arguments.
        stream: which of its streams is the terminal, ``stdout`` or ``stderr``.
        **environment: beside what this process has.
    """
    ours, theirs = pty.openpty()
    terminal = {"stdout": theirs} if stream == "stdout" else {"stderr": theirs}
    child = subprocess.Popen(command, env={**os.environ, "COLUMNS": "80", **environment}, **terminal)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError), os.fdopen(ours, "rb", buffering=0) as out:  # a terminal ends with an error
        while part := out.read(4096):
            shown += part
    return child.wait(), shown.decode()
