"""Verification: the same events through the engine and through the oracle, and what differs."""

import logging
import random
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.tiles import Calendar
from stream_kpis.events.envelope import Reader, Record
from stream_kpis.events.money import Rate as KnownRate
from stream_kpis.events.rates import read_rates
from stream_kpis.kpis.goals import NO_GOALS, Goals
from stream_kpis.live.model.pseudonyms import REAL, Pseudonyms
from stream_kpis.live.model.snapshot import Result, Value
from stream_kpis.live.model.sources import measures_of
from stream_kpis.proof.aims import oracle_targets, simulated_goals
from stream_kpis.proof.compare import Difference, Report, asks_of, compare
from stream_kpis.proof.oracle import KPIS, Answer, Ask, Oracle, Rate, Version
from stream_kpis.proof.oracle.calendars import open_until
from stream_kpis.proof.oracle.operators import operators
from stream_kpis.proof.outcomes import compare_results, requests_of
from stream_kpis.proof.quotes import Quotes, quotes_of, write_file
from stream_kpis.proof.replay import Logs, laid_out, replay
from stream_kpis.proof.simulate import CARRY_DAYS, Simulation, faults, in_currencies

_log = logging.getLogger(__name__)

_TARGETS = {
    "first_response": "unanswered_over_target",
    "first_response_business": "unanswered_over_target_business",
    "leads_over_target": "leads_over_target",
}
"""The oracle's targets, and the KPIs that say them."""

SIMULATED_NOW_MS = 1_796_000_000_000
"""When simulated histories end, 2026-11-30T00:53:20Z, so that nothing depends on the day of the test."""


class Case(NamedTuple):
    """One verification without Kafka."""

    events: int
    faults: Collection[str]
    seed: int
    days: int = 400
    partitions: int = 3
    zone: str = "UTC"
    currency: str = "USD"
    """The reporting one."""


class Shown(NamedTuple):
    """What a snapshot shows."""

    values: Sequence[Value]
    to_ms: int
    results: Sequence[Result] | None = None
    """Of operators; None if they are not compared."""


class RatesKnown(NamedTuple):
    """What other currencies are worth, as it was written: the oracle finds out for itself which rate an event has."""

    rows: Sequence[Rate] = ()
    """Those of the file, then those of the topic by offset."""
    carry_days: int = 0
    """How many dates missing between two of the file take the earlier one's rate."""


NO_RATES = RatesKnown()


def rates_known(rows: Iterable[KnownRate], carry_days: int) -> RatesKnown:
    """The rates for the oracle, from those of the file, not filled, and then those of the topic by offset."""
    return RatesKnown(
        tuple(Rate(row.currency, date.fromisoformat(row.date), row.text, row.known_ms) for row in rows), carry_days
    )


class Proof(NamedTuple):
    """The report of a verification, and whom to ask about the first difference."""

    report: Report
    behind: Callable[[Difference], list[tuple[str, str, int]]]
    """The oracle's (party, entity, contribution) behind a value."""
    unproved: tuple[str, ...] = ()
    """The KPIs that the oracle does not know, so that nothing is compared."""


def verify(plan: Plan, case: Case, goals: Goals = NO_GOALS) -> Proof:
    """Simulates a company, damages the stream, and compares all KPIs and what operators make of them.

    The company sells in several currencies, whose rates are in a file or told while events come.

    Args:
        plan: the engine's.
        case: how many events, which faults, which seed.
        goals: besides those that a verification has of its own.
    """
    goals, reader = simulated_goals(plan, goals), Reader(case.currency)
    quotes = quotes_of(case.seed, case.days, SIMULATED_NOW_MS, case.faults)
    logs = _simulated(case)
    # The engine's state is gone before the oracle makes its own.
    shown = _shown(plan, case, logs, reader, goals, quotes)
    rates = rates_known((*quotes.of_file, *quotes.told), CARRY_DAYS)
    return prove(plan, shown, _let_go(logs), reader, case.zone, goals, rates=rates)


