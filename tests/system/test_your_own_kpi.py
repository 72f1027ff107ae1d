"""What docs/your-own-kpi.md says, done word by word: its commands, its YAML, and what it promises of them."""

import csv
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "your-own-kpi.md").read_text("utf-8")
PART = PAGE.split("## Into a running demo")[1].split("\n## ")[0]
FOUND_S = 240


def blocks(kind: str) -> list[str]:
    """The fenced blocks of the part that is followed."""
    return re.findall(rf"```{kind}\n(.*?)```", PART, re.DOTALL)


class Terminal:
    """A demo in a folder, and the lines that it says."""

    def __init__(self, script: str, folder: Path, environment: dict[str, str]) -> None:
        self.said: list[str] = []
        self._passed: list[str] = []
        self._heard = threading.Condition()
        self.process = subprocess.Popen(
            ["bash", "-ec", script],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._heard:
                self.said.append(line.rstrip())
                self._heard.notify_all()
        with self._heard:
            self.said.append("(ended)")
            self._heard.notify_all()

    def wait_for(self, pattern: str) -> str:
        """The first line that matches; those before it are not looked at again."""
        found = ""

        def heard() -> bool:
            nonlocal found
            while self.said:
                line = self.said.pop(0)
                self._passed.append(line)
                assert line != "(ended)", "\n".join([f"it ended before it said {pattern!r}:", *self._passed])
                if re.search(pattern, line):
                    found = line
                    return True
            return False

        with self._heard:
            assert self._heard.wait_for(heard, FOUND_S), f"it did not say {pattern!r}"
        return found

    def end(self) -> None:
        """Ctrl-C, to the demo alone."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(60)
        self._listener.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The commands of the page find the program, and nothing of this machine's settings."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    program = bin_folder / "stream-kpis"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m stream_kpis "$@"\n')
    program.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STREAM_KPIS_")}
    return kept | {"PATH": f"{bin_folder}{os.pathsep}{kept['PATH']}", "PYTHONPATH": str(ROOT)}


@pytest.fixture
def demo(tmp_path: Path, environment: dict[str, str]) -> Iterator[Terminal]:
    """The demo of the page's first block."""
    start, _ = blocks("sh")
    terminal = Terminal(start.replace("STREAM_KPIS_CATALOGUE", "exec env STREAM_KPIS_CATALOGUE"), tmp_path, environment)
    yield terminal
    terminal.end()


def rows(command: str, folder: Path, environment: dict[str, str]) -> list[dict[str, str]]:
    """What a command of the page prints, as CSV."""
    ended = subprocess.run(
        ["bash", "-ec", f"{command} --csv"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return list(csv.DictReader(io.StringIO(ended.stdout)))


@pytest.mark.system
def test_the_page_does_what_it_says(demo: Terminal, tmp_path: Path, environment: dict[str, str]) -> None:
    """At most ten lines of YAML; the past is there; a mistake is told as the page tells it, and ends nothing."""
    assert shutil.which("bash")
    (own,) = blocks("yaml")
    _, asks = blocks("sh")
    (mistake,) = blocks("text")
    assert len(own.splitlines()) <= 10
    port = demo.wait_for(r"live page").rpartition(":")[2].strip("/")
    environment["STREAM_KPIS_PORT"] = port
    demo.wait_for(r"^live")

    file = tmp_path / re.findall(r"`(own/\w+\.yaml)`", PART)[0]
    file.write_text(own)
    demo.wait_for(r"^\d+ KPIs are live after")
    together, grouped = asks.splitlines()
    samples = {row["kpi"]: int(row["samples"]) for row in rows(together, tmp_path, environment)}
    assert samples["orders"] > 100  # of 60 days, of which the demo has been live for seconds
    # Orders come while one asks; both are of one snapshot.
    assert samples["order_mix"] == samples["orders"]
    by_group = rows(grouped, tmp_path, environment)
    assert len(by_group) > 3
    assert sum(int(row["samples"]) for row in by_group) >= samples["orders"]

    wrong = re.findall(r"`(formula: .*?)`", PART)[0]
    file.write_text(re.sub("formula: .*", wrong, own))
    assert demo.wait_for("goes on as before") == mistake.strip()
    assert rows(together, tmp_path, environment)
