"""A complaint: what it is about, how bad it is, and whether it was upheld."""

import msgspec

from stream_kpis.events import types as t
from stream_kpis.events.envelope import Event
from stream_kpis.journeys.facts import Fact, yes_no
from stream_kpis.journeys.journey import Journey


class Complaint(msgspec.Struct, array_like=True):
    """The state of one complaint; it may be decided before it is known."""

    received_ms: int | None = None
    category: str | None = None
    severity: str | None = None
    upheld: bool | None = None


def step(complaint: Complaint, event: Event) -> None:
    """One complaint moves by one event."""
    data = event.data
    match data:
        case t.ComplaintReceived():
            if complaint.received_ms is None:
                complaint.received_ms = event.time_ms
                complaint.category, complaint.severity = data.category, data.severity
        case t.ComplaintClosed():
            if complaint.upheld is None:
                complaint.upheld = data.upheld
        case _:
            pass


def facts(complaint: Complaint) -> list[Fact]:
    """The complaint, once it was received."""
    if complaint.received_ms is None:
        return []
    dims = (complaint.category, complaint.severity, yes_no(complaint.upheld))
    return [Fact("complaint_received", complaint.received_ms, 0, dims)]


JOURNEY = Journey(
    name="complaints",
    state=Complaint,
    takes=dict.fromkeys((t.ComplaintReceived, t.ComplaintClosed), "complaint_id"),
    step=step,
    facts=facts,
)
