"""`docs/kpis.md`, made from the catalogue: `stream-kpis docs --definitions docs > docs/kpis.md`.

What a KPI rests on is read off its formula, its measures' facts and their journeys; its worked example is that of the
pages that define it, so that there is one.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from stream_kpis.events.types import KINDS
from stream_kpis.journeys import JOURNEYS
from stream_kpis.journeys.facts import FACTS
from stream_kpis.kpis.formula import readings
from stream_kpis.kpis.load import Catalogue, kind_of
from stream_kpis.kpis.schema import Kpi
from stream_kpis.kpis.selection import DEPARTMENTS

_WORDS = {
    "count": "number of {0}",
    "sum": "sum of {0}",
    "sum_ms": "sum of {0} times the length of the window",
    "distinct_ms": "distinct parties of {0} times the length of the window",
    "window_ms": "length of the window",
    "base": "{0}: those that could follow up",
    "followed": "{0}: those followed up in time",
    "distinct": "distinct parties of {0}",
    "level": "{0} there at the end",
    "level_at_start": "{0} there at the start",
    "count_all": "number of {0} over all groups",
    "count_ms": "number of {0} times the length of the window",
    "carried": "time of {0} there at the start",
    "carried_all": "time of {0} there at the start, over all groups",
    "begun": "time of {0} that came, less what those that left did not stay",
    "begun_all": "time of {0} that came, over all groups",
    "waiting": "waiting {0}",
    "older": "{0} that wait longer than the target",
    "median": "median of {0}",
    "p90": "0.9-quantile of {0}",
    "p99": "0.99-quantile of {0}",
    "median_age": "median age of {0}",
}
"""What a reading gives, in words; one that has none here stands as it is written."""
_READING = re.compile(r"(\w+)\(([^()]*)\)")
_NAME = re.compile(r"`([a-z_0-9]+)`")
_NAMED = re.compile(r"((?:`[a-z_0-9]+`(?:, )?)+)( \([^)]*\))?: (.*)")
_VALUED = re.compile(r"`([a-z_0-9]+)`:? ")
_HEADING = re.compile(r"^## [^\n]*[Ww]orked examples$(.*?)(?=^#|\Z)", re.MULTILINE | re.DOTALL)

_PAGE = """# KPIs

Made from the catalogue by `stream-kpis docs --definitions docs > docs/kpis.md`. What each KPI counts, exactly, is in
[definitions.md](definitions.md), [definitions-value.md](definitions-value.md) and
[definitions-operators.md](definitions-operators.md). In worked examples `@n` is the start of day n, and the window ends
at @30 unless another end is named; they say what happened, then the value.

{index}

{departments}
"""


def kpis_page(catalogue: Catalogue, examples: Mapping[str, str]) -> str:
    """The page, in Markdown.

    Args:
        catalogue: the KPIs and what they read.
        examples: worked examples by KPI, of :func:`examples_of`.
    """
    groups = {
        department: {name: kpi for name, kpi in catalogue.kpis.items() if kpi.department == department}
        for department in DEPARTMENTS
    }
    index = "\n".join(
        f"- **{department.capitalize()}**: {', '.join(f'[{kpi.title}](#{name})' for name, kpi in kpis.items())}"
        for department, kpis in groups.items()
        if kpis
    )
    departments = "\n\n".join(
        f"## {department.capitalize()}\n\n"
        + "\n\n".join("\n".join(_kpi(name, kpi, catalogue, examples)) for name, kpi in kpis.items())
        for department, kpis in groups.items()
        if kpis
    )
    return _PAGE.format(index=index, departments=departments)


def _kpi(name: str, kpi: Kpi, catalogue: Catalogue, examples: Mapping[str, str]) -> Iterator[str]:
    measures = list(dict.fromkeys(_measures(name, catalogue)))
    facts = list(dict.fromkeys(fact for measure in measures for fact in _facts(measure, catalogue)))
    yield f"### `{name}`\n\n**{kpi.title}.** {kpi.choices}".rstrip() + "\n"
    yield f"- Value: {in_words(kpi.formula)}; {kpi.unit.replace('_', ' ')}, {kpi.better} is better."
    if kpi.samples:
        yield f"- Samples: {in_words(kpi.samples)}."
    yield f"- Formula: `{kpi.formula}`"
    for fact in facts:
        yield f"- Counts `{fact}`: {FACTS[fact].doc}"
    yield f"- Events: {', '.join(f'`{event}`' for event in events_of(facts))}"
    yield f"- By: {', '.join(f'`{by}`' for by in kpi.by) or 'the total alone'}. Windows: {', '.join(kpi.windows)}."
    yield f"- Target: {_target(kpi)}. Minimum samples: {'none' if kpi.cases else kpi.min_samples}."
    if example := examples.get(name):
        yield f"- Example: {example}"


def _target(kpi: Kpi) -> str:
    return "none" if kpi.target is None else f"{kpi.target:g}{' s' if kpi.unit == 'seconds' or kpi.cases else ''}"


def _measures(name: str, catalogue: Catalogue) -> Iterator[str]:
    formulas = [catalogue.formulas[name], *filter(None, [catalogue.samples.get(name)])]
    for formula in formulas:
        for reading in readings(formula):
            yield from (arg for arg in reading.args if arg in catalogue.measures)


def _facts(measure: str, catalogue: Catalogue) -> Iterator[str]:
    declared = catalogue.measures[measure]
    yield kind_of(declared)[1]
    if declared.base is not None:
        yield declared.base


def events_of(facts: Iterable[str]) -> list[str]:
    """The types of the events that the journeys of some facts take, in the order of the contract."""
    taken = {data for fact in facts for data in JOURNEYS[FACTS[fact].journey].takes}
    return [kind.name for kind in KINDS if kind.data in taken]


def in_words(formula: str) -> str:
    """A formula in words, as far as its readings have any.

    >>> in_words("sum(orders) / count(orders)")
    'sum of orders, divided by number of orders'
    >>> in_words("(level_at_start(a) - count(b)) / level_at_start(a)")
    '(a there at the start minus number of b), divided by a there at the start'
    """
    words = _READING.sub(_reading_in_words, formula)
    for sign, said in ((" / ", ", divided by "), (" - ", " minus "), (" + ", " plus "), (" * ", " times ")):
        words = words.replace(sign, said)
    return words


def _reading_in_words(found: re.Match[str]) -> str:
    form = _WORDS.get(found[1])
    args = [arg.strip().replace("_", " ") for arg in found[2].split(",") if arg.strip() != "target"]
    if form is None or not (args or "{0}" not in form):
        return found[0]
    waits = f", with the ages of {args[1]}" if len(args) > 1 else ""
    return form.format(*args) + waits


def examples_of(pages: Iterable[Path]) -> dict[str, str]:
    """The worked examples of pages of definitions, by KPI; one that several share is given with their names.

    An example is an item of a section "worked examples" that begins with the names of its KPIs, or gives a value behind
    the name of each.

    Raises:
        OSError: a page cannot be read.
    """
    found: dict[str, str] = {}
    for page in pages:
        for section in _HEADING.findall(page.read_text("utf-8")):
            for item in re.split(r"^- ", section, flags=re.MULTILINE)[1:]:
                text = " ".join(item.split())
                begun = _NAMED.match(text)
                known = _NAME.findall(begun[1]) if begun else []
                shown = ((begun[2] or "") + " " + begun[3] if begun and len(known) == 1 else text).strip()
                for name in (*known, *_VALUED.findall(begun[3] if begun else text)):
                    found.setdefault(name, shown)
    return found
