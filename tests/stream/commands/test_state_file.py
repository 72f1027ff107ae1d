"""A state file comes back as it was written, is only for its owner, and is refused if a byte of it differs."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_kpis.engine.batch import HEADER_KEY, Header, header_encoder
from stream_kpis.settings import Settings, SettingsError
from stream_kpis.stream.commands.state import import_state
from stream_kpis.stream.commands.state_file import Manifest, Place, Record, StateFileError, reading, writing

MANIFEST = Manifest(version="1", made_ms=5, app="a", prefix="p.", partitions=2, cuts_ms={"0": 4})
RECORDS: list[Record] = [(1, b"k", b"v", [("h", b"x")]), (2, None, None, []), (3, b"", b"\x00" * 5_000, [])]

records = st.lists(
    st.tuples(
        st.integers(0, 2**63 - 1),
        st.none() | st.binary(max_size=9),
        st.none() | st.binary(max_size=99),
        st.lists(st.tuples(st.text(st.characters(codec="utf-8"), max_size=3), st.binary(max_size=3)), max_size=2),
    ),
    max_size=8,
)


def written(path: Path, *parts: list[Record]) -> Path:
    with writing(path) as writer:
        for partition, part in enumerate(parts):
            assert writer.add(Place("cells", partition), part) == len(part)
        writer.finish(MANIFEST)
    return path


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.lists(records, max_size=3))
def test_what_was_written_comes_back(tmp_path_factory: pytest.TempPathFactory, parts: list[list[Record]]) -> None:
    path = written(tmp_path_factory.mktemp("state") / "s.zip", *parts)
    with reading(path) as reader:
        assert msgspec.structs.replace(reader.manifest, parts=[]) == MANIFEST
        assert [(place, [*reader.records(place)]) for place in reader.places()] == [
            (Place("cells", number), part) for number, part in enumerate(parts) if part
        ]


def test_it_is_for_its_owner_only(tmp_path: Path) -> None:
    """It holds what is known of customers."""
    assert written(tmp_path / "s.zip", RECORDS).stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    path = written(tmp_path / "s.zip", RECORDS)
    before = path.read_bytes()
    with pytest.raises(StateFileError, match="is there already"):
        written(path)
    assert path.read_bytes() == before


def test_what_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    def failing() -> Iterator[Record]:
        yield from RECORDS
        raise RuntimeError

    with pytest.raises(RuntimeError), writing(tmp_path / "s.zip") as writer:
        writer.add(Place("cells", 0), failing())
    assert [*tmp_path.iterdir()] == []


def test_every_damage_is_seen(tmp_path: Path) -> None:
    """Wherever a byte is another one; but for those of a zip that say nothing, such as times."""
    whole = written(tmp_path / "s.zip", RECORDS).read_bytes()
    seen = 0
    for at in range(0, len(whole), 7):
        path = tmp_path / "damaged.zip"
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            with reading(path) as reader:
                assert [*reader.records(Place("cells", 0))] == RECORDS
        except StateFileError:
            seen += 1
    assert seen > len(whole) / 7 / 2


@pytest.mark.parametrize("share", [0, 0.5, 0.99])
def test_half_a_file_is_refused(tmp_path: Path, share: float) -> None:
    path = written(tmp_path / "s.zip", RECORDS)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(StateFileError, match="no state file, or is damaged"), reading(path):
        pass


def rewritten(path: Path, change: dict[str, bytes | None]) -> Path:
    """The same file with some members replaced, or left out; its zip is right."""
    other = path.with_name("other.zip")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(other, "w") as new:
        for name in old.namelist():
            data = change.get(name, old.read(name))
            if data is not None:
                new.writestr(name, data)
    return other


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"cells/0": b""}, "the checksum of cells/0 differs"),
        ({"cells/0": None}, "cells/0 is missing"),
        ({"manifest.json": None}, "no manifest"),
        ({"manifest.json": b"{}"}, "no manifest that this version reads"),
        ({"manifest.json": msgspec.json.encode(msgspec.structs.replace(MANIFEST, format=2))}, "has format 2, not 1"),
    ],
)
def test_a_file_of_other_parts_is_refused(tmp_path: Path, change: dict[str, bytes | None], line: str) -> None:
    path = rewritten(written(tmp_path / "s.zip", RECORDS), change)
    with pytest.raises(StateFileError, match=line), reading(path):
        pass


def test_a_state_of_another_format_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    """In one line, and without Kafka: its scopes may hold what this version cannot read."""
    file = tmp_path / "s.zip"
    header = Header(3, {}, {}, 4, {}, {"format": "2"})
    with writing(file) as writer:
        writer.add(Place("parties", 0), [(4, b"\x93\xa5leads\xa1p\xa0", b"\xc0", [])])
        writer.add(Place("cells", 0), [(4, HEADER_KEY, header_encoder.encode(header), [])])
        writer.finish(MANIFEST)
    with pytest.raises(SettingsError, match="by another version of stream-kpis: import it with that one"):
        import_state(Settings(partitions=2, bootstrap="127.0.0.1:1"), file, same_topics=True)
