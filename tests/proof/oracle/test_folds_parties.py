"""Lapses, expansions, purchases and e-mail of whole parties, against plain folds over random lives."""

import random
from collections import Counter
from typing import Any

import pytest

from tests.proof.oracle.lives import Happened, lives, told
from tests.proof.oracle.world import DAY, World, iso

Spell = tuple[int, int | None]
FROM, TO = 104, 112


def some_step(dice: random.Random) -> tuple[str, dict[str, Any]]:
    value = {"value": dice.randrange(1, 9)} if dice.random() < 0.7 else {}
    effective = {"effective_at": iso(dice.randrange(98, 118))} if dice.random() < 0.5 else {}
    order = {"order_id": dice.choice("opq")}
    deal = {"deal_id": dice.choice("de")}
    return dice.choice(
        [
            ("customer.created", value),
            ("customer.reactivated", value),
            ("customer.churned", effective),
            ("customer.churned", effective),
            ("customer.plan_changed", {"plan": "m", **value}),
            ("customer.plan_changed", {"plan": "m", **value}),
            ("customer.merged", {"into": "x"}),
            ("order.placed", {**order, "amount": dice.randrange(9), "upsell": dice.random() < 0.7}),
            ("order.placed", {**order, "amount": dice.randrange(9), "upsell": dice.random() < 0.7}),
            ("order.refunded", {**order, "refund_id": dice.choice("rs"), "amount": dice.randrange(5)}),
            ("order.cancelled", order),
            ("deal.created", {**deal, "amount": dice.randrange(9), "kind": dice.choice(["new", "upsell"])}),
            ("deal.won", deal),
            ("deal.won", deal),
            ("deal.reopened", deal),
        ]
    )


class PartyFold:
    """A party, one event after the other; then what its deals and orders come to."""

    def __init__(self, life: list[Happened]) -> None:
        self.spells: list[Spell] = []
        self.began: int | None = None
        self.left: int | None = None
        self.merged: int | None = None
        self.lapses: list[tuple[int, int | None, bool]] = []
        self.value: int | None = None
        self.rises: list[tuple[int, int]] = []
        self.pending_rises: list[tuple[int, int]] = []
        for event in life:
            if event.kind.startswith("customer."):
                self.step(event.kind.split(".")[1], event.at, event.data)
        self.settle(None)
        if self.began is not None:
            self.spells.append((self.began, None))
        self.orders = kept_orders(life)
        self.wins = won_deals(life)

    def step(self, kind: str, at: int, data: dict[str, Any]) -> None:
        if kind in ("created", "reactivated", "churned", "merged") and self.left is not None and self.left > at:
            self.rises += self.pending_rises
            self.left = None
        if kind in ("created", "reactivated"):
            self.settle(at)
            self.began = at if self.began is None else self.began
        elif kind == "churned" and self.began is not None and self.left is None:
            effective = data.get("effective_at")
            leave = at if effective is None else next(second for second in range(200) if iso(second) == effective)
            self.left, self.merged, self.pending_rises = max(leave, self.began), None, []
            self.rises = [rise for rise in self.rises if rise[0] <= self.left]
        elif kind == "merged" and self.left is not None and self.merged is None:
            self.merged = at
        elif kind == "merged" and self.began is not None and self.left is None:
            self.spells.append((self.began, at))
            self.began = None
        elif kind == "plan_changed" and "value" in data and self.value is not None and data["value"] > self.value:
            rises = self.pending_rises if self.left is not None else self.rises if self.began is not None else []
            rises.append((at, data["value"] - self.value))
        self.value = data.get("value", self.value)

    def settle(self, back: int | None) -> None:
        """A churn that nothing took back; ``back`` is when the next spell starts."""
        if self.left is not None and self.began is not None:
            self.spells.append((self.began, self.left))
            over = back if self.merged is None else self.merged
            self.lapses.append((self.left, over, back is not None and self.merged is None))
            self.began = self.left = self.merged = None

    @property
    def expansions(self) -> list[tuple[int, int]]:
        """When, and worth what."""
        deals = [(at, amount) for at, _, amount, kind in self.wins if kind == "upsell"]
        return [*self.rises, *deals, *((at, left) for at, _, left, upsell in self.orders if upsell)]

    def expander(self) -> tuple[int, int] | None:
        """The last expansion inside a spell, and the spell's start."""
        inside = [
            (at, began)
            for at, _ in self.expansions
            for began, ended in self.spells
            if began <= at and (ended is None or at < ended)
        ]
        return max(inside, default=None)

    def first_purchase(self) -> str | None:
        """The id of the deal or order."""
        bought = [*((at, 0, name) for at, name, *_ in self.wins), *((at, 1, name) for at, name, *_ in self.orders)]
        return min(bought)[2] if bought else None


