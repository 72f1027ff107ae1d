"""The events of the benchmark, deterministic from the seed, and the totals that they have."""

import heapq
import random
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from stream_kpis.events.envelope import encode_event

PARTIES = 100_000
_ARRIVALS_PER_S = 40.0
_CHANNELS = ("web", "email", "phone", "ads", "partner")
_CATEGORIES = ("billing", "login", "bug", "howto", "shipping")
_TEAMS = ("emea", "amer", "apac")
_AGENTS = 40

Totals = Mapping[str, float]
"""What a system counted, by name; revenue in currency units, response times in seconds."""


class Sample(NamedTuple):
    """One event before it is bytes."""

    at_ms: int
    kind: str
    party: str
    data: Mapping[str, Any]


def span_ms_max(count: int) -> int:
    """A bound of the time that so many events span: each arrival brings one at once, most bring more later."""
    return round(1.5 * count / _ARRIVALS_PER_S + 60) * 1000


def samples(count: int, start_ms: int, seed: int = 1) -> Iterator[Sample]:
    """Events in order of time.

    Args:
        count: how many.
        start_ms: when the first ones happen; the last ones at most :func:`span_ms_max` later.
        seed: of the random numbers.
    """
    company = _Company(random.Random(seed))
    for _ in range(count):
        after_s, kind, party, data = company.next()
        yield Sample(start_ms + int(after_s * 1000), kind, party, data)


def encoded(number: int, sample: Sample) -> bytes:
    """The event as CloudEvent JSON; its number makes its id."""
    time = datetime.fromtimestamp(sample.at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return encode_event(
        sample.kind, id=f"e{number:09d}", source="crm/benchmark", time=time, subject=sample.party, data=sample.data
    )


_Happening = tuple[float, str, str, Mapping[str, Any]]
"""Seconds since the start, kind, party, data."""


class _Company:
    """Parties at random; leads become orders, tickets are answered and solved, customers come and go."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._now_s = 0.0
        self._number = 0
        self._due: list[tuple[float, int, _Happening]] = []
        self._customers: set[str] = set()

    def next(self) -> _Happening:
        """What happens next."""
        while not self._due or self._due[0][0] >= self._now_s:
            self._now_s += self._dice.expovariate(_ARRIVALS_PER_S)
            self._arrive(f"c{self._dice.randrange(PARTIES)}")
        return heapq.heappop(self._due)[2]

    def _plan(self, after_s: float, kind: str, party: str, /, **data: Any) -> None:
        self._number += 1
        heapq.heappush(self._due, (after_s, self._number, (after_s, kind, party, data)))

    def _arrive(self, party: str) -> None:
        roll = self._dice.random()
        if roll < 0.35:
            self._lead(party)
        elif roll < 0.75:
            self._ticket(party)
        elif roll < 0.97:
            self._plan(self._now_s, "interaction.logged", party, channel=self._dice.choice(_CHANNELS), direction="in")
        elif party in self._customers:
            self._customers.remove(party)
            self._plan(self._now_s, "customer.churned", party, reason="price")
        else:
            self._customers.add(party)
            self._plan(self._now_s, "customer.created", party, plan="pro")

    def _lead(self, party: str) -> None:
        dice, lead_id, channel = self._dice, f"l{self._number}", self._dice.choice(_CHANNELS)
        self._plan(self._now_s, "lead.created", party, lead_id=lead_id, channel=channel)
        if dice.random() < 0.22:
            ordered_s = self._now_s + dice.expovariate(1 / 3000)
            order = {"order_id": f"o{self._number}", "lead_id": lead_id, "channel": channel, "currency": "USD"}
            self._plan(ordered_s, "order.placed", party, **order, amount=round(dice.lognormvariate(4, 1), 2))

    def _ticket(self, party: str) -> None:
        dice, team = self._dice, self._dice.choice(_TEAMS)
        ticket = {"ticket_id": f"t{self._number}", "team": team}
        self._plan(self._now_s, "ticket.created", party, **ticket, category=dice.choice(_CATEGORIES))
        answered_s = self._now_s + dice.lognormvariate(5, 1.2)
        by = {**ticket, "agent_id": f"a{dice.randrange(_AGENTS)}"}
        self._plan(answered_s, "ticket.message", party, **by, author="agent")
        if dice.random() < 0.8:
            solved_s = answered_s + dice.expovariate(1 / 4000)
            self._plan(solved_s, "ticket.status_changed", party, **by, status="solved")
        if dice.random() < 0.3:
            scale = {"kind": "csat", "scale_min": 1, "scale_max": 5, "score": dice.choice((1, 2, 3, 4, 5, 5, 5))}
            asked_s = answered_s + dice.expovariate(1 / 4000)
            self._plan(asked_s, "survey.answered", party, survey_id=f"s{self._number}", **scale)


class Reference:
    """The totals in one plain pass: every system must end with these."""

    def __init__(self) -> None:
        self._counts = dict.fromkeys(("leads", "matched_orders", "responses", "signed", "churned"), 0)
        self._response_ms = 0
        self._revenue_cents = 0
        self._leads: set[str] = set()
        self._tickets_ms: dict[str, int] = {}
        self._parties: set[str] = set()

    def add(self, sample: Sample) -> None:
        """Takes one event, in order of time."""
        self._parties.add(sample.party)
        data, counts = sample.data, self._counts
        match sample.kind:
            case "lead.created":
                self._leads.add(data["lead_id"])
                counts["leads"] += 1
            case "order.placed":
                self._revenue_cents += round(data["amount"] * 100)
                counts["matched_orders"] += data["lead_id"] in self._leads
            case "ticket.created":
                self._tickets_ms[data["ticket_id"]] = sample.at_ms
            case "ticket.message":
                counts["responses"] += 1
                self._response_ms += sample.at_ms - self._tickets_ms[data["ticket_id"]]
            case "customer.created":
                counts["signed"] += 1
            case "customer.churned":
                counts["churned"] += 1
            case _:
                pass

    def totals(self) -> Totals:
        """The totals so far."""
        return {
            **self._counts,
            "response_s": self._response_ms / 1000,
            "revenue": self._revenue_cents / 100,
            "active": len(self._parties),
        }


def different(found: Totals, expected: Totals) -> list[str]:
    """What differs, a line each, among the totals that were found.

    >>> different({"leads": 3, "revenue": 1.0}, {"leads": 2, "revenue": 1.0, "active": 5})
    ['leads is 3, not 2']
    """
    return [
        f"{name} is {value:g}, not {expected[name]:g}"
        for name, value in found.items()
        if abs(value - expected[name]) > 1e-9 * max(1.0, abs(expected[name]))
    ]
