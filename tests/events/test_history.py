"""Mappings and files: what they make, what they count, and how they say what is wrong, and where."""

import json
from pathlib import Path
from typing import Any

import pytest

from stream_kpis.events.history import Counts, History, MappingError, Miss, read_mapping
from tests.events.builders import CSV, ORDERS, imported, mistake, values


def missed(counts: Counts) -> dict[str, tuple[int, str, int]]:
    """Reason -> count, file and row of the first example."""
    return {str(miss): (tally.count, tally.file, tally.row) for miss, tally in counts.rows_without_event.items()}


def test_rows_become_cloud_events(tmp_path: Path) -> None:
    """With all that an event needs, in the order of the rows."""
    history = imported(tmp_path, ORDERS, orders_csv=CSV)
    first, second = history
    assert first[:4] == ("order.placed", "anna", 1_704_067_200_000, "crm.orders")
    assert json.loads(first.value) == {
        "specversion": "1.0",
        "id": "o1",
        "source": "shop",
        "type": "order.placed",
        "time": "2024-01-01T00:00:00Z",
        "subject": "anna",
        "data": {"order_id": "o1", "amount": "10.50"},
    }
    assert second.party == "ben"
    assert (history.counts.rows, history.counts.events, history.counts.rows_without_event) == (
        2,
        {"order.placed": 2},
        {},
    )


def test_rows_without_an_event_are_counted_by_reason_with_the_first_example(tmp_path: Path) -> None:
    """Nothing is lost silently, and nothing stops the import."""
    rows = [
        "anna,o1,2024-01-01,1",
        "anna,o2,,1",
        "anna,o3,  ,1",
        ",o4,2024-01-01,1",
        "anna,,2024-01-01,1",
        "anna,o6,2024-01-01,",
        "anna,o7,2024-01-01,one",
        "anna,o8,the 1st,1",
        "anna,o9,2024-01-01,-1",
        "anna,o10,2024-01-01",
        'anna,o11,2024-01-01,"1"1',
        "anna," + "x" * 257 + ",2024-01-01,1",
        "anna,\ud800,2024-01-01,1",
        "",
        "anna,o14,2024-01-01,2",
    ]
    text = ("customer,order,date,amount\n" + "\n".join(rows)).encode("utf-8", "surrogatepass")
    history = imported(tmp_path, ORDERS, orders_csv=text)
    assert [event["id"] for event in values(history)] == ["o1", "o14"]
    assert missed(history.counts) == {
        "undated": (2, "orders.csv", 2),
        "no_party": (1, "orders.csv", 4),
        "empty_field": (2, "orders.csv", 5),
        "bad_value": (5, "orders.csv", 7),
        "malformed_row": (2, "orders.csv", 10),
    }
    assert history.counts.rows == 14
    assert "amount: 'one' is not a number" in history.counts.rows_without_event[Miss.BAD_VALUE].detail
    assert history.counts.lines()[0] == "14 rows, 2 events: 2 order.placed"
    assert "no event, undated: 2 (first: orders.csv row 2: order.placed: the time is empty)" in history.counts.lines()


def test_a_row_may_give_several_events_each_under_its_condition(tmp_path: Path) -> None:
    """An unmet condition is no miss; a row whose conditions are all unmet is counted."""
    mapping = """\
        source: crm
        party: account
        files:
          deals.csv:
            events:
              - {type: deal.won, when: stage == 'Won', id: id & ':won', time: closed, data: {deal_id: id}}
              - {type: deal.lost, when: stage == 'Lost', id: id & ':lost', time: closed - 1s, data: {deal_id: id}}
              - {type: deal.activity, when: given(call), id: "'call:' & id", time: call, data: {deal_id: id}}
        """
    rows = ["a,1,Won,2024-01-02,2024-01-01", "a,2,Lost,2024-01-02,", "a,3,Open,,", "a,4,Won,,2024-01-01", "a,5,Won,,"]
    text = "account,id,stage,closed,call\n" + "\n".join(rows)
    history = imported(tmp_path, mapping, deals_csv=text)
    assert [(event["id"], event["time"]) for event in values(history)] == [
        ("1:won", "2024-01-02T00:00:00Z"),
        ("call:1", "2024-01-01T00:00:00Z"),
        ("2:lost", "2024-01-01T23:59:59Z"),
        ("call:4", "2024-01-01T00:00:00Z"),
    ]
    assert missed(history.counts) == {"no_condition_met": (1, "deals.csv", 3), "undated": (1, "deals.csv", 5)}
    assert {key: tally.count for key, tally in history.counts.events_missed.items()} == {("deal.won", Miss.UNDATED): 2}


