"""One frozen Settings, from a file and the environment, checked at start.

What is not set stays at its default; a variable of the environment wins over the file. `docs/settings.md` is made from
here (`python -m stream_kpis.settings`).
"""

import difflib
import os
import sys
import tomllib
import zoneinfo
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import msgspec
import yaml
from msgspec import Meta, inspect

from stream_kpis.events.money import CURRENCIES

ENVIRONMENT_PREFIX = "STREAM_KPIS_"
FILE_VARIABLE = ENVIRONMENT_PREFIX + "CONFIG"


class SettingsError(Exception):
    """The settings or the deployment cannot work; one line that says what to do. Exit code 2."""


class Role(StrEnum):
    """What a process does."""

    ALL = "all"
    WORKER = "worker"
    EXPORTER = "exporter"


class Sasl(StrEnum):
    """How to sign in to Kafka."""

    NONE = "none"
    PLAIN = "PLAIN"
    SCRAM_256 = "SCRAM-SHA-256"
    SCRAM_512 = "SCRAM-SHA-512"


class Secret(str):
    """A string that does not show in logs."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'" if self else "''"


_Name = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9._-]*$", max_length=100)]
# Titles say what a value must be, where its type does not.


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How this deployment runs; see `docs/settings.md`."""

    bootstrap: Annotated[str, Meta(min_length=1, description="Kafka servers, `host:port`, separated by commas.")] = (
        "127.0.0.1:9092"
    )
    app: Annotated[
        _Name,
        Meta(
            min_length=1,
            title="1 to 100 letters, digits and . _ -",
            description="Name of the consumer group and of the output topics.",
        ),
    ] = "stream-kpis"
    prefix: Annotated[
        _Name,
        Meta(
            title="at most 100 letters, digits and . _ -",
            description="Stands before the name of every topic, group and transaction: one per tenant.",
        ),
    ] = ""
    role: Annotated[
        Role, Meta(description="What `stream-kpis worker` runs: `worker` computes, `exporter` shows, `all` does both.")
    ] = Role.ALL
    partitions: Annotated[
        int,
        Meta(
            ge=1,
            le=1000,
            description="Partitions of every topic; also the largest useful number of workers. Fixed for life.",
        ),
    ] = 12
    replication: Annotated[
        int, Meta(ge=-1, description="Copies of each topic that is declared; -1 takes the broker's default.")
    ] = -1
    declare_topics: Annotated[
        bool, Meta(description="Whether missing topics are made at start; if not, a missing topic is an error.")
    ] = True
    zone: Annotated[str, Meta(description="Business time zone (IANA name): where days begin.")] = "UTC"
    currency: Annotated[
        str,
        Meta(
            pattern="^[A-Z]{3}$",
            title="a currency code, three capital letters such as EUR",
            description="Reporting currency; amounts in another one are converted by the rate of their date.",
        ),
    ] = "USD"
    rates: Annotated[
        Path | None,
        Meta(
            description="Rates of other currencies, beside the topic `crm.rates`: a CSV file with the columns `date`,"
            " `currency`, `rate` (units of the reporting currency for one of it)."
        ),
    ] = None
    rates_carry_days: Annotated[
        int,
        Meta(
            ge=0,
            le=31,
            description="How many dates missing between two of that file take the earlier one's rate: 2 for weekends.",
        ),
    ] = 0
    disorder_days: Annotated[
        int, Meta(ge=1, le=3650, description="How late an event may come, in days, and still be counted.")
    ] = 30
    catalogue: Annotated[
        tuple[Path, ...], Meta(description="More catalogue files or folders, beside the built-in catalogue.")
    ] = ()
    catalogue_built_in: Annotated[
        bool, Meta(description="Whether the built-in catalogue counts; if not, `catalogue` stands alone.")
    ] = True
    calendars: Annotated[
        Path | None,
        Meta(
            description="File of business calendars (`docs/calendars.md`); without one, and without records in"
            " `crm.calendars`, no KPI has a business clock."
        ),
    ] = None
    lookups: Annotated[
        Path | None,
        Meta(description="File of lookup tables for dimensions, such as the team of an owner (`docs/lookups.md`)."),
    ] = None
    goals: Annotated[
        Path | None, Meta(description="File of goals, see `docs/goals.md`: targets, quotas, shares of experiments.")
    ] = None
    budget_cells: Annotated[
        int, Meta(ge=1, description="How many cells a catalogue may be expected to need; `check` refuses more.")
    ] = 2_000_000
    budget_days: Annotated[int, Meta(ge=1, le=36_530, description="Days of history that `check` reckons with.")] = 365
    budget_facts: Annotated[int, Meta(ge=1, description="Facts per measure and day that `check` reckons with.")] = 100
    budget_groups: Annotated[
        tuple[str, ...],
        Meta(description="Groups per dimension that `check` reckons with, such as `owner=50`; else 10, or as it says."),
    ] = ()
    flush_interval_ms: Annotated[
        int,
        Meta(
            ge=10,
            le=60_000,
            description="How often results become durable and visible; at least 8 ms per shard of the worker.",
        ),
    ] = 200
    host: Annotated[str, Meta(description="Address on which the exporter listens.")] = "127.0.0.1"
    port: Annotated[
        int, Meta(ge=0, le=65_535, description="Port on which the exporter listens; 0 takes a free one.")
    ] = 9464
    allowed_hosts: Annotated[
        tuple[str, ...],
        Meta(
            description="More host names under which the exporter answers, without port. On loopback it answers as"
            " localhost and these; on another address as any, or, if names are set, as these and by address."
        ),
    ] = ()
    health_file: Annotated[
        Path | None,
        Meta(description="File that a worker touches while its event loop runs, for `stream-kpis health`."),
    ] = None
    data_dir: Annotated[Path, Meta(description="Folder for what a local broker keeps.")] = Path("var")
    tls: Annotated[bool, Meta(description="Whether the connection to Kafka is encrypted.")] = False
    tls_ca: Annotated[
        Path | None, Meta(description="Certificate authority of the brokers (PEM); without it the system's.")
    ] = None
    tls_certificate: Annotated[Path | None, Meta(description="This client's certificate (PEM), for mutual TLS.")] = None
    tls_key: Annotated[Path | None, Meta(description="Key of this client's certificate (PEM).")] = None
    sasl: Annotated[
        Sasl, Meta(description="How to sign in to Kafka: `none`, `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.")
    ] = Sasl.NONE
    sasl_username: Annotated[str, Meta(description="User for SASL.")] = ""
    sasl_password: Annotated[
        Secret, Meta(description="Password for SASL; better by the environment than in a file.")
    ] = Secret()
    sasl_without_tls: Annotated[bool, Meta(description="Whether a password may travel unencrypted.")] = False
    pseudonyms: Annotated[
        bool, Meta(description="Whether owners and agents are shown under other, stable names, wherever numbers are.")
    ] = False
    pseudonym_secret: Annotated[
        Secret, Meta(description="Secret behind those names; better by the environment than in a file.")
    ] = Secret()
    verbose: Annotated[bool, Meta(description="Whether to log what Faust and the Kafka client do.")] = False


