"""The command line: what is where, exit codes, errors of one line, and the page that describes it."""

import ast
import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from stream_kpis import cli
from stream_kpis.live.api import Views
from stream_kpis.live.terminal.tables import COLUMNS
from stream_kpis.manual import manual
from tests.live import fakes
from tests.terminals import on_terminal

ROOT = Path(__file__).parents[1]
ORDERS = "party,day,amount\na,2026-03-02,10\nb,2026-03-03,20.5\nb,,1\n"
MAPPING = """
source: shop
party: party
files:
  "*.csv":
    events:
      - {type: order.placed, id: row, time: day, data: {order_id: row, amount: amount}}
"""


@pytest.fixture
def shop(tmp_path: Path) -> tuple[str, ...]:
    """Arguments: a file and its mapping."""
    (tmp_path / "orders.csv").write_text(ORDERS)
    (tmp_path / "shop.yaml").write_text(MAPPING)
    return str(tmp_path / "orders.csv"), "--mapping", str(tmp_path / "shop.yaml")


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("STREAM_KPIS_")]:
        monkeypatch.delenv(name)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Runs a command in this process; its exit code."""
    monkeypatch.setattr(sys, "argv", ["stream-kpis", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_the_page_of_commands_is_up_to_date() -> None:
    """If not: python -m stream_kpis.manual > docs/cli.md."""
    assert (ROOT / "docs" / "cli.md").read_text("utf-8") == manual()


def test_the_page_names_what_the_csv_leaves_out() -> None:
    """Of what JSON has; `by` is spread over two columns, quantiles over three."""
    views = Views(fakes.KPIS)
    value = {"at", "period", "operator", "against", *views.value(fakes.value("first_response_time_live", "5m"))}
    assert value > set(COLUMNS) - {"group", "p50", "p90", "p99"}
    (sentence,) = re.findall(r"The CSV has a column for each of these but (.*?);", manual(), re.DOTALL)
    assert set(re.findall(r"`(\w+)`", sentence)) == value - set(COLUMNS)


def test_each_command_finds_what_it_runs() -> None:
    """They import it only when they run."""
    trees = [ast.parse(file.read_text("utf-8")) for file in Path(cli.__file__).parent.glob("*.py")]
    imports = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    assert len(imports) > 40
    missing = []
    for node in imports:
        try:
            module = importlib.import_module(str(node.module))
        except ModuleNotFoundError:
            missing.append(node.module)
            continue
        missing += [f"{node.module}.{name.name}" for name in node.names if not hasattr(module, name.name)]
    assert not missing


def test_evaluate_prints_a_table(
    shop: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "evaluate", *shop, "--period", "2026-03", "--kpi", "orders,revenue_net") == 0
    printed = capsys.readouterr()
    assert [line.split() for line in printed.out.splitlines() if "2026-03" in line] == [
        ["orders", "2026-03", "2", "2", "low", "sample"],
        ["revenue_net", "2026-03", "30.50", "USD", "2", "low", "sample"],
    ]
    assert "no event, undated: 1" in printed.err


def test_evaluate_takes_groups_and_days(
    shop: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("--from", "2026-03-02", "--to", "2026-03-03", "--kpi", "orders", "--by", "channel", "--json")
    assert run(monkeypatch, "evaluate", *shop, *asked) == 0
    (row,) = json.loads(capsys.readouterr().out)["values"]
    assert (row["period"], row["by"], row["value"]) == ("2026-03-02/2026-03-03", {"channel": "unknown"}, 1)


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (("evaluat",), 2, "No such command 'evaluat' (did you mean evaluate?)"),
        (("evaluate", "nowhere.csv", "--mapping", __file__), 2, "File 'nowhere.csv' does not exist"),
        (("evaluate", "SHOP", "--mapping", "nowhere.yaml"), 2, "File 'nowhere.yaml' does not exist"),
        (("evaluate", "SHOP", "--kpi", "order"), 2, "stream-kpis: no KPI 'order' (did you mean orders?)"),
        (("evaluate", "SHOP", "--by", "chanel"), 2, "stream-kpis: no grouping 'chanel' (did you mean channel?)"),
        (("evaluate", "SHOP", "--period", "2026-3"), 2, "stream-kpis: '2026-3' is no period"),
        (("--config", __file__, "check"), 2, "stream-kpis: settings: "),
        (("kpis", "--url", "127.0.0.1:9"), 2, "is no address of an exporter"),
        (("kpis", "--at", "2026-03-01", "--url", "http://127.0.0.1:9"), 2, "--at is answered from Kafka"),
        (("kpis", "--at", "2026-03-01", "--period", "2026-03"), 2, "instants and periods do not go together"),
        (("kpis", "--period", "2026-03", "--window", "7d"), 2, "windows and periods do not go together"),
        (("kpis", "--period", "2026-03", "--from", "2026-03-01", "--to", "2026-03-02"), 2, "--period excludes --from"),
        (
            ("kpis", "--period", "2026-03", "--compare", "previous", "--url", "http://127.0.0.1:9"),
            2,
            "stream-kpis: periods are compared from Kafka, and an exporter compares windows: leave --url out",
        ),
        (("kpis", "--from", "2026-03-01"), 2, "stream-kpis: from and to go together: give both"),
        (("kpis", "--at", "2199-03-01"), 2, "stream-kpis: 2199-03-01T00:00:00Z has not come: it is "),
        (("kpis", "--period", "2199", "--compare", "year"), 2, "stream-kpis: no day of 2199 is closed"),
        (
            ("kpis", "--at", "2020-03-01", "--bootstrap", "127.0.0.1:9"),
            1,
            "stream-kpis: Kafka 127.0.0.1:9 does not answer",
        ),
        (("explain", "order", "--at", "2026-03-01"), 2, "stream-kpis: no KPI 'order' (did you mean orders?)"),
        (("explain", "orders", "--at", "2026-03-01"), 2, "stream-kpis: which window of orders? give one of 5m, 1h, "),
        (
            ("explain", "deals_open", "--at", "2020-03-01", "--bootstrap", "127.0.0.1:9"),
            1,
            "stream-kpis: Kafka 127.0.0.1:9 does not answer",
        ),
        (("explain", "nope", "--url", "http://127.0.0.1:9"), 1, "stream-kpis: no exporter at http://127.0.0.1:9: "),
        (("kpis", "--url", "http://127.0.0.1:9"), 1, "stream-kpis: no exporter at http://127.0.0.1:9: "),
        (
            ("import", "SHOP", "--bootstrap", "127.0.0.1:9"),
            1,
            "stream-kpis: import: Kafka 127.0.0.1:9 does not answer: ",
        ),
    ],
)
def test_errors_are_one_line_and_say_whose_they_are(
    shop: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: int,
    line: str,
) -> None:
    filled = [part for name in arguments for part in (shop if name == "SHOP" else (name,))]
    assert run(monkeypatch, *filled) == code
    printed = capfd.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    assert line in printed.err


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("verify --events 0", "'--events': 0 is not in the range x>=1"),
        ("verify --events -1", "'--events': -1 is not in the range x>=1"),
        ("verify --seeds 0", "'--seeds': 0 is not in the range x>=1"),
        ("verify --kafka --workers 0", "'--workers': 0 is not in the range x>=1"),
        ("simulate --faults rates", "--faults rates goes with --currencies: give both, or neither"),
        ("verify --all --json", "--json has every KPI already: leave --all out"),
        ("verify --workers 3", "--workers goes with --kafka: give both, or neither"),
        ("verify --faults ,", "'--faults': it has no name: give one, or leave the option out"),
        ("demo --port 99999", "'--port': 99999 is not in the range 0<=x<=65535"),
        ("demo --rate 0", "'--rate': 0.0 is not in the range 0.001<=x<=100000"),
        ("demo --rate nan", "'--rate': nan is no rate"),
        ("demo --rate inf", "'--rate': inf is not in the range"),
        ("demo --workers 0", "'--workers': 0 is not in the range x>=1"),
        ("demo --workers 99", "99 workers are more than the 12 partitions: give at most as many"),
        ("demo --days 0", "'--days': 0 is not in the range 1<=x<=3650"),
        ("demo --events -4", "'--events': -4 is not in the range x>=1"),
        ("simulate --rate -1", "'--rate': -1.0 is not in the range"),
        ("simulate --rate 0", "'--rate': 0.0 is not in the range"),
        ("simulate --days -3", "'--days': -3 is not in the range 0<=x<=3650"),
        ("simulate --days 3", "--days and --events go together: give both for a history, or neither"),
        ("simulate --parties 0", "'--parties': 0 is not in the range x>=1"),
        ("worker --port 99999", "'--port': 99999 is not in the range 0<=x<=65535"),
        ("kafka start --port 99999", "'--port': 99999 is not in the range 0<=x<=65535"),
        ("kafka sart", "No such command 'sart' (did you mean start?)"),
        ("kafka x", "No such command 'x'; there are start, stop, warm, status"),
        ("kpis --json --csv", "--json and --csv exclude each other: give one of them"),
        ("kpis --kpi ,", "'--kpi': it has no name: give one, or leave the option out"),
        ("kpis --window=", "'--window': it has no name: give one, or leave the option out"),
        ("stack --exporter foo", "--exporter 'foo' is no address: write HOST:PORT, such as 127.0.0.1:9464"),
        ("stack --exporter foo:99999", "--exporter 'foo:99999' is no address: write HOST:PORT"),
        ("stack --exporter 127.0.0.1:9 --until firing", "--exporter goes with --fast alone"),
        (
            "stack --scenario flood",
            "no scenario 'flood'; there are slow-responses, churn-wave, quiet-night,",
        ),
        ("rules --page kpis", "'--page': 'kpis' is no address: write http://HOST:PORT"),
        ("rules --output /nope/x.yml", "'--output': cannot write /nope/x.yml: No such file or directory"),
    ],
)
def test_wrong_use_is_refused_before_anything_is_started(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], arguments: str, line: str
) -> None:
    assert run(monkeypatch, *arguments.split()) == 2
    printed = capfd.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    assert line in printed.err


def test_evaluate_prints_one_form(
    shop: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "evaluate", *shop, "--json", "--csv") == 2
    assert capfd.readouterr() == ("", "stream-kpis: --json and --csv exclude each other: give one of them\n")


@pytest.mark.parametrize("arguments", [(), ("kafka",)])
def test_without_a_command_there_is_the_help_as_it_is_always(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert run(monkeypatch, *arguments, "--help") == 0
    asked = capfd.readouterr().out
    assert run(monkeypatch, *arguments) == 2
    assert capfd.readouterr().err == asked
    assert len(asked.splitlines()) > 8


def test_a_stack_without_an_exporter_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Instead of alerts that say so later."""
    assert run(monkeypatch, "stack", "--exporter", "127.0.0.1:9") == 1
    assert capfd.readouterr().err == (
        "stream-kpis: no exporter at 127.0.0.1:9: Connection refused; "
        "start one with stream-kpis demo, or give --exporter HOST:PORT\n"
    )


