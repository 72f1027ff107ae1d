"""Values from events alone: what is known when, over which windows and periods."""

import json
import re
from datetime import UTC as UTC_ZONE
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from stream_kpis.cli import cli
from stream_kpis.engine.tiles import DAY_MS, Calendar
from stream_kpis.events.envelope import Reader, encode_event
from stream_kpis.events.history import Imported
from stream_kpis.events.types import KIND_OF_NAME
from stream_kpis.live.asks import Ask, asks_of
from stream_kpis.live.evaluate import Evaluation, evaluate, print_evaluation
from stream_kpis.live.model.snapshot import State, Value
from stream_kpis.plan import compile_plan
from stream_kpis.settings import load

pytestmark = pytest.mark.slow

PLAN = compile_plan(load(environment={}))
UTC = Calendar()
MARCH_MS = 1_772_323_200_000
"""2026-03-01T00:00:00Z"""


def event(kind: str, time: str, party: str = "p", source: str = "s", **data: object) -> Imported:
    id_ = f"{kind} {time} {sorted(data.items())}"
    value = encode_event(kind, id=id_, source=source, time=time, subject=party, data=data)
    (ask,) = asks_of(UTC, [time])
    return Imported(kind, party, ask.to_ms, KIND_OF_NAME[kind].topic, value)


def order(day: str, amount: float = 10, party: str = "p", number: str = "") -> Imported:
    return event("order.placed", f"{day}T12:00:00Z", party, order_id=number or day, amount=amount)


def void(of: Imported, day: str) -> Imported:
    """Takes an event back, on a day."""
    id_ = json.loads(of.value)["id"]
    data = {"source": "s", "id": id_}
    value = encode_event(
        "event.voided", id=f"void {id_}", source="s", time=f"{day}T12:00:00Z", subject=of.party, data=data
    )
    (ask,) = asks_of(UTC, [f"{day}T12:00:00Z"])
    return Imported("event.voided", of.party, ask.to_ms, of.topic, value)


def answers(events: list[Imported], asks: list[Ask], calendar: Calendar = UTC) -> Evaluation:
    return evaluate(PLAN, calendar, Reader(), events, asks)


def value(evaluation: Evaluation, kpi: str, window: str = "period", number: int = 0) -> Value:
    (found,) = [
        value for value in evaluation.answers[number].values if (value.kpi, value.window, value.by) == (kpi, window, "")
    ]
    return found


def values(evaluation: Evaluation, kpi: str, window: str = "period") -> list[float | None]:
    return [value(evaluation, kpi, window, number).value for number in range(len(evaluation.answers))]


def test_only_what_happened_before_an_instant_is_known() -> None:
    """Whatever the order of the questions: the answers are in order of time."""
    events = [order("2026-03-02"), order("2026-03-04"), order("2026-03-03")]
    asks = asks_of(UTC, ["2026-03-05", "2026-03-03", "2026-03-03T12:00:00Z", "2026-03-03T12:00:01Z"])
    found = answers(events, asks[::-1])
    assert [answer.ask.to_ms - MARCH_MS for answer in found.answers] == [
        2 * DAY_MS, int(2.5 * DAY_MS), int(2.5 * DAY_MS) + 10_000, 4 * DAY_MS,
    ]  # fmt: skip
    assert values(found, "orders", "all") == [1, 1, 2, 3]


def test_what_another_party_bought_is_known_as_soon_as_it_happened() -> None:
    """And what took it back from then on."""
    lead = event("lead.created", "2026-03-02T12:00:00Z", lead_id="l1")
    bought = event("order.placed", "2026-03-04T12:00:00Z", "q", order_id="o", amount=1, lead_id="l1", lead_party="p")
    events = [event("order.cancelled", "2026-03-06T12:00:00Z", "q", order_id="o"), bought, lead]
    asks = asks_of(UTC, ["2026-03-04T12:00:00Z", "2026-03-04T12:00:10Z", "2026-03-07"])
    assert values(answers(events, asks), "leads_open_uncontacted", "now") == [1, 0, 1]


def test_without_a_question_all_is_known() -> None:
    found = answers([order("2026-03-02"), order("2026-03-04")], [])
    assert [answer.ask.name for answer in found.answers] == ["2026-03-04T12:00:10Z"]
    assert values(found, "orders", "5m") == [1]
    assert values(found, "orders", "all") == [2]


