"""One line and an exit code for everything that can go wrong."""

import subprocess
import sys

import pytest
from aiokafka.errors import KafkaConnectionError

from stream_kpis.engine.shard import DefinitionsChanged
from stream_kpis.settings import SettingsError
from stream_kpis.stream.failure import StreamError, explained


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (SettingsError("settings: port: no"), ("settings: port: no", 2)),
        (StreamError("left the log"), ("left the log", 75)),
        (KafkaConnectionError("gone"), ("flush: Kafka: KafkaConnectionError: gone", 75)),
        (ValueError("a\nb"), ("flush: ValueError: a b", 75)),
        (ExceptionGroup("many", [StreamError("first"), ValueError()]), ("first", 75)),
    ],
)
def test_an_error_is_one_line(error: Exception, expected: tuple[str, int]) -> None:
    assert explained("flush", error) == expected


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
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (75, "")
    assert ended.stderr == "stream-kpis: work: KeyError: 'x' (<string>:4)\n"


def test_state_under_other_definitions_is_a_matter_of_settings() -> None:
    """Starting again would not help: exit code 2, and the line says what to do."""
    assert explained("recovery", DefinitionsChanged("set it back")) == ("set it back", 2)
