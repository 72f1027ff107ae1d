"""What needs someone now, and what is handed over."""

from collections.abc import Sequence
from datetime import date, timedelta

from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.holdings import Holdings
from stream_kpis.engine.shard import Shard
from stream_kpis.engine.tiles import DAY_MS, Calendar
from stream_kpis.events.envelope import Reader
from stream_kpis.events.history import Imported
from stream_kpis.kpis.goals import Goals, Target
from stream_kpis.kpis.load import built_in
from stream_kpis.live.evaluate import _batches
from stream_kpis.live.model.operators.targets import Targets
from stream_kpis.live.terminal import handover
from stream_kpis.live.terminal.attention import (
    JOURNEYS,
    LISTED_MAX,
    Overview,
    Waiting,
    render,
    render_summary,
    rows_of,
    summary,
    waiting,
)
from stream_kpis.plan import compile_plan
from stream_kpis.settings import Settings
from tests.live.stories import DAY_0_MS, PLAN, deal, happened, status, ticket

NOW_MS = DAY_0_MS + 30 * DAY_MS
EVENTS = [
    ticket(1, "created", "t1", team="first", agent_id="a1"),
    ticket(2, "created", "t2"), ticket(3, "message", "t2", author="agent"),
    ticket(4, "created", "t3", "B"), status(5, "solved", "t3", "B"),
    ticket(29.9999, "created", "t4", "B", team="first"),
    deal(5, "created", "d1", owner_id="rep-01"), deal(20, "created", "d2", owner_id="rep-01"),
    deal(6, "created", "d3", "B"), deal(7, "lost", "d3", "B"),
    happened(8, "lead.created", lead_id="l1", owner_id="rep-02"),
    happened(8, "lead.created", lead_id="l2"), happened(9, "lead.contacted", lead_id="l2"),
]  # fmt: skip


def cases(events: Sequence[Imported] = EVENTS, plan: Plan = PLAN) -> list[Waiting]:
    shard, holdings = Shard(PLAN, 0, 1, Reader(), Calendar(), 10**5), Holdings(PLAN, JOURNEYS)
    for batch in _batches(events, {}):
        shard.apply(batch)
    for key, value in shard.take(NOW_MS).parties:
        holdings.take(key, value)
    return waiting(plan, holdings, NOW_MS)


def test_all_that_waits_is_there_the_oldest_first() -> None:
    """An answered or solved ticket does not, nor a closed deal, nor a deal that moved within its target."""
    assert [(case.what, case.entity, case.owner, case.over) for case in cases()] == [
        ("unanswered ticket", "t1", "a1", True),
        ("stalled deal", "d1", "rep-01", True),
        ("uncontacted lead", "l1", "rep-02", True),
        ("unanswered ticket", "t4", "unknown", False),
    ]


def test_a_lead_into_which_others_were_merged_waits_since_the_eldest_by_its_own_name() -> None:
    merged = [
        happened(8, "lead.created", lead_id="l1"), happened(9, "lead.created", lead_id="l2"),
        happened(10, "lead.merged", lead_id="l1", into="l2"),
    ]  # fmt: skip
    assert [(case.entity, case.since_ms) for case in cases(merged)] == [("l2", DAY_0_MS + 8 * DAY_MS)]


def test_of_leads_that_came_in_the_same_instant_each_is_itself() -> None:
    """Who was contacted waits for nobody, and each has its owner: imports often know no more than a day."""
    events = [
        happened(8, "lead.created", lead_id="l1", owner_id="ann"),
        happened(8, "lead.created", lead_id="l2", owner_id="bob"),
        happened(8, "lead.created", lead_id="l3", owner_id="cem"),
        happened(9, "lead.contacted", lead_id="l1"),
    ]
    assert [(case.entity, case.owner) for case in cases(events)] == [("l2", "bob"), ("l3", "cem")]


