"""The language of the mapping's expressions: text in, a typed tree out. Nothing is ever evaluated by Python itself.

Columns are texts until an expression needs something else of them: ``submitted_at + 5m`` takes ``submitted_at`` as
a time, ``amount > 0`` takes ``amount`` as a number. What cannot fit is a :class:`MistakeError` here, before any row is read.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
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


@dataclass(frozen=True, slots=True)
class Expr:
    """A node of the tree: an operation, what it gives, its operands, and what only this node has (a name, a constant)."""

    op: str
    type: Type
    args: tuple["Expr", ...] = ()
    value: Any = None


class Names(NamedTuple):
    """What an expression may refer to beside columns: the mapping's tables and the file's named values."""

    tables: Mapping[str, Mapping[str, str]]
    values: Mapping[str, Expr]


SPANS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
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
_WORDS = {"and", "or", "not", "in", "true", "false"}
_ORDER = {"<", "<=", ">", ">="}
_COMPARE = {"==", "!=", *_ORDER}
_DEPTH_MAX = 50

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<span>\d+(?:\.\d+)?(?:ms|[smhdw])\b)
    | (?P<number>\d+(?:\.\d+)?\b)
    | (?P<name>[^\W\d]\w*(?:\.\w+)*)
    | `(?P<quoted>[^`]+)`
    | '(?P<single>(?:[^']|'')*)'
    | "(?P<double>[^"]*)"
    | (?P<op>==|!=|<=|>=|[<>+\-*/&(),])
    )""",
    re.VERBOSE,
)


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def parse(text: str, names: Names) -> Expr:
    """The tree of an expression.

    Raises:
        MistakeError: it is not an expression, or its types do not fit.

    >>> parse("opened + 5m", Names({}, {})).type
    <Type.TIME: 'time'>
    """
    parser = _Parser(_tokens(text), names)
    expr = parser.either()
    parser.end()
    return expr


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
        raise MistakeError(f"a duration is no {target}: divide it by a unit, as in (closed - opened) / 1h")
    raise MistakeError(f"a {expr.type} is no {target}")


def _tokens(text: str) -> list[_Token]:
    tokens, at = [], 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise MistakeError(f"cannot read {text[at:].strip()[:20]!r} in {text!r}")
        kind, word = match.lastgroup, match[match.lastgroup]
        if kind == "single":
            word = word.replace("''", "'")
        tokens.append(_Token(kind, word, match.start(kind)))
        at = match.end()
    return tokens


