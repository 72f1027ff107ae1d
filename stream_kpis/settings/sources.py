"""Where settings come from: a file, the environment, the command line; what is wrong is said in people's words."""

import difflib
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec import inspect

from stream_kpis.settings.checks import check, near
from stream_kpis.settings.struct import Secret, Settings, SettingsError

ENVIRONMENT_PREFIX = "STREAM_KPIS_"
FILE_VARIABLE = ENVIRONMENT_PREFIX + "CONFIG"


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
    check(settings)
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
    # So written it is a list in YAML and in TOML.
    instead = (
        f": write [{value!r}]" if isinstance(kind, inspect.VarTupleType) and value and isinstance(value, str) else ""
    )
    return f"settings: {name}: {shown} is not {wanted or _wanted(kind, choices)}{near(str(value), choices)}{instead}"


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
