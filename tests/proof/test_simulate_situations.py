"""What the definitions have a rule for happens in the simulated company, so that a proof over it proves the rule."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import pytest

from stream_kpis.events import types as t
from stream_kpis.events.envelope import Event, Reader
from stream_kpis.proof.simulate import Simulation
from stream_kpis.proof.simulate.dice import DAY, HOUR
from stream_kpis.proof.simulate.simulation import FAMILIES, begin

FROM = 1_790_000_000_000
Lives = dict[str, list[Event]]
"""The events of each party in order."""
BEGINNINGS = 3_000


@pytest.fixture(scope="module")
def lives() -> Callable[[str], Lives]:
    """What comes of some thousand beginnings of a family, each made once."""
    known: dict[str, Lives] = {}

    def of(family: str) -> Lives:
        if family not in known:
            world = Simulation(seed=11).world
            for _ in range(BEGINNINGS):
                begin(world, next(one for one in FAMILIES if one.begin.__name__ == family), FROM)
            reader, found = Reader(), defaultdict(list)
            for record in world.run_to(FROM + 600 * DAY):
                found[record.party].append(reader.read(record.value, record.party.encode(), record.time_ms).event)
            known[family] = found
        return known[family]

    return of


def data_of(lives: Lives, *kinds: type[t.Data]) -> list[t.Data]:
    return [event.data for events in lives.values() for event in events if isinstance(event.data, kinds)]


def by_entity(lives: Lives, name: str) -> Iterable[Sequence[Event]]:
    """The events that name an entity, in order."""
    found: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for party, events in lives.items():
        for event in events:
            if entity := getattr(event.data, name, None):
                found[party, entity].append(event)
    return found.values()


def transactional(lives: Lives) -> int:
    return sum(data.kind == "nps" and bool(data.ticket_id) for data in data_of(lives, t.SurveySent))


def transactional_by_the_answer(lives: Lives) -> int:
    found = 0
    for events in by_entity(lives, "survey_id"):
        sent = any(isinstance(event.data, t.SurveySent) and not event.data.ticket_id for event in events)
        found += sent and any(isinstance(event.data, t.SurveyAnswered) and event.data.ticket_id for event in events)
    return found


def changed_after_a_month(lives: Lives) -> int:
    count = 0
    for events in by_entity(lives, "survey_id"):
        answers = [event.time_ms for event in events if isinstance(event.data, t.SurveyAnswered)]
        count += len(answers) > 1 and answers[-1] - answers[0] > 30 * DAY
    return count


def announced_and_followed(kind: type[t.Data]) -> Callable[[Lives], int]:
    """Churns that lie ahead when the next churn or merge of the party comes."""

    def count(lives: Lives) -> int:
        found = 0
        for events in lives.values():
            ends = [e for e in events if isinstance(e.data, t.CustomerChurned | t.CustomerMerged)]
            for event, after in pairwise(ends):
                end = event.data.effective_at if isinstance(event.data, t.CustomerChurned) else None
                found += end is not None and end.timestamp() * 1000 > after.time_ms and isinstance(after.data, kind)
        return found

    return count


def told_after_a_plan_change(lives: Lives) -> int:
    found = 0
    for events in lives.values():
        for number, event in enumerate(events):
            if isinstance(event.data, t.CustomerChurned) and event.data.effective_at:
                end_ms = event.data.effective_at.timestamp() * 1000
                found += any(isinstance(e.data, t.CustomerPlanChanged) and e.time_ms > end_ms for e in events[:number])
    return found


def voluntary(said: bool | None) -> Callable[[Lives], int]:
    return lambda lives: sum(data.voluntary is said for data in data_of(lives, t.CustomerChurned))


def written_to_again(lives: Lives) -> int:
    """Parties to whom a campaign wrote in another month."""
    found = 0
    for events in by_entity(lives, "campaign_id"):
        sent = [event.time_ms for event in events if isinstance(event.data, t.EmailSent)]
        found += len(sent) > 1 and sent[-1] - sent[0] > 25 * DAY
    return found


def delivered_without_a_sending(lives: Lives) -> int:
    """More deliveries than sendings of a campaign to a party."""
    found = 0
    for events in by_entity(lives, "campaign_id"):
        kinds = Counter(type(event.data) for event in events)
        found += kinds[t.EmailDelivered] > kinds[t.EmailSent]
    return found


def of_length(lives: Lives) -> int:
    return sum(data.length is not None and data.images is not None for data in data_of(lives, t.EmailSent))


def of_several_products(lives: Lives) -> int:
    return sum(len({item.product for item in data.items}) > 1 for data in data_of(lives, t.OrderPlaced))


def without_a_price(lives: Lives) -> int:
    return sum(any(item.amount is None for item in data.items) for data in data_of(lives, t.OrderPlaced))


def decided_by(least: int, most: int) -> Callable[[Lives], int]:
    return lambda lives: sum(
        data.decision_makers is not None and least <= data.decision_makers <= most
        for data in data_of(lives, t.DealCreated)
    )


def of_kind(kind: str) -> Callable[[Lives], int]:
    return lambda lives: sum(data.kind == kind for data in data_of(lives, t.DealCreated))


def won_in_stages_that_nobody_listed(lives: Lives) -> int:
    found = 0
    for events in by_entity(lives, "deal_id"):
        pipelines = {getattr(event.data, "pipeline", None) for event in events} - {None}
        found += pipelines == {"field"} and any(isinstance(event.data, t.DealWon) for event in events)
    return found


def merged_into_a_newer_one(lives: Lives) -> int:
    """And not back."""
    found = 0
    for events in lives.values():
        made = {e.data.lead_id: e.time_ms for e in events if isinstance(e.data, t.LeadCreated)}
        merged = [e.data for e in events if isinstance(e.data, t.LeadMerged)]
        gone = {one.lead_id for one in merged}
        found += sum(made.get(one.lead_id, FROM) < made.get(one.into, 0) and one.into not in gone for one in merged)
    return found


def before_it_was_written_down(kind: type[t.Data]) -> Callable[[Lives], int]:
    """What names a lead minutes before its creation."""

    def count(lives: Lives) -> int:
        found = 0
        for events in by_entity(lives, "lead_id"):
            made = next((e.time_ms for e in events if isinstance(e.data, t.LeadCreated)), 0)
            found += any(isinstance(e.data, kind) and 0 < made - e.time_ms <= HOUR for e in events)
        return found

    return count


def qualified(lives: Lives) -> int:
    return len(data_of(lives, t.LeadQualified))


def in_variant(variant: str) -> Callable[[Lives], int]:
    return lambda lives: sum(data.variant == variant for data in data_of(lives, t.ExperimentExposed))


def credited(lives: Lives) -> int:
    return sum(data.amount < 0 for data in data_of(lives, t.CostIncurred))


SITUATIONS: dict[str, tuple[str, Callable[[Lives], int]]] = {
    "an nps survey is about a ticket": ("ticket", transactional),
    "only the answer says that it is about a ticket": ("asked", transactional_by_the_answer),
    "a rating changes after more than 30 days": ("ticket", changed_after_a_month),
    "an announced end is overtaken by a merge": ("customer", announced_and_followed(t.CustomerMerged)),
    "an announced end is overtaken by another": ("customer", announced_and_followed(t.CustomerChurned)),
    "an end told of afterwards lies before a plan": ("customer", told_after_a_plan_change),
    "who leaves wants to": ("customer", voluntary(said=True)),
    "who leaves does not want to": ("customer", voluntary(said=False)),
    "who leaves does not say": ("customer", voluntary(said=None)),
    "a campaign writes every month": ("email", written_to_again),
    "a mail is delivered that nobody sent": ("email", delivered_without_a_sending),
    "a mail has a length and images": ("email", of_length),
    "an order has several products": ("order", of_several_products),
    "an item has no price": ("order", without_a_price),
    "a deal has few decision makers": ("deal", decided_by(1, 3)),
    "a deal has some decision makers": ("deal", decided_by(4, 10)),
    "a deal has many decision makers": ("deal", decided_by(11, 99)),
    "a deal is an upsell": ("deal", of_kind("upsell")),
    "a deal is new": ("deal", of_kind("new")),
    "a deal in stages that nobody listed is won": ("deal", won_in_stages_that_nobody_listed),
    "a lead is merged into a newer one": ("lead", merged_into_a_newer_one),
    "a lead is written down after the call": ("lead", before_it_was_written_down(t.LeadContacted)),
    "a lead is written down after the sale": ("lead", before_it_was_written_down(t.OrderPlaced)),
    "a lead is qualified": ("lead", qualified),
    "a campaign is held back from some": ("experiment", in_variant("holdout")),
    "a campaign is shown to the others": ("experiment", in_variant("campaign")),
    "a cost is given back": ("cost", credited),
}
"""By what happens, the family in whose lives it does, and how often it does there."""


@pytest.mark.parametrize("situation", SITUATIONS)
def test_it_happens_again_and_again(lives: Callable[[str], Lives], situation: str) -> None:
    family, count = SITUATIONS[situation]
    assert count(lives(family)) >= 5
