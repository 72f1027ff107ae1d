"""Laws of the shard, for every journey: what counts is which events happened, and nothing else."""

import random
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from stream_kpis.engine.compiler import compile_catalogue
from stream_kpis.events.envelope import Reason, Record
from stream_kpis.events.types import KIND_OF_NAME
from stream_kpis.journeys import JOURNEYS
from tests.engine.shards import (
    CALENDARS,
    TOPIC,
    Log,
    applied,
    batch,
    catalogue_of,
    in_batches,
    measures_of,
    new_shard,
    numbered,
    plan_of,
    records_of,
)  # fmt: skip
from tests.engine.worlds import NOW_MS, Happening, happenings, random_happenings, value_of, void_of

pytestmark = pytest.mark.slow

law = settings(max_examples=25, derandomize=True, deadline=None, database=None, phases=[Phase.generate, Phase.shrink])
each_journey = pytest.mark.parametrize("journey", sorted(JOURNEYS))


def type_of(event: Happening) -> type:
    """Its struct."""
    return KIND_OF_NAME[event.kind].data


@pytest.fixture(params=["few", "many", "forgotten"])
def _scopes_of_any_size(request: pytest.FixtureRequest) -> Iterator[None]:
    """Scopes of many events find them by another way; here two are many. Forgotten ones are bytes after each flush.

    So are the cells that did not change in it.
    """
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "many":
            patch.setattr("stream_kpis.engine.scopes._MANY", 1)
        if request.param == "forgotten":
            patch.setattr("stream_kpis.engine.parties.DECODED_MAX", 0)
            patch.setattr("stream_kpis.engine.cells._OPEN_MAX", -1)
            patch.setattr("stream_kpis.engine.cells._TAKES", 1)
        yield


def cut(records: list[Record], dice: random.Random) -> list[list[Record]]:
    """The records in batches of any size."""
    batches, at = [], 0
    while at < len(records):
        size = dice.randrange(1, 5)
        batches.append(records[at : at + size])
        at += size
    return batches


def voids_of(events: list[Happening]) -> list[Record]:
    """What takes the events back."""
    return [Record(TOPIC, 0, 0, NOW_MS, e.party.encode(), void_of(e, f"void {e.id}")) for e in events]


@each_journey
@law
@given(st.data(), st.randoms(use_true_random=False))
def test_any_order_and_any_batches_give_the_same_state(journey: str, data: Any, dice: random.Random) -> None:
    """Cells and scopes, byte for byte."""
    events = data.draw(happenings(journey))
    once = applied(plan_of(journey), records_of(events))
    dice.shuffle(events)
    again = in_batches(plan_of(journey), cut(records_of(events), dice))
    assert once.contents == again.contents
    assert once.scopes == again.scopes


@pytest.mark.usefixtures("_scopes_of_any_size")
@each_journey
@law
@given(st.data(), st.randoms(use_true_random=False))
def test_duplicates_change_nothing(journey: str, data: Any, dice: random.Random) -> None:
    """Wherever they come."""
    events = data.draw(happenings(journey))
    once = applied(plan_of(journey), records_of(events))
    twice = events + [event for event in events if dice.random() < 0.5]
    again = in_batches(plan_of(journey), cut(records_of(sorted(twice, key=lambda _: dice.random())), dice))
    assert once.contents == again.contents
    assert once.scopes == again.scopes
    assert not [letter for letter in again.dead_letters if letter.reason == Reason.ID_CONFLICT]


@pytest.mark.usefixtures("_scopes_of_any_size")
@each_journey
@law
@given(st.data(), st.randoms(use_true_random=False))
def test_a_voided_event_never_was(journey: str, data: Any, dice: random.Random) -> None:
    """Whether its void comes before or after it, in one batch or many."""
    events = data.draw(happenings(journey))
    voided = [event for event in events if dice.random() < 0.4]
    without = applied(plan_of(journey), records_of([event for event in events if event not in voided]))
    records = [*records_of(events), *voids_of(voided)]
    dice.shuffle(records)
    again = in_batches(plan_of(journey), cut(numbered(records), dice))
    assert without.contents == again.contents


