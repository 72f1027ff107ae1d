"""Runs the worker in this process, without Faust's command line."""

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence

from stream_kpis.settings import Settings
from stream_kpis.stream.app import make_app
from stream_kpis.stream.failure import EXIT_FAILED, StreamError, lethal
from stream_kpis.stream.rebalance import MakeShard

Beside = Callable[[], Awaitable[object]]
"""Something that runs as long as the worker, in its event loop."""

_STOP_S_MAX = 12.0
_GC_THRESHOLDS = (500_000, 50, 1_000)
_SILENT_S = 10.0
_QUIET = ("faust", "mode", "aiokafka", "asyncio", "stream_kpis.stream.batches")  # the last are Faust's services


def run_worker(settings: Settings, make_shard: MakeShard, beside: Sequence[Beside] = ()) -> None:
    """Works until SIGTERM or SIGINT, and then returns after a last flush.

    What cannot go on ends the process: exit code 2 if it is the settings, else 75, always with one line.

    Args:
        settings: checked settings.
        make_shard: makes the empty shard of a partition.
        beside: what else runs in the same event loop; when one ends by an error, the process ends.
    """
    set_up_logging(settings.verbose)
    # Large dictionaries make the collector the hidden cost: look less often.
    gc.set_threshold(*_GC_THRESHOLDS)
    with lethal("worker"):
        asyncio.run(_work(settings, make_shard, beside))


async def _work(settings: Settings, make_shard: MakeShard, beside: Sequence[Beside]) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def end() -> None:
        if ended.is_set():  # asked twice: at once
            os._exit(EXIT_FAILED)
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    app = make_app(settings, make_shard)
    app.in_worker = True

    async def guarded(run: Beside) -> None:
        with lethal(getattr(run, "__name__", "task")):
            await run()

    tasks = [asyncio.create_task(guarded(run)) for run in beside]
    starting = asyncio.create_task(app.start())
    ending = asyncio.create_task(ended.wait())
    crashed = asyncio.create_task(app._crashed.wait())  # noqa: SLF001 - mode offers no other way to wait for it
    await asyncio.wait({starting, ending, crashed}, return_when=asyncio.FIRST_COMPLETED)
    if starting.done():
        starting.result()
        await asyncio.wait({ending, crashed}, return_when=asyncio.FIRST_COMPLETED)
    if crashed.done():
        raise StreamError(f"Faust ended: {app.crash_reason!r}")
    try:
        await asyncio.wait_for(app.stop(), _STOP_S_MAX)
    except TimeoutError:
        raise StreamError(
            "the last flush does not end, the broker is away: nothing is lost, a worker goes on there"
        ) from None
    for task in (*tasks, starting, crashed):
        task.cancel()
    await asyncio.gather(*tasks, starting, crashed, return_exceptions=True)


def set_up_logging(verbose: bool) -> None:
    """One line per event to standard error: ours, and the errors of the libraries; all they say if verbose."""
    handler = logging.StreamHandler(sys.stderr)
    if not verbose:
        handler.addFilter(_Repeats())
    logging.basicConfig(
        handlers=[handler], level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    logging.getLogger("stream_kpis").setLevel(logging.DEBUG if verbose else logging.INFO)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.INFO if verbose else logging.ERROR)


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
