"""The language of mappings: what it computes, and how it says no."""

import contextlib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_kpis.events.history.binding import Scope, bind
from stream_kpis.events.history.document import MistakeError
from stream_kpis.events.history.expressions import parse
from stream_kpis.events.history.trees import Names, Type
from stream_kpis.events.history.values import BadValueError, Reading

ROW = {
    "stage": "Won",
    "empty": "",
    "blank": "  ",
    "amount": "1054.50",
    "two": "2",
    "opened": "2024-01-01",
    "closed": "2024-01-01T06:30:00Z",
    "flag": "False",
    "unit price": "3",
    "customer.id": "c7",
}
TABLES = {"stages": {"Won": "solved"}}
DAY_MS = 1_704_067_200_000
"""2024-01-01T00:00:00Z."""


def value_of(text: str, reading: Reading | None = None, **row: str) -> Any:
    """What the expression gives for the row above."""
    cells = {**ROW, **row}
    names = Names(TABLES, {"halved": parse("number(amount) / 2", Names({}, {}))})
    scope = Scope({name: at for at, name in enumerate(cells)}, reading or Reading(), TABLES, {}, "sales.csv")
    return bind(parse(text, names), scope)([*cells.values(), 17])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("stage", "Won"),
        ("empty", None),
        ("blank", None),
        ("`unit price`", "3"),
        ("customer.id", "c7"),
        ("row", 17),
        ("file", "sales.csv"),
        ("'it''s'", "it's"),
        ('"it\'s"', "it's"),
        ("''", None),
        ("stage & ':' & row", "Won:17"),
        ("stage & empty", None),
        ("amount & '/' & halved", "1054.50/527.25"),
        ("opened + 5m & ''", None),
        ("(opened + 5m) & '!'", "2024-01-01T00:05:00Z!"),
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("7 - 2 - 1", 4),
        ("-two + 5", 3),
        ("amount * two", Decimal("2109.00")),
        ("0.1 + 0.2 == 0.3", True),
        ("abs(-two)", 2),
        ("opened + 1s", DAY_MS + 1000),
        ("opened - 1ms", DAY_MS - 1),
        ("1.5h + opened", DAY_MS + 5_400_000),
        ("opened + minutes(two)", DAY_MS + 120_000),
        ("opened + days(two) - weeks(1) + hours(1) - seconds(1)", DAY_MS - 5 * 86_400_000 + 3_599_000),
        ("opened + minutes(empty)", None),
        ("empty + 1d", None),
        ("opened + 2 * 1h", DAY_MS + 7_200_000),
        ("opened + 1h / 2", DAY_MS + 1_800_000),
        ("opened + -1h", DAY_MS - 3_600_000),
        ("(time(closed) - opened) / 1h", Decimal("6.5")),
        ("closed - time(opened) > 6h", True),
        ("time('01.02.2024', '%d.%m.%Y')", DAY_MS + 31 * 86_400_000),
        ("stage == 'Won'", True),
        ("stage != 'Won'", False),
        ("stage in ('Lost', 'Won')", True),
        ("not stage in ('Lost', 'Open')", True),
        ("not not given(stage)", True),
        ("amount > 1000", True),
        ("amount == 1054.5", True),
        ("empty == ''", True),
        ("empty < 5", None),
        ("time(opened) <= '2024-01-01T00:00:00Z'", True),
        ("given(empty) or given(stage)", True),
        ("given(empty) or given(blank)", False),
        ("given(stage) and flag == 'False' and not is_true(flag)", True),
        ("is_true(empty) or true", True),
        ("first(empty, blank, stage)", "Won"),
        ("first(empty, blank)", None),
        ("first(empty, opened + 1d)", DAY_MS + 86_400_000),
        ("if(stage == 'Won', amount, 0)", Decimal("1054.50")),
        ("if(is_true(flag), 'a', 'b')", "b"),
        ("if(is_true(empty), 'a', 'b')", "b"),
        ("lower(stage) & upper(stage)", "wonWON"),
        ("translate(stage, stages)", "solved"),
        ("translate(two, stages)", "2"),
        ("translate(two, stages, 'open')", "open"),
        ("translate(empty, stages)", None),
        ("halved + 1", Decimal("528.25")),
    ],
)
def test_expressions_give(text: str, expected: Any) -> None:
    """Operations on nothing give nothing; numbers are exact; times are milliseconds."""
    assert value_of(text) == expected


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("1e", "cannot read '1e' in '1e'"),
        ("stage == 'Won", 'cannot read "\'Won"'),
        ("stage = 'Won'", "cannot read \"= 'Won'\""),
        ("", "the expression ends too early"),
        ("1 +", "the expression ends too early"),
        ("(1", "expected ')', found the end"),
        ("(1 stage", "expected ')', found 'stage'"),
        ("1 2", "unexpected '2' after the end"),
        ("and stage", "unexpected 'and'"),
        (")", "unexpected ')'"),
        ("minuts(two)", "no function 'minuts'; did you mean 'minutes'?"),
        ("__import__('os')", "no function '__import__'; there are: abs,"),
        ("translate(stage, stagse)", "no table 'stagse'; did you mean 'stages'?"),
        ("translate(stage, 'stages')", "no table 'None'"),
        ("minutes(1, 2)", "minutes(…) takes 1 arguments, not 2"),
        ("first(stage)", "first(…) takes 2 to 20 arguments, not 1"),
        ("time(opened, two)", "the formats of time(…) are texts in quotes"),
        ("opened <= '2024-01-01'", "'<=' needs numbers or times: use number(…) or time(…)"),
        ("stage and true", "a text is no condition: compare it, or use given(…) or is_true(…)"),
        ("not stage", "a text is no condition"),
        ("if(stage, 1, 2)", "a text is no condition"),
        ("time(opened) + 5", "use minutes(…), hours(…), days(…)"),
        ("time(opened) + time(closed)", "cannot add two times"),
        ("time(opened) - 5", "cannot take a number from a time"),
        ("1h - time(opened)", "cannot take a time from a duration"),
        ("1h - opened", "cannot take a time from a duration"),
        ("1h * 1h", "'*' does not fit these durations"),
        ("1 / 1h", "a number cannot be divided by a duration"),
        ("(closed - opened) / 1d", "of columns with times write (time(closed) - time(opened)) / 1h"),
        ("time(opened) * 2", "a time is no number"),
        ("1h == 1", "cannot mix duration and number"),
        ("closed - opened > 1h", "a duration of columns is time(closed) - time(opened)"),
        ("first(1, time(opened))", "cannot mix number and time"),
        ("1h & 's'", "a duration is no text: divide it by a unit, as in (time(closed) - time(opened)) / 1h"),
        ("number(true)", None),
        ("-true", "a condition is no number"),
        ("(" * 60 + "1" + ")" * 60, "nested too deeply"),
    ],
)
def test_mistakes_are_found_before_any_row_and_say_what_to_do(text: str, mistake: str | None) -> None:
    """Unknown names come with the nearest known one; nothing is left to Python."""
    if mistake is None:
        with pytest.raises(BadValueError):
            value_of(text)
        return
    with pytest.raises(MistakeError) as caught:
        parse(text, Names(TABLES, {}))
    assert mistake in str(caught.value)


