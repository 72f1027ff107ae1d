"""What /metrics shows, read back: equal whatever its bounds leave out and its labels change, and caught when wrong."""

import re
from collections.abc import Callable, Sequence

import pytest

from stream_kpis.live.api import Views
from stream_kpis.live.model.snapshot import Result, Value
from stream_kpis.live.prometheus.exposition import Format
from stream_kpis.live.prometheus.metrics import Exposition
from stream_kpis.live.prometheus.pipeline import Pipeline
from stream_kpis.proof.compare import compare
from stream_kpis.proof.exposed import Exposed, Row, exposed
from stream_kpis.proof.oracle import Answer
from tests.live import fakes

PIPELINE = Pipeline("1", fakes.NOW_MS, fakes.NOW_MS, 0, 0, 0, 0, 0)
ODD = ["", "Ky\niv", "long " * 50, 'a "quoted" \\ one', "a,b", "x" * 64, "x" * 65, "{}=", "\u202eevil", "ünï"]


def groups_of(kpi: str, by: str, names: list[str]) -> list[Value]:
    """A total and some groups over two windows, each group with a number of samples of its own."""
    values = []
    for window in fakes.KPIS[kpi].windows[:2]:
        values.append(fakes.value(kpi, window))
        values += [fakes.value(kpi, window, by=by, group=group) for group in names]
    return values


def shown(
    values: list[Value],
    metrics: Callable[[str], str] = str,
    rows: Callable[[list[Row]], object] = len,
    **bounds: int,
) -> Exposed:
    """The values as an exporter's snapshot shows them; the body of /metrics and the rows may be damaged."""
    views = Views(fakes.KPIS)
    snapshot = fakes.snapshot(groups=False)._replace(values=tuple(values))
    body = Exposition(fakes.KPIS, **bounds).render(snapshot, PIPELINE, Format.TEXT)
    listed = [views.value(value) for value in values]
    rows(listed)
    return exposed(metrics(body.decode()), listed, fakes.KPIS, "USD", **bounds)


def operated(
    results: list[Result], metrics: Callable[[str], str] = str, values: Sequence[Value] = (), **bounds: int
) -> Exposed:
    """What operators made of some values, as an exporter's snapshot shows it; the body of /metrics may be damaged."""
    views = Views(fakes.KPIS)
    snapshot = fakes.snapshot()._replace(values=tuple(values), results=tuple(results))
    body = metrics(Exposition(fakes.KPIS, **bounds).render(snapshot, PIPELINE, Format.TEXT).decode())
    rows = [views.value(value) for value in values]
    return exposed(body, rows, fakes.KPIS, "USD", operated=[views.result(result) for result in results], **bounds)


def answers(values: list[Value]) -> list[Answer]:
    """An oracle that finds these values."""
    return [
        Answer(
            *value[:4], value.numerator, value.denominator, value.samples, value.value,
            {str(q): seconds for q, seconds in value.durations.quantiles} if value.durations else {},
            dict(value.durations.buckets) if value.durations else {},
            value.durations.sum_ms if value.durations else None, value.lower, value.upper,
        )
        for value in values
    ]  # fmt: skip


def differences(values: list[Value], found: Exposed) -> list[str]:
    """What a proof would say."""
    return [*map(str, compare(found.values, answers(values)).differences), *map(str, found.torn), *found.unread]


@pytest.mark.parametrize("kpi", ["orders", "revenue_net", "csat_ratio", "churn_rate", "first_response_time"])
@pytest.mark.parametrize("bounds", [{}, {"groups_max": 3}, {"series_max": 40}, {"series_max": 5}, {"series_max": 0}])
def test_what_the_bounds_of_metrics_leave_out_is_equal(kpi: str, bounds: dict[str, int]) -> None:
    """More groups than the 50 that are shown, more series than the cap, odd labels."""
    values = groups_of(kpi, fakes.KPIS[kpi].by[0], [*ODD, *(f"group {number}" for number in range(60))])
    assert not differences(values, shown(values, **bounds))


def test_labels_that_were_made_safe_are_found_again() -> None:
    """In pairs of dimensions, too."""
    values = groups_of("orders", "channel,product", [f"a b,{odd}" for odd in ODD])
    assert not differences(values, shown(values))


VALUES = groups_of("orders", "channel", [f"group {number}" for number in range(60)])
"""More groups than /metrics shows."""
WEIGHTS = {
    group: sum(value.samples for value in VALUES if value.by and value.group == group)
    for group in {value.group for value in VALUES if value.by}
}
*_, LARGEST = sorted(WEIGHTS, key=lambda group: WEIGHTS[group])
SMALLEST = min(WEIGHTS, key=lambda group: WEIGHTS[group])


