"""The catalogue as the settings want it, compiled: what the worker, the exporter and evaluation share."""

from pathlib import Path

from stream_kpis.engine.compiler import Plan, compile_catalogue
from stream_kpis.kpis.goals import NO_GOALS, Goals, load_goals
from stream_kpis.kpis.load import BUILT_IN, CatalogueError, load
from stream_kpis.settings import Settings, SettingsError


def compile_plan(settings: Settings) -> Plan:
    """The plan of the built-in catalogue, unless that is switched off, with the deployment's own over it.

    Raises:
        SettingsError: the catalogue is wrong; the line names file and place.
    """
    built_in = sorted(BUILT_IN.glob("*.yaml")) if settings.catalogue_built_in else []
    try:
        return compile_catalogue(load([*built_in, *catalogue_files(settings)]))
    except CatalogueError as error:
        raise SettingsError(f"catalogue: {error}") from error


def goals_of(settings: Settings, plan: Plan) -> Goals:
    """The goals that the settings name; none without.

    Raises:
        SettingsError: they are wrong, or for what is not in the catalogue; the line names file and place.
    """
    if settings.goals is None:
        return NO_GOALS
    try:
        return load_goals(settings.goals, plan.catalogue.kpis)
    except CatalogueError as error:
        raise SettingsError(f"goals: {error}") from error


def catalogue_files(settings: Settings) -> list[Path]:
    """The deployment's own files, in order: those of a folder by name."""
    return [file for path in settings.catalogue for file in (sorted(path.glob("*.yaml")) if path.is_dir() else [path])]
