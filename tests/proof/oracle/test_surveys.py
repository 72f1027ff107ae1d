"""Surveys: the last answer, its scale, and who answers at all."""

from typing import Any

import pytest

from tests.proof.oracle.world import DAY, World


def survey(score: float, sent: dict[str, Any] | None = None, **answered: Any) -> World:
    """One survey, answered at 20 s, sent at 10 s if ``sent`` is given."""
    world = World()
    if sent is not None:
        world.add("survey.sent", 10, survey_id="s", **sent)
    world.add("survey.answered", 20, survey_id="s", score=score, **answered)
    return world


@pytest.mark.parametrize(
    ("scale", "score", "satisfied", "micro"),
    [
        (None, 5, 1, 5_000_000),
        (None, 4, 1, 4_000_000),
        (None, 3, 0, 3_000_000),
        (None, 3.5, 0, 3_500_000),
        (None, 1, 0, 1_000_000),
        ((0, 1), 1, 1, 5_000_000),
        ((0, 1), 0, 0, 1_000_000),
        ((1, 3), 2, 0, 3_000_000),
        ((1, 4), 3, 1, 3_666_666),
        ((1, 4), 2, 0, 2_333_333),
        ((1, 7), 6, 1, 4_333_333),
        ((1, 7), 5, 0, 3_666_666),
        ((1, 8), 6, 1, 3_857_142),
        ((0, 10), 8, 1, 4_200_000),
        ((0, 10), 7, 0, 3_800_000),
        ((0, 10), 7.9, 0, 4_160_000),
        ((-2, 2), 1, 1, 4_000_000),
        ((1, 12), 10, 1, 4_272_727),
        ((1, 12), 9, 0, 3_909_090),
        ((0, 13), 10, 1, 4_076_923),
        ((0, 13), 9, 0, 3_769_230),
        ((0, 100), 71, 1, 3_840_000),
        ((0, 100), 70, 0, 3_800_000),
    ],
)
def test_csat_on_any_scale(scale: tuple[float, float] | None, score: float, satisfied: int, micro: int) -> None:
    """The top one of up to three points, two of up to seven, three tenths of many; the mean is rounded down."""
    limits = {} if scale is None else {"scale_min": scale[0], "scale_max": scale[1]}
    world = survey(score, {"kind": "csat", **limits})
    assert world.fraction("csat_ratio", 20, 21) == (satisfied, 1)
    assert world.fraction("csat_mean", 20, 21) == (micro, 1)
    assert world.value("csat_mean") == micro / 10**6


@pytest.mark.parametrize(
    ("score", "limits"),
    [
        (6, {}),
        (0, {}),
        (5, {"scale_max": 4}),
        (3, {"scale_min": 3, "scale_max": 3}),
        (3, {"scale_min": 4, "scale_max": 2}),
    ],
)
def test_an_answer_outside_its_scale_is_an_answer_but_no_score(score: float, limits: dict[str, float]) -> None:
    """It counts as a response only."""
    world = survey(score, {"kind": "csat"}, **limits)
    assert world.fraction("csat_ratio") == (0, 0)
    assert world.value("csat_mean") is None
    assert world.fraction("survey_response_rate") == (1, 1)


def test_the_answers_scale_wins_over_the_sendings() -> None:
    """Each limit by itself."""
    world = survey(6, {"kind": "csat", "scale_min": 0, "scale_max": 4}, scale_max=6)
    assert world.fraction("csat_mean") == (5_000_000, 1)


@pytest.mark.parametrize(
    ("score", "limits", "parts"),
    [
        (10, {}, (1, 1)),
        (9, {}, (1, 1)),
        (8.5, {}, (0, 1)),
        (7, {}, (0, 1)),
        (6, {}, (-1, 1)),
        (0, {}, (-1, 1)),
        (11, {}, (0, 0)),
        (9, {"scale_min": 1}, (0, 0)),
        (9, {"scale_max": 9}, (0, 0)),
        (9, {"scale_min": 0, "scale_max": 10}, (1, 1)),
    ],
)
def test_nps_counts_promoters_less_detractors_on_0_to_10_only(
    score: float, limits: dict[str, float], parts: tuple[int, int]
) -> None:
    """Any other scale is no net promoter score."""
    assert survey(score, kind="nps", **limits).fraction("nps") == parts


