"""What tests read off a dashboard."""

from collections.abc import Iterator
from typing import Any


def panels_of(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All panels but rows, those in rows included."""
    for panel in board["panels"]:
        for inner in (panel, *(panel.get("panels") or ())):
            if inner["type"] != "row":
                yield inner


def with_defaults(board: dict[str, Any], expr: str) -> str:
    """An expression with the variables as they are when the dashboard is opened."""
    for variable in board["templating"]["list"]:
        chosen = variable.get("allValue") or variable.get("current", {}).get("value") or variable.get("query")
        expr = expr.replace(f"${variable['name']}", chosen)
    return expr.replace("$__rate_interval", "1m")
