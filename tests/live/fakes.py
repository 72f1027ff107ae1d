"""Snapshots made up for the built-in catalogue, without an engine."""

import random

from stream_kpis.kpis.load import built_in
from stream_kpis.live.model.snapshot import Durations, Result, ShardPosition, Snapshot, State, Value

NOW_MS = 1_788_253_200_000
GROUPS = {"team": ("first line", "billing", "unknown"), "priority": ("urgent", "normal"), "plan": ("free", "pro")}
ANY_GROUPS = ("a", "b")
CATALOGUE = built_in()
KPIS = CATALOGUE.kpis
WHOLE = {"lift", "relative_lift", "sample_ratio"}
"""Methods that make no numerator and denominator."""


def value(kpi_id: str, window: str, seed: int = 0, by: str = "", group: str = "", **more: object) -> Value:
    """A value of the right shape; ``more`` replaces fields."""
    kpi = KPIS[kpi_id]
    chance = random.Random(ascii((kpi_id, window, by, group, seed)))
    samples = chance.randrange(60, 4000)
    numerator = denominator = lower = upper = durations = None
    if kpi.unit == "seconds" and kpi.edges:
        median = chance.uniform(20, 200)
        quantiles = ((0.5, median), (0.9, median * 3), (0.99, median * 11))
        buckets = tuple((edge, int(samples * edge / (edge + median))) for edge in kpi.edges)
        durations, number = Durations(quantiles, buckets, int(samples * median * 1600)), median
        if kpi_id == "first_response_time_live":
            number = median * 3
        lower, upper = number * 0.9, number * 1.1
    elif kpi.unit == "ratio":
        denominator, numerator = samples, chance.randrange(samples // 50, samples // 8)
        number = numerator / denominator
        lower, upper = (number * 0.8, number * 1.2) if kpi.interval else (None, None)
    elif kpi.unit == "currency":
        numerator, denominator = samples * 61_250_000 + seed, samples
        number = numerator / 1e6 / (1 if kpi_id == "revenue_net" else samples)
    elif kpi.unit == "score":
        numerator, denominator = samples * 4_200_000, samples
        number = 4.2
    elif "/" in kpi.formula:
        numerator, denominator = samples * 1000, samples
        number = {"seconds": 1.0, "currency_per_second": 0.001, "per_second": 1e-7}.get(kpi.unit, 1000)
    else:
        number = samples
    if CATALOGUE.formulas[kpi_id].composed or kpi.method in WHOLE:
        numerator = denominator = None
    made = Value(
        kpi_id,
        window,
        by,
        group,
        NOW_MS - 3_600_000,
        NOW_MS,
        number,
        numerator,
        denominator,
        samples,
        State.OK,
        lower,
        upper,
        durations,
    )
    return made._replace(**more)


def shard(partition: int, **more: object) -> ShardPosition:
    """A shard that keeps up."""
    counters = {"events": 1000 + partition, "duplicates": 3, "dead_letters:invalid": 2}
    made = ShardPosition(partition, {"crm.leads": 17, "crm.orders": 40}, NOW_MS - 700, 0, None, counters)
    return made._replace(**more)


WORDS = {
    "trend": ("trend_slope",),
    "forecast": ("forecast_end_of_period", "forecast_error"),
    "anomaly": ("anomaly_band",),
}


def result(operator: str, kpi_id: str, window: str = "30d", **more: object) -> Result:
    """What an operator made; ``more`` replaces fields."""
    edges = (NOW_MS - 3_600_000, NOW_MS)
    made = Result(operator, kpi_id, window, "", "", "", *edges, 0.25, None, None, 60, State.OK, 0.125, 0.5)
    return made._replace(**more)


def results() -> tuple[Result, ...]:
    """Of each KPI what its operators make, and all that a target makes of one."""
    made = [
        result(word, kpi_id, against="previous" if word == "change" else "")
        for kpi_id, kpi in KPIS.items()
        for operator in kpi.operators
        for word in WORDS.get(operator, (operator,))
    ]
    targets = ("target_attainment", "target_met", "target_pace_gap")
    return (*made, *(result(word, "revenue_net", "mtd") for word in targets))


def snapshot(seed: int = 0, shards: int = 3, groups: bool = True, **more: object) -> Snapshot:
    """All KPIs over all their windows."""
    values = []
    for kpi_id, kpi in KPIS.items():
        for window in kpi.windows:
            values.append(value(kpi_id, window, seed))
            if not groups:
                continue
            for by in kpi.by:
                first, *rest = by.split(",")
                for group in GROUPS.get(first, ANY_GROUPS):
                    values += [
                        value(kpi_id, window, seed, by, ",".join([group, *others]))
                        for others in ([(other,) for other in GROUPS.get(rest[0], ANY_GROUPS)] if rest else [()])
                    ]
    made = Snapshot(NOW_MS, NOW_MS, NOW_MS + 40, tuple(values), tuple(shard(partition) for partition in range(shards)))
    made = made._replace(results=results() if groups else ())
    return made._replace(**more)
