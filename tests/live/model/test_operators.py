"""The worked examples of docs/definitions-operators.md."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from stream_kpis.engine.tiles import DAY_MS, Calendar
from stream_kpis.events.envelope import Reader
from stream_kpis.events.history import Imported
from stream_kpis.kpis.goals import NO_GOALS, Goals, Target
from stream_kpis.live.asks import Ask
from stream_kpis.live.evaluate import evaluate
from stream_kpis.live.model.operators.arithmetic import forecast, trend
from stream_kpis.live.model.operators.days import Daily
from stream_kpis.live.model.operators.spans import next_first, period_first
from stream_kpis.live.model.snapshot import Result, State
from stream_kpis.plan import compile_plan
from stream_kpis.settings import Settings
from tests.live.stories import DAY_0_MS, Made, customer, deal, happened, made, order, ticket, told


def of(found: Made, operator: str, kpi: str, window: str, against: str = "", by: str = "", group: str = "") -> Result:
    return found[operator, kpi, window, against, by, group]


def orders(day: float, many: int, amount: float = 1) -> list[Imported]:
    return [order(day, "placed", f"o{day}-{n}", f"P{n}", amount=amount, channel="web") for n in range(many)]


def test_change() -> None:
    """What the open day holds changes nothing."""
    events = [*orders(-5, 1), *orders(10, 100), *orders(40, 120)]
    for more in ([], orders(60.5, 9)):
        found = of(made([*events, *more], 60.6), "change", "orders", "30d", "previous")
        assert (found.value, found.numerator, found.denominator) == (pytest.approx(0.2), 120, 100)
        assert (found.samples, found.state) == (100, State.OK)
    assert of(made(events, 60.6), "change", "orders", "30d", "previous", "channel", "web").value == pytest.approx(0.2)


def test_a_ratio_changes_by_a_difference() -> None:
    events = [
        happened(day, "survey.answered", f"p{day}{n}", survey_id="s", kind="csat", score=5 if n < good else 1)
        for day, good in ((10, 15), (40, 16))
        for n in range(20)
    ]
    assert of(made(events, 60), "change", "csat_ratio", "30d", "previous").value == pytest.approx(0.05)


def test_without_anything_before_there_is_no_change() -> None:
    found = of(made(orders(40, 5), 60), "change", "orders", "30d", "previous")
    assert (found.value, found.state) == (None, State.NO_DATA)


def test_change_looks_no_further_than_history() -> None:
    """It says so, and goes on."""
    found = of(made([*orders(20, 50), *orders(40, 60)], 60), "change", "orders", "30d", "previous")
    assert (found.value, found.state) == (pytest.approx(0.2), State.IMMATURE)


def test_change_of_a_month_counts_days() -> None:
    """Ten days of March against the first ten of February; at its end 30 days against all 28."""
    events = [order(day, "placed", f"o{day}", amount=1) for day in range(-60, 40)]
    tenth = of(made(events, 10.5), "change", "orders", "mtd", "previous")
    assert (tenth.numerator, tenth.denominator) == (10, 10)
    last = of(made(events, 30.5), "change", "orders", "mtd", "previous")
    assert (last.numerator, last.denominator) == (30, 28)
    assert of(made(events, 31), "change", "orders", "mtd", "previous").value is None


def test_a_level_changes_from_day_to_day() -> None:
    events = [customer(-40 + n, "created", f"c{n}") for n in range(40)]
    found = of(made(events, 0.5), "change", "active_customers", "30d", "previous")
    assert (found.value, found.numerator, found.denominator) == (3, 40, 10)


COMPOSED = """
kpis:
  worth_of_an_order: {title: Worth, formula: kpi(revenue_net) / kpi(orders), unit: currency, windows: [30d],
                      by: [channel], min_samples: 2, operators: [change]}
  leads_lost: {title: Lost, formula: 1 - kpi(lead_conversion_rate), unit: ratio, windows: [30d], min_samples: 2,
               operators: [change]}
