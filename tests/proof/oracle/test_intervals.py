"""The intervals of shares, of net promoter scores and of means, by their kind in the catalogue."""

import re
from math import sqrt
from pathlib import Path

import pytest

from stream_kpis.proof.oracle.catalogue import CATALOGUE
from tests.proof.oracle.world import World, day

DEFINITIONS = Path(__file__).parents[3] / "docs" / "definitions.md"
START, END = day(0), day(30)
Bounds = tuple[float | None, float | None]


def bounds(world: World, kpi: str, start: float = START, end: float = END) -> Bounds:
    """Of the ungrouped value."""
    answer = world.whole(kpi, start, end, at=END)
    return answer.lower, answer.upper


def close_to(lower: float, upper: float) -> object:
    """As written in the definitions, to two or four places."""
    return pytest.approx((lower, upper), abs=5e-5 if abs(upper) < 2 else 5e-3)


def named(kpis: str) -> set[str]:
    """The KPIs of a list in words."""
    return set(re.findall(r"[a-z_]{3,}", kpis))


@pytest.mark.parametrize(
    ("kind", "listed"),
    [
        ("share", r"\*\*Shares\.\*\*[^:]*: ([^.]*)\."),
        ("nps", r"\*\*Nps\*\* \(([^)]*)\)"),
        ("mean", r"\*\*Means\*\* of ([^:]*):"),
    ],
)
def test_intervals_are_of_the_kpis_that_the_definitions_list(kind: str, listed: str) -> None:
    """Neither fewer nor more."""
    (kpis,) = re.findall(listed, DEFINITIONS.read_text(encoding="utf-8"))
    assert {kpi.name for kpi in CATALOGUE if kpi.interval == kind} == named(kpis)


def deals(*amounts: float, lost: int = 0) -> World:
    """Won deals with an amount, and lost ones."""
    world = World()
    for number, amount in enumerate(amounts):
        world.add("deal.won", day(1), deal_id=f"d{number}", amount=amount)
    for number in range(lost):
        world.add("deal.lost", day(1), deal_id=f"l{number}")
    return world


def test_a_share_has_wilsons() -> None:
    """One of four; of none there is none, and no value either."""
    world = deals(1, lost=3)
    assert bounds(world, "deal_win_rate") == close_to(0.0456, 0.6994)
    assert bounds(world, "deal_win_rate", END) == (None, None)
    z2 = 1.96**2
    assert bounds(deals(1, 1), "deal_win_rate") == pytest.approx((1 / (1 + z2 / 2), 1))
    assert bounds(deals(lost=2), "deal_win_rate") == pytest.approx((0, z2 / 2 / (1 + z2 / 2)))


def test_a_share_of_all_has_that_of_all() -> None:
    """One of four tickets."""
    world = World()
    for number, category in enumerate("abbb"):
        world.add("ticket.created", day(1), ticket_id=f"t{number}", category=category)
    answers = world.answers("ticket_category_share", START, END, at=END)
    found = {answer.group: (answer.lower, answer.upper) for answer in answers}
    assert found["a"] == close_to(0.0456, 0.6994)
    assert found["b"] == close_to(1 - 0.6994, 1 - 0.0456)


def test_a_share_of_more_than_there_are_has_no_value() -> None:
    """Two moved into the group and left from it; in the other nobody was retained of minus one."""
    world = World()
    for party, plan in (("a", "big"), ("b", "small"), ("c", "small")):
        world.add("customer.created", day(-5), party=party, plan=plan)
        world.add("customer.plan_changed", day(1), party=party, plan="big")
        world.add("customer.churned", day(2), party=party)
    for kpi, parts in (("churn_rate", (3, 1)), ("retention_rate", (-2, 1))):
        answers = world.answers(kpi, START, END, at=END)
        (big,) = [answer for answer in answers if answer.group == "big"]
        assert (big.numerator, big.denominator) == parts
        assert (big.value, big.lower, big.upper, big.samples) == (None, None, None, 1)
        (whole,) = [answer for answer in answers if not answer.by]
        assert whole.value == (1 if kpi == "churn_rate" else 0)


