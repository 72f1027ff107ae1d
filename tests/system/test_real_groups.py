"""The public data sets by group and over time, against reference values or a few lines of counting.

The data is read from a folder beside the repository, or from STREAM_KPIS_DATA; without it these tests are skipped.
"""

import calendar
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import pytest

from stream_kpis.live.asks import asks_of
from tests.system.real_data import CALENDAR, Rows, evaluated, mapping_of, table

QUARTERS = ("2017Q1", "2017Q2", "2017Q3", "2017Q4")
SPELLED = {"GTXPro": "GTX Pro"}
DAY_S = 86_400


def agrees(found: Rows, expected: Mapping[str, str], span: str, group: str) -> None:
    """Won, closed, worth and cycle of one group."""
    assert found.row("deal_win_rate", span, group)["exact"] == [float(expected["won"]), float(expected["closed"])]
    value = found.row("avg_deal_value", span, group)
    assert value["numerator"] == float(expected["won_value"])
    assert value["value"] == pytest.approx(float(expected["avg_won_value"]), abs=1e-6)


def test_deals_by_rep_and_quarter() -> None:
    """Each rep in each quarter in which one closed anything."""
    quarters = evaluated("maven_crm", asks_of(CALENDAR, periods=QUARTERS))
    expected = table("expected", "maven_crm_rep_x_quarter.csv")
    assert {row["quarter"] for row in expected} == set(QUARTERS)
    for row in expected:
        agrees(quarters, row, row["quarter"], f"owner={row['sales_agent']}")
    for quarter in QUARTERS:
        found = {
            row["by"]["owner"]
            for (kpi, span, _), row in quarters.found.items()
            if (kpi, span, list(row["by"])) == ("deal_win_rate", quarter, ["owner"]) and row["samples"]
        }
        assert found == {row["sales_agent"] for row in expected if row["quarter"] == quarter}


def test_deals_by_product_with_their_cycle() -> None:
    """The cycle is of won deals, as its mean and its median."""
    deals = evaluated("maven_crm")
    for row in table("expected", "maven_crm_per_product.csv"):
        group = f"product={SPELLED.get(row['product'], row['product'])}"
        agrees(deals, row, "all", group)
        cycle = deals.row("sales_cycle_time", "all", group)
        assert cycle["samples"] == float(row["won"])
        assert cycle["sum_ms"] / 1000 / DAY_S / cycle["samples"] == pytest.approx(float(row["cycle_days_won_mean"]))


def test_deals_by_manager_through_a_lookup(tmp_path: Path) -> None:
    """A region here is a manager's: the other file joins rep and manager."""
    text = mapping_of("maven_crm").read_text("utf-8")
    assert text.count("take: regional_office") == 1
    mapping = tmp_path / "managers.yaml"
    mapping.write_text(text.replace("take: regional_office", "take: manager"), "utf-8")
    deals = evaluated("maven_crm", mapping=mapping)
    expected = table("expected", "maven_crm_per_manager.csv")
    for row in expected:
        agrees(deals, row, "all", f"region={row['manager']}")
    assert len(expected) == len(
        {row["by"]["region"] for (kpi, span, _), row in deals.found.items()
         if (kpi, span, list(row["by"])) == ("deal_win_rate", "all", ["region"])}
    )  # fmt: skip


def test_the_open_pipeline_at_the_ends_of_months() -> None:
    """Deals begun and not closed; what closes on the last day is not open at its end."""
    expected = table("expected", "maven_crm_open_pipeline_month_end.csv")
    deals = evaluated("maven_crm", asks_of(CALENDAR, periods=[row["month"] for row in expected]))
    found = {row["month"]: deals("deals_open", row["month"]) for row in expected}
    assert found == {row["month"]: int(row["open_at_month_end"]) for row in expected}


def _month_ends(first: date, last: date) -> list[date]:
    found, day = [], first
    while day <= last:
        found.append(day.replace(day=calendar.monthrange(day.year, day.month)[1]))
        day = date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return found


