"""Which record of a batch an event came with, and how old the batch is."""

from collections.abc import Mapping, Sequence

from stream_kpis.engine.batch import SourceRecord
from stream_kpis.engine.scopes import Scope
from stream_kpis.events.envelope import Event, Incoming, Reader


class Origins:
    """Which record of a batch an event came with: asked only when a journey fails."""

    def __init__(
        self, topic: str, records: Sequence[SourceRecord], reader: Reader, voids: Mapping[bytes, SourceRecord]
    ) -> None:
        self.topic = topic
        self._records = records
        self._reader = reader
        self.voids = voids
        self._by_event: dict[tuple[str, str, int], SourceRecord] | None = None

    @property
    def timestamp_ms(self) -> int:
        """Of the newest record."""
        return self._records[-1].timestamp

    def of(self, scope: Scope, event: Event, cause: SourceRecord | None) -> SourceRecord:
        """The event's record; of one that came earlier, what made its scope fail: ``cause``, or a void."""
        if self._by_event is None:
            self._by_event = {}
            for record in self._records:
                incoming = self._reader.read(record.value, record.key, record.timestamp, record.headers)
                if isinstance(incoming, Incoming):
                    known = (incoming.event.source, incoming.event.id, incoming.event.crc)
                    self._by_event.setdefault(known, record)
        found = self._by_event.get((event.source, event.id, event.crc))
        return found or cause or self.voids.get(scope.key) or self._records[-1]
