"""Deals and orders that convert leads of other parties, between shards: what counts is which events happened."""

import copy
import random
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from stream_kpis.engine.batch import Batch, Rekeyed
from stream_kpis.engine.cells import decode_cell
from stream_kpis.engine.compiler import compile_catalogue
from stream_kpis.engine.holdings import Holdings
from stream_kpis.engine.partition import partition_of
from stream_kpis.engine.past import Past
from stream_kpis.engine.rekeying import REKEYED_TOPIC, hand_over, link_of
from stream_kpis.engine.relinking import Relinking, raised
from stream_kpis.engine.shard import Shard
from stream_kpis.engine.tiles import DAY_MS
from stream_kpis.events.envelope import Reader, Reason, Record, encode_event
from stream_kpis.journeys import JOURNEYS
from stream_kpis.journeys.facts import Fact
from tests.engine.shards import FOR_EVER_DAYS, TOPIC, UTC, Contents, Log, applied, catalogue_of, measures_of, plan_of
from tests.engine.worlds import NOW_MS, iso

pytestmark = pytest.mark.slow

PLAN = plan_of("leads")
SHARDS = 2
A, B, C = (next(f"{name}{n}" for n in range(99) if partition_of(f"{name}{n}".encode(), SHARDS) == home)
           for name, home in (("a", 0), ("b", 1), ("c", 0)))  # fmt: skip
"""The prospect, a buyer of the other shard, a buyer of the same one."""
DAYS = [NOW_MS - 40 * DAY_MS + n * DAY_MS for n in range(30)]
law = settings(max_examples=60, derandomize=True, deadline=None, database=None, phases=[Phase.generate, Phase.shrink])


class World:
    """Two shards, their changelogs, and the topic through which they send each other records.

    ``crash`` is how likely a shard starts anew from its changelogs after a batch, flushed or not; ``lazy`` how likely
    it does not flush, and does not read what was sent.
    """

    def __init__(
        self, dice: random.Random, crash: float = 0.0, lazy: float = 0.0, days: int = FOR_EVER_DAYS, app: str = "test"
    ) -> None:
        self.app = app
        self.dice, self.crash, self.lazy, self.days = dice, crash, lazy, days
        self.logs = [Log() for _ in range(SHARDS)]
        self.shards = [self.shard(number) for number in range(SHARDS)]
        self.topics: list[list[Record]] = [[] for _ in range(SHARDS)]
        self.rekeyed: list[list[Record]] = [[] for _ in range(SHARDS)]

    def shard(self, number: int, plan: Any = PLAN) -> Shard:
        shard, log = Shard(plan, number, SHARDS, Reader(), UTC, self.days, app=self.app), self.logs[number]
        for key, value in log.parties.items():
            shard.restore_party(key, value)
        for key, value in log.cells.items():
            shard.restore_cell(key, value)
        if log.header is not None:
            shard.restore_header(msgspec.json.encode(log.header))
        shard.restored()
        return shard

    def send(self, *records: Record) -> None:
        """Puts events into the topic of their party's shard."""
        for record in records:
            home = partition_of(record.key or b"", SHARDS)
            self.topics[home].append(record._replace(partition=home, offset=len(self.topics[home])))

    def flush(self, number: int, now_ms: int = NOW_MS) -> None:
        """One transaction: the changelogs, and what is sent on."""
        flush = self.shards[number].take(now_ms)
        self.logs[number].append(flush)
        for sent in flush.rekeyed:
            self.arrive(sent)

    def arrive(self, sent: Rekeyed, times: int = 1) -> None:
        log = self.rekeyed[sent.partition]
        for _ in range(times):
            at = len(log)
            log.append(Record(REKEYED_TOPIC, sent.partition, at, sent.timestamp, sent.key, sent.value, sent.headers))

    def read(self, number: int, topic: str, log: list[Record]) -> None:
        """A few of the records that a shard has not read."""
        at = self.shards[number].next.get(topic, 0)
        some = log[at : at + self.dice.randrange(1, 4)]
        if some:
            self.shards[number].apply(Batch(topic, number, at, at + len(some), some))

    def run(self, now_ms: int = NOW_MS) -> "World":
        """Until all is read and nothing is sent any more."""
        while self.behind():
            number, dice = self.dice.randrange(SHARDS), self.dice
            self.read(number, TOPIC, self.topics[number])
            if dice.random() >= self.lazy:
                self.read(number, REKEYED_TOPIC, self.rekeyed[number])
            if dice.random() >= self.lazy:
                self.flush(number, now_ms)
            if dice.random() < self.crash:
                self.shards[number] = self.shard(number)
        return self

    def behind(self) -> bool:
        for number, shard in enumerate(self.shards):
            ends = {TOPIC: len(self.topics[number]), REKEYED_TOPIC: len(self.rekeyed[number])}
            header = self.logs[number].header
            if any(end and (header is None or header.next.get(topic, 0) < end) for topic, end in ends.items()):
                return True
            assert not shard._rekeying._links or header is None or shard.next != header.next
        return False

    @property
    def contents(self) -> Contents:
        """The cells of all shards, added up."""
        total: dict[str, Counter[tuple[str, int]]] = {}
        for log in self.logs:
            for key, cell in log.contents.items():
                total.setdefault(key, Counter()).update(cell)
        return {key: kept for key, cell in total.items() if (kept := {at: n for at, n in cell.items() if n})}

    def count(self, name: str) -> int:
        return sum(shard.counters[name] for shard in self.shards)

    @property
    def dead(self) -> list[Reason]:
        return [letter.reason for log in self.logs for letter in log.dead_letters]

    @property
    def conversions(self) -> list[tuple[str, int]]:
        """Of all leads: the party, and the day."""
        held = Holdings(PLAN, ["leads"])
        for log in self.logs:
            for key, value in log.parties.items():
                held.take(key, value)
        return sorted(
            (party, DAYS.index(fact.at_ms)) for party, _, fact in held.facts() if fact.name == "lead_converted"
        )


