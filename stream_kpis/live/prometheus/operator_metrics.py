"""What operators make, as Prometheus reads it: a family per KPI and operator."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from stream_kpis.kpis.schema import Kpi
from stream_kpis.live.model.snapshot import Result
from stream_kpis.live.prometheus.exposition import Family, Format, family_lines, labels


class Shown(NamedTuple):
    """How an operator is named and explained."""

    suffix: str
    """Behind the KPI's id; ``{unit}`` is its unit."""
    help: str
    apart: bool = False
    """Whether the family is named by the operator alone."""


OPERATORS: Mapping[str, Shown] = {
    "change": Shown("_change_ratio", "change against as many days before, or a year before"),
    "revenue_growth_yoy": Shown("revenue_growth_yoy_ratio", "change against the year before", apart=True),
    "trend_slope": Shown("_trend_slope{unit}_per_day", "slope per day over the closed days of the window"),
    "forecast_end_of_period": Shown("_forecast_end_of_period{unit}", "what it will be at the end of the period"),
    "forecast_error": Shown("_forecast_error_ratio", "mean absolute error of the same forecast in periods before"),
    "anomaly_band": Shown("_anomaly_band", "deviations of the last closed day; its bounds are in the KPI's unit"),
    "deals_forecast": Shown("deals_forecast{unit}", "won, and weighted value of what is to close", apart=True),
    "pipeline_overdue_value": Shown(
        "pipeline_overdue_value{unit}", "weighted value of what was to close before this month", apart=True
    ),
    "target_attainment": Shown("_target_attainment_ratio", "value over target, or the inverse if low is good"),
    "target_met": Shown("_target_met", "whether the target is met"),
    "target_pace_gap": Shown("_target_pace_gap{unit}", "value less the share of the target that is due by now"),
}  # fmt: skip
"""All operators, in the order in which they are shown."""


def operator_family(operator: str, kpi_id: str, unit: str) -> str:
    """The name of a family.

    >>> operator_family("trend_slope", "revenue_net", "usd"), operator_family("deals_forecast", "any", "usd")
    ('crm_revenue_net_trend_slope_usd_per_day', 'crm_deals_forecast_usd')
    """
    shown = OPERATORS[operator]
    end = shown.suffix.format(unit=f"_{unit}" if unit else "")
    return f"crm_{end}" if shown.apart else f"crm_{kpi_id}{end}"


def chosen(results: Iterable[Result], groups_max: int, room: int) -> tuple[list[Result], int]:
    """What is shown: totals, then groups up to the room that there is for lines; and how many lines are left out.

    Args:
        results: of one snapshot.
        groups_max: how many groups of a grouping are shown: those with the most samples.
        room: how many lines there may be.
    """
    by_grouping: dict[tuple[str, str, str], list[Result]] = {}
    for result in results:
        by_grouping.setdefault((result.kpi, result.operator, result.by), []).append(result)
    kept = [result for some in by_grouping.values() for result in _largest(some, groups_max)]
    shown, dropped = [], 0
    for result in sorted(kept, key=lambda result: bool(result.by)):
        size = sum(number is not None for number in (result.value, result.lower, result.upper))
        if size <= room:
            room -= size
            shown.append(result)
        else:
            room, dropped = 0, dropped + size
    return shown, dropped


def operator_lines(
    results: Iterable[Result], kpis: Mapping[str, Kpi], units: Mapping[str, str], form: Format
) -> Iterator[str]:
    """The families of some results.

    Args:
        results: as :func:`chosen`.
        kpis: the catalogue.
        units: the last word of each KPI's name, by KPI.
        form: the format.
    """
    families: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        families.setdefault((result.kpi, result.operator), []).append(result)
    for (kpi_id, operator), of_family in sorted(families.items()):
        rows = [(_labels(result), result) for result in of_family]
        name, said = operator_family(operator, kpi_id, units[kpi_id]), OPERATORS[operator].help
        main = Family(name, "gauge", f"{kpis[kpi_id].title}: {said}")
        yield from family_lines(main, [(row, result.value) for row, result in rows], form)
        bounds = (("_lower", [r.lower for _, r in rows]), ("_upper", [r.upper for _, r in rows]))
        for suffix, numbers in bounds:
            family = Family(name + suffix, "gauge", f"{kpis[kpi_id].title}: {suffix[1:]} bound of its {operator}")
            yield from family_lines(family, zip((row for row, _ in rows), numbers, strict=True), form)


def _largest(results: list[Result], groups_max: int) -> list[Result]:
    """The groups of one grouping with the most samples."""
    groups: dict[str, int] = {}
    for result in results:
        groups[result.group] = groups.get(result.group, 0) + result.samples
    largest = set(sorted(groups, key=lambda group: (-groups[group], group))[:groups_max])
    return [result for result in results if result.group in largest]


def _labels(result: Result) -> str:
    dimensions = result.by.split(",") if result.by else []
    values = result.group.split(",", len(dimensions) - 1) if dimensions else []
    against = {"against": result.against} if result.against else {}
    return labels({"window": result.window} | against | dict(zip(dimensions, values, strict=True)))
