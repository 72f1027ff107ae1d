"""The reader accepts what the contract allows, names the reason for everything else, and never raises."""

import json
import zlib
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stream_kpis.events.envelope import (
    AnyEvent,
    Event,
    Incoming,
    Reader,
    Reason,
    Reject,
    encode_event,
    events_decoder,
    events_encoder,
)
from stream_kpis.events.types import EVENT_BYTES_MAX, KIND_OF_NAME, KINDS, DealCreated, LeadCreated
from tests.events.builders import NOW_MS, envelope, event

reader = Reader()


def read(value: bytes | None, key: bytes | None = None, timestamp_ms: int = NOW_MS, headers: Any = ()) -> Incoming:
    """The accepted record."""
    got = reader.read(value, key, timestamp_ms, headers)
    assert isinstance(got, Incoming), got
    return got


def reason(value: bytes | None, key: bytes | None = None, timestamp_ms: int = NOW_MS, headers: Any = ()) -> Reason:
    """The reason of the rejected record; its detail is one line."""
    got = reader.read(value, key, timestamp_ms, headers)
    assert isinstance(got, Reject), got
    assert got.detail
    assert "\n" not in got.detail
    return got.reason


def placed(amount: Any, **more: Any) -> bytes:
    return event(type="order.placed", data={"order_id": "o1", "amount": amount, **more})


def headers_of(**attributes: str) -> list[tuple[str, bytes | None]]:
    """The headers of a lead.created in binary mode."""
    whole = {**envelope(data=None), **attributes}
    return [("content-type", b"application/json"), *((f"ce_{name}", text.encode()) for name, text in whole.items())]


def test_a_structured_event_is_read_with_all_that_identifies_and_orders_it() -> None:
    """Time, rank, source, id, data, the checksum of the bytes, and the time of recording."""
    value = event(data={"lead_id": "l1", "channel": "web"})
    data = LeadCreated(lead_id="l1", channel="web")
    expected = Event(NOW_MS, 0, "crm", "e1", data, zlib.crc32(value), NOW_MS + 5)
    assert Incoming("p", expected) == read(value, b"p", NOW_MS + 5)
    assert expected.order == (NOW_MS, 0, "crm", "e1")


def test_unknown_fields_are_ignored_everywhere() -> None:
    """In the envelope, in the data, and in the items of an order."""
    assert (
        LeadCreated(lead_id="l1") == read(event(traceparent="x", data={"lead_id": "l1", "mood": {"a": 1}})).event.data
    )
    data: Any = read(placed(1, items=[{"product": "a", "colour": "red"}])).event.data
    assert data.items[0].product == "a"


@pytest.mark.parametrize("key", [None, b"p"])
def test_the_key_may_be_missing(key: bytes | None) -> None:
    """Not every producer sets it; where it is set it is the party."""
    assert read(event(), key).party == "p"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, Reason.NOT_JSON),
        (b"", Reason.NOT_JSON),
        (b"\x00\xff", Reason.NOT_JSON),
        (b'{"type": "lead', Reason.NOT_JSON),
        (event()[:-1], Reason.NOT_JSON),
        (event() + b"x", Reason.NOT_JSON),
        (b'{"type":' + b"[" * 60_000, Reason.NOT_JSON),
        (b"null", Reason.INVALID),
        (b"[]", Reason.INVALID),
        (b"{}", Reason.INVALID),
        (event(type=None), Reason.INVALID),
        (event(type=""), Reason.INVALID),
        (event(type=5), Reason.INVALID),
        (event(specversion="0.3"), Reason.INVALID),
        (event(id=None), Reason.INVALID),
        (event(id=""), Reason.INVALID),
        (event(id=7), Reason.INVALID),
        (event(source=""), Reason.INVALID),
        (event(subject=None), Reason.INVALID),
        (event(time=None), Reason.INVALID),
        (event(time="yesterday"), Reason.INVALID),
        (event(time="2024-01-01T00:00:00"), Reason.INVALID),
        (event(time="2024-01-01T00:00:60Z"), Reason.INVALID),
        (event(time="1969-12-31T23:59:59.9999Z"), Reason.INVALID),
        (event(time="0001-01-01T00:00:00+14:00"), Reason.INVALID),
        (event(data=None), Reason.INVALID),
        (event(data={}), Reason.INVALID),
        (event(data={"lead_id": None}), Reason.INVALID),
        (event(data=[["l1"]]), Reason.INVALID),
        (b'{"type":"lead.created","data":' + b"[" * 60_000, Reason.INVALID),
        (event(type="survey.answered", data={"survey_id": "s", "score": "9"}), Reason.INVALID),
        (event(type="survey.answered", data={"survey_id": "s", "score": 1001}), Reason.INVALID),
        (event(type="ticket.status_changed", data={"ticket_id": "t", "status": "sloved"}), Reason.INVALID),
        (event(type="lead.exploded"), Reason.UNKNOWN_TYPE),
        (event(type="lead.exploded", subject=None), Reason.UNKNOWN_TYPE),
        (event(type="order.placed", data={"order_id": "o", "amount": 1, "currency": "XTS"}), Reason.CURRENCY),
        (event(type="order.placed", data={"order_id": "o", "amount": 1, "currency": "usd"}), Reason.INVALID),
    ],
)
def test_bad_records_are_rejected_with_their_reason(value: bytes | None, expected: Reason) -> None:
    """Nothing raises, whatever it is."""
    assert expected is reason(value)


