"""The roles of a process: worker, exporter, or both. The exporter always reads the cells changelog: one path."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.tiles import Calendar
from stream_kpis.kpis.goals import Goals
from stream_kpis.live.clock import Clock
from stream_kpis.live.explaining import Explaining, Prove
from stream_kpis.live.feed import Feed
from stream_kpis.live.periods import Periods
from stream_kpis.live.pseudonyms import Pseudonyms
from stream_kpis.live.read_model import ReadModel
from stream_kpis.live.receipt import Maker
from stream_kpis.live.server import serving
from stream_kpis.plan import goals_of, known_rates
from stream_kpis.settings import Role, Settings
from stream_kpis.stream.changelog import CellsReader
from stream_kpis.stream.control import deployed_plan_now
from stream_kpis.stream.failure import StreamError, lethal
from stream_kpis.stream.logs import set_up_logging
from stream_kpis.stream.shards import shard_maker
from stream_kpis.stream.sources import SourceEnds
from stream_kpis.stream.targets import TargetsReader
from stream_kpis.stream.topics import declare
from stream_kpis.stream.worker import run_parts, run_worker

SNAPSHOT_S = 0.5
"""How often a snapshot is made."""
STALE_PAUSE_S = 1.5
"""How much less often while shards lag."""

Announce = Callable[[str], None]
"""Told the address of the live page, once it answers."""

_say = partial(print, flush=True)


def run(settings: Settings, announce: Announce = _say, prove: Prove | None = None) -> None:
    """Runs what ``settings.role`` says until SIGTERM or SIGINT; then the process ends.

    Args:
        settings: checked settings.
        announce: told the address of the live page.
        prove: recomputes a value that somebody doubts.
    """
    set_up_logging(settings.verbose)
    with lethal("exporter" if settings.role is Role.EXPORTER else "start", settings.bootstrap):
        plan = deployed_plan_now(settings)
        goals = goals_of(settings, plan)

    async def exporter() -> None:
        await run_exporter(settings, plan, goals, announce, prove)

    if settings.role is Role.EXPORTER:
        run_parts(settings, [exporter])
    else:
        rates = known_rates(settings)
        beside = [exporter] if settings.role is Role.ALL else []
        run_worker(settings, shard_maker(settings, plan, rates), beside, rates)


async def run_exporter(
    settings: Settings, plan: Plan, goals: Goals, announce: Announce, prove: Prove | None = None
) -> None:
    """Follows the cells of all shards and serves what they say, for ever.

    When Kafka goes away it serves what it has, as stale and with a kpi-now that stands still, and goes on afterwards.

    Raises:
        StreamError: the port is taken.
        KafkaError: Kafka does not answer at the start, or refuses.
    """
    await declare(settings)
    calendar = Calendar(settings.zone)
    model = ReadModel(plan, calendar, settings.currency, goals, Pseudonyms.of(settings))
    clock, feed = Clock(settings.partitions), Feed()
    kpis, program = plan.catalogue.kpis, version("stream-kpis")
    targets = TargetsReader(settings, kpis, model.targets.tell)
    options = {
        "targets_rejected": lambda: targets.rejected,
        "calendars": plan.calendars,
        "goals": goals.digest,
        "currency": settings.currency,
        "version": program,
        "periods": Periods(model, calendar),
        "allowed_hosts": settings.allowed_hosts,
        "routes": Explaining(feed, model, Maker(plan, model, calendar, settings.currency), prove).routes(),
    }
    try:
        async with (
            serving(feed, kpis, settings.host, settings.port, **options) as address,
            CellsReader(settings) as cells,
            SourceEnds(settings) as ends,
            targets,
        ):
            announce(address)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_follow(cells, model, clock))
                tasks.create_task(targets.follow())
                tasks.create_task(_publish(cells, ends, model, clock, feed))
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        raise StreamError(f"exporter: cannot listen on {where}: {error.strerror}; choose another port") from error


async def _follow(cells: CellsReader, model: ReadModel, clock: Clock) -> None:
    async for partition, records, header in cells:
        model.apply(partition, records, header)
        clock.follow(partition, header)


async def _publish(cells: CellsReader, ends: SourceEnds, model: ReadModel, clock: Clock, feed: Feed) -> None:
    while True:
        began = time.monotonic()
        wall_ms = time.time_ns() // 1_000_000
        now = clock.now(wall_ms, ends.settled if cells.caught_up else None)
        feed.publish(model.snapshot(now.kpi_now_ms, stale=now.stale, made_ms=wall_ms, shards=now.shards))
        took_s = time.monotonic() - began
        # At most half of a core; less while history is read, when the workers need it more and all is stale anyway.
        await asyncio.sleep(max(SNAPSHOT_S - took_s, took_s) + (STALE_PAUSE_S if now.stale else 0))
