"""Formulas: what parses, what it is worth, and why the rest is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_kpis.kpis.formula import Binary, Formula, Node, Reading, evaluate, explain, parse, readings

VALUES = {"a": 9, "b": 4, "c": 2}


def read(reading: Reading) -> int | None:
    """The value of a measure; ``n`` has none."""
    return VALUES.get(reading.args[0])


@pytest.mark.parametrize(
    ("text", "numerator", "denominator", "explained"),
    [
        ("count(a)", 9, None, "count(a)=9"),
        ("count(a) / count(b)", 9, 4, "count(a)=9"),
        ("(count(a) - count(b)) / (count(a) + count(b))", 5, 13, "count(a)=9 - count(b)=4"),
        ("count(a) - count(b) - count(c)", 3, None, "(count(a)=9 - count(b)=4) - count(c)=2"),
        ("count(a) - (count(b) - count(c))", 7, None, "count(a)=9 - (count(b)=4 - count(c)=2)"),
        ("100 * (count(a) - count(b)) / count(c)", 500, 2, "100 * (count(a)=9 - count(b)=4)"),
        ("2 * count(a) + 1", 19, None, "(2 * count(a)=9) + 1"),
        ("p90(a, b)", 9, None, "p90(a, b)=9"),
        ("count(a) - count(n)", None, None, "count(a)=9 - count(n)=None"),
        ("7", 7, None, "7"),
    ],
)
def test_a_formula_is_arithmetic_over_readings(
    text: str, numerator: int | None, denominator: int | None, explained: str
) -> None:
    """With the usual precedence; what has no value makes none."""
    formula = parse(text)
    assert evaluate(formula.numerator, read) == numerator
    assert (None if formula.denominator is None else evaluate(formula.denominator, read)) == denominator
    assert explain(formula.numerator, read) == explained


def test_readings_come_from_left_to_right() -> None:
    """Of both sides of the quotient."""
    formula = parse("(count(a) - sum(b)) / level_at_start(c)")
    assert [str(reading) for reading in readings(formula)] == ["count(a)", "sum(b)", "level_at_start(c)"]
    assert isinstance(formula, Formula)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "formula '' is not an expression"),
        ("count(", "formula 'count(' is not an expression"),
        ("count(a)\x00", "is not an expression"),
        ("x = 1", "is not an expression"),
        ("(" * 500 + "1" + ")" * 500, "is not an expression"),
        ("1 + kpi(a, b)", "write kpi(name)"),
        ("ok('a')", "write ok(name)"),
        ("positive(count(a), 1)", "write positive(x)"),
        ("stretched(1, count(a))", "write stretched(6, x)"),
        ("lagged('x', count(a))", "write lagged(60d, x)"),
        ("count(a) ** 2", "'count(a) ** 2' is neither a reading, a number nor + - * /"),
        ("-count(a)", "'-count(a)' is neither"),
        ("a", "'a' is neither"),
        ("1.5 * count(a)", "'1.5' is neither"),
        ("True * count(a)", "'True' is neither"),
        ("count('a')", "is neither"),
        ("count(a, by=b)", "is neither"),
        ("count(*a)", "is neither"),
        ("os.system(a)", "is neither"),
        ("count(a)(b)", "is neither"),
        ("[count(a)]", "is neither"),
        ("count(count(a))", "is neither"),
        ("count(a) if count(b) else 0", "is neither"),
        ("lambda: 0", "is neither"),
    ],
)
def test_anything_else_is_refused_by_one_line(text: str, problem: str) -> None:
    """Nothing is ever run."""
    with pytest.raises(ValueError, match="formula") as error:
        parse(text)
    assert problem in str(error.value)
    assert "\n" not in str(error.value)


_nodes = st.recursive(
    st.one_of(st.integers(0, 99), st.sampled_from("abc").map(lambda name: Reading("count", (name,)))),
    lambda inner: st.builds(Binary, st.sampled_from("+-*"), inner, inner),
    max_leaves=8,
)


def written(node: Node) -> str:
    """The node as a formula."""
    return f"({written(node.left)} {node.op} {written(node.right)})" if isinstance(node, Binary) else str(node)


@settings(max_examples=100, derandomize=True, deadline=None, database=None)
@given(_nodes)
def test_what_is_written_is_what_is_parsed_and_what_is_explained(node: Node) -> None:
    """Precedence included: the explanation, read as a formula of its numbers, is worth the same."""
    assert parse(written(node)).numerator == node
    numbers = explain(node, read)
    for name, value in VALUES.items():
        numbers = numbers.replace(f"count({name})={value}", str(value))
    assert evaluate(parse(numbers).numerator, read) == evaluate(node, read)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("kpi(a) / 2 + 1", 5.5),
        ("positive(count(a) - 9) * 2", None),
        ("positive(count(a) - 8) * 2", 2),
        ("1 / (count(a) - 9) + 1", None),
        ("365d / 5d + ok(a)", 82),
        ("lagged(60d, count(a) + closed_count(b)) * 1 / 2 / 3", 3),
    ],
)
def test_what_is_composed_is_one_number(text: str, value: float | None) -> None:
    """A part without a value, or a divisor of 0, leaves none."""
    formula = parse(text)
    assert (formula.composed, formula.denominator) == (True, None)
    assert evaluate(formula.numerator, lambda reading: 9) == value


def test_another_window_is_that_of_each_reading_in_it() -> None:
    formula = parse("stretched(6, sum(a) - sum(b)) / count(c)")
    assert [str(reading) for reading in readings(formula)] == [
        "stretched(6, sum(a))",
        "stretched(6, sum(b))",
        "count(c)",
    ]
    assert (formula.composed, formula.denominator) == (False, Reading("count", ("c",)))
