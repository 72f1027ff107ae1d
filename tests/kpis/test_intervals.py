"""What a catalogue says of intervals: each fits a formula, and that of a mean a measure that sums up squares."""

from pathlib import Path

import pytest

from stream_kpis.kpis.load import CatalogueError
from tests.kpis.test_load import compiled

MEAN = """\
measures:
  orders: {flow: order_placed, squares: true}
kpis:
  mine:
    title: Mine
    formula: sum(orders) / count(orders)
    unit: currency
    interval: mean
    windows: [7d]
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("interval: mean", "interval: wilson", "a.yaml:8: mine: wilson is the interval of a share, a quotient that is"),
        ("interval: mean", "interval: nps", "a.yaml:8: mine: nps is the interval of a difference over a count: (a - b"),
        (" / count(orders)", "", "a.yaml:8: mine: mean is the interval of sum(x) / count(x)"),
        (" / count(orders)", " / count(others)", "a.yaml:8: mine: mean is the interval of sum(x) / count(x)"),
        (", squares: true", "", "a.yaml:8: mine: mean needs the measure orders with squares: true"),
        ("flow: order_placed", "recency: buyer_last", "a.yaml:2: orders: squares belong to flow, not to recency"),
        ("order_placed", "lead_created", "the sum of squares needs a fact with a value of micro-units or micro-points"),
    ],
)
def test_an_interval_that_does_not_fit_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = MEAN.replace("measures:\n", "measures:\n  others: {flow: order_kept}\n") if "others" in new else MEAN
    place = message.replace(":8:", ":9:") if "others" in new else message
    with pytest.raises(CatalogueError) as error:
        compiled(tmp_path, text.replace(old, new))
    assert place in str(error.value)


SHARE = """\
measures:
  orders: {flow: order_placed}
  refunds: {flow: order_refunded}
  items: {flow: item_units}
  buyers: {recency: buyer_last}
  customers: {level: customer_level}
  worth: {level: customer_worth}
  waiting: {open_set: ticket_unsolved}
  there: {exposure: customer_level}
kpis:
  mine:
    title: Mine
    formula: FORMULA
    unit: ratio
    interval: wilson
    windows: [30d]
"""
THINGS = "a.yaml:15: mine: {} is the interval of numbers of things, which {} is not"


@pytest.mark.parametrize(
    ("interval", "formula", "odd"),
    [
        ("wilson", "sum(refunds) / sum(orders)", "sum(refunds)"),
        ("wilson", "count(refunds) / sum(orders)", "sum(orders)"),
        ("wilson", "sum(items) / (sum(items) + count(orders))", "sum(items)"),
        ("wilson", "level(worth) / level(customers)", "level(worth)"),
        ("wilson", "count_ms(orders) / (carried(there) + begun(there))", "count_ms(orders)"),
        ("wilson", "2 * count(refunds) / count(orders)", "a product"),
        ("wilson", "count(refunds) / (count(orders) + 1000000)", "1000000"),
        ("nps", "(sum(orders) - sum(refunds)) / sum(orders)", "sum(orders)"),
        ("nps", "(count(orders) - previous(sum(refunds))) / count(orders)", "previous(sum(refunds))"),
        ("nps", "(count(orders) - count(refunds)) / sum(orders)", "sum(orders)"),
    ],
)
def test_shares_and_balances_are_of_numbers_of_things(tmp_path: Path, interval: str, formula: str, odd: str) -> None:
    """A micro-unit is no observation: a million of them would make any value sure."""
    with pytest.raises(CatalogueError) as error:
        compiled(tmp_path, SHARE.replace("FORMULA", formula).replace("interval: wilson", f"interval: {interval}"))
    assert str(error.value).endswith(THINGS.format(interval, odd))


def test_a_balance_is_a_ratio(tmp_path: Path) -> None:
    text = SHARE.replace("FORMULA", "(count(orders) - count(refunds)) / distinct(buyers)").replace("wilson", "nps")
    assert compiled(tmp_path, text)
    with pytest.raises(CatalogueError, match=r"mine: nps is the interval of .*: \(a - b\) / n, that is a ratio$"):
        compiled(tmp_path, text.replace("unit: ratio", "unit: count"))


@pytest.mark.parametrize(
    "formula",
    [
        "count(refunds) / (count(orders) + count(refunds))",
        "(level_at_start(customers) - count(orders)) / level_at_start(customers)",
        "waiting(waiting) / level(customers)",
        "distinct(buyers) / previous(count(orders))",
    ],
)
def test_whatever_counts_has_the_interval_of_a_share(tmp_path: Path, formula: str) -> None:
    windows = "[now]" if "waiting" in formula else "[30d]"
    assert compiled(tmp_path, SHARE.replace("FORMULA", formula).replace("[30d]", windows))


def test_squares_are_part_of_what_is_counted(tmp_path: Path) -> None:
    """Without them the cells are others."""
    plain = MEAN.replace(", squares: true", "").replace("    interval: mean\n", "")
    squares, sums = (compiled(tmp_path, text).definitions["orders"] for text in (MEAN, plain))
    assert squares != sums


def test_a_share_of_the_catalogue_is_not_aimed_beyond_all(tmp_path: Path) -> None:
    text = SHARE.replace("FORMULA", "count(refunds) / count(orders)").replace(
        "unit: ratio", "unit: ratio\n    target: 5"
    )
    with pytest.raises(
        CatalogueError, match=r"^a.yaml:15: mine: the value lies between 0 and 1, not at 5: for 5 % write"
    ):
        compiled(tmp_path, text)
    assert compiled(tmp_path, text.replace("target: 5", "target: 0.05"))
