"""Why an alert on a KPI calls or does not, in a few words: the same that its rule judges, from a value of the API."""

from collections.abc import Mapping
from typing import Any

from stream_kpis.kpis.schema import Kpi
from stream_kpis.live.terminal.tables import people
from stream_kpis.monitoring.alerts import Alert
from stream_kpis.monitoring.promql import from_samples


def why(alert: Alert, kpi: Kpi, row: Mapping[str, Any] | None, *, is_open: bool = True) -> str:
    """What holds it back, or what it would call for.

    Args:
        alert: what is judged.
        kpi: what it is about.
        row: the total over the alert's window, as ``/api/kpis`` gives it; None if it is not there.
        is_open: whether the calendar in which alone it calls is open.

    >>> kpi = Kpi(title="", formula="count(a) / count(b)", unit="ratio", windows=("24h",), min_samples=30)
    >>> alert = Alert(kpi="a", window="24h", when="burnt", than=0.9, times=4)
    >>> row = {"value": 0.25, "unit": "ratio", "samples": 12, "state": "low_sample", "lower": None, "upper": None}
    >>> why(alert, kpi, row)
    '75.00 % missed, but 12 samples of 30 needed'
    >>> why(alert, kpi, row | {"samples": 40, "state": "ok"})
    '75.00 % missed; over 40.00 % calls'
    """
    if row is None or row["value"] is None:
        return "no value"
    value, bound = _judged(alert, kpi, row)
    if not is_open:
        return f"{value}, but calendar {alert.calls_during} is closed"
    if row["state"] in ("stale", "immature"):
        return f"{value}, but {row['state']}"
    if row["samples"] < kpi.min_samples and alert.when != "cases" and (alert.when != "beyond" or from_samples(kpi)):
        return f"{value}, but {row['samples']} samples of {kpi.min_samples} needed"
    return f"{value}; {bound} calls" if bound else value


def _judged(alert: Alert, kpi: Kpi, row: Mapping[str, Any]) -> tuple[str, str]:
    """What is compared, and beyond what it calls; empty where that is a move or a longer window."""
    unit, than = row["unit"], kpi.target if alert.than is None else alert.than
    value = people(row["value"], unit)
    match alert.when:
        case "cases":
            return f"{value} of them", f"over {than:g}"
        case "burnt":
            missed = f"{people(1 - row['value'], unit)} missed"
            if row["upper"] is not None:
                missed = f"{missed}, at least {people(1 - row['upper'], unit)}"
            return missed, f"over {people(alert.times * (1 - (than or 0)), unit)}"
        case "beyond":
            lower = kpi.better == "lower"
            end = row["lower"] if lower else row["upper"]
            value = value if end is None else f"{value}, at {'least' if lower else 'most'} {people(end, unit)}"
            return value, f"{'over' if lower else 'under'} {people(than, unit)}"
        case _:
            return value, ""
