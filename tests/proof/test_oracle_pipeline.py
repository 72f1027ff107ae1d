"""Deals while they are open: what runs in them, their stages, and what a close that is taken back leaves."""

import pytest

from tests.proof.oracle_world import DAY, END, World


def deal(world: World, *steps: tuple[float, str, dict[str, object]], name: str = "d") -> World:
    """A step is a time in seconds, a kind of event and its data."""
    for at, kind, data in steps:
        world.add(f"deal.{kind}", at, deal_id=name, **data)
    return world


def open_by(world: World, by: str, kpi: str = "deals_open", at: float = END) -> dict[str, float | None]:
    """The level of now by one dimension."""
    return world.groups(kpi, by, at=at, window="now")


@pytest.mark.parametrize(
    ("kinds", "is_open"),
    [
        (("created",), True),
        (("created", "won"), False),
        (("created", "won", "reopened"), True),
        (("created", "lost", "reopened", "won"), False),
        (("created", "reopened"), True),
        (("created", "created"), True),
        (("won", "created"), False),
        (("won", "created", "reopened"), True),
        (("won", "reopened", "created"), True),
        (("won", "reopened"), None),
        (("created", "won", "deleted"), None),
        (("created", "deleted", "reopened"), None),
        ((), None),
    ],
)
def test_a_deal_is_open_from_its_creation_to_its_effective_close(
    kinds: tuple[str, ...], *, is_open: bool | None
) -> None:
    """Closed before the creation: never; without any deal that was created it is not known. Events lie 10 s apart."""
    world = World()
    for number, kind in enumerate(kinds, start=1):
        world.add(f"deal.{kind}", 10 * number, deal_id="d")
    assert world.whole("deals_open", window="now").value == is_open


def test_amount_and_owner_may_come_from_before_the_creation_stage_and_date_may_not() -> None:
    """If the creation names none."""
    early: dict[str, object] = {"amount": 7}
    world = deal(
        World(),
        (1, "amount_changed", early),
        (2, "owner_changed", {"owner_id": "ann"}),
        (3, "stage_changed", {"stage": "contract", "pipeline": "partner"}),
        (4, "close_date_changed", {"expected_close": "2026-01-01"}),
        (5, "created", {}),
    )
    assert world.whole("pipeline_value", window="now").value == 7
    assert open_by(world, "owner") == {"ann": 1}
    assert open_by(world, "pipeline,stage") == {"default,unknown": 1}
    assert world.fractions("stage_conversion_rate", "stage") == {}
    assert {a.group: a.samples for a in world.answers("pipeline_weighted_value") if a.by == "close"} == {"unknown": 1}


def test_what_runs_is_the_latest_in_order_of_time() -> None:
    """A second creation gives amount and owner, no stage, pipeline or date; a change of stage keeps the pipeline."""
    world = deal(
        World(),
        (30, "stage_changed", {"stage": "negotiation"}),
        (20, "stage_changed", {"stage": "x", "pipeline": "partner"}),
        (10, "created", {"amount": 5, "stage": "discovery", "expected_close": "2026-09-30", "product": "car"}),
        (
            40,
            "created",
            {"amount": 10, "owner_id": "bob", "stage": "contract", "pipeline": "third", "expected_close": "2027-01-01"},
        ),
        (50, "activity", {"owner_id": "not the owner"}),
    )
    assert open_by(world, "pipeline,stage") == {"partner,negotiation": 1}
    assert open_by(world, "owner") == {"bob": 1}
    assert open_by(world, "product") == {"car": 1}
    assert open_by(world, "close", "pipeline_weighted_value") == {"2026-09": 6}
    assert open_by(world, "pipeline,stage", at=30) == {"partner,x": 1}


def test_a_pair_is_both_values_with_a_comma_between() -> None:
    """Commas of their own become semicolons."""
    world = deal(World(), (1, "created", {"pipeline": "a,b", "stage": "c"}))
    assert open_by(world, "pipeline,stage") == {"a;b,c": 1}


