"""What people are told of a comparison, and what the commands that compare exit with."""

import json

import pytest

from stream_kpis.local import verifying
from stream_kpis.local.verdict import Verdict, enough, told, verdict
from stream_kpis.local.verifying import print_verification
from stream_kpis.proof.compare import Difference, OperatorTally, Report, Tally
from stream_kpis.proof.verify import Proof
from stream_kpis.settings import load

DIFFERENCE = Difference("orders", "7d", "", "", "samples", 1, 2)
ASKED = {"events": 1, "faults": (), "seeds": 1, "kafka": False, "workers": None, "every": False}


def report(ok: int = 10, different: bool = False, kpis: int = 10) -> Report:
    """A report of some KPIs, of which some have enough samples."""
    tallies = tuple(
        Tally(f"kpi_{number}", 5, 0, int(different and number == 3), number < ok, 31) for number in range(kpis)
    )
    return Report(tallies, (DIFFERENCE,) if different else ())


@pytest.mark.parametrize(
    ("found", "expected", "is_enough", "words"),
    [
        (report(9), Verdict.EQUAL, True, "equal"),
        (report(8), Verdict.EQUAL, False, "equal, but too few samples: 8 of 10 KPIs have enough, 9 should; give more --events"),  # noqa: E501 - the line as it is
        (report(8, different=True), Verdict.DIFFERENT, False, "DIFFERENT"),
        (report(0, kpis=0), Verdict.NOTHING, True, "nothing compared: the oracle knows the built-in KPIs alone"),
    ],
    ids=["equal", "few samples", "different", "nothing"],
)  # fmt: skip
def test_equal_is_about_values_and_samples_are_another_question(
    found: Report, expected: Verdict, is_enough: bool, words: str
) -> None:
    assert (verdict(found), enough(found), told(found)) == (expected, is_enough, words)


@pytest.mark.parametrize(
    ("found", "code"), [(report(3), 0), (report(10, different=True), 1), (report(0, kpis=0), 1)],
    ids=["equal", "different", "nothing"],
)  # fmt: skip
@pytest.mark.parametrize("json_wanted", [True, False])
def test_table_and_json_exit_alike(
    found: Report, code: int, json_wanted: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(verifying, "verify", lambda *_: Proof(found, lambda _: []))
    settings = load(environment={})
    assert print_verification(settings, count=2, json_wanted=json_wanted, **ASKED) == code
    lines = capsys.readouterr().out.splitlines()
    if json_wanted:
        assert [(line["seed"], line["verdict"]) for line in map(json.loads, lines)] == [
            (1, verdict(found)),
            (2, verdict(found)),
        ]
    else:
        assert [line.split(",")[0] for line in lines if line.startswith("seed")] == [
            f"seed {seed}: {told(found).split(',')[0]}" for seed in (1, 2)
        ]


@pytest.mark.parametrize("json_wanted", [True, False])
def test_what_the_oracle_does_not_know_is_named(
    json_wanted: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(verifying, "verify", lambda *_: Proof(report(), lambda _: [], ("mine", "other")))
    assert print_verification(load(environment={}), count=1, json_wanted=json_wanted, **ASKED) == 0
    out = capsys.readouterr().out
    if json_wanted:
        assert json.loads(out)["unproved"] == ["mine", "other"]
    else:
        assert "not compared, as the oracle does not know them: mine, other\n" in out


def test_more_workers_than_partitions_are_refused_before_kafka_is_started() -> None:
    settings = load(environment={}, partitions=3)
    with pytest.raises(ValueError, match="4 workers are more than the 3 partitions: give at most as many"):
        print_verification(settings, count=1, json_wanted=False, **ASKED | {"kafka": True, "workers": 4})


@pytest.mark.parametrize("every", [True, False])
def test_every_kpi_has_a_line_or_those_alone_that_differ(
    every: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = (OperatorTally("change", 7, 1, 0), OperatorTally("trend_slope", 1_007, 1, 2))
    found = report(different=True)._replace(operators=made)
    monkeypatch.setattr(verifying, "verify", lambda *_: Proof(found, lambda _: []))
    assert print_verification(load(environment={}), count=1, json_wanted=False, **ASKED | {"every": every}) == 1
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    rows = [line.split() for line in lines if line.strip().startswith("kpi_")]
    assert rows == [[f"kpi_{n}", "5", "0", str(int(n == 3)), "31", "yes"] for n in (range(10) if every else (3,))]
    operators = [line for line in lines if line.startswith(("change:", "trend_slope:"))]
    assert operators == ["change: 7 compared, 1 absent, 0 different"] * every + [
        "trend_slope: 1,007 compared, 1 absent, 2 different"
    ]


def test_of_equal_values_the_sum_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(verifying, "verify", lambda *_: Proof(report(), lambda _: []))
    assert print_verification(load(environment={}), count=1, json_wanted=False, **ASKED) == 0
    assert " ".join(capsys.readouterr().out.split()).startswith("50 values and 0 results of operators compared, 0 diff")
