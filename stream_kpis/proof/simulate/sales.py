"""Leads, deals, orders and interactions: how business comes about."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from stream_kpis.proof.simulate import palette
from stream_kpis.proof.simulate.dice import DAY, HOUR, MINUTE, SECOND, Dice
from stream_kpis.proof.simulate.world import Life, Part, Party, Step, rfc3339

Lead = Mapping[str, str]
"""How a deal or order names its lead: ``lead_id``, and ``lead_party`` if it says whose."""
NO_LEAD: Lead = MappingProxyType({})
ELSEWHERE = 1 / 8
"""The share of buyers who buy as another party than the one that asked."""


def lead(who: Party, at: int, lead_id: str | None = None) -> Life:
    """A prospect asks, is assigned, greeted by an automaton, reached by a person, and converts or not.

    Seldom it is written down after the call, or after it bought at the counter: within the hour, mostly.
    """
    dice = who.world.dice
    lead_id = lead_id or who.world.new_id("lead")
    owner = dice.pick(palette.OWNERS)
    who.world.last_lead = lead_id
    before = dice.random()
    if before < 0.02:
        yield at, "lead.contacted", {"lead_id": lead_id, "owner_id": owner, "channel": "phone"}
    elif before < 0.03:
        who.begin(order(who, at, {"lead_id": lead_id}))
    if before < 0.03:
        at += dice.around(12 * MINUTE, 0.9)
    yield at, "lead.created", _new_lead(dice, lead_id, owner)
    if dice.chance(0.025):
        who.begin(_twin(who, at + dice.after(HOUR), lead_id))
    at = yield from _greeted(dice, at, lead_id)
    fate = dice.random()
    if fate < 0.12:
        yield at + dice.after(2 * DAY), "lead.disqualified", {"lead_id": lead_id, "reason": dice.pick(palette.LOSING)}
        return
    if fate < 0.45:
        at += dice.after(DAY)
        yield at, "lead.qualified", {"lead_id": lead_id}
    if fate > 0.70:
        return
    at += dice.around(3 * MINUTE, 0.8) if dice.chance(0.3) else dice.around(4 * DAY, 1.0)
    if fate < 0.40:
        buyer, named = _bought(who, at, lead_id)
        buyer.begin(deal(buyer, at, named) if fate < 0.27 else order(buyer, at, named))
    elif fate < 0.55:
        yield at, "lead.converted", {"lead_id": lead_id, "customer_id": who.id}


def _bought(who: Party, at: int, lead_id: str) -> tuple[Party, Lead]:
    """Who buys, and how the lead is named; few of those who buy as another party name it wrongly.

    Seldom there is a lead of the same id where it buys, which is another one.
    """
    world = who.world
    dice = world.dice
    if not dice.chance(ELSEWHERE):
        return who, {"lead_id": lead_id, "lead_party": who.id} if dice.chance(0.05) else {"lead_id": lead_id}
    buyer, how = Party(world.party(), world), dice.random()
    if how < 0.15:
        buyer.begin(lead(buyer, at, lead_id))
    return buyer, {"lead_id": lead_id, "lead_party": world.party() if how > 0.9 else who.id}


def _new_lead(dice: Dice, lead_id: str, owner: str) -> dict[str, Any]:
    data = {
        "lead_id": lead_id,
        "source": dice.pick(palette.SOURCES),
        "channel": dice.pick(palette.CHANNELS),
        "segment": dice.pick(palette.SEGMENTS),
        "country": dice.pick(palette.COUNTRIES),
    }
    if dice.chance(0.5):
        data["campaign_id"] = dice.pick(palette.CAMPAIGNS)
    if dice.chance(0.6):
        data["owner_id"] = owner
    return data


def _greeted(dice: Dice, at: int, lead_id: str) -> Part:
    """Greeted automatically, assigned, tried, reached: each of it mostly."""
    owner = dice.pick(palette.OWNERS)
    if dice.chance(0.5):
        at += dice.between(0, 3 * SECOND)
        yield at, "lead.contacted", {"lead_id": lead_id, "channel": "email", "automated": True}
    if dice.chance(0.8):
        at += dice.between(0, 90 * SECOND)
        yield at, "lead.assigned", {"lead_id": lead_id, "owner_id": owner}
    if dice.chance(0.3):
        at += dice.around(9 * MINUTE, 0.7)
        yield at, "lead.contacted", {"lead_id": lead_id, "owner_id": owner, "channel": "phone", "outcome": "attempted"}
    if dice.chance(0.88):
        at += dice.around(14 * MINUTE, 1.1)
        data = {"lead_id": lead_id, "channel": dice.pick(palette.CHANNELS)}
        if dice.chance(0.4):
            data["outcome"] = dice.pick(("connected", "replied"))
        if dice.chance(0.7):
            data["owner_id"] = owner
        yield at, "lead.contacted", data
    return at


def _twin(who: Party, at: int, into: str) -> Life:
    """The same request again, found out and merged; seldom a twin has a twin, or both are merged into each other.

    It is the older one that remains, mostly.
    """
    dice, lead_id = who.world.dice, who.world.new_id("lead")
    yield at, "lead.created", _new_lead(dice, lead_id, dice.pick(palette.OWNERS))
    if dice.chance(0.1):
        who.begin(_twin(who, at + dice.after(HOUR), lead_id))
    if dice.chance(0.5):
        at += dice.around(20 * MINUTE, 1.0)
        yield at, "lead.contacted", {"lead_id": lead_id, "owner_id": dice.pick(palette.OWNERS)}
    if dice.chance(0.3):
        at += dice.after(DAY)
        yield at, "lead.converted", {"lead_id": lead_id}
    if dice.chance(0.2):
        at += dice.after(DAY)
        yield at, "lead.qualified", {"lead_id": lead_id}
    at += dice.after(DAY)
    gone, left = (into, lead_id) if dice.chance(0.2) else (lead_id, into)
    yield at, "lead.merged", {"lead_id": gone, "into": left}
    if dice.chance(0.05):
        yield at + dice.after(DAY), "lead.merged", {"lead_id": left, "into": gone}


def deal(who: Party, at: int, named: Lead = NO_LEAD) -> Life:
    """An opportunity goes through stages and is won or lost; some are reopened, deleted, or known by their end.

    Few are in a pipeline whose stages nobody listed.
    """
    dice, deal_id = who.world.dice, who.world.new_id("deal")
    stages = palette.FIELD_STAGES if dice.chance(0.02) else palette.STAGES
    if not dice.chance(0.01):
        of_field = {"stage": stages[0], "pipeline": "field"} if stages is palette.FIELD_STAGES else {}
        yield at, "deal.created", _new_deal(dice, at, deal_id, named) | of_field
    quick = dice.chance(0.12)
    pace = 40 * SECOND if quick else dice.around(6 * DAY, 0.7)
    at = yield from _worked_on(dice, at, deal_id, pace, stages)
    if dice.chance(0.015):
        yield at + dice.after(pace), "deal.deleted", {"deal_id": deal_id, "duplicate": dice.chance(0.6)}
        return
    at += dice.after(pace)
    yield _closed(dice, at, deal_id)
    if dice.chance(0.02):
        yield at + dice.after(DAY), "deal.lost", {"deal_id": deal_id, "reason": "a second click"}
    elif dice.chance(0.04):
        at += dice.after(3 * DAY)
        yield at, "deal.reopened", {"deal_id": deal_id}
        if dice.chance(0.9):
            yield _closed(dice, at + dice.after(pace), deal_id)


def _new_deal(dice: Dice, at: int, deal_id: str, named: Lead) -> dict[str, Any]:
    data: dict[str, Any] = {
        "deal_id": deal_id,
        "owner_id": dice.pick(palette.OWNERS),
        "pipeline": dice.pick(palette.PIPELINES),
        "stage": palette.STAGES[0],
        "segment": dice.pick(palette.SEGMENTS),
        "region": dice.pick(palette.REGIONS),
        "product": dice.pick(palette.PRODUCTS),
        "source": dice.pick(palette.SOURCES),
        **named,
    }
    if dice.chance(0.9):
        data["amount"] = money(dice, 2400, 0.9)
        data["currency"] = "USD"
    if dice.chance(0.8):
        data["expected_close"] = rfc3339(at + dice.between(DAY, 90 * DAY))[:10]
    if dice.chance(0.3):
        data["kind"] = dice.pick(("upsell", "cross_sell", "renewal"))
    if dice.chance(0.5):
        data["decision_makers"] = dice.pick(palette.DECISION_MAKERS)
    return data


def _worked_on(dice: Dice, at: int, deal_id: str, pace: int, stages: tuple[str, ...]) -> Part:
    """Stages and what happens between them, each some ``pace`` ms after the last."""
    for stage in stages[1 : 1 + dice.between(0, 4)]:
        at += dice.after(pace)
        yield at, "deal.stage_changed", {"deal_id": deal_id, "stage": stage} | _elsewhere(dice)
        what = dice.random()
        at += dice.after(pace // 2)
        if what < 0.35:
            yield at, "deal.activity", {"deal_id": deal_id, "kind": dice.pick(("call", "meeting", "mail"))}
        elif what < 0.50:
            yield at, "deal.amount_changed", {"deal_id": deal_id, "amount": money(dice, 2400, 0.9)}
        elif what < 0.58:
            yield at, "deal.owner_changed", {"deal_id": deal_id, "owner_id": dice.pick(palette.OWNERS)}
        elif what < 0.64:
            day = rfc3339(at + dice.between(DAY, 120 * DAY))[:10]
            yield at, "deal.close_date_changed", {"deal_id": deal_id, "expected_close": day}
    return at


def _elsewhere(dice: Dice) -> dict[str, str]:
    """Seldom a deal goes back, into a stage that nobody listed, or on in another pipeline."""
    where = dice.random()
    if where < 0.04:
        return {"stage": "demo" if where < 0.02 else palette.STAGES[0]}
    return {"pipeline": "partner"} if where < 0.07 else {}


def _closed(dice: Dice, at: int, deal_id: str) -> Step:
    """The step that wins or loses the deal."""
    data: dict[str, Any] = {"deal_id": deal_id}
    if dice.chance(0.4):
        data["owner_id"] = dice.pick(palette.OWNERS)
    if dice.chance(0.38):
        if dice.chance(0.5):
            data["amount"] = money(dice, 2300, 0.9)
        return at, "deal.won", data
    return at, "deal.lost", {**data, "reason": dice.pick(palette.LOSING)}


def order(who: Party, at: int, named: Lead = NO_LEAD) -> Life:
    """A purchase, seldom cancelled, sometimes refunded in part, in parts or in full."""
    dice, order_id = who.world.dice, who.world.new_id("order")
    if not named and dice.chance(0.01):
        named = {"lead_id": who.world.last_lead}  # most likely of another party: names a lead that it cannot convert
    cents = 0 if dice.chance(0.01) else dice.around(6200, 0.8)
    yield at, "order.placed", _new_order(dice, order_id, cents, named)
    fate = dice.random()
    if fate < 0.03:
        yield at + dice.after(DAY), "order.cancelled", {"order_id": order_id}
        return
    if fate < 0.10:
        parts = (1.0,) if fate < 0.05 else (0.3,) if fate < 0.08 else (0.5, 0.2, 0.3)
        for part in parts:
            at += dice.after(90 * SECOND) if fate < 0.04 else dice.after(6 * DAY)
            amount = written(dice, round(cents * part))
            yield (
                at,
                "order.refunded",
                {"order_id": order_id, "refund_id": who.world.new_id("refund"), "amount": amount},
            )
    if fate > 0.99:
        yield at + dice.after(20 * DAY), "order.cancelled", {"order_id": order_id}


def _new_order(dice: Dice, order_id: str, cents: int, named: Lead) -> dict[str, Any]:
    product = dice.pick(palette.PRODUCTS)
    data: dict[str, Any] = {
        "order_id": order_id,
        "amount": written(dice, cents),
        "channel": dice.pick(palette.CHANNELS),
        "product": product,
        "owner_id": dice.pick(palette.OWNERS),
        **named,
    }
    if dice.chance(0.12):
        data["upsell"] = True
    if dice.chance(0.3):
        data["currency"] = "USD"
    if dice.chance(0.75):
        data["cost_of_goods"] = written(dice, cents * dice.between(25, 55) // 100)
    if dice.chance(0.2):
        data["items"] = [*_items(dice, product, cents)] if dice.chance(0.4) else [_item(dice, product, cents)]
        data["tax"] = written(dice, cents // 5)
    return data


def _item(dice: Dice, product: str, cents: int) -> dict[str, Any]:
    return {"product": product, "quantity": dice.between(1, 5), "amount": written(dice, cents)}


def _items(dice: Dice, product: str, cents: int) -> Iterator[dict[str, Any]]:
    """Two to four items that make the amount; seldom one is sold by weight, or a gift without a price is with them."""
    for _ in range(dice.between(1, 4)):
        part = cents * dice.between(20, 60) // 100
        cents -= part
        yield _item(dice, dice.pick(palette.PRODUCTS), part)
    yield _item(dice, product, cents) | ({"quantity": dice.between(1, 3000) / 1000} if dice.chance(0.1) else {})
    if dice.chance(0.1):
        yield {"product": dice.pick(palette.PRODUCTS)}


def interaction(who: Party, at: int) -> Life:
    """A contact of any kind."""
    dice = who.world.dice
    data: dict[str, Any] = {
        "direction": dice.pick(("in", "out")),
        "channel": dice.pick(palette.CHANNELS),
    }
    if dice.chance(0.97):
        data["interaction_id"] = who.world.new_id("contact")
    if dice.chance(0.6):
        data["owner_id"] = dice.pick(palette.OWNERS)
    if dice.chance(0.1):
        data["automated"] = True
    if dice.chance(0.05):
        data["sentiment"] = "kept by the sender, unknown here"
    yield at, "interaction.logged", data


def money(dice: Dice, median: float, sigma: float) -> int | float | str:
    """A log-normal amount in units of the currency, in any of the ways that systems write amounts."""
    return written(dice, dice.around(median * 100, sigma))


def written(dice: Dice, cents: int) -> int | float | str:
    """An amount of cents as a JSON number or a decimal string."""
    how = dice.random()
    if how < 0.5:
        return cents / 100
    if how < 0.85:
        return f"{cents // 100}.{cents % 100:02}"
    return cents // 100 if cents % 100 == 0 else cents / 100
