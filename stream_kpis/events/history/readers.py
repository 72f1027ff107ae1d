"""CSV, JSONL and Parquet files as rows of texts, one at a time."""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from stream_kpis.events.history.binding import Lookup, Nested, Row
from stream_kpis.events.history.document import Place, unknown
from stream_kpis.events.history.parquet import ParquetError, columns_of, missing, rows_of, text_of
from stream_kpis.events.history.paths import Sought, member
from stream_kpis.events.history.rules import FileRule

_decode = msgspec.json.Decoder(float_hook=str).decode
"""Numbers with a point stay as they are written: their digits are the amount."""


_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_UNDECODED = re.compile(r"[\udc80-\udcff]")
_MARKS = {";": '";"', "\t": "tab", "|": '"|"'}


class Malformed(NamedTuple):
    """A row that cannot be read."""

    detail: str


@dataclass(frozen=True)
class Table:
    """A file that can be read more than once.

    Args:
        path: the file.
        rule: how it is read.
        columns: the positions of its columns in the rows.
    """

    path: Path
    rule: FileRule
    columns: dict[str, int]

    def rows(self, sought: Sought) -> Iterator[Row | Malformed]:
        """The rows; blank lines are none. Each row's texts by position, and last its number, from 1.

        Args:
            sought: sees each row of a file without a header that names all there is.
        """
        read = {"jsonl": self._jsonl, "parquet": self._parquet}.get(self.rule.format)
        rows = read(sought) if read else self._csv()
        empty = self.rule.empty
        for number, row in enumerate(rows, 1):
            if isinstance(row, list):
                if empty:
                    row = ["" if text.strip() in empty else text for text in row]  # noqa: PLW2901 - the same row
                row.append(number)
            yield row

    def _csv(self) -> Iterator[list[Any] | Malformed]:
        width = len(self.columns)
        with self.path.open(encoding=self.rule.encoding, errors="surrogateescape", newline="") as file:
            rows = csv.reader(file, delimiter=self.rule.delimiter, strict=True)
            next(rows)
            while True:
                line = rows.line_num + 1
                try:
                    row = next(rows, None)
                except csv.Error as error:
                    yield Malformed(_csv_mistake(str(error), line, rows.line_num))
                    continue
                if row is None:
                    return
                if len(row) == width:
                    yield row
                elif row:
                    yield Malformed(f"{len(row)} columns, the header has {width}")

    def _jsonl(self, sought: Sought) -> Iterator[list[Any] | Malformed]:
        paths, empty = [(name, name.split(".")) for name in self.columns], self.rule.empty
        with self.path.open("rb") as file:
            for line in file:
                text = line.removeprefix(b"\xef\xbb\xbf").strip()
                if not text:
                    continue
                try:
                    value = _decode(text)
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                    yield Malformed(str(error))
                    continue
                if isinstance(value, dict):
                    sought.see(value)
                    yield [_text(member(value, name, path, empty)) for name, path in paths]
                else:
                    yield Malformed("the line is no JSON object")

    def _parquet(self, sought: Sought) -> Iterator[list[Any] | Malformed]:
        paths, empty = [(name, name.split(".")) for name in self.columns], self.rule.empty
        try:
            for row in rows_of(self.path):
                sought.see(row)
                try:
                    yield [text_of(member(row, name, path, empty)) for name, path in paths]
                except UnicodeDecodeError as error:
                    yield Malformed(f"bytes that are no UTF-8 text: {error.reason}")
        except ParquetError as error:
            raise self.rule.place.error(str(error)) from None


def _csv_mistake(mistake: str, first: int, last: int) -> str:
    """Why a row of some lines of a CSV file cannot be read; an open quote swallows what follows, so say where it is."""
    if mistake.startswith(("unexpected end of data", "field larger")):
        return f"a quote in the row of line {first} is not closed: all up to line {last} was taken for one field"
    return f"line {first}: {mistake}"