def test_a_row_without_event_counts_once_with_its_first_reason(tmp_path: Path) -> None:
    """Unmet conditions say least, so any other reason goes before them."""
    cancelled = (
        "      - {type: order.cancelled, when: amount == 'x', id: order & '!', time: date, data: {order_id: order}}\n"
    )
    first = ORDERS.replace("      - type", cancelled + "      - type", 1)
    csv = "customer,order,date,amount\nanna,o1,,1\nanna,,2024-01-01,x\n"
    history = imported(tmp_path, first, orders_csv=csv)
    assert list(history) == []
    assert missed(history.counts) == {"undated": (1, "orders.csv", 1), "empty_field": (1, "orders.csv", 2)}
    assert history.counts.rows_without_event[Miss.EMPTY_FIELD].detail.startswith("order.cancelled: ")
    assert {str(miss) for _, miss in history.counts.events_missed} == {"undated", "empty_field"}


def test_numbers_beyond_all_bounds_are_bad_values(tmp_path: Path) -> None:
    """However a mapping multiplies them."""
    tower = "    let: {a: " + " * ".join(["amount"] * 40) + ", b: " + " * ".join(["a"] * 40) + "}\n    events"
    mapping = ORDERS.replace("amount: amount", "amount: b").replace("    events", tower)
    history = imported(tmp_path, mapping, orders_csv="customer,order,date,amount\nanna,o1,2024-01-01,1e999\n")
    assert list(history) == []
    assert missed(history.counts) == {"bad_value": (1, "orders.csv", 1)}


def test_a_joined_file_may_lie_beside_the_mapping(tmp_path: Path) -> None:
    """Where the data's folder has none."""
    mapping = ORDERS.replace("amount: amount", "amount: {lookup: {file: other.csv, on: order, take: price}}")
    imported(tmp_path, mapping, orders_csv=CSV, other_csv="order,price\no1,7\n")
    data = tmp_path / "data"
    data.mkdir()
    (tmp_path / "orders.csv").rename(data / "orders.csv")
    history = History([data / "orders.csv"], read_mapping(tmp_path / "mapping.yaml"))
    assert [event["data"]["amount"] for event in values(history)] == ["7"]
    (data / "other.csv").write_text("order,price\no1,8\n")
    history = History([data / "orders.csv"], read_mapping(tmp_path / "mapping.yaml"))
    assert [event["data"]["amount"] for event in values(history)] == ["8"]


def test_a_lookup_joins_another_file(tmp_path: Path) -> None:
    """By a column of the same name, or by any expression; what is not found is empty."""
    mapping = """\
        source: crm
        files:
          deals.csv:
            party: account
            let:
              region: {lookup: {file: other_teams.csv, on: agent, take: region}}
              boss: {lookup: {file: other_teams.csv, on: {agent: upper(agent) & '1'}, take: region}}
            events:
              - type: deal.created
                id: id
                time: day
                data: {deal_id: id, region: "first(region, 'nowhere')", team: boss}
        """
    teams = "agent,region,\nann,North,x\nBEN1,South,x\nann,North,y\ncid,,z\n"
    deals = "account,id,day,agent\na,1,2024-01-01,ann\na,2,2024-01-01,ben\na,3,2024-01-01,\na,4,2024-01-01,cid\n"
    history = imported(tmp_path, mapping, deals_csv=deals, other_teams_csv=teams)
    assert [event["data"] for event in values(history)] == [
        {"deal_id": "1", "region": "North"},
        {"deal_id": "2", "region": "nowhere", "team": "South"},
        {"deal_id": "3", "region": "nowhere"},
        {"deal_id": "4", "region": "nowhere"},
    ]
    again = mistake(tmp_path, mapping, deals_csv=deals, other_teams_csv=teams + "ann,West,\n")
    assert "mapping.yaml:6: files.deals.csv.let.region.lookup.file:" in again
    assert "other_teams.csv has two values of 'region' for agent 'ann'" in again
    wrong = mistake(tmp_path, mapping, deals_csv=deals, other_teams_csv="agnet,region\n")
    assert wrong.endswith("no column of other_teams.csv 'agent'; did you mean 'agnet'?")
    (tmp_path / "other_teams.csv").unlink()
    assert "other_teams.csv cannot be read: No such file" in mistake(tmp_path, mapping, deals_csv=deals)


