"""The worked examples of docs/definitions-value.md: what is composed, lagged, or made by a method."""

import pytest

from stream_kpis.engine.tiles import DAY_MS
from stream_kpis.events.history import Imported
from stream_kpis.kpis.goals import Goals
from stream_kpis.live.model.snapshot import State
from tests.live.stories import Told, customer, happened, order, status, ticket, told


def cost(day: float, amount: float, kind: str, /, **data: object) -> Imported:
    return happened(day, "cost.incurred", "x", amount=amount, kind=kind, **data)


def of(values: Told, kpi: str, window: str, by: str = "", group: str = "") -> float | None:
    return values[kpi, window, by, group].value


def test_cac_lagged() -> None:
    """What was spent 60 days before the window, for the customers of the window."""
    values = told([
        cost(0, 100, "acquisition", channel="web"), cost(29.9, 50, "labour", team="sales"),
        cost(30, 300, "acquisition"), cost(70, 200, "acquisition"), cost(-0.1, 999, "acquisition"),
        *(customer(60 + n, "created", f"A{n}", channel="web") for n in range(3)),
    ], 90)  # fmt: skip
    found = values["cac_lagged", "30d", "", ""]
    assert (found.value, found.numerator, found.denominator) == (50, 150_000_000, 3)
    assert of(values, "cac_lagged", "30d", "channel", "web") == pytest.approx(100 / 3)


def test_cac_lagged_by_whole_days() -> None:
    """Whoever came this morning is not among those whom the costs of closed days brought."""
    values = told([
        cost(0, 150, "acquisition"), *(customer(60 + n, "created", f"A{n}") for n in range(3)),
        customer(90.2, "created", "B"),
    ], 90.5)  # fmt: skip
    found = values["cac_lagged", "30d", "", ""]
    assert (found.value, found.denominator) == (50, 3)


def test_arpc_decomposition() -> None:
    """Two customers that spend 100, then three that spend 180: what the open day holds is in neither."""
    values = told([
        customer(-40, "created", "A"), customer(-40, "created", "B"), customer(30, "created", "C"),
        order(10, "placed", "o1", "A", amount=100), order(40, "placed", "o2", "A", amount=200),
        order(41, "refunded", "o2", "A", refund_id="r", amount=20), order(60.2, "placed", "o3", "B", amount=77),
    ], 60.5)  # fmt: skip
    found = values["arpc_base_effect", "30d", "", ""]
    assert found.value == pytest.approx(55)
    assert (found.numerator, found.denominator, found.samples, found.state) == (None, None, 1, State.LOW_SAMPLE)
    assert of(values, "arpc_spend_effect", "30d") == pytest.approx(25)


def test_clv_historic() -> None:
    """Revenue per buyer times a lifetime of two years."""
    values = told([
        customer(-700, "created", "A"), customer(-700, "created", "B"), customer(10, "churned", "B"),
        order(1, "placed", "o", "A", amount=150), order(2, "placed", "p", "B", amount=30),
    ])  # fmt: skip
    years = (values["customer_lifetime", "365d", "", ""].value or 0) / (365 * 86400)
    assert years > 1.9
    assert of(values, "clv_historic", "365d") == pytest.approx(90 * years)
    assert values["clv_historic", "365d", "", ""].samples == 1


def worth() -> list[Imported]:
    """90 days in which ten customers bring 10 a day with a margin of a half; two leaves over six windows."""
    return [
        *(customer(0, "created", f"C{n}") for n in range(10)),
        customer(-200, "created", "X"), customer(-100, "churned", "X"),
        customer(-100, "created", "Y"), customer(0, "churned", "Y"),
        order(1, "placed", "o", "C0", amount=900, cost_of_goods=450),
        cost(3, 90, "retention"), cost(4, 500, "acquisition"),
    ]  # fmt: skip


def test_clv_predicted_and_net_and_payback() -> None:
    values = told(worth(), 90)
    clv = values["clv_predicted", "90d", "", ""]
    lived = 10 * 90 + 200  # customer-days over six windows; two leaves
    assert clv.value == pytest.approx(1 * 0.5 * lived / 2)
    assert (clv.samples, clv.numerator) == (2, None)
    assert of(values, "cac", "90d") == 50
    assert of(values, "clv_net", "90d") == pytest.approx(0.5 * lived / 2 - 0.1 * lived / 2 - 50)
    assert of(values, "cac_payback_time", "90d") == pytest.approx(8_640_000)
    assert of(values, "clv_cac_ratio", "90d") == pytest.approx(0.5 * lived / 2 / 50)