def test_of_no_events_there_is_nothing() -> None:
    (answer,) = answers([], asks_of(UTC, ["2026-03-01"])).answers
    assert {value.state for value in answer.values} == {State.NO_DATA}


def test_of_tickets_nothing_is_known_before_the_first() -> None:
    """In windows and in periods; a ticket that is gone at once is known all the same."""
    events = [
        order("2026-03-02"),
        event("ticket.created", "2026-04-02T12:00:00Z", ticket_id="t"),
        event("ticket.status_changed", "2026-04-02T12:00:01Z", ticket_id="t", status="solved"),
    ]
    for asks in (asks_of(UTC, ["2026-04-01", "2026-05-01"]), asks_of(UTC, periods=["2026-03", "2026-04"])):
        found = answers(events, asks)
        window = "now" if asks[0].from_ms is None else "period"
        for kpi in ("tickets_open", "unanswered_over_target"):
            read = [value(found, kpi, window, number) for number in (0, 1)]
            assert [(v.value, v.state) for v in read] == [(None, State.NO_DATA), (0, State.OK)]


def test_a_period_is_as_it_was_at_its_end() -> None:
    """A refund in April does not change what March was at its end; a year knows it."""
    events = [
        order("2026-03-02", 100, number="a"),
        order("2026-03-09", 50, party="q", number="b"),
        event("order.refunded", "2026-04-02T12:00:00Z", order_id="a", refund_id="r", amount=100),
    ]
    found = answers(events, asks_of(UTC, periods=["2026-03", "2026-04", "2026Q1", "2026"]))
    assert [answer.ask.name for answer in found.answers] == ["2026Q1", "2026-03", "2026-04", "2026"]
    assert values(found, "revenue_net") == [150, 150, -100, 50]
    assert values(found, "average_order_value") == [75, 75, None, 50]


def test_distinct_parties_are_those_of_the_period() -> None:
    """Also if they come back later."""
    events = [order("2026-03-02"), order("2026-03-03", party="q"), order("2026-04-02"), order("2026-04-03")]
    found = answers(events, asks_of(UTC, periods=["2026-03", "2026-04"]))
    assert values(found, "purchase_frequency") == [1, 2]
    assert [value(found, "purchase_frequency", number=number).denominator for number in (0, 1)] == [2, 1]


def test_levels_and_rates_of_a_period() -> None:
    """A churn rate is of those who were customers at the period's start."""
    events = [
        *(event("customer.created", "2026-01-10T12:00:00Z", party) for party in "abcd"),
        event("customer.created", "2026-03-05T12:00:00Z", "e"),
        *(event("customer.churned", "2026-03-09T12:00:00Z", party) for party in "ae"),
    ]
    march = answers(events, asks_of(UTC, periods=["2026-03"]))
    assert (value(march, "churn_rate").numerator, value(march, "churn_rate").denominator) == (1, 4)
    assert values(march, "active_customers") == [3]


def test_a_correction_may_come_any_time_later() -> None:
    """Files come whole: nothing in them is too old to be taken back."""
    first = order("2020-03-02")
    found = answers([first, order("2020-03-03"), void(first, "2026-03-01")], asks_of(UTC, ["2021-01-01", "2027-01-01"]))
    assert values(found, "orders", "all") == [2, 1]


def test_a_correction_is_known_after_its_own_time() -> None:
    first = order("2026-03-02")
    asks = asks_of(UTC, ["2026-03-03T12:00:00Z", "2026-03-03T12:00:10Z"])
    assert values(answers([first, void(first, "2026-03-03")], asks), "orders", "all") == [1, 0]


def test_steps_in_time_do_not_change_what_is_seen() -> None:
    """Tiles roll up from question to question; windows and periods read the same."""
    events = [order(f"2026-03-{day:02}", day, party=str(day % 4)) for day in range(1, 29)]
    days = asks_of(UTC, [f"2026-03-{day:02}T09:30:00Z" for day in range(2, 29)], [])
    for ask, stepped in zip(days, answers(events, days).answers, strict=True):
        (alone,) = answers(events, [ask]).answers
        assert alone.values == stepped.values


def test_days_are_those_of_the_business_zone() -> None:
    berlin = Calendar("Europe/Berlin")
    events = [event("order.placed", "2026-03-31T22:30:00Z", order_id="1", amount=1)]  # half past midnight there
    assert values(answers(events, asks_of(berlin, periods=["2026-03", "2026-04"]), berlin), "orders") == [0, 1]
    assert values(answers(events, asks_of(UTC, periods=["2026-03", "2026-04"])), "orders") == [1, 0]