def event(day: int, kind: str, party: str, name: str = "", /, **data: Any) -> Record:
    """An event of a day, recorded then."""
    value = encode_event(
        kind, id=name or f"{kind} {day} {party} {sorted(data.items())}", source="s", time=iso(DAYS[day]),
        subject=party, data=data,
    )  # fmt: skip
    return Record(TOPIC, 0, 0, DAYS[day], party.encode(), value)


def void(of: Record) -> Record:
    """Takes an event back."""
    id_ = msgspec.json.decode(of.value or b"")["id"]
    data = {"source": "s", "id": id_}
    value = encode_event(
        "event.voided", id=f"void {id_}", source="s", time=iso(DAYS[29]), subject=(of.key or b"").decode(), data=data
    )
    return of._replace(timestamp=DAYS[29], value=value)


LEAD = event(1, "lead.created", A, lead_id="l1", channel="web")
NAMED = {"lead_id": "l1", "lead_party": A}


def order(day: int, party: str = B, name: str = "o1", **data: Any) -> Record:
    return event(day, "order.placed", party, order_id=name, amount=10, **(NAMED | data))


def deal(day: int, kind: str, party: str = B, /, **data: Any) -> Record:
    return event(day, f"deal.{kind}", party, deal_id="d1", **data)


WON = [deal(2, "created", **NAMED), deal(5, "won")]
MERGED = [event(3, "lead.created", A, lead_id="l2"), event(4, "lead.merged", A, lead_id="l1", into="l2")]

