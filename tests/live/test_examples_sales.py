"""The worked examples of docs/definitions.md: leads, deals, stages, orders, people."""

import pytest

from tests.live.stories import deal, happened, made, order, told

ALL = ("30d", "", "")
NOW = ("now", "", "")
FORECASTS = ("deals_forecast", "pipeline_overdue_value")


def lead(day: float, kind: str, name: str, **data: object) -> object:
    return happened(day, f"lead.{kind}", lead_id=name, **data)


def test_leads_open_uncontacted() -> None:
    values = told([
        lead(1, "created", "l1"), lead(2, "created", "l2"), lead(3, "contacted", "l2"), lead(4, "created", "l3"),
        lead(5, "disqualified", "l3"), lead(6, "created", "l4"), lead(6, "contacted", "l4", automated=True),
    ])  # fmt: skip
    assert values["leads_open_uncontacted", *NOW].value == 2


def test_deals_lost() -> None:
    values = told([
        deal(1, "lost"), deal(2, "lost", "d2"), deal(3, "reopened", "d2"), deal(4, "won", "d2"),
        deal(5, "lost", "d3"), deal(6, "lost", "d3"),
    ])  # fmt: skip
    assert values["deals_lost", *ALL].value == 2


def test_deals_won_value() -> None:
    values = told([
        deal(1, "won", amount=3000), deal(2, "won", "d2"), deal(3, "won", "d3", amount=500), deal(4, "deleted", "d3")
    ])  # fmt: skip
    assert (values["deals_won_value", *ALL].value, values["deals_won_value", *ALL].samples) == (3000, 1)


def test_deals_open() -> None:
    values = told([
        deal(1, "created"), deal(2, "created", "d2"), deal(9, "won", "d2"), deal(3, "created", "d3"),
        deal(5, "lost", "d3"), deal(6, "reopened", "d3"), deal(4, "lost", "d4"),
    ])  # fmt: skip
    assert values["deals_open", *NOW].value == 2
    assert values["deals_open", "now", "pipeline", "default"].value == 2


def test_pipeline_value() -> None:
    values = told([deal(1, "created", amount=100), deal(2, "amount_changed", amount=150), deal(3, "created", "d3")])
    assert (values["pipeline_value", *NOW].value, values["pipeline_value", *NOW].samples) == (150, 2)


def test_lead_qualification_rate() -> None:
    values = told([
        lead(1, "created", "l1"), lead(3, "qualified", "l1"), lead(2, "created", "l2"), lead(40, "qualified", "l2"),
        lead(3, "created", "l3"),
    ], 60)  # fmt: skip
    found = values["lead_qualification_rate", *ALL]
    assert (found.numerator, found.denominator) == (1, 3)


def test_lead_response_time_live() -> None:
    values = told([lead(29, "created", "l1"), lead(29.5, "contacted", "l1"), lead(27, "created", "l2")])
    found = values["lead_response_time_live", "24h", "", ""]
    assert (found.value, found.samples) == (pytest.approx(3 * 86400, rel=0.01), 2)


def test_leads_over_target() -> None:
    values = told([
        lead(30 - 1 / 1440, "created", "l1"), lead(29, "created", "l2", channel="web"), lead(28, "created", "l3"),
        lead(29, "contacted", "l3"),
    ])  # fmt: skip
    found = values["leads_over_target", *NOW]
    assert (found.value, found.samples) == (1, 2)
    assert values["leads_over_target", "now", "channel", "web"].value == 1


def test_a_lead_written_down_late() -> None:
    minutes_20 = 20 / 1440
    found = told([lead(1, "contacted", "l1"), lead(1 + minutes_20, "created", "l1")])["lead_response_time", *ALL]
    assert (found.value, found.samples) == (0, 1)
    merged = told([lead(-10, "created", "l1"), lead(2, "created", "l2"), lead(3, "merged", "l1", into="l2")])
    assert [merged["leads_new", window, "", ""].value for window in ("30d", "90d")] == [0, 1]


