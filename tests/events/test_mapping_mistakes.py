"""Mistakes in a mapping: file, line, field, mistake and the nearest valid word, before any row is read."""

from itertools import pairwise
from pathlib import Path

import pytest

from tests.events.builders import CSV, ORDERS, mistake

EVENT = "files.*.csv.events[1]"
AMOUNT = f"mapping.yaml:9: {EVENT}.data.amount"
LONG = "4: files.*.csv.let.n: is too long, with the named values in it"
MESSAGES = ORDERS.replace("order.placed", "ticket.message").replace(
    "{order_id: order, amount: amount}", "{ticket_id: a, author: AUTHOR}"
)


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        ("", "mapping.yaml:1: is empty"),
        ("a: [", "mapping.yaml:1: is not YAML: expected the node content, but found '<stream end>'"),
        ("a: 1\nb: 'x", "mapping.yaml:2: is not YAML: found unexpected end of stream"),
        ("- a", "mapping.yaml:1: must be keys with values"),
        ("source: s", "mapping.yaml:1: 'files' is missing"),
        ("source: s\nfiles: {}", "mapping.yaml:2: files: names no file"),
    ],
)
def test_documents_that_are_no_mapping(tmp_path: Path, mapping: str, expected: str) -> None:
    """From the file to its sections."""
    assert expected == mistake(tmp_path, mapping)


@pytest.mark.parametrize(
    ("top", "expected"),
    [
        ("sources: shop", "1: sources: no key 'sources'; did you mean 'source'?"),
        ("source:", "1: source: is empty"),
        ("source: [a]", "1: source: must be one value, not a list or keys"),
        (f"source: {'x' * 257}", "1: source: is longer than 256 bytes"),
        ("source: a\nsource: b", "2: source: is given twice"),
        ("source: a\nzone: Europe/Berln", "2: zone: no zone 'Europe/Berln'; did you mean 'Europe/Berlin'?"),
        ("source: a\ntimes: iso8601", "2: times: 'iso8601' is no time format: use iso, unix, unix_ms"),
        ("source: a\ntimes: '%Q'", "2: times: 'Q' is a bad directive in format '%Q'"),
        ("source: a\ndecimal: ;", "2: decimal: no decimal mark ';'; there are: ,, ."),
        ("source: a\ntables: [b]", "2: tables: must be keys with values"),
    ],
)
def test_mistakes_at_the_top(tmp_path: Path, top: str, expected: str) -> None:
    """Each names its line and key."""
    assert mistake(tmp_path, ORDERS.replace("source: shop", top)).startswith(f"mapping.yaml:{expected}")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", "5: files.*.csv.events[1]: order.placed needs 'party', here, at its file or at the top"),
        ("party: customer +", "4: files.*.csv.party: the expression ends too early"),
        ("encoding: utf8000", "4: files.*.csv.encoding: no encoding 'utf8000'"),
        ("delimiter: ab", "4: files.*.csv.delimiter: must be one character, or tab"),
        ("format: xls", "4: files.*.csv.format: no format 'xls'; there are: csv, jsonl"),
        ("let: {a: 1 +}", "4: files.*.csv.let.a: the expression ends too early"),
        (f"let: {{a: {'1 + ' * 100}1}}", "4: files.*.csv.let.a: the expression is too long"),
        (
            "let: {" + "a: 1 + row, " + ", ".join(f"{n}: {p} + {p}" for p, n in pairwise("abcdefghijklmnopq")) + "}",
            LONG,
        ),
        (f"let: {{a: 1{' + row' * 95}, b: a{' + row' * 95}, n: b{' + row' * 95}}}", LONG),
        ("event: []", "4: files.*.csv.event: no key 'event'; did you mean 'events'?"),
    ],
)
def test_mistakes_at_a_file(tmp_path: Path, line: str, expected: str) -> None:
    """Settings of a file, and the party that all events need."""
    mapping = ORDERS.replace("    party: customer\n", f"    {line}\n" if line else "")
    assert mistake(tmp_path, mapping).startswith(f"mapping.yaml:{expected}")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("order.placed", "order.place", "6: {}.type: no event type 'order.place'; did you mean 'order.placed'?"),
        ("order.placed", "event.voided", "6: {}.type: no event type 'event.voided'"),
        ("        id: order\n", "", "6: {}: order.placed needs 'id': an expression that is unique per event"),
        ("        time: date\n", "", "6: {}: order.placed needs 'time': when it happened"),
        ("time: date", "time: row", "8: {}.time: a number is no time"),
        ("time: date", "time: '''soon'''", "8: {}.time: 'soon' is not a time (iso)"),
        ("time: date", "time: time(date, '%Q')", "8: {}.time: 'Q' is a bad directive in format '%Q'"),
        ("time: date", "time: first(date, time(order, 'day'))", "8: {}.time: 'day' is no time format: use iso, unix"),
        ("time: date", "when: date\n        time: date", "8: {}.when: a text is no condition: compare it"),
        ("amount: amount", "amuont: 1", "9: {}.data.amuont: no field of order.placed 'amuont'; did you mean 'amount'?"),
        (", amount: amount", "", "9: {}.data: order.placed needs 'amount'"),
        ("        data: {order_id: order, amount: amount}\n", "", "6: {}: order.placed needs 'order_id'"),
        ("amount}", "1, upsell: row}", "9: {}.data.upsell: a number is no condition"),
        ("amount}", "1, items: [{quantity: 1}]}", "9: {}.data.items[1]: items needs 'product'"),
        ("amount}", "1, items: []}", "9: {}.data.items: must be a list with at least one entry"),
    ],
)
def test_mistakes_in_an_event(tmp_path: Path, old: str, new: str, expected: str) -> None:
    """Checked against the event contract."""
    assert old in ORDERS
    assert mistake(tmp_path, ORDERS.replace(old, new)).startswith("mapping.yaml:" + expected.format(EVENT))


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("1h", ": a duration is no number: divide it by a unit"),
        ("{constant: ten}", ": 'ten' is not a number"),
        ("{constnat: 1}", ".constnat: no key 'constnat'; did you mean 'constant'?"),
        ("{}", ": must be an expression, {constant: …} or {lookup: {file: …, on: …, take: …}}"),
        ("{lookup: {file: a, on: b}}", ".lookup: 'take' is missing"),
        ("{lookup: {file: a, on: {}, take: c}}", ".lookup.on: must be one column of the other file"),
        ("{lookup: {file: a, on: {b: 1h}, take: c}}", ".lookup.on.b: a duration is no text"),
        ("{lookup: {file: a, on: b, take: c}, constant: 1}", ": must be an expression"),
    ],
)
def test_mistakes_in_a_value(tmp_path: Path, amount: str, expected: str) -> None:
    """An expression, a constant, or a lookup."""
    assert mistake(tmp_path, ORDERS.replace("amount: amount", f"amount: {amount}")).startswith(AMOUNT + expected)