def test_deals_open_are_those_of_the_raw_file() -> None:
    """Counted by itself from the rows, at each month's end."""
    rows = [row for row in table("maven_crm", "sales_pipeline.csv") if row["engage_date"]]
    ends = _month_ends(date(2016, 10, 1), date(2017, 12, 31))
    names = [f"{end:%Y-%m}" for end in ends]
    deals = evaluated("maven_crm", asks_of(CALENDAR, periods=names))
    for name, end in zip(names, ends, strict=True):
        begun = [row for row in rows if date.fromisoformat(row["engage_date"]) <= end]
        still = [row for row in begun if not row["close_date"] or date.fromisoformat(row["close_date"]) > end]
        assert deals("deals_open", name) == len(still)


SPAN_DAYS = 90
"""Without an order for longer, a buyer has lapsed."""


def _activity(days: list[date]) -> list[tuple[date, date]]:
    """The stretches of a buyer's activity, each from its first order to its lapse."""
    stretches: list[tuple[date, date]] = []
    for day in sorted(days):
        lapse = day + timedelta(SPAN_DAYS)
        if stretches and day <= stretches[-1][1]:
            stretches[-1] = (stretches[-1][0], lapse)
        else:
            stretches.append((day, lapse))
    return stretches


def test_buyers_who_lapse_by_month() -> None:
    """Ninety days without an order, over who was active when the month began."""
    bought: dict[str, list[date]] = {}
    for row in table("cdnow", "cdnow_sample.csv"):
        bought.setdefault(row["customer_id"], []).append(date.fromisoformat(row["date"]))
    stretches = [stretch for days in bought.values() for stretch in _activity(days)]
    ends = _month_ends(date(1997, 2, 1), date(1998, 6, 30))
    found = evaluated("cdnow", asks_of(CALENDAR, periods=[f"{end:%Y-%m}" for end in ends]))
    for end in ends:
        start, after = end.replace(day=1), end + timedelta(1)
        lapsed = sum(start <= lapse < after for _, lapse in stretches)
        active = sum(begun < start <= lapse for begun, lapse in stretches)
        assert found.row("churn_rate_inactivity", f"{end:%Y-%m}")["exact"] == [lapsed, active], end


def test_subscriptions_worth_and_ends_by_month() -> None:
    """The author counts a subscription in each month that it overlaps: there at the end, or ended within it."""
    expected = table("ravenstack", "published_outputs/mrr__monthly_aggregate_mrr.csv")
    found = evaluated("ravenstack_subscriptions", asks_of(CALENDAR, periods=[row["month_label"] for row in expected]))
    for row in expected:
        month = row["month_label"]
        ended = found.row("revenue_churn_rate", month)["numerator"] / 1_000_000
        assert found("mrr", month) + ended == float(row["aggregate_subscription_mrr"]), month
        there = found("active_customers", month) + found("churned_customers", month)
        assert there == int(row["active_subscription_records"]), month


def test_the_retention_curve() -> None:
    """Accounts by months since they signed up: as many as the author has; of them those that did not churn.

    The author calls an account active in a month that one of its subscriptions overlaps, so that his curve rises; ours
    says who is still a customer.
    """
    published = table("ravenstack", "published_outputs/retention__pooled_retention_curve.csv")
    joined = {row["account_id"]: row["signup_date"] for row in table("ravenstack", "ravenstack_accounts.csv")}
    left: dict[str, str] = {}
    for row in table("ravenstack", "ravenstack_churn_events.csv"):
        account, day = row["account_id"], row["churn_date"]
        assert day >= joined[account]
        left[account] = min(day, left.get(account, day))
    last = _months("2024-12-31")
    found = evaluated("ravenstack", asks_of(CALENDAR, ["2025-01-01T00:00:00Z"]))
    for row in published:
        k = int(row["months_since_signup"])
        old = [account for account, day in joined.items() if _months(day) + k <= last]
        gone = [
            account for account in old if account in left and _months(left[account]) <= _months(joined[account]) + k
        ]
        of_k = found.row("cohort_retention_rate", "now", f"k={k}")
        assert of_k["denominator"] == len(old) == int(row["eligible_accounts"]), k
        assert of_k["numerator"] == len(old) - len(gone), k
    assert [row["months_since_signup"] for row in published] == [str(k) for k in range(len(published))]


def _months(day: str) -> int:
    year, month, _ = day.split("-")
    return int(year) * 12 + int(month)