def kept_orders(life: list[Happened]) -> list[tuple[int, str, int, bool]]:
    """When, id, what is left of it, upsell; in order."""
    orders = []
    for name in "opq":
        events = [event for event in life if event.data.get("order_id") == name]
        placed = [event for event in events if event.kind == "order.placed"]
        refunds: dict[str, int] = {}
        for event in events:
            if event.kind == "order.refunded":
                refunds.setdefault(event.data["refund_id"], event.data["amount"])
        if placed and not any(event.kind == "order.cancelled" for event in events):
            amount, refunded = placed[0].data["amount"], sum(refunds.values())
            if not (amount > 0 and refunded >= amount):
                orders.append((placed[0].at, name, amount - refunded, placed[0].data["upsell"]))
    return sorted(orders)


def won_deals(life: list[Happened]) -> list[tuple[int, str, int, str]]:
    """When, id, amount, kind of the first creation."""
    wins = []
    for name in "de":
        events = [event for event in life if event.data.get("deal_id") == name]
        creations = [event for event in events if event.kind == "deal.created"]
        won: Happened | None = None
        for event in events:
            if event.kind == "deal.won":
                won = won or event
            elif event.kind == "deal.reopened":
                won = None
        if won is not None:
            amounts = [event.data["amount"] for event in creations if event < won]
            kind = creations[0].data["kind"] if creations else ""
            wins.append((won.at, name, amounts[-1] if amounts else 0, kind))
    return wins


@pytest.mark.parametrize("seed", range(8))
def test_parties_are_as_a_fold_tells_them(seed: int) -> None:
    """Lapses and returns, the time spent, expansions, gaps, the first purchase; in a window from 104 to 112."""
    world, dice = World(), random.Random(seed)
    folds = []
    for number, life in enumerate(lives(seed, some_step, "")):
        told(life, number, world, dice)
        folds.append(PartyFold(life))

    lapses = [lapse for fold in folds for lapse in fold.lapses]
    lapsed = sum(left < FROM and (over is None or over >= FROM) for left, over, _ in lapses)
    returned = sum(is_return and FROM <= (over or 0) < TO for _, over, is_return in lapses)
    assert world.fraction("reactivation_rate", FROM, TO) == (returned, lapsed)

    spells = [spell for fold in folds for spell in fold.spells]
    spent = sum(max(0, min(TO if end is None else end, TO) - max(start, FROM)) for start, end in spells)
    leaves = sum(FROM <= left < TO for left, _, _ in lapses)
    assert world.fraction("customer_lifetime", FROM, TO) == (spent * 1000, leaves)

    worths = [worth for fold in folds for _, worth in fold.expansions]
    answer = world.whole("upsell_revenue")
    assert (answer.value, answer.samples) == (sum(worths), len(worths))

    expanders = [pair for fold in folds if (pair := fold.expander())]
    active = sum(start < FROM and (end is None or end >= FROM) for start, end in spells)
    expanded = sum(last >= FROM for last, _ in expanders) - sum(joined >= FROM for _, joined in expanders)
    assert world.fraction("upsell_rate", FROM, 200) == (expanded, active)

    gaps = [later[0] - earlier[0] for f in folds for earlier, later in zip(f.orders, f.orders[1:], strict=False)]
    answer = world.whole("time_between_purchases")
    assert (answer.total, answer.samples) == (sum(gaps) * 1000, len(gaps))

    bought = [fold.orders for fold in folds if any(at >= FROM for at, *_ in fold.orders)]
    only = sum(len(orders) == 1 for orders in bought)
    assert world.fraction("returning_customer_rate", FROM, 200) == (len(bought) - only, len(bought))

    firsts = [(f"p{number}", fold.first_purchase()) for number, fold in enumerate(folds)]
    expected = sorted((party, name, 1) for party, name in firsts if name)
    assert world.entities("rep_new_customers") == expected


