"""E-mail, costs and experiments."""

from typing import Any
from zlib import crc32

from stream_kpis.proof.simulate import palette
from stream_kpis.proof.simulate.dice import DAY, HOUR, MINUTE, SECOND, Dice
from stream_kpis.proof.simulate.sales import money, order
from stream_kpis.proof.simulate.world import Life, Party, rfc3339


def email(who: Party, at: int) -> Life:
    """One mail of a campaign and what becomes of it; of the newsletter there are some more, every month."""
    dice = who.world.dice
    if dice.chance(0.03):
        yield from _issue(who, at, dice.between(1, 4))
        return
    data = _new_mail(dice, dice.pick(palette.CAMPAIGNS))
    if dice.chance(0.15):
        yield at, "email.subscribed", data
        if dice.chance(0.25):
            yield at + dice.after(60 * DAY), "email.unsubscribed", data
        return
    yield from _mailed(who, at, data)


def _new_mail(dice: Dice, campaign_id: str) -> dict[str, Any]:
    variant = dice.pick(("a", "b"))
    data: dict[str, Any] = {
        "campaign_id": campaign_id,
        "variant": variant,
        "subject_line": palette.SUBJECTS[variant],
        "call_to_action": dice.pick(palette.CALLS),
    }
    if dice.chance(0.8):
        data |= {"length": dice.pick(palette.LENGTHS), "images": dice.pick(palette.IMAGES)}
    return data


def _issue(who: Party, at: int, more: int) -> Life:
    """An issue of the newsletter, and a month later the next one, so many times; seldom its sending is not told of."""
    dice = who.world.dice
    if more:
        who.begin(_issue(who, at + dice.between(28 * DAY, 31 * DAY), more - 1))
    yield from _mailed(who, at, _new_mail(dice, palette.NEWSLETTER), told=not dice.chance(0.1))


def _mailed(who: Party, at: int, data: dict[str, Any], *, told: bool = True) -> Life:
    """A mail is sent, arrives mostly, and is read by some."""
    dice = who.world.dice
    if told:
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
        yield from _read(who, at + dice.around(40 * MINUTE, 1.4), data)


def _read(who: Party, at: int, data: dict[str, Any]) -> Life:
    """A person opens the mail, and perhaps follows a link and buys."""
    dice = who.world.dice
    yield at, "email.opened", data
    what = dice.random()
    at += dice.after(MINUTE)
    if what < 0.35:
        yield at, "email.clicked", data
        if dice.chance(0.45):
            who.begin(order(who, at + dice.around(3 * HOUR, 1.6)))
    elif what < 0.37:
        yield at, "email.unsubscribed", data
    elif what < 0.375:
        yield at, "email.complained", data


def cost(who: Party, at: int) -> Life:
    """Money spent, some of it for a span of days that has begun, is over or is yet to come."""
    dice = who.world.dice
    kind = dice.pick(palette.COSTS)
    amount = money(dice, 180, 0.9)
    if dice.chance(0.015):  # a credit note
        amount = f"-{amount}" if isinstance(amount, str) else -amount
    data: dict[str, Any] = {"amount": amount, "kind": kind, "channel": dice.pick(palette.CHANNELS)}
    if kind == "labour":
        data |= {"team": dice.pick(palette.WORKING), "owner_id": dice.pick(palette.OWNERS)}
    elif kind == "acquisition" and dice.chance(0.3):
        data["campaign_id"] = dice.pick(palette.CAMPAIGNS)
    if dice.chance(0.4):
        data |= _span(dice, at)
    yield at, "cost.incurred", data


def _span(dice: Dice, at: int) -> dict[str, str]:
    """The days of a cost; seldom the last one comes before the first."""
    first = at + dice.between(-40 * DAY, 10 * DAY)
    last = first + dice.between(-DAY if dice.chance(0.1) else 0, 45 * DAY)
    return {"from": rfc3339(first)[:10], "to": rfc3339(last)[:10]}


def experiment(who: Party, at: int) -> Life:
    """A visitor saw one of two variants, once or again: the same one, but for those who come by another device."""
    dice = who.world.dice
    name = dice.pick(palette.EXPOSED)
    old, new = palette.VARIANTS.get(name, ("control", "new"))
    variants = (old, new) if crc32(f"{name} {who.id}".encode()) & 1 else (new, old)
    data = {"experiment": name, "variant": variants[dice.chance(0.06)], "unit_id": who.id}
    yield at, "experiment.exposed", data
    if dice.chance(0.12 if data["variant"] == new else 0.08):
        who.begin(order(who, at + dice.around(2 * DAY, 1.2)))
    if dice.chance(0.2):
        yield at + dice.between(HOUR, DAY), "experiment.exposed", data