def test_a_weighted_value_is_rounded_down_to_micro_units() -> None:
    """Of 0.000009 units at 30 per cent are left 0.000002."""
    world = deal(World(), (1, "created", {"amount": "0.000009", "stage": "proposal"}))
    assert world.whole("pipeline_weighted_value", window="now").numerator == 2


def test_visits_end_with_a_change_of_pipeline_or_stage_and_with_the_close() -> None:
    """The same again is no change; going back is a visit of its own; the owner is the one just before the leaving."""
    world = deal(
        World(),
        (0, "created", {"stage": "discovery", "owner_id": "ann"}),
        (5, "stage_changed", {"stage": "discovery"}),
        (10, "stage_changed", {"stage": "discovery", "pipeline": "partner"}),
        (15, "owner_changed", {"owner_id": "bob"}),
        (30, "stage_changed", {"stage": "discovery", "pipeline": "default"}),
        (70, "lost", {"owner_id": "closer"}),
        (80, "stage_changed", {"stage": "contract"}),
    )
    assert world.whole("stage_duration").total == 70_000
    assert world.groups("stage_duration", "pipeline,stage") == {"default,discovery": 10, "partner,discovery": 20}
    assert world.groups("stage_duration", "owner") == {"ann": 10, "bob": 20}
    assert world.whole("stage_duration", 70, 71).value == 40
    assert world.whole("stage_duration", 80, 81).samples == 0


def test_a_close_that_was_taken_back_ends_no_visit() -> None:
    """The stage goes on; a missing stage is no visit."""
    world = deal(
        World(),
        (0, "created", {}),
        (10, "stage_changed", {"stage": "proposal"}),
        (20, "won", {}),
        (30, "reopened", {}),
        (50, "stage_changed", {"stage": "demo"}),
    )
    answer = world.whole("stage_duration")
    assert (answer.value, answer.samples) == (40, 1)
    assert world.whole("stage_duration", at=30).value == 10


def test_stages_are_reached_and_passed_once_in_their_own_pipeline() -> None:
    """Going back undoes nothing; unlisted stages are nothing; a win passes all of the pipeline that runs."""
    world = deal(
        World(),
        (0, "created", {"stage": "proposal"}),
        (10, "stage_changed", {"stage": "discovery"}),
        (20, "stage_changed", {"stage": "demo"}),
        (30, "stage_changed", {"stage": "proposal"}),
        (40, "stage_changed", {"stage": "discovery", "pipeline": "partner"}),
        (50, "won", {}),
    )
    assert world.fractions("stage_conversion_rate", "pipeline,stage") == {
        "default,discovery": (1, 1),
        "default,proposal": (0, 1),
        **{f"partner,{stage}": (1, 1) for stage in ("discovery", "proposal", "negotiation", "contract")},
    }
    assert world.fraction("stage_conversion_rate", 0, 1) == (1, 2)
    assert world.fraction("stage_conversion_rate", 50, 51) == (3, 3)


def test_a_win_without_any_stage_reaches_and_passes_all() -> None:
    """At once; a loss does not, nor does the win of an unlisted pipeline or before the creation."""
    world = deal(World(), (0, "created", {}), (10, "won", {}))
    deal(world, (0, "created", {}), (10, "lost", {}), name="lost")
    deal(world, (0, "created", {"pipeline": "own"}), (10, "won", {}), name="own")
    deal(world, (10, "created", {"stage": "proposal"}), (0, "won", {}), name="before")
    assert world.fraction("stage_conversion_rate") == (4, 4)


def test_a_stage_is_passed_within_ninety_days() -> None:
    """Exactly 90 are within."""
    for late, passed in ((0, 1), (0.001, 0)):
        leaving = 5 + 90 * DAY + late
        steps = ((5, "created", {"stage": "discovery"}), (leaving, "stage_changed", {"stage": "proposal"}))
        assert deal(World(), *steps).fractions("stage_conversion_rate", "stage")["discovery"] == (passed, 1)


