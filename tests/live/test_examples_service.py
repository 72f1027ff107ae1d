"""The worked examples of docs/definitions.md: tickets, complaints, interactions, satisfaction."""

from typing import Any

import pytest

from stream_kpis.engine.tiles import DAY_MS, Calendar
from stream_kpis.events.envelope import Reader
from stream_kpis.live.asks import Ask
from stream_kpis.live.evaluate import evaluate
from tests.live.stories import DAY_0_MS, PLAN, customer, happened, status, ticket, told

ALL = ("30d", "", "")
HALF_A_MONTH_TWO = [customer(0, "created", "A"), customer(15, "created", "B")]
"""X = 45 d, A = 1.5."""


def of_category(day: float, name: str, category: str | None, **data: Any) -> Any:
    return ticket(day, "created", name, **({"category": category} if category else {}), **data)


def test_tickets_opened_and_support_contacts() -> None:
    values = told([
        of_category(1, "t1", "bug"), ticket(2, "created", "t2", created_by="agent"), ticket(3, "created", "t3"),
        ticket(4, "merged", "t3", into="t1"), ticket(5, "recategorised", category="invoice"),
    ])  # fmt: skip
    for kpi in ("tickets_opened", "support_contacts"):
        assert values[kpi, *ALL].value == 1
        assert values[kpi, "30d", "category", "invoice"].value == 1
        assert (kpi, "30d", "category", "bug") not in values


def test_tickets_resolved() -> None:
    values = told([
        ticket(1, "created"), status(2, "solved"), ticket(3, "reopened"), status(4, "solved"),
        ticket(5, "created", "t2"), status(5.5, "solved", "t2"), ticket(6, "deleted", "t2"),
    ])  # fmt: skip
    assert values["tickets_resolved", *ALL].value == 1


def test_resolutions() -> None:
    values = told([
        ticket(1, "created"), status(2, "solved"), ticket(3, "reopened"), status(4, "solved"),
        ticket(2, "created", "t2", created_by="agent"), status(5, "solved", "t2"), ticket(6, "reopened", "t2"),
    ])  # fmt: skip
    assert values["resolutions", *ALL].value == 3


def test_ticket_throughput_ratio() -> None:
    values = told([
        ticket(1, "created"), ticket(2, "created", "t2"), status(3, "solved"),
        ticket(4, "created", "t3", created_by="agent"), status(5, "solved", "t3"),
    ])  # fmt: skip
    found = values["ticket_throughput_ratio", *ALL]
    assert (found.value, found.numerator, found.denominator) == (0.5, 1, 2)


def test_ticket_category_share() -> None:
    names = {"t1": "bug", "t2": "bug", "t3": "invoice", "t4": None}
    values = told([of_category(1, name, category) for name, category in names.items()])
    shares = {
        group: (value.numerator, value.denominator)
        for (kpi, window, by, group), value in values.items()
        if (kpi, window, by) == ("ticket_category_share", "30d", "category")
    }
    assert shares == {"bug": (2, 4), "invoice": (1, 4), "unknown": (1, 4)}
    assert values["ticket_category_share", *ALL].value == 1


def test_ticket_contact_rate() -> None:
    values = told([*HALF_A_MONTH_TWO, *(ticket(n, "created", f"t{n}", channel="web") for n in (1, 2, 3))])
    found = values["ticket_contact_rate", *ALL]
    assert (found.value, found.samples) == (2, 3)
    assert (found.numerator, found.denominator) == (3 * 30 * DAY_MS, 45 * DAY_MS)
    assert values["ticket_contact_rate", "30d", "channel", "web"].value == 2


def test_open_ticket_age() -> None:
    values = told([
        ticket(10, "created"), ticket(20, "created", "t2"), status(21, "solved", "t2"), ticket(25, "reopened", "t2"),
        ticket(28, "created", "t3"), status(29, "solved", "t3"),
    ])  # fmt: skip
    found = values["open_ticket_age", "now", "", ""]
    assert (found.value, found.samples) == (10 * 86400, 2)
    assert found.durations is not None
    assert dict(found.durations.quantiles) == {0.5: 10 * 86400, 0.9: 20 * 86400, 0.99: 20 * 86400}
    assert dict(found.durations.buckets)[1209600] == 1
    assert found.durations.sum_ms == 30 * DAY_MS


def test_reopen_rate() -> None:
    values = told([
        ticket(0.5, "created"), status(1, "solved"), ticket(2, "reopened"),
        ticket(0.5, "created", "t2"), status(3, "solved", "t2"), ticket(20, "reopened", "t2"),
        ticket(0.5, "created", "t3"), status(5, "solved", "t3"),
    ], 37)  # fmt: skip
    found = values["reopen_rate", *ALL]
    assert (found.numerator, found.denominator) == (1, 3)


