"""One party, looked into: its events in order, what its journeys say, and what that is in the KPIs. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from stream_kpis.engine.cells import Cells
from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.holdings import Holding, Holdings
from stream_kpis.engine.tiles import Calendar, Levels
from stream_kpis.events.envelope import Event
from stream_kpis.events.types import KIND_OF_DATA, LeadLinked, Money
from stream_kpis.journeys.facts import Fact, declared
from stream_kpis.journeys.leads import Leads, Linked
from stream_kpis.kpis.formula import Formula, parts, readings
from stream_kpis.live.api import group_of, rfc3339
from stream_kpis.live.model.pseudonyms import REAL, Pseudonyms
from stream_kpis.live.model.read_model import ReadModel
from stream_kpis.live.model.snapshot import State, Value
from stream_kpis.live.receipts.figures import unit_of
from stream_kpis.live.terminal.listing import table_of
from stream_kpis.live.terminal.tables import people

COLUMNS = (
    "section",
    "time",
    "name",
    "entity",
    "value",
    "samples",
    "what",
    "source",
    "id",
    "topic",
    "partition",
    "offset",
)


class Place(NamedTuple):
    """Where an event lies: its family's topic, or another one that it came by."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}/{self.offset}"


class Dossier(NamedTuple):
    """What is known of one party."""

    party: str
    events: tuple[tuple[Event, str], ...]
    """In order, each once, with the entity that it is about."""
    holdings: tuple[Holding, ...]
    facts: tuple[tuple[str, Fact], ...]
    """With the entity."""
    values: tuple[Value, ...]
    """The KPIs as if the party were the whole company, over the longest window of each; those without data left out."""
    voided: int
    """How many of its events were taken back."""
    links: tuple[tuple[str, Linked], ...] = ()
    """The deals and orders of other parties that name a lead of this one, and what they make of it."""


def dossier(party: str, holdings: Holdings, plan: Plan, calendar: Calendar, now_ms: int, currency: str) -> Dossier:
    """A party's dossier.

    Args:
        party: its id.
        holdings: what it holds.
        plan: the compiled catalogue.
        calendar: the business days.
        now_ms: when windows end.
        currency: the reporting currency.

    Raises:
        ValueError: nothing is known of the party; one line.
    """
    held = tuple(sorted(holdings, key=lambda each: (each.journey, each.entity)))
    if not held:
        raise ValueError(f"no party {party!r}: none of its events was counted; ids are those of the events' subject")
    events = {
        (event.source, event.id): event
        for each in held
        for event in each.events
        if not isinstance(event.data, LeadLinked)
    }
    facts = [(entity, fact) for _, entity, fact in holdings.facts()]
    return Dossier(
        party,
        tuple((event, entity_of(event)) for event in sorted(events.values(), key=lambda event: event.order)),
        held,
        tuple(sorted(facts, key=lambda each: (each[1].at_ms, each[1].name))),
        tuple(_values([fact for _, fact in facts], plan, calendar, now_ms, currency)),
        len(holdings.voids()),
        tuple(link for each in held if isinstance(each.scope.state, Leads) for link in each.scope.state.linked.items()),
    )


def entity_of(event: Event) -> str:
    """The id of the lead, deal, ticket … that an event is about; empty if that is the party, or has none."""
    family = KIND_OF_DATA[type(event.data)].name.partition(".")[0]
    name = "campaign_id" if family == "email" else f"{family}_id"
    return getattr(event.data, name, None) or ""


def _values(facts: list[Fact], plan: Plan, calendar: Calendar, now_ms: int, currency: str) -> Iterable[Value]:
    cells = Cells(plan, Levels(calendar, now_ms))
    cells.count_difference([], facts)
    model = ReadModel(plan, calendar, currency)
    model.apply(0, cells.take())
    longest = {name: kpi.windows[-1] for name, kpi in plan.catalogue.kpis.items()}
    for value in model.snapshot(now_ms).values:
        some = value.samples or value.numerator or (value.numerator is None and value.value)
        if not value.by and value.window == longest[value.kpi] and value.state is not State.NO_DATA and some:
            yield value


