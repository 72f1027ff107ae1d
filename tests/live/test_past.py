"""Values as of the past from the parties of several partitions are those of the events, and compare with each other."""

import random
from collections.abc import Collection, Sequence
from datetime import date

import pytest

from stream_kpis.engine.batch import Batch
from stream_kpis.engine.compiler import compile_catalogue
from stream_kpis.engine.partition import partition_of
from stream_kpis.engine.shard import Shard
from stream_kpis.engine.tiles import DAY_MS, Calendar, iso
from stream_kpis.events.envelope import Reader, Record
from stream_kpis.events.history import Imported
from stream_kpis.kpis.load import built_in
from stream_kpis.live.asks import Ask, asks_of
from stream_kpis.live.evaluate import Answer, evaluate
from stream_kpis.live.model.operators.spans import AGAINST, compared, compared_days
from stream_kpis.live.model.snapshot import Result, State
from stream_kpis.live.past import PastValues, before, changes, until_now
from tests.engine.worlds import NOW_MS, random_happenings, topic_of, value_of
from tests.live.stories import DAY_0_MS, happened
from tests.live.test_evaluate import order

PLAN = compile_catalogue(built_in())
UTC = Calendar()
PARTITIONS = 3
DAYS_TO_2026 = (date(2026, 1, 1) - date(1970, 1, 1)).days - DAY_0_MS / DAY_MS
"""From the day 0 of the stories."""


def company(number: int) -> list[Imported]:
    """Events of many parties, in any order."""
    found = random_happenings(random.Random(number), 25, 20)
    return [Imported(one.kind, one.party, one.time_ms, topic_of(one), value_of(one)) for one in found]


def told(
    events: Sequence[Imported], asks: Collection[Ask], kpis: Collection[str] = (), now_ms: int = NOW_MS
) -> list[Answer]:
    """What the parties of a deployment of three partitions answer, which got the events now and sealed some."""
    values = PastValues(PLAN, UTC, asks, kpis)
    for partition in range(PARTITIONS):
        shard, past = Shard(PLAN, partition, PARTITIONS, Reader(), UTC), values.partition()
        for event in events:
            key = event.party.encode()
            if partition_of(key, PARTITIONS) == partition:
                offset = shard.next.get(event.topic, 0)
                record = Record(event.topic, partition, offset, now_ms, key, event.value)
                shard.apply(batch_of(record))
        for at_ms in (now_ms, now_ms + 40 * DAY_MS):
            for _ in range(20):  # the sweep takes turns
                for name, value in shard.take(at_ms).parties:
                    past.take(name, value)
        values.add(partition, past)
    return list(values.answers())


def batch_of(record: Record) -> Batch:
    return Batch(record.topic, record.partition, record.offset, record.offset + 1, [record])


ASKS = {
    "instants": asks_of(UTC, [iso(NOW_MS - age_ms) for age_ms in (400 * DAY_MS, 60 * DAY_MS, 9 * DAY_MS, DAY_MS, 0)]),
    "periods": asks_of(
        UTC, periods=["2025", "2026-10", "2026Q3", "2026-11-27"], since="2026-09-20", until="2026-11-02"
    ),
}


@pytest.mark.parametrize("form", ASKS)
@pytest.mark.parametrize("number", range(2))
def test_it_is_what_the_events_alone_say(form: str, number: int) -> None:
    """All values, and what operators make of them, at several instants or over several periods from one reading."""
    events, asks = company(number), ASKS[form]
    expected = evaluate(PLAN, UTC, Reader(), events, asks)
    assert not expected.dead_letters
    found = told(events, asks)
    assert [answer.ask for answer in found] == asks
    assert sum(value.samples > 0 for answer in found for value in answer.values) > 500
    assert found == list(expected.answers)


@pytest.mark.parametrize(
    "kpi",
    ["deals_won", "lead_conversion_rate", "churn_rate", "clv_historic", "first_response_time_live", "upsell_rate"],
)
def test_some_kpis_alone_are_as_among_all(kpi: str) -> None:
    """Though only their journeys are followed."""
    events = company(1)
    for asks in (ASKS["instants"][-2:], ASKS["periods"][-2:]):
        whole, alone = told(events, asks), told(events, asks, [kpi])
        for one, other in zip(whole, alone, strict=True):
            wanted = [value for value in one.values if value.kpi == kpi]
            assert wanted
            assert [value for value in other.values if value.kpi == kpi] == wanted