def test_values_take_the_form_that_their_field_has(tmp_path: Path) -> None:
    """Numbers, conditions, times, enumerated words, and items of an order."""
    mapping = """\
        source: s
        party: who
        tables:
          answers: {"1": inbound}
        files:
          a.csv:
            events:
              - type: survey.answered
                id: "'a' & row"
                time: at
                data: {survey_id: row, score: n, kind: {constant: nps}}
              - type: lead.contacted
                id: "'b' & row"
                time: at
                data: {lead_id: who, automated: yes_no, outcome: {constant: replied}}
              - type: deal.created
                id: "'c' & row"
                time: at
                data: {deal_id: who, decision_makers: n, expected_close: at}
              - type: customer.churned
                id: "'d' & row"
                time: at
                data: {effective_at: at + days(n), voluntary: n == 7}
              - type: order.placed
                id: "'e' & row"
                time: at
                data:
                  order_id: who
                  amount: n * 1.5
                  items:
                    - {product: first_product, quantity: n}
                    - {product: second_product, amount: 2}
        """
    text = "who,at,n,yes_no,first_product,second_product\np,2024-01-01,7,Yes,tea,\n"
    assert [event["data"] for event in values(imported(tmp_path, mapping, a_csv=text))] == [
        {"survey_id": "1", "score": 7.0, "kind": "nps"},
        {"lead_id": "p", "automated": True, "outcome": "replied"},
        {"deal_id": "p", "decision_makers": 7, "expected_close": "2024-01-01"},
        {"effective_at": "2024-01-08T00:00:00Z", "voluntary": True},
        {"order_id": "p", "amount": "10.5", "items": [{"product": "tea", "quantity": 7.0}]},
    ]
    bad = imported(
        tmp_path, mapping, a_csv="who,at,n,yes_no,first_product,second_product\np,2024-01-01,7.5,maybe,tea,\n"
    )
    assert [event["type"] for event in values(bad)] == ["survey.answered", "customer.churned", "order.placed"]
    assert {key: tally.detail for key, tally in bad.counts.events_missed.items()} == {
        ("lead.contacted", Miss.BAD_VALUE): "automated: 'maybe' is neither true nor false",
        ("deal.created", Miss.BAD_VALUE): "decision_makers: 7.5 is not a whole number",
    }


def test_files_of_other_countries_are_read(tmp_path: Path) -> None:
    """Delimiter, encoding, decimal mark, time formats, zone, and words for nothing; the file's settings win."""
    mapping = """\
        source: laden
        zone: America/New_York
        times: "%d.%m.%Y"
        files:
          "*.csv":
            zone: Europe/Berlin
            times: ["%d.%m.%Y %H:%M", "%d.%m.%Y"]
            decimal: ","
            delimiter: ;
            encoding: cp1252
            empty: [k.A., "NULL"]
            party: Kunde
            events:
              - type: order.placed
                id: row & '@' & file
                time: Datum
                data: {order_id: row, amount: Betrag, channel: Kanal, product: "`Artikel Nr.`"}
        """
    text = "Kunde;Datum;Betrag;Kanal;Artikel Nr.\nJörg;02.01.2024 08:30;1.234,50;k.A.;A;\n".replace("A;\n", "A\n")
    history = imported(tmp_path, mapping, laden_csv=text.encode("cp1252"))
    assert values(history) == [
        {
            "specversion": "1.0",
            "id": "1@laden.csv",
            "source": "laden",
            "type": "order.placed",
            "time": "2024-01-02T07:30:00Z",
            "subject": "Jörg",
            "data": {"order_id": "1", "amount": "1234.50", "product": "A"},
        }
    ]


