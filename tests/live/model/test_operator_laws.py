"""What operators read of day cells is what is there; their arithmetic is what a plain recomputation gives."""

import random
from collections.abc import Iterable
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_kpis.engine.compiler import compile_catalogue
from stream_kpis.engine.tiles import DAY_MS, Calendar
from stream_kpis.events.envelope import Record
from stream_kpis.events.history import Imported
from stream_kpis.kpis.load import built_in, of_entries
from stream_kpis.live.model.operators.arithmetic import anomaly, projected, trend
from stream_kpis.live.model.operators.days import Daily
from stream_kpis.live.model.operators.spans import AGAINST, WINDOWS, compared, next_first, period_first
from stream_kpis.live.model.read_model import ReadModel
from stream_kpis.live.model.snapshot import Result
from tests.engine.shards import applied, records_of
from tests.engine.worlds import NOW_MS, random_happenings
from tests.live.stories import DAY_0_MS, customer, happened

PLAN = compile_catalogue(built_in())
DAYS = st.integers(719_163 + 400, 719_163 + 25_000)
PAIRS = st.dictionaries(st.integers(0, 90), st.tuples(st.integers(-50, 50), st.integers(0, 9)), max_size=60)
LAW = settings(max_examples=60, derandomize=True, deadline=None, database=None)


@settings(max_examples=4, derandomize=True, deadline=None, database=None)
@given(st.integers(0, 1 << 30))
def test_closed_days_read_as_a_period_does(seed: int) -> None:
    """Each KPI that has operators, of each group, over any days; but for distinct parties, which a period lacks."""
    dice = random.Random(seed)
    model = ReadModel(PLAN, Calendar())
    model.apply(0, applied(PLAN, records_of(random_happenings(dice, 12, 14))).cells.items())
    model.snapshot(NOW_MS)
    today = model._days.today
    first = today - dice.randrange(2, 200)
    end = dice.randrange(first + 1, today)
    carrying = {name for name, kpi in PLAN.catalogue.kpis.items() if {"change", "trend"} & set(kpi.operators)}
    asked = {name for name in carrying if PLAN.catalogue.pasts.keys().isdisjoint(model._sources.measures(name))}
    seen = 0
    for value in model.period(model._days.start_ms(first), model._days.start_ms(end)):
        if value.kpi in asked:
            found = model._operators._closed.of_group(value.kpi, value.by, value.group).value(first, end)
            assert (found.value, found.numerator, found.denominator, found.samples) == (
                value.value,
                value.numerator,
                value.denominator,
                value.samples,
            ), (value.kpi, value.by, value.group)
            seen += found.value is not None
    assert seen


@LAW
@given(PAIRS)
def test_a_trend_is_the_weighted_least_squares(pairs: dict[int, tuple[int, int]]) -> None:
    """By the normal equations, in fractions."""
    course = [pairs.get(day, (0, 0)) for day in range(91)]
    found = trend(course)
    there = [(t, Fraction(num, den), den) for t, (num, den) in enumerate(course) if den]
    assert found.samples == len(there)
    if found.value is None:
        assert len(there) < 7
        return
    weight = sum(w for _, _, w in there)
    mean_t = Fraction(sum(t * w for t, _, w in there), weight)
    mean_y = sum(y * w for _, y, w in there) / weight
    slope = sum(w * (t - mean_t) * (y - mean_y) for t, y, w in there) / sum(w * (t - mean_t) ** 2 for t, _, w in there)
    assert found.value == pytest.approx(float(slope), abs=1e-9)
    assert found.lower is not None
    assert found.lower <= found.value


@LAW
@given(
    st.dictionaries(st.integers(0, 200), st.integers(-9, 99), max_size=150), st.integers(0, 200), st.integers(0, 200)
)
def test_days_add_up(nums: dict[int, int], one: int, other: int) -> None:
    first, end = sorted((one, other))
    daily = Daily({day: (num, 1) for day, num in nums.items()}, 0)
    assert daily.total(first, end) == sum(nums.get(day, 0) for day in range(first, end))


@LAW
@given(DAYS, st.integers(1, 50), st.sampled_from(["mtd", "qtd", "ytd"]))
def test_a_steady_company_is_foreseen_exactly(today: int, num: int, period: str) -> None:
    first = period_first(period, today)
    daily = Daily(dict.fromkeys(range(today - 500, today), (num, 1)), today - 500)
    assert projected(daily, today, first, next_first(period, first)) == num * (next_first(period, first) - first)
    found, _ = anomaly(daily, today, counts=True)
    assert (found.value, found.samples) == (0, 8)
    assert anomaly(daily, today, counts=False)[0].value is None


@LAW
@given(DAYS, st.sampled_from(WINDOWS), st.sampled_from(AGAINST))
def test_what_is_compared_lies_before_and_is_as_long(today: int, window: str, against: str) -> None:
    """Shorter only where the period before ended earlier."""
    spans = compared(window, against, today)
    if spans is None:
        assert period_first(window, today) == today
        return
    assert spans.first < spans.end == today
    assert spans.end_before <= spans.first
    assert 0 < spans.end_before - spans.first_before <= spans.end - spans.first
    if window not in ("mtd", "qtd", "ytd"):
        assert spans.end_before - spans.first_before == spans.end - spans.first


def test_a_closed_day_makes_results_anew() -> None:
    """And a day that goes on does not."""
    model = ReadModel(PLAN, Calendar())
    model.apply(0, applied(PLAN, records_of(random_happenings(random.Random(3), 12, 14))).cells.items())
    first = model._operators.results(NOW_MS)
    again = model._operators.results(NOW_MS + 10_000)
    assert all(one is other for one, other in zip(first, again, strict=True))
    later = model._operators.results(NOW_MS + DAY_MS)
    assert {result.to_ms for result in later}.isdisjoint({result.to_ms for result in first if result.kpi == "orders"})


def test_a_late_first_of_what_is_awaited_makes_results_of_all_groups_anew() -> None:
    """The first acquisition cost is another channel's, and comes late; a live model says what a new one does."""
    own = built_in()
    cac = msgspec.structs.replace(own.kpis["cac"], operators=("change", "trend"))
    plan = compile_catalogue(of_entries(own.measures, {**own.kpis, "cac": cac}, own.places))
    events = [happened(0, "cost.incurred", "x", amount=1, kind="labour", team="sales", channel="web")]
    events += [customer(day, "created", f"c{day}", channel="web") for day in range(20)]
    first = happened(2, "cost.incurred", "y", amount=100, kind="acquisition", channel="shop")
    now_ms = DAY_0_MS + 20 * DAY_MS + 1

    def cells_of(told: list[Imported]) -> Iterable[tuple[bytes, bytes]]:
        records = [Record("crm.costs", 0, n, now_ms, one.party.encode(), one.value) for n, one in enumerate(told)]
        return applied(plan, records, now_ms=now_ms).cells.items()

    def results(model: ReadModel) -> list[Result]:
        return [result for result in model.snapshot(now_ms).results if result.kpi == "cac" and result.group == "web"]

    live, anew = ReadModel(plan, Calendar()), ReadModel(plan, Calendar())
    live.apply(0, cells_of(events))
    assert all(result.value is None for result in results(live))
    live.apply(0, cells_of([*events, first]))
    anew.apply(0, cells_of([*events, first]))
    assert results(live) == results(anew)
    assert any(result.value is not None for result in results(anew))
