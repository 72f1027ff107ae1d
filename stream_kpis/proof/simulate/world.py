"""The simulated world: lives that happen next to each other, merged in order of time.

A life is a generator of steps, each a time, an event type and its data. When a step's time has come, the event is made
and the life is told its id; then it says what it does next. So nothing is decided before it must be, and a world can
be stopped at any time and continued.
"""

import heapq
from collections.abc import Generator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from stream_kpis.events.envelope import encode_event
from stream_kpis.events.types import ANY_TOPIC, KINDS, TOPICS
from stream_kpis.proof.simulate.dice import DAY, SECOND, Dice

Step = tuple[int, str, dict[str, Any]]
"""The time in ms, the event type (``WAIT``: no event, only wake me up), the data."""
Life = Generator[Step, str, None]
Part = Generator[Step, str, int]
"""A part of a life; returns the time of its last event."""

WAIT = ""
VOIDED = "event.voided"
VOIDED_SHARE = 0.002
_TAKEN_BACK_BY_LIVES = ("ticket.message", "ticket.status_changed", "ticket.merged", "ticket.deleted", VOIDED)
"""Not voided at random: a ticket would wait for ever. Where that happens, the ticket's life sees to it."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SOURCES = {
    "crm.leads": ("crm", 0),
    "crm.deals": ("crm", 0),
    "crm.orders": ("shop", 60),
    "crm.interactions": ("crm", 0),
    "crm.tickets": ("helpdesk", 0),
    "crm.surveys": ("surveys", -300),
    "crm.customers": ("billing", 0),
    "crm.costs": ("finance", 60),
    "crm.email": ("mailer", 0),
    "crm.complaints": ("helpdesk", 330),
    "crm.experiments": ("lab", 0),
}
"""The system that tells of a topic's events, and the offset of its clock from UTC in minutes."""


class Simulated(NamedTuple):
    """One record to send: the family's topic, the record's key, its value, the event's time.

    ``partition`` is None for the key's own partition. Damaged records may carry another key than the event's subject.
    """

    topic: str
    party: str
    value: bytes
    time_ms: int
    partition: int | None = None


