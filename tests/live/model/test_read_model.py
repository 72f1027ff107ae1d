"""What the merged cells say: the same whatever way they came, with the state that each value deserves."""

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_kpis.engine.compiler import compile_catalogue
from stream_kpis.engine.tiles import DAY_MS, Calendar
from stream_kpis.events.envelope import Record, encode_event
from stream_kpis.kpis.load import built_in
from stream_kpis.live.model.read_model import ReadModel
from stream_kpis.live.model.snapshot import State, Value
from tests.engine.shards import Log, applied, batch, new_shard, numbered, records_of
from tests.engine.worlds import NOW_MS, iso, random_happenings

PLAN = compile_catalogue(built_in())
UTC = Calendar()
_MINUTE_MS, _HOUR_MS = 60_000, 3_600_000
STANDING = {"tickets_open", "unanswered_over_target", "active_customers"}


def made(kind: str, age_ms: int, party: str = "p", **data: object) -> Record:
    """An event some time before now."""
    made.count += 1  # type: ignore[attr-defined] # ids that differ
    name = str(made.count)  # type: ignore[attr-defined]
    value = encode_event(kind, id=name, source="s", time=iso(NOW_MS - age_ms), subject=party, data=data)
    return Record("crm.leads", 0, 0, NOW_MS, party.encode(), value)


made.count = 0  # type: ignore[attr-defined]


def model_of(*logs: Log) -> ReadModel:
    """The read model of some shards."""
    model = ReadModel(PLAN, UTC)
    for partition, log in enumerate(logs):
        model.apply(partition, log.cells.items())
    return model


def value_of(records: list[Record], kpi: str, window: str, by: str = "", group: str = "") -> Value:
    """One value, now, of a shard that got the records."""
    snapshot = model_of(applied(PLAN, numbered(records))).snapshot(NOW_MS)
    return next(v for v in snapshot.values if (v.kpi, v.window, v.by, v.group) == (kpi, window, by, group))


@settings(max_examples=6, derandomize=True, deadline=None, database=None)
@given(st.integers(0, 1 << 30))
def test_what_was_read_step_by_step_is_what_is_read_at_once(seed: int) -> None:
    """Two shards, many flushes, snapshots at moments that go on and back: the last is as if it were the only one."""
    dice = random.Random(seed)
    model, logs = ReadModel(PLAN, UTC), []
    for partition in range(2):
        records = records_of(random_happenings(dice, 8, 12))
        log, shard = Log(), new_shard(PLAN)
        for some in (records[at : at + 7] for at in range(0, len(records), 7)):
            shard.apply(batch(some))
            flush = shard.take(NOW_MS - dice.randrange(1, 40) * DAY_MS)
            model.apply(partition, flush.cells)
            log.append(flush)
            if dice.random() < 0.5:
                model.snapshot(NOW_MS + dice.randrange(-3, 3) * dice.choice([10_000, _HOUR_MS, DAY_MS]))
        flush = shard.take(NOW_MS)
        model.snapshot(NOW_MS)
        model.apply(partition, flush.cells)
        log.append(flush)
        logs.append(log)
    fresh, last = model_of(*logs).snapshot(NOW_MS), model.snapshot(NOW_MS)
    assert (fresh.values, fresh.results) == (last.values, last.results)


@settings(max_examples=6, derandomize=True, deadline=None, database=None)
@given(st.integers(0, 1 << 30))
def test_shards_add_up(seed: int) -> None:
    """Parties in two shards count as they do in one."""
    happenings = random_happenings(random.Random(seed), 12, 12)
    whole = applied(PLAN, records_of(happenings))
    parts = [
        applied(PLAN, records_of([h for h in happenings if (int(h.party[1:]) < 6) is low])) for low in (True, False)
    ]
    assert model_of(whole).snapshot(NOW_MS).values == model_of(*parts).snapshot(NOW_MS).values


def test_a_tombstone_and_a_record_anew_replace_what_was() -> None:
    """Cells are states, not changes; those of other definitions are left out."""
    log = applied(PLAN, numbered([made("lead.created", _MINUTE_MS, lead_id="l")]))
    model = model_of(log)
    for _ in range(2):
        model.apply(0, log.cells.items())
    model.apply(0, [(b"leads_created\x1f00000000\x1f\x1f40", next(iter(log.cells.values())))])
    values = {(v.kpi, v.window, v.by): v.value for v in model.snapshot(NOW_MS).values}
    assert values["leads_new", "5m", ""] == 1
    model.apply(0, [(key, None) for key in log.cells])
    model.apply(0, [(b"never seen\x1f0\x1f\x1f40", None)])
    assert ReadModel(PLAN, UTC).snapshot(NOW_MS).values == model.snapshot(NOW_MS).values


