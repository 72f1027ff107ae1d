"""What a killed process leaves is removed by the next one; what lives is not touched."""

import subprocess
import sys
from pathlib import Path

import pytest

from stream_kpis.local import scratch as module
from stream_kpis.local.scratch import scratch

PROGRAM = """
import sys
from pathlib import Path
from stream_kpis.local.scratch import scratch
with scratch(Path(sys.argv[1]), "demo-") as folder:
    (folder / "kafka").mkdir()
    print(folder.name, flush=True)
    sys.stdin.read()
"""


def start(base: Path) -> "tuple[subprocess.Popen[str], Path]":
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(base)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    return process, base / process.stdout.readline().strip()


def kill(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def test_the_next_one_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    """And neither the folder of one that runs nor anything else."""
    (tmp_path / "demo-notes.txt").write_text("mine")
    (tmp_path / "demo-elsewhere").symlink_to(tmp_path)
    (tmp_path / "kafka").mkdir()
    killed, left = start(tmp_path)
    running, kept = start(tmp_path)
    try:
        kill(killed)
        assert left.exists()
        with scratch(tmp_path, "demo-") as own:
            names = {"demo-notes.txt", "demo-elsewhere", "kafka", kept.name, own.name}
            assert {path.name for path in tmp_path.iterdir()} == names
        assert not own.exists()
        running.communicate()
        assert not kept.exists()
    finally:
        kill(running)


def test_a_folder_whose_broker_still_runs_is_left_to_the_next_but_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed, left = start(tmp_path)
    kill(killed)
    with monkeypatch.context() as patch:
        patch.setattr(module, "status", lambda data: data == left / "kafka")
        with scratch(tmp_path, "demo-"):
            assert left.exists()
    with scratch(tmp_path, "demo-"):
        assert not left.exists()
