"""The catalogue compiled: which events go to which journeys, and what each fact adds to which cells."""

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from stream_kpis.engine import measures as m
from stream_kpis.engine.reading import FUNCTIONS, reading_problem
from stream_kpis.engine.tiles import DAY_MS
from stream_kpis.events.types import Data
from stream_kpis.journeys import JOURNEYS
from stream_kpis.journeys.facts import FACTS
from stream_kpis.journeys.journey import Journey
from stream_kpis.kpis.formula import readings
from stream_kpis.kpis.load import Catalogue, CatalogueError, days_of, kind_of, nearest
from stream_kpis.kpis.schema import Measure


class Grouping(NamedTuple):
    """One measure by one declared combination of dimensions; ``by`` is empty for the total."""

    measure: str
    by: str
    kind: str
    within_days: int
    key: bytes
    """How its cells' keys begin in the changelog: measure, definition and grouping."""


class Action(NamedTuple):
    """What one fact does to one measure: its parts, each added to every target.

    A target is (index of the grouping, positions of its dimensions in the fact). ``pinned`` cells stay in fine tiles.
    """

    parts: m.Parts
    targets: tuple[tuple[int, tuple[int, ...]], ...]
    pinned: bool


class Plan(NamedTuple):
    """A compiled catalogue; immutable, shared by all shards and the read model."""

    catalogue: Catalogue
    groupings: tuple[Grouping, ...]
    actions: Mapping[str, tuple[Action, ...]]
    routes: Mapping[type[Data], tuple[tuple[Journey, str | None], ...]]
    definitions: Mapping[str, str]
    """Hash by measure, and ``journey:NAME`` for each journey that runs."""


def compile_catalogue(catalogue: Catalogue) -> Plan:
    """The plan of a catalogue.

    Raises:
        CatalogueError: it names a fact, dimension, measure or reading that does not exist or does not fit.
    """
    groupings: list[Grouping] = []
    actions: dict[str, list[Action]] = {}
    definitions: dict[str, str] = {}
    for name, measure in catalogue.measures.items():
        _check_measure(name, measure, catalogue)
        definitions[name] = _hash(measure)
        targets: dict[str, int] = {}
        for by in ("", *measure.by):
            targets[by] = len(groupings)
            kind, _ = kind_of(measure)
            within = days_of(measure.within) if measure.within else 0
            key = f"{name}\x1f{definitions[name]}\x1f{by}\x1f".encode()
            groupings.append(Grouping(name, by, kind, within, key))
        for fact, parts in _parts(measure):
            positions = tuple((index, _positions(by, fact)) for by, index in targets.items())
            actions.setdefault(fact, []).append(Action(parts, positions, measure.open_set is not None))
    for name in catalogue.kpis:
        _check_kpi(name, catalogue)
    journeys = [
        journey for journey in JOURNEYS.values() if any(FACTS[fact].journey == journey.name for fact in actions)
    ]
    definitions |= {f"journey:{journey.name}": "1" for journey in journeys}
    return Plan(
        catalogue,
        tuple(groupings),
        {fact: tuple(todo) for fact, todo in actions.items()},
        _routes(journeys),
        definitions,
    )


def _routes(journeys: list[Journey]) -> dict[type[Data], tuple[tuple[Journey, str | None], ...]]:
    routes: dict[type[Data], list[tuple[Journey, str | None]]] = {}
    for journey in journeys:
        for data, field in journey.takes.items():
            routes.setdefault(data, []).append((journey, field))
    return {data: tuple(ways) for data, ways in routes.items()}


def _parts(measure: Measure) -> list[tuple[str, m.Parts]]:
    """The facts that a measure counts, each with what it adds."""
    kind, fact = kind_of(measure)
    if kind == "cohort":
        within_ms = days_of(measure.within or "") * DAY_MS
        return [(measure.base or "", m.cohort_base), (fact, m.cohort_followed(within_ms))]
    by_kind: dict[str, m.Parts] = {
        "flow": m.flow, "level": m.level, "recency": m.recency, "distribution": m.distribution,
        "open_set": m.open_set, "joined": m.joined,
    }  # fmt: skip
    return [(fact, by_kind[kind])]


def _positions(by: str, fact: str) -> tuple[int, ...]:
    return tuple(FACTS[fact].dims.index(dim) for dim in by.split(",")) if by else ()


def _hash(measure: Measure) -> str:
    """Of what decides the cells: kind, fact, horizon, groupings. Titles, windows and targets are not in it."""
    return hashlib.sha256(msgspec.json.encode(msgspec.to_builtins(measure), order="sorted")).hexdigest()[:8]


def _check_measure(name: str, measure: Measure, catalogue: Catalogue) -> None:
    place = catalogue.places[f"measures.{name}"]
    for fact in filter(None, (kind_of(measure)[1], measure.base)):
        if fact not in FACTS:
            raise CatalogueError(f"{place}: {name}: unknown fact {fact!r}{nearest(fact, FACTS)}")
        for dim in ",".join(measure.by).split(",") if measure.by else ():
            if dim not in FACTS[fact].dims:
                dims = ", ".join(FACTS[fact].dims) or "none"
                raise CatalogueError(f"{place}: {name}: fact {fact} has no dimension {dim!r} (it has {dims})")


def _check_kpi(name: str, catalogue: Catalogue) -> None:
    place, kpi = catalogue.places[f"kpis.{name}"], catalogue.kpis[name]
    formulas = [catalogue.formulas[name]] + ([catalogue.samples[name]] if name in catalogue.samples else [])
    for reading in (reading for formula in formulas for reading in readings(formula)):
        if reading.function not in FUNCTIONS:
            raise CatalogueError(
                f"{place}: {name}: unknown reading {reading.function!r}{nearest(reading.function, FUNCTIONS)}"
            )
        for measure in (arg for arg in reading.args if arg != "target"):
            if measure not in catalogue.measures:
                raise CatalogueError(
                    f"{place}: {name}: unknown measure {measure!r}{nearest(measure, catalogue.measures)}"
                )
            for by in kpi.by:
                if by not in catalogue.measures[measure].by:
                    raise CatalogueError(f"{place}: {name}: measure {measure} is not grouped by {by!r}")
        kinds = [kind_of(catalogue.measures[arg])[0] for arg in reading.args if arg != "target"]
        if problem := reading_problem(reading, kinds):
            raise CatalogueError(f"{place}: {name}: {problem}")
        if "target" in reading.args and kpi.target is None:
            raise CatalogueError(f"{place}: {name}: {reading} needs a target")
