"""Lookup tables as they are written, refused by one line; and what they say at which time."""

import re
from datetime import date
from pathlib import Path

import pytest

from stream_kpis.kpis.lines import CatalogueError
from stream_kpis.kpis.lookups import Lookups, load_lookups

GOOD = """\
lookups:
  team_of_owner:
    of: owner
    values:
      rep-1: north
      rep-2: [{is: south, valid_from: 2026-04-01}, {is: north}]
  region_of_owner:
    of: team_of_owner
    values: {north: emea}
"""
DAY_MS = 86_400_000
APRIL_MS = (date(2026, 4, 1) - date(1970, 1, 1)).days * DAY_MS


def start_of(day: date) -> int:
    """Of a day in UTC."""
    return (day - date(1970, 1, 1)).days * DAY_MS


def loaded(folder: Path, text: str) -> Lookups:
    (folder / "l.yaml").write_text(text, encoding="utf-8")
    return load_lookups(folder / "l.yaml", start_of, {"owner", "product"})


def test_a_value_is_looked_up_as_of_a_time(tmp_path: Path) -> None:
    """From the first instant of a day on, and through a chain; the first word holds for all the past."""
    found = loaded(tmp_path, GOOD)
    assert found.root("region_of_owner") == found.root("team_of_owner") == "owner"
    assert found.root("owner") is None
    at = [APRIL_MS - 1, APRIL_MS]
    assert [found.value("team_of_owner", "rep-1", ms) for ms in at] == ["north", "north"]
    assert [found.value("team_of_owner", "rep-2", ms) for ms in at] == ["north", "south"]
    assert [found.value("region_of_owner", "rep-2", ms) for ms in at] == ["emea", "unknown"]
    late = loaded(tmp_path, GOOD.replace(", {is: north}", ""))
    assert late.value("team_of_owner", "rep-2", 0) == "south"


def test_what_is_not_listed_is_unknown_unless_unknown_is_listed(tmp_path: Path) -> None:
    """A missing value has that name."""
    found = loaded(tmp_path, GOOD)
    assert [found.value("team_of_owner", value, 0) for value in ("rep-9", None)] == ["unknown", "unknown"]
    assert loaded(tmp_path, GOOD.replace("rep-1:", "unknown:")).value("team_of_owner", None, 0) == "north"


def test_a_digest_is_of_a_lookup_and_those_under_it(tmp_path: Path) -> None:
    """Not of those above."""
    one, other = loaded(tmp_path, GOOD), loaded(tmp_path, GOOD.replace("2026-04-01", "2026-04-02"))
    above = loaded(tmp_path, GOOD.replace("emea", "apac"))
    assert one.digest("team_of_owner") != other.digest("team_of_owner")
    assert one.digest("region_of_owner") != other.digest("region_of_owner")
    assert one.digest("team_of_owner") == above.digest("team_of_owner")
    assert one.digest("region_of_owner") != above.digest("region_of_owner")


def test_an_empty_file_has_no_lookups(tmp_path: Path) -> None:
    assert not loaded(tmp_path, "# nothing yet\n").tables


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("lookups:", "lookup:", "l.yaml:1: unknown section 'lookup' (did you mean lookups?)"),
        ("of: owner", "of: ownr", "l.yaml:3: team_of_owner: no fact has a dimension 'ownr' (did you mean owner?)"),
        ("of: owner", "of: region_of_owner", "l.yaml:3: team_of_owner: it is looked up by itself"),
        ("team_of_owner:\n", "product:\n", "l.yaml:2: product: facts have a dimension of this name already"),
        ("team_of_owner:\n", "Team:\n", "l.yaml:2: Team: a name has lower-case letters, digits and _ only"),
        ("of: owner", "off: owner", "l.yaml:3: team_of_owner: unknown field 'off' (did you mean of?)"),
        ("    of: owner\n", "", "l.yaml:2: team_of_owner: Object missing required field `of`"),
        ("rep-1: north", "rep-1: 7", "l.yaml:4: team_of_owner: Expected `str | array`, got `int` in 'values[...]'"),
        ("rep-1: north", "rep-1: ''", "l.yaml:4: team_of_owner: 'rep-1' is looked up as nothing: leave it out"),
        ("rep-1: north", "rep-1: []", "l.yaml:4: team_of_owner: 'rep-1' is looked up as nothing: leave it out"),
        ("rep-1:", "rep-2:", "l.yaml:6: 'rep-2' is there already, in line 5"),
        (", valid_from: 2026-04-01", "", "l.yaml:4: team_of_owner: 'rep-2' is two things from 1970-01-01 on"),
        ("valid_from: 2026-04-01", "valid_from: soon", "l.yaml:4: team_of_owner: Invalid RFC3339 encoded date"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(CatalogueError, match=re.escape(message)):
        loaded(tmp_path, GOOD.replace(old, new, 1))
