"""Who is behind a value: over all entities their contributions are the value, and the oracle names the same."""

import random
import re
from collections.abc import Iterator
from itertools import chain

import pytest

from stream_kpis.engine.holdings import Holdings
from stream_kpis.engine.tiles import Calendar
from stream_kpis.events.envelope import Reader
from stream_kpis.journeys.facts import Fact
from stream_kpis.live.model.snapshot import Snapshot, Value
from stream_kpis.live.receipts.contributions import Lens
from stream_kpis.proof.oracle import Ask, Oracle
from stream_kpis.proof.prove import first_culprit, topics_of
from stream_kpis.proof.replay import laid_out, replay
from stream_kpis.proof.simulate import Simulation
from stream_kpis.proof.verify import SIMULATED_NOW_MS, oracle_of
from tests.live.stories import PLAN

pytestmark = pytest.mark.slow

KPIS = PLAN.catalogue.kpis


class World:
    """A small simulated company: its snapshot, its parties' facts, and the oracle over its events."""

    def __init__(self) -> None:
        logs = laid_out(Simulation(6, 60).history(2_000, 400, SIMULATED_NOW_MS), 2, SIMULATED_NOW_MS)
        dice = random.Random(1)
        model, shards = replay(PLAN, logs, 2, Reader(), Calendar(), SIMULATED_NOW_MS, dice)
        self.snapshot: Snapshot = model.snapshot(SIMULATED_NOW_MS)
        holdings = Holdings(PLAN)
        for shard in shards:
            for key, value in shard._parties._stored.items():
                holdings.take(key, value)
        self.facts = list(holdings.facts())
        self.oracle: Oracle = oracle_of(PLAN, Reader(), "UTC")
        self.oracle.load(chain.from_iterable(logs.values()))

    def lens(self, value: Value) -> Lens:
        return Lens(PLAN, value, self.snapshot.to_ms)

    def some(self, kpi: str) -> Iterator[Value]:
        """The totals of its first and last window, and a group of each grouping."""
        values = [value for value in self.snapshot.values if value.kpi == kpi]
        yield from [value for value in values if not value.by][:: max(len(KPIS[kpi].windows) - 1, 1)]
        for by in KPIS[kpi].by:
            yield from [value for value in values if value.by == by and value.samples][-1:]

    def whole(self, value: Value) -> float:
        """What the contributions must add up to."""
        if value.durations is not None:
            return value.samples
        number = value.numerator if value.numerator is not None else value.value or 0
        if re.search(r"\b(count|sum|distinct)_ms\(", KPIS[value.kpi].formula):
            return number / (value.to_ms - value.from_ms)
        scale = {"currency": 1e6, "quantity": 1e3}.get(KPIS[value.kpi].unit)
        return round(number * scale) if value.numerator is None and scale is not None else number


@pytest.fixture(scope="module")
def world() -> World:
    return World()


COMPOSED = frozenset({
    "ab_lift", "ab_relative_lift", "ab_srm", "arpc_base_effect", "arpc_spend_effect", "cac_payback_time",
    "clv_cac_ratio", "clv_historic", "clv_net", "clv_predicted", "cohort_retention_rate", "quota_attainment",
    "service_quality_index",
})  # fmt: skip
"""KPIs of other values, or made by a method."""
NO_SUMS = COMPOSED | {"pipeline_velocity", "cac_lagged"}
"""KPIs to which entities do not add up: a product of sums, costs of another window."""


@pytest.mark.parametrize("kpi", KPIS)
def test_the_contributions_are_the_value_and_the_oracle_names_the_same(world: World, kpi: str) -> None:
    for value in world.some(kpi):
        lens = world.lens(value)
        assert lens.linear == (kpi not in NO_SUMS)
        if not lens.linear:
            continue
        behind = lens.behind(world.facts, 3)
        assert behind.number == world.whole(value)
        if value.denominator is not None and "_all(" not in KPIS[kpi].formula:
            assert behind.denominator == value.denominator
        ask = Ask(value.kpi, value.window, value.from_ms, value.to_ms)
        expected = world.oracle.entities(ask, value.by, value.group, world.snapshot.to_ms)
        assert first_culprit(lens.contributions(world.facts), expected) is None


@pytest.mark.parametrize(
    ("kpi", "order"), [("first_response_time", "slowest"), ("leads_open_uncontacted", "oldest"), ("orders", "newest")]
)
def test_the_first_ones_are_those_that_matter(world: World, kpi: str, order: str) -> None:
    """And the counts are of all, however many are named."""
    value = next(v for v in world.snapshot.values if v.kpi == kpi and not v.by and v.window in ("now", "all", "30d"))
    few, many = (world.lens(value).behind(world.facts, most) for most in (2, 1_000))
    assert (few.order, few.entities, few.total) == (order, many.entities[:2], many.total)
    keys = {
        "slowest": [-one.number for one in many.entities],
        "oldest": [one.at_ms for one in many.entities],
        "newest": [-one.at_ms for one in many.entities],
    }[order]
    assert keys == sorted(keys)
    assert len(many.entities) == many.total > 2


OF_LEADS = ("leads_new", "lead_conversion_rate", "lead_response_time", "leads_open_uncontacted")


@pytest.mark.parametrize("kpi", OF_LEADS)
def test_each_lead_of_a_party_is_named(world: World, kpi: str) -> None:
    """As the oracle names it, though the journey folds all of them together."""
    value = next(v for v in world.snapshot.values if v[:3] == (kpi, KPIS[kpi].windows[-1], ""))
    ask = Ask(value.kpi, value.window, value.from_ms, value.to_ms)
    expected = {
        (party, lead) for party, lead, number in world.oracle.entities(ask, "", "", world.snapshot.to_ms) if number
    }
    named = {(each.party, each.entity) for each in world.lens(value).contributions(world.facts) if each.number}
    assert named == expected
    assert len(named) > len({party for party, _ in named})


def test_whether_a_ticket_was_settled_is_told_of_the_ticket(world: World) -> None:
    """Another ticket of the party may decide; but each is counted once, with what became of it."""
    value = next(v for v in world.snapshot.values if v[:3] == ("first_contact_resolution_rate", "90d", ""))
    found = list(world.lens(value).contributions(world.facts))
    assert all(each.entity.startswith("ticket") for each in found)
    assert len(found) == value.denominator > 10


def test_an_altered_fact_is_found(world: World) -> None:
    """By the party's and the entity's name, with what both say."""
    value = next(v for v in world.snapshot.values if v[:3] == ("deals_won", "365d", ""))
    party, entity, fact = next(
        each for each in world.facts if each[2].name == "deal_won" and each[2].at_ms > value.from_ms
    )
    ask = Ask(value.kpi, value.window, value.from_ms, value.to_ms)
    expected = world.oracle.entities(ask, "", "", world.snapshot.to_ms)
    lost = [each for each in world.facts if each != (party, entity, fact)]
    assert first_culprit(world.lens(value).contributions(lost), expected) == (party, entity, 0, 1)
    twice = [*world.facts, (party, entity, Fact("deal_won", fact.at_ms, 0, fact.dims))]
    assert first_culprit(world.lens(value).contributions(twice), expected) == (party, entity, 2, 1)


def test_only_the_topics_that_a_kpi_needs_are_read(world: World) -> None:
    of = {value.kpi: topics_of(PLAN, [value]) for value in world.snapshot.values}
    assert of["tickets_open"] == {"crm.tickets", "crm.rekeyed"}
    assert of["lead_conversion_rate"] == {"crm.leads", "crm.deals", "crm.orders", "crm.rekeyed"}
