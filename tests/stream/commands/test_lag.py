"""How far shards lag, and their newest headers, wherever these stand in the changelog."""

from types import SimpleNamespace

import pytest

from stream_kpis.engine.batch import HEADER_KEY, Header, header_encoder
from stream_kpis.settings import Settings
from stream_kpis.stream.changelog import newest_headers
from stream_kpis.stream.commands import lag
from stream_kpis.stream.commands.lag import Lag, headers_at_ends, lag_of

SETTINGS = Settings(partitions=2)


def header(seq: int, **applied: int) -> Header:
    return Header(seq, {topic.replace("_", "."): end for topic, end in applied.items()}, {}, 0, {}, {})


class Log:
    """A broker with a cells changelog, all of it committed; None is a control record, which nobody is given."""

    def __init__(self, cells: list[list[Header | bytes | None]], ends: int = 0) -> None:
        self.cells, self.ends, self.read = cells, ends, 0
        self._at: dict[int, int] = {}
        self.missing: set[str] = set()

    def assign(self, wanted) -> None:
        self._at = dict.fromkeys((tp.partition for tp in wanted), 0)

    async def topics(self) -> set[str]:
        return {*lag.Names.of(SETTINGS).sources} - self.missing

    async def beginning_offsets(self, wanted):
        return dict.fromkeys(wanted, 0)

    async def end_offsets(self, wanted):
        return {tp: len(self.cells[tp.partition]) if "cells" in tp.topic else self.ends for tp in wanted}

    def seek(self, tp, offset: int) -> None:
        self._at[tp.partition] = offset

    async def position(self, tp) -> int:
        return self._at[tp.partition]

    async def getmany(self, *wanted, timeout_ms: int, max_records: int):
        found = {}
        for tp in wanted:
            start = self._at[tp.partition]
            some = self.cells[tp.partition][start : start + max_records]
            self._at[tp.partition] += len(some)
            self.read += len(some)
            found[tp] = [
                SimpleNamespace(
                    partition=tp.partition,
                    key=HEADER_KEY if isinstance(said, Header) else said,
                    value=header_encoder.encode(said) if isinstance(said, Header) else b"cell",
                )
                for said in some
                if said is not None
            ]
        return found


@pytest.mark.parametrize("after", [0, 1, 999, 1_000, 1_001, 30_000])
async def test_the_newest_header_is_found_however_many_records_follow_it(after: int) -> None:
    """Those of a large flush that was given up, say; of a shard that never wrote one there is none."""
    log = Log([[header(1), b"cell", header(2), *[None] * after], [b"cell"] * 5_000])
    assert await newest_headers(log, SETTINGS) == {0: header(2)}


async def test_headers_at_the_end_are_found_without_reading_all() -> None:
    log = Log([[b"cell"] * 50_000 + [header(7), None]] * 2)
    assert await newest_headers(log, SETTINGS) == {0: header(7), 1: header(7)}
    assert log.read < 3_000


def test_what_is_behind_the_ends_is_counted_by_shard() -> None:
    ends = {("crm.leads", 0): 10, ("crm.orders", 0): 5, ("crm.leads", 1): 4, ("crm.leads", 2): 0, ("crm.leads", 3): 7}
    headers = {0: header(1, crm_leads=10, crm_orders=3), 1: header(1, crm_leads=9), 3: header(1)}
    assert lag_of(headers, ends) == Lag((0, 3), 9)
    assert lag_of({}, ends) == Lag((0, 1, 3), 26)


async def test_what_is_applied_within_the_wait_is_no_lag(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker flushes a moment after it has read."""
    applied = dict.fromkeys(lag.Names.of(SETTINGS).sources, 3)
    log = Log([[Header(1, {}, {}, 0, {}, {})], [Header(1, applied, {}, 0, {}, {})]], ends=3)

    async def flushed(_: float) -> None:
        log.cells[0].append(Header(2, applied, {}, 0, {}, {}))

    monkeypatch.setattr(lag.asyncio, "sleep", flushed)
    headers, found = await headers_at_ends(log, SETTINGS)
    assert (headers[0].seq, found) == (2, Lag((), 0))


async def test_who_does_not_catch_up_lags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lag, "_WAIT_S", 0.0)
    log = Log([[header(1)], []], ends=3)
    log.missing.add("crm.leads")
    topics = len(lag.Names.of(SETTINGS).sources)
    headers, found = await headers_at_ends(log, SETTINGS)
    assert (headers, found) == ({0: header(1)}, Lag((0, 1), 2 * 3 * (topics - 1)))
    assert str(found) == (
        f"stale: shards 0, 1 are {found.records} records behind the topics: their events are in no value until a worker"
        " has applied them"
    )