"""


def of_own(folder: Path, events: Iterable[Imported], to_day: float) -> Made:
    """What operators make of two KPIs that are composed of others."""
    (folder / "composed.yaml").write_text(COMPOSED)
    plan = compile_plan(Settings(catalogue=(folder,)))
    ask = Ask(DAY_0_MS + round(to_day * DAY_MS), None, "")
    (answer,) = evaluate(plan, Calendar(), Reader(), events, [ask], NO_GOALS).answers
    return {(r.operator, r.kpi, r.window, r.against, r.by, r.group): r for r in answer.results}


def test_change_of_a_composed_kpi_is_that_of_its_parts_over_both_spans(tmp_path: Path) -> None:
    """100 for 2 orders, then 300 for 4: from 50 to 75. On the web 60 for one, then 90 for 3: from 60 to 30."""
    before = [order(10, "placed", "a", amount=60, channel="web"), order(29.9, "placed", "b", amount=40)]
    now = [order(40 + n, "placed", f"c{n}", amount=30, channel="web") for n in range(3)]
    now.append(order(43, "placed", "d", amount=210))
    events = [order(-50, "placed", "z", amount=1), *before, *now, order(60.2, "placed", "y", amount=9999)]
    found = of_own(tmp_path, events, 60.5)
    whole = of(found, "change", "worth_of_an_order", "30d", "previous")
    assert (whole.value, whole.numerator, whole.denominator) == (0.5, 75, 50)
    assert (whole.samples, whole.state) == (2, State.OK)
    web = of(found, "change", "worth_of_an_order", "30d", "previous", "channel", "web")
    assert (web.value, web.numerator, web.denominator) == (-0.5, 30, 60)
    assert (web.samples, web.state) == (1, State.LOW_SAMPLE)
    year = of(found, "change", "worth_of_an_order", "30d", "year")
    assert (year.value, year.state) == (None, State.NO_DATA)


def test_change_of_what_is_composed_of_cohorts_ends_where_they_are_mature(tmp_path: Path) -> None:
    """30 days before today: 3 of 4 leads are lost, and 1 of 2 in the 30 days before; ratios change by a difference."""
    leads = {"a": (5, True), "b": (6, False), "c": (35, True), "d": (36, False), "e": (37, False), "f": (58, False),
             "g": (61, True), "z": (-40, False)}  # fmt: skip
    events = [
        event
        for name, (day, converted) in leads.items()
        for event in (
            happened(day, "lead.created", name, lead_id=name),
            *([happened(day + 2, "lead.converted", name, lead_id=name)] if converted else []),
        )
    ]
    found = of(of_own(tmp_path, events, 90.5), "change", "leads_lost", "30d", "previous")
    assert (found.value, found.numerator, found.denominator) == (0.25, 0.75, 0.5)
    assert (found.samples, found.state) == (2, State.OK)
    assert (found.from_ms, found.to_ms) == (DAY_0_MS + 30 * DAY_MS, DAY_0_MS + 60 * DAY_MS)


def test_revenue_growth_yoy() -> None:
    events = [*orders(-500, 1, 1000), *orders(-10, 1, 1150), *orders(-740, 1, 1)]
    found = made(events, 1)
    assert of(found, "revenue_growth_yoy", "revenue_net", "365d").value == pytest.approx(0.15)


def test_trend_slope() -> None:
    events = [event for day in range(1, 8) for event in orders(day, day)]
    found = of(made(events, 8), "trend_slope", "orders", "7d")
    assert (found.value, found.samples, found.state) == (1, 7, State.OK)
    assert [found.lower, found.upper] == [pytest.approx(1), pytest.approx(1)]
    assert trend([(n, 10) for n in range(7)]).value == pytest.approx(0.1)


def test_trend_interval_and_weights() -> None:
    """A day without answers weighs nothing; six days tell no trend."""
    slope = trend([(1, 1), (0, 0), (3, 1), (2, 1), (5, 1), (4, 1), (7, 1), (6, 1)])
    assert slope.samples == 7
    assert slope.value is not None
    assert slope.lower is not None
    assert slope.upper is not None
    assert slope.lower < slope.value < slope.upper
    assert trend([(1, 1)] * 6).value is None


def test_a_trend_of_durations_is_of_their_means() -> None:
    events = [
        event
        for day in range(1, 8)
        for event in (
            ticket(day, "created", f"t{day}"),
            ticket(day + day / 86_400, "message", f"t{day}", author="agent"),
        )
    ]
    assert of(made(events, 8), "trend_slope", "first_response_time", "7d").value == pytest.approx(1)


def daily_orders(first: int, end: int, many: int = 7) -> list[Imported]:
    return [order(day, "placed", f"o{day}-{n}", f"P{n}", amount=1) for day in range(first, end) for n in range(many)]


def test_forecast_end_of_period() -> None:
    """Ten closed days of November, seven orders a day: November has 30 days."""
    november = 245  # Nov 1
    found = of(
        made(daily_orders(november - 46, november + 10), november + 10.5), "forecast_end_of_period", "orders", "mtd"
    )
    assert (found.value, found.samples, found.state) == (210, 392, State.OK)
    assert (found.lower, found.upper) == (None, None)
    short = made(daily_orders(november - 45, november + 10), november + 10.5)
    assert of(short, "forecast_end_of_period", "orders", "mtd").value is None


def even(days: int, end: int, num: int = 10) -> dict[int, tuple[int, int]]:
    return dict.fromkeys(range(end - days, end), (num, 1))


def test_growth_is_in_a_forecast_once() -> None:
    """220 after 200 in two spans of 28 days: 0.1 more than the weekdays' means of eight weeks."""
    today = period_first("mtd", 739_000) + 10
    pairs = even(56, today, 1000) | dict.fromkeys(range(today - 28, today), (1100, 1))
    value, _ = forecast(Daily(pairs, today - 56), today, "mtd", today - 10)
    days_left = next_first("mtd", today - 10) - today
    assert value.value == pytest.approx(11_000 + 1.1 * 1050 * days_left)


