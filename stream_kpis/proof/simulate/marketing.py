"""E-mail, costs and experiments."""

from typing import Any

from stream_kpis.proof.simulate import palette
from stream_kpis.proof.simulate.dice import DAY, HOUR, MINUTE, SECOND, Dice
from stream_kpis.proof.simulate.sales import money
from stream_kpis.proof.simulate.world import Life, Party


def email(who: Party, at: int) -> Life:
    """One mail of a campaign and what becomes of it."""
    dice = who.world.dice
    variant = dice.pick(("a", "b"))
    data = {
        "campaign_id": dice.pick(palette.CAMPAIGNS),
        "variant": variant,
        "subject_line": palette.SUBJECTS[variant],
        "call_to_action": dice.pick(palette.CALLS),
    }
    if dice.chance(0.15):
        yield at, "email.subscribed", data
        if dice.chance(0.25):
            yield at + dice.after(60 * DAY), "email.unsubscribed", data
        return
    yield at, "email.sent", data
    at += dice.between(SECOND, 9 * SECOND)
    if dice.chance(0.03):
        yield at, "email.bounced", data
        return
    yield at, "email.delivered", data
    if dice.chance(0.3):
        yield at + dice.between(0, SECOND), "email.opened", {**data, "machine": True}
        at += SECOND
    if dice.chance(0.35):
        yield from _read(dice, at + dice.around(40 * MINUTE, 1.4), data)


def _read(dice: Dice, at: int, data: dict[str, Any]) -> Life:
    yield at, "email.opened", data
    what = dice.random()
    at += dice.after(MINUTE)
    if what < 0.2:
        yield at, "email.clicked", data
    elif what < 0.22:
        yield at, "email.unsubscribed", data
    elif what < 0.225:
        yield at, "email.complained", data


def cost(who: Party, at: int) -> Life:
    """Money spent, some of it for a span of days."""
    dice = who.world.dice
    data: dict[str, Any] = {
        "amount": money(dice, 180, 0.9),
        "kind": dice.pick(("acquisition", "acquisition", "retention", "service", "labour", "goods")),
        "channel": dice.pick(palette.CHANNELS),
    }
    if dice.chance(0.4):
        data["team"] = dice.pick(palette.TEAMS)
    if dice.chance(0.2):
        data |= {"from": "2026-01-01", "to": "2026-01-31"}
    yield at, "cost.incurred", data


def experiment(who: Party, at: int) -> Life:
    """A visitor saw one of two pages, once or again."""
    dice = who.world.dice
    name = dice.pick(("pricing-page", "welcome-mail"))
    data = {"experiment": name, "variant": dice.pick(("control", "new")), "unit_id": who.id}
    yield at, "experiment.exposed", data
    if dice.chance(0.2):
        yield at + dice.between(HOUR, DAY), "experiment.exposed", data
