"""Some values proved alone: the oracle over the topics that their KPIs need, at a snapshot's cut.

What the KPIs' journeys take lies in few topics; only those are read. A void lies in the topic of what it voids; one
that does not could make a difference, so a difference is told only after all topics were read.
"""

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from aiokafka.errors import KafkaError

from stream_kpis.engine.catalogues import document_of
from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.rekeying import REKEYED_TOPIC
from stream_kpis.events.envelope import Reader, Record
from stream_kpis.events.types import KIND_OF_DATA
from stream_kpis.journeys.facts import Fact
from stream_kpis.kpis.goals import Goals
from stream_kpis.live.model.pseudonyms import Pseudonyms
from stream_kpis.live.model.snapshot import Value
from stream_kpis.live.receipts.contributions import Contribution, Lens, journeys_of
from stream_kpis.live.terminal.client import ask
from stream_kpis.live.web.background import Tell
from stream_kpis.plan import goals_of
from stream_kpis.proof.compare import Difference, asks_of, compare
from stream_kpis.proof.exposed import ms_of, of_json
from stream_kpis.proof.oracle import KPIS, Ask, Oracle
from stream_kpis.proof.pipeline import Cut, cut_of, ends_of, rates_until, read_counted, read_until
from stream_kpis.proof.verify import oracle_of, renamed
from stream_kpis.settings import Settings
from stream_kpis.stream.failure import kafka_line
from stream_kpis.stream.parties import holdings
from stream_kpis.stream.topics import RATES


class Culprit(NamedTuple):
    """An entity that the engine counts otherwise than the oracle."""

    party: str
    entity: str
    engine: int
    oracle: int

    def __str__(self) -> str:
        """One line."""
        entity = f", {self.entity}" if self.entity else ""
        return f"{self.party}{entity}: the engine counts {self.engine}, the oracle {self.oracle}"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a proof found."""

    kpis: tuple[str, ...]
    compared: int
    """Values, over all windows and groups."""
    records: int
    """Of the topics, that were read."""
    seconds: float
    cpu_seconds: float
    """Of this process."""
    differences: int
    different: tuple[str, ...] = ()
    """The KPIs that differ."""
    first: Difference | None = None
    culprit: Culprit | None = None
    """The first entity behind the first difference."""
    unnamed: str = ""
    """Why there is a difference and no such entity."""

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not self.differences

    @property
    def text(self) -> str:
        """One line."""
        cost = f"{self.records:,} records read, {self.seconds:.1f} s, of one core {self.cpu_seconds:.1f} s"
        if self.equal:
            return f"equal: the oracle says the same of {self.compared} values ({cost})"
        who = f"first entity: {self.culprit}" if self.culprit else self.unnamed
        return f"different: {self.first}; {who} ({self.differences} differences in {self.compared} values, {cost})"


class At(NamedTuple):
    """The instant of a snapshot, and how far its shards had read."""

    to_ms: int
    """Where its windows end."""
    made_ms: int
    """When it was made: a rate that was made known later is not in it."""
    cut: Cut


class UnprovableError(ValueError):
    """The oracle does not know the KPI; one line."""


def topics_of(plan: Plan, values: Sequence[Value]) -> frozenset[str]:
    """The topics that the journeys of some values' KPIs take events from, and the re-keyed ones."""
    journeys = {name for kpi in {value.kpi for value in values} for name in journeys_of(plan, kpi)}
    types = {data for name in journeys for data in plan.journeys[name].takes}
    return frozenset({KIND_OF_DATA[data].topic for data in types} | {REKEYED_TOPIC})


def check_catalogue(shown: str, plan: Plan, who: str) -> None:
    """Refuses to prove what is shown under another catalogue: the oracle would be asked something else.

    Args:
        shown: the name of the snapshot's catalogue.
        plan: that the proof would be of.
        who: shows it.

    Raises:
        RuntimeError: it is another one; one line.
    """
    if shown != document_of(plan).name:
        raise RuntimeError(
            f"{who} shows another catalogue, other calendars or other terms than these settings and the control topics"
            " say: give the workers' settings"
        )


