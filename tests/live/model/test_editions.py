"""Shards that go over to another catalogue one after the other: what is shown is of one catalogue at a time."""

import random
from collections.abc import Callable

import pytest

from stream_kpis.engine.catalogues import document_of
from stream_kpis.engine.compiler import Plan, compile_catalogue
from stream_kpis.engine.tiles import Calendar
from stream_kpis.events.envelope import Record, encode_event
from stream_kpis.kpis.load import of_entries
from stream_kpis.kpis.schema import Kpi, Measure
from stream_kpis.live.model import editions
from stream_kpis.live.model.editions import Editions
from stream_kpis.live.model.read_model import ReadModel
from stream_kpis.live.model.snapshot import Snapshot, State
from stream_kpis.live.model.sources import measures_of
from tests.engine.shards import Log, batch, new_shard
from tests.engine.worlds import NOW_MS, iso

_WEB, _EMAIL = ({"channel": (word,)} for word in ("web", "email"))


def plan(measures: dict[str, Measure], formulas: dict[str, str]) -> Plan:
    """Measures, and KPIs over all time by their formulas."""
    kpis = {
        name: Kpi(title=name, formula=formula, unit="count", windows=("all",), min_samples=0)
        for name, formula in formulas.items()
    }
    entries = (*(f"measures.{name}" for name in measures), *(f"kpis.{name}" for name in kpis))
    return compile_catalogue(of_entries(measures, kpis, dict.fromkeys(entries, "test.yaml:1")))


LEADS = Measure(flow="lead_created")
OLD = plan(
    {
        "leads": LEADS,
        "some": Measure(flow="lead_created", where=_WEB),
        "gone": Measure(flow="lead_created", where=_EMAIL),
    },
    {"same": "count(leads)", "changed": "count(some)", "reworded": "count(leads)", "removed": "count(gone)"},
)
NEW = plan(
    {
        "leads": LEADS,
        "some": Measure(flow="lead_created", where=_EMAIL),
        "more": Measure(flow="lead_created", by=("owner",)),
    },
    {
        "same": "count(leads)",
        "changed": "count(some)",
        "reworded": "count(leads) + count(leads)",
        "added": "count(more)",
    },
)
THIRD = plan(
    {"leads": LEADS, "some": Measure(flow="lead_created", where=_WEB)},
    {"same": "count(leads)", "changed": "count(some)"},
)
PLANS = {document_of(made).name: made for made in (OLD, NEW, THIRD)}
Said = dict[str, tuple[float | None, State]]
COUNTS: dict[str, Callable[[list[str]], int]] = {
    "all": len,
    "twice": lambda channels: 2 * len(channels),
    "web": lambda channels: channels.count("web"),
    "email": lambda channels: channels.count("email"),
}
MEANT = {
    document_of(OLD).name: {"same": "all", "changed": "web", "reworded": "all", "removed": "email"},
    document_of(NEW).name: {"same": "all", "changed": "email", "reworded": "twice", "added": "all"},
    document_of(THIRD).name: {"same": "all", "changed": "web"},
}
"""By catalogue what each KPI counts."""


def said(snapshot: Snapshot) -> Said:
    """Of each KPI its value and state."""
    return {value.kpi: (value.value, value.state) for value in snapshot.values}