def test_json_lines_are_read_like_columns(tmp_path: Path) -> None:
    """Nested values by dotted names; digits stay as they are; what is absent is empty."""
    mapping = ORDERS.replace("*.csv", "*.jsonl").replace("party: customer", "party: customer.id")
    lines = [
        b'\xef\xbb\xbf{"customer": {"id": 7}, "order": "o1", "date": "2024-01-01", "amount": 10.10, "more": [1]}',
        b"",
        b'{"customer.id": "p", "order": 2, "date": "2024-01-01T00:00:00.5Z", "amount": "3"}',
        b'{"customer": "p", "order": 3, "date": "2024-01-01", "amount": 3}',
        b'{"customer": {"id": "p"}, "order": 4, "date": null, "amount": 3}',
        b"[1]",
        b'{"customer": ',
        b"[" * 50_000,
    ]
    history = imported(tmp_path, mapping, orders_jsonl=b"\n".join(lines))
    made = values(history)
    assert [(e["subject"], e["id"], e["data"]["amount"]) for e in made] == [("7", "o1", "10.10"), ("p", "2", "3")]
    assert missed(history.counts) == {
        "bad_value": (1, "orders.jsonl", 3),
        "undated": (1, "orders.jsonl", 4),
        "malformed_row": (3, "orders.jsonl", 5),
    }


def test_a_list_or_an_object_is_no_text(tmp_path: Path) -> None:
    """It is there, and cannot be read: a party that is a list is not a party with that name."""
    mapping = ORDERS.replace("*.csv", "*.jsonl").replace(
        "        id: order\n", "        id: order\n        when: given(more)\n"
    )
    lines = [
        b'{"customer": ["x"], "order": "o1", "date": "2024-01-01", "amount": 1, "more": {"a": 1}}',
        b'{"customer": "x", "order": {"a": 1}, "date": "2024-01-01", "amount": 1, "more": [1]}',
        b'{"customer": "x", "order": "o3", "date": "2024-01-01", "amount": 1, "more": [1]}',
        b'{"customer": "x", "order": "o4", "date": "2024-01-01", "amount": 1}',
    ]
    history = imported(tmp_path, mapping, orders_jsonl=b"\n".join(lines))
    assert [made["id"] for made in values(history)] == ["o3"]
    assert history.counts.lines()[1:] == [
        "no event, bad_value: 2 (first: orders.jsonl row 1: order.placed: customer is '[\"x\"]', a list or an object: one value is needed)",  # noqa: E501 - the line as it is
        "no event, no_condition_met: 1 (first: orders.jsonl row 4)",
    ]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (3, "a quote in the row of line 3 is not closed: all up to line 4 was taken for one field"),
        (9_000, "a quote in the row of line 3 is not closed: all up to line"),
    ],
)
def test_a_quote_that_is_not_closed_is_said_with_its_line(tmp_path: Path, rows: int, expected: str) -> None:
    """It swallows what follows: of a long file a part, of a short one all."""
    swallowed = "".join(f"ben,o{number},2024-01-02,3\n" for number in range(2, rows + 1))
    text = f'customer,order,date,amount\nanna,o1,2024-01-01,1\nben,"{swallowed}'
    history = imported(tmp_path, ORDERS, orders_csv=text)
    assert values(history)[0]["id"] == "o1"
    assert history.counts.rows_without_event[Miss.MALFORMED_ROW].detail.startswith(expected)


@pytest.mark.parametrize(
    ("rows", "rejected", "lines"),
    [
        ("", False, ["0 rows, 0 events: none", "nothing was read: there are no rows"]),
        (
            "anna,o1,,1\n",
            True,
            [
                "1 rows, 0 events: none",
                "no event, undated: 1 (first: orders.csv row 1: order.placed: the time is empty)",
                "nothing was read: not one of 1 rows gives an event",
            ],
        ),
    ],
)
def test_that_nothing_was_read_is_said(tmp_path: Path, rows: str, rejected: bool, lines: list[str]) -> None:
    history = imported(tmp_path, ORDERS, orders_csv="customer,order,date,amount\n" + rows)
    assert list(history) == []
    assert (history.counts.all_rejected, history.counts.lines()) == (rejected, lines)


def test_a_report_does_nothing_to_the_terminal(tmp_path: Path) -> None:
    """Names of files are anybody's."""
    history = imported(tmp_path, ORDERS, **{"a\x1b[2J_csv": "customer,order,date,amount\nanna,o1,,1\n"})
    assert list(history) == []
    assert "(first: a\\x1b[2J.csv row 1: order.placed: the time is empty)" in history.counts.lines()[1]


