"""Published figures of three public data sets: from files alone, and through Kafka, bit for bit the same.

The data is read from a folder beside the repository, or from STREAM_KPIS_DATA; without it these tests are skipped.
"""

import asyncio
from typing import Any

import pytest

from stream_kpis.events.history import Miss
from stream_kpis.live.asks import Ask, asks_of
from stream_kpis.live.terminal.tables import csv_of
from tests.system.deployment import Deployment
from tests.system.real_data import CALENDAR, Row, Rows, counts_of, evaluated, files_of, key_of, mapping_of, table

DAY_S, HOUR_S, MINUTE_S = 86_400, 3_600, 60
QUARTERS = ("2017Q1", "2017Q2", "2017Q3", "2017Q4")
WHOLE = {
    "maven_crm": ("2016-10-01", "2018-01-01"),
    "cdnow": ("1997-01-01", "1998-07-01"),
    "ravenstack": ("2023-01-01", "2025-01-01"),
}
PERIODS = {
    "maven_crm": QUARTERS,
    "cdnow": ("1997", "1997Q2", "1998-03"),
    "ravenstack": ("2023", "2024-07", "2024-12-09"),
}
ENDING_NOW = frozenset(
    [
        "arpc",
        "clv_historic",
        "deals_stalled",
        "first_response_time_live",
        "leads_open_uncontacted",
        "nps_account",
        "nps_respondent",
        "open_ticket_age",
        "purchase_frequency",
        "referral_rate",
        "repeat_purchase_rate",
        "returning_customer_rate",
        "stale_open_ratio",
        "unanswered_over_target",
        "upsell_rate",
    ]
)
"""What the live cells know only of periods that go on."""


def whole(name: str) -> Ask:
    """The whole span of a data set."""
    (span,) = asks_of(CALENDAR, since=WHOLE[name][0], until=WHOLE[name][1])
    return span


def periods(*names: str) -> list[Ask]:
    return asks_of(CALENDAR, periods=names)


def months(first_year: int, count: int) -> list[str]:
    return [f"{first_year + number // 12}-{number % 12 + 1:02}" for number in range(count)]


@pytest.fixture(scope="module")
def deals() -> Rows:
    return evaluated("maven_crm")


@pytest.fixture(scope="module")
def churn() -> Rows:
    return evaluated("ravenstack")


def test_deals_win_rate_value_and_cycle(deals: Rows) -> None:
    """8,800 opportunities, of which 500 have no date."""
    assert {miss: tally.count for miss, tally in deals.counts.rows_without_event.items()} == {Miss.UNDATED: 500}
    assert deals("deals_won") == 4238
    assert deals.row("deal_win_rate")["exact"] == [4238, 6711]
    assert round(deals("deal_win_rate"), 5) == 0.63150
    value = deals.row("avg_deal_value")
    assert (value["numerator"], value["denominator"], round(value["value"], 3)) == (10_005_534, 4238, 2360.909)
    cycle = deals.row("sales_cycle_time")
    assert round(cycle["sum_ms"] / 1000 / DAY_S / cycle["samples"], 3) == 51.782
    assert cycle["value"] / DAY_S == pytest.approx(57, rel=0.01)


def test_deals_by_closing_quarter() -> None:
    """The published pivot, and the reference values of each quarter."""
    quarters = evaluated("maven_crm", periods(*QUARTERS))
    assert [quarters("deals_won", quarter) for quarter in QUARTERS] == [531, 1254, 1257, 1196]
    assert [round(quarters("deal_win_rate", quarter), 4) for quarter in QUARTERS] == [0.8207, 0.6171, 0.6141, 0.6025]
    for expected in table("expected", "maven_crm_quarterly.csv"):
        quarter = expected["quarter"]
        assert quarters.row("deal_win_rate", quarter)["exact"] == [float(expected["won"]), float(expected["closed"])]
        assert quarters.row("avg_deal_value", quarter)["numerator"] == float(expected["won_value"])
        cycle = quarters.row("sales_cycle_time", quarter)
        mean_days = cycle["sum_ms"] / 1000 / DAY_S / cycle["samples"]
        assert mean_days == pytest.approx(float(expected["cycle_days_won_mean"]), abs=1e-6)
        assert cycle["value"] / DAY_S == pytest.approx(float(expected["cycle_days_won_median"]), rel=0.01)


