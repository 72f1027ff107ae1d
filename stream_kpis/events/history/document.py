"""A YAML document in which every part knows its line, so that every mistake can be pointed at."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

_LIST_AT_MOST = 16


class MappingError(ValueError):
    """A mistake in a mapping, in one line: file, line, field, mistake, and the nearest valid word."""


class MistakeError(ValueError):
    """A mistake whose place the caller knows."""


def unknown(what: str, word: str, valid: Iterable[str]) -> MistakeError:
    """The mistake of a word that is not one of ``valid``, with the nearest of them.

    >>> str(unknown("column", "amout", ["amount", "date"]))
    "no column 'amout'; did you mean 'amount'?"
    """
    words = sorted(set(valid))
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    if near:
        return MistakeError(f"no {what} {word!r}; did you mean {near[0]!r}?")
    if not words:
        return MistakeError(f"no {what} {word!r}")
    listed = ", ".join(words[:_LIST_AT_MOST]) + (", …" if len(words) > _LIST_AT_MOST else "")
    return MistakeError(f"no {what} {word!r}; there are: {listed}")


def printable(text: str) -> str:
    r"""The text without what would do something to a terminal.

    >>> print(printable("a\x1b[2J"))
    a\x1b[2J
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: file, line (from 1), and the path of keys to it."""

    file: str
    line: int
    field: str

    def error(self, mistake: object) -> MappingError:
        """The error that says where the mistake is, in one line."""
        field = f" {self.field}:" if self.field else ""
        text = printable(" ".join(str(mistake).split()))
        return MappingError(f"{self.file}:{self.line}:{field} {text}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One node of the document and its place."""

    node: yaml.Node
    place: Place

    @property
    def is_mapping(self) -> bool:
        """Whether it has keys."""
        return isinstance(self.node, yaml.MappingNode)

    def text(self) -> str:
        """The scalar as it is written, without quotes.

        Raises:
            MappingError: it is not a scalar, or empty.
        """
        if not isinstance(self.node, yaml.ScalarNode):
            raise self.place.error("must be one value, not a list or keys")
        value: str = self.node.value
        if not value.strip():
            raise self.place.error("is empty")
        return value

    def keys(self, valid: Iterable[str] | None = None, required: Iterable[str] = ()) -> dict[str, "Entry"]:
        """The entries by key.

        Args:
            valid: the keys that there may be; any if None.
            required: the keys that there must be.

        Raises:
            MappingError: it has no keys, or a wrong, repeated or missing one.
        """
        if not isinstance(self.node, yaml.MappingNode):
            raise self.place.error("must be keys with values")
        entries: dict[str, Entry] = {}
        for key_node, value_node in self.node.value:
            key = str(key_node.value)
            place = self._inner(f".{key}" if self.place.field else key, key_node)
            if key in entries:
                raise place.error("is given twice")
            if valid is not None and key not in valid:
                raise place.error(unknown("key", key, valid))
            entries[key] = Entry(value_node, place)
        for key in required:
            if key not in entries:
                raise self.place.error(f"{key!r} is missing")
        return entries

    def items(self) -> list["Entry"]:
        """The entries of a list, numbered from 1.

        Raises:
            MappingError: it is not a list, or empty.
        """
        if not isinstance(self.node, yaml.SequenceNode) or not self.node.value:
            raise self.place.error("must be a list with at least one entry")
        return [Entry(node, self._inner(f"[{number}]", node)) for number, node in enumerate(self.node.value, 1)]

    def texts(self) -> tuple[str, ...]:
        """One value or a list of values, as texts."""
        if isinstance(self.node, yaml.ScalarNode):
            return (self.text(),)
        return tuple(item.text() for item in self.items())

    def _inner(self, step: str, node: yaml.Node) -> Place:
        return Place(self.place.file, node.start_mark.line + 1, self.place.field + step)


def read_document(path: Path) -> Entry:
    """The root of a YAML file.

    Raises:
        MappingError: the file cannot be read, or is not YAML.
    """
    top = Place(path.name, 1, "")
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise top.error(f"cannot be read: {error.strerror}") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise Place(path.name, line, "").error(f"is not YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise top.error(f"is not YAML: {error}") from None
    if node is None:
        raise top.error("is empty")
    return Entry(node, top)
