"""Shards for the tests: catalogues that count everything, the changelogs of a shard, and ways through it."""

import functools
from collections.abc import Iterable, Sequence

from stream_kpis.engine.batch import Batch, DeadLetter, Flush, Header, Rekeyed, header_encoder
from stream_kpis.engine.cells import decode_cell
from stream_kpis.engine.compiler import Plan, compile_catalogue
from stream_kpis.engine.shard import Shard
from stream_kpis.engine.tiles import Calendar
from stream_kpis.events.envelope import Reader, Record
from stream_kpis.events.rates import Rates
from stream_kpis.journeys.facts import FACTS
from stream_kpis.kpis.business_time import WEEKDAYS, Calendars, Version
from stream_kpis.kpis.load import Catalogue
from stream_kpis.kpis.schema import Measure
from tests.engine.worlds import NOW_MS, Happening, record_of

UTC = Calendar()
CALENDARS = Calendars(
    {
        "1": [Version(zone="Europe/Berlin", week=dict.fromkeys(WEEKDAYS[:5], "09:00-17:00"))],
        "desk": [Version(zone="UTC", week=dict.fromkeys(WEEKDAYS, "00:00-06:00"))],
    },
    "desk",
)
"""One that events name (the other one that they name is not there), and the default."""
FOR_EVER_DAYS = 10**5
TOPIC = "crm.leads"
"""Where the tests put everything: the engine does not care."""

_COHORTS = {
    "lead_converted": "lead_created",
    "lead_qualified": "lead_created",
    "survey_responded": "survey_sent",
    "deal_created_won": "deal_created",
    "deal_stage_passed": "deal_stage_reached",
    "ticket_reopened": "ticket_solved_first",
    "email_bounced": "email_sent",
    "email_opened": "email_delivered",
    "email_complained": "email_delivered",
    "unit_converted": "unit_exposed",
}
_WAITING = ("ticket_unanswered", "ticket_unsolved", "deal_idle", "lead_uncontacted")

Contents = dict[str, dict[tuple[str, int], int]]
"""Cells by key: (group, slot) → n."""


def catalogue_of(**measures: Measure) -> Catalogue:
    """A catalogue of measures alone."""
    return Catalogue(measures, {}, {}, {}, {f"measures.{name}": f"test.yaml:{n}" for n, name in enumerate(measures)})


def measures_of(journey: str) -> dict[str, Measure]:
    """All facts of a journey in every kind of measure that fits, by every dimension and a pair; and some of them."""
    found = {}
    for name, fact in FACTS.items():
        if fact.journey != journey:
            continue
        by = (*fact.dims, ",".join(fact.dims[:2])) if len(fact.dims) > 1 else fact.dims
        found[f"{name}_flow"] = Measure(flow=name, by=by)
        found[f"{name}_recency"] = Measure(recency=name, by=by)
        if fact.dims:
            words = fact.words.get(fact.dims[0], ("1",))
            found[f"{name}_some"] = Measure(flow=name, where={fact.dims[0]: (words[0], "unknown")}, by=by)
        if fact.value.startswith("±"):
            found[f"{name}_level"] = Measure(level=name, by=by)
        if fact.value == "±1":
            found[f"{name}_exposure"] = Measure(exposure=name, by=by)
        if fact.value.endswith("ms"):
            found[f"{name}_times"] = Measure(distribution=name, by=by)
            found[f"{name}_joined"] = Measure(joined=name, by=by)
            found[f"{name}_gap"] = Measure(gap=name, by=by)
        if name in _COHORTS:
            found[f"{name}_cohort"] = Measure(cohort=name, base=_COHORTS[name], within="30d", by=by)
        if name in _WAITING:
            found[f"{name}_waiting"] = Measure(open_set=name, by=by)
        if fact.business is not None:
            kind = {"duration": "distribution", "deadline": "flow", "age": "open_set"}[fact.business]
            found[f"{name}_business"] = Measure(**{kind: name}, clock="business", by=by)
    return found


