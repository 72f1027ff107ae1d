"""The receipt of a value: the figures make the value, and what is not counted is said."""

import random
from math import isclose

import msgspec
import pytest

from stream_kpis.engine.tiles import DAY_MS, Calendar, Edges
from stream_kpis.events.envelope import Reader
from stream_kpis.live.model.read_model import ReadModel
from stream_kpis.live.model.snapshot import ShardPosition, Snapshot, State
from stream_kpis.live.receipts.receipt import Maker, Receipt, as_json, asked_group
from stream_kpis.live.receipts.receipt_text import render
from stream_kpis.live.receipts.shares import previous
from stream_kpis.live.terminal.tables import people
from stream_kpis.proof.replay import laid_out, replay
from stream_kpis.proof.simulate import Simulated, Simulation
from stream_kpis.proof.verify import SIMULATED_NOW_MS
from tests.live.stories import DAY_0_MS, PLAN, order

UTC = Calendar()
KPIS = PLAN.catalogue.kpis


class Company:
    """A simulated company's read model, with its newest snapshot."""

    def __init__(self, without: tuple[str, ...] = ()) -> None:
        events = (one for one in Simulation(3, 100).history(3_000, 400, SIMULATED_NOW_MS) if one.topic not in without)
        logs = laid_out(events, 2, SIMULATED_NOW_MS)
        self.model, shards = replay(PLAN, logs, 2, Reader(), UTC, SIMULATED_NOW_MS, random.Random(1))
        positions = tuple(
            ShardPosition(s.partition, s.next, SIMULATED_NOW_MS, 0, None, {**s.counters, "dead_letters:invalid": 2})
            for s in shards
        )
        self.snapshot = self.model.snapshot(SIMULATED_NOW_MS, shards=positions)
        self.maker = Maker(PLAN, self.model, UTC)

    def receipt(self, kpi: str, window: str, group: str = "") -> Receipt:
        return self.maker.receipt(self.snapshot, kpi, window, *asked_group(group))


@pytest.fixture(scope="module")
def company() -> Company:
    return Company()


@pytest.mark.parametrize("name", KPIS)
def test_every_value_has_a_receipt(company: Company, name: str) -> None:
    """Of every window: it fits 80 columns, and effects add up to the change."""
    for window in KPIS[name].windows:
        receipt = company.receipt(name, window)
        assert max(map(len, render(receipt).splitlines())) <= 80
        assert as_json(receipt)["worked"]
        for effects in receipt.change.effects.values() if receipt.change else ():
            total = sum(effect.total for effect in effects)
            assert isclose(total, receipt.change.change or 0, rel_tol=1e-6, abs_tol=1e-7)  # type: ignore[union-attr]


def test_the_figures_stand_in_the_formula(company: Company) -> None:
    receipt = company.receipt("deal_win_rate", "365d")
    won, lost = (figure.number for figure in receipt.figures)
    assert receipt.worked == f"{won} / ({won} + {lost}) = {won / (won + lost) * 100:.2f} %"  # type: ignore[operator]
    assert (receipt.numerator, receipt.samples) == (won, won + lost)  # type: ignore[operator]


def test_an_interval_stands_under_the_value(company: Company) -> None:
    """Of a quantile, a mean, a score and a share; a bound that there is not is a dash."""
    for kpi in ("sales_cycle_time", "csat_mean", "nps", "churn_rate"):
        receipt = company.receipt(kpi, "365d")
        assert receipt.lower < receipt.value < receipt.upper  # type: ignore[operator]
        unit = receipt.unit
        line = f"Interval    {people(receipt.lower, unit)} to {people(receipt.upper, unit)}, with 95 % confidence"
        assert line in render(receipt)
    few = msgspec.structs.replace(receipt, upper=None)
    assert f"Interval    {people(few.lower, unit)} to -, with 95 % confidence" in render(few)
    assert "Interval" not in render(company.receipt("deal_win_rate_value", "365d"))


def test_money_is_in_its_unit_and_a_difference_keeps_its_parentheses(company: Company) -> None:
    receipt = company.receipt("churn_rate", "365d")
    leaves, short, level = (figure.text for figure in receipt.figures)
    assert receipt.worked.startswith(f"({leaves} - {short}) / {level} = ")
    net = company.receipt("revenue_net", "365d")
    assert net.worked == " - ".join(f.text for f in net.figures) + f" = {net.value:,.2f} USD"


