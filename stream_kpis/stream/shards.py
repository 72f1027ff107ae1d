"""Makes the engine's shards as the settings want them."""

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.shard import Shard
from stream_kpis.engine.tiles import Calendar
from stream_kpis.events.envelope import Reader
from stream_kpis.events.rates import Rates
from stream_kpis.settings import Settings
from stream_kpis.stream.rebalance import MakeShard


def shard_maker(settings: Settings, plan: Plan, rates: Rates | None = None) -> MakeShard:
    """A maker of empty shards; they share the plan, the reader, the calendar and the rates."""
    reader, calendar = Reader(settings.currency), Calendar(settings.zone)

    def make_shard(partition: int) -> Shard:
        return Shard(
            plan, partition, settings.partitions, reader, calendar, settings.disorder_days, rates, app=settings.app
        )

    return make_shard
