"""What operators make, engine against oracle: which results there should be, and whether each is the oracle's."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isclose

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.reading import quantile_of
from stream_kpis.kpis.schema import Kpi
from stream_kpis.live.model.snapshot import Result, State
from stream_kpis.proof.compare import FLOAT_TOLERANCE, QUANTILE_TOLERANCE, Difference, OperatorTally, Report, close
from stream_kpis.proof.oracle import KPIS, SUMS, Outcome, Request, Target

_DAYS, _PERIODS = ("7d", "30d", "90d", "365d"), ("mtd", "qtd", "ytd")
_GROWTH, _TREND = ("30d", "90d", "365d", "ytd"), ("7d", "30d", "90d")
_OF_DEALS = ("deals_forecast", "pipeline_overdue_value")
_DEALS_BY = ("", "owner", "pipeline")
_OF_TARGETS = ("target_attainment", "target_met", "target_pace_gap")
_Place = tuple[str, str, str, str, str]
"""Operator, KPI, window, against, grouping."""


def requests_of(plan: Plan, targets: Iterable[Target]) -> list[Request]:
    """All operators that there should be results of: those that KPIs carry, and those of what has a target."""
    found: dict[Request, None] = {}
    for name, kpi in plan.catalogue.kpis.items():
        if name in KPIS:
            found |= dict.fromkeys(_carried(name, kpi))
    for target in targets:
        kpi = plan.catalogue.kpis[target.kpi]
        for window in (target.window,) if target.window else kpi.windows:
            has_pace = target.kpi in SUMS and window in _PERIODS
            for operator in _OF_TARGETS if has_pace else _OF_TARGETS[:2]:
                found[Request(operator, target.kpi, window, by=target.by, better=kpi.better)] = None
    return list(found)


def _carried(name: str, kpi: Kpi) -> Iterator[Request]:
    level, groupings = kpi.windows == ("now",), ("", *kpi.by)

    def has(windows: Iterable[str]) -> list[str]:
        return [window for window in windows if level or window in kpi.windows]

    for operator in kpi.operators:
        match operator:
            case "change":
                windows = has(_DAYS if level else (*_DAYS, *_PERIODS))
                asked = [("change", window, against) for window in windows for against in ("previous", "year")]
            case "revenue_growth_yoy":
                asked = [(operator, window, "") for window in _GROWTH]
            case "trend":
                asked = [("trend_slope", window, "") for window in has(_TREND)]
            case "forecast":
                of_forecast = ("forecast_end_of_period", "forecast_error")
                asked = [(made, window, "") for made in of_forecast for window in has(_PERIODS)]
            case "anomaly":
                asked = [("anomaly_band", "today", "")]
            case "deals_forecast":
                asked = [(operator, window, "") for window in _PERIODS]
            case "pipeline_overdue_value":
                asked = [(operator, "now", "")]
        for by in _DEALS_BY if operator in _OF_DEALS else groupings:
            yield from (Request(made, name, window, against, by) for made, window, against in asked)


def compare_results(
    plan: Plan, results: Sequence[Result], requests: Iterable[Request], outcomes: Iterable[Outcome]
) -> Report:
    """Every result against its outcome; a result without an outcome, or the other way round, must be nothing.

    Args:
        plan: the engine's.
        results: of one snapshot, of KPIs that the oracle knows.
        requests: of :func:`requests_of`.
        outcomes: of the oracle, to the requests.

    Returns:
        A report of operators alone.
    """
    asked = {_place_of(request) for request in requests}
    expected = {(*_place_of(outcome.request), outcome.group): outcome for outcome in outcomes}
    sketched = {name for name in plan.catalogue.kpis if _is_quantile(plan, name)}
    differences: list[Difference] = []
    counts: dict[str, list[int]] = {request[0]: [0, 0, 0] for request in sorted(asked)}
    for result in results:
        count = counts.setdefault(result.operator, [0, 0, 0])
        place = (result.operator, result.kpi, result.window, result.against, result.by)
        outcome = expected.pop((*place, result.group), None)
        if place not in asked:
            found = [_difference(result, "the result", result.value, "asked by nobody")]
        elif outcome is None:
            found = [_difference(result, "the value", result.value, "nothing")] if _is_something(result) else []
        else:
            found = list(_differences(result, outcome, sketched=result.kpi in sketched))
        count[0] += 1
        count[1] += result.value is None
        count[2] += bool(found)
        differences += found
    for outcome in expected.values():
        if _is_something(outcome) or not outcome.request.by:
            operator, kpi, window, against, by = _place_of(outcome.request)
            what = f"the {_named(operator, against)}"
            differences.append(Difference(kpi, window, by, outcome.group, what, "absent", outcome.value, operator))
            counts[operator][2] += 1
    return Report((), tuple(differences), tuple(OperatorTally(name, *count) for name, count in counts.items()))


def _place_of(request: Request) -> _Place:
    return request.operator, request.kpi, request.window, request.against, request.by


def _is_quantile(plan: Plan, kpi: str) -> bool:
    return quantile_of(plan.catalogue.formulas[kpi].numerator) is not None


def _is_something(found: Result | Outcome) -> bool:
    """Whether it says more than that there is nothing: of a group that one side has, and the other has not.

    Of what has a target a 0 is something, as where nobody sold what was aimed at. Elsewhere which groups there are that
    have nothing any more is not defined.
    """
    operator = found.operator if isinstance(found, Result) else found.request.operator
    return bool(found.value is not None if operator in _OF_TARGETS else found.samples and found.value)


def _named(operator: str, against: str) -> str:
    return f"{operator} against {against}" if against else operator


def _difference(result: Result, what: str, engine: object, oracle: object) -> Difference:
    what = f"{what} of {_named(result.operator, result.against)}"
    return Difference(result.kpi, result.window, result.by, result.group, what, engine, oracle, result.operator)


def _differences(result: Result, outcome: Outcome, *, sketched: bool) -> Iterator[Difference]:
    if result.samples != outcome.samples:
        yield _difference(result, "samples", result.samples, outcome.samples)
    if not _same_state(result, outcome):
        yield _difference(result, "the state", result.state.value, outcome.state)
    tolerance = QUANTILE_TOLERANCE if sketched and result.operator != "trend_slope" else FLOAT_TOLERANCE
    parts = _parts(result.operator, outcome.parts)
    if parts is not None and not all(
        close(*pair, tolerance) for pair in zip((result.numerator, result.denominator), parts, strict=True)
    ):
        yield _difference(result, "what it compares", (result.numerator, result.denominator), parts)
    if not _same_value(result, outcome, tolerance):
        yield _difference(result, "the value", result.value, outcome.value)
    bounds, expected = (result.lower, result.upper), (outcome.lower, outcome.upper)
    if not all(close(*pair, FLOAT_TOLERANCE) for pair in zip(bounds, expected, strict=True)):
        yield _difference(result, "the interval", bounds, expected)


def _same_state(result: Result, outcome: Outcome) -> bool:
    """As far as the oracle knows it; what has a target has the state of its KPI, which may be without data at 0."""
    if result.state is State.STALE or (result.operator in _OF_TARGETS and None not in (result.value, outcome.value)):
        return True
    if result.state is State.NO_DATA:
        return outcome.state == "no_data"
    return ("immature" if result.state is State.IMMATURE else "ok") == outcome.state


def _parts(operator: str, parts: Mapping[str, float | int | None]) -> tuple[float | None, float | None] | None:
    """Numerator and denominator, of operators that have them."""
    names = {"change": ("v1", "v0"), "revenue_growth_yoy": ("v1", "v0")}
    names |= dict.fromkeys(_OF_TARGETS, ("v", "target"))
    if operator not in names:
        return None
    numerator, denominator = (parts[name] for name in names[operator])
    return numerator, denominator


def _same_value(result: Result, outcome: Outcome, tolerance: float) -> bool:
    """A change of a quantile is a quotient of two sketches; whether a target is met may hang on one."""
    engine, oracle = result.value, outcome.value
    if tolerance == FLOAT_TOLERANCE or engine is None or oracle is None:
        return close(engine, oracle, FLOAT_TOLERANCE)
    if result.operator == "target_met":
        return engine == oracle or close(outcome.parts["v"], outcome.parts["target"], tolerance)
    if result.operator == "change":
        return isclose(1 + engine, 1 + oracle, rel_tol=(1 + tolerance) ** 2 - 1)
    return close(engine, oracle, tolerance)
