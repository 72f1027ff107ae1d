"""The worker as a Faust app: `faust -A stream_kpis.stream.app worker` works, as `stream-kpis worker` does."""

import asyncio
import functools
import time
from typing import Any

import faust

from stream_kpis.events.rates import Rates
from stream_kpis.plan import known_rates
from stream_kpis.settings import Settings, load
from stream_kpis.stream.batches import BatchApp
from stream_kpis.stream.connection import faust_connection
from stream_kpis.stream.control import deployed_plan_now
from stream_kpis.stream.failure import lethal
from stream_kpis.stream.health import show_alive
from stream_kpis.stream.pulse import feel_pulse
from stream_kpis.stream.rates import RatesReader
from stream_kpis.stream.rebalance import MakeShard, Shards
from stream_kpis.stream.shards import shard_maker
from stream_kpis.stream.topics import Names, declare

_WATCH_S = 2.0
_RETIRE_S = 10.0
_BREATH_S = 0.005
_QUEUE_BATCHES_MAX = 4
_POLL_RECORDS_MAX = 2_000  # a batch is applied without a break, and flushes wait for it


def make_app(settings: Settings, make_shard: MakeShard, rates: Rates | None = None) -> BatchApp:
    """A Faust app that keeps the shards of the partitions it is assigned.

    Args:
        settings: checked settings.
        make_shard: makes the empty shard of a partition.
        rates: that the shards share; those of the topic of rates are added to them.
    """
    if faust.streams._CStreamIterator is None:  # noqa: SLF001 - the pure Python one acknowledges what it drops
        raise RuntimeError("Faust lacks its compiled part: install faust-streaming from a wheel")
    names = Names.of(settings)
    app = BatchApp(
        names.group,
        **faust_connection(settings),
        store="memory://",
        # Without standbys and tables Faust takes round robin for its assignor, which splits shards over workers.
        table_standby_replicas=1,
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        broker_session_timeout=6.0,
        broker_heartbeat_interval=2.0,
        broker_rebalance_timeout=20.0,
        broker_max_poll_records=_POLL_RECORDS_MAX,
        stream_recovery_delay=0.0,
        stream_wait_empty=False,
        worker_redirect_stdouts=False,
    )
    app.names = names
    app.shards = shards = Shards(app, settings, names, make_shard)
    reader = RatesReader(settings, Rates(settings.currency) if rates is None else rates)
    app.prepare = functools.partial(_prepare, app, settings, reader, shards)

    async def keep_shards(batches: Any) -> None:
        """Every batch of one partition moves that partition's shard; rejects ride in its next flush."""
        async for batch in batches:
            with lethal("apply", settings.bootstrap):
                await shards.apply(batch)

    for source in names.sources:
        topic = app.topic(source, key_serializer="raw", value_serializer="raw", acks=False, maxsize=_QUEUE_BATCHES_MAX)
        app.agent(topic, name=f"keep-{source}", concurrency=1)(keep_shards)
    _connect(app, shards, reader, settings)
    return app


async def _prepare(app: BatchApp, settings: Settings, reader: RatesReader, shards: Shards) -> None:
    with lethal("start", settings.bootstrap):
        await declare(settings)
        await reader.start()
    # Not tasks of the app: those begin only when it has started, and Kafka may go away before.
    app.add_future(_live(settings))
    app.add_future(_follow(settings, reader, shards))


async def _live(settings: Settings) -> None:
    with lethal("worker", settings.bootstrap):
        await feel_pulse(settings)


async def _follow(settings: Settings, reader: RatesReader, shards: Shards) -> None:
    with lethal("rates", settings.bootstrap):
        await reader.follow(shards.stir)


def _connect(app: BatchApp, shards: Shards, reader: RatesReader, settings: Settings) -> None:
    """What happens beside the batches: rebalances, flushes, the end."""
    bootstrap = settings.bootstrap

    async def hand_over(*_: Any, **__: Any) -> None:
        with lethal("flush before a rebalance", bootstrap):
            await shards.revoked()

    async def recover(*_: Any, **__: Any) -> None:
        with lethal("recovery", bootstrap):
            await shards.rebalanced()

    async def leave(*_: Any, **__: Any) -> None:
        with lethal("flush before the end", bootstrap):
            await shards.stop()
            await reader.stop()

    async def flush() -> None:
        while not app.should_stop:
            began = time.monotonic()
            with lethal("flush", bootstrap):
                await shards.flush()
            with lethal("health_file"):
                show_alive(settings.health_file)
            await asyncio.sleep(max(_BREATH_S, shards.interval_s - (time.monotonic() - began)))

    async def watch() -> None:
        while not app.should_stop:
            await asyncio.sleep(_WATCH_S)
            with lethal("watchdog", bootstrap):
                await shards.watch()

    async def retire() -> None:
        while not app.should_stop:
            await asyncio.sleep(_RETIRE_S)
            with lethal("retirement of old catalogues", bootstrap):
                await shards.retire()

    app.on_partitions_revoked.connect(hand_over)
    app.on_rebalance_complete.connect(recover)
    app.on_before_shutdown.connect(leave)
    app.task(flush)
    app.task(watch)
    app.task(retire)


@functools.cache
def default_app() -> BatchApp:
    """The app with the settings of the environment, as `faust -A` finds it."""
    settings = load()
    rates = known_rates(settings)
    return make_app(settings, shard_maker(settings, deployed_plan_now(settings), rates), rates)


def __getattr__(name: str) -> Any:
    # Not a global: who imports this module need not have settings yet.
    if name == "app":
        return default_app()
    raise AttributeError(name)
