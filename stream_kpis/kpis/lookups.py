"""Lookup tables of dimensions, versioned by time: the team of an owner, the region of that team, as of each fact.

See ``docs/lookups.md``.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping
from datetime import date
from pathlib import Path

import msgspec

from stream_kpis.kpis.lines import CatalogueError, entries_of, nearest, place, place_of, struct, tree_of

LOOKUPS_MAX = 100
VALUES_MAX = 100_000
UNKNOWN = "unknown"
_EPOCH = date(1970, 1, 1)


class Word(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"word": "is"}):
    """What a value is looked up as from a business day on."""

    word: str
    valid_from: date = _EPOCH


class Lookup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One table as it is written down: ``of`` is a dimension, or another lookup."""

    of: str
    values: dict[str, str | tuple[Word, ...]]


class Lookups:
    """The lookups of a deployment.

    Args:
        tables: by name; chains end at a dimension.
        start_of: the first instant of a business day, in ms since 1970.

    >>> reps = {"rep-1": (Word("north"), Word("south", date(1970, 1, 2))), "rep-2": "south"}
    >>> tables = {"team": Lookup("owner", reps), "region": Lookup("team", {"north": "emea"})}
    >>> found = Lookups(tables, lambda day: (day - date(1970, 1, 1)).days * 86_400_000)
    >>> found.root("region"), found.value("region", "rep-1", 5), found.value("region", "rep-1", 86_400_000)
    ('owner', 'emea', 'unknown')
    """

    def __init__(self, tables: Mapping[str, Lookup], start_of: Callable[[date], int]) -> None:
        self.tables = dict(tables)
        self._words: dict[str, dict[str, tuple[list[int], list[str]]]] = {}
        for name, table in tables.items():
            self._words[name] = found = {}
            for value, said in table.values.items():
                words = (Word(said),) if isinstance(said, str) else sorted(said, key=lambda word: word.valid_from)
                found[value] = ([start_of(word.valid_from) for word in words], [word.word for word in words])

    def root(self, name: str) -> str | None:
        """The dimension that a lookup begins with; None if there is no such lookup."""
        if name not in self.tables:
            return None
        of = self.tables[name].of
        return self.root(of) if of in self.tables else of

    def value(self, name: str, value: str | None, at_ms: int) -> str:
        """What a dimension's value is looked up as at an instant; the first word holds for all the past."""
        of = self.tables[name].of
        if of in self.tables:
            value = self.value(of, value, at_ms)
        starts, words = self._words[name].get(value or UNKNOWN, ((), ()))
        return words[max(bisect_right(starts, at_ms) - 1, 0)] if words else UNKNOWN

    def digest(self, name: str) -> str:
        """A hash of all that a lookup and those under it say."""
        said = [self._words[name]]
        while (name := self.tables[name].of) in self.tables:
            said.append(self._words[name])
        return hashlib.sha256(msgspec.json.encode((name, said), order="sorted")).hexdigest()[:8]


NO_LOOKUPS = Lookups({}, lambda _: 0)


def load_lookups(file: Path, start_of: Callable[[date], int], dimensions: Collection[str]) -> Lookups:
    """The lookups of a file: ``lookups``, by name.

    Args:
        file: YAML.
        start_of: the first instant of a business day.
        dimensions: what facts have, and can be looked up by.

    Raises:
        CatalogueError: the file is wrong.
    """
    top = entries_of(file, tree_of(file))
    for section, (key, _) in top.items():
        if section != "lookups":
            raise CatalogueError(f"{place(file, key)}: unknown section {section!r}{nearest(section, ('lookups',))}")
    nodes = entries_of(file, top["lookups"][1] if "lookups" in top else None)
    places: dict[str, str] = {}
    tables: dict[str, Lookup] = {}
    for name, (key, node) in nodes.items():
        entry = f"lookups.{name}"
        places[entry] = place(file, key)
        if "values" in (fields := entries_of(file, node)):
            entries_of(file, fields["values"][1])  # nothing is twice in it
        tables[name] = struct(file, entry, node, Lookup, places)
        if problem := _problem(name, tables[name]):
            raise CatalogueError(f"{place_of(places, entry, problem[0])}: {problem[1]}")
    if len(tables) > LOOKUPS_MAX:
        raise CatalogueError(f"{file.name}: {len(tables)} lookups, at most {LOOKUPS_MAX}")
    for name, table in tables.items():
        entry = f"lookups.{name}"
        if name in dimensions:
            raise CatalogueError(f"{place_of(places, entry, '')}: facts have a dimension of this name already")
        if table.of not in (*dimensions, *tables):
            hint = nearest(table.of, (*dimensions, *tables))
            raise CatalogueError(f"{place_of(places, entry, 'of')}: no fact has a dimension {table.of!r}{hint}")
        if _in_circle(name, tables):
            raise CatalogueError(f"{place_of(places, entry, 'of')}: it is looked up by itself")
    return Lookups(tables, start_of)


def _problem(name: str, table: Lookup) -> tuple[str, str] | None:
    """What is wrong with a lookup, as (field, one line), or None."""
    if not (name.isascii() and name.isidentifier() and name == name.lower()):
        return "", "a name has lower-case letters, digits and _ only, and begins with a letter"
    if len(table.values) > VALUES_MAX:
        return "values", f"{len(table.values)} values, at most {VALUES_MAX}"
    for value, said in table.values.items():
        words = (Word(said),) if isinstance(said, str) else said
        if not words or not all(word.word for word in words):
            return "values", f"{value!r} is looked up as nothing: leave it out, then it is {UNKNOWN}"
        days = [word.valid_from for word in words]
        if len(set(days)) < len(days):
            return "values", f"{value!r} is two things from {max(days, key=days.count)} on"
    return None


def _in_circle(name: str, tables: Mapping[str, Lookup]) -> bool:
    seen: set[str] = set()
    while name in tables:
        if name in seen:
            return True
        seen.add(name)
        name = tables[name].of
    return False
