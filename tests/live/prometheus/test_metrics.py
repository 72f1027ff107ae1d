"""What Prometheus reads, checked by Prometheus' own tools and by a golden file of all families."""

import os
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from stream_kpis.kpis.schema import Kpi
from stream_kpis.live.model.snapshot import Snapshot, State
from stream_kpis.live.prometheus.exposition import Format, label_value, negotiate
from stream_kpis.live.prometheus.metrics import Exposition, family_name
from stream_kpis.live.prometheus.pipeline import Pipeline
from tests.live import fakes
from tests.tools import tool

GOLDEN = Path(__file__).with_name("families.txt")
PIPELINE = Pipeline("1.2.3", fakes.NOW_MS + 2_040, fakes.NOW_MS - 60_000, 1.5, 50_000_000, 12, 1, 2)
PERIOD_WORDS = ("_total", "_info", "_bucket", "_count", "_sum", "_gcount", "_gsum", "_created")


def render(snapshot: Snapshot | None, form: Format = Format.TEXT, **options: int) -> str:
    return Exposition(fakes.KPIS, **options).render(snapshot, PIPELINE, form).decode()


def series(text: str) -> dict[str, float]:
    """Value by series, of either format."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    pairs = [line.rsplit(" ", 1) for line in lines]
    assert max(Counter(name for name, _ in pairs).values()) == 1, "a series twice"
    return {name: float(value) for name, value in pairs}


def of(*values: object) -> Snapshot:
    return fakes.snapshot()._replace(values=values, results=())


def test_promtool_has_no_complaint() -> None:
    body = render(fakes.snapshot()).encode()
    done = subprocess.run([tool("promtool"), "check", "metrics"], input=body, capture_output=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_the_families_are_those_of_the_golden_file() -> None:
    """Names, types, units and help are a promise to rules and dashboards."""
    lines = [line for line in render(fakes.snapshot(), Format.OPENMETRICS).splitlines() if line.startswith("#")]
    text = "\n".join(lines) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text, "utf-8")
    assert text == GOLDEN.read_text("utf-8"), "if meant, run again with UPDATE_GOLDEN=1"


def test_openmetrics_parses_and_says_the_same_as_text() -> None:
    openmetrics = render(fakes.snapshot(), Format.OPENMETRICS)
    families = {family.name: family.type for family in parse_openmetrics(openmetrics)}
    assert families["crm_first_response_time_seconds"] == "gaugehistogram"
    assert families["stream_kpis_events"] == "counter"
    assert families["crm_kpi"] == "info"
    assert series(openmetrics) == series(render(fakes.snapshot()))


def test_text_parses() -> None:
    families = {family.name: family.type for family in parse_text(render(fakes.snapshot()))}
    assert families["crm_orders"] == "gauge"
    assert families["stream_kpis_events"] == "counter"


@pytest.mark.parametrize("form", Format)
def test_before_the_first_snapshot_there_is_the_process_alone(form: Format) -> None:
    names = {name.partition("{")[0] for name in series(render(None, form))}
    assert "stream_kpis_build_info" in names
    assert not {name for name in names if name.startswith("crm_") and not name.startswith("crm_kpi_")}


def test_no_name_ends_in_a_reserved_suffix_unless_it_is_one() -> None:
    for family in parse_openmetrics(render(fakes.snapshot(), Format.OPENMETRICS)):
        assert not family.name.endswith(PERIOD_WORDS), family.name


@pytest.mark.parametrize(
    ("kpi_id", "unit", "name"),
    [
        ("orders", "count", "crm_orders"),
        ("csat_ratio", "ratio", "crm_csat_ratio"),
        ("churn_rate", "ratio", "crm_churn_rate_ratio"),
        ("revenue_net", "currency", "crm_revenue_net_eur"),
        ("first_response_time", "seconds", "crm_first_response_time_seconds"),
        ("csat_mean", "score", "crm_csat_mean"),
    ],
)
def test_a_family_is_named_by_id_and_unit(kpi_id: str, unit: str, name: str) -> None:
    assert family_name(kpi_id, Kpi(title="", formula="", unit=unit, windows=()), "EUR") == name


def test_an_absent_value_is_an_absent_series() -> None:
    empty = fakes.value("churn_rate", "30d", value=None, numerator=0, denominator=0, samples=0, state=State.NO_DATA)
    shown = series(render(of(empty._replace(lower=None, upper=None))))
    assert 'crm_churn_rate_ratio{window="30d"}' not in shown
    assert 'crm_churn_rate_ratio_lower{window="30d"}' not in shown
    assert shown['crm_churn_rate_ratio_samples{window="30d"}'] == 0
    assert shown['crm_churn_rate_ratio_denominator{window="30d"}'] == 0


def test_no_series_is_not_a_number() -> None:
    strange = fakes.value("churn_rate", "30d", value=float("nan"), lower=float("inf"))
    shown = render(of(strange))
    assert "crm_churn_rate_ratio{" not in shown
    assert "crm_churn_rate_ratio_lower" not in shown


def test_money_and_durations_are_in_base_units() -> None:
    deal = fakes.value("avg_deal_value", "30d", value=1500.25, numerator=3_000_500_000, denominator=2)
    wait = fakes.value("first_response_time", "5m")
    assert wait.durations is not None
    wait = wait._replace(durations=wait.durations._replace(sum_ms=90_500, quantiles=((0.5, 1.25), (0.9, 60.0))))
    shown = series(render(of(deal, wait)))
    assert shown['crm_avg_deal_value_usd{window="30d"}'] == 1500.25
    assert shown['crm_avg_deal_value_usd_numerator{window="30d"}'] == 3000.5
    assert shown['crm_avg_deal_value_usd_denominator{window="30d"}'] == 2
    assert shown['crm_first_response_time_seconds_gsum{window="5m"}'] == 90.5
    assert shown['crm_first_response_time_seconds_gcount{window="5m"}'] == wait.samples
    assert shown['crm_first_response_time_seconds_bucket{window="5m",le="+Inf"}'] == wait.samples
    assert shown['crm_first_response_time_quantile_seconds{window="5m",q="0.9"}'] == 60.0
    assert 'crm_first_response_time_seconds{window="5m"}' not in shown


def test_groups_have_labels_named_like_their_dimensions() -> None:
    one = fakes.value("orders", "1h", by="channel", group="web", value=3)
    two = fakes.value("orders", "1h", by="channel,product", group="web,a,b", value=2)
    shown = series(render(of(one, two)))
    assert shown['crm_orders{window="1h",channel="web"}'] == 3
    assert shown['crm_orders{window="1h",channel="web",product="a,b"}'] == 2


def test_groups_have_quantiles_but_no_histogram() -> None:
    shown = series(render(of(fakes.value("first_response_time", "5m", by="team", group="billing"))))
    names = {name.partition("{")[0] for name in shown if 'team="billing"' in name}
    beside = {f"crm_first_response_time_seconds_{column}" for column in ("samples", "lower", "upper")}
    assert names == {"crm_first_response_time_quantile_seconds", *beside}
    assert not [name for name in shown if name.startswith("crm_first_response_time_seconds_bucket")]


def test_each_total_is_in_one_state() -> None:
    shown = series(render(of(fakes.value("orders", "1h", state=State.LOW_SAMPLE))))
    states = {state: shown[f'crm_kpi_state{{kpi="orders",window="1h",state="{state}"}}'] for state in State}
    assert states == {state: float(state is State.LOW_SAMPLE) for state in State}


def test_only_the_largest_groups_are_shown_and_the_others_counted() -> None:
    values = [
        fakes.value("orders", window, by="channel", group=f"c{number}", samples=number)
        for number in range(6)
        for window in ("1h", "24h")
    ]
    shown = series(render(of(fakes.value("orders", "1h"), *values), groups_max=2))
    groups = {name for name in shown if name.startswith("crm_orders{") and "channel" in name}
    assert groups == {
        f'crm_orders{{window="{window}",channel="{group}"}}' for group in ("c4", "c5") for window in ("1h", "24h")
    }
    assert shown['stream_kpis_groups_hidden{kpi="orders"}'] == 4


def test_whoever_has_a_target_is_shown_before_the_largest() -> None:
    """Else there would be no series by which to call for a representative who sold nothing."""
    groups = {f"r{number}": number for number in range(6)}
    values = [fakes.value("orders", "mtd", by="owner", group=group, samples=n) for group, n in groups.items()]
    aim = fakes.result("target_met", "orders", "mtd", by="owner", group="r0", samples=0)
    shown = series(render(of(*values)._replace(results=(aim,)), groups_max=2))
    assert {name for name in shown if name.startswith("crm_orders{")} == {
        f'crm_orders{{window="mtd",owner="{group}"}}' for group in ("r0", "r5")
    }


def test_beyond_the_cap_groups_are_dropped_and_counted_and_totals_stay() -> None:
    total = fakes.value("orders", "1h")
    groups = [fakes.value("orders", "1h", by="channel", group=f"c{number}") for number in range(5)]
    shown = series(render(of(*groups, total), series_max=11))
    assert 'crm_orders{window="1h"}' in shown
    assert shown["stream_kpis_series"] == 10  # two lines each: the value and its samples
    assert shown["stream_kpis_series_dropped"] == 2


def test_what_is_dropped_is_the_tail_and_not_whatever_does_not_fit() -> None:
    large = fakes.value("churn_rate", "30d", by="plan", group="pro")
    small = fakes.value("orders", "1h", by="channel", group="web")
    shown = series(render(of(large, small), series_max=4))
    assert shown["stream_kpis_series_dropped"] == 8
    assert not [name for name in shown if "plan=" in name or "channel=" in name]


@pytest.mark.parametrize("form", Format)
@pytest.mark.parametrize(
    "hostile", ['a"} 1\nevil 2', "\x00\x1b[31m", "x" * 5_000, "\\", "", "\u202egnp", "тест", "\ud800", '"', "\u2028"]
)
def test_hostile_groups_harm_nothing(hostile: str, form: Format) -> None:
    values = [fakes.value("orders", "1h"), fakes.value("orders", "1h", by="channel", group=hostile)]
    text = render(of(*values), form)
    families = parse_openmetrics(text) if form is Format.OPENMETRICS else parse_text(text)
    samples = [sample for family in families if family.name == "crm_orders" for sample in family.samples]
    (channel,) = [sample.labels["channel"] for sample in samples if "channel" in sample.labels]
    assert 0 < len(channel) <= 64
    assert channel.isprintable()


def test_groups_that_look_alike_stay_two() -> None:
    assert label_value("x" * 100) != label_value("x" * 101)
    assert label_value("a\n") != label_value("a\t")


def test_shards_and_counters() -> None:
    snapshot = fakes.snapshot(shards=2, groups=False)
    slow = fakes.shard(1, lag=70, stale_since_ms=fakes.NOW_MS - 9_000, header_ms=0)
    shown = series(render(snapshot._replace(shards=(snapshot.shards[0], slow))))
    assert shown["stream_kpis_shards"] == 2
    assert shown["stream_kpis_shards_stale"] == 1
    assert shown['stream_kpis_shard_lag_records{shard="1"}'] == 70
    assert shown['stream_kpis_shard_header_age_seconds{shard="0"}'] == 0.74
    assert 'stream_kpis_shard_header_age_seconds{shard="1"}' not in shown
    assert shown['stream_kpis_events_total{shard="0"}'] == 1000
    assert shown['stream_kpis_dead_letters_total{shard="0",reason="invalid"}'] == 2
    assert shown['stream_kpis_dead_letters_total{shard="0",reason="sealed"}'] == 0
    assert shown['stream_kpis_records_total{shard="1",topic="crm.orders"}'] == slow.next["crm.orders"]
    assert shown["stream_kpis_snapshot_age_seconds"] == 2.0


def test_a_second_rendering_is_the_same() -> None:
    """Labels are remembered between snapshots; that must not show, not even when they are many."""
    exposition = Exposition(fakes.KPIS, series_max=30)
    snapshots = [fakes.snapshot(), of(fakes.value("orders", "1h", by="channel", group="new")), fakes.snapshot()]
    bodies = [exposition.render(snapshot, PIPELINE, Format.TEXT) for snapshot in snapshots]
    assert bodies[0] == bodies[2]


def test_groups_that_come_and_go_are_not_remembered_for_ever() -> None:
    exposition = Exposition(fakes.KPIS, series_max=30)
    for number in range(100):
        value = fakes.value("orders", "1h", by="channel", group=f"c{number}")
        exposition.render(of(value), PIPELINE, Format.TEXT)
    assert len(exposition._labels) <= 31


def test_a_dimension_cannot_take_a_label_of_ours() -> None:
    kpi = Kpi(title="", formula="", unit="count", windows=("1h",), by=("channel,window",))
    with pytest.raises(ValueError, match="orders: no dimension can be called window"):
        Exposition({"orders": kpi})


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", Format.TEXT),
        ("*/*", Format.TEXT),
        ("text/plain;version=0.0.4", Format.TEXT),
        ("application/openmetrics-text;version=1.0.0;q=0.8,text/plain;q=0.5", Format.OPENMETRICS),
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", Format.OPENMETRICS),
        ("application/openmetrics-text;version=0.0.1,text/plain", Format.TEXT),
        ("application/openmetrics-text;version=1.0.0;q=0", Format.TEXT),
    ],
)
def test_the_format_is_negotiated(accept: str, form: Format) -> None:
    assert negotiate(accept) is form


def test_content_types_name_their_version() -> None:
    assert [re.search(r"version=([\d.]+)", form.value)[1] for form in Format] == ["0.0.4", "1.0.0"]


def test_operators_are_families_beside_their_kpi() -> None:
    change = fakes.result("change", "orders", against="year", by="channel", group="web", lower=None, upper=None)
    shown = series(render(of()._replace(results=(change, fakes.result("trend_slope", "revenue_net")))))
    assert shown['crm_orders_change_ratio{window="30d",against="year",channel="web"}'] == 0.25
    assert shown['crm_revenue_net_trend_slope_usd_per_day_lower{window="30d"}'] == 0.125
    assert not [name for name in shown if name.startswith("crm_orders_change_ratio_lower")]


def test_of_operators_too_only_the_largest_groups_are_shown() -> None:
    results = [fakes.result("change", "orders", by="channel", group=f"c{n}", samples=n) for n in range(5)]
    shown = series(render(of()._replace(results=tuple(results)), groups_max=2))
    assert {name for name in shown if name.startswith("crm_orders_change_ratio{")} == {
        f'crm_orders_change_ratio{{window="30d",channel="{group}"}}' for group in ("c3", "c4")
    }


def test_operators_too_are_under_the_cap() -> None:
    """Behind the values; what is dropped is counted."""
    results = [fakes.result("change", "orders", by="channel", group=f"c{n}") for n in range(4)]
    snapshot = of(fakes.value("orders", "1h"))._replace(results=(*results, fakes.result("change", "revenue_net")))
    shown = series(render(snapshot, series_max=9))
    assert [name for name in shown if "change_ratio{" in name] == [
        'crm_orders_change_ratio{window="30d",channel="c0"}',
        'crm_revenue_net_change_ratio{window="30d"}',
    ]
    assert (shown["stream_kpis_series"], shown["stream_kpis_series_dropped"]) == (8, 9)
