"""Parquet files as rows of texts, read by DuckDB; a value is the text that a CSV file would have."""

import glob
import math
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from stream_kpis.events.history.binding import Nested

T = TypeVar("T")
_ROWS = 10_000
"""Fetched at a time."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ZONED = "TIMESTAMP WITH TIME ZONE"


class ParquetError(ValueError):
    """The file cannot be read; one line."""


def columns_of(path: Path) -> dict[str, str]:
    """The columns of a file, in order, with their types as DuckDB names them.

    Raises:
        ParquetError: it is no Parquet file, or cannot be read.
    """
    found = _run(path, lambda files: files.execute(f"DESCRIBE SELECT * FROM {_FROM}", [_name(path)]).fetchall())  # noqa: S608 - a constant
    return {str(name): str(kind) for name, kind, *_ in found}


def rows_of(path: Path) -> Iterator[dict[str, Any]]:
    """The rows in the order of the file, each by column; an instant is of UTC, whatever its zone was.

    Raises:
        ParquetError: it cannot be read on.
    """
    columns = columns_of(path)
    shown = ", ".join(
        f"epoch_us({_quoted(name)})" if kind == _ZONED else _quoted(name) for name, kind in columns.items()
    )
    zoned = [name for name, kind in columns.items() if kind == _ZONED]
    cursor = _run(path, lambda files: files.execute(f"SELECT {shown} FROM {_FROM}", [_name(path)]))  # noqa: S608 - quoted
    while rows := _run(path, lambda _: cursor.fetchmany(_ROWS)):
        for values in rows:
            row = dict(zip(columns, values, strict=True))
            for name in zoned:
                if row[name] is not None:
                    row[name] = _EPOCH + timedelta(microseconds=row[name])
            yield row


_FROM = "read_parquet(?, hive_partitioning = false)"


def _name(path: Path) -> str:
    return glob.escape(str(path))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _run(path: Path, ask: Callable[[Any], T]) -> T:
    import duckdb  # noqa: PLC0415 - only who has such files needs it

    try:
        return ask(duckdb.connect(config={"threads": 1}))
    except duckdb.Error as error:
        raise ParquetError(f"{path.name} cannot be read as Parquet: {str(error).splitlines()[0]}") from None


def text_of(value: Any) -> str:  # noqa: PLR0911 - a table of types
    """A value as the text that a CSV file would have; nothing is an empty text, and so is not-a-number.

    >>> [text_of(value) for value in (None, True, 7.0, 0.1, Decimal("1.50"), b"a", float("nan"))]
    ['', 'true', '7', '0.1', '1.50', 'a', '']

    Raises:
        UnicodeDecodeError: bytes that are no UTF-8 text.
    """
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case float():
            if math.isnan(value):
                return ""
            return str(int(value)) if value.is_integer() else format(Decimal(repr(value)), "f")
        case Decimal():
            return format(value, "f")
        case bytes():
            return value.decode()
        case dict() | list() | tuple():
            return Nested(msgspec.json.encode(value, enc_hook=text_of).decode())
        case _ if hasattr(value, "isoformat"):
            return str(value.isoformat())
    return str(value)


def missing(name: str, columns: Sequence[str]) -> bool:
    """Whether a file lacks a column, or the object that a name with dots reaches into."""
    return name not in columns and name.split(".", maxsplit=1)[0] not in columns
