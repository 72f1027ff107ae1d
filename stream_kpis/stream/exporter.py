"""The exporter: follows the cells of all shards, and serves what they say under the catalogue that all have."""

import asyncio
import time
from collections.abc import Callable
from importlib.metadata import version

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.tiles import Calendar
from stream_kpis.kpis.goals import Goals
from stream_kpis.live.model.clock import Clock
from stream_kpis.live.model.editions import Edition, Editions
from stream_kpis.live.model.history import History
from stream_kpis.live.model.pseudonyms import Pseudonyms
from stream_kpis.live.model.read_model import ReadModel
from stream_kpis.live.receipts.receipt import Maker
from stream_kpis.live.web.attending import Attending
from stream_kpis.live.web.explaining import Explaining
from stream_kpis.live.web.feed import Feed
from stream_kpis.live.web.histories import Histories
from stream_kpis.live.web.listening import listening
from stream_kpis.live.web.periods import Periods
from stream_kpis.live.web.proving import Prove, Proving
from stream_kpis.live.web.server import Server
from stream_kpis.plan import fitting
from stream_kpis.settings import Settings
from stream_kpis.stream.changelog import CellsReader
from stream_kpis.stream.sources import SourceEnds
from stream_kpis.stream.targets import TargetsReader
from stream_kpis.stream.topics import declare
from stream_kpis.stream.waiting import looking

SNAPSHOT_S = 0.5
"""How often a snapshot is made."""
STALE_PAUSE_S = 1.5
"""How much less often while shards lag."""

Announce = Callable[[str], None]
"""Told the address of the live page, once it answers."""


class Exporter:
    """All that shows one catalogue, and goes over to another with one snapshot.

    Args:
        settings: checked settings.
        plan: of the settings; shown as long as no shard says what it counts under.
        goals: of the settings.
        prove: recomputes a value that somebody doubts.
    """

    def __init__(self, settings: Settings, plan: Plan, goals: Goals, prove: Prove | None = None) -> None:
        self._calendar, self._currency = Calendar(settings.zone), settings.currency
        self._goals, self._names = goals, Pseudonyms.of(settings)
        self.targets = TargetsReader(settings, {}, lambda *_: None)  # each edition has itself told
        self._editions = Editions(plan, self._model_of)
        self._shown = shown = self._editions.shown
        self._clock, self._feed = Clock(settings.partitions), Feed()
        kpis = plan.catalogue.kpis
        self.proving = Proving(self._feed, kpis, prove if settings.prove_records_max else None)
        self.attending = Attending(looking(settings))
        provable = bool(self.proving.routes())
        self._explaining = Explaining(self._feed, shown.model, self._maker(shown), provable=provable)
        self._histories = Histories(self._feed, History(shown.model, self._calendar), kpis, settings.currency)
        self._server = Server(
            self._feed,
            kpis,
            targets_rejected=lambda: self.targets.rejected,
            calendars=plan.calendars,
            goals=goals.digest,
            currency=settings.currency,
            version=version("stream-kpis"),
            periods=Periods(shown.model, self._calendar),
            host=settings.host,
            allowed_hosts=settings.allowed_hosts,
            routes=[
                *self._explaining.routes(),
                *self._histories.routes(),
                *self.proving.routes(),
                *self.attending.routes(),
            ],
        )
        self.app = self._server.app()

    def _model_of(self, plan: Plan) -> ReadModel:
        goals = fitting(self._goals, plan)
        model = ReadModel(plan, self._calendar, self._currency, goals, self._names)
        self.targets.turn(plan.catalogue.kpis, model.targets.tell)
        return model

    def _maker(self, edition: Edition) -> Maker:
        return Maker(edition.plan, edition.model, self._calendar, self._currency)

    def close(self) -> None:
        """Ends the streams: nothing newer will come."""
        self._feed.close()

    async def follow(self, cells: CellsReader) -> None:
        """Takes what the shards write, for ever."""
        async for partition, records, header, catalogues in cells:
            self._editions.apply(partition, records, header, catalogues)
            self._clock.follow(partition, header)

    async def publish(self, cells: CellsReader, ends: SourceEnds) -> None:
        """Publishes snapshots, for ever; the first when the changelog has been read, which says what is shown."""
        while True:
            for _ in self._editions.turning() if cells.caught_up else ():
                await asyncio.sleep(0)  # a worker may share the loop
            began = time.monotonic()
            wall_ms = time.time_ns() // 1_000_000
            now = self._clock.now(wall_ms, ends.settled if cells.caught_up else None)
            if cells.caught_up:
                snapshot = self._editions.snapshot(now.kpi_now_ms, stale=now.stale, made_ms=wall_ms, shards=now.shards)
                if self._editions.shown is not self._shown:
                    self._turn(self._editions.shown)
                self._feed.publish(snapshot)
            took_s = time.monotonic() - began
            # At most half of a core; less while shards lag, when the workers need it more and all is stale anyway.
            pause_s = STALE_PAUSE_S if now.stale and cells.caught_up else 0
            await asyncio.sleep(max(SNAPSHOT_S - took_s, took_s) + pause_s)

    def _turn(self, edition: Edition) -> None:
        """Shows another catalogue; whoever asks before the next snapshot is published would see both."""
        self._shown = edition
        kpis = edition.plan.catalogue.kpis
        self._server.turn(kpis, Periods(edition.model, self._calendar), edition.plan.calendars)
        self._explaining.turn(edition.model, self._maker(edition))
        self._histories.turn(History(edition.model, self._calendar), kpis)
        self.proving.turn(kpis)


async def run_exporter(
    settings: Settings, plan: Plan, goals: Goals, announce: Announce, prove: Prove | None = None
) -> None:
    """Follows the cells of all shards and serves what they say, for ever.

    When Kafka goes away it serves what it has, as stale and with a kpi-now that stands still, and goes on afterwards.

    Raises:
        SettingsError: the port is taken.
        KafkaError: Kafka does not answer at the start, or refuses.
    """
    await declare(settings)
    exporter = Exporter(settings, plan, goals, prove)
    async with (
        listening(exporter.app, settings.host, settings.port) as address,
        CellsReader(settings) as cells,
        SourceEnds(settings) as ends,
        exporter.targets,
        exporter.proving,
        exporter.attending,
    ):
        try:
            announce(address)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(exporter.follow(cells))
                tasks.create_task(exporter.targets.follow())
                tasks.create_task(exporter.publish(cells, ends))
        finally:
            exporter.close()
