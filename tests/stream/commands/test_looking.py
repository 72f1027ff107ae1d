"""Where the events of a party lie."""

from collections.abc import Collection
from types import SimpleNamespace

import msgspec
import pytest

from stream_kpis.engine.compiler import compile_catalogue
from stream_kpis.engine.holdings import Holdings
from stream_kpis.engine.shard import Shard
from stream_kpis.engine.tiles import DAY_MS, Calendar
from stream_kpis.events.envelope import Reader
from stream_kpis.kpis.load import built_in
from stream_kpis.live.evaluate import _batches
from stream_kpis.live.receipts.party import Place, dossier
from stream_kpis.settings import Settings
from stream_kpis.stream.commands import looking
from tests.live.stories import DAY_0_MS, happened

PLAN = compile_catalogue(built_in())
NOW_MS = DAY_0_MS + 9 * DAY_MS
LEAD, ORDER = happened(1, "lead.created", lead_id="l1"), happened(2, "order.placed", order_id="o1", amount=1)


@pytest.mark.parametrize(("came_by", "reads"), [("crm.orders", 1), ("crm.deals", 2), ("crm.rekeyed", 2)])
async def test_an_event_lies_where_it_came_by(monkeypatch: pytest.MonkeyPatch, came_by: str, reads: int) -> None:
    """It counts by whatever topic it came; the others are read only if it is not in its own."""
    shard, holdings = Shard(PLAN, 0, 1, Reader(), Calendar(), 10**5), Holdings(PLAN, party="A")
    for batch in _batches([LEAD, ORDER], {}):
        shard.apply(batch)
    for key, value in shard.take(NOW_MS).parties:
        holdings.take(key, value)
    found = dossier("A", holdings, PLAN, Calendar(), NOW_MS, "USD")
    lying = [("crm.leads", 4, LEAD), (came_by, 7, ORDER)]
    asked: list[list[str]] = []

    async def records_of(_: Settings, party: str, topics: Collection[str]) -> list[object]:
        assert party == "A"
        asked.append(list(topics))
        return [
            SimpleNamespace(
                topic=f"x.{topic}",
                partition=3,
                offset=offset,
                key=b"A",
                value=event.value,
                timestamp=NOW_MS,
                headers=(),
            )
            for topic, offset, event in lying
            if topic in topics
        ]

    monkeypatch.setattr(looking, "records_of", records_of)
    places = await looking._places(msgspec.structs.replace(Settings(), prefix="x."), found)
    assert [places[event.source, event.id] for event, _ in found.events] == [
        Place("crm.leads", 3, 4), Place(came_by, 3, 7),
    ]  # fmt: skip
    assert asked[0] == ["crm.leads", "crm.orders"]
    assert len(asked) == reads
    assert len({topic for some in asked for topic in some}) == sum(map(len, asked))  # each topic once at most
