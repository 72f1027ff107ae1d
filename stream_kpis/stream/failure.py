"""How a process ends when it cannot go on: at once, with one line. Its supervisor starts it again."""

import contextlib
import logging
import os
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from aiokafka.errors import KafkaError

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
    except SettingsError as error:
        _end(str(error), EXIT_SETTINGS)
    except StreamError as error:
        _end(str(error), EXIT_FAILED)
    except KafkaError as error:
        _end(f"{what}: Kafka: {error or type(error).__name__}", EXIT_FAILED)
    except Exception as error:
        logger.debug("%s", what, exc_info=True)
        where = traceback.extract_tb(error.__traceback__)[-1]
        _end(f"{what}: {type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})", EXIT_FAILED)


def _end(line: str, code: int) -> NoReturn:
    # Not sys.exit: other tasks would go on, and a flush could still commit.
    os.write(2, f"stream-kpis: {' '.join(line.split())}\n".encode())
    os._exit(code)
