"""Reads the catalogue: YAML to checked measures and KPIs. Errors name file, line, field and nearest valid word."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_args, get_type_hints

import msgspec
import yaml

from stream_kpis.kpis.formula import Formula, parse
from stream_kpis.kpis.schema import GROUPINGS_MAX, WINDOWS, Kpi, Measure
from stream_kpis.kpis.selection import DEPARTMENTS, Selection, Word, only_for

BUILT_IN = Path(__file__).parent / "catalogue"
SECTIONS = ("measures", "kpis", "override", "hide", "only")
T = TypeVar("T")


class CatalogueError(ValueError):
    """The catalogue is wrong: one line that names file, line, field and mistake."""


class Catalogue(NamedTuple):
    """Measures and KPIs by name, with the KPIs' formulas parsed."""

    measures: Mapping[str, Measure]
    kpis: Mapping[str, Kpi]
    formulas: Mapping[str, Formula]
    samples: Mapping[str, Formula]
    """Formulas of the samples, where a KPI gives one."""
    places: Mapping[str, str]
    """``FILE:LINE`` of each measure and KPI and of their fields, such as ``kpis.orders.windows``, for errors."""

    def place(self, entry: str, field: str = "") -> str:
        """Where an error lies: ``FILE:LINE: NAME`` of a field of an entry such as ``kpis.orders``."""
        return _place_of(self.places, entry, field)


def _place_of(places: Mapping[str, str], entry: str, field: str) -> str:
    return f"{places.get(f'{entry}.{field}', places[entry])}: {entry.partition('.')[2]}"


def nearest(word: str, words: Iterable[str]) -> str:
    """`` (did you mean …?)`` for a mistyped word, or nothing."""
    close = difflib.get_close_matches(word, list(words), 1, 0.5)
    return f" (did you mean {close[0]}?)" if close else ""


def built_in() -> Catalogue:
    """The catalogue that ships with the package."""
    return load(sorted(BUILT_IN.glob("*.yaml")))


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
        for section, node in _sections(file, SECTIONS):
            if section in words:
                words[section] += _words(file, section, node)
            elif section == "override":
                for part, entries in _parts(file, node, SECTIONS[:2]):
                    _take(file, part, entries, measures, kpis, places, partial=True)
            else:
                _take(file, section, node, measures, kpis, places, partial=False)
    formulas = {name: _formula(kpi.formula, f"kpis.{name}", "formula", places) for name, kpi in kpis.items()}
    samples = {
        name: _formula(kpi.samples, f"kpis.{name}", "samples", places) for name, kpi in kpis.items() if kpi.samples
    }
    whole = Catalogue(measures, kpis, formulas, samples, places)
    return _selected(whole, Selection(tuple(words["hide"]), tuple(words["only"])))


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
    for name, (key, node) in _entries(file, entries).items():
        entry = f"{section}.{name}"
        base = None
        if not partial:
            _forget(entry, places)
            places[entry] = _place(file, key)
        elif name in known:
            base = known[name]
        else:
            hint = nearest(name, known)
            raise CatalogueError(f"{_place(file, key)}: override: there is no {section[:-1]} {name!r}{hint}")
        known[name] = _struct(file, entry, node, kind, places, base)
        if section == "measures":
            _check_measure(known[name], entry, places)
        else:
            _check_kpi(known[name], entry, places)


def _words(file: Path, section: str, node: Any) -> Iterator[Word]:
    """The words of `hide` or `only`."""
    if not isinstance(node, yaml.SequenceNode):
        raise CatalogueError(f"{_place(file, node)}: {section} is a list of KPIs, patterns or departments")
    for word in node.value:
        if not isinstance(word, yaml.ScalarNode):
            raise CatalogueError(f"{_place(file, word)}: {section}: a KPI, pattern or department is expected here")
        yield Word(word.value, _place(file, word))


def _selected(catalogue: Catalogue, selection: Selection) -> Catalogue:
    """The catalogue without the KPIs that are not wanted, and the measures that only those read."""
    idle = selection.idle(catalogue.kpis)
    if idle is not None:
        hint = nearest(idle.text, (*catalogue.kpis, *DEPARTMENTS))
        raise CatalogueError(f"{idle.place}: no KPI or department fits {idle.text!r}{hint}")
    hidden = selection.hidden(catalogue.kpis)
    if not hidden:
        return catalogue
    read = {
        name: (formula, *filter(None, [catalogue.samples.get(name)])) for name, formula in catalogue.formulas.items()
    }
    unread = only_for(hidden, read, catalogue.measures)
    return catalogue._replace(
        measures=_without(catalogue.measures, unread),
        kpis=_without(catalogue.kpis, hidden),
        formulas=_without(catalogue.formulas, hidden),
        samples=_without(catalogue.samples, hidden),
    )


def _without(entries: Mapping[str, T], names: AbstractSet[str]) -> dict[str, T]:
    return {name: entry for name, entry in entries.items() if name not in names}


def _forget(entry: str, places: dict[str, str]) -> None:
    """Forgets where the fields of an entry stood that is now replaced."""
    for place in [place for place in places if place.startswith(f"{entry}.")]:
        del places[place]


# YAML, with the lines where things stand.


