"""A survey: asked, answered, and how the answer reads on its scale."""

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
    if answer is not None and survey.answered_ms is not None and kind is not None:
        score, (low, high) = _micro(answer.score), _scale(kind, sent, answer)
        if low < high and low <= score <= high:
            found += _reading(kind, score, low, high, survey.answered_ms, (team, agent))
    return found


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


def _reading(kind: str, score: int, low: int, high: int, at_ms: int, dims: tuple[str | None, str | None]) -> list[Fact]:
    """What a score says, all in micro-points."""
    if kind == "csat":
        points = high - low + t.MICRO
        top = 1 if points <= 3 * t.MICRO else 2 if points <= 7 * t.MICRO else 3
        rescaled = t.MICRO + 4 * t.MICRO * (score - low) // (high - low)
        found = [Fact("csat_answered", at_ms, rescaled, dims)]
        if score > high - top * t.MICRO:
            found.append(Fact("csat_satisfied", at_ms, 0, dims))
        return found
    if kind == "nps" and (low, high) == (0, 10 * t.MICRO):
        found = [Fact("nps_answered", at_ms, 0, ())]
        if score >= 9 * t.MICRO:
            found.append(Fact("nps_promoter", at_ms, 0, ()))
        elif score <= 6 * t.MICRO:
            found.append(Fact("nps_detractor", at_ms, 0, ()))
        return found
    return []


JOURNEY = Journey(
    name="surveys",
    state=Survey,
    takes=dict.fromkeys((t.SurveySent, t.SurveyAnswered), "survey_id"),
    step=step,
    facts=facts,
)