@functools.cache
def plan_of(journey: str) -> Plan:
    """The plan that counts all facts of one journey."""
    return compile_catalogue(catalogue_of(**measures_of(journey)), CALENDARS)


class Log:
    """The changelogs of a shard, compacted, and what else its flushes held."""

    def __init__(self) -> None:
        self.parties: dict[bytes, bytes] = {}
        self.cells: dict[bytes, bytes] = {}
        self.catalogues: dict[bytes, bytes] = {}
        self.header: Header | None = None
        self.dead_letters: list[DeadLetter] = []
        self.rekeyed: list[Rekeyed] = []

    def settle(self, shard: Shard, now_ms: int) -> Flush:
        """A flush of a shard that counts under a new catalogue, and one after nobody shows the old ones any more."""
        flush = shard.take(now_ms)
        self.append(flush)
        shard.catalogues.retire()
        self.append(shard.take(now_ms))
        return flush

    def append(self, flush: Flush) -> None:
        """One flush, as the transaction writes it."""
        tables = (self.parties, flush.parties), (self.cells, flush.cells), (self.catalogues, flush.catalogues)
        for table, records in tables:
            for key, value in records:
                if value is None:
                    table.pop(key, None)
                else:
                    table[key] = value
        self.header = flush.header
        self.dead_letters += flush.dead_letters
        self.rekeyed += flush.rekeyed

    @property
    def contents(self) -> Contents:
        """The cells, decoded."""
        return {
            key.decode(): {(group, slot): n for group, slot, n in decode_cell(value)}
            for key, value in self.cells.items()
        }

    @property
    def scopes(self) -> dict[bytes, bytes]:
        """The parties, without archives."""
        return {key: value for key, value in self.parties.items() if b"archive" not in key}

    def recovered(
        self, plan: Plan, calendar: Calendar = UTC, disorder_days: int = FOR_EVER_DAYS, rates: Rates | None = None
    ) -> Shard:
        """A new shard that has read these changelogs."""
        shard = new_shard(plan, calendar, disorder_days, rates)
        for key, value in self.parties.items():
            shard.restore_party(key, value)
        for key, value in self.cells.items():
            shard.restore_cell(key, value)
        for key, value in self.catalogues.items():
            shard.catalogues.restore(key, value)
        if self.header is not None:
            shard.restore_header(header_encoder.encode(self.header))
        shard.restored()
        return shard


def new_shard(
    plan: Plan, calendar: Calendar = UTC, disorder_days: int = FOR_EVER_DAYS, rates: Rates | None = None
) -> Shard:
    """The only shard of a deployment of one partition."""
    return Shard(plan, 0, 1, Reader(), calendar, disorder_days, rates)


def batch(records: Sequence[Record]) -> Batch:
    """All of these, which follow each other."""
    return Batch(TOPIC, 0, records[0].offset, records[-1].offset + 1, records)


def records_of(happenings: Iterable[Happening], first: int = 0) -> list[Record]:
    """The events in the order given, all recorded now."""
    return [record_of(happening, first + n) for n, happening in enumerate(happenings)]


def numbered(records: Iterable[Record]) -> list[Record]:
    """The records with new offsets, in the order given."""
    return [record._replace(offset=offset) for offset, record in enumerate(records)]


def applied(plan: Plan, records: Sequence[Record], calendar: Calendar = UTC, *, now_ms: int = NOW_MS) -> Log:
    """What a shard writes that gets the records in one batch."""
    return in_batches(plan, [records] if records else [], calendar, now_ms=now_ms)


def in_batches(
    plan: Plan, batches: Iterable[Sequence[Record]], calendar: Calendar = UTC, *, now_ms: int = NOW_MS
) -> Log:
    """What a shard writes that gets the records in batches, and flushes after each."""
    log, shard = Log(), new_shard(plan, calendar)
    for records in batches:
        shard.apply(batch(records))
        log.append(shard.take(now_ms))
    log.append(shard.take(now_ms))
    return log
