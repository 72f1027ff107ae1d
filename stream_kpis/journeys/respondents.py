"""Whether those who answered would recommend us: parties by their last answer, accounts by those of 90 days.

Answers about a ticket say nothing of that.
"""

from itertools import pairwise

import msgspec

from stream_kpis.events import types as t
from stream_kpis.events.envelope import Event
from stream_kpis.journeys.facts import Fact
from stream_kpis.journeys.journey import Journey
from stream_kpis.journeys.surveys import JOURNEY as SURVEYS
from stream_kpis.journeys.surveys import Survey, about_ticket, score_of

ACCOUNT_MS = 90 * 86_400_000
"""How long before an account's last answer its answers count."""


class Asked(msgspec.Struct, array_like=True):
    """A survey of the party; ``seq`` is the place of its last answer in the fold."""

    survey: Survey = msgspec.field(default_factory=Survey)
    seq: int = 0


class Respondents(msgspec.Struct, array_like=True):
    """The party's surveys by id; ``seq`` counts the folded events."""

    seq: int = 0
    surveys: dict[str, Asked] = {}


def step(state: Respondents, event: Event) -> None:
    """One survey of the party moves by one event."""
    state.seq += 1
    survey_id: str = event.data.survey_id  # type: ignore[attr-defined] # every survey event names its survey
    asked = state.surveys.get(survey_id)
    if asked is None:
        asked = state.surveys[survey_id] = Asked()
    SURVEYS.step(asked.survey, event)
    if isinstance(event.data, t.SurveyAnswered):
        asked.seq = state.seq


def facts(state: Respondents) -> list[Fact]:
    """The party's and its accounts' last answers, and what they say; and how the party came from answer to answer."""
    answers: list[tuple[int, int, int, str]] = []
    accounts: dict[str | None, list[tuple[int, int]]] = {}
    for asked in state.surveys.values():
        score = score_of(asked.survey)
        who = None if score is None else score.nps
        if score is not None and who is not None and not about_ticket(asked.survey):
            at_ms = asked.survey.answered_ms or 0
            answers.append((asked.seq, at_ms, score.score, who))
            accounts.setdefault(_account(asked.survey), []).append((at_ms, score.score))
    if not answers:
        return []
    answers.sort()
    found = [
        Fact("nps_gap", at_ms, at_ms - earlier_ms, (earlier,))
        for (_, earlier_ms, _, earlier), (_, at_ms, _, _) in pairwise(answers)
    ]
    _, last_ms, _, who = answers[-1]
    found.append(Fact("nps_last", last_ms, 0, ()))
    if who != "passive":
        found.append(Fact(f"nps_last_{who}", last_ms, 0, ()))
    for scores in accounts.values():
        found += _of_account(scores)
    return found


def _account(survey: Survey) -> str | None:
    """Whose answer it is; None for the party itself."""
    for said in (survey.sent, survey.answer):
        if said is not None and said.account_id is not None:
            return said.account_id
    return None


def _of_account(scores: list[tuple[int, int]]) -> list[Fact]:
    """What the mean of a quarter's scores makes of an account, from (time in ms, score in micro-points)."""
    last_ms = max(scores)[0]
    counted = [score for at_ms, score in scores if at_ms > last_ms - ACCOUNT_MS]
    found = [Fact("nps_account", last_ms, 0, ())]
    if sum(counted) >= 9 * t.MICRO * len(counted):
        found.append(Fact("nps_account_promoter", last_ms, 0, ()))
    elif sum(counted) <= 6 * t.MICRO * len(counted):
        found.append(Fact("nps_account_detractor", last_ms, 0, ()))
    return found


JOURNEY = Journey(
    name="respondents", state=Respondents, takes=dict.fromkeys(SURVEYS.takes), step=step, facts=facts, version=3
)
