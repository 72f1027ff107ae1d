"""What goes wrong between the systems that send and the topics: nothing is lost, but little is as it should be."""

import heapq
from collections.abc import Collection, Iterable, Iterator

from aiokafka.partitioner import murmur2

from stream_kpis.proof.simulate.dice import DAY, HOUR, MINUTE, SECOND, Dice
from stream_kpis.proof.simulate.poison import POISONS, Poison
from stream_kpis.proof.simulate.world import Simulated

FAULTS: dict[str, str] = {
    "duplicate": "one record in 50 comes again, bytes and all, seconds or days later",
    "late": "one record in 50 comes minutes to days after its time",
    "shuffle": "every third record is held back for up to a minute, so that order is lost nearby",
    "poison": "one record in 200 is followed by a damaged one",
    "misroute": "one record in 100 is sent to another partition than its key's",
    "rates": "rates of currencies come late, too late, never, or again and otherwise; of one currency none comes",
}
_DUPLICATE, _LATE, _SHUFFLED, _POISON, _MISROUTED = 1 / 50, 1 / 50, 1 / 3, 1 / 200, 1 / 100
_LATEST = 3 * DAY
_VOID = b'"event.voided"'


class FaultyLine:
    """The line between the senders and the topics: events go in, in order of time, and come out as they arrive.

    What befalls rates is none of its business: :func:`stream_kpis.proof.simulate.daily_rates` does that.

    However often one asks what has arrived, the same does, as long as one asks for no time beyond the last one sent.

    Args:
        kinds: the faults, of :data:`FAULTS`.
        seed: decides which records they befall.
        partitions: the number of partitions of a topic; for misrouted records.

    Raises:
        ValueError: a kind is none.
    """

    def __init__(self, kinds: Collection[str], seed: int, partitions: int = 12) -> None:
        if unknown := sorted(set(kinds) - FAULTS.keys()):
            raise ValueError(f"no fault {', '.join(unknown)}; there are {', '.join(FAULTS)}")
        self._kinds = frozenset(kinds)
        self._dice = Dice(f"sent {seed}")
        self._dice_arrived = Dice(f"arrived {seed}")
        self._partitions = partitions
        self._under_way: list[tuple[int, int, Simulated, bool]] = []
        self._sent = 0
        self._damaged = 0

    def send(self, event: Simulated) -> None:
        """An event starts on its way at its own time."""
        dice, kinds, wait_ms = self._dice, self._kinds, 0
        if "misroute" in kinds and dice.chance(_MISROUTED):
            event = event._replace(partition=self._another_partition(event.party))
        if "late" in kinds and dice.chance(_LATE):
            wait_ms = _delay(dice)
        elif "shuffle" in kinds and dice.chance(_SHUFFLED):
            wait_ms = dice.between(0, MINUTE)
        self._send(event, event.time_ms + wait_ms, original=True)

    def arrived(self, before_ms: int) -> Iterator[Simulated]:
        """Everything that arrives before a time and did not yet, in order of arrival."""
        while self._under_way and self._under_way[0][0] < before_ms:
            at, _, event, original = heapq.heappop(self._under_way)
            if original:
                self._spoil(event, at)
            yield event

    def rest(self) -> Iterator[Simulated]:
        """Everything that is still under way, in order of arrival."""
        while self._under_way:
            yield from self.arrived(self._under_way[0][0] + 1)

    def _send(self, event: Simulated, at: int, *, original: bool = False) -> None:
        self._sent += 1
        heapq.heappush(self._under_way, (at, self._sent, event, original))

    def _spoil(self, event: Simulated, at: int) -> None:
        """What follows an original when it has arrived: so a conflicting twin never comes before it."""
        dice, kinds = self._dice_arrived, self._kinds
        if "duplicate" in kinds and dice.chance(_DUPLICATE):
            self._send(event, at + _delay(dice))
        if "poison" in kinds and dice.chance(_POISON):
            self._damaged += 1
            poison = POISONS[self._damaged % len(POISONS)]
            if fits(poison, event):
                self._send(poison.spoil(event, self._damaged), at + _delay(dice))

    def _another_partition(self, party: str) -> int:
        own: int = (murmur2(party.encode()) & 0x7FFFFFFF) % self._partitions
        return (own + self._dice.between(1, max(self._partitions, 2))) % self._partitions


def _delay(dice: Dice) -> int:
    """Seconds mostly, else hours, up to days; in ms."""
    if dice.chance(0.6):
        return dice.between(0, 10 * SECOND)
    return min(dice.around(HOUR, 1.8), _LATEST)


def fits(poison: Poison, event: Simulated) -> bool:
    """False where the damage would have another effect.

    A misrouted record reaches its partition by another way, on which a conflicting one could overtake it. A void is
    about an event, not an entity, within which conflicts are found.
    """
    return poison.name != "conflict" or (event.partition is None and _VOID not in event.value)


def faults(events: Iterable[Simulated], kinds: Collection[str], seed: int, partitions: int = 12) -> Iterator[Simulated]:
    """The same events as they arrive with faults of the given kinds, in order of arrival; all of them, and some more.

    Args:
        events: in order of time.
        kinds: of :data:`FAULTS`.
        seed: decides which records they befall.
        partitions: the number of partitions of a topic; for misrouted records.

    Raises:
        ValueError: a kind is none.
    """
    line = FaultyLine(kinds, seed, partitions)
    return _through(line, events)


def _through(line: FaultyLine, events: Iterable[Simulated]) -> Iterator[Simulated]:
    for event in events:
        yield from line.arrived(event.time_ms)
        line.send(event)
    yield from line.rest()