@pytest.mark.parametrize(
    ("file", "column", "dimension"),
    [
        ("per_region", "regional_office", "region"),
        ("per_rep", "sales_agent", "owner"),
        ("per_product", "product", "product"),
    ],
)
def test_deals_by_group(deals: Rows, file: str, column: str, dimension: str) -> None:
    """Regions come through a lookup; one product is spelled in two ways."""
    expected = table("expected", f"maven_crm_{file}.csv")
    spelled = {"GTXPro": "GTX Pro"}
    found = {
        row["by"][dimension]: (*deals.row("deal_win_rate", "all", group)["exact"], round(row["value"], 6))
        for (kpi, window, group), row in deals.found.items()
        if (kpi, window, list(row["by"])) == ("avg_deal_value", "all", [dimension])
    }
    assert found == {
        spelled.get(row[column], row[column]): (
            int(float(row["won"])),
            int(float(row["closed"])),
            float(row["avg_won_value"]),
        )
        for row in expected
    }


def test_average_deal_by_region(deals: Rows) -> None:
    regions = {
        region: round(deals("avg_deal_value", "all", f"region={region}"), 2) for region in ("Central", "East", "West")
    }
    assert regions == {"Central": 2054.20, "East": 2639.28, "West": 2481.67}


@pytest.mark.parametrize("span", ["all", "1997-01-01/1998-07-01"])
def test_purchases_over_the_whole_span(span: str) -> None:
    """6,919 orders of 2,357 customers."""
    bought = evaluated("cdnow", [] if span == "all" else [whole("cdnow")])
    assert bought("orders", span) == 6919
    assert bought("revenue_net", span) == 244_091.94
    assert round(bought("average_order_value", span), 5) == 35.27850
    assert bought.row("purchase_frequency", span)["exact"] == [6919, 2357]
    assert round(bought("purchase_frequency", span), 5) == 2.93551
    assert bought.row("repeat_purchase_rate", span)["exact"] == [1152, 2357]
    assert round(bought("repeat_purchase_rate", span), 6) == 0.488757
    assert bought("active_customers", "now" if span == "all" else span) == 2357


def test_purchases_by_month() -> None:
    """18 months at once, each as it was at its end."""
    expected = table("expected", "cdnow_sample_monthly.csv")
    bought = evaluated("cdnow", periods(*(row["month"] for row in expected)))
    for row in expected:
        month = row["month"]
        assert bought("orders", month) == int(row["orders"])
        assert round(bought("revenue_net", month), 6) == float(row["revenue"])
        assert round(bought("average_order_value", month), 6) == float(row["aov"])
        assert round(bought("purchase_frequency", month), 6) == float(row["orders_per_customer"])
        assert bought("active_customers", month) == int(row["cum_customers"])


def test_repeat_purchases_as_they_were_at_the_end_of_each_month() -> None:
    """Windows as of instants of the past."""
    expected = table("expected", "cdnow_sample_monthly.csv")
    ends = [period.to_ms for period in periods(*(row["month"] for row in expected))]
    for row, end_ms in list(zip(expected, ends, strict=True))[::5]:
        bought = evaluated("cdnow", [Ask(end_ms)])
        assert round(bought("repeat_purchase_rate"), 6) == float(row["cum_repeat_rate"])
        assert round(bought("purchase_frequency"), 6) == float(row["cum_purchase_frequency"])


def test_churn_by_month() -> None:
    """600 churn events, in 352 accounts the end of a spell."""
    expected = table("ravenstack", "published_outputs/churn__monthly_churn_events.csv")
    assert [row["month_label"] for row in expected] == months(2023, 24)
    churn = evaluated("ravenstack", [*periods(*months(2023, 24)), whole("ravenstack")])
    assert [churn("churn_events", month) for month in months(2023, 24)] == [
        int(row["churn_events"]) for row in expected
    ]
    assert churn("churn_events", whole("ravenstack").name) == 600
    assert churn("churned_customers", whole("ravenstack").name) == 352
    assert sum(churn("churned_customers", month) for month in months(2023, 24)) == 352
    assert churn("active_customers", whole("ravenstack").name) == 500 - 352


