"""The catalogue compiled: which events go to which journeys, and what each fact adds to which cells."""

import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import msgspec

from stream_kpis.engine import measures as m
from stream_kpis.engine.kpi_checks import check_kpi, check_past
from stream_kpis.engine.tiles import DAY_MS
from stream_kpis.events.types import Data
from stream_kpis.journeys import JOURNEYS
from stream_kpis.journeys.facts import FACTS, UNKNOWN, under_calendar
from stream_kpis.journeys.journey import NO_CALENDARS, Agreed, Journey, counting
from stream_kpis.kpis.business_time import Calendars
from stream_kpis.kpis.load import Catalogue, CatalogueError, days_of, kind_of, nearest
from stream_kpis.kpis.lookups import NO_LOOKUPS, Lookups
from stream_kpis.kpis.schema import Measure
from stream_kpis.kpis.terms import USUAL, Terms


class Grouping(NamedTuple):
    """One measure by one declared combination of dimensions; ``by`` is empty for the total."""

    measure: str
    by: str
    kind: str
    within_days: int
    key: bytes
    """How its cells' keys begin in the changelog: measure, definition and grouping."""


class Looked(NamedTuple):
    """A dimension that is looked up by another, as of the time that decides the tile."""

    position: int
    lookup: Callable[[str | None, int], str]
    """From the other's value and an instant to the word."""


class Action(NamedTuple):
    """What one fact does to one measure: its parts, each added to every target.

    A target is (index of the grouping, positions of its dimensions in the fact). ``pinned`` cells stay in fine tiles.
    ``where`` are the dimensions that decide whether it counts, as (position, the values that do).
    ``looked`` are the targets of groupings that have a dimension looked up.
    """

    parts: m.Parts | m.ByDay
    targets: tuple[tuple[int, tuple[int, ...]], ...]
    pinned: bool
    where: tuple[tuple[int, frozenset[str]], ...] = ()
    looked: tuple[tuple[int, tuple[int | Looked, ...]], ...] = ()


class Plan(NamedTuple):
    """A compiled catalogue; immutable, shared by all shards and the read model."""

    catalogue: Catalogue
    groupings: tuple[Grouping, ...]
    actions: Mapping[str, tuple[Action, ...]]
    routes: Mapping[type[Data], tuple[tuple[Journey, str | None], ...]]
    journeys: Mapping[str, Journey]
    """All by name; those that run make only the facts that are counted."""
    definitions: Mapping[str, str]
    """Hash by measure, and the version of each journey that runs, as ``journey:NAME``."""
    calendars: Calendars
    """What the measures under a business clock rest on."""
    lookups: Lookups
    """What dimensions are looked up by."""
    terms: Terms
    """What facts about promises and stages rest on."""

    @property
    def agreed(self) -> Agreed:
        """What journeys are given beside events."""
        return Agreed(self.calendars, self.terms)


