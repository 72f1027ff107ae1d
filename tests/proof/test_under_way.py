"""What counts at the cut of a snapshot."""

import random
from itertools import chain
from typing import Any

import msgspec
import pytest

from stream_kpis.engine.batch import Batch
from stream_kpis.engine.compiler import compile_catalogue
from stream_kpis.engine.partition import partition_of
from stream_kpis.engine.shard import Shard
from stream_kpis.engine.tiles import Calendar
from stream_kpis.events.envelope import Incoming, Reader, Record, encode_event
from stream_kpis.events.types import KIND_OF_NAME, LeadConverted
from stream_kpis.kpis.load import built_in
from stream_kpis.live.model.read_model import ReadModel
from stream_kpis.live.model.snapshot import Value
from stream_kpis.proof.compare import Difference, asks_of, compare
from stream_kpis.proof.replay import laid_out
from stream_kpis.proof.simulate import Simulation
from stream_kpis.proof.under_way import counted
from stream_kpis.proof.verify import SIMULATED_NOW_MS, oracle_of

pytestmark = pytest.mark.slow

PARTITIONS = 4
VALUE = encode_event("customer.created", id="1", source="s", time="2026-01-01T00:00:00Z", subject="p", data={})
HOME = partition_of(b"p", PARTITIONS)
AWAY = (HOME + 1) % PARTITIONS


@pytest.mark.parametrize("key", [b"p", None])
def test_an_event_away_from_home_counts_when_its_copy_is_counted(key: bytes | None) -> None:
    """Until then no shard has counted it, though its original is read."""
    astray = Record("crm.customers", AWAY, 0, 0, key, VALUE)
    copy = Record("crm.rekeyed", HOME, 0, 0, b"p", VALUE)
    assert counted([astray], PARTITIONS) == []
    assert counted([astray, copy], PARTITIONS) == [astray]


def test_an_event_at_home_counts() -> None:
    here = Record("crm.customers", HOME, 0, 0, b"p", VALUE)
    assert counted([here], PARTITIONS) == [here]


def test_what_has_no_party_is_left_to_the_reader() -> None:
    nobody = Record("crm.customers", 0, 0, 0, None, b"no event")
    assert counted([nobody], PARTITIONS) == [nobody]


# Links.

NAMED = {"lead_id": "l1", "lead_party": "p"}
LINK = "order:q/o1"


def record(kind: str, party: str, /, headers: tuple[tuple[str, bytes], ...] = (), **data: Any) -> Record:
    value = encode_event(kind, id=f"{data}", source="s", time="2026-01-02T00:00:00Z", subject=party, data=data)
    if headers:
        value = msgspec.json.encode(data)
        headers = (*headers, ("ce_type", kind.encode()))
    key = party.encode()
    return Record(KIND_OF_NAME[kind].topic, partition_of(key, PARTITIONS), 0, 0, key, value, headers)


def sent(version: int, at_ms: int | None, *, link: str = LINK, app: str = "x", party: str = "p") -> Record:
    data = {"lead_id": "l1", "link": link, "version": version, "at_ms": at_ms}
    said = {"specversion": "1.0", "id": "1", "type": "lead.linked", "source": f"stream-kpis/{app}", "subject": party}
    return Record("crm.rekeyed", HOME, 0, 0, party.encode(), msgspec.json.encode(said | {"data": data}))


def data_of(record: Record) -> dict[str, Any]:
    said = msgspec.json.decode(record.value or b"")
    return said if record.headers else said["data"]


ORDER = record("order.placed", "q", order_id="o1", amount=1, **NAMED)


@pytest.mark.parametrize(
    "under_way",
    [[], [sent(1, 5, app="y")], [sent(1, 5, link="order:q/o2")], [sent(1, 5, link="deal:q/o1")],
     [sent(1, 5, party="r")], [ORDER._replace(topic="crm.rekeyed")]],
)  # fmt: skip
def test_without_a_link_under_way_all_is_as_it_was_read(under_way: list[Record]) -> None:
    assert counted([ORDER, sent(1, 5)], PARTITIONS, under_way, "x") == [ORDER]


@pytest.mark.parametrize("headers", [(), (("ce_id", b"1"),)])
@pytest.mark.parametrize(
    ("kind", "link"), [("order.placed", LINK), ("deal.created", "deal:q/o1"), ("order.placed", "order:q%2F1/o1")]
)
def test_a_deal_or_order_whose_link_is_under_way_names_no_lead_yet(
    kind: str, link: str, headers: tuple[tuple[str, bytes], ...]
) -> None:
    """In structured and in binary mode; all else of it counts."""
    party = "q/1" if "%2F" in link else "q"
    field = "order_id" if kind == "order.placed" else "deal_id"
    placed = record(kind, party, headers, amount=1, **{field: "o1"}, **NAMED)
    (found,) = counted([placed], PARTITIONS, [sent(1, 5, link=link)], "x")
    assert data_of(found) == {"amount": 1, field: "o1", "lead_party": "p"}
    assert found._replace(value=placed.value) == placed


