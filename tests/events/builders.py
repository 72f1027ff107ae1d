"""Events and mappings for the tests of this room."""

import json
from pathlib import Path
from typing import Any

import pytest

from stream_kpis.events.history import History, MappingError, read_mapping

NOW_MS = 1_704_067_200_000
"""2024-01-01T00:00:00Z, the time of the events below."""

ORDERS = """\
source: shop
files:
  "*.csv":
    party: customer
    events:
      - type: order.placed
        id: order
        time: date
        data: {order_id: order, amount: amount}
"""
CSV = "customer,order,date,amount\nanna,o1,2024-01-01,10.50\nben,o2,2024-01-02,3\n"


def envelope(**attributes: Any) -> dict[str, Any]:
    """A lead.created with other attributes as given; None takes one away."""
    whole = {
        "specversion": "1.0",
        "id": "e1",
        "source": "crm",
        "type": "lead.created",
        "time": "2024-01-01T00:00:00Z",
        "subject": "p",
        "data": {"lead_id": "l1"},
        **attributes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def event(**attributes: Any) -> bytes:
    """The envelope as JSON bytes."""
    return json.dumps(envelope(**attributes)).encode()


def imported(folder: Path, mapping: str, **files: str | bytes) -> History:
    """A history of files in a folder; ``orders_csv="…"`` becomes ``orders.csv``.

    Files whose names start with ``other`` are written, but not imported.
    """
    paths = []
    for name, text in files.items():
        path = folder / ".".join(name.rsplit("_", 1))
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        if not name.startswith("other"):
            paths.append(path)
    rules = folder / "mapping.yaml"
    rules.write_text(mapping)
    return History(paths, read_mapping(rules))


def values(history: History) -> list[dict[str, Any]]:
    """The CloudEvents of a history."""
    return [json.loads(made.value) for made in history]


def mistake(folder: Path, mapping: str, **files: str | bytes) -> str:
    """The error of a mapping, or of a file under it, in one line; no row is read."""
    with pytest.raises(MappingError) as caught:
        imported(folder, mapping, **files)
    text = str(caught.value)
    assert "\n" not in text
    return text
