"""The links of a state that is restored. Pure.

Each shard was cut for itself, so a lead's party may know a link that the shard of its deal or order, as it was cut, has
not sent yet, and may never send: or it lacks one that was under way. So all links go out anew as the cut has them,
above every version that can have been sent, and what was known beyond them is taken back.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from stream_kpis.engine.batch import Header, Rekeyed, SourceRecord
from stream_kpis.engine.partition import partition_of
from stream_kpis.engine.rekeying import Rekeying, link_of, link_parts
from stream_kpis.engine.scopes import Scope
from stream_kpis.events.types import LeadLinked
from stream_kpis.journeys import leads
from stream_kpis.journeys.journey import NO_LINKS, Links

_STEP = 1 << 32
"""More flushes than a shard makes between its cut and the last that another one's cut knows of."""
_decode_key = msgspec.msgpack.Decoder(list[Any]).decode
_JOURNEY = leads.JOURNEY


def raised(header: Header) -> Header:
    """The header of a restored shard: what it sends is newer than all that anybody may know of it."""
    return msgspec.structs.replace(header, seq=header.seq + _STEP)


class Relinking:
    """Takes the state as it was cut, and gives the links that it is restored with.

    Args:
        partitions: how many there are.
        before: the app id of the deployment that was cut.
        app: that of the one that is restored.
    """

    def __init__(self, partitions: int, before: str, app: str) -> None:
        self._partitions = partitions
        self._source = Rekeying(0, partitions, before).source
        self._senders = [Rekeying(number, partitions, app) for number in range(partitions)]
        self._said: dict[str, Links] = {}
        """By party: what its deals and orders make of others' leads."""
        self._known: dict[str, dict[tuple[str, str], tuple[str, int]]] = {}
        """The same that the leads' parties know of, or will have read of, whenever it converts."""

    def take(self, key: bytes, value: bytes | None) -> None:
        """Takes a record of the parties changelog, each key once."""
        name, party, *_ = _decode_key(key)
        if name != _JOURNEY.name or value is None:
            return
        scope = Scope.of(_JOURNEY, party, key, value)
        if scope.links:
            self._said[party] = scope.links
        for link, linked in scope.state.linked.items():
            self._know(party, link, linked.lead_id)

    def take_unread(self, record: SourceRecord) -> None:
        """Takes a record of the re-keyed that its shard had not read."""
        link = link_of(record)
        if link is not None and link.source == self._source and isinstance(data := link.event.data, LeadLinked):
            self._know(link.party, data.link, data.lead_id)

    def _know(self, party: str, link: str, lead_id: str) -> None:
        kind, sender, entity = link_parts(link)
        self._known.setdefault(sender, {})[party, f"{kind}:{entity}"] = lead_id, 0

    def links(self, restored: Mapping[int, Header]) -> list[Rekeyed]:
        """All links, to be read after what was unread.

        Args:
            restored: by partition, the header that its shard goes on from.
        """
        for party in self._said.keys() | self._known.keys():
            number = partition_of(party.encode(), self._partitions)
            said, made_ms = self._said.get(party, NO_LINKS), restored[number].made_ms
            gone = {name: link for name, link in self._known.get(party, {}).items() if name not in said}
            self._senders[number].link(party, gone, said, made_ms)
        return [
            record for number, sender in enumerate(self._senders) for record in sender.take(restored[number].seq)[0]
        ]
