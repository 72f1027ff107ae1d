"""A deployment's state out of Kafka into a file, and from a file into a deployment that has none.

Out: of every shard what it knew after one flush, while it runs or not. In: all of it in one transaction, or nothing.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from aiokafka.errors import KafkaError

from stream_kpis.engine.batch import HEADER_KEY, Header, Rekeyed, header_decoder, header_encoder
from stream_kpis.engine.rekeying import link_of
from stream_kpis.engine.relinking import Relinking, raised
from stream_kpis.engine.scopes import FORMAT
from stream_kpis.engine.tiles import iso
from stream_kpis.events.envelope import Record as Event
from stream_kpis.settings import Settings, SettingsError
from stream_kpis.stream.changelog import committed, read_to_ends
from stream_kpis.stream.commands.cuts import Logs, all_written
from stream_kpis.stream.commands.state_file import Manifest, Place, Reader, Record, Writer, reading, writing
from stream_kpis.stream.failure import StreamError, kafka_line
from stream_kpis.stream.flush import send_records, transactional
from stream_kpis.stream.logs import set_up_logging
from stream_kpis.stream.topics import REKEYED, Names, declare, every, members, survey

PARTIES, CELLS = "parties", "cells"
_IMPORT_MS_MAX = 900_000
"""The longest transaction that a broker allows by default."""


def export_state(settings: Settings, file: Path) -> int:
    """The command: writes the file, and says what is in it. Returns the exit code.

    Raises:
        SettingsError: there is no state, or topics are wrong.
        RuntimeError: Kafka does not answer, or a worker's clock went back; one line.
        StateFileError: there is such a file already.
    """
    set_up_logging(settings.verbose)
    with _one_line(settings), writing(file) as writer:
        manifest = asyncio.run(_export(settings, writer))
    cut = f"{len(manifest.cuts_ms)} of {manifest.partitions} shards, cut at {iso(min(manifest.cuts_ms.values()))}"
    _say(f"{file}: {cut} or later, {file.stat().st_size:,} bytes")
    return 0


def import_state(settings: Settings, file: Path, *, same_topics: bool) -> int:
    """The command: fills a deployment that has no state. Returns the exit code.

    Args:
        settings: of that deployment.
        file: of :func:`export_state`.
        same_topics: whether its source topics are those that were exported from, so that the positions hold. Else they
            are read from their beginnings: what was counted already is known, and not counted again.

    Raises:
        SettingsError: the deployment has a state or workers, or another number of partitions.
        RuntimeError: Kafka does not answer; one line.
        StateFileError: the file is damaged.
    """
    set_up_logging(settings.verbose)
    with _one_line(settings), reading(file) as reader:
        if reader.manifest.partitions != settings.partitions:
            raise SettingsError(
                f"{file} has {reader.manifest.partitions} partitions, not {settings.partitions}: state lives by"
                " partition; set partitions to that, or count again from the topics (docs/operate/repartition.md)"
            )
        count, kept = asyncio.run(_import(settings, reader, same_topics=same_topics))
    for topic in kept:
        _say(f"topic {topic} has records already: left as it is")
    _say(f"{count:,} records: start the workers, which go on from there")
    return 0


@contextlib.contextmanager
def _one_line(settings: Settings) -> Iterator[None]:
    try:
        yield
    except KafkaError as error:
        raise RuntimeError(kafka_line(settings.bootstrap, error)) from error
    except StreamError as error:
        raise RuntimeError(str(error)) from error


def _say(line: str) -> None:
    print(line)  # noqa: T201 - the commands' output


async def _export(settings: Settings, writer: Writer) -> Manifest:
    names, missing = Names.of(settings), (await survey(settings)).missing
    if {names.parties, names.cells} & set(missing):
        raise SettingsError(f"there is no state: no topic {names.cells}; are app and prefix those of the deployment?")
    cuts: dict[str, int] = {}
    unread: dict[int, int] = {}
    async with committed(settings, fetch_max_wait_ms=50) as kafka, all_written(settings) as written:
        logs = Logs(kafka, written)
        for partition in range(settings.partitions):
            cut = await logs.cut(names, partition)
            if cut is None:
                continue
            header: Record = cut.header.made_ms, HEADER_KEY, header_encoder.encode(cut.header), []
            writer.add(Place(PARTIES, partition), map(_record, cut.parties))
            writer.add(Place(CELLS, partition), [*map(_record, cut.cells), header])
            cuts[str(partition)], unread[partition] = cut.header.made_ms, cut.header.next.get(REKEYED, 0)
        if not cuts:
            raise SettingsError(f"there is no state: no shard has written to {names.cells} yet")
        # What one shard sent to another that had not read it is in no other topic of a deployment to come.
        for topic in (names.rekeyed, names.rates, names.calendars, names.targets):
            for partition in range(names.partitions_of(topic, settings.partitions) if topic not in missing else 0):
                start = unread.get(partition, 0) if topic == names.rekeyed else 0
                records = await logs.whole(topic, partition, start)
                writer.add(Place(names.plain(topic), partition), map(_record, records))
    manifest = Manifest(
        version=version("stream-kpis"), made_ms=time.time_ns() // 1_000_000, app=settings.app, prefix=settings.prefix,
        partitions=settings.partitions, cuts_ms=cuts,
    )  # fmt: skip
    return writer.finish(manifest)


def _record(record: Any) -> Record:
    return record.timestamp, record.key, record.value, list(record.headers)


async def _import(settings: Settings, reader: Reader, *, same_topics: bool) -> tuple[int, list[str]]:
    """Returns how many records were written, and the topics that were left as they are."""
    headers = _headers(reader)
    links = _links(settings, reader, headers)
    names = await declare(settings)
    await _refuse_workers(settings, names)
    producer = transactional(settings, f"{names.group}-import", _IMPORT_MS_MAX)
    await producer.start()  # which aborts what an import that was killed left open
    try:
        kept = await _look(settings, names)
        count = 0
        async with producer.transaction():
            for place in reader.places():
                if place.topic in (PARTIES, CELLS):
                    topic = names.parties if place.topic == PARTIES else names.cells
                elif same_topics or (topic := names.prefix + place.topic) in kept:
                    continue
                records = reader.records(place)
                if place.topic == CELLS:
                    records = (record for record in records if record[1] != HEADER_KEY)
                elif place.topic == REKEYED:
                    records = (record for record in records if not link_of(_event(place, record)))
                count += await _send(producer, topic, place.partition, records)
            for partition, header in headers.items():
                kept_header = header if same_topics else msgspec.structs.replace(header, next={}, reached={})
                value = header_encoder.encode(kept_header)
                count += await _send(producer, names.cells, partition, [(header.made_ms, HEADER_KEY, value, [])])
            for partition in range(settings.partitions):
                sent = (_sent(link) for link in links if link.partition == partition)
                count += await _send(producer, names.rekeyed, partition, sent)
            await _refuse_workers(settings, names)
    finally:
        await producer.stop()
    return count, [] if same_topics else sorted(kept)


async def _send(producer: Any, topic: str, partition: int, records: Iterable[Record]) -> int:
    count = 0
    for future, number in await send_records(producer, topic, partition, records):
        await future
        count += number
    return count


def _headers(reader: Reader) -> dict[int, Header]:
    """The header from which each shard goes on; one that had written nothing when it was cut has read nothing.

    Raises:
        SettingsError: the state is of another version.
    """
    found: dict[int, Header] = {}
    for place in reader.places():
        for _, key, value, _ in reader.records(place) if place.topic == CELLS else ():
            if key == HEADER_KEY and value is not None:
                found[place.partition] = raised(header_decoder.decode(value))
    first = min(found.values(), key=lambda header: header.made_ms)
    if first.definitions.get("format") != FORMAT:
        raise SettingsError(
            "the state in the file was written by another version of stream-kpis: import it with that one, or start"
            " with a new app id, so that the topics are read again"
        )
    begun = raised(msgspec.structs.replace(first, seq=0, next={}, reached={}, counters={}))
    return {number: found.get(number, begun) for number in range(reader.manifest.partitions)}


def _links(settings: Settings, reader: Reader, headers: dict[int, Header]) -> list[Rekeyed]:
    """The links that the deployment begins with."""
    relinking = Relinking(settings.partitions, reader.manifest.app, settings.app)
    for place in reader.places():
        for record in reader.records(place) if place.topic in (PARTIES, REKEYED) else ():
            if place.topic == REKEYED:
                relinking.take_unread(_event(place, record))
            else:
                relinking.take(record[1] or b"", record[2])
    return relinking.links(headers)


def _event(place: Place, record: Record) -> Event:
    timestamp_ms, key, value, headers = record
    return Event(place.topic, place.partition, 0, timestamp_ms, key, value, tuple(headers))


def _sent(link: Rekeyed) -> Record:
    return link.timestamp, link.key, link.value, list(link.headers)


async def _look(settings: Settings, names: Names) -> set[str]:
    """The control topics that hold something.

    Raises:
        SettingsError: the deployment has a state.
    """
    controls = (names.rates, names.calendars, names.targets)
    found: set[str] = set()
    async with committed(settings, fetch_max_wait_ms=50) as kafka:
        for topic in (names.parties, names.cells, *controls):
            async for _ in read_to_ends(kafka, every(topic, settings)):
                if topic not in controls:
                    raise SettingsError(f"topic {topic} holds a state already: import under another app or prefix")
                found.add(topic)
    return found


async def _refuse_workers(settings: Settings, names: Names) -> None:
    """One that has begun with nothing would write beside what is imported."""
    if await members(settings, names.group):
        raise SettingsError(f"workers of {names.group} run: stop them, and start them when the state is there")
