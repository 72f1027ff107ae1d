"""Values as of the past from the parties of all partitions, and how they compare with those of earlier days. Pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.past import Past
from stream_kpis.engine.tiles import Calendar, Edges, iso, round_up
from stream_kpis.kpis.goals import NO_GOALS, Goals
from stream_kpis.kpis.schema import Kpi
from stream_kpis.live.asks import Ask
from stream_kpis.live.evaluate import Answer, answered
from stream_kpis.live.model.operators.operators import changed
from stream_kpis.live.model.operators.spans import compared_days
from stream_kpis.live.model.pseudonyms import REAL, Pseudonyms
from stream_kpis.live.model.read_model import ReadModel
from stream_kpis.live.model.snapshot import Result, Snapshot, State, Value
from stream_kpis.live.receipts.contributions import journeys_of

Records = list[tuple[bytes, bytes | None]]


class PastValues:
    """Adds up the pasts of partitions, one after the other: of each only its cells are kept.

    Args:
        plan: the compiled catalogue.
        calendar: the business days.
        asks: what to answer, at least one.
        kpis: which KPIs the answers have; all if none is named.
        goals: quotas and the shares of experiments.
        names: how people are called.
    """

    def __init__(
        self,
        plan: Plan,
        calendar: Calendar,
        asks: Collection[Ask],
        kpis: Collection[str] = (),
        goals: Goals = NO_GOALS,
        names: Pseudonyms = REAL,
    ) -> None:
        self._plan, self._calendar, self._kpis = plan, calendar, kpis
        self._asks = sorted(asks, key=lambda ask: (ask.to_ms, ask.from_ms or 0))
        self._instants = sorted({ask.to_ms for ask in asks})
        self._flushes: dict[int, list[tuple[int, Records]]] = {instant: [] for instant in self._instants}
        self._journeys = frozenset[str]().union(*(journeys_of(plan, kpi) for kpi in kpis)) if kpis else None
        self._model = ReadModel(plan, calendar, goals=goals, names=names)
        self.scopes = self.events = self.parked = 0
        """How many there were; events as often as they are in a scope, parked are those that wait for a rate."""
        self._unknown_before_ms = 0

    def partition(self) -> Past:
        """The past of one more partition, to take its records."""
        return Past(self._plan, self._calendar, self._instants, self._journeys)

    def add(self, partition: int, past: Past) -> None:
        """Takes what a partition says, when all its records were taken.

        Raises:
            DefinitionsChanged: something was sealed by another version of its journey.
        """
        for instant, records in zip(self._instants, past.flushes(), strict=True):
            if records:
                self._flushes[instant].append((partition, records))
        self.scopes += past.scopes
        self.events += past.events
        self.parked += past.parked
        self._unknown_before_ms = max(self._unknown_before_ms, past.unknown_before_ms)

    def answers(self) -> Iterator[Answer]:
        """The answers in order of time, once.

        Raises:
            ValueError: archives that the first of them needs are gone; one line.
        """
        self._check()
        for ask in self._asks:
            for partition, records in self._flushes.pop(ask.to_ms, ()):
                self._model.apply(partition, records)
            yield answered(self._model, ask, self._kpis)

    def seen(self) -> tuple[ReadModel, Snapshot]:
        """The read model as of the only instant, and what it says.

        Raises:
            ValueError: archives that it needs are gone; one line.
        """
        self._check()
        (to_ms,) = self._instants
        for partition, records in self._flushes.pop(to_ms):
            self._model.apply(partition, records)
        return self._model, self._model.snapshot(to_ms)

    def _check(self) -> None:
        if self._instants[0] <= self._unknown_before_ms:
            raise ValueError(
                f"as of {iso(self._instants[0])} not all is known, as sealed events have left the parties changelog;"
                f" ask for instants and ends of periods from {iso(round_up(self._unknown_before_ms + 1))} on"
            )


def until_now(asks: Sequence[Ask], now_ms: int) -> list[Ask]:
    """What was asked for, as far as time has come: a period that goes on ends now.

    Raises:
        ValueError: an instant or a whole period lies ahead; one line.
    """
    end_ms = round_up(now_ms)
    for ask in asks:
        if (ask.to_ms if ask.from_ms is None else ask.from_ms) > end_ms:
            raise ValueError(f"{ask.name} has not come: it is {iso(now_ms)}")
    return [ask._replace(to_ms=min(ask.to_ms, end_ms)) for ask in asks]


def stale(answer: Answer) -> Answer:
    """An answer that lacks events which are known to be there."""
    values = tuple(value._replace(state=State.STALE) for value in answer.values)
    results = tuple(result._replace(state=State.STALE) for result in answer.results)
    return answer._replace(values=values, results=results)


def before(ask: Ask, against: str, calendar: Calendar, now_ms: int) -> tuple[Ask, Ask]:
    """A period as it is compared, and the one that it is compared with: closed days against as many.

    Args:
        ask: the period.
        against: ``previous`` or ``year``.
        calendar: the business days.
        now_ms: of a period that goes on only the days closed by then are compared.

    Raises:
        ValueError: no day of it is closed; one line.

    >>> from stream_kpis.live.asks import period
    >>> utc = Calendar()
    >>> [utc.day_of(edge).isoformat() for edge in before(period("2026-02", utc), "year", utc, 1 << 42)[1][1::-1]]
    ['2025-02-01', '2025-03-01']
    """

    def ordinal(time_ms: int) -> int:
        return calendar.day_of(time_ms).toordinal()

    def start(day: int) -> int:
        return max(calendar.start_of(date.fromordinal(max(day, 1))), 0)

    first, whole_end = ordinal(ask.from_ms or 0), ordinal(ask.to_ms)
    end = min(whole_end, ordinal(now_ms))
    if end <= first:
        raise ValueError(f"no day of {ask.name} is closed: there is nothing to compare")
    first_before, end_before = compared_days(first, end, whole_end, against)
    days = Edges(start(first_before), start(end_before))
    name = f"{calendar.day_of(days.from_ms)}/{calendar.day_of(days.to_ms)}"
    return ask._replace(to_ms=start(end)), Ask(days.to_ms, days.from_ms, name)


def changes(now: Answer, was: Answer, against: str, kpis: Mapping[str, Kpi]) -> Iterator[Result]:
    """How the values over a period differ from those over the one that it is compared with, each as of its own end.

    One that looks further back than the KPI's history is immature.
    """
    known = {(value.kpi, value.by, value.group): value for value in was.values}
    for value in now.values:
        kpi, other = kpis[value.kpi], known.get((value.kpi, value.by, value.group))
        yield _change(now.ask.name, value, other, against, kpi, before_history=value.kpi in was.before_history)


def _change(name: str, now: Value, was: Value | None, against: str, kpi: Kpi, *, before_history: bool) -> Result:
    before_value, samples = (None, 0) if was is None else (was.value, was.samples)
    by_how_much = changed(now.value, before_value, kpi)
    fewest = min(now.samples, samples)
    state = State.OK
    if State.STALE in (now.state, was.state if was else None):
        state = State.STALE
    elif by_how_much is None:
        state = State.NO_DATA
    elif before_history or State.IMMATURE in (now.state, was.state if was else None):
        state = State.IMMATURE
    elif fewest < kpi.min_samples:
        state = State.LOW_SAMPLE
    return Result(
        "change", now.kpi, name, against, now.by, now.group, now.from_ms, now.to_ms, by_how_much, now.value,
        before_value, fewest, state,
    )  # fmt: skip
