"""The topic of rates: read to its end before shards begin, then followed for ever."""

import contextlib
from collections.abc import Callable
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import ConsumerStoppedError

from stream_kpis.events.rates import Rates
from stream_kpis.settings import Settings
from stream_kpis.stream.changelog import committed
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
        tp = TopicPartition(Names.of(self._settings).rates, 0)
        self._kafka.assign([tp])
        end = (await self._kafka.end_offsets([tp]))[tp]
        self._kafka.seek(tp, (await self._kafka.beginning_offsets([tp]))[tp])
        while await self._kafka.position(tp) < end:
            await self._read()

    async def follow(self, changed: Callable[[], None]) -> None:
        """Reads what comes until :meth:`stop`; ``changed`` is called whenever some came."""
        with contextlib.suppress(ConsumerStoppedError):
            while True:
                if await self._read():
                    changed()

    async def _read(self) -> bool:
        fetched = await self._kafka.getmany(timeout_ms=_POLL_MS)
        for records in fetched.values():
            for record in records:
                self._rates.add_record(record.value, record.timestamp)
        return bool(fetched)

    async def stop(self) -> None:
        """Disconnects."""
        if self._kafka is not None:
            await self._kafka.stop()
