"""The catalogue as the settings want it, compiled, and the rates: what worker, exporter and evaluation share."""

from stream_kpis.engine.compiler import Plan, compile_catalogue
from stream_kpis.events.rates import Rates, read_rates
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


def known_rates(settings: Settings) -> Rates:
    """The rates of the deployment's file; none without one.

    Raises:
        SettingsError: the file is wrong; the line names it and its line.
    """
    try:
        return read_rates(settings.rates, settings.currency, settings.rates_carry_days)
    except ValueError as error:
        raise SettingsError(str(error)) from error
