"""The handover of a shift: which targets were missed, what changed most, and what is still open. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stream_kpis.kpis.goals import Target
from stream_kpis.kpis.schema import Kpi
from stream_kpis.live.terminal import attention
from stream_kpis.live.terminal.listing import table_of
from stream_kpis.live.terminal.tables import moved_by, people

Row = Mapping[str, Any]
CHANGES_MAX = 10
_ENOUGH = ("ok", "immature")
_KNOWN = "As known now: what came after these days and corrects them is in."
COLUMNS = (
    *("section", "kpi", "value", "unit", "samples", "state", "target", "before", "change"),
    *("what", "waiting", "over", "oldest_s"),
)


def breaches(values: Iterable[Row], kpis: Mapping[str, Kpi], targets: Mapping[str, Target]) -> list[dict[str, Any]]:
    """The totals that missed their targets, in the order of the values.

    What is aimed at comes first. Where nothing is, one case that waits longer than the catalogue's wait is a miss;
    cases that no wait is set for miss nothing.

    Args:
        values: of the period, as `/api/kpis` gives them.
        kpis: the catalogue.
        targets: by KPI what its total should be.
    """
    found = []
    for row in values:
        kpi, value, target = kpis.get(row["kpi"]), row["value"], targets.get(row["kpi"])
        if kpi is None or value is None or row["by"]:  # the exporter may have more KPIs than these settings
            continue
        if target is not None:
            aim = target.target
            missed = value > aim if (target.better or kpi.better) == "lower" else value < aim
        elif kpi.cases and kpi.target is not None:
            missed, aim = value > 0, 0.0
        else:
            continue
        if missed:
            found.append({"section": "breach", **_said(row), "target": aim})
    return found


def changes(values: Iterable[Row], before: Iterable[Row], most: int = CHANGES_MAX) -> list[dict[str, Any]]:
    """The totals that moved most since the period before, by their relative change; those with few samples left out.

    The change of a ratio is the difference, of anything else relative to the size of the value before.
    """
    was = {row["kpi"]: row["value"] for row in before if not row["by"] and row["value"] and row["state"] in _ENOUGH}
    found = [
        {"section": "change", **_said(row), "before": was[row["kpi"]],
         "change": (row["value"] - was[row["kpi"]]) / (1 if row["unit"] == "ratio" else abs(was[row["kpi"]]))}
        for row in values
        if not row["by"] and row["value"] is not None and row["state"] in _ENOUGH and row["kpi"] in was
    ]  # fmt: skip
    moved = [row for row in found if row["change"]]
    return sorted(moved, key=lambda row: -abs((row["value"] - row["before"]) / row["before"]))[:most]


def _said(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in ("kpi", "value", "unit", "samples", "state")}


def _whole(aim: float) -> float:
    """A target as people write it: a whole number without decimals."""
    return int(aim) if float(aim).is_integer() else aim


def open_queue(cases: Iterable[Row]) -> list[dict[str, Any]]:
    """How much of each kind waits now, from the rows of `attention`."""
    found: dict[str, dict[str, Any]] = {}
    for case in cases:
        attention.add(found.setdefault(case["what"], {"section": "open", **attention.none_of(case["what"])}), case)
    return list(found.values())


def render(title: str, missed: Sequence[Row], moved: Sequence[Row], waiting: Sequence[Row]) -> str:
    """The handover as text of at most 80 columns."""
    parts = [f"{title}\n{_KNOWN}\n\nTargets missed: {len(missed) or 'none'}\n"]
    if missed:
        rows = (
            (r["kpi"], people(r["value"], r["unit"]), people(_whole(r["target"]), r["unit"]), f"{r['samples']:,}")
            for r in missed
        )
        parts.append(table_of(("KPI", "Value", "Target", "Samples"), rows, numbers=("Value", "Target", "Samples")))
    parts.append(f"\nBiggest changes since the period before: {len(moved) or 'none'}\n")
    if moved:
        rows = (
            (r["kpi"], people(r["value"], r["unit"]), people(r["before"], r["unit"]), moved_by(r["change"], r["unit"]))
            for r in moved
        )
        parts.append(table_of(("KPI", "Value", "Before", "Change"), rows, numbers=("Value", "Before", "Change")))
    parts.append(f"\nOpen now: {sum(r['waiting'] for r in waiting):,}\n")
    if waiting:
        rows = (
            (r["what"], f"{r['waiting']:,}", attention.counted(r["over"]), people(r["oldest_s"], "seconds"))
            for r in waiting
        )
        parts.append(
            table_of(("What", "Waiting", "Over target", "Oldest"), rows, numbers=("Waiting", "Over target", "Oldest"))
        )
    return "".join(parts)