def test_the_kind_is_the_sendings_else_the_answers_else_it_is_not_counted() -> None:
    """Also a ces answer counts in neither."""
    assert survey(5, {"kind": "csat"}, kind="nps").fraction("csat_ratio") == (1, 1)
    assert survey(5, kind="csat").fraction("csat_ratio") == (1, 1)
    assert survey(5).fraction("csat_ratio") == (0, 0)
    assert survey(5, kind="ces").fraction("csat_ratio") == (0, 0)


def test_an_update_replaces_the_answer_at_its_own_time() -> None:
    """The last in order of time, not of arrival; what the earlier one said is gone."""
    world = World()
    world.add("survey.answered", 30, survey_id="s", kind="csat", score=1, team="b")
    world.add("survey.answered", 20, survey_id="s", kind="csat", score=5, team="a")
    assert world.fraction("csat_ratio", 0, 30) == (0, 0)
    assert world.fraction("csat_ratio", 30, 31) == (0, 1)
    assert world.fractions("csat_ratio", "team") == {"b": (0, 1)}
    assert world.fraction("csat_ratio", at=30) == (1, 1)


def test_team_and_agent_are_the_sendings_where_given() -> None:
    """Else the answer's, else unknown."""
    world = survey(5, {"kind": "csat", "team": "a"}, team="b", agent_id="ann")
    assert world.fractions("csat_mean", "team") == {"a": (5_000_000, 1)}
    assert world.fractions("csat_ratio", "agent") == {"ann": (1, 1)}
    assert survey(5, kind="csat").groups("csat_ratio", "team") == {"unknown": 1}


def test_responded_is_the_first_answer_at_most_thirty_days_after_the_sending() -> None:
    """Counted with the sending; an answer before it is none; what is later than the snapshot is not known."""
    world = World()
    late = {"now": 0, "in": 30 * DAY, "out": 30 * DAY + 0.001, "before": -1}
    for name, lag in late.items():
        world.add("survey.sent", 100, survey_id=name, kind="nps", team=name)
        world.add("survey.answered", 100 + lag, survey_id=name, score=5)
    world.add("survey.answered", 5, survey_id="never sent", kind="nps", score=5)
    world.add("survey.sent", 101, survey_id="now", kind="csat", team="again")
    assert world.fractions("survey_response_rate", "team") == {
        "now": (1, 1),
        "in": (1, 1),
        "out": (0, 1),
        "before": (0, 1),
    }
    assert world.fractions("survey_response_rate", "kind") == {"nps": (2, 4)}
    assert world.fraction("survey_response_rate", 100, 101, at=100 + 30 * DAY) == (1, 4)
    assert world.value("survey_response_rate", 101, 200) is None


def test_an_update_is_the_same_response() -> None:
    """However late; the score is the last one."""
    world = survey(5, {"kind": "csat"})
    world.add("survey.answered", 10 + 31 * DAY, survey_id="s", score=1)
    assert world.fraction("survey_response_rate") == (1, 1)
    assert world.fraction("csat_ratio") == (0, 1)


def test_an_answer_before_the_sending_hides_no_later_one() -> None:
    """The first at or after it counts."""
    world = survey(5, {"kind": "csat"})
    world.add("survey.answered", 5, survey_id="s", score=1)
    assert world.fraction("survey_response_rate") == (1, 1)


@pytest.mark.parametrize(
    ("scale", "score", "dissatisfied"),
    [
        ((1, 5), 1, 1),
        ((1, 5), 2, 1),
        ((1, 5), 2.5, 0),
        ((0, 100), 29, 1),
        ((0, 100), 30, 0),
        ((1, 5), 3, 0),
        ((0, 1), 0, 1),
        ((0, 1), 1, 0),
        ((1, 3), 2, 0),
        ((1, 7), 2, 1),
        ((1, 7), 3, 0),
        ((0, 10), 2, 1),
        ((0, 10), 3, 0),
        ((-2, 2), -1, 1),
    ],
)
def test_dissatisfied_mirrors_satisfied(scale: tuple[float, float], score: float, dissatisfied: int) -> None:
    """As many points at the bottom of the scale; an answer outside it is none."""
    world = survey(score, kind="csat", scale_min=scale[0], scale_max=scale[1])
    assert world.fraction("dissatisfaction_ratio") == (dissatisfied, 1)
    assert survey(scale[1] + 1, kind="csat", scale_max=scale[1]).fraction("dissatisfaction_ratio") == (0, 0)


def nps_world(*answers: tuple[float, float], **data: str) -> World:
    """Answers of one party at a time with a score, each of its own survey."""
    world = World()
    for number, (at, score) in enumerate(answers):
        world.add("survey.answered", at, survey_id=f"s{number}", kind="nps", score=score, **data)
    return world