@pytest.mark.parametrize(
    ("file", "column", "dimension"),
    [("by_plan_tier", "plan_tier", "plan"), ("by_reason_code", "reason_code", "reason")],
)
def test_churn_by_group(churn: Rows, file: str, column: str, dimension: str) -> None:
    expected = table("ravenstack", f"published_outputs/churn__{file}.csv")
    found = {row[column]: churn("churn_events", "all", f"{dimension}={row[column]}") for row in expected}
    assert found == {row[column]: int(row["churn_events"]) for row in expected}


def test_support() -> None:
    """2,000 tickets and as many surveys, of which 1,175 were answered."""
    span = whole("ravenstack").name
    support = evaluated("ravenstack", [whole("ravenstack")])
    response, resolution = support.row("first_response_time", span), support.row("resolution_time_first", span)
    assert (response["samples"], resolution["samples"]) == (2000, 2000)
    assert round(response["sum_ms"] / 1000 / MINUTE_S / 2000, 3) == 88.480
    assert round(resolution["sum_ms"] / 1000 / HOUR_S / 2000, 3) == 35.861
    assert round(support("csat_mean", span), 5) == 3.98128
    assert round(support("csat_ratio", span), 6) == 0.662979
    assert support.row("survey_response_rate", span)["exact"] == [1175, 2000]
    assert support("survey_response_rate", span) == 0.5875


def test_surveys_count_once_they_had_thirty_days() -> None:
    """The window is of mature surveys alone, so at the end of the data it has fewer."""
    end, later = asks_of(CALENDAR, ["2025-01-01", "2025-02-01"])
    assert evaluated("ravenstack", [end]).row("survey_response_rate")["denominator"] < 2000
    assert evaluated("ravenstack", [end, later])("survey_response_rate") == 0.5875


def shown(rows: list[Row]) -> dict[tuple[str, str, str], Row]:
    return {key_of(row): row for row in rows}


def numbers(row: Row) -> dict[str, Any]:
    """What is counted, without edges and state."""
    return {name: item for name, item in row.items() if name not in ("state", "from", "to")}


@pytest.mark.parametrize("name", ["maven_crm", "cdnow", "ravenstack"])
async def test_through_kafka_it_is_the_same(deployment: Deployment, name: str) -> None:
    """Every value of every window and group at one instant, and those of periods, as from the files alone."""
    files, mapping = await asyncio.to_thread(files_of, name), mapping_of(name)
    counts = counts_of(name)
    said = await asyncio.to_thread(deployment.run, "import", *files, "--mapping", mapping)
    assert f"{counts.rows} rows, {counts.events.total()} events: " in said
    deployment.start()
    await deployment.caught_up(counts.events.total())
    now = await deployment.get("/api/kpis")
    since, until = WHOLE[name]
    span = await deployment.get("/api/kpis", ("from", since), ("to", until))
    parts = [(await deployment.get("/api/kpis", ("period", period)))["values"] for period in PERIODS[name]]
    (instant,) = asks_of(CALENDAR, [now["to"]])
    alone = evaluated(name, [*periods(*PERIODS[name]), whole(name), instant])
    assert alone.over(None) == shown(now["values"])
    expected, found = alone.over(whole(name).name), shown(span["values"])
    assert expected.keys() == found.keys()
    unlike = {key[0] for key, row in expected.items() if numbers(row) != numbers(found[key])}
    assert unlike <= {"service_quality_index"}  # which is nothing until all of its parts are final
    # At the end of the span the last surveys may still be answered; years later they are final.
    assert {row["state"] for key, row in expected.items() if row["state"] != found[key]["state"]} <= {"immature"}
    for period, part in zip(PERIODS[name], parts, strict=True):
        expected, found = alone.over(period), shown(part)
        expected = {key: row for key, row in expected.items() if key in found or key[0] not in ENDING_NOW}
        assert found.keys() >= expected.keys()
        assert not any(found[key]["samples"] for key in found.keys() - expected.keys())
        # What followed a cohort after the end of the period is known to the cells only.
        final = {key: row for key, row in expected.items() if row["state"] != "immature"}
        unlike = {key[0] for key, row in final.items() if numbers(row) != numbers(found[key])}
        assert unlike <= ENDING_NOW
    asked = ("kpis", "--url", deployment.url, "--from", since, "--to", until, "--csv")
    said = await asyncio.to_thread(deployment.run, *asked)
    assert said == csv_of(row for row in span["values"] if not row["by"])
