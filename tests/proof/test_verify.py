"""The engine against the oracle: equal on everything that may happen, and caught when it is broken on purpose."""

import random
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from stream_kpis.engine import exchange
from stream_kpis.engine.compiler import Plan
from stream_kpis.engine.partition import partition_of
from stream_kpis.engine.tiles import DAY_MS, Calendar
from stream_kpis.events import rates
from stream_kpis.events import types as t
from stream_kpis.events.envelope import Reader, Record, encode_event
from stream_kpis.events.money import rate_of
from stream_kpis.events.rates import Rates, read_rates
from stream_kpis.journeys import JOURNEYS
from stream_kpis.live.model.operators import arithmetic, spans, targets
from stream_kpis.live.prometheus.operator_metrics import OPERATORS
from stream_kpis.plan import compile_plan
from stream_kpis.proof.aims import simulated_goals
from stream_kpis.proof.compare import asks_of, compare
from stream_kpis.proof.oracle import KPIS, Answer, Ask, Rate
from stream_kpis.proof.quotes import quotes_of, write_file
from stream_kpis.proof.replay import laid_out as simulated_logs
from stream_kpis.proof.replay import replay
from stream_kpis.proof.simulate import CALENDARS, CARRY_DAYS, FAULTS, Simulation, in_currencies
from stream_kpis.proof.verify import (
    SIMULATED_NOW_MS,
    Case,
    Proof,
    RatesKnown,
    Shown,
    oracle_of,
    prove,
    rates_known,
    verify,
)
from stream_kpis.settings import Settings
from tests.engine.worlds import NOW_MS, Happening, iso, random_happenings, record_of, topic_of, void_of

pytestmark = pytest.mark.slow

PLAN = compile_plan(Settings(calendars=CALENDARS))
PARTITIONS = 3


@pytest.mark.parametrize(
    "case",
    [
        Case(6_000, (), 1),
        Case(6_000, FAULTS, 2, zone="Europe/Berlin"),
        Case(6_000, FAULTS, 3, partitions=1, zone="America/New_York"),
        Case(6_000, FAULTS, 4, days=20, partitions=5, zone="Australia/Lord_Howe"),
    ],
    ids=["no faults", "Berlin", "New York", "Lord Howe"],
)
def test_a_simulated_company_has_the_kpis_that_the_oracle_finds(case: Case) -> None:
    """All of them, over all windows and groups."""
    report, _, unproved = verify(PLAN, case)
    assert not report.differences, str(report.differences[0])
    assert {tally.kpi for tally in report.tallies} == set(PLAN.catalogue.kpis) <= set(KPIS)
    assert not unproved
    assert report.compared > 1_000
    assert {tally.operator for tally in report.operators} == set(OPERATORS)
    assert all(tally.compared > tally.absent for tally in report.operators if case.days > 60)


def test_a_verification_is_the_same_for_the_same_seed() -> None:
    """Number for number."""
    case = Case(1_500, FAULTS, 7, days=60)
    assert verify(PLAN, case).report == verify(PLAN, case).report


def test_amounts_in_another_currency_are_refused_rather_than_found_different() -> None:
    """As the oracle was given no rates."""
    placed = encode_event(
        "order.placed", id="1", source="s", time=iso(NOW_MS - 1000), subject="A",
        data={"order_id": "o", "amount": 1, "currency": "EUR"},
    )  # fmt: skip
    records = [Record("crm.orders", 0, 0, NOW_MS, b"A", placed)]
    with pytest.raises(ValueError, match=r"there are amounts in EUR, and the oracle was given no rates$"):
        prove(PLAN, Shown((), NOW_MS, None), records, Reader(), "UTC")


def test_amounts_in_another_currency_are_proved_by_the_rates_given() -> None:
    """One waits for a rate that nobody knows; by another rate than the engine's the money differs, and no count."""
    now_ms, day = NOW_MS - 1000, iso(NOW_MS - 1000)[:10]
    records = [
        Record("crm.orders", 0, offset, NOW_MS, b"A", encode_event(
            "order.placed", id=currency, source="s", time=iso(now_ms), subject="A",
            data={"order_id": currency, "amount": 7, "currency": currency},
        ))
        for offset, currency in enumerate(("USD", "EUR", "JPY"))
    ]  # fmt: skip
    dice, told = random.Random(1), [rate_of("EUR", day, "1.5", NOW_MS)]
    model, _ = replay(PLAN, {("crm.orders", 0): records}, 1, Reader(), Calendar(), NOW_MS, dice, rates=told)
    snapshot = model.snapshot(NOW_MS)
    shown = Shown([value for value in snapshot.values if value.kpi in ("orders", "revenue_net")], snapshot.to_ms)
    assert {v.kpi: v.value for v in shown.values if v[1:3] == ("all", "")} == {"orders": 2, "revenue_net": 17.5}

    def differing(worth: str) -> set[str]:
        known = RatesKnown((Rate("EUR", date.fromisoformat(day), worth, NOW_MS),))
        report = prove(PLAN, shown, records, Reader(), "UTC", rates=known).report
        return {difference.kpi for difference in report.differences}

    assert differing("1.50") == set()
    assert differing("1.6") == {"revenue_net"}


