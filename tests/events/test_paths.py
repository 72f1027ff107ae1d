"""Dotted names in JSON lines and Parquet files: where they lead, where they cannot, and which no row has."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from stream_kpis.events.history import History, read_mapping
from stream_kpis.events.history.paths import Sought
from tests.events.builders import ORDERS, imported, mistake, values

LINES = ORDERS.replace("*.csv", "*.jsonl")
ITEMS = LINES.replace(
    "amount: amount}",
    "amount: amount, items: [{product: l.0.p, quantity: l.0.q, amount: l.0.a}, "
    "{product: l.1.p, quantity: l.1.q, amount: l.1.a}]}",
)
SHOE, HAT = {"p": "shoe", "q": 1, "a": 60}, {"p": "hat", "q": 2, "a": 40}


def lines(*rows: dict[str, Any]) -> str:
    """Rows as JSON lines, with what an order needs."""
    first = {"customer": "ann", "date": "2024-01-01", "amount": 100}
    return "\n".join(json.dumps({**first, "order": f"o{number}", **row}) for number, row in enumerate(rows))


def data(history: History) -> list[dict[str, Any]]:
    """What the events say beside id and amount."""
    return [
        {name: value for name, value in event["data"].items() if name not in {"order_id", "amount"}}
        for event in values(history)
    ]


def with_channel(expression: str) -> str:
    """The mapping with an optional column."""
    return LINES.replace("amount: amount}", f'amount: amount, channel: "{expression}"}}')


def test_a_number_is_an_element_of_a_list(tmp_path: Path) -> None:
    """One that is not there is nothing, and so is a list that is not."""
    rows = lines({"l": [SHOE, HAT]}, {"l": [HAT]}, {"l": []}, {"l": None}, {})
    shoe, hat = ({"product": line["p"], "quantity": line["q"], "amount": str(line["a"])} for line in (SHOE, HAT))
    history = imported(tmp_path, ITEMS, orders_jsonl=rows)
    assert data(history) == [{"items": [shoe, hat]}, {"items": [hat]}, {"items": []}, {"items": []}, {"items": []}]
    assert history.absent() == []


def test_a_list_that_is_longer_than_the_mapping_can_be_refused(tmp_path: Path) -> None:
    mapping = ITEMS.replace("  id: order\n", "  id: order\n        when: not given(l.2)\n")
    history = imported(tmp_path, mapping, orders_jsonl=lines({"l": [SHOE, HAT, HAT]}, {"l": [SHOE, HAT]}))
    assert [len(event["items"]) for event in data(history)] == [2]
    assert history.counts.lines()[1] == "no event, no_condition_met: 1 (first: orders.jsonl row 1)"


def test_a_number_is_an_element_of_a_list_of_parquet(tmp_path: Path) -> None:
    file = tmp_path / "orders.parquet"
    select = """SELECT 'ann' AS customer, 'o1' AS "order", '2024-01-01' AS date, 9 AS amount, [{'p': 'web'}] AS l"""
    duckdb.connect().execute(f"COPY ({select}) TO '{file}' (FORMAT parquet)")
    for name, found in (("l.0.p", [{"channel": "web"}]), ("l.1.p", [{}]), ("l.p", [])):
        (tmp_path / "mapping.yaml").write_text(with_channel(name).replace("*.jsonl", "*.parquet"))
        assert data(History([file], read_mapping(tmp_path / "mapping.yaml"))) == found


@pytest.mark.parametrize(
    ("name", "row", "expected"),
    [
        ("l.p", {"l": [SHOE]}, "channel: l is a list: name one of its elements, such as the first, l.0.p"),
        ("given(l.p)", {"l": [SHOE]}, "l is a list: name one of its elements"),
        ("first(l.p, 'web')", {"l": [SHOE]}, "l is a list: name one of its elements"),
        ("a.b.c", {"a": {"b": [1]}}, "a.b is a list: name one of its elements, such as the first, a.b.0.c"),
        ("a.b.c", {"a": {"b": 7}}, "a.b is '7', no object: name it a.b, or first(a.b.c, a.b) if it can be either"),
        ("first(a.b, a.c)", {"a": "x"}, "a is 'x', no object"),
        ("l.0.p", {"l": ["x"]}, "l.0 is 'x', no object"),
        ("l.0", {"l": [SHOE]}, 'l.0 is \'{"p":"shoe","q":1,"a":60}\', a list or an object'),
    ],
)
def test_a_path_that_leads_nowhere_is_a_bad_value(
    tmp_path: Path, name: str, row: dict[str, Any], expected: str
) -> None:
    """And says what to do."""
    condition = name.startswith("given")
    mapping = LINES.replace("  id: order", f"  id: order\n        when: {name}") if condition else with_channel(name)
    history = imported(tmp_path, mapping, orders_jsonl=lines(row))
    assert values(history) == []
    (tally,) = history.counts.rows_without_event.values()
    assert expected in tally.detail
    assert history.counts.lines()[1].startswith("no event, bad_value: 1")


def test_what_is_an_object_in_some_rows_only_is_read_in_both_forms(tmp_path: Path) -> None:
    """As systems write a reference that they may expand."""
    rows = lines({"via": {"id": "shop"}}, {"via": "web"}, {"via": ""}, {"via": None})
    found = [{"channel": "shop"}, {"channel": "web"}, {}, {}]
    for expression in ("first(via.id, via)", "if(given(via.id), via.id, via)"):
        assert data(imported(tmp_path, with_channel(expression), orders_jsonl=rows)) == found


@pytest.mark.parametrize(
    ("name", "row", "near"),
    [
        ("chanel", {"channel": "web"}, "did you mean 'channel'?"),
        ("via.chanel", {"via": {"channel": "web"}}, "did you mean 'via.channel'?"),
        ("via.0.chanel", {"via": [{"channel": "web"}]}, "did you mean 'via.0.channel'?"),
        ("zzz", {}, "there are: amount, customer, date, order"),
    ],
)
def test_a_column_that_no_row_has_is_named(tmp_path: Path, name: str, row: dict[str, Any], near: str) -> None:
    history = imported(tmp_path, with_channel(name), orders_jsonl=lines(row, row))
    assert history.absent() == []
    assert data(history) == [{}, {}]
    line = f"mapping.yaml:9: files.*.jsonl.events[1].data.channel: no row of *.jsonl has {name!r}; {near}"
    assert history.absent() == [line]


@pytest.mark.parametrize("some", [{"channel": "web"}, {"channel": None}, {"channel": ""}])
def test_one_row_of_any_file_is_enough(tmp_path: Path, some: dict[str, Any]) -> None:
    """Whatever its value: files of months without one are no mistake."""
    history = imported(tmp_path, with_channel("channel"), a_jsonl=lines({}, {}), b_jsonl=lines({}, some), c_jsonl="")
    list(history)
    assert history.absent() == []


def test_of_no_rows_nothing_is_missed(tmp_path: Path) -> None:
    history = imported(tmp_path, with_channel("chanel"), orders_jsonl="[1]\n")
    list(history)
    assert history.absent() == []


def test_names_are_noted_within_bounds() -> None:
    """Whatever the rows are like: wide, deep, and each one other."""
    sought = Sought(["nmae"])
    deep: dict[str, Any] = {}
    for _ in range(500):
        deep = {"d": deep}
    for number in range(1_500):
        sought.see({f"{number} {key}": deep for key in range(10)} | {"x" * 10_000: 1})
    (names,) = sought.absent().values()
    assert len(names) == 1_000
    assert max(map(len, names)) <= 100
    sought.see({"nmae": None})
    assert sought.absent() == {}


@pytest.mark.parametrize(
    ("teams", "expected"),
    [
        ('{"agnet": "ann", "region": "North"}', "no row of other_teams.jsonl has 'agent'; did you mean 'agnet'?"),
        ('{"agent": "ann", "region": ["North"]}', "other_teams.jsonl: '[\"North\"]' is a list or an object"),
        ('{"agent": "ann", "region": "North"}', ""),
    ],
)
def test_a_lookup_says_what_it_lacks(tmp_path: Path, teams: str, expected: str) -> None:
    mapping = LINES.replace(
        "amount: amount}",
        "amount: amount, channel: {lookup: {file: other_teams.jsonl, on: {agent: customer}, take: region}}}",
    )
    if expected:
        assert mistake(tmp_path, mapping, orders_jsonl=lines({}), other_teams_jsonl=teams).endswith(expected)
    else:
        found = data(imported(tmp_path, mapping, orders_jsonl=lines({}), other_teams_jsonl=teams))
        assert found == [{"channel": "North"}]


@pytest.mark.parametrize("via", ["NA", " ", "", False, None, [], " NA "])
def test_what_stands_for_nothing_has_no_members_either(tmp_path: Path, via: object) -> None:
    """The event counts, as it does where a plain column says so."""
    mapping = with_channel("via.id").replace("party: customer", "empty: [NA]\n    party: customer")
    history = imported(tmp_path, mapping, orders_jsonl=lines({"via": via}, {"via": {"id": "web"}}))
    assert data(history) == [{}, {"channel": "web"}]
