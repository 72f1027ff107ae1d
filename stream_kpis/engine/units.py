"""What a formula's number is made of, as far as that is plain: so that a unit that cannot be is refused."""

from stream_kpis.engine.reading import quantile_of
from stream_kpis.journeys.facts import FACTS
from stream_kpis.kpis.formula import Binary, Formula, Node, Reading, default_samples
from stream_kpis.kpis.load import Catalogue, kind_of

_FIT = {
    "a number": ("count", "ratio"), "money": ("currency",), "points": ("score",), "a time": ("seconds",),
    "pieces": ("quantity",),
}  # fmt: skip
"""By what it is, the units that it may have: with another one it would be shown a thousand or a million times off."""
_COUNTS = ("count", "count_all", "base", "followed", "distinct", "pairs", "older")
_LEVELS = ("level", "level_all", "level_at_start")
_SUMS = ("sum", *_LEVELS)
_WORTH = {"micro-units": "money", "micro-points": "points", "thousandths": "pieces", "ms": "a time"}
"""What a fact's value is, by its last word."""


def unit_problem(formula: Formula, unit: str, catalogue: Catalogue) -> str | None:
    """Why a formula cannot have a unit, or None: it may, or it is not plain.

    Args:
        formula: of a KPI whose readings fit their measures.
        unit: the KPI's.
        catalogue: with the measures.
    """
    above = _made_of(formula.numerator, catalogue)
    below = "a number" if formula.denominator is None else _made_of(formula.denominator, catalogue)
    for found in (above, below):
        if found is not None and " and " in found:
            return f"it adds {found}"
    if above is None or below is None or unit not in {word for words in _FIT.values() for word in words}:
        return None
    what = above if below == "a number" else "a number" if above == below else None
    if what is None or unit in _FIT[what]:
        return None
    return f"the formula gives {what}, which is no {unit}: write {' or '.join(_FIT[what])}"


def uncounted(node: Node, catalogue: Catalogue) -> str | None:
    """What in a node is no number of things, or None: then it is one, each of which is an observation.

    Args:
        node: of a formula whose readings fit their measures.
        catalogue: with the measures.
    """
    match node:
        case Reading(function, args):
            value = FACTS[kind_of(catalogue.measures[args[0]])[1]].value
            counted = function in (*_COUNTS, "waiting") or (function in _LEVELS and value == "±1")
            return None if counted else str(node)
        case Binary("+" | "-", left, right):
            return uncounted(left, catalogue) or uncounted(right, catalogue)
        case Binary("*"):
            return "a product"
        case Binary():
            return "a quotient"
        case _:
            return str(node)


def samples_problem(formula: Formula, catalogue: Catalogue) -> str | None:
    """What the samples of a formula would be instead of a number of things, or None: they are one, or it is not plain.

    Args:
        formula: of a KPI that says nothing of its samples.
        catalogue: with the measures.
    """
    node = default_samples(formula)
    if formula.composed or quantile_of(node) is not None:
        return None
    found = _made_of(node, catalogue)
    return None if found in (None, "a number") else found


def _made_of(node: Node, catalogue: Catalogue) -> str | None:
    if isinstance(node, Reading):
        return _read(node, catalogue)
    if not isinstance(node, Binary):
        return None
    left, right = _made_of(node.left, catalogue), _made_of(node.right, catalogue)
    if node.op in "*/" and isinstance(node.right, int):
        return left
    if node.op == "*" and isinstance(node.left, int):
        return right
    if node.op not in "+-" or left is None or right is None:
        return None
    return left if left == right or " and " in left else f"{left} and {right}"


def _read(reading: Reading, catalogue: Catalogue) -> str | None:
    if quantile_of(reading) is not None:
        return "a time"
    if reading.function in _COUNTS:
        return "a number"
    if reading.function not in _SUMS:
        return None
    value = FACTS[kind_of(catalogue.measures[reading.args[0]])[1]].value
    return _WORTH.get(value.split()[-1])
