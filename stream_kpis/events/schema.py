"""JSON Schema of the event contract, generated from the structs that the reader decodes into."""

from typing import Any

import msgspec

from stream_kpis.events.types import AMOUNT_UNITS_MAX, KINDS, Id, Kind, Money, Price, Time

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """One schema for all event types as CloudEvents in structured mode; ``type`` tells which one applies.

    Schemas count characters where the contract bounds bytes, and cannot bound the whole event: the reader has the
    last word.
    """
    data = _data_schemas()
    return {
        "$schema": DIALECT,
        "title": "Events of stream-kpis",
        "description": "CloudEvents 1.0 in structured mode. Unknown fields are ignored.",
        "type": "object",
        "oneOf": [{"$ref": f"#/$defs/{kind.name}"} for kind in KINDS],
        "discriminator": {
            "propertyName": "type",
            "mapping": {kind.name: f"#/$defs/{kind.name}" for kind in KINDS},
        },
        "$defs": {**{kind.name: _envelope(kind, data[kind.data.__name__]) for kind in KINDS}, **data},
    }


def _envelope(kind: Kind, data: dict[str, Any]) -> dict[str, Any]:
    text, time = msgspec.json.schema(Id), msgspec.json.schema(Time)
    return {
        "title": kind.name,
        "description": data["description"],
        "type": "object",
        "x-kafka-topic": kind.topic,
        "properties": {
            "specversion": {"const": "1.0"},
            "type": {"const": kind.name},
            "id": {**text, "description": "Unique per source."},
            "source": {**text, "description": "The system that sends the event."},
            "time": {**time, "description": "When it happened."},
            "subject": {**text, "description": "The party, equal to the record's key."},
            "data": {"$ref": f"#/$defs/{kind.data.__name__}"},
        },
        "required": ["specversion", "type", "id", "source", "time", "subject", "data"],
    }


def _data_schemas() -> dict[str, dict[str, Any]]:
    """The schemas of the data structs and what they refer to, by the struct's name."""
    _, schemas = msgspec.json.schema_components([kind.data for kind in KINDS], schema_hook=_amount)
    for schema in schemas.values():
        # The tag tells kept events apart; it is no part of the contract.
        schema["properties"].pop("$", None)
        schema["required"] = [name for name in schema["required"] if name != "$"]
    return schemas


def _amount(kind: type) -> dict[str, Any]:
    if not issubclass(kind, Money):
        raise NotImplementedError
    least, sign = (0, "[+]?") if kind is Price else (-AMOUNT_UNITS_MAX, "[+-]?")
    return {
        "anyOf": [
            {"type": "number", "minimum": least, "maximum": AMOUNT_UNITS_MAX},
            {
                "type": "string",
                "pattern": rf"^\s*{sign}([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{{1,3}})?\s*$",
                "maxLength": 64,
            },
        ],
        "description": "An amount of money, as a number or a decimal string.",
    }
