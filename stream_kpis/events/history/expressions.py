"""The language of the mapping's expressions: text in, a typed tree out. Nothing is ever evaluated by Python itself."""

import re
from decimal import Decimal
from typing import NamedTuple

from stream_kpis.events.history.document import MistakeError
from stream_kpis.events.history.trees import (
    BOOL,
    NUMBER,
    SPAN,
    TEXT,
    Expr,
    Names,
    any_equal,
    call,
    coerce,
    column,
    comparison,
    constant,
    numeric,
    product_of,
    sum_of,
)

SPANS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_WORDS = {"and", "or", "not", "in", "true", "false"}
_COMPARE = ("==", "!=", "<", "<=", ">", ">=")
_DEPTH_MAX = 50
_TOKENS_MAX = 200

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
        if len(tokens) > _TOKENS_MAX:
            raise MistakeError(f"the expression is too long: at most {_TOKENS_MAX} words and signs")
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
            return any_equal(left, args)
        if operator := self.took(*_COMPARE):
            return comparison(operator, left, self.joined())
        return left

    def joined(self) -> Expr:
        expr = self.added()
        while self.took("&"):
            expr = Expr("&", TEXT, (coerce(expr, TEXT), coerce(self.added(), TEXT)))
        return expr

    def added(self) -> Expr:
        expr = self.multiplied()
        while operator := self.took("+", "-"):
            expr = sum_of(operator, expr, self.multiplied())
        return expr

    def multiplied(self) -> Expr:
        expr = self.signed()
        while operator := self.took("*", "/"):
            expr = product_of(operator, expr, self.signed())
        return expr

    def signed(self) -> Expr:
        if not self.took("-"):
            return self.primary()
        operand = self.primary()
        return Expr("negate", operand.type if operand.type is SPAN else NUMBER, (numeric(operand),))

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
            return call(name, self.arguments(), self.names)
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
