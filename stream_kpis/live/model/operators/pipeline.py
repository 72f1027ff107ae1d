"""What open deals add to the deals that are won: by the month of the expected close."""

from collections.abc import Container, Iterator, Mapping

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.measures import COUNT, Cell
from stream_kpis.engine.tiles import Calendar
from stream_kpis.kpis.schema import OPEN_WEIGHTED, WEIGHTED_DEALS
from stream_kpis.live.model.operators.spans import PERIODS, next_first, period_first
from stream_kpis.live.model.snapshot import Result, State, Value
from stream_kpis.live.model.sums import RunningSum, Span
from stream_kpis.live.model.valuing import SCALE

_NOW = Span("until", "now")
_GROUPINGS = ("", "owner", "pipeline")
_MONTH = len("2026-09")


class PipelineForecast:
    """Forecasts of deals, and what should have closed already.

    Args:
        plan: the compiled catalogue; the KPIs that carry the operators stand there.
        calendar: the business days.
    """

    def __init__(self, plan: Plan, calendar: Calendar) -> None:
        self._kpis, self._calendar = plan.catalogue.kpis, calendar
        self._won = self._carrying("deals_forecast")
        self._open = self._carrying("pipeline_overdue_value")
        index = {(grouping.measure, grouping.by): number for number, grouping in enumerate(plan.groupings)}
        self._indexes: dict[tuple[str, str], int] = {}
        if self._won or self._open:
            for by in _GROUPINGS:
                for measure in (OPEN_WEIGHTED, WEIGHTED_DEALS):
                    self._indexes[measure, by] = index[measure, f"{by},close" if by else "close"]

    def _carrying(self, operator: str) -> str | None:
        return next((name for name, kpi in self._kpis.items() if operator in kpi.operators), None)

    @property
    def reads(self) -> Mapping[Span, set[int]]:
        """What must be summed for it."""
        return {_NOW: set(self._indexes.values())} if self._indexes else {}

    def results(
        self,
        to_ms: int,
        sums: Mapping[Span, RunningSum],
        found: Mapping[tuple[str, str, str], tuple[Value, ...]],
        begun: Container[str],
    ) -> Iterator[Result]:
        """All results at an instant.

        Args:
            to_ms: the instant.
            sums: of :attr:`reads`.
            found: the values of the KPIs, by KPI, window and grouping.
            begun: the levels of which a first began: without a weighted deal there is no value.
        """
        today = self._calendar.day_of(to_ms)
        month = today.isoformat()[:_MONTH]
        for by in _GROUPINGS if self._indexes else ():
            weighted, many = (
                _by_group(sums[_NOW].sums[self._indexes[measure, by]]) for measure in (OPEN_WEIGHTED, WEIGHTED_DEALS)
            )
            groups = {*weighted, *many}
            if self._open:
                for group in sorted(groups) if by else [""]:
                    value, samples = _due(weighted, group, "", month), _due(many, group, "", month)
                    place = ("pipeline_overdue_value", self._open, "now", "", by, group, 0, to_ms)
                    yield _result(place, value if OPEN_WEIGHTED in begun else None, samples)
            for window in PERIODS if self._won else ():
                first = period_first(window, today.toordinal())
                after = today.fromordinal(next_first(window, first)).isoformat()[:_MONTH]
                from_ms = self._calendar.start_of(today.fromordinal(first))
                won = {value.group: value for value in found.get((self._won or "", window, by), ())}
                begins = from_ms == to_ms  # then the values are those of the period before
                for group in sorted(groups | won.keys()) if by else [""]:
                    is_won = None if begins else won.get(group)
                    value = _due(weighted, group, month, after) + round(
                        ((is_won and is_won.value) or 0) * SCALE["currency"]
                    )
                    samples = _due(many, group, month, after) + (is_won.samples if is_won else 0)
                    place = ("deals_forecast", self._won or "", window, "", by, group, from_ms, to_ms)
                    yield _result(place, value if OPEN_WEIGHTED in begun else None, samples)


def _by_group(cells: Mapping[str, Cell]) -> dict[str, dict[str, int]]:
    """Levels by group and month of close; those without a month are left out."""
    found: dict[str, dict[str, int]] = {}
    for group, cell in cells.items():
        of, _, close = group.rpartition(",")
        if close[:1].isdecimal():
            found.setdefault(of, {})[close] = cell.get(COUNT, 0)
    return found


def _due(levels: Mapping[str, Mapping[str, int]], group: str, first: str, end: str) -> int:
    """The level of what closes in the months from ``first`` to the one before ``end``."""
    return sum(level for month, level in levels.get(group, {}).items() if first <= month < end)


def _result(place: tuple[str, str, str, str, str, str, int, int], value: int | None, samples: int) -> Result:
    shown = None if value is None else value / SCALE["currency"]
    return Result(*place, shown, None, None, samples, State.NO_DATA if value is None else State.OK)
