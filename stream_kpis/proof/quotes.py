"""What the currencies of a simulated company are worth: some of it in a file, the rest told while its events come."""

import csv
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from stream_kpis.events.money import Rate
from stream_kpis.proof.simulate import daily_rates, parted

_MARGIN_DAYS = 2
"""Before the first event and after the last, whose dates depend on the zone."""


class Quotes(NamedTuple):
    """The rates of a company."""

    of_file: list[Rate]
    """Of working days; the days between are to be filled."""
    told: list[Rate]
    """In the order in which they are made known, until now."""


def quotes_of(seed: int, days: int, until_ms: int, faults: Collection[str]) -> Quotes:
    """The rates of the days of a history that ends at ``until_ms``; with the fault ``rates`` as that has it."""
    first = datetime.fromtimestamp(until_ms / 1000, UTC).date() - timedelta(days=days + _MARGIN_DAYS)
    of_file, told = parted(daily_rates(first, days + 2 * _MARGIN_DAYS, seed, faulty="rates" in faults))
    return Quotes(of_file, [rate for rate in told if rate.known_ms <= until_ms])


def write_file(quotes: Quotes, folder: Path, reporting: str) -> Path:
    """Writes the file of rates, which has none of the reporting currency; returns where."""
    path = folder / "rates.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(("date", "currency", "rate"))
        rows.writerows((rate.date, rate.currency, rate.text) for rate in quotes.of_file if rate.currency != reporting)
    return path
