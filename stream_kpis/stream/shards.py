"""Makes the engine's shards as the settings want them."""

from stream_kpis.engine.compiler import Plan, compile_catalogue
from stream_kpis.engine.shard import Shard
from stream_kpis.engine.tiles import Calendar
from stream_kpis.events.envelope import Reader
from stream_kpis.kpis.load import BUILT_IN, CatalogueError, load
from stream_kpis.settings import Settings, SettingsError
from stream_kpis.stream.rebalance import MakeShard


def compile_plan(settings: Settings) -> Plan:
    """The plan of the built-in catalogue with the deployment's own over it.

    Raises:
        SettingsError: the catalogue is wrong; the line names file and place.
    """
    files = sorted(BUILT_IN.glob("*.yaml"))
    for path in settings.catalogue:
        files += sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    try:
        return compile_catalogue(load(files))
    except CatalogueError as error:
        raise SettingsError(f"catalogue: {error}") from error


def shard_maker(settings: Settings, plan: Plan | None = None) -> MakeShard:
    """A maker of empty shards; they share the plan, the reader and the calendar."""
    plan = plan or compile_plan(settings)
    reader, calendar = Reader(settings.currency), Calendar(settings.zone)

    def make_shard(partition: int) -> Shard:
        return Shard(plan, partition, settings.partitions, reader, calendar, settings.disorder_days)

    return make_shard
