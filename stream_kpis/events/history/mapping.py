"""The schema of a mapping: what the YAML says, checked against the event contract before any row is read."""

import re
import time
import zoneinfo
from collections.abc import Callable, Iterator
from collections.abc import Mapping as ReadOnly
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path

from stream_kpis.events.history.binding import Lookup, Scope, bind, walk
from stream_kpis.events.history.document import Entry, MistakeError, Place, read_document, unknown
from stream_kpis.events.history.expressions import parse
from stream_kpis.events.history.fields import CONDITION_TYPES, Field, fields_of
from stream_kpis.events.history.rules import FORMATS, EventRule, FieldRule, FileRule, Formula, Mapping
from stream_kpis.events.history.trees import (
    BOOL,
    TEXT,
    TIME,
    Expr,
    Names,
    Type,
    coerce,
    column,
    constant,
)
from stream_kpis.events.history.values import NAMED_FORMATS, NUMBERS, BadValueError
from stream_kpis.events.types import ANY_TOPIC, KIND_OF_NAME, STRING_BYTES_MAX

_EVERYWHERE = ("source", "zone", "times", "decimal", "empty", "party")
TOP = (*_EVERYWHERE, "tables", "files")
FILE = (*_EVERYWHERE, "format", "delimiter", "encoding", "let", "events")
EVENT = ("type", "when", "party", "id", "time", "data")


def read_mapping(path: Path) -> Mapping:
    """The mapping of a YAML file.

    Raises:
        MappingError: one line that names file, line, field, mistake and the nearest valid word.
    """
    top = read_document(path).keys(TOP, required=("source", "files"))
    tables = _tables(top["tables"]) if "tables" in top else {}
    base = _defaults(FileRule("", top["files"].place), top, Names(tables, {}))
    files = tuple(
        _file_rule(replace(base, pattern=pattern, place=entry.place), entry, tables)
        for pattern, entry in top["files"].keys().items()
    )
    if not files:
        raise top["files"].place.error("names no file")
    return Mapping(path, files, tables)


def _tables(entry: Entry) -> dict[str, dict[str, str]]:
    return {name: {word: value.text() for word, value in table.keys().items()} for name, table in entry.keys().items()}


def _defaults(rule: FileRule, keys: dict[str, Entry], names: Names) -> FileRule:
    """The rule with what may stand both at the top and at a file."""
    reading = rule.reading
    if zone := keys.get("zone"):
        reading = replace(reading, zone=_one_of(zone, "zone", zoneinfo.available_timezones()))
    if times := keys.get("times"):
        reading = replace(reading, formats=tuple(_time_format(times.place, text) for text in times.texts()))
    if decimal := keys.get("decimal"):
        reading = replace(reading, decimal=_one_of(decimal, "decimal mark", NUMBERS))
    rule = replace(rule, reading=reading)
    if source := keys.get("source"):
        if len(source.text().encode()) > STRING_BYTES_MAX:
            raise source.place.error(f"is longer than {STRING_BYTES_MAX} bytes")
        rule = replace(rule, source=source.text())
    if empty := keys.get("empty"):
        rule = replace(rule, empty=frozenset(empty.texts()))
    if party := keys.get("party"):
        rule = replace(rule, party=_formula(party, names, TEXT))
    return rule


def _time_format(place: Place, text: str) -> str:
    if text in NAMED_FORMATS:
        return text
    if "%" not in text:
        raise place.error(f"{text!r} is no time format: use {', '.join(NAMED_FORMATS)}, or a pattern such as %d/%m/%Y")
    try:
        # strptime knows only which patterns are wrong once it has a text: a wrong directive is told apart by its words.
        time.strptime("", text)
    except (ValueError, re.error) as error:
        if "does not match" not in str(error):
            raise place.error(error) from None
    return text


def _one_of(entry: Entry, what: str, valid: "ReadOnly[str, object] | AbstractSet[str]") -> str:
    text = entry.text()
    if text not in valid:
        raise entry.place.error(unknown(what, text, valid))
    return text


def _file_rule(base: FileRule, entry: Entry, tables: dict[str, dict[str, str]]) -> FileRule:
    keys = entry.keys(FILE, required=("events",))
    names = Names(tables, {})
    for name, value in keys["let"].keys().items() if "let" in keys else ():
        names = Names(tables, {**names.values, name: _formula(value, names).expr})
    rule = _defaults(base, keys, names)
    if kind := keys.get("format"):
        rule = replace(rule, format=_one_of(kind, "format", FORMATS))
    if delimiter := keys.get("delimiter"):
        rule = replace(rule, delimiter=_delimiter(delimiter))
    if encoding := keys.get("encoding"):
        rule = replace(rule, encoding=_encoding(encoding))
    rule = replace(rule, events=tuple(_event_rule(item, rule, names) for item in keys["events"].items()))
    _check_constants(rule, tables)
    _check_ids(rule)
    return rule


def _delimiter(entry: Entry) -> str:
    text = entry.text()
    if text == "tab":
        return "\t"
    if len(text) != 1:
        raise entry.place.error("must be one character, or tab")
    return text


def _encoding(entry: Entry) -> str:
    try:
        "".encode(entry.text())
    except LookupError:
        raise entry.place.error(
            f"no encoding {entry.text()!r}; common ones are utf-8, cp1252, latin-1, utf-16"
        ) from None
    return entry.text()


