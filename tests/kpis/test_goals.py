"""Goals are refused by one line that says where, what and what was meant."""

import re
from datetime import date
from pathlib import Path

import pytest

from stream_kpis.kpis.goals import Goals, load_goals, told
from stream_kpis.kpis.load import CatalogueError, built_in
from stream_kpis.local.demo import GOALS

KPIS = built_in().kpis
GOOD = """\
goals:
  more_sales:
    department: sales
    goal: Sell more
    from: 2026-01-01
    calendar: office
    targets:
      - {kpi: revenue_net, window: mtd, target: 1000}
      - {kpi: orders, window: 7d, target: 5, group: {channel: web}, from: 2026-03-01, better: lower}
quotas:
  rep-01: 1000.5
experiments:
  page: {control: 0.5, new: 0.5}
"""


def read(folder: Path, text: str) -> Goals:
    file = folder / "goals.yaml"
    file.write_text(text, encoding="utf-8")
    return load_goals(file, KPIS)


def test_a_target_takes_from_its_goal_what_it_does_not_say(tmp_path: Path) -> None:
    goals = read(tmp_path, GOOD)
    first, second = goals.targets
    assert first.place == ("revenue_net", "mtd", "", "")
    assert (first.since, first.goal, first.calendar, first.better) == (date(2026, 1, 1), "Sell more", "office", None)
    assert second.place == ("orders", "7d", "channel", "web")
    assert (second.since, second.better) == (date(2026, 3, 1), "lower")
    assert goals.quotas == {"rep-01": 1_000_500_000}
    assert goals.experiments == {"page": {"control": 0.5, "new": 0.5}}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("goals:\n", "gaols:\n", "goals.yaml:1: unknown section 'gaols' (did you mean goals?)"),
        ("department: sales", "department: sals",
         "goals.yaml:3: more_sales: Invalid enum value 'sals' in 'department' (did you mean sales?)"),
        ("    goal: Sell more\n", "", "goals.yaml:2: more_sales: Object missing required field `goal`"),
        ("goal: Sell", "gaol: Sell", "goals.yaml:4: more_sales: unknown field 'gaol' (did you mean goal?)"),
        ("from: 2026-01-01", "from: soon", "goals.yaml:5: more_sales: Invalid RFC3339 encoded date in 'from'"),
        ("{kpi: revenue_net", "{kpi: revenue_nett",
         "goals.yaml:8: more_sales, target 1: unknown KPI 'revenue_nett' (did you mean revenue_net?)"),
        ("window: mtd", "window: mdt", "goals.yaml:8: more_sales, target 1: revenue_net has no window 'mdt'"),
        ("window: mtd", "windw: mtd", "unknown field 'windw' (did you mean window?)"),
        ("target: 1000", "target: much", "goals.yaml:8: more_sales, target 1: Expected `float`, got `str` in 'target'"),
        ("target: 1000", "target: .inf", "goals.yaml:8: more_sales, target 1: a target is a finite number, not inf"),
        ("{kpi: revenue_net, window: mtd, target: 1000}", "{kpi: churn_rate, window: 30d, target: 3}",
         "goals.yaml:8: more_sales, target 1: churn_rate lies between 0 and 1, not at 3: for 3 % write 0.03"),
        ("{kpi: revenue_net, window: mtd, target: 1000}", "{kpi: nps, window: 90d, target: -101}",
         "goals.yaml:8: more_sales, target 1: nps lies between -1 and 1, not at -101"),
        ("{channel: web}", "{chanel: web}",
         "goals.yaml:9: more_sales, target 2: orders is not grouped by 'chanel' (did you mean channel?)"),
        ("better: lower", "better: lowr", "Invalid enum value 'lowr' in 'better' (did you mean lower?)"),
        ("better: lower", "deadline: 2026-02-01", "the deadline 2026-02-01 lies before the first day, 2026-03-01"),
        ("rep-01: 1000.5", "rep-01: -3", "goals.yaml:11: rep-01: a number above 0 is expected here"),
        ("quotas:", "gaols: {}\nquotas:", "unknown section 'gaols' (did you mean goals?)"),
        ("    targets:\n", "    targets:\n      - {kpi: revenue_net, window: mtd, target: 9}\n",
         "goals.yaml:9: revenue_net has a target from that day already, in goals.yaml:8"),
        ("new: 0.5", "new: 0.4", "goals.yaml:13: page: the shares add up to 0.9, not 1"),
        ("new: 0.5", "new: some", "goals.yaml:13: new: a number above 0 is expected here"),
        ("    targets:\n", "    targets: []\n    x:\n", "goals.yaml:7: more_sales: a goal needs a list of targets"),
    ],
)  # fmt: skip
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(CatalogueError) as error:
        read(tmp_path, GOOD.replace(old, new, 1))
    assert message in str(error.value)
    assert re.match(r"goals\.yaml:\d+: ", str(error.value))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("kpi", "window"),
    [("quota_attainment", "mtd"), ("revenue_churn_rate_net", "30d"), ("clv_cac_ratio", "90d"), ("email_ctor", "30d"),
     ("ticket_throughput_ratio", "7d")],
)  # fmt: skip
def test_a_ratio_that_is_no_share_may_be_aimed_beyond_all(tmp_path: Path, kpi: str, window: str) -> None:
    text = GOOD.replace("{kpi: revenue_net, window: mtd, target: 1000}", f"{{kpi: {kpi}, window: {window}, target: 3}}")
    assert read(tmp_path, text).targets[0].target == 3