class _Parser:
    """Recursive descent, from what binds least to what binds most."""

    def __init__(self, tokens: list[_Token], names: Names) -> None:
        self.tokens = tokens
        self.names = names
        self.next = 0
        self.depth = 0

    def either(self) -> Expr:
        self.depth += 1
        if self.depth > _DEPTH_MAX:
            raise MistakeError("the expression is nested too deeply")
        expr = self.both()
        while self.took("or"):
            expr = Expr("or", BOOL, (coerce(expr, BOOL), coerce(self.both(), BOOL)))
        self.depth -= 1
        return expr

    def both(self) -> Expr:
        expr = self.negated()
        while self.took("and"):
            expr = Expr("and", BOOL, (coerce(expr, BOOL), coerce(self.negated(), BOOL)))
        return expr

    def negated(self) -> Expr:
        count = 0
        while self.took("not"):
            count += 1
        expr = self.compared()
        if not count:
            return expr
        expr = coerce(expr, BOOL)
        return Expr("not", BOOL, (expr,)) if count % 2 else expr

    def compared(self) -> Expr:
        left = self.joined()
        if self.took("in"):
            self.expect("(")
            args = self.arguments()
            return _any_equal(left, args)
        if operator := self.took(*_COMPARE):
            return _comparison(operator, left, self.joined())
        return left

    def joined(self) -> Expr:
        expr = self.added()
        while self.took("&"):
            expr = Expr("&", TEXT, (coerce(expr, TEXT), coerce(self.added(), TEXT)))
        return expr

    def added(self) -> Expr:
        expr = self.multiplied()
        while operator := self.took("+", "-"):
            expr = _sum(operator, expr, self.multiplied())
        return expr

    def multiplied(self) -> Expr:
        expr = self.signed()
        while operator := self.took("*", "/"):
            expr = _product(operator, expr, self.signed())
        return expr

    def signed(self) -> Expr:
        if not self.took("-"):
            return self.primary()
        operand = self.primary()
        return Expr("negate", operand.type if operand.type is SPAN else NUMBER, (_numeric(operand),))

    def primary(self) -> Expr:
        token = self.take()
        match token.kind:
            case "number":
                return Expr("constant", NUMBER, value=Decimal(token.text))
            case "span":
                unit = token.text.lstrip("0123456789.")
                return Expr("constant", SPAN, value=int(Decimal(token.text.removesuffix(unit)) * SPANS_MS[unit]))
            case "single" | "double":
                return constant(token.text)
            case "quoted":
                return column(token.text)
            case "name":
                return self.named(token.text)
        if token.text != "(":
            raise MistakeError(f"unexpected {token.text!r}")
        expr = self.either()
        self.expect(")")
        return expr

    def named(self, name: str) -> Expr:
        if self.took("("):
            return _call(name, self.arguments(), self.names)
        if name in {"true", "false"}:
            return Expr("constant", BOOL, value=name == "true")
        if name in _WORDS:
            raise MistakeError(f"unexpected {name!r}")
        if name == "row":
            return Expr("row", NUMBER)
        if name == "file":
            return Expr("file", TEXT)
        return self.names.values.get(name) or column(name)

    def arguments(self) -> tuple[Expr, ...]:
        args = [self.either()]
        while self.took(","):
            args.append(self.either())
        self.expect(")")
        return tuple(args)

    def took(self, *words: str) -> str:
        if self.next < len(self.tokens):
            token = self.tokens[self.next]
            if token.kind in {"op", "name"} and token.text in words:
                self.next += 1
                return token.text
        return ""

    def take(self) -> _Token:
        if self.next == len(self.tokens):
            raise MistakeError("the expression ends too early")
        self.next += 1
        return self.tokens[self.next - 1]

    def expect(self, word: str) -> None:
        if not self.took(word):
            found = repr(self.tokens[self.next].text) if self.next < len(self.tokens) else "the end"
            raise MistakeError(f"expected {word!r}, found {found}")

    def end(self) -> None:
        if self.next < len(self.tokens):
            raise MistakeError(f"unexpected {self.tokens[self.next].text!r} after the end of the expression")


def _numeric(expr: Expr) -> Expr:
    return expr if expr.type is SPAN else coerce(expr, NUMBER)


def _alike(exprs: tuple[Expr, ...]) -> tuple[Expr, ...]:
    """The expressions in the one type that is not text, if any is not."""
    others = {expr.type for expr in exprs} - {TEXT}
    if len(others) > 1:
        raise MistakeError("cannot mix " + " and ".join(sorted(others)))
    target = others.pop() if others else TEXT
    return tuple(coerce(expr, target) for expr in exprs)


def _comparison(operator: str, left: Expr, right: Expr) -> Expr:
    args = _alike((left, right))
    if operator in _ORDER and args[0].type is TEXT:
        raise MistakeError(f"{operator!r} needs numbers or times: use number(…) or time(…)")
    return Expr(operator, BOOL, args)


def _any_equal(left: Expr, options: tuple[Expr, ...]) -> Expr:
    expr = _comparison("==", left, options[0])
    for option in options[1:]:
        expr = Expr("or", BOOL, (expr, _comparison("==", left, option)))
    return expr


def _sum(operator: str, left: Expr, right: Expr) -> Expr:
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


def _product(operator: str, left: Expr, right: Expr) -> Expr:
    args = (_numeric(left), _numeric(right))
    spans = (args[0].type is SPAN, args[1].type is SPAN)
    if spans == (True, True) and operator == "/":
        return Expr("/", NUMBER, args)
    if spans == (True, False) or (spans == (False, True) and operator == "*"):
        return Expr("scale" if operator == "*" else "shrink", SPAN, args if spans[0] else args[::-1])
    if any(spans):
        raise MistakeError(f"{operator!r} does not fit these durations")
    return Expr(operator, NUMBER, args)


def _call(name: str, args: tuple[Expr, ...], names: Names) -> Expr:
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
    return Expr("translate", TEXT, (of, coerce(args[2], TEXT) if len(args) == 3 else of), table)


def _constant_text(name: str, arg: Expr) -> str:
    if arg.op != "constant" or not isinstance(arg.value, str):
        raise MistakeError(f"the formats of {name}(…) are texts in quotes")
    return arg.value


def _count(name: str, args: tuple[Expr, ...], least: int, most: int) -> None:
    if not least <= len(args) <= most:
        wanted = str(least) if least == most else f"{least} to {most}"
        raise MistakeError(f"{name}(…) takes {wanted} arguments, not {len(args)}")
