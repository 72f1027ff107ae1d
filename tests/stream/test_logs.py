"""What is said of what libraries try again: nothing; of what that cannot mend: once."""

import logging
import ssl
import subprocess
import sys

import pytest
from aiokafka.errors import AuthenticationFailedError, NodeNotReadyError

from stream_kpis.stream.logs import _retries


@pytest.mark.parametrize(
    ("text", "reasons", "kept"),
    [
        ("Unable connect to node with id %s: %s", (1, ConnectionRefusedError(111, "refused")), False),
        ("Heartbeat send request failed: %s. Will retry.", (NodeNotReadyError("node 1"),), False),
        ("Unable to update metadata from %s", ([1],), False),
        ('Unable connect to "%s:%s": %s', ("kafka", 9092, ssl.SSLCertVerificationError("expired")), True),
        ('Unable connect to "%s:%s": %s', ("kafka", 9092, AuthenticationFailedError("password")), True),
        ("Unable connect", (), True),
    ],
)
def test_what_is_tried_again_is_not_said(text: str, reasons: tuple[object, ...], kept: bool) -> None:
    record = logging.LogRecord("aiokafka.client", logging.ERROR, "client.py", 1, text, reasons, None)
    assert _retries(record) is kept
    record.exc_info = (NodeNotReadyError, NodeNotReadyError("node 1"), None)
    assert not _retries(record)
    record.name = "stream_kpis.stream.sources"
    assert _retries(record)


def test_warnings_of_libraries_are_not_said_unless_asked_for() -> None:
    """As of aiokafka's each refused batch, in the first second of new topics."""
    program = (
        "import logging, sys\n"
        "from stream_kpis.stream.logs import set_up_logging\n"
        "set_up_logging(sys.argv[1] == 'verbose')\n"
        "logging.getLogger('aiokafka.producer.sender').warning('Got error produce response')\n"
    )
    said = [
        subprocess.run([sys.executable, "-c", program, how], capture_output=True, text=True, check=True).stderr
        for how in ("", "verbose")
    ]
    assert [text.count("Got error") for text in said] == [0, 1]
