"""Raw Kafka records to one flat table: a row per readable record, a column per field that a KPI may look at."""

import itertools
import os
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import msgspec

from stream_kpis.events.envelope import Event, Incoming, Reader, Record, time_ms_of
from stream_kpis.events.types import KINDS, MICRO, Data, EventVoided, Money
from stream_kpis.proof.oracle.rates import Rates

MEMORY_MB = 512
"""Enough for some 100,000 events without a file."""

_THREADS_MAX = 4
"""Each thread has tables of its own under way."""

_CHUNK_ROWS = 10_000

_ENVELOPE = {
    "topic": "VARCHAR",
    "partition": "INTEGER",
    "offset": "BIGINT",
    "recorded_ms": "BIGINT",
    "crc": "BIGINT",
    "type": "VARCHAR",
    "time_ms": "BIGINT",
    "rank": "INTEGER",
    "source": "VARCHAR",
    "id": "VARCHAR",
    "party": "VARCHAR",
}

_TEXTS = (
    *("lead_id", "deal_id", "order_id", "refund_id", "ticket_id", "survey_id", "into", "voided_source", "voided_id"),
    *("owner_id", "agent_id", "team", "origin", "channel", "segment", "country", "pipeline", "product", "region"),
    *("plan", "reason", "category", "priority", "kind", "status", "outcome", "author", "created_by"),
    *(
        "interaction_id",
        "complaint_id",
        "campaign_id",
        "account_id",
        "stage",
        "expected_close",
        "direction",
        "severity",
    ),
    *("variant", "subject_line", "call_to_action", "referred_by", "referred_id", "experiment"),
    *("since", "until", "calendar", "lead_party"),
)
_DATA = {
    **dict.fromkeys(_TEXTS, "VARCHAR"),
    **dict.fromkeys(("automated", "public", "upsell", "upheld", "machine", "voluntary"), "BOOLEAN"),
    # Amounts and scores in micro-units, times in ms since 1970.
    # What was paid, in which currency, and what that is worth: units, and 10^-12 of one.
    "paid": "BIGINT",
    "paid_in": "VARCHAR",
    "rate": "BIGINT",
    "rate_rest": "BIGINT",
    "unrated": "BOOLEAN",
    "decision_makers": "BIGINT",
    # The items of an order that name an amount, their quantities in thousandths.
    "lines": "STRUCT(product VARCHAR, amount BIGINT, thousandths BIGINT)[]",
    **dict.fromkeys(("amount", "cost_of_goods", "value", "score", "scale_min", "scale_max", "effective_ms"), "BIGINT"),
    **dict.fromkeys(("length", "images"), "BIGINT"),
}
COLUMNS: dict[str, str] = _ENVELOPE | _DATA
"""The columns of the table ``records`` and their SQL types."""


class _Type(NamedTuple):
    """What of one event type goes into the table: pairs of column and field."""

    name: str
    fields: tuple[tuple[str, str], ...]


def _columns_of(data: type[Data]) -> tuple[tuple[str, str], ...]:
    """Fields are named as they are, but for those that an envelope's attribute is named after."""
    if data is EventVoided:
        return (("voided_source", "source"), ("voided_id", "id"))
    names = {"source": "origin", "effective_at": "effective_ms"}
    pairs = ((names.get(field, field), field) for field in data.__struct_fields__)
    return tuple((column, field) for column, field in pairs if column in _DATA)


_TYPES = {kind.data: _Type(kind.name, _columns_of(kind.data)) for kind in KINDS}


def opened(memory_mb: int) -> duckdb.DuckDBPyConnection:
    """An empty database that holds so much in memory, and the rest in a temporary folder of its own.

    DuckDB makes the folder when it needs it and removes it at the end. Rows have no order but what a query gives them.
    """
    folder = Path(tempfile.gettempdir()) / f"stream-kpis-oracle-{uuid.uuid4().hex}"
    return duckdb.connect(
        ":memory:",
        config={
            "memory_limit": f"{memory_mb}MB",
            "temp_directory": str(folder),
            "threads": min(os.cpu_count() or 1, _THREADS_MAX),
            "preserve_insertion_order": False,
        },
    )


def create_records(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the empty table ``records``."""
    columns = ", ".join(f'"{name}" {kind}' for name, kind in COLUMNS.items())
    connection.execute(f"CREATE TABLE records ({columns})")


def load_records(
    connection: duckdb.DuckDBPyConnection, reader: Reader, rates: Rates, records: Iterable[Record]
) -> None:
    """Append the readable ones among ``records`` to the table ``records``.

    They go by way of a file: DuckDB reads JSON lines much faster than it takes rows from Python.

    Raises:
        ValueError: one has amounts in another currency than the reader's.
    """
    rows = _rows(reader, rates, records)
    encode = msgspec.json.Encoder().encode_lines
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "records.ndjson"
        while chunk := list(itertools.islice(rows, _CHUNK_ROWS)):
            path.write_bytes(encode(chunk))
            connection.execute(
                "INSERT INTO records FROM read_json($path, format = 'newline_delimited', columns = $columns)",
                {"path": str(path), "columns": COLUMNS},
            )


def _rows(reader: Reader, rates: Rates, records: Iterable[Record]) -> Iterator[dict[str, Any]]:
    for record in records:
        match reader.read(record.value, record.key, record.timestamp, record.headers):
            case Incoming(currency=str(currency)) if not rates.currencies:
                raise ValueError(f"cannot compare: there are amounts in {currency}, and the oracle was given no rates")
            case Incoming(party, event):
                if (paid := rates.paid(event)) is not None:
                    yield _row(record, party, event, paid)


def _row(record: Record, party: str, event: Event, paid: dict[str, Any]) -> dict[str, Any]:
    kind, fields = _TYPES[type(event.data)]
    row: dict[str, Any] = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "recorded_ms": event.recorded_ms,
        "crc": event.crc,
        "type": kind,
        "time_ms": event.time_ms,
        "rank": event.rank,
        "source": event.source,
        "id": event.id,
        "party": party,
    }
    for column, name in fields:
        if (value := getattr(event.data, name)) is not None:
            row[column] = _plain(value)
    return row | {column: value for column, value in paid.items() if column in _DATA}


def _plain(value: Any) -> str | bool | int:
    if isinstance(value, float):  # a score
        return round(value * MICRO)
    if isinstance(value, datetime):
        return time_ms_of(value)
    return int(value) if isinstance(value, Money) else value
