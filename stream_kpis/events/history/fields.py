"""What an event type takes: its fields, which are required, and how a value becomes their JSON."""

import functools
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from msgspec import inspect

from stream_kpis.events.history.trees import BOOL, NUMBER, TEXT, TIME, Type
from stream_kpis.events.history.values import BadValueError, boolean_of, rfc3339, text_of_number
from stream_kpis.events.types import Money


class Field(NamedTuple):
    """One field of an event's data.

    Args:
        name: as the event spells it.
        required: whether an event without it is invalid.
        type: what an expression for it must give; None where a text is as good (a condition).
        finish: from the expression's value to JSON, None for as it is; it may raise :class:`BadValueError`.
        choices: the values that there are, if they are enumerated.
        inner: the fields of each element, if it is a list.
    """

    name: str
    required: bool
    type: Type | None
    finish: Callable[[Any], Any] | None
    choices: tuple[str, ...] = ()
    inner: "Mapping[str, Field] | None" = None


@functools.cache
def fields_of(struct: type[msgspec.Struct]) -> Mapping[str, Field]:
    """The fields of an event type's data by name, in the order of the contract."""
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    return {field.encode_name: _field(field) for field in info.fields}


def _field(field: inspect.Field) -> Field:  # noqa: PLR0911 - a table of kinds
    kind = field.type
    if isinstance(kind, inspect.UnionType):
        kind = next(part for part in kind.types if not isinstance(part, inspect.NoneType))
    name, required = field.encode_name, field.required
    match kind:
        case inspect.CustomType(cls=cls) if issubclass(cls, Money):
            return Field(name, required, NUMBER, text_of_number)
        case inspect.LiteralType(values=values):
            return Field(name, required, TEXT, None, tuple(map(str, values)))
        case inspect.BoolType():
            return Field(name, required, None, _condition)
        case inspect.FloatType():
            return Field(name, required, NUMBER, float)
        case inspect.IntType():
            return Field(name, required, NUMBER, _integer)
        case inspect.DateTimeType():
            return Field(name, required, TIME, rfc3339)
        case inspect.VarTupleType(item_type=inspect.StructType(cls=cls)):
            return Field(name, required, None, None, inner=fields_of(cls))
    assert isinstance(kind, inspect.StrType), kind
    return Field(name, required, TEXT, None)


def _integer(value: Decimal | int) -> int:
    if value != int(value):
        raise BadValueError(f"{text_of_number(value)} is not a whole number")
    return int(value)


def _condition(value: bool | str) -> bool:
    return value if isinstance(value, bool) else boolean_of(value)


CONDITION_TYPES = (BOOL, TEXT)
"""What an expression for a condition field may give."""