class World:
    """Some shards, their changelogs, and exporters that follow them."""

    def __init__(self, count: int, under: Plan) -> None:
        self.exporters: list[Editions] = []
        self.logs = [Log() for _ in range(count)]
        self._made_ms = NOW_MS
        self._channels: list[list[str]] = [[] for _ in range(count)]
        self._counted: list[dict[tuple[str, str], int]] = [{} for _ in range(count)]
        """By shard, measure and definition, how many leads there were when it last counted so."""
        self._running = [new_shard(under) for _ in range(count)]
        self._under = [document_of(under).name] * count
        for number in range(count):
            self.send(number, "web", "web", "web", "email")

    def exporter(self, own: Plan) -> Editions:
        """One that starts now, with these settings: it reads the compacted changelogs, and follows."""
        made = Editions(own, lambda plan: ReadModel(plan, Calendar()))
        for number, log in enumerate(self.logs):
            assert log.header is not None
            made.apply(number, log.cells.items(), log.header, log.catalogues.items())
        self.exporters.append(made)
        return made

    def _flush(self, number: int) -> None:
        """Makes a shard durable, a second later, and tells the exporters."""
        self._made_ms += 1_000
        flush = self._running[number].take(NOW_MS, self._made_ms)
        self.logs[number].append(flush)
        definitions = PLANS[self._under[number]].definitions.items()
        self._counted[number] |= dict.fromkeys(definitions, len(self._channels[number]))
        for exporter in self.exporters:
            exporter.apply(number, flush.cells, flush.header, flush.catalogues)

    def send(self, number: int, *channels: str) -> None:
        """Leads of some channels come to a shard."""
        party, known = f"p{number}", self._channels[number]
        records = []
        for channel in channels:
            data = {"lead_id": str(len(known)), "channel": channel}
            value = encode_event(
                "lead.created", id=data["lead_id"], source="s", time=iso(NOW_MS - 60_000), subject=party, data=data
            )
            records.append(Record("crm.leads", 0, len(known), NOW_MS, party.encode(), value))
            known.append(channel)
        self._running[number].apply(batch(records))
        self._flush(number)

    def start(self, number: int, under: Plan) -> None:
        """A worker starts a shard under a catalogue, and flushes."""
        self._running[number] = self.logs[number].recovered(under)
        self._under[number] = document_of(under).name
        self._flush(number)

    def retire(self) -> None:
        """What workers do once all headers are of one catalogue."""
        if len(set(self._under)) == 1:
            for number, shard in enumerate(self._running):
                shard.catalogues.retire()
                self._flush(number)

    def expected(self, name: str) -> Said:
        """What is to be seen under a catalogue: of each shard what it counts, or counted when it last did."""
        shown, found = PLANS[name], {}
        for kpi, meant in MEANT[name].items():
            (measure,) = measures_of(shown.catalogue, kpi)
            total, state = 0, State.OK
            for number, channels in enumerate(self._channels):
                known = channels
                if PLANS[self._under[number]].definitions.get(measure) != shown.definitions[measure]:
                    known, state = channels[: self._counted[number][measure, shown.definitions[measure]]], State.STALE
                total += COUNTS[meant](known)
            found[kpi] = (total, state)
        return found


def test_a_changed_catalogue_is_shown_once_all_shards_have_it() -> None:
    """What is unchanged goes on; what is changed stands still, and says since when; then all is new in one snapshot."""
    world = World(2, OLD)
    exporter = world.exporter(OLD)
    assert said(exporter.snapshot(NOW_MS)) == {
        "same": (8, State.OK), "changed": (6, State.OK), "reworded": (8, State.OK), "removed": (2, State.OK)
    }  # fmt: skip
    before = world.logs[0].header
    assert before is not None
    world.start(0, NEW)
    world.send(0, "web", "email")
    world.send(1, "web", "email")
    snapshot = exporter.snapshot(NOW_MS)
    assert said(snapshot) == {
        "same": (12, State.OK), "changed": (7, State.STALE), "reworded": (12, State.OK), "removed": (3, State.STALE)
    }  # fmt: skip
    assert (snapshot.catalogue, snapshot.shards_changed) == (document_of(OLD).name, 1)
    assert snapshot.held_since_ms == before.made_ms
    world.start(1, NEW)
    snapshot = exporter.snapshot(NOW_MS)
    assert said(snapshot) == {
        "same": (12, State.OK), "changed": (4, State.OK), "reworded": (24, State.OK), "added": (12, State.OK)
    }  # fmt: skip
    assert (snapshot.catalogue, snapshot.shards_changed, snapshot.held_since_ms) == (document_of(NEW).name, 0, None)
    assert exporter.shown.plan.catalogue.kpis == NEW.catalogue.kpis