def test_ages_are_against_the_target() -> None:
    first, *_ = rows_of(cases())
    assert (first["age_s"], first["target_s"], first["since"]) == (29 * 86_400, 120, "2026-03-02T00:00:00.000Z")


def test_what_begins_later_does_not_wait_yet() -> None:
    assert cases([ticket(31, "created", "t1")]) == []


def test_a_summary_by_team_counts_each_case_once() -> None:
    rows = summary(cases(), "team")
    assert sum(row["waiting"] for row in rows) == 4
    assert (rows[0]["by"], rows[0]["waiting"], rows[0]["over"]) == ("first", 2, 1)
    by_owner = {row["by"]: row["waiting"] for row in summary(cases(), "owner")}
    assert by_owner == {"a1": 1, "rep-01": 1, "rep-02": 1, "unknown": 1}
    assert max(map(len, (render(cases()) + render_summary(rows, "team")).splitlines())) <= 80


def test_where_there_is_no_target_nothing_is_said_to_be_over_it() -> None:
    aimless = PLAN._replace(catalogue=PLAN.catalogue._replace(kpis={}))
    leads = [case for case in cases(plan=aimless) if case.what == "uncontacted lead"]
    assert {case.target_ms for case in leads} == {None}
    assert [row["over"] for row in summary(leads, "owner")] == [None]
    assert [row["over"] for row in handover.open_queue(rows_of(leads))] == [None]
    assert summary([leads[0]._replace(target_ms=1), *leads], "owner")[0]["over"] == 1


def test_an_overview_counts_all_and_lists_the_oldest_of_each_kind() -> None:
    """However the cases come: those of one kind, many and long in waiting, hide none of another."""
    first, deal_, lead, last = cases()
    many = [first._replace(entity=f"t{n:04}", since_ms=first.since_ms + n) for n in range(3 * LISTED_MAX)]
    overview = Overview(PLAN)
    for some in ([last, lead], many[::-1], [deal_]):
        overview.add(some)
    said = overview.as_json(NOW_MS)
    assert said["as_of"] == "2026-03-31T00:00:00.000Z"
    assert [(one["what"], one["kpi"], one["target_s"], one["waiting"], one["over"]) for one in said["queues"]] == [
        ("unanswered ticket", "unanswered_over_target", 120, 3 * LISTED_MAX + 1, 3 * LISTED_MAX),
        ("stalled deal", "deals_stalled", 1_209_600, 1, 1),
        ("uncontacted lead", "leads_over_target", 3600, 1, 1),
    ]
    assert said["queues"][0]["oldest_s"] == 29 * 86_400
    assert said["waiting"] == rows_of([*many[:LISTED_MAX], deal_, lead])
    assert Overview(PLAN).as_json(NOW_MS)["waiting"] == []


def row(kpi: str, value: float | None, state: str = "ok", **by: str) -> dict:
    unit = "count" if kpi == "orders" else "ratio"
    return {"kpi": kpi, "value": value, "unit": unit, "samples": 40, "state": state, "by": by}


KPIS = built_in().kpis
TARGETS = {name: Target(kpi=name, window="7d", target=aim) for name, aim in {"churn_rate": 0.05, "nps": 0.3}.items()}


def test_a_handover_names_the_targets_missed() -> None:
    """On the worse side only; of waiting cases one is enough; of totals, where there is a value."""
    values = [
        *(row("churn_rate", 0.06), row("nps", 0.31), row("unanswered_over_target", 1), row("orders", 3)),
        *(row("nps", None), row("nps", 0.1, team="a")),
    ]
    found = handover.breaches(values, KPIS, TARGETS)
    assert [(each["kpi"], each["target"]) for each in found] == [("churn_rate", 0.05), ("unanswered_over_target", 0)]
    assert handover.breaches([row("of_another_catalogue", 1)], KPIS, TARGETS) == []
    below = [row("nps", 0.29), row("churn_rate", 0.05)]
    assert [each["kpi"] for each in handover.breaches(below, KPIS, TARGETS)] == ["nps"]
    turned = {"nps": Target(kpi="nps", window="7d", target=0.3, better="lower")}
    assert [each["value"] for each in handover.breaches([row("nps", 0.29), row("nps", 0.31)], KPIS, turned)] == [0.31]


