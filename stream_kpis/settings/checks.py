"""What no single setting can tell: whether they go together, and whether what they name is there."""

import difflib
import zoneinfo
from collections.abc import Iterable

from stream_kpis.events.money import CURRENCIES
from stream_kpis.settings.struct import Sasl, Settings, SettingsError


def check(settings: Settings) -> None:
    """Refuses settings that cannot work together.

    Raises:
        SettingsError: the line names the setting and what to do.
    """
    if settings.zone not in (zones := zoneinfo.available_timezones()):
        hint = near(settings.zone, zones) or "; write UTC, or one such as Europe/Berlin"
        raise SettingsError(f"settings: zone: no time zone {settings.zone!r}{hint}")
    if settings.currency not in CURRENCIES:
        raise SettingsError(f"settings: currency: {settings.currency!r} is no currency of ISO 4217, such as EUR")
    if settings.rates and not settings.rates.is_file():
        raise SettingsError(f"settings: rates: no file {settings.rates}")
    if not (settings.catalogue or settings.catalogue_built_in):
        raise SettingsError("settings: catalogue_built_in is false and catalogue names no file: nothing to count")
    if settings.pseudonyms and not settings.pseudonym_secret:
        raise SettingsError("settings: pseudonyms needs pseudonym_secret: set STREAM_KPIS_PSEUDONYM_SECRET")
    _check_connection(settings)


def _check_connection(settings: Settings) -> None:
    for name in ("tls_ca", "tls_certificate", "tls_key"):
        path = getattr(settings, name)
        if path and not settings.tls:
            raise SettingsError(f"settings: {name} is set but tls is not: set tls to true")
        if path and not path.is_file():
            raise SettingsError(f"settings: {name}: no file {path}")
    if bool(settings.tls_certificate) != bool(settings.tls_key):
        raise SettingsError("settings: tls_certificate and tls_key go together: set both")
    if settings.sasl is Sasl.NONE:
        if settings.sasl_username or settings.sasl_password:
            raise SettingsError("settings: sasl_username or sasl_password is set but sasl is none: set sasl")
    elif not (settings.sasl_username and settings.sasl_password):
        raise SettingsError(f"settings: sasl {settings.sasl} needs sasl_username and sasl_password")
    elif not (settings.tls or settings.sasl_without_tls):
        raise SettingsError("settings: sasl without tls sends the password in the clear: set tls (or sasl_without_tls)")


def near(word: str, words: Iterable[str]) -> str:
    """The word that was perhaps meant, whatever its case; nothing if none is near."""
    known = {one.casefold(): one for one in words}
    near = difflib.get_close_matches(word.casefold(), known, n=1)
    return f"; did you mean {known[near[0]]}?" if near else ""
