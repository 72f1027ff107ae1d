"""Looks before anything runs: settings, catalogue, how many cells it may need, Kafka, topics. One line each."""

import asyncio
import logging
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from enum import IntEnum

from aiokafka.errors import KafkaError

from stream_kpis.engine.compiler import Plan
from stream_kpis.live.prometheus.budget import Assumptions, cells, groups_given, most, series, tiles_of
from stream_kpis.live.prometheus.metrics import SERIES_MAX
from stream_kpis.plan import compile_plan, find_calendars, goals_of, known_rates
from stream_kpis.settings import Sasl, Settings, SettingsError
from stream_kpis.stream.control import ignored_line, read_control
from stream_kpis.stream.failure import kafka_line
from stream_kpis.stream.logs import set_up_logging
from stream_kpis.stream.topics import Names, Survey, survey


class Outcome(IntEnum):
    """What came of a check; the largest number, or 0, is the exit code."""

    WARN = -1
    OK = 0
    FAILED = 1
    WRONG = 2


Finding = tuple[Outcome, str, str]
"""The outcome, what was looked at, and what was found or is to be done."""


def print_check(settings: Settings) -> int:
    """The command: one line per check. Returns 0, 1 if something does not answer, 2 if something is set wrong."""
    worst = Outcome.OK
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    for outcome, what, found in findings(settings):
        print(_line(outcome, what, found, width))  # noqa: T201 - the command's output
        worst = max(worst, outcome)
    return int(worst)


def _line(outcome: Outcome, what: str, found: str, width: int) -> str:
    """A finding in one line, for programs; on a terminal, whose width is given, under its own column."""
    head = f"{'ok' if outcome is Outcome.OK else outcome.name.lower():6} {what:10} "
    line = head + " ".join(found.split())
    return textwrap.fill(line, width, subsequent_indent=" " * len(head), break_on_hyphens=False) if width else line


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
        what, _, found = str(error).partition(": ")
        yield Outcome.WRONG, what, found
        return
    catalogue, calendars = plan.catalogue, plan.calendars
    yield Outcome.OK, "calendars", f"{len(calendars.versions)}, default {calendars.default}"
    if settings.terms is not None:
        yield Outcome.OK, "terms", f"{len(plan.terms.sla_ms)} priorities, {len(plan.terms.stages)} pipelines"
    yield Outcome.OK, "catalogue", f"{len(catalogue.kpis)} KPIs over {len(catalogue.measures)} measures"
    try:
        assumed = Assumptions(settings.budget_days, settings.budget_facts, groups_given(settings.budget_groups, plan))
    except ValueError as error:
        yield Outcome.WRONG, "cells", str(error)
        return
    yield from _budget(plan, assumed, settings.budget_cells)
    if settings.goals is not None:
        yield _goals(settings, plan)


def _budget(plan: Plan, assumed: Assumptions, cells_max: int) -> Iterator[Finding]:
    needed = cells(plan, assumed)
    total = sum(needed.values())
    largest = ", ".join(f"{measure} {number:,}" for measure, number in most(needed))
    found = f"{total:,} of {cells_max:,}; most: {largest}"
    if total > cells_max:
        yield Outcome.WRONG, "cells", f"{found}: declare fewer groupings, hide KPIs, or raise budget_cells"
    else:
        yield Outcome.OK, "cells", found
    tiles = " + ".join(f"{tiles:,} of {name}" for (tiles, _), name in zip(tiles_of(assumed.days), _LEVELS, strict=True))
    groups = ", ".join(f"{name} {assumed.groups_of(name)}" for name in _dimensions(plan))
    found = f"{len(plan.groupings)} groupings; tiles: {tiles}; {assumed.facts_per_day:,} facts per measure and day"
    yield Outcome.OK, "assumed", f"{found}; groups: {groups}"
    expected = series(plan, assumed)
    outcome = Outcome.WARN if expected > SERIES_MAX else Outcome.OK
    yield outcome, "series", f"{expected:,} of {SERIES_MAX:,} in /metrics, beyond which groups are left out"


_LEVELS = ("10 s", "15 min", "a day")


def _dimensions(plan: Plan) -> list[str]:
    return sorted({dimension for grouping in plan.groupings for dimension in grouping.by.split(",") if dimension})


def _goals(settings: Settings, plan: Plan) -> Finding:
    try:
        goals = goals_of(settings, plan)
    except SettingsError as error:
        return Outcome.WRONG, "goals", str(error).removeprefix("goals: ")
    aims = f"{len(goals.targets)} targets, {len(goals.quotas)} quotas, {len(goals.experiments)} experiments"
    return Outcome.OK, "goals", aims


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


async def _looked(settings: Settings) -> tuple[Survey, Counter[str]]:
    """The topics, and what in that of the calendars changes nothing."""
    found, calendars = await survey(settings), Names.of(settings).calendars
    records = [] if calendars in found.missing else await read_control(settings, calendars)
    try:
        return found, find_calendars(settings, records).ignored
    except SettingsError:  # the file is wrong, which was said
        return found, Counter()


def _kafka(settings: Settings) -> Iterator[Finding]:
    set_up_logging(settings.verbose)
    heard = _Heard()  # the client raises that it cannot; why, it only logs
    client = logging.getLogger("aiokafka")
    level, propagate = client.level, client.propagate
    client.addHandler(heard)
    client.setLevel(logging.ERROR)
    client.propagate = False
    try:
        found, ignored = asyncio.run(_looked(settings))
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
    if ignored:
        yield Outcome.WARN, "calendars", ignored_line(Names.of(settings).calendars, ignored)
    if found.missing and not settings.declare_topics:
        yield Outcome.WRONG, "topics", f"make {names.with_partitions(found.missing, settings.partitions)}"
    elif found.missing:
        many = f"{len(found.missing)} of {count}"
        yield Outcome.OK, "topics", f"{many} are missing; the worker makes them when it starts"
    elif not found.refusals:
        yield Outcome.OK, "topics", f"{count - 1} with {settings.partitions} partitions each, {names.rates} with one"