def test_a_group_has_a_receipt_of_its_own(company: Company) -> None:
    total = company.receipt("deal_win_rate", "365d")
    owner = total.contributors["owner"][0]
    receipt = company.receipt("deal_win_rate", "365d", f"owner={owner.group}")
    assert (receipt.value, receipt.samples, receipt.contributors) == (owner.value, owner.samples, {})
    assert isclose(sum(one.share or 0 for one in total.contributors["owner"]), 1)


def test_a_cohort_says_how_many_are_too_young(company: Company) -> None:
    receipt = company.receipt("lead_conversion_rate", "30d")
    (young,) = (each for each in receipt.exclusions if each.of == "this KPI")
    assert (young.reason, young.number > 0) == ("immature", True)


def test_what_the_parts_of_a_composed_value_leave_out_is_said_of_them(company: Company) -> None:
    """As their own receipts say it of themselves."""
    receipt = company.receipt("service_quality_index", "30d")
    of_parts = {each.of: each._replace(of="this KPI") for each in receipt.exclusions if each.of in KPIS}
    assert of_parts.keys() == {"first_contact_resolution_rate", "reopen_rate"}
    for part, left_out in of_parts.items():
        assert left_out in company.receipt(part, "30d").exclusions
    assert "Not counted, of reopen_rate\n  immature (" in render(receipt)


def test_parts_of_parts_are_reached(company: Company) -> None:
    """Of a value that is made of one that is composed itself."""
    chain = ("gross_margin_ratio", "clv_predicted", "clv_net")
    part, composed, whole = (company.receipt(name, "365d").measures.items() for name in chain)
    assert part <= composed <= whole


def test_dead_letters_are_named_by_reason(company: Company) -> None:
    of_all = {each.reason: each.number for each in company.receipt("orders", "24h").exclusions}
    assert of_all["invalid"] == 4


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"state": State.LOW_SAMPLE, "samples": 3}, "3 samples, 30 are needed"),
        ({"state": State.IMMATURE, "value": None}, "no base event of this window is 30 days old yet"),
        ({"state": State.NO_DATA, "value": None, "denominator": 0}, "the denominator is empty: nothing to divide by"),
        (
            {"state": State.NO_DATA, "value": None, "denominator": 1},
            "it counts what is not in its denominator, so it is no share of it",
        ),
        ({"state": State.STALE}, "1 of 1 shards (0) 7 records behind since 2026-03-01T00:00:00.000Z"),
        ({"state": State.OK}, ""),
    ],
)
def test_a_state_has_its_reason(company: Company, change: dict, reason: str) -> None:
    values = [
        v._replace(**change) if v[:3] == ("lead_conversion_rate", "30d", "") else v for v in company.snapshot.values
    ]
    behind = (ShardPosition(0, {}, DAY_0_MS, 7, DAY_0_MS, {}),)
    snapshot: Snapshot = company.snapshot._replace(values=tuple(values), shards=behind)
    assert company.maker.receipt(snapshot, "lead_conversion_rate", "30d").reason == reason


def test_what_is_awaited_is_said() -> None:
    """There are new customers to divide by."""
    company = Company(without=("crm.costs",))
    assert company.receipt("cac", "90d").reason == (
        "nothing is known yet of acquisition_costs, which is not the same as 0"
    )
    assert company.receipt("revenue_per_labour_cost", "90d").reason == "the denominator is empty: nothing to divide by"


def test_the_only_window_needs_no_name(company: Company) -> None:
    assert company.receipt("deals_open", "", "") == company.receipt("deals_open", "now", "")


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        (("deal_win_rat", "30d", ""), "no KPI 'deal_win_rat' (did you mean deal_win_rate?)"),
        (("deal_win_rate", "31d", ""), "no window '31d' of deal_win_rate; there are 7d"),
        (("deal_win_rat", "", ""), "no KPI 'deal_win_rat' (did you mean deal_win_rate?)"),
        (("deal_win_rate", "", ""), "which window of deal_win_rate? give one of 7d, "),
        (("deal_win_rate", "30d", "ower=x"), "no grouping 'ower' of deal_win_rate (did you mean owner?)"),
        (("deal_win_rate", "30d", "owner=nobody"), "no owner 'nobody' of deal_win_rate"),
        (("deal_win_rate", "30d", "owner"), "'owner' is no group: write DIMENSION=VALUE"),
    ],
)
def test_a_wrong_name_is_one_line(company: Company, asked: tuple[str, str, str], line: str) -> None:
    with pytest.raises(ValueError, match=r".+") as error:
        company.receipt(*asked)
    assert str(error.value).startswith(line)


