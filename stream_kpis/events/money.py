"""Money in several currencies: the currencies of ISO 4217, exact rates, and conversion in whole numbers."""

import re
from datetime import date
from decimal import Decimal
from typing import NamedTuple

_EXPONENTS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP"
    " CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HRK HTG HUF IDR ILS"
    " INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN"
    " NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP"
    " STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG ZWL",
    3: "BHD IQD JOD KWD LYD OMR TND",
}
CURRENCIES: dict[str, int] = {code: exponent for exponent, codes in _EXPONENTS.items() for code in codes.split()}
"""Code → how many decimals its amounts are written with. What people pay with, withdrawn codes since 2020 included."""

RATE_DECIMALS_MAX = 12
_PICO = 10**12
_is_rate = re.compile(r"\d{1,9}(\.\d{1,12})?", re.ASCII).fullmatch


class Rate(NamedTuple):
    """What one unit of a currency is worth for events of a date.

    ``pico`` are units of the reporting currency, times 10¹², above zero; ``known_ms`` is when it was made known,
    milliseconds since 1970.
    """

    currency: str
    date: str
    pico: int
    known_ms: int = 0

    @property
    def text(self) -> str:
        """The worth as an exact decimal.

        >>> Rate("EUR", "2026-03-02", 1_083_200_000_000).text
        '1.0832'
        """
        units, rest = divmod(self.pico, _PICO)
        return f"{units}.{rest:0{RATE_DECIMALS_MAX}}".rstrip("0").rstrip(".")


def rate_of(currency: str, day: str, worth: str, known_ms: int = 0) -> Rate:
    """A rate from texts.

    Args:
        currency: code of ISO 4217.
        day: ``2026-03-02``.
        worth: units of the reporting currency for one unit, a decimal such as ``1.0832``.
        known_ms: when it was made known.

    Raises:
        ValueError: one of them cannot be; says which, and what it must be.
    """
    if currency not in CURRENCIES:
        raise ValueError(f"{currency!r} is no currency of ISO 4217, such as EUR")
    try:
        right = date.fromisoformat(day).isoformat() == day
    except ValueError:
        right = False
    if not right:
        raise ValueError(f"{day!r} is no date such as 2026-03-02")
    if not _is_rate(worth) or not (pico := pico_of(worth)):
        raise ValueError(f"{worth!r} is no rate: a decimal above 0, below 10^9, of at most 12 decimals")
    return Rate(currency, day, pico, known_ms)


def pico_of(worth: str) -> int:
    """An exact decimal of at most 12 places, times 10¹².

    >>> pico_of("0.0067")
    6700000000
    """
    return int(Decimal(worth).scaleb(RATE_DECIMALS_MAX))


def converted(micro: int, pico: int) -> int:
    """An amount in micro-units, times a rate (times 10¹²), rounded half to even to micro-units.

    >>> converted(5, pico_of("1.1")), converted(15, pico_of("0.1")), converted(-5, pico_of("1.1"))
    (6, 2, -6)
    """
    whole, rest = divmod(micro * pico, _PICO)
    up = 2 * rest > _PICO or (2 * rest == _PICO and whole % 2 == 1)
    return whole + up
