"""What alerts would have cost: a desk whose answers were slow for one week, replayed from its parties."""

import random
from pathlib import Path

import pytest

from stream_kpis.engine.shard import Shard
from stream_kpis.engine.tiles import DAY_MS, Calendar
from stream_kpis.events.envelope import Reader, Record
from stream_kpis.events.history import Imported
from stream_kpis.kpis.goals import Target
from stream_kpis.live.asks import Ask
from stream_kpis.live.evaluate import evaluate
from stream_kpis.live.model.narrowing import Wanted, narrowed
from stream_kpis.monitoring.alerts import BUILT_IN, Rule, Whole, of_kpis, of_targets, read_alerts
from stream_kpis.monitoring.costs import Replay, check_proposed, instants
from stream_kpis.monitoring.watching import name_of, wanted
from tests.engine.worlds import NOW_MS, random_happenings, topic_of, value_of
from tests.live.stories import DAY_0_MS, PLAN, ticket
from tests.live.test_past import batch_of

UTC = Calendar()
DAYS, A_DAY = 28, 40
SLOW = range(14, 21)
"""The days on which answers took 40 minutes instead of 2."""
HOUR_MS = 3_600_000
OWN = """
alerts:
  SlowDays: {kpi: first_response_time, window: 24h, when: beyond, than: 600, for: 1h, severity: page}
"""


def desk() -> list[Imported]:
    """Four weeks of tickets, all answered."""
    events = []
    for number in range(DAYS * A_DAY):
        day, name, who = number / A_DAY, f"t{number}", f"p{number % 19}"
        wait_min = 40 if int(day) in SLOW else 2
        events.append(ticket(day, "created", name, who))
        events.append(ticket(day + wait_min / 1440, "message", name, who, author="agent"))
    return events


def parties_of(events: list[Imported]) -> list[tuple[bytes, bytes | None]]:
    """What a shard that got all events writes down."""
    shard = Shard(PLAN, 0, 1, Reader(), UTC)
    for event in events:
        offset = shard.next.get(event.topic, 0)
        record = Record(event.topic, 0, offset, event.time_ms, event.party.encode(), event.value)
        shard.apply(batch_of(record))
    return shard.take(max(event.time_ms for event in events)).parties


def rules_of(tmp_path: Path, text: str = OWN) -> list[Rule]:
    own = tmp_path / "own.yaml"
    own.write_text(text)
    alerts = read_alerts([own])
    return list(of_kpis(alerts, Whole(PLAN.catalogue.kpis), alerts))


def replayed(rules: list[Rule], events: list[Imported], since: int = DAYS + 10, step_ms: int = HOUR_MS) -> Replay:
    end_ms = max(event.time_ms for event in events)
    steps = instants(end_ms - since * DAY_MS, end_ms, step_ms)
    replay = Replay(PLAN, UTC, rules, steps, 5 * 60_000)
    for key, value in parties_of(events):
        replay.past.take(key, value)
    assert list(replay.steps()) == list(range(1, len(steps) + 1))
    return replay


def costs(replay: Replay, **proposed: float) -> list[tuple[float, bool, int]]:
    return [(cost.than, cost.proposed, cost.pages) for cost in replay.costs(proposed)]


@pytest.fixture(scope="module")
def slow_week(tmp_path_factory: pytest.TempPathFactory) -> Replay:
    return replayed(rules_of(tmp_path_factory.mktemp("rules")), desk())


def test_the_slow_week_pages_and_nothing_else(slow_week: Replay) -> None:
    """Once more than half of a day's answers are slow, until so many are quick again."""
    (firing,) = slow_week.watches[0].firings(600)
    assert SLOW[0] < (firing.from_ms - DAY_0_MS) / DAY_MS < SLOW[0] + 1
    assert SLOW[-1] + 1 < (firing.to_ms - DAY_0_MS) / DAY_MS < SLOW[-1] + 2
    today, *_ = slow_week.costs({"SlowDays": 3600})
    assert (today.than, today.proposed, today.pages) == (600, False, 1)
    assert today.median_ms == firing.to_ms - firing.from_ms
    hour = (firing.from_ms - DAY_0_MS) % DAY_MS // HOUR_MS
    assert today.at_night == int(hour >= 22 or hour < 6)


def test_a_higher_threshold_takes_the_page_away(slow_week: Replay) -> None:
    assert costs(slow_week, SlowDays=3600) == [(600, False, 1), (3600, True, 0)]
    assert costs(slow_week, SlowDays=2000) == [(600, False, 1), (2000, True, 1)]


def test_weeks_count_from_the_first_event_on(slow_week: Replay) -> None:
    """Days without history would make every alert look cheap."""
    assert slow_week.weeks == pytest.approx(4, abs=0.02)


