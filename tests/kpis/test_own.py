"""A catalogue of one's own over the built-in one: single fields overridden, KPIs hidden, mistakes named."""

import re
from pathlib import Path
from typing import get_args

import pytest

from stream_kpis.engine.compiler import Plan, compile_catalogue
from stream_kpis.engine.reading import readings_of
from stream_kpis.kpis.goals import load_goals
from stream_kpis.kpis.load import SHIPPED, CatalogueError, built_in, load
from stream_kpis.kpis.schema import Kind
from stream_kpis.kpis.selection import DEPARTMENTS

DOCS = Path(__file__).parents[2] / "docs"
FILES = list(SHIPPED)
SALES = next(file for file in SHIPPED if file.stem == "sales")


def own(folder: Path, *texts: str) -> Plan:
    """The plan of the built-in catalogue with files of one's own over it: own0.yaml and so on."""
    return over(FILES, folder, *texts)


def over(built_in_files: list[Path], folder: Path, *texts: str) -> Plan:
    files = [folder / f"own{number}.yaml" for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text, encoding="utf-8")
    return compile_catalogue(load([*built_in_files, *files]))


def test_an_override_changes_the_fields_that_it_names_and_no_other(tmp_path: Path) -> None:
    plan = own(tmp_path, "override:\n  kpis:\n    orders: {title: Sales, windows: [7d], min_samples: 5, target: 12}\n")
    shipped = built_in().kpis
    before, after = shipped["orders"], plan.catalogue.kpis["orders"]
    assert (after.title, after.windows, after.min_samples, after.target) == ("Sales", ("7d",), 5, 12)
    assert (after.formula, after.by, after.unit, after.choices) == (
        before.formula, before.by, before.unit, before.choices
    )  # fmt: skip
    others = plan.catalogue.kpis.keys() - {"orders"}
    assert {name: plan.catalogue.kpis[name] for name in others} == {name: shipped[name] for name in others}


def test_an_override_may_take_a_target_away_and_may_follow_another(tmp_path: Path) -> None:
    """A later file changes what an earlier one left, which is also a KPI of one's own."""
    mine = "kpis:\n  mine: {title: Mine, formula: count(orders), unit: count, windows: [7d], target: 9}\n"
    plan = own(
        tmp_path,
        mine,
        "override: {kpis: {mine: {target: 8, better: lower}}}",
        "override: {kpis: {mine: {target: null}}}",
    )
    assert (plan.catalogue.kpis["mine"].target, plan.catalogue.kpis["mine"].better) == (None, "lower")


def test_what_decides_no_cell_changes_no_definition(tmp_path: Path) -> None:
    """So nothing is rebuilt for a title, a window or a target; a grouping of a measure is another thing to count."""
    before = compile_catalogue(built_in()).definitions
    shown = own(tmp_path, "override: {kpis: {orders: {title: x, windows: [all], min_samples: 1, target: 1, by: []}}}")
    assert shown.definitions == before
    counted = own(tmp_path, "override: {measures: {orders: {by: [channel, product, owner, 'channel,product']}}}")
    assert {name for name in before if counted.definitions[name] != before[name]} == {"orders"}


def test_a_department_a_pattern_and_a_name_hide(tmp_path: Path) -> None:
    """What only they read is not counted either; nobody would see it."""
    plan = own(tmp_path, "hide: [service, 'email_*', nps]")
    gone = built_in().kpis.keys() - plan.catalogue.kpis.keys()
    assert gone == {
        name for name, kpi in built_in().kpis.items()
        if kpi.department == "service" or name.startswith("email_") or name == "nps"
    }  # fmt: skip
    assert "emails_sent" in built_in().measures
    assert "emails_sent" not in plan.catalogue.measures
    assert "orders" in plan.catalogue.measures
    assert plan.catalogue.formulas.keys() == plan.catalogue.kpis.keys()
    assert "journey:emails" not in plan.definitions


def test_only_keeps_what_it_names_and_hide_wins_over_it(tmp_path: Path) -> None:
    """Whichever file says so; a measure that no KPI reads is its author's business."""
    plan = own(tmp_path, "measures: {mine: {flow: order_placed}}\nonly: ['orders', 'deals_*']", "hide: [deals_lost]")
    assert "deals_lost" in built_in().kpis
    assert set(plan.catalogue.kpis) == {
        name for name in built_in().kpis if name == "orders" or (name.startswith("deals_") and name != "deals_lost")
    }
    assert "mine" in plan.catalogue.measures


