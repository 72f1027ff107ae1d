"""How a process ends when it cannot go on: at once, with one line. Its supervisor starts it again."""

import contextlib
import logging
import os
import socket
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path

from aiokafka import errors
from aiokafka.errors import KafkaError

from stream_kpis.engine.definitions import DefinitionsChanged
from stream_kpis.settings import SettingsError

EXIT_DONE = 0
EXIT_FAILED = 75
EXIT_SETTINGS = 2

_AWAY = (
    errors.KafkaConnectionError,
    errors.KafkaTimeoutError,
    errors.LeaderNotAvailableError,  # how aiokafka puts it that no broker told it of a topic
    errors.NoBrokersAvailable,
    errors.NodeNotReadyError,
    errors.RequestTimedOutError,
    ConnectionError,
    TimeoutError,
    socket.gaierror,
)

logger = logging.getLogger(__name__)


class StreamError(Exception):
    """The stream cannot go on; one line that says what to do."""


def is_away(error: BaseException) -> bool:
    """Whether the error means that Kafka does not answer, rather than that it refuses."""
    return isinstance(error, _AWAY)


def kafka_line(bootstrap: str, error: BaseException) -> str:
    """What is wrong with Kafka, and what to do about it: the same line from every command.

    Args:
        bootstrap: where it should be.
        error: what its client raised.
    """
    if is_away(error):
        return (
            f"Kafka {bootstrap} does not answer: start one with `stream-kpis kafka start`,"
            " or name yours with --bootstrap or STREAM_KPIS_BOOTSTRAP"
        )
    return f"Kafka {bootstrap}: {error or type(error).__name__}"


@contextlib.contextmanager
def lethal(what: str, bootstrap: str = "") -> Iterator[None]:
    """Any error inside ends the process: 2 if it is the settings, else 75.

    To go on with the next batch would lose this one, and Faust's own crash takes two seconds in which others wait.

    Args:
        what: what is being done.
        bootstrap: where Kafka should be, for what it does wrong.
    """
    try:
        yield
    except Exception as error:
        logger.debug("%s", what, exc_info=True)
        _end(*explained(what, error, bootstrap))


@contextlib.contextmanager
def within(seconds: float, line: str) -> Iterator[None]:
    """What is inside ends in time, or the process does, with this line and 75.

    By a thread of its own: what is awaited may swallow its cancellation, or block the event loop.
    """
    timer = threading.Timer(seconds, _end, (line, EXIT_FAILED))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _end(line: str, code: int) -> None:
    os.write(2, f"stream-kpis: {line}\n".encode())
    # Not sys.exit: other tasks would go on, and a flush could still commit.
    os._exit(code)


def explained(what: str, error: BaseException, bootstrap: str = "") -> tuple[str, int]:
    """One line for people, and the exit code.

    Args:
        what: what was being done.
        error: why it failed; of a group, the first.
        bootstrap: where Kafka should be.
    """
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    match error:
        case SettingsError() | StreamError() | DefinitionsChanged():
            line = str(error)
        case KafkaError():
            line = f"{what}: {kafka_line(bootstrap, error)}"
        case _:
            where = traceback.extract_tb(error.__traceback__)[-1:]
            place = "".join(f" ({Path(frame.filename).name}:{frame.lineno})" for frame in where)
            line = f"{what}: {type(error).__name__}: {error}{place}"
    return " ".join(line.split()), EXIT_SETTINGS if isinstance(
        error, SettingsError | DefinitionsChanged
    ) else EXIT_FAILED