def damaged(pattern: str, by: str) -> Callable[[str], str]:
    """A body with the first match replaced; there must be one."""

    def damage(body: str) -> str:
        assert re.search(pattern, body, re.MULTILINE), pattern
        return re.sub(pattern, by, body, count=1, flags=re.MULTILINE)

    return damage


SERIES = rf'crm_orders(_samples)?{{window="\w+",channel="{LARGEST}"}}'


def test_a_wrong_value_of_a_group_is_found() -> None:
    (found,) = differences(VALUES, shown(VALUES, damaged(rf"^({SERIES}) \d+$", r"\1 7")))
    assert found.startswith("orders ")
    assert f"channel={LARGEST}: the value is 7, the oracle says" in found


def test_a_group_that_should_be_shown_and_is_not_is_found() -> None:
    found = differences(VALUES, shown(VALUES, lambda body: re.sub(rf"^{SERIES} \d+\n", "", body, flags=re.MULTILINE)))
    assert [f"channel={LARGEST}" in line for line in found] == [True] * 4


def test_a_group_that_should_be_hidden_and_is_not_is_found() -> None:
    line = f'crm_orders{{window="{VALUES[0].window}",channel="{SMALLEST}"}} 1\n'
    assert differences(VALUES, shown(VALUES, lambda body: body + line)) == ["crm_orders"]


def test_a_wrong_value_of_a_hidden_group_is_found() -> None:
    """In JSON, which alone has it."""

    def damage(rows: list[Row]) -> None:
        row = next(row for row in rows if row["by"] == {"channel": SMALLEST})
        row["value"] += 1

    (found,) = differences(VALUES, shown(VALUES, rows=damage))
    assert f"channel={SMALLEST}: the value is" in found


DURATIONS = groups_of("first_response_time_live", "team", ["a"])
"""Its value is the 90th percentile."""
QUANTILE = r'^(crm_first_response_time_live_quantile_seconds{window="\w+",q="0.9"}) .*\n'


def test_the_value_of_a_duration_is_that_of_its_quantile_in_metrics() -> None:
    found = differences(DURATIONS, shown(DURATIONS, damaged(QUANTILE, r"\1 1.5\n")))
    assert [line.partition(": ")[2].partition(" is ")[0] for line in found] == [
        "the value",
        "quantile 0.9",
        "the value in JSON and in /metrics",
    ]


def test_a_missing_quantile_is_found() -> None:
    found = differences(DURATIONS, shown(DURATIONS, damaged(QUANTILE, "")))
    assert "the value is None, the oracle says" in found[0]


def test_a_wrong_value_of_a_duration_in_json_alone_is_found() -> None:
    def damage(rows: list[Row]) -> None:
        rows[0]["value"] += 1

    (found,) = differences(DURATIONS, shown(DURATIONS, rows=damage))
    assert "the value in JSON and in /metrics is" in found


ODD_ONES = [("channel", name) for name in ODD]
CHANGES = [
    fakes.result(
        "change", "orders", against="previous", by="channel" if group else "", group=group, samples=n, value=n / 8
    )
    for n, group in enumerate(["", *ODD[1:], *(f"group {number}" for number in range(60))], 5)
]
"""A total and more groups than /metrics shows."""


@pytest.mark.parametrize("bounds", [{}, {"groups_max": 3}, {"series_max": 40}, {"series_max": 5}, {"series_max": 0}])
def test_what_operators_make_is_read_back(bounds: dict[str, int]) -> None:
    """All kinds of them, in groups with odd names, behind values that take room, and beyond the bounds."""
    results = [*(result for result in fakes.results() if result.kpi != "orders"), *CHANGES]
    found = operated(results, values=groups_of("orders", "channel", ["a"]), **bounds)
    assert (results, []) == (found.results, found.unread)


@pytest.mark.parametrize(
    ("pattern", "by", "value"),
    [
        (r'^(crm_orders_change_ratio{window="30d",against="previous"}) .*', r"\1 7", 7.0),
        (r'^crm_orders_change_ratio{window="30d",against="previous"} .*\n', "", None),
    ],
)
def test_a_result_that_metrics_shows_otherwise_or_not_is_found(pattern: str, by: str, value: float | None) -> None:
    """What /metrics says counts, not JSON."""
    found = operated(CHANGES, damaged(pattern, by))
    assert [value, *CHANGES[1:]] == [found.results[0].value, *found.results[1:]]


def test_a_result_that_should_be_hidden_and_is_not_is_found() -> None:
    line = 'crm_orders_change_ratio{window="30d",against="previous",channel="Kyiv"} 1\n'
    assert operated(CHANGES, lambda body: body + line).unread == ["crm_orders_change_ratio"]