def test_forecast_error() -> None:
    """Two months of which the forecast was 5 % too low and 5 % too high, and the interval that follows."""
    first = period_first("mtd", 739_000)
    last, before = period_first("mtd", first - 1), period_first("mtd", period_first("mtd", first - 1) - 1)
    value, error = forecast(Daily(even(800, first + 5), first - 795), first + 5, "mtd", first)
    assert (error.value, error.samples) == (0, 6)
    assert (value.lower, value.upper) == (value.value, value.value)
    pairs = even(first - before + 60, first + 5)
    pairs[last + 20] = (10 + (first - last) * 10, 1)  # the last month became twice what was foreseen
    _, error = forecast(Daily(pairs, before - 50), first + 5, "mtd", first)
    assert (error.value, error.samples) == (pytest.approx(0.5, abs=0.02), 1)


def test_anomaly_band() -> None:
    """Eight weeks of 16 on this weekday, and then 28."""
    weeks = [event for week in range(8) for event in orders(1 + 7 * week, 16)]
    found = of(made([*weeks, *orders(57, 28)], 58.2), "anomaly_band", "orders", "today")
    assert (found.value, found.lower, found.upper, found.samples, found.state) == (3, 4, 28, 8, State.OK)
    few = of(made([*weeks[: 4 * 16], *orders(29, 28)], 30), "anomaly_band", "orders", "today")
    assert (few.value, few.samples, few.state) == (3, 4, State.IMMATURE)
    fewer = of(made([*weeks[: 3 * 16], *orders(22, 28)], 23), "anomaly_band", "orders", "today")
    assert (fewer.value, fewer.samples, fewer.state) == (None, 3, State.NO_DATA)


SEPTEMBER = 184  # Sep 1


def test_deals_forecast_and_overdue_pipeline() -> None:
    def open_deal(name: str, amount: float, stage: str, close: str) -> Imported:
        data = {"amount": amount, "stage": stage, "expected_close": close, "pipeline": "default", "owner_id": "rep"}
        return deal(SEPTEMBER, "created", name, name, **data)

    found = made([
        deal(SEPTEMBER - 40, "won", "w1", "w1", amount=400, owner_id="rep"),
        deal(SEPTEMBER + 1, "won", "w2", "w2", amount=1000, owner_id="other"),
        open_deal("d1", 500, "negotiation", "2026-09-20"), open_deal("d2", 900, "proposal", "2026-10-02"),
        open_deal("d3", 100, "negotiation", "2026-08-01"), open_deal("d4", 100, "negotiation", "2027-01-01"),
    ], SEPTEMBER + 9)  # fmt: skip
    sums = {window: of(found, "deals_forecast", "deals_won_value", window) for window in ("mtd", "qtd", "ytd")}
    assert {w: r.value for w, r in sums.items()} == {"mtd": 1300, "qtd": 1700, "ytd": 1970}
    assert [r.samples for r in sums.values()] == [2, 3, 4]
    assert of(found, "deals_forecast", "deals_won_value", "mtd", "", "owner", "rep").value == 300
    assert of(found, "deals_forecast", "deals_won_value", "mtd", "", "owner", "other").value == 1000
    late = of(found, "pipeline_overdue_value", "pipeline_weighted_value", "now")
    assert (late.value, late.samples) == (60, 1)


BY_REP = (("", ""), ("owner", "rep"))


def aims(*targets: Target) -> Goals:
    return Goals(targets)


def test_target_attainment_and_met() -> None:
    events = [order(1, "placed", "o", amount=250)]
    goals = aims(Target(kpi="revenue_net", window="mtd", target=1000))
    found = made(events, 30, goals)
    assert of(found, "target_attainment", "revenue_net", "mtd").value == 0.25
    assert of(found, "target_met", "revenue_net", "mtd").value == 0


@pytest.mark.parametrize(("wait_s", "attained", "met"), [(150, 0.8, 0), (100, 1.2, 1)])
def test_of_what_should_be_low_the_target_is_over_the_value(wait_s: float, attained: float, met: float) -> None:
    events = [ticket(1, "created"), ticket(1 + wait_s / 86_400, "message", author="agent")]
    found = made(events, 1.01, aims(Target(kpi="first_response_time", window="1h", target=120)))
    assert of(found, "target_attainment", "first_response_time", "1h").value == pytest.approx(attained, rel=0.01)
    assert of(found, "target_met", "first_response_time", "1h").value == met


