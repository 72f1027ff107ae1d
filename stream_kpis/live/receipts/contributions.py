"""Who is behind a value: what the facts of each entity add to it. Pure.

The same readings as of the whole, over the cells of one entity's facts alone: whatever is linear in its facts adds up
to the value's numerator and denominator over all entities.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from stream_kpis.engine.compiler import Looked, Plan
from stream_kpis.engine.measures import COUNT, SUM, Cell, add, parts_for, waiting_since
from stream_kpis.engine.reading import FUNCTIONS, At, quantile_of, waiting_ages
from stream_kpis.engine.rebuild import journeys_of as journeys_of_measure
from stream_kpis.engine.tiles import FINE_MS, Edges
from stream_kpis.journeys.facts import UNKNOWN, Fact
from stream_kpis.kpis.formula import Binary, Node, Part, Reading, evaluate, readings
from stream_kpis.kpis.load import days_of
from stream_kpis.live.model.pseudonyms import REAL, Pseudonyms
from stream_kpis.live.model.readings import KpiReader, Read
from stream_kpis.live.model.snapshot import Value
from stream_kpis.live.model.sources import composed, measures_of

ENTITIES_MAX = 1_000
"""Entities named of one value."""


class Contribution(NamedTuple):
    """What one entity adds."""

    party: str
    entity: str
    number: int
    """To the numerator: a count, micro-units; of a duration ms, the longest if there are several."""
    denominator: int
    at_ms: int
    """Of the newest fact behind it; of what waits, since when the oldest does."""
    observations: tuple[int, ...] = ()
    """Of a duration: all, in ms."""


class Behind(NamedTuple):
    """The entities behind one value."""

    entities: tuple[Contribution, ...]
    """The first ones: of quantiles the slowest, of what waits the oldest, else the newest."""
    total: int
    """How many there are."""
    parties: int
    number: int
    """Over all entities."""
    denominator: int
    order: str
    """``slowest``, ``oldest`` or ``newest``."""


class _Argument(NamedTuple):
    """One measure that a reading reads: the sum over which tiles, of which group."""

    grouping: int
    kind: str
    group: str | None
    """None for the total."""
    from_ms: int
    to_ms: int


_Key = tuple[str, Reading]
"""A measure and the reading that reads it."""


def journeys_of(plan: Plan, kpi: str) -> frozenset[str]:
    """The journeys whose facts count in a KPI, and in those that it is composed of."""
    return frozenset().union(*(journeys_of_measure(plan, name) for name in measures_of(plan.catalogue, kpi)))


class Lens:
    """Looks at facts as one value does.

    Args:
        plan: the compiled catalogue.
        value: the value: its KPI, group and edges.
        to_ms: the snapshot's; of cohorts it lies after the edges.
        names: how people are called in the value's group.
    """

    def __init__(self, plan: Plan, value: Value, to_ms: int, names: Pseudonyms = REAL) -> None:
        self._plan, self._value, self._to_ms, self._names = plan, value, to_ms, names
        self._kpi = plan.catalogue.kpis[value.kpi]
        self._formula = plan.catalogue.formulas[value.kpi]
        self._index = {(grouping.measure, grouping.by): at for at, grouping in enumerate(plan.groupings)}
        self._arguments: dict[_Key, _Argument] = {}
        for reading in readings(self._formula) if self.linear else ():
            for measure in reading.args:
                if measure != "target":
                    self._arguments[measure, reading] = self._argument(measure, reading.function)
        self._wanted: dict[int, list[_Key]] = {}
        for key, argument in self._arguments.items():
            self._wanted.setdefault(argument.grouping, []).append(key)
        self._quantile = quantile_of(self._formula.numerator)
        self._begun = dict.fromkeys(plan.catalogue.measures, 0)
        self._at = At(value.from_ms, to_ms, 0, plan.calendars)
        kinds = {argument.kind for argument in self._arguments.values()}
        self.order = "slowest" if self._quantile else "oldest" if "open_set" in kinds else "newest"

    @property
    def journeys(self) -> frozenset[str]:
        """Those whose facts count."""
        return journeys_of(self._plan, self._value.kpi)

    @property
    def linear(self) -> bool:
        """Whether contributions add up: not to what is composed, is over another window, or is a product of sums."""
        if composed(self._plan.catalogue, self._value.kpi) or any(r.over.how for r in readings(self._formula)):
            return False
        return not _multiplies(self._formula.numerator)

    def _argument(self, measure: str, function: str) -> _Argument:
        read, value = FUNCTIONS[function], self._value
        by = "" if read.of_all else value.by
        index = self._index[measure, by]
        grouping = self._plan.groupings[index]
        from_ms, to_ms = value.from_ms, value.to_ms
        if not (grouping.within_days or (self._kpi.matured and days_of(self._kpi.matured))):
            if grouping.kind == "open_set" or read.span == "until":
                from_ms, to_ms = 0, self._to_ms
            elif read.span == "before":
                from_ms, to_ms = 0, from_ms
        return _Argument(index, grouping.kind, value.group if by else None, from_ms, to_ms)

    def contribution(self, party: str, entity: str, facts: Iterable[Fact]) -> Contribution | None:
        """What the facts of one entity add; None if that is nothing."""
        cells: dict[_Key, Cell] = {}
        observed: list[int] = []
        newest_ms, oldest_ms = -1, self._to_ms
        for fact in facts:
            for key, pairs in self._touched(fact):
                argument = self._arguments[key]
                if argument.kind == "distribution" and self._quantile and fact.value >= 0:
                    observed.append(fact.value)
                elif argument.kind == "open_set" and self._quantile:
                    observed += (age_ms for age_ms, _ in waiting_ages(pairs, self._at))
                add(cells.setdefault(key, {}), pairs)
                newest_ms = max(newest_ms, fact.at_ms)
                if argument.kind == "open_set":
                    oldest_ms = min(oldest_ms, fact.at_ms)
        if not any(cells.values()):
            return None
        at_ms = oldest_ms if self.order == "oldest" else newest_ms
        if self._quantile:
            return Contribution(party, entity, max(observed, default=0), 0, at_ms, tuple(sorted(observed)))
        edges = Edges(self._value.from_ms, self._value.to_ms)
        read = Read(lambda measure, reading: cells.get((measure, reading), {}), lambda _: edges, lambda _: None)
        reader = KpiReader(read, self._kpi, self._value.to_ms, self._begun, self._plan.calendars)
        above = evaluate(self._formula.numerator, _per_window(reader, cells))
        below = None if self._formula.denominator is None else evaluate(self._formula.denominator, reader)
        if not above and not below:
            return None
        return Contribution(party, entity, int(above or 0), int(below or 0), at_ms)

    def _touched(self, fact: Fact) -> Iterator[tuple[_Key, Mapping[int, int]]]:
        """Which arguments a fact adds to, and what."""
        for action in self._plan.actions.get(fact.name, ()):
            if not all((fact.dims[at] or UNKNOWN) in words for at, words in action.where):
                continue
            for index, positions in (*action.targets, *action.looked):
                for key in self._wanted.get(index, ()):
                    argument = self._arguments[key]
                    at_ms, pairs = parts_for(action.parts, _itself)(fact.at_ms, fact.value)
                    if argument.group is not None and self._group(fact, positions, at_ms) != argument.group:
                        continue
                    if argument.from_ms <= at_ms < argument.to_ms and pairs:
                        yield key, _as_summed(argument.kind, at_ms, dict(pairs), argument.to_ms)

    def _group(self, fact: Fact, positions: Sequence[int | Looked], at_ms: int) -> str:
        return self._names.group(self._value.by, _group(fact, positions, at_ms))

    def behind(self, facts: Iterable[tuple[str, str, Fact]], most: int) -> Behind:
        """The entities behind the value.

        Args:
            facts: of all parties, with party and entity.
            most: how many to name.
        """
        return self.ranked(self.contributions(facts), most)

    def ranked(self, contributions: Iterable[Contribution], most: int) -> Behind:
        """The same, from what all entities add."""
        found = list(contributions)
        ordered = {
            "slowest": lambda each: (-each.number, each.party, each.entity),
            "oldest": lambda each: (each.at_ms, each.party, each.entity),
            "newest": lambda each: (-each.at_ms, each.party, each.entity),
        }[self.order]
        found.sort(key=ordered)
        number = sum(len(each.observations) if self._quantile else each.number for each in found)
        return Behind(
            tuple(found[: min(most, ENTITIES_MAX)]), len(found), len({each.party for each in found}), number,
            sum(each.denominator for each in found), self.order,
        )  # fmt: skip

    def contributions(self, facts: Iterable[tuple[str, str, Fact]]) -> Iterator[Contribution]:
        """Of every entity that adds anything.

        Args:
            facts: of whole parties, with party and entity.
        """
        by_entity: dict[tuple[str, str], list[Fact]] = {}
        for party, entity, fact in facts:
            if any(True for _ in self._touched(fact)):
                by_entity.setdefault((party, entity), []).append(fact)
        for (party, entity), some in by_entity.items():
            if found := self.contribution(party, entity, some):
                yield found


def _group(fact: Fact, positions: Sequence[int | Looked], at_ms: int) -> str:
    """A fact's group, as a cell names it; what is looked up is so as of the time that decides the tile."""
    names = [
        (at.lookup(fact.dims[at.position], at_ms) if isinstance(at, Looked) else fact.dims[at]) or UNKNOWN
        for at in positions
    ]
    return names[0] if len(names) == 1 else ",".join(name.replace(",", ";") for name in names)


