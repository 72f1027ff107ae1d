"""Short stories of customers and surveys, and what docs/definitions.md makes of them: all facts but the later ones."""

from typing import Any

from tests.engine.worlds import iso
from tests.journeys.cases import M, Step, customer, survey

CASES_OF_PARTIES: dict[str, tuple[str, list[Step], set[tuple[Any, ...]]]] = {
    "a second churn is an event and no leave": (
        "lifecycle",
        [customer(1, "created", plan="a"), customer(3, "churned", reason="r"), customer(4, "churned")],
        {
            ("customer_level", 1, 1, "a"),
            ("customer_level", 3, -1, "a"),
            ("customer_left", 3, 2 * M, "a"),
            ("customer_churn_event", 3, 0, "r", "a"),
            ("customer_churn_event", 4, 0, "a"),
        },
    ),
    "an announced leave may be taken back, changes and all": (
        "lifecycle",
        [
            customer(1, "created", plan="a"),
            customer(3, "churned", effective_at=iso(9 * M)),
            customer(4, "plan_changed", plan="b"),
            customer(5, "reactivated"),
        ],
        {
            ("customer_level", 1, 1, "a"),
            ("customer_level", 4, -1, "a"),
            ("customer_level", 4, 1, "b"),
            ("customer_churn_event", 3, 0, "a"),
        },
    ),
    "who comes back after leaving begins anew": (
        "lifecycle",
        [
            customer(1, "created", plan="a"),
            customer(3, "churned"),
            customer(4, "plan_changed", plan="b"),
            customer(5, "reactivated"),
            customer(7, "merged", into="q"),
        ],
        {
            ("customer_level", 1, 1, "a"),
            ("customer_level", 3, -1, "a"),
            ("customer_left", 3, 2 * M, "a"),
            ("customer_churn_event", 3, 0, "a"),
            ("customer_level", 5, 1, "b"),
            ("customer_level", 7, -1, "b"),
        },
    ),
    "nobody leaves before coming": (
        "lifecycle",
        [customer(5, "created"), customer(6, "churned", effective_at=iso(2 * M))],
        {("customer_level", 5, 1), ("customer_level", 5, -1), ("customer_left", 5, 0), ("customer_churn_event", 6, 0)},
    ),
    "until an announced end has come, a further churn has its own": (
        "lifecycle",
        [
            customer(1, "created", plan="a"),
            customer(3, "churned", effective_at=iso(9 * M), voluntary=True),
            customer(4, "plan_changed", plan="b"),
            customer(5, "churned", effective_at=iso(7 * M), voluntary=False, reason="r"),
            customer(6, "plan_changed", plan="c"),
            customer(7, "churned"),
        ],
        {
            ("customer_level", 1, 1, "a"),
            ("customer_level", 4, -1, "a"),
            ("customer_level", 4, 1, "b"),
            ("customer_level", 7, -1, "b"),
            ("customer_left", 7, 6 * M, "b", "no"),
            ("customer_churn_event", 3, 0, "a", "yes"),
            ("customer_churn_event", 5, 0, "r", "b", "no"),
            ("customer_churn_event", 7, 0, "c"),
        },
    ),
    "a merge before an announced end ends the spell without a leave": (
        "lifecycle",
        [
            customer(1, "created", plan="a"),
            customer(3, "churned", effective_at=iso(9 * M)),
            customer(4, "plan_changed", plan="b"),
            customer(5, "merged", into="q"),
        ],
        {
            ("customer_level", 1, 1, "a"),
            ("customer_level", 4, -1, "a"),
            ("customer_level", 4, 1, "b"),
            ("customer_level", 5, -1, "b"),
            ("customer_churn_event", 3, 0, "a"),
        },
    ),
    "of an end told of afterwards what moved later never was": (
        "lifecycle",
        [
            customer(1, "created", plan="a"),
            customer(2, "plan_changed", plan="b"),
            customer(3, "plan_changed", plan="c"),
            customer(4, "churned", effective_at=iso(2 * M)),
            customer(6, "reactivated"),
        ],
        {
            ("customer_level", 1, 1, "a"),
            ("customer_level", 2, -1, "a"),
            ("customer_level", 2, 1, "b"),
            ("customer_level", 2, -1, "b"),
            ("customer_left", 2, M, "b"),
            ("customer_churn_event", 4, 0, "c"),
            ("customer_level", 6, 1, "c"),
        },
    ),
    "the last answer counts, on its own scale; the first one responds": (
        "surveys",
        [
            survey(1, "sent", kind="csat", team="a"),
            survey(2, "answered", score=1),
            survey(3, "answered", score=9, scale_min=0, scale_max=10),
        ],
        {
            ("survey_sent", 1, 0, "csat", "a"),
            ("survey_responded", 2, M, "csat", "a"),
            ("csat_answered", 3, 4_600_000, "a"),
            ("csat_satisfied", 3, 0, "a"),
        },
    ),
    "an answer off its scale is an answer and no score": (
        "surveys",
        [survey(1, "sent", kind="csat"), survey(2, "answered", score=6)],
        {("survey_sent", 1, 0, "csat"), ("survey_responded", 2, M, "csat")},
    ),
    "promoters score nine or ten, on scales of 0 to 10 only": (
        "surveys",
        [survey(1, "answered", kind="nps", score=9)],
        {("nps_answered", 1, 0, "relational"), ("nps_promoter", 1, 0, "relational")},
    ),
    "an answer is about a ticket if the sending names one": (
        "surveys",
        [
            survey(1, "sent", kind="nps", ticket_id="t", team="a"),
            survey(2, "answered", score=6, agent_id="x"),
        ],
        {
            ("survey_sent", 1, 0, "nps", "a", "x"),
            ("survey_responded", 2, M, "nps", "a", "x"),
            ("nps_answered", 2, 0, "transactional", "a", "x"),
            ("nps_detractor", 2, 0, "transactional", "a", "x"),
        },
    ),
    "or if the answer itself does, which is the last one": (
        "surveys",
        [survey(1, "answered", kind="nps", score=0, ticket_id="t"), survey(2, "answered", kind="nps", score=8)],
        {("nps_answered", 2, 0, "relational")},
    ),
    "an answer before the sending is no response to it": (
        "surveys",
        [survey(1, "answered", score=5), survey(2, "sent", kind="csat"), survey(4, "answered", score=1)],
        {
            ("survey_sent", 2, 0, "csat"),
            ("survey_responded", 4, 2 * M, "csat"),
            ("csat_answered", 4, 1_000_000),
        },
    ),
    "a top box has whole points, three in ten of a long scale": (
        "surveys",
        [survey(1, "answered", kind="csat", score=3.5)],
        {("csat_answered", 1, 3_500_000)},
    ),
    "of a hundred and one points it has thirty": (
        "surveys",
        [survey(1, "answered", kind="csat", score=71, scale_min=0, scale_max=100)],
        {("csat_answered", 1, 3_840_000), ("csat_satisfied", 1, 0)},
    ),
    "an nps on another scale is none": ("surveys", [survey(1, "answered", kind="nps", score=5, scale_max=5)], set()),
}