def _event_rule(entry: Entry, rule: FileRule, names: Names) -> EventRule:
    keys = entry.keys(EVENT, required=("type",))
    kind = KIND_OF_NAME.get(keys["type"].text())
    if kind is None or kind.topic == ANY_TOPIC:
        kinds = (name for name, known in KIND_OF_NAME.items() if known.topic != ANY_TOPIC)
        raise keys["type"].place.error(unknown("event type", keys["type"].text(), kinds))
    for key, hint in (("id", "an expression that is unique per event"), ("time", "when it happened")):
        if key not in keys:
            raise entry.place.error(f"{kind.name} needs {key!r}: {hint}")
    party = _formula(keys["party"], names, TEXT) if "party" in keys else rule.party
    if party is None:
        raise entry.place.error(f"{kind.name} needs 'party', here, at its file or at the top: whom it is about")
    return EventRule(
        kind,
        _formula(keys["when"], names, BOOL) if "when" in keys else None,
        party,
        _formula(keys["id"], names, TEXT),
        _formula(keys["time"], names, TIME),
        _data(keys.get("data"), entry.place, kind.name, fields_of(kind.data), names),
    )


def _data(
    entry: Entry | None, place: Place, owner: str, fields: ReadOnly[str, Field], names: Names
) -> tuple[FieldRule, ...]:
    entries = entry.keys() if entry else {}
    for name, value in entries.items():
        if name not in fields:
            raise value.place.error(unknown(f"field of {owner}", name, fields))
    for name, field in fields.items():
        if field.required and name not in entries:
            raise (entry.place if entry else place).error(f"{owner} needs {name!r}")
    return tuple(_field_rule(fields[name], value, names) for name, value in entries.items())


def _field_rule(field: Field, entry: Entry, names: Names) -> FieldRule:
    if field.inner is not None:
        elements = (_data(item, item.place, field.name, field.inner, names) for item in entry.items())
        return FieldRule(field, None, tuple(elements))
    formula = _formula(entry, names, field.type)
    if field.type is None and formula.expr.type not in CONDITION_TYPES:
        raise entry.place.error(f"a {formula.expr.type} is no condition")
    if field.choices:
        for word in _possible(formula.expr, names):
            if word not in field.choices:
                raise entry.place.error(unknown("value", word, field.choices))
    return FieldRule(field, formula)


def _formula(entry: Entry, names: Names, target: Type | None = None) -> Formula:
    expr = _long_form(entry, names) if entry.is_mapping else _placed(entry.place, lambda: parse(entry.text(), names))
    for part in walk(expr):
        for text in part.value or () if part.op == "time" else ():
            _time_format(entry.place, text)
    return Formula(_placed(entry.place, lambda: coerce(expr, target) if target else expr), entry.place)


def _long_form(entry: Entry, names: Names) -> Expr:
    keys = entry.keys(("constant", "lookup"))
    if len(keys) != 1:
        raise entry.place.error("must be an expression, {constant: …} or {lookup: {file: …, on: …, take: …}}")
    if "constant" in keys:
        return constant(keys["constant"].text())
    lookup = keys["lookup"].keys(("file", "on", "take"), required=("file", "on", "take"))
    on = lookup["on"]
    if on.is_mapping:
        pairs = on.keys()
        if len(pairs) != 1:
            raise on.place.error("must be one column of the other file, and the expression that equals it")
        ((key, value),) = pairs.items()
        of = _formula(value, names, TEXT).expr
    else:
        key = on.text()
        of = names.values.get(key) or column(key)
    spec = Lookup(lookup["file"].text(), key, lookup["take"].text(), lookup["file"].place)
    return Expr("lookup", TEXT, (_placed(on.place, lambda: coerce(of, TEXT)),), spec)


def _placed(place: Place, make: Callable[[], Expr]) -> Expr:
    try:
        return make()
    except MistakeError as mistake:
        raise place.error(mistake) from None


def _possible(expr: Expr, names: Names) -> Iterator[str]:
    """The constants that the expression may give, as far as the mapping alone tells."""
    match expr.op:
        case "constant" if isinstance(expr.value, str):
            yield expr.value
        case "translate":
            yield from names.tables[expr.value].values()
        case "first" | "if":
            for arg in expr.args[expr.op == "if" :]:
                yield from _possible(arg, names)


def _check_constants(rule: FileRule, tables: ReadOnly[str, ReadOnly[str, str]]) -> None:
    """Binds every formula once, so that a constant which is not what it is taken for is found now."""
    columns = dict.fromkeys(rule.columns(), 0)
    scope = Scope(columns, rule.reading, tables, {lookup: {} for lookup in rule.lookups()}, "")
    for formula in rule.formulas():
        try:
            bind(formula.expr, scope)
        except BadValueError as error:
            raise formula.place.error(error) from None


def _check_ids(rule: FileRule) -> None:
    """Two events of a row must not share an id: the second would be a conflict."""
    seen: set[tuple[Expr, Expr]] = set()
    for event in rule.events:
        identity = (event.party.expr, event.id.expr)
        if identity in seen:
            raise event.id.place.error("is the id of another event of this file too: add a word, as in id & ':won'")
        seen.add(identity)