def check_goals(snapshot: Mapping[str, Any], goals: Goals, url: str) -> None:
    """Refuses to prove what an exporter makes of other goals than these.

    Raises:
        RuntimeError: quotas or shares of experiments differ; one line.
    """
    if snapshot["goals"] != goals.digest:
        raise RuntimeError(f"{url} has other quotas or shares of experiments: give the exporter's file of goals")


async def prove_exposed(settings: Settings, plan: Plan, url: str, wanted: Collection[tuple[str, str]]) -> Finding:
    """Proves what an exporter shows now of some KPIs over some windows, with all groups.

    Args:
        settings: of the deployment.
        plan: with the control topics.
        url: of the exporter.
        wanted: KPIs and windows.

    Raises:
        RuntimeError: the exporter or Kafka does not answer, or it shows another catalogue or has other goals; one line.
        UnprovableError: the oracle does not know a KPI.
    """
    query = [pair for kpi, window in wanted for pair in (("kpi", kpi), ("window", window))]
    snapshot = await asyncio.to_thread(ask, url, "/api/snapshot", query)
    check_goals(snapshot, goals_of(settings, plan), url)
    if snapshot["held_since"] is not None:
        raise RuntimeError(f"{url} shows a catalogue that not all shards count under: try again when they do")
    check_catalogue(snapshot["catalogue"], plan, url)
    values = [of_json(row) for row in snapshot["values"] if (row["kpi"], row["window"]) in wanted]
    cut = cut_of((position["partition"], position["next"]) for position in snapshot["positions"])
    return await prove_values(settings, plan, values, At(ms_of(snapshot["to"]), ms_of(snapshot["made"]), cut))


FactOf = tuple[str, str, Fact]
"""With party and entity."""


async def prove_values(
    settings: Settings,
    plan: Plan,
    values: Sequence[Value],
    at: At,
    facts: Iterable[FactOf] | None = None,
    tell: Tell | None = None,
) -> Finding:
    """Compares values of a snapshot with what the oracle makes of the events in Kafka.

    Args:
        settings: of the deployment.
        plan: the exporter's.
        values: all groups of one or several KPIs and windows: one that is missing is a difference.
        at: the snapshot's.
        facts: of the parties as of then, to name an entity; those that are committed now, if they are not given.
        tell: told how far the topics are read, as :func:`read_until` does.

    Raises:
        UnprovableError: the oracle does not know one of the KPIs.
        ValueError: there are amounts in another currency, and no rates at all; one line.
        RuntimeError: Kafka does not answer; one line.
    """
    if unknown := sorted({value.kpi for value in values} - set(KPIS)):
        raise UnprovableError(f"the oracle does not know {', '.join(unknown)}: it cannot be proved")
    began, cpu = time.monotonic(), time.process_time()
    every = frozenset(topic for topic, _ in at.cut)
    needed = topics_of(plan, values) if "party_active" not in plan.actions else every
    try:
        for topics in (needed, every):
            oracle, records = await _read(settings, plan, topics, at, {value.kpi for value in values}, tell)
            found = await asyncio.to_thread(oracle.answer, asks_of(values), at.to_ms)
            real, answers = renamed(found, Pseudonyms.of(settings))
            report = compare(values, answers)
            if not report.differences:
                break
    except KafkaError as error:
        raise RuntimeError(kafka_line(settings.bootstrap, error)) from error
    first, named = await _named(settings, plan, oracle, report.differences, values, at.to_ms, real, facts)
    return Finding(
        kpis=tuple(dict.fromkeys(value.kpi for value in values)), compared=report.compared, records=records,
        seconds=time.monotonic() - began, cpu_seconds=time.process_time() - cpu, differences=len(report.differences),
        different=tuple(dict.fromkeys(difference.kpi for difference in report.differences)), first=first,
        culprit=named if isinstance(named, Culprit) else None, unnamed=named if isinstance(named, str) else "",
    )  # fmt: skip


