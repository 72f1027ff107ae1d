"""At any instant the parties say what the events before it made: whatever came late, was taken back or was sealed."""

import random
from collections.abc import Iterable, Sequence

import msgspec
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from stream_kpis.engine.cells import decode_cell
from stream_kpis.engine.compiler import Plan, compile_catalogue
from stream_kpis.engine.definitions import DefinitionsChanged
from stream_kpis.engine.parties import ARCHIVE
from stream_kpis.engine.past import Past
from stream_kpis.engine.shard import Shard
from stream_kpis.events.envelope import Reader, Record, encode_event
from stream_kpis.events.rates import Rates
from stream_kpis.journeys import JOURNEYS
from stream_kpis.kpis.load import built_in
from tests.engine.shards import TOPIC, UTC, Contents, applied, batch, new_shard, numbered, plan_of
from tests.engine.worlds import AGES_MS, NOW_MS, Happening, happenings, iso, random_happenings, record_of, void_of

PLAN = compile_catalogue(built_in())
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
Lines = list[tuple[bytes, bytes | None]]


def replayed(lines: Lines, plan: Plan, instants: Sequence[int]) -> tuple[list[Contents], Past]:
    """The cells at each instant, and what they come from."""
    past, cells, found = Past(plan, UTC, instants), {}, []
    for key, value in lines:
        past.take(key, value)
    for flush in past.flushes():
        for key, value in flush:
            cells[key.decode()] = value
        found.append({
            key: {(group, slot): n for group, slot, n in decode_cell(value)} for key, value in cells.items() if value
        })  # fmt: skip
    return found, past


def known(events: Iterable[Happening], plan: Plan, to_ms: int) -> Contents:
    """The cells of the events before an instant, all come at once."""
    records = [record_of(event, 0) for event in events if event.time_ms < to_ms]
    return applied(plan, numbered(records), now_ms=to_ms).contents


def void_record(event: Happening, timestamp_ms: int) -> Record:
    at = event._replace(time_ms=timestamp_ms)
    return Record(TOPIC, 0, 0, timestamp_ms, event.party.encode(), void_of(at, f"void {event.id}"))


EDGES_MS = [NOW_MS - age_ms + more for age_ms in AGES_MS for more in (0, 1)]
"""Just before something may happen, and just after."""
instants = st.lists(st.sampled_from(EDGES_MS), min_size=1, max_size=4, unique=True)


@pytest.mark.parametrize("journey", list(JOURNEYS))
@seed(1)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_it_is_as_if_only_what_happened_before_had_come(journey: str, data: st.DataObject) -> None:
    """In whatever order it came, in however many batches, and whatever of it was taken back before or after it came."""
    plan, events = plan_of(journey), data.draw(happenings(journey))
    gone = {event.id for event in events if data.draw(st.integers(0, 4)) == 0}
    records = [record_of(event, 0) for event in events]
    records += [void_record(event, NOW_MS) for event in events if event.id in gone]
    records = numbered(data.draw(st.permutations(records)))
    shard, lines = new_shard(plan), Lines()
    size = data.draw(st.integers(1, 6))
    for at in range(0, len(records), size):
        shard.apply(batch(records[at : at + size]))
        lines += shard.take(NOW_MS).parties
    left, asked = [event for event in events if event.id not in gone], sorted(data.draw(instants))
    found, _ = replayed(lines, plan, asked)
    assert found == [known(left, plan, to_ms) for to_ms in asked]


class World:
    """A company whose events come late, some too late, and are taken back, some too late; what is old is sealed."""

    def __init__(self, number: int) -> None:
        dice = random.Random(number)
        self.lines: Lines = []
        self.left: dict[str, Happening] = {}
        self.shard = Shard(PLAN, 0, 1, Reader(), UTC, disorder_days=2)
        coming: list[tuple[int, int, Happening]] = []
        for event in random_happenings(dice, 12, 40):
            at_ms = event.time_ms + dice.choice((0, HOUR_MS, 30 * HOUR_MS, 12 * DAY_MS))
            coming.append((at_ms, 0, event))
            if dice.random() < 0.2:
                coming.append((at_ms + dice.choice((1, 3 * HOUR_MS, 9 * DAY_MS)), 1, event))
        for offset, (at_ms, voids, event) in enumerate(sorted(coming)):
            self._send(offset, at_ms, event, voids=bool(voids))

    def _send(self, offset: int, at_ms: int, event: Happening, *, voids: bool) -> None:
        """Each comes in a batch of its own, which tells whether it was of any effect."""
        record = void_record(event, at_ms) if voids else record_of(event, offset, at_ms)
        unmatched = self.shard.counters["voids_unmatched"]
        self.shard.apply(batch([record._replace(offset=offset)]))
        flush = self.shard.take(at_ms)
        self.lines += flush.parties
        if voids and self.shard.counters["voids_unmatched"] == unmatched:
            self.left.pop(event.id, None)
        elif not voids and not flush.dead_letters:
            self.left[event.id] = event


@pytest.fixture(scope="module", params=range(3))
def world(request: pytest.FixtureRequest) -> World:
    return World(request.param)


def instants_of(world: World, number: int) -> list[int]:
    dice = random.Random(number)
    times = sorted(event.time_ms for event in world.left.values())
    return sorted({dice.choice(times) + dice.choice((0, 1, DAY_MS)) for _ in range(4)} | {times[-1] + 1})