STORIES: dict[str, tuple[list[Record], list[tuple[str, int]]]] = {
    "an order": ([LEAD, order(4)], [(A, 4)]),
    "an order of the same shard": ([LEAD, order(4, C)], [(A, 4)]),
    "the first of two orders": ([LEAD, order(6, C), order(4)], [(A, 4)]),
    "an order before the lead": ([LEAD, order(0)], []),
    "a cancelled order": ([LEAD, order(4), event(9, "order.cancelled", B, order_id="o1")], []),
    "the first one is cancelled": (
        [LEAD, order(4), event(9, "order.cancelled", B, order_id="o1"), order(6, C)], [(A, 6)],
    ),
    "a voided order": ([LEAD, order(4), void(order(4))], []),
    "a voided lead": ([LEAD, order(4), void(LEAD)], []),
    "an order placed twice names the lead once": ([LEAD, order(4), order(6, lead_party=C)], [(A, 4)]),
    "of two placings the first in order names": ([LEAD, order(4, lead_party=C), order(6)], []),
    "the first placing is voided": ([LEAD, order(4, lead_party=C), order(6), void(order(4, lead_party=C))], [(A, 6)]),
    "a won deal": ([LEAD, *WON], [(A, 5)]),
    "a deal won where there is a lead of the same id": (
        [LEAD, event(1, "lead.created", B, lead_id="l1"), *WON], [(A, 5)],
    ),
    "a deal that was not won": ([LEAD, *WON[:1], deal(5, "lost")], []),
    "a reopened deal": ([LEAD, *WON, deal(6, "reopened")], []),
    "a deal won again": ([LEAD, *WON, deal(6, "reopened"), deal(8, "won")], [(A, 8)]),
    "a deleted deal": ([LEAD, *WON, deal(6, "deleted")], []),
    "a deal without its creation": ([LEAD, WON[1]], []),
    "nobody's lead": ([LEAD, order(4, lead_id="l9"), order(4, C, lead_party="nobody")], []),
    "no lead": ([LEAD, event(4, "order.placed", B, order_id="o1", amount=1, lead_party=A)], []),
    "no party": ([LEAD, order(4, lead_party="")], []),
    "its own party": ([LEAD, order(4, A)], [(A, 4)]),
    "a lead of the same id where it buys": (
        [LEAD, event(1, "lead.created", B, lead_id="l1"), order(4), order(5, B, "o2", lead_party=B)], [(A, 4), (B, 5)],
    ),
    "a merged lead": ([LEAD, *MERGED, order(5)], [(A, 5)]),
    "leads merged into each other": ([LEAD, *MERGED, event(6, "lead.merged", A, lead_id="l2", into="l1"), order(5)],
                                     []),
    "both know the lead": ([LEAD, order(4), order(3, A, "o1", lead_party="")], [(A, 3)]),
}  # fmt: skip


def run(records: Iterable[Record], seed: int = 0, *, crash: float = 0.0, lazy: float = 0.0) -> World:
    world = World(random.Random(seed), crash, lazy)
    world.send(*records)
    return world.run()


@pytest.mark.parametrize("story", STORIES)
def test_a_deal_or_order_converts_the_lead_that_it_names(story: str) -> None:
    """Of the party that it names, and of no other; as the definitions say of one party."""
    records, expected = STORIES[story]
    assert run(records).conversions == expected