def test_a_key_that_is_not_the_subject_is_rejected() -> None:
    """The event would be in the partition of somebody else."""
    assert Reason.KEY_MISMATCH is reason(event(), b"q")
    assert Reason.KEY_MISMATCH is reason(event(), b"")


def test_the_reporting_currency_may_be_named_or_left_out() -> None:
    """Another one is rejected, and which one it is depends on the deployment."""
    assert read(placed(1)).event.data == read(placed(1, currency=None)).event.data
    assert read(placed(1)).event.data == read(placed(1, currency="")).event.data
    read(placed(1, currency="USD"))
    in_euro = Reader(currency="EUR").read(placed(1, currency="EUR"), None, NOW_MS)
    assert isinstance(in_euro, Incoming)
    assert in_euro.currency is None


def test_amounts_of_another_currency_are_read_as_they_are() -> None:
    """To be converted where the rates are known; without an amount there is nothing to convert."""
    incoming = read(placed(1.5, currency="JPY"))
    assert (incoming.currency, incoming.event.data.amount, incoming.event.paid) == ("JPY", 1_500_000, None)
    unpriced = event(type="deal.created", data={"deal_id": "d", "currency": "JPY"})
    assert read(unpriced).currency is None


def test_the_future_begins_after_the_allowed_skew_of_the_records_timestamp() -> None:
    """The record's timestamp, never the wall clock: a replay decides alike."""
    assert read(event(), timestamp_ms=NOW_MS - reader.future_ms).event.time_ms == NOW_MS
    assert Reason.IN_FUTURE is reason(event(), timestamp_ms=NOW_MS - reader.future_ms - 1)


@pytest.mark.parametrize(
    ("time", "expected_ms"),
    [
        ("2024-01-01T00:00:00.001999Z", NOW_MS + 1),
        ("2023-12-31T23:59:59.999999Z", NOW_MS - 1),
        ("2024-01-01T02:00:00+02:00", NOW_MS),
        ("2023-12-31T18:30:00.5-05:30", NOW_MS + 500),
        ("1970-01-01T00:00:00.0009Z", 0),
    ],
)
def test_times_of_any_offset_are_cut_to_milliseconds_towards_the_past(time: str, expected_ms: int) -> None:
    """Whatever the offset."""
    assert expected_ms == read(event(time=time)).event.time_ms


@pytest.mark.parametrize("time", ["1969-12-31T23:59:59.9999Z", "0001-01-01T00:00:00+14:00"])
def test_a_time_before_1970_is_invalid(time: str) -> None:
    """All tiles and windows begin in 1970."""
    assert reason(event(time=time)) == Reason.INVALID