def test_a_conversion_within_the_hour_before_the_creation_counts_in_the_lead_s_cohort() -> None:
    """Though the conversion lies in the day before it; a link of another party too."""
    half_hour = 0.5 / 24
    sold = order(-half_hour, "placed", "o", "B", amount=9, lead_id="l1", lead_party="A")
    values = told([lead(0, "created", "l1"), sold], 60)
    found = values["lead_conversion_rate", *ALL]
    assert (found.numerator, found.denominator) == (1, 1)
    early = told([lead(0, "created", "l1"), order(-3 * half_hour, "placed", "o", amount=9, lead_id="l1")], 60)
    assert early["lead_conversion_rate", *ALL].numerator == 0


def test_lost_cycle_time() -> None:
    values = told([
        deal(1, "created", decision_makers=7, amount=30), deal(11, "lost"), deal(2, "created", "d2"),
        deal(22, "lost", "d2"), deal(5, "lost", "d3"),
    ])  # fmt: skip
    found = values["lost_cycle_time", *ALL]
    assert (found.value, found.samples) == (pytest.approx(10 * 86400, rel=0.01), 2)
    for by, groups in (("size", {"20", "unknown"}), ("decision_makers", {"6-10", "unknown"})):
        assert {g for kpi, window, of, g in values if (kpi, window, of) == ("lost_cycle_time", "30d", by)} == groups


def test_a_won_deal_by_kind_size_and_decision_makers() -> None:
    values = told([deal(1, "created", kind="renewal", decision_makers=3), deal(9, "won", amount=0.5)])
    assert values["avg_deal_value", "30d", "kind", "renewal"].value == 0.5
    for by, group in (("size", "0"), ("decision_makers", "3")):
        assert values["sales_cycle_time", "30d", by, group].samples == 1


def test_pipeline_weighted_value() -> None:
    values = told([
        deal(1, "created", amount=100, stage="proposal", expected_close="2026-09-15"),
        deal(2, "amount_changed", amount=150), deal(3, "created", "d2", amount=7, stage="demo"),
        deal(3, "created", "d3", stage="contract"),
    ])  # fmt: skip
    assert (values["pipeline_weighted_value", *NOW].value, values["pipeline_weighted_value", *NOW].samples) == (45, 2)
    assert values["pipeline_weighted_value", "now", "close", "2026-09"].value == 45
    assert values["pipeline_value", *NOW].value == 157


def test_where_no_deal_was_in_a_listed_stage_nothing_is_weighted() -> None:
    """Afterwards none left is 0, also within the day that it was there."""
    demo = [deal(1, "created", amount=150, stage="demo", expected_close="2026-04-15")]
    assert told(demo)["pipeline_weighted_value", *NOW].value is None
    assert {r.value for (operator, *_), r in made(demo).items() if operator in FORECASTS} == {None}
    was = [*demo, stage(5, "proposal"), stage(5.001, "demo")]
    assert [told(was, day)["pipeline_weighted_value", *NOW].value for day in (4.5, 6, 200)] == [None, 0, 0]
    assert {r.value for (operator, *_), r in made(was).items() if operator in FORECASTS} == {0}


def test_at_midnight_of_a_first_day_nothing_is_won_yet_in_the_forecast() -> None:
    """Of the period that begins then."""
    won = [deal(1, "created", stage="proposal"), deal(2, "won", amount=100)]
    found = {w: made(won, 31)["deals_forecast", "deals_won_value", w, "", "", ""].value for w in ("mtd", "qtd", "ytd")}
    assert found == {"mtd": 0, "qtd": 0, "ytd": 100}


def test_deal_win_rate_value() -> None:
    values = told([
        deal(1, "won", amount=3000), deal(2, "created", "d2", amount=1000), deal(3, "lost", "d2"), deal(4, "lost", "d3")
    ])  # fmt: skip
    found = values["deal_win_rate_value", *ALL]
    assert (found.value, found.numerator, found.denominator, found.samples) == (0.75, 3 * 10**9, 4 * 10**9, 2)


def test_deal_close_rate_cohort() -> None:
    values = told([
        deal(1, "created"), deal(50, "won"), deal(2, "created", "d2"), deal(100, "won", "d2"),
        deal(3, "created", "d3"), deal(9, "lost", "d3"), deal(5, "created", "d4"), deal(6, "deleted", "d4"),
    ], 120)  # fmt: skip
    found = values["deal_close_rate_cohort", *ALL]
    assert (found.numerator, found.denominator) == (1, 3)


