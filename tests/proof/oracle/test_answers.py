"""How answers are read off what counts: quantiles, buckets, empty values, entities; and that no KPI is missing."""

import re
from collections import Counter
from pathlib import Path

import pytest

from stream_kpis.events.envelope import Reader
from stream_kpis.proof.oracle import EDGES_S, HORIZON_MS, KPIS, Ask, Oracle
from stream_kpis.proof.oracle.catalogue import CATALOGUE
from tests.proof.oracle.world import DAY, END, World

DOCS = Path(__file__).parents[3] / "docs"
TABLES = {
    "definitions.md": ("## KPIs", ""),
    "definitions-value.md": ("## Rows", "`"),
    "definitions-calendars.md": ("## Rows", ""),
}
"""Where KPIs are defined: the heading above their table, and what their names stand in."""


def documented() -> dict[str, tuple[set[str], bool]]:
    """Of each KPI in the definitions: its dimensions, and whether it has a numerator and denominator."""
    rows = []
    for page, (heading, quote) in TABLES.items():
        _, text = (DOCS / page).read_text(encoding="utf-8").split(heading)
        rows += re.findall(rf"^\| {quote}([a-z_]+){quote} \|(.*)\|$", text, re.MULTILINE)
    kpis = {}
    for name, rest in rows:
        value, parts, _, by, _ = (cell.strip() for cell in rest.split("|"))
        dims = set() if by == "\N{EN DASH}" else set(by.split(", "))
        kpis[name] = (dims, parts != "" or value == "cohort")
    return kpis


def waits(*seconds: float) -> World:
    """Tickets created at 0, each first answered after so many seconds."""
    world = World()
    for number, wait in enumerate(seconds):
        world.add("ticket.created", 0, ticket_id=f"t{number}", channel="odd" if number % 2 else "even")
        world.add("ticket.message", wait, ticket_id=f"t{number}", author="agent")
    return world


def test_the_oracle_knows_exactly_the_kpis_of_the_definitions() -> None:
    """Neither fewer nor more."""
    assert set(KPIS) == set(documented())
    assert len(KPIS) == len(set(KPIS))


@pytest.fixture(scope="module")
def everything() -> World:
    """A world in which every KPI has something to count."""
    world = World()
    world.add("lead.created", 10, lead_id="l")
    world.add("lead.contacted", 20, lead_id="l")
    world.add("lead.created", 10, lead_id="waits")
    world.add("deal.created", 10, deal_id="d", lead_id="l", amount=1, stage="discovery")
    world.add("deal.won", 20, deal_id="d")
    world.add("deal.created", 10, deal_id="open", amount=1, stage="discovery")
    world.add("deal.created", 10, deal_id="lost", amount=1, stage="discovery")
    world.add("deal.lost", 20, deal_id="lost")
    world.add("order.placed", 10, order_id="o", amount=2)
    world.add("order.placed", 11, order_id="p", amount=2, upsell=True)
    world.add("ticket.created", 10, ticket_id="t")
    world.add("ticket.message", 20, ticket_id="t", author="agent")
    world.add("ticket.status_changed", 20, ticket_id="t", status="solved")
    world.add("ticket.created", 10, ticket_id="u")
    for kind in ("csat", "nps"):
        world.add("survey.sent", 10, survey_id=kind, kind=kind)
        world.add("survey.answered", 20, survey_id=kind, score=5)
    world.add("survey.answered", 20, survey_id="about", kind="nps", score=5, ticket_id="t")
    for party in ("ada", "bob", "cyd"):
        world.add("customer.created", 1, party=party, value=9)
    world.add("customer.churned", 20)
    world.add("customer.churned", 2, party="cyd")
    world.add("customer.reactivated", 20, party="cyd")
    world.add("interaction.logged", 10, direction="out")
    world.add("complaint.received", 10, complaint_id="c")
    world.add("email.subscribed", 2, campaign_id="m")
    for kind in ("sent", "delivered", "opened", "clicked"):
        world.add(f"email.{kind}", 10, campaign_id="m")
    world.add("cost.incurred", 10, amount=1, kind="acquisition", campaign_id="m")
    world.add("cost.incurred", 10, amount=1, kind="labour")
    world.add("lead.created", 10, lead_id="paid", campaign_id="m")
    world.add("customer.created", 10, party="dot", campaign_id="m")
    world.add("order.placed", 3, party="dot", order_id="q", amount=2, cost_of_goods=1)
    world.add("order.placed", 30, party="dot", order_id="r", amount=2, cost_of_goods=1)
    world.add("customer.referred", 10, referred_id="bob")
    for party, variants in (("ada", ["old"]), ("bob", ["new"]), ("cyd", ["new", "old"])):
        for variant in variants:
            world.add("experiment.exposed", 10, party=party, experiment="e", variant=variant)
    return world


FROM_A_LEVEL = (
    *("churn_rate", "retention_rate", "upsell_rate", "reactivation_rate", "email_list_growth"),
    *("churn_rate_inactivity", "churn_rate_involuntary", "revenue_churn_rate", "revenue_churn_rate_net"),
)
"""What is measured against a level at the window's start."""


