"""What the parties changelog holds is what the shard that wrote it knows."""

import random
from collections import Counter

import pytest

from stream_kpis.engine.compiler import compile_catalogue
from stream_kpis.engine.holdings import Holdings
from stream_kpis.kpis.load import built_in
from tests.engine.shards import batch, new_shard, records_of
from tests.engine.worlds import random_happenings

PLAN = compile_catalogue(built_in())


def written(seed: int) -> tuple[list[tuple[bytes, bytes | None]], Counter]:
    """All party records that a shard wrote over several flushes, and the facts that it ended with."""
    dice = random.Random(seed)
    records, shard = records_of(random_happenings(dice, 8, 12)), new_shard(PLAN)
    lines: list[tuple[bytes, bytes | None]] = []
    for some in (records[at : at + 9] for at in range(0, len(records), 9)):
        shard.apply(batch(some))
        lines += shard.take(1).parties
    facts = Counter(
        (scope.party, fact) for party in shard._parties._scopes for scope in shard._parties.scopes_of(party)
        for fact in scope.facts
    )  # fmt: skip
    return lines, facts


@pytest.mark.parametrize("seed", range(4))
def test_the_facts_are_the_shards(seed: int) -> None:
    lines, facts = written(seed)
    holdings = Holdings(PLAN)
    for key, value in lines:
        holdings.take(key, value)
    assert facts
    assert Counter((party, fact) for party, _, fact in holdings.facts()) == facts


def test_one_party_or_some_journeys_are_a_part_of_it() -> None:
    lines, facts = written(1)
    party = min(party for party, _ in facts)
    of_party, of_leads = Holdings(PLAN, party=party), Holdings(PLAN, ["leads"])
    for key, value in lines:
        of_party.take(key, value)
        of_leads.take(key, value)
    assert Counter((who, fact) for who, _, fact in of_party.facts()) == Counter(
        {key: n for key, n in facts.items() if key[0] == party}
    )
    assert {holding.journey for holding in of_leads} == {"leads"}


def test_a_tombstone_ends_a_scope() -> None:
    lines, _ = written(1)
    holdings = Holdings(PLAN, ["leads"])
    for key, value in lines:
        holdings.take(key, value)
    for key in list(holdings._records):
        holdings.take(key, None)
    assert len(holdings) == 0
