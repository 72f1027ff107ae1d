"""A mapping that has been read and checked: plain records, nothing else."""

import fnmatch
from collections.abc import Iterator
from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from stream_kpis.events.history.binding import Lookup, walk
from stream_kpis.events.history.document import Place
from stream_kpis.events.history.fields import Field
from stream_kpis.events.history.trees import Expr
from stream_kpis.events.history.values import Reading
from stream_kpis.events.types import Kind

_FORMATS = {"csv": "csv", "tsv": "csv", "txt": "csv", "jsonl": "jsonl", "ndjson": "jsonl", "parquet": "parquet"}
FORMATS = frozenset(_FORMATS.values())


class Formula(NamedTuple):
    """An expression and where it stands."""

    expr: Expr
    place: Place


class FieldRule(NamedTuple):
    """How one field of an event's data is made: a formula, or for a list field the rules of each element."""

    field: Field
    formula: Formula | None
    elements: "tuple[tuple[FieldRule, ...], ...]" = ()


class EventRule(NamedTuple):
    """How one event is made from a row."""

    kind: Kind
    when: Formula | None
    party: Formula
    id: Formula
    time: Formula
    data: tuple[FieldRule, ...]

    def formulas(self) -> Iterator[Formula]:
        """Every formula of the event."""
        yield from (formula for formula in (self.when, self.party, self.id, self.time) if formula)
        yield from _formulas(self.data)


@dataclass(frozen=True)
class FileRule:
    """How the files of one name pattern are read, and the events of each of their rows."""

    pattern: str
    place: Place
    format: str = ""
    delimiter: str = ""
    encoding: str = "utf-8-sig"
    source: str = ""
    reading: Reading = Reading()  # noqa: RUF009 - frozen
    empty: frozenset[str] = frozenset()
    party: Formula | None = None
    events: tuple[EventRule, ...] = ()

    def formulas(self) -> Iterator[Formula]:
        """Every formula of the events."""
        for event in self.events:
            yield from event.formulas()

    def columns(self) -> dict[str, Place]:
        """The columns that the events need, each with the place of its first use."""
        columns: dict[str, Place] = {}
        for formula in self.formulas():
            for expr in walk(formula.expr):
                if expr.op == "column":
                    columns.setdefault(expr.value, formula.place)
        return columns

    def lookups(self) -> list[Lookup]:
        """The joins that the events need."""
        found = (expr.value for formula in self.formulas() for expr in walk(formula.expr) if expr.op == "lookup")
        return list(dict.fromkeys(found))


@dataclass(frozen=True)
class Mapping:
    """A mapping, read and checked.

    Args:
        path: its file.
        files: the rules, in the order of the file.
        tables: the translation tables by name.
    """

    path: Path
    files: tuple[FileRule, ...]
    tables: ReadOnly[str, ReadOnly[str, str]]

    def rule_of(self, file: Path) -> FileRule:
        """The first rule whose pattern the file's name matches, with the format that the name implies.

        Raises:
            MappingError: there is none, or the format cannot be told.
        """
        for rule in self.files:
            if fnmatch.fnmatchcase(file.name, rule.pattern):
                return _with_format(rule, file)
        patterns = ", ".join(rule.pattern for rule in self.files)
        raise Place(self.path.name, 1, "files").error(f"no pattern matches {file.name!r}; there are: {patterns}")


def _formulas(rules: tuple[FieldRule, ...]) -> Iterator[Formula]:
    for rule in rules:
        if rule.formula:
            yield rule.formula
        for element in rule.elements:
            yield from _formulas(element)


def format_of(file: Path) -> str:
    """The format that a file's name implies; an empty text if it implies none."""
    return _FORMATS.get(file.suffix.lower().removeprefix("."), "")


def _with_format(rule: FileRule, file: Path) -> FileRule:
    kind = rule.format or format_of(file)
    if not kind:
        raise rule.place.error(f"cannot tell what {file.name!r} is: add format: csv, jsonl or parquet")
    return replace(rule, format=kind, delimiter=rule.delimiter or ("\t" if file.suffix.lower() == ".tsv" else ","))
