"""The life of an alert, from the event to the end of the call, as lines for people; from what was seen, and when."""

import textwrap
import time
from typing import NamedTuple

WIDTH = 80
STAGES = ("event", "visible", "firing", "webhook", "resolved")
"""Of a life that is seen whole, in order."""
_INDENT = 30
_WORDS = {
    "visible": "the values in /metrics count it",
    "pending": "Prometheus: the condition holds, which it must for {hold}",
    "inactive": "Prometheus: the condition holds no longer",
    "firing": "Prometheus calls",
    "resolved": "Alertmanager delivered that it is over",
}


def wrapped(text: str, indent: int) -> str:
    """A text that fits a terminal; its further lines begin so many columns in."""
    return textwrap.fill(text, WIDTH, subsequent_indent=" " * indent, break_long_words=False)


class Seen(NamedTuple):
    """What can be seen of an alert at one time."""

    visible: bool
    """Whether the exporter's values count the event."""
    state: str
    """In Prometheus: ``inactive``, ``pending`` or ``firing``."""
    told: tuple[str, ...] = ()
    """The notifications that arrived about it, in order: ``firing`` or ``resolved``."""
    summary: str = ""
    """What they say."""


class Life:
    """What was seen of one alert so far.

    Args:
        event_ms: when that happened which it is about, in ms.
        what: what happened.
        hold: how long the condition must hold, as Prometheus writes durations.
    """

    def __init__(self, event_ms: int, what: str, hold: str) -> None:
        self.at_ms = {"event": event_ms}
        """When each stage was seen first."""
        self.first_line = self.line(event_ms, "event", what)
        self._hold = hold
        self._pending = False

    def observe(self, at_ms: int, seen: Seen) -> list[str]:
        """Lines about what is new, in order.

        >>> life = Life(0, "a customer leaves", "2m")
        >>> [line[9:] for line in life.observe(700, Seen(visible=True, state="inactive"))]
        ['     0.7 s  visible   the values in /metrics count it']
        >>> life.observe(900, Seen(visible=True, state="inactive"))
        []
        """
        new = []
        if seen.visible:
            new.append("visible")
        if seen.state == "firing" or "firing" in seen.told:
            new.append("firing")
        if "firing" in seen.told:
            new.append("webhook")
            if seen.told[-1] == "resolved":
                new.append("resolved")
        lines = self._waiting(at_ms, seen.state)
        for stage in new:
            if stage not in self.at_ms:
                self.at_ms[stage] = at_ms
                words = f"Alertmanager delivered: {seen.summary}" if stage == "webhook" else _WORDS[stage]
                lines.append(self.line(at_ms, stage, words))
        return lines

    def _waiting(self, at_ms: int, state: str) -> list[str]:
        """A line when the condition begins to hold, or ends to before it called."""
        was, self._pending = self._pending, state == "pending"
        if "firing" in self.at_ms or state == "firing" or was == self._pending:
            return []
        stage = "pending" if self._pending else "inactive"
        return [self.line(at_ms, stage, _WORDS[stage].format(hold=self._hold))]

    def line(self, at_ms: int, stage: str, words: str) -> str:
        """A line, wrapped: the time, how long that is after the event, the stage, and words."""
        clock = time.strftime("%H:%M:%S", time.localtime(at_ms / 1000))
        since = (at_ms - self.at_ms["event"]) / 1000
        return wrapped(f"{clock} {since:8,.1f} s  {stage:9} {words}", _INDENT)

    def reached(self, stage: str) -> bool:
        """Whether it was seen as far as that."""
        return all(before in self.at_ms for before in STAGES[: STAGES.index(stage) + 1])