@pytest.mark.parametrize("story", STORIES)
@law
@given(st.integers(0, 1 << 30), st.randoms(use_true_random=False))
def test_any_order_split_and_recovery_give_the_same_conversions(story: str, seed: int, dice: random.Random) -> None:
    """Batches of any size, flushes and deliveries at any time, each shard killed at any moment; duplicates besides."""
    records, _ = STORIES[story]
    whole = run(records)
    records = [*records, *dice.sample(records, len(records) // 2)]
    dice.shuffle(records)
    again = run(records, seed, crash=0.3, lazy=0.5)
    assert whole.contents == again.contents
    assert not set(again.dead) - {Reason.ID_CONFLICT}


@law
@given(st.data(), st.randoms(use_true_random=False))
def test_links_count_as_what_one_party_says_of_its_own_leads(data: Any, dice: random.Random) -> None:
    """Deals and orders of others at random, against the same ones as the prospect's own."""
    drawn = data.draw(st.lists(st.tuples(
        st.sampled_from(["order.placed", "order.cancelled", "deal.created", "deal.won", "deal.lost", "deal.reopened",
                         "deal.deleted"]),
        st.integers(0, 29), st.sampled_from([B, C]), st.sampled_from("12"), st.sampled_from(["l1", "l2", None]),
    ), max_size=12))  # fmt: skip
    leads = [LEAD, event(2, "lead.created", A, lead_id="l2"), event(20, "lead.merged", A, lead_id="l2", into="l1")]
    elsewhere, own = list(leads), list(leads)
    for number, (kind, day, party, entity, lead_id) in enumerate(drawn):
        family, name = kind.partition(".")[0], f"{kind} {number}"
        said: dict[str, Any] = {"amount": 1} if kind == "order.placed" else {}
        if kind in {"order.placed", "deal.created"} and lead_id:
            said["lead_id"] = lead_id
        other = {"lead_party": A} if "lead_id" in said else {}
        elsewhere.append(event(day, kind, party, name, **{f"{family}_id": entity}, **said, **other))
        own.append(event(day, kind, A, name, **{f"{family}_id": f"{party} {entity}"}, **said))
    dice.shuffle(elsewhere)
    assert run(own).contents == run(elsewhere, 1, crash=0.2, lazy=0.5).contents


# What arrives.


def link(at_ms: int | None, version: int, *, lead_id: str = "l1", party: str = A, app: str = "test") -> Record:
    data = {"lead_id": lead_id, "link": "order:x/1", "version": version, "at_ms": at_ms}
    said = {"specversion": "1.0", "id": f"{version}", "type": "lead.linked", "source": f"stream-kpis/{app}"}
    value = msgspec.json.encode(said | {"subject": party, "data": data})
    return Record(REKEYED_TOPIC, 0, 0, DAYS[10], party.encode(), value)


def received(*links: Record, before: Iterable[Record] = (LEAD,), now_ms: int = NOW_MS) -> World:
    """A's shard after these links, one after the other."""
    world = World(random.Random(0))
    world.send(*before)
    world.run()
    for n, record in enumerate(links):
        world.shards[0].apply(Batch(REKEYED_TOPIC, 0, n, n + 1, [record._replace(offset=n)]))
        world.flush(0, now_ms)
    return world


@pytest.mark.parametrize(
    ("links", "expected", "taken"),
    [
        ([link(DAYS[4], 7)], [(A, 4)], 1),
        ([link(DAYS[4], 7), link(DAYS[4], 7)], [(A, 4)], 1),
        ([link(DAYS[4], 7), link(None, 8)], [], 2),
        ([link(None, 8), link(DAYS[4], 7)], [], 1),
        ([link(DAYS[4], 7), link(DAYS[6], 9), link(None, 8)], [(A, 6)], 2),
        ([link(DAYS[4], 7), link(DAYS[4], 8, lead_id="l2")], [], 2),
        ([link(DAYS[4], 7, app="another")], [], 0),
    ],
)
def test_of_a_link_the_highest_version_counts(links: list[Record], expected: list[tuple[str, int]], taken: int) -> None:
    """Whatever the order in which they arrive; those of another deployment over the same topics do not count."""
    world = received(*links)
    assert (world.conversions, world.count("links_applied")) == (expected, taken)
    assert world.count("unused") + world.count("duplicates") == len(links) - taken


def test_a_link_is_taken_from_the_topic_of_the_re_keyed_alone() -> None:
    """From elsewhere it is of an unknown type, also in binary mode; and no event on its way home passes for one."""
    world = World(random.Random(0))
    binary = [(f"ce_{name}", b"1.0" if name == "specversion" else b"2026-10-01T00:00:00Z" if name == "time" else b"x")
              for name in ("specversion", "id", "source", "time")]  # fmt: skip
    headers = (*binary, ("ce_subject", A.encode()), ("ce_type", b"interaction.logged"))
    world.send(LEAD, link(DAYS[4], 1), link(DAYS[4], 2)._replace(headers=(*binary, ("ce_type", b"lead.linked"))))
    stray = link(DAYS[4], 3)._replace(headers=headers)
    world.topics[1].append(stray._replace(topic=TOPIC, partition=1))
    world.run()
    assert world.dead == [Reason.UNKNOWN_TYPE] * 2
    assert (world.conversions, world.count("rekeyed"), world.count("links_applied")) == ([], 1, 0)


def test_what_is_no_link_on_that_topic_is_a_dead_letter() -> None:
    """So is one that came to a shard that is not its party's."""
    garbled = link(DAYS[4], 1)._replace(value=b'{"type":"lead.linked","data":{}}')
    assert received(garbled, link(DAYS[4], 2, party=B)).dead == [Reason.UNKNOWN_TYPE, Reason.MISROUTED]


def test_a_void_cannot_take_a_link_back() -> None:
    """It is no event of the lead's party: no source and id name it."""
    world = received(link(DAYS[4], 1))
    (event_,) = [found.event for found in [link_of(link(DAYS[4], 1))] if found]
    data = {"source": event_.source, "id": event_.id}
    value = encode_event("event.voided", id="v", source="s", time=iso(DAYS[9]), subject=A, data=data)
    world.send(Record(TOPIC, 0, 0, DAYS[9], A.encode(), value))
    world.run()
    assert world.conversions == [(A, 4)]
    assert world.dead == [Reason.INVALID]


def test_a_party_known_by_a_link_alone_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though its scope was forgotten since: what comes later can be taken back."""
    monkeypatch.setattr("stream_kpis.engine.parties.DECODED_MAX", 0)
    world = received(link(DAYS[4], 1), before=())
    world.send(LEAD)
    assert world.run().conversions == [(A, 4)]
    world.send(void(LEAD))
    assert world.run().conversions == []
    assert not world.count("voids_unmatched")


@pytest.mark.parametrize("sealed_first", [False, True])
def test_links_are_neither_sealed_out_nor_move_the_seal(sealed_first: bool) -> None:
    """The lead was sealed long ago; its link comes, is sealed too, changes, and is taken back."""
    contact = event(20, "lead.contacted", A, lead_id="l1")
    world = World(random.Random(0), days=1)
    world.send(LEAD, contact)
    world.run()
    if sealed_first:
        world.flush(0)
    for n, (record, expected) in enumerate([
        (link(DAYS[4], 7), [(A, 4)]), (link(DAYS[6], 8), [(A, 6)]), (link(DAYS[5], 7), [(A, 6)]), (link(None, 9), []),
    ]):  # fmt: skip
        world.shards[0].apply(Batch(REKEYED_TOPIC, 0, n, n + 1, [record._replace(offset=n)]))
        world.flush(0)
        world.flush(0)
        world.shards[0] = world.shard(0)
        assert world.conversions == expected
    world.send(event(19, "lead.contacted", A, lead_id="l1"))
    world.run()
    assert world.dead == [Reason.SEALED]


def test_versions_sealed_one_after_the_other_keep_their_archives() -> None:
    """A later version of a link takes nothing from what was sealed with the one before: the past stays whole."""
    world = World(random.Random(0), days=2)
    world.send(LEAD, event(2, "lead.contacted", A, lead_id="l1"))
    world.run()
    first, second = link(DAYS[6], 1), link(DAYS[7], 1)
    second = second._replace(value=(second.value or b"").replace(b"order:x/1", b"order:x/2"))
    third = link(None, 2)
    third = third._replace(value=(third.value or b"").replace(b"order:x/1", b"order:x/2"))
    for at, some in ((0, [first, second]), (2, [third])):
        records = [record._replace(offset=at + n) for n, record in enumerate(some)]
        world.shards[0].apply(Batch(REKEYED_TOPIC, 0, at, at + len(records), records))
        world.flush(0)
    held, past = Holdings(PLAN, ["leads"], archives=True), Past(PLAN, UTC, [DAYS[1]])
    for key, value in world.logs[0].parties.items():
        held.take(key, value)
        past.take(key, value)
    (holding,) = held
    links = [e for e in holding.events if e.id.startswith("order:")]
    assert sorted((e.id, e.data.version) for e in links) == [("order:x/1", 1), ("order:x/2", 1), ("order:x/2", 2)]
    assert list(past.flushes())
    assert not past.unknown_before_ms


def test_versions_do_not_fill_a_scope_but_links_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more than there is room for is a dead letter; a newer version of a known one is not."""
    monkeypatch.setattr("stream_kpis.engine.scopes.EVENTS_MAX", 2)
    other = link(DAYS[3], 1)
    other = other._replace(value=(other.value or b"").replace(b"order:x/1", b"order:x/2"))
    world = received(*[link(DAYS[4 + n], n) for n in range(5)], other)
    assert world.conversions == [(A, 8)]
    assert world.dead == [Reason.TOO_MANY]


def test_a_link_is_no_activity_of_the_lead_s_party() -> None:
    """Whether it is known otherwise or not, over a recovery, and after its events were sealed or voided."""
    both = compile_catalogue(catalogue_of(**measures_of("leads"), **measures_of("activity")))
    for before, days in (((), 10**5), ((LEAD,), 10**5), ((LEAD,), 1), ((LEAD, void(LEAD)), 10**5)):
        found = []
        for links in ((), (link(DAYS[4], 1), link(None, 2))):
            shard, log = Shard(both, 0, SHARDS, Reader(), UTC, days, app="test"), Log()
            for n, record in enumerate(before):
                shard.apply(Batch(TOPIC, 0, n, n + 1, [record]))
                log.append(shard.take(NOW_MS))
            for n, record in enumerate(links):
                shard.apply(Batch(REKEYED_TOPIC, 0, n, n + 1, [record._replace(timestamp=NOW_MS)]))
                log.append(shard.take(NOW_MS))
            held = Holdings(both, ["leads", "activity"])
            for key, value in log.parties.items():
                held.take(key, value)
            pulses = [fact for _, _, fact in held.facts() if fact.name == "party_active"]
            cells = {key: cell for key, cell in log.contents.items() if key.startswith("party_active")}
            later = Batch(TOPIC, 0, 2, 3, [event(0, "lead.assigned", A, lead_id="l1", owner_id="o")])
            shard.apply(later._replace(start=shard.next.get(TOPIC, 0)))
            log.append(shard.take(NOW_MS))
            found.append((pulses, cells, {k: c for k, c in log.contents.items() if k.startswith("party_active")}))
        assert found[0] == found[1]


# What is sent.


def sent(world: World, number: int) -> list[Any]:
    return [msgspec.json.decode(record.value) for record in world.shards[number].take(NOW_MS).rekeyed]


def test_a_link_goes_out_once_per_flush_as_it_is_then() -> None:
    """Keyed by the lead's party, as old as what changed it, under names that cannot be mixed up."""
    world = World(random.Random(0))
    party = next(f"x/{n}%" for n in range(99) if partition_of(f"x/{n}%".encode(), SHARDS) == 1)
    shard = world.shards[1]
    placed = [order(4, party, "o/1"), order(6, party, "o/2")]
    shard.apply(Batch(TOPIC, 1, 0, 2, placed))
    shard.apply(Batch(TOPIC, 1, 2, 3, [event(9, "order.cancelled", party, order_id="o/2")]))
    first = shard.take(NOW_MS)
    escaped = party.replace("%", "%25").replace("/", "%2F")
    said = {record.value: record for record in first.rekeyed}
    assert {(r.partition, r.key, r.headers) for r in said.values()} == {(0, A.encode(), ())}
    links = sorted((msgspec.json.decode(value) for value in said), key=lambda found: found["data"]["link"])
    assert [(found["data"]["link"], found["data"].get("at_ms")) for found in links] == [
        (f"order:{escaped}/o/1", DAYS[4]), (f"order:{escaped}/o/2", None),
    ]  # fmt: skip
    assert [found["data"]["version"] for found in links] == [first.header.seq] * 2
    assert sorted(r.timestamp for r in said.values()) == [DAYS[6], DAYS[9]]
    assert first.header.counters["links_sent"] == 2
    assert not shard.take(NOW_MS).rekeyed


def test_versions_rise_over_a_recovery() -> None:
    """Killed after the flush that sent a link: the next version is a higher one."""
    world = World(random.Random(0))
    world.send(order(4))
    world.run()
    world.shards[1] = world.shard(1)
    world.send(event(9, "order.cancelled", B, order_id="o1"))
    world.read(1, TOPIC, world.topics[1])
    (before,) = [msgspec.json.decode(record.value or b"")["data"]["version"] for record in world.rekeyed[0]]
    (after,) = sent(world, 1)
    assert after["data"]["version"] > before
    assert "at_ms" not in after["data"]


# What is restored: each shard was cut for itself.


def restored(world: World, cut: list[Log], app: str) -> World:
    """A deployment of that app id that goes on over the same topics, with the unread links as they were exported."""
    relinking, other = Relinking(SHARDS, world.app, app), World(random.Random(1), app=app)
    headers = {}
    for number, log in enumerate(cut):
        for key, value in log.parties.items():
            relinking.take(key, value)
        assert log.header is not None
        headers[number] = raised(log.header)
        for record in world.rekeyed[number][log.header.next.get(REKEYED_TOPIC, 0) :]:
            relinking.take_unread(record)
        other.logs[number] = copy.deepcopy(log)
        other.logs[number].header = headers[number]
    other.topics, other.rekeyed = [list(t) for t in world.topics], [list(t) for t in world.rekeyed]
    for sent in relinking.links(headers):
        other.arrive(sent)
    other.shards = [other.shard(number) for number in range(SHARDS)]
    return other


CANCELLED = event(9, "order.cancelled", B, order_id="o1")


@pytest.mark.parametrize("app", ["test", "other"])
@pytest.mark.parametrize("later", [[], [CANCELLED], [void(order(4))]])
@pytest.mark.parametrize("at_once", [False, True])
def test_a_lead_cut_after_its_buyer_goes_on(app: str, later: list[Record], at_once: bool) -> None:
    """The lead knows a link that the buyer's shard has not sent yet, and may never send: all came back in one batch."""
    world = World(random.Random(0))
    world.send(LEAD)
    world.run()
    for _ in range(3):
        world.flush(1)
    buyer = copy.deepcopy(world.logs[1])
    for _ in range(20):
        world.flush(1)
    world.send(order(4))
    assert world.run().conversions == [(A, 4)]
    other = restored(world, [world.logs[0], buyer], app)
    other.send(*later)
    if at_once:
        records = other.topics[1]
        other.shards[1].apply(Batch(TOPIC, 1, 0, len(records), records))
    assert other.run().conversions == ([] if later else [(A, 4)])


@pytest.mark.parametrize("app", ["test", "other"])
def test_a_link_under_way_arrives_after_a_restore(app: str) -> None:
    """Also under another app id, which takes no links of the one before."""
    world = World(random.Random(0))
    world.send(LEAD, order(4), order(6, B, "o2"))
    world.run()
    world.send(CANCELLED, event(10, "order.cancelled", B, order_id="o2"), order(12, B, "o3"))
    while len(world.rekeyed[0]) < 5:
        world.read(1, TOPIC, world.topics[1])
        world.flush(1)
    assert world.conversions == [(A, 4)]
    other = restored(world, world.logs, app)
    assert other.run().conversions == [(A, 12)]
    other.send(event(13, "order.cancelled", B, order_id="o3"))
    assert other.run().conversions == []


def test_what_names_no_other_party_sends_nothing() -> None:
    """Then all is as without links."""
    world = run([LEAD, order(4, A), order(5, B, lead_party=""), order(6, B, "o2", lead_party=B)])
    assert (world.count("links_sent"), world.count("links_applied")) == (0, 0)
    assert applied(PLAN, [r._replace(offset=n) for n, r in enumerate([LEAD, order(4, A)])]).contents == world.contents


def test_a_measure_built_from_the_parties_finds_conversions_by_others() -> None:
    """The link is among what is kept of the lead's party."""
    some = {name: measure for name, measure in measures_of("leads").items() if name == "lead_created_flow"}
    few, world = compile_catalogue(catalogue_of(**some)), World(random.Random(0))
    world.shards = [world.shard(number, few) for number in range(SHARDS)]
    world.send(LEAD, order(4))
    world.run()
    whole = run([LEAD, order(4)])
    world.shards = [world.shard(number) for number in range(SHARDS)]
    for number in range(SHARDS):
        world.flush(number)
    assert whole.contents == world.contents


def test_shards_side_by_side_hand_over_what_they_send() -> None:
    """As the topic would bring it: one by one, from where each has read."""
    shards = [Shard(PLAN, number, SHARDS, Reader(), UTC, app="x") for number in range(SHARDS)]
    shards[0].apply(Batch(TOPIC, 0, 0, 1, [LEAD]))
    shards[1].apply(Batch(TOPIC, 1, 0, 2, [order(4), order(5, B, "o2")]))
    hand_over(shards[1].take(NOW_MS).rekeyed, shards)
    assert shards[0].next == {TOPIC: 1, REKEYED_TOPIC: 2}
    assert shards[0].counters["links_applied"] == 2


def test_the_facts_of_a_conversion_are_those_of_the_lead() -> None:
    """Its party, its dimensions, the lag from its creation."""
    world = run([LEAD, order(4)])
    held = Holdings(PLAN, ["leads"])
    for log in world.logs:
        for key, value in log.parties.items():
            held.take(key, value)
    facts = [(party, fact) for party, _, fact in held.facts() if fact.name == "lead_converted"]
    assert facts == [(A, Fact("lead_converted", DAYS[4], 3 * DAY_MS, ("web", None, None, None, None, None)))]


def test_what_a_journey_fails_on_links_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be it another journey, which finds out after the order was folded here."""
    step = JOURNEYS["orders"].step

    def failing(state: Any, event: Any) -> None:
        if event.id == "bad":
            raise RuntimeError("a mistake in the journey")
        step(state, event)

    monkeypatch.setitem(JOURNEYS, "orders", JOURNEYS["orders"]._replace(step=failing))
    plan = compile_catalogue(catalogue_of(**measures_of("leads"), **measures_of("orders")))
    shard = Shard(plan, 1, SHARDS, Reader(), UTC)
    bad = event(4, "order.placed", B, "bad", order_id="o1", amount=1, **NAMED)
    shard.apply(Batch(TOPIC, 1, 0, 2, [bad, order(5, B, "o2")]))
    flush = shard.take(NOW_MS)
    assert [letter.reason for letter in flush.dead_letters] == [Reason.INTERNAL_ERROR]
    assert [msgspec.json.decode(r.value)["data"]["at_ms"] for r in flush.rekeyed] == [DAYS[5]]


def test_in_the_past_a_link_is_known_from_the_conversion_on() -> None:
    """Not before, though it stands in front of all events of its lead."""
    world = run([LEAD, order(10)])
    past = Past(PLAN, UTC, [DAYS[5], DAYS[10], DAYS[10] + 1])
    for key, value in world.logs[0].parties.items():
        past.take(key, value)
    cells: dict[bytes, bytes | None] = {}
    converted = []
    for flush in past.flushes():
        cells |= flush
        of_conversions = [value for key, value in cells.items() if value and key.startswith(b"lead_converted_flow")]
        converted.append(any(n for value in of_conversions for _, _, n in decode_cell(value)))
    assert converted == [False, False, True]
