"""The whole state of one partition: batches in, changed records out. Synchronous; no I/O, no clock, no Kafka."""

from collections import Counter
from collections.abc import Mapping

from stream_kpis.engine.batch import Batch, DeadLetter, Flush, Gap, Header, Rekeyed, SourceRecord, header_decoder
from stream_kpis.engine.cells import Cells
from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.parties import EVENTS_MAX, Parties, Scope
from stream_kpis.engine.partition import partition_of
from stream_kpis.engine.tiles import DAY_MS, Calendar, Levels
from stream_kpis.events.envelope import Event, Incoming, Reader, Reason, Reject
from stream_kpis.events.types import EventVoided
from stream_kpis.journeys.facts import Fact

REKEYED_TOPIC = "crm.rekeyed"
_Origin = tuple[str, SourceRecord]
"""The topic and record of an event, or of the void that took one back from a scope."""
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
        self._parties = Parties()
        self._cells = Cells(plan, self._levels)
        self._homes: set[str] = set()
        self._dead: list[DeadLetter] = []
        self._rekeyed: list[Rekeyed] = []
        self._definitions = {**plan.definitions, "zone": calendar.zone, "currency": reader.currency}
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
        origins: dict[int, _Origin] = {}
        for record in batch.records:
            if record.offset >= position:
                self._accept(batch.topic, record, touched, origins)
        self._settle(touched, origins)
        if batch.records:
            self.reached[batch.topic] = max(self.reached.get(batch.topic, 0), batch.records[-1].timestamp)
        self.next[batch.topic] = batch.end

    def _accept(
        self,
        topic: str,
        record: SourceRecord,
        touched: dict[bytes, Scope],
        origins: dict[int, _Origin],
    ) -> None:
        incoming = self._reader.read(record.value, record.key, record.timestamp, record.headers)
        if isinstance(incoming, Reject):
            self._reject(topic, record, incoming.reason, incoming.detail)
            return
        if incoming.party not in self._homes and not self._is_home(topic, record, incoming):
            return
        party, event = incoming
        if isinstance(event.data, EventVoided):
            self._void((topic, record), party, event.data, touched, origins)
        elif self._parties.is_voided(party, event):
            self.counters["voided"] += 1
        else:
            self._insert(topic, record, party, event, touched, origins)

    def _is_home(self, topic: str, record: SourceRecord, incoming: Incoming) -> bool:
        """Whether the party belongs here; if not, its event is sent to where it does, once."""
        key = incoming.party.encode()
        home = partition_of(key, self._partitions)
        if home == self.partition:
            if len(self._homes) >= _HOMES_MAX:
                self._homes.clear()
            self._homes.add(incoming.party)
            return True
        if topic == REKEYED_TOPIC:
            self._reject(topic, record, Reason.MISROUTED, "re-keyed once already, and still in another partition")
        else:
            self.counters["rekeyed"] += 1
            self._rekeyed.append(Rekeyed(home, record.timestamp, key, record.value or b"", tuple(record.headers)))
        return False

    def _void(
        self, origin: _Origin, party: str, void: EventVoided, touched: dict[bytes, Scope], origins: dict[int, _Origin]
    ) -> None:
        self.counters["events"] += 1
        if not self._parties.void(party, void.source, void.id):
            self.counters["duplicates"] += 1
            return
        found = False
        for key, scope in self._parties.scopes_of(party):
            event = scope.find(void.source, void.id)
            if event is not None:
                found = True
                self._changing(key, scope, touched)
                scope.fresh = [other for other in scope.fresh if other is not event]
                scope.remove(event)
                origins.pop(id(event), None)
                origins[id(scope)] = origin
        self.counters["voids_unmatched"] += not found

    def _insert(
        self,
        topic: str,
        record: SourceRecord,
        party: str,
        event: Event,
        touched: dict[bytes, Scope],
        origins: dict[int, _Origin],
    ) -> None:
        """Puts an event into all its scopes, or into none."""
        ways = self._plan.routes.get(type(event.data))
        if ways is None:
            self.counters["unused"] += 1
            return
        scopes = []
        for journey, field in ways:
            entity = "" if field is None else getattr(event.data, field)
            key, scope = self._parties.scope(journey, party, entity)
            known = scope.find(event.source, event.id)
            if known is not None:
                if known.crc == event.crc:
                    self.counters["duplicates"] += 1
                else:
                    self._reject(
                        topic, record, Reason.ID_CONFLICT, f"{event.source} {event.id} came before with other content"
                    )
                return
            if scope.seal is not None and event.order <= scope.seal:
                self._reject(topic, record, Reason.SEALED, "older than what was sealed of its entity")
                return
            if len(scope.events) >= EVENTS_MAX:
                detail = f"its {journey.name} entity has {EVENTS_MAX} events already"
                self._reject(topic, record, Reason.TOO_MANY, detail)
                return
            scopes.append((key, scope, journey))
        late = False
        for key, scope, journey in scopes:
            self._changing(key, scope, touched)
            data = event.data if journey.keeps is None else journey.keeps(event.data)
            kept = event if data is event.data else _keeping(event, data)
            late |= scope.insert(kept)
            origins[id(kept)] = (topic, record)
        self.counters["events"] += 1
        self.counters["late"] += late

    def _changing(self, key: bytes, scope: Scope, touched: dict[bytes, Scope]) -> None:
        touched[key] = scope
        self._parties.touch(key)

    def _settle(self, touched: dict[bytes, Scope], origins: dict[int, _Origin]) -> None:
        """Folds the touched scopes and counts the difference of their facts."""
        failed: list[tuple[Event, _Origin]] = []
        before = {key: scope.facts for key, scope in touched.items()}
        for scope in touched.values():
            failed += [(event, origins.get(id(event)) or origins[id(scope)]) for event in scope.settle()]
        while failed:
            event, origin = failed.pop()
            self._reject(
                *origin, Reason.INTERNAL_ERROR, f"a journey failed on {event.source} {event.id}, which is left out"
            )
            for scope in touched.values():
                known = scope.find(event.source, event.id)
                if known is not None and known.crc == event.crc:  # else it is another party's
                    scope.remove(event)
                    failed += [(other, origins.get(id(other), origin)) for other in scope.settle()]
        for key, scope in touched.items():
            self._count_difference(before[key], scope.facts)

    def _count_difference(self, old: list[Fact], new: list[Fact]) -> None:
        common = 0
        for mine, yours in zip(old, new, strict=False):
            if mine != yours:
                break
            common += 1
        for fact in old[common:]:
            self._cells.count(fact, -1)
        for fact in new[common:]:
            self._cells.count(fact, 1)

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
        for name in ("zone", "currency"):
            if before.get(name, self._definitions[name]) != self._definitions[name]:
                raise DefinitionsChanged(
                    f"this state has the {name} {before[name]}, not {self._definitions[name]}: set it back, or start "
                    "with a new app id, so that the topics are read again"
                )
        for name in self._definitions:
            self._check_journey(name, before)
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


def _keeping(event: Event, data: object) -> Event:
    return Event(event.time_ms, event.rank, event.source, event.id, data, event.crc, event.recorded_ms)  # type: ignore[arg-type]
