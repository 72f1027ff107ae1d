"""Distinct parties over days that are past, against a count by hand over the events of those days alone."""

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from stream_kpis.engine.compiler import Plan, compile_catalogue
from stream_kpis.engine.tiles import DAY_MS, Calendar
from stream_kpis.events.envelope import Reader
from stream_kpis.kpis.load import SHIPPED, load
from stream_kpis.live.asks import Ask
from stream_kpis.live.evaluate import evaluate
from stream_kpis.live.model.operators.spans import compared
from tests.live.stories import DAY_0_MS, customer, happened, made, order

PARTIES = "ABCDEFGH"
_FOUNDED = -2_000
"""The day on which all became customers, before anything else."""


class Fact(NamedTuple):
    """What counts of one event, in the end."""

    party: str
    day: float
    kind: str
    score: float = 0


class Company:
    """A few parties that order, answer and refer by chance, some of them again on the same day; told, and by hand."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self.events = [customer(_FOUNDED, "created", party) for party in PARTIES]
        self.facts: list[Fact] = []
        for number in range(140):
            party, age = self._dice.choice(PARTIES), self._dice.choice((1, 4, 40, 400, 800))
            day = 30 - age * self._dice.random()
            self._dice.choice((self._order, self._order, self._answer, self._refer))(f"{number}", party, day)

    def _order(self, name: str, party: str, day: float) -> None:
        fate = self._dice.choice(("kept", "kept", "kept", "cancelled", "refunded", "partly"))
        self.events.append(order(day, "placed", name, party, amount=10))
        if fate == "cancelled":
            self.events.append(order(day + 0.01, "cancelled", name, party))
            return
        if fate != "kept":
            amount = 10 if fate == "refunded" else 3
            self.events.append(order(day + 0.01, "refunded", name, party, refund_id=name, amount=amount))
        self.facts.append(Fact(party, day, "order"))
        if fate != "refunded":
            self.facts.append(Fact(party, day, "kept"))

    def _answer(self, name: str, party: str, day: float) -> None:
        score = self._dice.choice((2, 7, 9, 10))
        self.events.append(happened(day, "survey.answered", party, survey_id=name, kind="nps", score=score))
        self.facts.append(Fact(party, day, "answer", score))

    def _refer(self, name: str, party: str, day: float) -> None:
        referred = self._dice.choice((party, f"new {name}"))
        self.events.append(customer(day, "referred", party, referred_id=referred))
        if referred != party:
            self.facts.append(Fact(party, day, "referral"))

    @property
    def orders(self) -> list[Fact]:
        """Those that were not cancelled."""
        return [fact for fact in self.facts if fact.kind == "order"]

    def value(self, kpi: str, from_ms: int, to_ms: int) -> float | None:
        """A KPI over a span, of all that lies in it and nothing else."""
        inside = [fact for fact in self.facts if from_ms <= DAY_0_MS + round(fact.day * DAY_MS) < to_ms]
        by_party = {
            kind: {p: [f for f in inside if (f.party, f.kind) == (p, kind)] for p in PARTIES}
            for kind in ("order", "kept", "answer", "referral")
        }
        some = {kind: [found for found in each.values() if found] for kind, each in by_party.items()}
        match kpi:
            case "purchase_frequency":
                above, below = sum(map(len, some["order"])), len(some["order"])
            case "repeat_purchase_rate":
                above, below = sum(len(found) >= 2 for found in some["kept"]), len(some["kept"])
            case "nps_respondent":
                last = [max(found, key=lambda fact: fact.day).score for found in some["answer"]]
                above, below = sum(score >= 9 for score in last) - sum(score <= 6 for score in last), len(last)
            case _:
                above, below = len(some["referral"]), len(PARTIES)
        return above / below if below else None


KPIS = ("purchase_frequency", "repeat_purchase_rate", "nps_respondent", "referral_rate")


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """Of these KPIs alone, with the measures that they read."""
    file = tmp_path_factory.mktemp("own") / "only.yaml"
    file.write_text(f"only: [{', '.join(KPIS)}]\n")
    return compile_catalogue(load([*SHIPPED, file]))


def changes(
    plan: Plan, company: Company, zone: str, to_days: tuple[float, ...]
) -> Iterator[tuple[str, float | None, float | None]]:
    """Every value that a change reads, with the one by hand."""
    calendar = Calendar(zone)
    asks = [Ask(DAY_0_MS + round(day * DAY_MS), None, "") for day in to_days]
    for answer in evaluate(plan, calendar, Reader(), company.events, asks).answers:
        today = calendar.day_of(answer.ask.to_ms)
        for result in answer.results:
            if result.operator == "change" and result.kpi in KPIS:
                days = compared(result.window, result.against, today.toordinal())
                assert days is not None
                edges = [calendar.start_of(today - timedelta(today.toordinal() - day)) for day in days]
                assert edges[:2] == [result.from_ms, result.to_ms]
                yield result.kpi, result.numerator, company.value(result.kpi, *edges[:2])
                yield result.kpi, result.denominator, company.value(result.kpi, *edges[2:])


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kathmandu"])
@pytest.mark.parametrize("seed", range(4))
def test_a_party_counts_in_a_span_by_what_it_did_in_it(plan: Plan, seed: int, zone: str) -> None:
    """Whatever it did later, and however far its cells have rolled up."""
    there: dict[str, int] = dict.fromkeys(KPIS, 0)
    for kpi, told, by_hand in changes(plan, Company(seed), zone, (30.4, 31.4, 45.4)):
        assert told == pytest.approx(by_hand, abs=1e-12), kpi
        there[kpi] += bool(told)
    assert min(there.values()) > 10


OWN = """\
kpis:
  buyers_by_pairs:
    title: Buyers
    formula: count(orders) - pairs(buyer_pairs)
    unit: count
    windows: [30d, 90d, 365d, all]
