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
    """The state of one survey: the first sending and the last answer."""

    sent_ms: int | None = None
    sent: t.SurveySent | None = None
    answered_ms: int | None = None
    answer: t.SurveyAnswered | None = None


def step(survey: Survey, event: Event) -> None:
    """One survey moves by one event."""
    data = event.data
    match data:
        case t.SurveySent():
            if survey.sent is None:
                survey.sent_ms, survey.sent = event.time_ms, data
        case t.SurveyAnswered():
            survey.answered_ms, survey.answer = event.time_ms, data
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
        if survey.answered_ms is not None and survey.answered_ms >= survey.sent_ms:
            lag_ms = survey.answered_ms - survey.sent_ms
            found.append(Fact("survey_responded", survey.answered_ms, lag_ms, (kind, team, agent)))
    score = score_of(survey)
    if score is not None:
        found += _reading(score, survey.answered_ms or 0, (team, agent))
    return found


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


def _reading(read: Score, at_ms: int, dims: tuple[str | None, str | None]) -> list[Fact]:
    """What a score says."""
    kind, score, low, high = read
    if kind == "csat":
        points = high - low + t.MICRO
        top = 1 if points <= 3 * t.MICRO else 2 if points <= 7 * t.MICRO else 3
        rescaled = t.MICRO + 4 * t.MICRO * (score - low) // (high - low)
        found = [Fact("csat_answered", at_ms, rescaled, dims)]
        if score > high - top * t.MICRO:
            found.append(Fact("csat_satisfied", at_ms, 0, dims))
        if score < low + top * t.MICRO:
            found.append(Fact("csat_dissatisfied", at_ms, 0, dims))
        return found
    who = read.nps
    if who is None:
        return []
    found = [Fact("nps_answered", at_ms, 0, ())]
    if who != "passive":
        found.append(Fact(f"nps_{who}", at_ms, 0, ()))
    return found


JOURNEY = Journey(
    name="surveys",
    state=Survey,
    takes=dict.fromkeys((t.SurveySent, t.SurveyAnswered), "survey_id"),
    step=step,
    facts=facts,
)
