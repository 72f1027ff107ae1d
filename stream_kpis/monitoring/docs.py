"""`docs/metrics.md`: every metric, generated from what renders them.

Written by ``python -m stream_kpis.monitoring.docs > docs/metrics.md``.
"""

import sys
from collections.abc import Iterator, Mapping

from stream_kpis.kpis.load import built_in
from stream_kpis.kpis.schema import Kpi
from stream_kpis.live.prometheus.metrics import QUANTILE_FAMILY, SERIES_MAX, family_name
from stream_kpis.live.prometheus.operator_metrics import OPERATORS, operator_family
from stream_kpis.live.prometheus.pipeline import FAMILIES

_PAGE = """# Metrics

Made from the catalogue by `python -m stream_kpis.monitoring.docs > docs/metrics.md`.

`/metrics` speaks OpenMetrics 1.0 and the text format 0.0.4, with the same series in both. A value that does not exist
(an empty denominator) is an absent series, never 0 or NaN. Two exporters show the same: aggregate
`max without (instance, pod)`.

## KPIs

A KPI's family is `crm_<id>_<unit>`; the unit is not repeated where the id ends in it, and counts, quantities and scores
have none.
Money is in units of the reporting currency, whose code is in the name; here it is USD. Every series has the label
`window`. A group's series has one more label per dimension, so **the total is selected by empty dimensions**:
`crm_orders{{window="1h",channel="",product="",owner=""}}`. Values of different windows or groups do not add up.

| KPI | Family | Labels beside `window` | Windows |
|---|---|---|---|
{kpis}

Beside the family `F` stand:

| Family | What it is |
|---|---|
| `F_samples` | Observations behind the value. |
| `F_numerator`, `F_denominator` | Its parts, for quotients. |
| `F_lower`, `F_upper` | Its 95 % interval, where the catalogue declares one, and of durations. |
| `F_bucket{{le}}`, `F_gcount`, `F_gsum` | For durations: the distribution over the window, of totals alone. |
| `crm_<id>_quantile_seconds{{q}}` | For durations, instead of `F`: quantiles by nearest rank, within 1 %. |
| `crm_kpi_state{{kpi,window,state}}` | 1 for the state that the total is in, 0 for the others. |
| `crm_kpi_target{{kpi}}` | The target, in the KPI's unit; for cases that wait, the wait in seconds. |
| `crm_kpi_info{{kpi,version,unit}}` | The definition. |

A distribution is a gauge histogram: its counts fall as the window slides, so there is no `rate()` of it. The states are
`ok`, `low_sample`, `immature`, `stale` and `no_data`.

## Operators

What is made of the values of a KPI over closed days, or of its target; defined in `definitions-operators.md`,
declared by `operators` in the catalogue, or by a target ([goals](goals.md)). Labels are those of the KPI; a change has
`against` (`previous`, `year`) too. `_lower` and `_upper` stand beside a family where there is an interval.

| Operator | Family | What it is |
|---|---|---|
{operators}

| KPI | Operators |
|---|---|
{carrying}

## Bounds

Label values have at most 64 characters; what was cut or could not be printed ends in a hash. Of each grouping 50
groups are shown, those with a target first, then those with the most samples; the others are counted in
`stream_kpis_groups_hidden{{kpi}}`. There is no group `other`: distinct parties and quantiles do not add up.
`stream_kpis_series` says how many series of KPIs there are; beyond {series_max:,}, groups are left out and counted in
`stream_kpis_series_dropped`; totals stay.
`/api/kpis` has everything.

## The pipeline

| Metric | What it is |
|---|---|
{pipeline}
"""


def metrics_page(kpis: Mapping[str, Kpi]) -> str:
    """The page, in Markdown."""
    pipeline = (f"| `{family.series}` | {family.help}. |" for family in FAMILIES)
    operators = (
        f"| `{name}` | `{operator_family(name, '<id>', '<unit>')}` | {shown.help[0].upper()}{shown.help[1:]}. |"
        for name, shown in OPERATORS.items()
    )
    carrying = (f"| `{name}` | {', '.join(kpi.operators)} |" for name, kpi in kpis.items() if kpi.operators)
    return _PAGE.format(
        kpis="\n".join(_rows(kpis)),
        pipeline="\n".join(pipeline),
        operators="\n".join(operators),
        carrying="\n".join(carrying),
        series_max=SERIES_MAX,
    )


def _rows(kpis: Mapping[str, Kpi]) -> Iterator[str]:
    for kpi_id, kpi in kpis.items():
        name = family_name(kpi_id, kpi)
        if kpi.edges:
            name = f"{name}`, `{QUANTILE_FAMILY.format(id=kpi_id)}"
        groupings = ", ".join(f"`{by}`" for by in kpi.by) or "none"
        yield f"| {kpi.title} | `{name}` | {groupings} | {' '.join(kpi.windows)} |"


if __name__ == "__main__":
    sys.stdout.write(metrics_page(built_in().kpis))