def test_check_has_a_line_per_finding(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("STREAM_KPIS_BOOTSTRAP", "127.0.0.1:9")
    assert run(monkeypatch, "check") == 1
    printed = capfd.readouterr()
    assert [line.split()[:2] for line in printed.out.splitlines()] == [
        ["ok", "settings"],
        ["ok", "calendars"],
        ["ok", "catalogue"],
        ["ok", "cells"],
        ["ok", "assumed"],
        ["ok", "series"],
        ["failed", "kafka"],
    ]
    assert printed.err == ""


def test_check_fits_a_terminal() -> None:
    command = [sys.executable, "-m", "stream_kpis", "check"]
    code, shown = on_terminal(command, STREAM_KPIS_BOOTSTRAP="127.0.0.1:9")
    assert code == 1
    lines = shown.splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) > len({line.split()[1] for line in lines if line[0] != " "}) == 7


@pytest.mark.parametrize(
    ("worth", "code", "found"),
    [
        ("1.1", 1, ["ok", "rates", "1 of EUR, in USD"]),
        ("0", 2, ["wrong", "rates", "FILE:2: '0' is no rate: a decimal above 0, below 10^9, of at most 12 decimals"]),
    ],
)
def test_check_reads_the_rates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
    worth: str, code: int, found: list[str],
) -> None:  # fmt: skip
    """A wrong line is named before a worker starts."""
    file = tmp_path / "rates.csv"
    file.write_text(f"rate,date,currency\n{worth},2026-03-01,EUR\n")
    monkeypatch.setenv("STREAM_KPIS_BOOTSTRAP", "127.0.0.1:9")
    monkeypatch.setenv("STREAM_KPIS_RATES", str(file))
    assert run(monkeypatch, "check") == code
    lines = [line.split(maxsplit=2) for line in capfd.readouterr().out.splitlines()]
    assert [word.replace("FILE", str(file)) for word in found] in lines