def stage(day: float, to: str, name: str = "d1") -> object:
    return deal(day, "stage_changed", name, stage=to)


def test_stage_duration() -> None:
    values = told(
        [deal(1, "created", stage="discovery"), stage(4, "proposal"), stage(5, "negotiation"), deal(11, "won")]
    )
    found = values["stage_duration", *ALL]
    assert (found.value, found.samples) == (pytest.approx(3 * 86400, rel=0.01), 3)
    assert found.durations is not None
    assert found.durations.sum_ms == 10 * 86_400_000
    assert values["stage_duration", "30d", "pipeline,stage", "default,proposal"].samples == 1


def test_stage_conversion_rate() -> None:
    values = told([
        deal(1, "created", stage="discovery"), stage(3, "negotiation"),
        deal(2, "created", "d2", stage="discovery"), deal(9, "lost", "d2"),
        deal(5, "created", "d5", stage="demo"), deal(6, "won", "d5"),
    ], 120)  # fmt: skip
    found = {
        group: (value.numerator, value.denominator)
        for (kpi, window, by, group), value in values.items()
        if (kpi, window) == ("stage_conversion_rate", "30d") and by in ("", "stage")
    }
    assert found == {"": (2, 4), "discovery": (1, 2), "proposal": (1, 1), "negotiation": (0, 1)}


def test_stage_conversion_rate_by_owner_and_source() -> None:
    values = told([
        deal(1, "created", stage="discovery", owner_id="a", source="s"), deal(2, "owner_changed", owner_id="b"),
        stage(3, "proposal"),
    ], 120)  # fmt: skip
    groups = {
        (by, group): (value.numerator, value.denominator)
        for (kpi, window, by, group), value in values.items()
        if (kpi, window) == ("stage_conversion_rate", "30d") and by in ("owner", "source")
    }
    assert groups == {("owner", "a"): (1, 1), ("owner", "b"): (0, 1), ("source", "s"): (1, 2)}


def test_deals_stalled() -> None:
    values = told([
        deal(10, "created"), deal(11, "created", "d2"), deal(20, "activity", "d2"),
        deal(5, "created", "d3"), deal(12, "lost", "d3"),
    ])  # fmt: skip
    assert (values["deals_stalled", *NOW].value, values["deals_stalled", *NOW].samples) == (1, 2)
    assert (values["stale_open_ratio", *NOW].numerator, values["stale_open_ratio", *NOW].denominator) == (1, 2)


def test_pipeline_velocity() -> None:
    values = told([
        *(deal(1, "created", f"open {n}") for n in range(4)),
        deal(1, "created", "w1"), deal(11, "won", "w1", amount=100),
        deal(-5, "created", "w2"), deal(25, "won", "w2", amount=300),
        deal(3, "lost", "x1"), deal(4, "lost", "x2"),
    ])  # fmt: skip
    found = values["pipeline_velocity", *ALL]
    assert (found.value, found.samples) == (pytest.approx(20 / 86400), 4)


def test_revenue_gross() -> None:
    values = told([
        order(1, "placed", "a", amount=100), order(2, "placed", "b", amount=50), order(3, "placed", "c", amount=30),
        order(4, "cancelled", "c"), order(5, "refunded", "a", refund_id="r", amount=20),
    ])  # fmt: skip
    assert values["revenue_gross", *ALL].value == 150


def test_average_order_value_gross() -> None:
    values = told([
        order(1, "placed", "a", amount=100), order(2, "placed", "b", amount=50), order(3, "placed", "c", amount=30),
        order(4, "refunded", "b", refund_id="r", amount=50), order(5, "cancelled", "c"),
    ])  # fmt: skip
    found = values["average_order_value_gross", *ALL]
    assert (found.value, found.numerator, found.denominator) == (75, 150_000_000, 2)


def test_purchase_frequency_active() -> None:
    """Three orders, one of them by nobody's customer, per one and a half customers."""
    values = told([
        happened(0, "customer.created"), happened(15, "customer.created", "B"),
        *(order(1, "placed", "o", who, amount=1) for who in "ABC"),
    ])  # fmt: skip
    found = values["purchase_frequency_active", *ALL]
    assert (found.value, found.samples) == (2, 3)


