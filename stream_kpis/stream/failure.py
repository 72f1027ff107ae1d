"""How a process ends when it cannot go on: at once, with one line. Its supervisor starts it again."""

import contextlib
import logging
import os
import traceback
from collections.abc import Iterator
from pathlib import Path

from aiokafka.errors import KafkaError

from stream_kpis.engine.shard import DefinitionsChanged
from stream_kpis.settings import SettingsError

EXIT_FAILED = 75
EXIT_SETTINGS = 2

logger = logging.getLogger(__name__)


class StreamError(Exception):
    """The stream cannot go on; one line that says what to do."""


@contextlib.contextmanager
def lethal(what: str) -> Iterator[None]:
    """Any error inside ends the process: 2 if it is the settings, else 75.

    To go on with the next batch would lose this one, and Faust's own crash takes two seconds in which others wait.
    """
    try:
        yield
    except Exception as error:
        logger.debug("%s", what, exc_info=True)
        line, code = explained(what, error)
        os.write(2, f"stream-kpis: {line}\n".encode())
        # Not sys.exit: other tasks would go on, and a flush could still commit.
        os._exit(code)


def explained(what: str, error: BaseException) -> tuple[str, int]:
    """One line for people, and the exit code.

    Args:
        what: what was being done.
        error: why it failed; of a group, the first.
    """
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    match error:
        case SettingsError() | StreamError() | DefinitionsChanged():
            line = str(error)
        case KafkaError():
            line = f"{what}: Kafka: {error or type(error).__name__}"
        case _:
            where = traceback.extract_tb(error.__traceback__)[-1:]
            place = "".join(f" ({Path(frame.filename).name}:{frame.lineno})" for frame in where)
            line = f"{what}: {type(error).__name__}: {error}{place}"
    return " ".join(line.split()), EXIT_SETTINGS if isinstance(
        error, SettingsError | DefinitionsChanged
    ) else EXIT_FAILED
