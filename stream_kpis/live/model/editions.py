"""Which catalogue is shown: that of all shards; until all have a new one, the one before. Pure.

All cells come here. Those that the model shown does not read are kept as they are until a catalogue that reads them is
shown, so that nothing has to be read again; the shards take them out of the changelog when nobody needs them.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeVar

from stream_kpis.engine.batch import CATALOGUE_KEY, Header
from stream_kpis.engine.catalogues import document_of, held_since, in_force, plan_of
from stream_kpis.engine.compiler import Plan
from stream_kpis.live.model.read_model import ReadModel
from stream_kpis.live.model.snapshot import ShardPosition, Snapshot

logger = logging.getLogger(__name__)

Records = Iterable[tuple[bytes, bytes | None]]
_STEP = 2_000
"""Records of cells that a step takes, some 60 ms."""
K = TypeVar("K", str, bytes)


class Edition(NamedTuple):
    """A catalogue, and the read model of its cells."""

    name: str
    plan: Plan
    model: ReadModel


class Editions:
    """Follows the shards, and shows their cells under one catalogue at a time.

    Args:
        plan: shown as long as the shards do not say under which catalogue they count.
        model_of: makes the empty read model of a plan.
    """

    def __init__(self, plan: Plan, model_of: Callable[[Plan], ReadModel]) -> None:
        self._model_of = model_of
        self.shown = Edition(document_of(plan).name, plan, model_of(plan))
        self.shown.model.partial = True
        self._headers: dict[int, Header] = {}
        self._documents: dict[int, dict[str, bytes]] = {}
        """By shard and name."""
        self._unread: dict[int, dict[bytes, bytes]] = {}
        """By shard, the records of cells that the model shown does not read."""
        self._unreadable: set[str] = set()
        self._arrived: list[tuple[int, list[tuple[bytes, bytes | None]], Header]] | None = None
        """What comes while another read model is being made."""

    def apply(self, partition: int, cells: Records, header: Header, catalogues: Records = ()) -> None:
        """Takes flushes of a shard that end with a header, all under one catalogue."""
        self._headers[partition] = header
        documents = self._documents.setdefault(partition, {})
        for key, value in catalogues:
            _put(documents, key.removeprefix(CATALOGUE_KEY).decode(), value)
        cells, unread = list(cells), self._unread.setdefault(partition, {})
        for key, value in self.shown.model.apply(partition, cells, header):
            _put(unread, key, value)
        if self._arrived is not None:
            self._arrived.append((partition, cells, header))

    def snapshot(
        self, now_ms: int, *, stale: bool = False, made_ms: int = 0, shards: tuple[ShardPosition, ...] = ()
    ) -> Snapshot:
        """All values at a kpi-now, as :meth:`ReadModel.snapshot`, under the catalogue that is due."""
        for _ in self.turning():
            pass
        headers, name = list(self._headers.values()), self.shown.name
        changed = [header for header in headers if header.catalogue not in ("", name)]
        found = self.shown.model.snapshot(now_ms, stale=stale, made_ms=made_ms, shards=shards)
        return found._replace(
            catalogue=name, shards_changed=len(changed), held_since_ms=held_since(changed, name) if changed else None
        )

    def turning(self) -> Iterator[None]:
        """Goes over to the catalogue that is due, step by step; between steps what is shown may still be added to."""
        due = in_force(list(self._headers.values()))
        if due is None:
            return
        if due != self.shown.name:
            document = next((known[due] for known in self._documents.values() if due in known), None)
            plan = None if document is None else self._read(due, document)
            if plan is None:
                return
            yield from self._show(Edition(due, plan, self._model_of(plan)))
        self.shown.model.partial = False

    def _read(self, name: str, document: bytes) -> Plan | None:
        """The plan of a document; None if this version cannot read it, which is said once."""
        try:
            return None if name in self._unreadable else plan_of(document)
        except ValueError as error:
            self._unreadable.add(name)
            logger.warning("the workers count under a catalogue that this version cannot read, upgrade it: %s", error)
            return None

    def _show(self, edition: Edition) -> Iterator[None]:
        """Shows another catalogue, of all cells that are known."""
        self._arrived = []
        unread: dict[int, dict[bytes, bytes]] = {}

        def take(partition: int, cells: Records, header: Header) -> None:
            left = unread.setdefault(partition, {})
            for key, value in edition.model.apply(partition, cells, header):
                _put(left, key, value)

        for partition, known in self._known().items():
            records, header = list(known.items()), self._headers[partition]
            for at in range(0, len(records), _STEP):
                take(partition, records[at : at + _STEP], header)
                yield
        for partition, cells, header in self._arrived:
            take(partition, cells, header)
        self.shown, self._unread, self._arrived = edition, unread, None

    def _known(self) -> dict[int, dict[bytes, bytes]]:
        """The records of all cells, by shard."""
        known = {partition: dict(records) for partition, records in self._unread.items()}
        for partition, records in self.shown.model.cells():
            known.setdefault(partition, {}).update(records)
        return known


def _put(records: dict[K, bytes], key: K, value: bytes | None) -> None:
    if value is None:
        records.pop(key, None)
    else:
        records[key] = value
