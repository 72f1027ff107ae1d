"""The comparison of engine and oracle: what is equal, what is near enough, and what is reported."""

from typing import Any

import pytest

from stream_kpis.live.model.snapshot import Durations, State, Value
from stream_kpis.proof.compare import Difference, asks_of, compare
from stream_kpis.proof.oracle import Answer, Ask


def value(**changed: Any) -> Value:
    """A ratio of 30 samples."""
    return Value("churn_rate", "30d", "", "", 10, 20, 0.1, 3, 30, 30, State.OK)._replace(**changed)


def answer(**changed: Any) -> Answer:
    """What the oracle says of it."""
    return Answer("churn_rate", "30d", "", "", 3, 30, 30, 0.1, {}, {}, None)._replace(**changed)


DURATIONS = Durations(((0.5, 10.0), (0.9, 50.0)), ((30, 20), (60, 30)), 900_000)


def duration(**changed: Any) -> Value:
    """A duration of 30 samples."""
    return value(value=10.0, numerator=None, denominator=None, durations=DURATIONS)._replace(**changed)


def duration_answer(**changed: Any) -> Answer:
    """What the oracle says of it."""
    truth = answer(
        numerator=None, denominator=None, value=10.0, quantiles={"0.5": 10.0, "0.9": 50.0, "0.99": 60.0},
        buckets={30: 20, 60: 30, 300: 30}, total=900_000,
    )  # fmt: skip
    return truth._replace(**changed)


def test_what_is_equal_differs_in_nothing() -> None:
    """And is tallied, per KPI."""
    report = compare(
        [value(lower=0.0, upper=1.0), duration(kpi="response")],
        [answer(lower=0.0, upper=1.0), duration_answer(kpi="response")],
    )
    assert not report.differences
    assert report.compared == 2
    assert [tuple(tally) for tally in report.tallies] == [
        ("churn_rate", 1, 0, 0, True, 30),
        ("response", 1, 0, 0, True, 30),
    ]


@pytest.mark.parametrize(
    ("shown", "truth", "what"),
    [
        (value(samples=31), answer(), ["samples"]),
        (value(numerator=4), answer(), ["numerator/denominator"]),
        (value(denominator=31), answer(), ["numerator/denominator"]),
        (value(value=0.1 + 3e-9), answer(), ["the value"]),
        (value(value=None), answer(), ["the value"]),
        (value(value=0.0), answer(value=None), ["the value"]),
        (value(numerator=None, denominator=None, value=3), answer(value=3.1), ["the value"]),
        (value(lower=0.1, upper=0.2), answer(lower=0.1, upper=0.3), ["the interval"]),
        (value(), answer(lower=0.1, upper=0.3), ["the interval"]),
        (value(lower=0.1, upper=0.3), answer(), ["the interval"]),
        (duration(value=10.2), duration_answer(), ["the value"]),
        (duration(lower=9.0, upper=12.2), duration_answer(lower=9.0, upper=12.0), ["the interval"]),
        (duration(upper=12.0), duration_answer(lower=9.0, upper=12.0), ["the interval"]),
        (duration(lower=9.0), duration_answer(), ["the interval"]),
        (duration(), duration_answer(upper=12.0), ["the interval"]),
        (duration(durations=DURATIONS._replace(sum_ms=1)), duration_answer(), ["the sum in ms"]),
        (duration(), duration_answer(buckets={30: 19, 60: 30}), ["the count up to 30 s"]),
        (duration(), duration_answer(quantiles={"0.5": 10.0, "0.9": 51.0}), ["quantile 0.9"]),
        (duration(), duration_answer(quantiles={"0.5": 10.0}), ["quantile 0.9"]),
    ],
)
def test_what_differs_is_named(shown: Value, truth: Answer, what: list[str]) -> None:
    """Each part of a value that is not as it should be."""
    report = compare([shown], [truth])
    assert [difference.what for difference in report.differences] == what
    assert report.tallies[0].different == 1


def test_floats_may_differ_by_a_billionth_and_quantiles_by_a_hundredth() -> None:
    """Of the oracle's value, and so their bounds."""
    shown = [
        value(value=0.1 + 1e-11),
        duration(kpi="d", value=10.09, durations=DURATIONS._replace(quantiles=((0.5, 9.91),))),
        duration(kpi="e", lower=9.08, upper=None),
    ]
    truth = [answer(), duration_answer(kpi="d"), duration_answer(kpi="e", lower=9.0)]
    assert not compare(shown, truth).differences


