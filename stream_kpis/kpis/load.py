"""Reads the catalogue: YAML to checked measures and KPIs. Errors name file, line, field and nearest valid word."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from math import isfinite
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar, get_args

import yaml

from stream_kpis.kpis.formula import Formula, counted, parse, parts, readings
from stream_kpis.kpis.lines import CatalogueError, entries_of, nearest, place, place_of, struct, tree_of
from stream_kpis.kpis.schema import GROUPINGS_MAX, OPERATOR_READS, WINDOWS, Kind, Kpi, Measure
from stream_kpis.kpis.selection import DEPARTMENTS, Selection, Word, only_for

__all__ = ["SHIPPED", "Catalogue", "CatalogueError", "built_in", "days_of", "kind_of", "load", "nearest"]

_IN_ORDER = (
    "marketing", "email", "experiments", "sales", "pipeline", "service", "tickets", "contacts", "customers", "loyalty",
    "worth", "value", "composed", "business",
)  # fmt: skip
SHIPPED = tuple(Path(__file__).parent / "catalogue" / f"{name}.yaml" for name in _IN_ORDER)
"""The files of the catalogue that ships with the package: so KPIs are listed everywhere, the best known first."""
SECTIONS = ("measures", "kpis", "override", "hide", "only")
T = TypeVar("T")


class Catalogue(NamedTuple):
    """Measures and KPIs by name, with the KPIs' formulas parsed."""

    measures: Mapping[str, Measure]
    kpis: Mapping[str, Kpi]
    formulas: Mapping[str, Formula]
    samples: Mapping[str, Formula]
    """Formulas of the samples, where a KPI gives one."""
    places: Mapping[str, str]
    """``FILE:LINE`` of each measure and KPI and of their fields, such as ``kpis.orders.windows``, for errors."""
    pasts: Mapping[str, Formula] = MappingProxyType({})
    """By measure how it reads over whole days that are past, where it says so."""

    def place(self, entry: str, field: str = "") -> str:
        """Where an error lies: ``FILE:LINE: NAME`` of a field of an entry such as ``kpis.orders``."""
        return place_of(self.places, entry, field)


def built_in() -> Catalogue:
    """The catalogue that ships with the package."""
    return load(SHIPPED)


def load(files: Iterable[Path]) -> Catalogue:
    """The catalogue of some YAML files.

    A later file replaces what an earlier one named under `measures` and `kpis`; under `override` it changes single
    fields of it. What all files together `hide`, or leave out of `only`, is gone, with the measures that it alone read.

    Raises:
        CatalogueError: unreadable, misspelled or contradictory.
    """
    measures: dict[str, Measure] = {}
    kpis: dict[str, Kpi] = {}
    places: dict[str, str] = {}
    words: dict[str, list[Word]] = {"hide": [], "only": []}
    for file in files:
        for section, node in _sections(file, tree_of(file), SECTIONS):
            if section in words:
                words[section] += _words(file, section, node)
            elif section == "override":
                for part, entries in _sections(file, node, SECTIONS[:2]):
                    _take(file, part, entries, measures, kpis, places, partial=True)
            else:
                _take(file, section, node, measures, kpis, places, partial=False)
    whole = of_entries(measures, kpis, places)
    return _selected(whole, Selection(tuple(words["hide"]), tuple(words["only"])))


def of_entries(measures: Mapping[str, Measure], kpis: Mapping[str, Kpi], places: Mapping[str, str]) -> Catalogue:
    """The catalogue of measures and KPIs that were checked, with their formulas parsed.

    Args:
        measures: by name.
        kpis: by name.
        places: where each stands, for errors.

    Raises:
        CatalogueError: a formula is none.
    """
    formulas = {name: _formula(kpi.formula, f"kpis.{name}", "formula", places) for name, kpi in kpis.items()}
    samples = {
        name: _formula(text, f"kpis.{name}", "samples", places)
        for name, kpi in kpis.items()
        if (text := kpi.samples or ("" if kpi.method else counted(formulas[name])))
    }
    pasts = {
        name: _formula(measure.past, f"measures.{name}", "past", places)
        for name, measure in measures.items()
        if measure.past
    }
    return Catalogue(measures, kpis, formulas, samples, places, pasts)


