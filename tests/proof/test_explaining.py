"""A receipt for tools: rows of a table, and the entities behind a value."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from stream_kpis.engine.catalogues import document_of
from stream_kpis.engine.tiles import Calendar
from stream_kpis.live.model.read_model import ReadModel
from stream_kpis.live.receipts.contributions import Behind, Contribution
from stream_kpis.live.receipts.receipt import Maker, as_json
from stream_kpis.live.terminal.listing import print_listing
from stream_kpis.plan import compile_plan
from stream_kpis.proof.explaining import COLUMNS, as_document, counted_otherwise, entities_text, rows_of
from stream_kpis.proof.prove import check_catalogue
from stream_kpis.settings import Settings
from tests.engine.shards import applied, numbered
from tests.live.model.test_read_model import NOW_MS, made
from tests.live.stories import PLAN


def receipt() -> dict[str, Any]:
    model = ReadModel(PLAN, Calendar())
    leads = [made("lead.created", age_ms, lead_id=str(age_ms), channel="web") for age_ms in (1_000, 2_000, 90_000_000)]
    model.apply(0, applied(PLAN, numbered(leads)).cells.items())
    return as_json(Maker(PLAN, model, Calendar()).receipt(model.snapshot(NOW_MS), "leads_new", "24h"))


def test_a_receipt_is_rows_of_one_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Value, figures, contributors, the change and its effects, each under its section."""
    rows = rows_of(receipt())
    print_listing(COLUMNS, rows, {}, lambda: "", as_json=False, as_csv=True)
    table = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    found = {(row["section"], row["by"], row["name"]): row["value"] for row in table}
    assert found["value", "", "value"] == "2"
    assert found["figure", "", "count(leads_created)"] == "2"
    assert found["contributor", "channel", "web"] == "2"
    assert found["effect", "channel", "web"] == "1.0"
    assert sum(section == "change" for section, _, _ in found) == 1


def test_measures_of_another_definition_are_named(tmp_path: Path) -> None:
    """Such as those of a catalogue that only the exporter has; then nothing could be proved."""
    found = receipt()
    assert counted_otherwise(PLAN, found) == []
    assert counted_otherwise(PLAN, {"measures": {**found["measures"], "mine": "1"}}) == ["mine"]
    own = tmp_path / "own.yaml"
    by = "channel, source, owner, segment, campaign, country"
    own.write_text(f"measures:\n  leads_created: {{flow: lead_created, by: [{by}]}}\n")
    plan = compile_plan(Settings(catalogue=(own,)))
    assert counted_otherwise(plan, found) == ["leads_created"]


def test_entities_are_in_the_kpis_unit() -> None:
    behind = Behind((Contribution("p", "o1", 2_500_000, 1, NOW_MS),), 7, 5, 9, 7, "newest")
    found = as_document(behind, PLAN, "average_order_value")
    assert (found["total"], found["named"][0]["value"]) == (7, 2.5)
    text = entities_text(found, "USD")
    assert text.startswith("7 entities of 5 parties are behind it, the newest first:")
    assert "2.50 USD" in text


def test_who_adds_for_all_of_a_party_is_said() -> None:
    """Programs know it by an empty entity."""
    found = as_document(Behind((Contribution("p", "", 3, 0, NOW_MS),), 1, 1, 3, 0, "oldest"), PLAN, "active_customers")
    assert found["named"][0]["entity"] == ""
    head, *table = entities_text(found, "count").splitlines()
    assert head == "1 entity of 1 party is behind it, the oldest first:"
    assert any("(all of the party)" in line for line in table)
    assert max(map(len, table)) <= 80


def test_what_is_shown_of_another_catalogue_is_not_proved(tmp_path: Path) -> None:
    """A target alone makes another one: the oracle would be asked something else."""
    (tmp_path / "own.yaml").write_text("override:\n  kpis:\n    unanswered_over_target: {target: 240}\n")
    ours, theirs = (compile_plan(Settings(catalogue=files)) for files in ((), (tmp_path / "own.yaml",)))
    assert ours.definitions == theirs.definitions
    check_catalogue(document_of(ours).name, ours, "it")
    with pytest.raises(RuntimeError, match=r"^http://x shows another catalogue, .* give the workers' settings$"):
        check_catalogue(document_of(theirs).name, ours, "http://x")


def test_other_terms_are_named_where_what_is_shown_is_not_proved(tmp_path: Path) -> None:
    (tmp_path / "terms.yaml").write_text("sla: {urgent: 1h, otherwise: 24h}\n")
    ours, theirs = (compile_plan(Settings(terms=file)) for file in (None, tmp_path / "terms.yaml"))
    with pytest.raises(RuntimeError, match=r"^it shows another catalogue, other calendars or other terms than these "):
        check_catalogue(document_of(theirs).name, ours, "it")
