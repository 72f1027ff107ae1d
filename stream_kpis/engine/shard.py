"""The whole state of one partition: batches in, changed records out. Synchronous; no I/O, no clock, no Kafka."""

from collections import Counter
from collections.abc import Mapping, Sequence

from stream_kpis.engine.batch import Batch, DeadLetter, Flush, Gap, Header, Rekeyed, SourceRecord, header_decoder
from stream_kpis.engine.cells import Cells
from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.origins import Origins
from stream_kpis.engine.parties import EVENTS_MAX, Parties
from stream_kpis.engine.partition import partition_of
from stream_kpis.engine.scopes import FORMAT, Scope
from stream_kpis.engine.tiles import DAY_MS, Calendar, Levels
from stream_kpis.events.envelope import Event, Reader, Reason, Reject
from stream_kpis.events.types import Data, EventVoided, TicketCreated

REKEYED_TOPIC = "crm.rekeyed"
_HOMES_MAX = 500_000
_SWEEP = 20


class DefinitionsChanged(Exception):  # noqa: N818 - says what happened
    """The state was made under other definitions, and the parties cannot rebuild it; one line that says what to do."""


class Shard:
    """One partition of all topics.

    Args:
        plan: the compiled catalogue.
        partition: the number of the partition.
        partitions: how many each source topic has.
        reader: reads records.
        calendar: the business days.
        disorder_days: how long after its record an event may still be corrected.
    """

    def __init__(
        self, plan: Plan, partition: int, partitions: int, reader: Reader, calendar: Calendar, disorder_days: int = 30
    ) -> None:
        self.partition = partition
        self.next: dict[str, int] = {}
        self.reached: dict[str, int] = {}
        self.counters: Counter[str] = Counter()
        self.seq = 0
        self._plan = plan
        self._partitions = partitions
        self._reader = reader
        self._disorder_ms = disorder_days * DAY_MS
        self._levels = Levels(calendar)
        self._parties = Parties(plan.journeys, pulsing="party_active" in plan.actions)
        self._cells = Cells(plan, self._levels)
        self._homes: set[str] = set()
        self._dead: list[DeadLetter] = []
        self._rekeyed: list[Rekeyed] = []
        self._definitions = {**plan.definitions, "zone": calendar.zone, "currency": reader.currency, "format": FORMAT}
        self._restored_definitions: dict[str, str] | None = None

    def advance(self, now_ms: int) -> None:
        """Moves the shard's idea of now on, which decides the tiles of what comes; rolls up what has grown old."""
        if self._levels.advance(now_ms):
            self._cells.roll_up()

    def apply(self, batch: Batch) -> None:
        """Applies what is new in a batch. Bad data becomes dead letters and never raises.

        Raises:
            Gap: the batch begins after what this shard has applied.
        """
        position = self.next.get(batch.topic, batch.start)
        if batch.end <= position:
            return
        if batch.start > position:
            raise Gap(batch.topic, batch.start, position)
        touched: dict[bytes, Scope] = {}
        voids: dict[bytes, SourceRecord] = {}
        records = batch.records
        if position > batch.start:
            records = [record for record in records if record.offset >= position]
        for record in records:
            self._accept(batch.topic, record, touched, voids)
        self._settle(touched, Origins(batch.topic, records, self._reader, voids))
        self._parties.changed(touched)
        if batch.records:
            self.reached[batch.topic] = max(self.reached.get(batch.topic, 0), batch.records[-1].timestamp)
        self.next[batch.topic] = batch.end

    def _accept(
        self, topic: str, record: SourceRecord, touched: dict[bytes, Scope], voids: dict[bytes, SourceRecord]
    ) -> None:
        incoming = self._reader.read(record.value, record.key, record.timestamp, record.headers)
        if isinstance(incoming, Reject):
            self._reject(topic, record, incoming.reason, incoming.detail)
            return
        party, event = incoming.party, incoming.event
        if party not in self._homes and not self._is_home(topic, record, party):
            return
        if type(event.data) is EventVoided:
            self._void(record, party, event.data, touched, voids)
        elif self._parties.is_voided(party, event):
            self.counters["voided"] += 1
        else:
            self._insert(topic, record, party, event, touched)

    def _is_home(self, topic: str, record: SourceRecord, party: str) -> bool:
        """Whether the party belongs here; if not, its event is sent to where it does, once."""
        key = party.encode()
        home = partition_of(key, self._partitions)
        if home == self.partition:
            if len(self._homes) >= _HOMES_MAX:
                self._homes.clear()
            self._homes.add(party)
            return True
        if topic == REKEYED_TOPIC:
            self._reject(topic, record, Reason.MISROUTED, "re-keyed once already, and still in another partition")
        else:
            self.counters["rekeyed"] += 1
            self._rekeyed.append(Rekeyed(home, record.timestamp, key, record.value or b"", tuple(record.headers)))
        return False

    def _void(
        self,
        record: SourceRecord,
        party: str,
        void: EventVoided,
        touched: dict[bytes, Scope],
        voids: dict[bytes, SourceRecord],
    ) -> None:
        self.counters["events"] += 1
        if not self._parties.void(party, void.source, void.id):
            self.counters["duplicates"] += 1
            return
        holders = [
            (scope, event)
            for scope in self._parties.scopes_of(party)
            if (event := scope.find(void.source, void.id)) is not None
        ]
        if not holders or self._is_sealed_somewhere(party, holders):
            self.counters["voids_unmatched"] += 1
            return
        for scope, event in holders:
            touched[scope.key] = scope
            voids[scope.key] = record
            scope.fresh = [other for other in scope.fresh if other is not event]
            scope.remove(event)

    def _is_sealed_somewhere(self, party: str, holders: Sequence[tuple[Scope, Event]]) -> bool:
        """Whether a scope of an event has sealed it while others have not yet: it is taken back in all or in none."""
        for scope, event in holders:
            if not scope.journey.takes_rest:  # which keeps of an event only that it was
                scopes = [
                    self._parties.scope(journey, party, _entity(event, field))
                    for journey, field in self._plan.routes.get(type(event.data), ())
                ]
                return any(other.seal is not None and event.order <= other.seal for other in scopes)
        return False

    def _insert(self, topic: str, record: SourceRecord, party: str, event: Event, touched: dict[bytes, Scope]) -> None:
        """Puts an event into all its scopes, or into none."""
        data = event.data
        ways = self._plan.routes.get(type(data))
        if ways is None:
            self.counters["unused"] += 1
            return
        scopes = []
        for journey, field in ways:
            scope = self._parties.scope(journey, party, _entity(event, field))
            if (scope.count or scope.seal is not None) and not self._is_new(topic, record, event, scope):
                return
            scopes.append(scope)
        late = False
        for scope in scopes:
            touched[scope.key] = scope
            if not scope.noted:
                self._parties.note(scope)
            keeps = scope.journey.keeps
            late |= scope.insert(event if keeps is None else _keeping(event, keeps(data, party)))
        self.counters["events"] += 1
        if late:
            self.counters["late"] += 1
        if type(data) is TicketCreated and data.calendar and not self._plan.calendars.knows(data.calendar):
            self.counters["calendars_unknown"] += 1

    def _is_new(self, topic: str, record: SourceRecord, event: Event, scope: Scope) -> bool:
        """Whether a scope may take an event: it is not known, not sealed, and there is room."""
        known = scope.find(event.source, event.id)
        if known is not None:
            if known.crc == event.crc:
                self.counters["duplicates"] += 1
            else:
                detail = f"{event.source} {event.id} came before with other content"
                self._reject(topic, record, Reason.ID_CONFLICT, detail)
        elif scope.seal is not None and event.order <= scope.seal:
            self._reject(topic, record, Reason.SEALED, "older than what was sealed of its entity")
        elif scope.count >= EVENTS_MAX:
            detail = f"its {scope.journey.name} entity has {EVENTS_MAX} events already"
            self._reject(topic, record, Reason.TOO_MANY, detail)
        else:
            return True
        return False

    def _settle(self, touched: dict[bytes, Scope], origins: Origins) -> None:
        """Folds the touched scopes and counts the difference of their facts."""
        before = {key: scope.facts for key, scope in touched.items()}
        failed: list[tuple[Scope, Event, SourceRecord | None]] = [
            (scope, event, None) for scope in touched.values() for event in scope.settle()
        ]
        shrunk = {touched[key].party for key in origins.voids}
        while failed:
            scope, event, cause = failed.pop()
            shrunk.add(scope.party)
            record = origins.of(scope, event, cause)
            detail = f"a journey failed on {event.source} {event.id}, which is left out"
            self._reject(origins.topic, record, Reason.INTERNAL_ERROR, detail)
            for other in self._parties.scopes_of(scope.party):
                known = other.find(event.source, event.id)
                if known is not None and known.crc == event.crc:
                    before.setdefault(other.key, other.facts)
                    touched[other.key] = other
                    other.remove(event)
                    failed += [(other, each, record) for each in other.settle()]
        count = self._cells.count_difference
        for key, scope in touched.items():
            count(before[key], scope.facts)
        for old, new in self._parties.pulses(touched.values(), shrunk):
            count(old, new)

    def _reject(self, topic: str, record: SourceRecord, reason: Reason, detail: str) -> None:
        self.counters[f"dead_letters:{reason}"] += 1
        self._dead.append(
            DeadLetter(
                reason, detail, topic, self.partition, record.offset, record.timestamp, record.key, record.value,
                tuple(record.headers),
            )
        )  # fmt: skip

    def take(self, now_ms: int, made_ms: int | None = None) -> Flush:
        """Everything that changed since the last take, at this instant.

        Args:
            now_ms: the wall clock if the shard has read its topics to their ends, else the smallest record timestamp
                that a topic still to be read has reached. What was recorded ``disorder_days`` before it is sealed.
            made_ms: the wall clock, for the header; ``now_ms`` if not given.
        """
        self.advance(now_ms)
        parties = self._parties.take(now_ms - self._disorder_ms, _SWEEP)
        cells = self._cells.take()
        dead, self._dead = self._dead, []
        rekeyed, self._rekeyed = self._rekeyed, []
        self.seq += 1
        self.counters["groups_folded"] = self._cells.groups_folded
        header = Header(
            self.seq,
            dict(self.next),
            dict(self.reached),
            made_ms or now_ms,
            dict(self.counters),
            self._definitions,
        )
        return Flush(parties, cells, dead, rekeyed, header)

    def restore_party(self, key: bytes, value: bytes | None) -> None:
        """Takes a record of the parties changelog, in the log's order."""
        self._parties.restore(key, value)

    def restore_cell(self, key: bytes, value: bytes | None) -> None:
        """Takes a record of the cells changelog, in the log's order, but for headers."""
        self._cells.restore(key, value)

    def restore_header(self, value: bytes) -> None:
        """Takes a header of the cells changelog; the last one counts."""
        header = header_decoder.decode(value)
        self.seq, self.next, self.reached = header.seq, dict(header.next), dict(header.reached)
        self.counters = Counter(header.counters)
        self._restored_definitions = header.definitions
        self._levels.advance(header.made_ms)

    def restored(self) -> None:
        """Ends the recovery: measures that are new or were changed are built from the parties.

        Raises:
            DefinitionsChanged: the zone or currency is another one, or a measure needs a journey whose events were not
                kept.
        """
        before = self._restored_definitions
        if before is None:
            return
        if before.get("format") != FORMAT:
            raise DefinitionsChanged(
                "this state was written by another version of stream-kpis; start with a new app id, so that the topics "
                "are read again"
            )
        for name in ("zone", "currency"):
            if before.get(name, self._definitions[name]) != self._definitions[name]:
                raise DefinitionsChanged(
                    f"this state has the {name} {before[name]}, not {self._definitions[name]}: set it back, or start "
                    "with a new app id, so that the topics are read again"
                )
        gone = {
            name.removeprefix("journey:") for name in before if name.startswith("journey:")
        } - self._plan.journeys.keys()
        if gone and "party_active" in self._plan.actions:
            raise DefinitionsChanged(
                f"journey {min(gone)} is gone, and with it some last events; start with a new app id, so that the "
                "topics are read again"
            )
        for name in self._definitions:
            self._check_journey(name, before)
        self._parties.restored()
        self._cells.roll_up()
        new = frozenset(name for name, digest in self._plan.definitions.items() if before.get(name) != digest)
        if new:
            self._rebuild(new)

    def _check_journey(self, name: str, before: Mapping[str, str]) -> None:
        """A journey's events must have been kept, and nothing of it sealed as another version of it."""
        journey = name.removeprefix("journey:")
        if journey == name or before.get(name) == self._definitions[name]:
            return
        if name not in before or self._parties.has_seals(journey):
            why = "has changed, and some of its state is sealed" if name in before else "did not run before"
            raise DefinitionsChanged(
                f"journey {journey} {why}; start with a new app id, so that the topics are read again"
            )

    def _rebuild(self, measures: frozenset[str]) -> None:
        """Counts the facts of all parties for some measures, which begin at nothing."""
        self._cells.forget(measures)
        journeys = frozenset(name.removeprefix("journey:") for name in self._definitions if name.startswith("journey:"))
        for fact in self._parties.facts(journeys):
            self._cells.count_only(fact, measures)


def _entity(event: Event, field: str | None) -> str | tuple[str, str]:
    """Which entity an event is about; without an id it is one of its own."""
    if field is None:
        return ""
    named: str | None = getattr(event.data, field) if field else None
    return (event.source, event.id) if named is None else named


def _keeping(event: Event, data: Data) -> Event:
    if data is event.data:
        return event
    return Event(event.time_ms, event.rank, event.source, event.id, data, event.crc, event.recorded_ms)
