"""The formulas of KPIs: parse, evaluate, explain.

A formula is arithmetic over readings of measures: ``(count(leaves) - count(returned)) / level_at_start(customers)``.
What a reading such as ``count`` gives is the engine's; this module knows only names.
"""

import ast
from collections.abc import Callable, Iterator
from typing import NamedTuple

Read = Callable[["Reading"], float | int | None]


class Reading(NamedTuple):
    """``function(measure, …)``; further arguments are measures, or ``target``."""

    function: str
    args: tuple[str, ...]

    def __str__(self) -> str:
        """As written."""
        return f"{self.function}({', '.join(self.args)})"


class Binary(NamedTuple):
    """``left op right``."""

    op: str
    left: "Node"
    right: "Node"


Node = Reading | Binary | int


class Formula(NamedTuple):
    """A formula: a quotient of two nodes, or one node."""

    text: str
    numerator: Node
    denominator: Node | None


_OPS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}


def parse(text: str) -> Formula:
    """The formula of a text.

    Raises:
        ValueError: one line that says what is wrong.

    >>> parse("count(won) / (count(won) + count(lost))").denominator
    Binary(op='+', left=Reading(function='count', args=('won',)), right=Reading(function='count', args=('lost',)))
    """
    try:
        body = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"formula {text!r} is not an expression") from None
    if isinstance(body, ast.BinOp) and isinstance(body.op, ast.Div):
        return Formula(text, _node(body.left, text), _node(body.right, text))
    return Formula(text, _node(body, text), None)


def _node(tree: ast.expr, text: str) -> Node:
    match tree:
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPS:
            return Binary(_OPS[type(op)], _node(left, text), _node(right, text))
        case ast.Call(func=ast.Name(id=function), args=args, keywords=[]) if all(isinstance(a, ast.Name) for a in args):
            return Reading(function, tuple(a.id for a in args if isinstance(a, ast.Name)))
        case ast.Constant(value=int(number)) if not isinstance(number, bool):
            return number
        case ast.BinOp(op=ast.Div()):
            raise ValueError(f"formula {text!r}: a quotient may only stand at the top")
        case _:
            raise ValueError(f"formula {text!r}: {ast.unparse(tree)!r} is neither a reading, a number nor + - * /")


def readings(formula: Formula) -> Iterator[Reading]:
    """All readings of a formula, from left to right."""
    yield from _readings(formula.numerator)
    if formula.denominator is not None:
        yield from _readings(formula.denominator)


def _readings(node: Node) -> Iterator[Reading]:
    if isinstance(node, Reading):
        yield node
    elif isinstance(node, Binary):
        yield from _readings(node.left)
        yield from _readings(node.right)


def evaluate(node: Node, read: Read) -> float | int | None:
    """The number of a node; None if a reading has none (the quantile of nothing).

    >>> evaluate(parse("count(a) - 2 * count(b)").numerator, lambda reading: {"a": 9, "b": 3}[reading.args[0]])
    3
    """
    if isinstance(node, int):
        return node
    if isinstance(node, Reading):
        return read(node)
    left, right = evaluate(node.left, read), evaluate(node.right, read)
    if left is None or right is None:
        return None
    return left + right if node.op == "+" else left - right if node.op == "-" else left * right


def explain(node: Node, read: Read) -> str:
    """The node as text, with each reading's number behind it; what is inside another operation is in parentheses.

    >>> explain(parse("2 * (count(a) - count(b))").numerator, lambda reading: {"a": 9, "b": 3}[reading.args[0]])
    '2 * (count(a)=9 - count(b)=3)'
    """
    if isinstance(node, int):
        return str(node)
    if isinstance(node, Reading):
        return f"{node}={read(node)}"
    sides = (f"({explain(side, read)})" if isinstance(side, Binary) else explain(side, read) for side in node[1:])
    return f" {node.op} ".join(sides)
