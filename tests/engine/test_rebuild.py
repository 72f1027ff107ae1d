"""What is foretold of a changed catalogue is what a shard then does."""

import msgspec
import pytest

from stream_kpis.engine.batch import header_encoder
from stream_kpis.engine.compiler import Plan, compile_catalogue
from stream_kpis.engine.definitions import DefinitionsChanged
from stream_kpis.engine.rebuild import Source, outlook
from stream_kpis.engine.scopes import FORMAT
from stream_kpis.engine.shard import Shard
from stream_kpis.engine.tiles import Calendar
from stream_kpis.events.envelope import Reader
from stream_kpis.kpis.schema import Measure
from tests.engine.shards import Log, applied, catalogue_of
from tests.engine.test_shard import lead
from tests.engine.worlds import NOW_MS

LEADS = Measure(flow="lead_created")
BY_OWNER = Measure(flow="lead_created", by=("owner",))
SOLVED = Measure(flow="ticket_solved_first")
ACTIVE = Measure(recency="party_active")
CELLS, PARTIES, TOPICS = Source


def plan(**measures: Measure) -> Plan:
    return compile_catalogue(catalogue_of(**measures))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": LEADS}, {"a": LEADS}, {"a": CELLS}),
        ({"a": LEADS}, {"a": BY_OWNER}, {"a": PARTIES}),
        ({"a": LEADS}, {"a": LEADS, "b": BY_OWNER}, {"a": CELLS, "b": PARTIES}),
        ({"a": LEADS, "b": LEADS}, {"a": LEADS}, {"a": CELLS}),
        ({"a": LEADS}, {"a": LEADS, "b": SOLVED}, {"a": CELLS, "b": TOPICS}),
        ({"a": LEADS, "b": SOLVED}, {"a": LEADS, "c": ACTIVE}, {"a": CELLS, "c": TOPICS}),
        ({"a": LEADS, "c": ACTIVE}, {"a": BY_OWNER, "c": ACTIVE}, {"a": PARTIES, "c": CELLS}),
    ],
)  # fmt: skip
def test_a_shard_does_what_was_foretold(
    before: dict[str, Measure], after: dict[str, Measure], expected: dict[str, Source]
) -> None:
    """It refuses if something needs the topics; else it writes the cells of what is built from the parties."""
    log = applied(plan(**before), [lead(0), lead(1)])
    coming = plan(**after)
    assert log.header is not None
    found = outlook(coming, {"zone": "UTC", "currency": "USD"}, log.header.definitions, frozenset())
    assert {one.measure: one.source for one in found} == expected
    assert all(bool(one.why) == (one.source is TOPICS) for one in found)
    if TOPICS in expected.values():
        with pytest.raises(DefinitionsChanged):
            log.recovered(coming)
        return
    flush = log.recovered(coming).take(NOW_MS)
    written = {key.decode().partition("\x1f")[0] for key, value in flush.cells if value is not None}
    counted = {name for name, source in expected.items() if source is PARTIES}
    assert written == counted


@pytest.mark.parametrize(
    ("changes", "sealed", "expected"),
    [
        ({}, frozenset(), CELLS),
        ({"zone": "Asia/Kathmandu"}, frozenset(), TOPICS),
        ({"currency": "EUR"}, frozenset(), TOPICS),
        ({"format": "0"}, frozenset(), TOPICS),
        ({"journey:leads": "0", "a": "old"}, frozenset(), PARTIES),
        ({"journey:leads": "0", "a": "old"}, frozenset({"leads"}), TOPICS),
        ({"journey:leads": "0", "a": "old"}, frozenset({"tickets"}), PARTIES),
    ],
)
def test_another_zone_currency_format_or_journey_is_foretold_too(
    changes: dict[str, str], sealed: frozenset[str], expected: Source
) -> None:
    """Sealed state is only known as the journey was then."""
    coming = plan(a=LEADS)
    log = applied(coming, [lead(0)])
    assert log.header is not None
    before = log.header.definitions | changes
    (found,) = outlook(coming, {"zone": "UTC", "currency": "USD"}, before, sealed)
    assert found.source is expected
    if not sealed:
        shard = Shard(coming, 0, 1, Reader(), Calendar())
        for key, value in log.parties.items():
            shard.restore_party(key, value)
        shard.restore_header(header_encoder.encode(msgspec.structs.replace(log.header, definitions=before)))
        if expected is TOPICS:
            with pytest.raises(DefinitionsChanged):
                shard.restored()
        else:
            shard.restored()
            flushed = Log()
            flushed.append(shard.take(NOW_MS))
            assert bool(flushed.contents) == (expected is PARTIES)


def test_a_journey_that_is_gone_takes_last_events_with_it() -> None:
    """All is refused, as the shard does, if those are counted."""
    for coming, expected in ((plan(a=LEADS), {CELLS}), (plan(a=LEADS, c=ACTIVE), {TOPICS})):
        before = coming.definitions | {"zone": "UTC", "currency": "USD", "format": FORMAT, "journey:faxes": "1"}
        found = outlook(coming, {"zone": "UTC", "currency": "USD"}, before, frozenset())
        assert {one.source for one in found} == expected
