"""Short stories about money: the facts that they are about, and what docs/definitions-value.md makes of them."""

from typing import Any

from tests.engine.worlds import iso
from tests.journeys.cases import M, Step, customer, deal, order
from tests.journeys.continued import H
from tests.journeys.continued_parties import email

D = 24 * H
U = 1_000_000


def cost(minute: int, amount: float, /, **data: Any) -> Step:
    return minute, "cost.incurred", {"amount": amount, "kind": "labour", **data}


def exposed(minute: int, variant: str, experiment: str = "e") -> Step:
    return minute, "experiment.exposed", {"experiment": experiment, "variant": variant}


def half_past_ten(day: int) -> int:
    """Of a day of January 2026, in minutes."""
    return (20_453 + day) * D + 10 * H + 30


WORTH = {"customer_worth"}
CHANGES = {"worth_lost", "worth_contracted", "worth_expanded", "worth_returned"}
COHORT = {"customer_joined", "cohort_founded", "cohort_started", "cohort_ended"}
BUYING = {"buyer_active", "buyer_lapsed", "buyer_dormant", "buyer_back"}
BUCKETS = {"buyer_bucket", "buyer_bucket_value"}
MAILED = {"email_order", "email_order_refunded", "email_converted"}
UNITS = {"unit_exposed", "unit_converted", "unit_crossed"}