def test_with_no_events_every_kpi_is_there_and_has_no_data() -> None:
    """Once per window, ungrouped; that nothing was ever seen does not say that none wait."""
    values = ReadModel(PLAN, UTC).snapshot(NOW_MS).values
    expected = {(name, window) for name, kpi in PLAN.catalogue.kpis.items() for window in kpi.windows}
    assert expected == {(v.kpi, v.window) for v in values}
    assert len(expected) == len(values)
    assert {v.state for v in values} == {State.NO_DATA}
    ratios = {name for name, formula in PLAN.catalogue.formulas.items() if formula.denominator is not None}
    assert all(v.value is None for v in values if v.kpi in ratios | STANDING)


@pytest.mark.parametrize("age_ms", [_MINUTE_MS, DAY_MS, 40 * DAY_MS])
def test_what_came_and_went_within_a_tile_leaves_none_not_nothing(age_ms: int) -> None:
    """Its cells are empty, and what waited leaves none at all: how it ended tells that it was there."""
    records = [
        made("ticket.created", age_ms, ticket_id="t"),
        made("ticket.message", age_ms - 1000, ticket_id="t", author="agent"),
        made("ticket.status_changed", age_ms - 2000, ticket_id="t", status="solved"),
        made("customer.created", age_ms),
        made("customer.churned", age_ms - 1000),
    ]
    read = {kpi: value_of(records, kpi, "now") for kpi in STANDING}
    assert {kpi: (v.value, v.state) for kpi, v in read.items()} == {
        "tickets_open": (0, State.OK),
        "unanswered_over_target": (0, State.OK),
        "active_customers": (0, State.LOW_SAMPLE),
    }


def test_of_other_entities_a_level_knows_nothing() -> None:
    """Nor of a churn of somebody who never came."""
    records = [made("lead.created", _MINUTE_MS, lead_id="l"), made("customer.churned", _MINUTE_MS)]
    read = {kpi: value_of(records, kpi, "now") for kpi in STANDING}
    assert {(v.value, v.state) for v in read.values()} == {(None, State.NO_DATA)}


def test_the_first_ticket_ends_no_data_at_once() -> None:
    """At the same instant too, though nothing of it waits; the last one's deletion brings it back."""

    def waiting() -> tuple[float | None, State]:
        values = model.snapshot(NOW_MS).values
        return next((v.value, v.state) for v in values if v.kpi == "unanswered_over_target" and not v.by)

    model, log = (
        ReadModel(PLAN, UTC),
        applied(PLAN, numbered([made("ticket.created", 1, ticket_id="t", created_by="agent")])),
    )
    assert waiting() == (None, State.NO_DATA)
    model.apply(0, log.cells.items())
    assert waiting() == (0, State.OK)
    model.apply(0, [(key, None) for key in log.cells])
    assert waiting() == (None, State.NO_DATA)


@pytest.mark.parametrize(("leads", "state"), [(1, State.LOW_SAMPLE), (29, State.LOW_SAMPLE), (30, State.OK)])
def test_few_samples_are_said_to_be_few(leads: int, state: State) -> None:
    """Below the KPI's minimum."""
    value = value_of([made("lead.created", _MINUTE_MS, lead_id=f"{n}") for n in range(leads)], "leads_new", "1h")
    assert (leads, leads, state) == (value.value, value.samples, value.state)


def test_a_cohort_without_a_mature_base_is_immature() -> None:
    """Leads of yesterday have had no thirty days."""
    value = value_of([made("lead.created", DAY_MS, lead_id="l")], "lead_conversion_rate", "all")
    assert (value.value, value.samples, value.state) == (None, 0, State.IMMATURE)
    assert value.to_ms == NOW_MS // DAY_MS * DAY_MS - 30 * DAY_MS


def test_a_mature_cohort_of_nobody_has_no_data_unless_somebody_came_since() -> None:
    """Of each group by itself: leads of the web came long ago, those of the phone yesterday too."""
    records = [
        made("lead.created", days * DAY_MS, lead_id=f"{channel}{days}", channel=channel)
        for channel, days in (("web", 60), ("phone", 60), ("phone", 1))
    ]
    model = model_of(applied(PLAN, numbered(records)))
    rates = [v for v in model.snapshot(NOW_MS).values if (v.kpi, v.window) == ("lead_conversion_rate", "7d")]
    states = {value.group: value.state for value in rates if value.by in ("", "channel")}
    assert states == {"": State.IMMATURE, "phone": State.IMMATURE, "web": State.NO_DATA}
    later = model.snapshot(NOW_MS + 28 * DAY_MS)
    of_now = {v.window: v for v in later.values if (v.kpi, v.group) == ("lead_conversion_rate", "phone")}
    assert (of_now["7d"].state, of_now["all"].state) == (State.IMMATURE, State.LOW_SAMPLE)
    much_later = model.snapshot(NOW_MS + 99 * DAY_MS)
    assert {v.state for v in much_later.values if (v.kpi, v.window) == ("lead_conversion_rate", "7d")} == {
        State.NO_DATA
    }