def rfc3339(ms: int) -> str:
    """A time as RFC 3339 in UTC with milliseconds.

    >>> rfc3339(0)
    '1970-01-01T00:00:00.000Z'
    """
    return (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _Stamp:
    """Writes times at one offset; remembers the minute, since events come in order."""

    def __init__(self, offset_minutes: int) -> None:
        sign = "-" if offset_minutes < 0 else "+"
        hours, minutes = divmod(abs(offset_minutes), 60)
        self._suffix = f"{sign}{hours:02}:{minutes:02}" if offset_minutes else "Z"
        self._shift = offset_minutes * 60_000
        self._minute, self._prefix = -1, ""

    def __call__(self, ms: int) -> str:
        minute, rest = divmod(ms + self._shift, 60_000)
        if minute != self._minute:
            self._minute, self._prefix = minute, rfc3339(minute * 60_000)[:17]
        return f"{self._prefix}{rest // 1000:02}.{rest % 1000:03}{self._suffix}"


class _Wire(NamedTuple):
    type: str
    topic: str
    source: str
    stamp: _Stamp


def voided(kind: str) -> str:
    """The step type that takes back an event of the given type.

    >>> voided("ticket.created")
    'event.voided crm.tickets'
    """
    return f"{VOIDED} {_TOPIC_OF[kind]}"


_TOPIC_OF = {kind.name: kind.topic for kind in KINDS if kind.topic != ANY_TOPIC}


class World:
    """Everything that lives, what is known about the customers, and the events that come of it.

    Args:
        seed: decides everything.
        parties: how many parties there are at first.
        run: goes into every id and source, so that two runs into one Kafka never collide.
    """

    def __init__(self, seed: int, parties: int, run: str = "") -> None:
        self.dice = Dice(seed)
        self.parties = parties
        self.run = run
        self.made = 0
        self.now_ms = 0
        self.customers: list[str] = []
        self.active: dict[str, int] = {}
        self.slow: list[tuple[int, int]] = []
        self.quiet: list[tuple[int, int]] = []
        self.last_lead = ""
        self._seq = 0
        self._ids: dict[str, int] = {}
        self._waiting: list[tuple[int, int, str, Life, str, dict[str, Any]]] = []
        self._wires = self._wiring()

    def _wiring(self) -> dict[str, _Wire]:
        wires = {}
        stamps = {minutes: _Stamp(minutes) for _, minutes in _SOURCES.values()}
        names = [*_TOPIC_OF.items(), *((f"{VOIDED} {topic}", topic) for topic in TOPICS)]
        for name, topic in names:
            source, minutes = _SOURCES[topic]
            wires[name] = _Wire(name.split(" ")[0], topic, f"{source}{self.run}", stamps[minutes])
        return wires

    def spawn(self, party: str, life: Life) -> None:
        """A life begins; its first step must not lie before the present."""
        step = next(life, None)
        if step is not None:
            self._seq += 1
            heapq.heappush(self._waiting, (step[0], self._seq, party, life, step[1], step[2]))

    def run_to(self, until_ms: int) -> Iterator[Simulated]:
        """What happens before ``until_ms`` and was not yet told, in order of time."""
        waiting, wires = self._waiting, self._wires
        while waiting and waiting[0][0] < until_ms:
            at, _, party, life, kind, data = heapq.heappop(waiting)
            self.now_ms = at
            if kind == WAIT:
                self._go_on(party, life, WAIT)
                continue
            self.made += 1
            wire, name = wires[kind], f"e{self.made}"
            value = encode_event(wire.type, id=name, source=wire.source, time=wire.stamp(at), subject=party, data=data)
            self._go_on(party, life, name)
            if self.dice.random() < VOIDED_SHARE and not kind.startswith(_TAKEN_BACK_BY_LIVES):
                self.spawn(party, self._second_thoughts(at, kind, name))
            yield Simulated(wire.topic, party, value, at)

    def _go_on(self, party: str, life: Life, name: str) -> None:
        """The life learns the id of its event and takes its next step, if it has one."""
        try:
            at, kind, data = life.send(name)
        except StopIteration:
            return
        self._seq += 1
        heapq.heappush(self._waiting, (at, self._seq, party, life, kind, data))

    def _second_thoughts(self, at: int, kind: str, name: str) -> Life:
        """Somebody finds that the event was a mistake."""
        yield at + self.dice.between(2 * SECOND, 2 * DAY), voided(kind), self.undo(kind, name)

    def undo(self, kind: str, name: str) -> dict[str, Any]:
        """The data of the event that takes back the event ``name`` of type ``kind``."""
        return {"source": self._wires[kind].source, "id": name}

    def new_id(self, prefix: str) -> str:
        """An entity id that no other has."""
        number = self._ids[prefix] = self._ids.get(prefix, 0) + 1
        return f"{prefix}{self.run}-{number}"

    def party(self) -> str:
        """Any party; the first ones more often."""
        return self.party_name(int(self.parties * self.dice.random() ** 1.5))

    def new_party(self) -> str:
        """A party nobody knew."""
        self.parties += 1
        return self.party_name(self.parties - 1)

    def party_name(self, number: int) -> str:
        """The id of the party with this number."""
        return f"party{self.run}-{number:06}"

    def customer(self) -> str:
        """Somebody who is or was a customer, the first ones more often; anybody as long as there are few."""
        known = self.customers
        return known[int(len(known) * self.dice.random() ** 2)] if len(known) > 20 else self.party()

    def is_quiet(self, at: int) -> bool:
        """Whether nothing begins by itself then, and nobody is there to answer."""
        return any(start <= at < end for start, end in self.quiet)

    def reply_ms(self, at: int) -> int:
        """How long after ``at`` a person answers what was asked then.

        Some 40 s, one in ten over 75 s. While answers are slow most wait until that is over, and then for seconds;
        in quiet times all do.
        """
        quick = self.dice.around(40 * SECOND, 0.49)
        for start, end in self.quiet:
            if start <= at < end:
                return end - at + quick
        for start, end in self.slow:
            if start <= at < end:
                late = self.dice.around(420 * SECOND, 0.5) if self.dice.chance(0.3) else DAY
                return min(late, end - at + self.dice.between(3 * SECOND, 60 * SECOND))
        return quick


class Party(NamedTuple):
    """Whom a life is about, in its world."""

    id: str
    world: World

    def begin(self, life: Life) -> None:
        """Another life of the same party begins."""
        self.world.spawn(self.id, life)
