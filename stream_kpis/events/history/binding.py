"""Expressions made callable for one file: trees become functions of a row."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, DecimalException
from typing import Any, NamedTuple

from stream_kpis.events.history.document import Place
from stream_kpis.events.history.trees import SPAN_FUNCTIONS, TIME, Expr
from stream_kpis.events.history.values import BadValueError, Reading, boolean_of, rfc3339, text_of_number

Row = Sequence[Any]
"""The texts of one row by position; the row's number, from 1, stands last."""

Value = Any
"""str, Decimal or int, bool; milliseconds (int) for times and durations; None for no value."""


class Nested(str):
    """The text of a list or an object of a JSON line: it is there, but no expression can read it."""

    __slots__ = ()


class Unnumbered(str):
    """Why a path has no value: it runs into a list. Stands where the value would."""

    __slots__ = ()


class Astray(str):
    """Why a path has no value: it runs into a text or a number, which in another row may be an object."""

    __slots__ = ()


class AstrayError(BadValueError):
    """A text or a number where the mapping reaches into an object."""


class NestedError(BadValueError):
    """A list or an object where one value is needed."""


Bound = Callable[[Row], Value]


class Lookup(NamedTuple):
    """A join: the column ``take`` of the row of ``file`` whose column ``key`` equals the operand."""

    file: str
    key: str
    take: str
    place: Place


@dataclass(frozen=True)
class Scope:
    """What the expressions of one file refer to."""

    columns: Mapping[str, int]
    reading: Reading
    tables: Mapping[str, Mapping[str, str]]
    lookups: Mapping[Lookup, Mapping[str, str]]
    file: str


def bind(expr: Expr, scope: Scope) -> Bound:
    """The function of a row that an expression is.

    The function raises :class:`BadValueError` for a row whose texts are not what the expression takes them for.
    Operations on no value give no value.

    Raises:
        BadValueError: a constant of the expression is not what the expression takes it for.
    """
    bound = _bind(expr, scope)
    if expr.op != "constant" and expr.args and all(map(is_constant, expr.args)):
        value = bound(())
        return lambda _: value
    return bound


def is_constant(expr: Expr) -> bool:
    """Whether the expression is the same for all rows."""
    if expr.op in {"column", "row", "file", "lookup"}:
        return False
    return all(map(is_constant, expr.args))


def walk(expr: Expr) -> Iterator[Expr]:
    """The expression and everything in it."""
    yield expr
    for arg in expr.args:
        yield from walk(arg)


def _bind(expr: Expr, scope: Scope) -> Bound:
    args = [bind(arg, scope) for arg in expr.args]
    if leaf := _LEAVES.get(expr.op):
        return leaf(expr.value, scope)
    if special := _SPECIAL.get(expr.op):
        return special(*args)
    return _strict(_applied(expr, scope), args)


def _applied(expr: Expr, scope: Scope) -> Callable[..., Value]:
    """The operation on given operands."""
    match expr.op:
        case "time":
            return scope.reading.times(expr.value)
        case "number":
            return scope.reading.number
        case "text":
            return rfc3339 if expr.args[0].type is TIME else _text
        case "lookup":
            return scope.lookups[expr.value].get
        case "translate":
            return scope.tables[expr.value].get
    return _PLAIN[expr.op]


def _column(name: str, scope: Scope) -> Bound:
    index = scope.columns[name]

    def column(row: Row) -> Value:
        text = row[index]
        if text.__class__ is not str:
            raise _no_value(name, text)
        return text.strip() or None

    return column


def _no_value(name: str, text: str) -> BadValueError:
    if isinstance(text, Nested):
        return NestedError(f"{name} is {text[:40]!r}, a list or an object: one value is needed")
    return AstrayError(text) if isinstance(text, Astray) else BadValueError(text)


def _strict(apply: Callable[..., Value], args: list[Bound]) -> Bound:
    """The operation on what is given; nothing if one operand is not."""
    if len(args) == 1:
        only = args[0]

        def unary(row: Row) -> Value:
            value = only(row)
            return None if value is None else apply(value)

        return unary
    left, right = args

    def binary(row: Row) -> Value:
        one, other = left(row), right(row)
        return None if one is None or other is None else apply(one, other)

    return binary


def _first(*args: Bound) -> Bound:
    def first(row: Row) -> Value:
        astray: AstrayError | None = None
        for arg in args:
            try:
                value = arg(row)
            except AstrayError as error:
                astray = error
                continue
            if value is not None:
                return value
        if astray is not None:
            raise astray
        return None

    return first


def _given(arg: Bound) -> Bound:
    def given(row: Row) -> Value:
        try:
            return arg(row) is not None
        except NestedError:
            return True
        except AstrayError:
            return False

    return given


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else text_of_number(value)


def _divided(one: Decimal | int, other: Decimal | int) -> Decimal:
    try:
        return Decimal(one) / Decimal(other)
    except DecimalException:
        raise BadValueError(f"{one} cannot be divided by {other}") from None


def _span(unit_ms: int) -> Callable[[Decimal | int], int]:
    return lambda count: _whole(count * unit_ms)


def _whole(span_ms: Decimal | int) -> int:
    try:
        return round(span_ms)
    except (OverflowError, ValueError):
        raise BadValueError("the duration is out of bounds") from None


_PLAIN: dict[str, Callable[..., Value]] = {
    "&": lambda one, other: one + other,
    "+": lambda one, other: one + other,
    "-": lambda one, other: one - other,
    "*": lambda one, other: one * other,
    "/": _divided,
    "scale": lambda span, factor: _whole(span * factor),
    "shrink": lambda span, divisor: _whole(_divided(span, divisor)),
    "negate": lambda value: -value,
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
    "abs": abs,
    "lower": str.lower,
    "upper": str.upper,
    "is_true": boolean_of,
    **{name: _span(unit_ms) for name, unit_ms in SPAN_FUNCTIONS.items()},
}

_LEAVES: dict[str, Callable[[Any, Scope], Bound]] = {
    "constant": lambda value, _: lambda _row: value,
    "column": _column,
    "row": lambda _, __: lambda row: row[-1],
    "file": lambda _, scope: lambda _row: scope.file,
}

_SPECIAL: dict[str, Callable[..., Bound]] = {
    "first": _first,
    "if": lambda condition, yes, no: lambda row: yes(row) if condition(row) else no(row),
    "given": _given,
    "and": lambda one, other: lambda row: bool(one(row) and other(row)),
    "or": lambda one, other: lambda row: bool(one(row) or other(row)),
    "not": lambda arg: lambda row: not arg(row),
    "==": lambda one, other: lambda row: one(row) == other(row),
    "!=": lambda one, other: lambda row: one(row) != other(row),
}
"""Operations that have something to say when an operand is missing; all others give nothing then."""
