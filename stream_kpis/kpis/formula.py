"""The formulas of KPIs: parse, evaluate, explain.

A formula is arithmetic over readings of measures: ``(count(leaves) - count(returned)) / level_at_start(customers)``.
What a reading such as ``count`` gives is the engine's; this module knows only names. Beside readings and numbers:

- ``kpi(name)`` is the value of another KPI over the same window and group; ``ok(name)`` too, if its state is ok.
- ``lagged(60d, …)``, ``stretched(6, …)``, ``closed(…)``, ``previous(…)``: the readings in it are over another window.
- ``positive(…)`` has no value unless it is above 0. ``365d`` is a time in ms.

A quotient of readings at the top gives numerator and denominator. With ``kpi``, ``ok``, ``positive`` or a quotient
elsewhere the formula is *composed*: a number without such parts.
"""

import ast
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

DAY_MS = 86_400_000


class Over(NamedTuple):
    """Another window than the KPI's: how it is made of it, and the days or the factor that this takes."""

    how: str = ""
    by: int = 0

    def __str__(self) -> str:
        """As written, up to what is in it."""
        return {"lagged": f"lagged({self.by}d, ", "stretched": f"stretched({self.by}, "}.get(self.how, f"{self.how}(")


SAME = Over()


class Reading(NamedTuple):
    """``function(measure, …)``; further arguments are measures, or ``target``."""

    function: str
    args: tuple[str, ...]
    over: Over = SAME

    def __str__(self) -> str:
        """As written."""
        text = f"{self.function}({', '.join(self.args)})"
        return f"{self.over}{text})" if self.over.how else text


class Part(NamedTuple):
    """The value of another KPI: ``kpi(name)``, or ``ok(name)``, which is nothing unless its state is ok."""

    function: str
    name: str

    def __str__(self) -> str:
        """As written."""
        return f"{self.function}({self.name})"


class Positive(NamedTuple):
    """``positive(node)``."""

    of: "Node"


class Binary(NamedTuple):
    """``left op right``."""

    op: str
    left: "Node"
    right: "Node"


Node = Reading | Part | Positive | Binary | int
Read = Callable[[Reading | Part], float | int | None]


class Formula(NamedTuple):
    """A formula: a quotient of two nodes, or one node."""

    text: str
    numerator: Node
    denominator: Node | None
    composed: bool = False
    """Whether it is a number without numerator and denominator, which ``numerator`` then holds whole."""


_OPS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_TIME = re.compile(r"(?<![\w.])(\d{1,5})d(?!\w)")
PARTS = ("kpi", "ok")
OVERS = ("lagged", "stretched", "closed", "previous")


def parse(text: str) -> Formula:
    """The formula of a text.

    Raises:
        ValueError: one line that says what is wrong.

    >>> parse("count(won) / (count(won) + count(lost))").numerator
    Reading(function='count', args=('won',), over=Over(how='', by=0))
    >>> parse("kpi(cac) / 30d").numerator
    Binary(op='/', left=Part(function='kpi', name='cac'), right=2592000000)
    """
    try:
        body = ast.parse(_TIME.sub(r"'\1d'", text), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"formula {text!r} is not an expression") from None
    node = _node(body, text, SAME)
    if isinstance(node, Binary) and node.op == "/" and not (_composed(node.left) or _composed(node.right)):
        return Formula(text, node.left, node.right)
    return Formula(text, node, None, _composed(node))


def _composed(node: Node) -> bool:
    return any(isinstance(n, Part | Positive) or (isinstance(n, Binary) and n.op == "/") for n in _nodes(node))


def _node(tree: ast.expr, text: str, over: Over) -> Node:
    match tree:
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPS:
            return Binary(_OPS[type(op)], _node(left, text, over), _node(right, text, over))
        case ast.Call(func=ast.Name(id=function), args=args, keywords=[]) if function in (*OVERS, *PARTS, "positive"):
            return _special(function, args, text, over)
        case ast.Call(func=ast.Name(id=function), args=args, keywords=[]) if all(isinstance(a, ast.Name) for a in args):
            return Reading(function, tuple(a.id for a in args if isinstance(a, ast.Name)), over)
        case ast.Constant(value=int(number)) if not isinstance(number, bool):
            return number
        case ast.Constant(value=str(time)) if _TIME.fullmatch(time):
            return int(time[:-1]) * DAY_MS
        case _:
            raise ValueError(f"formula {text!r}: {ast.unparse(tree)!r} is neither a reading, a number nor + - * /")


