"""The catalogue is refused by one line that says where, what and what was meant."""

import re
from pathlib import Path

import pytest

from stream_kpis.engine.compiler import Plan, compile_catalogue
from stream_kpis.journeys.facts import FACTS
from stream_kpis.kpis.load import SHIPPED, CatalogueError, built_in, load
from stream_kpis.kpis.schema import WINDOWS

DOCS = Path(__file__).parents[2] / "docs"
DEFINITIONS, CALENDARS = DOCS / "definitions.md", DOCS / "definitions-calendars.md"

FOR_USERS = {"party_active", "buyer_second"}
"""Facts that are there for catalogues of one's own."""

GOOD = """\
measures:
  leads:   {flow: lead_created, by: [channel, source]}
  answers: {distribution: lead_answered, by: [channel]}
  later:   {cohort: lead_converted, base: lead_created, within: 30d}
kpis:
  new_leads:
    title: New leads
    formula: count(leads)
    unit: count
    windows: [7d, 30d]
    by: [channel]
  answer_time:
    title: Answer time
    formula: median(answers)
    unit: seconds
    windows: [24h]
    edges: [60, 300]
"""


def compiled(folder: Path, *texts: str) -> Plan:
    """The plan of some files: a.yaml, b.yaml and c.yaml."""
    files = []
    for name, text in zip("abc", texts, strict=False):
        file = folder / f"{name}.yaml"
        file.write_text(text, encoding="utf-8")
        files.append(file)
    return compile_catalogue(load(files))


