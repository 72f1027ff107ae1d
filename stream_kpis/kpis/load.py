"""Reads the catalogue: YAML files to checked measures and KPIs. Every error names file, line, field and nearest valid word."""

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
import yaml

from stream_kpis.kpis.formula import Formula, parse
from stream_kpis.kpis.schema import GROUPINGS_MAX, WINDOWS, Kpi, Measure

BUILT_IN = Path(__file__).parent / "catalogue"
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
    """``FILE:LINE`` of each measure and KPI, for errors found later."""


def nearest(word: str, words: Iterable[str]) -> str:
    """`` (did you mean …?)`` for a mistyped word, or nothing."""
    close = difflib.get_close_matches(word, list(words), 1, 0.5)
    return f" (did you mean {close[0]}?)" if close else ""


def built_in() -> Catalogue:
    """The catalogue that ships with the package."""
    return load(sorted(BUILT_IN.glob("*.yaml")))


def load(files: Iterable[Path]) -> Catalogue:
    """The catalogue of some YAML files; a later file replaces what an earlier one named.

    Raises:
        CatalogueError: unreadable, misspelled or contradictory.
    """
    measures: dict[str, Measure] = {}
    kpis: dict[str, Kpi] = {}
    places: dict[str, str] = {}
    for file in files:
        _read(file, measures, kpis, places)
    formulas = {name: _formula(kpi.formula, places[f"kpis.{name}"]) for name, kpi in kpis.items()}
    samples = {name: _formula(kpi.samples, places[f"kpis.{name}"]) for name, kpi in kpis.items() if kpi.samples}
    return Catalogue(measures, kpis, formulas, samples, places)


def _read(file: Path, measures: dict[str, Measure], kpis: dict[str, Kpi], places: dict[str, str]) -> None:
    try:
        tree = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{file}: cannot be read: {error}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise CatalogueError(
            f"{file.name}:{mark.line + 1 if mark else 1}: not YAML: {getattr(error, 'problem', error)}"
        ) from None
    for section, entries in _entries(file, tree):
        if section.value not in ("measures", "kpis"):
            raise CatalogueError(
                f"{_place(file, section)}: unknown section {section.value!r}{nearest(section.value, ('measures', 'kpis'))}"
            )
        for key, node in _entries(file, entries):
            places[f"{section.value}.{key.value}"] = _place(file, key)
            if section.value == "measures":
                measures[key.value] = _checked_measure(_struct(file, key, node, Measure), _place(file, key), key.value)
            else:
                kpis[key.value] = _checked_kpi(_struct(file, key, node, Kpi), _place(file, key), key.value)


def _place(file: Path, node: Any) -> str:
    return f"{file.name}:{node.start_mark.line + 1}"


def _entries(file: Path, node: Any) -> list[tuple[Any, Any]]:
    if node is None:
        return []
    if not isinstance(node, yaml.MappingNode):
        raise CatalogueError(f"{_place(file, node)}: a mapping is expected here")
    return list(node.value)


def _struct(file: Path, key: Any, node: Any, kind: type[T]) -> T:
    fields = {name.value: value for name, value in _entries(file, node)}
    for name in fields:
        if name not in kind.__struct_fields__:  # type: ignore[attr-defined] # a msgspec struct
            place = _place(file, next(n for n, _ in node.value if n.value == name))
            hint = nearest(name, kind.__struct_fields__)  # type: ignore[attr-defined]
            raise CatalogueError(f"{place}: {key.value}: unknown field {name!r}{hint}")
    value = yaml.SafeLoader("").construct_object(node, deep=True)
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        field = str(error).rpartition("$.")[2].strip("`").split("[")[0]
        raise CatalogueError(
            f"{_place(file, fields.get(field, key))}: {key.value}: {error}".replace(" - at `$.", " in `")
        ) from None


_KINDS = ("flow", "level", "recency", "distribution", "cohort", "open_set", "joined")


def kind_of(measure: Measure) -> tuple[str, str]:
    """The kind of a measure and the fact that it counts."""
    return next((kind, fact) for kind in _KINDS if (fact := getattr(measure, kind)))


def _checked_measure(measure: Measure, place: str, name: str) -> Measure:
    kinds = [kind for kind in _KINDS if getattr(measure, kind)]
    if len(kinds) != 1:
        raise CatalogueError(f"{place}: {name}: exactly one of {', '.join(_KINDS)} is needed, not {len(kinds)}")
    if (kinds[0] == "cohort") != (measure.base is not None and measure.within is not None):
        raise CatalogueError(f"{place}: {name}: base and within belong to cohort, both of them")
    if measure.within is not None:
        days_of(measure.within, f"{place}: {name}")
    return measure


def days_of(span: str, where: str = "") -> int:
    """The days of a horizon such as ``30d``."""
    if not (span.endswith("d") and span[:-1].isdigit() and int(span[:-1]) > 0):
        raise CatalogueError(f"{where}: within {span!r} is not a number of days such as 30d")
    return int(span[:-1])


def _checked_kpi(kpi: Kpi, place: str, name: str) -> Kpi:
    for window in kpi.windows:
        if window not in WINDOWS:
            raise CatalogueError(f"{place}: {name}: unknown window {window!r}{nearest(window, WINDOWS)}")
    if len(kpi.by) > GROUPINGS_MAX:
        raise CatalogueError(f"{place}: {name}: {len(kpi.by)} groupings, at most {GROUPINGS_MAX}")
    if name.endswith(("_count", "_sum", "_bucket", "_total", "_info")):
        raise CatalogueError(f"{place}: {name}: the name ends in a suffix that Prometheus reserves")
    if not name.isidentifier() or name != name.lower():
        raise CatalogueError(f"{place}: {name}: a name has lower-case letters, digits and _ only")
    return kpi


def _formula(text: str, place: str) -> Formula:
    try:
        return parse(text)
    except ValueError as error:
        raise CatalogueError(f"{place}: {error}") from None