def compile_catalogue(
    catalogue: Catalogue,
    calendars: Calendars = NO_CALENDARS,
    lookups: Lookups = NO_LOOKUPS,
    said: Mapping[str, str] | None = None,
    terms: Terms = USUAL,
) -> Plan:
    """The plan of a catalogue.

    Args:
        catalogue: measures and KPIs.
        calendars: the business calendars of the deployment.
        lookups: the tables by which further dimensions are looked up.
        said: the definitions as whoever counted has them, to read what he counted; worked out here, if None.
        terms: what the company agreed on.

    Raises:
        CatalogueError: it names a fact, dimension, measure or reading that does not exist or does not fit.
    """
    groupings: list[Grouping] = []
    actions: dict[str, list[Action]] = {}
    definitions: dict[str, str] = {}
    running: set[str] = set()
    for name, measure in catalogue.measures.items():
        _check_measure(name, measure, catalogue, lookups)
        definitions[name] = _hash(measure, Agreed(calendars, terms), lookups) if said is None else said[name]
        targets: dict[str, int] = {}
        for by in ("", *measure.by):
            targets[by] = len(groupings)
            kind, _ = kind_of(measure)
            within = days_of(measure.within) if measure.within else 0
            key = f"{name}\x1f{definitions[name]}\x1f{by}\x1f".encode()
            groupings.append(Grouping(name, by, kind, within, key))
        for fact, parts in _parts(measure):
            running.add(FACTS[fact].journey)
            made = fact if measure.clock == "wall" else under_calendar(fact)
            looked = {by: index for by, index in targets.items() if any(map(lookups.root, by.split(",")))}
            action = Action(
                parts,
                tuple((index, _positions(by, fact)) for by, index in targets.items() if by not in looked),
                measure.open_set is not None,
                _where(measure, fact),
                tuple((index, _looked(by, fact, lookups)) for by, index in looked.items()),
            )
            actions.setdefault(made, []).append(action)
    for name in catalogue.pasts:
        check_past(name, catalogue)
    for name in catalogue.kpis:
        check_kpi(name, catalogue)
    agreed = Agreed(calendars, terms)
    journeys = [counting(journey, actions, agreed) for journey in JOURNEYS.values() if journey.name in running]
    definitions |= {f"journey:{journey.name}": str(journey.version) for journey in journeys}
    return Plan(
        catalogue,
        tuple(groupings),
        {fact: tuple(todo) for fact, todo in actions.items()},
        _routes(journeys),
        JOURNEYS | {journey.name: journey for journey in journeys},
        definitions if said is None else dict(said),
        calendars,
        lookups,
        terms,
    )


def _routes(journeys: list[Journey]) -> dict[type[Data], tuple[tuple[Journey, str | None], ...]]:
    routes: dict[type[Data], list[tuple[Journey, str | None]]] = {}
    for journey in sorted(journeys, key=lambda journey: journey.takes_rest):
        for data, field in journey.takes.items():
            if not (journey.takes_rest and data in routes):
                routes.setdefault(data, []).append((journey, field))
    return {data: tuple(ways) for data, ways in routes.items()}


def _parts(measure: Measure) -> list[tuple[str, m.Parts | m.ByDay]]:
    """The facts that a measure counts, each with what it adds."""
    kind, fact = kind_of(measure)
    if kind == "cohort":
        within_ms = days_of(measure.within or "") * DAY_MS
        return [(measure.base or "", m.cohort_base), (fact, m.cohort_followed(within_ms))]
    by_kind: dict[str, m.Parts | m.ByDay] = {
        "flow": m.flow_with_squares if measure.squares else m.flow, "level": m.level, "exposure": m.exposure,
        "recency": m.recency, "gap": m.ByDay(m.gap), "distribution": m.distribution, "joined": m.joined,
        "open_set": m.open_set if measure.clock == "wall" else m.open_set_of_calendar,
    }  # fmt: skip
    return [(fact, by_kind[kind])]


def _positions(by: str, fact: str) -> tuple[int, ...]:
    return tuple(FACTS[fact].dims.index(dim) for dim in by.split(",")) if by else ()


def _where(measure: Measure, fact: str) -> tuple[tuple[int, frozenset[str]], ...]:
    return tuple((FACTS[fact].dims.index(dim), frozenset(values)) for dim, values in measure.where.items())


def _looked(by: str, fact: str, lookups: Lookups) -> tuple[int | Looked, ...]:
    dims = FACTS[fact].dims
    return tuple(
        dims.index(dim)
        if (root := lookups.root(dim)) is None
        else Looked(dims.index(root), partial(lookups.value, dim))
        for dim in by.split(",")
    )


