"""The arrows between the rooms, as docs/architecture.md draws them, and the purity of the core."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "stream_kpis"
PURE = sorted(
    path
    for part in (
        "events",
        "journeys",
        "kpis",
        "engine",
        "live/model",
        "live/receipts",
        "proof/oracle",
        "proof/compare.py",
    )
    for path in ((PACKAGE / part).rglob("*.py") if (PACKAGE / part).is_dir() else [PACKAGE / part])
)
SHORT = sorted({*PURE, *(path for part in ("cli", "live", "settings") for path in (PACKAGE / part).rglob("*.py"))})
_CLOCKS = {
    "time": {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time", "sleep",
             "localtime", "gmtime"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
}  # fmt: skip


def clocks_asked(source: str) -> list[str]:
    """What in a source asks what time it is, as ``LINE: CALL``."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(value=ast.Name(id=owner) | ast.Attribute(attr=owner), attr=name):
                if name in _CLOCKS.get(owner, ()):
                    found.append(f"{node.lineno}: {owner}.{name}")
            case ast.ImportFrom(module="time", names=names):
                found += [f"{node.lineno}: {alias.name}" for alias in names if alias.name in _CLOCKS["time"]]
            case _:
                pass
    return found


def test_imports_go_one_way() -> None:
    """The contracts are in pyproject.toml; what breaks one is in the output.

    In a process of its own: it configures logging, and would silence what later tests listen to.
    """
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("path", PURE, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_the_core_is_told_the_time(path: Path) -> None:
    """It never asks: so a replay gives what the first run gave."""
    assert not clocks_asked(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "source",
    [
        "import time\ntime.time()",
        "import time\nclock = time.monotonic",
        "from time import perf_counter",
        "from datetime import datetime\ndatetime.now()",
        "import datetime\ndatetime.datetime.now(tz)",
        "from datetime import date\ndate.today()",
    ],
)
def test_a_clock_would_be_seen(source: str) -> None:
    """In any of its spellings."""
    assert clocks_asked(source)


def test_a_time_of_day_is_no_clock() -> None:
    """Nor is an event's own time."""
    assert not clocks_asked("from datetime import time\ntime(0)\nevent.time\nenvelope.time.date()")


@pytest.mark.parametrize("path", SHORT, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_files_are_short(path: Path) -> None:
    """One subject each. The event types are a table, and as long as the contract."""
    if path.name != "types.py":
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 350


def test_the_map_names_what_is_there() -> None:
    """Every path in the docs of the architecture exists, in the package or beside it."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    paths = re.findall(r"`([a-z_/]+/[a-z_/.]*)`", text)
    assert len(paths) > 20
    assert not [path for path in paths if not ((PACKAGE / path).exists() or (ROOT / path).exists())]
