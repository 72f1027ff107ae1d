"""What counts at the cut of a snapshot, while records that shards sent each other are still under way.

A shard has read a record, and what follows from it for another shard lies in the topic of the re-keyed beyond what that
one has read. The oracle knows no shards; so it is given what the shards together have counted.
"""

import functools
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec

from stream_kpis.engine.partition import partition_of
from stream_kpis.engine.rekeying import REKEYED_TOPIC, Link, link_name, link_of
from stream_kpis.events.envelope import Record, encode_event
from stream_kpis.events.types import KIND_OF_DATA, DealCreated, LeadLinked, OrderPlaced
from stream_kpis.live.api import rfc3339

_NAMING = {KIND_OF_DATA[data].name: field for data, field in ((DealCreated, "deal_id"), (OrderPlaced, "order_id"))}
"""The types that may name a lead of another party, each with the field of its own id."""
_LEADS = "crm.leads"


def counted(
    records: Sequence[Record], partitions: int, under_way: Collection[Record] = (), app: str = ""
) -> list[Record]:
    """The records of the families that count at a cut.

    Those in another partition than their party's count once copied home. A link under way does not count yet: until
    then its deal or order names no lead, or converts it as the link before it says.

    Args:
        records: below the cut, those of the topic of the re-keyed among them.
        partitions: of each topic.
        under_way: of the topic of the re-keyed, beyond the cut.
        app: the deployment's id; links of another one are no concern.
    """
    home = functools.cache(lambda party: partition_of(party, partitions))
    arrived = [record for record in records if record.topic == REKEYED_TOPIC]
    copied = {(record.key, record.value) for record in arrived}
    waiting = {(link.party, link.event.id) for link in _links(under_way, app)}
    kept = []
    for record in records:
        if record.topic != REKEYED_TOPIC:
            party = party_of(record)
            if party is None or home(party) == record.partition or (party, record.value) in copied:
                kept.append(_without_lead(record, party, waiting) if waiting else record)
    known = _known(_links(arrived, app), waiting)
    return kept + [_converted(number, *said) for number, said in enumerate(known)]


def _links(records: Iterable[Record], app: str) -> list[Link]:
    found = (link_of(record) for record in records)
    return [link for link in found if link is not None and link.source == f"stream-kpis/{app}"]


def _known(arrived: Iterable[Link], waiting: Collection[tuple[str, str]]) -> list[tuple[str, LeadLinked]]:
    """Of the links of which something is under way, what is known of them at the cut."""
    last: dict[tuple[str, str], LeadLinked] = {}
    for link in arrived:
        data, key = link.event.data, (link.party, link.event.id)
        if isinstance(data, LeadLinked) and key in waiting and (key not in last or last[key].version < data.version):
            last[key] = data
    return [(party, data) for (party, _), data in last.items() if data.at_ms is not None]


def _converted(number: int, party: str, said: LeadLinked) -> Record:
    """The conversion as the lead's party would tell of it."""
    value = encode_event(
        "lead.converted", id=str(number), source="stream-kpis/under-way", time=rfc3339(said.at_ms or 0), subject=party,
        data={"lead_id": said.lead_id},
    )  # fmt: skip
    return Record(_LEADS, 0, -1, said.at_ms or 0, party.encode(), value)


def _without_lead(record: Record, party: bytes | None, waiting: Collection[tuple[str, str]]) -> Record:
    """A deal or order whose link is under way, as one that names no lead."""
    if party is None or record.value is None or b'"lead_party"' not in record.value:
        return record
    try:
        said = msgspec.json.decode(record.value)
        kind = dict(record.headers).get("ce_type")
        data: dict[str, Any] = said if kind else said["data"]
        name = kind.decode() if kind else said["type"]
        link = link_name(name.partition(".")[0], party.decode(), data[_NAMING[name]])
        if (data["lead_party"], link) not in waiting:
            return record
    except (msgspec.MsgspecError, KeyError, TypeError, UnicodeDecodeError, AttributeError):  # for the reader to refuse
        return record
    data.pop("lead_id", None)
    return record._replace(value=msgspec.json.encode(said))


class _Subject(msgspec.Struct):
    subject: str


def party_of(record: Record) -> bytes | None:
    """The party of a record, which may lack a key; None if it cannot be told."""
    if record.key is not None:
        return record.key
    subject = dict(record.headers).get("ce_subject")
    if subject is not None:
        return subject
    try:
        return msgspec.json.decode(record.value or b"", type=_Subject).subject.encode()
    except msgspec.MsgspecError:
        return None