def test_target_pace_gap() -> None:
    """A third of June, 250 of 1,000."""
    june = 92
    events = [order(june + 1, "placed", "o", amount=250)]
    goals = aims(Target(kpi="revenue_net", window="mtd", target=1000))
    assert of(made(events, june + 10, goals), "target_pace_gap", "revenue_net", "mtd").value == pytest.approx(
        -83.3333333
    )


def test_at_midnight_of_a_first_day_nothing_of_the_period_is_over() -> None:
    """Nothing is due of April's target, and of what was won in March nothing is April's."""
    april, goals = 31, aims(Target(kpi="revenue_net", window="mtd", target=1000))
    events = [order(20, "placed", "o", amount=250), deal(20, "won", amount=400, owner_id="rep")]
    events.append(deal(20, "created", "d2", "B", amount=100, stage="proposal", pipeline="default", owner_id="rep"))
    found = made(events, april, goals)
    gap = of(found, "target_pace_gap", "revenue_net", "mtd")
    assert (gap.value, gap.numerator, gap.denominator, gap.samples) == (0, 0, 1000, 0)
    assert gap.from_ms == gap.to_ms == DAY_0_MS + april * DAY_MS
    won = {by: of(found, "deals_forecast", "deals_won_value", "mtd", "", by, group) for by, group in BY_REP}
    assert {by: (forecast.value, forecast.samples) for by, forecast in won.items()} == {"": (0, 0), "owner": (0, 0)}
    assert of(found, "target_attainment", "revenue_net", "mtd").value == 0.25
    soon = of(made(events, april + 1, goals), "target_pace_gap", "revenue_net", "mtd")
    assert (soon.value, soon.numerator) == (pytest.approx(-1000 / 30), 0)


def test_the_target_with_the_latest_first_day_is_in_force() -> None:
    """Of the same day the later one; none of the future."""
    from datetime import date  # noqa: PLC0415

    def aim(target: float, day: str) -> Target:
        return Target(kpi="revenue_net", window="mtd", target=target, since=date.fromisoformat(day))

    goals = aims(aim(500, "2026-03-02"), aim(100, "2026-01-01"), aim(200, "2026-03-02"), aim(900, "2026-04-01"))
    found = of(made([order(1, "placed", "o", amount=50)], 10, goals), "target_attainment", "revenue_net", "mtd")
    assert found.denominator == 200


def test_a_kpis_own_target_holds_where_no_other_does() -> None:
    events = [customer(-40 + n, "created", f"c{n}") for n in range(20)] + [customer(1, "churned", "c1")]
    goals = aims(Target(kpi="churn_rate", window="30d", target=0.1))
    found = made(events, 5, goals)
    aimed = {w: of(found, "target_met", "churn_rate", w).denominator for w in ("30d", "90d")}
    assert aimed == {"30d": 0.1, "90d": 0.05}


def test_a_target_of_a_group_is_for_it_alone() -> None:
    goals = aims(Target(kpi="orders", window="mtd", target=4, group={"channel": "web"}))
    found: Made = made(orders(1, 2), 10, goals)
    assert of(found, "target_attainment", "orders", "mtd", "", "channel", "web").value == 0.5
    assert ("target_attainment", "orders", "mtd", "", "", "") not in found


def test_who_has_nothing_yet_is_held_to_the_target_all_the_same() -> None:
    """A representative who never sold has sold 0, and a share of nothing is none."""
    rep = {"owner": "rep9"}
    goals = aims(
        Target(kpi="orders", window="mtd", target=4, group=rep),
        Target(kpi="deals_open", window="now", target=2, group=rep),
        Target(kpi="deal_win_rate", window="30d", target=0.5, group=rep),
    )
    events = [*orders(1, 2), deal(1, "created")]
    found = made(events, 10, goals)
    attained = of(found, "target_attainment", "orders", "mtd", "", "owner", "rep9")
    assert (attained.value, attained.numerator, attained.samples) == (0, 0, 0)
    assert of(found, "target_met", "orders", "mtd", "", "owner", "rep9").value == 0
    due = of(found, "target_pace_gap", "orders", "mtd", "", "owner", "rep9").value
    assert due == pytest.approx(-4 * 10 / 31)
    assert of(found, "target_attainment", "deals_open", "now", "", "owner", "rep9").value == 0
    assert of(found, "target_met", "deal_win_rate", "30d", "", "owner", "rep9").value is None
    values = told(events, 10, goals)
    shown = values["orders", "mtd", "owner", "rep9"]
    assert (shown.value, shown.samples, shown.state) == (0, 0, State.LOW_SAMPLE)
    assert ("orders", "30d", "owner", "rep9") not in values
    assert not [place for place in found if place[0] == "change" and place[-1] == "rep9"]