def answered(*scores: float, kind: str = "nps", **data: str) -> World:
    """Surveys, each with a score."""
    world = World()
    for number, score in enumerate(scores):
        world.add("survey.answered", day(1), survey_id=f"s{number}", kind=kind, score=score, party=f"p{number}", **data)
    return world


@pytest.mark.parametrize("kpi", ["nps", "nps_respondent", "nps_account", "nps_transactional"])
def test_nps_has_that_of_promoters_and_detractors(kpi: str) -> None:
    """Two and one of four; where all say the same it is the value itself."""
    about = {"ticket_id": "t"} if kpi == "nps_transactional" else {}
    world = answered(10, 9, 8, 3, **about)
    answer = world.whole(kpi, START, END, at=END)
    assert (answer.value, answer.lower, answer.upper) == (0.25, 0.25 - 1.96 * sqrt(0.6875 / 4), 1)
    assert bounds(world, kpi) == close_to(-0.5626, 1)
    assert [bounds(answered(*scores, **about), kpi) for scores in ((10,), (8, 7), (0, 0))] == [(1, 1), (0, 0), (-1, -1)]
    assert bounds(world, kpi, END) == (None, None)


def test_an_answer_about_a_ticket_changes_no_relational_score() -> None:
    """Nor its interval."""
    world = answered(10, 9, 8, 3)
    world.add("survey.answered", day(1), survey_id="t", kind="nps", score=0, ticket_id="t")
    assert bounds(world, "nps") == close_to(-0.5626, 1)


def test_a_mean_has_that_of_its_observations() -> None:
    """Of 100 and 300; of a single one there is none."""
    assert bounds(deals(100, 300), "avg_deal_value") == close_to(61.41, 338.59)
    assert deals(100).value("avg_deal_value", START, END, at=END) == 100
    assert bounds(deals(100), "avg_deal_value") == (None, None)
    assert bounds(deals(), "avg_deal_value") == (None, None)
    for same in (7.5, 333.33, 98_765.43):
        assert bounds(deals(*[same] * 7), "avg_deal_value") == (same, same)


def test_squares_are_of_the_amounts_as_they_are() -> None:
    """Rounded down as squares of hundredths: of 0.019 and of its opposite 3; a spread below none is none."""
    world = World()
    for name, amount, back in (("o", 0.019, 0), ("p", 0, 0.019)):
        world.add("order.placed", day(1), order_id=name, amount=amount)
        world.add("order.refunded", day(2), order_id=name, refund_id="r", amount=back)
    margin = 1.96 * sqrt(2 * 3 / 1e4 / 2 / 2)
    assert bounds(world, "average_order_value") == pytest.approx((-margin, margin))
    assert bounds(deals(0.019, 0.019), "avg_deal_value") == (0.019, 0.019)
    assert bounds(deals(32.104, 32.696), "avg_deal_value") == close_to(31.9898, 32.8102)


def test_a_mean_of_orders_is_of_what_is_left_of_each() -> None:
    """60 and 30."""
    world = World()
    for name, amount, back in (("o", 100, 40), ("p", 30, 0), ("q", 9, 9)):
        world.add("order.placed", day(1), order_id=name, amount=amount)
        world.add("order.refunded", day(2), order_id=name, refund_id="r", amount=back)
    assert bounds(world, "average_order_value") == pytest.approx([45 + s * 1.96 * sqrt(225 / 2) for s in (-1, 1)])


def test_a_mean_of_scores_is_of_what_they_are_from_one_to_five() -> None:
    """1 and 3 of 0-10 are 1.4 and 2.2; large ones do not overflow."""
    world = answered(1, 3, kind="csat", scale_min=0, scale_max=10)
    assert bounds(world, "csat_mean") == pytest.approx([1.8 + s * 1.96 * sqrt(0.16 / 2) for s in (-1, 1)])
    most = 10**12
    for number in (2, 40):
        assert bounds(deals(*[most, 0] * (number // 2)), "avg_deal_value") == pytest.approx(
            [most / 2 + s * 1.96 * most / 2 / sqrt(number) for s in (-1, 1)], rel=1e-9
        )