def test_a_good_catalogue_compiles(tmp_path: Path) -> None:
    """One grouping for the total and one per dimension."""
    plan = compiled(tmp_path, GOOD)
    assert [g.by for g in plan.groupings if g.measure == "leads"] == ["", "channel", "source"]
    assert {"leads", "answers", "later", "journey:leads"} == set(plan.definitions)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        # YAML
        ("measures:\n", "measures: [\n", "a.yaml:3: not YAML: expected"),
        ("measures:\n", "measures:\n\t", "a.yaml:2: not YAML: found character '\\t' that cannot start any token"),
        ("measures:\n", "measure:\n", "a.yaml:1: unknown section 'measure' (did you mean measures?)"),
        ("flow: lead_created, by: [channel, source]", "flow: lead_created, by: !!python/none", "a.yaml:2: not YAML: "),
        ("  new_leads:\n", "  [a, b]: {}\n  new_leads:\n", "a.yaml:6: a name is expected here"),
        ("  new_leads:\n", "  new_leads: 7\n  other:\n", "a.yaml:6: a mapping is expected here"),
        ("  answer_time:", "  new_leads:", "a.yaml:12: 'new_leads' is there already, in line 6"),
        ("    unit: count\n", "    unit: count\n    unit: ratio\n", "a.yaml:10: 'unit' is there already, in line 9"),
        ("title: New leads", "title: 2026-13-40", "a.yaml:6: new_leads: month must be in 1..12"),
        # Fields
        ("formula: count", "fomula: count", "a.yaml:8: new_leads: unknown field 'fomula' (did you mean formula?)"),
        ("    title: New leads\n", "", "a.yaml:6: new_leads: Object missing required field `title`"),
        ("title: New leads", "title: 7", "a.yaml:7: new_leads: Expected `str`, got `int` in 'title'"),
        ("unit: count", "unit: cuont",
         "a.yaml:9: new_leads: Invalid enum value 'cuont' in 'unit' (did you mean count?)"),
        ("[7d, 30d]", "[7d, 7]", "a.yaml:10: new_leads: Expected `str`, got `int` in 'windows[1]'"),
        ("[7d, 30d]", "[7d, 30days]", "a.yaml:10: new_leads: unknown window '30days' (did you mean 30d?)"),
        ("[7d, 30d]", "[]", "a.yaml:10: new_leads: at least one window is needed"),
        ("[7d, 30d]", "[7d, 7d]", "a.yaml:10: new_leads: '7d' is twice in 'windows'"),
        ("    by: [channel]\n", "    by: [a, b, c, d, e]\n", "a.yaml:11: new_leads: 5 groupings in 'by', at most 4"),
        ("    unit: count\n", "    unit: count\n    interval: wils\n",
         "a.yaml:10: new_leads: Invalid enum value 'wils' in 'interval' (did you mean wilson?)"),
        ("new_leads:", "new_leads_total:",
         "a.yaml:6: new_leads_total: the name ends in a suffix that Prometheus reserves"),
        ("new_leads:", "newLeads:", "a.yaml:6: newLeads: a name has lower-case letters, digits and _ only"),
        ("  leads:  ", "  le-ads: ", "a.yaml:2: le-ads: a name has lower-case letters, digits and _ only"),
        # Measures
        ("flow: lead_created", "flow: lead_create",
         "a.yaml:2: leads: unknown fact 'lead_create' (did you mean lead_created?)"),
        ("flow: lead_created", "flow: lead_created, level: lead_created",
         "a.yaml:2: leads: exactly one of flow, level, "),
        ("{flow: lead_created, by: [channel, source]}", "{by: [channel, source]}", "is needed, not 0"),
        ("channel, source]", "chanel, source]",
         "fact lead_created has no dimension 'chanel' (it has channel, source, "),
        ("channel, source]", "chanel, source]", "(did you mean channel?)"),
        ("channel, source]", "channel, channel]", "a.yaml:2: leads: 'channel' is twice in 'by'"),
        ("flow: lead_created", "recency: buyer_last", "fact buyer_last has no dimension 'channel' (it has none)"),
        (", within: 30d", "", "a.yaml:4: later: base and within belong to cohort, both of them"),
        ("flow: lead_created", "flow: lead_created, within: 3d", "a.yaml:2: leads: base and within belong to cohort"),
        ("within: 30d", "within: 30", "a.yaml:4: later: Expected `str | null`, got `int` in 'within'"),
        ("within: 30d", "within: 0d", "a.yaml:4: later: within '0d' is not a number of days such as 30d"),
        ("within: 30d", "within: 1w", "a.yaml:4: later: within '1w' is not a number of days such as 30d"),
        ("base: lead_created", "base: lead_made",
         "a.yaml:4: later: unknown fact 'lead_made' (did you mean lead_answered?)"),
        ("flow: lead_created", "level: lead_created",
         "level needs a fact with a value of ±1 or ± micro-units, lead_created has 0"),
        ("flow: lead_created", "exposure: lead_created",
         "exposure needs a fact with a value of ±1, lead_created has 0"),
        ("distribution: lead_answered", "distribution: lead_created", "distribution needs a fact with a value of ms"),
        ("flow: lead_created", "joined: lead_created", "joined needs a fact with a value of ms, lead_created has 0"),
        ("by: [channel]}\n", "clock: busines}\n",
         "a.yaml:3: answers: Invalid enum value 'busines' in 'clock' (did you mean business?)"),
        ("{distribution: lead_answered,", "{distribution: lead_converted, clock: business,",
         "a.yaml:3: answers: distribution of lead_converted knows no business clock (these have one: lead_answered, "),
        ("{distribution: lead_answered,", "{open_set: ticket_answered, clock: business,",
         "open_set of ticket_answered knows no business clock (these have one: ticket_unanswered)"),
        ("{distribution: lead_answered,", "{recency: ticket_answered, clock: business,",
         "a.yaml:3: answers: recency of ticket_answered knows no business clock"),
        ("flow: lead_created,", "flow: lead_created, where: {chanel: [web]},",
         "a.yaml:2: leads: fact lead_created has no dimension 'chanel' (it has channel, source, "),
        ("flow: lead_created,", "flow: lead_created, where: {chanel: [web]},", "(did you mean channel?)"),
        ("flow: lead_created,", "flow: lead_created, where: {channel: []},",
         "a.yaml:2: leads: where names no value of 'channel'"),
        ("flow: lead_created,", "flow: lead_created, where: {channel: [web, web]},",
         "a.yaml:2: leads: 'web' is twice in 'where'"),
        ("flow: lead_created,", "flow: lead_created, where: {channel: yes},", "a.yaml:2: leads: Expected `array`, got"),
        ("{flow: lead_created, by: [channel, source]}", "{flow: cost, by: [channel], where: {kind: [labor]}}",
         "a.yaml:2: leads: kind is never 'labor' (did you mean labour?)"),
        ("{flow: lead_created, by: [channel, source]}", "{flow: cost, by: [channel], where: {kind: [a, unknown]}}",
         "a.yaml:2: leads: kind is never 'a'"),
        # Formulas
        ("count(leads)", "count(leads", "a.yaml:8: new_leads: formula 'count(leads' is not an expression"),
        ("count(leads)", "cuont(leads)", "a.yaml:8: new_leads: unknown reading 'cuont' (did you mean count?)"),
        ("count(leads)", "count(lead)", "a.yaml:8: new_leads: unknown measure 'lead' (did you mean leads?)"),
        ("count(leads)", "count()", "a.yaml:8: new_leads: count() reads flow or joined or distribution, not nothing"),
        ("count(leads)", "level(leads)", "level(leads) reads level, not flow; flow is read by count, sum, "),
        ("{distribution: lead_answered, by: [channel]}\n", "{recency: buyer_last}\n",
         "median(answers) reads distribution, not recency; recency is read by distinct, distinct_ms"),
        ("count(leads)", "count(leads, answers)", "count(leads, answers) has too many measures"),
        ("count(leads)", "count(leads, target)", "only older(measure, target) takes the target"),
        ("count(leads)", "followed(later) / base(later)",
         "a.yaml:8: new_leads: measure later is not grouped by 'channel'"),
        ("by: [channel]\n  answer", "by: [chanel]\n  answer",
         "measure leads is not grouped by 'chanel' (did you mean channel?)"),
        ("median(answers)\n", "median(answers)\n    samples: count(nobody)\n",
         "a.yaml:15: answer_time: unknown measure 'nobody'"),
        ("median(answers)", "followed(later) / base(later)",
         "a.yaml:16: answer_time: a cohort has windows 7d, 30d, 90d, 365d, all, not 24h"),
        ("    windows: [7d, 30d]\n", "    windows: [7d, 24h]\n    matured: 30d\n",
         "a.yaml:10: new_leads: a cohort has windows 7d, 30d, 90d, 365d, all, not 24h"),
        ("    windows: [7d, 30d]\n", "    windows: [7d, 30d]\n    matured: 30\n",
         "a.yaml:11: new_leads: Expected `str | null`, got `int` in 'matured'"),
        ("    windows: [7d, 30d]\n", "    windows: [7d, 30d]\n    matured: 4w\n",
         "a.yaml:11: new_leads: matured '4w' is not a number of days such as 30d"),
        ("median(answers)\n", "base(later)\n    matured: 30d\n",
         "a.yaml:15: answer_time: what is matured reads flows, not cohort"),
        # Composed
        ("count(leads)", "kpi(answer_tim) / 2",
         "a.yaml:8: new_leads: unknown KPI 'answer_tim' (did you mean answer_time?)"),
        ("count(leads)", "kpi(answer_time)",
         "a.yaml:10: new_leads: answer_time, a part of it, has no '7d' in 'windows'"),
        ("count(leads)", "kpi(new_leads)", "a.yaml:8: new_leads: new_leads is itself composed of new_leads"),
        ("count(leads)", "lagged(60, count(leads))", "write lagged(60d, x), not within another window"),
        ("count(leads)", "closed(previous(count(leads)))", "write previous(x), not within another window"),
        ("count(leads)", "closed(kpi(answer_time))", "kpi(answer_time) is over the KPI's window, not closed"),
        ("count(leads)", "closed(count(leads))",
         "a.yaml:10: new_leads: closed(count(leads)) is known for 30d, 90d, 365d, not 7d"),
        ("count(leads)", "closd(leads)", "a.yaml:8: new_leads: unknown reading 'closd' (did you mean closed?)"),
        ("median(answers)\n", "median(answers)\n    samples: count(leads) / 2 / 3\n",
         "a.yaml:15: answer_time: samples is a number of observations: a quotient may only stand at the top"),
        ("    unit: count\n", "    unit: count\n    method: cohort_gird\n",
         "a.yaml:10: new_leads: Invalid enum value 'cohort_gird' in 'method' (did you mean cohort_grid?)"),
        ("    unit: count\n", "    unit: count\n    awaits: [laeds]\n",
         "a.yaml:10: new_leads: the formula does not read 'laeds' (did you mean leads?)"),
        ("    unit: count\n", "    unit: count\n    method: cohort_grid\n    awaits: [leads]\n",
         "a.yaml:11: new_leads: what cohort_grid makes awaits nothing"),
        ("median(answers)\n", "base(later)\n    awaits: [later]\n",
         "a.yaml:15: answer_time: a first of a flow or a distribution can be awaited, not of a cohort"),
        ("    unit: count\n", "    unit: count\n    method: quota\n", "measure leads is not grouped by 'owner'"),
        ("    unit: count\n", "    unit: count\n    operators: [chance]\n",
         "a.yaml:10: new_leads: Invalid enum value 'chance' in 'operators[0]' (did you mean change?)"),
        ("median(answers)\n", "median(answers)\n    operators: [forecast]\n",
         "a.yaml:15: answer_time: forecast needs a sum of what happened, which 'median(answers)' is not"),
        ("count(leads)", "count(leads) / 2 / 3\n    operators: [trend]",
         "a.yaml:9: new_leads: trend needs numerator and denominator; new_leads is composed"),
        ("[60, 300]", "[60, 299]", "a.yaml:17: answer_time: no bucket ends at 299 s, the nearest at 300"),
        ("[60, 300]", "[300, 60]", "a.yaml:17: answer_time: edges go up"),
    ],
)  # fmt: skip
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    """In one line: file, line, name, field, and the nearest word where one is near."""
    assert old in GOOD
    with pytest.raises(CatalogueError) as error:
        compiled(tmp_path, GOOD.replace(old, new, 1))
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert re.match(r"a\.yaml:\d+: ", str(error.value))


