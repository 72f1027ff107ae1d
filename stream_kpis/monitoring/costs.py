"""What alerts would have cost: the parties replayed in steps, and per threshold how often somebody was called. Pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from statistics import median
from typing import NamedTuple
from zoneinfo import ZoneInfo

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.past import Past
from stream_kpis.engine.tiles import Calendar, iso, round_up
from stream_kpis.kpis.goals import NO_GOALS, Goals
from stream_kpis.kpis.load import nearest
from stream_kpis.live.model.narrowing import narrowed
from stream_kpis.live.model.pseudonyms import REAL, Pseudonyms
from stream_kpis.live.model.read_model import ReadModel
from stream_kpis.monitoring.alerts import Rule
from stream_kpis.monitoring.firing import Firing
from stream_kpis.monitoring.watching import Sight, Watch, name_of, wanted

PAGES_A_WEEK = 1.0
"""Where nothing is proposed, the threshold is shown with which nobody is called more often."""
NIGHT = (22, 6)
"""From which hour of the business zone to which people sleep."""
SHORT = ("5m", "1h", "now")
"""Windows of which each instant tells something new. Longer ones begin at a multiple of 15 minutes at the finest."""
SLOW_STEP_MS = 15 * 60_000
"""So often alerts on longer windows are evaluated, if the step is not longer."""
STEPS_MAX = 200_000
_WEEK_MS = 7 * 86_400_000


class Cost(NamedTuple):
    """What one threshold of an alert would have cost."""

    rule: Rule
    than: float
    proposed: bool
    """Whether it is another one than today's."""
    pages: int
    at_night: int
    """Of those, how many began at night."""
    median_ms: float | None
    """Of how long they fired; None without any."""


class _Gang(NamedTuple):
    """Alerts that are evaluated together, so often, and what they look at."""

    watches: Sequence[Watch]
    every_ms: int
    model: ReadModel


class Replay:
    """Steps through the past of a deployment and watches its alerts.

    Args:
        plan: the compiled catalogue.
        calendar: the business days.
        rules: on KPIs.
        instants: at which conditions on short windows are evaluated, as :func:`instants` gives them.
        keep_ms: how long an alert fires on after its condition ended.
        goals: with the targets in force.
        names: how people are called.
    """

    def __init__(
        self,
        plan: Plan,
        calendar: Calendar,
        rules: Sequence[Rule],
        instants: Sequence[int],
        keep_ms: int,
        goals: Goals = NO_GOALS,
        names: Pseudonyms = REAL,
    ) -> None:
        self.watches = [Watch(rule, keep_ms) for rule in rules]
        self._instants, self._zone = instants, ZoneInfo(calendar.zone)
        self._calendars = plan.calendars

        def small(watches: Sequence[Watch]) -> Plan:
            return narrowed(plan, calendar, wanted(watch.condition for watch in watches))

        self.past = Past(small(self.watches), calendar, instants)
        """To take the records of all partitions first."""
        short = [watch for watch in self.watches if watch.condition.judged.window in SHORT]
        long = [watch for watch in self.watches if watch not in short]
        step_ms = instants[1] - instants[0]
        self._gangs = [
            _Gang(gang, every_ms, ReadModel(small(gang), calendar, goals=goals, names=names))
            for gang, every_ms in ((short, step_ms), (long, max(step_ms, SLOW_STEP_MS)))
            if gang
        ]
        self.from_ms = instants[-1]
        """The first instant that is watched: history begins before it."""

    def steps(self) -> Iterator[int]:
        """Goes from instant to instant, once; gives how many are over.

        Raises:
            ValueError: archives that it needs are gone; one line.
            DefinitionsChanged: something was sealed by another version of its journey.
        """
        past = self.past
        for number, (to_ms, records) in enumerate(zip(self._instants, past.flushes(), strict=True), 1):
            if number == 1 and to_ms <= past.unknown_before_ms:
                first = iso(round_up(past.unknown_before_ms + 1))
                raise ValueError(
                    f"from {iso(to_ms)} on not all is known, as sealed events have left the parties changelog;"
                    f" replay no further back than {first}"
                )
            begun = past.first_ms is not None and past.first_ms < to_ms
            if begun:
                self.from_ms = min(self.from_ms, to_ms)
            for gang in self._gangs:
                gang.model.apply(0, records)
                if begun and to_ms % gang.every_ms == 0:
                    sight = Sight.of(gang.model.snapshot(to_ms), self._calendars)
                    for watch in gang.watches:
                        watch.see(sight)
            yield number

    @property
    def weeks(self) -> float:
        """How long was watched."""
        return (self._instants[-1] - self.from_ms) / _WEEK_MS

    def costs(self, proposed: Mapping[str, float]) -> Iterator[Cost]:
        """Of each alert, at today's threshold and at a proposed one.

        Args:
            proposed: thresholds by :func:`~stream_kpis.monitoring.watching.name_of`. Without any, of each alert that
                calls more than once a week the one with which it does not, if there is one.
        """
        for watch in self.watches:
            today = watch.condition.bound.than
            yield self._cost(watch, today, proposed=False)
            other = proposed.get(name_of(watch.rule)) if proposed else watch.mildest(PAGES_A_WEEK * self.weeks)
            if other is not None:
                yield self._cost(watch, other, proposed=True)

    def _cost(self, watch: Watch, than: float, *, proposed: bool) -> Cost:
        found = watch.firings(than)
        at_night = sum(is_night(firing, self._zone) for firing in found)
        length_ms = median(firing.to_ms - firing.from_ms for firing in found) if found else None
        return Cost(watch.rule, than, proposed, len(found), at_night, length_ms)


def is_night(firing: Firing, zone: ZoneInfo) -> bool:
    """Whether a call came at night.

    >>> [is_night(Firing(hour * 3_600_000, 0), ZoneInfo("UTC")) for hour in (5, 6, 21, 22)]
    [True, False, False, True]
    """
    hour = datetime.fromtimestamp(firing.from_ms / 1000, zone).hour
    return hour >= NIGHT[0] or hour < NIGHT[1]


def check_proposed(proposed: Collection[str], rules: Sequence[Rule]) -> None:
    """Refuses thresholds of alerts that there are not, or that cannot be tried.

    Raises:
        ValueError: one line.
    """
    by_name = {name_of(rule): rule for rule in rules}
    for name in proposed:
        if name not in by_name:
            raise ValueError(f"there is no alert {name!r} on a KPI{nearest(name, by_name)}")
        condition = by_name[name].condition
        if condition is not None and condition.reads == "target_pace_gap":
            raise ValueError(f"{name} follows the pace of its target: change the target in the goals, and replay again")


def instants(since_ms: int, until_ms: int, step_ms: int) -> list[int]:
    """The multiples of a step in a span of time, as Prometheus' evaluations are evenly spaced.

    Raises:
        ValueError: there are none, or too many; one line.

    >>> instants(95_000, 130_000, 10_000)
    [100000, 110000, 120000, 130000]
    """
    if step_ms <= 0 or step_ms % 10_000:
        raise ValueError("the step is a multiple of 10 s, as windows move by 10 s: give --step 5m, or 30s")
    found = range(round_up(since_ms, step_ms), until_ms + 1, step_ms)
    if not 1 < len(found) <= STEPS_MAX:
        raise ValueError(f"{len(found):,} steps: there are 2 to {STEPS_MAX:,}; change --step or --replay")
    return [*found]
