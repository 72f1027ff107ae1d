"""Calendars as they are written: a file that is refused by one line, and records of which the first counts."""

import json
import re
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from stream_kpis.kpis.business_time import ALWAYS
from stream_kpis.kpis.calendars import load_calendars
from stream_kpis.kpis.lines import CatalogueError
from stream_kpis.proof.simulate import CALENDARS, palette

GOOD = """\
default: desk
calendars:
  desk:
    - zone: Europe/Berlin
      week: {mon: 09:00-17:00, tue: [09:00-12:00, 13:00-17:00]}
      holidays: [2026-05-01]
      days: {2026-04-02: 09:00-12:00}
    - valid_from: 2026-07-01
      zone: Europe/Berlin
      week: {mon: 08:00-18:00}
"""


def record(calendar: str = "desk", **fields: Any) -> bytes:
    return json.dumps({"calendar": calendar, "zone": "UTC", "week": {"sun": "00:00-01:00"}, **fields}).encode()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A good one."""
    (tmp_path / "c.yaml").write_text(GOOD, encoding="utf-8")
    return tmp_path / "c.yaml"


def test_a_good_file_is_read(file: Path) -> None:
    """With what is left out at its default."""
    found = load_calendars(file).calendars
    first, second = found.versions["desk"]
    assert found.default == "desk"
    assert (first.valid_from, second.valid_from) == (date(1970, 1, 1), date(2026, 7, 1))
    assert first.week == {"mon": "09:00-17:00", "tue": ("09:00-12:00", "13:00-17:00")}
    assert (first.holidays, first.days) == ((date(2026, 5, 1),), {date(2026, 4, 2): "09:00-12:00"})


def test_without_a_file_there_is_the_calendar_that_is_always_open(tmp_path: Path) -> None:
    """As with one that says nothing."""
    (tmp_path / "empty.yaml").write_text("# nothing yet\n")
    for found in (load_calendars(None), load_calendars(tmp_path / "empty.yaml")):
        assert (found.calendars.default, found.calendars.versions) == (ALWAYS, {})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("calendars:", "calendar:", "c.yaml:2: unknown section 'calendar' (did you mean calendars?)"),
        ("default: desk", "default: dsk",
         "c.yaml:1: default: there is no calendar 'dsk' in this file (did you mean desk?)"),
        ("  desk:", "  always:", "c.yaml:3: always: 'always' is the calendar that is always open, another one needs"),
        ("  desk:\n", "  desk: 7\n  other:\n", "c.yaml:3: desk: a list of 1 to 500 versions is expected here"),
        ("  desk:\n", "  desk: []\n  other:\n", "c.yaml:3: desk: a list of 1 to 500 versions is expected here"),
        ("zone: Europe/Berlin", "zone: Europe/Berln",
         "c.yaml:4: desk: no time zone 'Europe/Berln' (did you mean Europe/Berlin?)"),
        ("tue:", "tues:", "c.yaml:5: desk: Invalid enum value 'tues' in 'week' (did you mean tue?)"),
        ("tue:", "mon:", "c.yaml:5: 'mon' is there already, in line 5"),
        ("09:00-17:00,", "09:00-17:60,", "c.yaml:5: desk: week: hours '09:00-17:60' are not of the form 09:00-17:00"),
        ("09:00-17:00,", "9-17,", "c.yaml:5: desk: week: hours '9-17' are not of the form 09:00-17:00"),
        ("09:00-17:00,", "17:00-09:00,",
         "c.yaml:5: desk: week: hours '17:00-09:00' end before they begin: over midnight, write two, until 24:00"),
        ("13:00", "12:00", "c.yaml:5: desk: week: hours 09:00-12:00, 12:00-17:00 are not in order and apart"),
        ("{mon: 08:00-18:00}", "{}", "c.yaml:10: desk: week: at least one weekday needs hours"),
        ("{mon: 08:00-18:00}", "{mon: 8}", "c.yaml:10: desk: Expected `str | array`, got `int` in 'week"),
        ("holidays:", "holiday:", "c.yaml:6: desk: unknown field 'holiday' (did you mean holidays?)"),
        ("2026-05-01", "2026-13-01", "c.yaml:4: desk: month must be in 1..12"),
        ("2026-05-01", "2126-05-01", "c.yaml:6: desk: holidays: 2126-05-01 is not between 1970-01-01 and 2099-12-31"),
        ("2026-04-02:", "2026-05-01:", "c.yaml:7: desk: days: 2026-05-01 is a holiday and an exceptional day"),
        ("09:00-12:00}", "0-1}", "c.yaml:7: desk: days: hours '0-1' are not of the form 09:00-17:00"),
        ("valid_from: 2026-07-01", "valid_from: 1970-01-01",
         "c.yaml:8: desk: there is a version from 1970-01-01 already"),
        ("- zone: Europe/Berlin\n      week", "- week", "c.yaml:4: desk: Object missing required field `zone`"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_place(file: Path, old: str, new: str, message: str) -> None:
    """And with the nearest word."""
    assert old in GOOD
    file.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(CatalogueError, match=re.escape(message)):
        load_calendars(file)


def test_records_add_versions_and_calendars(file: Path) -> None:
    """Of the file's calendars and of others."""
    records = [record("desk", valid_from="2027-01-01", days={"2027-01-02": ["01:00-02:00"]}), record("night")]
    found, ignored = load_calendars(file, records)
    assert [str(version.valid_from) for version in found.versions["desk"]] == ["1970-01-01", "2026-07-01", "2027-01-01"]
    assert found.versions["desk"][2].days == {date(2027, 1, 2): ("01:00-02:00",)}
    assert found.knows("night")
    assert not ignored