_NO_RATE = (
    "dead letters, no_rate: 1 (first: orders.csv row 2: order.placed: no rate of EUR for 2026-03-03, and no room to"
    " wait for it); name a file that has these rates by --rates"
)


def test_what_has_a_rate_counts_and_what_has_none_does_not_wait(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files come whole: a rate that is not there will not come."""
    rows = ("party,day,amount,money", "a,2026-03-02,10,EUR", "b,2026-03-03,20,EUR", "c,2026-03-03,5,USD")
    (tmp_path / "orders.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "shop.yaml").write_text(MAPPING.replace("amount: amount}", "amount: amount, currency: money}"))
    (tmp_path / "rates.csv").write_text("date,currency,rate\n2026-03-02,EUR,1.25\n2026-03-05,EUR,2\n")
    arguments = ["orders.csv", "--mapping", "shop.yaml", "--kpi", "revenue_net", "--period", "2026-03", "--json"]
    for days, total, dead in (("0", 17.5, {"no_rate": 1}), ("1", 42.5, {})):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(tmp_path)
            patch.setenv("STREAM_KPIS_RATES_CARRY_DAYS", days)
            with pytest.raises(SystemExit) as ended:
                cli(["evaluate", *arguments, "--rates", "rates.csv"], standalone_mode=False)
        assert ended.value.code == 0
        printed = capsys.readouterr()
        document = json.loads(printed.out)
        assert [row["value"] for row in document["values"] if not row["by"]] == [total]
        assert document["input"]["dead_letters"] == dead
        waited = [line for line in printed.err.splitlines() if line.startswith("dead letters")]
        assert waited == ([_NO_RATE] if dead else [])


def test_what_cannot_be_used_is_counted() -> None:
    once = order("2026-03-02", 10, number="1")
    other = once._replace(value=once.value.replace(b'"amount":10', b'"amount":11'))
    euros = event("order.placed", "2026-03-02T12:00:00Z", order_id="2", amount=1, currency="EUR")
    found = answers([once, other, once, euros], [])
    assert {reason: tally.count for reason, tally in found.dead_letters.items()} == {"id_conflict": 1, "no_rate": 1}
    assert values(found, "revenue_net", "all") == [10]


HISTORY = "party,day,amount\na,2026-03-02,10\nb,2026-03-03,20.5\nb,,1\n"
MAPPING = """
source: shop
party: party
files:
  "*.csv":
    events:
      - {type: order.placed, id: row, time: day, data: {order_id: row, amount: amount}}
"""


@pytest.fixture
def shop(tmp_path: Path) -> dict[str, object]:
    (tmp_path / "orders.csv").write_text(HISTORY)
    (tmp_path / "shop.yaml").write_text(MAPPING)
    none = {"instants": (), "periods": (), "since": None, "until": None, "kpis": (), "by": None}
    return {
        "files": [tmp_path / "orders.csv"],
        "mapping": tmp_path / "shop.yaml",
        **none,
        "as_json": True,
        "as_csv": False,
    }


def test_the_command_prints_values_and_reports_the_rows(shop: dict, capsys: pytest.CaptureFixture[str]) -> None:
    asked = shop | {"kpis": ["revenue_net"], "periods": ["2026-03"]}
    assert print_evaluation(load(environment={}), **asked) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {
        "values": [
            {
                "kpi": "revenue_net",
                "title": "Net revenue",
                "period": "2026-03",
                "from": "2026-03-01T00:00:00.000Z",
                "to": "2026-04-01T00:00:00.000Z",
                "by": {},
                "value": 30.5,
                "unit": "USD",
                "samples": 2,
                "numerator": None,
                "denominator": None,
                "exact": [None, None],
                "lower": None,
                "upper": None,
                "state": "low_sample",
            }
        ],
        "input": {
            "rows": 3,
            "events": {"order.placed": 2},
            "rows_without_event": {"undated": 1},
            "dead_letters": {},
        },
    }
    assert printed.err.splitlines()[:2] == [
        "3 rows, 2 events: 2 order.placed",
        "no event, undated: 1 (first: orders.csv row 3: order.placed: the time is empty)",
    ]


def test_a_dead_letter_has_its_row_as_an_example(shop: dict, capsys: pytest.CaptureFixture[str]) -> None:
    """Of several topics, and in the span between two questions that it lies in."""
    (file,), mapping = shop["files"], shop["mapping"]
    file.write_text("party,day,amount,n\na,2026-03-02,10,1\nb,2026-03-03,2,1\na,2026-03-04,5,1\na,2026-03-05,6,1\n")
    created = "      - {type: customer.created, id: n & 'c', time: day}\n"
    mapping.write_text(MAPPING.replace("id: row", "id: n").replace("order_id: row", "order_id: n") + created)
    asked = shop | {"kpis": ["orders"], "instants": ["2026-03-03", "2026-03-06"]}
    assert print_evaluation(load(environment={}), **asked) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["input"]["dead_letters"] == {"id_conflict": 4}
    (line,) = [line for line in printed.err.splitlines() if line.startswith("dead letters")]
    assert line.startswith("dead letters, id_conflict: 4 (first: orders.csv row 3: ")


@pytest.mark.parametrize("never", ["2199-01-01", "9999-12-31"])
@pytest.mark.parametrize("instants", [(), ("2026-03-04",), ("2198-01-01", "2199-12-31")])
def test_what_lies_in_the_future_is_a_dead_letter(
    shop: dict, never: str, instants: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """As in the stream. Systems write a far day for never: it would move all windows there."""
    shop["files"][0].write_text(f"party,day,amount\na,{never},7\na,2026-03-02,10\nb,2026-03-03,20.5\nc,{never},9\n")
    assert print_evaluation(load(environment={}), **shop | {"kpis": ["revenue_net"], "instants": instants}) == 0
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert {row["value"] for row in document["values"] if row["window"] == "all"} == {30.5}
    assert not instants or len({row["at"] for row in document["values"]}) == len(instants)
    assert document["input"]["dead_letters"] == {"in_future": 2}
    assert printed.err.splitlines()[-1] == (
        f"dead letters, in_future: 2 (first: orders.csv row 1: order.placed: {never}T00:00:00.000Z lies in the future)"
        "; correct their times, or evaluate them when they have happened"
    )


@pytest.mark.parametrize("periods", [(), ("2026-03",)])
@pytest.mark.parametrize(
    ("owners", "said"), [(200, []), (203, ["3 groups of revenue_net by owner are not shown: 200 "])]
)
def test_groups_that_are_not_shown_are_counted(
    shop: dict, owners: int, said: list[str], periods: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """The rows alone look as if they were all."""
    shop["files"][0].write_text(
        "party,day,amount,owner\n" + "".join(f"a,2026-03-02,1,owner {number}\n" for number in range(owners))
    )
    shop["mapping"].write_text(MAPPING.replace("amount: amount", "amount: amount, owner_id: owner"))
    asked = shop | {"kpis": ["revenue_net"], "by": "owner", "periods": periods}
    assert print_evaluation(load(environment={}), **asked) == 0
    printed = capsys.readouterr()
    groups = {row["by"]["owner"] for row in json.loads(printed.out)["values"]}
    assert len(groups) == 200
    assert [line.split("200 ")[0] + "200 " for line in printed.err.splitlines() if "not shown" in line] == said


def test_a_column_that_no_line_has_is_said(shop: dict, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside the values, which then have no such group."""
    file = shop["files"][0].rename(shop["files"][0].with_suffix(".jsonl"))
    file.write_text('{"party": "a", "day": "2026-03-02", "amount": 7, "channel": "web"}')
    shop["mapping"].write_text(
        MAPPING.replace("*.csv", "*.jsonl").replace("amount: amount", "amount: amount, channel: chanel")
    )
    assert print_evaluation(load(environment={}), **shop | {"files": [file], "kpis": ["orders"]}) == 0
    assert capsys.readouterr().err.splitlines() == [
        "shop.yaml:7: files.*.jsonl.events[1].data.channel: no row of *.jsonl has 'chanel'; did you mean 'channel'?",
        "1 rows, 1 events: 1 order.placed",
    ]


def test_a_clock_that_is_a_little_ahead_is_no_future(shop: dict, capsys: pytest.CaptureFixture[str]) -> None:
    now = datetime.now(UTC_ZONE) + timedelta(minutes=4)
    shop["files"][0].write_text(f"party,day,amount\na,{now.isoformat()},7\n")
    assert print_evaluation(load(environment={}), **shop | {"kpis": ["orders"]}) == 0
    document = json.loads(capsys.readouterr().out)
    assert {row["value"] for row in document["values"] if row["window"] == "all"} == {1}


@pytest.mark.parametrize(
    ("rows", "code", "line"),
    [
        ("", 0, "nothing was read: there are no rows"),
        ("b,,1\n,2026-03-01,1\n", 1, "nothing was read: not one of 2 rows gives an event"),
    ],
)
def test_of_nothing_there_are_no_values(
    shop: dict, rows: str, code: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shop["files"][0].write_text("party,day,amount\n" + rows)
    assert print_evaluation(load(environment={}), **shop) == code
    printed = capsys.readouterr()
    assert json.loads(printed.out)["values"] == []
    assert printed.err.splitlines()[-1] == line


def test_an_instant_between_is_rounded_up_and_says_so(shop: dict, capsys: pytest.CaptureFixture[str]) -> None:
    asked = shop | {"kpis": ["orders"], "instants": ["2026-03-03T00:00:01+00:00"]}
    print_evaluation(load(environment={}), **asked)
    rows = json.loads(capsys.readouterr().out)["values"]
    assert {(row["at"], row["to"]) for row in rows} == {("2026-03-03T00:00:10Z", "2026-03-03T00:00:10.000Z")}
    assert {row["window"]: row["value"] for row in rows}["5m"] == 1


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"kpis": ["ordrs"]}, "no KPI 'ordrs' (did you mean orders?)"),
        ({"by": "chanel"}, "no grouping 'chanel' (did you mean channel?)"),
        ({"kpis": ["nps"], "by": "team"}, "no grouping 'team'; there is none"),
        ({"kpis": ["orders"], "by": "zzz"}, "no grouping 'zzz'; there are channel, product, owner"),
        ({"periods": ["2026-13"]}, "'2026-13' is no period: there is no such month or day"),
        ({"periods": ["march"]}, "'march' is no period: write 2026, 2026Q1, 2026-03 or 2026-03-01"),
        ({"instants": ["2026-03-01T09:00:00"]}, "'2026-03-01T09:00:00' names no zone: write 2026-03-01T09:00:00Z for UTC, or an offset, 2026-03-01T09:00:00+02:00"),  # noqa: E501 - the line as it is
        ({"instants": ["noon"]}, "'noon' is no instant: write a day such as 2026-03-01 or a time such as 2026-03-01T09:00:00Z"),  # noqa: E501 - likewise
        ({"instants": ["1066-10-14T09:00:00Z"]}, "'1066-10-14T09:00:00Z' is out of range: years from 1971 to 2199 only"),  # noqa: E501 - likewise
        ({"instants": ["1960-01-01"]}, "'1960-01-01' is out of range: years from 1971 to 2199 only"),
        ({"periods": ["2200"]}, "'2200' is out of range: years from 1971 to 2199 only"),
        ({"periods": ["9999-12"]}, "'9999-12' is out of range: years from 1971 to 2199 only"),
        ({"since": "1970-01-01", "until": "2026-01-01"}, "'1970-01-01' is out of range: years from 1971 to 2199 only"),
        ({"since": "2026-03-01"}, "from and to go together: give both"),
        ({"since": "2026-03-01", "until": "2026-03-01"}, "from 2026-03-01 to 2026-03-01 there is no day: --to is the day after the last one"),  # noqa: E501 - likewise
        ({"since": "2026-03-01", "until": "soon"}, "'soon' is no day: write 2026-03-01"),
        ({"instants": ["2026-03-01"], "periods": ["2026"]}, "instants and periods do not go together: give --at, or --period, or --from and --to"),  # noqa: E501 - likewise
    ],
)  # fmt: skip
def test_wrong_questions_are_one_line(shop: dict, wrong: dict, line: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(line)}$"):
        print_evaluation(load(environment={}), **shop | wrong)


@pytest.mark.parametrize(
    ("text", "first", "after"),
    [
        ("2026", "2026-01-01", "2027-01-01"),
        ("2026Q4", "2026-10-01", "2027-01-01"),
        ("2026-Q1", "2026-01-01", "2026-04-01"),
        ("2026-12", "2026-12-01", "2027-01-01"),
        ("2024-02-29", "2024-02-29", "2024-03-01"),
    ],
)
def test_periods_are_whole_business_days(text: str, first: str, after: str) -> None:
    """In a zone with summer time too."""
    for zone in ("UTC", "Europe/Berlin", "America/Havana"):
        calendar = Calendar(zone)
        (period,), (days,) = asks_of(calendar, periods=[text]), asks_of(calendar, since=first, until=after)
        assert period[:2] == days[:2]