@pytest.mark.parametrize("kpi", ["first_response_time", "first_response_time_business", "service_quality_index"])
def test_an_oracle_of_one_kpi_says_of_it_what_one_of_all_says(kpi: str) -> None:
    """Calendars are laid out only for what counts by them."""
    history = Simulation(3, 40).history(1_500, 60, SIMULATED_NOW_MS)
    records = [record for log in simulated_logs(history, 1, SIMULATED_NOW_MS).values() for record in log]
    asks = [Ask(kpi, "30d", SIMULATED_NOW_MS - 30 * DAY_MS, SIMULATED_NOW_MS)]

    def answers(*only: str) -> list[Answer]:
        oracle = oracle_of(PLAN, Reader(), "UTC", only=only)
        oracle.load(records)
        return oracle.answer(asks, SIMULATED_NOW_MS)

    found = answers(kpi)
    assert found[0].samples > 5
    assert found == answers()


def test_the_oracle_is_told_the_terms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the plan."""
    (tmp_path / "terms.yaml").write_text("sla: {p1: 1h, otherwise: 2h}\nstages: {default: {offer: 0.5}}")
    told: dict[str, Any] = {}
    monkeypatch.setattr("stream_kpis.proof.verify.Oracle", lambda *_, **said: told.update(said))
    oracle_of(compile_plan(Settings(terms=tmp_path / "terms.yaml")), Reader(), "UTC")
    assert told["sla_ms"] == {"p1": 3_600_000, None: 7_200_000}
    assert told["stages"] == {"default": {"offer": 500_000}}


# Events that no simulator would think of: any field of any type, few ids, many ties.


def laid_out(happenings: list[Happening], dice: random.Random) -> dict[tuple[str, int], list[Record]]:
    """The logs: in any order, some misrouted, some twice, some taken back."""
    logs: dict[tuple[str, int], list[Record]] = {}
    for happening in sorted(happenings, key=lambda _: dice.random()):
        home = partition_of(happening.party.encode(), PARTITIONS)
        partition = dice.randrange(PARTITIONS) if dice.random() < 0.05 else home
        log = logs.setdefault((topic_of(happening), partition), [])
        record = record_of(happening, len(log))._replace(partition=partition)
        log.append(record)
        if dice.random() < 0.1:
            log.append(record._replace(offset=len(log)))
        if dice.random() < 0.05:
            log.append(record._replace(offset=len(log), value=void_of(happening, f"void {happening.id}")))
    return logs


def fuzzed(plan: Plan, seed: int, zone: str = "UTC", parties: int = 150) -> Proof:
    """The proof of some ten random events per party."""
    dice, reader, calendar = random.Random(seed), Reader(), Calendar(zone)
    goals = simulated_goals(plan)
    logs = laid_out(random_happenings(dice, parties, 20), dice)
    model, _ = replay(plan, logs, PARTITIONS, reader, calendar, NOW_MS, dice, goals)
    snapshot = model.snapshot(NOW_MS)
    shown = Shown(snapshot.values, snapshot.to_ms, snapshot.results)
    return prove(plan, shown, [record for log in logs.values() for record in log], reader, zone, goals)


@pytest.mark.parametrize(
    ("seed", "zone"), [(1, "UTC"), (2, "Europe/Berlin"), (3, "America/New_York"), (4, "Asia/Kathmandu"), (70, "UTC")]
)
def test_whatever_happens_the_oracle_agrees(seed: int, zone: str) -> None:
    """As the definitions have it."""
    report = fuzzed(PLAN, seed, zone).report
    assert not report.differences, str(report.differences[0])


@pytest.mark.parametrize("seed", range(10))
def test_of_a_single_party_much_is_nothing_and_the_oracle_agrees_what(seed: int) -> None:
    """Such as whether none are open, or there never was a ticket."""
    report = fuzzed(PLAN, seed, parties=1).report
    assert not report.differences, str(report.differences[0])


# Journeys broken on purpose.


def without(*kinds: type[t.Data], journey: str) -> Callable[[Any, Any], None]:
    """The step of a journey that ignores some events."""
    step = JOURNEYS[journey].step

    def ignorant(state: Any, event: Any) -> None:
        if not isinstance(event.data, kinds):
            step(state, event)

    return ignorant


def counting_every_churn(state: Any, event: Any) -> None:
    """The step of the lifecycle that takes a second churn for a leave."""
    if isinstance(event.data, t.CustomerChurned) and state.joined_ms is not None:
        state.closed = False
    LIFECYCLE_STEP(state, event)


LIFECYCLE_STEP = JOURNEYS["lifecycle"].step

BROKEN = {
    "tickets ignore reopenings": ("tickets", without(t.TicketReopened, journey="tickets"), "tickets_open"),
    "tickets ignore merges": ("tickets", without(t.TicketMerged, journey="tickets"), "tickets_open"),
    "orders keep what is cancelled": ("orders", without(t.OrderCancelled, journey="orders"), "revenue_net"),
    "purchases keep what is refunded": (
        "purchases",
        without(t.OrderRefunded, journey="purchases"),
        "repeat_purchase_rate",
    ),
    "deals ignore reopenings": ("deals", without(t.DealReopened, journey="deals"), "deals_won"),
    "leads ignore merges": ("leads", without(t.LeadMerged, journey="leads"), "leads_new"),
    "surveys ignore sendings": ("surveys", without(t.SurveySent, journey="surveys"), "survey_response_rate"),
    "every churn is a leave": ("lifecycle", counting_every_churn, "churned_customers"),
}


@pytest.fixture
def patched() -> Iterator[pytest.MonkeyPatch]:
    """Journeys may be replaced, until the end of the test."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.mark.parametrize("mistake", BROKEN)
