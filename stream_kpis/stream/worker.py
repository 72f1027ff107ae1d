"""Runs the parts of a process until a signal, and ends it in order and in time: the worker, without Faust's command."""

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from stream_kpis.events.rates import Rates
from stream_kpis.settings import Settings
from stream_kpis.stream.app import make_app
from stream_kpis.stream.failure import EXIT_DONE, EXIT_FAILED, StreamError, lethal, within
from stream_kpis.stream.logs import set_up_logging
from stream_kpis.stream.rebalance import MakeShard

Beside = Callable[[], Awaitable[object]]
"""Something that runs as long as the process, in its event loop."""

logger = logging.getLogger(__name__)

# Both together stay below the 12 s that whoever stops us waits.
_STOP_S_MAX = 9.0
_LEAVE_S_MAX = 2.5
_GC_THRESHOLDS = (500_000, 50, 1_000)


def run_worker(
    settings: Settings, make_shard: MakeShard, beside: Sequence[Beside] = (), rates: Rates | None = None
) -> None:
    """Works until SIGTERM or SIGINT, and then ends the process with 0 after a last flush.

    What cannot go on ends the process: exit code 2 if it is the settings, else 75, always with one line. So does a last
    flush that cannot be written.

    Args:
        settings: checked settings.
        make_shard: makes the empty shard of a partition.
        beside: what else runs in the same event loop; when one ends, the process ends.
        rates: that the shards share.
    """
    # Large dictionaries make the collector the hidden cost: look less often.
    gc.set_threshold(*_GC_THRESHOLDS)
    run_parts(settings, beside, make_shard, rates)


def run_parts(
    settings: Settings, parts: Sequence[Beside], make_shard: MakeShard | None = None, rates: Rates | None = None
) -> None:
    """As :func:`run_worker`, which without ``make_shard`` hosts no shards."""
    set_up_logging(settings.verbose)
    with lethal("start", settings.bootstrap):
        asyncio.run(_work(settings, parts, make_shard, rates))


async def _work(settings: Settings, parts: Sequence[Beside], make_shard: MakeShard | None, rates: Rates | None) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def end() -> None:
        if ended.is_set():  # asked twice: at once
            os._exit(EXIT_FAILED)
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    app = make_app(settings, make_shard, rates) if make_shard else None

    async def worker() -> None:
        await _host(app)

    tasks = [asyncio.create_task(_guarded(part, settings, ended)) for part in (*parts, *([worker] if app else []))]
    await ended.wait()
    if app:
        with within(_STOP_S_MAX, _unfinished(settings)), lethal("worker", settings.bootstrap):
            await app.stop()
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=_LEAVE_S_MAX)
    # All is written. To return would be to wait for every task and thread of a library that waits for a lost broker.
    sys.stdout.flush()
    os._exit(EXIT_DONE)


async def _guarded(part: Beside, settings: Settings, ended: asyncio.Event) -> None:
    """Runs a part, whose end is that of the process, unless that ends anyway."""
    name = getattr(part, "__name__", "task")
    with lethal(name, settings.bootstrap):
        try:
            await part()
        except asyncio.CancelledError:
            # Libraries let their own cancellations out; only at the end is it ours.
            logger.debug("%s", name, exc_info=True)
        except Exception:
            if not ended.is_set():
                raise
            logger.debug("%s", name, exc_info=True)
        if not ended.is_set():
            raise StreamError(f"{name} ended by itself: start it again")


async def _host(app: Any) -> None:
    """Runs Faust; raises when it ends, as it does by an error only."""
    app.in_worker = True
    starting = asyncio.create_task(app.start())
    crashed = asyncio.create_task(app._crashed.wait())  # noqa: SLF001 - mode offers no other way to wait for it
    await asyncio.wait({starting, crashed}, return_when=asyncio.FIRST_COMPLETED)
    if starting.done():
        starting.result()
        await crashed
    raise StreamError(f"Faust ended: {app.crash_reason!r}")


def _unfinished(settings: Settings) -> str:
    return (
        f"not ended in order within {_STOP_S_MAX:.0f} s, Kafka {settings.bootstrap} does not answer:"
        " nothing is lost, a worker started again goes on from the last flush"
    )
