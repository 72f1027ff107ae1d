"""What goes through the topic of the re-keyed: records on the way home, and links to leads of other parties.

A link says what a deal or order makes of another party's lead. It is sent when it changes, with the flush that holds
the change, and its version is that flush's number: so it rises, also over a recovery, and the highest one counts.
Over a restore it rises because the numbers are raised (`relinking.py`).
"""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, Protocol

import msgspec

from stream_kpis.engine.batch import Batch, Rekeyed, SourceRecord
from stream_kpis.engine.partition import partition_of
from stream_kpis.events.envelope import Event, Record
from stream_kpis.events.types import LINKED, LeadLinked
from stream_kpis.journeys.journey import Links

REKEYED_TOPIC = LINKED.topic
_HOMES_MAX = 500_000
_BEFORE_ALL_MS = -1
"""The time of a link: it is no act of the lead's party, and comes before all that is."""


class _Message(msgspec.Struct, frozen=True, gc=False, tag_field="type", tag=LINKED.name):
    """A link on its way, as a CloudEvent."""

    specversion: Literal["1.0"]
    id: str
    source: str
    subject: str
    data: LeadLinked


class Link(NamedTuple):
    """A link that arrived: whom it is for, which deployment sent it, and as an event of that party."""

    party: str
    source: str
    event: Event


_decode = msgspec.json.Decoder(_Message).decode
_NAME = b'"%s"' % LINKED.name.encode()


def link_of(record: SourceRecord) -> Link | None:
    """The link that a record of the topic holds; None if it is something else.

    A record on its way home cannot pass for a link: it was readable as an event of the contract before it was sent,
    and what the headers say of it comes with it.
    """
    if record.value is None or record.headers or _NAME not in record.value:
        return None
    try:
        message = _decode(record.value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    data = message.data
    # No event of the contract has an empty source, so nothing can be in conflict with a link or take it back.
    event = Event(_BEFORE_ALL_MS, LINKED.rank, "", data.link, data, 0, record.timestamp)
    return Link(message.subject, message.source, event)


def link_name(kind: str, party: str, entity: str) -> str:
    """What a link is called where it arrives; of another deal or order otherwise, whatever characters ids have.

    >>> link_name("order", "a/b", "c"), link_name("order", "a", "b/c")
    ('order:a%2Fb/c', 'order:a/b/c')
    """
    return f"{kind}:{party.replace('%', '%25').replace('/', '%2F')}/{entity}"


def link_parts(link: str) -> tuple[str, str, str]:
    """Kind, party and entity of :func:`link_name`.

    >>> link_parts("order:a%2Fb/c"), link_parts("order:a/b/c")
    (('order', 'a/b', 'c'), ('order', 'a', 'b/c'))
    """
    kind, _, rest = link.partition(":")
    party, _, entity = rest.partition("/")
    return kind, party.replace("%2F", "/").replace("%25", "%"), entity


class Rekeying:
    """What a shard sends on.

    Args:
        partition: the shard's.
        partitions: how many there are.
        app: the deployment's id. Two that share the topics share this one too, and each takes its own links alone.
    """

    def __init__(self, partition: int, partitions: int, app: str) -> None:
        self.source = f"stream-kpis/{app}"
        self._partition = partition
        self._partitions = partitions
        self.homes: set[str] = set()
        """Parties known to belong here; bounded, a mere memory."""
        self._records: list[Rekeyed] = []
        self._links: dict[tuple[str, str], tuple[str, int | None, int]] = {}
        """By party and link: the lead, when it converts, the timestamp of the record that made it so."""

    def is_home(self, party: str) -> bool:
        """Whether the party belongs to this shard."""
        if partition_of(party.encode(), self._partitions) != self._partition:
            return False
        if len(self.homes) >= _HOMES_MAX:
            self.homes.clear()
        self.homes.add(party)
        return True

    def send_home(self, record: SourceRecord, party: str) -> None:
        """Sends a record to where its party belongs, as it is."""
        key = party.encode()
        home = partition_of(key, self._partitions)
        self._records.append(Rekeyed(home, record.timestamp, key, record.value or b"", tuple(record.headers)))

    def link(self, party: str, before: Links, after: Links, timestamp_ms: int) -> None:
        """Sends the links of a party that changed.

        Args:
            party: the one whose deals and orders they are.
            before: its links as they were.
            after: its links as they are.
            timestamp_ms: of the record that changed them; they are as old as that.
        """
        for lead_party, name in dict(before.items() ^ after.items()):
            lead_id, at_ms = after.get((lead_party, name)) or (before[lead_party, name][0], None)
            kind, _, entity = name.partition(":")
            self._links[lead_party, link_name(kind, party, entity)] = (lead_id, at_ms, timestamp_ms)

    def take(self, version: int) -> tuple[list[Rekeyed], int]:
        """All that is to be sent, and how many of it are links; each link once, as it is now.

        Args:
            version: above that of the take before, and of every one that became durable.
        """
        records, links = self._records, self._links
        self._records, self._links = [], {}
        for (party, link), (lead_id, at_ms, timestamp_ms) in links.items():
            data = LeadLinked(lead_id, link, version, at_ms)
            message = _Message("1.0", f"{link} {version}", self.source, party, data)
            key = party.encode()
            home = partition_of(key, self._partitions)
            records.append(Rekeyed(home, timestamp_ms, key, msgspec.json.encode(message), ()))
        return records, len(links)


class Receiver(Protocol):
    """What is asked of a shard to which something is sent."""

    next: dict[str, int]

    def apply(self, batch: Batch) -> None:
        """Moves by one batch."""


def hand_over(sent: Iterable[Rekeyed], shards: Sequence[Receiver]) -> None:
    """Applies what a flush sends on to the shards that it is for, as the topic would bring it; for shards side by side.

    Args:
        sent: of one flush.
        shards: all, by partition.
    """
    for record in sent:
        shard, partition = shards[record.partition], record.partition
        at = shard.next.get(REKEYED_TOPIC, 0)
        came = Record(REKEYED_TOPIC, partition, at, record.timestamp, record.key, record.value, record.headers)
        shard.apply(Batch(REKEYED_TOPIC, partition, at, at + 1, [came]))
