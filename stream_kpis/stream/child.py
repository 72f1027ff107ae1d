"""Work in a process of its own, at low priority, for whoever serves meanwhile; it ends with that one at the latest."""

import asyncio
import multiprocessing
import os
import threading
from collections.abc import Callable, Coroutine
from multiprocessing.connection import Connection
from typing import Any

from stream_kpis.live.web.background import Tell
from stream_kpis.settings import SettingsError

Task = Callable[..., Coroutine[Any, Any, dict[str, Any]]]
"""Of a module, as the child imports it; its last argument is told how far it is."""

_NICENESS = 10


async def in_child(work: Task, *args: Any, tell: Tell) -> dict[str, Any]:
    """What a piece of work finds in a process of its own; cancelled, the process ends.

    Args:
        work: is given the other arguments, and what to tell.
        *args: are sent to the process.
        tell: told how far it is.

    Raises:
        RuntimeError: the work failed, or the process was ended; one line.
    """
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe(duplex=False)
    child = spawn.Process(target=_run, args=(work, args, theirs), daemon=True)
    child.start()
    theirs.close()
    try:
        while True:
            kind, *said = await asyncio.to_thread(ours.recv)
            match kind:
                case "far":
                    tell(*said)
                case "found":
                    return dict(said[0])
                case _:
                    raise RuntimeError(said[0])
    except EOFError:
        raise RuntimeError("the process that read Kafka was ended: it may have lacked memory") from None
    finally:
        child.kill()
        await asyncio.to_thread(child.join)
        ours.close()


def _run(work: Task, args: tuple[Any, ...], said: Connection) -> None:
    """Says ``far``, how far it is, and at last what it ``found`` or why it ``failed``."""
    os.nice(_NICENESS)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        said.send(("found", asyncio.run(work(*args, lambda read, to_read: said.send(("far", read, to_read))))))
    except (OSError, RuntimeError, SettingsError, ValueError) as error:
        said.send(("failed", str(error) or type(error).__name__))


def _end_with_parent() -> None:
    """One that is killed ends no children: they would read on, and hold their memory, for nobody."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