def test_what_was_known_of_a_link_counts_until_the_next_version_comes() -> None:
    """As if the lead's party had said so."""
    before = [sent(1, 5), sent(3, 86_400_123), sent(2, 7)]
    order, said = counted([ORDER, *before], PARTITIONS, [sent(4, None)], "x")
    assert "lead_id" not in data_of(order)
    incoming = Reader().read(said.value, said.key, said.timestamp)
    assert isinstance(incoming, Incoming)
    assert (incoming.party, incoming.event.time_ms) == ("p", 86_400_123)
    assert incoming.event.data == LeadConverted(lead_id="l1")
    assert len(counted([ORDER, *before, sent(4, None)], PARTITIONS, [sent(5, 9)], "x")) == 1


@pytest.mark.parametrize(
    "value", [b'{"lead_party"', b'{"type":7,"lead_party":1}', b'{"type":"order.placed","data":{"lead_party":"p"}}']
)
def test_what_cannot_be_read_is_left_to_the_reader(value: bytes) -> None:
    broken = ORDER._replace(value=value)
    assert counted([broken], PARTITIONS, [sent(1, 5)], "x") == [broken]


PLAN = compile_catalogue(built_in())
LEADS_KPIS = ("lead_conversion_rate", "lead_conversion_flow_ratio", "leads_open_uncontacted", "leads_new")


@pytest.mark.parametrize("seed", range(2))
def test_at_any_cut_the_oracle_says_what_the_shards_have_counted(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards that have read some of everything, and some of what they sent each other."""
    monkeypatch.setattr("stream_kpis.proof.simulate.sales.ELSEWHERE", 0.9)
    dice = random.Random(seed)
    logs = laid_out(Simulation(seed, 30).history(3_000, 200, SIMULATED_NOW_MS), 3, SIMULATED_NOW_MS)
    shards = [Shard(PLAN, number, 3, Reader(), Calendar(), 10**5, app="x") for number in range(3)]
    model, rekeyed = ReadModel(PLAN, Calendar()), [list[Record]() for _ in shards]
    ends = {place: len(log) - dice.randrange(len(log) // 5 + 1) for place, log in logs.items()}
    left = dict(ends)
    while left:
        topic, partition = dice.choice(list(left))
        shard = shards[partition]
        at = shard.next.get(topic, 0)
        end = min(at + dice.randrange(1, 40), left[topic, partition])
        shard.apply(Batch(topic, partition, at, end, logs[topic, partition][at:end]))
        if end == left[topic, partition]:
            del left[topic, partition]
        if dice.random() < 0.3:
            flush(shard, model, rekeyed)
        if dice.random() < 0.05:
            receive(dice.choice(shards), rekeyed, dice)
    for shard in shards:
        flush(shard, model, rekeyed)
    below = [log[: ends[place]] for place, log in logs.items()]
    below += [log[: shard.next.get("crm.rekeyed", 0)] for shard, log in zip(shards, rekeyed, strict=True)]
    under_way = [r for shard, log in zip(shards, rekeyed, strict=True) for r in log[shard.next.get("crm.rekeyed", 0) :]]
    assert under_way
    snapshot = model.snapshot(SIMULATED_NOW_MS)
    values = [value for value in snapshot.values if value.kpi in LEADS_KPIS]
    records = list(chain.from_iterable(below))
    assert values
    assert not differences(values, snapshot.to_ms, counted(records, 3, under_way, "x"))
    assert differences(values, snapshot.to_ms, counted(records, 3))


def differences(values: list[Value], to_ms: int, records: list[Record]) -> list[Difference]:
    oracle = oracle_of(PLAN, Reader(), "UTC", only=LEADS_KPIS)
    oracle.load(records)
    return compare(values, oracle.answer(asks_of(values), to_ms)).differences


def flush(shard: Shard, model: ReadModel, rekeyed: list[list[Record]]) -> None:
    taken = shard.take(SIMULATED_NOW_MS)
    model.apply(shard.partition, taken.cells)
    for one in taken.rekeyed:
        log = rekeyed[one.partition]
        log.append(Record("crm.rekeyed", one.partition, len(log), one.timestamp, one.key, one.value, one.headers))


def receive(shard: Shard, rekeyed: list[list[Record]], dice: random.Random) -> None:
    log, at = rekeyed[shard.partition], shard.next.get("crm.rekeyed", 0)
    if at < len(log):
        end = dice.randrange(at, len(log)) + 1
        shard.apply(Batch("crm.rekeyed", shard.partition, at, end, log[at:end]))
