"""Tickets, surveys and complaints: how customers are helped, and what they say about it."""

from typing import Any

from stream_kpis.proof.simulate import palette
from stream_kpis.proof.simulate.dice import DAY, HOUR, MINUTE, SECOND, Dice, weighted
from stream_kpis.proof.simulate.world import Life, Party, Step, voided

_ASKING = weighted({"customer": 88, "agent": 7, "bot": 5})
_SCALES = ((1, 3), (1, 7), (0, 10), (1, 10))
_DEFAULT_SCALE = {"csat": (1, 5), "nps": (0, 10), "ces": (1, 7)}
_CSAT = weighted({1: 5, 2: 6, 3: 12, 4: 32, 5: 45})
_NPS = weighted({0: 2, 1: 1, 2: 1, 3: 2, 4: 3, 5: 6, 6: 7, 7: 14, 8: 20, 9: 23, 10: 21})


def ticket(who: Party, at: int, category: str | None = None) -> Life:
    """A customer asks for help, by chat mostly; see :class:`_Ticket`."""
    return _Ticket(who, at, category).life()


class _Ticket:
    """One ticket: ``at`` is the time of its latest event, ``asked`` when the customer began to wait for a person."""

    def __init__(self, who: Party, at: int, category: str | None) -> None:
        self.who, self.world, self.dice, self.at, self.asked = who, who.world, who.world.dice, at, at
        self.id = who.world.new_id("ticket")
        self.agent, self.team = self.dice.pick(palette.AGENTS)
        self.category = category or (self.dice.pick(palette.CATEGORIES) if self.dice.chance(0.8) else None)

    def life(self) -> Life:
        yield from self._opened()
        fate = self.dice.random()
        if fate < 0.025:
            kind = "ticket.merged" if fate < 0.015 else "ticket.deleted"
            name = yield self._dropped(kind)
            if not self.dice.chance(0.03):
                return
            yield self._restored(kind, name)
        elif fate < 0.04:
            yield from self._solved_unheard()
        yield from self._answered()
        yield from self._discussed()
        yield from self._solved()
        if self.dice.chance(0.05):
            yield from self._reopened()
            yield from self._solved()
        self._followed_up()
        if self.dice.chance(0.6):
            yield self._status(self.dice.between(DAY, 4 * DAY), "closed")

    def _data(self, **more: Any) -> dict[str, Any]:
        return {"ticket_id": self.id, **more}

    def _status(self, wait_ms: int, status: str) -> Step:
        self.at += wait_ms
        return self.at, "ticket.status_changed", self._data(status=status)

    def _message(self, at: int, author: str, **more: Any) -> Step:
        self.at = max(self.at, at)
        return self.at, "ticket.message", self._data(author=author, **more)

    def _opened(self) -> Life:
        dice = self.dice
        by = dice.pick(_ASKING)
        data = self._data(channel=dice.pick(palette.CHANNELS), priority=dice.pick(palette.PRIORITIES), team=self.team)
        if self.category:
            data["category"] = self.category
        if by != "customer":
            data["created_by"] = by
        if calendar := palette.CALENDARS[int(self.id.rpartition("-")[2]) % len(palette.CALENDARS)]:
            data["calendar"] = calendar
        yield self.at, "ticket.created", data
        if by == "agent":
            yield self._message(self.at + dice.between(0, 10 * SECOND), "agent", agent_id=self.agent)
            yield self._message(self.at + dice.around(4 * MINUTE, 0.8), "customer")
            self.asked = self.at
        elif dice.chance(0.5):
            yield self._message(self.at + dice.between(0, 2 * SECOND), "bot")
        if dice.chance(0.8):
            self.at += dice.between(SECOND, 12 * SECOND)
            yield self.at, "ticket.assigned", self._data(agent_id=self.agent, team=self.team)
        if dice.chance(0.08):
            yield self._message(self.at + dice.between(SECOND, 8 * SECOND), "agent", agent_id=self.agent, public=False)

    def _dropped(self, kind: str) -> Step:
        """Merged into another ticket, or deleted as spam."""
        self.at += self.dice.after(25 * SECOND)
        if kind == "ticket.merged":
            return self.at, kind, self._data(into=self.world.new_id("ticket"))
        return self.at, kind, self._data(reason="spam")

    def _restored(self, kind: str, name: str) -> Step:
        """It was neither a duplicate nor spam."""
        self.at += self.dice.after(MINUTE)
        return self.at, voided(kind), self.world.undo(kind, name)

    def _solved_unheard(self) -> Life:
        """Solved by a rule before anybody answered; the customer insists."""
        yield self._status(self.dice.around(50 * SECOND, 0.4), "solved")
        self.at += self.dice.after(HOUR)
        yield self.at, "ticket.reopened", self._data()
        self.asked = self.at

    def _answered(self) -> Life:
        """A person answers; seldom that was meant for somebody else, is taken back and written anew."""
        at = self.asked + self.world.reply_ms(self.asked)
        name = yield self._message(at, "agent", agent_id=self.agent, team=self.team)
        if self.dice.chance(0.004):
            self.at += self.dice.between(4 * SECOND, 20 * SECOND)
            yield self.at, voided("ticket.message"), self.world.undo("ticket.message", name)
            yield self._message(self.at + self.dice.between(SECOND, 15 * SECOND), "agent", agent_id=self.agent)

    def _discussed(self) -> Life:
        """Some rounds of questions and answers; the ticket may turn out to be about something else."""
        dice = self.dice
        for _ in range(dice.pick((0, 1, 1, 2, 2, 3, 4))):
            yield self._message(self.at + dice.around(50 * SECOND, 0.8), "customer")
            yield self._message(self.at + self.world.reply_ms(self.at), "agent", agent_id=self.agent)
        what = dice.random()
        self.at += dice.between(SECOND, 2 * MINUTE)
        if what < 0.06:
            yield self.at, "ticket.recategorised", self._data(category=dice.pick(palette.CATEGORIES) or "question")
        elif what < 0.12:
            yield self.at, "ticket.reprioritised", self._data(priority=dice.pick(palette.PRIORITIES))
        elif what < 0.17:
            self.agent, self.team = dice.pick(palette.AGENTS)
            yield self.at, "ticket.assigned", self._data(agent_id=self.agent, team=self.team)
        elif what < 0.29:
            yield self._status(0, dice.pick(("pending", "on_hold", "open")))

    def _solved(self) -> Life:
        """Solved, in minutes or hours; seldom too early, which is taken back."""
        dice = self.dice
        wait = dice.around(4 * MINUTE, 0.8) if dice.chance(0.55) else dice.around(5 * HOUR, 1.0)
        name = yield self._status(wait, "solved")
        if dice.chance(0.003):
            self.at += dice.after(5 * MINUTE)
            yield self.at, voided("ticket.status_changed"), self.world.undo("ticket.status_changed", name)
            yield self._status(dice.after(HOUR), "solved")

    def _reopened(self) -> Life:
        """The customer comes back and is answered again."""
        yield self._message(self.at + self.dice.around(5 * HOUR, 1.0), "customer")
        if self.dice.chance(0.6):
            yield self.at, "ticket.reopened", self._data()
        else:
            yield self._status(0, "open")
        yield self._message(self.at + self.world.reply_ms(self.at), "agent", agent_id=self.agent)

    def _followed_up(self) -> None:
        """Surveys, complaints and the next ticket about it begin lives of their own."""
        after = self.at + self.dice.between(5 * SECOND, MINUTE)
        chance = self.dice.random()
        if chance < 0.6:
            about = {"ticket_id": self.id, "agent_id": self.agent, "team": self.team}
            self.who.begin(survey(self.who, after, "csat", about))
        elif chance < 0.63:
            self.who.begin(survey(self.who, after, "nps", {"ticket_id": self.id, "agent_id": self.agent}))
        elif chance > 0.985:
            self.who.begin(complaint(self.who, after, self.id))
        if self.category and self.dice.chance(0.05):
            self.who.begin(ticket(self.who, after + self.dice.after(3 * DAY), self.category))


