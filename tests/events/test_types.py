"""The table of event types is the contract: complete, consistent, and what the schema says."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_kpis.events import types
from stream_kpis.events.schema import json_schema
from stream_kpis.events.types import (
    AMOUNT_UNITS_MAX,
    ANY_TOPIC,
    CHANGED,
    CREATED,
    KIND_OF_DATA,
    KIND_OF_NAME,
    KINDS,
    LINKED,
    MICRO,
    REOPENED,
    TERMINAL,
    TOPICS,
    Data,
    money_of,
)

SCHEMA = json_schema()


def test_every_struct_of_data_is_one_event_type_and_no_name_occurs_twice() -> None:
    """Nothing is defined and then forgotten in the table."""
    structs = {
        kind
        for _, kind in inspect.getmembers(types, inspect.isclass)
        if issubclass(kind, Data) and kind not in {Data, types.Email}
    }
    assert structs == set(KIND_OF_DATA)
    assert [*KINDS, LINKED] == list(KIND_OF_DATA.values())
    assert tuple(KIND_OF_NAME.values()) == KINDS


def test_ranks_put_what_begins_first_and_what_reopens_last() -> None:
    """The order of events of one millisecond."""
    assert sorted([CREATED, CHANGED, TERMINAL, REOPENED]) == [CREATED, CHANGED, TERMINAL, REOPENED]
    for kind in KINDS:
        if kind.name.endswith((".created", ".placed", ".sent", ".received")):
            assert kind.rank == CREATED, kind
        if kind.name.endswith((".reopened", ".reactivated")):
            assert kind.rank == REOPENED, kind
        if kind.name.endswith((".won", ".lost", ".churned", ".cancelled", ".deleted", ".merged", ".closed")):
            assert kind.rank == TERMINAL, kind


def test_each_family_has_one_topic() -> None:
    """``lead.*`` in crm.leads, and so on; a void goes where its event went."""
    of_family: dict[str, set[str]] = {}
    for kind in KINDS:
        of_family.setdefault(kind.name.split(".")[0], set()).add(kind.topic)
    assert {ANY_TOPIC} == of_family.pop("event")
    assert all(len(topics) == 1 for topics in of_family.values())
    assert {topic for topics in of_family.values() for topic in topics} == set(TOPICS)


def test_structs_are_frozen_and_say_what_happened() -> None:
    """Journeys may keep them; docs are made from their docstrings."""
    for kind in KINDS:
        assert kind.data.__struct_config__.frozen
        assert kind.data.__doc__
        assert kind.data.__doc__.splitlines()[0].endswith(".")


@settings(deadline=None, derandomize=True, max_examples=500)
@given(st.integers(-(10**10), 10**10))
def test_a_float_is_worth_what_its_shortest_spelling_is(micro: int) -> None:
    """Halves of a micro-unit, where floats are off to either side."""
    number = (10 * micro + 5) / 10**7
    assert money_of(repr(number)) == money_of(number)


def test_money_is_rounded_once_however_many_digits_there_are() -> None:
    """A digit far behind a half decides."""
    assert money_of("123456789012.0000005") == 123456789012 * MICRO
    assert money_of("123456789012.00000050000000000000001") == 123456789012 * MICRO + 1


@pytest.mark.parametrize("value", [AMOUNT_UNITS_MAX, -AMOUNT_UNITS_MAX, float(AMOUNT_UNITS_MAX), str(AMOUNT_UNITS_MAX)])
def test_money_reaches_up_to_its_bound_and_no_further(value: Any) -> None:
    """In all three spellings."""
    assert abs(money_of(value)) == AMOUNT_UNITS_MAX * MICRO
    beyond = f"{value}.1" if isinstance(value, str) else value * 1.001
    with pytest.raises(ValueError, match="out of bounds"):
        money_of(beyond)


def test_the_schema_has_every_type_with_its_required_fields_and_no_trace_of_the_tag() -> None:
    """What the structs require is what the schema requires."""
    assert [f"#/$defs/{kind.name}" for kind in KINDS] == [part["$ref"] for part in SCHEMA["oneOf"]]
    for kind in KINDS:
        envelope, data = SCHEMA["$defs"][kind.name], SCHEMA["$defs"][kind.data.__name__]
        assert {"const": kind.name} == envelope["properties"]["type"]
        assert kind.topic == envelope["x-kafka-topic"]
        fields = msgspec.structs.fields(kind.data)
        assert [field.encode_name for field in fields] == list(data["properties"])
        assert [field.encode_name for field in fields if field.required] == data["required"]


def test_every_reference_of_the_schema_leads_somewhere() -> None:
    """And it is JSON."""
    text = json.dumps(SCHEMA)

    def check(node: Any) -> None:
        if isinstance(node, dict):
            if "$ref" in node:
                assert node["$ref"].removeprefix("#/$defs/") in SCHEMA["$defs"]
            for value in node.values():
                check(value)
        elif isinstance(node, list):
            for value in node:
                check(value)

    check(json.loads(text))


def test_the_schema_bounds_strings_and_amounts_and_names_the_enumerated_values() -> None:
    """As the structs do."""
    order = SCHEMA["$defs"]["OrderPlaced"]["properties"]
    assert order["order_id"] == {"type": "string", "minLength": 1, "maxLength": 256}
    number, text = order["amount"]["anyOf"]
    assert (number["type"], number["minimum"], number["maximum"]) == ("number", 0, AMOUNT_UNITS_MAX)
    assert text["type"] == "string"
    assert SCHEMA["$defs"]["CostIncurred"]["properties"]["amount"]["anyOf"][0]["minimum"] == -AMOUNT_UNITS_MAX
    assert sorted(
        SCHEMA["$defs"]["TicketMessage"]["properties"]["author"]["enum"], key=["customer", "agent", "bot"].index
    ) == ["customer", "agent", "bot"]
    assert {"from", "to"} <= set(SCHEMA["$defs"]["CostIncurred"]["properties"])


def test_definitions_name_no_field_or_type_that_is_not_in_the_contract() -> None:
    """The page that engine and oracle follow speaks of events that there are."""
    page = (Path(__file__).parents[2] / "docs" / "definitions.md").read_text()
    families = {kind.name.split(".")[0] for kind in KINDS}
    words = re.findall(r"`([a-z]+\.[a-z_]+)`", page)
    named = {word for word in words if word.split(".")[0] in families}
    assert named
    assert named <= set(KIND_OF_NAME)


def test_the_committed_schema_is_the_generated_one() -> None:
    """Write it again with `stream-kpis schema > docs/events.schema.json`."""
    committed = Path(__file__).parents[2] / "docs" / "events.schema.json"
    assert json.loads(committed.read_text("utf-8")) == json.loads(json.dumps(SCHEMA))