def _special(function: str, args: list[ast.expr], text: str, over: Over) -> Node:
    """What is no reading: other KPIs, other windows, and what must be above 0."""
    match function, args:
        case (("kpi" | "ok"), [ast.Name(id=name)]):
            if over.how:
                raise ValueError(f"formula {text!r}: {function}({name}) is over the KPI's window, not {over.how}")
            return Part(function, name)
        case "positive", [of]:
            return Positive(_node(of, text, over))
        case (("closed" | "previous"), [of]) if not over.how:
            return _node(of, text, Over(function))
        case "stretched", [ast.Constant(value=int(times)), of] if not over.how and 1 < times < 100:
            return _node(of, text, Over(function, times))
        case "lagged", [ast.Constant(value=str(time)), of] if not over.how and _TIME.fullmatch(time):
            return _node(of, text, Over(function, int(time[:-1])))
        case _:
            forms = {"positive": "positive(x)", "lagged": "lagged(60d, x)", "stretched": "stretched(6, x)"}
            form = forms.get(function, f"{function}({'name' if function in PARTS else 'x'})")
            raise ValueError(f"formula {text!r}: write {form}, not within another window")


def readings(formula: Formula) -> Iterator[Reading]:
    """All readings of a formula, from left to right."""
    return (node for node in _all(formula) if isinstance(node, Reading))


def parts(formula: Formula) -> Iterator[Part]:
    """All values of other KPIs in a formula, from left to right."""
    return (node for node in _all(formula) if isinstance(node, Part))


def _all(formula: Formula) -> Iterator[Node]:
    yield from _nodes(formula.numerator)
    if formula.denominator is not None:
        yield from _nodes(formula.denominator)


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    if isinstance(node, Positive):
        yield from _nodes(node.of)
    elif isinstance(node, Binary):
        yield from _nodes(node.left)
        yield from _nodes(node.right)


def counted(formula: Formula) -> str:
    """How many there are of what a formula adds up, as a formula; empty unless its samples would be sums.

    What is taken off is not counted: of orders less refunds the orders are.

    >>> counted(parse("sum(orders) - sum(refunds)")), counted(parse("sum(a) / count(a)")), counted(parse("count(a)"))
    ('count(orders)', '', '')
    """
    summed = None if formula.composed else _summed(default_samples(formula))
    return " + ".join(dict.fromkeys(str(reading._replace(function="count")) for reading in summed or ()))


def default_samples(formula: Formula) -> Node:
    """What the samples of a formula are that says nothing else of them: what it divides by, if it is no number."""
    return formula.numerator if isinstance(formula.denominator, int | None) else formula.denominator


def _summed(node: Node) -> list[Reading] | None:
    """The sums, and times the window's length the counts, that a node adds up; None if it is made of anything else."""
    match node:
        case Reading("sum" | "sum_ms" | "count_ms"):
            return [node]
        case Binary("+" | "-" as op, left, right):
            more, less = _summed(left), _summed(right)
            return None if more is None or less is None else more + less if op == "+" else more
        case Binary("*", int(), times) | Binary("*", times, int()):
            return _summed(times)
        case _:
            return None


def evaluate(node: Node, read: Read) -> float | int | None:
    """The number of a node; None if a part of it has none (the quantile of nothing) or a divisor is 0.

    >>> evaluate(parse("count(a) - 2 * count(b)").numerator, lambda reading: {"a": 9, "b": 3}[reading.args[0]])
    3
    """
    if isinstance(node, int):
        return node
    if isinstance(node, Reading | Part):
        return read(node)
    if isinstance(node, Positive):
        number = evaluate(node.of, read)
        return number if number is not None and number > 0 else None
    left, right = evaluate(node.left, read), evaluate(node.right, read)
    if left is None or right is None:
        return None
    if node.op == "/":
        return left / right if right else None
    return left + right if node.op == "+" else left - right if node.op == "-" else left * right


def explain(node: Node, read: Read) -> str:
    """The node as text, with each reading's number behind it; what is inside another operation is in parentheses.

    >>> explain(parse("2 * (count(a) - count(b))").numerator, lambda reading: {"a": 9, "b": 3}[reading.args[0]])
    '2 * (count(a)=9 - count(b)=3)'
    """
    if isinstance(node, int):
        return str(node)
    if isinstance(node, Reading | Part):
        return f"{node}={read(node)}"
    if isinstance(node, Positive):
        return f"positive({explain(node.of, read)})"
    sides = (f"({explain(side, read)})" if isinstance(side, Binary) else explain(side, read) for side in node[1:])
    return f" {node.op} ".join(sides)
