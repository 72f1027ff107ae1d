"""What a catalogue is expected to need, against what an engine and an exposition do need."""

import random
from pathlib import Path

import pytest

from stream_kpis.engine.compiler import Plan, compile_catalogue
from stream_kpis.engine.tiles import DAY_MS, FINE_KEPT_MS, FINE_MS, MID_KEPT_MS, MID_MS
from stream_kpis.journeys.facts import FACTS
from stream_kpis.kpis.load import built_in, load
from stream_kpis.live.prometheus.budget import (
    GROUPS,
    Assumptions,
    cells,
    groups_given,
    groups_met,
    most,
    series,
    tiles_of,
)
from stream_kpis.settings import Settings

YEAR = Assumptions(365, 100, {})


def plan_of(folder: Path, text: str) -> Plan:
    (folder / "own.yaml").write_text(text, encoding="utf-8")
    return compile_catalogue(load([folder / "own.yaml"]))


def test_the_catalogue_that_ships_fits_the_default_budget() -> None:
    defaults = Settings()
    assumed = Assumptions(defaults.budget_days, defaults.budget_facts, {})
    assert 0 < sum(cells(compile_catalogue(built_in()), assumed).values()) <= defaults.budget_cells


def test_with_facts_everywhere_it_is_groupings_by_tiles_by_groups(tmp_path: Path) -> None:
    """Each of 10 s in 2 hours, of 15 min in the rest of 8 days, and of the days before."""
    plan = plan_of(tmp_path, "measures: {orders: {flow: order_placed, by: [channel, 'channel,owner']}}")
    tiles = FINE_KEPT_MS // FINE_MS + (MID_KEPT_MS - FINE_KEPT_MS) // MID_MS + 365 - MID_KEPT_MS // DAY_MS
    assert cells(plan, Assumptions(365, 10**9, {"owner": 7})) == {"orders": tiles * (1 + 10 + 10 * 7)}


@pytest.mark.parametrize(("groups", "facts"), [(1, 5), (2, 1), (10, 3), (10, 40), (50, 50)])
def test_the_groups_met_are_those_of_a_draw(groups: int, facts: int) -> None:
    """On the mean of many."""
    chance = random.Random(5)
    draws = [len({chance.randrange(groups) for _ in range(facts)}) for _ in range(4000)]
    assert groups_met(groups, facts) == pytest.approx(sum(draws) / len(draws), rel=0.02)


def test_a_short_history_has_no_day_tiles() -> None:
    assert [tiles for tiles, _ in tiles_of(1)] == [720, 88, 0]
    assert sum(tiles * span for tiles, span in tiles_of(30)) == 30 * DAY_MS


def test_more_groups_and_days_need_more_and_the_largest_is_named_first() -> None:
    plan = compile_catalogue(built_in())
    few = cells(plan, YEAR)
    assert sum(few.values()) < sum(cells(plan, YEAR._replace(groups={"owner": 200})).values())
    assert sum(few.values()) < sum(cells(plan, YEAR._replace(days=366)).values())
    assert [number for _, number in most(few)] == sorted(few.values(), reverse=True)[:5]


def test_series_are_those_of_windows_groups_and_parts(tmp_path: Path) -> None:
    """Two windows; a quotient has value, samples and two parts for the total and 3 groups; and 5 states per total."""
    plan = plan_of(
        tmp_path,
        "measures: {m: {flow: order_placed, by: [channel]}}\n"
        "kpis: {k: {title: K, formula: sum(m) / count(m), unit: currency, windows: [7d, all], by: [channel]}}",
    )
    assert series(plan, YEAR._replace(groups={"channel": 3})) == 2 * (4 * (1 + 3) + 5)
    assert series(plan, YEAR._replace(groups={"channel": 400})) == 2 * (4 * (1 + 50) + 5)  # the cap on groups


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("owner", "is not a dimension and its groups"),
        ("owner=0", "is not a dimension"),
        ("ownr=5", "did you mean owner"),
    ],
)
def test_a_mistyped_dimension_is_named(text: str, message: str) -> None:
    plan = compile_catalogue(built_in())
    assert groups_given(("owner=50",), plan) == {"owner": 50}
    with pytest.raises(ValueError, match=message):
        groups_given((text,), plan)


def test_as_many_groups_as_facts_declare_words() -> None:
    """Of the fact that has most; where they may be missing, ``unknown`` too."""
    for fact in FACTS.values():
        for dimension, words in fact.words.items():
            assert len(words) <= YEAR.groups_of(dimension) <= GROUPS
    assert [YEAR.groups_of(by) for by in ("kind", "decision_makers", "voluntary", "earlier")] == [5, 7, 3, 3]