ELSEWHERE = (
    *("arpc_base_effect", "arpc_spend_effect", "reactivation_rate_inactivity", "cohort_retention_rate"),
    *("quota_attainment", "clv_cac_ratio", "ab_lift", "ab_relative_lift", "ab_srm", "cac_lagged", "clv_net"),
)
"""What takes days, months, data or more costs, or has no value as a whole: the worked examples ask for it by group."""


@pytest.mark.parametrize("kpi", [kpi for kpi in KPIS if kpi not in ELSEWHERE])
def test_every_kpi_is_answered_by_its_documented_dimensions(kpi: str, everything: World) -> None:
    """With parts where the definitions name them, a value, and samples that add up to the whole."""
    dims, has_parts = documented()[kpi]
    start = 5 if kpi in FROM_A_LEVEL else 0
    answers = everything.answers(kpi, start, 1000, at=1000, window="now" if kpi == "active_customers" else "w")
    samples: Counter[str] = Counter()
    for answer in answers:
        samples[answer.by] += answer.samples
    assert samples == dict.fromkeys({"", *dims}, samples[""])
    assert all(answer.value is not None and answer.samples > 0 for answer in answers)
    assert all((answer.denominator is not None) == has_parts for answer in answers)


STANDING = {kpi.name for kpi in CATALOGUE if kpi.kind == "standing"}
SUMS = {kpi.name for kpi in CATALOGUE if kpi.kind == "sum"}


def test_what_stands_has_a_value_since_a_first_began(everything: World) -> None:
    """Thirteen of them; 0 in a window before which it began, though nothing of it is in it."""
    assert len(STANDING) == 13
    for kpi in STANDING:
        began = [everything.answers(kpi, 0, end, at=1000, window="now")[0].value for end in (1, 1000)]
        assert began[0] is None
        assert began[1] is not None


@pytest.fixture(scope="module")
def nothing() -> World:
    """A world without events."""
    return World()


@pytest.mark.parametrize("kpi", KPIS)
def test_without_events_there_are_samples_of_none_and_no_made_up_value(kpi: str, nothing: World) -> None:
    """A count of nothing is 0; a ratio, a duration or what stands of nothing has no value."""
    answer = nothing.whole(kpi)
    assert (answer.samples, answer.value) == (0, 0 if kpi in SUMS else None)
    assert (answer.quantiles, answer.buckets) == ({}, {})