def test_a_deal_is_won_within_ninety_days_of_its_creation() -> None:
    """By the dimensions of the creation; a win before it, a reopened one and a loss are none."""
    world = World()
    days = 90 * DAY
    for name, lag in (("now", 0), ("in", days), ("out", days + 0.001), ("before", -1)):
        deal(world, (10, "created", {"product": name, "owner_id": "ann"}), name=name)
        deal(world, (10 + lag, "won", {"owner_id": "closer"}), name=name)
    deal(world, (10, "created", {"product": "re"}), (11, "won", {}), (12, "reopened", {}), (13, "lost", {}), name="re")
    assert world.fractions("deal_close_rate_cohort", "product") == {
        "now": (1, 1),
        "in": (1, 1),
        "out": (0, 1),
        "before": (0, 1),
        "re": (0, 1),
    }
    assert world.fractions("deal_close_rate_cohort", "owner") == {"ann": (2, 4), "unknown": (0, 1)}


def test_a_deal_is_stalled_for_more_than_fourteen_days_since_its_last_event_of_any_type() -> None:
    """A reopening is one; exactly 14 days are not more."""
    world = deal(World(), (1, "created", {}), (2, "won", {}), (3, "reopened", {}))
    for late, stalled in ((0, 0), (0.001, 1)):
        answer = world.whole("deals_stalled", window="now", at=3 + 14 * DAY + late)
        assert (answer.value, answer.samples) == (stalled, 1)
    assert world.groups("stale_open_ratio", "stage", window="now") == {"unknown": 1}


def test_velocity_has_no_value_without_closes_values_or_cycles() -> None:
    """Each missing factor by itself; a group without open deals has the velocity 0."""
    world = deal(World(), (10, "created", {"product": "car"}))
    assert world.fraction("pipeline_velocity") == (0, 0)
    deal(world, (20, "won", {"amount": 5}), name="no cycle")
    assert world.value("pipeline_velocity") is None
    deal(world, (10, "created", {}), (30, "won", {}), name="no value")
    assert world.fraction("pipeline_velocity") == (1 * 2 * 5_000_000 * 1, 2 * 1 * 20_000)
    assert {a.group: a.value for a in world.answers("pipeline_velocity") if a.by == "product"} == {
        "car": None,
        "unknown": 0,
    }


def test_the_lost_amount_is_the_latest_before_the_close() -> None:
    """Without a creation too; the loss has the closer's owner; a taken back win counts for nothing."""
    world = deal(World(), (1, "amount_changed", {"amount": 4}), (2, "lost", {"owner_id": "ann"}))
    steps = ((1, "created", {"amount": 1}), (2, "won", {"amount": 50}), (3, "reopened", {}), (4, "lost", {}))
    deal(world, *steps, (5, "amount_changed", {"amount": 90}), name="e")
    assert world.fraction("deal_win_rate_value") == (0, 5_000_000)
    assert world.groups("deals_lost", "owner") == {"ann": 1, "unknown": 1}


def test_a_voided_event_never_ran() -> None:
    """A voided change of stage opens and closes no visit; a voided close leaves the deal open."""
    world = deal(World(), (0, "created", {"stage": "discovery", "amount": 3}))
    world.add("deal.stage_changed", 10, event="x", deal_id="d", stage="proposal")
    world.add("deal.won", 20, event="y", deal_id="d")
    world.void("x")
    world.void("y")
    assert open_by(world, "stage", "deals_stalled", at=END) == {"discovery": 1}
    assert world.whole("stage_duration").samples == 0
    assert world.groups("pipeline_value", "pipeline,stage", window="now") == {"default,discovery": 3}


def test_at_one_millisecond_a_change_follows_the_creation_and_the_close_follows_both() -> None:
    """By rank, whatever the names."""
    world = World()
    world.add("deal.won", 5, event="a", deal_id="d")
    world.add("deal.stage_changed", 5, event="b", deal_id="d", stage="proposal")
    world.add("deal.created", 5, event="c", deal_id="d", stage="discovery")
    answer = world.whole("stage_duration")
    assert (answer.samples, answer.total) == (2, 0)
    assert world.fraction("deal_close_rate_cohort") == (1, 1)