def _as_summed(kind: str, at_ms: int, pairs: Mapping[int, int], end_ms: int) -> Mapping[int, int]:
    """What a stored cell becomes in a sum up to ``end_ms``."""
    if kind == "open_set":
        return {waiting_since(at_ms - at_ms % FINE_MS, slot): n for slot, n in pairs.items()}
    if kind == "joined":
        over = sum(n for slot, n in pairs.items() if slot * FINE_MS <= end_ms)
        return {COUNT: over} if over else {}
    return pairs


def _itself(at_ms: int) -> int:
    """For the start of the day of an instant, which is before a day's start exactly if the instant is."""
    return at_ms


_TIMES_WINDOW = {"count_ms": COUNT, "distinct_ms": COUNT, "sum_ms": SUM}
"""Functions that are a slot times the length of the window."""


def _per_window(reader: KpiReader, cells: Mapping[_Key, Cell]) -> Any:
    """Reads as the KPI does, but counts and sums as what they are, and not times the window's length."""

    def read(reading: Reading | Part) -> float | int | None:
        if isinstance(reading, Reading) and (slot := _TIMES_WINDOW.get(reading.function)) is not None:
            return cells.get((reading.args[0], reading), {}).get(slot, 0)
        return reader(reading)

    return read


def _multiplies(node: Node) -> bool:
    if not isinstance(node, Binary):
        return False
    both = node.op == "*" and not isinstance(node.left, int) and not isinstance(node.right, int)
    return both or _multiplies(node.left) or _multiplies(node.right)