MAILS = ("sent", "delivered", "bounced", "opened", "clicked", *("unsubscribed", "subscribed") * 2)


def some_mail(dice: random.Random) -> tuple[str, dict[str, Any]]:
    what = dice.choice(MAILS)
    machine = {"machine": dice.random() < 0.3} if what == "opened" else {}
    return f"email.{what}", {"campaign_id": dice.choice("cd"), "variant": dice.choice("vw"), **machine}


def mails_of(life: list[Happened], campaign: str) -> list[list[Happened]]:
    """The events of one campaign by e-mail, each with the one that began it first."""
    mails: list[list[Happened]] = []
    for event in (event for event in life if event.data["campaign_id"] == campaign):
        waits = bool(mails) and not any(each.kind == "email.delivered" for each in mails[-1])
        if event.kind == "email.sent" or (event.kind == "email.delivered" and not waits):
            mails.append([])
        if mails:
            mails[-1].append(event)
    return mails


def rates_of(life: list[Happened], counts: Counter[tuple[str, str]]) -> None:
    """Counts of what follows sendings and deliveries, by variant."""
    for mail in mails_of(life, "c") + mails_of(life, "d"):
        variant = mail[0].data["variant"]
        for base in (event for event in mail if event.kind in ("email.sent", "email.delivered")):
            counts[base.kind, variant] += 1
            for kind in ["bounced"] if base.kind == "email.sent" else ["opened", "clicked", "unsubscribed"]:
                later = [
                    event.at - base.at
                    for event in mail
                    if event.kind == f"email.{kind}" and event.at >= base.at and not event.data.get("machine")
                ]
                counts[kind, variant] += bool(later and min(later) <= 5)


@pytest.mark.parametrize("seed", range(4))
def test_emails_are_as_a_fold_tells_them(seed: int) -> None:
    """What follows within five days, by variant; and the list, by the campaign of the subscription."""
    world, dice = World(), random.Random(seed)
    counts: Counter[tuple[str, str]] = Counter()
    listed: Counter[str] = Counter()
    for number, life in enumerate(lives(seed, some_mail, "")):
        told(life, number, world, dice, DAY)
        rates_of(life, counts)
        campaign: str | None = None
        for event in life:
            if event.kind == "email.subscribed":
                campaign = campaign or event.data["campaign_id"]
            elif event.kind == "email.unsubscribed":
                campaign = None
        listed.update([campaign] if campaign else [])
    assert world.groups("email_list_size", "campaign", window="now") == listed
    kpis = {"email_open_rate": "opened", "email_click_rate": "clicked", "email_unsubscribe_rate": "unsubscribed"}
    for kpi, kind in kpis.items():
        expected = {variant: (counts[kind, variant], counts["email.delivered", variant]) for variant in "vw"}
        assert world.fractions(kpi, "variant") == expected
    expected = {variant: (counts["bounced", variant], counts["email.sent", variant]) for variant in "vw"}
    assert world.fractions("email_bounce_rate", "variant") == expected
    expected = {variant: (counts["clicked", variant], counts["opened", variant]) for variant in "vw"}
    assert world.fractions("email_ctor", "variant") == expected
