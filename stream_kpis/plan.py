"""The catalogue as the settings want it, compiled: what the worker, the exporter and evaluation share."""

from stream_kpis.engine.compiler import Plan, compile_catalogue
from stream_kpis.kpis.goals import NO_GOALS, Goals, load_goals
from stream_kpis.kpis.load import BUILT_IN, CatalogueError, load
from stream_kpis.settings import Settings, SettingsError


def compile_plan(settings: Settings) -> Plan:
    """The plan of the built-in catalogue, unless that is switched off, with the deployment's own over it.

    Raises:
        SettingsError: the catalogue is wrong; the line names file and place.
    """
    files = sorted(BUILT_IN.glob("*.yaml")) if settings.catalogue_built_in else []
    for path in settings.catalogue:
        files += sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    try:
        return compile_catalogue(load(files))
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