def test_payback_needs_a_margin_above_nothing() -> None:
    """And what has no part has no value."""
    loss = [*worth(), order(2, "placed", "p", "C1", amount=1, cost_of_goods=9999)]
    found = told(loss, 90)["cac_payback_time", "90d", "", ""]
    assert (found.value, found.state) == (None, State.NO_DATA)
    assert of(told([customer(1, "created", "A")]), "clv_net", "90d") is None


def test_customer_value_share() -> None:
    values = told([
        order(1, "placed", "a", "A", amount=30), order(2, "placed", "b", "A", amount=40),
        order(3, "placed", "c", "B", amount=5), order(4, "placed", "d", "C", amount=100),
        order(5, "refunded", "d", "C", refund_id="r", amount=95),
    ])  # fmt: skip
    shares = {g: values["customer_value_share", "now", "bucket", g] for g in ("50", "5")}
    assert {g: v.value for g, v in shares.items()} == {"50": 70 / 80, "5": 10 / 80}
    assert [shares[g].samples for g in ("50", "5")] == [1, 2]
    assert of(values, "customer_value_share", "now") == 1


def test_quota_attainment() -> None:
    """Of owners with a quota, whether they sold or not; `to` lies in the last day of March."""
    goals = Goals(quotas={"rep-01": 1_000_000_000, "rep-02": 500_000_000})
    events = [
        order(1, "placed", "o", "A", amount=300, owner_id="rep-01"),
        order(2, "placed", "p", amount=9, owner_id="rep-03"),
        order(3, "refunded", "o", "A", refund_id="r", amount=50),
    ]  # fmt: skip
    values = told(events, 30, goals)
    assert of(values, "quota_attainment", "mtd", "owner", "rep-01") == 0.25
    assert of(values, "quota_attainment", "qtd", "owner", "rep-01") == 250 / 3000
    assert of(values, "quota_attainment", "ytd", "owner", "rep-02") == 0
    found = values["quota_attainment", "mtd", "", ""]
    assert (found.numerator, found.denominator, found.samples) == (250_000_000, 1_500_000_000, 1)
    assert ("quota_attainment", "mtd", "owner", "rep-03") not in values
    assert of(told(events), "quota_attainment", "mtd") is None


def test_cohort_retention_rate() -> None:
    """January's cohort in spring, and no month before it has ended; D, merged into A in February, was never in it."""
    january = -59  # Jan 1
    events = [
        *(customer(january + n, "created", who) for n, who in enumerate("ABC")),
        customer(january + 19, "churned", "B"), customer(4, "reactivated", "B"), customer(january + 40, "churned", "A"),
        customer(january + 3, "created", "D"), customer(january + 35, "merged", "D", into="A"),
    ]  # fmt: skip
    values = told(events, 31)
    grid = [(v.numerator, v.denominator) for k in "012" for v in [values["cohort_retention_rate", "now", "k", k]]]
    assert grid == [(2, 3), (1, 3), (2, 3)]
    assert of(values, "cohort_retention_rate", "now", "cohort,k", "2026-01,2") == 2 / 3
    found = values["cohort_retention_rate", "now", "", ""]
    assert found.value == 1 / 3
    assert (found.lower, found.upper) == (pytest.approx(0.0615, abs=1e-4), pytest.approx(0.7923, abs=1e-4))
    before = told(events, 30.9)
    assert ("cohort_retention_rate", "now", "k", "2") not in before
    assert of(before, "cohort_retention_rate", "now", "k", "1") == 1 / 3


def exposed(day: float, who: str, variant: str) -> Imported:
    return happened(day, "experiment.exposed", who, experiment="e", variant=variant)


def arms(controls: int, others: int, control: str = "control") -> list[Imported]:
    return [
        *(exposed(1, f"c{n}", control) for n in range(controls)),
        *(exposed(1, f"n{n}", "new") for n in range(others)),
    ]  # fmt: skip


