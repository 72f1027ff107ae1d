"""The topic of rates: read to its end before shards begin, then followed for ever."""

import contextlib
from collections.abc import Callable, Iterable
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import ConsumerStoppedError

from stream_kpis.events.rates import Rates
from stream_kpis.settings import Settings
from stream_kpis.stream.changelog import committed, read_to_ends
from stream_kpis.stream.topics import Names

_POLL_MS = 500


class RatesReader:
    """Adds the records of the topic of rates to the rates that the shards of this process share.

    Args:
        settings: of the deployment.
        rates: where they go; those that are there already win.
    """

    def __init__(self, settings: Settings, rates: Rates) -> None:
        self._settings = settings
        self._rates = rates
        self._kafka: Any = None

    async def start(self) -> None:
        """Reads what is in the topic now."""
        self._kafka = committed(self._settings, fetch_max_wait_ms=100)
        await self._kafka.start()
        async for records in read_to_ends(self._kafka, [TopicPartition(Names.of(self._settings).rates, 0)]):
            self._add(records)

    async def follow(self, changed: Callable[[], None]) -> None:
        """Reads what comes until :meth:`stop`; ``changed`` is called whenever some came."""
        with contextlib.suppress(ConsumerStoppedError):
            while True:
                if await self._read():
                    changed()

    async def _read(self) -> bool:
        fetched = await self._kafka.getmany(timeout_ms=_POLL_MS)
        for records in fetched.values():
            self._add(records)
        return bool(fetched)

    def _add(self, records: Iterable[Any]) -> None:
        for record in records:
            self._rates.add_record(record.value, record.timestamp)

    async def stop(self) -> None:
        """Disconnects."""
        if self._kafka is not None:
            await self._kafka.stop()