OF_VALUE: dict[str, tuple[str, set[str], list[Step], set[tuple[Any, ...]]]] = {
    # Costs
    "a cost is spread over its days, and adds up": (
        "costs",
        {"cost"},
        [cost(1, 100, **{"from": "2026-01-01", "to": "2026-01-03T23:00:00Z"}, team="sales")],
        {("cost", half_past_ten(1), 33_333_333, "labour", "sales"),
         ("cost", half_past_ten(2), 33_333_333, "labour", "sales"),
         ("cost", half_past_ten(3), 33_333_334, "labour", "sales")},
    ),
    "one below zero is rounded towards minus infinity": (
        "costs",
        {"cost"},
        [cost(1, -0.000001, **{"from": "2026-01-01", "to": "2026-01-02"})],
        {("cost", half_past_ten(1), -1, "labour"), ("cost", half_past_ten(2), 0, "labour")},
    ),
    "one of a span that goes back, or is no span, counts at its own time": (
        "costs",
        {"cost"},
        [cost(1, 5, **{"from": "2026-01-03", "to": "2026-01-01"}, campaign_id="c", channel="web", owner_id="o")],
        {("cost", 1, 5 * U, "labour", "web", "c", "o")},
    ),
    "so does one of a day that there is not": (
        "costs", {"cost"}, [cost(1, 5, **{"from": "2026-02-01", "to": "2026-02-30"})], {("cost", 1, 5 * U, "labour")},
    ),
    "and one of more than ten years": (
        "costs", {"cost"}, [cost(1, 5, **{"from": "2016-01-01", "to": "2026-01-08"})], {("cost", 1, 5 * U, "labour")},
    ),
    # Orders
    "an order that names what its goods cost has a margin": (
        "orders",
        {"order_margin_amount", "order_margin_goods", "order_margin_refunded"},
        [order(1, "placed", amount=100, cost_of_goods=0, product="p"), order(2, "refunded", refund_id="r", amount=20)],
        {("order_margin_amount", 1, 100 * U, "p"), ("order_margin_goods", 1, 0, "p"),
         ("order_margin_refunded", 2, 20 * U, "p")},
    ),
    "one that does not has none": (
        "orders", {"order_margin_amount", "order_margin_goods"}, [order(1, "placed", amount=9)], set(),
    ),
    # Customers
    "worth moves with the customer, its price and its dimensions": (
        "lifecycle",
        WORTH,
        [customer(1, "created", plan="a", value=5), customer(2, "plan_changed", plan="b", value=7),
         customer(3, "updated", segment="s"), customer(4, "churned"), customer(5, "plan_changed", plan="b", value=9),
         customer(6, "reactivated"), customer(7, "merged", into="q")],
        {("customer_worth", 1, 5 * U, "a"), ("customer_worth", 2, -5 * U, "a"), ("customer_worth", 2, 7 * U, "b"),
         ("customer_worth", 3, -7 * U, "b"), ("customer_worth", 3, 7 * U, "b", "s"),
         ("customer_worth", 4, -7 * U, "b", "s"), ("customer_worth", 6, 9 * U, "b", "s"),
         ("customer_worth", 7, -9 * U, "b", "s")},
    ),
    "a price moves the worth and not the number of customers": (
        "lifecycle",
        {"customer_worth", "customer_level"},
        [customer(1, "created"), customer(2, "plan_changed", plan="a"), customer(3, "plan_changed", plan="a", value=7)],
        {("customer_level", 1, 1), ("customer_level", 2, -1), ("customer_level", 2, 1, "a"),
         ("customer_worth", 3, 7 * U, "a")},
    ),
    "until an announced end the worth stays, and goes on if that is taken back": (
        "lifecycle",
        WORTH | CHANGES,
        [customer(1, "created", plan="a", value=5), customer(2, "churned", effective_at=iso(20 * M)),
         customer(3, "plan_changed", plan="a", value=4), customer(4, "reactivated", value=6)],
        {("customer_worth", 1, 5 * U, "a"), ("customer_worth", 3, -5 * U, "a"), ("customer_worth", 3, 4 * U, "a"),
         ("customer_worth", 4, -4 * U, "a"), ("customer_worth", 4, 6 * U, "a"), ("worth_contracted", 3, U, "a")},
    ),
    "of an end told of afterwards what the price became later never was": (
        "lifecycle",
        WORTH | CHANGES,
        [customer(1, "created", value=5), customer(2, "plan_changed", plan="a", value=6),
         customer(3, "plan_changed", plan="b", value=9), customer(4, "plan_changed", plan="c", value=1),
         customer(5, "churned", effective_at=iso(2 * M)), customer(6, "reactivated")],
        {("customer_worth", 1, 5 * U), ("customer_worth", 2, -5 * U), ("customer_worth", 2, 6 * U, "a"),
         ("customer_worth", 2, -6 * U, "a"), ("worth_expanded", 2, U, "a"), ("worth_lost", 2, 6 * U, "a"),
         ("customer_worth", 6, U, "c"), ("worth_returned", 6, U, "c")},
    ),
    "what is lost, and what comes back": (
        "lifecycle",
        CHANGES,
        [customer(1, "created", plan="a", value=5), customer(2, "plan_changed", plan="b", value=3),
         customer(3, "plan_changed", plan="c", value=9), customer(4, "churned"),
         customer(5, "plan_changed", plan="d", value=1), customer(6, "reactivated", plan="e", value=8),
         customer(7, "reactivated", plan="f", value=2)],
        {("worth_contracted", 2, 2 * U, "b"), ("worth_expanded", 3, 6 * U, "c"), ("worth_lost", 4, 9 * U, "c"),
         ("worth_returned", 6, 8 * U, "e")},
    ),
    "after a merge nothing comes back": (
        "lifecycle", CHANGES, [customer(1, "created", value=5), customer(2, "churned"), customer(3, "merged", into="q"),
                               customer(4, "created")],
        {("worth_lost", 2, 5 * U)},
    ),
    "nothing is lost of what was never known": (
        "lifecycle", CHANGES, [customer(1, "created"), customer(2, "plan_changed", plan="a"), customer(3, "churned"),
                               customer(4, "reactivated")],
        set(),
    ),
    "every spell is of the cohort of the first one": (
        "lifecycle",
        COHORT,
        [customer(1, "created", plan="a"), customer(3, "churned"), customer(5, "reactivated", plan="b"),
         customer(8, "merged", into="q"), customer(9, "created", plan="c")],
        {("customer_joined", 1, 0, "a"), ("customer_joined", 5, 0, "b"), ("customer_joined", 9, 0, "c"),
         ("cohort_founded", 1, 0), ("cohort_started", 1, 0), ("cohort_ended", 3, 2 * M), ("cohort_started", 5, 4 * M),
         ("cohort_ended", 8, 7 * M), ("cohort_started", 9, 8 * M)},
    ),
    "who is another party now is of none": (
        "lifecycle",
        COHORT,
        [customer(1, "created", plan="a"), customer(3, "churned"), customer(5, "reactivated"),
         customer(8, "merged", into="q"), customer(9, "churned")],
        {("customer_joined", 1, 0, "a"), ("customer_joined", 5, 0, "a")},
    ),
    "a churn that was taken back has ended nothing": (
        "lifecycle",
        COHORT,
        [customer(1, "created"), customer(2, "churned", effective_at=iso(9 * M)), customer(3, "reactivated")],
        {("customer_joined", 1, 0), ("cohort_founded", 1, 0), ("cohort_started", 1, 0)},
    ),
    "who recommended us did so last then": (
        "lifecycle",
        {"referrer_last", "referral", "referral_gap"},
        [customer(1, "referred", referred_id="x"), customer(4, "referred", referred_id="y"),
         customer(9, "referred", referred_id="x")],
        {("referrer_last", 9, 0), ("referral", 1, 0), ("referral", 4, 0), ("referral", 9, 0),
         ("referral_gap", 4, 3 * M), ("referral_gap", 9, 5 * M)},
    ),
    # Purchases
    "who has not bought for ninety days lapses, and comes back with an order": (
        "purchases",
        BUYING,
        [order(n, "placed", f"{n}", amount=1) for n in (0, 90 * D, 180 * D + 1)],
        {("buyer_active", 0, 1), ("buyer_active", 180 * D, -1), ("buyer_lapsed", 180 * D, 0),
         ("buyer_dormant", 180 * D, 1), ("buyer_dormant", 180 * D + 1, -1), ("buyer_back", 180 * D + 1, 0),
         ("buyer_active", 180 * D + 1, 1), ("buyer_active", 270 * D + 1, -1), ("buyer_lapsed", 270 * D + 1, 0),
         ("buyer_dormant", 270 * D + 1, 1)},
    ),
    "from order to order, of all that count and of those that were kept": (
        "purchases",
        {"buyer_gap", "order_gap", "keeper_second_gap"},
        [*(order(n, "placed", f"{n}", amount=n) for n in (16, 8, 4, 2, 1)),
         order(17, "refunded", "2", refund_id="r", amount=2), order(3, "cancelled", "8")],
        {("buyer_gap", 2, M), ("buyer_gap", 4, 2 * M), ("buyer_gap", 16, 12 * M), ("order_gap", 4, 3 * M),
         ("order_gap", 16, 12 * M), ("keeper_second_gap", 16, 15 * M)},
    ),
    "an order that was fully refunded kept nobody active": (
        "purchases", BUYING, [order(1, "placed", amount=5), order(2, "refunded", refund_id="r", amount=5)], set(),
    ),
    "what a party brought moves it from bucket to bucket": (
        "purchases",
        BUCKETS,
        [order(2, "placed", "a", amount=30), order(3, "placed", "b", amount=19), order(4, "placed", "c", amount=5),
         order(9, "cancelled", "c"), order(5, "refunded", "a", refund_id="r", amount=48.5),
         order(1, "refunded", "a", refund_id="s", amount=1)],
        {("buyer_bucket", 2, 1, "20"), ("buyer_bucket_value", 2, 29 * U, "20"),
         ("buyer_bucket_value", 3, 19 * U, "20"), ("buyer_bucket", 5, -1, "20"),
         ("buyer_bucket_value", 5, -48 * U, "20"), ("buyer_bucket", 5, 1, "0"),
         ("buyer_bucket_value", 5, -500_000, "0")},
    ),
    # E-mail
    "an order belongs to the last click before it": (
        "attribution",
        MAILED,
        [email(1, "sent", variant="a"), email(2, "delivered"), email(3, "clicked", variant="x"),
         (4, "email.clicked", {"campaign_id": "d", "variant": "y"}), email(6, "clicked"),
         order(5, "placed", "n", amount=5), order(7, "placed", amount=9),
         order(8, "refunded", refund_id="r", amount=2)],
        {("email_order", 5, 5 * U, "d", "y"), ("email_order", 7, 9 * U, "c", "a"),
         ("email_order_refunded", 8, 2 * U, "c", "a"), ("email_converted", 7, 5 * M, "c", "a")},
    ),
    "if it is not older than five days": (
        "attribution",
        MAILED,
        [email(1, "clicked"), order(5 * D + 1, "placed", "n", amount=5), order(5 * D + 2, "placed", amount=9),
         order(1, "placed", "x", amount=1), order(2, "cancelled", "x")],
        {("email_order", 5 * D + 1, 5 * U, "c")},
    ),
    "an e-mail converts with its first order since the delivery": (
        "attribution",
        {"email_converted"},
        [email(1, "clicked"), order(2, "placed", "m", amount=1), email(3, "delivered"), email(4, "clicked"),
         order(6, "placed", "n", amount=1), order(5, "placed", amount=1), email(9, "delivered")],
        {("email_converted", 5, 2 * M, "c")},
    ),
    "each e-mail of a campaign converts by itself": (
        "attribution",
        MAILED,
        [email(1, "sent", variant="a"), email(2, "delivered"), email(3, "clicked"), order(4, "placed", amount=1),
         email(5, "sent", variant="b"), email(6, "sent", variant="d"), email(7, "delivered"),
         order(8, "placed", "m", amount=2), email(9, "clicked"), order(10, "placed", "n", amount=3)],
        {("email_order", 4, U, "c", "a"), ("email_converted", 4, 2 * M, "c", "a"),
         ("email_order", 8, 2 * U, "c", "a"), ("email_order", 10, 3 * U, "c", "d"),
         ("email_converted", 10, 3 * M, "c", "d")},
    ),
    "a click and a delivery in the instant of the order come before it": (
        "attribution",
        MAILED,
        [email(1, "sent", variant="a"), order(2, "placed", amount=1), email(2, "clicked"), email(2, "delivered")],
        {("email_order", 2, U, "c", "a"), ("email_converted", 2, 0, "c", "a")},
    ),
    # Experiments
    "a unit converts with its first purchase since the exposure": (
        "experiments",
        UNITS,
        [order(1, "placed", "n", amount=1), exposed(2, "new"), exposed(3, "new"), order(4, "placed", "x", amount=1),
         order(5, "cancelled", "x"), deal(6, "won"), order(7, "placed", amount=1), exposed(8, "old", "f")],
        {("unit_exposed", 2, 0, "e", "new"), ("unit_converted", 6, 4 * M, "e", "new"),
         ("unit_exposed", 8, 0, "f", "old")},
    ),
    "a win that was taken back, or of a deleted deal, is none": (
        "experiments",
        UNITS,
        [exposed(1, "new"), deal(2, "won"), deal(3, "reopened"), deal(4, "lost"),
         (5, "deal.won", {"deal_id": "x"}), (6, "deal.deleted", {"deal_id": "x"}), order(9, "placed", amount=1)],
        {("unit_exposed", 1, 0, "e", "new"), ("unit_converted", 9, 8 * M, "e", "new")},
    ),
    "whoever saw two variants is of none": (
        "experiments",
        UNITS,
        [exposed(2, "new"), exposed(1, "old"), order(4, "placed", amount=1)],
        {("unit_crossed", 1, 0, "e")},
    ),
}  # fmt: skip
"""Stories as in tests/journeys/continued.py."""