def test_a_matured_base_of_which_nothing_followed_is_no_young_one() -> None:
    """E-mails that nobody opened have had their five days, whatever was sent since."""
    records = [made("email.delivered", days * DAY_MS, party, campaign_id="c") for party, days in (("p", 7), ("q", 1))]
    value = value_of(records, "email_ctor", "7d")
    assert (value.value, value.denominator, value.state) == (None, 0, State.NO_DATA)


def test_a_past_period_in_which_nobody_came_has_no_data() -> None:
    model = model_of(applied(PLAN, numbered([made("lead.created", DAY_MS, lead_id="l")])))
    start_ms = UTC.day_start(NOW_MS - 60 * DAY_MS)
    model.snapshot(NOW_MS)
    values = model.period(start_ms, start_ms + 7 * DAY_MS)
    assert {v.state for v in values if v.kpi == "lead_conversion_rate"} == {State.NO_DATA}


def test_a_snapshot_of_lagging_shards_is_stale() -> None:
    """Every value of it, and only of it."""
    model = ReadModel(PLAN, UTC)
    assert {v.state for v in model.snapshot(NOW_MS, stale=True).values} == {State.STALE}
    assert State.STALE not in {v.state for v in model.snapshot(NOW_MS).values}


def test_a_ratio_shows_its_integers_and_an_interval() -> None:
    """Two of four customers left in the last week; one joined in it and left, which is no churn of the window."""
    events = [made("customer.created", 60 * DAY_MS, f"p{n}") for n in range(4)]
    events += [made("customer.churned", DAY_MS, f"p{n}") for n in range(2)]
    events += [made("customer.created", 2 * DAY_MS, "new"), made("customer.churned", DAY_MS, "new")]
    value = value_of(events, "churn_rate", "7d")
    assert (value.numerator, value.denominator, value.samples, value.value) == (2, 4, 4, 0.5)
    assert value.lower is not None
    assert value.upper is not None
    assert 0.0 < value.lower < 0.5 < value.upper < 1.0


def test_waiting_tickets_join_the_live_response_time_at_their_age() -> None:
    """In its quantiles, its histogram and its sum; the median of answers alone does not know them."""
    events = [made("ticket.created", 10 * _MINUTE_MS, ticket_id="waits", team="a")]
    events += [made("ticket.created", 20 * _MINUTE_MS, ticket_id="done", team="a")]
    events += [made("ticket.message", 19 * _MINUTE_MS, ticket_id="done", author="agent")]
    live = value_of(events, "first_response_time_live", "1h", "team", "a")
    assert live.durations is not None
    assert live.samples == 2
    assert live.durations.sum_ms == 11 * _MINUTE_MS
    assert dict(live.durations.buckets)[60] == 1
    assert dict(live.durations.buckets)[900] == 2
    assert live.value == pytest.approx(600, rel=0.01)
    assert (live.lower, live.upper) == (None, None)
    answered = value_of(events, "first_response_time", "1h", "team", "a")
    assert answered.samples == 1
    assert answered.value == pytest.approx(60, rel=0.01)
    over = value_of(events, "unanswered_over_target", "now", "team", "a")
    assert (over.value, over.samples, over.state) == (1, 1, State.OK)


def test_a_window_slides_when_nothing_happens() -> None:
    """Facts leave, waits age, and a fact just ahead of now arrives with it."""
    model = model_of(applied(PLAN, numbered([made("lead.created", -20_000, lead_id="l")])))

    def leads(now_ms: int) -> float | None:
        return next(
            v.value for v in model.snapshot(now_ms).values if (v.kpi, v.window, v.by) == ("leads_new", "5m", "")
        )

    assert [leads(NOW_MS + s * 1000) for s in (0, 20, 21, 320, 331)] == [0, 0, 1, 1, 0]
    assert leads(NOW_MS + 60_000) == 1  # and back


def test_money_is_in_units_and_exact_in_micro_units() -> None:
    """Refunds count at their own time, so a short window may be below zero."""
    events = [made("order.placed", 3 * _HOUR_MS, order_id="o", amount="29.33")]
    events += [made("order.refunded", _MINUTE_MS, order_id="o", refund_id="r", amount="9.34")]
    assert value_of(events, "revenue_net", "24h").value == 19.99
    assert value_of(events, "revenue_net", "1h").value == -9.34
    assert value_of(events, "average_order_value", "24h").numerator == 19_990_000


