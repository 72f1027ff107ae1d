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
            left = at if dice.chance(0.03) else None
            if left is not None:  # nobody heard of it before the next plan was booked
                at += dice.after(2 * DAY)
                yield at, *_changed(dice, "plan", world)
                at += dice.after(2 * DAY)
            at = yield from _away(who, at, left)
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


def _away(who: Party, at: int, left: int | None = None) -> Part:
    """The customer leaves, at once, with notice or as of a time that is over, and one in four comes back.

    Who has given notice may leave earlier, or turn out to be somebody else, before the end has come.
    """
    party, world = who
    dice = world.dice
    end = _end(dice, at) if left is None else left
    yield at, "customer.churned", _churned(dice, at, end)
    world.active.pop(party, None)
    what = dice.random()
    if end > at and what < 0.2:
        yield dice.between(at, end), "customer.merged", {"into": world.party()}
        return at
    if what < (0.32 if end > at else 0.06):
        at = dice.between(at, end) if end > at else at + dice.after(5 * DAY)
        yield at, "customer.churned", _churned(dice, at, _end(dice, at))
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


def _end(dice: Dice, at: int) -> int:
    """When a churn told at ``at`` takes effect: then, or before, or some weeks later."""
    when = dice.random()
    if when < 0.08:
        return at - dice.after(4 * DAY)
    return at + dice.between(DAY, 30 * DAY) if when < 0.28 else at


def _churned(dice: Dice, at: int, end: int) -> dict[str, Any]:
    """The data of a churn; one in ten does not say whether the customer wanted to leave."""
    data: dict[str, Any] = {"reason": dice.pick(palette.LEAVING)}
    if not dice.chance(0.1):
        data["voluntary"] = dice.chance(0.85)
    if end != at:
        data["effective_at"] = rfc3339(end)
    return data