DISTINCT = """\
measures:
  orders: {flow: order_placed, by: [channel]}
  pairs:  {gap: buyer_gap}
  buyers: {recency: buyer_last, past: count(orders) - pairs(pairs)}
kpis:
  per_buyer:
    title: Orders per buyer
    formula: count(orders) / distinct(buyers)
    unit: count
    windows: [30d, 90d]
    operators: [change]
"""


def test_distinct_parties_change_where_it_is_said_how_they_read_over_past_days(tmp_path: Path) -> None:
    """And how is no part of what is counted."""
    plan, other = compiled(tmp_path, DISTINCT), compiled(tmp_path, DISTINCT.replace(" - pairs(pairs)", ""))
    assert plan.catalogue.pasts["buyers"].text == "count(orders) - pairs(pairs)"
    assert plan.definitions == other.definitions
    hidden = compiled(tmp_path, DISTINCT, "only: [per_buyer]")
    assert hidden.catalogue.measures.keys() == {"orders", "pairs", "buyers"}
    assert compiled(tmp_path, DISTINCT, "hide: [per_buyer]").catalogue.pasts == {}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (", past: count(orders) - pairs(pairs)", "",
         "per_buyer is known as of now only, as its measure buyers has no 'past'"),
        ("[change]", "[trend]",
         "a.yaml:11: per_buyer: trend needs values over past days; per_buyer is known as of now only"),
        ("{flow: order_placed,", "{flow: order_placed, past: count(orders),",
         "a.yaml:2: orders: past belongs to recency: a flow is known over past days"),
        ("pairs(pairs)", "pairs(pair)", "a.yaml:4: buyers: unknown measure 'pair' (did you mean pairs?)"),
        ("pairs(pairs)", "distinct(buyers)",
         "buyers: past is made of flows and gaps over the days asked for, not of recency in distinct(buyers)"),
        ("pairs(pairs)", "closed(pairs(pairs))",
         "past is made of flows and gaps over the days asked for, not of closed(pairs(pairs))"),
        (" - pairs(pairs)", " / 2", "a.yaml:4: buyers: past is a number of parties: readings, added and subtracted"),
        ("{recency: buyer_last,", "{recency: order_placed, by: [channel],",
         "a.yaml:4: buyers: measure pairs is not grouped by 'channel'"),
        ("gap: buyer_gap", "gap: buyer_last", "gap needs a fact with a value of ms, buyer_last has 0"),
        ("count(orders) / distinct(buyers)\n", "pairs(orders)\n", "pairs(orders) reads gap, not flow"),
        ("distinct(buyers)\n    unit: count\n    windows: [30d,", "pairs(pairs)\n    unit: count\n    windows: [7d,",
         "per_buyer: a gap is known for windows of whole days, 30d, 90d, 365d, today, mtd, qtd, ytd, all, not 7d"),
    ],
)  # fmt: skip
def test_a_mistake_about_past_days_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in DISTINCT
    with pytest.raises(CatalogueError) as error:
        compiled(tmp_path, DISTINCT.replace(old, new, 1))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_older_needs_a_target(tmp_path: Path) -> None:
    """What else would it compare with."""
    text = GOOD.replace("{flow: lead_created, by: [channel, source]}", "{open_set: ticket_unanswered, by: [channel]}")
    with pytest.raises(CatalogueError, match=r"a.yaml:6: new_leads: older\(leads, target\) needs a target"):
        compiled(tmp_path, text.replace("count(leads)", "older(leads, target)"))
    awaiting = "older(leads, target)\n    target: 60\n    awaits: [target]"
    with pytest.raises(CatalogueError, match="new_leads: the formula does not read 'target'"):
        compiled(tmp_path, text.replace("count(leads)", awaiting))


