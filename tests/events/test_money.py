"""Rates and conversion: exact, in whole numbers."""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_kpis.events.money import CURRENCIES, Rate, converted, pico_of, rate_of
from stream_kpis.events.rates import Rates, encode_rate, read_rates

law = settings(max_examples=300, derandomize=True, deadline=None, database=None)
rates_as_texts = st.from_regex(r"(0|[1-9][0-9]{0,8})(\.[0-9]{1,12})?", fullmatch=True).filter(
    lambda text: Decimal(text) > 0
)
amounts = st.integers(-(10**18), 10**18)


@law
@given(amounts, rates_as_texts)
def test_conversion_is_that_of_decimals(micro: int, worth: str) -> None:
    """Rounded half to even, with as many digits as it takes."""
    exact = Context(prec=60, rounding=ROUND_HALF_EVEN)
    assert converted(micro, pico_of(worth)) == int(exact.quantize(exact.multiply(Decimal(micro), Decimal(worth)), 1))


@law
@given(st.integers(-(10**6), 10**6), st.sampled_from(["0.5", "1.5", "0.25", "0.000001", "2.5"]))
def test_halves_go_to_even(micro: int, worth: str) -> None:
    """The case that most amounts never meet."""
    assert converted(micro, pico_of(worth)) == round(micro * Decimal(worth))


@law
@given(amounts, amounts, rates_as_texts)
def test_conversion_keeps_order_and_sign(one: int, other: int, worth: str) -> None:
    """A larger amount is never worth less, nothing is worth nothing, a debt is the same debt."""
    pico = pico_of(worth)
    assert (one <= other) <= (converted(one, pico) <= converted(other, pico))
    assert converted(0, pico) == 0
    assert converted(-one, pico) == -converted(one, pico)


@law
@given(rates_as_texts)
def test_a_rate_reads_as_it_is_written(worth: str) -> None:
    """Through a record and back, whatever zeros it had."""
    rate = rate_of("EUR", "2026-03-02", worth, 5)
    rates = Rates()
    rates.add_record(encode_rate(rate)[1], 5)
    assert list(rates) == [rate]
    assert Decimal(rate.text) == Decimal(worth)


@pytest.mark.parametrize(("code", "exponent"), [("EUR", 2), ("JPY", 0), ("KWD", 3), ("USD", 2), ("KRW", 0)])
def test_currencies_have_their_exponents(code: str, exponent: int) -> None:
    """Of ISO 4217."""
    assert CURRENCIES[code] == exponent


@pytest.mark.parametrize("code", ["XTS", "XXX", "XAU", "CLF", "eur", ""])
def test_what_nobody_pays_with_is_no_currency(code: str) -> None:
    """Tests, metals, units of account."""
    assert code not in CURRENCIES


@pytest.mark.parametrize(
    ("currency", "day", "worth", "why"),
    [
        ("XTS", "2026-03-02", "1", "'XTS' is no currency of ISO 4217"),
        ("EUR", "2026-02-30", "1", "'2026-02-30' is no date"),
        ("EUR", "20260302", "1", "'20260302' is no date"),
        ("EUR", "2026-W10-1", "1", "is no date"),
        ("EUR", "2026-03-02", "0", "'0' is no rate"),
        ("EUR", "2026-03-02", "0.000", "is no rate"),
        ("EUR", "2026-03-02", "-1", "is no rate"),
        ("EUR", "2026-03-02", "1,1", "is no rate"),
        ("EUR", "2026-03-02", "1e3", "is no rate"),
        ("EUR", "2026-03-02", "NaN", "is no rate"),
        ("EUR", "2026-03-02", "1000000000", "is no rate"),
        ("EUR", "2026-03-02", "0.0000000000001", "is no rate"),
    ],
)
def test_what_is_no_rate(currency: str, day: str, worth: str, why: str) -> None:
    """The error says what was expected."""
    with pytest.raises(ValueError, match=why):
        rate_of(currency, day, worth)


def test_the_first_rate_wins() -> None:
    """The same again is none; another one is counted, as are what is no rate and one of the reporting currency."""
    rates = Rates("USD")
    for worth in ("1.1", "1.10", "1.2"):
        rates.add_record(b'{"currency":"EUR","date":"2026-03-01","rate":"%s"}' % worth.encode(), 7)
    assert list(rates) == [Rate("EUR", "2026-03-01", pico_of("1.1"), 7)]
    assert rates.ignored == 1
    for value in (None, b"", b"{}", b"\xff", b'{"currency":"EUR","date":"2026-03-01","rate":1.1}'):
        rates.add_record(value, 8)
    rates.add_record(b'{"currency":"USD","date":"2026-03-01","rate":"1"}', 8)
    assert (len(rates), rates.ignored) == (1, 7)


def file_of(tmp_path: Path, text: str) -> Path:
    """A file of rates."""
    file = tmp_path / "rates.csv"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("days", "filled"),
    [(0, []), (1, ["2026-03-07"]), (2, ["2026-03-07", "2026-03-08"]), (9, ["2026-03-07", "2026-03-08"])],
)
def test_weekends_are_filled_between_two_dates(tmp_path: Path, days: int, filled: list[str]) -> None:
    """From the earlier one, at most so many; nothing before the first or behind the last, nor of another currency."""
    text = "currency,rate,date\nEUR,1.2,2026-03-09\nEUR,1.1,2026-03-06\nGBP,1.3,2026-03-06\n"
    rates = read_rates(file_of(tmp_path, text), "USD", days)
    assert sorted(rate.date for rate in rates if rate.text == "1.1") == ["2026-03-06", *filled]
    assert sorted((rate.currency, rate.date) for rate in rates if rate.text != "1.1") == [
        ("EUR", "2026-03-09"), ("GBP", "2026-03-06"),
    ]  # fmt: skip
    assert {rate.known_ms for rate in rates} == {0}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("date,currency\n", r"rates.csv:1: no column rate: the first line is date,currency,rate"),
        ("", r"rates.csv:1: no column date"),
        ("date,currency,rate\n2026-03-01,EUR,1.1\n2026-03-02,EUR,one\n", r"rates.csv:3: 'one' is no rate"),
        ("date,currency,rate\n2026-03-01,EUR\n", r"rates.csv:2: '' is no rate"),
        ("date,currency,rate\n2026-03-01,EUR,1.1\n2026-03-01,EUR,1.2\n", r"rates.csv:3: EUR of 2026-03-01 is 1.1 in a"),
        (
            "date,currency,rate\n2026-03-01,EUR,1.1\n2026-03-02,EUR,1,08\n",
            r"rates.csv:3: 4 columns, the first line has 3: write a rate with a point, as 1.0832",
        ),
        ("date,currency,rate\n2026-03-01,USD,1\n", r"rates.csv:2: USD is the reporting currency"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, why: str) -> None:
    """With file and line, and what to do."""
    with pytest.raises(ValueError, match=why):
        read_rates(file_of(tmp_path, text), "USD")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """And without a file there are no rates."""
    with pytest.raises(ValueError, match=r"rates: cannot read .*none.csv: No such file"):
        read_rates(tmp_path / "none.csv", "USD")
    assert not len(read_rates(None, "USD"))