def kpis_of_facts(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Which KPIs count each kind of fact, by themselves or by a KPI that is part of them."""
    formulas = plan.catalogue.formulas

    def read_by(formula: Formula) -> Iterator[str]:
        for reading in readings(formula):
            yield from reading.args
        for part in parts(formula):
            yield from read_by(formulas[part.name])

    measures: dict[str, set[str]] = {}
    for name, formula in (*formulas.items(), *plan.catalogue.samples.items()):
        for measure in read_by(formula):
            measures.setdefault(measure, set()).add(name)
    found: dict[str, set[str]] = {}
    for fact, actions in plan.actions.items():
        for action in actions:
            for index, _ in action.targets:
                found.setdefault(fact, set()).update(measures.get(plan.groupings[index].measure, ()))
    order = list(plan.catalogue.kpis)
    return {fact: tuple(sorted(names, key=order.index)) for fact, names in found.items()}


def rows_of(
    found: Dossier, plan: Plan, currency: str, places: Mapping[tuple[str, str], Place], names: Pseudonyms = REAL
) -> list[dict[str, Any]]:
    """A dossier as rows: sections ``event``, ``entity``, ``link``, ``fact`` and ``kpi``."""
    kpis = kpis_of_facts(plan)
    rows: list[dict[str, Any]] = []
    for event, entity in found.events:
        kind = KIND_OF_DATA[type(event.data)]
        at = places.get((event.source, event.id))
        topic, partition, offset = (kind.topic, None, None) if at is None else at
        rows.append({
            "section": "event", "time": rfc3339(event.time_ms), "name": kind.name, "entity": entity,
            "what": msgspec.json.encode(_given(event, names)).decode(), "source": event.source, "id": event.id,
            "topic": topic, "partition": partition, "offset": offset,
        })  # fmt: skip
    for each in found.holdings:
        sealed = f", of which {len(each.sealed)} sealed" if each.sealed else ""
        rows.append({
            "section": "entity", "name": each.journey, "entity": each.entity,
            "what": f"{len(each.events)} events{sealed}, {len(each.scope.facts)} facts",
        })  # fmt: skip
    for link, said in found.links:
        rows.append({
            "section": "link", "time": None if said.at_ms is None else rfc3339(said.at_ms), "name": link,
            "entity": said.lead_id, "what": _told(said),
        })  # fmt: skip
    for entity, fact in found.facts:
        rows.append({
            "section": "fact", "time": rfc3339(fact.at_ms), "name": fact.name, "entity": entity, "value": fact.value,
            "what": ", ".join(kpis.get(fact.name, ())), **({"dims": _dims(fact, names)} if fact.dims else {}),
        })  # fmt: skip
    for value in found.values:
        kpi = plan.catalogue.kpis[value.kpi]
        rows.append({
            "section": "kpi", "name": value.kpi, "value": value.value, "samples": value.samples,
            "what": f"{value.window}, {unit_of(kpi, currency)}", "by": group_of(value),
        })  # fmt: skip
    return rows


def _told(link: Linked) -> str:
    return "may convert the lead" if link.at_ms is not None else "no longer converts the lead"


def _dims(fact: Fact, names: Pseudonyms) -> dict[str, str | None]:
    said = zip(declared(fact.name).dims, fact.dims, strict=True)
    return {name: value and names.field(name, value) for name, value in said}


def _given(event: Event, names: Pseudonyms) -> dict[str, Any]:
    """What an event says, without what it leaves out; money in units."""
    fields = msgspec.structs.fields(event.data)
    said = ((field.name, getattr(event.data, field.name)) for field in fields)
    return {name: _shown(name, value, names) for name, value in said if value is not None}


def _shown(name: str, value: Any, names: Pseudonyms) -> Any:
    if isinstance(value, Money):
        return value / 10**6
    return names.field(name, value) if isinstance(value, str) else value


def render(found: Dossier, plan: Plan, currency: str, places: Mapping[tuple[str, str], Place]) -> str:
    """A dossier as text of at most 80 columns."""
    kpis = kpis_of_facts(plan)
    voided = f", {found.voided} taken back" if found.voided else ""
    parts = [
        f"{found.party}: {len(found.events)} events{voided}, {len(found.holdings)} scopes, {len(found.facts)} facts\n"
    ]
    known = any(place in places for place in ((event.source, event.id) for event, _ in found.events))
    parts.append(table_of(
        ("Time", "Event", "Entity", "Topic", *(("Offset",) if known else ())),
        (
            (
                _time(event.time_ms), kind.name, entity, kind.topic if at is None else at.topic,
                *((str(at or "-"),) if known else ()),
            )
            for event, entity in found.events
            for kind, at in [(KIND_OF_DATA[type(event.data)], places.get((event.source, event.id)))]
        ),
    ))  # fmt: skip
    if found.links:
        parts.append(table_of(
            ("Time", "Of another party", "Lead", "What"),
            (("-" if said.at_ms is None else _time(said.at_ms), link, said.lead_id, _told(said))
             for link, said in found.links),
        ))  # fmt: skip
    parts.append(table_of(
        ("Time", "Fact", "Value", "Counts in"),
        ((_time(fact.at_ms), fact.name, _value(fact), ", ".join(kpis.get(fact.name, ()))) for _, fact in found.facts),
        numbers=("Value",),
    ))  # fmt: skip
    parts.append(table_of(
        ("KPI of this party alone", "Window", "Value", "Samples"),
        (
            (v.kpi, v.window, people(v.value, unit_of(plan.catalogue.kpis[v.kpi], currency)), f"{v.samples:,}")
            for v in found.values
        ),
        numbers=("Value", "Samples"),
    ))  # fmt: skip
    return "".join(parts)


def _time(time_ms: int) -> str:
    return rfc3339(time_ms)[:19].replace("T", " ")


def _value(fact: Fact) -> str:
    """A fact's value for people."""
    kind = declared(fact.name).value
    if kind.endswith("ms"):
        return people(fact.value / 1000, "seconds")
    if kind.endswith(("micro-units", "micro-points")):
        return f"{fact.value / 1e6:,.2f}"
    if kind == "thousandths":
        return people(fact.value / 1000, "quantity")
    return f"{fact.value:+}" if kind == "±1" else ""