only: [purchase_frequency, buyers_by_pairs]
"""


def test_pairs_count_distinct_parties_now_and_in_any_period(tmp_path: Path) -> None:
    """As many as are known by their last order; in a period that is past they are not."""
    (tmp_path / "own.yaml").write_text(OWN)
    plan = compile_catalogue(load([*SHIPPED, tmp_path / "own.yaml"]))
    company, to_ms = Company(1), DAY_0_MS + 30 * DAY_MS
    past = Ask(to_ms - 60 * DAY_MS, to_ms - 400 * DAY_MS, "")
    of_period, of_now = evaluate(plan, Calendar(), Reader(), company.events, [past, Ask(to_ms, None, "")]).answers
    values = {(value.kpi, value.window): value for value in of_now.values}
    for window in ("30d", "90d", "365d", "all"):
        assert values["buyers_by_pairs", window].value == values["purchase_frequency", window].samples > 0
    (found,) = (value for value in of_period.values if value.kpi == "buyers_by_pairs")
    frequency = company.value("purchase_frequency", past.from_ms or 0, past.to_ms)
    orders = sum((past.from_ms or 0) <= DAY_0_MS + fact.day * DAY_MS < past.to_ms for fact in company.orders)
    assert found.value == pytest.approx(orders / (frequency or 1))


def test_a_change_tells_how_distinct_parties_moved() -> None:
    """A and B each ordered once more in the second span than in the first, and C not yet."""
    bought = {"A": (-35, -20, 5, 6), "B": (-30, 7, 8), "C": (25,)}
    events = [order(day, "placed", f"{party}{day}", party, amount=1) for party, days in bought.items() for day in days]
    found = made(events, 24)
    rate = found["change", "repeat_purchase_rate", "90d", "previous", "", ""]
    assert (rate.numerator, rate.denominator, rate.value) == (1, None, None)
    frequency = found["change", "purchase_frequency", "30d", "previous", "", ""]
    assert (frequency.numerator, frequency.denominator, frequency.value) == (2, 3 / 2, pytest.approx(1 / 3))
    assert (frequency.samples, frequency.from_ms) == (2, DAY_0_MS - 6 * DAY_MS)