@pytest.mark.parametrize("count", [1, 2, 3, 9, 10, 11, 99, 100, 101])
def test_quantiles_are_nearest_rank(count: int) -> None:
    """Of 1..n seconds, the smallest value with at least the ceiling of q times n observations at or below it."""
    answer = waits(*range(1, count + 1)).whole("first_response_time")
    ranks = {"0.5": -(-count * 500 // 1000), "0.9": -(-count * 900 // 1000), "0.99": -(-count * 990 // 1000)}
    assert answer.quantiles == ranks
    assert (answer.value, answer.samples, answer.total) == (ranks["0.5"], count, 500 * count * (count + 1))


@pytest.mark.parametrize(
    ("count", "lower", "upper"), [(2, None, None), (7, None, None), (8, 1, 8), (10, 1, 10), (11, 2, 10), (40, 13, 28)]
)
def test_the_interval_of_a_quantile_is_of_order_statistics(
    count: int, lower: float | None, upper: float | None
) -> None:
    """Of cycles of 1..n days: around the middle rank, and none beyond the ends; 40 are the worked example."""
    world = World()
    for number in range(1, count + 1):
        world.add("deal.created", 0, deal_id=f"d{number}", party=f"p{number % 3}")
        world.add("deal.won", number * DAY, deal_id=f"d{number}", party=f"p{number % 3}")
    answer = world.whole("sales_cycle_time")
    assert (answer.lower, answer.upper) == (lower and lower * DAY, upper and upper * DAY)
    assert (world.whole("deals_won").lower, world.whole("lead_conversion_flow_ratio").upper) == (None, None)


@pytest.mark.parametrize(("count", "lower", "upper"), [(2, None, None), (3, 1, None), (10, 7, None), (54, 44, 54)])
def test_the_interval_of_a_live_quantile_is_over_responses_and_ages(
    count: int, lower: float | None, upper: float | None
) -> None:
    """Of 1..n seconds, the odd ones answered, the even ones waiting; each bound is there by itself."""
    world, at = World(), 1000
    for number in range(1, count + 1):
        if number % 2:
            world.add("ticket.created", 0, ticket_id=f"t{number}", team="a")
            world.add("ticket.message", number, ticket_id=f"t{number}", author="agent")
        else:
            world.add("ticket.created", at - number, ticket_id=f"t{number}", team="a")
    answers = world.answers("first_response_time_live", 0, at, at=at)
    bounds = {
        answer.group: (answer.samples, answer.lower, answer.upper) for answer in answers if answer.by != "priority"
    }
    assert bounds == dict.fromkeys(("", "a"), (count, lower, upper))


def test_groups_have_intervals_of_their_own() -> None:
    """Of their own durations: 1, 3, ... 15 and 2, 4, ... 16 seconds."""
    answers = waits(*range(1, 17)).answers("first_response_time")
    bounds = {answer.group: (answer.lower, answer.upper) for answer in answers if answer.by in ("", "channel")}
    assert bounds == {"": (4, 13), "even": (1, 15), "odd": (2, 16)}


def test_ties_and_zero_waits_are_observations() -> None:
    """Equal values each have a rank."""
    assert waits(0, 0, 0, 7).whole("first_response_time").quantiles == {"0.5": 0, "0.9": 7, "0.99": 7}


def test_buckets_are_cumulative_and_hold_their_edge() -> None:
    """What is longer than the last edge is in none; groups have their own."""
    world = waits(0, 1, 1.001, 5, 31_536_000, 31_536_000.001)
    answers = world.answers("first_response_time")
    buckets = {answer.group: answer.buckets for answer in answers if answer.by in ("", "channel")}
    assert tuple(buckets[""]) == EDGES_S
    assert [buckets[""][edge] for edge in (1, 5, 10, 15_552_000, 31_536_000)] == [2, 4, 4, 4, 5]
    assert [buckets["odd"][edge] for edge in (1, 5, 31_536_000)] == [1, 2, 2]


def test_edges_are_the_deployments() -> None:
    """In any order, parts of a second too."""
    world = waits(0.25, 0.3, 2)
    oracle = Oracle(Reader(), edges_s=(2.5, 0.25))
    oracle.load(world.records)
    assert oracle.answer([Ask("first_response_time", "all", 0, END)], END)[0].buckets == {0.25: 1, 2.5: 3}


def test_many_asks_are_answered_in_their_order_each_by_itself() -> None:
    """The same KPI in several windows, and the same window twice."""
    world = waits(10, 20)
    asks = [Ask("first_response_time", name, 0, end) for name, end in (("b", 20_001), ("a", 20_000), ("b", 20_001))]
    answers = [answer for answer in world.oracle.answer(asks, END) if answer.by == ""]
    assert [(answer.window, answer.samples) for answer in answers] == [("b", 2), ("a", 1), ("b", 2)]
    assert world.oracle.answer([], END) == []


def test_windows_that_overlap_count_each_what_lies_in_it() -> None:
    """From its first instant on, up to but not at its last."""
    world = World()
    times = (0, 4, 5, 9, 10, 19, 20)
    for at in times:
        world.add("order.placed", at, order_id=f"o{at}", amount=at)
        world.add("ticket.created", at, ticket_id=f"t{at}")
        world.add("ticket.message", at + 1, ticket_id=f"t{at}", author="agent", public=True)
    windows = [(0, 10), (5, 10), (10, 20), (5, 20), (20, 30), (0, 30), (11, 12)]
    asks = [Ask(kpi, f"{a}", a * 1000, b * 1000) for kpi in ("orders", "first_response_time") for a, b in windows]
    answers = world.oracle.answer(asks, END * 1000)
    expected = [sum(a <= at < b for at in times) for a, b in windows]
    expected += [sum(a <= at + 1 < b for at in times) for a, b in windows]
    assert [answer.samples for answer in answers if not answer.by] == expected


def test_the_window_now_has_no_beginning() -> None:
    """Whatever lower edge comes with it."""
    world = World()
    world.add("customer.created", 10)
    answers = world.oracle.answer([Ask("active_customers", "now", 500_000, 600_000)], 600_000)
    assert answers[0].value == 1


def test_an_unknown_kpi_is_refused() -> None:
    """By name."""
    with pytest.raises(ValueError, match="does not know vibes"):
        Oracle(Reader()).answer([Ask("vibes", "all", 0, 1)], 1)


def test_the_horizon_is_thirty_days() -> None:
    """H of the definitions."""
    assert HORIZON_MS == 2_592_000_000


def test_entities_say_who_is_behind_a_value() -> None:
    """Party, entity and contribution to the numerator: micro-units for money, milliseconds for durations."""
    world = waits(3)
    world.add("order.placed", 1, order_id="o", amount=5, channel="web")
    world.add("order.refunded", 2, order_id="o", refund_id="r", amount=2)
    world.add("order.placed", 1, order_id="p", amount=1, channel="shop", party="bob")
    world.add("deal.lost", 1, deal_id="d")
    world.add("customer.created", 1)

    def entities(kpi: str, by: str = "", group: str = "", window: str = "all") -> list[tuple[str, str, int]]:
        return world.oracle.entities(Ask(kpi, window, 0, END * 1000), by, group, END * 1000)

    assert entities("revenue_net") == [("ada", "o", 3_000_000), ("bob", "p", 1_000_000)]
    assert entities("revenue_net", "channel", "shop") == [("bob", "p", 1_000_000)]
    assert entities("revenue_net", "channel", "nowhere") == []
    assert entities("first_response_time") == [("ada", "t0", 3_000)]
    assert entities("deal_win_rate") == []
    assert entities("active_customers", window="now") == [("ada", "", 1)]
    assert entities("purchase_frequency") == [("ada", "", 1), ("bob", "", 1)]