def _take(
    file: Path,
    section: str,
    entries: Any,
    measures: dict[str, Measure],
    kpis: dict[str, Kpi],
    places: dict[str, str],
    *,
    partial: bool,
) -> None:
    """Takes the measures or KPIs of a section: whole ones, or the fields of known ones that change."""
    known: dict[str, Any] = measures if section == "measures" else kpis
    kind: type[Any] = Measure if section == "measures" else Kpi
    for name, (key, node) in entries_of(file, entries).items():
        entry = f"{section}.{name}"
        base = None
        if not partial:
            _forget(entry, places)
            places[entry] = place(file, key)
        elif name in known:
            base = known[name]
        else:
            hint = nearest(name, known)
            raise CatalogueError(f"{place(file, key)}: override: there is no {section[:-1]} {name!r}{hint}")
        known[name] = struct(file, entry, node, kind, places, base)
        if section == "measures":
            _check_measure(known[name], entry, places)
        else:
            _check_kpi(known[name], entry, places)


def _words(file: Path, section: str, node: Any) -> Iterator[Word]:
    """The words of `hide` or `only`."""
    if not isinstance(node, yaml.SequenceNode):
        raise CatalogueError(f"{place(file, node)}: {section} is a list of KPIs, patterns or departments")
    for word in node.value:
        if not isinstance(word, yaml.ScalarNode):
            raise CatalogueError(f"{place(file, word)}: {section}: a KPI, pattern or department is expected here")
        yield Word(word.value, place(file, word))


def _selected(catalogue: Catalogue, selection: Selection) -> Catalogue:
    """The catalogue without the KPIs that are not wanted, and the measures that only those read."""
    idle = selection.idle(catalogue.kpis)
    if idle is not None:
        hint = nearest(idle.text, (*catalogue.kpis, *DEPARTMENTS))
        raise CatalogueError(f"{idle.place}: no KPI or department fits {idle.text!r}{hint}")
    hidden = selection.hidden(catalogue.kpis)
    if not hidden:
        return catalogue
    for name, formula in catalogue.formulas.items():
        for part in parts(formula) if name not in hidden else ():
            if part.name in hidden:
                at = (selection.why(part.name, catalogue.kpis[part.name]) or selection.only[0]).place
                whole = ", ".join(_composed_of(hidden, catalogue.formulas))
                raise CatalogueError(f"{at}: {part.name} is part of {name}: hide what is composed of it too: {whole}")
    unread = only_for(hidden, {name: _reads(catalogue, name) for name in catalogue.kpis})
    return catalogue._replace(
        measures=_without(catalogue.measures, unread),
        kpis=_without(catalogue.kpis, hidden),
        formulas=_without(catalogue.formulas, hidden),
        samples=_without(catalogue.samples, hidden),
        pasts=_without(catalogue.pasts, unread),
    )


def _composed_of(hidden: AbstractSet[str], formulas: Mapping[str, Formula]) -> list[str]:
    """The KPIs that are shown and composed of hidden ones, or of such KPIs in turn."""
    found: dict[str, None] = {}
    grows = True
    while grows:
        more = [
            name
            for name, formula in formulas.items()
            if name not in hidden | found.keys() and any(part.name in hidden | found.keys() for part in parts(formula))
        ]
        found |= dict.fromkeys(more)
        grows = bool(more)
    return list(found)


def _reads(catalogue: Catalogue, kpi: str) -> set[str]:
    """The measures that a KPI reads, its samples and its operators too, now and over past days."""
    formulas = (catalogue.formulas[kpi], *filter(None, [catalogue.samples.get(kpi)]))
    named = {arg for formula in formulas for reading in readings(formula) for arg in reading.args}
    named |= {measure for operator in catalogue.kpis[kpi].operators for measure in OPERATOR_READS.get(operator, ())}
    pasts = (formula for name, formula in catalogue.pasts.items() if name in named)
    named = named.union(*(reading.args for formula in pasts for reading in readings(formula)))
    return named & catalogue.measures.keys()


def _without(entries: Mapping[str, T], names: AbstractSet[str]) -> dict[str, T]:
    return {name: entry for name, entry in entries.items() if name not in names}


def _forget(entry: str, places: dict[str, str]) -> None:
    """Forgets where the fields of an entry stood that is now replaced."""
    for field in [field for field in places if field.startswith(f"{entry}.")]:
        del places[field]


def _sections(file: Path, node: Any, known: Sequence[str]) -> Iterator[tuple[str, Any]]:
    for section, (key, entries) in entries_of(file, node).items():
        if section not in known:
            raise CatalogueError(f"{place(file, key)}: unknown section {section!r}{nearest(section, known)}")
        yield section, entries


# What does not fit together.

_KINDS: tuple[str, ...] = get_args(Kind)