def test_what_pages_once_a_week_at_most_needs_no_other_threshold(slow_week: Replay) -> None:
    assert costs(slow_week) == [(600, False, 1)]


def test_of_what_pages_more_often_the_nearest_that_does_not_is_shown(tmp_path: Path) -> None:
    """Four slow hours on each of five days: answers take 17 minutes, which is beyond 1,000 s."""
    events = []
    for number in range(5 * 240):
        day, name, who = number / 240, f"t{number}", f"p{number % 7}"
        wait_min = 17 if number % 240 in range(40) else 1
        events += [
            ticket(day, "created", name, who),
            ticket(day + wait_min / 1440, "message", name, who, author="agent"),
        ]
    text = OWN.replace("24h", "1h").replace("for: 1h", "for: 30m")
    text += "  SlowAlso: {kpi: first_response_time, window: 1h, when: beyond, than: 2000, for: 30m}\n"
    rules = [
        rule._replace(condition=rule.condition._replace(enough=False))
        for rule in rules_of(tmp_path, text)
        if rule.condition
    ]
    found = costs(replayed(rules, events, 6, 30 * 60_000))
    assert found[0] == (600, False, 5)
    assert found[1] == (1100, True, 0)
    assert found[2:] == [(2000, False, 0)]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("SlowDay", "there is no alert 'SlowDay' on a KPI .did you mean SlowDays"),
        ("GoalBehindPace orders mtd", "GoalBehindPace orders mtd follows the pace of its target: change the target in"),
    ],
)
def test_a_threshold_that_cannot_be_tried_is_refused(tmp_path: Path, name: str, said: str) -> None:
    target = Target(kpi="orders", window="mtd", target=100)
    rules = [*rules_of(tmp_path), *of_targets([target], Whole(PLAN.catalogue.kpis))]
    assert name_of(rules[-1]) == "GoalBehindPace orders mtd"
    with pytest.raises(ValueError, match=f"^{said}"):
        check_proposed([name], rules)


@pytest.mark.parametrize(
    ("span_ms", "step_ms"), [(DAY_MS, 15_000), (DAY_MS, 0), (60_000, 60_000 * 5), (10**12, 10_000)]
)
def test_steps_that_make_no_sense_are_refused(span_ms: int, step_ms: int) -> None:
    with pytest.raises(ValueError, match="--step"):
        instants(10**12 - span_ms, 10**12, step_ms)


def test_archives_that_are_gone_are_an_error_of_one_line(tmp_path: Path) -> None:
    replay = Replay(PLAN, UTC, rules_of(tmp_path), instants(0, DAY_MS, HOUR_MS), 0)
    replay.past.unknown_before_ms = 10 * HOUR_MS
    with pytest.raises(ValueError, match=r"^from 1970-01-01T00:00:00Z on not all .* than 1970-01-01T10:00:10Z$"):
        list(replay.steps())


def test_a_plan_of_what_alerts_look_at_says_what_the_whole_one_does() -> None:
    """Values, states, changes and trends of all built-in alerts, and of groups, of a random company."""
    found = random_happenings(random.Random(7), 25, 20)
    events = [Imported(one.kind, one.party, one.time_ms, topic_of(one), value_of(one)) for one in found]
    rules = of_kpis(read_alerts([BUILT_IN]), Whole(PLAN.catalogue.kpis))
    some = [*wanted(rule.condition for rule in rules if rule.condition is not None)]
    some += [
        Wanted("orders", "7d", "channel", "change"),
        Wanted("clv_historic", "all"),
        Wanted("quota_attainment", "mtd", "owner"),
    ]
    some = [
        one for one in some if one.kpi in PLAN.catalogue.kpis and one.window in PLAN.catalogue.kpis[one.kpi].windows
    ]
    small = narrowed(PLAN, UTC, some)
    assert len(small.groupings) < len(PLAN.groupings) / 4
    asks = [Ask(NOW_MS - age_ms, None, str(age_ms)) for age_ms in (60 * DAY_MS, 9 * DAY_MS, 0)]
    whole, alone = (evaluate(plan, UTC, Reader(), events, asks).answers for plan in (PLAN, small))
    compared = 0
    for one, other in zip(whole, alone, strict=True):
        expected = {(value.kpi, value.window, value.by, value.group): value for value in one.values}
        results = {r[:6]: r for r in one.results}
        assert {(value.kpi, value.window, value.by) for value in other.values} >= {
            one[:3] for one in some if not one.by
        }
        for value in other.values:
            assert value == expected[value.kpi, value.window, value.by, value.group]
            compared += value.samples > 0
        for result in other.results:
            if result.operator in ("change", "trend_slope"):
                assert result == results[result[:6]]
                compared += 1
    assert compared > 50
    assert {r.operator for r in alone[-1].results} >= {"change", "trend_slope"}