def open_table(path: Path, rule: FileRule, wanted: Iterable[tuple[str, Place]], hint: str = "") -> Table:
    """The table of a file; reads at most its header.

    Args:
        path: the file.
        rule: how to read it, with its format.
        wanted: the columns that must be there, and where the mapping asks for them.
        hint: what to say beside the name of a column that is not there.

    Raises:
        MappingError: the file cannot be read, or lacks a column.
    """
    wanted = list(wanted)
    if rule.format == "jsonl":
        _first_bytes(path, rule.place)
        return Table(path, rule, {name: index for index, (name, _) in enumerate(wanted)})
    if rule.format == "parquet":
        return _parquet_table(path, rule, wanted)
    header = _header(path, rule)
    columns = {name: index for index, name in enumerate(header)}
    for name, place in wanted:
        if name not in columns:
            raise place.error(f"{unknown(f'column of {path.name}', name, columns)}{_suspicion(header) or hint}")
    return Table(path, rule, columns)


def _parquet_table(path: Path, rule: FileRule, wanted: list[tuple[str, Place]]) -> Table:
    _first_bytes(path, rule.place)
    try:
        columns = columns_of(path)
    except ParquetError as error:
        raise rule.place.error(str(error)) from None
    for name, place in wanted:
        if missing(name, list(columns)):
            raise place.error(unknown(f"column of {path.name}", name, columns))
    return Table(path, rule, {name: index for index, (name, _) in enumerate(wanted)})


def read_lookup(path: Path, rule: FileRule, lookup: Lookup) -> dict[str, str]:
    """The other file of a join, in memory: key -> taken value. Rows without a key or a value are left out.

    Raises:
        MappingError: it cannot be read, lacks a column, or has a list or an object for one, or two values for one key.
    """
    sought = Sought((lookup.key, lookup.take))
    table = open_table(path, rule, ((lookup.key, lookup.place), (lookup.take, lookup.place)))
    key_at, take_at = table.columns[lookup.key], table.columns[lookup.take]
    found: dict[str, str] = {}
    for row in table.rows(sought):
        if isinstance(row, Malformed):
            raise lookup.place.error(f"{path.name}: {row.detail}")
        key, value = (_joined(text, path, lookup) for text in (row[key_at], row[take_at]))
        if key and value and found.setdefault(key, value) != value:
            raise lookup.place.error(f"{path.name} has two values of {lookup.take!r} for {lookup.key} {key[:40]!r}")
    for name, names in sought.absent().items():
        raise lookup.place.error(unknown(f"row of {path.name} has", name, names))
    return found


def _joined(text: str, path: Path, lookup: Lookup) -> str:
    if text.__class__ is str:
        return text.strip()
    detail = f"{text[:40]!r} is a list or an object" if isinstance(text, Nested) else text
    raise lookup.place.error(f"{path.name}: {detail}")


def _header(path: Path, rule: FileRule) -> list[str]:
    try:
        with path.open(encoding=rule.encoding, errors="surrogateescape", newline="") as file:
            header = [name.strip() for name in next(csv.reader(file, delimiter=rule.delimiter, strict=True), [])]
    except OSError as error:
        raise rule.place.error(f"{path.name} cannot be read: {error.strerror}") from None
    except (csv.Error, UnicodeError) as error:
        raise rule.place.error(f"{path.name} is no CSV file: {error}") from None
    if not header:
        raise rule.place.error(f"{path.name} has no header line")
    if any(_CONTROL.search(name) for name in header):
        expected = rule.encoding.removesuffix("-sig")
        raise rule.place.error(
            f"{path.name} is no {expected} text: if it is a CSV file, set its encoding, such as utf-16"
        )
    twice = {name for name in header if name and header.count(name) > 1}
    if twice:
        raise rule.place.error(f"{path.name} has more than one column {min(twice)!r}")
    # Columns without a name (an index, say) cannot be asked for, but keep their positions.
    return [name or f"\0{index}" for index, name in enumerate(header)]


def _suspicion(header: list[str]) -> str:
    """What to say of a header in another encoding, or of one column that would be more with another mark between."""
    if any(_UNDECODED.search(name) for name in header):
        return " (if its letters look wrong, set its encoding, such as cp1252)"
    mark = next((mark for mark in _MARKS if len(header) == 1 and mark in header[0]), None)
    return f" (the header is one column: set delimiter: {_MARKS[mark]})" if mark else ""


def _first_bytes(path: Path, place: Place) -> None:
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise place.error(f"{path.name} cannot be read: {error.strerror}") from None


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else Nested(msgspec.json.encode(value).decode())
