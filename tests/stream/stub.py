"""A shard that counts, in place of the engine's; run as a program it is a worker that hosts such shards.

A record's value is the name of the cell to count in. `poison…` is a dead letter, `send N CELL` goes on to partition N.
"""

from collections import Counter

from stream_kpis.engine.batch import Batch, DeadLetter, Flush, Gap, Header, Rekeyed, header_decoder
from stream_kpis.engine.catalogues import Kept
from stream_kpis.engine.compiler import compile_catalogue
from stream_kpis.events.envelope import Reason
from stream_kpis.kpis.load import Catalogue
from stream_kpis.settings import load
from stream_kpis.stream.worker import run_worker

_NO_PLAN = compile_catalogue(Catalogue({}, {}, {}, {}, {}))


class StubShard:
    """Counts records by key (parties) and by value (cells)."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.next: dict[str, int] = {}
        self.catalogues = Kept(_NO_PLAN)
        self.parties: Counter[bytes] = Counter()
        self.cells: Counter[bytes] = Counter()
        self.seq = 0
        self.taken_ms: list[int] = []
        self._reached: dict[str, int] = {}
        self._changed: tuple[set[bytes], set[bytes]] = (set(), set())
        self._dead: list[DeadLetter] = []
        self._rekeyed: list[Rekeyed] = []

    def apply(self, batch: Batch) -> None:
        position = self.next.get(batch.topic, batch.start)
        if batch.end <= position:
            return
        if batch.start > position:
            raise Gap(batch.topic, batch.start, position)
        for record in batch.records:
            if record.offset >= position:
                self._accept(batch.topic, record)
        if batch.records:
            self._reached[batch.topic] = batch.records[-1].timestamp
        self.next[batch.topic] = batch.end

    def _accept(self, topic, record) -> None:
        key, value = record.key or b"", record.value or b""
        if value.startswith(b"poison"):
            self._dead.append(
                DeadLetter(
                    Reason.NOT_JSON, "poison", topic, self.partition, record.offset, record.timestamp, record.key,
                    record.value, tuple(record.headers),
                )
            )  # fmt: skip
        elif value.startswith(b"send "):
            _, target, cell = value.split(b" ", 2)
            self._rekeyed.append(Rekeyed(int(target), record.timestamp, key, cell, tuple(record.headers)))
        else:
            self.parties[key] += 1
            self.cells[value] += 1
            self._changed[0].add(key)
            self._changed[1].add(value)

    def advance(self, now_ms: int) -> None:
        pass

    def take(self, now_ms: int, made_ms: int = 0) -> Flush:
        self.seq += 1
        self.taken_ms.append(now_ms)
        parties, cells = self._changed
        flush = Flush(
            [(key, b"%d" % self.parties[key]) for key in parties],
            [(b"c" + key, b"%d" % self.cells[key]) for key in cells],
            self._dead,
            self._rekeyed,
            Header(self.seq, dict(self.next), dict(self._reached), made_ms, {}, {}),
        )
        self._changed, self._dead, self._rekeyed = (set(), set()), [], []
        return flush

    def restore_party(self, key: bytes, value: bytes | None) -> None:
        self.parties[key] = int(value)

    def restore_cell(self, key: bytes, value: bytes | None) -> None:
        self.cells[key[1:]] = int(value)

    def restore_header(self, value: bytes) -> None:
        header = header_decoder.decode(value)
        self.seq, self.next, self._reached = header.seq, dict(header.next), dict(header.reached)

    def restored(self) -> None:
        pass


if __name__ == "__main__":
    run_worker(load(), StubShard)
