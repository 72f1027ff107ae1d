"""Deals: the one effective close, its amount, owner and cycle."""

import pytest

from tests.proof.oracle.world import World

WON, LOST, REOPENED = "deal.won", "deal.lost", "deal.reopened"


@pytest.mark.parametrize(
    ("kinds", "close"),
    [
        ((WON,), (WON, 10)),
        ((WON, LOST), (WON, 10)),
        ((LOST, WON), (LOST, 10)),
        ((WON, REOPENED), None),
        ((WON, REOPENED, LOST), (LOST, 30)),
        ((WON, REOPENED, REOPENED, LOST, WON), (LOST, 40)),
        ((REOPENED, WON), (WON, 20)),
        ((WON, LOST, REOPENED, WON, LOST), (WON, 40)),
        ((), None),
    ],
)
def test_a_deal_has_at_most_one_close(kinds: tuple[str, ...], close: tuple[str, int] | None) -> None:
    """While closed, further closes are ignored; a reopening takes the close back. Events lie 10 s apart."""
    world = World()
    world.add("deal.created", 1, deal_id="d")
    for number, kind in enumerate(kinds, start=1):
        world.add(kind, 10 * number, deal_id="d")
    won = close is not None and close[0] == WON
    assert world.fraction("deal_win_rate") == (int(won), int(close is not None))
    if close is not None:
        assert world.fraction("deal_win_rate", close[1], close[1] + 1) == (int(won), 1)


def test_at_one_millisecond_a_reopening_follows_the_close() -> None:
    """Whatever the order of arrival and the names."""
    world = World()
    world.add(REOPENED, 10, deal_id="d", event="a")
    world.add(WON, 10, deal_id="d", event="b")
    assert world.value("deals_won") == 0


def test_a_deleted_deal_never_was() -> None:
    """Even if the deletion comes first."""
    world = World()
    world.add("deal.deleted", 1, deal_id="d")
    world.add("deal.created", 2, deal_id="d")
    world.add(WON, 3, deal_id="d")
    assert world.fraction("deal_win_rate") == (0, 0)


def test_won_deals_by_their_dimensions() -> None:
    """Those of the creation; unknown if there is none; a pipeline has a default."""
    world = World()
    world.add("deal.created", 1, deal_id="d", product="car", region="north", source="ads", pipeline="big")
    world.add("deal.created", 1, deal_id="e", product="car")
    for deal in "def":
        world.add(WON, 5, deal_id=deal)
    assert world.groups("deals_won", "product") == {"car": 2, "unknown": 1}
    assert world.groups("deals_won", "region") == {"north": 1, "unknown": 2}
    assert world.groups("deals_won", "pipeline") == {"big": 1, "default": 1, "unknown": 1}
    assert world.fractions("deal_win_rate", "source") == {"ads": (1, 1), "unknown": (2, 2)}


def test_the_owner_is_the_closers_else_the_latest_before() -> None:
    """A change after the close does not count."""
    world = World()
    for deal in ("closer", "changed", "created", "nobody"):
        world.add("deal.created", 1, deal_id=deal, **({} if deal == "nobody" else {"owner_id": "ann"}))
    for deal in ("closer", "changed"):
        world.add("deal.owner_changed", 2, deal_id=deal, owner_id="bob")
    for deal in ("closer", "changed", "created", "nobody"):
        world.add(LOST, 3, deal_id=deal, **({"owner_id": "cyd"} if deal == "closer" else {}))
        world.add("deal.owner_changed", 4, deal_id=deal, owner_id="late")
    groups = world.fractions("deal_win_rate", "owner")
    assert groups == {"cyd": (0, 1), "bob": (0, 1), "ann": (0, 1), "unknown": (0, 1)}


def test_the_amount_is_that_of_the_win_else_the_latest_before_the_close() -> None:
    """A deal without an amount is not in the mean; amounts are exact in micro-units."""
    world = World()
    world.add("deal.created", 1, deal_id="won", amount=100, product="w")
    world.add(WON, 3, deal_id="won", amount="0.000001")
    world.add("deal.created", 1, deal_id="changed", amount=100, product="c")
    world.add("deal.amount_changed", 2, deal_id="changed", amount=29.33)
    world.add(WON, 3, deal_id="changed")
    world.add("deal.amount_changed", 4, deal_id="changed", amount=7)
    world.add("deal.created", 1, deal_id="without", product="n")
    world.add(WON, 3, deal_id="without")
    world.add("deal.created", 1, deal_id="lost", amount=5, product="l")
    world.add(LOST, 3, deal_id="lost")
    answer = world.whole("avg_deal_value")
    assert (answer.numerator, answer.denominator, answer.samples) == (29_330_001, 2, 2)
    assert answer.value == pytest.approx(14.6650005, rel=1e-15)
    assert world.fractions("avg_deal_value", "product") == {"w": (1, 1), "c": (29_330_000, 1)}


