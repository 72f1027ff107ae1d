"""Reads business calendars: a YAML file, and records of the topic of calendars, one version each."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import available_timezones

import msgspec
import yaml

from stream_kpis.kpis.business_time import (
    ALWAYS,
    CALENDARS_MAX,
    VERSIONS_MAX,
    Calendars,
    Version,
    version_problem,
)
from stream_kpis.kpis.lines import CatalogueError, entries_of, nearest, place, place_of, struct, tree_of

_Versions = dict[str, dict[date, Version]]
_NAME_BYTES_MAX = 256


class Found(NamedTuple):
    """The calendars that there are, and how many records of the topic changed nothing, by reason."""

    calendars: Calendars
    ignored: Counter[str]


def load_calendars(file: Path | None, records: Iterable[bytes | None] = ()) -> Found:
    """The calendars of a file and of records.

    Args:
        file: ``default`` and ``calendars``: by name a list of versions. None: no file.
        records: the values of the topic's records, by partition and offset. The file wins over them, the first of them
            over later ones.

    Raises:
        CatalogueError: the file is wrong.
    """
    versions, default = _of_file(file) if file else ({}, ALWAYS)
    ignored: Counter[str] = Counter()
    for value in records:
        if reason := _add(versions, value):
            ignored[reason] += 1
    by_name = {name: tuple(of_name.values()) for name, of_name in versions.items()}
    return Found(Calendars(by_name, default), ignored)


# The file.


def _of_file(file: Path) -> tuple[_Versions, str]:
    top = entries_of(file, tree_of(file))
    for section, (key, _) in top.items():
        if section not in ("default", "calendars"):
            hint = nearest(section, ("default", "calendars"))
            raise CatalogueError(f"{place(file, key)}: unknown section {section!r}{hint}")
    versions: _Versions = {}
    for name, (key, node) in entries_of(file, top["calendars"][1] if "calendars" in top else None).items():
        if not 0 < len(name.encode()) <= _NAME_BYTES_MAX or name == ALWAYS or len(versions) >= CALENDARS_MAX:
            why = (
                f"at most {CALENDARS_MAX} calendars can be declared"
                if len(versions) >= CALENDARS_MAX
                else f"{ALWAYS!r} is the calendar that is always open, another one needs another name"
                if name == ALWAYS
                else f"a name has 1 to {_NAME_BYTES_MAX} bytes"
            )
            raise CatalogueError(f"{place(file, key)}: {name}: {why}")
        versions[name] = _versions(file, name, key, node)
    return versions, _default(file, top["default"][1], versions) if "default" in top else ALWAYS


def _default(file: Path, node: Any, versions: _Versions) -> str:
    name = str(getattr(node, "value", ""))
    if name != ALWAYS and name not in versions:
        hint = nearest(name, (ALWAYS, *versions))
        raise CatalogueError(f"{place(file, node)}: default: there is no calendar {name!r} in this file{hint}")
    return name


def _versions(file: Path, name: str, key: Any, node: Any) -> dict[date, Version]:
    if not isinstance(node, yaml.SequenceNode) or not 0 < len(node.value) <= VERSIONS_MAX:
        raise CatalogueError(f"{place(file, key)}: {name}: a list of 1 to {VERSIONS_MAX} versions is expected here")
    found: dict[date, Version] = {}
    for item in node.value:
        version = _version(file, name, item)
        if version.valid_from in found:
            raise CatalogueError(f"{place(file, item)}: {name}: there is a version from {version.valid_from} already")
        found[version.valid_from] = version
    return found


def _version(file: Path, name: str, node: Any) -> Version:
    entry = f"calendars.{name}"
    places = {entry: place(file, node)}
    for field, (_, value) in entries_of(file, node).items():
        if field in ("week", "days"):
            entries_of(file, value)  # nothing is twice in it
    version = struct(file, entry, node, Version, places)
    if problem := version_problem(version):
        raise CatalogueError(f"{place_of(places, entry, problem[0])}: {problem[0]}: {problem[1]}")
    if version.zone not in (zones := available_timezones()):
        hint = nearest(version.zone, zones) or "; write UTC, or one such as Europe/Berlin"
        raise CatalogueError(f"{place_of(places, entry, 'zone')}: no time zone {version.zone!r}{hint}")
    return version


# The topic.


class _Record(Version, frozen=True, kw_only=True):
    calendar: str


_decoder = msgspec.json.Decoder(_Record)


def _add(versions: _Versions, value: bytes | None) -> str | None:
    """Adds what a record says; or why it changes nothing."""
    if value is None:
        return "tombstone"
    record = _decoded(value)
    if record is None:
        return "malformed"
    known = versions.get(record.calendar, {})
    if record.valid_from in known:
        return "repeated"
    if len(known) >= VERSIONS_MAX or (not known and len(versions) >= CALENDARS_MAX):
        return "too_many"
    fields = {field: getattr(record, field) for field in Version.__struct_fields__}
    versions[record.calendar] = {**known, record.valid_from: Version(**fields)}
    return None


def _decoded(value: bytes) -> _Record | None:
    """The version that a record says, if it says one."""
    try:
        record = _decoder.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    named = record.calendar != ALWAYS and 0 < len(record.calendar.encode()) <= _NAME_BYTES_MAX
    return record if named and not version_problem(record) and record.zone in available_timezones() else None