def test_archives_that_are_gone_are_an_error_of_one_line() -> None:
    values = PastValues(PLAN, UTC, asks_of(UTC, ["2026-03-01"]))
    past = values.partition()
    past.unknown_before_ms = NOW_MS
    values.add(0, past)
    with pytest.raises(
        ValueError, match=r"^as of 2026-03-01T00:00:00Z not all is known, .* from 2026-11-30T00:53:30Z on"
    ):
        list(values.answers())


def test_a_period_that_goes_on_ends_now() -> None:
    now_ms = asks_of(UTC, ["2026-03-20T09:30:01Z"])[0].to_ms - 5_000
    (march,) = until_now(asks_of(UTC, periods=["2026-03"]), now_ms)
    assert iso(march.to_ms) == "2026-03-20T09:30:10Z"
    assert march.name == "2026-03"
    for texts, name in ((["2026-03-20T09:30:11Z"], "2026-03-20T09:30:20Z"), ([], "2026-04")):
        with pytest.raises(ValueError, match=f"{name} has not come: it is 2026-03-20T09:30:05Z"):
            until_now(asks_of(UTC, texts, [] if texts else ["2026-04"]), now_ms)


@pytest.mark.parametrize(
    ("period", "against", "expected"),
    [
        ("2026-03", "previous", ("2026-03-01", "2026-04-01", "2026-02-01", "2026-03-01")),
        ("2026-02", "previous", ("2026-02-01", "2026-03-01", "2026-01-01", "2026-01-29")),
        ("2026-03", "year", ("2026-03-01", "2026-04-01", "2025-03-01", "2025-04-01")),
        ("2026Q2", "previous", ("2026-04-01", "2026-07-01", "2026-01-01", "2026-04-01")),
        ("2025", "previous", ("2025-01-01", "2026-01-01", "2024-01-01", "2024-12-31")),
        ("2025", "year", ("2025-01-01", "2026-01-01", "2024-01-01", "2024-12-31")),
        ("2026-03-02", "previous", ("2026-03-02", "2026-03-03", "2026-03-01", "2026-03-02")),
        ("2026-03-02", "year", ("2026-03-02", "2026-03-03", "2025-03-03", "2025-03-04")),
        ("2026-03-02/2026-03-12", "previous", ("2026-03-02", "2026-03-12", "2026-02-20", "2026-03-02")),
        ("2026-03-02/2026-03-12", "year", ("2026-03-02", "2026-03-12", "2025-03-03", "2025-03-13")),
        ("2025-03-02/2026-03-02", "year", ("2025-03-02", "2026-03-02", "2024-03-02", "2025-03-02")),
        ("2026-12", "previous", ("2026-12-01", "2026-12-11", "2026-11-01", "2026-11-11")),
        ("2026-12", "year", ("2026-12-01", "2026-12-11", "2025-12-01", "2025-12-11")),
    ],
)
def test_a_period_is_compared_with_as_many_days(period: str, against: str, expected: tuple[str, ...]) -> None:
    """Of the period before, or of the year before; of one that goes on only the days that are closed."""
    since, _, until = period.partition("/")
    (ask,) = asks_of(UTC, since=since, until=until) if until else asks_of(UTC, periods=[period])
    now, was = before(ask, against, UTC, asks_of(UTC, ["2026-12-11T09:00:00Z"])[0].to_ms)
    edges = (now.from_ms or 0, now.to_ms, was.from_ms or 0, was.to_ms)
    assert tuple(UTC.day_of(edge).isoformat() for edge in edges) == expected
    assert all(UTC.day_start(edge) == edge for edge in edges)
    assert now.name == ask.name


def test_of_a_period_that_began_today_nothing_is_compared() -> None:
    (ask,) = asks_of(UTC, periods=["2026-12"])
    with pytest.raises(ValueError, match="no day of 2026-12 is closed"):
        before(ask, "previous", UTC, ask.from_ms + 5 * 3_600_000)


