"""Catalogue, calendars, lookups, terms, goals and rates as the settings want them: what all roles share."""

from collections.abc import Iterable
from pathlib import Path

from stream_kpis.engine.compiler import Plan, compile_catalogue
from stream_kpis.engine.tiles import Calendar
from stream_kpis.events.rates import Rates, read_rates
from stream_kpis.journeys.facts import FACTS
from stream_kpis.kpis.calendars import Found, load_calendars
from stream_kpis.kpis.goals import NO_GOALS, Goals, load_goals, mistake
from stream_kpis.kpis.load import SHIPPED, Catalogue, CatalogueError, load
from stream_kpis.kpis.lookups import NO_LOOKUPS, Lookups, load_lookups
from stream_kpis.kpis.terms import USUAL, Terms, load_terms
from stream_kpis.settings import Settings, SettingsError

_WITH_CALENDARS = next(file for file in SHIPPED if file.stem == "business")
"""Counts where there are calendars: without one it would say what the wall clock says."""


def find_calendars(settings: Settings, records: Iterable[bytes | None] = ()) -> Found:
    """The calendars of the file that the settings name, and of records of the topic of calendars.

    Raises:
        SettingsError: the file is wrong; the line names it and the place.
    """
    try:
        return load_calendars(settings.calendars, records)
    except CatalogueError as error:
        raise SettingsError(f"calendars: {error}") from error


def compile_plan(settings: Settings, calendar_records: Iterable[bytes | None] = ()) -> Plan:
    """The plan of the built-in catalogue, unless that is switched off, with the deployment's own over it.

    Args:
        settings: checked settings.
        calendar_records: the values of the topic of calendars, in order.

    Raises:
        SettingsError: catalogue, calendars, lookups or terms are wrong; the line names file and place.
    """
    calendars, lookups = find_calendars(settings, calendar_records).calendars, _lookups(settings)
    terms = _terms(settings)
    files = [file for file in _all_files(settings) if calendars.versions or file != _WITH_CALENDARS]
    try:
        return compile_catalogue(load(files), calendars, lookups, terms=terms)
    except CatalogueError as error:
        raise SettingsError(f"catalogue: {error}{_by_whom(settings, str(error))}") from error


def known_rates(settings: Settings) -> Rates:
    """The rates of the deployment's file; none without one.

    Raises:
        SettingsError: the file is wrong; the line names it and its line.
    """
    try:
        return read_rates(settings.rates, settings.currency, settings.rates_carry_days)
    except ValueError as error:
        raise SettingsError(str(error)) from error


def _lookups(settings: Settings) -> Lookups:
    if settings.lookups is None:
        return NO_LOOKUPS
    try:
        dimensions = {dim for fact in FACTS.values() for dim in fact.dims}
        return load_lookups(settings.lookups, Calendar(settings.zone).start_of, dimensions)
    except CatalogueError as error:
        raise SettingsError(f"lookups: {error}") from error


def _terms(settings: Settings) -> Terms:
    try:
        return USUAL if settings.terms is None else load_terms(settings.terms)
    except CatalogueError as error:
        raise SettingsError(f"terms: {error}") from error


def whole_catalogue(settings: Settings) -> Catalogue:
    """All KPIs, those too that only count where there are calendars; not checked against what the engine can do.

    Raises:
        SettingsError: the catalogue is wrong.
    """
    try:
        return load(_all_files(settings))
    except CatalogueError as error:
        raise SettingsError(f"catalogue: {error}{_by_whom(settings, str(error))}") from error


def _by_whom(settings: Settings, error: str) -> str:
    """Whose change made a file wrong that ships with the package: by itself it is right."""
    own = ", ".join(file.name for file in catalogue_files(settings))
    shipped = error.partition(":")[0] in {file.name for file in SHIPPED}
    return f"; {own} changes what that reads" if own and shipped else ""


def goals_of(settings: Settings, plan: Plan) -> Goals:
    """The goals that the settings name; none without.

    Raises:
        SettingsError: they are wrong, or for what is not in the catalogue; the line names file and place.
    """
    if settings.goals is None:
        return NO_GOALS
    try:
        goals = load_goals(settings.goals, plan.catalogue.kpis)
    except CatalogueError as error:
        raise SettingsError(f"goals: {error}") from error
    for target in goals.targets:
        for calendar in (target.calendar, target.calls_during):
            if calendar and not plan.calendars.knows(calendar):
                there_are = ", ".join(plan.calendars.versions) or "none: name a file with the setting calendars"
                what = f"{settings.goals.name}: {target.kpi}: there is no calendar {calendar!r}; there are {there_are}"
                raise SettingsError(f"goals: {what}")
    return goals


def fitting(goals: Goals, plan: Plan) -> Goals:
    """The goals for what a plan has: those for KPIs, windows, groups and calendars that it lacks are left out."""
    targets = tuple(
        target
        for target in goals.targets
        if mistake(target, plan.catalogue.kpis) is None
        and all(not name or plan.calendars.knows(name) for name in (target.calendar, target.calls_during))
    )
    return goals._replace(targets=targets)


def _all_files(settings: Settings) -> list[Path]:
    """The files of the built-in catalogue, if it counts, and the deployment's own over them."""
    built_in = SHIPPED if settings.catalogue_built_in else ()
    return [*built_in, *catalogue_files(settings)]


def catalogue_files(settings: Settings) -> list[Path]:
    """The deployment's own files, in order: those of a folder by name."""
    return [file for path in settings.catalogue for file in (sorted(path.glob("*.yaml")) if path.is_dir() else [path])]