def test_a_broken_journey_is_caught_and_its_entities_named(mistake: str, patched: pytest.MonkeyPatch) -> None:
    """By a difference in the KPI that it feeds, with the oracle's entities behind one of its values."""
    journey, step, kpi = BROKEN[mistake]
    patched.setitem(JOURNEYS, journey, JOURNEYS[journey]._replace(step=step))
    proof = fuzzed(compile_plan(Settings()), 1, parties=900)
    differences = [difference for difference in proof.report.differences if difference.kpi == kpi]
    assert differences
    assert {tally.kpi for tally in proof.report.tallies if tally.different} >= {kpi}
    of_groups = [difference for difference in differences if difference.by] or differences
    behind = next(found for difference in of_groups if (found := proof.behind(difference)))
    assert all(party.startswith("p") and n for party, _, n in behind)


WRONG_RATES = {
    "the last rate wins": (Rates, "add", lambda self, rate: self._known.update({rate[:2]: rate})),
    "rates may be three weeks late": (exchange, "WAIT_MS", 21 * DAY_MS),
    "rates must be there": (exchange, "WAIT_MS", 0),
    "nothing is carried over weekends": (rates, "_carried", lambda *_: ()),
}


def revenue_differs(tmp_path: Path) -> bool:
    """Whether engine and oracle differ on net revenue, which all rates go into."""
    seed, days, reader = 5, 200, Reader()
    history = in_currencies(Simulation(seed, 40).history(2_500, days, SIMULATED_NOW_MS), seed)
    logs = simulated_logs(history, PARTITIONS, SIMULATED_NOW_MS)
    quotes = quotes_of(seed, days, SIMULATED_NOW_MS, FAULTS)
    read = [*read_rates(write_file(quotes, tmp_path, "USD"), "USD", CARRY_DAYS), *quotes.told]
    dice, calendar = random.Random(seed), Calendar()
    model, _ = replay(PLAN, logs, PARTITIONS, reader, calendar, SIMULATED_NOW_MS, dice, rates=read)
    values = [value for value in model.snapshot(SIMULATED_NOW_MS).values if value.kpi == "revenue_net"]
    known = rates_known((*quotes.of_file, *quotes.told), CARRY_DAYS)
    oracle = oracle_of(PLAN, reader, "UTC", only=("revenue_net",), rates=known)
    oracle.load(record for log in logs.values() for record in log)
    return bool(compare(values, oracle.answer(asks_of(values), SIMULATED_NOW_MS)).differences)


@pytest.mark.parametrize("mistake", WRONG_RATES)
def test_a_wrong_rate_is_caught(mistake: str, patched: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """So rates do come late, too late, and twice, and a file has gaps."""
    assert not revenue_differs(tmp_path)
    patched.setattr(*WRONG_RATES[mistake])
    assert revenue_differs(tmp_path)


WRONG = {
    "a year of 365 days": (spans, "YEAR_OF_WEEKS", 365, {"change", "revenue_growth_yoy"}),
    "a week less": (arithmetic, "_ANOMALY_WEEKS_MIN", 9, {"anomaly_band"}),
    "other growth": (arithmetic, "_GROWTH_DAYS", 21, {"forecast_end_of_period", "forecast_error"}),
    "other months": (targets, "next_first", lambda _, first: first + 30, {"target_pace_gap"}),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_broken_operator_is_caught(mistake: str, patched: pytest.MonkeyPatch) -> None:
    """And nothing else is."""
    module, name, instead, operators = WRONG[mistake]
    patched.setattr(module, name, instead)
    report = verify(PLAN, Case(2_500, (), 6, days=800)).report
    assert {difference.operator for difference in report.differences} == operators
    assert {tally.operator for tally in report.operators if tally.different} == operators


def test_a_kpi_that_the_oracle_does_not_know_is_named_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It does not pass for compared; the rest is still proved."""
    mine = tmp_path / "mine.yaml"
    mine.write_text("kpis:\n  my_leads: {title: Mine, formula: count(leads_created), unit: count, windows: [7d]}\n")
    plan = compile_plan(Settings(catalogue=(mine,)))
    report, _, unproved = fuzzed(plan, 1)
    assert not report.differences
    assert "my_leads" not in {tally.kpi for tally in report.tallies}
    assert unproved == ("my_leads",)
    assert "my_leads" in caplog.text