def test_constants_that_are_not_what_they_are_taken_for_are_found_when_binding() -> None:
    """No row is needed for that."""
    for text in ("stage == 'a' or number('abc') > 1", "opened + days('two')", "time('soon') < opened", "1 / 0 > 2"):
        with pytest.raises(BadValueError):
            bind(parse(text, Names({}, {})), Scope({"stage": 0, "opened": 1}, Reading(), {}, {}, "f"))


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("number(stage)", {}),
        ("amount + 1", {"amount": "1,05"}),
        ("amount / two", {"two": "0"}),
        ("opened + 1s", {"opened": "2024-13-01"}),
        ("opened + 1s", {"opened": "01/02/2024"}),
        ("is_true(flag)", {"flag": "perhaps"}),
        ("text(opened + days(two))", {"two": "99999999"}),
    ],
)
def test_values_of_a_row_that_do_not_fit_are_bad_values(text: str, row: dict[str, str]) -> None:
    """The row's, not the mapping's, fault; one line says which value."""
    with pytest.raises(BadValueError) as caught:
        value_of(text, **row)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "decimal", "expected"),
    [
        ("1054", ".", "1054"),
        ("-0.50", ".", "-0.50"),
        (".5", ".", "0.5"),
        ("$1,054,000.25", ".", "1054000.25"),
        ("1e3", ".", "1000"),
        ("1.054,50 €", ",", "1054.50"),
        ("1 054,5", ",", "1054.5"),
        ("1,5", ",", "1.5"),
    ],
)
def test_numbers_are_read_with_their_decimal_mark(text: str, decimal: str, expected: str) -> None:
    """Thousands marks and currency signs are dropped."""
    assert Decimal(expected) == Reading(decimal=decimal).number(text)