def kind_of(measure: Measure) -> tuple[str, str]:
    """The kind of a measure and the fact that it counts."""
    return next((kind, fact) for kind in _KINDS if (fact := getattr(measure, kind)))


def days_of(span: str, where: str = "", field: str = "within") -> int:
    """The days of a horizon such as ``30d``.

    Raises:
        CatalogueError: it is none.
    """
    if not (span.endswith("d") and span[:-1].isdecimal() and 0 < int(span[:-1]) < 10**5):
        raise CatalogueError(f"{where}: {field} {span!r} is not a number of days such as 30d")
    return int(span[:-1])


def _check_measure(measure: Measure, entry: str, places: Mapping[str, str]) -> None:
    place = place_of(places, entry, "")
    kinds = [kind for kind in _KINDS if getattr(measure, kind)]
    if len(kinds) != 1:
        raise CatalogueError(f"{place}: exactly one of {', '.join(_KINDS)} is needed, not {len(kinds)}")
    if {measure.base is not None, measure.within is not None} != {kinds[0] == "cohort"}:
        raise CatalogueError(f"{place}: base and within belong to cohort, both of them")
    if measure.past is not None and kinds[0] != "recency":
        raise CatalogueError(f"{place}: past belongs to recency: a {kinds[0]} is known over past days")
    if measure.squares and kinds[0] != "flow":
        raise CatalogueError(f"{place_of(places, entry, 'squares')}: squares belong to flow, not to {kinds[0]}")
    if measure.within is not None:
        days_of(measure.within, place_of(places, entry, "within"))
    for dim, values in measure.where.items():
        if not values:
            raise CatalogueError(f"{place_of(places, entry, 'where')}: where names no value of {dim!r}")
        _check_once(values, "where", entry, places)
    _check_name(entry, place)
    _check_once(measure.by, "by", entry, places)


def _check_kpi(kpi: Kpi, entry: str, places: Mapping[str, str]) -> None:
    place, name = place_of(places, entry, ""), entry.partition(".")[2]
    for window in kpi.windows:
        if window not in WINDOWS:
            hint = nearest(window, WINDOWS)
            raise CatalogueError(f"{place_of(places, entry, 'windows')}: unknown window {window!r}{hint}")
    if not kpi.windows:
        raise CatalogueError(f"{place_of(places, entry, 'windows')}: at least one window is needed")
    if len(kpi.by) > GROUPINGS_MAX:
        place_of_by = place_of(places, entry, "by")
        raise CatalogueError(f"{place_of_by}: {len(kpi.by)} groupings in 'by', at most {GROUPINGS_MAX}")
    if kpi.target is not None and not isfinite(kpi.target):
        raise CatalogueError(f"{place_of(places, entry, 'target')}: a target is a finite number, not {kpi.target}")
    if kpi.min_samples < 0:
        raise CatalogueError(f"{place_of(places, entry, 'min_samples')}: {kpi.min_samples} is less than no sample")
    if kpi.matured is not None:
        days_of(kpi.matured, place_of(places, entry, "matured"), "matured")
    _check_once(kpi.windows, "windows", entry, places)
    _check_once(kpi.by, "by", entry, places)
    _check_once(kpi.operators, "operators", entry, places)
    _check_once(kpi.awaits, "awaits", entry, places)
    _check_name(entry, place)
    if name.endswith(("_count", "_sum", "_bucket", "_total", "_info")):
        raise CatalogueError(f"{place}: the name ends in a suffix that Prometheus reserves")


def _check_name(entry: str, place: str) -> None:
    name = entry.partition(".")[2]
    if not (name.isascii() and name.isidentifier() and name == name.lower()):
        raise CatalogueError(f"{place}: a name has lower-case letters, digits and _ only, and begins with a letter")


def _check_once(words: tuple[str, ...], field: str, entry: str, places: Mapping[str, str]) -> None:
    for word in words:
        if words.count(word) > 1:
            raise CatalogueError(f"{place_of(places, entry, field)}: {word!r} is twice in {field!r}")


def _formula(text: str, entry: str, field: str, places: Mapping[str, str]) -> Formula:
    place = place_of(places, entry, field)
    try:
        formula = parse(text)
    except ValueError as error:
        raise CatalogueError(f"{place}: {error}") from None
    if field == "samples" and formula.composed:
        raise CatalogueError(f"{place}: samples is a number of observations: a quotient may only stand at the top")
    if field == "past" and (formula.composed or formula.denominator is not None):
        raise CatalogueError(f"{place}: past is a number of parties: readings, added and subtracted")
    return formula
