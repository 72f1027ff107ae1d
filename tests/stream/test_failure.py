"""One line and an exit code for everything that can go wrong."""

import subprocess
import sys

import pytest
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError

from stream_kpis.engine.definitions import DefinitionsChanged
from stream_kpis.settings import SettingsError
from stream_kpis.stream.failure import StreamError, explained

AWAY = (
    "does not answer: start one with `stream-kpis kafka start`, or name yours with --bootstrap or STREAM_KPIS_BOOTSTRAP"
)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (SettingsError("settings: port: no"), ("settings: port: no", 2)),
        (StreamError("left the log"), ("left the log", 75)),
        (KafkaConnectionError("gone"), (f"flush: Kafka here:9092 {AWAY}", 75)),
        (
            TopicAuthorizationFailedError("crm"),
            ("flush: Kafka here:9092: [Error 29] TopicAuthorizationFailedError: crm", 75),
        ),
        (ValueError("a\nb"), ("flush: ValueError: a b", 75)),
        (ExceptionGroup("many", [StreamError("first"), ValueError()]), ("first", 75)),
    ],
)
def test_an_error_is_one_line(error: Exception, expected: tuple[str, int]) -> None:
    assert explained("flush", error, "here:9092") == expected


def test_an_error_ends_the_process_at_once() -> None:
    """Without `finally`, so that nothing commits any more."""
    program = (
        "from stream_kpis.stream.failure import lethal\n"
        "try:\n"
        "    with lethal('work'):\n"
        "        raise KeyError('x')\n"
        "finally:\n"
        "    print('went on')\n"
    )
    assert run(program) == (75, "", "stream-kpis: work: KeyError: 'x' (<string>:4)\n")


def test_what_does_not_end_in_time_ends_the_process() -> None:
    """Though it swallows its cancellation, and blocks the event loop."""
    program = (
        "import asyncio, time\n"
        "from stream_kpis.stream.failure import within\n"
        "async def hang():\n"
        "    with within(0.2, 'too late'):\n"
        "        time.sleep(60)\n"
        "asyncio.run(hang())\n"
    )
    assert run(program) == (75, "", "stream-kpis: too late\n")


def test_what_ends_in_time_goes_on() -> None:
    program = (
        "import time\n"
        "from stream_kpis.stream.failure import within\n"
        "with within(0.1, 'too late'):\n"
        "    pass\n"
        "time.sleep(0.3)\n"
    )
    assert run(program) == (0, "", "")


@pytest.mark.parametrize("how", ["return", "raise asyncio.CancelledError"])
def test_a_part_that_ends_by_itself_ends_the_process(how: str) -> None:
    """Or the port of an exporter would be closed, and the process would look alive."""
    program = (
        "import asyncio\n"
        "from stream_kpis.settings import Settings\n"
        "from stream_kpis.stream.worker import run_parts\n"
        "async def exporter():\n"
        f"    {how}\n"
        "run_parts(Settings(), [exporter])\n"
    )
    assert run(program) == (75, "", "stream-kpis: exporter ended by itself: start it again\n")


def run(program: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a program."""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=30)
    return ended.returncode, ended.stdout, ended.stderr


def test_state_under_other_definitions_is_a_matter_of_settings() -> None:
    """Starting again would not help: exit code 2, and the line says what to do."""
    assert explained("recovery", DefinitionsChanged("set it back")) == ("set it back", 2)
