"""Tables, CSV and JSON of values."""

import csv
import io
import json
from typing import Any

import pytest

from stream_kpis.live.api import Views
from stream_kpis.live.model.snapshot import State
from stream_kpis.live.terminal.tables import COLUMNS, WIDTH, people, print_rows
from tests.live import fakes

VIEWS = Views(fakes.KPIS)


def printed(rows: list[dict[str, Any]], form: str = "table", *, all_kpis: bool = False) -> str:
    out = io.StringIO()
    print_rows(
        rows, {"values": rows}, as_json=form == "json", as_csv=form == "csv", all_kpis=all_kpis, out=out
    )  # fmt: skip
    return out.getvalue()


def row(kpi: str, window: str = "all", **more: Any) -> dict[str, Any]:
    """A row as the API gives it."""
    made = VIEWS.value(fakes.value(kpi, window, **more))
    return json.loads(json.dumps(made))


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize(("groups", "said"), [(199, 0), (200, 1)])
def test_that_there_may_be_more_groups_is_said(groups: int, said: int) -> None:
    """Programs count them themselves."""
    rows = [row("orders", by="channel", group=f"c{n}") for n in range(groups)]
    rows += [row("orders", "7d", by="channel", group="c"), row("revenue_net")]
    text = " ".join(lines(printed(rows)))
    assert text.count("200 groups have values, and there may be more of orders: they do not add up then.") == said
    assert len(json.loads(printed(rows, "json"))["values"]) == groups + 2


def test_a_table_has_a_line_per_window_and_names_what_is_not_sound() -> None:
    rows = [
        row("deal_win_rate", "qtd", value=0.61712, samples=2032),
        row("deal_win_rate", "all", value=0.6315, samples=6711),
        row("sales_cycle_time", "all", value=4_924_800.0, samples=17, state=State.LOW_SAMPLE),
        row("avg_deal_value", "30d", value=None, samples=0, state=State.NO_DATA),
        row("avg_deal_value", "all", value=2360.909, samples=4238, state=State.STALE),
    ]
    head, _, *body = lines(printed(rows))
    assert [head, *body] == [
        " KPI               Window         Value  Samples  State",
        " deal_win_rate     qtd          61.71 %    2,032",
        "                   all          63.15 %    6,711",
        " sales_cycle_time  all             57 d       17  low sample",
        " avg_deal_value    30d                -        0  no data",
        "                   all     2,360.91 USD    4,238  stale",
    ]


def test_groups_stand_under_their_kpi() -> None:
    rows = [
        row("deals_won", window, by="region", group=region, value=count, samples=count)
        for window, counts in (("mtd", (3, 4)), ("all", (31, 42)))
        for region, count in zip(("West", "East"), counts, strict=True)
    ]
    assert lines(printed(rows))[2:] == [
        " deals_won",
        "   East     mtd         4        4",
        "            all        42       42",
        "   West     mtd         3        3",
        "            all        31       31",
    ]


def test_instants_have_a_table_each_and_periods_a_column() -> None:
    at = [{"at": f"2026-0{month}-01T00:00:00Z", **row("orders")} for month in (1, 2)]
    titles = [line for line in lines(printed(at)) if line.startswith("As of")]
    assert titles == ["As of 2026-01-01T00:00:00Z", "As of 2026-02-01T00:00:00Z"]
    over = [
        VIEWS.over(name, fakes.value("orders", "all", value=number)) for number, name in enumerate(("2025", "2026"))
    ]
    assert [line.split()[-3:-1] for line in lines(printed(over))[2:]] == [["2025", "0"], ["2026", "1"]]
    assert "Period" in printed(over)


def test_changes_say_against_what_and_as_of_when_they_are() -> None:
    change = {**row("orders"), "operator": "change", "against": "year"}
    days = {**VIEWS.over("2026-01-01/2026-04-01", fakes.value("orders", "all")), "against": "previous"}
    shown = [printed([change]), printed([{**change, "at": "2026-01-01T00:00:00Z"}]), printed([days])]
    expected = (
        "Change against the year before",
        "As of 2026-01-01T00:00:00Z: change against the year before",
        "Period 2026-01-01/2026-04-01: change against as many days before",
    )
    for text, title in zip(shown, expected, strict=True):
        assert " ".join(text.split()).startswith(title)


