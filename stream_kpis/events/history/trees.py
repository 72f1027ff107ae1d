"""Typed trees: what expressions are made of, and which operations fit which types.

Columns are texts until an operation needs something else of them: ``submitted_at + 5m`` takes ``submitted_at`` as a
time, ``amount > 0`` takes ``amount`` as a number. What cannot fit is a :class:`MistakeError`, before any row is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from stream_kpis.events.history.document import MistakeError, unknown


class Type(StrEnum):
    """What an expression gives."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    SPAN = "duration"
    BOOL = "condition"


TEXT, NUMBER, TIME, SPAN, BOOL = Type
HEIGHT_MAX = 200
SIZE_MAX = 20_000


@dataclass(frozen=True, slots=True)
class Expr:
    """A node of the tree: an operation, what it gives, its operands, and its own value (a name, a constant)."""

    op: str
    type: Type
    args: tuple["Expr", ...] = ()
    value: Any = None
    height: int = field(init=False, compare=False)
    size: int = field(init=False, compare=False)

    def __post_init__(self) -> None:
        # Named values may stand in each other, so that a short mapping could make a tree without end.
        object.__setattr__(self, "height", 1 + max((arg.height for arg in self.args), default=0))
        object.__setattr__(self, "size", 1 + sum(arg.size for arg in self.args))
        if self.height > HEIGHT_MAX or self.size > SIZE_MAX:
            raise MistakeError("is too long, with the named values in it")


class Names(NamedTuple):
    """What an expression may refer to beside columns: the mapping's tables and the file's named values."""

    tables: Mapping[str, Mapping[str, str]]
    values: Mapping[str, Expr]


SPAN_FUNCTIONS = {"seconds": 1000, "minutes": 60_000, "hours": 3_600_000, "days": 86_400_000, "weeks": 604_800_000}
_SIMPLE: dict[str, tuple[Type, Type]] = {
    "number": (TEXT, NUMBER),
    "text": (TEXT, TEXT),
    "lower": (TEXT, TEXT),
    "upper": (TEXT, TEXT),
    "is_true": (TEXT, BOOL),
    "abs": (NUMBER, NUMBER),
    **dict.fromkeys(SPAN_FUNCTIONS, (NUMBER, SPAN)),
}
FUNCTIONS = (*_SIMPLE, "time", "given", "first", "if", "translate")
_HOURS = "(time(closed) - time(opened)) / 1h"
_ORDER = {"<", "<=", ">", ">="}


def column(name: str) -> Expr:
    """The expression that is one column."""
    return Expr("column", TEXT, value=name)


def constant(text: str) -> Expr:
    """The expression that is always this text; an empty one is no value."""
    return Expr("constant", TEXT, value=text or None)


def coerce(expr: Expr, target: Type) -> Expr:
    """The expression as ``target``.

    Raises:
        MistakeError: it cannot be one.
    """
    if expr.type is target:
        return expr
    if target is TEXT and expr.type is not SPAN:
        return Expr("text", TEXT, (expr,))
    if expr.type is TEXT and target is NUMBER:
        return Expr("number", NUMBER, (expr,))
    if expr.type is TEXT and target is TIME:
        return Expr("time", TIME, (expr,))
    if expr.type is TEXT and target is BOOL:
        raise MistakeError("a text is no condition: compare it, or use given(…) or is_true(…)")
    if expr.type is SPAN:
        raise MistakeError(f"a duration is no {target}: divide it by a unit, as in {_HOURS}")
    raise MistakeError(f"a {expr.type} is no {target}")


def numeric(expr: Expr) -> Expr:
    """The expression as a number, or as the duration that it is.

    Raises:
        MistakeError: the types do not fit.
    """
    return expr if expr.type is SPAN else coerce(expr, NUMBER)


def _alike(exprs: tuple[Expr, ...]) -> tuple[Expr, ...]:
    """The expressions in the one type that is not text, if any is not."""
    others = {expr.type for expr in exprs} - {TEXT}
    if len(others) > 1:
        hint = ": a duration of columns is time(closed) - time(opened)" if others == {NUMBER, SPAN} else ""
        raise MistakeError("cannot mix " + " and ".join(sorted(others)) + hint)
    target = others.pop() if others else TEXT
    return tuple(coerce(expr, target) for expr in exprs)


def comparison(operator: str, left: Expr, right: Expr) -> Expr:
    """``left == right`` and the like; only numbers and times have an order.

    Raises:
        MistakeError: the types do not fit.
    """
    args = _alike((left, right))
    if operator in _ORDER and args[0].type is TEXT:
        raise MistakeError(f"{operator!r} needs numbers or times: use number(…) or time(…)")
    return Expr(operator, BOOL, args)


