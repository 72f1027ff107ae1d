"""Shell completion, in a real bash."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

_OWN = """
kpis:
  visits_of_ours:
    title: Visits of ours
    formula: count(orders)
    unit: count
    windows: [7d]
    by: [channel]
"""
_ASK = """
source <("$PROGRAM" completion bash)
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_stream_kpis_completion "$PROGRAM"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def offered(folder: Path, *words: str) -> list[str]:
    """What bash offers in place of the last word."""
    program = Path(sys.executable).with_name("stream-kpis")
    bash = shutil.which("bash")
    assert bash is not None
    environment = {**os.environ, "PROGRAM": str(program), "PATH": f"{program.parent}:{os.environ['PATH']}"}
    command = [bash, "--norc", "-c", _ASK, "bash", "stream-kpis", *words]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout.split()


def test_commands_and_options_are_offered(tmp_path: Path) -> None:
    assert offered(tmp_path, "expl") == ["explain"]
    assert "--prove" in offered(tmp_path, "explain", "--p")


def test_the_last_of_several_kpis_is_offered(tmp_path: Path) -> None:
    assert offered(tmp_path, "kpis", "--kpi", "csat_score,deal_win_rate_v") == ["csat_score,deal_win_rate_value"]


def test_windows_and_groupings_are_those_of_the_kpi(tmp_path: Path) -> None:
    assert "now" not in offered(tmp_path, "explain", "deal_win_rate", "--window", "")
    assert offered(tmp_path, "explain", "deals_open", "--window", "") == ["now"]
    assert "owner" in offered(tmp_path, "kpis", "--kpi", "deal_win_rate", "--by", "")
    assert "owner" not in offered(tmp_path, "kpis", "--kpi", "email_open_rate", "--by", "o")


def test_the_own_catalogue_is_offered(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(_OWN)
    (tmp_path / "settings.yaml").write_text(f"catalogue: [{tmp_path / 'own.yaml'}]\n")
    words = ("--config", str(tmp_path / "settings.yaml"), "explain", "visits_")
    assert offered(tmp_path, *words) == ["visits_of_ours"]


def test_wrong_settings_offer_nothing_and_say_nothing(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("catalogue: [nowhere.yaml]\n")
    assert offered(tmp_path, "--config", str(tmp_path / "settings.yaml"), "explain", "deal") == []
