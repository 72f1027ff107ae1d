"""People under other names: nothing shown has a real one, and every number is what it was."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_kpis.engine.tiles import Calendar
from stream_kpis.events.envelope import Reader
from stream_kpis.kpis.goals import Goals, Target
from stream_kpis.live.asks import Ask
from stream_kpis.live.evaluate import evaluate
from stream_kpis.live.model.pseudonyms import Pseudonyms
from stream_kpis.live.model.snapshot import Value
from stream_kpis.proof.oracle import Answer
from stream_kpis.proof.verify import renamed
from stream_kpis.settings import SettingsError, load
from tests.live.stories import DAY_0_MS, PLAN, deal, order, ticket

HIDDEN = Pseudonyms("secret")
EVENTS = [
    deal(1, "created", "d1", owner_id="rep-01", amount=5), deal(2, "won", "d1"),
    deal(1, "created", "d2", owner_id="rep-02", amount=5), deal(2, "lost", "d2"),
    order(2, "placed", "o1", owner_id="rep-01", amount=8), order(3, "refunded", "o1", refund_id="r", amount=2),
    ticket(1, "created", "t1", agent_id="rep-01", team="first"),
]  # fmt: skip


QUOTAS = Goals(quotas={"rep-01": 24_000_000, "rep-09": 1_000_000})


def values(names: Pseudonyms) -> list[Value]:
    ask = Ask(DAY_0_MS + 30 * 86_400_000, None, "")
    (answer,) = evaluate(PLAN, Calendar(), Reader(), EVENTS, [ask], QUOTAS, names=names).answers
    return list(answer.values)


def test_no_value_has_a_real_name_and_none_another_number() -> None:
    real, shown = values(Pseudonyms()), values(HIDDEN)
    assert any("rep-0" in value.group for value in real)
    assert not any("rep-0" in value.group for value in shown)
    assert {v._replace(group=HIDDEN.group(v.by, v.group)) for v in real} == set(shown)
    assert 0.25 in {value.value for value in real if (value.kpi, value.by) == ("quota_attainment", "owner")}


def test_a_person_has_one_name_as_owner_and_as_agent() -> None:
    found = {value.group for value in values(HIDDEN) if value.by in ("owner", "agent") and value.samples}
    assert HIDDEN.person("rep-01") in found
    assert found == {HIDDEN.person("rep-01"), HIDDEN.person("rep-02")}


def test_another_secret_gives_other_names() -> None:
    assert Pseudonyms("other").person("rep-01") != HIDDEN.person("rep-01") == Pseudonyms("secret").person("rep-01")


@settings(max_examples=100, derandomize=True, deadline=None, database=None)
@given(st.text(min_size=1).filter(lambda name: "," not in name and name not in ("other", "unknown")))
def test_only_people_are_renamed(name: str) -> None:
    """In a pair of dimensions too."""
    assert HIDDEN.group("team", name) == name
    assert HIDDEN.group("owner,stage", f"{name},won") == f"{HIDDEN.person(name)},won"
    assert HIDDEN.person(name).startswith("person-")


def test_the_oracle_is_compared_under_the_same_names() -> None:
    answer = Answer("deals_won", "7d", "owner", "rep-01", 1, None, 1, 1, {}, {}, None)
    real, (shown,) = renamed([answer], HIDDEN)
    assert shown.group == HIDDEN.person("rep-01")
    assert real["owner", shown.group] == "rep-01"


def test_pseudonyms_need_a_secret_that_does_not_show() -> None:
    with pytest.raises(SettingsError, match="pseudonyms needs pseudonym_secret: set STREAM_KPIS_PSEUDONYM_SECRET"):
        load(environment={"STREAM_KPIS_PSEUDONYMS": "true"})
    found = load(environment={"STREAM_KPIS_PSEUDONYMS": "true", "STREAM_KPIS_PSEUDONYM_SECRET": "s3cret"})
    assert "s3cret" not in repr(found)
    assert Pseudonyms.of(found).person("a") == Pseudonyms("s3cret").person("a")
    assert Pseudonyms.of(load(environment={})).person("a") == "a"


def test_a_target_that_names_a_person_is_of_whoever_has_the_other_name() -> None:
    """Goals have real names, and nothing that is shown has."""
    aims = (Target(kpi="deals_won", window="mtd", target=4, group={"owner": owner}) for owner in ("rep-01", "rep-09"))
    ask = Ask(DAY_0_MS + 30 * 86_400_000, None, "")
    (answer,) = evaluate(PLAN, Calendar(), Reader(), EVENTS, [ask], Goals(tuple(aims)), names=HIDDEN).answers
    attained = {
        result.group: result.value
        for result in answer.results
        if (result.operator, result.by) == ("target_attainment", "owner")
    }
    assert attained == {HIDDEN.person("rep-01"): 0.25, HIDDEN.person("rep-09"): 0.0}