def test_check_names_a_mistake_in_the_calendars_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "c.yaml").write_text("calendars:\n  desk:\n    - {zone: Europe/Berln, week: {mon: 09:00-17:00}}\n")
    monkeypatch.setenv("STREAM_KPIS_CALENDARS", str(tmp_path / "c.yaml"))
    monkeypatch.setenv("STREAM_KPIS_BOOTSTRAP", "127.0.0.1:9")
    assert run(monkeypatch, "check") == 2
    lines = capfd.readouterr().out.splitlines()
    assert lines[1] == "wrong  calendars  c.yaml:3: desk: no time zone 'Europe/Berln' (did you mean Europe/Berlin?)"
    assert lines[-1].startswith("failed kafka")


def test_check_names_a_mistake_in_the_catalogue_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    mistake = tmp_path / "own.yaml"
    mistake.write_text("kpis:\n  mine: {title: Mine, formula: count(order), unit: count, windows: [all]}\n")
    monkeypatch.setenv("STREAM_KPIS_CATALOGUE", str(mistake))
    monkeypatch.setenv("STREAM_KPIS_BOOTSTRAP", "127.0.0.1:9")
    assert run(monkeypatch, "check") == 2
    lines = capfd.readouterr().out.splitlines()
    assert lines[1].split(maxsplit=2)[0::2] == [
        "wrong",
        "own.yaml:2: mine: unknown measure 'order' (did you mean orders?)",
    ]
    assert lines[-1].startswith("failed kafka")