@pytest.mark.usefixtures("_scopes_of_any_size")
@each_journey
@law
@given(st.data(), st.randoms(use_true_random=False))
def test_of_two_events_of_one_name_the_first_to_come_counts(journey: str, data: Any, dice: random.Random) -> None:
    """The other is a dead letter, in whatever batch it comes."""
    events = data.draw(happenings(journey))
    once = applied(plan_of(journey), records_of(events))
    known = {letter.offset for letter in once.dead_letters}
    records = records_of(events)
    twins = [
        record._replace(value=value_of(event).replace(b'"data":', b'"more":1,"data":'))
        for event, record in zip(events, records, strict=True)
        if record.offset not in known
    ]
    again = in_batches(plan_of(journey), cut(numbered([*records, *twins]), dice))
    assert once.contents == again.contents
    assert once.scopes == again.scopes
    conflicts = [letter for letter in again.dead_letters if letter.reason == Reason.ID_CONFLICT]
    taken = [e for e in events if type_of(e) in plan_of(journey).routes]
    assert len(conflicts) == len([e for e in taken if int(e.id) not in known])


@pytest.mark.usefixtures("_scopes_of_any_size")
@each_journey
@law
@given(st.data(), st.randoms(use_true_random=False))
def test_a_sealed_past_and_the_rest_make_the_whole(journey: str, data: Any, dice: random.Random) -> None:
    """Events in order of time, recorded at once, sealed after a day."""
    events = sorted(data.draw(happenings(journey)), key=lambda event: event.time_ms)
    records = [r._replace(timestamp=e.time_ms) for e, r in zip(events, records_of(events), strict=True)]
    records = numbered(sorted(records, key=order_of(events)))
    whole = applied(plan_of(journey), records)
    log, shard = Log(), new_shard(plan_of(journey), disorder_days=1)
    for some in cut(records, dice):
        shard.apply(batch(some))
        log.append(shard.take(some[-1].timestamp))
        if dice.random() < 0.5:
            shard = log.recovered(plan_of(journey), disorder_days=1)
    log.append(shard.take(NOW_MS))
    assert whole.contents == log.contents
    assert not [letter for letter in log.dead_letters if letter.reason == Reason.SEALED]


def order_of(events: list[Happening]) -> Any:
    """The engine's order of the records of some events."""
    ranks = {value_of(event): (event.time_ms, KIND_OF_NAME[event.kind].rank, event.id) for event in events}
    return lambda record: ranks[record.value]


@pytest.mark.usefixtures("_scopes_of_any_size")
@each_journey
@law
@given(st.data(), st.randoms(use_true_random=False))
def test_a_shard_recovered_at_any_moment_never_stopped(journey: str, data: Any, dice: random.Random) -> None:
    """From the compacted changelogs, from the header's positions on; what was not flushed is applied again."""
    events = data.draw(happenings(journey))
    records = [*records_of(events), *voids_of([event for event in events if dice.random() < 0.3])]
    dice.shuffle(records)
    records = numbered(records)
    whole = applied(plan_of(journey), records)
    log, shard = Log(), new_shard(plan_of(journey))
    at = 0
    while at < len(records):
        some = records[at : at + dice.randrange(1, 5)]
        shard.apply(batch(some))
        if dice.random() < 0.6:
            log.append(shard.take(NOW_MS - dice.randrange(10**9)))
        if dice.random() < 0.5:
            shard = log.recovered(plan_of(journey))
        at = shard.next.get(TOPIC, 0)
    log.append(shard.take(NOW_MS))
    assert whole.contents == log.contents
    assert whole.scopes == log.scopes
    assert whole.header is not None
    assert log.header is not None
    assert whole.header.next == log.header.next
    assert whole.header.counters.get("events") == log.header.counters.get("events")