def _sections(file: Path, known: tuple[str, ...]) -> Iterable[tuple[str, Any]]:
    try:
        tree = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{file}: cannot be read: {getattr(error, 'strerror', '') or error}") from None
    except yaml.YAMLError as error:
        raise _not_yaml(file, error) from None
    return _parts(file, tree, known)


def _parts(file: Path, tree: Any, known: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for section, (key, node) in _entries(file, tree).items():
        if section not in known:
            raise CatalogueError(f"{_place(file, key)}: unknown section {section!r}{nearest(section, known)}")
        yield section, node


def _not_yaml(file: Path, error: yaml.YAMLError) -> CatalogueError:
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark else 1
    return CatalogueError(f"{file.name}:{line}: not YAML: {getattr(error, 'problem', error)}")


def _place(file: Path, node: Any) -> str:
    return f"{file.name}:{node.start_mark.line + 1}"


def _entries(file: Path, node: Any) -> dict[str, tuple[Any, Any]]:
    """The nodes of a mapping by name: (key, value)."""
    if node is None:
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise CatalogueError(f"{_place(file, node)}: a mapping is expected here")
    found: dict[str, tuple[Any, Any]] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise CatalogueError(f"{_place(file, key)}: a name is expected here")
        if key.value in found:
            first = found[key.value][0].start_mark.line + 1
            raise CatalogueError(f"{_place(file, key)}: {key.value!r} is there already, in line {first}")
        found[key.value] = (key, value)
    return found


def _struct(file: Path, entry: str, node: Any, kind: type[T], places: dict[str, str], base: T | None) -> T:
    names: tuple[str, ...] = kind.__struct_fields__  # type: ignore[attr-defined] # a msgspec struct
    for name, (key, _) in _entries(file, node).items():
        places[f"{entry}.{name}"] = _place(file, key)
        if name not in names:
            raise CatalogueError(f"{_place_of(places, entry, name)}: unknown field {name!r}{nearest(name, names)}")
    try:
        given = yaml.SafeLoader("").construct_object(node, deep=True)
        return msgspec.convert(given if base is None else msgspec.to_builtins(base) | (given or {}), kind)
    except yaml.YAMLError as error:
        raise _not_yaml(file, error) from None
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `$.")
        path = path.rstrip("`")
        field = path.partition("[")[0]
        where = f" in {path!r}" if path else ""
        hint = _nearest_choice(kind, field, problem)
        raise CatalogueError(f"{_place_of(places, entry, field)}: {problem}{where}{hint}") from None
    except ValueError as error:  # a date that is none, say
        raise CatalogueError(f"{_place_of(places, entry, '')}: {error}") from None


def _nearest_choice(kind: type[Any], field: str, problem: str) -> str:
    """The nearest of the words that a field may be, if it was given another one."""
    if "enum" not in problem:
        return ""
    hint = get_type_hints(kind)[field]
    words = [word for part in (hint, *get_args(hint)) for word in get_args(part) if isinstance(word, str)]
    return nearest(problem.split("'")[1], words)


# What does not fit together.

_KINDS = ("flow", "level", "exposure", "recency", "distribution", "cohort", "open_set", "joined")


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
    place = _place_of(places, entry, "")
    kinds = [kind for kind in _KINDS if getattr(measure, kind)]
    if len(kinds) != 1:
        raise CatalogueError(f"{place}: exactly one of {', '.join(_KINDS)} is needed, not {len(kinds)}")
    if {measure.base is not None, measure.within is not None} != {kinds[0] == "cohort"}:
        raise CatalogueError(f"{place}: base and within belong to cohort, both of them")
    if measure.within is not None:
        days_of(measure.within, _place_of(places, entry, "within"))
    for dim, values in measure.where.items():
        if not values:
            raise CatalogueError(f"{_place_of(places, entry, 'where')}: where names no value of {dim!r}")
        _check_once(values, "where", entry, places)
    _check_name(entry, place)
    _check_once(measure.by, "by", entry, places)


def _check_kpi(kpi: Kpi, entry: str, places: Mapping[str, str]) -> None:
    place, name = _place_of(places, entry, ""), entry.partition(".")[2]
    for window in kpi.windows:
        if window not in WINDOWS:
            hint = nearest(window, WINDOWS)
            raise CatalogueError(f"{_place_of(places, entry, 'windows')}: unknown window {window!r}{hint}")
    if not kpi.windows:
        raise CatalogueError(f"{_place_of(places, entry, 'windows')}: at least one window is needed")
    if len(kpi.by) > GROUPINGS_MAX:
        place_of_by = _place_of(places, entry, "by")
        raise CatalogueError(f"{place_of_by}: {len(kpi.by)} groupings in 'by', at most {GROUPINGS_MAX}")
    if kpi.matured is not None:
        days_of(kpi.matured, _place_of(places, entry, "matured"), "matured")
    _check_once(kpi.windows, "windows", entry, places)
    _check_once(kpi.by, "by", entry, places)
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
            raise CatalogueError(f"{_place_of(places, entry, field)}: {word!r} is twice in {field!r}")


def _formula(text: str, entry: str, field: str, places: Mapping[str, str]) -> Formula:
    place = _place_of(places, entry, field)
    try:
        return parse(text)
    except ValueError as error:
        raise CatalogueError(f"{place}: {error}") from None
