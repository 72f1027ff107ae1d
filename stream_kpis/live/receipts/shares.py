"""Which groups make a value, and what each added to its change since the window before. Pure."""

from collections.abc import Mapping, Sequence
from math import isclose
from typing import NamedTuple

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.tiles import DAY_MS, HOUR_MS, MID_MS, Calendar, Edges
from stream_kpis.kpis.schema import PERIODS, Kpi
from stream_kpis.live.model.read_model import ReadModel
from stream_kpis.live.model.snapshot import Snapshot, Value
from stream_kpis.live.model.sources import Sources, composed
from stream_kpis.live.model.valuing import SCALE
from stream_kpis.live.receipts.effects import Effect, Parts, adds_up, effects_of
from stream_kpis.live.receipts.exclusions import Exclusions


class Contributor(NamedTuple):
    """One group of a dimension, and its share of the total."""

    group: str
    value: float | None
    samples: int
    share: float | None
    """Of the numerator; of the observations for durations."""


class Change(NamedTuple):
    """What became of the value since the window before."""

    from_ms: int
    to_ms: int
    value: float | None
    """Of the window before."""
    change: float | None
    effects: Mapping[str, tuple[Effect, ...]]
    """By dimension, what each group added to the change; of sums the whole is the rate effect."""
    unsplit: Mapping[str, str]
    """By dimension, why there are none; under the empty one, why there are none at all."""


class Changes:
    """The changes of a read model's values.

    Args:
        plan: the compiled catalogue.
        model: what the snapshots come from.
        calendar: the business days.
        exclusions: know how old base events must be.
        sources: what the KPIs read.
    """

    def __init__(
        self, plan: Plan, model: ReadModel, calendar: Calendar, exclusions: Exclusions, sources: Sources
    ) -> None:
        self._plan, self._model, self._calendar, self._exclusions = plan, model, calendar, exclusions
        self._sources = sources

    def of(self, value: Value, snapshot: Snapshot) -> tuple[Change | None, str]:
        """The change against the window before, or why there is none."""
        catalogue = self._plan.catalogue
        horizon_days = self._exclusions.horizon_days(value.kpi)
        edges = previous(value.window, Edges(value.from_ms, value.to_ms), self._calendar, horizon_days)
        if edges is None:
            return None, "there is no window before it"
        before = self._before(value.kpi, edges)
        if isinstance(before, str):
            return None, before
        was = next((v for v in before if (v.by, v.group) == (value.by, value.group)), None)
        if was is None or was.value is None or value.value is None:
            return None, "there is no value in " + ("the window before" if value.value is not None else "this window")
        effects: dict[str, tuple[Effect, ...]] = {}
        unsplit: dict[str, str] = {}
        for by in () if value.by else catalogue.kpis[value.kpi].by:
            now = [v for v in snapshot.values if (v.kpi, v.window, v.by) == (value.kpi, value.window, by)]
            split = (
                "it is composed"
                if composed(catalogue, value.kpi)
                else _split(value, was, now, [v for v in before if v.by == by], catalogue.kpis[value.kpi])
            )
            if isinstance(split, str):
                unsplit[by] = split
            else:
                effects[by] = tuple(split)
        if not value.by and not catalogue.kpis[value.kpi].by:
            unsplit[""] = "it is composed" if composed(catalogue, value.kpi) else "it has no groupings"
        return Change(*edges, was.value, value.value - was.value, effects, unsplit), ""

    def _before(self, kpi: str, edges: Edges) -> list[Value] | str:
        """The values over the window before, in all groups; or why they are not known."""
        ending = self._sources.ending_now(kpi)
        if not ending:
            return self._model.period(*edges, [kpi])
        if not self._sources.by_days(kpi):
            timeless = min(ending - self._plan.catalogue.pasts.keys(), default=kpi)
            return f"{timeless} is known only in windows that end now"
        return self._model.by_days(kpi, *edges) or "distinct parties of the past are known over whole days alone"


def contributors(snapshot: Snapshot, total: Value, kpi: Kpi) -> dict[str, tuple[Contributor, ...]]:
    """The groups of a total by grouping, the largest first; those without data left out."""
    found: dict[str, list[Value]] = {by: [] for by in kpi.by}
    for value in snapshot.values:
        if value.by in found and (value.kpi, value.window) == (total.kpi, total.window):
            found[value.by].append(value)
    return {by: _largest(values, total) for by, values in found.items() if any(value.samples for value in values)}