def test_two_goals_cannot_want_different_things_of_one_day(tmp_path: Path) -> None:
    more = (
        "  b: {department: sales, goal: B, from: 2026-01-01, targets: [{kpi: revenue_net, window: mtd, target: 9}]}\n"
    )
    with pytest.raises(CatalogueError, match=r"^goals.yaml:10: revenue_net has a target .* in goals.yaml:8$"):
        read(tmp_path, GOOD.replace("quotas:", f"{more}quotas:"))


def test_there_is_an_end_to_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Later ones of the same KPI, window and group are no further ones."""
    monkeypatch.setattr("stream_kpis.kpis.goals.TARGETS_MAX", 2)
    more = GOOD.replace(
        "    targets:\n", "    targets:\n      - {kpi: revenue_net, window: mtd, target: 9, from: 2026-02-01}\n"
    )
    assert len(read(tmp_path, more).targets) == 3
    with pytest.raises(
        CatalogueError, match=r"^goals.yaml:1: goals: at most 2 KPIs, windows and groups may have targets$"
    ):
        read(tmp_path, more.replace("from: 2026-02-01", "group: {channel: web}"))


def test_the_demos_goals_fit_the_catalogue() -> None:
    assert load_goals(GOALS, KPIS).quotas


def test_a_record_is_a_target() -> None:
    target = told(
        b'{"kpi": "revenue_net", "window": "mtd", "by": "owner", "group": "rep-01", "value": 9.5, "unit": "EUR",'
        b' "from": "2026-05-01", "goal": "g", "owner": "o", "later": 1}',
        KPIS,
        "EUR",
    )
    assert target.place == ("revenue_net", "mtd", "owner", "rep-01")
    assert (target.target, target.since, target.owner) == (9.5, date(2026, 5, 1), "o")


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        (b"\xff", "malformed"),
        (b"[]", "Expected `object`"),
        (b'{"kpi": "orders", "window": "mtd"}', "missing required field `value`"),
        (b'{"kpi": "order", "window": "mtd", "value": 1}', "unknown KPI 'order' (did you mean orders?)"),
        (b'{"kpi": "orders", "window": "mtd", "value": 1, "unit": "USD"}', "unit 'USD' is not that of orders, count"),
        (b'{"kpi": "orders", "window": "mtd", "value": 1, "group": "web"}', "group 'web' does not fit by ''"),
        (b'{"kpi": "churn_rate", "window": "30d", "value": 3}', "churn_rate lies between 0 and 1, not at 3"),
        (
            b'{"kpi": "orders", "window": "mtd", "value": 1, "by": "colour", "group": "red"}',
            "is not grouped by 'colour'",
        ),
    ],
)
def test_a_record_that_is_none_is_refused(record: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)):
        told(record, KPIS)
