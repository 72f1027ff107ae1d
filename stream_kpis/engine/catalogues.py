"""Catalogues in the cells changelog: what cells are counted under, so that whoever reads them knows what they say.

A shard that starts under another catalogue than before counts what is new in its first flush. The cells of before stay
as they were last, for whoever still shows them, until every shard counts under the new one.
"""

import hashlib
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import msgspec

from stream_kpis.engine.batch import CATALOGUE_KEY, Header
from stream_kpis.engine.compiler import Plan, compile_catalogue
from stream_kpis.kpis.business_time import Calendars, Version
from stream_kpis.kpis.load import of_entries
from stream_kpis.kpis.lookups import Lookup, Lookups
from stream_kpis.kpis.schema import Kpi, Measure
from stream_kpis.kpis.terms import Terms


class Document(NamedTuple):
    """A catalogue as it stands in the changelog."""

    name: str
    """A hash of all that it says."""
    value: bytes

    @property
    def key(self) -> bytes:
        """Of its record."""
        return CATALOGUE_KEY + self.name.encode()


class _Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    measures: dict[str, Measure]
    kpis: dict[str, Kpi]
    calendars: dict[str, tuple[Version, ...]]
    default_calendar: str
    lookups: dict[str, str]
    """By lookup what it looks up; the tables decide what is counted, not how it is read."""
    definitions: dict[str, str]
    terms: Terms


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Said).decode


def document_of(plan: Plan) -> Document:
    """All of a plan that decides what its cells say."""
    said = _Said(
        measures=dict(plan.catalogue.measures), kpis=dict(plan.catalogue.kpis),
        calendars=plan.calendars.versions, default_calendar=plan.calendars.default,
        lookups={name: table.of for name, table in plan.lookups.tables.items()}, definitions=dict(plan.definitions),
        terms=plan.terms,
    )  # fmt: skip
    value = _encode(said)
    return Document(hashlib.sha256(value).hexdigest()[:16], value)


def plan_of(value: bytes) -> Plan:
    """The plan of a document, to read cells by; it counts nothing that is looked up.

    Raises:
        ValueError: another version of the program wrote it, and this one cannot read it; one line.
    """
    try:
        said = _decode(value)
        entries = (*(f"measures.{name}" for name in said.measures), *(f"kpis.{name}" for name in said.kpis))
        catalogue = of_entries(said.measures, said.kpis, dict.fromkeys(entries, "catalogue of the cells"))
        calendars = Calendars(said.calendars, said.default_calendar)
        lookups = Lookups({name: Lookup(of, {}) for name, of in said.lookups.items()}, date.toordinal)
        return compile_catalogue(catalogue, calendars, lookups, said.definitions, said.terms)
    except (KeyError, StopIteration) as error:
        raise ValueError(f"it does not know {error!r}") from error


class Kept:
    """Which catalogues the changelog of a shard has the cells of: its own, and those before.

    Args:
        plan: the shard's own.
    """

    def __init__(self, plan: Plan) -> None:
        self.own = document_of(plan)
        self.before: dict[str, int] = {}
        """By name, when the shard last counted under it, in ms since 1970."""
        self._written: set[bytes] = set()

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Takes a record of a catalogue, in the log's order."""
        (self._written.discard if value is None else self._written.add)(key)

    def restored(self, header: Header) -> None:
        """Takes the last header: what it counted under is now one of those before, unless it is the own one."""
        self.before = {**header.kept, **({header.catalogue: header.made_ms} if header.catalogue else {})}
        self.before.pop(self.own.name, None)

    def retire(self) -> None:
        """Nobody needs those before any more: the next take takes them out of the changelog."""
        self.before = {}

    def take(self) -> list[tuple[bytes, bytes | None]]:
        """The records that are due: the own catalogue once, and tombstones for those that are no longer kept."""
        records: list[tuple[bytes, bytes | None]] = []
        if self.own.key not in self._written:
            records.append((self.own.key, self.own.value))
        kept = {self.own.key, *(CATALOGUE_KEY + name.encode() for name in self.before)}
        records += [(key, None) for key in sorted(self._written - kept)]
        self._written = (self._written & kept) | {self.own.key}
        return records


def in_force(headers: Sequence[Header]) -> str | None:
    """The catalogue to show: that of all shards; else, of those that all still have whole, the one counted last.

    It is a function of the newest headers alone, so all who show values show the same, whenever they started. No shard
    is ever read under another catalogue than the others.

    Args:
        headers: the newest of each shard.

    Returns:
        Its name; None if there is none that all shards have.
    """
    counted = {header.catalogue for header in headers}
    if len(counted) == 1:
        return counted.pop() or None
    whole = {
        name: min(_counted_ms(header, name) for header in headers)
        for name in counted.union(*(header.kept for header in headers))
        if name and all(name == header.catalogue or name in header.kept for header in headers)
    }
    return max(whole, key=lambda name: (whole[name], name), default=None)


def _counted_ms(header: Header, name: str) -> int:
    """When a shard last counted under a catalogue that it counts under or keeps."""
    return header.made_ms if header.catalogue == name else header.kept[name]


def held_since(headers: Sequence[Header], name: str) -> int | None:
    """Since when what shards count otherwise stands still in what is shown; None if all count under it.

    Args:
        headers: the newest of each shard.
        name: the catalogue that is shown.
    """
    since = [header.kept.get(name, header.made_ms) for header in headers if header.catalogue != name]
    return min(since, default=None)