@pytest.mark.parametrize("own", [OLD, NEW, THIRD], ids=["old", "new", "another"])
def test_an_exporter_that_starts_in_the_middle_shows_the_same(own: Plan) -> None:
    """Whatever its settings say: it shows what the shards count, or keep."""
    world = World(2, OLD)
    running = world.exporter(OLD)
    for step in (lambda: world.start(0, NEW), lambda: world.send(0, "web"), lambda: world.start(1, NEW), world.retire):
        step()
        world.exporter(own)
        assert all(exporter.snapshot(NOW_MS) == running.snapshot(NOW_MS) for exporter in world.exporters)


def test_at_rest_nothing_is_left_of_the_old_catalogue() -> None:
    """Neither in the changelog nor in the exporter; until all shards are new, all of it is there."""
    world = World(2, OLD)
    exporter = world.exporter(OLD)
    world.start(0, NEW)
    assert any(exporter._unread.values())
    old = {key for key in world.logs[0].cells if not key.startswith((b"leads", b"more"))}
    assert len({key.split(b"\x1f")[1] for key in old if key.startswith(b"some")}) == 2
    world.start(1, NEW)
    exporter.snapshot(NOW_MS)
    world.retire()
    fresh = World(2, NEW)
    for log, expected in zip(world.logs, fresh.logs, strict=True):
        assert log.cells.keys() == expected.cells.keys()
        assert log.catalogues == expected.catalogues
        assert log.header is not None
        assert log.header.kept == {}
    assert not any(exporter._unread.values())


def test_cells_that_went_from_the_changelog_do_not_come_back() -> None:
    """One that reads a shard's last flushes before those of another still shows the old catalogue, whole."""
    world = World(2, OLD)
    slow = world.exporter(OLD)
    slow.snapshot(NOW_MS)
    world.start(0, NEW)
    world.exporters = []
    world.start(1, NEW)
    world.retire()
    log = world.logs[0]
    assert log.header is not None
    went = [(key, None) for key in World(2, OLD).logs[0].cells if not key.startswith(b"leads")]
    slow.apply(0, went, log.header)
    assert said(slow.snapshot(NOW_MS)) == {
        "same": (8, State.OK), "changed": (6, State.STALE), "reworded": (8, State.OK), "removed": (2, State.STALE)
    }  # fmt: skip
    world.exporters = [slow]
    for number in range(2):
        world.start(number, OLD)
    assert slow.snapshot(NOW_MS) == world.exporter(OLD).snapshot(NOW_MS)


def test_what_comes_while_it_goes_over_is_in_both(monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes over in steps, in which shards go on and the old catalogue is still shown."""
    monkeypatch.setattr(editions, "_STEP", 1)
    world = World(2, OLD)
    exporter = world.exporter(OLD)
    exporter.snapshot(NOW_MS)
    for number in range(2):
        world.start(number, NEW)
    steps = 0
    for _ in exporter.turning():
        assert exporter.shown.name == document_of(OLD).name
        if steps % 3 == 0:
            world.send(steps % 2, "email")
        steps += 1
    assert steps > 5
    found = exporter.snapshot(NOW_MS)
    assert found.catalogue == document_of(NEW).name
    assert said(found) == world.expected(found.catalogue)
    assert found == world.exporter(NEW).snapshot(NOW_MS)


@pytest.mark.parametrize("seed", range(8))
def test_whatever_the_order_of_starts_no_two_catalogues_are_mixed(seed: int) -> None:
    """Forward, back and to a third, with exporters that start now and then: all show the same, of one catalogue."""
    dice = random.Random(seed)
    world = World(3, OLD)
    world.exporter(OLD)
    for _ in range(25):
        number = dice.randrange(3)
        match dice.randrange(5):
            case 0 | 1:
                world.start(number, dice.choice([OLD, NEW, THIRD]))
            case 2 | 3:
                world.send(number, *dice.choices(["web", "email"], k=dice.randrange(1, 4)))
            case _:
                world.exporter(dice.choice([OLD, NEW, THIRD]))
        if dice.random() < 0.2:
            world.retire()
        shown = [exporter.snapshot(NOW_MS) for exporter in world.exporters]
        assert said(shown[0]) == world.expected(shown[0].catalogue)
        assert all(snapshot == shown[0] for snapshot in shown)