def _simulated(case: Case) -> dict[tuple[str, int], list[Record]]:
    """The logs of all partitions."""
    parties = max(case.events // 60, 20)
    history = Simulation(case.seed, parties).history(case.events, case.days, SIMULATED_NOW_MS)
    history = in_currencies(history, case.seed)
    line = faults(history, case.faults, case.seed, case.partitions) if case.faults else history
    return laid_out(line, case.partitions, SIMULATED_NOW_MS)


def _shown(plan: Plan, case: Case, logs: Logs, reader: Reader, goals: Goals, quotes: Quotes) -> Shown:
    """What the engine shows of the logs."""
    dice, now_ms = random.Random(case.seed), SIMULATED_NOW_MS  # noqa: S311 - not for secrets
    with tempfile.TemporaryDirectory() as folder:
        file = write_file(quotes, Path(folder), reader.currency)
        rates = [*read_rates(file, reader.currency, CARRY_DAYS), *quotes.told]
    model = replay(plan, logs, case.partitions, reader, Calendar(case.zone), now_ms, dice, goals, rates)[0]
    snapshot = model.snapshot(now_ms)
    return Shown(snapshot.values, snapshot.to_ms, snapshot.results)


def _let_go(logs: dict[tuple[str, int], list[Record]]) -> Iterator[Record]:
    """All records of the logs, which are empty then."""
    while logs:
        _, log = logs.popitem()
        yield from log


def renamed(answers: Iterable[Answer], names: Pseudonyms) -> tuple[dict[tuple[str, str], str], list[Answer]]:
    """Answers as the exporter names people, and the real groups by grouping and group as shown."""
    real: dict[tuple[str, str], str] = {}
    shown = []
    for answer in answers:
        group = names.group(answer.by, answer.group)
        real[answer.by, group] = answer.group
        shown.append(answer._replace(group=group))
    return real, shown


def oracle_of(
    plan: Plan,
    reader: Reader,
    zone: str,
    goals: Goals = NO_GOALS,
    only: Collection[str] = (),
    rates: RatesKnown = NO_RATES,
) -> Oracle:
    """An oracle with the deployment's targets, terms, goals and rates, which has read nothing; of some KPIs or all."""
    kpis, measures = plan.catalogue.kpis, plan.catalogue.measures
    asked = {name for kpi in only or kpis for name in measures_of(plan.catalogue, kpi)}
    by_calendar = any(measures[name].clock == "business" for name in asked)  # which takes seconds to lay out
    targets_ms = {
        name: round(kpi.target * 1000) for name, of in _TARGETS.items() if (kpi := kpis.get(of)) and kpi.target
    }
    allowed: list[tuple[str | None, int]] = [*plan.terms.sla_ms.items(), (None, plan.terms.otherwise_ms)]
    return Oracle(
        reader,
        zone,
        targets_ms,
        sla_ms=dict(allowed),
        stages=plan.terms.stages,
        quotas=goals.quotas,
        experiments=goals.experiments,
        min_samples={name: kpi.min_samples for name, kpi in kpis.items()},
        calendars=_as_written(plan) if by_calendar else {},
        default_calendar=plan.calendars.default,
        only=only,
        rates=rates.rows,
        rates_carry_days=rates.carry_days,
    )


def prove(
    plan: Plan,
    shown: Shown,
    records: Iterable[Record],
    reader: Reader,
    zone: str,
    goals: Goals = NO_GOALS,
    names: Pseudonyms = REAL,
    rates: RatesKnown = NO_RATES,
) -> Proof:
    """Compares what a snapshot shows with the oracle over the raw records behind it.

    KPIs that the oracle does not know, such as one's own, are left out, and named: in the proof, and as a warning.
    """
    unproved = tuple(name for name in plan.catalogue.kpis if name not in KPIS)
    if unproved:
        _log.warning("not compared, as the oracle does not know them: %s", ", ".join(unproved))
    values = [value for value in shown.values if value.kpi in KPIS]
    oracle = oracle_of(plan, reader, zone, goals, rates=rates)
    oracle.load(records)
    real, answers = renamed(oracle.answer(asks_of(values), shown.to_ms), names)
    report = compare(values, answers)
    if shown.results is not None:
        operated = _operated(plan, shown.results, shown.to_ms, oracle, goals, names)
        report = report._replace(differences=report.differences + operated.differences, operators=operated.operators)

    def behind(difference: Difference) -> list[tuple[str, str, int]]:
        value = next((v for v in values if (v.kpi, v.window) == (difference.kpi, difference.window)), None)
        if value is None:  # the window is an operator's
            return []
        ask = Ask(value.kpi, value.window, value.from_ms, value.to_ms)
        group = real.get((difference.by, difference.group), difference.group)
        return oracle.entities(ask, difference.by, group, shown.to_ms)

    return Proof(report, behind, unproved)


def _operated(
    plan: Plan, results: Iterable[Result], to_ms: int, oracle: Oracle, goals: Goals, names: Pseudonyms
) -> Report:
    """The comparison of operators."""
    targets = [target for target in oracle_targets(plan, goals) if target.kpi in KPIS]
    requests = requests_of(plan, targets)
    written = _as_written(plan)
    calendars = {name: open_until(written, name) for name in {target.calendar for target in targets} if name}
    outcomes = operators(oracle, requests, to_ms, oracle.zone, targets, calendars)
    called = [o._replace(group=names.group(o.request.by, o.group)) for o in outcomes]
    return compare_results(plan, [result for result in results if result.kpi in KPIS], requests, called)


def _as_written(plan: Plan) -> dict[str, list[Version]]:
    """The calendars as people wrote them: what they mean, the oracle finds out for itself."""
    return {
        name: [Version(v.valid_from, v.zone, v.week, v.holidays, v.days) for v in versions]
        for name, versions in plan.calendars.versions.items()
    }