@pytest.mark.parametrize(
    ("kind", "data", "name"),
    [
        ("customer.churned", {"effective_at": "0001-01-01T00:00:00+02:00"}, "effective_at"),
        ("customer.churned", {"effective_at": "1969-12-31T23:59:59Z"}, "effective_at"),
        ("customer.churned", {"effective_at": "2100-01-01T00:00:00Z"}, "effective_at"),
        ("customer.churned", {"effective_at": "9999-12-31T23:59:59-05:00"}, "effective_at"),
        ("cost.incurred", {"amount": 1, "kind": "labour", "from": "2099-01-01", "to": "2100-01-01"}, "to"),
        ("cost.incurred", {"amount": 1, "kind": "labour", "from": "9999-01-01", "to": "9999-12-31"}, "to"),
    ],
)
def test_words_for_never_and_unknown_are_refused_by_name(kind: str, data: dict[str, object], name: str) -> None:
    """Year 1 and year 9999 are no times: no calendar of ours holds them, and a shard that counted them would stop."""
    found = reader.read(event(type=kind, data=data), None, NOW_MS)
    assert isinstance(found, Reject)
    assert (found.reason, found.detail.split()[0]) == (Reason.INVALID, name)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("customer.churned", {"effective_at": "1970-01-01T00:00:00Z"}),
        ("customer.churned", {"effective_at": "2099-12-31T23:59:59Z"}),
        ("cost.incurred", {"amount": 1, "kind": "labour", "from": "2099-12-01", "to": "2099-12-31"}),
    ],
)
def test_times_of_the_calendars_centuries_are_read(kind: str, data: dict[str, object]) -> None:
    """Both ends are in."""
    read(event(type=kind, data=data))


@pytest.mark.parametrize(
    ("amount", "micro"),
    [
        (7, 7_000_000),
        (29.33, 29_330_000),
        ("29.33", 29_330_000),
        (" 1e3 ", 1_000_000_000),
        ("0.0000005", 0),
        ("0.0000015", 2),
        (2.0000015, 2_000_002),
        (0, 0),
        (10**12, 10**18),
    ],
)
def test_amounts_are_numbers_or_decimal_strings_in_micro_units(amount: Any, micro: int) -> None:
    """Halves are rounded to the even micro-unit, alike for both spellings."""
    data: Any = read(placed(amount)).event.data
    assert micro == data.amount


@pytest.mark.parametrize(
    "amount", [None, True, "", "ten", "1,5", "1_000", "١٢", "NaN", "Infinity", [1], {}, -0.01, "-1"]
)
def test_what_is_no_price_is_invalid(amount: Any) -> None:
    """Prices are never below zero; Python's own spellings of numbers are none."""
    assert Reason.INVALID is reason(placed(amount))


@pytest.mark.parametrize("amount", ["1000000000000.000001", 1e12 + 1, 10**13, "1e999", 10**400])
def test_amounts_out_of_bounds_are_invalid(amount: Any) -> None:
    """However they are spelled."""
    assert Reason.INVALID is reason(placed(amount))


def test_costs_may_be_below_zero() -> None:
    """A credit note is a cost below zero."""
    data: Any = read(event(type="cost.incurred", data={"amount": -5, "kind": "goods", "from": "2024-01-01"})).event.data
    assert (data.amount, data.since) == (-5_000_000, "2024-01-01")


@pytest.mark.parametrize("letter", ["x", "é", "語"])
@pytest.mark.parametrize("escaped", [False, True])
@pytest.mark.parametrize("where", ["subject", "id", "lead_id", "channel"])
def test_strings_are_bounded_in_bytes_however_they_are_written(letter: str, escaped: bool, where: str) -> None:
    """Escapes do not stretch the bound."""

    def with_length(length: int) -> bytes:
        text = (letter * length)[:length]
        inside = {"lead_id": "l1", where: text} if where in {"lead_id", "channel"} else {"lead_id": "l1"}
        outside = {where: text} if where in {"subject", "id"} else {}
        return json.dumps(envelope(data=inside, **outside), ensure_ascii=escaped).encode()

    most = 256 // len(letter.encode())
    read(with_length(most))
    assert Reason.INVALID is reason(with_length(most + 1))


def test_products_of_items_are_bounded_in_bytes_too() -> None:
    """They are strings like any other."""
    assert Reason.INVALID is reason(placed(1, items=[{"product": "é" * 200}]))


def test_events_are_bounded_in_bytes() -> None:
    """64 KiB are allowed, one byte more is not."""
    room = EVENT_BYTES_MAX - len(event(note=""))
    read(event(note="x" * room))
    assert Reason.TOO_LARGE is reason(event(note="x" * (room + 1)))


def test_binary_mode_reads_as_structured_mode_whatever_the_order_of_headers() -> None:
    """The attributes are in ``ce_`` headers, the value is the data."""
    headers = headers_of()
    got = read(b'{"lead_id": "l1"}', b"p", headers=headers)
    assert read(event()).event.data == got.event.data
    assert (got.event.time_ms, got.event.source, got.event.id, got.party) == (NOW_MS, "crm", "e1", "p")
    assert got == read(b'{"lead_id": "l1"}', b"p", headers=list(reversed(headers)))


