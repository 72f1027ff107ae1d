"""The topic of targets, record by record."""

import logging
from datetime import date

import pytest

from stream_kpis.engine.compiler import compile_catalogue
from stream_kpis.engine.tiles import Calendar
from stream_kpis.kpis.goals import NO_GOALS, Goals, Target
from stream_kpis.kpis.load import built_in
from stream_kpis.live.model.operators.targets import Targets
from stream_kpis.settings import Settings
from stream_kpis.stream.targets import TargetsReader

PLAN = compile_catalogue(built_in())
TODAY = Calendar().day_of(1_788_253_200_000)


def record(value: float, since: str = "2026-05-01") -> bytes:
    return f'{{"kpi": "orders", "window": "mtd", "value": {value}, "from": "{since}"}}'.encode()


@pytest.fixture
def targets() -> Targets:
    return Targets(PLAN, Calendar(), NO_GOALS)


@pytest.fixture
def reader(targets: Targets) -> TargetsReader:
    return TargetsReader(Settings(), PLAN.catalogue.kpis, targets.tell)


def aim(targets: Targets) -> float | None:
    found = targets.in_force(TODAY).get(("orders", "mtd", "", ""))
    return found and found.target


def test_the_last_record_of_the_latest_day_holds_whatever_the_order_of_reading(
    reader: TargetsReader, targets: Targets
) -> None:
    """By timestamp, partition and offset: partitions are read in any order."""
    reader.take(b"b", record(2), (20, 1, 0))
    reader.take(b"a", record(1), (10, 0, 0))
    reader.take(b"c", record(3, "2026-04-30"), (30, 0, 1))
    reader.take(b"d", record(4, "2027-01-01"), (40, 0, 2))
    assert aim(targets) == 2


def test_a_record_without_a_value_takes_a_target_back(reader: TargetsReader, targets: Targets) -> None:
    reader.take(b"a", record(1), (10, 0, 0))
    assert aim(targets) == 1
    reader.take(b"a", None, (11, 0, 1))
    assert aim(targets) is None
    assert reader.rejected == 0


def test_a_record_that_is_no_target_is_counted_and_told(
    reader: TargetsReader, targets: Targets, caplog: pytest.LogCaptureFixture
) -> None:
    """It takes back what its key said, and ends nothing."""
    reader.take(b"a", record(1), (10, 0, 0))
    with caplog.at_level(logging.WARNING):
        reader.take(b"a", b'{"kpi": "order", "window": "mtd", "value": 1}', (11, 0, 1))
    assert (aim(targets), reader.rejected) == (None, 1)
    assert "crm.targets: a record is no target: unknown KPI 'order' (did you mean orders?)" in caplog.text


def test_a_target_too_many_is_counted_and_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With what the goals have already; another one of the same KPI, window and group is none too many."""
    monkeypatch.setattr("stream_kpis.live.model.operators.targets.TARGETS_MAX", 3)
    of_goals = [Target(kpi="orders", window="mtd", target=1, since=date(2026, month, 1)) for month in (1, 2)]
    targets = Targets(PLAN, Calendar(), Goals((*of_goals, Target(kpi="orders", window="qtd", target=9))))
    reader = TargetsReader(Settings(), PLAN.catalogue.kpis, targets.tell)
    for n, (key, window) in enumerate([(b"a", "ytd"), (b"b", "ytd"), (b"c", "mtd"), (b"d", "7d")]):
        reader.take(key, record(n).replace(b"mtd", window.encode()), (n, 0, n))
    held = {place[1]: target.target for place, target in targets.in_force(TODAY).items() if place[0] == "orders"}
    assert (held, reader.rejected) == ({"mtd": 2, "qtd": 9, "ytd": 1}, 1)
    assert "a record is no target: there are 3 KPIs, windows and groups with targets already" in caplog.text
    reader.take(b"b", record(6).replace(b"mtd", b"7d"), (7, 0, 7))
    assert ("orders", "7d", "", "") not in targets.in_force(TODAY)
    reader.take(b"a", None, (8, 0, 8))
    reader.take(b"d", record(7).replace(b"mtd", b"7d"), (9, 0, 9))
    assert targets.in_force(TODAY)["orders", "7d", "", ""].target == 7
    assert ("orders", "ytd", "", "") not in targets.in_force(TODAY)
    assert reader.rejected == 2


def test_another_catalogue_is_told_all_that_is_in_force(reader: TargetsReader) -> None:
    """But what was taken back; and what is no target for it is not counted again."""
    for key, value in ((b"a", record(5)), (b"b", record(6)), (b"c", b"none"), (b"b", None)):
        reader.take(key, value, (1, 0, 1))
    told: dict[bytes, object] = {}
    reader.turn(PLAN.catalogue.kpis, lambda key, target, _: told.update({key: target and target.target}))
    assert (told, reader.rejected) == ({b"a": 5}, 1)
    reader.turn({}, lambda key, target, _: told.update({key: target}))
    reader.take(b"a", None, (2, 0, 2))
    assert told == {b"a": None}