def test_a_handover_holds_waiting_cases_to_what_is_aimed_at() -> None:
    """Else to the wait that the catalogue sets: one case beyond it is enough; without a wait nothing is missed."""
    values = [row("deals_stalled", 1589), row("unanswered_over_target", 4), row("tickets_open", 7)]

    def missed(*aims: Target) -> list[tuple[str, float]]:
        found = handover.breaches(values, KPIS, {aim.kpi: aim for aim in aims})
        return [(each["kpi"], each["target"]) for each in found]

    assert missed() == [("deals_stalled", 0), ("unanswered_over_target", 0)]
    stalled = Target(kpi="deals_stalled", window="now", target=2000)
    assert missed(stalled) == [("unanswered_over_target", 0)]
    some = [Target(kpi="deals_stalled", window="now", target=1500), Target(kpi="tickets_open", window="now", target=5)]
    assert missed(*some) == [("deals_stalled", 1500), ("unanswered_over_target", 0), ("tickets_open", 5)]


def test_a_handover_writes_whole_targets_without_decimals() -> None:
    found = handover.breaches(
        [{**row("orders", 3), "kpi": "tickets_open"}], KPIS,
        {"tickets_open": Target(kpi="tickets_open", window="now", target=2)},
    )  # fmt: skip
    assert ["tickets_open", "3", "2", "40"] in map(str.split, handover.render("Handover", found, [], []).splitlines())


def test_over_any_days_the_target_of_the_shortest_window_holds() -> None:
    """Once it is in force; groups have their own, and what a sum should be depends on the days."""
    day = date(2026, 3, 2)
    goals = Goals(
        (
            Target(kpi="deal_win_rate", window="365d", target=0.3),
            Target(kpi="deal_win_rate", window="90d", target=0.25),
            Target(kpi="deal_win_rate", window="7d", target=0.5, group={"owner": "rep-01"}),
            Target(kpi="deal_win_rate", window="30d", target=0.1, since=day),
            Target(kpi="orders", window="mtd", target=900),
            Target(kpi="churn_rate", window="30d", target=0.03),
        )
    )
    targets = Targets(compile_plan(Settings()), Calendar("UTC"), goals)
    assert targets.of_days(day - timedelta(days=1))["deal_win_rate"].target == 0.25
    assert targets.of_days(day)["deal_win_rate"].target == 0.1
    assert "orders" not in targets.of_days(day)
    assert KPIS["churn_rate"].aim == 0.05  # over each of its windows, shorter ones too
    assert targets.of_days(day)["churn_rate"].target == 0.03


def test_a_handover_names_what_changed_most() -> None:
    """By the size of what was before; few samples are no change, nor is what stayed. Of ratios it is told in points."""
    before = [row("orders", 100), row("nps", 0.2), row("churn_rate", 0.02), row("unanswered", 2)]
    after = [row("orders", 120), row("nps", 0.1), row("churn_rate", 0.2, "low_sample"), row("unanswered", 2)]
    found = handover.changes(after, before)
    assert [(each["kpi"], round(each["change"], 6)) for each in found] == [("nps", -0.1), ("orders", 0.2)]
    rise = handover.changes([row("orders", 300)], [row("orders", -100)])
    assert [each["change"] for each in rise] == [4]
    assert handover.changes([row("orders", 3)], [row("orders", 100, "low_sample")]) == []
    text = handover.render("Handover", [], found, handover.open_queue(rows_of(cases())))
    assert max(map(len, text.splitlines())) <= 80
    assert "Open now: 4" in text
    assert text.splitlines()[1] == "As known now: what came after these days and corrects them is in."