@pytest.mark.parametrize("department", DEPARTMENTS)
def test_a_department_s_name_is_no_kpi_s(department: str) -> None:
    """So a word in `hide` has one meaning."""
    assert department not in built_in().kpis
    assert department in {kpi.department for kpi in built_in().kpis.values()}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("overide: {}", "own0.yaml:1: unknown section 'overide' (did you mean override?)"),
        ("override:\n  kpi: {}", "own0.yaml:2: unknown section 'kpi' (did you mean kpis?)"),
        ("override:\n  kpis:\n    order: {target: 1}",
         "own0.yaml:3: override: there is no kpi 'order' (did you mean orders?)"),
        ("override:\n  measures:\n    order: {by: []}",
         "own0.yaml:3: override: there is no measure 'order'"),
        ("override:\n  kpis:\n    orders:\n      tagret: 1",
         "own0.yaml:4: orders: unknown field 'tagret' (did you mean target?)"),
        ("override:\n  kpis:\n    orders:\n      target: much",
         "own0.yaml:4: orders: Expected `float | null`, got `str` in 'target'"),
        ("override:\n  kpis:\n    orders:\n      windows: [7 d]",
         "own0.yaml:4: orders: unknown window '7 d' (did you mean 7d?)"),
        ("override:\n  kpis:\n    orders:\n      better: more",
         "own0.yaml:4: orders: Invalid enum value 'more' in 'better'"),
        ("override:\n  kpis:\n    orders:\n      by: [sku]",
         "measure orders is not grouped by 'sku'"),
        ("override:\n  kpis:\n    orders: 7",
         "own0.yaml:3: a mapping is expected here"),
        ("hide: servise", "own0.yaml:1: hide is a list of KPIs, patterns or departments"),
        ("hide:\n  - orders\n  - servise", "own0.yaml:3: no KPI or department fits 'servise' (did you mean service?)"),
        ("only: [odrers]", "own0.yaml:1: no KPI or department fits 'odrers' (did you mean orders?)"),
        ("only: [{orders: 1}]", "own0.yaml:1: only: a KPI, pattern or department is expected here"),
    ],
)  # fmt: skip
def test_a_mistake_is_named(tmp_path: Path, text: str, message: str) -> None:
    """In one line: file, line, name, field, and the nearest word where one is near."""
    with pytest.raises(CatalogueError) as error:
        own(tmp_path, text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert re.match(r"own0\.yaml:\d+: |sales\.yaml:\d+: ", str(error.value))


def test_the_examples_of_the_documents_are_right(tmp_path: Path) -> None:
    """Each block of YAML on the page of own KPIs by itself, and the file of goals."""
    page = (DOCS / "your-own-kpi.md").read_text("utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 3
    for block in blocks:
        assert own(tmp_path, block).catalogue.kpis
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", (DOCS / "goals.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)
    (tmp_path / "goals.yaml").write_text(block)
    goals = load_goals(tmp_path / "goals.yaml", own(tmp_path).catalogue.kpis)
    assert goals.targets
    assert goals.quotas
    assert goals.experiments


@pytest.mark.parametrize(
    ("formula", "unit", "problem"),
    [
        ("sum(orders)", "count", "the formula gives money, which is no count: write currency"),
        ("sum(orders) / count(orders)", "ratio", "the formula gives money, which is no ratio: write currency"),
        ("count(orders)", "seconds", "the formula gives a number, which is no seconds: write count or ratio"),
        ("sum(item_units)", "count", "the formula gives pieces, which is no count: write quantity"),
        ("sum(item_units)", "quantity", ""),
        ("sum(orders) / sum(refunds)", "currency", "the formula gives a number, which is no currency: write count or"),
        ("count(orders) + sum(orders)", "count", "it adds a number and money"),
        ("sum(orders) * 2 - sum(refunds)", "count", "the formula gives money"),
        ("sum(orders) * 2 - sum(refunds)", "currency", ""),
        ("count(orders) / count(refunds)", "ratio", ""),
        ("level(deals_open)", "count", ""),
    ],
)
def test_a_unit_that_cannot_be_is_refused(tmp_path: Path, formula: str, unit: str, problem: str) -> None:
    """It would be shown a million times off."""
    text = f"kpis:\n  own: {{title: Own, formula: {formula}, windows: [30d],\n    unit: {unit}}}\n"
    if not problem:
        assert "own" in own(tmp_path, text).catalogue.kpis
        return
    with pytest.raises(CatalogueError, match=rf"^own0.yaml:3: own: {re.escape(problem)}"):
        own(tmp_path, text)


def test_the_page_names_the_readings_of_each_kind() -> None:
    page = (DOCS / "your-own-kpi.md").read_text("utf-8")
    table = page.partition("| Kind | What it is | Readings |")[2].partition("\n\n")[0]
    said = [re.findall(r"`(\w+)`", row) for row in table.splitlines() if "`" in row]
    wanted = {kind: set(readings_of(kind)) for kind in get_args(Kind)}
    assert {kind: set(readings) for kind, *readings in said} == wanted


@pytest.mark.parametrize(
    ("formula", "samples"),
    [
        ("sum(orders)", "count(orders)"),
        ("2 * sum(orders) - sum(refunds)", "count(orders)"),
        ("sum(orders) + sum(refunds) + sum(orders)", "count(orders) + count(refunds)"),
        ("count(orders) / sum_ms(orders)", "count(orders)"),
        ("count(orders) / count_ms(orders)", "count(orders)"),
        ("sum(orders) / 100", "count(orders)"),
        ("lagged(60d, sum(orders))", "lagged(60d, count(orders))"),
        ("sum(orders) / count(orders)", None),
        ("count(orders)", None),
    ],
)
def test_what_a_formula_adds_up_is_counted_as_its_samples(tmp_path: Path, formula: str, samples: str | None) -> None:
    """Micro-units of money are not."""
    unit = "ratio" if formula.startswith("count") else "currency"
    text = f"kpis:\n  own: {{title: Own, formula: {formula!r}, windows: [30d], unit: {unit}}}\n"
    said = own(tmp_path, text).catalogue.samples.get("own")
    assert (said and said.text) == samples


@pytest.mark.parametrize("formula", ["level(deals_open_value)", "count(orders) / level(customers_worth)"])
def test_samples_that_would_be_money_are_to_be_said(tmp_path: Path, formula: str) -> None:
    unit = "ratio" if "/" in formula else "currency"
    text = f"kpis:\n  own: {{title: Own, formula: {formula}, windows: [30d], unit: {unit}"
    with pytest.raises(CatalogueError, match=r"^own0.yaml:2: own: its samples would be money: add samples$"):
        own(tmp_path, text + "}")
    assert "own" in own(tmp_path, text + ", samples: count(orders)}").catalogue.kpis
