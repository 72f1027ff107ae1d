"""Verification: the same events through the engine and through the oracle, and what differs."""

import logging
import random
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import chain
from typing import NamedTuple

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.tiles import Calendar
from stream_kpis.events.envelope import Reader, Record
from stream_kpis.live.pseudonyms import REAL, Pseudonyms
from stream_kpis.live.snapshot import Value
from stream_kpis.proof.compare import Difference, Report, asks_of, compare
from stream_kpis.proof.oracle import KPIS, TARGETS_MS, Answer, Ask, Oracle
from stream_kpis.proof.replay import laid_out, replay
from stream_kpis.proof.simulate import Simulation, faults

_log = logging.getLogger(__name__)

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


class Proof(NamedTuple):
    """The report of a verification, and whom to ask about the first difference."""

    report: Report
    behind: Callable[[Difference], list[tuple[str, str, int]]]
    """The oracle's (party, entity, contribution) behind a value."""
    unproved: tuple[str, ...] = ()
    """The KPIs that the oracle does not know, so that nothing is compared."""


def verify(plan: Plan, case: Case) -> Proof:
    """Simulates a company, damages the stream, and compares all KPIs.

    Args:
        plan: the engine's.
        case: how many events, which faults, which seed.
    """
    reader, calendar = Reader(), Calendar(case.zone)
    parties = max(case.events // 60, 20)
    history = Simulation(case.seed, parties).history(case.events, case.days, SIMULATED_NOW_MS)
    line = faults(history, case.faults, case.seed, case.partitions) if case.faults else history
    logs = laid_out(line, case.partitions, SIMULATED_NOW_MS)
    dice = random.Random(case.seed)  # noqa: S311 - not for secrets
    model, _ = replay(plan, logs, case.partitions, reader, calendar, SIMULATED_NOW_MS, dice)
    snapshot = model.snapshot(SIMULATED_NOW_MS)
    return prove(plan, snapshot.values, snapshot.to_ms, chain.from_iterable(logs.values()), reader, case.zone)


def renamed(answers: Iterable[Answer], names: Pseudonyms) -> tuple[dict[tuple[str, str], str], list[Answer]]:
    """Answers as the exporter names people, and the real groups by grouping and group as shown."""
    real: dict[tuple[str, str], str] = {}
    shown = []
    for answer in answers:
        group = names.group(answer.by, answer.group)
        real[answer.by, group] = answer.group
        shown.append(answer._replace(group=group))
    return real, shown


def oracle_of(plan: Plan, reader: Reader, zone: str, only: Collection[str] = ()) -> Oracle:
    """An oracle with the deployment's targets, that has read nothing; of some KPIs only, or of all."""
    kpi = plan.catalogue.kpis.get("unanswered_over_target")
    targets_ms = {"first_response": round(kpi.target * 1000)} if kpi and kpi.target else TARGETS_MS
    return Oracle(reader, zone, targets_ms, only=only)


def prove(
    plan: Plan,
    values: Sequence[Value],
    to_ms: int,
    records: Iterable[Record],
    reader: Reader,
    zone: str,
    names: Pseudonyms = REAL,
) -> Proof:
    """Compares the values of a snapshot that ends at ``to_ms`` with the oracle over the raw records behind it.

    KPIs that the oracle does not know, such as one's own, are left out, and named: in the proof, and as a warning.
    """
    unproved = tuple(name for name in plan.catalogue.kpis if name not in KPIS)
    if unproved:
        _log.warning("not compared, as the oracle does not know them: %s", ", ".join(unproved))
    values = [value for value in values if value.kpi in KPIS]
    oracle = oracle_of(plan, reader, zone)
    oracle.load(records)
    real, answers = renamed(oracle.answer(asks_of(values), to_ms), names)
    cases = [name for name, kpi in plan.catalogue.kpis.items() if kpi.cases]

    def behind(difference: Difference) -> list[tuple[str, str, int]]:
        value = next(v for v in values if (v.kpi, v.window) == (difference.kpi, difference.window))
        ask = Ask(value.kpi, value.window, value.from_ms, value.to_ms)
        return oracle.entities(ask, difference.by, real.get((difference.by, difference.group), difference.group), to_ms)

    return Proof(compare(values, answers, cases), behind, unproved)
