"""The plan is the built-in catalogue with the deployment's own over it, or the deployment's own alone."""

import itertools
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stream_kpis.engine.compiler import Looked
from stream_kpis.kpis.load import built_in
from stream_kpis.kpis.terms import USUAL
from stream_kpis.plan import compile_plan
from stream_kpis.settings import Settings, SettingsError
from stream_kpis.stream.commands.check import Finding, Outcome, findings

OWN = """
measures:
  arrivals: {flow: lead_created}
kpis:
  arrivals: {title: Arrivals, formula: count(arrivals), unit: count, windows: [1h]}
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "own.yaml").write_text(OWN)
    return tmp_path


def test_the_deployments_own_kpis_join_the_built_in_ones(own: Path) -> None:
    plan = compile_plan(Settings(catalogue=(own,)))
    clocked = {name for name in built_in().kpis if name.endswith("_business")}
    assert plan.catalogue.kpis.keys() == built_in().kpis.keys() - clocked | {"arrivals"}


def test_where_there_are_calendars_there_are_kpis_under_their_clocks(tmp_path: Path) -> None:
    """Whether a file declares one or a record does."""
    record = b'{"calendar": "desk", "zone": "UTC", "week": {"mon": "09:00-17:00"}}'
    (tmp_path / "calendars.yaml").write_text("calendars: {desk: [{zone: UTC, week: {mon: 09:00-17:00}}]}")
    by_file = compile_plan(Settings(calendars=tmp_path / "calendars.yaml"))
    by_record = compile_plan(Settings(), [None, record])
    for plan in (by_file, by_record):
        assert plan.catalogue.kpis.keys() == built_in().kpis.keys()
        assert plan.calendars.knows("desk")
    assert by_file.definitions == by_record.definitions


def test_dimensions_are_looked_up_in_business_days(tmp_path: Path) -> None:
    """By the deployment's own zone; a mistake is one of the settings."""
    (tmp_path / "own.yaml").write_text("measures:\n  won: {flow: deal_won, by: [team]}\n")
    lookups = tmp_path / "lookups.yaml"
    lookups.write_text("lookups: {crew: {of: owner, values: {a: [{is: x}, {is: y, valid_from: 2026-04-01}]}}}")
    settings = Settings(catalogue=(tmp_path / "own.yaml",), lookups=lookups, zone="Asia/Tokyo")
    with pytest.raises(SettingsError, match=r"own.yaml:2: won: fact deal_won has no dimension 'team'"):
        compile_plan(settings)
    (tmp_path / "own.yaml").write_text("measures:\n  won: {flow: deal_won, by: [crew]}\n")
    (action,) = [action for action in compile_plan(settings).actions["deal_won"] if action.looked]
    looked = action.looked[0][1][0]
    assert isinstance(looked, Looked)
    midnight_ms = round(datetime(2026, 3, 31, 15, tzinfo=UTC).timestamp() * 1000)
    assert [looked.lookup("a", midnight_ms - 1), looked.lookup("a", midnight_ms)] == ["x", "y"]
    lookups.write_text("lookups: {crew: {of: ownr, values: {}}}")
    with pytest.raises(SettingsError, match=r"lookups: lookups.yaml:1: crew: no fact has a dimension 'ownr'"):
        compile_plan(settings)


def test_terms_are_those_of_the_file(tmp_path: Path) -> None:
    """And a wrong one is an error of the settings."""
    file = tmp_path / "terms.yaml"
    file.write_text("sla: {p1: 1h, otherwise: 2d}\nstages: {default: {offer: 0.5}}")
    plan = compile_plan(Settings(terms=file))
    assert (plan.terms.allowed_ms("p1"), plan.terms.chance("default", "offer")) == (3_600_000, 500_000)
    assert compile_plan(Settings()).terms == USUAL
    file.write_text("sla: {p1: 1h, otherwise: 2 weeks}")
    with pytest.raises(SettingsError, match=r"terms: terms.yaml:1: sla.otherwise: a duration such as"):
        compile_plan(Settings(terms=file))


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("sla: {p1: 1h, otherwise: 2d}", (Outcome.OK, "terms", "1 priorities, 2 pipelines")),
        ("stage: {}", (Outcome.WRONG, "terms", "t.yaml:1: unknown section 'stage' (did you mean stages?)")),
    ],
)
def test_check_looks_at_terms(tmp_path: Path, written: str, found: Finding) -> None:
    """And refuses a bad file."""
    (tmp_path / "t.yaml").write_text(written)
    looked = itertools.islice(findings(Settings(terms=tmp_path / "t.yaml")), 4)  # before it asks Kafka
    assert found in itertools.takewhile(lambda finding: finding[1] != "kafka", looked)


def test_wrong_calendars_are_an_error_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "calendars.yaml").write_text("calendars: {desk: [{zone: UCT+1, week: {mon: 09:00-17:00}}]}")
    with pytest.raises(SettingsError, match=r"calendars: calendars.yaml:1: desk: no time zone 'UCT\+1'"):
        compile_plan(Settings(calendars=tmp_path / "calendars.yaml"))


def test_without_the_built_in_catalogue_only_its_own_journeys_run(own: Path) -> None:
    plan = compile_plan(Settings(catalogue=(own / "own.yaml",), catalogue_built_in=False))
    assert plan.catalogue.kpis.keys() == {"arrivals"}
    assert {journey.name for ways in plan.routes.values() for journey, _ in ways} == {"leads"}


def test_a_wrong_catalogue_is_an_error_of_the_settings(own: Path) -> None:
    (own / "own.yaml").write_text(OWN.replace("lead_created", "lead_creatd"))
    with pytest.raises(SettingsError, match=r"catalogue: own.yaml:3: .*lead_creatd.*lead_created"):
        compile_plan(Settings(catalogue=(own,)))


def test_an_override_that_breaks_a_shipped_kpi_is_named(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("override:\n  measures:\n    orders: {by: [channel]}\n")
    with pytest.raises(SettingsError, match=r"orders is not grouped by '\w+'; own.yaml changes what that reads$"):
        compile_plan(Settings(catalogue=(tmp_path,)))
    (tmp_path / "own.yaml").write_text("override:\n  kpis:\n    orders: {formula: count(nothing)}\n")
    with pytest.raises(SettingsError, match=r"own.yaml:3: orders: unknown measure 'nothing'$"):
        compile_plan(Settings(catalogue=(tmp_path,)))