def previous(window: str, edges: Edges, calendar: Calendar, cohort: bool | int = False) -> Edges | None:
    """The window before one, as far back as tiles can tell: the same span, or of a period its beginning.

    Its start lies on the grid of the tiles of its age, so it may be longer than the window by less than that: 15 min
    for 1h and 24h, a business day beyond. Of what stands now it is the level at the start of the business day.

    >>> previous("5m", Edges(600_000, 900_000), Calendar())
    Edges(from_ms=300000, to_ms=600000)
    """
    from_ms, to_ms = edges
    if window == "now":
        return Edges(0, calendar.day_start(to_ms - 1))
    if window == "all" or from_ms <= 0:
        return None
    if window in PERIODS:
        start_ms = calendar.period_start(window, from_ms - 1)
        if window == "today":
            until_ms = -(-(start_ms + to_ms - from_ms) // MID_MS) * MID_MS
        else:
            until_ms = calendar.days_before(start_ms, (from_ms - to_ms) // DAY_MS)  # forward, by whole days
        return Edges(start_ms, min(until_ms, from_ms))
    start_ms = from_ms - (to_ms - from_ms)
    if cohort:
        start_ms = calendar.days_before(from_ms, round((to_ms - from_ms) / DAY_MS))
    elif to_ms - from_ms > 2 * DAY_MS:
        start_ms = calendar.day_start(start_ms)
    elif to_ms - from_ms >= HOUR_MS:
        start_ms -= start_ms % MID_MS
    return Edges(start_ms, from_ms) if start_ms > 0 else None


def part_of(value: Value) -> float:
    """What a group adds to its total: the numerator of a ratio, the observations of a distribution, or the value."""
    if value.durations is not None:
        return value.samples
    return (value.value or 0) if value.numerator is None else value.numerator


def _largest(values: Sequence[Value], total: Value) -> tuple[Contributor, ...]:
    whole = part_of(total)
    ordered = sorted((v for v in values if v.samples or part_of(v)), key=lambda v: (-part_of(v), v.group))
    return tuple(Contributor(v.group, v.value, v.samples, part_of(v) / whole if whole > 0 else None) for v in ordered)


def _split(now: Value, was: Value, of_now: list[Value], of_was: list[Value], kpi: Kpi) -> list[Effect] | str:
    """The effects of a dimension's groups, or why the change cannot be split by it."""
    if now.durations is not None:
        return "quantiles do not add up"
    if now.numerator is None:
        return _shifts(now, was, of_now, of_was)
    after, before = _parts_of(of_now), _parts_of(of_was)
    if not (adds_up(after, _parts(now)) and adds_up(before, _parts(was))):
        return _shifts(now, was, of_now, of_was)
    scale = SCALE.get(kpi.unit, 1)
    return [_scaled(effect, scale) for effect in effects_of(before, after) or []]


def _scaled(effect: Effect, scale: float) -> Effect:
    group, before, after, rate, mix = effect
    was, is_ = (None if own is None else own / scale for own in (before, after))
    return Effect(group, was, is_, rate / scale, mix / scale)


def _shifts(now: Value, was: Value, of_now: list[Value], of_was: list[Value]) -> list[Effect] | str:
    """Of what adds up: how far each group moved."""
    after, before = ({v.group: v.value or 0 for v in values} for values in (of_now, of_was))
    sums = ((sum(after.values()), now.value or 0), (sum(before.values()), was.value or 0))
    if not all(isclose(groups, total, rel_tol=1e-9, abs_tol=1e-9) for groups, total in sums):
        return "its groups do not add up to the total"
    groups = sorted(after.keys() | before.keys())
    found = [Effect(g, before.get(g), after.get(g), after.get(g, 0) - before.get(g, 0), 0.0) for g in groups]
    return sorted(found, key=lambda effect: -abs(effect.total))


def _parts(value: Value) -> Parts:
    return value.numerator or 0, value.denominator or 0


def _parts_of(values: list[Value]) -> dict[str, Parts]:
    return {v.group: _parts(v) for v in values if v.numerator or v.denominator}