def test_ab_lift() -> None:
    bought = [
        order(2, "placed", f"o{w}{n}", f"{w}{n}", amount=1) for w, many in (("c", 10), ("n", 15)) for n in range(many)
    ]
    others = [exposed(1, f"a{n}", "alpha") for n in range(5)]  # first by name, and yet no control
    values = told([*arms(100, 100), *others, *bought], 35)
    found = values["ab_lift", "30d", "experiment,variant", "e,new"]
    assert found.value == pytest.approx(0.05)
    assert [found.lower, found.upper] == [pytest.approx(-0.0437, abs=1e-4), pytest.approx(0.1442, abs=1e-4)]
    assert (found.samples, found.numerator, found.state) == (100, None, State.OK)
    assert of(values, "ab_relative_lift", "30d", "experiment,variant", "e,new") == pytest.approx(0.5)
    assert of(values, "ab_lift", "30d", "experiment,variant", "e,control") is None
    assert of(values, "ab_lift", "30d") is None


def test_without_a_control_the_first_variant_by_name_is_one() -> None:
    values = told([*arms(40, 50, "zero"), order(2, "placed", "o", "c0", amount=1)], 35)
    found = values["ab_lift", "30d", "experiment,variant", "e,zero"]
    assert (found.value, found.samples) == (1 / 40, 40)
    assert of(values, "ab_relative_lift", "30d", "experiment,variant", "e,zero") is None


def test_a_holdout_is_a_control() -> None:
    """Though another name comes first; unless there is one named control."""
    campaign = [exposed(1, f"n{n}", "campaign") for n in range(40)]
    holdout = [exposed(1, f"c{n}", "holdout") for n in range(40)]
    bought = [
        order(2, "placed", f"o{w}{n}", f"{w}{n}", amount=1) for w, many in (("c", 4), ("n", 8)) for n in range(many)
    ]
    values = told([*campaign, *holdout, *bought], 35)
    assert of(values, "ab_lift", "30d", "experiment,variant", "e,campaign") == pytest.approx(0.1)
    assert of(values, "ab_lift", "30d", "experiment,variant", "e,holdout") is None
    also = [exposed(1, f"k{n}", "control") for n in range(40)]
    assert of(told([*campaign, *holdout, *also], 35), "ab_lift", "30d", "experiment,variant", "e,holdout") == 0


def test_ab_srm_and_crossovers() -> None:
    values = told([*arms(60, 40), exposed(1, "both", "new"), exposed(2, "both", "control")])
    found = values["ab_srm", "30d", "experiment", "e"]
    assert (found.value, found.samples) == (4, 100)
    assert of(values, "ab_crossovers", "30d") == 1
    assert of(values, "ab_srm", "30d") is None
    shares = Goals(experiments={"e": {"control": 0.75, "new": 0.25}})
    assert of(told(arms(60, 40), 30, shares), "ab_srm", "30d", "experiment", "e") == pytest.approx(
        15**2 / 75 + 15**2 / 25
    )
    assert of(told(arms(60, 0)), "ab_srm", "30d", "experiment", "e") is None


def test_service_quality_index() -> None:
    """Of 40 tickets: each solved in time by one message; 4 reopened; 40 answers, 32 of them satisfied."""
    events = [
        event
        for n in range(40)
        for event in (
            ticket(1, "created", f"t{n}", f"p{n}", team="a"),
            ticket(1.1, "message", f"t{n}", f"p{n}", author="agent"),
            status(1.2, "solved", f"t{n}", f"p{n}"),
            happened(
                20, "survey.answered", f"p{n}", survey_id=f"s{n}", kind="csat", score=5 if n < 32 else 1, team="a"
            ),
        )
    ]
    events += [ticket(2, "reopened", f"t{n}", f"p{n}") for n in range(4)]
    values = told(events)
    parts = [
        of(values, kpi, "30d")
        for kpi in ("sla_attainment", "first_contact_resolution_rate", "csat_ratio", "reopen_rate")
    ]
    assert parts == [1, 0.9, 0.8, 0.1]
    found = values["service_quality_index", "30d", "", ""]
    assert (found.value, found.samples, found.state) == (pytest.approx((1 + 0.9 + 0.8 + 0.9) / 4), 40, State.OK)
    assert of(values, "service_quality_index", "30d", "team", "a") == pytest.approx(0.9)
    few = told(events[: 4 * 29])["service_quality_index", "30d", "", ""]
    assert (few.value, few.state) == (None, State.LOW_SAMPLE)


def test_the_edges_of_what_is_composed_are_the_windows() -> None:
    """Also where a part is a cohort."""
    found = told([])["service_quality_index", "30d", "", ""]
    assert found.to_ms - found.from_ms == 30 * DAY_MS
