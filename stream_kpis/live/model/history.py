"""How a KPI went: its values over one day, week or month after the other, from the live cells. Pure.

Each is what `kpis --period` would say of that period as known now; the last one still goes on.
"""

from collections.abc import Collection, Iterator
from datetime import date, timedelta
from itertools import pairwise

from stream_kpis.engine.tiles import Calendar, Edges
from stream_kpis.live.model.operators.spans import previous_first
from stream_kpis.live.model.read_model import ReadModel
from stream_kpis.live.model.snapshot import Snapshot, State, Value

STEPS = {"day": 90, "week": 53, "month": 24}
"""How long a period is, and how many there are."""
SPARK_DAYS = 30


def starts(step: str, today: date) -> list[date]:
    """The first days of the periods up to the one that a day is in, the oldest first.

    >>> [day.isoformat() for day in starts("week", date(2026, 3, 5))[-2:]]
    ['2026-02-23', '2026-03-02']
    """
    count = STEPS[step]
    match step:
        case "day":
            return [today - timedelta(days=back) for back in reversed(range(count))]
        case "week":
            monday = today - timedelta(days=today.weekday())
            return [monday - timedelta(weeks=back) for back in reversed(range(count))]
        case _:
            firsts = [today.replace(day=1)]
            while len(firsts) < count:
                firsts.append(date.fromordinal(previous_first("mtd", firsts[-1].toordinal())))
            return firsts[::-1]


def named(step: str, first: date) -> str:
    """What a period is called, as one asks for it; a week by its Monday.

    >>> named("month", date(2026, 3, 1)), named("week", date(2026, 3, 2))
    ('2026-03', '2026-03-02')
    """
    return first.isoformat()[:7] if step == "month" else first.isoformat()


class History:
    """Reads histories from one read model.

    Args:
        model: what the snapshots are made from.
        calendar: the business days.
    """

    def __init__(self, model: ReadModel, calendar: Calendar) -> None:
        self._model, self._calendar = model, calendar

    def of(
        self, snapshot: Snapshot, kpi: str, step: str = "day", by: str = "", group: str = ""
    ) -> list[tuple[str, Value]]:
        """The values of a KPI or of one group, with their periods' names, the oldest first. None before there are any.

        Args:
            snapshot: the newest, which says where the last period ends for now, and what is stale.
            kpi: an id.
            step: one of :data:`STEPS`.
            by: a grouping.
            group: one of its groups.
        """
        firsts = starts(step, self._calendar.day_of(snapshot.to_ms - 1))
        spans = self._spans(firsts, snapshot.to_ms)
        names = [named(step, first) for first in firsts][-len(spans) :]
        found: list[tuple[str, Value]] = []
        for name, value in zip(names, self._values(snapshot, kpi, spans, by, group), strict=True):
            if value is not None and (found or value.state is not State.NO_DATA):
                found.append((name, value))
        return found

    def spark(self, snapshot: Snapshot, kpi: str) -> list[float | None]:
        """The total of each of the last days."""
        firsts = starts("day", self._calendar.day_of(snapshot.to_ms - 1))[-SPARK_DAYS:]
        values = self._values(snapshot, kpi, self._spans(firsts, snapshot.to_ms), "", "")
        return [None if value is None else value.value for value in values]

    def _spans(self, firsts: Collection[date], to_ms: int) -> list[Edges]:
        """The periods, of which the last ends now; those before time began left out."""
        bounds = [*(self._calendar.start_of(first) for first in firsts), to_ms]
        return [Edges(a, b) for a, b in pairwise(bounds) if 0 <= a < b]

    def _values(self, snapshot: Snapshot, kpi: str, spans: list[Edges], by: str, group: str) -> Iterator[Value | None]:
        stale = any(value.kpi == kpi and value.state is State.STALE for value in snapshot.values)
        for values in self._model.periods(spans, [kpi], by):
            value = next((each for each in values if each.group == group), None)
            yield value._replace(state=State.STALE) if value is not None and stale else value
