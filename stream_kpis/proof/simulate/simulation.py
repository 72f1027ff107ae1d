"""A company from its first day to now, and from now on."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from stream_kpis.proof.simulate import customers, marketing, palette, sales, service
from stream_kpis.proof.simulate.dice import DAY, Dice, weighted
from stream_kpis.proof.simulate.rhythm import beginnings, pieces
from stream_kpis.proof.simulate.scenarios import SCENARIOS
from stream_kpis.proof.simulate.world import WAIT, Life, Party, Simulated, World


class Family(NamedTuple):
    """What begins in the company: its share of the events, how many one beginning brings, whom it befalls."""

    begin: Callable[[Party, int], Life]
    share: float
    events: float
    whom: Callable[[World], str]


def _payer(world: World) -> str:
    """Whom a cost is about: a campaign, or the company."""
    return f"campaign:{world.dice.pick(palette.CAMPAIGNS)}" if world.dice.chance(0.5) else f"company{world.run}"


FAMILIES = (
    Family(sales.lead, 0.17, 5.0, World.party),
    Family(sales.deal, 0.09, 4.6, World.customer),
    Family(sales.order, 0.15, 1.1, World.customer),
    Family(sales.interaction, 0.085, 1.0, World.customer),
    Family(service.ticket, 0.34, 10.7, World.customer),
    Family(service.asked, 0.05, 1.7, World.customer),
    Family(service.complaint, 0.005, 2.0, World.customer),
    Family(marketing.email, 0.08, 2.7, World.party),
    Family(marketing.cost, 0.012, 1.0, _payer),
    Family(marketing.experiment, 0.015, 1.3, World.party),
    Family(customers.customer, 0.002, 3.2, World.new_party),
)
EVENTS_PER_BEGINNING = 1 / sum(family.share / family.events for family in FAMILIES)
CUSTOMERS_SHARE = 0.06
"""At most this share of the events is spent on the lives of the customers of the first days."""
CUSTOMER_EVENTS = 3.2
CUSTOMERS_OF_PARTIES = 0.7
FOUNDERS = 0.6
"""The share of those customers who are there in the first twentieth of the history."""
SOON = 0.45
"""The share of the events of a beginning that comes within minutes: live, that is what counts."""


def _dealt(dice: Dice) -> Callable[[], Family]:
    """Draws families by how often they begin."""
    per_beginning = 2000 * EVENTS_PER_BEGINNING
    deck = weighted({family: round(per_beginning * family.share / family.events) for family in FAMILIES})
    return lambda: dice.pick(deck)


class Simulation:
    """One company; first its history, then its life from there on. Both draw on the same world, in this order, once.

    Args:
        seed: decides everything.
        parties: the number of parties at first; live, new customers come.
        run: goes into every id, so that several runs can share one Kafka.

    >>> events = list(Simulation(seed=7, parties=50).history(events=500, days=10, until_ms=1_700_000_000_000))
    >>> all(event.time_ms < 1_700_000_000_000 for event in events)
    True
    """

    def __init__(self, seed: int, parties: int = 5000, run: str = "") -> None:
        self.world = World(seed, parties, run)
        self._draw = _dealt(self.world.dice)

    def history(self, events: int, days: int, until_ms: int) -> Iterator[Simulated]:
        """About ``events`` events of the ``days`` before ``until_ms`` (none at or after it), in order of time.

        What began and is not over then is kept back for :meth:`live`.
        """
        start_ms = until_ms - days * DAY
        count = int(min(self.world.parties * CUSTOMERS_OF_PARTIES, events * CUSTOMERS_SHARE / CUSTOMER_EVENTS))
        self.world.spawn("", self._founding(count, start_ms, until_ms))
        self.world.spawn("", self._business(events - count * CUSTOMER_EVENTS, start_ms, until_ms))
        return self.world.run_to(until_ms)

    def live(self, from_ms: int, rate_per_s: float = 20.0) -> "Live":
        """The same company from ``from_ms`` on, at about ``rate_per_s`` events per second at every hour."""
        return Live(self.world, self._draw, from_ms, rate_per_s)

    def play(self, scenario: str, start_ms: int, end_ms: int) -> None:
        """As :meth:`Live.play`; asked before the history is made, a scenario may begin in it."""
        _play(self.world, scenario, start_ms, end_ms)

    def _founding(self, count: int, start_ms: int, until_ms: int) -> Life:
        """Customers come, most of them in the first days."""
        dice = self.world.dice
        span = until_ms - start_ms
        yield start_ms, WAIT, {}
        for number in range(count):
            party = self.world.party_name(number)
            at = start_ms + dice.between(0, span // 20 if dice.chance(FOUNDERS) else span)
            self.world.spawn(party, customers.customer(Party(party, self.world), at))

    def _business(self, events: float, start_ms: int, until_ms: int) -> Life:
        for at in beginnings(pieces(events, start_ms, until_ms), EVENTS_PER_BEGINNING, self.world.dice):
            yield at, WAIT, {}
            begin(self.world, self._draw(), at)


def begin(world: World, family: Family, at: int) -> None:
    """Something of the family befalls somebody at ``at``, unless the world is quiet then."""
    if world.is_quiet(at):
        return
    who = Party(family.whom(world), world)
    who.begin(family.begin(who, at))


def _play(world: World, scenario: str, start_ms: int, end_ms: int) -> None:
    if scenario not in SCENARIOS:
        raise ValueError(f"no scenario {scenario!r}; there are {', '.join(SCENARIOS)}")
    start_ms = max(start_ms, world.now_ms)
    if start_ms >= end_ms:
        raise ValueError(f"scenario {scenario!r} would end before it begins")
    SCENARIOS[scenario].begin(world, start_ms, end_ms)


class Live:
    """A world that goes on. The caller has the clock: it asks what is due, sends it, and asks again."""

    def __init__(self, world: World, draw: Callable[[], Family], from_ms: int, rate_per_s: float) -> None:
        self._world, self._draw = world, draw
        self._from_ms, self._rate = from_ms, rate_per_s
        self._made_before = world.made
        world.spawn("", self._business())

    def due(self, now_ms: int) -> list[Simulated]:
        """What happened up to ``now_ms`` and was not told before, in order of time.

        However often it is asked, the same happens.
        """
        return list(self._world.run_to(now_ms + 1))

    def play(self, scenario: str, start_ms: int, end_ms: int) -> None:
        """A scenario by its name, over [start_ms, end_ms), not before the present.

        Raises:
            ValueError: there is no such scenario, or it would end before it begins.
        """
        _play(self._world, scenario, max(start_ms, self._from_ms), end_ms)

    def _business(self) -> Life:
        """Things begin as often as the rate needs; what began before brings events too, more and more of them."""
        dice, world, at = self._world.dice, self._world, float(self._from_ms)
        gap_ms = 1000 * SOON * EVENTS_PER_BEGINNING / self._rate
        while True:
            behind = self._rate * (at - self._from_ms) / 1000 - (world.made - self._made_before)
            hurry = min(max(1 + behind / (self._rate * 30), 0.3), 4.0)
            at += dice.unit() * gap_ms / hurry
            yield int(at), WAIT, {}
            begin(world, self._draw(), int(at))