def test_what_rows_with_events_missed_is_said_beside_what_rows_without_did(tmp_path: Path) -> None:
    """The same rows are not told twice."""
    cancelled = "      - {type: order.cancelled, id: order & '!', time: date, data: {order_id: order}}\n"
    mapping = ORDERS.replace("      - type", cancelled + "      - type", 1)
    csv = "customer,order,date,amount\nanna,o1,,1\nanna,o2,2024-01-01,\n"
    history = imported(tmp_path, mapping, orders_csv=csv)
    assert len(list(history)) == 1
    assert history.counts.lines()[1:] == [
        "no event, undated: 1 (first: orders.csv row 1: order.cancelled: the time is empty)",
        "order.cancelled missed, undated: 1 (first: orders.csv row 1: the time is empty)",
        "order.placed missed, empty_field: 1 (first: orders.csv row 2: amount is empty)",
        "order.placed missed, undated: 1 (first: orders.csv row 1: the time is empty)",
    ]


def test_events_in_no_currency_are_bad_values(tmp_path: Path) -> None:
    """Those in another one than the reporting one are not: there may be a rate."""
    mapping = ORDERS.replace("amount: amount}", "amount: amount, currency: {constant: XTS}}")
    history = imported(tmp_path, mapping, orders_csv=CSV)
    assert list(history) == []
    assert missed(history.counts) == {"bad_value": (2, "orders.csv", 1)}
    (tally,) = history.counts.rows_without_event.values()
    assert tally.detail == "order.placed: currency: XTS is no currency of ISO 4217"
    assert len(list(imported(tmp_path, mapping.replace("XTS", "EUR"), orders_csv=CSV))) == 2


def test_a_file_is_read_as_it_goes(tmp_path: Path) -> None:
    """Counts are right during the iteration too; iterating anew begins anew."""
    history = imported(tmp_path, ORDERS, orders_csv=CSV)
    events = iter(history)
    next(events)
    assert history.counts.rows == 1
    next(events)
    assert history.counts.rows == 2
    assert 2 == len(list(history)) == history.counts.rows


def test_several_files_take_the_first_pattern_that_matches(tmp_path: Path) -> None:
    """Each with its own events; a file that nothing matches is a mistake, not skipped."""
    customers = "  customers*.csv: {party: id, events: [{type: customer.created, id: id, time: since}]}\n"
    mapping = ORDERS.replace("files:\n", "files:\n" + customers)
    history = imported(tmp_path, mapping, orders_csv=CSV, customers1_csv="id,since\nanna,2023-01-01\n")
    assert [event["type"] for event in values(history)] == ["order.placed", "order.placed", "customer.created"]
    text = mistake(tmp_path, mapping, orders_txt=CSV)
    assert text == "mapping.yaml:1: files: no pattern matches 'orders.txt'; there are: customers*.csv, *.csv"


def test_files_that_cannot_be_opened_are_named(tmp_path: Path) -> None:
    """The mapping itself, and the data."""
    assert "mapping.yaml:3: files.*.csv: none.csv cannot be read: No such file" in _mistake_of(tmp_path, "none.csv")
    with pytest.raises(MappingError, match=r"none\.yaml:1: cannot be read: No such file"):
        read_mapping(tmp_path / "none.yaml")


def test_the_format_of_a_file_is_told_by_its_name_or_by_the_mapping(tmp_path: Path) -> None:
    """Tabs in .tsv; an unknown ending needs a word."""
    tabs = CSV.replace(",", "\t")
    everything = ORDERS.replace('"*.csv"', '"orders*"')
    assert len(list(imported(tmp_path, everything, orders_tsv=tabs))) == 2
    assert "cannot tell what 'orders.dat' is: add format: csv" in mistake(tmp_path, everything, orders_dat=CSV)
    told = everything.replace("    party", "    format: csv\n    delimiter: tab\n    party")
    assert len(list(imported(tmp_path, told, orders_dat=tabs))) == 2


def _mistake_of(folder: Path, name: str) -> Any:
    (folder / "mapping.yaml").write_text(ORDERS)
    with pytest.raises(MappingError) as caught:
        History([folder / name], read_mapping(folder / "mapping.yaml"))
    return str(caught.value)
