"""Flushes as an exporter gets them: whole, and never of two catalogues at once."""

from typing import NamedTuple

from stream_kpis.engine.batch import CATALOGUE_KEY, HEADER_KEY, Header, header_encoder
from stream_kpis.settings import Settings
from stream_kpis.stream.changelog import CellsReader


class Stored(NamedTuple):
    key: bytes
    value: bytes | None


def header(seq: int, catalogue: str, **kept: int) -> Stored:
    return Stored(HEADER_KEY, header_encoder.encode(Header(seq, {}, {}, seq, {}, {}, catalogue, kept)))


def test_flushes_of_one_catalogue_come_together_and_of_another_apart() -> None:
    """What a shard takes out of the changelog afterwards is not taken for what it counted before."""
    reader = CellsReader(Settings())
    first = [Stored(CATALOGUE_KEY + b"a", b"A"), Stored(b"x", b"1"), header(1, "a"), Stored(b"x", b"2"), header(2, "a")]
    second = [Stored(b"y", b"1"), header(3, "b", a=2), Stored(b"x", None), header(4, "b"), Stored(b"z", b"1")]
    found = list(reader.gather(0, [*first, *second]))
    assert [(one.header.seq, one.cells, one.catalogues) for one in found] == [
        (2, [(b"x", b"2")], [(CATALOGUE_KEY + b"a", b"A")]),
        (3, [(b"y", b"1")], []),
        (4, [(b"x", None)], []),
    ]
    (later,) = reader.gather(0, [header(5, "b")])
    assert later.cells == [(b"z", b"1")]
