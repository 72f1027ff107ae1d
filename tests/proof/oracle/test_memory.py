"""An oracle holds no more in memory than it may: what is more lies in files, which go with it."""

import tempfile
from pathlib import Path

import duckdb
import pytest

from stream_kpis.events.envelope import Reader
from stream_kpis.proof.oracle import Oracle
from stream_kpis.proof.oracle.load import opened

ROWS = 1_000_000
BYTES_A_ROW_MIN = 20


def test_what_exceeds_the_memory_lies_in_files_which_go_with_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And every row is still there."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    database = opened(ROWS * BYTES_A_ROW_MIN // 2**20)
    assert not list(tmp_path.iterdir())
    database.execute(f"CREATE TEMP TABLE spilled AS SELECT hash(range)::VARCHAR AS words FROM range({ROWS})")
    assert list(tmp_path.iterdir())
    assert database.execute("SELECT count(DISTINCT words) FROM spilled").fetchone() == (ROWS,)
    database.close()
    assert not list(tmp_path.iterdir())


def test_the_memory_of_an_oracle_is_what_it_was_given() -> None:
    """DuckDB refuses where that is too little for any question."""
    with pytest.raises(duckdb.OutOfMemoryException):
        Oracle(Reader(), memory_mb=1).answer([], 0)
