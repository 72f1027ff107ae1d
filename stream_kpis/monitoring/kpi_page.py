"""`docs/kpis.md`: every KPI with its definition and a worked example, made from the catalogue and the definitions.

Written by ``stream-kpis docs --definitions docs > docs/kpis.md``.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from stream_kpis.events.types import KIND_OF_DATA, LINKED
from stream_kpis.journeys import JOURNEYS
from stream_kpis.journeys.facts import FACTS
from stream_kpis.kpis.formula import Binary, Formula, Node, Part, Positive, Reading, parts, readings
from stream_kpis.kpis.load import Catalogue, kind_of
from stream_kpis.kpis.schema import Kpi, Measure
from stream_kpis.kpis.selection import DEPARTMENTS

WORDS = {
    "count": "the number of {0}",
    "sum": "the sum of {0}",
    "base": "all of {0} that had the time",
    "followed": "those of {0} that were followed up in time",
    "distinct": "the parties of {0}",
    "pairs": "the pairs of {0} that lie in the window with both facts",
    "level": "{0} at the end",
    "level_at_start": "{0} at the start",
    "count_ms": "the number of {0} times the length of the window",
    "sum_ms": "the sum of {0} times the length of the window",
    "distinct_ms": "the parties of {0} times the length of the window",
    "window_ms": "the length of the window",
    "carried": "{0} of those there at the start, if they stayed",
    "begun": "{0} of those that came, less what those that left did not stay",
    "waiting": "{0}",
    "older": "those of {0} that wait longer than the target",
    "median": "the median of {0}",
    "p90": "the 0.9-quantile of {0}",
    "p99": "the 0.99-quantile of {0}",
    "median_age": "the median age of {0}",
}
"""A reading in words, of its measure; ``_all`` behind a name adds "of all groups"."""
_OVER = {
    "lagged": ", {0} days earlier",
    "stretched": ", over a window {0} times as long",
    "closed": ", over the closed days",
    "previous": ", over as many days before",
}
_SIGNS = {"+": "+", "-": "\N{MINUS SIGN}", "*": "\N{MULTIPLICATION SIGN}", "/": "\N{DIVISION SIGN}"}
_UNITS = {"currency": "in the reporting currency", "currency_per_second": "reporting currency per second"}

_PAGE = """# KPIs

Made from the catalogue and the definitions by `stream-kpis docs --definitions docs > docs/kpis.md`. How a window
begins and ends, what an event changes, and what each journey says: [definitions](definitions.md). In examples day n is
@n, and each of them is a test.

{index}