@pytest.mark.parametrize(
    ("author", "expected"),
    [
        ("{constant: agnet}", "no value 'agnet'; did you mean 'agent'?"),
        ("\"if(row > 1, 'bot', 'robot')\"", "no value 'robot'; did you mean 'bot'?"),
        ("\"first(b, 'human')\"", "no value 'human'; there are: agent, bot, customer"),
        ('"translate(b, people)"', "no value 'staff'; there are: agent, bot, customer"),
    ],
)
def test_constants_of_enumerated_fields_are_checked_wherever_they_come_from(
    tmp_path: Path, author: str, expected: str
) -> None:
    """Also those of a translation table."""
    mapping = "tables: {people: {A: agent, S: staff}}\n" + MESSAGES.replace("AUTHOR", author)
    assert mistake(tmp_path, mapping) == f"mapping.yaml:10: {EVENT}.data.author: {expected}"


def test_two_events_of_a_row_cannot_share_their_id(tmp_path: Path) -> None:
    """The second would be a conflict in the stream."""
    second = ORDERS[ORDERS.index("      - type") :].replace("order.placed", "order.cancelled")
    assert mistake(tmp_path, ORDERS + second.replace(", amount: amount", "")).startswith(
        "mapping.yaml:11: files.*.csv.events[2].id: is the id of another event of this file too: add a word"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "customer,order,dat,amount\n",
            f"8: {EVENT}.time: no column of orders.csv 'date'; did you mean 'dat'?",
        ),
        ("", "3: files.*.csv: orders.csv has no header line"),
        (
            CSV.encode("utf-16"),
            "3: files.*.csv: orders.csv is no utf-8 text: if it is a CSV file, set its encoding, such as utf-16",
        ),
        (b"PK\x03\x04\x1b[2J", "3: files.*.csv: orders.csv is no utf-8 text: if it is a CSV file, set its encoding"),
        (
            CSV.replace(",", ";"),
            (
                "4: files.*.csv.party: no column of orders.csv 'customer'; there are: customer;order;date;amount"
                ' (the header is one column: set delimiter: ";")'
            ),
        ),
        (
            CSV.replace("customer", "käufer").encode("cp1252"),
            (
                "4: files.*.csv.party: no column of orders.csv 'customer'; there are: amount, date, k\\udce4ufer, order"
                " (if its letters look wrong, set its encoding, such as cp1252)"
            ),
        ),
        ('"customer,order\n', "3: files.*.csv: orders.csv is no CSV file: unexpected end of data"),
        ("date,order,date,customer\n", "3: files.*.csv: orders.csv has more than one column 'date'"),
    ],
)
def test_files_that_do_not_fit_the_mapping_are_found_before_any_row(
    tmp_path: Path, text: str | bytes, expected: str
) -> None:
    """The header is enough."""
    assert mistake(tmp_path, ORDERS, orders_csv=text).startswith(f"mapping.yaml:{expected}")