def asked(who: Party, at: int) -> Life:
    """A survey that no ticket caused: would they recommend us, was it easy."""
    kind = "nps" if who.world.dice.chance(0.7) else "ces"
    about = {"account_id": f"{who.id}-{who.world.dice.between(1, 3)}"} if who.world.dice.chance(0.8) else {}
    return survey(who, at, kind, about)


def survey(who: Party, at: int, kind: str, about: dict[str, Any]) -> Life:
    """Sent and answered, answered anew within hours or after a month, answered without having been sent, or expired."""
    dice = who.world.dice
    survey_id, scale = who.world.new_id("survey"), _DEFAULT_SCALE[kind]
    if dice.chance(0.08 if kind == "csat" else 0.01):
        scale = dice.pick(_SCALES)
        about = {**about, "scale_min": scale[0], "scale_max": scale[1]}
    known = {"survey_id": survey_id, "kind": kind, **about}
    if dice.chance(0.97):
        yield at, "survey.sent", known
        if not dice.chance(0.45):
            if dice.chance(0.5):
                yield at + 30 * DAY, "survey.expired", {"survey_id": survey_id}
            return
        if dice.chance(0.7):
            known = {"survey_id": survey_id}
    if kind == "nps" and dice.chance(0.02):  # only the answer says that it is about one
        known = {**known, "ticket_id": f"of-{survey_id}"}
    at += dice.around(100 * SECOND, 0.7) if dice.chance(0.5) else dice.around(10 * HOUR, 1.3)
    yield at, "survey.answered", {**known, "score": _score(dice, kind, scale)}
    if dice.chance(0.06):
        at += dice.between(31 * DAY, 60 * DAY) if dice.chance(0.15) else dice.around(HOUR, 1.0)
        yield at, "survey.answered", {**known, "score": _score(dice, kind, scale)}


def _score(dice: Dice, kind: str, scale: tuple[int, int]) -> float:
    """A score as customers give them, stretched to the scale; seldom between two marks, more seldom off the scale."""
    if dice.chance(0.002):
        return scale[1] + 1
    if scale == (0, 10) and kind == "nps":
        return dice.pick(_NPS)
    score = scale[0] + (dice.pick(_CSAT) - 1) * (scale[1] - scale[0]) / 4
    return score if dice.chance(0.01) else round(score)


def complaint(who: Party, at: int, ticket_id: str | None = None) -> Life:
    """A complaint, decided some days later."""
    dice = who.world.dice
    complaint_id = who.world.new_id("complaint")
    data = {
        "complaint_id": complaint_id,
        "category": dice.pick(palette.CATEGORIES),
        "severity": dice.pick(("low", "high")),
        "ticket_id": ticket_id,
    }
    yield at, "complaint.received", data
    yield at + dice.around(3 * DAY, 0.8), "complaint.closed", {"complaint_id": complaint_id, "upheld": dice.chance(0.4)}