def test_a_period_with_a_long_name_stands_above_its_table() -> None:
    """Once, so that there is room for the names of KPIs; others beside it do so too."""
    quarter, days = "2026Q1", "2026-01-01/2026-04-01"
    rows = {name: VIEWS.over(name, fakes.value("orders", "all", value=7, samples=7)) for name in (quarter, days)}
    head, columns, _, line = lines(printed([rows[days]]))
    assert (head.strip(), columns.split(), line.split()) == (
        f"Period {days}",
        ["KPI", "Value", "Samples", "State"],
        ["orders", "7", "7"],
    )
    both = printed([rows[quarter], rows[days]])
    assert [line.strip() for line in lines(both) if "Period" in line] == [f"Period {quarter}", f"Period {days}"]


@pytest.mark.parametrize(
    "periods",
    [(), ("2026",), ("2026-03-01",), ("1997-01-01/1998-07-01",), ("2026-03", "2026Q1"), ("2026-03-01", "2026-03-02")],
)
def test_the_name_of_every_kpi_is_whole_in_80_columns(periods: tuple[str, ...]) -> None:
    values = [
        fakes.value(kpi_id, kpi.windows[-1], state=State.LOW_SAMPLE, samples=999_999)
        for kpi_id, kpi in fakes.KPIS.items()
    ]
    rows = [VIEWS.over(period, value) for period in periods for value in values] or [VIEWS.value(v) for v in values]
    shown = printed(rows)
    assert max(map(len, shown.splitlines())) <= WIDTH
    assert set(fakes.KPIS) <= {line.split()[0] for line in lines(shown)}


def test_kpis_without_data_are_named_under_the_table_unless_asked_for() -> None:
    rows = [row("orders"), row("nps", value=None, samples=0, state=State.NO_DATA)]
    assert lines(printed(rows))[-1] == "Without data: nps"
    assert lines(printed(rows, all_kpis=True))[-1].split() == ["nps", "all", "-", "0", "no", "data"]
    assert lines(printed([])) == ["No values."]


@pytest.mark.parametrize("grouped", [False, True])
def test_a_table_fits_a_terminal(grouped: bool) -> None:
    """Long names fold, and numbers stay whole."""
    rows = [row("revenue_net", value=123_456_789_012.5, samples=10**9, state=State.LOW_SAMPLE)]
    if grouped:
        rows = [
            {**rows[0], "by": {"owner": "Wolfeschlegelsteinhausenbergerdorff " * 3}, "period": "1997-01-01/1998-07-01"}
        ]
    shown = printed(rows)
    assert max(map(len, shown.splitlines())) <= WIDTH
    assert "123,456,789,012.50 USD" in shown
    assert "1,000,000,000" in shown


def test_names_are_no_markup() -> None:
    shown = printed([row("orders", by="owner", group="[red]Ann[/red]")])
    assert "[red]Ann[/red]" in shown


def test_csv_has_a_row_per_value_in_base_units() -> None:
    rows = [
        row("first_response_time", "1h", by="team,priority", group='first, "line",urgent', value=90.5, samples=7),
        {"at": "2026-01-01T00:00:00Z", **row("deal_win_rate", value=0.5, numerator=1, denominator=2, samples=2)},
    ]
    text = printed(rows, "csv")
    first, second = csv.DictReader(io.StringIO(text))
    assert tuple(first) == COLUMNS
    assert (first["kpi"], first["window"], first["by"], first["value"], first["unit"]) == (
        "first_response_time", "1h", "team,priority", "90.5", "seconds",
    )  # fmt: skip
    assert [float(first[name]) for name in ("p50", "p90", "p99")] == list(rows[0]["quantiles"].values())
    assert (second["at"], second["numerator"], second["denominator"], second["p50"]) == (
        "2026-01-01T00:00:00Z",
        "1",
        "2",
        "",
    )
    assert text.count("\r") == 0


def test_json_is_the_document() -> None:
    rows = [row("orders")]
    assert json.loads(printed(rows, "json")) == {"values": rows}


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "ratio", "-"),
        (0.0, "ratio", "0.00 %"),
        (-0.4762, "ratio", "-47.62 %"),
        (0, "count", "0"),
        (1_234_567, "count", "1,234,567"),
        (2.93551, "count", "2.936"),
        (4.0, "score", "4.000"),
        (-5.5, "EUR", "-5.50 EUR"),
        (0.0, "seconds", "0.000 s"),
        (9.9994, "seconds", "9.999 s"),
        (42.04, "seconds", "42.0 s"),
        (59.96, "seconds", "1 min"),
        (88.48 * 60, "seconds", "1 h 28 min"),
        (35.861 * 3600, "seconds", "1 d 12 h"),
        (86_399.9, "seconds", "1 d"),
        (57 * 86_400.0, "seconds", "57 d"),
    ],
)
def test_values_are_written_as_people_do(value: float | None, unit: str, text: str) -> None:
    assert people(value, unit) == text
