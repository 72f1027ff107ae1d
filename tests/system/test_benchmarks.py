"""The benchmark itself: what it measures counts what there is to count, and it prints its ratios."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.system


def test_what_is_measured_counts_right(tmp_path: Path) -> None:
    """Ours and naive Faust, whose totals are compared with a plain pass, on few events; no figure is judged."""
    arguments = ("--events", "3000", "--systems", "limit,stream-kpis,naive-faust", "--ratio-events", "300")
    command = [sys.executable, "-m", "benchmarks", *arguments, "--output", str(tmp_path / "latest.json")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall(r" [38] equal", done.stdout)) == 3, done.stdout
    assert "whole catalogue / its first 27 KPIs" in done.stdout
    assert "bytes per party" in done.stdout
