"""Deals while they are open: what runs in them, their stages, and what a close that is taken back leaves."""

import pytest

from tests.proof.oracle.world import DAY, END, World


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
    assert world.whole("pipeline_weighted_value").value is None


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


def test_deals_in_listed_stages_are_weighted() -> None:
    """With an amount or without, as long as they are in one; a first one is a first for all."""
    world = deal(World(only=("pipeline_weighted_value",)), (1, "created", {"amount": 9, "owner_id": "ann"}))
    deal(world, (1, "created", {"amount": 9, "stage": "demo"}), name="demo")
    assert world.whole("pipeline_weighted_value", window="now").value is None
    deal(world, (10, "created", {"owner_id": "bob", "stage": "contract"}), (20, "lost", {}), name="no amount")
    deal(world, (10, "stage_changed", {"stage": "proposal"}), (20, "stage_changed", {"stage": "demo"}))
    told = {at: world.whole("pipeline_weighted_value", window="now", at=at) for at in (10, 11, 21)}
    assert [(answer.value, answer.samples) for answer in told.values()] == [(None, 0), (2.7, 2), (0, 0)]
    assert open_by(world, "owner", "pipeline_weighted_value", at=11) == {"ann": 2.7}


def test_stages_are_those_that_are_given() -> None:
    """In their order, with their chances; no others are listed."""
    world = World(stages={"default": {"proposal": 500_000, "demo": 1_000_000}})
    deal(world, (0, "created", {"amount": 8, "stage": "proposal"}), (5, "stage_changed", {"stage": "demo"}))
    deal(world, (0, "created", {"amount": 8, "stage": "discovery"}), (5, "won", {}), name="unlisted")
    weighted = [world.whole("pipeline_weighted_value", window="now", at=at).value for at in (5, 6)]
    assert weighted == [4, 8]
    assert world.fractions("stage_conversion_rate", "stage") == {"proposal": (1, 1), "demo": (0, 1)}


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


@pytest.mark.parametrize(
    ("stages", "fraction"),
    [
        ((), (0, 0)),
        (("default,demo",), (0, 0)),
        (("default,proposal",), (4, 4)),
        (("default,proposal", "default,demo"), (4, 4)),
        (("default,discovery", "partner,demo"), (0, 1)),
        (("partner,contract", "default,demo"), (3, 4)),
        (("default,discovery", "partner,demo", "default,demo"), (4, 4)),
        (("own,proposal",), (0, 0)),
    ],
)
def test_a_win_advances_a_deal_that_was_in_a_listed_stage_of_its_pipeline(
    stages: tuple[str, ...], fraction: tuple[int, int]
) -> None:
    """Whenever before; not one that was in none, and not through another pipeline's."""
    world = deal(World(only=("stage_conversion_rate",)), (0, "created", {}))
    for at, named in enumerate(stages, start=1):
        line, _, stage = named.partition(",")
        deal(world, (at, "stage_changed", {"pipeline": line, "stage": stage}))
    assert deal(world, (10, "won", {})).fraction("stage_conversion_rate") == fraction


def test_a_loss_advances_nothing_nor_does_a_win_before_the_creation() -> None:
    """Stages of before the creation are none either."""
    world = deal(World(), (0, "created", {"stage": "proposal"}), (10, "lost", {}), name="lost")
    deal(world, (10, "created", {"stage": "proposal"}), (0, "won", {}), name="before")
    deal(world, (0, "stage_changed", {"stage": "proposal"}), (1, "created", {}), (2, "won", {}), name="early")
    assert world.fraction("stage_conversion_rate") == (1, 2)


def test_a_stage_is_of_who_owned_the_deal_when_it_was_reached() -> None:
    """Whoever passes it or closes the deal; the source is that of the creation."""
    world = deal(
        World(only=("stage_conversion_rate",)),
        (0, "created", {"stage": "discovery", "owner_id": "ann", "source": "ads"}),
        (5, "owner_changed", {"owner_id": "bob"}),
        (10, "stage_changed", {"stage": "negotiation"}),
        (15, "owner_changed", {"owner_id": "cyd"}),
        (20, "won", {"owner_id": "closer"}),
    )
    assert world.fractions("stage_conversion_rate", "owner") == {"ann": (1, 1), "bob": (2, 2), "cyd": (1, 1)}
    assert world.fractions("stage_conversion_rate", "source") == {"ads": (4, 4)}


def test_a_win_at_the_instant_of_a_change_of_owner_comes_after_it() -> None:
    """By rank: what is reached is the new owner's."""
    world = deal(
        World(only=("stage_conversion_rate",)),
        (5, "won", {}),
        (5, "owner_changed", {"owner_id": "bob"}),
        (0, "created", {"stage": "negotiation", "owner_id": "ann"}),
    )
    assert world.fractions("stage_conversion_rate", "owner") == {"ann": (3, 3), "bob": (1, 1)}


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
