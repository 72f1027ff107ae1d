"""Follows the topic of targets, so that what values should be can be told while all runs."""

import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from stream_kpis.kpis.goals import Target, told
from stream_kpis.kpis.schema import Kpi
from stream_kpis.settings import Settings
from stream_kpis.stream.changelog import committed, read_to_ends
from stream_kpis.stream.topics import Names, every

_POLL_MS = 1000

Tell = Callable[[bytes, Target | None, tuple[int, int, int]], None]

logger = logging.getLogger(__name__)


class TargetsReader:
    """Reads the topic from its start, for ever.

    A record that is no target, or one too many, is counted, and takes its key's target back.

    async with TargetsReader(settings, kpis, tell) as reader:
        await reader.follow()

    Args:
        settings: of the deployment.
        kpis: the catalogue that targets are for.
        tell: told each target by its key, None if it is taken back, and its place in order; raises a ValueError if it
            is one too many.
    """

    def __init__(self, settings: Settings, kpis: Mapping[str, Kpi], tell: Tell) -> None:
        self._settings, self._kpis, self._tell = settings, kpis, tell
        self._topic = Names.of(settings).targets
        self._kafka: Any = None
        self._records: dict[bytes, tuple[bytes, tuple[int, int, int]]] = {}
        """By key the newest."""
        self.rejected = 0
        """Records that are no targets, or too many."""

    async def __aenter__(self) -> Self:
        self._kafka = committed(self._settings)
        await self._kafka.start()
        async for records in read_to_ends(self._kafka, every(self._topic, self._settings)):
            self._take(records)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._kafka.stop()

    def turn(self, kpis: Mapping[str, Kpi], tell: Tell) -> None:
        """Goes on for another catalogue, and tells all that is in force; as when it was made."""
        self._kpis, self._tell = kpis, tell
        for key, (value, at) in self._records.items():
            with contextlib.suppress(ValueError):
                tell(key, told(value, kpis, self._settings.currency), at)

    async def follow(self) -> None:
        """Tells every record that comes, for ever; those that were there are told."""
        while True:
            fetched = await self._kafka.getmany(timeout_ms=_POLL_MS)
            for records in fetched.values():
                self._take(records)

    def _take(self, records: Iterable[Any]) -> None:
        for record in records:
            self.take(record.key or b"", record.value, (record.timestamp, record.partition, record.offset))

    def take(self, key: bytes, value: bytes | None, at: tuple[int, int, int]) -> None:
        """Takes one record; ``at`` is its timestamp, partition and offset, which order targets of one first day."""
        self._records.pop(key, None)
        if value is not None:
            self._records[key] = value, at
            try:
                self._tell(key, told(value, self._kpis, self._settings.currency), at)
            except ValueError as error:
                self.rejected += 1
                logger.warning("topic %s: a record is no target: %s", self._topic, error)
            else:
                return
        self._tell(key, None, at)