def test_days_are_compared_as_windows_are() -> None:
    """Of a quarter so far as qtd has it."""
    today, first, end = (date(2026, month, day).toordinal() for month, day in ((5, 12), (4, 1), (7, 1)))
    for against in AGAINST:
        assert compared_days(first, today, end, against) == compared("qtd", against, today)[2:]
        week = compared("7d", against, today)
        assert compared_days(*week[:2], today, against) == week[2:]


def compared_over(period: str, events: Sequence[Imported]) -> dict[str, Result]:
    """The changes of KPIs of all, against as many days before."""
    (ask,) = asks_of(UTC, periods=[period])
    was, now = told(events, before(ask, "previous", UTC, NOW_MS))
    found = changes(now, was, "previous", PLAN.catalogue.kpis)
    return {result.kpi: result for result in found if not result.by}


def test_both_are_as_known_at_their_own_ends() -> None:
    """What came of February in March changes nothing of it."""
    events = [
        *(order(f"2026-02-{day:02}", 10, f"p{day % 4}", f"f{day}") for day in range(1, 21)),
        *(order(f"2026-03-{day:02}", 10, f"p{day % 5}", f"m{day}") for day in range(1, 31)),
    ]
    found = compared_over("2026-03", events)["orders"]
    assert (found.value, found.numerator, found.denominator, found.samples) == (0.5, 30, 20, 20)
    assert (found.window, found.against, found.operator) == ("2026-03", "previous", "change")
    frequency = compared_over("2026-03", events)["purchase_frequency"]
    assert (frequency.numerator, frequency.denominator) == (6, 5)


def daily(first: float, type_: str, count: int, **data: object) -> list[Imported]:
    """One event a day of parties of their own, from a day of 2026 on."""
    own = [{name: f"{text}{n}" if name.endswith("_id") else text for name, text in data.items()} for n in range(count)]
    return [happened(DAYS_TO_2026 + first + n, type_, f"{type_}{n}", **said) for n, said in enumerate(own)]


@pytest.mark.parametrize(
    ("period", "first", "state"),
    [
        ("2026-03", 31.99, State.OK),
        ("2026-03", 32, State.IMMATURE),
        ("2026-11-28", 330.4, State.OK),
        ("2026-11-28", 331, State.NO_DATA),
    ],
)
def test_a_change_that_looks_further_back_than_history_is_immature(period: str, first: float, state: State) -> None:
    """The value stays. History begins with a whole day, however late on it and however lately."""
    events = [event for n in range(30) for event in daily(first, "order.placed", 60, order_id=f"{n}-", amount="1")]
    found = compared_over(period, events)["orders"]
    assert (found.state, found.value is None) == (state, state is State.NO_DATA)


def test_a_level_looks_back_to_where_it_is_read() -> None:
    """In the days before they were opened, deals have none."""
    events = daily(40, "deal.created", 60, deal_id="d")
    assert compared_over("2026-03", events)["deals_open"].value is not None
    assert compared_over("2026-03", events)["deals_open"].state is State.LOW_SAMPLE
    assert compared_over("2026-02", events)["deals_open"].state is State.NO_DATA


@pytest.mark.parametrize(("first", "state"), [(-60.5, State.LOW_SAMPLE), (-50, State.IMMATURE)])
def test_what_reads_a_window_of_before_looks_further_back(first: float, state: State) -> None:
    """The costs of a new customer are those of 60 days ago."""
    costs = daily(first, "cost.incurred", 200, amount="9", kind="acquisition")
    events = [*costs, *daily(first, "customer.created", 200)]
    assert compared_over("2026-02", events)["cac_lagged"].state is state
    assert compared_over("2026-02", events)["new_customers"].state is State.LOW_SAMPLE


def test_a_ratio_changes_by_a_difference_and_nothing_by_nothing() -> None:
    found = compared_over("2026-03", [order("2026-03-02", 10, number="a")])
    assert found["orders"][8:13] == (None, 1, 0, 0, State.NO_DATA)
    assert found["deals_won"].state is State.NO_DATA
