"""Worlds whose KPIs are compared, projected and held against targets, and what the operators answer of them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from stream_kpis.events.envelope import Record
from stream_kpis.proof.oracle import Outcome, Request, Target
from stream_kpis.proof.oracle.operators import operators
from tests.proof.oracle.world import World as SmallWorld

NOW_MS = round(datetime(2029, 1, 1, tzinfo=UTC).timestamp() * 1000)


class World(SmallWorld):
    """Whose records arrive after every date of these tests."""

    def put(self, value: bytes | None, *, party: str = "ada", topic: str = "crm.leads") -> Record:
        """The bytes as they are."""
        record = super().put(value, party=party, topic=topic)._replace(timestamp=NOW_MS)
        self.records[-1] = record
        return record


def at(year: int, month: int, on: int, hour: int = 0, zone: str = "UTC") -> float:
    """An instant of a calendar, in seconds since 1970."""
    return datetime(year, month, on, hour, tzinfo=ZoneInfo(zone)).timestamp()


def order(world: World, when: float, amount: float = 1, **data: object) -> None:
    """One order of a name of its own."""
    world.add("order.placed", when, order_id=f"o{len(world.records)}", amount=amount, **data)


def orders(world: World, when: float, count: int, **data: object) -> None:
    """So many orders within one hour."""
    for number in range(count):
        order(world, when + number, **data)


def outcomes(
    world: World,
    request: Request,
    to: float,
    *,
    zone: str = "UTC",
    targets: Sequence[Target] = (),
    calendars: Mapping[str, Callable[[int], int]] | None = None,
) -> dict[str, Outcome]:
    """By group."""
    found = operators(world.oracle, [request], round(to * 1000), zone, targets, calendars)
    assert all(outcome.request == request for outcome in found)
    return {outcome.group: outcome for outcome in found}


def whole(
    world: World, operator: str, kpi: str, window: str, to: float, against: str = "", zone: str = "UTC"
) -> Outcome:
    """The ungrouped outcome."""
    return outcomes(world, Request(operator, kpi, window, against), to, zone=zone)[""]