@pytest.mark.parametrize(
    ("text", "decimal"), [("1,05", "."), ("1.05", ","), ("1,0545", "."), ("", "."), (".", "."), ("e5", "."), ("٣", ".")]
)
def test_numbers_of_the_other_decimal_mark_are_never_guessed(text: str, decimal: str) -> None:
    """1,05 is no 105."""
    with pytest.raises(BadValueError):
        Reading(decimal=decimal).number(text)


@pytest.mark.parametrize(
    ("text", "reading", "expected_ms"),
    [
        ("2024-01-01", Reading(), DAY_MS),
        ("2024-01-01", Reading(zone="Europe/Berlin"), DAY_MS - 3_600_000),
        ("2024-07-01", Reading(zone="Europe/Berlin"), DAY_MS + 182 * 86_400_000 - 7_200_000),
        ("2024-01-01 03:00:00", Reading(), DAY_MS + 10_800_000),
        ("2024-01-01T00:00:00+02:00", Reading(zone="Asia/Tokyo"), DAY_MS - 7_200_000),
        ("2024-01-01T00:00:00.0019Z", Reading(), DAY_MS + 1),
        ("31/12/2023", Reading(formats=("iso", "%d/%m/%Y")), DAY_MS - 86_400_000),
        ("1704067200", Reading(formats=("unix",)), DAY_MS),
        ("1704067200.25", Reading(formats=("unix",)), DAY_MS + 250),
        ("1704067200000", Reading(formats=("iso", "unix_ms")), DAY_MS),
        ("2024-10-27 02:30", Reading(zone="Europe/Berlin"), 1_729_989_000_000),
    ],
)
def test_times_are_read_with_the_formats_and_the_zone(text: str, reading: Reading, expected_ms: int) -> None:
    """A date alone is midnight in the zone; a time that names its zone keeps it; a doubled hour is the first one."""
    assert value_of("opened + 0s", reading, opened=text) == expected_ms


def test_the_result_type_is_known_without_a_row() -> None:
    """So the schema can refuse a duration for an amount."""
    names = Names({}, {})
    assert [parse(text, names).type for text in ("1h + 2m", "1h / 1m", "a == b", "a & b", "first(a, b + 1h)")] == [
        Type.SPAN,
        Type.NUMBER,
        Type.BOOL,
        Type.TEXT,
        Type.TIME,
    ]


@settings(deadline=None, derandomize=True, max_examples=500)
@given(st.text(alphabet="ab1. '()+-*/&<=!,`hms", max_size=30))
def test_any_text_is_an_expression_or_a_mistake(text: str) -> None:
    """Nothing else can come of a mapping."""
    with contextlib.suppress(MistakeError):
        parse(text, Names({}, {}))
