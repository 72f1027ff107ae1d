"""A deployment's state as one file: a zip of parts, each a row of records, with a manifest that holds their checksums.

`unzip -p FILE manifest.json` shows what is in it, and since when.
"""

import contextlib
import hashlib
import os
import struct
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

import msgspec

FORMAT = 1
_MANIFEST = "manifest.json"
_LENGTH = struct.Struct(">I")
_CHUNK_BYTES = 1 << 20

Record = tuple[int, bytes | None, bytes | None, list[tuple[str, bytes]]]
"""Timestamp in ms, key, value, headers."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Record).decode


class Place(NamedTuple):
    """Where the records of a part stood: a partition of a topic, by its plain name, or of ``parties`` or ``cells``."""

    topic: str
    partition: int

    @property
    def name(self) -> str:
        """The part's name in the file."""
        return f"{self.topic}/{self.partition}"


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a part holds."""

    topic: str
    partition: int
    records: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a file holds."""

    format: int = FORMAT
    version: str
    """Of the program that made it."""
    made_ms: int
    app: str
    prefix: str
    partitions: int
    cuts_ms: dict[str, int]
    """By shard, when the flush was made that it was cut after; shards that had written nothing are missing."""
    parts: list[Part] = []


class StateFileError(ValueError):
    """The file cannot be used; one line."""


@contextlib.contextmanager
def writing(path: Path) -> Iterator["Writer"]:
    """A file in the making: it gets its name when the block ends well, and is only for its owner's eyes.

    Raises:
        StateFileError: there is such a file already.
        OSError: it cannot be written.
    """
    if path.exists():
        raise StateFileError(f"{path} is there already: name another file")
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                yield Writer(archive)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(path)
    finally:
        beside.unlink(missing_ok=True)


class Writer:
    """Takes the parts of a file, and at last its manifest."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._parts: list[Part] = []

    def add(self, place: Place, records: Iterable[Record]) -> int:
        """Writes a part; returns how many records it has."""
        digest, count = hashlib.sha256(), 0
        with self._archive.open(place.name, "w", force_zip64=True) as file:
            for record in records:
                encoded = _encode(record)
                framed = _LENGTH.pack(len(encoded)) + encoded
                file.write(framed)
                digest.update(framed)
                count += 1
        self._parts.append(Part(place.topic, place.partition, count, digest.hexdigest()))
        return count

    def finish(self, manifest: Manifest) -> Manifest:
        """Writes the manifest, with the parts as they were written; returns it."""
        whole = msgspec.structs.replace(manifest, parts=self._parts)
        self._archive.writestr(_MANIFEST, msgspec.json.format(msgspec.json.encode(whole)))
        return whole


@contextlib.contextmanager
def reading(path: Path) -> Iterator["Reader"]:
    """A file that is whole: every checksum was looked at.

    Raises:
        StateFileError: it is no such file, of another format, or damaged.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        try:
            reader = Reader(path, zipfile.ZipFile(file))
            reader.check()
        except StateFileError:
            raise
        except Exception as error:  # zipfile raises about anything where a byte is another one
            raise StateFileError(f"{path} is no state file, or is damaged: {error}") from error
        yield reader


class Reader:
    """Gives the parts of a file."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self._path = path
        self._archive = archive
        try:
            self.manifest = msgspec.json.decode(archive.read(_MANIFEST), type=Manifest)
        except (KeyError, msgspec.DecodeError) as error:
            raise StateFileError(f"{path} is no state file: it has no manifest that this version reads") from error
        if self.manifest.format != FORMAT:
            made_by = f"it was made by version {self.manifest.version}"
            raise StateFileError(f"{path} has format {self.manifest.format}, not {FORMAT}: {made_by}")

    def check(self) -> None:
        """Holds every part against its checksum.

        Raises:
            StateFileError: one differs or is missing.
        """
        for part in self.manifest.parts:
            digest = hashlib.sha256()
            with self._open(Place(part.topic, part.partition)) as file:
                while chunk := file.read(_CHUNK_BYTES):
                    digest.update(chunk)
            if digest.hexdigest() != part.sha256:
                raise StateFileError(f"{self._path} is damaged: the checksum of {part.topic}/{part.partition} differs")

    def places(self) -> list[Place]:
        """Of which partitions it has records, in the order in which they were written."""
        return [Place(part.topic, part.partition) for part in self.manifest.parts if part.records]

    def records(self, place: Place) -> Iterator[Record]:
        """The records of a part, in the order of the log."""
        with self._open(place) as file:
            while head := file.read(_LENGTH.size):
                (length,) = _LENGTH.unpack(head)
                yield _decode(file.read(length))

    def _open(self, place: Place) -> IO[bytes]:
        try:
            return self._archive.open(place.name)
        except KeyError as error:
            raise StateFileError(f"{self._path} is damaged: {place.name} is missing") from error