def any_equal(left: Expr, options: tuple[Expr, ...]) -> Expr:
    """``left in (…)``.

    Raises:
        MistakeError: the types do not fit.
    """
    expr = comparison("==", left, options[0])
    for option in options[1:]:
        expr = Expr("or", BOOL, (expr, comparison("==", left, option)))
    return expr


def sum_of(operator: str, left: Expr, right: Expr) -> Expr:
    """``left + right`` or ``left - right``, of numbers, durations, or times and durations.

    Raises:
        MistakeError: the types do not fit.
    """
    types = (left.type, right.type)
    if types == (SPAN, SPAN):
        return Expr(operator, SPAN, (left, right))
    if right.type is SPAN:
        return Expr(operator, TIME, (coerce(left, TIME), right))
    if left.type is SPAN:
        if operator == "-":
            raise MistakeError("cannot take a time from a duration")
        return Expr(operator, TIME, (left, coerce(right, TIME)))
    if TIME in types:
        if operator == "+":
            raise MistakeError("cannot add two times, nor a time and a number: use minutes(…), hours(…), days(…)")
        if NUMBER in types:
            raise MistakeError("cannot take a number from a time: use minutes(…), hours(…), days(…)")
        return Expr(operator, SPAN, (coerce(left, TIME), coerce(right, TIME)))
    return Expr(operator, NUMBER, (coerce(left, NUMBER), coerce(right, NUMBER)))


def product_of(operator: str, left: Expr, right: Expr) -> Expr:
    """``left * right`` or ``left / right``, of numbers and durations.

    Raises:
        MistakeError: the types do not fit.
    """
    args = (numeric(left), numeric(right))
    spans = (args[0].type is SPAN, args[1].type is SPAN)
    if spans == (True, True) and operator == "/":
        return Expr("/", NUMBER, args)
    if spans == (True, False) or (spans == (False, True) and operator == "*"):
        return Expr("scale" if operator == "*" else "shrink", SPAN, args)
    if spans == (False, True):
        # A column less a column is a number: what else it could be would be guessed.
        raise MistakeError(f"a number cannot be divided by a duration: of columns with times write {_HOURS}")
    if any(spans):
        raise MistakeError(f"{operator!r} does not fit these durations")
    return Expr(operator, NUMBER, args)


def call(name: str, args: tuple[Expr, ...], names: Names) -> Expr:
    """``name(args)``; an unknown name is a mistake too.

    Raises:
        MistakeError: the types do not fit.
    """
    if name in _SIMPLE:
        takes, gives = _SIMPLE[name]
        _count(name, args, 1, 1)
        return Expr(name, gives, (coerce(args[0], takes),))
    match name:
        case "time":
            _count(name, args, 1, 9)
            formats = tuple(_constant_text(name, arg) for arg in args[1:])
            return Expr("time", TIME, (coerce(args[0], TEXT),), formats or None)
        case "given":
            _count(name, args, 1, 1)
            return Expr("given", BOOL, args)
        case "first":
            _count(name, args, 2, 20)
            same = _alike(args)
            return Expr("first", same[0].type, same)
        case "if":
            _count(name, args, 3, 3)
            same = _alike(args[1:])
            return Expr("if", same[0].type, (coerce(args[0], BOOL), *same))
        case "translate":
            return _translation(args, names)
    raise unknown("function", name, FUNCTIONS)


def _translation(args: tuple[Expr, ...], names: Names) -> Expr:
    _count("translate", args, 2, 3)
    table = args[1].value if args[1].op == "column" else None
    if table not in names.tables:
        raise unknown("table", str(table), names.tables)
    of = coerce(args[0], TEXT)
    otherwise = coerce(args[2], TEXT) if len(args) == 3 else of
    return Expr("first", TEXT, (Expr("translate", TEXT, (of,), table), otherwise))


def _constant_text(name: str, arg: Expr) -> str:
    if arg.op != "constant" or not isinstance(arg.value, str):
        raise MistakeError(f"the formats of {name}(…) are texts in quotes")
    return arg.value


def _count(name: str, args: tuple[Expr, ...], least: int, most: int) -> None:
    if not least <= len(args) <= most:
        wanted = str(least) if least == most else f"{least} to {most}"
        raise MistakeError(f"{name}(…) takes {wanted} arguments, not {len(args)}")