def _hash(measure: Measure, agreed: Agreed, lookups: Lookups) -> str:
    """Of what decides the cells: kind, fact, horizon, groupings, journeys, what is agreed, lookups; not how it is read.

    Of the calendars all that they say: deadlines lie ahead of what is known, so none of it is without effect.
    """
    looked = {dim for by in measure.by for dim in by.split(",") if lookups.root(dim)}
    facts = (kind_of(measure)[1], measure.base or kind_of(measure)[1])
    versions = [JOURNEYS[FACTS[fact].journey].version for fact in facts]
    said = msgspec.to_builtins(msgspec.structs.replace(measure, past=None))
    if not measure.squares:
        del said["squares"]  # what is counted as before the word was there is not counted anew
    rests = (said, versions, *([] if measure.clock == "wall" else [agreed.calendars.digest]))
    sections = {section for fact in facts if (section := FACTS[fact].terms)}
    rests += tuple(agreed.terms.digest(section) for section in sorted(sections))
    rests += tuple(lookups.digest(dim) for dim in sorted(looked))
    return hashlib.sha256(msgspec.json.encode(rests, order="sorted")).hexdigest()[:8]


_VALUES = {
    "level": ("±1", "± micro-units"), "exposure": ("±1",), "gap": ("ms",), "distribution": ("ms",), "joined": ("ms",),
    "cohort": ("ms",), "squares": ("micro-units", "micro-points"),
}  # fmt: skip
"""How the value of a fact must be declared for a kind that reads it; what a cohort's base is worth does not matter."""

_CLOCKED = {"distribution": ("duration",), "flow": ("duration", "deadline"), "open_set": ("age",)}
"""What a business clock must decide of a fact for a kind to count it."""

_LOOKED_UP = ("flow", "distribution", "cohort", "open_set", "recency", "gap")
"""Kinds whose facts each stay where they were counted."""


def _check_measure(name: str, measure: Measure, catalogue: Catalogue, lookups: Lookups) -> None:
    entry, (kind, counted) = f"measures.{name}", kind_of(measure)
    for field, fact in ((kind, counted), ("base", measure.base)):
        if fact is None:
            continue
        if fact not in FACTS:
            raise CatalogueError(f"{catalogue.place(entry, field)}: unknown fact {fact!r}{nearest(fact, FACTS)}")
        dims, value = FACTS[fact].dims, FACTS[fact].value
        fitting_lookups = tuple(found for found in lookups.tables if lookups.root(found) in dims)
        for dim in ",".join(measure.by).split(",") if measure.by else ():
            place = catalogue.place(entry, "by")
            if dim not in dims and dim not in fitting_lookups:
                known = f"it has {', '.join(dims)}" if dims else "it has none"
                hint = nearest(dim, (*dims, *fitting_lookups))
                raise CatalogueError(f"{place}: fact {fact} has no dimension {dim!r} ({known}){hint}")
            if dim not in dims and kind not in _LOOKED_UP:
                raise CatalogueError(
                    f"{place}: {kind} cannot be grouped by {dim!r}: nothing would move it when the lookup changes"
                )
        if measure.clock == "business" and FACTS[fact].business not in _CLOCKED.get(kind, ()):
            fitting = [known for known, each in FACTS.items() if each.business in _CLOCKED.get(kind, ())]
            which = f" (these have one: {', '.join(fitting)})" if fitting else ""
            raise CatalogueError(f"{catalogue.place(entry, 'clock')}: {kind} of {fact} knows no business clock{which}")
        for dim, values in measure.where.items():
            place, words = catalogue.place(entry, "where"), FACTS[fact].words
            _check_dimension(dim, fact, place)
            for word in values:
                if word not in (*words.get(dim, (word,)), UNKNOWN):
                    raise CatalogueError(f"{place}: {dim} is never {word!r}{nearest(word, words[dim])}")
        read = "squares" if measure.squares else field
        if not value.endswith(_VALUES.get(read, "")):
            place, needed = catalogue.place(entry, read), " or ".join(_VALUES[read])
            what = "the sum of squares" if measure.squares else kind
            raise CatalogueError(f"{place}: {what} needs a fact with a value of {needed}, {fact} has {value}")


def _check_dimension(dim: str, fact: str, place: str) -> None:
    dims = FACTS[fact].dims
    if dim not in dims:
        known = f"it has {', '.join(dims)}" if dims else "it has none"
        raise CatalogueError(f"{place}: fact {fact} has no dimension {dim!r} ({known}){nearest(dim, dims)}")