def test_a_denominator_below_zero_divides_nothing() -> None:
    """A refund of an order that was placed before the window."""
    events = [made("order.placed", 60 * DAY_MS, order_id="o", amount=29, cost_of_goods=10)]
    events += [made("order.refunded", DAY_MS, order_id="o", refund_id="r", amount=9)]
    value = value_of(events, "gross_margin_ratio", "30d")
    assert (value.denominator, value.value) == (-9_000_000, None)


def test_a_period_counts_its_own_days() -> None:
    """From business day to business day; distinct parties only if nothing came after."""
    day_ms = NOW_MS // DAY_MS * DAY_MS
    ages = [NOW_MS - day_ms + 1, NOW_MS - day_ms + 1 + DAY_MS, NOW_MS - day_ms + 1 + 2 * DAY_MS]
    records = [made("order.placed", age, order_id=f"{n}", amount=1) for n, age in enumerate(ages)]
    model = model_of(applied(PLAN, numbered(records)))
    first = {v.kpi: v for v in model.period(day_ms - 2 * DAY_MS, day_ms - DAY_MS) if not v.by}
    assert (first["orders"].value, first["orders"].window) == (1, "period")
    assert (first["purchase_frequency"].value, first["purchase_frequency"].state) == (None, State.NO_DATA)
    last = {v.kpi: v for v in model.period(day_ms - 2 * DAY_MS, day_ms) if not v.by}
    assert (last["orders"].value, last["purchase_frequency"].value) == (2, 2.0)


@pytest.mark.parametrize(
    ("change", "distrusted"),
    [
        ({}, set()),
        ({"unanswered": "old"}, {"unanswered_over_target", "first_response_time_live"}),
        ({"zone": "Asia/Tokyo"}, None),
    ],
)
def test_what_a_shard_counts_under_other_definitions_is_stale(
    change: dict[str, str], distrusted: set[str] | None
) -> None:
    """A worker with another catalogue, zone or currency than the exporter; None means every KPI."""
    log = applied(PLAN, numbered([made("ticket.created", _HOUR_MS, ticket_id="t")]))
    assert log.header is not None
    model = ReadModel(PLAN, UTC)
    definitions = {**log.header.definitions, **change}
    model.apply(0, log.cells.items(), msgspec.structs.replace(log.header, definitions=definitions))
    stale = {value.kpi for value in model.snapshot(NOW_MS).values if value.state is State.STALE}
    assert stale == (set(PLAN.catalogue.kpis) if distrusted is None else distrusted)


def test_a_grouping_has_a_bounded_number_of_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those with facts in the most tiles are there; how many are not is said."""
    monkeypatch.setattr("stream_kpis.live.model.reckoning.GROUPS_MAX", 2)
    leads = [("a", 1), ("b", 1), ("b", 2), ("c", 1), ("c", 2), ("d", 1)]
    records = [made("lead.created", days * DAY_MS, lead_id=f"{owner}{days}", owner_id=owner) for owner, days in leads]
    snapshot = model_of(applied(PLAN, numbered(records))).snapshot(NOW_MS)
    groups = {value.group for value in snapshot.values if (value.kpi, value.by) == ("leads_new", "owner")}
    assert groups == {"b", "c"}
    assert snapshot.groups_left_out == 12, "of each of six KPIs of leads by owner"


def test_a_cohort_over_a_period_is_immature_until_its_last_base_event_had_its_time() -> None:
    """A number once shown as final is final."""
    records = [made("lead.created", 40 * DAY_MS, lead_id=str(number)) for number in range(50)]
    model = model_of(applied(PLAN, numbered(records)))
    model.snapshot(NOW_MS)
    start_ms = UTC.day_start(NOW_MS - 41 * DAY_MS)
    states = {}
    for days in (3, 30):
        values = model.period(start_ms, start_ms + days * DAY_MS)
        states[days] = next(v.state for v in values if v.kpi == "lead_conversion_rate" and not v.by)
    assert states == {3: State.OK, 30: State.IMMATURE}


def test_an_end_announced_for_the_future_leaves_distinct_parties_in_a_period_that_ends_now() -> None:
    """Only what is known of orders decides whether the last ones are inside."""
    records = [
        made("customer.created", DAY_MS),
        made("customer.churned", _HOUR_MS, effective_at=iso(NOW_MS + 30 * DAY_MS)),
        made("order.placed", _HOUR_MS, order_id="o", amount=1),
    ]
    model = model_of(applied(PLAN, numbered(records)))
    end_ms = model.snapshot(NOW_MS).to_ms
    values = model.period(UTC.day_start(NOW_MS - DAY_MS), end_ms)
    assert next(v.value for v in values if v.kpi == "purchase_frequency") == 1.0