def test_a_respondent_is_its_last_answer_in_order() -> None:
    """In the window, of arrival whatever; an update moves a survey's answer; one outside the scale is no answer."""
    world = nps_world((30, 10), (20, 1), (10, 1))
    assert world.fraction("nps_respondent") == (1, 1)
    assert world.fraction("nps_respondent", 30, 31) == (1, 1)
    assert world.fraction("nps_respondent", 10, 30) == (-1, 1)
    assert world.fraction("nps_respondent", 10, 11) == (-1, 1)
    world.add("survey.answered", 40, survey_id="s2", kind="nps", score=6)
    assert world.fraction("nps_respondent", 40, 41) == (-1, 1)
    assert world.fraction("nps_respondent", 10, 11) == (0, 0)
    world.add("survey.answered", 50, survey_id="s0", kind="nps", score=11)
    world.add("survey.answered", 60, survey_id="other", kind="csat", score=1)
    assert world.fraction("nps_respondent", 40, 41) == (-1, 1)


def test_of_two_last_answers_at_one_time_the_later_id_counts() -> None:
    """The order of events: time, rank, source, id."""
    world = World()
    world.add("survey.answered", 10, survey_id="a", event="z", kind="nps", score=10)
    world.add("survey.answered", 10, survey_id="b", event="y", kind="nps", score=0)
    assert world.fraction("nps_respondent") == (1, 1)


@pytest.mark.parametrize(
    ("answers", "parts"),
    [
        ([(10, 9)], (1, 1)),
        ([(10, 8)], (0, 1)),
        ([(10, 10), (11, 8)], (1, 1)),
        ([(10, 10), (11, 7)], (0, 1)),
        ([(10, 6), (11, 6.5)], (0, 1)),
        ([(10, 6), (11, 6)], (-1, 1)),
        ([(10, 0), (10 + 90 * DAY, 9)], (1, 1)),
        ([(10.001, 0), (10 + 90 * DAY, 9)], (-1, 1)),
        ([(10, 0), (11 + 30 * DAY, 9), (12 + 90 * DAY, 10)], (1, 1)),
    ],
)
def test_an_account_is_the_mean_of_ninety_days_up_to_its_last_answer(
    answers: list[tuple[float, float]], parts: tuple[int, int]
) -> None:
    """Without an account_id the party is one; exactly 90 days ago is out."""
    last = max(at for at, _ in answers)
    assert nps_world(*answers).fraction("nps_account", last, last + 1) == parts
    assert nps_world(*answers, account_id="x").fraction("nps_account", last, last + 1) == parts


def test_accounts_are_named_by_the_sending_where_given_and_within_their_party() -> None:
    """One account_id in two parties is two accounts, here of mean 6 and 10; a party itself is another one."""
    world = World()
    world.add("survey.sent", 5, survey_id="s", kind="nps", account_id="x")
    world.add("survey.answered", 10, survey_id="s", score=10, account_id="y")
    world.add("survey.answered", 10, survey_id="t", kind="nps", score=2, account_id="x")
    world.add("survey.answered", 10, survey_id="u", kind="nps", score=10)
    world.add("survey.answered", 10, survey_id="v", kind="nps", score=10, account_id="x", party="bob")
    assert world.fraction("nps_account") == (1, 3)


@pytest.mark.parametrize("named", ["sent", "answered", "both"])
def test_an_answer_about_a_ticket_is_transactional(named: str) -> None:
    """If the sending or the answer that counts names it; it is in no relational score."""
    ticket = {"ticket_id": "t"}
    sent, answered = (ticket if named in (event, "both") else {} for event in ("sent", "answered"))
    world = survey(10, {"kind": "nps", "team": "a", **sent}, agent_id="ann", account_id="x", **answered)
    assert world.fractions("nps_transactional", "team") == {"a": (1, 1)}
    assert world.fractions("nps_transactional", "agent") == {"ann": (1, 1)}
    for kpi in ("nps", "nps_respondent", "nps_account"):
        assert world.fraction(kpi) == (0, 0)


def test_an_update_may_be_about_no_ticket() -> None:
    """The answer that counts says it."""
    world = survey(10, kind="nps", ticket_id="t")
    world.add("survey.answered", 30, survey_id="s", kind="nps", score=10)
    assert world.fraction("nps_transactional") == (0, 0)
    assert [world.fraction(kpi) for kpi in ("nps", "nps_respondent", "nps_account")] == [(1, 1)] * 3
