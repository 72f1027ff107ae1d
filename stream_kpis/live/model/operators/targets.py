"""Values against their targets: how much of it, whether it is met, and how far ahead of the pace."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from itertools import chain
from operator import itemgetter

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.kpi_checks import is_sum
from stream_kpis.engine.tiles import Calendar
from stream_kpis.kpis.goals import TARGETS_MAX, Goals, Target
from stream_kpis.kpis.schema import WINDOWS
from stream_kpis.live.model.operators.spans import PERIODS, next_first, period_first
from stream_kpis.live.model.pseudonyms import REAL, Pseudonyms
from stream_kpis.live.model.snapshot import Result, State, Value

_ORDER = {window: order for order, window in enumerate(WINDOWS)}

Aimed = Mapping[tuple[str, str, str], frozenset[str]]
"""By KPI, window and grouping the groups that have a target, as they are called where numbers are shown."""
OpenMs = Callable[[int], int]
"""The open milliseconds of a business calendar up to an instant."""


def wall_clock(_: str) -> OpenMs:
    """The calendar of a name, where there are none: always open."""
    return lambda time_ms: time_ms


class Targets:
    """What values should be: from the catalogue, the goals, and what is told later.

    Args:
        plan: the compiled catalogue; a KPI's own target is that of its total where nothing else is in force.
        calendar: the business days.
        goals: from the file.
        calendars: the open time of each business calendar, by name.
        names: how people are called in values; a target names them as they are.
    """

    def __init__(
        self,
        plan: Plan,
        calendar: Calendar,
        goals: Goals,
        calendars: Callable[[str], OpenMs] = wall_clock,
        names: Pseudonyms = REAL,
    ) -> None:
        self._kpis, self._calendar, self._calendars, self._names = plan.catalogue.kpis, calendar, calendars, names
        self._sums = {name for name, formula in plan.catalogue.formulas.items() if is_sum(formula)}
        self._own = [
            Target(kpi=name, window=window, target=kpi.aim, better=kpi.better)
            for name, kpi in self._kpis.items()
            for window in kpi.windows
            if kpi.aim is not None
        ]
        self._goals = goals.targets
        self._told: dict[bytes, tuple[tuple[int, ...], Target]] = {}
        self._places = Counter({target.place for target in goals.targets})
        """What has targets in the goals, or is told some, and how many of them."""
        self._of_day: tuple[date, dict[tuple[str, str, str, str], Target]] | None = None

    def tell(self, key: bytes, target: Target | None, at: tuple[int, ...]) -> None:
        """Takes a target that is told later, or takes it back; ``at`` is its place among those that are told.

        Raises:
            ValueError: so much has a target that nothing else may; what the key said is taken back.
        """
        self._of_day = None
        if key in self._told:
            before = self._told.pop(key)[1].place
            self._places[before] -= 1
            if not self._places[before]:
                del self._places[before]
        if target is not None:
            if target.place not in self._places and len(self._places) >= TARGETS_MAX:
                raise ValueError(f"there are {TARGETS_MAX} KPIs, windows and groups with targets already")
            self._places[target.place] += 1
            self._told[key] = (at, target)

    def in_force(self, day: date) -> Mapping[tuple[str, str, str, str], Target]:
        """By KPI, window, grouping and group the target with the latest first day up to this one."""
        if self._of_day is None or self._of_day[0] != day:
            found: dict[tuple[str, str, str, str], Target] = {}
            later = (target for _, target in sorted(self._told.values(), key=itemgetter(0)))
            for target in chain(self._own, self._goals, later):
                before = found.get(target.place)
                if target.since <= day and (before is None or before.since <= target.since):
                    found[target.place] = target
            self._of_day = (day, found)
        return self._of_day[1]

    def of_days(self, last: date) -> Mapping[str, Target]:
        """By KPI what its total should be over any days that end with this one.

        That is what is aimed at over the shortest window; the catalogue's own target where nothing is. A sum has none:
        what it should be depends on how many days they are.
        """
        found: dict[str, tuple[bool, int, Target]] = {}
        own = set(map(id, self._own))
        for (kpi, _, by, _), target in self.in_force(last).items():
            rank = id(target) in own, _ORDER[target.window]
            if not by and kpi not in self._sums and (kpi not in found or rank < found[kpi][:2]):
                found[kpi] = (*rank, target)
        return {kpi: target for kpi, (*_, target) in found.items()}

    def groups(self, to_ms: int) -> Aimed:
        """The groups that have a target at an instant: each has a value then, also if nothing counts in it.

        But for KPIs that are made by a method, which names the groups itself: another one has no value, and no result.
        """
        found: dict[tuple[str, str, str], set[str]] = {}
        for kpi, window, by, group in self.in_force(self._calendar.day_of(to_ms)):
            if by:
                found.setdefault((kpi, window, by), set()).add(self._names.group(by, group))
        return {place: frozenset(groups) for place, groups in found.items()}

    def results(self, to_ms: int, values: Mapping[tuple[str, str, str], tuple[Value, ...]]) -> Iterator[Result]:
        """All results at an instant.

        Args:
            to_ms: the instant.
            values: by KPI, window and grouping.
        """
        by_group: dict[tuple[str, str, str], dict[str, Value]] = {}
        for (kpi, window, by, group), target in self.in_force(self._calendar.day_of(to_ms)).items():
            place = kpi, window, by
            if place not in by_group:
                by_group[place] = {value.group: value for value in values.get(place, ())}
            value = by_group[place].get(self._names.group(by, group))
            if value is not None:
                yield from self._of_value(value, target)

    def _of_value(self, value: Value, target: Target) -> Iterator[Result]:
        lower, aim, is_ = (target.better or self._kpis[value.kpi].better) == "lower", target.target, value.value
        attained = met = None
        if is_ is not None:
            above, below = (aim, is_) if lower else (is_, aim)
            attained = above / below if below > 0 else None
            met = float(is_ <= aim if lower else is_ >= aim)
        yield _result("target_attainment", value, target, attained)
        yield _result("target_met", value, target, met)
        if value.kpi in self._sums and value.window in PERIODS:
            value = self._so_far(value)
            share = self._share(value, target)
            gap = None if value.value is None or share is None else value.value - aim * share
            yield _result("target_pace_gap", value, target, gap)

    def _so_far(self, value: Value) -> Value:
        """A sum over the period that contains its end; at midnight of a first day nothing of that is over."""
        today = self._calendar.day_of(value.to_ms)
        from_ms = self._calendar.start_of(date.fromordinal(period_first(value.window, today.toordinal())))
        if from_ms < value.to_ms:
            return value
        return value._replace(from_ms=from_ms, value=None if value.value is None else 0.0, samples=0)

    def _share(self, value: Value, target: Target) -> float | None:
        """How much of its period's open time is over."""
        first = self._calendar.day_of(value.from_ms).toordinal()
        end_ms = self._calendar.start_of(date.fromordinal(next_first(value.window, first)))
        open_ms = self._calendars(target.calendar)
        begun, now, over = open_ms(value.from_ms), open_ms(value.to_ms), open_ms(end_ms)
        return (now - begun) / (over - begun) if over != begun else None


def _result(operator: str, value: Value, target: Target, number: float | None) -> Result:
    state = value.state if number is not None else State.STALE if value.state is State.STALE else State.NO_DATA
    where = (value.kpi, value.window, "", value.by, value.group, value.from_ms, value.to_ms)
    return Result(operator, *where, number, value.value, target.target, value.samples, state)
