"""Folders that live as long as the process that made them: who is killed leaves one, and the next one removes it."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from stream_kpis.local.folder import status


@contextlib.contextmanager
def scratch(base: Path, prefix: str) -> Iterator[Path]:
    """A new folder, removed at the end; first those are removed whose process is gone, as after a kill -9.

    Each process holds a lock on its folder, of which the system lets go however it ends.

    Args:
        base: where to make it; made if missing.
        prefix: how its name begins, and those of what may be removed.
    """
    base.mkdir(parents=True, exist_ok=True)
    for left in base.glob(f"{prefix}*"):
        _remove_if_left(left)
    folder, lock = _own(base, prefix)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _own(base: Path, prefix: str) -> tuple[Path, int]:
    """A new folder and the lock on it. Between the two another process may take it for left: then another one."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=base))
        with contextlib.suppress(FileNotFoundError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():
                return folder, lock
            os.close(lock)


def _remove_if_left(folder: Path) -> None:
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:  # gone, or no folder
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # A broker outlives its parent for a second; then the next one removes it.
        if not status(folder / "kafka"):
            shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        pass  # somebody's
    finally:
        os.close(lock)