def load(file: Path | None = None, environment: Mapping[str, str] = os.environ, **given: Any) -> Settings:
    """The settings of this process.

    Args:
        file: YAML or TOML (by its suffix); if not given, what `STREAM_KPIS_CONFIG` names, else none.
        environment: variables `STREAM_KPIS_<SETTING>`; lists are separated by commas.
        given: settings of the command line, which win over everything; those that are None were not given.

    Raises:
        SettingsError: they cannot work; the line names the setting, and the nearest one if there is none of that name.
    """
    if file is None and environment.get(FILE_VARIABLE):
        file = Path(environment[FILE_VARIABLE])
    values = {**(_read(file) if file else {}), **_of_environment(environment)}
    values |= {name: value for name, value in given.items() if value is not None}
    try:
        settings = msgspec.convert(values, Settings, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise SettingsError(_explained(str(error), values)) from error
    _check(settings)
    return settings


def _read(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text("utf-8")
        values = tomllib.loads(text) if file.suffix == ".toml" else _of_yaml(file, text)
    except OSError as error:
        raise SettingsError(f"settings: cannot read {file}: {error.strerror}") from error
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise SettingsError(f"settings: {file}{line}: not YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"settings: {file}: {' '.join(str(error).split())}") from error
    values = {} if values is None else values
    if not isinstance(values, dict):
        raise SettingsError(f"settings: {file} must be a table of settings and values")
    for name in values:
        _known(str(name), f"{file}: {name}")
    return values


def _of_yaml(file: Path, text: str) -> Any:
    """The values of a YAML file, in which no setting may stand twice: YAML itself takes the last."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    lines: dict[str, int] = {}
    for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
        line = key.start_mark.line + 1
        if (first := lines.setdefault(str(key.value), line)) != line:
            raise SettingsError(f"settings: {file}:{line}: {key.value!r} is there already, in line {first}")
    return yaml.safe_load(text)


def _of_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for variable, text in environment.items():
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable in _NO_SETTINGS:
            continue
        name = variable.removeprefix(ENVIRONMENT_PREFIX).lower()
        _known(name, variable, ENVIRONMENT_PREFIX, str.upper)
        values[name] = [part.strip() for part in text.split(",") if part.strip()] if name in _LISTS else text
    return values


_LISTS = {"catalogue", "allowed_hosts", "budget_groups"}
_NO_SETTINGS = {FILE_VARIABLE, ENVIRONMENT_PREFIX + "NOTHING_SKIPPED", ENVIRONMENT_PREFIX + "DATA"}
"""Variables with our prefix that the tests read."""


def _known(name: str, where: str, prefix: str = "", case: Any = str) -> None:
    if name not in Settings.__struct_fields__:
        nearest = difflib.get_close_matches(name, Settings.__struct_fields__, n=1, cutoff=0.5)
        hint = f"; did you mean {prefix}{case(nearest[0])}?" if nearest else "; see docs/settings.md"
        raise SettingsError(f"settings: {where}: there is no such setting{hint}")


def _decode(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str | Path):
        return Path(value)
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise ValueError("a text is expected")


def _explained(message: str, values: Mapping[str, Any]) -> str:
    """What is wrong, in people's words: the setting, its value, and what it must be."""
    name = message.partition(" - at `$.")[2].rstrip("`").split("[")[0]
    kind = next((field.type for field in _FIELDS if field.name == name), None)
    if kind is None:
        return f"settings: {message}"
    wanted = ""
    while isinstance(kind, inspect.Metadata):
        wanted = wanted or (kind.extra_json_schema or {}).get("title", "")
        kind = kind.type
    value = values[name]
    shown = "the value" if name in ("sasl_password", "pseudonym_secret") else "null" if value is None else repr(value)
    choices = [str(choice.value) for choice in kind.cls] if isinstance(kind, inspect.EnumType) else []
    return f"settings: {name}: {shown} is not {wanted or _wanted(kind, choices)}{_near(str(value), choices)}"


_FIELDS = inspect.type_info(Settings).fields  # type: ignore[attr-defined] # of a struct


def _wanted(kind: inspect.Type, choices: Sequence[str]) -> str:  # noqa: PLR0911 - a table of kinds
    match kind:
        case inspect.IntType(ge=int(least), le=int(most)):
            return f"a whole number from {least} to {most}"
        case inspect.IntType(ge=int(least)):
            return f"a whole number of at least {least}"
        case inspect.BoolType():
            return "true or false"
        case inspect.EnumType():
            return f"one of {', '.join(choices)}"
        case inspect.VarTupleType():
            return "a list of texts"
        case inspect.StrType(min_length=int()):
            return "a text with something in it"
    return "a text"


def _near(word: str, words: Iterable[str]) -> str:
    """The word that was perhaps meant, whatever its case; nothing if none is near."""
    known = {one.casefold(): one for one in words}
    near = difflib.get_close_matches(word.casefold(), known, n=1)
    return f"; did you mean {known[near[0]]}?" if near else ""


def _check(settings: Settings) -> None:
    """What no single field can tell."""
    if settings.zone not in (zones := zoneinfo.available_timezones()):
        hint = _near(settings.zone, zones) or "; write UTC, or one such as Europe/Berlin"
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


def documentation() -> str:
    """`docs/settings.md`: every setting with its default and what it is for."""
    hints = get_type_hints(Settings, include_extras=True)
    rows = [
        f"| `{field.name}` | {_shown(field.default)} | {hints[field.name].__metadata__[-1].description} |"
        for field in msgspec.structs.fields(Settings)
    ]
    return _PAGE.format(rows="\n".join(rows))


def _shown(default: Any) -> str:
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default}`" if default not in ("", (), None) else ""


_PAGE = """# Settings

Made from `stream_kpis/settings.py` by `python -m stream_kpis.settings > docs/settings.md`.

A setting stands in a YAML or TOML file (`--config FILE` or `STREAM_KPIS_CONFIG`), or in the environment as
`STREAM_KPIS_` and its name in capitals (`STREAM_KPIS_BOOTSTRAP`); the environment wins. Settings are
checked at start: a wrong one ends the process with exit code 2 and one line that says what to do.

| Setting | Default | What it is |
|---|---|---|
{rows}
"""

if __name__ == "__main__":
    sys.stdout.write(documentation())