def test_product_revenue_and_units_sold() -> None:
    values = told([
        order(1, "placed", "a", amount=100, product="bag", items=[
            {"product": "shoe", "amount": 60}, {"product": "hat", "quantity": 2, "amount": 40}, {"product": "box"},
        ]),
        order(2, "placed", "b", amount=30, product="hat"), order(2, "refunded", "b", refund_id="r", amount=30),
        order(3, "placed", "c", amount=9, items=[{"product": "shoe", "amount": 9}]), order(4, "cancelled", "c"),
    ])  # fmt: skip
    groups = [("", ""), ("product", "shoe"), ("product", "hat")]
    sold = [values["product_revenue", "30d", *group] for group in groups]
    assert [(value.value, value.samples) for value in sold] == [(130, 3), (60, 1), (70, 2)]
    units = [values["units_sold", "30d", *group] for group in groups]
    assert [(value.value, value.samples) for value in units] == [(4, 3), (1, 1), (3, 2)]
    assert {group for kpi, _, by, group in values if kpi == "units_sold" and by} == {"shoe", "hat"}


def test_customer_revenue() -> None:
    values = told([
        happened(-5, "customer.created", segment="smb"), order(1, "placed", "a", amount=100),
        happened(2, "customer.updated", segment="mid"), order(3, "placed", "b", amount=50),
        order(4, "refunded", "a", refund_id="r", amount=20), order(5, "placed", "c", "B", amount=10),
    ])  # fmt: skip
    assert (values["customer_revenue", *ALL].value, values["customer_revenue", *ALL].samples) == (140, 3)
    found = [values["customer_revenue", "30d", "segment", group].value for group in ("smb", "mid", "unknown")]
    assert found == [80, 50, 10]


def test_refund_rate() -> None:
    events = [
        order(1, "placed", "o1", amount=100, channel="web"), order(10, "refunded", "o1", refund_id="r", amount=40),
        order(2, "placed", "o2", amount=100), order(50, "refunded", "o2", refund_id="r", amount=100),
    ]  # fmt: skip
    found = told(events, 60)["refund_rate", *ALL]
    assert (found.value, found.numerator, found.denominator, found.samples) == (0.2, 40_000_000, 200_000_000, 2)
    assert found.to_ms - found.from_ms == 30 * 86_400_000
    assert told(events, 60)["refund_rate", "30d", "channel", "web"].value == 0.4
    assert told(events, 30)["refund_rate", *ALL].state == "immature"


def test_time_between_purchases() -> None:
    days = {"A": (1, 4, 14), "B": (2,)}
    events = [order(day, "placed", f"{who}{day}", who, amount=1) for who, some in days.items() for day in some]
    found = told(events)["time_between_purchases", "90d", "", ""]
    assert (found.value, found.samples) == (pytest.approx(3 * 86400, rel=0.01), 2)


def test_returning_customer_rate() -> None:
    events = [order(day, "placed", f"{who}{day}", who, amount=1) for who, day in (("A", -50), ("A", 5), ("B", 6))]
    found = told([*events, order(-20, "placed", "C", "C", amount=1)])["returning_customer_rate", *ALL]
    assert (found.numerator, found.denominator) == (1, 2)


def test_rep_new_customers() -> None:
    values = told([
        deal(3, "won", owner_id="rep-01"), order(5, "placed", "a", amount=1, owner_id="rep-02"),
        order(4, "placed", "b", "B", amount=1, owner_id="rep-02"),
    ])  # fmt: skip
    assert values["rep_new_customers", *ALL].value == 2
    assert [values["rep_new_customers", "30d", "owner", f"rep-0{n}"].value for n in (1, 2)] == [1, 1]


def test_rep_revenue() -> None:
    values = told([
        order(1, "placed", "a", amount=100, owner_id="rep-01"), order(2, "placed", "b", amount=50, owner_id="rep-01"),
        order(3, "refunded", "a", refund_id="r", amount=20),
    ])  # fmt: skip
    assert values["rep_revenue", "30d", "owner", "rep-01"].value == 130
