"""Conversions of leads across parties, responses, qualifications: the oracle's SQL against a plain fold."""

import random
from collections import Counter
from collections.abc import Iterable

from stream_kpis.proof.oracle import Ask
from tests.proof.oracle.lives import RANKS, Happened, counted
from tests.proof.oracle.world import END, World

COMPANIES = 80
"""Of three parties each, which name one another's leads."""
TIMES = range(100, 112)
UNIT = 1200
"""Times are in units of so many seconds, three to the hour."""

Lead = tuple[str, str]
"""Party and id."""


def company(dice: random.Random, number: int) -> dict[str, list[Happened]]:
    """The events of each party in order; many share a time, so that ranks and names decide."""
    parties = [f"{number}{letter}" for letter in "abc"]
    lives = {}
    for party in parties:
        events = [_happened(dice, f"{party}{index}", parties) for index in range(dice.randrange(4, 16))]
        lives[party] = sorted(events)
    return lives


def _happened(dice: random.Random, name: str, parties: list[str]) -> Happened:
    lead, deal, order = dice.choice("lm"), dice.choice("de"), dice.choice("op")
    naming = {"lead_id": lead, "lead_party": dice.choice([*parties, "", "nobody"])}
    kind, data = dice.choice(
        [
            *[("lead.created", {"lead_id": lead})] * 6,
            ("lead.converted", {"lead_id": lead}),
            ("lead.qualified", {"lead_id": lead}),
            ("lead.contacted", {"lead_id": lead}),
            ("lead.merged", {"lead_id": lead, "into": dice.choice("lmn")}),
            *[("deal.created", {"deal_id": deal, **naming})] * 4,
            *[("deal.won", {"deal_id": deal})] * 3,
            ("deal.lost", {"deal_id": deal}),
            ("deal.reopened", {"deal_id": deal}),
            ("deal.deleted", {"deal_id": deal}),
            *[("order.placed", {"order_id": order, "amount": 1, **naming})] * 2,
            ("order.cancelled", {"order_id": order}),
        ]
    )
    return Happened(dice.choice(TIMES), RANKS[kind], dice.choice("ab"), name, kind, data)


def conversions(lives: dict[str, list[Happened]]) -> Iterable[tuple[Lead, int]]:
    """Every lead that converted, and when."""
    claims = [claim for party, life in lives.items() for claim in _claims(party, life)]
    for party, life in lives.items():
        merges = _merges(life)
        for lead, created in creations(life).items():
            own = [at for (of, named), at in claims if of == party and _end(named, merges) == lead]
            if later := [at for at in own if at >= created - 3]:
                yield (party, lead), min(later)


def creations(life: list[Happened]) -> dict[str, int]:
    """When each lead that was not merged was created: the earliest of it and of those merged into it."""
    merges = _merges(life)
    created: dict[str, int] = {}
    own = set()
    for event in life:
        if event.kind == "lead.created":
            own.add(event.data["lead_id"])
            created.setdefault(_end(event.data["lead_id"], merges), event.at)
    return {lead: at for lead, at in created.items() if lead in own - merges.keys()}


def firsts(life: list[Happened], kind: str) -> dict[str, int]:
    """How long after the creation each lead had its first event of a kind."""
    merges = _merges(life)
    found: dict[str, int] = {}
    for lead, created in creations(life).items():
        own = [event.at for event in life if event.kind == kind and _end(event.data["lead_id"], merges) == lead]
        if later := [at for at in own if at >= created - 3]:
            found[lead] = max(later[0] - created, 0)
    return found


def _merges(life: list[Happened]) -> dict[str, str]:
    merges: dict[str, str] = {}
    for event in life:
        if event.kind == "lead.merged":
            merges.setdefault(event.data["lead_id"], event.data["into"])
    return merges


def _end(lead: str, merges: dict[str, str]) -> str:
    """At the end of its merges; in a circle one that was merged."""
    for _ in merges:
        lead = merges.get(lead, lead)
    return lead


def _claims(party: str, life: list[Happened]) -> Iterable[tuple[Lead, int]]:
    """Each lead that a party's events convert, and when."""
    for event in life:
        if event.kind == "lead.converted":
            yield (party, event.data["lead_id"]), event.at
    for deal in "de":
        steps = [event for event in life if event.data.get("deal_id") == deal]
        closed: Happened | None = None
        for event in steps:
            if event.kind == "deal.reopened":
                closed = None
            elif event.kind in ("deal.won", "deal.lost") and closed is None:
                closed = event
        naming = [event for event in steps if event.kind == "deal.created"]
        gone = any(event.kind == "deal.deleted" for event in steps)
        if naming and closed and closed.kind == "deal.won" and not gone:
            yield _named(party, naming[0]), closed.at
    for order in "op":
        steps = [event for event in life if event.data.get("order_id") == order]
        naming = [event for event in steps if event.kind == "order.placed"]
        if naming and not any(event.kind == "order.cancelled" for event in steps):
            yield _named(party, naming[0]), naming[0].at


def _named(party: str, event: Happened) -> Lead:
    return event.data["lead_party"] or party, event.data["lead_id"]


def test_leads_convert_as_told_event_by_event() -> None:
    """Whatever the order of arrival, each conversion at its own second; a fifth of them come from other parties."""
    dice, world = random.Random(11), World()
    expected: Counter[tuple[str, int]] = Counter()
    alone: Counter[tuple[str, int]] = Counter()
    waits: dict[str, tuple[int, int]] = {}
    qualified: dict[str, tuple[int, int]] = {}
    records = []
    for number in range(COMPANIES):
        lives = company(dice, number)
        expected.update((party, at) for (party, _), at in conversions(lives))
        for party, life in lives.items():
            alone.update((of, at) for (of, _), at in conversions({party: life}))
            records += [(party, event) for event in life]
            if answered := firsts(life, "lead.contacted").values():
                waits[party] = len(answered), sum(answered) * UNIT * 1000
            if leads := len(creations(life)):
                qualified[party] = len(firsts(life, "lead.qualified")), leads
    for party, event in dice.sample(records, len(records)):
        data = {**event.data, "channel": party} if event.kind == "lead.created" else event.data
        world.add(event.kind, event.at * UNIT, party=party, event=event.name, sender=event.source, **data)
    assert counted(world, "lead_response_time", "channel") == waits
    assert world.fractions("lead_qualification_rate", "channel") == qualified
    asks = [Ask("lead_conversion_flow_ratio", f"{at}", at * UNIT * 1000, (at + 1) * UNIT * 1000) for at in TIMES]
    answers = world.oracle.answer(asks, END * 1000)
    found = {(a.group, int(a.window)): a.numerator for a in answers if a.by == "channel" and a.numerator}
    assert found == expected
    assert (expected - alone).total() * 5 > expected.total() > COMPANIES