def test_headers_that_say_nothing_of_the_event_leave_it_structured() -> None:
    """Tracing headers, and headers without a value, are common."""
    assert read(event()) == read(event(), headers=[("traceparent", b"x"), ("ce_type", None)])


@pytest.mark.parametrize(
    ("value", "headers", "expected"),
    [
        (b"", headers_of(), Reason.NOT_JSON),
        (b"{", headers_of(), Reason.NOT_JSON),
        (b'{"lead_id":"l1"},"subject":"q"', headers_of(), Reason.NOT_JSON),
        (b"[" * 60_000, headers_of(), Reason.NOT_JSON),
        (b"{}", headers_of(), Reason.INVALID),
        (b'{"lead_id":"l1"}', headers_of(time="\xff"), Reason.INVALID),
        (b'{"lead_id":"l1"}', headers_of(type="lead.exploded"), Reason.UNKNOWN_TYPE),
        (b'{"lead_id":"l1"}', [("ce_type", b"lead.created")], Reason.INVALID),
        (b" " * EVENT_BYTES_MAX + b"{}", headers_of(), Reason.TOO_LARGE),
    ],
)
def test_bad_binary_records_are_rejected_with_their_reason(value: bytes, headers: Any, expected: Reason) -> None:
    """The data is one JSON value: nothing after it can pose as attributes."""
    assert expected is reason(value, headers=headers)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(
    st.one_of(
        st.binary(max_size=200), st.recursive(st.none() | st.text(max_size=5), st.lists).map(json.dumps).map(str.encode)
    ),
    st.none() | st.binary(max_size=4),
    st.lists(
        st.tuples(st.sampled_from(["ce_type", "ce_id", "ce_data", "ce_", "x"]), st.none() | st.binary(max_size=9))
    ),
)
@example(event(subject="\ud800"), b"p", [])
def test_no_record_makes_the_reader_raise(value: bytes, key: bytes | None, headers: Any) -> None:
    """Poison must not stop a partition."""
    assert isinstance(reader.read(value, key, NOW_MS, headers), (Incoming, Reject))


@settings(deadline=None, derandomize=True, max_examples=300)
@given(
    st.sampled_from(KINDS),
    st.dictionaries(st.sampled_from(["amount", "score", "status", "lead_id", "items"]), st.floats()),
)
def test_no_data_makes_the_reader_raise(kind: Any, data: dict[str, Any]) -> None:
    """Of any type, with any numbers in it."""
    assert isinstance(reader.read(event(type=kind.name, data=data), None, NOW_MS), (Incoming, Reject))


def test_encoded_events_can_be_read_and_carry_the_rank_of_their_type() -> None:
    """``encode_event`` writes what the reader reads."""
    for name, data in (("deal.won", {"deal_id": "d"}), ("ticket.reopened", {"ticket_id": "t"})):
        value = encode_event(name, id="1", source="s", time="2024-01-01T00:00:00Z", subject="p", data=data)
        assert KIND_OF_NAME[name].rank == read(value, b"p").event.rank


def test_kept_events_come_back_equal_with_amounts_as_amounts() -> None:
    """Through msgpack, where amounts are plain integers."""
    for value in (
        placed("12.5", discount=1),
        event(),
        event(type="customer.churned", data={"effective_at": "2024-01-01T00:00:00Z"}),
    ):
        kept = read(value).event
        back = events_decoder(AnyEvent).decode(events_encoder.encode(kept))
        assert (kept.order, kept.data, kept.crc, kept.recorded_ms) == (
            back.order,
            back.data,
            back.crc,
            back.recorded_ms,
        )
        assert [type(getattr(kept.data, name)) for name in kept.data.__struct_fields__] == [
            type(getattr(back.data, name)) for name in kept.data.__struct_fields__
        ]


def test_an_empty_text_is_a_missing_one() -> None:
    """Many systems send "" for what they do not know."""
    data = {"deal_id": "d1", "owner_id": "", "pipeline": "", "product": "desk"}
    value = encode_event("deal.created", id="1", source="crm", time="2026-01-01T00:00:00Z", subject="p", data=data)
    incoming = Reader().read(value, b"p", 1_800_000_000_000)
    assert isinstance(incoming, Incoming)
    assert DealCreated(deal_id="d1", product="desk") == incoming.event.data