@pytest.mark.parametrize(
    ("amount", "size"),
    [
        (None, "unknown"),
        (0, "0"),
        ("0.999999", "0"),
        (1, "1"),
        ("1.999999", "1"),
        (2, "2"),
        ("4.999999", "2"),
        (5, "5"),
        (99, "50"),
        (100, "100"),
        (20_000, "20000"),
        (10**12, str(10**12)),
    ],
)
@pytest.mark.parametrize("kind", [WON, LOST])
def test_the_size_is_the_bucket_of_the_amount_at_the_close(kind: str, amount: float | str | None, size: str) -> None:
    """As last changed before it."""
    cycle = "sales_cycle_time" if kind == WON else "lost_cycle_time"
    world = World(only=(cycle,))
    world.add("deal.created", 1, deal_id="d", **({} if amount is None else {"amount": 7}))
    if amount is not None:
        world.add("deal.amount_changed", 2, deal_id="d", amount=amount)
    world.add(kind, 5, deal_id="d")
    world.add("deal.amount_changed", 6, deal_id="d", amount=300)
    assert world.groups(cycle, "size") == {size: 4}


def test_the_size_of_a_win_that_names_an_amount_is_that_ones() -> None:
    """Instead of what ran before."""
    world = World(only=("sales_cycle_time",))
    world.add("deal.created", 1, deal_id="d", amount=7)
    world.add(WON, 5, deal_id="d", amount=60)
    assert world.groups("sales_cycle_time", "size") == {"50": 4}


@pytest.mark.parametrize(
    ("number", "group"),
    [
        *((None, "unknown"), (0, "unknown"), (1, "1"), (2, "2"), (3, "3"), (4, "4-5"), (5, "4-5")),
        *((6, "6-10"), (10, "6-10"), (11, "11+"), (10**9, "11+")),
    ],
)
def test_deals_by_how_many_decide(number: int | None, group: str) -> None:
    """The first creation says it, or nobody."""
    world = World(only=("sales_cycle_time", "lost_cycle_time"))
    for kind, kpi in ((WON, "sales_cycle_time"), (LOST, "lost_cycle_time")):
        world.add("deal.created", 1, deal_id=kpi, **({} if number is None else {"decision_makers": number}))
        world.add("deal.created", 2, deal_id=kpi, decision_makers=7)
        world.add(kind, 5, deal_id=kpi)
        assert world.groups(kpi, "decision_makers") == {group: 4}


def test_deal_values_by_kind() -> None:
    """That of the first creation, which is new unless it says; without one unknown."""
    world = World(only=("avg_deal_value",))
    for name, kinds in (("new", ("",)), ("up", ("upsell", "renewal")), ("none", ())):
        for at, kind in enumerate(kinds):
            world.add("deal.created", at, deal_id=name, **({"kind": kind} if kind else {}))
        world.add(WON, 5, deal_id=name, amount=len(name))
    assert world.groups("avg_deal_value", "kind") == {"new": 3, "upsell": 2, "unknown": 4}


def test_amounts_at_the_bound_add_up_exactly() -> None:
    """Sums that no 64-bit integer holds."""
    world = World()
    for number in range(20):
        world.add(WON, number, deal_id=str(number), amount=10**12)
    assert world.whole("avg_deal_value").numerator == 20 * 10**18


def test_the_cycle_is_from_the_first_creation_to_the_close_of_won_deals() -> None:
    """None without a creation or with one after the close; the deal is won all the same."""
    world = World()
    world.add("deal.created", 10, deal_id="d", product="car")
    world.add("deal.created", 5, deal_id="d", product="bus")
    world.add(WON, 30, deal_id="d")
    world.add(WON, 30, deal_id="none")
    world.add(WON, 30, deal_id="after")
    world.add("deal.created", 31, deal_id="after")
    world.add("deal.created", 30, deal_id="same")
    world.add(WON, 30, deal_id="same")
    world.add("deal.created", 1, deal_id="lost")
    world.add(LOST, 30, deal_id="lost")
    answer = world.whole("sales_cycle_time", 30, 31)
    assert (answer.samples, answer.total, answer.quantiles) == (2, 25_000, {"0.5": 0, "0.9": 25, "0.99": 25})
    assert world.groups("sales_cycle_time", "product") == {"bus": 25}
    assert world.value("deals_won") == 4
