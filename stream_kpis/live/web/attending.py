"""The attention list over HTTP: `/api/attention` begins to look in the background, and says what was found.

The exporter follows cells, and no cell names anybody. Who waits stands in the parties changelog, which can be large: it
is read on demand, by one look at a time that all pages share, and not again while the last one is fresh.
"""

import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from stream_kpis.live.web.answers import json_answer
from stream_kpis.live.web.background import SECONDS_MAX, Background, Job, Work, refuse_others

FRESH_S = 10.0
"""For how long an answer is given again instead of being looked for anew, at least; else for as long as it took."""
COMMAND = "stream-kpis attention"


class Attending(Background):
    """Looks for what waits.

    Args:
        look: gives the list as :meth:`stream_kpis.live.terminal.attention.Overview.as_json`, or is why there is none.
        seconds_max: how long it may take.
        clock: in seconds.
    """

    def __init__(
        self, look: Work | str, seconds_max: float = SECONDS_MAX, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(seconds_max, clock)
        self._look = look
        self._found: Job | None = None
        """The last one before the newest that found a list."""

    def routes(self) -> list[web.RouteDef]:
        """What the server serves of it."""
        return [web.post("/api/attention", self.look), web.get("/api/attention", self.told)]

    async def look(self, request: web.Request) -> web.Response:
        """Begins to look, unless somebody just did: 202 while it runs, else 200 with how the last look ended."""
        refuse_others(request)
        look = self._checked()
        if not self.runs and not self._fresh():
            self._found = self._newest_found()
            self.begin(look, COMMAND)
        response = json_answer(self._said())
        response.set_status(202 if self.runs else 200)
        return response

    async def told(self, _: web.Request) -> web.Response:
        """How far the last look is and how old, with the last list and how old that is; state ``none`` before any.

        While a look runs, or after one that failed, the list is that of the one before.
        """
        self._checked()
        return json_answer(self._said())

    def _checked(self) -> Work:
        if isinstance(self._look, str):
            raise web.HTTPNotFound(text=f"This exporter lists nobody, as {self._look}; or run {COMMAND}.\n")
        return self._look

    def _fresh(self) -> bool:
        """Whether the last look just ended; a failed one too, which many pages would else repeat all the while."""
        last = self._newest
        if last is None or last.ended_s is None:
            return False
        return self._clock() - last.ended_s < max(FRESH_S, last.ended_s - last.began_s)

    def _said(self) -> dict[str, Any]:
        if self._newest is None:
            return {"state": "none"}
        found = self._newest_found()
        return {
            **self.said(self._newest),
            "age_s": self._age_s(self._newest),
            "found": found and found.found,
            "found_age_s": found and self._age_s(found),
        }

    def _newest_found(self) -> Job | None:
        return self._newest if self._newest is not None and self._newest.found is not None else self._found

    def _age_s(self, job: Job) -> float | None:
        """How long ago it ended."""
        return None if job.ended_s is None else round(self._clock() - job.ended_s, 1)