def test_a_reading_is_under_one_clock(tmp_path: Path) -> None:
    """Answers and ages of two clocks are not comparable."""
    text = GOOD.replace("lead_answered, by", "ticket_answered, clock: business, by")
    text = text.replace("{flow: lead_created, by: [channel, source]}", "{open_set: ticket_unanswered, by: [channel]}")
    text = text.replace("count(leads)", "waiting(leads)").replace("median(answers)", "p90(answers, leads)")
    message = r"a.yaml:14: answer_time: p90\(answers, leads\) mixes clocks: only answers is under the business clock"
    with pytest.raises(CatalogueError, match=message):
        compiled(tmp_path, text)
    compiled(tmp_path, text.replace("ticket_unanswered, by", "ticket_unanswered, clock: business, by"))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Or holds no text."""
    with pytest.raises(CatalogueError, match=r"none.yaml: cannot be read"):
        load([tmp_path / "none.yaml"])
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(CatalogueError, match=r"bytes.yaml"):
        load([tmp_path / "bytes.yaml"])


def test_an_empty_file_is_an_empty_catalogue(tmp_path: Path) -> None:
    """Comments alone, too."""
    assert not compiled(tmp_path, "# nothing yet\n").groupings


def test_a_later_file_replaces_what_an_earlier_one_named(tmp_path: Path) -> None:
    """Whole entries, and the places of their mistakes with them."""
    changed = "kpis:\n  new_leads: {title: Mine, formula: 2 * count(leads), unit: count, windows: [all]}\n"
    plan = compiled(tmp_path, GOOD, changed)
    assert plan.catalogue.kpis["new_leads"].title == "Mine"
    assert plan.catalogue.place("kpis.new_leads", "windows") == "b.yaml:2: new_leads"
    assert plan.catalogue.place("kpis.new_leads", "by") == "b.yaml:2: new_leads"
    assert plan.catalogue.place("kpis.answer_time", "windows") == "a.yaml:16: answer_time"


def test_a_definition_is_what_decides_the_cells(tmp_path: Path) -> None:
    """Titles, windows and targets do not; groupings and filters do."""
    plan = compiled(tmp_path, GOOD)
    same = compiled(tmp_path, GOOD.replace("New leads", "Leads").replace("[7d, 30d]", "[all]"))
    other = compiled(tmp_path, GOOD.replace("[channel, source]", "[channel]"))
    assert plan.definitions == same.definitions
    fewer = compiled(tmp_path, GOOD.replace("by: [channel, source]", "by: [channel, source], where: {channel: [web]}"))
    for changed in (other, fewer):
        assert {"leads"} == {name for name in plan.definitions if plan.definitions[name] != changed.definitions[name]}


# The catalogue that ships.


def defined() -> dict[str, tuple[set[str], set[str]]]:
    """The groupings and windows of each KPI in the docs; in code, those that the oracle does not know yet."""
    page = (DOCS / "definitions.md").read_text(encoding="utf-8")
    value = (DOCS / "definitions-value.md").read_text(encoding="utf-8")
    tables = page.split("## KPIs")[1].split("\n# ")[0] + page.split("## Further KPIs")[1].split("\n## ")[0]
    tables += CALENDARS.read_text(encoding="utf-8").split("## Rows")[1].split("\n## ")[0]
    tables += value.split("## Rows")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in tables.splitlines() if re.match(r"\| `?[a-z_]+`? \|", line)]
    found: dict[str, tuple[set[str], set[str]]] = {}
    for name, *_, by, windows in rows:
        words = found["orders"][1] if windows == "as orders" else set(windows.split()) - {"cohort"}
        found[name.strip("`")] = (set(by.split(", ")) - {"\N{EN DASH}"}, words)
    return found


def test_the_docs_define_every_kpi_with_its_groupings_and_windows() -> None:
    """And no other."""
    shipped = {name: (set(kpi.by), set(kpi.windows)) for name, kpi in built_in().kpis.items()}
    assert defined() == shipped
    assert set().union(*(windows for _, windows in shipped.values())) == set(WINDOWS)


def test_every_fact_that_journeys_emit_is_counted_or_is_for_users() -> None:
    """All but a few feed a KPI that ships."""
    counted = compile_catalogue(built_in()).actions
    assert {fact for fact in FACTS if fact not in counted} == FOR_USERS


def test_every_kpi_says_what_was_chosen() -> None:
    """Where the field leaves a choice."""
    assert all(kpi.choices and kpi.title for kpi in built_in().kpis.values())


def test_every_file_that_ships_has_a_place_in_the_order() -> None:
    """The best known first: so they stand on the page."""
    assert len(set(SHIPPED)) == len(SHIPPED)
    assert set(SHIPPED) == set(SHIPPED[0].parent.glob("*.yaml"))