TWICE = [ticket(1, "created"), status(2, "solved"), ticket(4, "reopened"), status(7, "solved")]


def test_resolution_time_full() -> None:
    assert told(TWICE)["resolution_time_full", *ALL].value == pytest.approx(4 * 86400, rel=0.01)
    assert told(TWICE, 5)["resolution_time_full", *ALL].samples == 0


def test_requester_wait_time() -> None:
    values = told([ticket(1, "created"), status(2, "pending"), status(5, "open"), status(6, "solved")])
    assert values["requester_wait_time", *ALL].value == pytest.approx(2 * 86400, rel=0.01)


def test_first_contact_resolution_rate() -> None:
    def answered(day: float, name: str) -> Any:
        return ticket(day, "message", name, author="agent")

    values = told([
        ticket(0.1, "created"), answered(0.2, "t1"), status(1, "solved"),
        ticket(0.1, "created", "t2"), answered(0.2, "t2"), answered(0.3, "t2"), status(2, "solved", "t2"),
        ticket(0.1, "created", "t3"), answered(0.2, "t3"), status(5, "solved", "t3"), ticket(6, "reopened", "t3"),
        of_category(7, "t4", "bug"), answered(7.5, "t4"), status(8, "solved", "t4"), of_category(10, "t5", "bug"),
    ], 37)  # fmt: skip
    found = values["first_contact_resolution_rate", *ALL]
    assert (found.value, found.numerator, found.denominator) == (0.25, 1, 4)


def test_sla_attainment() -> None:
    values = told([
        ticket(1, "created", priority="normal"), status(1.5, "solved"),
        ticket(2, "created", "t2", priority="normal"), status(4, "solved", "t2"),
        ticket(10, "created", "t3", priority="high"),
        ticket(29.5, "created", "t4", priority="normal"),
    ])  # fmt: skip
    found = values["sla_attainment", *ALL]
    assert (found.numerator, found.denominator) == (1, 3)
    assert values["sla_attainment", "30d", "priority", "high"].denominator == 1


def test_a_deadline_ahead_hides_nothing_of_a_period_that_ends_now() -> None:
    """It is no event: what waits now is known, and the breach is not there yet."""
    ask = Ask(DAY_0_MS + 30 * DAY_MS, DAY_0_MS, "")
    (answer,) = evaluate(PLAN, Calendar(), Reader(), [ticket(29.5, "created")], [ask]).answers
    found = {value.kpi: value for value in answer.values if not value.by}
    assert (found["open_ticket_age"].value, found["sla_attainment"].value) == (43200, None)


def test_dissatisfaction_ratio() -> None:
    values = told([
        happened(n, "survey.answered", survey_id=f"s{n}", kind="csat", score=score)
        for n, score in enumerate((1, 2, 3, 5))
    ])  # fmt: skip
    found = values["dissatisfaction_ratio", *ALL]
    assert (found.numerator, found.denominator) == (2, 4)


def complaint(day: float, name: str, who: str = "A") -> Any:
    return happened(day, "complaint.received", who, complaint_id=name)


COMPLAINTS = [
    complaint(1, "c1"), complaint(2, "c1"), complaint(3, "c2"),
    happened(9, "complaint.closed", complaint_id="c1", upheld=True),
]  # fmt: skip


def test_complaints_received() -> None:
    values = told(COMPLAINTS)
    assert values["complaints_received", *ALL].value == 2
    groups = {group: value.value for (kpi, w, by, group), value in values.items() if (kpi, w, by) == UPHELD}
    assert groups == {"yes": 1, "unknown": 1}


UPHELD = ("complaints_received", "30d", "upheld")


def test_complaint_rate() -> None:
    values = told([*HALF_A_MONTH_TWO, *COMPLAINTS])
    assert values["complaint_rate", *ALL].value == pytest.approx(1333.333, rel=1e-6)
    assert values["complaint_rate", *ALL].samples == 2
    assert values["complaint_rate", "30d", "upheld", "yes"].value == pytest.approx(666.667, rel=1e-6)


def test_interaction_frequency() -> None:
    logged = [happened(3, "interaction.logged", "A", direction=way) for way in ("in", "in", "out")]
    values = told([*HALF_A_MONTH_TWO, *logged])
    assert values["interaction_frequency", *ALL].value == 2
    by = {way: values["interaction_frequency", "30d", "direction", way].value for way in ("in", "out")}
    assert by == pytest.approx({"in": 4 / 3, "out": 2 / 3})


def test_rep_activity() -> None:
    ways: list[dict[str, Any]] = [
        {"direction": "out"}, {"direction": "out"}, {"direction": "out", "automated": True}, {"direction": "in"}
    ]  # fmt: skip
    values = told([happened(n, "interaction.logged", "A", owner_id="rep-01", **way) for n, way in enumerate(ways)])
    assert values["rep_activity", "30d", "owner", "rep-01"].value == 2
