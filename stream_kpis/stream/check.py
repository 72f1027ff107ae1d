"""Looks before anything runs: settings, catalogue, how many cells it may need, Kafka, topics. One line each."""

import asyncio
import logging
from collections.abc import Iterator
from enum import IntEnum

from aiokafka.errors import KafkaError

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.tiles import DAY_MS, FINE_KEPT_MS, FINE_MS, MID_KEPT_MS, MID_MS
from stream_kpis.plan import compile_plan, known_rates
from stream_kpis.settings import Sasl, Settings, SettingsError
from stream_kpis.stream.failure import kafka_line
from stream_kpis.stream.logs import set_up_logging
from stream_kpis.stream.topics import Names, survey

CELLS_MAX = 2_000_000
HISTORY_DAYS = 3653
"""Ten years of day tiles: what the estimate assumes."""


class Outcome(IntEnum):
    """What came of a check; the largest number, or 0, is the exit code."""

    WARN = -1
    OK = 0
    FAILED = 1
    WRONG = 2


Finding = tuple[Outcome, str, str]
"""The outcome, what was looked at, and what was found or is to be done."""


def cell_budget(plan: Plan) -> int:
    """At most how many cells one shard holds, and the exporter over all shards.

    A cell is one grouping in one tile, with all its groups. It is assumed that each grouping counts something in every
    tile of its age, for ten years: 10 s for 2 hours, 15 min for 8 days, then days.
    """
    tiles = FINE_KEPT_MS // FINE_MS + MID_KEPT_MS // MID_MS + HISTORY_DAYS - (FINE_KEPT_MS + MID_KEPT_MS) // DAY_MS
    return len(plan.groupings) * tiles


def print_check(settings: Settings) -> int:
    """The command: one line per check. Returns 0, 1 if something does not answer, 2 if something is set wrong."""
    worst = Outcome.OK
    for outcome, what, found in findings(settings):
        print(f"{'ok' if outcome is Outcome.OK else outcome.name.lower():6} {what:10} {' '.join(found.split())}")  # noqa: T201 - the command's output
        worst = max(worst, outcome)
    return int(worst)


def findings(settings: Settings) -> Iterator[Finding]:
    """The checks in order; a broken catalogue does not keep Kafka from being looked at."""
    secured = f"{'TLS' if settings.tls else 'no TLS'}, SASL {settings.sasl}"
    yield (
        Outcome.OK,
        "settings",
        f"app {settings.prefix}{settings.app}, zone {settings.zone}, {settings.currency}; {secured}",
    )
    yield from _catalogue(settings)
    yield from _rates(settings)
    yield from _kafka(settings)


def _catalogue(settings: Settings) -> Iterator[Finding]:
    try:
        plan = compile_plan(settings)
    except SettingsError as error:
        yield Outcome.WRONG, "catalogue", str(error).removeprefix("catalogue: ")
        return
    catalogue = plan.catalogue
    yield Outcome.OK, "catalogue", f"{len(catalogue.kpis)} KPIs over {len(catalogue.measures)} measures"
    cells = cell_budget(plan)
    found = f"at most {cells:,} in ten years ({len(plan.groupings)} groupings), of {CELLS_MAX:,}"
    if cells > CELLS_MAX:
        yield Outcome.WRONG, "cells", f"{found}: declare fewer groupings"
    else:
        yield Outcome.OK, "cells", found


def _rates(settings: Settings) -> Iterator[Finding]:
    if settings.rates is None:
        return
    try:
        rates = known_rates(settings)
    except SettingsError as error:
        yield Outcome.WRONG, "rates", str(error).removeprefix("rates: ")
        return
    currencies = ", ".join(sorted({rate.currency for rate in rates}))
    yield Outcome.OK, "rates", f"{len(rates)} of {currencies or 'no currency'}, in {settings.currency}"


_ARE_RIGHT = "is it running, and are bootstrap, tls_* and sasl_* right?"


class _Heard(logging.Handler):
    """Keeps the last error to itself."""

    last = ""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR:
            self.last = record.getMessage()


def _kafka(settings: Settings) -> Iterator[Finding]:
    set_up_logging(settings.verbose)
    heard = _Heard()  # the client raises that it cannot; why, it only logs
    client = logging.getLogger("aiokafka")
    level, propagate = client.level, client.propagate
    client.addHandler(heard)
    client.setLevel(logging.ERROR)
    client.propagate = False
    try:
        found = asyncio.run(survey(settings))
    except SettingsError as error:
        yield Outcome.OK, "kafka", settings.bootstrap
        yield Outcome.WRONG, "topics", str(error)
        return
    except (KafkaError, OSError) as error:
        secured = settings.tls or settings.sasl is not Sasl.NONE
        line = kafka_line(settings.bootstrap, error).removeprefix("Kafka ")
        yield (
            Outcome.FAILED,
            "kafka",
            f"{settings.bootstrap}: {heard.last}; {_ARE_RIGHT}" if secured and heard.last else line,
        )
        return
    finally:
        client.removeHandler(heard)
        client.setLevel(level)
        client.propagate = propagate
    yield Outcome.OK, "kafka", settings.bootstrap
    names = Names.of(settings)
    count = len(names.configs())
    for line in found.refusals:
        yield Outcome.WRONG, "topics", line
    for line in found.warnings:
        yield Outcome.WARN, "topics", line
    if found.missing and not settings.declare_topics:
        yield Outcome.WRONG, "topics", f"make {names.with_partitions(found.missing, settings.partitions)}"
    elif found.missing:
        many = f"{len(found.missing)} of {count}"
        yield Outcome.OK, "topics", f"{many} are missing; the worker makes them when it starts"
    elif not found.refusals:
        yield Outcome.OK, "topics", f"{count - 1} with {settings.partitions} partitions each, {names.rates} with one"
