"""A Parquet file gives the events that the same rows give as CSV."""

from pathlib import Path

import duckdb
import pytest

from stream_kpis.events.history import History, MappingError, read_mapping

MAPPING = """\
source: shop
zone: Europe/Berlin
files:
  orders.*:
    party: customer
    events:
      - {type: order.placed, id: order_id, time: placed, data: {order_id: order_id, amount: amount, channel: CHANNEL}}
"""
ROWS = """(VALUES
  ('anna', 1, 10.5::DECIMAL(9, 2), TIMESTAMP '2024-01-31 08:15:00.25', 'web', true),
  ('ben',  2, 7.0::DECIMAL(9, 2),  TIMESTAMP '2024-07-01 00:00:00',    NULL,  false),
  (NULL,   3, 1.0::DECIMAL(9, 2),  TIMESTAMP '2024-07-01 00:00:00',    'web', NULL)
) AS t(customer, order_id, amount, placed, channel, paid)"""


def mapping_file(folder: Path, channel: str = "channel", text: str = MAPPING) -> Path:
    file = folder / "mapping.yaml"
    file.write_text(text.replace("CHANNEL", channel))
    return file


def parquet(folder: Path, select: str, name: str = "orders.parquet") -> Path:
    file = folder / name
    duckdb.connect().execute(f"COPY ({select}) TO '{file}' (FORMAT parquet)")
    return file


def history(file: Path, mapping: Path) -> History:
    return History([file], read_mapping(mapping))


def test_it_gives_what_the_same_rows_give_as_csv(tmp_path: Path) -> None:
    """Bytes and order, times of the mapping's zone, and the count of what gave nothing."""
    file = parquet(tmp_path, f"SELECT * FROM {ROWS}")
    csv = tmp_path / "orders.csv"
    duckdb.connect().execute(f"COPY (SELECT * FROM {ROWS}) TO '{csv}' (FORMAT csv)")
    mapping = mapping_file(tmp_path)
    of_parquet, of_csv = history(file, mapping), history(csv, mapping)
    events = [event[:5] for event in of_parquet]
    assert len(events) == 2
    assert events == [event[:5] for event in of_csv]
    assert b'"2024-01-31T07:15:00.25' in events[0][4]
    assert {str(miss): tally.count for miss, tally in of_parquet.counts.rows_without_event.items()} == {"no_party": 1}


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("TIMESTAMPTZ '2024-01-31 08:15:00+02'", "2024-01-31T06:15:00+00:00"),
        ("DATE '2024-01-31'", "2024-01-31"),
        ("true", "true"),
        ("0.1::DOUBLE", "0.1"),
        ("1e21::DOUBLE", "1000000000000000000000"),
        ("3e-7::DOUBLE", "0.0000003"),
        ("12::DOUBLE", "12"),
        ("9007199254740993::BIGINT", "9007199254740993"),
        ("'a'::BLOB", "a"),
        ("'NaN'::DOUBLE", None),
        ("NULL::VARCHAR", None),
    ],
)
def test_each_type_is_a_text(tmp_path: Path, column: str, text: str | None) -> None:
    """As far as it has one."""
    file = parquet(tmp_path, f"SELECT *, {column} AS extra FROM {ROWS} LIMIT 1")
    (event,) = history(file, mapping_file(tmp_path, "extra"))
    expected = b"" if text is None else f'"channel":"{text}"'.encode()
    assert expected in event.value
    assert (b"channel" in event.value) == (text is not None)


def test_dots_reach_into_structs(tmp_path: Path) -> None:
    file = parquet(tmp_path, f"SELECT *, {{'kind': {{'name': 'shop'}}}} AS origin FROM {ROWS} LIMIT 1")
    (event,) = history(file, mapping_file(tmp_path, "origin.kind.name"))
    assert b'"channel":"shop"' in event.value


def test_a_lookup_may_be_parquet(tmp_path: Path) -> None:
    file = parquet(tmp_path, f"SELECT * FROM {ROWS}")
    parquet(tmp_path, "SELECT 'anna' AS who, 'shop' AS via", "via.parquet")
    mapping = mapping_file(tmp_path, "{lookup: {file: via.parquet, on: {who: customer}, take: via}}")
    assert [b'"channel":"shop"' in event.value for event in history(file, mapping)] == [True, False]


def test_many_rows_keep_their_order_and_are_read_more_than_once(tmp_path: Path) -> None:
    """More than are fetched at a time, in a file whose name looks like a pattern."""
    folder = tmp_path / "all[1]*"
    folder.mkdir()
    rows = "SELECT 'p' AS customer, n AS order_id, 1 AS amount, TIMESTAMP '2024-01-01' AS placed, '' AS channel"
    file = parquet(folder, f"{rows} FROM range(25000) AS r(n)")
    found = history(file, mapping_file(tmp_path))
    for _ in range(2):
        assert [event.row for event in found] == list(range(1, 25_001))


@pytest.mark.parametrize(
    ("channel", "content", "message"),
    [
        ("chanel", None, "mapping.yaml:7: files.orders.*.events[1].data.channel: no column of orders.parquet 'chanel'"),
        ("chanel", None, "did you mean 'channel'?"),
        ("channel", b"PAR1 and no more", "orders.parquet cannot be read as Parquet: "),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, channel: str, content: bytes | None, message: str) -> None:
    """Before any row is read."""
    file = parquet(tmp_path, f"SELECT * FROM {ROWS}")
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(MappingError) as error:
        list(history(file, mapping_file(tmp_path, channel)))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_bytes_that_are_no_text_make_their_row_malformed(tmp_path: Path) -> None:
    file = parquet(tmp_path, f"SELECT *, '\\xFF'::BLOB AS extra FROM {ROWS} LIMIT 1")
    found = history(file, mapping_file(tmp_path, "extra"))
    assert list(found) == []
    assert {str(miss): tally.count for miss, tally in found.counts.rows_without_event.items()} == {"malformed_row": 1}