{kpis}"""


def definitions_of(docs: Path) -> list[str]:
    """The pages of a folder that define KPIs."""
    return [page.read_text(encoding="utf-8") for page in sorted(docs.glob("definitions*.md"))]


def worked_examples(pages: Iterable[str]) -> dict[str, list[str]]:
    r"""The worked examples of the definitions, by every KPI that they name.

    >>> worked_examples(["## Worked examples\n\n- `orders`: one placed\n  @1 → 1.\n\n## Limits\n"])
    {'orders': ['`orders`: one placed @1 → 1.']}
    """
    found: dict[str, list[str]] = {}
    for page in pages:
        for section in re.split(r"^## ", page, flags=re.MULTILINE):
            title, _, text = section.partition("\n")
            if "worked examples" not in title.lower():
                continue
            for bullet in re.split(r"^- ", text, flags=re.MULTILINE)[1:]:
                example = " ".join(bullet.split("\n\n")[0].split())
                for name in dict.fromkeys(re.findall(r"`(\w+)`", example)):
                    found.setdefault(name, []).append(example)
    return found


def kpi_page(catalogue: Catalogue, examples: Mapping[str, Sequence[str]]) -> str:
    """The page, in Markdown.

    Args:
        catalogue: the KPIs.
        examples: their worked examples, as :func:`worked_examples` finds them.
    """
    of = {
        department: [name for name, kpi in catalogue.kpis.items() if kpi.department == department]
        for department in DEPARTMENTS
    }
    index = "\n".join(
        f"- {department.capitalize()}: " + ", ".join(f"[{name}](#{name})" for name in names)
        for department, names in of.items()
    )
    sections = [
        f"## {department.capitalize()}\n\n"
        + "\n".join(_entry(catalogue, name, examples.get(name, ())) for name in names)
        for department, names in of.items()
    ]
    return _PAGE.format(index=index, kpis="\n".join(sections))


def _entry(catalogue: Catalogue, name: str, examples: Iterable[str]) -> str:
    return f"### {name}\n\n" + "\n".join(_lines(catalogue, name, catalogue.kpis[name], examples)) + "\n"


def _lines(catalogue: Catalogue, name: str, kpi: Kpi, examples: Iterable[str]) -> Iterator[str]:
    formula = catalogue.formulas[name]
    unit = _UNITS.get(kpi.unit, kpi.unit)
    yield f"**{kpi.title}**, {unit}; {kpi.better} is better. {kpi.choices.strip()}"
    yield ""
    yield f"- Formula: `{' '.join(kpi.formula.split())}`"
    yield f"- In words: {in_words(catalogue, formula)}."
    if name in catalogue.samples:
        yield f"- Samples: {in_words(catalogue, catalogue.samples[name])}."
    if kpi.awaits:
        yield f"- No value before a first of {' and of '.join(f'`{measure}`' for measure in kpi.awaits)}."
    for measure in _measures_of(formula):
        yield f"- `{measure}`: {_measure_in_words(catalogue.measures[measure])}"
    yield f"- Events: {', '.join(f'`{event}`' for event in _events_of(catalogue, formula))}"
    by = ", ".join(f"`{by}`" for by in kpi.by) or "nothing"
    yield f"- By: {by}. Windows: {' '.join(kpi.windows)}{_details(kpi)}."
    for example in examples:
        yield f"- Example: {example}"


_INTERVALS = {
    "wilson": "Wilson interval",
    "nps": "interval by the spread of the answers",
    "mean": "interval by the spread of the values",
}


def _details(kpi: Kpi) -> str:
    said = []
    if kpi.matured is not None:
        said.append(f"which end {kpi.matured} before now")
    if kpi.target is not None:
        said.append(f"target {kpi.target:g}")
    if kpi.interval is not None:
        said.append(_INTERVALS[kpi.interval])
    return "".join(f"; {each}" for each in said)


def in_words(catalogue: Catalogue, formula: Formula) -> str:
    """A formula in words, its KPIs as links."""
    above = _words(catalogue, formula.numerator)
    if formula.denominator is None:
        return above
    sides = (_side(node, _words(catalogue, node)) for node in (formula.numerator, formula.denominator))
    return f" {_SIGNS['/']} ".join(sides)


def _words(catalogue: Catalogue, node: Node) -> str:
    match node:
        case Reading():
            return _reading(node)
        case Part(function, name):
            return f"[{catalogue.kpis[name].title}](#{name})" + (" (if it is ok)" if function == "ok" else "")
        case Positive(of):
            return _words(catalogue, of)
        case Binary(
            "+", Reading("carried" | "carried_all" as all_, args, over), Reading("begun" | "begun_all", same)
        ) if args == same:
            return _with_span(_measure_name(args[0]), all_, over.how, over.by)
        case Binary(op, left, right):
            sides = [_side(side, _words(catalogue, side)) for side in (left, right)]
            return f" {_SIGNS[op]} ".join(sides)
    return f"{node:,}" if node < 10**6 else f"{node / 86_400_000:g} days"


def _side(node: Node, words: str) -> str:
    """What is inside another operation is in parentheses, unless it reads as one thing."""
    return f"({words})" if isinstance(node, Binary) and any(f" {sign} " in words for sign in _SIGNS.values()) else words


def _reading(reading: Reading) -> str:
    name = reading.function.removesuffix("_all")
    measures = [_measure_name(arg) for arg in reading.args if arg != "target"]
    words = WORDS[name].format(*measures) + (f" and the ages of {measures[1]}" if len(measures) > 1 else "")
    return _with_span(words, reading.function, reading.over.how, reading.over.by)


def _with_span(words: str, function: str, how: str, by: int) -> str:
    of_all = ", of all groups" if function.endswith("_all") else ""
    return words + of_all + _OVER.get(how, "").format(by)


def _measure_name(measure: str) -> str:
    return f"*{measure.replace('_', ' ')}*"


def _measures_of(formula: Formula) -> dict[str, None]:
    return dict.fromkeys(arg for reading in readings(formula) for arg in reading.args if arg != "target")


def _measure_in_words(measure: Measure) -> str:
    kind, fact = kind_of(measure)
    text = f"{kind.replace('_', ' ')} of `{fact}`. {FACTS[fact].doc}"
    if measure.base is not None:
        text += f" Within {measure.within} after `{measure.base}`: {FACTS[measure.base].doc}"
    if measure.where:
        text += " Only " + ", ".join(f"{dim} {' or '.join(values)}" for dim, values in measure.where.items()) + "."
    if measure.past is not None:
        text += f" Over past days: `{measure.past}`."
    return text


def _events_of(catalogue: Catalogue, formula: Formula) -> list[str]:
    """The types of all events that the journeys behind a formula, and behind the KPIs in it, take."""
    found = {
        KIND_OF_DATA[taken].name
        for measure in _measures_of(formula)
        for taken in JOURNEYS[FACTS[kind_of(catalogue.measures[measure])[1]].journey].takes
        if KIND_OF_DATA[taken] is not LINKED
    }
    for part in parts(formula):
        found |= set(_events_of(catalogue, catalogue.formulas[part.name]))
    return sorted(found)