async def _read(
    settings: Settings, plan: Plan, topics: Collection[str], at: At, kpis: Collection[str], tell: Tell | None
) -> tuple[Oracle, int]:
    """An oracle that has read some topics up to the cut, and how many records that were."""
    of_topics = {place: end for place, end in at.cut.items() if place[0] in topics}
    told: list[Record] = [record async for record in read_until(settings, await ends_of(settings, RATES))]
    known = rates_until(settings, told, at.made_ms)
    oracle = oracle_of(plan, Reader(settings.currency), settings.zone, goals_of(settings, plan), kpis, known)
    records, read = await read_counted(settings, of_topics, tell)
    await asyncio.to_thread(oracle.load, records)
    return oracle, read


async def _named(
    settings: Settings,
    plan: Plan,
    oracle: Oracle,
    differences: Sequence[Difference],
    values: Sequence[Value],
    to_ms: int,
    real: Mapping[tuple[str, str], str],
    given: Iterable[FactOf] | None,
) -> tuple[Difference | None, Culprit | str]:
    """A difference and the first entity behind it, by the parties' facts; or the first one and why not.

    Of each KPI the first difference is looked at, until one has an entity to name.
    """
    firsts = {difference.kpi: difference for difference in reversed(differences)}
    names = Pseudonyms.of(settings)
    facts: list[FactOf] | None = None
    for difference in firsts.values():
        value = next(v for v in values if (v.kpi, v.window) == (difference.kpi, difference.window))
        value = value._replace(by=difference.by, group=difference.group)
        lens = Lens(plan, value, to_ms, names)
        if not lens.linear:
            continue
        if facts is None:
            journeys = {name for kpi in {v.kpi for v in values} for name in journeys_of(plan, kpi)}
            facts = list((await holdings(settings, plan, journeys)).facts() if given is None else given)
        ask = Ask(value.kpi, value.window, value.from_ms, value.to_ms)
        expected = oracle.entities(ask, value.by, real.get((value.by, value.group), value.group), to_ms)
        if culprit := first_culprit(lens.contributions(facts), expected):
            return difference, culprit
    first = differences[0] if differences else None
    if facts is None:
        return first, "no entity is named, as the formula is no sum over entities" if first else ""
    return first, "no entity differs: the parties' facts are right, and the cells do not say what they say"


def first_culprit(engine: Iterable[Contribution], oracle: Iterable[tuple[str, str, int]]) -> Culprit | None:
    """The first entity whose contribution differs; None if there is none.

    Parties are compared first, as a journey over the whole party does not name entities where the oracle does.

    >>> first_culprit([Contribution("p", "t1", 1, 1, 0), Contribution("p", "t2", 1, 1, 0)], [("p", "t2", 1)])
    Culprit(party='p', entity='t1', engine=1, oracle=0)
    """
    ours: dict[str, dict[str, int]] = {}
    theirs: dict[str, dict[str, int]] = {}
    for one in engine:
        of_party = ours.setdefault(one.party, {})
        of_party[one.entity] = of_party.get(one.entity, 0) + (sum(one.observations) or one.number)
    for party, entity, number in oracle:
        theirs.setdefault(party, {})[entity] = number
    for party in sorted(ours.keys() | theirs.keys()):
        mine, its = ours.get(party, {}), theirs.get(party, {})
        if sum(mine.values()) != sum(its.values()):
            entity = next(e for e in sorted(mine.keys() | its.keys()) if mine.get(e, 0) != its.get(e, 0))
            if "" in mine:  # the whole party is the scope
                return Culprit(party, entity, sum(mine.values()), sum(its.values()))
            return Culprit(party, entity, mine.get(entity, 0), its.get(entity, 0))
    return None


def as_json(found: Finding) -> dict[str, Any]:
    """A finding for programs."""
    first = None if found.first is None else {**found.first._asdict(), "text": str(found.first)}
    culprit = None if found.culprit is None else found.culprit._asdict()
    plain = msgspec.structs.asdict(found) | {"first": first, "culprit": culprit}
    return {**plain, "equal": found.equal, "text": found.text}