@pytest.mark.parametrize("number", range(3))
def test_what_was_sealed_is_told_from_the_archives(world: World, number: int) -> None:
    """What came too late is no part of it; what was to be taken back too late is."""
    assert world.shard.counters["dead_letters:sealed"]
    assert world.shard.counters["voids_unmatched"]
    asked = instants_of(world, number)
    found, past = replayed(world.lines, PLAN, asked)
    assert found == [known(world.left.values(), PLAN, to_ms) for to_ms in asked]
    assert past.unknown_before_ms == 0


def test_one_instant_alone_is_as_among_others(world: World) -> None:
    """Whether a scope begins at its seal or at its first event, it comes to the same."""
    asked = instants_of(world, 7)
    together, _ = replayed(world.lines, PLAN, asked)
    for to_ms, expected in zip(asked, together, strict=True):
        assert replayed(world.lines, PLAN, [to_ms])[0] == [expected]


def test_without_the_archives_it_says_until_when_not_all_is_known(world: World) -> None:
    """After that it needs none."""
    without = [(key, value) for key, value in world.lines if b"archive" not in key]
    asked = instants_of(world, 1)
    _, past = replayed(without, PLAN, asked)
    reach_ms = past.unknown_before_ms
    assert reach_ms >= asked[0]
    later = max(reach_ms + 1, asked[-1])
    found, past = replayed(without, PLAN, [later])
    assert found == [known(world.left.values(), PLAN, later)]
    assert past.unknown_before_ms == 0


def archives_by_scope(world: World) -> dict[bytes, list[bytes]]:
    """The keys of the archives of each scope, in order."""
    found: dict[bytes, list[tuple[list[object], bytes]]] = {}
    for key, _ in world.lines:
        name, *scope = msgspec.msgpack.decode(key)
        if name == ARCHIVE:
            *scope, order = scope
            found.setdefault(msgspec.msgpack.encode(scope), []).append((order, key))
    return {scope: [key for _, key in sorted(archives)] for scope, archives in found.items()}


def test_where_the_first_archives_are_lost_it_is_noticed(world: World) -> None:
    """By what was sealed."""
    gone = {archives[0] for archives in archives_by_scope(world).values() if len(archives) > 1}
    assert gone
    _, past = replayed([(key, value) for key, value in world.lines if key not in gone], PLAN, [1])
    assert past.unknown_before_ms > 0


def test_a_lost_last_archive_of_any_scope_is_noticed(world: World) -> None:
    """Even if what was sealed is the same without it."""
    scopes = archives_by_scope(world)
    assert len(scopes) > 20
    for scope, archives in scopes.items():
        lines = [(key, value) for key, value in world.lines if key == scope or key in archives[:-1]]
        assert replayed(lines, PLAN, [1])[1].unknown_before_ms > 0
        lines += [(key, value) for key, value in world.lines if key == archives[-1]]
        assert replayed(lines, PLAN, [1])[1].unknown_before_ms == 0


def test_some_journeys_are_a_part_of_it(world: World) -> None:
    asked = instants_of(world, 2)
    past = Past(PLAN, UTC, asked, ["deals"])
    for key, value in world.lines:
        past.take(key, value)
    whole, _ = replayed(world.lines, PLAN, asked)
    cells: dict[str, bytes | None] = {}
    for flush in past.flushes():
        cells |= {key.decode(): value for key, value in flush}
    assert {key for key in whole[-1] if key.startswith("deals_won\x1f")} == {
        key for key, value in cells.items() if value and key.startswith("deals_won\x1f")
    }
    assert not any(key.startswith("tickets") for key in cells)


def test_what_was_sealed_by_another_version_of_a_journey_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a worker."""
    later = {name: journey._replace(version=journey.version + 1) for name, journey in PLAN.journeys.items()}
    changed = PLAN._replace(journeys=later)
    with pytest.raises(DefinitionsChanged, match="has changed, and some of its state is sealed"):
        replayed(world.lines, changed, [NOW_MS])


def test_what_waits_for_its_rate_is_counted_and_in_no_value() -> None:
    """Until its rate is there: then it is there too, as of its own time."""
    rates = Rates()
    shard = new_shard(PLAN, rates=rates)
    data = {"order_id": "o", "amount": 10, "currency": "EUR"}
    value = encode_event("order.placed", id="1", source="s", time=iso(NOW_MS - DAY_MS), subject="p", data=data)
    shard.apply(batch([Record(TOPIC, 0, 0, NOW_MS, b"p", value)]))
    lines: Lines = [*shard.take(NOW_MS).parties]
    found, past = replayed(lines, PLAN, [NOW_MS])
    assert (found, past.parked) == ([{}], 1)
    day = iso(NOW_MS - DAY_MS)[:10]
    rates.add_record(b'{"currency": "EUR", "date": "%s", "rate": "2"}' % day.encode(), NOW_MS)
    lines += shard.take(NOW_MS).parties
    found, past = replayed(lines, PLAN, [NOW_MS - DAY_MS, NOW_MS])
    assert past.parked == 0
    assert not found[0]
    (orders,) = (cell for key, cell in found[1].items() if key.startswith("orders\x1f") and "\x1f\x1f" in key)
    assert orders["", 1] == 20_000_000
