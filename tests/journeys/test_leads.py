"""What leads are merged into."""

import random
import time

import pytest

from stream_kpis.journeys.leads import Deal, Lead, Leads, facts, wholes


def walked(leads: dict[str, Lead], lead_id: str) -> str | None:
    """The lead that a lead was merged into in the end, step by step; None in a circle."""
    seen = set()
    while lead_id in leads and (into := leads[lead_id].merged_into) is not None:
        if lead_id in seen:
            return None
        seen.add(lead_id)
        lead_id = into
    return lead_id


@pytest.mark.parametrize("seed", range(300))
def test_merges_lead_where_a_plain_walk_leads(seed: int) -> None:
    """Chains, trees and circles, some with a tail, into leads that were never created or heard of."""
    dice = random.Random(seed)
    names = [f"{n}" for n in range(dice.randrange(1, 14))]
    merges = dice.random()
    leads = {
        name: Lead(
            created_ms=dice.choice((None, n, n)),
            dims=(name, None, None, None, None, None),
            merged_into=dice.choice([*names, "unheard of"]) if dice.random() < merges else None,
        )
        for n, name in enumerate(dice.sample(names, len(names)))
    }
    deals = {name: Deal(lead_id=name, won_ms=1_000 + n) for n, name in enumerate([*names, "unheard of"])}
    expected: dict[str, list[Lead]] = {}
    for name, lead in leads.items():
        target = walked(leads, name)
        if target in leads and leads[target].created_ms is not None:
            expected.setdefault(target, []).append(lead)
    state = Leads(leads=leads, deals=deals)
    found = wholes(state)
    assert [(name, list(map(id, whole))) for name, whole in found.items()] == [
        (name, list(map(id, whole))) for name, whole in expected.items()
    ]
    won = {name: min(1_000 + n for n, of in enumerate(names) if walked(leads, of) == name) for name in expected}
    assert {fact.dims[0]: fact.at_ms for fact in facts(state) if fact.name == "lead_conversion"} == won


def test_a_long_chain_of_merges_costs_what_it_has_of_leads() -> None:
    """Of 20,000 leads, each merged into the next, it took a quarter of a minute."""
    count = 20_000
    leads = {f"{n}": Lead(created_ms=n, dims=(None,) * 6, merged_into=f"{n + 1}") for n in range(count)}
    leads[f"{count}"] = Lead(created_ms=count, dims=(None,) * 6)
    begun = time.process_time()
    found = wholes(Leads(leads=leads))
    assert time.process_time() - begun < 2
    assert {name: len(whole) for name, whole in found.items()} == {f"{count}": count + 1}