@pytest.mark.usefixtures("_scopes_of_any_size")
@each_journey
@law
@given(st.data(), st.randoms(use_true_random=False))
def test_an_event_that_a_journey_fails_on_never_was(journey: str, data: Any, dice: random.Random) -> None:
    """One dead letter says so, and all others count, those of the same batch and entity included."""
    events = data.draw(
        happenings(journey).filter(lambda found: any(type_of(e) in JOURNEYS[journey].takes for e in found))
    )
    culprit = dice.choice([event for event in events if type_of(event) in JOURNEYS[journey].takes])
    step = JOURNEYS[journey].step

    def failing(state: Any, event: Any) -> None:
        step(state, event)  # so that the state is spoilt before the failure
        if event.id == culprit.id:
            raise RuntimeError("a mistake in the journey")

    without = applied(plan_of(journey), records_of([event for event in events if event is not culprit]))
    dice.shuffle(events)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(JOURNEYS, journey, JOURNEYS[journey]._replace(step=failing))
        plan = compile_catalogue(catalogue_of(**measures_of(journey)), CALENDARS)
        log = in_batches(plan, cut(records_of(events), dice))
    assert without.contents == log.contents
    assert [value_of(culprit)] == [x.value for x in log.dead_letters if x.reason == Reason.INTERNAL_ERROR]


@each_journey
@law
@given(st.data(), st.lists(st.integers(0, 600 * 86_400_000), max_size=6))
def test_rolling_up_moves_cells_and_nothing_else(journey: str, data: Any, ages_ms: list[int]) -> None:
    """A day's cells hold the same sums, however often and whenever they were rolled up."""
    records = records_of(data.draw(happenings(journey)))
    whole = applied(plan_of(journey), records)
    log, shard = Log(), new_shard(plan_of(journey))
    for some in [[record] for record in records]:
        shard.apply(batch(some))
        log.append(shard.take(NOW_MS - ages_ms.pop() if ages_ms else 0))
    log.append(shard.take(NOW_MS))
    assert whole.contents == log.contents


@each_journey
@law
@given(st.data())
def test_a_filter_leaves_out_all_that_it_does_not_name(journey: str, data: Any) -> None:
    """By the dimension that it is about, the same cells of the groups that it names, and no others."""
    plan = plan_of(journey)
    found = applied(plan, records_of(data.draw(happenings(journey)))).contents
    cells = {(name, by, tile): cell for key, cell in found.items() for name, _, by, tile in [key.split("\x1f")]}
    for name, measure in plan.catalogue.measures.items():
        for dim, words in measure.where.items():
            whole = {key: cell for key, cell in cells.items() if key[:2] == (name.replace("_some", "_flow"), dim)}
            some = {key[2]: cell for key, cell in cells.items() if key[:2] == (name, dim)}
            named = {
                tile: kept
                for (_, _, tile), cell in whole.items()
                if (kept := {(group, slot): n for (group, slot), n in cell.items() if group in words})
            }
            assert named == some


@pytest.mark.usefixtures("_scopes_of_any_size")
@law
@given(st.integers(0, 1 << 30), st.randoms(use_true_random=False), st.booleans())
def test_a_party_was_last_active_at_its_last_event(seed: int, dice: random.Random, alone: bool) -> None:
    """Whatever journeys keep its events, in whatever order they and their voids come, and over a recovery."""
    journeys = ["activity"] if alone else sorted(JOURNEYS)
    plan = compile_catalogue(catalogue_of(**{k: m for journey in journeys for k, m in measures_of(journey).items()}))
    events = random_happenings(random.Random(seed), parties=5, events_max=12)
    voided = [event for event in events if dice.random() < 0.4]
    records = [*records_of(events), *voids_of(voided)]
    dice.shuffle(records)
    records = numbered(records)
    log, middle = in_batches(plan, cut(records[: len(records) // 2], dice)), len(records) // 2
    shard = log.recovered(plan)
    for some in cut(records[middle:], dice):
        shard.apply(batch(some))
        log.append(shard.take(NOW_MS))
    last_ms: dict[str, int] = {}
    for event in events:
        if event not in voided:
            last_ms[event.party] = max(event.time_ms, last_ms.get(event.party, 0))
    expected = applied(plan_of("activity"), activity_at(last_ms.values())).contents
    assert expected == {key: cell for key, cell in log.contents.items() if key.startswith("party_active")}


def activity_at(times_ms: Iterable[int]) -> list[Record]:
    """As many parties, each with one event."""
    return records_of(
        Happening("interaction.logged", at_ms, 0, f"i{number}", f"party {number}")
        for number, at_ms in enumerate(times_ms)
    )