@pytest.mark.parametrize("truth", [2**53 + 1, 576_467_595_742_662_329, 2**60 - 1, 2**63])
@pytest.mark.parametrize("scale", [1, 1_000, 1_000_000])
def test_an_integer_beyond_2_53_may_be_as_metrics_shows_it(truth: int, scale: int) -> None:
    """A float in the KPI's unit, which is read back as an integer."""
    shown = round(float(repr(truth / scale)) * scale)
    assert not compare([value(denominator=shown)], [answer(denominator=truth)]).differences


@pytest.mark.parametrize(
    ("truth", "roundings", "differs"),
    [(2**53, 1, True), (2**60, 2, False), (2**60, 4, False), (2**60, 6, True), (2**60, -4, False), (2**60, -5, True)],
)
def test_it_may_be_four_roundings_off_and_no_more(truth: int, roundings: int, differs: bool) -> None:
    """A rounding is 1/2^53 of it: 128 at 2^60, where floats are 256 apart above and 128 below."""
    shown = truth + roundings * (truth >> 53)
    assert bool(compare([value(denominator=shown)], [answer(denominator=truth)]).differences) is differs


def test_a_value_without_an_answer_must_be_nothing() -> None:
    """Zero is nothing, too."""
    nothing = value(by="plan", group="gone", value=None, numerator=0, denominator=0, samples=0)
    assert not compare([value(), nothing], [answer()]).differences
    assert not compare([value(), nothing._replace(value=0)], [answer()]).differences
    some = nothing._replace(value=1, samples=1)
    (difference,) = compare([value(), some], [answer()]).differences
    assert difference == Difference("churn_rate", "30d", "plan", "gone", "the value", 1, "nothing")


def test_a_group_that_is_not_shown_must_be_nothing() -> None:
    """Or it is missed, and tallied."""
    shown = [value(), value(by="plan", group="a")]
    truth = [answer(), answer(by="plan", group="a"), answer(by="plan", group="b")]
    report = compare(shown, truth)
    assert [(d.group, d.what, d.engine) for d in report.differences] == [("b", "the group", "absent")]
    assert report.tallies[0].different == 1
    assert not compare(shown, [*truth[:2], answer(by="plan", group="b", samples=0, numerator=0)]).differences


def test_groupings_that_are_not_shown_at_all_are_not_missed() -> None:
    """The oracle knows more of them than a catalogue may declare."""
    assert not compare([value()], [answer(), answer(by="country", group="a")]).differences


def test_a_kpi_is_ok_if_one_ungrouped_window_has_enough_samples() -> None:
    """A verification that compares nothing of weight proves nothing."""
    few = value(samples=29)
    truth = answer(samples=29)
    assert not compare([few], [truth]).tallies[0].ok
    assert compare([few._replace(samples=30)], [answer(samples=30)]).tallies[0].ok
    assert not compare([value(by="plan", group="a")], [answer(by="plan", group="a")]).tallies[0].ok
    assert not compare([value(state=State.STALE)], [answer()]).tallies[0].ok


def test_the_absent_are_counted() -> None:
    """Values that are None on both sides."""
    none = {"value": None, "numerator": 0, "denominator": 0, "samples": 0}
    assert compare([value(**none)], [answer(**none)]).tallies[0].absent == 1


def test_the_oracle_is_asked_once_per_kpi_and_window_with_the_edges_as_shown() -> None:
    """Whatever the groups."""
    values = [value(), value(by="plan", group="a"), value(window="7d", from_ms=13)]
    assert [Ask("churn_rate", "30d", 10, 20), Ask("churn_rate", "7d", 13, 20)] == asks_of(values)


def test_a_difference_reads_as_one_line() -> None:
    """With the group, if there is one."""
    assert str(Difference("orders", "7d", "", "", "the value", 1, 2)) == "orders 7d: the value is 1, the oracle says 2"
    assert str(Difference("orders", "7d", "owner", "a", "samples", 1, 2)).startswith("orders 7d owner=a: samples is 1")
