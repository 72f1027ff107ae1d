"""Our worker: W1, and everything that the built-in catalogue counts. Done means durable."""

import asyncio
import json
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.events import Totals
from benchmarks.process import Measured
from benchmarks.systems.bench import Bench, Run, python, run_of
from stream_kpis.engine.batch import HEADER_KEY, Header, header_decoder
from stream_kpis.engine.tiles import Calendar
from stream_kpis.live.model.read_model import ReadModel
from stream_kpis.plan import compile_plan
from stream_kpis.settings import Settings
from stream_kpis.stream.changelog import CellsReader, end_offsets
from stream_kpis.stream.connection import connection
from stream_kpis.stream.topics import Names

W1 = Path(__file__).parents[1] / "w1.yaml"
_POLL_S = 0.1
_FETCH_MS = 500
_FROM_END = 2
"""A flush ends with its header and the transaction's own record."""

_W1_TOTALS = dict.fromkeys(
    ("leads", "matched_orders", "responses", "response_s", "revenue", "signed", "churned", "active")
)
_TOTALS_OF_ALL = {"leads": "leads_new", "revenue": "revenue_net", "churned": "churned_customers"}


def run_w1(bench: Bench) -> Run:
    """W1 alone, as a catalogue of its own."""
    settings = msgspec.structs.replace(bench.settings, app="w1", catalogue=(W1,), catalogue_built_in=False)
    return _run(bench, settings, {name: name for name in _W1_TOTALS})


def run_all(bench: Bench) -> Run:
    """All built-in KPIs."""
    return _run(bench, msgspec.structs.replace(bench.settings, app="all"), _TOTALS_OF_ALL)


def _run(bench: Bench, settings: Settings, kpi_of: Mapping[str, str]) -> Run:
    file = bench.folder / f"{settings.app}.yaml"
    file.write_text(json.dumps(_said(settings)))
    log = bench.folder / f"{settings.app}.log"
    with Measured(python("worker", str(file)), bench.cores.measured, log) as process:
        began = process.wait_for("first")
        first = process.read()._replace(at_s=began["at_s"])
        asyncio.run(_until_durable(settings, process.check))
        last = process.read()
    return run_of(bench.loaded.every, first, last, asyncio.run(_totals(settings, kpi_of)))


def _said(settings: Settings) -> dict[str, Any]:
    """The settings that are not at their default, as a file has them."""
    said = {name: getattr(settings, name) for name in settings.__struct_fields__}
    different = {name: value for name, value in said.items() if value != getattr(Settings(), name)}
    return dict(msgspec.to_builtins(different, enc_hook=str))


async def _until_durable(settings: Settings, check: Callable[[], None]) -> None:
    """Returns when the last header of every shard says that it has read its topics to their ends."""
    names = Names.of(settings)
    async with AIOKafkaConsumer(
        **connection(settings), group_id=None, isolation_level="read_committed", auto_offset_reset="none"
    ) as kafka:
        ends = await end_offsets(kafka, names.sources, settings.partitions)
        left = {TopicPartition(names.cells, partition) for partition in range(settings.partitions)}
        kafka.assign(left)
        while left:
            await asyncio.sleep(_POLL_S)
            check()
            for cells, header in (await _last_headers(kafka, left)).items():
                behind = [
                    topic
                    for (topic, partition), end in ends.items()
                    if partition == cells.partition and header.next.get(names.plain(topic), 0) < end
                ]
                if not behind:
                    left.remove(cells)


async def _last_headers(kafka: Any, cells: Collection[TopicPartition]) -> dict[TopicPartition, Header]:
    """The header of the last flush of each shard that has one."""
    flushed = {each: end for each, end in (await kafka.end_offsets(cells)).items() if end >= _FROM_END}
    for each, end in flushed.items():
        kafka.seek(each, end - _FROM_END)
    fetched = await kafka.getmany(*flushed, timeout_ms=_FETCH_MS) if flushed else {}
    return {
        each: header_decoder.decode(record.value)
        for each, records in fetched.items()
        for record in records
        if record.key == HEADER_KEY
    }


async def _totals(settings: Settings, kpi_of: Mapping[str, str]) -> Totals:
    """What the exporter would show over all time."""
    model = ReadModel(compile_plan(settings), Calendar(settings.zone))
    async with CellsReader(settings) as cells:

        async def follow() -> None:
            async for flushed in cells:
                model.apply(flushed.partition, flushed.cells)

        following = asyncio.create_task(follow())
        while not (cells.caught_up or following.done()):  # noqa: ASYNC110 - only asking tells
            await asyncio.sleep(_POLL_S)
        if following.done():
            await following
        following.cancel()
    shown = {
        value.kpi: value
        for value in model.snapshot(time.time_ns() // 1_000_000).values
        if value.window == "all" and not value.by
    }
    return {name: shown[kpi].value or 0.0 for name, kpi in kpi_of.items()}
