"""A survey: asked, answered, and how the answer reads on its scale."""

from typing import NamedTuple

import msgspec

from stream_kpis.events import types as t
from stream_kpis.events.envelope import Event
from stream_kpis.journeys.facts import Fact
from stream_kpis.journeys.journey import Journey

SCALES: dict[str, tuple[float, float]] = {"csat": (1, 5), "nps": (0, 10), "ces": (1, 7)}
"""Where neither the sending nor the answer names a scale."""


class Survey(msgspec.Struct, array_like=True):
    """The state of one survey: the first sending, the first answer since, and the last answer."""

    sent_ms: int | None = None
    sent: t.SurveySent | None = None
    answered_ms: int | None = None
    answer: t.SurveyAnswered | None = None
    responded_ms: int | None = None


def step(survey: Survey, event: Event) -> None:
    """One survey moves by one event."""
    data = event.data
    match data:
        case t.SurveySent():
            if survey.sent is None:
                survey.sent_ms, survey.sent = event.time_ms, data
        case t.SurveyAnswered():
            survey.answered_ms, survey.answer = event.time_ms, data
            if survey.sent is not None and survey.responded_ms is None:
                survey.responded_ms = event.time_ms
        case _:
            pass


class Score(NamedTuple):
    """An answer in its scale, in micro-points."""

    kind: str
    score: int
    low: int
    high: int

    @property
    def nps(self) -> str | None:
        """What an nps answer on 0 to 10 makes of the one who gave it; None of any other answer."""
        if self.kind != "nps" or (self.low, self.high) != (0, 10 * t.MICRO):
            return None
        return "promoter" if self.score >= 9 * t.MICRO else "detractor" if self.score <= 6 * t.MICRO else "passive"


def facts(survey: Survey) -> list[Fact]:
    """The sending, the response, and the reading of the answer."""
    sent, answer = survey.sent, survey.answer
    kind = sent.kind if sent is not None else answer.kind if answer is not None else None
    team, agent = _attribution(sent, answer)
    found = []
    if survey.sent_ms is not None:
        found.append(Fact("survey_sent", survey.sent_ms, 0, (kind, team, agent)))
        if survey.responded_ms is not None:
            lag_ms = survey.responded_ms - survey.sent_ms
            found.append(Fact("survey_responded", survey.responded_ms, lag_ms, (kind, team, agent)))
    score = score_of(survey)
    if score is None:
        return found
    if score.kind == "csat":
        return found + _satisfaction(score, survey.answered_ms or 0, (team, agent))
    about = "transactional" if about_ticket(survey) else "relational"
    return found + _recommendation(score, survey.answered_ms or 0, (about, team, agent))


def about_ticket(survey: Survey) -> bool:
    """Whether it asks about what was done for a customer, and not about us."""
    return any(said is not None and said.ticket_id is not None for said in (survey.sent, survey.answer))


def score_of(survey: Survey) -> Score | None:
    """How the answer reads; None without an answer, without a kind, or off its scale."""
    sent, answer = survey.sent, survey.answer
    if answer is None:
        return None
    kind = sent.kind if sent is not None else answer.kind
    if kind is None:
        return None
    score, (low, high) = _micro(answer.score), _scale(kind, sent, answer)
    return Score(kind, score, low, high) if low < high and low <= score <= high else None


def _attribution(sent: t.SurveySent | None, answer: t.SurveyAnswered | None) -> tuple[str | None, str | None]:
    """Team and agent: the sending's where given, for they served; else the answer's."""
    said = [one for one in (sent, answer) if one is not None]
    team = next((one.team for one in said if one.team is not None), None)
    return team, next((one.agent_id for one in said if one.agent_id is not None), None)


def _scale(kind: str, sent: t.SurveySent | None, answer: t.SurveyAnswered) -> tuple[int, int]:
    """The lowest and highest score, in micro-points."""
    low, high = SCALES[kind]
    for said in (sent, answer):
        if said is not None:
            low = said.scale_min if said.scale_min is not None else low
            high = said.scale_max if said.scale_max is not None else high
    return _micro(low), _micro(high)


def _micro(score: float) -> int:
    return round(score * t.MICRO)


def _satisfaction(read: Score, at_ms: int, dims: tuple[str | None, str | None]) -> list[Fact]:
    """What a csat score says: how high it is, and whether it is in the top or the bottom box."""
    _, score, low, high = read
    box = (_boxed(high - low + t.MICRO) - 1) * t.MICRO
    rescaled = t.MICRO + 4 * t.MICRO * (score - low) // (high - low)
    found = [Fact("csat_answered", at_ms, rescaled, dims)]
    if score >= high - box:
        found.append(Fact("csat_satisfied", at_ms, 0, dims))
    if score <= low + box:
        found.append(Fact("csat_dissatisfied", at_ms, 0, dims))
    return found


def _boxed(points: int) -> int:
    """How many points of a scale are its top box, and its bottom one, by the micro-points of the scale.

    >>> [_boxed(points * 1_000_000) for points in (3, 5, 7, 10, 11, 12, 101)]
    [1, 2, 2, 3, 3, 3, 30]
    """
    for most, box in ((3, 1), (7, 2), (11, 3)):
        if points <= most * t.MICRO:
            return box
    return 3 * points // (10 * t.MICRO)


def _recommendation(read: Score, at_ms: int, dims: tuple[str, str | None, str | None]) -> list[Fact]:
    """What an nps score says."""
    who = read.nps
    if who is None:
        return []
    found = [Fact("nps_answered", at_ms, 0, dims)]
    if who != "passive":
        found.append(Fact(f"nps_{who}", at_ms, 0, dims))
    return found


JOURNEY = Journey(
    name="surveys",
    state=Survey,
    takes=dict.fromkeys((t.SurveySent, t.SurveyAnswered), "survey_id"),
    step=step,
    facts=facts,
    version=2,
)
