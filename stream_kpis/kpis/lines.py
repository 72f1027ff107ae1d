"""YAML with the lines where things stand, so that a mistake can be named by file, line and field."""

import difflib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec
import yaml

T = TypeVar("T")


class CatalogueError(ValueError):
    """A file of the catalogue, or beside it, is wrong: one line that names file, line, field and mistake."""


def place_of(places: Mapping[str, str], entry: str, field: str) -> str:
    """Where an error lies: ``FILE:LINE: NAME`` of a field of an entry such as ``kpis.orders``, or of the entry."""
    return f"{places.get(f'{entry}.{field}', places[entry])}: {entry.partition('.')[2]}"


def nearest(word: str, words: Iterable[str]) -> str:
    """`` (did you mean …?)`` for a mistyped word, or nothing."""
    close = difflib.get_close_matches(word, list(words), 1, 0.5)
    return f" (did you mean {close[0]}?)" if close else ""


def tree_of(file: Path) -> Any:
    """The nodes of a YAML file; None if it is empty.

    Raises:
        CatalogueError: it cannot be read, or is no YAML.
    """
    try:
        text = file.read_text(encoding="utf-8")
        with suppress(yaml.YAMLError):  # in C it is many times as fast, but names mistakes less well
            return yaml.compose(text, Loader=yaml.CSafeLoader)
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{file}: cannot be read: {getattr(error, 'strerror', '') or error}") from None
    except yaml.YAMLError as error:
        raise _not_yaml(file, error) from None


def _not_yaml(file: Path, error: yaml.YAMLError) -> CatalogueError:
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark else 1
    return CatalogueError(f"{file.name}:{line}: not YAML: {getattr(error, 'problem', error)}")


def place(file: Path, node: Any) -> str:
    """``FILE:LINE`` of a node."""
    return f"{file.name}:{node.start_mark.line + 1}"


def entries_of(file: Path, node: Any) -> dict[str, tuple[Any, Any]]:
    """The nodes of a mapping by name: (key, value)."""
    if node is None:
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise CatalogueError(f"{place(file, node)}: a mapping is expected here")
    found: dict[str, tuple[Any, Any]] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise CatalogueError(f"{place(file, key)}: a name is expected here")
        if key.value in found:
            first = found[key.value][0].start_mark.line + 1
            raise CatalogueError(f"{place(file, key)}: {key.value!r} is there already, in line {first}")
        found[key.value] = (key, value)
    return found


def struct(file: Path, entry: str, node: Any, kind: type[T], places: dict[str, str], base: T | None = None) -> T:
    """A node as a msgspec struct, of which ``base`` has the fields that it does not give; remembers where they stand.

    Raises:
        CatalogueError: a field is unknown, missing or of another type.
    """
    names: tuple[str, ...] = kind.__struct_encode_fields__  # type: ignore[attr-defined] # a msgspec struct
    for name, (key, _) in entries_of(file, node).items():
        places[f"{entry}.{name}"] = place(file, key)
        if name not in names:
            raise CatalogueError(f"{place_of(places, entry, name)}: unknown field {name!r}{nearest(name, names)}")
    try:
        given = yaml.SafeLoader("").construct_object(node, deep=True)
        return msgspec.convert(given if base is None else msgspec.to_builtins(base) | (given or {}), kind)
    except yaml.YAMLError as error:
        raise _not_yaml(file, error) from None
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `")
        path = path.rpartition("$.")[2].rstrip("`")  # `$.field[…]`, or of a key: `key` in `$.field`
        field = path.partition("[")[0]
        where = f" in {path!r}" if path else ""
        hint = _nearest_choice(kind, field, problem)
        raise CatalogueError(f"{place_of(places, entry, field)}: {problem}{where}{hint}") from None
    except ValueError as error:  # a date that is none, say
        raise CatalogueError(f"{place_of(places, entry, '')}: {error}") from None


def _nearest_choice(kind: type[Any], field: str, problem: str) -> str:
    """The nearest of the words that a field may be, or all, if it was given another one."""
    if "enum" not in problem:
        return ""
    words = _words(get_type_hints(kind)[field])
    return nearest(problem.split("'")[1], words) or f"; it may be {', '.join(words)}"


def _words(hint: Any) -> list[str]:
    """The words of all literals in a type."""
    return [word for part in get_args(hint) for word in ([part] if isinstance(part, str) else _words(part))]
