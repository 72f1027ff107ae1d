"""Dotted names in JSON objects and structs: what they lead to in a row, and which of them no row has."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from stream_kpis.events.history.binding import Astray, Unnumbered

_ROWS = 1_000
"""Rows whose names are noted, to name the nearest one."""
_NAMES = 1_000
_NAME_MAX = 100
_DEPTH_MAX = 8
_DIGITS_MAX = 6


def member(row: Mapping[str, Any], name: str, steps: list[str], empty: Collection[str] = ()) -> Any:
    """What a name leads to in a row; None if it is not there.

    Args:
        row: an object, whose members may be objects and lists.
        name: the name, which may be a member's own in spite of its dots.
        steps: its parts between the dots; a number is an element of a list, from 0.
        empty: texts that stand for nothing, as the empty one does.

    >>> member({"lines": [{"sku": "hat"}]}, "lines.0.sku", ["lines", "0", "sku"])
    'hat'
    >>> member({"lines": [{"sku": "hat"}]}, "lines.sku", ["lines", "sku"])
    'lines is a list: name one of its elements, such as the first, lines.0.sku'
    """
    if len(steps) == 1 or name in row:
        return row.get(name)
    inner: Any = row
    for depth, step in enumerate(steps):
        if isinstance(inner, dict):
            inner = inner.get(step)
        elif _is_nothing(inner, empty):
            return None
        elif not isinstance(inner, (list, tuple)):
            outer = ".".join(steps[:depth])
            either = f"name it {outer}, or first({name}, {outer}) if it can be either"
            return Astray(f"{outer} is {str(inner)[:40]!r}, no object: {either}")
        elif _is_index(step):
            inner = inner[int(step)] if int(step) < len(inner) else None
        else:
            outer, rest = ".".join(steps[:depth]), ".".join(steps[depth:])
            return Unnumbered(f"{outer} is a list: name one of its elements, such as the first, {outer}.0.{rest}")
    return inner


def _is_nothing(value: Any, empty: Collection[str]) -> bool:
    """Whether there is no object; some systems write an empty list, or false, for one that has no members."""
    if isinstance(value, str):
        return not (text := value.strip()) or text in empty
    return value is None or value is False or value in ([], ())


def _is_index(step: str) -> bool:
    return step.isascii() and step.isdecimal() and len(step) <= _DIGITS_MAX


class Sought:
    """Names that a mapping asks for, where no header says which there are: those that no row had so far.

    Args:
        names: all that are asked for.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.rows = 0
        self._absent = {name: name.split(".") for name in names}
        self._names: dict[str, None] = {}

    def see(self, row: Mapping[str, Any]) -> None:
        """Takes a row into account."""
        self.rows += 1
        if not self._absent:
            return
        for name in [name for name, steps in self._absent.items() if _has(row, name, steps)]:
            del self._absent[name]
        room = _NAMES - len(self._names)
        if self._absent and self.rows <= _ROWS and room:
            self._names.update(dict.fromkeys(islice(_names(row, "", 1), room)))

    def absent(self) -> dict[str, list[str]]:
        """The names that not one row had, whatever its value, each with those that rows have; none without rows."""
        return {name: list(self._names) for name in self._absent} if self.rows else {}


def _has(row: Mapping[str, Any], name: str, steps: list[str]) -> bool:
    """Whether a row has a member of a name; of a list with elements it has all that may be."""
    if name in row:
        return True
    inner: Any = row
    for step in steps:
        if isinstance(inner, dict) and step in inner:
            inner = inner[step]
        elif isinstance(inner, (list, tuple)) and inner and _is_index(step):
            if int(step) >= len(inner):
                return True
            inner = inner[int(step)]
        else:
            return False
    return True


def _names(value: Any, before: str, depth: int) -> Iterator[str]:
    """The names of a row's members, and of theirs."""
    if isinstance(value, (list, tuple)):
        value = {"0": value[0]} if value else {}
    if not isinstance(value, dict) or depth > _DEPTH_MAX:
        return
    for key, inner in value.items():
        name = f"{before}{key}"
        if len(name) <= _NAME_MAX:
            yield name
            yield from _names(inner, f"{name}.", depth + 1)
