"""No Kafka: every command says so in the same line, which says what to do."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.chaos import ROOT

LINE = (
    "Kafka 127.0.0.1:9 does not answer: start one with `stream-kpis kafka start`,"
    " or name yours with --bootstrap or STREAM_KPIS_BOOTSTRAP"
)

MAPPING = """
source: shop
party: party
files:
  "*.csv":
    events:
      - {type: order.placed, id: id, time: day, data: {order_id: id, amount: amount}}
"""


def run(*arguments: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    environment = {"PYTHONPATH": str(ROOT), "STREAM_KPIS_BOOTSTRAP": "127.0.0.1:9"}
    return subprocess.run(
        [sys.executable, "-m", "stream_kpis", *arguments],
        env=environment, capture_output=True, text=True, check=False, timeout=60, cwd=folder,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "what", "code"),
    [
        (["worker", "--role", "worker"], "start", 75),
        (["worker", "--role", "exporter"], "exporter", 75),
        (["simulate"], "simulate", 1),
        (["import", "orders.csv", "--mapping", "shop.yaml"], "import", 1),
    ],
)
def test_it_is_one_line(arguments: list[str], what: str, code: int, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("id,party,day,amount\n")
    (tmp_path / "shop.yaml").write_text(MAPPING)
    ended = run(*arguments, folder=tmp_path)
    assert (ended.stderr, ended.stdout, ended.returncode) == (f"stream-kpis: {what}: {LINE}\n", "", code)


def test_check_says_it_in_its_own_way(tmp_path: Path) -> None:
    ended = run("check", folder=tmp_path)
    assert ended.stdout.splitlines()[-1] == f"failed kafka      {LINE.removeprefix('Kafka ')}"
    assert (ended.stderr, ended.returncode) == ("", 1)
