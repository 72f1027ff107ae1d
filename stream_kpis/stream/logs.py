"""What a process says beside its results: one line per event, to standard error."""

import logging
import ssl
import sys

from aiokafka.errors import KafkaError

_SILENT_S = 10.0
_QUIET = ("faust", "mode", "aiokafka", "asyncio", "stream_kpis.stream.batches")  # the last are Faust's services
_RETRIED = ("Unable to update metadata from %s",)


def set_up_logging(verbose: bool) -> None:
    """One line per event to standard error: ours, and the errors of the libraries; all they say if verbose."""
    handler = logging.StreamHandler(sys.stderr)
    if not verbose:
        handler.addFilter(_retries)
        handler.addFilter(_Repeats())
    logging.basicConfig(
        handlers=[handler], level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    logging.getLogger("stream_kpis").setLevel(logging.DEBUG if verbose else logging.INFO)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.INFO if verbose else logging.ERROR)


def _retries(record: logging.LogRecord) -> bool:
    """Keeps what aiokafka tries again to itself: if that does not help, we end, and say so in one line.

    What trying again cannot mend it says: a certificate, a password, a right that is missing.
    """
    if not record.name.startswith("aiokafka"):
        return True
    reasons = [*(record.args or ()), record.exc_info[1] if record.exc_info else None]
    return record.msg not in _RETRIED and not any(map(_is_retried, reasons))


def _is_retried(reason: object) -> bool:
    if isinstance(reason, KafkaError):
        return bool(reason.retriable)
    return isinstance(reason, OSError) and not isinstance(reason, ssl.SSLError)


class _Repeats(logging.Filter):
    """Keeps what the same place says again within 10 s to itself: a lost broker is one event, not hundreds of lines."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, int], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        place = record.pathname, record.lineno
        if record.name.startswith("stream_kpis.") or record.created - self._said.get(place, 0.0) > _SILENT_S:
            self._said[place] = record.created
            return True
        return False
