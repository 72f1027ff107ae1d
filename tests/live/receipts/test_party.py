"""One party, looked into."""

import json

import pytest

from stream_kpis.engine.compiler import compile_catalogue
from stream_kpis.engine.holdings import Holdings
from stream_kpis.engine.rekeying import hand_over
from stream_kpis.engine.shard import Shard
from stream_kpis.engine.tiles import DAY_MS, Calendar
from stream_kpis.events.envelope import Reader
from stream_kpis.kpis.load import built_in
from stream_kpis.live.evaluate import _batches
from stream_kpis.live.model.pseudonyms import Pseudonyms
from stream_kpis.live.receipts.party import Dossier, Place, dossier, kpis_of_facts, render, rows_of
from tests.live.stories import DAY_0_MS, deal, happened, ticket

PLAN = compile_catalogue(built_in())
NOW_MS = DAY_0_MS + 100 * DAY_MS


def looked_into(party: str, *, seal_days: int = 10**5) -> Dossier:
    """A's and B's shard, and the dossier of one of them."""
    voided = happened(1.5, "order.placed", order_id="o9", amount=1)
    source, name = "s", json.loads(voided.value)["id"]
    events = [
        happened(1, "lead.created", lead_id="l1", channel="web"), voided,
        deal(2, "created", "d1", lead_id="l1", amount=50), deal(5, "won", "d1", owner_id="rep-01"),
        ticket(3, "created", "t1", "B"), happened(6, "event.voided", source=source, id=name),
    ]  # fmt: skip
    shard, holdings = Shard(PLAN, 0, 1, Reader(), Calendar(), seal_days), Holdings(PLAN, party=party)
    for batch in _batches(events, {}):
        shard.apply(batch)
    for key, value in shard.take(NOW_MS).parties:
        holdings.take(key, value)
    return dossier(party, holdings, PLAN, Calendar(), NOW_MS, "USD")


@pytest.mark.parametrize("seal_days", [10**5, 30])
def test_its_events_stand_in_order_each_once(seal_days: int) -> None:
    """Sealed or not, though several journeys keep them; who took one back has it no more."""
    found = looked_into("A", seal_days=seal_days)
    rows = rows_of(found, PLAN, "USD", {})
    events = [(row["name"], row["entity"], row["topic"]) for row in rows if row["section"] == "event"]
    assert events == [
        ("lead.created", "l1", "crm.leads"), ("deal.created", "d1", "crm.deals"), ("deal.won", "d1", "crm.deals"),
    ]  # fmt: skip
    assert found.voided == 1


def test_what_others_bought_of_its_leads_is_named() -> None:
    """Though it is no event of its own: the deal or order of the other party, and what becomes of the lead."""
    named = {"lead_id": "l1", "lead_party": "A"}
    events = [
        happened(1, "lead.created", lead_id="l1"), happened(4, "order.placed", "B", order_id="o1", amount=1, **named),
        happened(3, "order.placed", "C", order_id="o2", amount=1, **named),
    ]  # fmt: skip
    shard, holdings = Shard(PLAN, 0, 1, Reader(), Calendar(), 10**5), Holdings(PLAN, party="A")
    for some in (events, [happened(9, "order.cancelled", "C", order_id="o2")]):
        for batch in _batches(some, shard.next):
            shard.apply(batch)
        flush = shard.take(NOW_MS)
        hand_over(flush.rekeyed, [shard])
        for key, value in (*flush.parties, *shard.take(NOW_MS).parties):
            holdings.take(key, value)
    found = dossier("A", holdings, PLAN, Calendar(), NOW_MS, "USD")
    rows = rows_of(found, PLAN, "USD", {})
    assert [row["name"] for row in rows if row["section"] == "event"] == ["lead.created"]
    links = [(row["name"], row["entity"], row["time"], row["what"]) for row in rows if row["section"] == "link"]
    assert sorted(links) == [
        ("order:B/o1", "l1", "2026-03-05T00:00:00.000Z", "may convert the lead"),
        ("order:C/o2", "l1", None, "no longer converts the lead"),
    ]
    facts = {fact.name: fact.value for _, fact in found.facts if fact.name != "party_active"}
    assert facts == {"lead_created": 0, "lead_converted": 3 * DAY_MS, "lead_conversion": 0}
    text = render(found, PLAN, "USD", {})
    assert "order:B/o1" in text
    assert "no longer converts the lead" in text


def test_its_facts_say_in_which_kpis_they_count() -> None:
    rows = rows_of(looked_into("A"), PLAN, "USD", {})
    facts = {row["name"]: row for row in rows if row["section"] == "fact"}
    assert "deal_win_rate" in facts["deal_won"]["what"]
    assert facts["deal_won"]["dims"]["owner"] == "rep-01"
    assert facts["lead_converted"]["value"] == 4 * DAY_MS
    kpis = {row["name"]: row["value"] for row in rows if row["section"] == "kpi"}
    assert (kpis["deals_won"], kpis["lead_conversion_rate"]) == (1, 1.0)
    assert "tickets_opened" not in kpis


def test_the_text_fits_a_terminal_and_knows_offsets() -> None:
    found = looked_into("A")
    (event, _), *_ = found.events
    at = {(event.source, event.id): Place("crm.orders", 7, 1234)}
    text = render(found, PLAN, "USD", at)
    assert max(map(len, text.splitlines())) <= 80
    (line,) = [line for line in text.splitlines() if "7/1234" in line]
    assert "lead.created" in line
    assert "crm.orders" in line
    row, *others = rows_of(found, PLAN, "USD", at)
    assert (row["topic"], row["partition"], row["offset"]) == ("crm.orders", 7, 1234)
    assert {other.get("partition") for other in others} == {None}


def test_an_unknown_party_is_one_line() -> None:
    with pytest.raises(ValueError, match="no party 'nobody': none of its events was counted"):
        looked_into("nobody")


def test_every_kpi_counts_some_fact() -> None:
    counted = {kpi for kpis in kpis_of_facts(PLAN).values() for kpi in kpis}
    assert counted == set(PLAN.catalogue.kpis)


def test_people_have_other_names_if_wanted() -> None:
    """In events and in dimensions; the party keeps its own."""
    found = looked_into("A")
    assert "rep-01" in str(rows_of(found, PLAN, "USD", {}))
    assert "rep-01" not in str(rows_of(found, PLAN, "USD", {}, Pseudonyms("secret")))
    assert "l1" in str(rows_of(found, PLAN, "USD", {}, Pseudonyms("secret")))