def test_check_refuses_too_many_groupings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """1,400 measures more: it says who needs most, and what to do."""
    (tmp_path / "own.yaml").write_text(
        "measures:\n" + "".join(f"  m{i}: {{flow: order_placed}}\n" for i in range(1400))
    )
    monkeypatch.setenv("STREAM_KPIS_CATALOGUE", str(tmp_path / "own.yaml"))
    monkeypatch.setenv("STREAM_KPIS_BOOTSTRAP", "127.0.0.1:9")
    assert run(monkeypatch, "check") == 2
    (line,) = [line for line in capfd.readouterr().out.splitlines() if line.split()[1] == "cells"]
    assert line.startswith("wrong")
    assert " of 2,000,000; most: deals_open " in line
    assert line.endswith(": declare fewer groupings, hide KPIs, or raise budget_cells")


def test_check_reckons_with_what_it_is_told(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Options instead of settings: a calculator."""
    monkeypatch.setenv("STREAM_KPIS_BOOTSTRAP", "127.0.0.1:9")
    assert run(monkeypatch, "check", "--days", "30", "--facts", "7", "--groups", "owner=80", "--groups", "team=3") == 1
    (line,) = [line for line in capfd.readouterr().out.splitlines() if line.split()[1] == "assumed"]
    assert " + 22 of a day; 7 facts per measure and day; " in line
    assert "owner 80," in line
    assert "team 3," in line


def test_it_runs_as_a_program(shop: tuple[str, ...]) -> None:
    """Values go to standard output alone, so that they can be piped."""
    program = [sys.executable, "-m", "stream_kpis", "evaluate", *shop, "--csv", "--kpi", "orders", "--at", "2026-03-03"]
    ended = subprocess.run(program, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(ROOT)})
    assert {line.split(",")[0] for line in ended.stdout.splitlines()} == {"kpi", "orders"}
    assert "3 rows, 2 events" in ended.stderr


def test_what_the_client_tries_again_is_not_said() -> None:
    """Each process sets up what is logged, so in one of its own."""
    program = [sys.executable, "-m", "stream_kpis", "rebuild", "--dry-run", "--bootstrap", "127.0.0.1:9"]
    ended = subprocess.run(program, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(ROOT)})
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("stream-kpis: Kafka 127.0.0.1:9 does not answer: ")


def test_check_looks_at_the_goals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A mistake in them is named like one in the catalogue."""
    goals = tmp_path / "goals.yaml"
    goals.write_text("quotas: {rep-01: 100}\n")
    monkeypatch.setenv("STREAM_KPIS_GOALS", str(goals))
    monkeypatch.setenv("STREAM_KPIS_BOOTSTRAP", "127.0.0.1:9")
    assert run(monkeypatch, "check") == 1
    assert "ok     goals      0 targets, 1 quotas, 0 experiments" in capfd.readouterr().out
    goals.write_text("quotas: {rep-01: nothing}\n")
    assert run(monkeypatch, "check") == 2
    assert "wrong  goals      goals.yaml:1: rep-01: a number above 0 is expected here" in capfd.readouterr().out