@pytest.mark.parametrize(
    ("window", "days", "before"),
    [
        ("24h", (29, 30), (28, 29)),
        ("7d", (20.5, 27.5), (13, 20.5)),
        ("30d", (31, 61.5), (0, 31)),
        ("today", (30, 30.5), (29, 29.5)),
        ("mtd", (31, 33.5), (0, 3)),
        ("mtd", (59 + 2, 59 + 2 + 30.5), (31, 61)),
        ("now", (0, 9.5), (0, 9)),
        ("all", (0, 9.5), None),
    ],
)
def test_the_window_before(window: str, days: tuple[float, float], before: tuple[float, float] | None) -> None:
    """Of the same span, on the grid of its age; 0 is 2026-03-01."""
    from_ms, to_ms = (DAY_0_MS + round(day * DAY_MS) for day in days)
    found = previous(window, Edges(0 if window in ("all", "now") else from_ms, to_ms), UTC)
    if before is None:
        assert found is None
    else:
        expected = Edges(*(DAY_0_MS + round(day * DAY_MS) for day in before))
        assert found == (expected._replace(from_ms=0) if window == "now" else expected)


DISTINCT = [
    *(order(day, "placed", f"o{day}", who, amount=10) for day, who in ((40, "A"), (50, "A"), (60, "A"), (61, "B"))),
    *(order(day, "placed", f"o{day}", who, amount=30) for day, who in ((34, "D"), (66, "C"), (67, "C"), (70, "A"))),
]


def told(to_day: int) -> tuple[Maker, Snapshot]:
    """Orders of a few buyers, and the snapshot at the start of a day."""
    to_ms = DAY_0_MS + to_day * DAY_MS
    events = (Simulated(each.topic, each.party, each.value, each.time_ms) for each in DISTINCT)
    logs = laid_out(sorted(events, key=lambda each: each.time_ms), 2, to_ms)
    model, _ = replay(PLAN, logs, 2, Reader(), UTC, to_ms, random.Random(1))
    return Maker(PLAN, model, UTC), model.snapshot(to_ms)


def test_a_value_of_distinct_parties_changes_over_whole_days() -> None:
    """A bought three times in the 30 days before, and once in these: it is a buyer in both."""
    maker, snapshot = told(95)
    receipt = maker.receipt(snapshot, "purchase_frequency", "30d")
    assert (receipt.value, receipt.change.value, receipt.change.change) == (3 / 2, 4 / 2, -0.5)
    day = DAY_0_MS // DAY_MS
    assert (receipt.change.from_ms // DAY_MS - day, receipt.change.to_ms // DAY_MS - day) == (35, 65)
    lines = render(receipt).splitlines()
    assert lines[-2] == "Change      -0.500 since 2.000 in 2026-04-05 00:00:00Z to 2026-05-05 00:00:00Z"
    assert lines[-1] == "Not split: it has no groupings."
    assert as_json(receipt)["change"]["unsplit"] == {"": "it has no groupings"}
    worth = maker.receipt(snapshot, "arpc", "30d").change  # which carries no operator
    assert (worth.value, worth.change) == (40 / 2, 90 / 2 - 40 / 2)


@pytest.mark.parametrize(
    ("kpi", "window", "why"),
    [
        ("purchase_frequency", "all", "there is no window before it"),
        ("nps_account", "90d", "accounts is known only in windows that end now"),
        ("unanswered_over_target", "now", "unanswered is known only in windows that end now"),
        ("purchase_frequency", "365d", "there is no value in the window before"),
    ],
)
def test_where_there_is_no_change_it_is_said_why(kpi: str, window: str, why: str) -> None:
    maker, snapshot = told(95)
    receipt = maker.receipt(snapshot, kpi, window)
    assert (receipt.change, receipt.unchanged) == (None, why)
    assert f"No change is shown: {why}." in render(receipt).splitlines()


def test_what_the_cells_say_now_is_what_stands_in_the_receipt() -> None:
    """A fresh model without anything has receipts too."""
    model = ReadModel(PLAN, UTC)
    receipt = Maker(PLAN, model, UTC).receipt(model.snapshot(DAY_0_MS), "orders", "24h")
    assert (receipt.value, receipt.state, receipt.worked) == (0, State.NO_DATA, "0 = 0")