def test_the_file_wins_over_records_and_the_first_record_over_later_ones(file: Path) -> None:
    """So that what was counted stays, however often the topic is read."""
    records = [record("desk"), record("night"), record("night", zone="Asia/Tokyo")]
    found, ignored = load_calendars(file, records)
    assert found.versions["desk"][0].zone == "Europe/Berlin"
    assert found.versions["night"][0].zone == "UTC"
    assert ignored == Counter(repeated=2)


def test_what_is_no_version_changes_nothing_and_is_counted(file: Path) -> None:
    """Tombstones as well: a key that was compacted away would come back with a later record."""
    bad = [
        b"", b"\xff", b"[]", record(ALWAYS), record(""), record(zone="Nowhere"), record(week={}),
        record(week={"mon": "17:00-09:00"}), record(color="red"), record(valid_from="2300-01-01"),
    ]  # fmt: skip
    found, ignored = load_calendars(file, [None, *bad])
    assert found.digest == load_calendars(file).calendars.digest
    assert ignored == Counter(tombstone=1, malformed=len(bad))


def test_calendars_and_versions_are_bounded() -> None:
    """What is beyond the bound is counted."""
    days = [date.fromordinal(date(2020, 1, 1).toordinal() + n).isoformat() for n in range(501)]
    found, ignored = load_calendars(None, [record("a", valid_from=day) for day in days])
    assert (len(found.versions["a"]), ignored) == (500, Counter(too_many=1))
    found, ignored = load_calendars(None, [record(f"c{n}") for n in range(501)])
    assert (len(found.versions), ignored) == (500, Counter(too_many=1))


def test_the_example_has_the_calendars_that_simulated_tickets_name() -> None:
    """But for one, which the default stands in for; the file in deploy/ is the simulated company's own."""
    example = Path(__file__).parents[2] / "deploy" / "calendars.yaml"
    found = load_calendars(example).calendars
    assert found.digest == load_calendars(CALENDARS).calendars.digest
    assert {name for name in palette.CALENDARS if name and not found.knows(name)} == {"closed-desk"}
    assert found.default == "europe"
