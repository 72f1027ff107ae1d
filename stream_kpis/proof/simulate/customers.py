"""Customers: they come, use what they bought, change plans, leave, and sometimes come back."""

from typing import Any

from stream_kpis.proof.simulate import palette
from stream_kpis.proof.simulate.dice import DAY, HOUR, Dice, weighted
from stream_kpis.proof.simulate.world import Life, Part, Party, World, rfc3339

_CHANGES = weighted({"churn": 30, "plan": 45, "update": 25, "refer": 12})
CHANGE_EVERY = 270 * DAY
"""Something changes in a customer's life about so often; 27 % of the changes are a churn (3 % per month)."""


def customer(who: Party, at: int) -> Life:
    """The life of one customer, for as long as it has anything to tell."""
    party, world = who
    dice = world.dice
    yield at, "customer.created", _new_customer(world)
    world.customers.append(party)
    world.active[party] = at
    if dice.chance(0.9):
        at += dice.around(8 * HOUR, 1.2)
        yield at, "customer.activated", {}
    while True:
        at += dice.after(CHANGE_EVERY)
        change = dice.pick(_CHANGES)
        if change != "churn":
            yield at, *_changed(dice, change, world)
        elif dice.chance(0.02):
            yield at, "customer.merged", {"into": world.party()}
            world.active.pop(party, None)
            return
        else:
            at = yield from _away(who, at)
            if party not in world.active:
                return


def _new_customer(world: World) -> dict[str, Any]:
    dice = world.dice
    plan = dice.pick(palette.PLANS)
    data: dict[str, Any] = {
        "channel": dice.pick(palette.CHANNELS),
        "segment": dice.pick(palette.SEGMENTS),
        "country": dice.pick(palette.COUNTRIES),
    }
    if dice.chance(0.97):
        data |= {"plan": plan, "value": palette.PRICES[plan]}
    if dice.chance(0.4):
        data["campaign_id"] = dice.pick(palette.CAMPAIGNS)
    if dice.chance(0.15):
        data["referred_by"] = world.party()
    return data


def _changed(dice: Dice, change: str, world: World) -> tuple[str, dict[str, Any]]:
    """The event type and data of a change in a spell."""
    if change == "plan":
        plan = dice.pick(palette.PLANS)
        percent = 85 if dice.chance(0.2) else 100
        return "customer.plan_changed", {"plan": plan, "value": str(palette.PRICES[plan] * percent / 100)}
    if change == "refer":
        return "customer.referred", {"referred_id": world.party()}
    if dice.chance(0.5):
        return "customer.updated", {"segment": dice.pick(palette.SEGMENTS)}
    return "customer.updated", {"country": dice.pick(palette.COUNTRIES)}


def _away(who: Party, at: int) -> Part:
    """The customer leaves, at once or with notice, and one in four comes back."""
    party, world = who
    dice = world.dice
    yield at, "customer.churned", churned(dice, at)
    world.active.pop(party, None)
    if dice.chance(0.06):
        at += dice.after(5 * DAY)
        yield at, "customer.churned", churned(dice, at)
    if not dice.chance(0.25):
        return at
    at += dice.after(25 * DAY)
    if dice.chance(0.15):
        yield at, "customer.created", _new_customer(world)
    else:
        plan = dice.pick(palette.PLANS)
        yield at, "customer.reactivated", {"plan": plan, "value": palette.PRICES[plan]} if dice.chance(0.7) else {}
    world.active[party] = at
    return at


def churned(dice: Dice, at: int) -> dict[str, Any]:
    """The data of a churn told at ``at``; it takes effect then, or was before, or will be."""
    data: dict[str, Any] = {"reason": dice.pick(palette.LEAVING), "voluntary": dice.chance(0.85)}
    when = dice.random()
    if when < 0.08:
        data["effective_at"] = rfc3339(at - dice.after(4 * DAY))
    elif when < 0.28:
        data["effective_at"] = rfc3339(at + dice.between(DAY, 30 * DAY))
    return data
