"""The whole state of one partition: batches in, changed records out. Synchronous; no I/O, no clock, no Kafka."""

from collections import Counter
from collections.abc import Sequence

from stream_kpis.engine.batch import Batch, DeadLetter, Flush, Gap, Header, SourceRecord, header_decoder
from stream_kpis.engine.catalogues import Kept
from stream_kpis.engine.cells import Cells
from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.definitions import check, check_rates
from stream_kpis.engine.exchange import Exchange, OutOfBounds
from stream_kpis.engine.origins import Origins
from stream_kpis.engine.parking import PARKED_BYTES_MAX, Parking
from stream_kpis.engine.parties import VOIDS_MAX, Parties
from stream_kpis.engine.rekeying import REKEYED_TOPIC, Link, Rekeying, link_of
from stream_kpis.engine.scopes import FORMAT, Scope
from stream_kpis.engine.settling import settle
from stream_kpis.engine.tiles import DAY_MS, Calendar, Levels
from stream_kpis.events.envelope import Event, Incoming, Reader, Reason, Reject
from stream_kpis.events.rates import Rates
from stream_kpis.events.types import EventVoided, LeadLinked, TicketCreated

_SWEEP = 20


class Shard:
    """One partition of all topics.

    Args:
        plan: the compiled catalogue.
        partition: the number of the partition.
        partitions: how many each source topic has.
        reader: reads records.
        calendar: the business days.
        disorder_days: how long after its record an event may still be corrected.
        rates: of all currencies; whoever shares them may add some.
        parked_bytes_max: bytes of records that may wait for their rate.
        app: the deployment's id.
    """

    def __init__(
        self,
        plan: Plan,
        partition: int,
        partitions: int,
        reader: Reader,
        calendar: Calendar,
        disorder_days: int = 30,
        rates: Rates | None = None,
        parked_bytes_max: int = PARKED_BYTES_MAX,
        app: str = "",
    ) -> None:
        self.partition = partition
        self.next: dict[str, int] = {}
        self.reached: dict[str, int] = {}
        self.counters: Counter[str] = Counter()
        self.seq = 0
        self._plan = plan
        self._reader = reader
        self._disorder_ms = disorder_days * DAY_MS
        self._levels = Levels(calendar)
        self._parties = Parties(plan.journeys, pulsing="party_active" in plan.actions)
        self._cells, self.catalogues = Cells(plan, self._levels), Kept(plan)
        rates = Rates(reader.currency) if rates is None else rates
        self._parking = Parking(Exchange(rates, calendar), parked_bytes_max)
        self._rekeying = Rekeying(partition, partitions, app)
        self._homes = self._rekeying.homes
        self._dead: list[DeadLetter] = []
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
        records = batch.records
        if position > batch.start:
            records = [record for record in records if record.offset >= position]
        self._apply(batch.topic, records)
        if batch.records:
            self.reached[batch.topic] = max(self.reached.get(batch.topic, 0), batch.records[-1].timestamp)
        self.next[batch.topic] = batch.end

    def _apply(self, topic: str, records: Sequence[SourceRecord]) -> None:
        touched: dict[bytes, Scope] = {}
        voids: dict[bytes, SourceRecord] = {}
        rekeyed = topic == REKEYED_TOPIC
        for record in records:
            if rekeyed and (link := link_of(record)) is not None:
                self._take_link(record, link, touched)
            else:
                self._accept(topic, record, touched, voids)
        self._settle(touched, Origins(topic, records, self._reader, voids))
        self._parties.changed(touched)

    def _accept(
        self, topic: str, record: SourceRecord, touched: dict[bytes, Scope], voids: dict[bytes, SourceRecord]
    ) -> None:
        incoming = self._reader.read(record.value, record.key, record.timestamp, record.headers)
        if isinstance(incoming, Reject):
            self._reject(topic, record, incoming.reason, incoming.detail)
            return
        party, event = incoming.party, incoming.event
        if party not in self._homes and not self._rekeying.is_home(party):
            self._send_home(topic, record, party)
            return
        if type(event.data) is EventVoided:
            self._void(topic, record, party, event.data, touched, voids)
        elif self._parties.is_voided(party, event):
            self.counters["voided"] += 1
        elif (known := self._parking.find(party, event)) is not None:
            self._meet(topic, record, event, known)
        elif incoming.currency is None:
            self._insert(topic, record, party, event, touched)
        else:
            self._exchange(topic, record, incoming, touched)

    def _send_home(self, topic: str, record: SourceRecord, party: str) -> None:
        """Sends an event of a party that belongs elsewhere there, once."""
        if topic == REKEYED_TOPIC:
            self._reject(topic, record, Reason.MISROUTED, "re-keyed once already, and still in another partition")
        else:
            self.counters["rekeyed"] += 1
            self._rekeying.send_home(record, party)

    def _take_link(self, record: SourceRecord, link: Link, touched: dict[bytes, Scope]) -> None:
        """Puts a link into the scope of its leads, instead of an older one: they never fill it, nor are sealed out."""
        ways, event = self._plan.routes.get(LeadLinked), link.event
        if ways is None or link.source != self._rekeying.source:
            self.counters["unused"] += 1
            return
        if not self._rekeying.is_home(link.party):
            self._send_home(REKEYED_TOPIC, record, link.party)
            return
        for scope in self._parties.scopes_for(ways, link.party, event):
            known = scope.find(event.source, event.id)
            if known is not None and known.data.version >= event.data.version:  # type: ignore[attr-defined] # links
                self.counters["duplicates"] += 1
            elif known is not None or self._has_room(REKEYED_TOPIC, record, scope):
                touched[scope.key] = scope
                if not scope.noted:
                    self._parties.note(scope)
                scope.put(event)
                self.counters["links_applied"] += 1

    def _void(
        self, topic: str, record: SourceRecord, party: str, void: EventVoided,
        touched: dict[bytes, Scope], voids: dict[bytes, SourceRecord],
    ) -> None:  # fmt: skip
        taken = self._parties.void(party, void.source, void.id)
        if taken is None:
            self._reject(topic, record, Reason.TOO_MANY, f"its party has {VOIDS_MAX} voids already")
            return
        self.counters["events"] += 1
        if not taken:
            self.counters["duplicates"] += 1
            return
        if self._parking.void(party, void.source, void.id):
            return
        holders = [
            (scope, event)
            for scope in self._parties.scopes_of(party)
            if (event := scope.find(void.source, void.id)) is not None
        ]
        if not holders or self._parties.is_sealed_somewhere(party, holders, self._plan.routes):
            self.counters["voids_unmatched"] += 1
            return
        for scope, event in holders:
            touched[scope.key] = scope
            voids[scope.key] = record
            scope.fresh = [other for other in scope.fresh if other is not event]
            scope.remove(event)

    def _insert(self, topic: str, record: SourceRecord, party: str, event: Event, touched: dict[bytes, Scope]) -> None:
        """Puts an event into all its scopes, or into none."""
        scopes, late = self._room(topic, record, party, event), False
        for scope in scopes:
            touched[scope.key] = scope
            if not scope.noted:
                self._parties.note(scope)
            late |= scope.insert(event)
        if not scopes:
            return
        self.counters["events"] += 1
        if late:
            self.counters["late"] += 1
        data = event.data
        if type(data) is TicketCreated and data.calendar and not self._plan.calendars.knows(data.calendar):
            self.counters["calendars_unknown"] += 1

    def _room(self, topic: str, record: SourceRecord, party: str, event: Event) -> list[Scope]:
        """The scopes that an event goes to; none if one of them may not take it, or nobody wants it."""
        ways = self._plan.routes.get(type(event.data))
        if ways is None:
            self.counters["unused"] += 1
            return []
        scopes = self._parties.scopes_for(ways, party, event)
        for scope in scopes:
            if (scope.count or scope.seal is not None) and not self._is_new(topic, record, event, scope):
                return []
        return scopes

    def _exchange(self, topic: str, record: SourceRecord, incoming: Incoming, touched: dict[bytes, Scope]) -> None:
        """Puts an event of another currency into its scopes, or parks it until its rate is known."""
        party, event = incoming.party, incoming.event
        try:
            converted = self._parking.exchange.converted(incoming)
        except OutOfBounds as error:
            self._reject(topic, record, Reason.CURRENCY, str(error))
            return
        if converted is not None:
            self._insert(topic, record, party, converted, touched)
        elif self._room(topic, record, party, event) and not self._parking.park(topic, record, incoming):
            self._reject(topic, record, Reason.NO_RATE, self._parking.no_room(incoming))

    def _release(self, now_ms: int) -> None:
        """Applies the parked events whose rate is known now, and gives up those whose rate did not come in time."""
        for topic, records in self._parking.released().items():
            self._apply(topic, records)
        for record, detail in self._parking.overdue(now_ms):
            self._reject(record.topic, record, Reason.NO_RATE, detail)

    def _is_new(self, topic: str, record: SourceRecord, event: Event, scope: Scope) -> bool:
        """Whether a scope may take an event: it is not known, not sealed, and there is room."""
        known = scope.find(event.source, event.id)
        if known is not None:
            self._meet(topic, record, event, known)
        elif scope.seal is not None and event.order <= scope.seal:
            self._reject(topic, record, Reason.SEALED, "older than what was sealed of its entity")
        else:
            return self._has_room(topic, record, scope)
        return False

    def _has_room(self, topic: str, record: SourceRecord, scope: Scope) -> bool:
        if full := scope.full_of:
            self._reject(topic, record, Reason.TOO_MANY, f"its {scope.journey.name} entity has {full} already")
        return not full

    def _meet(self, topic: str, record: SourceRecord, event: Event, known: Event) -> None:
        """An event of a source and id that came before: a duplicate, or a conflict."""
        if known.crc == event.crc:
            self.counters["duplicates"] += 1
        else:
            detail = f"{event.source} {event.id} came before with other content"
            self._reject(topic, record, Reason.ID_CONFLICT, detail)

    def _settle(self, touched: dict[bytes, Scope], origins: Origins) -> None:
        """Folds the touched scopes, counts the difference of their facts, and sends on that of their links."""
        settled = settle(touched, origins, self._parties.scopes_of)
        for event, record in settled.failures:
            detail = f"a journey failed on {event.source} {event.id}, which is left out"
            self._reject(origins.topic, record, Reason.INTERNAL_ERROR, detail)
        count, before = self._cells.count_difference, settled.before
        for key, scope in touched.items():
            facts, links = before[key]
            count(facts, scope.facts)
            if links or scope.links:
                self._rekeying.link(scope.party, links, scope.links, origins.timestamp_ms)
        for old, new in self._parties.pulses(touched.values(), settled.shrunk):
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
        self._release(now_ms)
        parties = self._parties.take(now_ms - self._disorder_ms, _SWEEP) + self._parking.take()
        cells = self._cells.take(keeping=bool(self.catalogues.before))
        dead, self._dead = self._dead, []
        self.seq += 1
        rekeyed, links = self._rekeying.take(self.seq)
        self.counters["links_sent"] += links
        self.counters["groups_folded"] = self._cells.groups_folded
        self.counters["unsealable"] = self._parties.unsealable
        self.counters["parked"] = len(self._parking)
        self.counters["rates_ignored"] = self._parking.exchange.rates.ignored
        header = Header(
            self.seq, dict(self.next), dict(self.reached), made_ms or now_ms, dict(self.counters), self._definitions,
            self.catalogues.own.name, dict(self.catalogues.before),
        )  # fmt: skip
        return Flush(parties, cells, dead, rekeyed, header, self.catalogues.take())

    def restore_party(self, key: bytes, value: bytes | None) -> None:
        """Takes a record of the parties changelog, in the log's order."""
        if not self._parking.restore(key, value, self._reader):
            self._parties.restore(key, value)

    def restore_cell(self, key: bytes, value: bytes | None) -> None:
        """Takes a record of the cells changelog, in the log's order, but for headers."""
        self._cells.restore(key, value)

    def restore_header(self, value: bytes) -> None:
        """Takes a header of the cells changelog; the last one counts."""
        header = header_decoder.decode(value)
        self.catalogues.restored(header)
        self.seq, self.next, self.reached = header.seq, dict(header.next), dict(header.reached)
        self.counters = Counter(header.counters)
        self._restored_definitions = header.definitions
        self._levels.advance(header.made_ms)

    def restored(self) -> None:
        """Ends the recovery: measures that are new or were changed are built from the parties.

        Raises:
            DefinitionsChanged: the zone or currency is another one, a measure needs a journey whose events were not
                kept, or a rate is another one than what was counted with.
        """
        before = self._restored_definitions
        if before is None:
            return
        check(
            before,
            self._definitions,
            self._plan.journeys,
            "party_active" in self._plan.actions,
            self._parties.has_seals,
        )
        check_rates(self._parking.exchange.disagreement())
        self._parties.restored()
        self._cells.roll_up()
        new = frozenset(name for name, digest in self._plan.definitions.items() if before.get(name) != digest)
        if new:
            running = (name for name in self._definitions if name.startswith("journey:"))
            self._cells.rebuild(new, self._parties.facts(frozenset(name.removeprefix("journey:") for name in running)))
